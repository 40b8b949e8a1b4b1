//! The text format of Prometheus (exposition format 0.0.4).

use std::fmt::{Display, Write};

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows, until the service starts again.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// Metrics in the making.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    /// Begins a metric: `name` without its prefix. A counter's name ends with `_total`.
    pub(super) fn metric(&mut self, name: &str, kind: Kind, help: &str) {
        debug_assert_eq!(kind == Kind::Counter, name.ends_with("_total"), "{name}");
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let _ = write!(self.0, "# HELP hemicycle_{name} {help}\n# TYPE hemicycle_{name} {kind}\n");
    }

    /// One value of the metric that was begun last.
    pub(super) fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.0, "hemicycle_{name}");
        for (at, (label, text)) in labels.iter().enumerate() {
            let lead = if at == 0 { '{' } else { ',' };
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{lead}{label}=\"{text}\"");
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }

    /// A metric with one value.
    pub(super) fn single(&mut self, name: &str, kind: Kind, help: &str, value: impl Display) {
        self.metric(name, kind, help);
        self.value(name, &[], value);
    }

    /// All of it.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_named_cannot_break_out_of_a_label() {
        let mut text = Text::default();
        text.metric("x_total", Kind::Counter, "A \\ and\na line.");
        text.value("x_total", &[("exporter", "a\"b\\c\nd"), ("socket", "[::1]:2055")], 7);
        let expected = "# HELP hemicycle_x_total A \\\\ and\\na line.\n# TYPE hemicycle_x_total counter\n\
                        hemicycle_x_total{exporter=\"a\\\"b\\\\c\\nd\",socket=\"[::1]:2055\"} 7\n";
        assert_eq!(text.finish(), expected);
    }
}
