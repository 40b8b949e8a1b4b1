//! Files that were rotated away, plain or compressed, and reading them once.

use std::{
    fmt, fs,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::bufread::MultiGzDecoder;
use sketch::KeyedState;

use super::{
    Line,
    cut::Cutter,
    options::{CHUNK_BYTES, MAX_HISTORY, TURN_BYTES},
    position::{FINGERPRINT_BYTES, Fingerprint, Identity, Position},
    source::{Shared, Source},
    tail,
};
use crate::DECOMPRESSED_BYTES_LIMIT;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A file that was rotated away.
#[derive(Clone, Debug)]
pub(super) struct Rotated {
    path: PathBuf,
    /// Bytes of it that were read before.
    done: u64,
    is_skipping: bool,
}

impl Rotated {
    /// The rotated files beside a path, the oldest first.
    pub(super) fn beside(path: &Path) -> io::Result<Vec<Self>> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let Some(base) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)?.take(MAX_ENTRIES).flatten() {
            let name = entry.file_name();
            if is_rotated_name(&base, &name.to_string_lossy())
                && let Ok(data) = fs::metadata(entry.path())
                && data.is_file()
            {
                found.push((data.modified().ok(), entry.path()));
            }
        }
        found.sort();
        let too_many = found.len().saturating_sub(MAX_HISTORY);
        Ok(found
            .into_iter()
            .skip(too_many)
            .map(|(_, path)| Self { path, done: 0, is_skipping: false })
            .collect())
    }

    /// The file of which a position was saved, and those that were rotated away after it.
    pub(super) fn since(path: &Path, saved: &Position, state: &KeyedState) -> io::Result<Vec<Self>> {
        let mut all = Self::beside(path)?;
        let Some(at) = all.iter().position(|rotated| rotated.is(saved, state)) else { return Ok(Vec::new()) };
        let mut since = all.split_off(at);
        if let Some(first) = since.first_mut() {
            (first.done, first.is_skipping) = (saved.offset, saved.is_skipping);
        }
        Ok(since)
    }

    /// That file alone.
    pub(super) fn one(path: &Path, saved: &Position, state: &KeyedState) -> io::Result<Option<Self>> {
        Ok(Self::since(path, saved, state)?.into_iter().next())
    }

    /// Whether a position was saved of this file, or of one with the same contents.
    fn is(&self, saved: &Position, state: &KeyedState) -> bool {
        let known = saved.beginning();
        let Ok(beginning) = read_from(&self.path).and_then(|mut reader| beginning(&mut reader)) else {
            return false;
        };
        let is_same_file = fs::metadata(&self.path).is_ok_and(|data| Identity::of(&data) == saved.identity());
        known.fits(state, &beginning) && (is_same_file || known.bytes > 0)
    }

    /// Opens it.
    pub(super) fn open(self) -> io::Result<Stream> {
        let beginning = beginning(&mut read_from(&self.path)?)?;
        let cutter = Cutter { offset: self.done, is_skipping: self.is_skipping, is_history: true };
        Ok(Stream {
            identity: Identity::of(&fs::metadata(&self.path)?),
            is_gzip: is_gzip(&self.path)?,
            reader: read_from(&self.path)?,
            path: self.path,
            beginning,
            to_pass: self.done,
            window: Vec::new(),
            cutter,
        })
    }
}

/// Entries of a folder that are looked at.
pub(super) const MAX_ENTRIES: usize = 65_536;

/// The contents of a file, decompressed where needed.
fn read_from(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    let mut file: BufReader<File> = BufReader::new(tail::open(path)?);
    let is_gzip = file.fill_buf()?.starts_with(&GZIP);
    Ok(if is_gzip {
        Box::new(MultiGzDecoder::new(file).take(DECOMPRESSED_BYTES_LIMIT))
    } else {
        Box::new(file)
    })
}

fn is_gzip(path: &Path) -> io::Result<bool> {
    Ok(BufReader::with_capacity(GZIP.len(), tail::open(path)?).fill_buf()?.starts_with(&GZIP))
}

fn beginning(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut beginning = Vec::new();
    reader.take(FINGERPRINT_BYTES as u64).read_to_end(&mut beginning)?;
    Ok(beginning)
}

/// A rotated file that is being read.
pub(super) struct Stream {
    path: PathBuf,
    is_gzip: bool,
    identity: Identity,
    reader: Box<dyn Read + Send>,
    beginning: Vec<u8>,
    /// Bytes that were read before the start and are to be passed over.
    to_pass: u64,
    /// What was read and is not used.
    window: Vec<u8>,
    cutter: Cutter,
}

impl fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stream").field("cutter", &self.cutter).finish_non_exhaustive()
    }
}

impl Stream {
    /// Gives lines, [`TURN_BYTES`] at most. Gives how many bytes were done; 0 at the end.
    pub(super) fn turn(&mut self, shared: &mut Shared, take: &mut impl FnMut(Line<'_>)) -> io::Result<usize> {
        let mut total = 0;
        while total < TURN_BYTES {
            let at = self.window.len();
            self.window.resize(at + CHUNK_BYTES, 0);
            let read = self.reader.read(self.window.get_mut(at..).unwrap_or_default());
            self.window.truncate(at + read.as_ref().copied().unwrap_or(0));
            match read {
                Ok(0) => break,
                Ok(more) => total += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            let passed = self.to_pass.min(self.window.len() as u64);
            self.to_pass -= passed;
            self.window.drain(..passed as usize);
            let used = self.cutter.cut(&self.window, shared.longest, &mut shared.counters, take);
            self.window.drain(..used);
        }
        Ok(total)
    }

    /// Nothing more is there now. A file that is not compressed may still be written by a program that has not noticed
    /// that it was rotated: it is given back, to be read as long as others that were rotated. Of another one the last
    /// line is given.
    pub(super) fn end(self, shared: &mut Shared, take: &mut impl FnMut(Line<'_>)) -> Option<Source> {
        let Self { path, is_gzip, identity, beginning, window, mut cutter, .. } = self;
        let source = tail::open(&path)
            .and_then(Source::new)
            .ok()
            .filter(|source| source.identity == identity && !is_gzip);
        match source {
            Some(mut source) => {
                source.go_on(cutter, Fingerprint::of(&shared.state, &beginning));
                Some(source)
            }
            None => {
                cutter.finish(&window, &mut shared.counters, take);
                None
            }
        }
    }

    /// How far it was read.
    pub(super) fn position(&self, path: &str, state: &KeyedState) -> Position {
        let known = (self.cutter.offset.min(self.beginning.len() as u64)) as usize;
        let fingerprint = Fingerprint::of(state, self.beginning.get(..known).unwrap_or_default());
        Position {
            path: path.to_owned(),
            device: self.identity.device,
            inode: self.identity.inode,
            offset: self.cutter.offset,
            is_skipping: self.cutter.is_skipping,
            fingerprint_bytes: fingerprint.bytes,
            fingerprint: fingerprint.hash,
        }
    }
}

/// Whether a name is that of a rotated file of another: `access.log.1`, `access.log.2.gz`, `access.log-20261127`,
/// `access-20261127.log.gz`.
fn is_rotated_name(base: &str, name: &str) -> bool {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    let is_number = |rest: &str| {
        rest.strip_prefix(['.', '-', '_']).is_some_and(|rest| {
            rest.starts_with(|first: char| first.is_ascii_digit())
                && rest.chars().all(|character| character.is_ascii_digit() || "-_.:TZ".contains(character))
        })
    };
    if name.strip_prefix(base).is_some_and(is_number) {
        return true;
    }
    let Some((stem, extension)) = base.rsplit_once('.') else { return false };
    let inner = name.strip_prefix(stem).and_then(|rest| rest.strip_suffix(extension)?.strip_suffix('.'));
    inner.is_some_and(is_number)
}

/// Whether a name looks like that of a rotated file of anything.
pub(super) fn looks_rotated(name: &str) -> bool {
    let is_digits = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    let compressed = [".gz", ".bz2", ".xz", ".zst", ".old"];
    compressed.iter().any(|ending| name.ends_with(ending))
        || name.rsplit_once('.').is_some_and(|(_, rest)| is_digits(rest))
        || name.rsplit_once('-').is_some_and(|(_, rest)| {
            let date = rest.split_once('.').map_or(rest, |(date, _)| date);
            date.len() >= 8 && is_digits(date)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names_are_told_from_others() {
        for name in [
            "access.log.1",
            "access.log.12.gz",
            "access.log-20261127",
            "access.log-2026-11-27.gz",
            "access-20261127.log",
            "access.1.log.gz",
        ] {
            assert!(is_rotated_name("access.log", name), "{name}");
        }
        for name in
            ["access.log", "access.log.gz", "access.log.old", "access.log.1x", "error.log.1", "access_b.log"]
        {
            assert!(!is_rotated_name("access.log", name), "{name}");
        }
        assert!(
            ["a.log.1", "a.log.2.gz", "a.log-20261127", "a-20261127.log", "a.log.old"]
                .iter()
                .all(|n| looks_rotated(n))
        );
        assert!(!["access.log", "site-2.log", "access-www.log", "error"].iter().any(|n| looks_rotated(n)));
    }
}
