//! The chain: each entry's hash covers the hash before it.
//!
//! `hash` is SHA-256 without a key, so that anybody who has an export can check it. It covers the hash of the body and
//! not the body itself: a body can be removed when its time is up, and the chain still holds. `seal` is an HMAC of the hash
//! under the deployment's key: who can write to the file, but has not the key, can compute hashes and no seals.

use ring::digest::{Context, SHA256, digest};

use crate::StoredEntry;
use crate::keys::{from_hexadecimal, hexadecimal};

/// Bytes of a hash.
pub(crate) const HASH_BYTES: usize = 32;
/// What stands before the first entry.
pub(crate) const NOTHING: [u8; HASH_BYTES] = [0; HASH_BYTES];
/// Set before everything else, so that no hash of something else can pass for one of an entry.
const DOMAIN: &[u8] = b"hemicycle ledger entry 1\n";
/// Between the names of a list, and at its ends.
const BAR: char = '|';

/// A hash.
pub(crate) type Hash = [u8; HASH_BYTES];

/// What is hashed of an entry.
pub(crate) struct Header<'a> {
    pub(crate) previous: &'a [u8],
    pub(crate) seq: i64,
    pub(crate) time: i64,
    pub(crate) written: i64,
    /// Kind, actor, subject, organisations, services.
    pub(crate) texts: [&'a str; 5],
    pub(crate) body_hash: &'a [u8],
}

impl Header<'_> {
    /// SHA-256 of the domain, the hash before, number and times as eight bytes with the highest first, each text
    /// behind its length in four bytes, and the hash of the body.
    pub(crate) fn hash(&self) -> Hash {
        let mut context = Context::new(&SHA256);
        context.update(DOMAIN);
        context.update(self.previous);
        for number in [self.seq, self.time, self.written] {
            context.update(&number.to_be_bytes());
        }
        for text in self.texts {
            context.update(&(text.len() as u32).to_be_bytes());
            context.update(text.as_bytes());
        }
        context.update(self.body_hash);
        array(context.finish().as_ref())
    }
}

/// The hash of a body.
pub(crate) fn body_hash(body: &str) -> Hash {
    array(digest(&SHA256, body.as_bytes()).as_ref())
}

fn array(bytes: &[u8]) -> Hash {
    std::array::from_fn(|at| bytes.get(at).copied().unwrap_or(0))
}

/// A list as it is stored and hashed: `|own|party-x|`; nothing if it is empty. Bars in names become underscores.
pub(crate) fn joined(names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let mut text = String::from(BAR);
    for name in names {
        text.extend(name.chars().map(|letter| if letter == BAR { '_' } else { letter }));
        text.push(BAR);
    }
    text
}

/// The names of a list that is stored.
pub(crate) fn split(text: &str) -> Vec<String> {
    text.split(BAR).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// What is wrong with an entry by itself: its body against its hash, its content against the chain.
pub(crate) fn fault(entry: &StoredEntry) -> Option<String> {
    let (Some(previous), Some(body)) =
        (from_hexadecimal(&entry.previous), from_hexadecimal(&entry.body_hash))
    else {
        return Some("a hash is no hash".to_owned());
    };
    if let Some(text) = &entry.body
        && hexadecimal(&body_hash(text)) != entry.body_hash
    {
        return Some("the body was changed".to_owned());
    }
    let header = Header {
        previous: &previous,
        seq: i64::try_from(entry.seq).unwrap_or(i64::MAX),
        time: entry.time,
        written: entry.written,
        texts: [
            &entry.kind,
            &entry.actor,
            &entry.subject,
            &joined(&entry.organisations),
            &joined(&entry.services),
        ],
        body_hash: &body,
    };
    (hexadecimal(&header.hash()) != entry.hash).then(|| "the entry was changed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_told_apart() {
        let names = ["own".to_owned(), "par|ty".to_owned()];
        assert_eq!(joined(&names), "|own|par_ty|");
        assert_eq!(split(&joined(&names)), ["own", "par_ty"]);
        assert!(joined(&[]).is_empty() && split("").is_empty());
    }

    #[test]
    fn texts_cannot_flow_into_each_other() {
        let hash = |texts| {
            let header =
                Header { previous: &NOTHING, seq: 1, time: 2, written: 3, texts, body_hash: &NOTHING };
            header.hash()
        };
        assert_ne!(hash(["ab", "c", "", "", ""]), hash(["a", "bc", "", "", ""]));
    }
}
