//! The curve of detection as a picture: an SVG that reads on light and on dark pages.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::score::Point;

/// The picture and the field of the curve in it, in pixels: left, top, right, bottom.
const SIZE: (f64, f64) = (640.0, 360.0);
const FIELD: (f64, f64, f64, f64) = (60.0, 40.0, 620.0, 300.0);
/// Where the floods that have to be found begin.
const CLEAR_FACTOR: f64 = 2.0;

/// Colours that change with the reader's.
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#333}.axis{stroke:#888}.grid{stroke:#8884}\
    .found{stroke:#06c;fill:none;stroke-width:2.5}.named{stroke:#b50;fill:none;stroke-width:2;stroke-dasharray:6 4}\
    .asked{stroke:#888;stroke-dasharray:2 4}.f{fill:#06c}.n{fill:#b50}\
    @media(prefers-color-scheme:dark){text{fill:#ccc}.found{stroke:#6bf}.named{stroke:#fa6}.f{fill:#6bf}.n{fill:#fa6}}";

/// Writes the picture beside the tables.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(curve: &[Point]) -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/measured/web.svg");
    fs::write(&file, svg(curve)).with_context(|| file.display().to_string())
}

/// Share of floods that are found, and rightly named, over their factor (logarithmic).
fn svg(curve: &[Point]) -> String {
    let (left, top, right, bottom) = FIELD;
    let (width, height) = SIZE;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\">\
         <title>Share of floods found, by their factor</title><style>{STYLE}</style>\n"
    );
    let line = |class: &str, from: (f64, f64), to: (f64, f64)| {
        format!(
            "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>\n",
            from.0, from.1, to.0, to.1
        )
    };
    for step in 0..=4 {
        let share = f64::from(step) / 4.0;
        let y = at(share, bottom, top);
        svg += &line(if step == 0 { "axis" } else { "grid" }, (left, y), (right, y));
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{share:.2}</text>",
            left - 8.0,
            y + 4.0
        );
    }
    let (first, last) =
        (curve.first().map_or(1.0, |point| point.factor), curve.last().map_or(10.0, |point| point.factor));
    let place = |factor: f64| at((factor / first).ln() / (last / first).ln().max(1e-9), left, right);
    for point in curve {
        let x = place(point.factor);
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 20.0,
            point.factor
        );
    }
    svg += &line("asked", (place(CLEAR_FACTOR), top), (place(CLEAR_FACTOR), bottom));
    let share = |part: usize, point: &Point| part as f64 / point.floods.max(1) as f64;
    for (class, of) in
        [("named", (|point| point.named) as fn(&Point) -> usize), ("found", |point| point.found)]
    {
        let points: Vec<String> = curve
            .iter()
            .filter(|point| point.floods > 0)
            .map(|point| {
                format!("{:.1},{:.1}", place(point.factor), at(share(of(point), point), bottom, top))
            })
            .collect();
        let _ = writeln!(svg, "<polyline class=\"{class}\" points=\"{}\"/>", points.join(" "));
    }
    let middle = (left + right) / 2.0;
    let _ = writeln!(
        svg,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">whole rate of the service over its ordinary one</text>\n\
         <text class=\"f\" x=\"{left}\" y=\"20\">found</text><text class=\"n\" x=\"{}\" y=\"20\">rightly named</text>\n</svg>",
        bottom + 44.0,
        left + 60.0
    );
    svg
}

/// Where a share between two ends is.
fn at(share: f64, from: f64, to: f64) -> f64 {
    from + (to - from) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_rises_with_what_is_found() {
        let point = |factor: f64, found: usize| Point {
            factor,
            floods: 4,
            found,
            named: found / 2,
            median_delay: None,
        };
        let svg = svg(&[point(1.1, 0), point(2.0, 2), point(10.0, 4)]);
        let found = svg.lines().find(|line| line.contains("class=\"found\"")).unwrap();
        let points: Vec<(f64, f64)> = found
            .split('"')
            .nth(3)
            .unwrap()
            .split(' ')
            .map(|pair| pair.split_once(',').unwrap())
            .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
            .collect();
        assert_eq!((points[0], points[2]), ((60.0, 300.0), (620.0, 40.0)));
        assert!(points[1].0 > 60.0 && (points[1].1 - 170.0).abs() < 0.1, "{points:?}");
        assert!(
            svg.starts_with("<svg ")
                && svg.trim_end().ends_with("</svg>")
                && svg.contains("prefers-color-scheme:dark")
        );
    }
}
