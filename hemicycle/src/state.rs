//! The state file: what was learnt, kept between runs.
//!
//! JSON lines, compressed with gzip: a header, then one line for each target with the time until which it was
//! learnt. Each line has a time of its own because targets that were silent since the last start are kept as
//! they were. What is read was outside and is checked like any foreign byte: a file with the wrong header or with
//! damaged compression is refused as a whole, since no line of it can be trusted; in a whole file a bad line costs
//! itself. A refused file is set aside, never written over.
//!
//! It is written under another name first, so that there is a whole file at any time, and for its owner's eyes only:
//! addresses are personal data.
//!
//! Limits: [`MAXIMUM_TARGETS`], [`MAXIMUM_TEXT_BYTES`], [`MAXIMUM_LINE_BYTES`]; targets that were not seen for
//! [`KEPT_WEEKS`] are forgotten.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use baseline::{Baseline, Budget, Moment, Plan, RestoreError};
use detect::{Detector, Learnt, LearntTarget};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use institution::Institution;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wire::{Address, Time};

use crate::files::shown;
use crate::replay::timeline::timestamp;

/// Name of the file in its folder.
pub(crate) const FILE_NAME: &str = "baselines.json.gz";
/// What is added to the name of a file that was refused.
const REFUSED_SUFFIX: &str = "refused";
const FORMAT: &str = "hemicycle-baselines";
/// Of the file; the numbers of one target have a version of their own.
const VERSION: u32 = 1;
/// Targets in a file.
const MAXIMUM_TARGETS: usize = 1 << 18;
/// The longest line; a target with all hours of the week takes about 1,200 bytes.
const MAXIMUM_LINE_BYTES: usize = 8192;
/// All lines together, after decompression.
const MAXIMUM_TEXT_BYTES: u64 = 512 << 20;
/// What was not seen for so long is forgotten: the weight of its week is a tenth by then.
const KEPT_WEEKS: i64 = 26;
const SECONDS_PER_WEEK: i64 = 604_800;

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
pub(crate) struct Entry {
    /// The time until which it was learnt.
    pub(crate) at: Timestamp,
    /// What was learnt.
    pub(crate) learnt: Learnt,
}

/// A file that was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// When it was written; nothing if there is none.
    pub(crate) written: Option<Timestamp>,
    /// Each target once.
    pub(crate) entries: BTreeMap<LearntTarget, Entry>,
    /// Lines that could not be used.
    pub(crate) skipped_lines: u64,
    /// The first of them: its number from 1, and why.
    pub(crate) first_skipped: Option<(u64, String)>,
}

/// What became of recalling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recalled {
    /// Targets that the detector knows from now on.
    pub(crate) targets: u64,
    /// Targets that are not protected any more, or for which there was no room.
    pub(crate) not_watched: u64,
    /// The time until which the newest was learnt.
    pub(crate) newest: Option<Timestamp>,
}

/// What became of saving.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Saved {
    /// Targets that were learnt lately.
    pub(crate) targets: u64,
    /// Targets that are kept as they were.
    pub(crate) kept: u64,
    /// Targets that were left out: not seen for [`KEPT_WEEKS`], or beyond [`MAXIMUM_TARGETS`].
    pub(crate) left_out: u64,
    /// Where a file is kept that was refused.
    pub(crate) set_aside: Option<PathBuf>,
}

/// The state file of a folder.
pub(crate) fn path(folder: &Path) -> PathBuf {
    folder.join(FILE_NAME)
}

impl State {
    /// Reads the state of a folder; an empty one if there is no file.
    ///
    /// # Errors
    /// When the file cannot be read, or is not what this version writes.
    pub(crate) fn load(folder: &Path) -> Result<Self> {
        let path = path(folder);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", shown(&path))),
        };
        Self::read(BufReader::new(file)).with_context(|| format!("{} is refused", shown(&path)))
    }

    fn read(compressed: impl BufRead) -> Result<Self> {
        let mut lines =
            Lines { text: BufReader::new(GzDecoder::new(compressed)), line: Vec::new(), bytes: 0 };
        let Some(first) = lines.next()? else { bail!("it is empty") };
        let header: Header = serde_json::from_slice(first).ok().context("it holds no baselines")?;
        if header.format != FORMAT {
            bail!("it holds no baselines");
        }
        if header.version != VERSION {
            bail!("it was written by version {} of the format; this is version {VERSION}", header.version);
        }
        let mut state = Self { written: Some(header.written), ..Self::default() };
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
    pub(crate) fn recall(&self, detector: &mut Detector, now: Time, until: Option<Time>) -> Recalled {
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

    /// What a person should know of lines that were skipped.
    pub(crate) fn warning(&self, folder: &Path) -> Option<String> {
        let (line, why) = self.first_skipped.as_ref()?;
        let (count, name) = (self.skipped_lines, shown(&path(folder)));
        let plural = if count == 1 { "" } else { "s" };
        Some(format!("warning: {count} line{plural} of {name} skipped, the first is {line}: {why}"))
    }
}

/// An entry whose numbers can be numbers of a baseline.
fn checked(line: &[u8]) -> Result<Entry, String> {
    let entry: Entry = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    Baseline::restore(&entry.learnt.level, 0).map_err(|error| error.to_string())?;
    Ok(entry)
}

/// Lines of bounded length, of a text of bounded length.
struct Lines<R> {
    text: R,
    line: Vec<u8>,
    bytes: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<&[u8]>> {
        self.line.clear();
        let mut limited = (&mut self.text).take(MAXIMUM_LINE_BYTES as u64 + 1);
        self.bytes += limited.read_until(b'\n', &mut self.line).context("it is damaged")? as u64;
        if self.line.len() > MAXIMUM_LINE_BYTES || self.bytes > MAXIMUM_TEXT_BYTES {
            bail!("it is longer than any such file, or a line of it is");
        }
        Ok((!self.line.is_empty()).then_some(&*self.line))
    }
}

/// Whether a target is the institution's: a detector knows own hosts' victims too, and those are nobody's here.
pub(crate) fn is_own(institution: &Institution, target: &LearntTarget) -> bool {
    match target {
        LearntTarget::Address(address) => {
            institution.index.lookup_bits(Address::from(*address).bits()).protected
        }
        LearntTarget::Wider { .. } => true,
    }
}

/// Saves what was learnt until `at`, and keeps what the file knows of other targets. A file that cannot be read is
/// set aside. `now` says what is too old to be kept.
///
/// # Errors
/// When the file cannot be written; the one before is then still there.
pub(crate) fn save(folder: &Path, learnt: Vec<Learnt>, at: Time, now: Time) -> Result<Saved> {
    let (before, set_aside) = match State::load(folder) {
        Ok(state) => (state, None),
        Err(_) => (State::default(), Some(set_aside(folder)?)),
    };
    let at = timestamp(at);
    let fresh = learnt.into_iter().map(|learnt| (learnt.target.clone(), Entry { at, learnt })).collect();
    let saved = save_all(folder, fresh, before.entries, now)?;
    Ok(Saved { set_aside, ..saved })
}

/// Saves `fresh`, and of `before` what it lacks.
///
/// # Errors
/// As [`save`].
pub(crate) fn save_all(
    folder: &Path,
    mut fresh: BTreeMap<LearntTarget, Entry>,
    before: BTreeMap<LearntTarget, Entry>,
    now: Time,
) -> Result<Saved> {
    let mut saved = Saved::default();
    while fresh.len() > MAXIMUM_TARGETS {
        fresh.pop_last();
        saved.left_out += 1;
    }
    saved.targets = fresh.len() as u64;
    let oldest = timestamp(now).as_second().saturating_sub(KEPT_WEEKS * SECONDS_PER_WEEK);
    for (target, entry) in before {
        if fresh.contains_key(&target) {
            continue;
        }
        if entry.at.as_second() < oldest || fresh.len() >= MAXIMUM_TARGETS {
            saved.left_out += 1;
        } else {
            saved.kept += 1;
            fresh.insert(target, entry);
        }
    }
    if fresh.is_empty() && !path(folder).exists() {
        return Ok(saved);
    }
    write(folder, fresh.values(), timestamp(now))
        .with_context(|| format!("cannot write {}", shown(&path(folder))))?;
    Ok(saved)
}

/// Keeps a file that was refused under another name, in place of one that was refused before. Gives that name.
///
/// # Errors
/// When it cannot be renamed.
fn set_aside(folder: &Path) -> Result<PathBuf> {
    let path = path(folder);
    let aside = folder.join(format!("{FILE_NAME}.{REFUSED_SUFFIX}"));
    fs::rename(&path, &aside).with_context(|| format!("cannot set {} aside", shown(&path)))?;
    Ok(aside)
}

fn write<'e>(folder: &Path, entries: impl Iterator<Item = &'e Entry>, written: Timestamp) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let unfinished = folder.join(format!("{FILE_NAME}.new-{}", std::process::id()));
    let done = write_to(&unfinished, entries, written).and_then(|()| fs::rename(&unfinished, path(folder)));
    if done.is_err() {
        let _ = fs::remove_file(&unfinished);
        return done;
    }
    // The new name is on the disk too.
    File::open(folder)?.sync_all()
}

fn write_to<'e>(path: &Path, entries: impl Iterator<Item = &'e Entry>, written: Timestamp) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let mut text = BufWriter::new(GzEncoder::new(BufWriter::new(file), Compression::fast()));
    let header = Header { format: FORMAT.to_owned(), version: VERSION, written };
    serde_json::to_writer(&mut text, &header)?;
    text.write_all(b"\n")?;
    for entry in entries {
        serde_json::to_writer(&mut text, entry)?;
        text.write_all(b"\n")?;
    }
    let compressed = text.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
    compressed.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// Two histories of one target, of different times: the level is that of the later one, and the hours of the week are
/// those of both.
///
/// # Errors
/// When one of them is no baseline.
pub(crate) fn merged(one: &Entry, other: &Entry) -> Result<Entry, RestoreError> {
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

#[cfg(test)]
mod tests;
