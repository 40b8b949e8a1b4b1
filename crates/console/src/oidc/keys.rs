//! The provider's keys (RFC 7517, RFC 7518 section 6): RSA of 2,048 to 8,192 bits and P-256, for signatures.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::Value;

use super::encode::from_base64url;

/// Keys of one provider that are kept.
const MAXIMUM_KEYS: usize = 64;
/// Bytes of a coordinate of P-256.
const COORDINATE_BYTES: usize = 32;

/// How a token says that it is signed. Only these two are known, so that `none` and shared secrets never are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA with P-256 and SHA-256.
    Es256,
}

impl Algorithm {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }
}

#[derive(Debug)]
enum Public {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256(Vec<u8>),
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    public: Public,
}

/// All that can be used.
#[derive(Debug, Default)]
pub(super) struct Keys(Vec<Key>);

impl Keys {
    /// Those of a key set; what is not understood is left out.
    pub(super) fn of(set: &Value) -> Self {
        let keys = set["keys"].as_array().into_iter().flatten();
        Self(keys.take(MAXIMUM_KEYS).filter_map(key).collect())
    }

    /// Whether the key that a token names signed a message; none if there is no such key.
    pub(super) fn verify(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Option<bool> {
        let fits = |key: &&Key| {
            matches!(
                (&key.public, algorithm),
                (Public::Rsa { .. }, Algorithm::Rs256) | (Public::P256(_), Algorithm::Es256)
            )
        };
        let mut found = self.0.iter().filter(fits).filter(|key| id.is_none() || key.id.as_deref() == id);
        let key = found.next()?;
        // Without a name there must be no choice.
        if id.is_none() && found.next().is_some() {
            return None;
        }
        Some(match &key.public {
            Public::Rsa { modulus, exponent } => RsaPublicKeyComponents { n: modulus, e: exponent }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            Public::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
        })
    }
}

fn key(value: &Value) -> Option<Key> {
    let text = |name: &str| value[name].as_str();
    let bytes = |name: &str| text(name).and_then(from_base64url);
    if text("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let is_for = |name: &str| text("alg").is_none_or(|algorithm| algorithm == name);
    let public = match text("kty")? {
        "RSA" if is_for("RS256") => {
            // A leading nought is not part of a number (RFC 7518 section 2), and some providers write one.
            let modulus: Vec<u8> = bytes("n")?.into_iter().skip_while(|byte| *byte == 0).collect();
            Public::Rsa { modulus, exponent: bytes("e")? }
        }
        "EC" if is_for("ES256") && text("crv") == Some("P-256") => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != COORDINATE_BYTES || y.len() != COORDINATE_BYTES {
                return None;
            }
            Public::P256([&[4][..], &x, &y].concat())
        }
        _ => return None,
    };
    Some(Key { id: text("kid").map(str::to_owned), public })
}
