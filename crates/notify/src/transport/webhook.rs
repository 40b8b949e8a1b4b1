//! A signed webhook: JSON, with an HMAC-SHA256 (RFC 2104) over the time and the body.
//!
//! The time is in the signature, so that a receiver can refuse what is old, and the delivery has an id that is the same for
//! each attempt, so that it can drop what it has had already.

use std::time::Duration;

use ring::hmac;

use super::http::Endpoint;
use super::{Failure, TransportError};
use crate::delivery::{Delivery, hex};
use crate::limits::KEY_BYTES;
use crate::options::{WebhookOptions, key_length};

/// Name of the field with the time, in seconds since 1970.
pub const TIMESTAMP_FIELD: &str = "Hemicycle-Timestamp";
/// Name of the field with the signature: `v1=` and 64 hexadecimal digits.
pub const SIGNATURE_FIELD: &str = "Hemicycle-Signature";
/// Name of the field with the id of the delivery.
pub const DELIVERY_FIELD: &str = "Hemicycle-Delivery";

/// The way to a webhook.
#[derive(Debug)]
pub(crate) struct Webhook {
    endpoint: Endpoint,
    key: hmac::Key,
}

impl Webhook {
    pub(super) fn open(options: &WebhookOptions, timeout: Duration) -> Result<Self, TransportError> {
        let key = options.key.read()?;
        if !KEY_BYTES.contains(&key.len()) {
            return Err(TransportError::Unfit { option: "key", why: key_length() });
        }
        let endpoint =
            Endpoint::open(&options.url, options.allow_plain, options.ca_file.as_deref(), timeout)?;
        Ok(Self { endpoint, key: hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()) })
    }

    pub(super) fn target(&self) -> String {
        self.endpoint.target()
    }

    pub(super) fn send(&self, delivery: &Delivery, now: i64) -> Result<(), Failure> {
        let body = delivery.json();
        let seconds = now.div_euclid(1_000_000_000).to_string();
        let fields = [
            (SIGNATURE_FIELD, signature(&self.key, &seconds, &body)),
            (TIMESTAMP_FIELD, seconds),
            (DELIVERY_FIELD, delivery.id.clone()),
        ];
        self.endpoint.post(&fields, &body)
    }
}

/// `v1=` and the HMAC over `time.body`.
fn signature(key: &hmac::Key, seconds: &str, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(seconds.as_bytes());
    context.update(b".");
    context.update(body);
    format!("v1={}", hex(context.sign().as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '1795795200.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef`
    #[test]
    fn the_signature_is_the_one_that_openssl_makes() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"0123456789abcdef");
        let expected = "v1=01fefbd8630561d152f5809999607a05e6668654c82ef0532f2ba8d5e500519e";
        assert_eq!(signature(&key, "1795795200", br#"{"a":1}"#), expected);
    }
}
