//! What can go wrong, told so that a person on duty knows what to do.

use std::path::PathBuf;

/// Why something could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// SQLite could not do it.
    #[error("the database: {0}")]
    Database(#[from] rusqlite::Error),
    /// A file or folder could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database was written by a later version of this program.
    #[error("{} has version {found}, this program knows versions up to {known}; use the program that wrote it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The last version that this program knows.
        known: i64,
    },
    /// The file is a database of something else.
    #[error("{} is no record of Hemicycle", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was made under another key.
    #[error("{} was written under another key: give the key file of the deployment that wrote it", path.display())]
    OtherKey {
        /// The file.
        path: PathBuf,
    },
    /// Another process writes here.
    #[error("another process writes to {}", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// Something was given that cannot be taken.
    #[error("{0}")]
    Refused(String),
    /// Nothing can be written just now; the reason is that of [`crate::State::Degraded`].
    #[error("nothing can be written: {0}")]
    NotWritten(String),
    /// The thread that writes has ended.
    #[error("the record is closed")]
    Closed,
    /// What is stored is not what was written.
    #[error("damaged: {0}")]
    Damaged(String),
}

impl Error {
    /// Whether it is the disk that takes nothing, because it is full, read-only or broken, and not what is on it. Whoever
    /// opened the record for a service goes on without it, and says so.
    pub fn is_of_the_disk(&self) -> bool {
        use rusqlite::ErrorCode::{DiskFull, ReadOnly, SystemIoFailure};
        use std::io::ErrorKind::{ReadOnlyFilesystem, StorageFull};
        match self {
            Self::Database(error) => {
                matches!(error.sqlite_error_code(), Some(DiskFull | ReadOnly | SystemIoFailure))
            }
            Self::File { source, .. } => matches!(source.kind(), ReadOnlyFilesystem | StorageFull),
            _ => false,
        }
    }

    /// The error of a file.
    pub(crate) fn file(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}
