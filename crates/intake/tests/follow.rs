//! Log files that are written, rotated and lost in the ways that they are in the field.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use flate2::{Compression, write::GzEncoder};
use intake::follow::{FollowOptions, Follower, LINGER_SECONDS, Position, StartAt};
use proptest::prelude::*;
use wire::Time;

const KEY: [u8; 16] = [7; 16];

/// A folder of a test and a clock that moves when it is told to.
struct Stage {
    folder: PathBuf,
    seconds: i64,
}

impl Stage {
    fn new(name: &str) -> Self {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("follow-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self { folder, seconds: 1_800_000_000 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn options(&self, name: &str, start_at: StartAt) -> FollowOptions {
        FollowOptions { start_at, ..FollowOptions::new(self.path(name), KEY) }
    }

    fn follower(&self, name: &str) -> Follower {
        Follower::new(self.options(name, StartAt::Beginning), &[])
    }

    /// Reads until twice nothing is there, a second apart.
    fn read(&mut self, follower: &mut Follower) -> Vec<String> {
        let mut lines = Vec::new();
        let mut idle = 0;
        while idle < 3 {
            self.seconds += 1;
            let mut take =
                |line: intake::follow::Line<'_>| lines.push(String::from_utf8_lossy(line.bytes).into_owned());
            let turn = follower.turn(Time::from_seconds(self.seconds, 0), &mut take);
            idle = if turn.bytes == 0 { idle + 1 } else { 0 };
        }
        lines
    }

    fn gzip(&self, from: &str, to: &str) {
        let mut encoder = GzEncoder::new(File::create(self.path(to)).unwrap(), Compression::fast());
        encoder.write_all(&fs::read(self.path(from)).unwrap()).unwrap();
        encoder.finish().unwrap();
        fs::remove_file(self.path(from)).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn saved(follower: &Follower) -> Vec<Position> {
    serde_json::from_str(&serde_json::to_string(&follower.positions()).unwrap()).unwrap()
}

#[test]
fn lines_come_whole_and_once() {
    let mut stage = Stage::new("whole");
    let mut follower = stage.follower("log");
    assert!(stage.read(&mut follower).is_empty());
    let notices = follower.take_notices();
    assert_eq!(notices.len(), 1, "said once, not each time: {notices:?}");
    assert!(notices[0].to_string().contains("not there"));
    stage.append("log", "one\ntw");
    assert_eq!(stage.read(&mut follower), ["one"]);
    stage.append("log", "o\n\nthree");
    assert_eq!(stage.read(&mut follower), ["two", ""]);
    assert!(stage.read(&mut follower).is_empty());
    stage.append("log", "\n");
    assert_eq!(stage.read(&mut follower), ["three"]);
    assert_eq!(follower.take_notices()[0].problem, None);
    let counters = follower.counters();
    assert_eq!((counters.lines, counters.bytes, counters.errors), (4, 15, 0));
}

#[test]
fn reading_begins_at_the_end_or_at_the_beginning() {
    let mut stage = Stage::new("start");
    stage.append("log", "old\nhalf");
    let mut from_end = Follower::new(stage.options("log", StartAt::End), &[]);
    let mut from_beginning = stage.follower("log");
    assert!(stage.read(&mut from_end).is_empty());
    stage.append("log", " a line\nnew\n");
    assert_eq!(stage.read(&mut from_end), ["new"], "not the second half of a line");
    assert_eq!(stage.read(&mut from_beginning), ["old", "half a line", "new"]);
    assert_eq!(from_end.counters().skipped_lines, 1);
    // What comes later is read from its beginning in any case.
    fs::remove_file(stage.path("log")).unwrap();
    stage.append("log", "first\n");
    assert_eq!(stage.read(&mut from_end), ["first"]);
}

#[test]
fn a_rename_loses_nothing_although_the_old_file_is_still_written() {
    let mut stage = Stage::new("rename");
    stage.append("log", "1\n");
    let mut follower = stage.follower("log");
    assert_eq!(stage.read(&mut follower), ["1"]);
    stage.append("log", "2\n");
    stage.rename("log", "log.1");
    stage.append("log.1", "3\n");
    assert_eq!(stage.read(&mut follower), ["2", "3"], "drained under its new name");
    File::create(stage.path("log")).unwrap();
    stage.append("log.1", "4\nunfinished");
    stage.append("log", "5\n");
    assert_eq!(stage.read(&mut follower), ["4", "5"]);
    stage.append("log.1", " but now\n");
    assert_eq!(stage.read(&mut follower), ["unfinished but now"]);
    stage.append("log.1", "without end");
    assert!(stage.read(&mut follower).is_empty());
    stage.seconds += LINGER_SECONDS + 1;
    assert_eq!(stage.read(&mut follower), ["without end"], "the file is given up, and its last line with it");
    let counters = follower.counters();
    assert_eq!((counters.rotations, counters.unfinished_lines, counters.open_files), (1, 1, 1));
}

#[test]
fn a_file_that_is_copied_and_cut_is_read_from_its_beginning() {
    let mut stage = Stage::new("copytruncate");
    stage.append("log", "one\ntwo\n");
    let mut follower = stage.follower("log");
    assert_eq!(stage.read(&mut follower), ["one", "two"]);
    let cut = |text: &str| {
        fs::copy(stage.path("log"), stage.path("log.1")).unwrap();
        OpenOptions::new().write(true).truncate(true).open(stage.path("log")).unwrap();
        stage.append("log", text);
    };
    cut("3\n");
    let mut all = vec![];
    for text in ["this one is longer than the file was before\n", "x\n"] {
        // Shorter than before, longer than before, shorter again.
        all.extend(Stage { folder: stage.folder.clone(), seconds: stage.seconds }.keep(&mut follower));
        cut(text);
    }
    all.extend(stage.read(&mut follower));
    assert_eq!(all, ["3", "this one is longer than the file was before", "x"]);
    assert_eq!((follower.counters().truncations, follower.counters().rotations), (3, 0));
}

impl Stage {
    /// Reads and leaves the folder where it is.
    fn keep(mut self, follower: &mut Follower) -> Vec<String> {
        let lines = self.read(follower);
        std::mem::forget(self);
        lines
    }
}

#[test]
fn a_file_that_is_deleted_and_made_again_is_read_again() {
    let mut stage = Stage::new("deleted");
    stage.append("log", "one\n");
    let mut follower = stage.follower("log");
    assert_eq!(stage.read(&mut follower), ["one"]);
    // Somebody still writes to it.
    let mut open = OpenOptions::new().append(true).open(stage.path("log")).unwrap();
    fs::remove_file(stage.path("log")).unwrap();
    assert!(stage.read(&mut follower).is_empty());
    open.write_all(b"two\n").unwrap();
    assert_eq!(stage.read(&mut follower), ["two"]);
    stage.append("log", "three\n");
    assert_eq!(stage.read(&mut follower), ["three"]);
    let problems: Vec<_> = follower.take_notices().into_iter().map(|notice| notice.problem).collect();
    assert_eq!(problems, [Some(std::io::ErrorKind::NotFound), None]);
    fs::remove_file(stage.path("log")).unwrap();
    stage.seconds += 2 * LINGER_SECONDS;
    stage.read(&mut follower);
    stage.seconds += 2 * LINGER_SECONDS;
    stage.read(&mut follower);
    assert_eq!(follower.counters().open_files, 0, "a deleted file does not keep the disk full");
}

#[test]
fn what_cannot_be_read_is_told_once_and_tried_again() {
    let mut stage = Stage::new("unreadable");
    fs::create_dir(stage.path("log")).unwrap();
    let mut follower = Follower::new(stage.options("log", StartAt::End), &[]);
    assert!(stage.read(&mut follower).is_empty());
    assert!(stage.read(&mut follower).is_empty());
    assert_eq!(follower.take_notices().len(), 1);
    assert!(follower.counters().errors > 1);
    fs::remove_dir(stage.path("log")).unwrap();
    stage.append("log", "before it could be read\n");
    assert!(stage.read(&mut follower).is_empty(), "it begins at the end, as it was told to");
    stage.append("log", "line\n");
    assert_eq!(stage.read(&mut follower), ["line"]);
    assert_eq!(follower.take_notices().len(), 1);
}

#[test]
fn junk_is_passed_on_and_long_lines_are_skipped() {
    let mut stage = Stage::new("junk");
    let options = FollowOptions { longest_line_bytes: 100, ..stage.options("log", StartAt::Beginning) };
    let mut follower = Follower::new(options, &[]);
    let mut file = File::create(stage.path("log")).unwrap();
    file.write_all(b"\x00\xff\xfe\n").unwrap();
    for _ in 0..30 {
        file.write_all(&[b'x'; 100_000]).unwrap();
        stage.read(&mut follower);
    }
    file.write_all(b"\nafter\n").unwrap();
    assert_eq!(stage.read(&mut follower), ["after"]);
    let counters = follower.counters();
    assert_eq!((counters.lines, counters.skipped_lines, counters.skipped_bytes), (2, 1, 3_000_001));
}

#[test]
fn history_is_read_first_and_in_order() {
    let mut stage = Stage::new("history");
    for (name, text) in [("a", "1\n"), ("b", "2\n3"), ("c", "4\n")] {
        stage.append(name, text);
    }
    stage.gzip("a", "log.3.gz");
    stage.gzip("b", "log.2.gz");
    stage.rename("c", "log.1");
    for (name, age) in [("log.3.gz", 300), ("log.2.gz", 200), ("log.1", 100)] {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000 - age);
        File::options().append(true).open(stage.path(name)).unwrap().set_modified(time).unwrap();
    }
    stage.append("log", "5\n");
    stage.append("other.1", "not this\n");
    let mut follower = Follower::new(stage.options("log", StartAt::History), &[]);
    assert_eq!(stage.read(&mut follower), ["1", "2", "3", "4", "5"]);
    assert_eq!(follower.counters().history_files, 3);
}

#[test]
fn a_damaged_history_costs_itself() {
    let mut stage = Stage::new("damaged");
    stage.append("a", &"a line\n".repeat(100_000));
    stage.gzip("a", "log.1.gz");
    let whole = fs::read(stage.path("log.1.gz")).unwrap();
    fs::write(stage.path("log.1.gz"), &whole[..whole.len() / 2]).unwrap();
    stage.append("log", "last\n");
    let mut follower = Follower::new(stage.options("log", StartAt::History), &[]);
    let lines = stage.read(&mut follower);
    assert_eq!(lines.last().unwrap(), "last");
    assert!(lines.len() > 10_000 && lines.len() < 100_000, "{}", lines.len());
    assert_eq!(follower.counters().errors, 1);
}

#[test]
fn a_pattern_takes_new_files_and_no_rotated_ones() {
    let mut stage = Stage::new("pattern");
    stage.append("www.log", "old\n");
    let mut follower = Follower::new(stage.options("*.log*", StartAt::End), &[]);
    assert!(stage.read(&mut follower).is_empty());
    stage.append("www.log", "w1\n");
    stage.append("mail.log", "m1\n");
    stage.append("notes.txt", "no\n");
    let mut lines = stage.read(&mut follower);
    lines.sort();
    assert_eq!(lines, ["m1", "w1"], "a file that comes later is read from its beginning");
    stage.rename("www.log", "www.log.1");
    stage.append("www.log", "w2\n");
    stage.append("www.log.1", "w1b\n");
    let mut lines = stage.read(&mut follower);
    lines.sort();
    assert_eq!(lines, ["w1b", "w2"]);
}

#[test]
fn a_restart_loses_nothing_and_repeats_nothing() {
    let mut stage = Stage::new("restart");
    stage.append("log", "1\n2\nhal");
    let mut follower = stage.follower("log");
    assert_eq!(stage.read(&mut follower), ["1", "2"]);
    let mut positions = saved(&follower);
    stage.append("log", "f\n3\n");
    let restart = |positions: &[Position]| Follower::new(stage.options("log", StartAt::End), positions);
    let mut follower = restart(&positions);
    let mut seconds = Stage { folder: stage.folder.clone(), seconds: stage.seconds };
    assert_eq!(seconds.read(&mut follower), ["half", "3"]);
    positions = saved(&follower);
    // Rotated twice and compressed meanwhile.
    stage.append("log", "4\n");
    stage.gzip("log", "log.2.gz");
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    File::options().append(true).open(stage.path("log.2.gz")).unwrap().set_modified(time).unwrap();
    stage.append("log.1", "5\n");
    stage.append("log", "6\n");
    let mut follower = restart(&positions);
    assert_eq!(seconds.read(&mut follower), ["4", "5", "6"]);
    positions = saved(&follower);
    // Copied and cut meanwhile.
    stage.append("log", "7\n");
    fs::remove_file(stage.path("log.1")).unwrap();
    fs::copy(stage.path("log"), stage.path("log.1")).unwrap();
    fs::write(stage.path("log"), "8 is longer\n").unwrap();
    let mut follower = restart(&positions);
    assert_eq!(seconds.read(&mut follower), ["7", "8 is longer"]);
    std::mem::forget(seconds);
}

#[test]
fn a_full_disk_costs_what_could_not_be_written_and_no_more() {
    let name = "a_full_disk_costs_what_could_not_be_written_and_no_more";
    let mut stage = Stage::new("full");
    let disk = stage.path("disk");
    fs::create_dir(&disk).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&disk).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        println!("skipped: {name}: no tmpfs can be mounted here");
        return;
    }
    let mut follower = stage.follower("disk/log");
    let mut file = OpenOptions::new().create(true).append(true).open(disk.join("log")).unwrap();
    let mut whole = 0;
    while file.write_all(format!("{whole:0>999}\n").as_bytes()).is_ok() {
        whole += 1;
    }
    let lines = stage.read(&mut follower);
    fs::rename(disk.join("log"), disk.join("log.1")).unwrap();
    let first = stage.read(&mut follower);
    fs::remove_file(disk.join("log.1")).unwrap();
    drop(file);
    stage.seconds += 2 * LINGER_SECONDS;
    let rest = stage.read(&mut follower);
    stage.append("disk/log", "there is room again\n");
    let last = stage.read(&mut follower);
    drop(follower);
    assert!(Command::new("umount").arg(&disk).status().unwrap().success());
    assert_eq!(lines.len(), whole);
    assert!(first.is_empty() && rest.len() <= 1, "{first:?} {rest:?}");
    assert_eq!(last, ["there is room again"]);
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    WriteOld(usize),
    Half,
    Rename,
    Read,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1_usize..40).prop_map(Step::Write),
        (1_usize..4).prop_map(Step::WriteOld),
        Just(Step::Half),
        Just(Step::Rename),
        Just(Step::Read),
        Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever the order of writing, rotating, reading and restarting: every line once.
    #[test]
    fn every_line_comes_once(steps in proptest::collection::vec(step(), 1..40), case in any::<u32>()) {
        let mut stage = Stage::new(&format!("steps-{case}"));
        let mut follower = stage.follower("log");
        let (mut written, mut rotated, mut half) = (0, 0, false);
        let mut seen = stage.read(&mut follower);
        for step in steps {
            match step {
                Step::Write(lines) => {
                    for _ in 0..lines {
                        stage.append("log", &if half { format!("{written}\n") } else { format!("line {written}\n") });
                        half = false;
                        written += 1;
                    }
                }
                // To the file that was rotated away last, while it is still read.
                Step::WriteOld(lines) if rotated > 0 => {
                    for _ in 0..lines {
                        stage.append(&format!("log.{rotated}"), &format!("line {written}\n"));
                        written += 1;
                    }
                    seen.extend(stage.read(&mut follower));
                }
                Step::Half if !half => {
                    stage.append("log", "line ");
                    half = true;
                }
                Step::Rename if stage.path("log").exists() && !half => {
                    seen.extend(stage.read(&mut follower));
                    rotated += 1;
                    stage.rename("log", &format!("log.{rotated}"));
                    seen.extend(stage.read(&mut follower));
                }
                Step::Read => seen.extend(stage.read(&mut follower)),
                Step::Restart => follower = Follower::new(stage.options("log", StartAt::End), &saved(&follower)),
                _ => {}
            }
        }
        seen.extend(stage.read(&mut follower));
        let number = |line: &String| line.strip_prefix("line ").unwrap().parse::<usize>().unwrap();
        let mut numbers: Vec<usize> = seen.iter().map(number).collect();
        numbers.sort_unstable();
        prop_assert_eq!(numbers, (0..written).collect::<Vec<_>>());
    }
}
