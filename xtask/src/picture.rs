//! The picture of the README: some lines of a real run of the demonstration, as an SVG, so that it can be made
//! again and cannot show what the program does not print.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};

const LINE_HEIGHT: usize = 19;
const CHARACTER_WIDTH: f64 = 7.83;
const MARGIN: usize = 18;
const COLUMNS_MAXIMUM: usize = 165;
/// The scenes that are shown: lines from one that begins so to the next empty one.
const SCENES: [&str; 3] = ["13:30:00.0  ATTACK", "17:42:00.0  ATTACK", "19:05:00.0  ATTACK"];

/// The picture of what the demonstration printed.
///
/// # Errors
/// When a line that is to be shown is not there.
pub(crate) fn of_demo(printed: &str) -> Result<String> {
    let mut shown = vec!["$ cargo run --release -- demo --exit".to_owned()];
    shown.push(printed.lines().next().context("the demonstration printed nothing")?.to_owned());
    for scene in SCENES {
        let from = printed.lines().skip_while(|line| !line.starts_with(scene));
        let lines: Vec<_> = from.take_while(|line| !line.is_empty()).map(str::to_owned).collect();
        ensure!(!lines.is_empty(), "the demonstration has no scene {scene}");
        shown.push(String::new());
        // What follows the end of the flood belongs to other scenes.
        let end = lines.iter().position(|line| line.contains("  END  ")).map_or(lines.len(), |at| at + 2);
        shown.extend(lines.into_iter().take(end));
    }
    let total = printed.lines().find(|line| line.contains("attacks were found and named"));
    shown.extend([String::new(), total.context("the demonstration has no total")?.to_owned()]);
    Ok(draw(&shown))
}

fn draw(lines: &[String]) -> String {
    let columns = lines.iter().map(|line| line.chars().count().min(COLUMNS_MAXIMUM)).max().unwrap_or(0);
    let width = (columns as f64 * CHARACTER_WIDTH) as usize + 2 * MARGIN;
    let height = lines.len() * LINE_HEIGHT + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>Lines of a run of hemicycle demo</title>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#10161d\"/>\n\
         <g font-family=\"ui-monospace, Menlo, Consolas, monospace\" font-size=\"13\" xml:space=\"preserve\">\n"
    );
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        let y = MARGIN + (index + 1) * LINE_HEIGHT - 5;
        let text: String = line.chars().take(COLUMNS_MAXIMUM).collect();
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ = writeln!(svg, "<text x=\"{MARGIN}\" y=\"{y}\" fill=\"{}\">{text}</text>", colour(line));
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

fn colour(line: &str) -> &'static str {
    if line.contains("  ATTACK  ") {
        "#ff7b72"
    } else if line.contains("  START  ") || line.contains("  CHANGE  ") {
        "#ffa657"
    } else if line.contains("  END  ") {
        "#7ee787"
    } else if line.starts_with('$') || line.contains("found and named") {
        "#e6edf3"
    } else {
        "#9aa7b4"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_the_scenes_is_refused_and_text_is_escaped() {
        assert!(of_demo("").is_err());
        assert!(of_demo("A recorded day\n").is_err());
        assert!(draw(&["a <b> & c".to_owned()]).contains("a &lt;b&gt; &amp; c"));
    }
}
