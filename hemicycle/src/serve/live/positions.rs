//! How far logs were read, in the state folder: a small JSON file, whole at any time.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use intake::follow::Position;

const FILE_NAME: &str = "logs.json";
/// No such file is longer: some 60,000 positions.
const MAXIMUM_FILE_BYTES: u64 = 16 << 20;

/// Where positions are kept.
pub(super) struct Positions {
    path: PathBuf,
    /// What is in the file.
    text: String,
}

impl Positions {
    /// Those of a state folder, and what was saved. A file that cannot be read is said to be so, and written anew.
    pub(super) fn read(folder: &Path) -> (Self, Vec<Position>, Option<String>) {
        let mut kept = Self { path: folder.join(FILE_NAME), text: String::new() };
        let mut text = String::new();
        let read = fs::File::open(&kept.path)
            .and_then(|file| file.take(MAXIMUM_FILE_BYTES).read_to_string(&mut text));
        let problem = match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return (kept, Vec::new(), None),
            Err(error) => error.to_string(),
            Ok(_) => match serde_json::from_str(&text) {
                Ok(positions) => {
                    kept.text = text;
                    return (kept, positions, None);
                }
                Err(error) => error.to_string(),
            },
        };
        let path = crate::files::shown(&kept.path);
        (
            kept,
            Vec::new(),
            Some(format!(
                "warning: {path} cannot be used ({problem}); logs are read as if it were not there"
            )),
        )
    }

    /// Writes them, unless they are in the file already.
    ///
    /// # Errors
    /// When the disk refuses; what was there before stays.
    pub(super) fn save(&mut self, positions: &[Position]) -> io::Result<()> {
        let text = serde_json::to_string(positions).map_err(io::Error::other)?;
        if text == self.text {
            return Ok(());
        }
        let unfinished = self.path.with_extension("json.new");
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, &self.path)?;
        self.text = text;
        Ok(())
    }
}
