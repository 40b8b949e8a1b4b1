//! YAML as a tree, with everything bounded and nothing expanded.
//!
//! Anchors and aliases are not followed: an alias is nothing, so a document of a few lines cannot become one of a few
//! gigabytes. Limits: [`MAXIMUM_DEPTH`] nested nodes, [`MAXIMUM_NODES`] nodes; beyond these the document is refused.

use saphyr_parser::{Event, Parser};

use super::Error;

/// Deepest nesting.
const MAXIMUM_DEPTH: usize = 64;
/// Most nodes.
const MAXIMUM_NODES: usize = 500_000;

/// A node of a document.
#[derive(Debug, PartialEq)]
pub(super) enum Node {
    /// A text; numbers and truth values too.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and values, in order.
    Table(Vec<(String, Node)>),
    /// Nothing, or an alias.
    Nothing,
}

impl Node {
    pub(super) fn get(&self, key: &str) -> &Node {
        const NOTHING: &Node = &Node::Nothing;
        match self {
            Self::Table(pairs) => {
                pairs.iter().find(|(name, _)| name == key).map_or(NOTHING, |(_, value)| value)
            }
            _ => NOTHING,
        }
    }

    pub(super) fn text(&self) -> &str {
        if let Self::Text(text) = self { text } else { "" }
    }

    pub(super) fn pairs(&self) -> &[(String, Node)] {
        if let Self::Table(pairs) = self { pairs } else { &[] }
    }

    pub(super) fn list(&self) -> &[Node] {
        if let Self::List(list) = self { list } else { &[] }
    }
}

enum Open {
    List(Vec<Node>),
    Table(Vec<(String, Node)>, Option<String>),
}

/// Reads the first document.
pub(super) fn read(text: &str) -> Result<Node, Error> {
    let mut open: Vec<Open> = Vec::new();
    let mut nodes = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Error::Syntax {
            line: error.marker().line(),
            message: error.info().chars().take(200).collect(),
        })?;
        let refuse = |message: &str| Error::Syntax { line: span.start.line(), message: message.to_owned() };
        nodes += 1;
        if nodes > MAXIMUM_NODES {
            return Err(refuse("there are more nodes than any model has"));
        }
        if open.len() > MAXIMUM_DEPTH {
            return Err(refuse("it is nested too deeply"));
        }
        let done = match event {
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Table(Vec::new(), None));
                continue;
            }
            Event::Scalar(text, ..) => Node::Text(text.into_owned()),
            Event::Alias(_) => Node::Nothing,
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(list)) => Node::List(list),
                Some(Open::Table(pairs, _)) => Node::Table(pairs),
                None => Node::Nothing,
            },
            Event::DocumentEnd => break,
            _ => continue,
        };
        match open.last_mut() {
            None => return Ok(done),
            Some(Open::List(list)) => list.push(done),
            Some(Open::Table(pairs, key)) => match key.take() {
                Some(key) => pairs.push((key, done)),
                None => *key = Some(done.text().to_owned()),
            },
        }
    }
    Ok(Node::Nothing)
}
