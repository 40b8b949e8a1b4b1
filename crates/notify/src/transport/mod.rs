//! How a message gets to a receiver. One attempt each; who calls decides about the next.
//!
//! All of it is blocking, within one deadline for an attempt, and keeps no connection: messages are few, and a connection
//! that has been idle for an hour is often one that is gone without a word.
//!
//! Why own code for the client's side of HTTP and SMTP: what is needed of them are one request and one dialogue without
//! options. The crates that do more (`ureq`, `lettre`) bring some forty crates that are not in the tree yet, and an answer
//! here is read with a limit on everything.

mod base64;
mod chat;
mod connection;
mod fetch;
mod http;
mod mail;
mod message;
mod reply;
mod syslog;
mod trust;
pub(crate) mod url;
mod webhook;

use std::time::Duration;

use crate::delivery::Delivery;
use crate::options::{ChannelKind, ChannelOptions};
use crate::secret::SecretError;
use chat::Chat;
use mail::Mail;
use syslog::Syslog;
use webhook::Webhook;

pub use fetch::{FetchLimits, Fetched, Source};
pub(crate) use message::is_address as valid_address;
pub use trust::{TrustError, configuration as trusting};
pub(crate) use url::is_host as valid_host;
pub use webhook::{DELIVERY_FIELD, SIGNATURE_FIELD, TIMESTAMP_FIELD};

/// Why an attempt failed. The text holds nothing secret and nothing that the receiver could have made up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    pub(crate) text: String,
    /// Another attempt would fail too.
    pub(crate) is_permanent: bool,
    /// The receiver asks for this much time.
    pub(crate) retry_after: Option<Duration>,
}

impl Failure {
    pub(crate) fn temporary(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_permanent: false, retry_after: None }
    }

    pub(crate) fn permanent(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_permanent: true, retry_after: None }
    }
}

/// What attempts for one message share.
#[derive(Clone, Default, Debug)]
pub(crate) struct Progress {
    /// Recipients of a mail that need no further attempt, by their place in the list.
    pub(crate) settled: u64,
    /// Of these: refused for good.
    pub(crate) refused: u64,
}

/// Why a channel cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// A secret cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// There are no authorities to believe.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// What a file holds is not fit.
    #[error("{option}: {why}")]
    Unfit {
        /// Name of the option.
        option: &'static str,
        /// What is wrong, without showing it.
        why: String,
    },
}

/// The way to one receiver.
#[derive(Debug)]
pub(crate) enum Transport {
    Webhook(Webhook),
    Chat(Chat),
    Mail(Mail),
    Syslog(Syslog),
}

impl Transport {
    /// Reads secrets and certificates.
    pub(crate) fn open(options: &ChannelOptions) -> Result<Self, TransportError> {
        let timeout = Duration::from_millis(options.timeout_milliseconds.into());
        Ok(match &options.kind {
            ChannelKind::Webhook(options) => Self::Webhook(Webhook::open(options, timeout)?),
            ChannelKind::Chat(options) => Self::Chat(Chat::open(options, timeout)?),
            ChannelKind::Mail(options) => Self::Mail(Mail::open(options, timeout)?),
            ChannelKind::Syslog(options) => Self::Syslog(Syslog::open(options, timeout)?),
        })
    }

    /// Where it leads, without what is secret.
    pub(crate) fn target(&self) -> String {
        match self {
            Self::Webhook(webhook) => webhook.target(),
            Self::Chat(chat) => chat.target(),
            Self::Mail(mail) => mail.target(),
            Self::Syslog(syslog) => syslog.target(),
        }
    }

    /// One attempt at a time, nanoseconds since 1970.
    pub(crate) fn send(&self, delivery: &Delivery, now: i64, progress: &mut Progress) -> Result<(), Failure> {
        match self {
            Self::Webhook(webhook) => webhook.send(delivery, now),
            Self::Chat(chat) => chat.send(delivery),
            Self::Mail(mail) => mail.send(delivery, now, progress),
            Self::Syslog(syslog) => syslog.send(delivery),
        }
    }
}
