//! The host of a URL or of an address of mail, read as browsers read it (WHATWG URL, 3.5 and 4.4), so that an odd way of writing hides nothing.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

/// Who is meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Host<'a> {
    /// An address.
    Address(IpAddr),
    /// A name, as it is written.
    Name(Cow<'a, str>),
}

/// The host of a URL, or of what follows `//`; nothing where there is none.
#[must_use]
pub fn of_url(url: &str) -> Option<Host<'_>> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest).trim_start_matches(['/', '\\']);
    let authority = rest.split(['/', '\\', '?', '#']).next()?;
    // What stands before the last @ is a user, however much it looks like a host.
    of_authority(authority.rsplit_once('@').map_or(authority, |(_, host)| host))
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`.
#[must_use]
pub fn of_authority(text: &str) -> Option<Host<'_>> {
    if let Some(rest) = text.strip_prefix('[') {
        let inner = rest.split(']').next()?;
        let inner = inner.split('%').next()?;
        return inner.parse().ok().map(Host::Address);
    }
    if let Ok(address) = text.parse() {
        return Some(Host::Address(address));
    }
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let host = text.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(text, |(host, _)| host);
    let name = plain(host);
    if let Some(address) = v4(&name) {
        return Some(Host::Address(IpAddr::V4(address)));
    }
    let is_empty = name.trim_matches('.').is_empty();
    (!is_empty).then_some(Host::Name(name))
}

/// Without `%41`, and with the dots of other alphabets as dots.
fn plain(host: &str) -> Cow<'_, str> {
    let dots = ['\u{3002}', '\u{ff0e}', '\u{ff61}'];
    if !host.contains('%') && !host.contains(dots) {
        return Cow::Borrowed(host);
    }
    let bytes = host.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).replace(dots, "."))
}

/// IPv4 as `inet_aton` takes it: up to four parts, decimal, octal or hexadecimal, the last of which fills the rest.
fn v4(text: &str) -> Option<Ipv4Addr> {
    let mut parts = [0u64; 4];
    let mut count = 0;
    for part in text.strip_suffix('.').unwrap_or(text).split('.') {
        *parts.get_mut(count)? = number(part)?;
        count += 1;
    }
    let (last, before) = parts.get(..count)?.split_last()?;
    if before.iter().any(|part| *part > 255) || *last >= 1 << (8 * (5 - count)) {
        return None;
    }
    let upper = before.iter().enumerate().map(|(at, part)| part << (24 - 8 * at)).sum::<u64>();
    u32::try_from(upper + last).ok().map(Ipv4Addr::from)
}

fn number(part: &str) -> Option<u64> {
    let hex = part.strip_prefix("0x").or_else(|| part.strip_prefix("0X"));
    match hex {
        Some("") => Some(0),
        Some(digits) if digits.len() <= 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16).ok()
        }
        Some(_) => None,
        None if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) => None,
        None if part.len() > 1 && part.starts_with('0') => u64::from_str_radix(part, 8).ok(),
        None => part.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_ways_of_writing_hide_no_host() {
        let address = |text: &str| Host::Address(text.parse().unwrap());
        for (url, wanted) in [
            ("https://192.0.2.10/x", address("192.0.2.10")),
            ("https://user:own.example@192.0.2.10:8080?x", address("192.0.2.10")),
            ("https://[2001:db8::7]:443/", address("2001:db8::7")),
            ("HTTP://3221225994/", address("192.0.2.10")),
            ("http://0xC0.0.02.0xa/", address("192.0.2.10")),
            ("http://192.0.522/", address("192.0.2.10")),
            ("http://192.0.2.10./", address("192.0.2.10")),
            ("http://%31%392.0.2.10/", address("192.0.2.10")),
            ("http://192\u{3002}0.2.10/", address("192.0.2.10")),
            ("https://a.example:443/x", Host::Name("a.example".into())),
            ("https://own.example@evil.example/", Host::Name("evil.example".into())),
            ("//evil.example/x", Host::Name("evil.example".into())),
            ("http://1.2.3.4.5/", Host::Name("1.2.3.4.5".into())),
            ("http://300.1.1.1/", Host::Name("300.1.1.1".into())),
        ] {
            assert_eq!(of_url(url), Some(wanted), "{url}");
        }
        assert_eq!(of_url("https:///"), None);
    }
}
