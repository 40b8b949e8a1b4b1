//! The store: a folder of plain files of what was imported and issued. Files are only ever added to, or replaced as a whole.
//!
//! ```text
//! lists.jsonl     lists of targets, one a line        issued.jsonl    forecasts that were issued
//! events.csv      events of calendars                 claims.csv      claims of actors
//! indicators.csv  indicators                          stix.json       STIX objects, whole
//! cursors.json    where TAXII goes on                 feeds.json      which events of feeds were taken
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use foresee::event::Event;
use foresee::issued::{self, Issued};
use foresee::targets::List;
use intel::stix::Library;
use serde::Serialize;

use hemicycle::intelligence::{Folder, text};

/// Most lists that are read: about three years of one an hour.
const MAXIMUM_LISTS: usize = 30_000;

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

    /// Adds lines to a file; writes `header` first if it is new.
    pub(super) fn append(&self, name: &str, header: &str, lines: &str) -> Result<()> {
        let path = self.path(name);
        let new = !path.is_file();
        let open = OpenOptions::new().create(true).append(true).open(&path);
        let mut file = open.with_context(|| format!("cannot write {}", path.display()))?;
        let text = if new { format!("{header}{lines}") } else { lines.to_owned() };
        file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
        file.sync_all().with_context(|| format!("cannot write {}", path.display()))
    }

    /// Writes a file as a whole: there is always the old one or the new one.
    pub(super) fn replace(&self, name: &str, text: &str) -> Result<()> {
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

    /// Every list, the newest ones if there are too many; lines that cannot be read are counted.
    pub(super) fn lists(&self) -> Result<(Vec<List>, usize)> {
        let text = self.read("lists.jsonl")?.unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        let newest = lines.len().saturating_sub(MAXIMUM_LISTS);
        let read: Vec<Option<List>> =
            lines[newest..].iter().map(|line| serde_json::from_str(line).ok()).collect();
        let skipped = read.iter().filter(|list| list.is_none()).count();
        Ok((read.into_iter().flatten().collect(), skipped))
    }

    /// Adds a list.
    pub(super) fn add_list(&self, list: &List) -> Result<()> {
        self.append("lists.jsonl", "", &json_line(list)?)
    }

    /// Adds events that are not there yet; gives how many.
    pub(super) fn add_events(&self, events: &[Event]) -> Result<usize> {
        let known = self.read("events.csv")?.unwrap_or_default();
        let mut lines = String::new();
        let mut added = 0;
        for event in events {
            let line = event_line(event);
            if !known.contains(&line) && !lines.contains(&line) {
                lines.push_str(&line);
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
    pub(super) fn issued(&self) -> Result<(Vec<Issued>, usize)> {
        Ok(issued::read(&self.read("issued.jsonl")?.unwrap_or_default()))
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
        self.replace("stix.json", &serde_json::to_string(&bundle)?)
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
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\"").replace(['\n', '\r'], " "));
    format!(
        "{},{},{},{},{},{},{}\n",
        event.date,
        quoted(&event.scope),
        quoted(&event.kind),
        quoted(&event.title),
        event.known_from,
        if event.verified { "yes" } else { "no" },
        quoted(&event.source)
    )
}
