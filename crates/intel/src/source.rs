//! Where something comes from, as others may be told it: without what lets somebody in.

use std::borrow::Cow;

/// Longest name of a source, in characters; what is beyond it is cut off.
pub const MAXIMUM_CHARACTERS: usize = 200;

/// A name of a source, cut to [`MAXIMUM_CHARACTERS`]: others choose it, and it is kept with each of their indicators.
#[must_use]
pub fn cut(source: &str) -> &str {
    let end = source.char_indices().nth(MAXIMUM_CHARACTERS).map_or(source.len(), |(at, _)| at);
    source.get(..end).unwrap_or(source).trim_end()
}

/// A source without user, password, query and fragment of a URL, and without the folders of a file: feeds are often asked with a token in their URL, and
/// whoever is given an indicator must not be given that. A token within the path cannot be told from a path and stays.
#[must_use]
pub fn shown(source: &str) -> Cow<'_, str> {
    let source = source.trim();
    if let Some((scheme, rest)) = source.split_once("://") {
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let end = rest.find(['/', '\\']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let shown = format!("{scheme}://{host}{path}");
        // What was cut off may have stood behind blanks.
        return Cow::Owned(shown.trim_end().to_owned());
    }
    let is_file = ["/", "./", "../", "~", "\\"].iter().any(|start| source.starts_with(start))
        || source.as_bytes().get(1..3) == Some(b":\\");
    if is_file {
        return Cow::Borrowed(source.rsplit(['/', '\\']).next().unwrap_or(source));
    }
    if source.contains(char::is_whitespace) {
        return Cow::Borrowed(source);
    }
    let rest = source.split(['?', '#']).next().unwrap_or_default();
    // `user:password@host` without a scheme; an address of mail has no colon.
    Cow::Borrowed(match rest.split_once('@') {
        Some((user, host)) if user.contains(':') => host.rsplit('@').next().unwrap_or(host),
        _ => rest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lets_somebody_in_is_not_shown() {
        for (source, wanted) in [
            (
                "https://user:secret@feed.example:8443/a/list.csv?token=secret#secret",
                "https://feed.example:8443/a/list.csv",
            ),
            ("https://secret@feed.example?key=secret", "https://feed.example"),
            ("https://a@b:secret@feed.example/x", "https://feed.example/x"),
            ("user:secret@feed.example/x?secret", "feed.example/x"),
            ("feed.example/x?key=secret", "feed.example/x"),
            ("https://feed.example/x #secret", "https://feed.example/x"),
            ("/srv/secret/lists/ddosia.csv", "ddosia.csv"),
            ("../secret/x.csv", "x.csv"),
            ("C:\\secret\\x.csv", "x.csv"),
            ("csirt@parliament.example", "csirt@parliament.example"),
            ("misp CSIRT of Examplia", "misp CSIRT of Examplia"),
            ("What is it? A feed", "What is it? A feed"),
            ("", ""),
        ] {
            assert_eq!(shown(source), wanted, "{source}");
        }
    }

    proptest::proptest! {
        #[test]
        fn shown_twice_is_shown_once(source in "[a-z:/@?#.~\\\\ ]{0,40}") {
            let once = shown(&source).into_owned();
            if once.contains("://") {
                proptest::prop_assert_eq!(shown(&once), once.as_str());
            }
        }
    }
}
