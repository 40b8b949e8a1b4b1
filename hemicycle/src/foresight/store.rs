//! The store: a folder of plain files of what was imported and issued. Files are only ever added to, or replaced as a whole.
//!
//! ```text
//! lists.jsonl     lists of targets, one a line; older ones in lists.1.jsonl, lists.2.jsonl, …
//! issued.jsonl    forecasts that were issued
//! events.csv      events of calendars                 claims.csv      claims of actors
//! indicators.csv  indicators                          stix.json       STIX objects, whole
//! cursors.json    where TAXII goes on                 feeds.json      which events of feeds were taken
//! ```

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use foresee::event::Event;
use foresee::issued::{self, Issued};
use foresee::listed::FRESH_HOURS;
use foresee::targets::List;
use intel::stix::Library;
use intel::table;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use hemicycle::intelligence::{Folder, MAXIMUM_FILE_BYTES, text};

/// Most lists that are held at once, the newest ones.
const MAXIMUM_LISTS: usize = 1_024;
/// Bytes after which the file of lists is put aside and another begun, so that none grows without end.
const LIST_FILE_BYTES: u64 = 64 << 20;
/// Longest line of such a file; a longer one is skipped.
const LIST_LINE_BYTES: u64 = 128 << 20;

/// A folder.
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    /// Opens it; makes it if it is missing.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { folder: folder.to_owned() })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn read(&self, name: &str) -> Result<Option<String>> {
        let path = self.path(name);
        path.is_file().then(|| text(&path)).transpose()
    }

    /// Whether a file would not be too long to be read again with so many bytes more.
    pub(super) fn has_room(&self, name: &str, bytes: usize) -> bool {
        let there = fs::metadata(self.path(name)).map_or(0, |data| data.len());
        there + bytes as u64 <= MAXIMUM_FILE_BYTES
    }

    /// Adds lines to a file; writes `header` first if it is new. A file that would be too long to be read again stays as it is.
    ///
    /// # Errors
    /// When it cannot be written, or has no room.
    pub(super) fn append(&self, name: &str, header: &str, lines: &str) -> Result<()> {
        let path = self.path(name);
        let new = !path.is_file();
        if !self.has_room(name, header.len() + lines.len()) {
            bail!("{} would have more than {MAXIMUM_FILE_BYTES} bytes; begin another store", path.display());
        }
        let open = OpenOptions::new().create(true).append(true).open(&path);
        let mut file = open.with_context(|| format!("cannot write {}", path.display()))?;
        let text = if new { format!("{header}{lines}") } else { lines.to_owned() };
        file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
        file.sync_all().with_context(|| format!("cannot write {}", path.display()))
    }

    /// Writes a file as a whole that is not too long to be read again: there is always the old one or the new one.
    ///
    /// # Errors
    /// When it cannot be written, or is too long.
    pub(super) fn replace(&self, name: &str, text: &str) -> Result<()> {
        if text.len() as u64 > MAXIMUM_FILE_BYTES {
            bail!("{} would have more than {MAXIMUM_FILE_BYTES} bytes", self.path(name).display());
        }
        self.write_whole(name, text)
    }

    fn write_whole(&self, name: &str, text: &str) -> Result<()> {
        let (path, beside) = (self.path(name), self.path(&format!("{name}.new")));
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&beside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, &path)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }

    /// Adds events and claims to a folder.
    pub(super) fn add_to(&self, folder: &mut Folder) -> Result<()> {
        for (name, is_events) in [("events.csv", true), ("claims.csv", false)] {
            let path = self.path(name);
            if path.is_file() {
                if is_events { folder.events(&path)? } else { folder.claims(&path)? }
            }
        }
        Ok(())
    }

    /// Files of lists, the oldest first, each with whether it was put aside.
    fn list_files(&self) -> Result<Vec<(PathBuf, bool)>> {
        let entries =
            fs::read_dir(&self.folder).with_context(|| format!("cannot read {}", self.folder.display()))?;
        let number = |name: &str| name.strip_prefix("lists.")?.strip_suffix(".jsonl")?.parse::<u32>().ok();
        let names = entries.filter_map(Result::ok).filter_map(|entry| number(entry.file_name().to_str()?));
        let numbers: BTreeSet<u32> = names.collect();
        let aside = numbers.into_iter().map(|number| (self.path(&format!("lists.{number}.jsonl")), true));
        let newest = [(self.path("lists.jsonl"), false)].into_iter().filter(|(path, _)| path.is_file());
        Ok(aside.chain(newest).collect())
    }

    /// Hands every list to `take`, one after the other, however many there are; lines that cannot be read are counted. With a time, files that were put
    /// aside before it are left out.
    pub(super) fn each_list(&self, from: Option<Timestamp>, mut take: impl FnMut(List)) -> Result<usize> {
        let mut skipped = 0;
        for (path, is_aside) in self.list_files()? {
            let failed = || format!("cannot read {}", path.display());
            let file = File::open(&path).with_context(failed)?;
            let changed = file.metadata().and_then(|data| data.modified()).with_context(failed)?;
            let changed = Timestamp::try_from(changed).unwrap_or(Timestamp::MAX);
            if is_aside && from.is_some_and(|from| changed < from) {
                continue;
            }
            let mut reader = BufReader::new(file);
            let mut line = Vec::new();
            while Read::take(&mut reader, LIST_LINE_BYTES)
                .read_until(b'\n', &mut line)
                .with_context(failed)?
                > 0
            {
                match serde_json::from_slice(&line) {
                    Ok(list) => take(list),
                    Err(_) => skipped += usize::from(!line.trim_ascii().is_empty()),
                }
                line.clear();
            }
        }
        Ok(skipped)
    }

    /// The lists that are fresh at a moment, the newest ones if there are too many.
    pub(super) fn lists(&self, at: Timestamp) -> Result<Vec<List>> {
        let from = at - SignedDuration::from_hours(FRESH_HOURS);
        let mut fresh = std::collections::VecDeque::new();
        let skipped = self.each_list(Some(from), |list| {
            if list.time > from && list.time <= at {
                fresh.push_back(list);
                if fresh.len() > MAXIMUM_LISTS {
                    fresh.pop_front();
                }
            }
        })?;
        if skipped > 0 {
            crate::files::eprint_text(&format!(
                "{skipped} lines of lists could not be read and were skipped\n"
            ));
        }
        Ok(fresh.into())
    }

    /// Adds a list.
    pub(super) fn add_list(&self, list: &List) -> Result<()> {
        let path = self.path("lists.jsonl");
        if fs::metadata(&path).is_ok_and(|data| data.len() >= LIST_FILE_BYTES) {
            let next = self.list_files()?.len();
            let aside = (next..)
                .map(|number| self.path(&format!("lists.{number}.jsonl")))
                .find(|path| !path.exists());
            if let Some(aside) = aside {
                fs::rename(&path, &aside).with_context(|| format!("cannot put {} aside", path.display()))?;
            }
        }
        self.append("lists.jsonl", "", &json_line(list)?)
    }

    /// Adds events that are not there yet; gives how many.
    pub(super) fn add_events(&self, events: &[Event]) -> Result<usize> {
        let known = self.read("events.csv")?.unwrap_or_default();
        let mut known: BTreeSet<&str> = known.lines().collect();
        let new: Vec<String> = events.iter().map(event_line).collect();
        let mut lines = String::new();
        let mut added = 0;
        for line in &new {
            if known.insert(line.trim_end()) {
                lines.push_str(line);
                added += 1;
            }
        }
        self.append("events.csv", "date,scope,type,title,known_from,verified,source\n", &lines)?;
        Ok(added)
    }

    /// Adds forecasts.
    pub(super) fn issue(&self, issued: &[Issued]) -> Result<()> {
        let lines = issued.iter().map(json_line).collect::<Result<String>>()?;
        self.append("issued.jsonl", "", &lines)
    }

    /// Every forecast that was issued, and how many lines could not be read.
    pub(super) fn issued(&self, zone: &TimeZone) -> Result<(Vec<Issued>, usize)> {
        Ok(issued::read(&self.read("issued.jsonl")?.unwrap_or_default(), zone))
    }

    /// STIX objects.
    pub(super) fn library(&self) -> Result<Library> {
        let mut library = Library::default();
        let path = self.path("stix.json");
        if path.is_file() {
            let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
            library
                .import(BufReader::new(file))
                .with_context(|| format!("cannot read {}", path.display()))?;
        }
        Ok(library)
    }

    /// Keeps STIX objects, each as it came.
    pub(super) fn keep(&self, library: &Library) -> Result<()> {
        let objects: Vec<_> = library.objects().collect();
        let bundle = serde_json::json!({
            "type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "objects": objects,
        });
        // Of any length: it is read object by object.
        self.write_whole("stix.json", &serde_json::to_string(&bundle)?)
    }

    /// The text of the indicators' table.
    pub(super) fn indicators(&self) -> Result<String> {
        Ok(self.read("indicators.csv")?.unwrap_or_default())
    }

    /// The text of a small file.
    pub(super) fn small(&self, name: &str) -> Result<Option<String>> {
        self.read(name)
    }
}

fn json_line(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string(value)? + "\n")
}

fn event_line(event: &Event) -> String {
    let verified = if event.verified { "yes" } else { "no" };
    let (date, known) = (event.date.to_string(), event.known_from.to_string());
    table::row(&[&date, &event.scope, &event.kind, &event.title, &known, verified, &event.source])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(at: Timestamp, host: &str) -> List {
        List::read("list", "actor", at, &format!("{host}\n")).unwrap()
    }

    #[test]
    fn no_file_becomes_too_long_to_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store.append("indicators.csv", "value\n", "198.51.100.7\n").unwrap();
        let file = OpenOptions::new().write(true).open(store.path("indicators.csv")).unwrap();
        // A hole costs no disk.
        file.set_len(MAXIMUM_FILE_BYTES - 20).unwrap();
        store.append("indicators.csv", "value\n", "a.example\n").unwrap();
        assert!(store.append("indicators.csv", "value\n", "more.example\n").is_err());
        assert!(fs::metadata(store.path("indicators.csv")).unwrap().len() <= MAXIMUM_FILE_BYTES);
        assert!(store.indicators().is_ok(), "it can still be read");
        let long = " ".repeat(MAXIMUM_FILE_BYTES as usize + 1);
        store.replace("cursors.json", "{}").unwrap();
        assert!(store.replace("cursors.json", &long).is_err());
        assert_eq!(store.small("cursors.json").unwrap().as_deref(), Some("{}"));
    }

    #[test]
    fn lists_are_put_aside_before_a_file_is_too_long_and_none_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let at: Timestamp = "2024-06-07T08:00:00Z".parse().unwrap();
        let hours = SignedDuration::from_hours;
        store.add_list(&list(at - hours(72), "old.example")).unwrap();
        store.add_list(&list(at - hours(1), "a.example")).unwrap();
        // As long as years of lists: a hole costs no disk, and is a line that cannot be read.
        let file = OpenOptions::new().write(true).open(store.path("lists.jsonl")).unwrap();
        file.set_len(LIST_FILE_BYTES).unwrap();
        store.append("lists.jsonl", "", "\n").unwrap();
        store.add_list(&list(at, "b.example")).unwrap();
        store.add_list(&list(at + hours(1), "c.example")).unwrap();
        assert!(store.path("lists.1.jsonl").is_file());
        assert!(fs::metadata(store.path("lists.jsonl")).unwrap().len() < 10_000);
        let hosts: Vec<String> =
            store.lists(at).unwrap().iter().map(|list| list.lines[0].host.clone()).collect();
        assert_eq!(hosts, ["a.example", "b.example"], "fresh ones, and none of later");
        let mut all = 0;
        assert_eq!(store.each_list(None, |_| all += 1).unwrap(), 1);
        assert_eq!(all, 4);
        let later = Timestamp::now() + hours(100);
        all = 0;
        store.each_list(Some(later), |_| all += 1).unwrap();
        assert_eq!(all, 2, "a file that was put aside long before is not read again and again");
    }
}
