//! How text looks: colour where it is wanted, and nothing from outside that could steer a terminal.

use std::borrow::Cow;
use std::io::IsTerminal;

use crate::cli::When;

/// Colour or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) color: bool,
}

impl Style {
    /// For a stream, by what was asked for; `NO_COLOR` is <https://no-color.org>.
    pub(crate) fn new(when: When, stream: &impl IsTerminal) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let color = match when {
            When::Always => true,
            When::Never => false,
            When::Auto => stream.is_terminal() && !set("NO_COLOR") && !dumb,
        };
        Self { color }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }
}

/// Text from outside with its control characters replaced, so that no file name and no file steers a terminal.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let steers = |character: char| character.is_control() && character != '\n';
    if text.contains(steers) { Cow::Owned(text.replace(steers, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// A rate with three figures and a prefix: 950, 12.3 k, 1.05 M.
pub(crate) fn short(value: f64) -> String {
    let steps = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")];
    let (size, unit) = steps.into_iter().find(|(size, _)| value.abs() >= *size * 0.9995).unwrap_or((1.0, ""));
    let scaled = value / size;
    let decimals = match scaled.abs() {
        _ if unit.is_empty() => 0,
        large if large >= 99.95 => 0,
        large if large >= 9.995 => 1,
        _ => 2,
    };
    format!("{scaled:.decimals$}{unit}")
}

/// A share as a percentage; what rounds to nothing is said to be below one.
pub(crate) fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.005 { "<1 %".to_owned() } else { format!("{:.0} %", share * 100.0) }
}

/// The first few names in a line, and how many more there are.
pub(crate) fn few<S: AsRef<str>>(names: &[S], most: usize) -> String {
    let mut text = names.iter().take(most).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    if names.len() > most {
        text.push_str(&format!(" and {} more", names.len() - most));
    }
    text
}

/// A number of seconds for people: 850 ms, 12.3 s, 4 min 05 s, 2 h 10 min.
pub(crate) fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    match seconds {
        short if short < 0.9995 => format!("{:.0} ms", short * 1e3),
        short if short < 99.95 => format!("{short:.1} s"),
        long if long < 5999.5 => {
            let whole = long.round() as u64;
            format!("{} min {:02} s", whole / 60, whole % 60)
        }
        long => {
            let minutes = (long / 60.0).round() as u64;
            format!("{} h {:02} min", minutes / 60, minutes % 60)
        }
    }
}

/// Columns under their headings; the widths follow from the content. `right` says which are numbers.
pub(crate) fn table(headings: &[&str], right: &[bool], rows: &[Vec<String>], style: Style) -> String {
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String]| {
        let mut text = String::new();
        for (at, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let space = " ".repeat(width.saturating_sub(cell.chars().count()));
            let is_right = right.get(at).copied().unwrap_or(false);
            text.push_str(&if is_right { format!("{space}{cell}  ") } else { format!("{cell}{space}  ") });
        }
        text.trim_end().to_owned()
    };
    let headings: Vec<String> = headings.iter().map(|&heading| heading.to_owned()).collect();
    let mut text = style.bold(&line(&headings));
    text.push('\n');
    for row in rows {
        text.push_str(&line(row));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (7.6, "8"),
            (999.6, "1.00 k"),
            (12_345.0, "12.3 k"),
            (210e3, "210 k"),
            (1.1e8, "110 M"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn names_beyond_the_first_few_are_counted() {
        assert_eq!(few(&["a", "b"], 2), "a, b");
        assert_eq!(few(&["a".to_owned(), "b".to_owned(), "c".to_owned()], 1), "a and 2 more");
        assert_eq!(few::<String>(&[], 3), "");
    }

    #[test]
    fn durations_are_for_people() {
        let cases = [
            (0.0, "0 ms"),
            (0.85, "850 ms"),
            (12.34, "12.3 s"),
            (245.0, "4 min 05 s"),
            (7800.0, "2 h 10 min"),
        ];
        for (value, text) in cases {
            assert_eq!(duration(value), text);
        }
    }

    #[test]
    fn nothing_from_outside_steers_a_terminal() {
        assert_eq!(plain("a\x1b[2Jb"), "a\u{fffd}[2Jb");
        assert_eq!(plain("ä\n"), "ä\n");
    }

    #[test]
    fn columns_stand_under_their_headings() {
        let rows = vec![vec!["www".to_owned(), "7".to_owned()], vec!["a".to_owned(), "1000".to_owned()]];
        let text = table(&["NAME", "N"], &[false, true], &rows, Style { color: false });
        assert_eq!(text, "NAME     N\nwww      7\na     1000\n");
    }
}
