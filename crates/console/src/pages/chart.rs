//! Charts: SVG made here, so that they are there without the script and in print. The script only adds a reading line.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, PreEscaped, html};

use super::words::short;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 26.0;
/// Most points that are drawn; more are thinned to the highest of each stretch, so that no peak is lost.
const MAXIMUM_POINTS: usize = 430;

/// One chart.
pub(crate) struct Chart<'a> {
    /// What is shown, for those who cannot see it.
    pub(crate) label: &'a str,
    /// The unit of the values.
    pub(crate) unit: &'a str,
    /// Seconds since 1970 and value, in order.
    pub(crate) points: &'a [(i64, f64)],
    /// What is ordinary.
    pub(crate) ordinary: Option<f64>,
    /// From and to, seconds since 1970.
    pub(crate) span: (i64, i64),
    /// Moments to mark: seconds since 1970 and a word.
    pub(crate) marks: &'a [(i64, &'a str)],
    /// The highest value of the axis, where several charts share one.
    pub(crate) highest: Option<f64>,
    /// Height in units of the picture.
    pub(crate) height: f64,
    /// The institution's time zone.
    pub(crate) zone: &'a TimeZone,
}

/// A round number at or above a value: 1, 2 or 5 times a power of ten.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|round| *round >= value)
        .unwrap_or(value)
}

fn thinned(points: &[(i64, f64)]) -> Vec<(i64, f64)> {
    let stretch = points.len().div_ceil(MAXIMUM_POINTS).max(1);
    let highest = |stretch: &[(i64, f64)]| stretch.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1));
    points.chunks(stretch).filter_map(highest).collect()
}

impl Chart<'_> {
    #[expect(clippy::cast_precision_loss, reason = "seconds of a picture")]
    fn x(&self, second: i64) -> f64 {
        let length = (self.span.1 - self.span.0).max(1) as f64;
        let along = (second - self.span.0) as f64 / length;
        LEFT + along.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64, highest: f64) -> f64 {
        let room = self.height - TOP - BOTTOM;
        TOP + room * (1.0 - (value / highest).clamp(0.0, 1.0))
    }

    fn axes(&self, inside: &mut String, highest: f64) {
        // Four parts of 2, five of 1, 2.5 and 5: round numbers at every line.
        let leading = highest / 10_f64.powf(highest.log10().floor());
        let parts = if (1.9..2.1).contains(&leading) { 4 } else { 5 };
        let lines = if self.height > 120.0 { parts } else { 1 };
        for line in 0..=lines {
            let value = highest * f64::from(line) / f64::from(lines);
            let y = self.y(value, highest);
            let _ = write!(
                inside,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                y + 4.0,
                short(value)
            );
        }
        for (index, (second, text)) in self.ticks().into_iter().enumerate() {
            let x = self.x(second);
            // On a telephone there is room for every second one.
            let class = if index % 2 == 0 { "tick" } else { "tick odd" };
            let _ = write!(
                inside,
                "<text class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>",
                self.height - 6.0
            );
        }
    }

    /// Round moments of the institution's clock, about six.
    fn ticks(&self) -> Vec<(i64, String)> {
        const STEPS: [i64; 14] = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 86_400];
        let length = (self.span.1 - self.span.0).max(1);
        let step = STEPS.into_iter().find(|step| length / step <= 7).unwrap_or(length / 6);
        let form = if step < 60 {
            "%H:%M:%S"
        } else if step < 86_400 {
            "%H:%M"
        } else {
            "%-d %b"
        };
        let first = self.span.0.div_euclid(step) * step + step;
        let seconds = (0..10).map(|index| first + index * step).take_while(|second| *second < self.span.1);
        // Labels that would run out of the picture are left out.
        let inside =
            seconds.filter(|second| self.x(*second) > LEFT + 16.0 && self.x(*second) < WIDTH - RIGHT - 16.0);
        inside
            .map(|second| {
                let time = Timestamp::from_second(second).unwrap_or_default().to_zoned(self.zone.clone());
                (second, time.strftime(form).to_string())
            })
            .collect()
    }

    fn line(&self, inside: &mut String, points: &[(i64, f64)], highest: f64) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
        let mut path = String::new();
        for (index, (second, value)) in points.iter().enumerate() {
            let (x, y) = (self.x(*second), self.y(*value, highest));
            let _ = write!(path, "{}{x:.1} {y:.1}", if index == 0 { "M" } else { "L" });
        }
        let floor = self.height - BOTTOM;
        let _ = write!(
            inside,
            "<path class=\"area\" d=\"{path}L{:.1} {floor:.1}L{:.1} {floor:.1}Z\"/><path class=\"line\" d=\"{path}\"/>",
            self.x(last.0),
            self.x(first.0)
        );
    }

    fn marks(&self, inside: &mut String) {
        let mut labelled = f64::NEG_INFINITY;
        for (second, word) in self.marks {
            let x = self.x(*second);
            let _ = write!(
                inside,
                "<line class=\"moment\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>",
                self.height - BOTTOM
            );
            // Two moments a second apart would write over each other.
            let (dx, anchor) = if x > WIDTH * 0.8 { (-5.0, "end") } else { (5.0, "start") };
            let is_near = x - labelled < 80.0;
            let (class, y) = if is_near { ("moment near", TOP + 25.0) } else { ("moment", TOP + 10.0) };
            labelled = x;
            let _ = write!(
                inside,
                "<text class=\"{class}\" x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{word}</text>",
                x + dx
            );
        }
    }

    /// The picture.
    pub(crate) fn draw(&self) -> Markup {
        let points = thinned(self.points);
        let top = points.iter().map(|point| point.1).fold(self.ordinary.unwrap_or(0.0), f64::max);
        let highest = round_up(self.highest.unwrap_or(top));
        let mut inside = String::new();
        self.axes(&mut inside, highest);
        self.line(&mut inside, &points, highest);
        if let Some(ordinary) = self.ordinary {
            let y = self.y(ordinary, highest);
            let _ = write!(
                inside,
                "<line class=\"ordinary\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
                WIDTH - RIGHT
            );
        }
        self.marks(&mut inside);
        // For the reading line of the script: seconds, value, place.
        let data: Vec<String> = points
            .iter()
            .map(|(second, value)| {
                format!("{:.1},{:.1},{second},{value:.0}", self.x(*second), self.y(*value, highest))
            })
            .collect();
        html! {
            svg class="chart" viewBox={ "0 0 " (WIDTH) " " (self.height) } role="img" aria-label=(self.label)
                data-points=(data.join(";")) data-unit=(self.unit) data-floor=(self.height - BOTTOM) data-zone=(zone_offset(self)) {
                (PreEscaped(inside))
            }
        }
    }
}

/// Seconds that the zone is ahead of UTC in the middle of the chart, for the reading line.
fn zone_offset(chart: &Chart<'_>) -> i32 {
    let middle = Timestamp::from_second(i64::midpoint(chart.span.0, chart.span.1)).unwrap_or_default();
    chart.zone.to_offset(middle).seconds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers_and_peaks_survive_thinning() {
        for (value, round) in [(0.0, 1.0), (7.0, 10.0), (210_000.0, 250_000.0), (99.0, 100.0), (1.0, 1.0)] {
            assert!((round_up(value) - round).abs() < 1e-9 * round, "{value}");
        }
        let mut points: Vec<(i64, f64)> = (0..10_000).map(|second| (second, 1.0)).collect();
        points[777].1 = 99.0;
        let thin = thinned(&points);
        assert!(thin.len() <= MAXIMUM_POINTS);
        assert!(thin.contains(&(777, 99.0)));
        assert!(thinned(&[]).is_empty());
    }

    #[test]
    fn a_chart_has_its_label_its_ordinary_and_nothing_inline() {
        let zone = TimeZone::get("Europe/Brussels").unwrap();
        let points: Vec<(i64, f64)> = (0..60).map(|second| (1_790_000_000 + second, 5.0)).collect();
        let chart = Chart {
            label: "Rate",
            unit: "packets/s",
            points: &points,
            ordinary: Some(2.0),
            span: (1_790_000_000, 1_790_000_060),
            marks: &[(1_790_000_010, "onset")],
            highest: None,
            height: 200.0,
            zone: &zone,
        };
        let text = chart.draw().into_string();
        assert!(
            text.contains("aria-label=\"Rate\"")
                && text.contains("class=\"ordinary\"")
                && text.contains(">onset<")
        );
        assert!(!text.contains("style=") && !text.contains("NaN"));
        assert!((5..=8).contains(&chart.ticks().len()), "{:?}", chart.ticks());
    }
}
