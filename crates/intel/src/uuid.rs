//! Ids of objects that this program makes: from what they say, so that the same object has the same id whenever it is made.

use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// 128 bits of a hash in the layout of a random UUID (RFC 9562, version 4).
#[must_use]
pub(crate) fn of(parts: &[&str]) -> String {
    // Nothing is protected by this key: ids are public.
    let mut hasher = SipHasher13::new_with_keys(0x6865_6d69, 0x6379_636c);
    for part in parts {
        hasher.write(part.as_bytes());
        hasher.write_u8(0xff);
    }
    let hash = hasher.finish128().as_u128();
    let bits = (hash & !(0xf << 76) & !(0b11 << 62)) | (4 << 76) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_repeat_and_have_the_layout() {
        let id = of(&["indicator", "a"]);
        assert_eq!((id.len(), &id[14..15]), (36, "4"));
        assert!("89ab".contains(&id[19..20]));
        assert_eq!(id, of(&["indicator", "a"]));
        assert_ne!(id, of(&["indicato", "ra"]));
    }
}
