//! Which format lines are in: the one in which most of them can be read.

use super::columns::Columns;
use super::format::{COMBINED, COMMON, Format, Server, Shape, VHOST_COMBINED};
use super::{Client, Decoder, MAX_LINE_BYTES, Request, Skip, line_end, text};

/// Most lines that are looked at.
pub const MAX_SNIFFED_LINES: usize = 64;

/// Formats that are tried, in this order; of two that read as many lines the first counts. With `%{rest}n` whatever
/// follows is passed over. Times and sizes that follow without a name could be anything, so that they have to be declared;
/// the two longer ones are what nginx's ingress controller and Traefik write without being asked.
const KNOWN: [(&str, &str); 12] = [
    ("vhost_combined", VHOST_COMBINED),
    ("vhost_common", "%v %h %l %u %t \"%r\" %>s %b"),
    ("vhost_combined", "%v %h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\""),
    (
        "nginx_ingress",
        "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" %I %T [%{a}n] [%{b}n] %{c}n %{d}n %{e}n %{f}n %{g}n",
    ),
    (
        "traefik_clf",
        "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" %{n}n \"%{router}n\" \"%{server}n\" %{ms}Tms",
    ),
    (
        "combined_forwarded",
        "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" \"%{X-Forwarded-For}i\"",
    ),
    ("combined", COMBINED),
    (
        "combined_forwarded",
        "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" \"%{X-Forwarded-For}i\" %{rest}n",
    ),
    ("vhost_combined", "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\" %{rest}n"),
    ("combined", "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" %{rest}n"),
    // Its last field takes whatever follows, so that it would read the others too.
    ("common", COMMON),
    ("common", "%h %l %u %t \"%r\" %>s %b %{rest}n"),
];

/// The format of the lines at the beginning of a log, if at least half of them can be read in it. The last line may be cut off.
///
/// Lines in syslog messages and lines in one more pair of quotes are recognised as such.
pub fn recognise(bytes: &[u8]) -> Option<Format> {
    let first = lines(bytes).next()?;
    let mut candidates: Vec<Format> = vec![Format::json(), Format::w3c(), Format::haproxy(&[])];
    candidates.extend(KNOWN.iter().filter_map(|(name, text)| {
        let format = Format::parse(text, Server::Apache).ok()?;
        Some(Format::new(format.shape, name))
    }));
    candidates.extend(
        Columns::of_heading(first).map(|columns| Format::new(Shape::Columns(Box::new(columns)), "columns")),
    );
    best(&candidates, bytes)
}

/// A declared format for the lines at the beginning of a log, in whatever they are wrapped; `None` if less than half
/// of them can be read in it.
pub fn fitted(format: &Format, bytes: &[u8]) -> Option<Format> {
    best(std::slice::from_ref(format), bytes)
}

/// The best of the candidates, plain or wrapped.
fn best(candidates: &[Format], bytes: &[u8]) -> Option<Format> {
    let coats: [fn(Format) -> Format; 4] =
        [|format| format, Format::in_syslog, Format::in_quotes, |format| format.in_syslog().in_quotes()];
    let mut best: Option<(usize, Format)> = None;
    for coat in coats {
        for format in candidates.iter().cloned().map(coat) {
            let score = score(&format, bytes);
            if score > best.as_ref().map_or(0, |(best, _)| *best) {
                best = Some((score, format));
            }
        }
    }
    best.map(|(_, format)| format)
}

/// How many lines can be read, 0 if less than half.
fn score(format: &Format, bytes: &[u8]) -> usize {
    let mut decoder = Decoder::new(format.clone());
    let (mut good, mut all, mut other) = (0, 0, 0);
    for line in lines(bytes) {
        match decoder.decode(line) {
            Ok(request) => {
                good += usize::from(is_plausible(&request));
                all += 1;
            }
            Err(Skip::NotARequest) => other += 1,
            Err(skip) => all += usize::from(skip.is_loss()),
        }
    }
    // Lines about other things are expected among those of a proxy, but they do not make a log.
    if good * 2 >= all && good * 8 >= other { good } else { 0 }
}

/// Whether the parts are what they should be, where one format might be taken for another.
fn is_plausible(request: &Request<'_>) -> bool {
    let first = request.forwarded_for.split(|byte| matches!(byte, b',' | b';')).next().unwrap_or_default();
    let is_forwarded = first.is_empty()
        || text::address(first.trim_ascii()).is_some()
        || first.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"for="))
        || first == b"unknown";
    let is_host =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'%');
    let is_client = match request.client {
        Client::Address(_) => true,
        Client::Name(name) => !name.is_empty() && name.iter().all(is_host),
    };
    is_forwarded && is_client
}

/// The first lines that are not empty. What is too long for a line ends them.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = line_end(rest).unwrap_or(rest.len());
        let (line, tail) = rest.split_at_checked(end)?;
        rest = tail.get(1..).unwrap_or_default();
        (end <= MAX_LINE_BYTES).then_some(line)
    })
    .filter(|line| !line.trim_ascii().is_empty())
    .take(MAX_SNIFFED_LINES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_usual_line_costs_nothing_of_it() {
        let line = b"198.51.100.7 - - [27/Nov/2026:13:52:46 +0000] \"GET / HTTP/2.0\" 200 0 \"-\" \"a b\" host=x time=0.1\n";
        let mut decoder = Decoder::new(recognise(line).unwrap());
        let request = decoder.decode(line.trim_ascii()).unwrap();
        assert_eq!((request.response_bytes, request.agent), (Some(0), &b"a b"[..]));
    }
}
