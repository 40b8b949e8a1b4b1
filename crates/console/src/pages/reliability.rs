//! The plot of reliability: how often what was said to be so likely happened. SVG made here, with a table beside it for those who cannot see it.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

use crate::outlook::Reliability;

const SIDE: f64 = 320.0;
const LEFT: f64 = 54.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 40.0;
/// Most heights that are drawn.
const MAXIMUM_HEIGHTS: usize = 32;

fn x(percent: u8) -> f64 {
    LEFT + SIDE * f64::from(percent.min(100)) / 100.0
}

fn y(percent: u8) -> f64 {
    TOP + SIDE * (1.0 - f64::from(percent.min(100)) / 100.0)
}

/// The larger the more forecasts, by area, within bounds.
fn radius(forecasts: u32) -> f64 {
    (2.0 + f64::from(forecasts).sqrt() / 4.0).min(12.0)
}

/// The plot and the table of one kind of forecasts.
pub(crate) fn plot(shown: &Reliability) -> Markup {
    let heights = || shown.heights.iter().take(MAXIMUM_HEIGHTS);
    html! {
        div class="reliability" {
            h3 { (shown.title) }
            p { (shown.words) }
            @if heights().next().is_some() {
                svg class="chart" viewBox={ "0 0 " (LEFT + SIDE + 20.0) " " (TOP + SIDE + BOTTOM) } role="img" aria-label={ "How often it happened, against how likely it was said to be: " (shown.title) } {
                    (PreEscaped(drawn(shown)))
                }
                table {
                    thead { tr { th class="number" { "Said, in a hundred" } th class="number" { "Happened, in a hundred" } th class="number" { "Forecasts" } } }
                    tbody { @for height in heights() { tr { td class="number" { (height.said_percent) } td class="number" { (height.happened_percent) } td class="number" { (height.forecasts) } } } }
                }
            }
        }
    }
}

/// Nothing but numbers and words of this file.
fn drawn(shown: &Reliability) -> String {
    let mut inside = String::new();
    for percent in [0, 25, 50, 75, 100] {
        let (along, up) = (x(percent), y(percent));
        let _ = write!(
            inside,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{up:.1}\" y2=\"{up:.1}\"/><text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{percent}</text><text class=\"tick\" x=\"{along:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{percent}</text>",
            LEFT + SIDE,
            LEFT - 8.0,
            up + 4.0,
            TOP + SIDE + 16.0
        );
    }
    let _ = write!(
        inside,
        "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">said, in a hundred</text>",
        LEFT + SIDE / 2.0,
        TOP + SIDE + 34.0
    );
    // Where said and happened are the same.
    let _ = write!(
        inside,
        "<line class=\"ordinary\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
        x(0),
        y(0),
        x(100),
        y(100)
    );
    let mut path = String::new();
    for (index, height) in shown.heights.iter().take(MAXIMUM_HEIGHTS).enumerate() {
        let (along, up) = (x(height.said_percent), y(height.happened_percent));
        let _ = write!(path, "{}{along:.1} {up:.1}", if index == 0 { "M" } else { "L" });
    }
    let _ = write!(inside, "<path class=\"line\" d=\"{path}\"/>");
    for height in shown.heights.iter().take(MAXIMUM_HEIGHTS) {
        let _ = write!(
            inside,
            "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"{:.1}\"/>",
            x(height.said_percent),
            y(height.happened_percent),
            radius(height.forecasts)
        );
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outlook::Height;

    #[test]
    fn a_plot_stays_within_its_picture_and_says_everything_in_a_table_too() {
        let height =
            |said_percent, happened_percent, forecasts| Height { said_percent, happened_percent, forecasts };
        let shown = Reliability {
            who: "own".into(),
            title: "Our house <b>".into(),
            words: "3 forecasts".into(),
            heights: vec![height(0, 0, 1), height(40, 100, 900), height(255, 255, u32::MAX)],
        };
        let page = plot(&shown).into_string();
        assert!(page.contains("Our house &lt;b&gt;") && !page.contains("<b>"));
        assert_eq!(page.matches("<circle").count(), 3);
        assert!(page.contains("<td class=\"number\">900</td>") && page.contains("r=\"12.0\""));
        assert!(!page.contains("NaN") && !page.contains("inf"));
        assert!(x(255) <= LEFT + SIDE && y(255) >= TOP);
        let none = plot(&Reliability { heights: Vec::new(), ..shown }).into_string();
        assert!(!none.contains("<svg"));
    }
}
