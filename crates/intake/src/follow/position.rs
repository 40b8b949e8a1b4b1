//! How far a file was read, in a form that outlives the process.

use std::{
    fs::Metadata,
    hash::{BuildHasher, Hasher},
    os::unix::fs::MetadataExt,
};

use serde::{Deserialize, Serialize};
use sketch::KeyedState;

/// Bytes at the beginning of a file by which it is known again.
pub(super) const FINGERPRINT_BYTES: usize = 256;

/// How far a file was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Its path when it was in its place.
    pub path: String,
    /// Device that it is on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// Bytes that are done with.
    pub offset: u64,
    /// The next byte belongs to a line that is skipped.
    #[serde(default)]
    pub is_skipping: bool,
    /// Bytes at the beginning of the file that `fingerprint` is of, 256 at most.
    pub fingerprint_bytes: u32,
    /// Their keyed hash.
    pub fingerprint: u64,
}

impl Position {
    /// Of a path at which nothing was: what comes there is read from its beginning.
    pub(super) fn of_nothing(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            device: 0,
            inode: 0,
            offset: 0,
            is_skipping: false,
            fingerprint_bytes: 0,
            fingerprint: 0,
        }
    }

    pub(super) fn identity(&self) -> Identity {
        Identity { device: self.device, inode: self.inode }
    }

    pub(super) fn beginning(&self) -> Fingerprint {
        Fingerprint { bytes: self.fingerprint_bytes, hash: self.fingerprint }
    }
}

/// Which file it is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl Identity {
    pub(super) fn of(data: &Metadata) -> Self {
        Self { device: data.dev(), inode: data.ino() }
    }
}

/// How a file begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub(super) bytes: u32,
    pub(super) hash: u64,
}

impl Fingerprint {
    /// Of the first bytes of a file.
    pub(super) fn of(state: &KeyedState, beginning: &[u8]) -> Self {
        let beginning = beginning.get(..FINGERPRINT_BYTES).unwrap_or(beginning);
        let mut hasher = state.build_hasher();
        hasher.write(beginning);
        Self { bytes: beginning.len() as u32, hash: hasher.finish() }
    }

    /// Whether a file that begins so is the same. One of which nothing was known may be any.
    pub(super) fn fits(&self, state: &KeyedState, beginning: &[u8]) -> bool {
        beginning
            .get(..self.bytes as usize)
            .is_some_and(|beginning| Self::of(state, beginning) == *self || self.bytes == 0)
    }
}
