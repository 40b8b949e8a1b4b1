//! The text of a state file: what was learnt of each target, written and read back.
//!
//! JSON lines, compressed with gzip: a header, then one line for each target with the time until which it was
//! learnt. Each line has a time of its own because targets that were silent since the last start are kept as
//! they were. What is read was outside and is checked like any foreign byte: a file with the wrong header or with
//! damaged compression is refused as a whole, since no line of it can be trusted; in a whole file a bad line costs
//! itself.
//!
//! Limits: [`MAXIMUM_TARGETS`], [`MAXIMUM_TEXT_BYTES`], [`MAXIMUM_LINE_BYTES`]. Which folder a file is in, and what
//! becomes of one that is refused, is the program's business and not known here.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use baseline::{Baseline, Budget, Moment, Plan, RestoreError};
use detect::{Detector, Learnt, LearntTarget};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wire::Time;

const FORMAT: &str = "hemicycle-baselines";
/// Of the file; the numbers of one target have a version of their own.
const VERSION: u32 = 1;
/// Targets in a file.
pub const MAXIMUM_TARGETS: usize = 1 << 18;
/// The longest line; a target with all hours of the week takes about 1,200 bytes.
pub const MAXIMUM_LINE_BYTES: usize = 8192;
/// All lines together, after decompression.
pub const MAXIMUM_TEXT_BYTES: u64 = 512 << 20;

/// The first line.
#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    written: Timestamp,
}

/// What is known of one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The time until which it was learnt.
    pub at: Timestamp,
    /// What was learnt.
    pub learnt: Learnt,
}

/// A file that was read.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// When it was written; nothing if there is none.
    pub written: Option<Timestamp>,
    /// Each target once, [`MAXIMUM_TARGETS`] at most.
    pub entries: BTreeMap<LearntTarget, Entry>,
    /// Lines that could not be used.
    pub skipped_lines: u64,
    /// The first of them: its number from 1, and why.
    pub first_skipped: Option<(u64, String)>,
}

/// What became of recalling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recalled {
    /// Targets that the detector knows from now on.
    pub targets: u64,
    /// Targets that are not protected any more, or for which there was no room.
    pub not_watched: u64,
    /// The time until which the newest was learnt.
    pub newest: Option<Timestamp>,
}

/// Why a file is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not even a header.
    #[error("it is empty")]
    Empty,
    /// Another kind of file.
    #[error("it holds no baselines")]
    Foreign,
    /// Of another version of the program.
    #[error("it was written by version {0} of the format; this is version {VERSION}")]
    Version(u32),
    /// It ends early, or the checksum does not hold, or the disk does not give it.
    #[error("it is damaged")]
    Damaged(#[source] io::Error),
    /// Beyond [`MAXIMUM_LINE_BYTES`] or [`MAXIMUM_TEXT_BYTES`].
    #[error("it is longer than any such file, or a line of it is")]
    Long,
}

/// The lines of a compressed file.
pub(crate) type Unpacked<R> = Lines<BufReader<GzDecoder<R>>>;

/// The lines of a file behind a header of this format and version, and when it was written.
///
/// # Errors
/// When it is empty, damaged, or of another kind.
pub(crate) fn opened<R: BufRead>(compressed: R, format: &str) -> Result<(Timestamp, Unpacked<R>), ReadError> {
    let mut lines = Lines { text: BufReader::new(GzDecoder::new(compressed)), line: Vec::new(), bytes: 0 };
    let Some(first) = lines.next()? else { return Err(ReadError::Empty) };
    let header: Header = serde_json::from_slice(first).map_err(|_| ReadError::Foreign)?;
    if header.format != format {
        return Err(ReadError::Foreign);
    }
    if header.version != VERSION {
        return Err(ReadError::Version(header.version));
    }
    Ok((header.written, lines))
}

/// Writes lines behind a header, and gives the file back: what was buffered is written, nothing is synchronised.
pub(crate) fn write_lines<W: Write>(
    file: W,
    format: &str,
    lines: impl Iterator<Item = impl Serialize>,
    written: Timestamp,
) -> io::Result<W> {
    let mut text = BufWriter::new(GzEncoder::new(BufWriter::new(file), Compression::fast()));
    let header = Header { format: format.to_owned(), version: VERSION, written };
    serde_json::to_writer(&mut text, &header)?;
    text.write_all(b"\n")?;
    for line in lines {
        serde_json::to_writer(&mut text, &line)?;
        text.write_all(b"\n")?;
    }
    let compressed = text.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
    compressed.into_inner().map_err(io::IntoInnerError::into_error)
}

impl State {
    /// Reads a file. A line that cannot be used is counted and left out.
    ///
    /// # Errors
    /// When it is not what this version writes, or not all of it.
    pub fn read(compressed: impl BufRead) -> Result<Self, ReadError> {
        let (written, mut lines) = opened(compressed, FORMAT)?;
        let mut state = Self { written: Some(written), ..Self::default() };
        let mut number = 1;
        while let Some(line) = lines.next()? {
            number += 1;
            match checked(line) {
                Ok(entry) => state.take(entry),
                Err(why) => {
                    state.skipped_lines += 1;
                    state.first_skipped.get_or_insert((number, why));
                }
            }
        }
        Ok(state)
    }

    /// Of a target that is there twice, what is newer holds.
    fn take(&mut self, entry: Entry) {
        if self.entries.len() >= MAXIMUM_TARGETS && !self.entries.contains_key(&entry.learnt.target) {
            self.skipped_lines += 1;
        } else if self.entries.get(&entry.learnt.target).is_none_or(|known| known.at <= entry.at) {
            self.entries.insert(entry.learnt.target.clone(), entry);
        }
    }

    /// Gives what the detector does not know yet to it: those that were learnt until `until` or before. `now` is the
    /// detector's time; what was learnt after it (a clock was set back) counts as that much old too.
    pub fn recall(&self, detector: &mut Detector, now: Time, until: Option<Time>) -> Recalled {
        let until = until.map(timestamp);
        let mut recalled = Recalled::default();
        for entry in self.entries.values().filter(|entry| until.is_none_or(|until| entry.at <= until)) {
            let seconds_ago = timestamp(now).as_second().abs_diff(entry.at.as_second());
            // Every line was tried when it was read.
            if detector.recall(&entry.learnt, seconds_ago).unwrap_or(false) {
                recalled.targets += 1;
                recalled.newest = recalled.newest.max(Some(entry.at));
            } else {
                recalled.not_watched += 1;
            }
        }
        recalled
    }
}

/// A time as jiff has it; what it cannot hold becomes its end.
pub fn timestamp(time: Time) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(time.nanoseconds())).unwrap_or(Timestamp::MAX)
}

/// An entry whose numbers can be numbers of a baseline, and that can be kept: a number may be written in more
/// characters than it was read in, and one line that is too long would cost the next file.
fn checked(line: &[u8]) -> Result<Entry, String> {
    let entry: Entry = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    Baseline::restore(&entry.learnt.level, 0).map_err(|error| error.to_string())?;
    let written = serde_json::to_vec(&entry).map_err(|error| error.to_string())?;
    if written.len() >= MAXIMUM_LINE_BYTES {
        return Err(format!("it would be a line of {} bytes", written.len() + 1));
    }
    Ok(entry)
}

/// Lines of bounded length, of a text of bounded length.
pub(crate) struct Lines<R> {
    text: R,
    line: Vec<u8>,
    bytes: u64,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, ReadError> {
        self.line.clear();
        let mut limited = (&mut self.text).take(MAXIMUM_LINE_BYTES as u64 + 1);
        let read = limited.read_until(b'\n', &mut self.line).map_err(ReadError::Damaged)?;
        self.bytes += read as u64;
        if self.line.len() > MAXIMUM_LINE_BYTES || self.bytes > MAXIMUM_TEXT_BYTES {
            return Err(ReadError::Long);
        }
        Ok((!self.line.is_empty()).then_some(&*self.line))
    }
}

/// Writes what [`State::read`] reads, and gives the file back: what was buffered is written, nothing is synchronised.
///
/// # Errors
/// When the file takes no more.
pub fn write<'e, W: Write>(
    file: W,
    entries: impl Iterator<Item = &'e Entry>,
    written: Timestamp,
) -> io::Result<W> {
    write_lines(file, FORMAT, entries, written)
}

/// Two histories of one target, of different times: the level is that of the later one, and the hours of the week are
/// those of both.
///
/// # Errors
/// When one of them is no baseline.
pub fn merged(one: &Entry, other: &Entry) -> Result<Entry, RestoreError> {
    let (later, earlier) = if one.at >= other.at { (one, other) } else { (other, one) };
    let sampling = later.learnt.sampling.max(earlier.learnt.sampling).max(1);
    let mut level = in_samples_of(&later.learnt, sampling)?;
    let mut before = in_samples_of(&earlier.learnt, sampling)?;
    before.age(later.at.as_second().abs_diff(earlier.at.as_second()));
    level.merge(&before);
    let learnt = Learnt { sampling, level: level.save(), ..later.learnt.clone() };
    Ok(Entry { at: later.at, learnt })
}

/// A baseline in samples of another rate.
fn in_samples_of(learnt: &Learnt, sampling: u32) -> Result<Baseline, RestoreError> {
    let mut level = Baseline::restore(&learnt.level, 0)?;
    let factor = learnt.sampling.max(1) as f32 / sampling as f32;
    if learnt.sampling != sampling {
        // What was just restored tests nothing, so that the plan has no say.
        let plan = Plan::new(Budget { false_alarms_per_month: 1.0, tests: 1 }, 1.0);
        level.rescale(&plan, &Moment::new(0, 0), factor);
    }
    Ok(level)
}
