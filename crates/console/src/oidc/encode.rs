//! Texts of URLs and tokens: base64 with and without padding (RFC 4648), forms (application/x-www-form-urlencoded).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

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

/// A text in a form or a query (RFC 3986 section 2.1): everything but letters, digits, `-._~` and what else is to stay.
pub(crate) fn percent(text: &str, stays: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || stays.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Names and values as a form.
pub(super) fn form(parameters: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", percent(name, b""), percent(value, b"")))
        .collect();
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
        assert_eq!(percent("/a b?c=d", b"/"), "/a%20b%3Fc%3Dd");
        assert_eq!(plain("access_denied\r\n\u{7}x"), "access_deniedx");
    }
}
