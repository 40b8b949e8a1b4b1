//! The record itself: opens the folder, starts the writer, hands out readers.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, OptionalExtension, params};

use crate::shared::Shared;
use crate::write::{Message, Room};
use crate::{Error, Options, Reader, Result, State, Writer, schema};

/// Whoever holds a lock on this file is the service.
const LOCK_NAME: &str = "record.lock";
/// Name of the key's identity in the table `meta`.
const KEY: &str = "key";

/// A record that is open for writing. Dropping it writes what waits and ends the writer.
#[derive(Debug)]
pub struct Record {
    writer: Writer,
    thread: Option<JoinHandle<()>>,
}

impl Record {
    /// Opens the record of a folder, which is made if it is missing.
    ///
    /// # Errors
    /// When the folder cannot be used, when another process has it open for writing, when the file is newer than this program, was
    /// written under another key, or is something else.
    pub fn open(folder: &Path, options: Options) -> Result<Self> {
        let shared = Arc::new(Shared::new(folder.to_owned(), options)?);
        let opened = open_folder(&shared)?;
        Self::start(shared, opened, true)
    }

    /// The same for a service that detects whatever the disk does: a disk that takes nothing ([`Error::is_of_the_disk`]) is no
    /// error. The record then begins as [`State::Degraded`]; it is opened as soon as the disk takes something, which is tried every
    /// second, and its first entry says what was lost. Beside it why it could not be opened, if it could not.
    ///
    /// # Errors
    /// As [`Record::open`], when it is not the disk.
    pub fn open_or_wait(folder: &Path, options: Options) -> Result<(Self, Option<Error>)> {
        let shared = Arc::new(Shared::new(folder.to_owned(), options)?);
        match open_folder(&shared) {
            Ok(opened) => Ok((Self::start(shared, opened, true)?, None)),
            Err(error) if error.is_of_the_disk() => {
                *shared.state() = State::Degraded { why: error.to_string(), since: shared.now(), lost: 0 };
                // Without a table: whatever is tried on it fails, and is counted.
                let nothing = Opened { connection: Connection::open_in_memory()?, lock: None };
                Ok((Self::start(shared, nothing, false)?, Some(error)))
            }
            Err(error) => Err(error),
        }
    }

    /// Opens a record that is there beside a service that may be running: for single commands. Each transaction goes on behind the
    /// last entry that it finds, so the two do not disturb each other.
    ///
    /// # Errors
    /// As [`Record::open`], and when there is none.
    pub fn open_beside(folder: &Path, options: Options) -> Result<Self> {
        let path = folder.join(schema::FILE_NAME);
        path.metadata().map_err(|error| Error::file(&path, error))?;
        let shared = Arc::new(Shared::new(folder.to_owned(), options)?);
        let connection = schema::open(&path, false)?;
        own_key(&connection, &path, &shared.keys.identity)?;
        Self::start(shared, Opened { connection, lock: None }, true)
    }

    fn start(shared: Arc<Shared>, opened: Opened, is_open: bool) -> Result<Self> {
        let folder = shared.folder.clone();
        let (sender, receiver) = sync_channel(shared.limits().queue_places);
        let room = Room::new(opened, is_open, shared.clone());
        let thread = thread::Builder::new().name("record".to_owned()).spawn(move || room.run(&receiver));
        let thread = thread.map_err(|error| Error::file(&folder, error))?;
        let reader = Reader::new(folder, Some(shared.clone()));
        Ok(Self { writer: Writer { sender, shared, reader }, thread: Some(thread) })
    }

    /// Where things are handed in.
    pub fn writer(&self) -> Writer {
        self.writer.clone()
    }

    /// Reads, with the points that are not yet on the disk.
    pub fn reader(&self) -> Reader {
        self.writer.reader.clone()
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        stop(&self.writer.sender, &self.writer.shared);
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has nothing more to write.
            let _ = thread.join();
        }
    }
}

/// A database that is open for writing, and the service's lock on its folder.
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    /// Held until the writer has ended.
    pub(crate) lock: Option<File>,
}

/// Makes what is missing of a service's folder, and opens what is in it.
///
/// # Errors
/// As [`Record::open`].
pub(crate) fn open_folder(shared: &Shared) -> Result<Opened> {
    let folder = shared.folder.as_path();
    let failed = |error| Error::file(folder, error);
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let lock = lock(folder)?;
    let path = folder.join(schema::FILE_NAME);
    let connection = schema::open(&path, true)?;
    // The names of new files are on the disk too.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    own_key(&connection, &path, &shared.keys.identity)?;
    Ok(Opened { connection, lock: Some(lock) })
}

fn stop(sender: &SyncSender<Message>, shared: &Shared) {
    shared.queued.fetch_add(1, Ordering::Relaxed);
    if sender.send(Message::Stop).is_err() {
        shared.queued.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The service's lock on the folder.
fn lock(folder: &Path) -> Result<File> {
    let path: PathBuf = folder.join(LOCK_NAME);
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(|error| Error::file(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::InUse { path: folder.to_owned() }),
        Err(std::fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(file),
        Err(std::fs::TryLockError::Error(error)) => Err(Error::file(&path, error)),
    }
}

/// The key is the one that the record was made with; a new record takes it.
fn own_key(connection: &Connection, path: &Path, identity: &[u8]) -> Result<()> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    let known: Option<Vec<u8>> = connection.query_row(sql, [KEY], |row| row.get(0)).optional()?;
    match known {
        Some(known) if known == identity => Ok(()),
        Some(_) => Err(Error::OtherKey { path: path.to_owned() }),
        None => {
            connection.execute("INSERT INTO meta VALUES (?1, ?2)", params![KEY, identity])?;
            Ok(())
        }
    }
}
