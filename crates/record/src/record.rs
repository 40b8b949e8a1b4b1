//! The record itself: opens the folder, starts the writer, hands out readers.

use std::path::Path;

use crate::{Error, Options, Reader, Result, Writer};

/// A record that is open for writing. Dropping it writes what is waiting and ends the writer.
#[derive(Debug)]
pub struct Record(());

impl Record {
    /// Opens the record of a folder, which is made if it is missing.
    ///
    /// # Errors
    /// When the folder cannot be used, when another process writes there, when the file is newer than this program, was
    /// written under another key, or is something else.
    pub fn open(_folder: &Path, _options: Options) -> Result<Self> {
        Err(Error::Closed)
    }

    /// Where things are handed in.
    pub fn writer(&self) -> Writer {
        Writer(())
    }

    /// Reads.
    pub fn reader(&self) -> Reader {
        Reader(())
    }
}
