//! Times as seconds since 1970, as far as indicators need them.

use jiff::Timestamp;

/// Of RFC 3339, or of a date; nothing before 1970 or after 2106.
#[must_use]
pub fn seconds(text: &str) -> Option<u32> {
    let text = text.trim();
    let time =
        text.parse::<Timestamp>().ok().or_else(|| format!("{}T00:00:00Z", text.get(..10)?).parse().ok())?;
    u32::try_from(time.as_second()).ok()
}

/// As STIX writes it: with milliseconds.
#[must_use]
pub fn text(seconds: u32) -> String {
    let time = Timestamp::from_second(i64::from(seconds)).unwrap_or_default();
    format!("{}.000Z", time.strftime("%Y-%m-%dT%H:%M:%S"))
}
