//! Secrets: keys, passwords, and addresses of the web that are secrets themselves.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::limits::MAX_SECRET_BYTES;

/// A secret, or the file that holds it. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The secret itself.
    Value(String),
    /// A file that holds it; line ends after it do not count. Read when the channel is opened.
    File(PathBuf),
}

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The system refused.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// It is empty, too large, or not text.
    #[error("{} holds no secret: it is {why}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Secret {
    /// The secret.
    ///
    /// # Errors
    /// [`SecretError`] if the file cannot be read or holds no line of text.
    pub fn read(&self) -> Result<String, SecretError> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::File(path) => read(path),
        }
    }
}

fn read(path: &Path) -> Result<String, SecretError> {
    let failed = |source| SecretError::Read { path: path.to_owned(), source };
    let unfit = |why| SecretError::Unfit { path: path.to_owned(), why };
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    let result = file.take(MAX_SECRET_BYTES + 1).read_to_string(&mut text);
    match result {
        Err(cause) if cause.kind() == std::io::ErrorKind::InvalidData => return Err(unfit("not text")),
        other => other.map_err(failed)?,
    };
    if text.len() as u64 > MAX_SECRET_BYTES {
        return Err(unfit("too large"));
    }
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() { Err(unfit("empty")) } else { Ok(secret.to_owned()) }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(_) => formatter.write_str("[secret]"),
            Self::File(path) => write!(formatter, "[secret in {}]", path.display()),
        }
    }
}
