//! Texts of URLs and tokens: base64 with and without padding (RFC 4648), forms (application/x-www-form-urlencoded).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

/// Longest text of others that is repeated in a log.
const LONGEST_PLAIN: usize = 80;

/// With padding, as in a header.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// For URLs, without padding.
pub(super) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of such a text; none if it is not exactly what [`base64url`] gives, or one token would have several texts.
pub(super) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// What a name or a value of a form is encoded but for: letters, digits and `-._~` (RFC 3986 section 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same behind a question mark of ours, where a slash is harmless and pleasant to read.
const ENCODED_IN_QUERY: &AsciiSet = &ENCODED.remove(b'/');

/// A name or a value in a form.
pub(super) fn percent(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, ENCODED)
}

/// A value behind a question mark, or a part of a path.
pub(crate) fn percent_query(text: &str) -> String {
    utf8_percent_encode(text, ENCODED_IN_QUERY).to_string()
}

/// Names and values as a form.
pub(super) fn form(parameters: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value))).collect();
    pairs.join("&")
}

/// A short text of somebody else, harmless in a log and on a page.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|letter| letter.is_ascii_graphic() || *letter == ' ').take(LONGEST_PLAIN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_equals_the_vectors_of_rfc_4648_and_back() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
            let short = text.trim_end_matches('=');
            assert_eq!(base64url(bytes.as_bytes()), short);
            assert_eq!(from_base64url(short).unwrap(), bytes.as_bytes());
        }
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
        for wrong in ["Zg==", "Z", "Zh", "Zm9", "Zm+v", "Zm9v\n"] {
            assert_eq!(from_base64url(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_has_a_meaning_in_a_form_is_encoded() {
        assert_eq!(form(&[("a b", "c&d=é"), ("e", "f")]), "a%20b=c%26d%3D%C3%A9&e=f");
        assert_eq!(percent_query("/a b?c=d-._~"), "/a%20b%3Fc%3Dd-._~");
        assert_eq!(plain("access_denied\r\n\u{7}x"), "access_deniedx");
    }
}
