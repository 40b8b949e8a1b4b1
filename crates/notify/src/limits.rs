//! Every limit of this crate, by name.

use std::ops::RangeInclusive;

/// Channels of one notifier; each has a thread.
pub const MAX_CHANNELS: usize = 64;
/// Characters of the name of a channel, a kind, a subject, a topic, a service or an organisation.
pub const MAX_NAME_CHARACTERS: usize = 128;
/// Characters of a title.
pub const MAX_TITLE_CHARACTERS: usize = 200;
/// Characters of a text.
pub const MAX_TEXT_CHARACTERS: usize = 4_000;
/// Characters of each text where several notices are put together.
pub const MAX_DIGEST_TEXT_CHARACTERS: usize = 400;
/// Characters of a link.
pub const MAX_LINK_CHARACTERS: usize = 1_000;
/// Services, and organisations, of one notice.
pub const MAX_NAMES: usize = 32;
/// Bytes of the body of one notice as JSON. A larger one is left out.
pub const MAX_BODY_BYTES: usize = 32 << 10;
/// Values in the body of one notice, and how deep they may be nested. A body with more is left out.
pub const MAX_BODY_VALUES: usize = 4_096;
/// See [`MAX_BODY_VALUES`].
pub const MAX_BODY_DEPTH: usize = 32;
/// Bytes of all bodies that are put together. Further ones are left out.
pub const MAX_DIGEST_BODIES_BYTES: usize = 256 << 10;
/// Bytes of one payload.
pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;
/// Bytes of one mail's text, and of one message of a chat.
pub const MAX_PROSE_BYTES: usize = 64 << 10;
/// Subjects that one channel remembers, ended ones too.
pub const MAX_SUBJECTS: usize = 1_024;
/// Topics that one channel remembers.
pub const MAX_TOPICS: usize = 1_024;
/// Subjects that wait to be told; further ones are only counted, and the count is told.
pub const MAX_WAITING: usize = 256;
/// Bytes of an HTTP answer that are read; what comes after the head is never waited for.
pub const MAX_ANSWER_BYTES: usize = 16 << 10;
/// Header fields of an HTTP answer.
pub const MAX_ANSWER_FIELDS: usize = 64;
/// Bytes of one line of a mail server.
pub const MAX_REPLY_LINE_BYTES: usize = 2 << 10;
/// Lines of one reply of a mail server.
pub const MAX_REPLY_LINES: usize = 100;
/// Recipients of one channel.
pub const MAX_RECIPIENTS: usize = 32;
/// Bytes of a file with a secret.
pub const MAX_SECRET_BYTES: u64 = 4 << 10;
/// Bytes of a file with certificates.
pub const MAX_CERTIFICATES_BYTES: u64 = 8 << 20;
/// Bytes of a webhook's key: no shorter one is hard to guess.
pub const KEY_BYTES: RangeInclusive<usize> = 16..=4_096;
/// Bytes of an address of the web.
pub const MAX_URL_BYTES: usize = 2_000;
/// Addresses of one name that are tried.
pub const MAX_ADDRESSES: usize = 4;
/// Longest wait that a receiver can ask for with `Retry-After`.
pub const MAX_RETRY_AFTER_SECONDS: u64 = 3_600;

/// [`crate::DamperOptions::repeat_seconds`].
pub const REPEAT_SECONDS: RangeInclusive<u32> = 1..=86_400;
/// [`crate::DamperOptions::burst`]: one place is kept for a digest.
pub const BURST: RangeInclusive<u32> = 2..=600;
/// [`crate::DamperOptions::digest_seconds`].
pub const DIGEST_SECONDS: RangeInclusive<u32> = 1..=300;
/// [`crate::DamperOptions::flap_starts`].
pub const FLAP_STARTS: RangeInclusive<u32> = 2..=100;
/// [`crate::DamperOptions::flap_seconds`].
pub const FLAP_SECONDS: RangeInclusive<u32> = 60..=86_400;
/// [`crate::RetryOptions::first_milliseconds`].
pub const FIRST_MILLISECONDS: RangeInclusive<u32> = 10..=600_000;
/// [`crate::RetryOptions::longest_seconds`].
pub const LONGEST_SECONDS: RangeInclusive<u32> = 1..=3_600;
/// [`crate::RetryOptions::attempts`].
pub const ATTEMPTS: RangeInclusive<u32> = 1..=100;
/// [`crate::RetryOptions::age_seconds`].
pub const AGE_SECONDS: RangeInclusive<u32> = 1..=604_800;
/// [`crate::ChannelOptions::timeout_milliseconds`].
pub const TIMEOUT_MILLISECONDS: RangeInclusive<u32> = 100..=60_000;
/// [`crate::ChannelOptions::queue`].
pub const QUEUE: RangeInclusive<u32> = 1..=65_536;
/// [`crate::ChannelOptions::dead_failures`].
pub const DEAD_FAILURES: RangeInclusive<u32> = 1..=1_000;
/// [`crate::ChannelOptions::dead_seconds`].
pub const DEAD_SECONDS: RangeInclusive<u32> = 1..=86_400;
/// [`crate::SyslogOptions::max_bytes`] (RFC 5424 section 6.1: every receiver takes 480).
pub const SYSLOG_BYTES: RangeInclusive<u32> = 480..=65_000;
/// Least time between two tests of one channel.
pub const TEST_PAUSE_SECONDS: u64 = 5;
