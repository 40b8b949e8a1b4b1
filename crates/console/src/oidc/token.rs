//! An ID token, and every reason not to believe it (OpenID Connect Core 1.0 section 3.1.3.7, RFC 8725).
//!
//! The signature is checked before anything that it covers is looked at. What is not understood is refused.

use serde_json::Value;

use super::encode::from_base64url;
use super::keys::{Algorithm, Keys};
use crate::people::secret::equal;

/// Longest token.
const LONGEST_BYTES: usize = 32 << 10;
/// By so much clocks may differ, in seconds.
const SKEW_SECONDS: i64 = 60;
/// A token is used at once; one that was made so long ago was lying about.
const OLDEST_SECONDS: i64 = 600;
/// Longest subject (OpenID Connect Core 1.0 section 2).
const LONGEST_SUBJECT: usize = 255;

/// Why a token is not believed.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    #[error("it is no token")]
    Malformed,
    #[error("its signature is of a kind that is not taken")]
    Algorithm,
    #[error("its key is not one of the provider's")]
    UnknownKey,
    #[error("its signature does not fit")]
    Signature,
    #[error("its issuer is another one")]
    Issuer,
    #[error("it is for somebody else")]
    Audience,
    #[error("it is too old, or from the future")]
    Time,
    #[error("its nonce is another one")]
    Nonce,
    #[error("it names nobody")]
    Subject,
}

/// What a token has to say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now_seconds: i64,
}

/// What a token says that is believed.
#[derive(Debug)]
pub(super) struct Claims {
    pub(super) subject: String,
    pub(super) all: Value,
}

/// Believes a token, or says why not.
pub(super) fn verify(text: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Claims, Fault> {
    let payload = signed(text, keys)?;
    let claims: Value = serde_json::from_slice(&payload).map_err(|_| Fault::Malformed)?;
    let number =
        |name: &str| claims[name].as_i64().or_else(|| claims[name].as_f64().map(|number| number as i64));
    if claims["iss"].as_str() != Some(expected.issuer) {
        return Err(Fault::Issuer);
    }
    if !is_for(&claims, expected.client_id) {
        return Err(Fault::Audience);
    }
    let (now, expires, issued) = (expected.now_seconds, number("exp"), number("iat"));
    let (Some(expires), Some(issued)) = (expires, issued) else { return Err(Fault::Time) };
    let age = now.saturating_sub(issued);
    let begins = number("nbf").unwrap_or(issued);
    if expires.saturating_add(SKEW_SECONDS) <= now
        || !(-SKEW_SECONDS..=OLDEST_SECONDS).contains(&age)
        || begins > now.saturating_add(SKEW_SECONDS)
    {
        return Err(Fault::Time);
    }
    let nonce = claims["nonce"].as_str().unwrap_or_default();
    if !equal(nonce.as_bytes(), expected.nonce.as_bytes()) {
        return Err(Fault::Nonce);
    }
    let subject = claims["sub"].as_str().unwrap_or_default().to_owned();
    if subject.is_empty() || subject.len() > LONGEST_SUBJECT || !subject.is_ascii() {
        return Err(Fault::Subject);
    }
    Ok(Claims { subject, all: claims })
}

/// The payload, if one of the keys signed it.
fn signed(text: &str, keys: &Keys) -> Result<Vec<u8>, Fault> {
    let parts: Vec<&str> = text.split('.').take(4).collect();
    let ([head, payload, signature], true) = (parts.as_slice(), text.len() <= LONGEST_BYTES) else {
        return Err(Fault::Malformed);
    };
    let bytes = |part: &str| from_base64url(part).ok_or(Fault::Malformed);
    let header: Value = serde_json::from_slice(&bytes(head)?).map_err(|_| Fault::Malformed)?;
    // What must be understood and is not (RFC 7515 section 4.1.11).
    if !header["crit"].is_null() {
        return Err(Fault::Algorithm);
    }
    let algorithm = header["alg"].as_str().and_then(Algorithm::of).ok_or(Fault::Algorithm)?;
    let message = &text[..head.len() + 1 + payload.len()];
    match keys.verify(header["kid"].as_str(), algorithm, message.as_bytes(), &bytes(signature)?) {
        Some(true) => bytes(payload),
        Some(false) => Err(Fault::Signature),
        None => Err(Fault::UnknownKey),
    }
}

/// Whether a token is for us, and if it is for several, was asked for by us.
fn is_for(claims: &Value, client_id: &str) -> bool {
    let (is_named, is_alone) = match &claims["aud"] {
        Value::String(one) => (one == client_id, true),
        Value::Array(all) => (all.iter().any(|one| one == client_id), all.len() == 1),
        _ => (false, false),
    };
    let by_us = match claims["azp"].as_str() {
        Some(party) => party == client_id,
        None => is_alone,
    };
    is_named && by_us
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// RFC 7515 appendix A.2, with the key.
    const RS256: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    /// RFC 7515 appendix A.3, with the key.
    const ES256: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    fn keys() -> Keys {
        Keys::of(&json!({"keys": [
            {"kty": "RSA", "n": N, "e": "AQAB", "use": "sig"},
            {"kty": "EC", "crv": "P-256", "x": X, "y": Y},
            {"kty": "oct", "k": "AAAA"},
        ]}))
    }

    #[test]
    fn the_signatures_of_rfc_7515_are_believed_and_nothing_beside_them() {
        for text in [RS256, ES256] {
            let payload = signed(text, &keys()).unwrap();
            assert!(payload.starts_with(b"{\"iss\":\"joe\""));
            let (message, signature) = text.rsplit_once('.').unwrap();
            let flipped = if signature.starts_with('c') { "d" } else { "E" };
            assert_eq!(
                signed(&format!("{message}.{flipped}{}", &signature[1..]), &keys()),
                Err(Fault::Signature)
            );
            let (head, payload) = message.split_once('.').unwrap();
            let other = payload.replacen("eyJpc3MiOiJqb2Ui", "eyJpc3MiOiJqb2Vi", 1);
            assert_eq!(signed(&format!("{head}.{other}.{signature}"), &keys()), Err(Fault::Signature));
            assert_eq!(signed(&format!("{text}.x"), &keys()), Err(Fault::Malformed));
            assert_eq!(signed(text, &Keys::default()), Err(Fault::UnknownKey));
        }
    }

    #[test]
    fn no_other_way_of_signing_is_taken() {
        let payload = RS256.split('.').nth(1).unwrap();
        for header in [
            "{\"alg\":\"none\"}",
            "{\"alg\":\"None\"}",
            "{\"alg\":\"HS256\"}",
            "{\"alg\":\"RS256\",\"crit\":[\"b64\"]}",
            "{}",
        ] {
            let head = super::super::encode::base64url(header.as_bytes());
            for signature in ["", "AAAA"] {
                let text = format!("{head}.{payload}.{signature}");
                assert_eq!(signed(&text, &keys()), Err(Fault::Algorithm), "{header}");
            }
        }
    }

    #[test]
    fn a_token_for_several_has_to_be_asked_for_by_us() {
        for (claims, right) in [
            (json!({"aud": "us"}), true),
            (json!({"aud": ["us"]}), true),
            (json!({"aud": ["us", "them"], "azp": "us"}), true),
            (json!({"aud": ["us", "them"]}), false),
            (json!({"aud": ["us", "them"], "azp": "them"}), false),
            (json!({"aud": "us", "azp": "them"}), false),
            (json!({"aud": "them"}), false),
            (json!({}), false),
        ] {
            assert_eq!(is_for(&claims, "us"), right, "{claims}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_without_a_panic(text in "[A-Za-z0-9_.-]{0,200}", more in any::<String>()) {
            prop_assert!(signed(&text, &keys()).is_err());
            prop_assert!(signed(&more, &keys()).is_err());
        }
    }
}
