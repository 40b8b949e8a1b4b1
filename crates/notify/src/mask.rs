//! Addresses in a text that are not the institution's own.
//!
//! Who writes a notice keeps persons' addresses out of it. This is the second lock: whatever is left in it and parses as
//! an IP address outside the given networks becomes [`MASKED`], and is counted.
//!
//! Limits: only what is written as an address is found. A host name that spells one (`host-198-51-100-7`) is not. Four
//! small numbers with dots between them, such as a version, are taken for an address: better one number too few.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use ipnet::IpNet;

/// What stands for a masked address.
pub const MASKED: &str = "[address]";
/// The longest way to write one (an IPv6 address with an IPv4 one at its end).
const LONGEST: usize = 45;

/// The text with every foreign address masked, and how many there were.
pub fn mask<'a>(text: &'a str, own: &[IpNet]) -> (Cow<'a, str>, u64) {
    let foreign: Vec<Range<usize>> = find(text.as_bytes())
        .into_iter()
        .filter(|(_, address)| !is_own(*address, own))
        .map(|(range, _)| range)
        .collect();
    if foreign.is_empty() {
        return (Cow::Borrowed(text), 0);
    }
    let mut masked = String::with_capacity(text.len());
    let mut from = 0;
    for range in &foreign {
        masked.push_str(text.get(from..range.start).unwrap_or_default());
        masked.push_str(MASKED);
        from = range.end;
    }
    masked.push_str(text.get(from..).unwrap_or_default());
    (Cow::Owned(masked), foreign.len() as u64)
}

/// The institution's, or nobody's.
fn is_own(address: IpAddr, own: &[IpNet]) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address.is_unspecified() || own.iter().any(|network| network.contains(&address))
}

/// Every address with its place, from left to right.
fn find(bytes: &[u8]) -> Vec<(Range<usize>, IpAddr)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !is_part(bytes[at]) {
            at += 1;
            continue;
        }
        let length = bytes[at..].iter().position(|&byte| !is_part(byte)).unwrap_or(bytes.len() - at);
        let run = at..at + length;
        let count = |wanted| bytes[run.clone()].iter().filter(|&&byte| byte == wanted).count();
        let (colons, dots) = (count(b':'), count(b'.'));
        while at < run.end && (colons >= 2 || dots >= 3) {
            let six = if colons >= 2 { six_at(bytes, &run, at) } else { None };
            let address = six.or_else(|| if dots >= 3 { four_at(bytes, &run, at) } else { None });
            let Some((end, address)) = address else {
                at += 1;
                continue;
            };
            found.push((at..end, address));
            at = end;
        }
        at = run.end;
    }
    found
}

/// What an address is written with.
fn is_part(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || byte == b':' || byte == b'.'
}

fn is_word(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// The longest IPv6 address that begins here, with its end.
fn six_at(bytes: &[u8], run: &Range<usize>, start: usize) -> Option<(usize, IpAddr)> {
    let before = start.checked_sub(1).and_then(|index| bytes.get(index));
    // `from:2001:db8::1` has a word before it, `std::fmt` is none.
    if before != Some(&b':') && is_word(before) && !bytes[start..].starts_with(b"::") {
        return None;
    }
    for end in (start + 3..=run.end.min(start + LONGEST)).rev() {
        let piece = &bytes[start..end];
        if is_word(bytes.get(end)) || piece.iter().filter(|&&byte| byte == b':').count() < 2 {
            continue;
        }
        let address = std::str::from_utf8(piece).ok().and_then(|text| text.parse::<Ipv6Addr>().ok());
        if let Some(address) = address {
            return Some((end, IpAddr::V6(address)));
        }
    }
    None
}

/// The IPv4 address that begins here, with its end. Noughts in front are allowed: people write them, parsers refuse them.
fn four_at(bytes: &[u8], run: &Range<usize>, start: usize) -> Option<(usize, IpAddr)> {
    if start > run.start && bytes[start - 1].is_ascii_digit() {
        return None;
    }
    let mut octets = [0u8; 4];
    let mut at = start;
    for (index, octet) in octets.iter_mut().enumerate() {
        if index > 0 {
            if bytes.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
        let digits = bytes[at..run.end].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = bytes.get(at..at + digits).and_then(|digits| std::str::from_utf8(digits).ok())?;
        *octet = if digits <= 3 { number.parse().ok()? } else { return None };
        at += digits;
    }
    Some((at, IpAddr::V4(Ipv4Addr::from(octets))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let own = ["192.0.2.0/24".parse().unwrap(), "2001:db8:1::/48".parse().unwrap()];
        mask(text, &own).0.into_owned()
    }

    #[test]
    fn foreign_addresses_go_and_own_ones_stay() {
        for (text, expected) in [
            ("from 198.51.100.7 to 192.0.2.10", "from [address] to 192.0.2.10"),
            ("198.51.100.7:443, (203.0.113.9).", "[address]:443, ([address])."),
            ("198.51.100.0/24-198.51.101.0", "[address]/24-[address]"),
            ("src=198.051.100.007.", "src=[address]."),
            ("x198.51.100.7y", "x[address]y"),
            ("[2001:db8::7]:443 and 2001:db8:1::10", "[[address]]:443 and 2001:db8:1::10"),
            ("from:2001:db8::7.", "from:[address]."),
            ("src:2001:db8:0:0:0:0:0:7", "src:[address]"),
            (
                "fe80::1%eth0 ::ffff:198.51.100.7 ::ffff:192.0.2.1",
                "[address]%eth0 [address] ::ffff:192.0.2.1",
            ),
            ("1.2.3.4.5", "[address].5"),
            ("é198.51.100.7é", "é[address]é"),
        ] {
            assert_eq!(masked(text), expected);
        }
    }

    #[test]
    fn what_is_no_address_stays() {
        for text in [
            "at 10:15:30 on 27.11.2026",
            "std::fmt, x :: y",
            "00:1b:44:11:3a:b7",
            "1234.5.6.7, 256.1.1.1, 1.2.3",
            "127.0.0.1 ::1 0.0.0.0 ::",
            "dead beef 3.5 %, 2:1",
            "",
        ] {
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn a_hostile_text_takes_little_time() {
        let started = std::time::Instant::now();
        for text in ["1.".repeat(4_000), "a:".repeat(4_000), "::".repeat(4_000), ":1".repeat(4_000)] {
            let _ = masked(&text);
        }
        assert!(started.elapsed().as_secs() < 5);
    }

    proptest::proptest! {
        #[test]
        fn no_address_survives(address: std::net::Ipv6Addr, four: std::net::Ipv4Addr, before in "[ =(,\\[]", after in "[ ),;\\]/]") {
            let none: &[IpNet] = &[];
            let text = format!("{before}{address}{after}{four}{before}");
            let (result, count) = mask(&text, none);
            let six = IpAddr::V6(address);
            let expected = u64::from(!is_own(six, none)) + u64::from(!is_own(IpAddr::V4(four), none));
            proptest::prop_assert_eq!(count, expected, "{} {}", text, result);
            let again = mask(&result, none).1;
            proptest::prop_assert_eq!(again, 0);
        }
    }
}
