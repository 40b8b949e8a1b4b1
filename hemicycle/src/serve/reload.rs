//! The institution file of a running service: read again on SIGHUP, and when it changes.
//!
//! A change is seen by the file's identity, length and time of modification, once a second; it is taken when two looks
//! agree, so that a file is not read in the middle of being written. A file with errors is refused as a whole and
//! what was read before stays.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use anyhow::Result;
use institution::Institution;

use crate::files;

/// What changes when a file does: device, inode, length, seconds and nanoseconds of modification.
pub(super) type Stamp = (u64, u64, u64, i64, i64);

/// An institution file that may change.
pub(super) struct InstitutionFile {
    path: PathBuf,
    text: String,
    /// Of what was read; `None` when there was no file.
    read: Option<Stamp>,
    /// Of the last look.
    seen: Option<Stamp>,
}

/// What became of reading it again.
#[derive(Debug)]
pub(super) enum Again {
    /// It says the same.
    Same,
    /// It is good.
    New(Box<Institution>),
    /// It is not, for these reasons, laid out in lines.
    Refused(String),
}

impl InstitutionFile {
    /// Reads it for the first time.
    ///
    /// # Errors
    /// When it cannot be read or has problems, which are printed.
    pub(super) fn open(path: PathBuf, color: bool) -> Result<(Self, Institution)> {
        // Before reading: what is written in between is then seen as a change.
        let stamp = stamp(&path);
        let text = files::read(&path)?;
        let institution = files::parse(&path, &text, color)?;
        Ok((Self { path, text, read: stamp, seen: stamp }, institution))
    }

    /// Looks whether it changed, and reads it if it did.
    pub(super) fn look(&mut self) -> Option<Again> {
        let now = stamp(&self.path);
        let is_settled = std::mem::replace(&mut self.seen, now) == now;
        (is_settled && now != self.read).then(|| self.again())
    }

    /// Reads it, whether it changed or not.
    pub(super) fn again(&mut self) -> Again {
        self.read = stamp(&self.path);
        let text = match files::read(&self.path) {
            Ok(text) if text == self.text => return Again::Same,
            Ok(text) => text,
            Err(error) => return Again::Refused(format!("{error:#}\n")),
        };
        match institution::parse(&self.name(), &text) {
            Ok(institution) => {
                self.text = text;
                Again::New(Box::new(institution))
            }
            Err(problems) => Again::Refused(problems.render(false)),
        }
    }

    /// Its name as it is shown.
    pub(super) fn name(&self) -> String {
        files::shown(&self.path)
    }
}

/// What changes when the file of a path does.
pub(super) fn stamp(path: &std::path::Path) -> Option<Stamp> {
    let data = fs::metadata(path).ok()?;
    Some((data.dev(), data.ino(), data.len(), data.mtime(), data.mtime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[institution]\nname = \"A\"\n";

    #[test]
    fn a_change_is_read_when_it_has_settled_and_a_broken_file_is_refused_once() {
        let path = std::env::temp_dir().join(format!("hemicycle-reload-{}.toml", std::process::id()));
        fs::write(&path, GOOD).unwrap();
        let (mut file, first) = InstitutionFile::open(path.clone(), false).unwrap();
        assert_eq!(first.name, "A");
        assert!(file.look().is_none());
        assert!(matches!(file.again(), Again::Same));
        fs::write(&path, "[institution]\nname = \n").unwrap();
        assert!(file.look().is_none(), "it may still be written");
        let Some(Again::Refused(why)) = file.look() else { panic!("it is broken") };
        assert!(why.contains(":2:"), "{why}");
        assert!(file.look().is_none(), "nothing new since then");
        fs::remove_file(&path).unwrap();
        assert!(file.look().is_none());
        assert!(matches!(file.look(), Some(Again::Refused(_))));
        fs::write(&path, GOOD.replace('A', "Another")).unwrap();
        assert!(file.look().is_none());
        let Some(Again::New(next)) = file.look() else { panic!("it is good") };
        assert_eq!(next.name, "Another");
        fs::remove_file(&path).unwrap();
    }
}
