//! The format of a log, compiled once.

use super::columns::{Columns, Separator};
use super::error::FormatError;
use super::haproxy::Captures;
use super::pattern::{MAX_FORMAT_BYTES, Pattern};
use super::{apache, nginx};

/// Whose language a format string is in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Server {
    /// `log_format`: `$remote_addr …`.
    Nginx,
    /// `LogFormat`: `%h …`.
    Apache,
}

/// A compiled format of lines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Format {
    pub(super) shape: Shape,
    name: &'static str,
    /// Each line is the body of a syslog message.
    pub(super) is_framed: bool,
    /// Each line stands in one more pair of quotes.
    pub(super) is_wrapped: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    Pattern(Pattern),
    Haproxy(Captures),
    Json,
    W3c,
    Columns(Box<Columns>),
}

/// Formats with a name, in Apache's language.
const NAMED: [(&str, &str); 4] = [
    ("combined", COMBINED),
    ("common", COMMON),
    ("vhost_combined", VHOST_COMBINED),
    ("combinedio", "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" %I %O"),
];
pub(super) const COMMON: &str = "%h %l %u %t \"%r\" %>s %b";
pub(super) const COMBINED: &str = "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"";
pub(super) const VHOST_COMBINED: &str = "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"";

impl Format {
    pub(super) fn new(shape: Shape, name: &'static str) -> Self {
        Self { shape, name, is_framed: false, is_wrapped: false }
    }

    /// Compiles a server's format string, bare or as it stands in its configuration.
    ///
    /// Fields that are not known here are passed over.
    ///
    /// # Errors
    /// [`FormatError`], with the offset of what is wrong.
    pub fn parse(text: &str, server: Server) -> Result<Self, FormatError> {
        if text.len() > MAX_FORMAT_BYTES {
            return Err(FormatError::TooLong { length: text.len() });
        }
        Ok(match server {
            Server::Nginx => Self::new(Shape::Pattern(nginx::parse(text)?), "nginx"),
            Server::Apache => Self::new(Shape::Pattern(apache::parse(text)?), "apache"),
        })
    }

    /// What a person typed: a name (`combined`, `common`, `combinedio`, `vhost_combined`, `json`, `caddy`, `traefik`, `w3c`, `iis`,
    /// `haproxy`), `haproxy` with the names of captured headers (`haproxy Host|User-Agent`), `tsv` or `csv` with the names of
    /// the columns (`tsv host time method url status bytes`), or a format string of nginx or Apache.
    ///
    /// # Errors
    /// [`FormatError`], with the offset of what is wrong.
    pub fn of(text: &str) -> Result<Self, FormatError> {
        let text = text.trim();
        if let Some((name, format)) = NAMED.iter().find(|(name, _)| *name == text) {
            return Ok(Self { name, ..Self::parse(format, Server::Apache)? });
        }
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let is_separator = |byte: char| byte.is_whitespace() || byte == ',';
        let names = || rest.split(is_separator).filter(|name| !name.is_empty());
        match (word, rest) {
            ("json" | "caddy" | "traefik", "") => Ok(Self::json()),
            ("w3c" | "iis", "") => Ok(Self::w3c()),
            ("haproxy", captures) => {
                Ok(Self::haproxy(&captures.split('|').map(str::trim).collect::<Vec<_>>()))
            }
            ("tsv", _) => Self::columns(names(), b'\t'),
            ("csv", _) => Self::columns(names(), b','),
            _ if text.contains('$') => Self::parse(text, Server::Nginx),
            _ if text.contains('%') => Self::parse(text, Server::Apache),
            _ => Err(FormatError::Unknown),
        }
    }

    /// HAProxy's `option httplog` and `option httpslog`; `captures` are the names of captured request headers in order.
    pub fn haproxy(captures: &[&str]) -> Self {
        Self::new(Shape::Haproxy(Captures::of(captures)), "haproxy")
    }

    /// JSON with the usual keys: flat as of nginx, Caddy's, Traefik's.
    pub fn json() -> Self {
        Self::new(Shape::Json, "json")
    }

    /// W3C's extended log format; its directives say what the columns are.
    pub fn w3c() -> Self {
        Self::new(Shape::W3c, "w3c")
    }

    /// A table whose columns have these names, with a separator between them.
    ///
    /// # Errors
    /// [`FormatError::NoTime`] if none of them is a time.
    pub fn columns<'n>(names: impl Iterator<Item = &'n str>, separator: u8) -> Result<Self, FormatError> {
        let columns = Columns::declared(names.map(str::as_bytes), Separator::Byte(separator))?;
        Ok(Self::new(Shape::Columns(Box::new(columns)), "columns"))
    }

    /// The same in syslog messages: each line has a header of RFC 3164 or RFC 5424 before it.
    #[must_use]
    pub fn in_syslog(self) -> Self {
        Self { is_framed: true, ..self }
    }

    /// The same with one more pair of quotes around each line.
    #[must_use]
    pub fn in_quotes(self) -> Self {
        Self { is_wrapped: true, ..self }
    }

    /// Its name; that of the language for a format string.
    pub fn name(&self) -> &'static str {
        self.name
    }
}
