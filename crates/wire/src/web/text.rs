//! Numbers and addresses as logs write them.

use std::net::Ipv6Addr;

use super::{Cache, Client, Version};
use crate::Address;

/// Longest text that is read as a number; none that means something is longer.
const MAX_NUMBER_BYTES: usize = 40;
/// Longest text that is read as an address: an IPv6 address with brackets and a port.
const MAX_ADDRESS_BYTES: usize = 56;

/// Nothing, if the text is the mark for it.
#[inline]
pub(super) fn present(text: &[u8]) -> &[u8] {
    if text == b"-" { b"" } else { text }
}

/// A whole number. `None` for anything else.
#[inline]
pub(super) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    let mut value = 0_u64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value)
}

/// A number with or without a fraction, in units of which one is `unit` of what comes back.
#[inline]
pub(super) fn decimal(text: &[u8], unit: u64) -> Option<u64> {
    let point = text.iter().position(|byte| !byte.is_ascii_digit());
    let Some(at) = point else { return number(text)?.checked_mul(unit) };
    if text.get(at) != Some(&b'.') {
        return by_exponent(text, unit);
    }
    let whole = if at == 0 { 0 } else { number(text.get(..at)?)? };
    let digits = text.get(at + 1..)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return by_exponent(text, unit);
    }
    let kept = digits.get(..9).unwrap_or(digits);
    let fraction = if kept.is_empty() { 0 } else { number(kept)? };
    let parts = fraction.saturating_mul(unit) / 10_u64.pow(kept.len() as u32);
    whole.checked_mul(unit)?.checked_add(parts)
}

/// `1.2e-05`, as some JSON writers have it.
#[cold]
fn by_exponent(text: &[u8], unit: u64) -> Option<u64> {
    if text.len() > MAX_NUMBER_BYTES || !text.iter().any(|byte| matches!(byte, b'e' | b'E')) {
        return None;
    }
    let value = std::str::from_utf8(text).ok()?.parse::<f64>().ok()? * unit as f64;
    (value.is_finite() && (0.0..1.8e19).contains(&value)).then_some(value as u64)
}

/// An IPv4 address in its usual form, and what follows it.
#[inline]
fn ipv4(text: &[u8]) -> Option<([u8; 4], &[u8])> {
    let mut bytes = [0_u8; 4];
    let mut at = 0;
    for (index, place) in bytes.iter_mut().enumerate() {
        let mut value = 0_u32;
        let begin = at;
        while let Some(digit) = text.get(at).map(|byte| byte.wrapping_sub(b'0'))
            && digit <= 9
            && at - begin < 3
        {
            value = value * 10 + u32::from(digit);
            at += 1;
        }
        if at == begin || value > 255 {
            return None;
        }
        *place = value as u8;
        if index < 3 {
            if text.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
    }
    Some((bytes, text.get(at..).unwrap_or_default()))
}

fn is_port(text: &[u8]) -> bool {
    matches!(text, [b':', digits @ ..] if number(digits).is_some_and(|port| port <= 65_535))
}

/// An address, with or without a port or brackets.
#[inline]
pub(super) fn address(text: &[u8]) -> Option<Address> {
    if let Some((bytes, rest)) = ipv4(text) {
        return (rest.is_empty() || is_port(rest)).then(|| Address::from_ipv4(bytes));
    }
    ipv6(text)
}

fn ipv6(text: &[u8]) -> Option<Address> {
    if text.len() > MAX_ADDRESS_BYTES {
        return None;
    }
    let inner = match text {
        [b'[', rest @ ..] => {
            let end = rest.iter().position(|byte| *byte == b']')?;
            let (inner, after) = rest.split_at_checked(end)?;
            if after.len() > 1 && !is_port(after.get(1..)?) {
                return None;
            }
            inner
        }
        _ => text,
    };
    let parse = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<Ipv6Addr>().ok();
    Some(Address::from_ipv6(parse(inner)?.octets()))
}

/// An address with a port that always follows, as in HAProxy: an IPv6 address has no brackets there.
pub(super) fn address_and_port(text: &[u8]) -> Option<Address> {
    if let Some((bytes, rest)) = ipv4(text) {
        return is_port(rest).then(|| Address::from_ipv4(bytes));
    }
    let colon = text.iter().rposition(|byte| *byte == b':')?;
    let (before, port) = text.split_at_checked(colon)?;
    if is_port(port) { ipv6(before) } else { None }
}

/// Who sent it.
#[inline]
pub(super) fn client(text: &[u8]) -> Client<'_> {
    match address(text) {
        Some(address) => Client::Address(address),
        None => Client::Name(present(text)),
    }
}

/// The version that a token is.
#[inline]
pub(super) fn version(token: &[u8]) -> Version {
    match token {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/2.0" | b"HTTP/2" => Version::Http2,
        b"HTTP/1.0" => Version::Http10,
        b"HTTP/3.0" | b"HTTP/3" => Version::Http3,
        b"HTTP/0.9" => Version::Http09,
        _ => Version::Unknown,
    }
}

/// What a cache said: nginx's words, those of CloudFront, Varnish and Squid.
pub(super) fn cache(text: &[u8]) -> Cache {
    const LONGEST: usize = 32;
    const HIT: [&[u8]; 4] = [b"HIT", b"STALE", b"UPDATING", b"REVALIDATED"];
    const MISS: [&[u8]; 2] = [b"MISS", b"EXPIRED"];
    const BYPASS: [&[u8]; 4] = [b"BYPASS", b"DYNAMIC", b"PASS", b"PIPE"];
    let text = text.get(..LONGEST).unwrap_or(text);
    let has = |words: &[&[u8]]| {
        let is_there = |word: &&[u8]| text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
        words.iter().any(is_there)
    };
    if has(&HIT) {
        Cache::Hit
    } else if has(&MISS) {
        Cache::Miss
    } else if has(&BYPASS) {
        Cache::Bypass
    } else {
        Cache::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly_or_not_at_all() {
        assert_eq!(number(b"203023"), Some(203_023));
        for bad in [&b""[..], b"-", b"1a", b" 1", b"12345678901234567890"] {
            assert_eq!(number(bad), None);
        }
        let cases: [(&[u8], u64, Option<u64>); 10] = [
            (b"0.005", 1_000_000_000, Some(5_000_000)),
            (b"12", 1_000_000, Some(12_000_000)),
            (b"1.5", 1_000, Some(1_500)),
            (b".5", 1_000, Some(500)),
            (b"3.", 1_000, Some(3_000)),
            (b"0.0000000019", 1_000_000_000, Some(1)),
            (b"1.2e-05", 1_000_000_000, Some(12_000)),
            (b"-1", 1_000, None),
            (b"0.1, 0.2", 1_000, None),
            (b"9999999999999999999", 1_000, None),
        ];
        for (text, unit, expected) in cases {
            assert_eq!(decimal(text, unit), expected, "{text:?}");
        }
    }

    #[test]
    fn addresses_come_in_many_coats() {
        let written = |text: &[u8]| address(text).map(|address| address.to_string());
        for text in ["192.0.2.1", "192.0.2.1:443"] {
            assert_eq!(written(text.as_bytes()).as_deref(), Some("192.0.2.1"));
        }
        for text in ["2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:443"] {
            assert_eq!(written(text.as_bytes()).as_deref(), Some("2001:db8::7"));
        }
        assert_eq!(written(b"::ffff:192.0.2.1").as_deref(), Some("192.0.2.1"));
        for bad in
            [&b""[..], b"-", b"unix:", b"192.0.2.256", b"192.0.2", b"192.0.2.1x", b"192.0.2.1:", b"[::1"]
        {
            assert_eq!(address(bad), None, "{bad:?}");
        }
        assert_eq!(address_and_port(b"2001:db8::7:443").unwrap().to_string(), "2001:db8::7");
        assert_eq!(address_and_port(b"192.0.2.1:9").unwrap().to_string(), "192.0.2.1");
        assert_eq!(address_and_port(b"192.0.2.1"), None);
    }

    #[test]
    fn caches_speak_several_languages() {
        let cases: [(&[u8], Cache); 7] = [
            (b"HIT", Cache::Hit),
            (b"TCP_MISS/200", Cache::Miss),
            (b"RefreshHit", Cache::Hit),
            (b"pass", Cache::Bypass),
            (b"EXPIRED", Cache::Miss),
            (b"-", Cache::Unknown),
            (b"", Cache::Unknown),
        ];
        for (text, expected) in cases {
            assert_eq!(cache(text), expected, "{text:?}");
        }
    }
}
