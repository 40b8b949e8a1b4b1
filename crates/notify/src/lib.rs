//! Notices to people and their tools: signed webhooks, chats, mail and syslog; by severity, service and organisation;
//! grouped, damped, retried; with a test, and with a state that says when a channel is dead.
//!
//! Whoever hands a [`Notice`] to the [`Notifier`] never waits: each channel has a bounded queue and a thread of its own,
//! and blocks nobody but itself. What a channel is told, and how often, is pure logic with its time given
//! ([`Rule`], [`Damper`]); how it gets there is one attempt with one deadline. A failure that may pass is tried again, later
//! and later; a refusal is not. Whatever is not told is counted, and the next message says how much it was.
//!
//! Nothing of persons leaves: addresses outside the institution's own networks are masked in everything that goes out (see
//! [`mask()`]), whatever the caller did.
//!
//! ```
//! use notify::{ChannelKind, ChannelOptions, Notifier, Secret, Surroundings, WebhookOptions};
//! use std::sync::Arc;
//!
//! let url = Secret::Value("http://127.0.0.1:9/hook".into());
//! let key = Secret::Value("0123456789abcdef0123456789abcdef".into());
//! let webhook = WebhookOptions { url, key, ca_file: None, allow_plain: false };
//! let channel = ChannelOptions::new("soc", ChannelKind::Webhook(webhook));
//! let surroundings = Surroundings { clock: Arc::new(|| 0), own: vec![], seed: 1 };
//! let notifier = Notifier::open(&[channel], &surroundings)?;
//! assert_eq!(notifier.states()[0].target, "http://127.0.0.1:9");
//! # Ok::<(), notify::NotifyError>(())
//! ```
//!
//! # Limits
//!
//! - Every limit has a name in [`limits`].
//! - What waits in memory is lost with the process. What began before it ended and goes on after is told again as new, with
//!   another delivery id unless it is the same to the byte.
//! - A receiver that takes a message and hangs up before it says so gets it again, with the same id.
//! - Looking up a host's name is the system's work and has the system's timeout.

mod clean;
mod damper;
mod delivery;
pub mod limits;
mod mask;
mod notice;
mod notifier;
mod options;
mod retry;
mod rule;
mod secret;
mod state;
mod transport;
mod worker;

pub use damper::{Batch, Covers, Damper, DamperCounters, Entry, Steadiness};
pub use mask::{MASKED, mask};
pub use notice::{Notice, Phase, Severity};
pub use notifier::{Clock, Notifier, NotifyError, Surroundings, TestError};
pub use options::{
    ChannelKind, ChannelOptions, ChatOptions, DamperOptions, Login, MailOptions, MailSecurity, OptionProblem,
    RetryOptions, SyslogOptions, SyslogTransport, WebhookOptions,
};
pub use rule::{QuietHours, Rule};
pub use secret::{Secret, SecretError};
pub use state::{ChannelState, Dead};
pub use transport::{DELIVERY_FIELD, SIGNATURE_FIELD, TIMESTAMP_FIELD, TransportError, TrustError};
pub use transport::{FetchLimits, Fetched, Source, trusting};
