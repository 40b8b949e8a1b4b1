//! Codes of authenticator apps: RFC 6238 over HMAC-SHA-1, six digits, steps of 30 seconds.
//!
//! SHA-1 because it is what every app understands; HMAC does not need collision resistance. A step before and after
//! now is taken (section 5.2 of the RFC), and a step that was used, or an earlier one, never again.

use ring::hmac;

use super::secret::{base32, equal};

/// Seconds of one code.
pub(crate) const STEP_SECONDS: i64 = 30;
/// Steps that a phone's clock may be wrong, each way.
const DRIFT_STEPS: i64 = 1;
/// Bytes of a secret (RFC 4226, section 4: at least 16, better 20).
pub(crate) const SECRET_BYTES: usize = 20;

/// The code of a secret at a time in seconds since 1970.
#[must_use]
pub fn code_at(secret: &[u8], seconds: i64) -> String {
    code(secret, seconds.div_euclid(STEP_SECONDS))
}

fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    // RFC 4226, section 5.3: the low half of the last byte says where to read.
    let offset = usize::from(bytes[bytes.len() - 1] & 15);
    let word = bytes[offset..offset + 4].iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

/// The step that a code belongs to, if it is one that is good now and later than the last one used.
pub(crate) fn step_of(secret: &[u8], given: &str, seconds: i64, last_step: i64) -> Option<i64> {
    let given: String = given.chars().filter(char::is_ascii_digit).take(7).collect();
    let now = seconds.div_euclid(STEP_SECONDS);
    (now - DRIFT_STEPS..=now + DRIFT_STEPS)
        .filter(|step| *step > last_step)
        .find(|step| equal(code(secret, *step).as_bytes(), given.as_bytes()))
}

/// What an app reads from the picture.
pub(crate) fn uri(secret: &[u8], issuer: &str, name: &str) -> String {
    let escape = |text: &str| -> String {
        let bytes = text.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        });
        bytes.collect()
    };
    let (secret, issuer) = (base32(secret), escape(issuer));
    format!("otpauth://totp/{issuer}:{}?secret={secret}&issuer={issuer}", escape(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    /// RFC 6238, appendix B, the last six of the eight digits.
    #[test]
    fn codes_equal_the_vectors_of_the_rfc() {
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_at(SECRET, seconds), expected);
        }
    }

    #[test]
    fn one_step_of_drift_is_forgiven_and_no_code_is_good_twice() {
        let now = 1_234_567_890;
        let step = now / STEP_SECONDS;
        for drift in [-30, 0, 30] {
            assert_eq!(step_of(SECRET, &code_at(SECRET, now + drift), now, 0), Some(step + drift / 30));
        }
        for drift in [-60, 60] {
            assert_eq!(step_of(SECRET, &code_at(SECRET, now + drift), now, 0), None);
        }
        assert_eq!(step_of(SECRET, &code_at(SECRET, now), now, step), None, "used");
        assert_eq!(step_of(SECRET, &code_at(SECRET, now - 30), now, step), None, "earlier than one used");
        assert_eq!(step_of(SECRET, "005 924", now, 0), Some(step), "as apps show it");
        assert_eq!(step_of(SECRET, "0059245", now, 0), None);
        assert_eq!(step_of(SECRET, "", now, 0), None);
    }

    #[test]
    fn the_uri_escapes_what_is_not_plain() {
        let uri = uri(b"foobar", "Parliament & Co", "ada");
        assert_eq!(
            uri,
            "otpauth://totp/Parliament%20%26%20Co:ada?secret=MZXW6YTBOI&issuer=Parliament%20%26%20Co"
        );
    }
}
