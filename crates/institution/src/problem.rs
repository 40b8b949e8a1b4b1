//! What is wrong with a file, where, and how it is shown: all of it at once, each with its line, column
//! and a caret under the text.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// Most problems kept of one file; the rest are counted.
pub const MAXIMUM_PROBLEMS: usize = 100;

/// Longest line, in bytes, that is printed with a caret; longer ones are named by line and column only.
pub const MAXIMUM_SHOWN_LINE_BYTES: usize = 4096;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// Bytes of the text that it is about.
    pub span: Range<usize>,
    /// Line of its start, from 1.
    pub line: usize,
    /// Column of its start in characters, from 1.
    pub column: usize,
    /// How to put it right.
    pub help: Option<String>,
}

/// How bad problems are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Severity {
    /// The file cannot be used.
    #[default]
    Error,
    /// The file can be used.
    Warning,
}

/// Everything that is wrong with one file, in the order of the text.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    file_name: String,
    text: Arc<str>,
    severity: Severity,
    list: Vec<Problem>,
    omitted: usize,
}

impl Problems {
    /// No problems yet.
    pub(crate) fn new(file_name: &str, text: Arc<str>, severity: Severity) -> Self {
        Self { file_name: file_name.to_owned(), text, severity, list: Vec::new(), omitted: 0 }
    }

    /// Adds one. A span outside the text, or in its byte order mark, is cut to the rest.
    pub(crate) fn add(&mut self, span: Range<usize>, message: String, help: Option<String>) {
        if self.list.len() >= MAXIMUM_PROBLEMS {
            self.omitted += 1;
            return;
        }
        let start = floor_boundary(&self.text, span.start).max(first_column(&self.text));
        let end = floor_boundary(&self.text, span.end.max(start));
        self.list.push(Problem { message, span: start..end, line: 0, column: 0, help });
    }

    /// The text at a place.
    pub(crate) fn text_at(&self, span: &Range<usize>) -> &str {
        self.text.get(span.clone()).unwrap_or_default().trim_matches(['"', '\''])
    }

    /// Whether more would only be counted.
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() >= MAXIMUM_PROBLEMS
    }

    /// Sorts by place and fills in lines and columns.
    pub(crate) fn finish(mut self) -> Self {
        self.list.sort_by_key(|problem| problem.span.start);
        let (mut line, mut line_start, mut at) = (1, first_column(&self.text), 0);
        for problem in &mut self.list {
            let between = self.text.as_bytes().get(at..problem.span.start).unwrap_or_default();
            for (offset, _) in between.iter().enumerate().filter(|&(_, &byte)| byte == b'\n') {
                line += 1;
                line_start = at + offset + 1;
            }
            at = problem.span.start;
            problem.line = line;
            problem.column = self.text.get(line_start..at).map_or(0, |before| before.chars().count()) + 1;
        }
        self
    }

    /// The problems that were kept, in the order of the text.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// How many more there were than [`MAXIMUM_PROBLEMS`].
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them for a terminal, with escape codes if `color`.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let mut output = String::new();
        for problem in &self.list {
            output.push_str(&self.render_one(problem, &renderer));
            output.push_str("\n\n");
        }
        if self.omitted > 0 {
            output.push_str(&format!("... and {} more\n", self.omitted));
        }
        output
    }

    fn render_one(&self, problem: &Problem, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(problem.message.as_str());
        let (start, end) = self.line_of(&problem.span);
        let source = self.text.get(start..end).unwrap_or_default();
        let mut groups = Vec::new();
        if source.len() > MAXIMUM_SHOWN_LINE_BYTES {
            let place = annotate_snippets::Origin::path(self.file_name.as_str())
                .line(problem.line)
                .char_column(problem.column);
            groups.push(title.element(place));
        } else {
            // Of text over several lines only the first is marked.
            let to = problem.span.end.min(end).max(problem.span.start);
            let mark = AnnotationKind::Primary.span(problem.span.start - start..to - start);
            let snippet = Snippet::source(source).line_start(problem.line).path(self.file_name.as_str());
            groups.push(title.element(snippet.annotation(mark)));
        }
        if let Some(help) = &problem.help
            && let Some(group) = groups.pop()
        {
            groups.push(group.element(Level::HELP.message(help.as_str())));
        }
        renderer.render(&groups)
    }

    /// Start and end of the line that a span starts in, without its end-of-line bytes.
    fn line_of(&self, span: &Range<usize>) -> (usize, usize) {
        let before = self.text.get(..span.start).unwrap_or_default();
        let start = before.rfind('\n').map_or(first_column(&self.text), |at| at + 1);
        let rest = self.text.get(span.start..).unwrap_or_default();
        let end = rest.find('\n').map_or(self.text.len(), |at| span.start + at);
        let end = if self.text.get(..end).is_some_and(|text| text.ends_with('\r')) { end - 1 } else { end };
        (start, end.max(span.start))
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

/// A byte order mark takes no column.
fn first_column(text: &str) -> usize {
    if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
