//! Holes of sparse files: what was never written, and is read as zeros. A log that was cut while its server kept its place, or
//! one that somebody made to do harm, can have terabytes of them.

use std::os::fd::AsFd;

use rustix::{
    fs::{SeekFrom, seek},
    io::Errno,
};

/// Where the next byte that was written is, from `offset` on; the end of the file if none is. `None` where the system does
/// not tell. The place at which the descriptor reads on is moved.
pub(crate) fn end_of_hole(file: impl AsFd, offset: u64) -> Option<u64> {
    let end = match seek(&file, SeekFrom::Data(offset)) {
        Ok(data) => data,
        Err(Errno::NXIO) => seek(&file, SeekFrom::End(0)).ok()?,
        Err(_) => return None,
    };
    (end >= offset).then_some(end)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::OpenOptions,
        io::{Seek, SeekFrom, Write},
    };

    use super::*;

    #[test]
    fn a_hole_ends_where_something_was_written_or_with_the_file() {
        let path = std::env::temp_dir().join(format!("hemicycle-hole-{}", std::process::id()));
        let mut file =
            OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&path).unwrap();
        file.write_all(b"x").unwrap();
        file.seek(SeekFrom::Start(1 << 40)).unwrap();
        file.write_all(b"y").unwrap();
        file.set_len(1 << 41).unwrap();
        let _ = std::fs::remove_file(&path);
        // Where a file system knows no holes, all of it is data.
        let end = end_of_hole(&file, 1 << 20).unwrap();
        assert!(end <= 1 << 40, "nothing written is passed over: {end}");
        assert_eq!(end_of_hole(&file, 1 << 40), Some(1 << 40));
        if end > 1 << 20 {
            assert_eq!(end_of_hole(&file, (1 << 40) + (1 << 30)), Some(1 << 41));
        }
    }
}
