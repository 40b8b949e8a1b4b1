//! Everything that is derived from the deployment's secret.
//!
//! Each use has a key of its own: HMAC-SHA-256 of the use's name under the secret (a pseudo-random function is a key
//! derivation for a secret that is uniform already). Sealing is ChaCha20-Poly1305 under a random nonce of 96 bits:
//! 2^32 seals are safe under one key, and far fewer are ever made.

use std::fmt;
use std::net::IpAddr;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac::{self, HMAC_SHA256};
use ring::rand::{SecureRandom, SystemRandom};

use crate::{Error, Result};

/// Bytes of a seal and of a place in the table of persons.
pub(crate) const SEAL_BYTES: usize = 16;
/// Bytes of a salt.
pub(crate) const SALT_BYTES: usize = 16;
/// Hexadecimal digits of a code.
const CODE_DIGITS: usize = 12;

/// The keys.
pub(crate) struct Keys {
    seal: hmac::Key,
    lookup: hmac::Key,
    code: hmac::Key,
    mask: hmac::Key,
    addresses: LessSafeKey,
    evidence: LessSafeKey,
    /// Tells keys apart without telling the key.
    pub(crate) identity: [u8; SEAL_BYTES],
    random: SystemRandom,
}

impl Keys {
    /// The keys of a secret.
    ///
    /// # Errors
    /// Never, as far as anybody knows: where the cipher refuses a key of its own length.
    pub(crate) fn new(secret: [u8; 16]) -> Result<Self> {
        let root = hmac::Key::new(HMAC_SHA256, &secret);
        let derived = |name: &str| hmac::sign(&root, format!("hemicycle record: {name}").as_bytes());
        let mac = |name: &str| hmac::Key::new(HMAC_SHA256, derived(name).as_ref());
        let cipher = |name: &str| {
            let key = UnboundKey::new(&CHACHA20_POLY1305, derived(name).as_ref());
            key.map(LessSafeKey::new).map_err(|_| Error::Refused("the key cannot be used".to_owned()))
        };
        Ok(Self {
            seal: mac("seal of entries"),
            lookup: mac("places of addresses"),
            code: mac("codes of addresses"),
            mask: mac("hosts in evidence"),
            addresses: cipher("addresses")?,
            evidence: cipher("evidence")?,
            identity: first(derived("identity").as_ref()),
            random: SystemRandom::new(),
        })
    }

    /// The seal of a hash.
    pub(crate) fn seal(&self, hash: &[u8]) -> [u8; SEAL_BYTES] {
        first(hmac::sign(&self.seal, hash).as_ref())
    }

    /// Where an address stands in the table of persons, in a period.
    pub(crate) fn lookup(&self, period: &str, address: IpAddr) -> [u8; SEAL_BYTES] {
        first(hmac::sign(&self.lookup, &[period.as_bytes(), &bits(address)].concat()).as_ref())
    }

    /// The code of an address in a period. Without the salt, which is erased with the address, not even who has the key
    /// can tell whose it was.
    pub(crate) fn code(&self, period: &str, salt: &[u8], address: IpAddr) -> String {
        let key = hmac::Key::new(HMAC_SHA256, hmac::sign(&self.code, period.as_bytes()).as_ref());
        let tag = hmac::sign(&key, &[salt, &bits(address)].concat());
        let digits: String = hexadecimal(tag.as_ref()).chars().take(CODE_DIGITS).collect();
        format!("p-{period}-{digits}")
    }

    /// Bytes that stand for a host in evidence that is shown, by flood and network.
    pub(crate) fn mask(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.mask);
        parts.iter().for_each(|part| context.update(part));
        first(context.sign().as_ref())
    }

    /// A new salt.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub(crate) fn salt(&self) -> Result<[u8; SALT_BYTES]> {
        let mut salt = [0; SALT_BYTES];
        self.fill(&mut salt)?;
        Ok(salt)
    }

    /// Seals a person's address for its code.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub(crate) fn seal_address(&self, code: &str, address: IpAddr) -> Result<Vec<u8>> {
        self.close(&self.addresses, code, &bits(address))
    }

    /// Opens a person's address.
    ///
    /// # Errors
    /// When it was not sealed under this key for this code.
    pub(crate) fn open_address(&self, code: &str, sealed: &[u8]) -> Result<IpAddr> {
        let bytes = open(&self.addresses, code, sealed)?;
        let bits: [u8; 16] =
            bytes.try_into().map_err(|_| Error::Damaged(format!("the address of {code}")))?;
        Ok(std::net::Ipv6Addr::from(bits).to_canonical())
    }

    /// Seals a file of evidence.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub(crate) fn seal_evidence(&self, name: &str, bytes: &[u8]) -> Result<Vec<u8>> {
        self.close(&self.evidence, name, bytes)
    }

    /// Opens a file of evidence.
    ///
    /// # Errors
    /// When it was not sealed under this key by this name.
    pub(crate) fn open_evidence(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        open(&self.evidence, name, sealed)
    }

    fn close(&self, key: &LessSafeKey, name: &str, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        self.fill(&mut nonce)?;
        let mut body = bytes.to_vec();
        let aad = Aad::from(name.as_bytes());
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body)
            .map_err(|_| Error::Refused("too large to be sealed".to_owned()))?;
        Ok([nonce.as_slice(), &body].concat())
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        self.random.fill(bytes).map_err(|_| Error::NotWritten("the system has no random bytes".to_owned()))
    }
}

/// Never shows a key.
impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Keys")
    }
}

fn open(key: &LessSafeKey, name: &str, sealed: &[u8]) -> Result<Vec<u8>> {
    let damaged = || Error::Damaged(format!("what is sealed for {name} cannot be opened under this key"));
    let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
    let mut body = body.to_vec();
    let aad = Aad::from(name.as_bytes());
    let plain = key.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut body);
    plain.map(|bytes| bytes.to_vec()).map_err(|_| damaged())
}

/// An address as 16 bytes, IPv4 in IPv4-mapped form.
pub(crate) fn bits(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    std::array::from_fn(|at| bytes.get(at).copied().unwrap_or(0))
}

/// Bytes as hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 15)]);
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(*byte));
    }
    text
}

/// The bytes of hexadecimal digits; none if something else is among them.
pub(crate) fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_key_and_name_only() {
        let (one, other) = (Keys::new([1; 16]).unwrap(), Keys::new([2; 16]).unwrap());
        let address: IpAddr = "203.0.113.9".parse().unwrap();
        let mut sealed = one.seal_address("p-1", address).unwrap();
        assert_eq!(one.open_address("p-1", &sealed).unwrap(), address);
        assert!(one.open_address("p-2", &sealed).is_err() && other.open_address("p-1", &sealed).is_err());
        sealed[13] ^= 1;
        assert!(one.open_address("p-1", &sealed).is_err());
        assert!(one.open_address("p-1", &[0; 5]).is_err());
    }

    #[test]
    fn codes_change_with_period_salt_and_key() {
        let (one, other) = (Keys::new([1; 16]).unwrap(), Keys::new([2; 16]).unwrap());
        let address: IpAddr = "2001:db8::9".parse().unwrap();
        let code = one.code("2026W48", &[0; 16], address);
        assert!(code.starts_with("p-2026W48-") && code.len() == 22, "{code}");
        assert_eq!(code, one.code("2026W48", &[0; 16], address));
        assert_ne!(code[10..], one.code("2026W49", &[0; 16], address)[10..]);
        assert_ne!(code, one.code("2026W48", &[1; 16], address));
        assert_ne!(code, other.code("2026W48", &[0; 16], address));
        assert_eq!(format!("{one:?}"), "Keys");
    }

    #[test]
    fn hexadecimal_digits_there_and_back() {
        assert_eq!(hexadecimal(&[0, 0xab, 0xff]), "00abff");
        assert_eq!(from_hexadecimal("00abff"), Some(vec![0, 0xab, 0xff]));
        assert_eq!(from_hexadecimal("00ABfF"), Some(vec![0, 0xab, 0xff]));
        assert!(from_hexadecimal("0").is_none() && from_hexadecimal("é0").is_none());
    }
}
