//! Full and read-only disks: detection goes on, the state says so, and what was held is written when there is room.

use std::fs;
use std::path::{Path, PathBuf};

use record::{Error, Filter, Kind, Page, Reader, Record, State, verify};

use crate::crash::{Disk, command};
use crate::support::{Hand, KEY, NOON, act, flood, observed, until};

/// A small file system in memory; taken down when it is dropped.
struct Memory(tempfile::TempDir);

impl Memory {
    fn new(size: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let path = folder.path().to_str().unwrap_or_default().to_owned();
        command("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs", &path])?;
        Ok(Self(folder))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let _ = command("umount", &["-l", self.0.path().to_str().unwrap_or_default()]);
    }
}

fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("filler");
    let mut block = 1 << 16;
    let mut bytes = Vec::new();
    while block >= 1 {
        bytes.resize(bytes.len() + block, b'x');
        if fs::write(&path, &bytes).is_err() {
            bytes.truncate(bytes.len() - block);
            block /= 16;
        }
    }
    path
}

fn is_degraded(record: &Record) -> bool {
    matches!(record.writer().health().state, State::Degraded { .. })
}

#[test]
fn a_full_disk_is_told_and_left_behind() {
    let memory = match Memory::new("4m") {
        Ok(memory) => memory,
        Err(reason) => return println!("skipped: a_full_disk_is_told_and_left_behind: {reason}"),
    };
    let mut options = Hand::new().options();
    options.limits.held_entries = 10;
    let record = Record::open(memory.0.path(), options).unwrap();
    let writer = record.writer();
    let mut known = vec![writer.append(act(0)).unwrap()];
    let filler = fill(memory.0.path());
    let error = (1..5000).find_map(|number| match writer.append(act(number)) {
        Ok(receipt) => {
            known.push(receipt);
            None
        }
        Err(error) => Some(error),
    });
    assert!(matches!(error, Some(Error::NotWritten(_))), "{error:?}");
    assert!(is_degraded(&record));
    assert!(matches!(writer.append(act(9999)), Err(Error::NotWritten(_))), "who waits is told at once");
    for number in 0..25 {
        let second = NOON + number;
        assert!(writer.offer(observed(flood(&format!("f{number}"), "start", second, 1.0, "syn_flood"))));
    }
    until("what does not fit is counted", || {
        matches!(writer.health().state, State::Degraded { lost: 15, .. })
    });
    assert_eq!(record.reader().totals().unwrap().last_seq, known.len() as u64, "what is there can be read");
    fs::remove_file(filler).unwrap();
    until("it is written again", || writer.health().state == State::Writing);
    assert_eq!(record.reader().totals().unwrap().floods, 10, "what was held is there");
    let lost = Filter { kinds: vec![Kind::Lost], ..Filter::default() };
    let lost = record.reader().entries(&lost, &Page::default()).unwrap().items;
    assert_eq!(lost.len(), 1);
    assert!(lost[0].body.as_deref().is_some_and(|body| body.contains("\"lost\":15")), "{lost:?}");
    writer.append(act(1)).unwrap();
    for receipt in known {
        assert_eq!(record.reader().entry(receipt.seq).unwrap().unwrap().hash, receipt.hash);
    }
    assert!(verify(memory.0.path(), Some(KEY), None).unwrap().holds);
}

#[test]
fn a_disk_that_becomes_read_only_is_told_and_another_in_its_place_is_taken() {
    let test = "a_disk_that_becomes_read_only_is_told_and_another_in_its_place_is_taken";
    let disk = match Disk::new("errors=remount-ro") {
        Ok(disk) => disk,
        Err(reason) => return println!("skipped: {test}: {reason}"),
    };
    let record = Record::open(&disk.path(), Hand::new().options()).unwrap();
    let writer = record.writer();
    let receipt = writer.append(act(0)).unwrap();
    if let Err(reason) = break_disk(&disk) {
        drop(record);
        return println!("skipped: {test}: {reason}");
    }
    assert!(matches!(writer.append(act(1)), Err(Error::NotWritten(_))));
    assert!(is_degraded(&record));
    assert!(writer.offer(observed(flood("f1", "start", NOON, 1.0, "syn_flood"))));
    assert!(matches!(writer.append(act(2)), Err(Error::NotWritten(_))));
    let reader = Reader::open(&disk.path());
    assert!(reader.is_err() || reader.unwrap().entry(1).is_ok(), "reading fails in order, or works");
    // What the disk holds, on another one in the same place.
    disk.unmount(&["-l"]).unwrap();
    disk.renew();
    disk.mount("errors=remount-ro").unwrap();
    until("it is written again", || writer.health().state == State::Writing);
    assert_eq!(record.reader().entry(1).unwrap().unwrap().hash, receipt.hash);
    assert_eq!(record.reader().totals().unwrap().floods, 1, "what was held is there");
    drop(record);
    assert!(verify(&disk.path(), Some(KEY), None).unwrap().holds);
}

/// Lets the kernel find an error in the file system, so that it makes it read-only under open files.
fn break_disk(disk: &Disk) -> Result<(), String> {
    let image = disk.image();
    let output = std::process::Command::new("losetup").arg("-j").arg(&image).output();
    let text = String::from_utf8_lossy(&output.map_err(|error| error.to_string())?.stdout).into_owned();
    let device = text.split(':').next().and_then(|device| device.strip_prefix("/dev/")).unwrap_or_default();
    let trigger = format!("/sys/fs/ext4/{device}/trigger_fs_error");
    fs::write(&trigger, "1").map_err(|error| format!("{trigger}: {error}"))
}

/// Not opened: it begins as degraded, and holds what is offered.
fn waiting(folder: &Path) -> Record {
    let (record, error) = Record::open_or_wait(folder, Hand::new().options()).unwrap();
    assert!(error.is_some_and(|error| error.is_of_the_disk()));
    assert!(is_degraded(&record));
    let writer = record.writer();
    assert!(matches!(writer.append(act(0)), Err(Error::NotWritten(_))), "who waits is told at once");
    assert!(writer.offer(observed(flood("f1", "start", NOON, 1.0, "syn_flood"))));
    assert!(record.reader().totals().is_err(), "there is nothing to read, which is said in order");
    record
}

/// It is written, with what was held and what was lost in it, and is this service's alone.
fn is_back(record: Record, folder: &Path) {
    let writer = record.writer();
    until("it is written", || writer.health().state == State::Writing);
    writer.append(act(1)).unwrap();
    assert_eq!(record.reader().totals().unwrap().floods, 1, "what was held is there");
    let lost = Filter { kinds: vec![Kind::Lost], ..Filter::default() };
    assert_eq!(record.reader().entries(&lost, &Page::default()).unwrap().items.len(), 1);
    assert!(matches!(Record::open(folder, Hand::new().options()), Err(Error::InUse { .. })));
    drop(record);
    assert!(verify(folder, Some(KEY), None).unwrap().holds);
}

#[test]
fn a_disk_that_is_full_at_the_start_is_taken_when_it_has_room() {
    let memory = match Memory::new("4m") {
        Ok(memory) => memory,
        Err(reason) => {
            return println!("skipped: a_disk_that_is_full_at_the_start_is_taken_when_it_has_room: {reason}");
        }
    };
    let (filler, folder) = (fill(memory.0.path()), memory.0.path().join("record"));
    assert!(Record::open(&folder, Hand::new().options()).is_err());
    let record = waiting(&folder);
    fs::remove_file(filler).unwrap();
    is_back(record, &folder);
}

#[test]
fn a_disk_that_is_read_only_at_the_start_is_taken_when_it_is_not() {
    let test = "a_disk_that_is_read_only_at_the_start_is_taken_when_it_is_not";
    // A disk that is read-only from the beginning has a device below it that stays so.
    let disk = match Disk::new("rw") {
        Ok(disk) => disk,
        Err(reason) => return println!("skipped: {test}: {reason}"),
    };
    let folder = disk.path().join("record");
    let path = disk.path();
    let mount = |options: &str| command("mount", &["-o", options, path.to_str().unwrap()]).unwrap();
    mount("remount,ro");
    let record = waiting(&folder);
    mount("remount,rw");
    is_back(record, &folder);

    // Another key is found out late, and is then what is said.
    mount("remount,ro");
    let mut options = Hand::new().options();
    options.key = [9; 16];
    let (record, error) = Record::open_or_wait(&folder, options).unwrap();
    assert!(error.is_some());
    mount("remount,rw");
    until(
        "the key is another one",
        || matches!(record.writer().health().state, State::Degraded { why, .. } if why.contains("another key")),
    );
}
