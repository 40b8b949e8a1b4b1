//! The state file: what was learnt, kept between runs.
//!
//! What the file holds and how it is read is in [`hemicycle::baselines`]; here is where it lies. A refused file is set
//! aside, never written over. It is written under another name first, so that there is a whole file at any time, and for
//! its owner's eyes only: addresses are personal data.
//!
//! Limits: those of the format; targets that were not seen for [`KEPT_WEEKS`] are forgotten.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use detect::{Learnt, LearntTarget};
pub(crate) use hemicycle::baselines::{Entry, Recalled, State, merged};
use hemicycle::baselines::{MAXIMUM_TARGETS, timestamp};
use hemicycle::web_baselines::WebState;
use institution::Institution;
use jiff::Timestamp;
use wire::{Address, Time};

use crate::files::shown;

/// Name of the file in its folder.
pub(crate) const FILE_NAME: &str = "baselines.json.gz";
/// Name of the web layer's file beside it.
pub(crate) const WEB_FILE_NAME: &str = "web-baselines.json.gz";
/// What is added to the name of a file that was refused.
const REFUSED_SUFFIX: &str = "refused";
/// What was not seen for so long is forgotten: the weight of its week is a tenth by then.
const KEPT_WEEKS: i64 = 26;
const SECONDS_PER_WEEK: i64 = 604_800;

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

/// Reads the state of a folder; an empty one if there is no file.
///
/// # Errors
/// When the file cannot be read, or is not what this version writes.
pub(crate) fn load(folder: &Path) -> Result<State> {
    let path = path(folder);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::default()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", shown(&path))),
    };
    State::read(BufReader::new(file)).with_context(|| format!("{} is refused", shown(&path)))
}

/// Reads what is known of the web layer; an empty state if there is no file.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_web(folder: &Path) -> Result<WebState> {
    let path = folder.join(WEB_FILE_NAME);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(WebState::default()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", shown(&path))),
    };
    WebState::read(BufReader::new(file)).with_context(|| format!("{} is refused", shown(&path)))
}

/// What a person should know of lines of it that were skipped.
pub(crate) fn web_warning(state: &WebState, folder: &Path) -> Option<String> {
    let name = shown(&folder.join(WEB_FILE_NAME));
    (state.skipped_lines > 0)
        .then(|| format!("warning: {} lines of {name} are left out", state.skipped_lines))
}

/// What a person should know of lines that were skipped.
pub(crate) fn warning(state: &State, folder: &Path) -> Option<String> {
    let (line, why) = state.first_skipped.as_ref()?;
    let (count, name) = (state.skipped_lines, shown(&path(folder)));
    let plural = if count == 1 { "" } else { "s" };
    Some(format!("warning: {count} line{plural} of {name} skipped, the first is {line}: {why}"))
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
    let (before, set_aside) = match load(folder) {
        Ok(state) => (state, None),
        Err(_) => (State::default(), Some(set_aside(folder, FILE_NAME)?)),
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
pub(crate) fn set_aside(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    let aside = folder.join(format!("{name}.{REFUSED_SUFFIX}"));
    fs::rename(&path, &aside).with_context(|| format!("cannot set {} aside", shown(&path)))?;
    Ok(aside)
}

fn write<'e>(folder: &Path, entries: impl Iterator<Item = &'e Entry>, written: Timestamp) -> io::Result<()> {
    write_file(folder, FILE_NAME, |file| hemicycle::baselines::write(file, entries, written))
}

/// Writes a file of the folder under another name first, so that there is a whole one at any time.
///
/// # Errors
/// When it cannot be written; the one before is then still there.
pub(crate) fn write_file(
    folder: &Path,
    name: &str,
    write: impl FnOnce(File) -> io::Result<File>,
) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let unfinished = folder.join(format!("{name}.new-{}", std::process::id()));
    let done = write_to(&unfinished, write).and_then(|()| fs::rename(&unfinished, folder.join(name)));
    if done.is_err() {
        let _ = fs::remove_file(&unfinished);
        return done;
    }
    // The new name is on the disk too.
    File::open(folder)?.sync_all()
}

fn write_to(path: &Path, write: impl FnOnce(File) -> io::Result<File>) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    write(file)?.sync_all()
}

#[cfg(test)]
mod tests;
