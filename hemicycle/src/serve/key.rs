//! The secret of the deployment, under which everything is hashed that an attacker can choose.
//!
//! It is made once, from the system's random source, and kept in a file that only its owner reads: sketches and
//! baselines that were saved can be merged with later ones under the same key only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result, bail};
use sketch::PUBLISHED_KEY;

use crate::files::{exposed, shown};

/// Length of the secret.
const KEY_BYTES: usize = 16;
/// No key file is longer: hexadecimal digits and an end of line.
const MAXIMUM_FILE_BYTES: u64 = 128;

/// A secret, and whether it was made just now.
pub(crate) struct Key {
    pub(crate) bytes: [u8; KEY_BYTES],
    pub(crate) is_new: bool,
}

/// Reads the key, or makes one if there is no such file, together with its folder.
///
/// # Errors
/// When the file cannot be read or made, when others may read it, or when it holds no key.
pub(crate) fn read_or_make(path: &Path) -> Result<Key> {
    match read(path)? {
        Some(bytes) => Ok(Key { bytes, is_new: false }),
        None => {
            let bytes = make(path).with_context(|| format!("cannot make the key file {}", shown(path)))?;
            Ok(Key { bytes, is_new: true })
        }
    }
}

/// Reads the key; nothing if there is no such file.
///
/// # Errors
/// As [`read_or_make`].
pub(crate) fn read(path: &Path) -> Result<Option<[u8; KEY_BYTES]>> {
    let name = shown(path);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read the key file {name}")),
    };
    if let Some(mode) = exposed(&file.metadata()?) {
        bail!("others may read the key file {name} (mode {mode:o}); `chmod 600` it");
    }
    let mut text = String::new();
    file.take(MAXIMUM_FILE_BYTES).read_to_string(&mut text).with_context(|| format!("cannot read {name}"))?;
    let Some(bytes) = from_hexadecimal(text.trim_end()) else {
        bail!(
            "{name} holds no key: {} hexadecimal digits are one; a key is made where the file is missing",
            2 * KEY_BYTES
        );
    };
    if bytes == PUBLISHED_KEY {
        bail!(
            "{name} holds the key of `replay`, which is published; remove the file to have another one made"
        );
    }
    Ok(Some(bytes))
}

fn make(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut bytes = [0; KEY_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).chain(["\n".to_owned()]).collect();
    // Under another name first, so that nobody ever sees half a key; the link fails if somebody was faster.
    let unfinished = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&unfinished, path));
    fs::remove_file(&unfinished)?;
    linked.map(|()| bytes)
}

fn from_hexadecimal(text: &str) -> Option<[u8; KEY_BYTES]> {
    let mut bytes = [0; KEY_BYTES];
    if text.len() != 2 * KEY_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("hemicycle-key-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let folder = folder("made");
        let path = folder.join("state").join("key");
        assert!(read(&path).unwrap().is_none());
        let made = read_or_make(&path).unwrap();
        assert!(made.is_new && made.bytes != [0; 16]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = read_or_make(&path).unwrap();
        assert!(!again.is_new && again.bytes == made.bytes);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left there");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_key_that_others_read_or_know_is_refused() {
        let folder = folder("refused");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("key");
        let published: String = PUBLISHED_KEY.iter().map(|byte| format!("{byte:02x}")).collect();
        let good = "00112233445566778899aabbccddeeff";
        let cases = [
            (good, 0o640, "chmod"),
            (&published, 0o600, "published"),
            ("0011", 0o600, "hexadecimal"),
            ("", 0o600, "no key"),
        ];
        for (text, mode, word) in cases {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        fs::write(&path, good).unwrap();
        assert_eq!(read(&path).unwrap().unwrap()[1], 0x11);
        fs::remove_dir_all(folder).unwrap();
    }
}
