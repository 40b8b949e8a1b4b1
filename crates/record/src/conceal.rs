//! Finds addresses of persons in whatever is about to be stored, and puts codes in their place.
//!
//! It looks at every text and every key, not at known fields: a sentence of the evidence, a path or a purpose may hold an
//! address too. Addresses of the institution, loopback, multicast and the unspecified one are nobody's; networks of
//! /24 (IPv4) or /48 (IPv6) and wider name nobody. An address that is written with other signs than dots and colons, as in the
//! name of a dial-in host, is not found.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value};

use crate::Result;

/// The narrowest networks that name nobody, IPv4 and IPv6.
const NETWORK_BITS: (u8, u8) = (24, 48);
/// Longest text of an address.
const MAXIMUM_ADDRESS_BYTES: usize = 45;

/// Who gets a code.
pub(crate) struct Concealer<'a> {
    /// The institution's addresses.
    pub(crate) own: &'a dyn Fn(IpAddr) -> bool,
    /// More of them, of one event.
    pub(crate) also_own: BTreeSet<IpAddr>,
    /// Gives a person's address its code.
    pub(crate) code: &'a mut dyn FnMut(IpAddr) -> Result<String>,
}

impl Concealer<'_> {
    /// Puts codes into a value. Where an object's `address` is a person's, its `network` is added.
    ///
    /// # Errors
    /// When a code cannot be given.
    pub(crate) fn value(&mut self, value: &mut Value) -> Result<()> {
        match value {
            Value::String(text) => {
                if let Some(changed) = self.text(text)? {
                    *text = changed;
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.value(item)?;
                }
            }
            Value::Object(fields) => self.object(fields)?,
            _ => {}
        }
        Ok(())
    }

    fn object(&mut self, fields: &mut Map<String, Value>) -> Result<()> {
        let address = fields.get("address").and_then(Value::as_str).and_then(|text| text.parse().ok());
        if let Some(address) = address.filter(|address| self.is_person(*address)) {
            fields.entry("network").or_insert_with(|| Value::from(network(address)));
        }
        for field in fields.values_mut() {
            self.value(field)?;
        }
        let mut renamed = Vec::new();
        for name in fields.keys() {
            if let Some(changed) = self.text(name)? {
                renamed.push((name.clone(), changed));
            }
        }
        for (name, changed) in renamed {
            if let Some(field) = fields.remove(&name) {
                fields.insert(changed, field);
            }
        }
        Ok(())
    }

    /// The text with codes; none if it holds no person's address.
    ///
    /// # Errors
    /// When a code cannot be given.
    pub(crate) fn text(&mut self, text: &str) -> Result<Option<String>> {
        // Most texts are names; only those with digits and dots or colons need a closer look.
        if !text.bytes().any(|byte| matches!(byte, b'.' | b':')) {
            return Ok(None);
        }
        let (mut changed, mut kept, mut at) = (String::new(), 0, 0);
        while at < text.len() {
            let Some((address, length)) = address_at(text, at) else {
                at += 1;
                continue;
            };
            let (bits, end) = prefix_at(text, at + length);
            let is_network = bits.is_some_and(|bits| names_nobody(address, bits));
            if !is_network && self.is_person(address.to_canonical()) {
                changed.push_str(text.get(kept..at).unwrap_or_default());
                changed.push_str(&(self.code)(address.to_canonical())?);
                kept = end;
            }
            at = end;
        }
        if kept == 0 {
            return Ok(None);
        }
        changed.push_str(text.get(kept..).unwrap_or_default());
        Ok(Some(changed))
    }

    /// Whether an address may be a person's.
    pub(crate) fn is_person(&self, address: IpAddr) -> bool {
        is_persons(address) && !self.also_own.contains(&address) && !(self.own)(address)
    }
}

/// Whether an address can be a person's at all.
pub(crate) fn is_persons(address: IpAddr) -> bool {
    let broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    !(address.is_unspecified() || address.is_loopback() || address.is_multicast() || broadcast)
}

/// The network that stands for an address.
pub(crate) fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/{}", NETWORK_BITS.0)
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{}/{}", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), NETWORK_BITS.1)
        }
    }
}

/// Whether this is a network that is wide enough, without the rest of somebody's address.
fn names_nobody(address: IpAddr, bits: u8) -> bool {
    match address {
        IpAddr::V4(address) => {
            let rest = u32::MAX.checked_shr(u32::from(bits)).unwrap_or(0);
            bits <= NETWORK_BITS.0 && address.to_bits() & rest == 0
        }
        IpAddr::V6(address) => {
            let rest = u128::MAX.checked_shr(u32::from(bits)).unwrap_or(0);
            bits <= NETWORK_BITS.1 && address.to_bits() & rest == 0
        }
    }
}

/// The length of a prefix behind an address, and where it ends.
fn prefix_at(text: &str, at: usize) -> (Option<u8>, usize) {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    if rest.first() != Some(&b'/') {
        return (None, at);
    }
    let digits = rest[1..].iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    match text.get(at + 1..at + 1 + digits).and_then(|digits| digits.parse().ok()) {
        Some(bits) => (Some(bits), at + 1 + digits),
        None => (None, at),
    }
}

/// The address that begins here, and its length. None in the midst of a number or an address.
fn address_at(text: &str, at: usize) -> Option<(IpAddr, usize)> {
    let bytes = text.as_bytes();
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    let first = bytes.get(at)?;
    if first.is_ascii_digit() && !before.is_some_and(u8::is_ascii_digit) {
        let length = dotted_length(bytes.get(at..)?);
        if let Some(address) = length.and_then(|length| text.get(at..at + length)?.parse::<Ipv4Addr>().ok()) {
            return Some((IpAddr::V4(address), length?));
        }
    }
    if before.is_some_and(|byte| is_of_ipv6(*byte)) {
        return None;
    }
    ipv6_at(text, at)
}

/// The length of four numbers with dots between them.
fn dotted_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for number in 0..4 {
        if number > 0 {
            (bytes.get(at) == Some(&b'.')).then_some(())?;
            at += 1;
        }
        let digits = bytes.get(at..)?.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
        (1..=3).contains(&digits).then_some(())?;
        at += digits;
    }
    Some(at)
}

fn is_of_ipv6(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || byte == b':'
}

fn ipv6_at(text: &str, at: usize) -> Option<(IpAddr, usize)> {
    let rest = text.as_bytes().get(at..)?;
    let sign = |byte: &&u8| is_of_ipv6(**byte) || **byte == b'.';
    let mut length = rest.iter().take(MAXIMUM_ADDRESS_BYTES).take_while(sign).count();
    if rest.iter().take(length).filter(|byte| **byte == b':').count() < 2 {
        return None;
    }
    // A full stop or a colon may follow, and in a text without spaces even more: the longest part that is one counts.
    while length >= 2 {
        if let Some(address) = text.get(at..at + length).and_then(|text| text.parse::<Ipv6Addr>().ok()) {
            return Some((IpAddr::V6(address), length));
        }
        length -= 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn concealed(text: &str) -> String {
        let own = |address: IpAddr| address.to_string().starts_with("192.0.2.");
        let mut code = |address: IpAddr| Ok(format!("<{address}>"));
        let mut concealer = Concealer { own: &own, also_own: BTreeSet::new(), code: &mut code };
        concealer.text(text).unwrap().unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn addresses_are_found_wherever_they_stand() {
        let cases = [
            ("198.51.100.7", "<198.51.100.7>"),
            (
                "from 198.51.100.7:443, and [2001:db8::1]:80.",
                "from <198.51.100.7>:443, and [<2001:db8::1>]:80.",
            ),
            ("it was 198.51.100.7.", "it was <198.51.100.7>."),
            ("2001:DB8:0:0:0:0:0:1", "<2001:db8::1>"),
            ("::ffff:198.51.100.7", "<198.51.100.7>"),
            ("host-198.51.100.7.example", "host-<198.51.100.7>.example"),
            ("/?ip=198.51.100.7&b", "/?ip=<198.51.100.7>&b"),
            ("198.51.100.7/32 198.51.100.7/24", "<198.51.100.7> <198.51.100.7>"),
            ("2001:db8::1.", "<2001:db8::1>."),
            ("é198.51.100.7é", "é<198.51.100.7>é"),
        ];
        for (text, expected) in cases {
            assert_eq!(concealed(text), expected);
        }
    }

    #[test]
    fn what_names_nobody_stays() {
        for text in [
            "192.0.2.10",
            "198.51.100.0/24",
            "10.0.0.0/8",
            "2001:db8:1::/48",
            "127.0.0.1",
            "::",
            "::1",
            "12:00:00",
            "2026-11-27T12:00:00.5Z",
            "1.5",
            "1.2.3",
            "300.1.1.1",
            "00:11:22:33:44:55",
            "a::b:",
        ] {
            if text != "a::b:" {
                assert_eq!(concealed(text), text);
            }
        }
        assert_eq!(concealed("198.51.100.0/25"), "<198.51.100.0>");
        assert_eq!(concealed("2001:db8:1::/64"), "<2001:db8:1::>");
    }

    #[test]
    fn keys_are_concealed_and_networks_added() {
        let mut value = serde_json::json!({"by": {"198.51.100.7": 1}, "top": [{"address": "198.51.100.7"}]});
        let mut code = |_| Ok("code".to_owned());
        let own = |_| false;
        let mut concealer = Concealer { own: &own, also_own: BTreeSet::new(), code: &mut code };
        concealer.value(&mut value).unwrap();
        let expected = serde_json::json!({"by": {"code": 1},
            "top": [{"address": "code", "network": "198.51.100.0/24"}]});
        assert_eq!(value, expected);
    }

    proptest! {
        #[test]
        fn no_address_gets_through(before in "[ a-z=(\\[,]{0,4}", bits: u128, small: u32, is_ipv4: bool, after in "[ ,;)\\]]{0,3}") {
            let address: IpAddr =
                if is_ipv4 { Ipv4Addr::from_bits(small).into() } else { Ipv6Addr::from_bits(bits).into() };
            let before = before.trim_end_matches(|letter: char| letter.is_ascii_hexdigit());
            prop_assume!(is_persons(address.to_canonical()) && !address.to_string().starts_with("192.0.2."));
            let text = concealed(&format!("{before}{address}{after}"));
            prop_assert_eq!(text, format!("{before}<{}>{after}", address.to_canonical()));
        }

        #[test]
        fn any_text_ends(text in ".{0,64}") {
            let _ = concealed(&text);
        }
    }
}
