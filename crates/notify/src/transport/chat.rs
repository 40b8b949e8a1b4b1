//! An incoming webhook of a chat, in the shape that Slack, Mattermost and their like take: a text, and an attachment with a
//! colour.
//!
//! What is in a notice must not speak to the chat: `@channel` wakes everybody, `<url|words>` and `[words](url)` show a link
//! as what it is not.

use std::time::Duration;

use serde_json::json;

use super::http::Endpoint;
use super::{Failure, TransportError};
use crate::clean::shorten_bytes;
use crate::delivery::Delivery;
use crate::limits::MAX_PROSE_BYTES;
use crate::notice::{Phase, Severity};
use crate::options::ChatOptions;

/// Bytes of the attachment's text: Mattermost keeps 16,383 characters, Slack shows fewer.
const TEXT_BYTES: usize = if MAX_PROSE_BYTES < 8_000 { MAX_PROSE_BYTES } else { 8_000 };

/// The way to a chat.
#[derive(Debug)]
pub(crate) struct Chat {
    endpoint: Endpoint,
}

impl Chat {
    pub(super) fn open(options: &ChatOptions, timeout: Duration) -> Result<Self, TransportError> {
        let endpoint =
            Endpoint::open(&options.url, options.allow_plain, options.ca_file.as_deref(), timeout)?;
        Ok(Self { endpoint })
    }

    pub(super) fn target(&self) -> String {
        self.endpoint.target()
    }

    pub(super) fn send(&self, delivery: &Delivery) -> Result<(), Failure> {
        self.endpoint.post(&[], &payload(delivery))
    }
}

fn payload(delivery: &Delivery) -> Vec<u8> {
    let is_over = delivery.newest().is_some_and(|entry| entry.phase() == Phase::End) && !delivery.is_digest();
    let colour = match delivery.batch.severity {
        _ if is_over => "#2e7d32",
        Severity::Info => "#1565c0",
        Severity::Warning => "#f9a825",
        Severity::Critical => "#c62828",
    };
    let headline = tamed(&shorten_bytes(&delivery.headline(), 1_000));
    let text = tamed(&delivery.prose(TEXT_BYTES));
    let body = json!({
        "text": headline,
        "attachments": [{"color": colour, "fallback": headline, "text": text}],
    });
    serde_json::to_vec(&body).unwrap_or_default()
}

/// Without what the chat would take for a command, a mention or a link that hides where it leads.
fn tamed(text: &str) -> String {
    let mut tame = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => tame.push_str("&amp;"),
            '<' => tame.push_str("&lt;"),
            '>' => tame.push_str("&gt;"),
            // An invisible space keeps these from meaning anything.
            '@' | ']' | '`' | '!' => {
                tame.push(character);
                tame.push('\u{200b}');
            }
            _ => tame.push(character),
        }
    }
    tame
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_title_cannot_wake_everybody_or_hide_a_link() {
        let tame = tamed("@channel <!here> [bank](https://evil.example) <https://evil.example|bank> ![x](y)");
        for wild in ["@channel", "<", "](", "!["] {
            assert!(!tame.contains(wild), "{tame}");
        }
        let delivery = Delivery::test("room", 0);
        let body: Value = serde_json::from_slice(&payload(&delivery)).unwrap();
        assert_eq!(body["text"], "test: info: Test of the channel room");
        assert_eq!(body["attachments"][0]["color"], "#1565c0");
        assert!(body["attachments"][0]["text"].as_str().unwrap().starts_with("Somebody tests"));
    }
}
