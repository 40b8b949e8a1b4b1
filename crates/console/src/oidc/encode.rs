//! Texts of URLs and tokens: base64 with and without padding (RFC 4648), forms (application/x-www-form-urlencoded).

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Longest text of others that is repeated in a log.
const LONGEST_PLAIN: usize = 80;

fn letters(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut word = [0; 4];
        word[1..1 + chunk.len()].copy_from_slice(chunk);
        let word = u32::from_be_bytes(word);
        for place in 0..=chunk.len() {
            text.push(char::from(alphabet[(word >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}

/// With padding, as in a header.
pub(super) fn base64(bytes: &[u8]) -> String {
    let mut text = letters(bytes, STANDARD);
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// For URLs, without padding.
pub(super) fn base64url(bytes: &[u8]) -> String {
    letters(bytes, URL)
}

/// The bytes of such a text; none if it is not exactly what [`base64url`] gives.
pub(super) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.as_bytes().chunks(4) {
        let mut word = 0_u32;
        for (place, letter) in chunk.iter().enumerate() {
            let value = URL.iter().position(|known| known == letter)? as u32;
            word |= value << (18 - 6 * place);
        }
        let count = match chunk.len() {
            4 => 3,
            3 => 2,
            2 => 1,
            _ => return None,
        };
        let [_, whole @ ..] = word.to_be_bytes();
        // Bits that are left over are nought, or one token would have several texts.
        if whole.get(count..)?.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(whole.get(..count)?);
    }
    Some(bytes)
}

/// A text in a form or a query.
pub(super) fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
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
        assert_eq!(plain("access_denied\r\n\u{7}x"), "access_deniedx");
    }
}
