//! Crashes at random moments: the process killed, and everything thrown away that was never synced.
//!
//! A child process appends under load and says on its standard output what was acknowledged. After each crash the record must
//! open within two seconds, hold every entry that was acknowledged, and verify. `HEMICYCLE_CRASHES=1000` makes it a thousand, and
//! `HEMICYCLE_CRASH_SEED` other moments.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use record::{Frame, Record, Sample, verify};

use crate::support::{Hand, KEY, NOON, act, flood, observed, until};

/// Names the child's folder.
const FOLDER: &str = "HEMICYCLE_CRASH_FOLDER";
/// How many crashes, if not as many as below.
const CRASHES: &str = "HEMICYCLE_CRASHES";
/// Where random moments begin, if not where they do by themselves.
const SEED: &str = "HEMICYCLE_CRASH_SEED";
/// A record is begun anew after so many crashes.
const ROUNDS: u64 = 50;
const START_LIMIT: Duration = Duration::from_secs(2);

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn crashes(otherwise: u64) -> u64 {
    number(CRASHES).unwrap_or(otherwise)
}

/// Where the random numbers of a test begin.
fn numbers(own: u64) -> Numbers {
    Numbers(own ^ (number(SEED).unwrap_or(0) << 32))
}

/// Numbers that look random and are the same in every run (Marsaglia's xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
#[ignore = "the child process of the crash tests, started by them"]
fn crash_child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let record = Record::open(Path::new(&folder), Hand::new().options()).unwrap();
    let threads: Vec<_> = (0..4_u64)
        .map(|thread| {
            let writer = record.writer();
            thread::spawn(move || {
                for number in 0.. {
                    let Ok(receipt) = writer.append(act(thread << 32 | number)) else { return };
                    let line = format!("\nacknowledged {} {}\n", receipt.seq, receipt.hash);
                    if std::io::stdout().lock().write_all(line.as_bytes()).is_err() {
                        return;
                    }
                    let second = NOON + number as i64;
                    let id = format!("f{thread}-{}", number / 20);
                    let phase = match number % 20 {
                        0 => "start",
                        19 => "end",
                        _ => "update",
                    };
                    writer.offer(observed(flood(&id, phase, second, 1000.0, "syn_flood")));
                    let (target, vector) = (format!("t{thread}"), "all".to_owned());
                    writer.offer_points(vec![Sample {
                        target,
                        vector,
                        second,
                        packets: 1.0,
                        bits: 1.0,
                        requests: 0.0,
                    }]);
                    let bytes = vec![0x45; 28];
                    writer.offer_frames(
                        &id,
                        vec![Frame { time: 0, link_type: 101, original_bytes: 28, bytes }],
                    );
                    if number % 64 == 63 {
                        let _ = writer.flush();
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| drop(thread.join()));
}

fn child(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["crash::crash_child", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What a line acknowledges, if it is whole.
fn acknowledged(line: &str) -> Option<(u64, String)> {
    let mut words = line.strip_suffix('\n')?.strip_prefix("acknowledged ")?.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.to_owned()))
}

/// What a child acknowledged before the crash for certain, and what was read of it after.
type Known = (Vec<(u64, String)>, Vec<(u64, String)>);

/// Lets a child run until it has acknowledged a number of entries and a little longer, and crashes it.
fn run(folder: &Path, numbers: &mut Numbers, crash: impl FnOnce(&mut Child)) -> Known {
    let mut child = child(folder);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (entries, microseconds) = (numbers.below(300), numbers.below(20_000));
    let mut known = Vec::new();
    let mut line = String::new();
    while (known.len() as u64) < entries && output.read_line(&mut line).unwrap() > 0 {
        known.extend(acknowledged(&line));
        line.clear();
    }
    let (_keep, never) = channel::<()>();
    let _ = never.recv_timeout(Duration::from_micros(microseconds));
    crash(&mut child);
    child.wait().unwrap();
    let mut late = Vec::new();
    while output.read_line(&mut line).is_ok_and(|read| read > 0) {
        late.extend(acknowledged(&line));
        line.clear();
    }
    (known, late)
}

/// Opens the record after a crash and checks it.
fn check(folder: &Path, known: &[(u64, String)], slowest: &mut Duration) {
    let started = Instant::now();
    let record = Record::open(folder, Hand::new().options()).unwrap();
    let time = started.elapsed();
    assert!(time < START_LIMIT, "the start took {time:?}");
    *slowest = time.max(*slowest);
    let reader = record.reader();
    for (seq, hash) in known {
        let entry = reader.entry(*seq).unwrap();
        assert!(entry.as_ref().is_some_and(|entry| entry.hash == *hash), "{seq} was acknowledged: {entry:?}");
    }
    let found = verify(folder, Some(KEY), None).unwrap();
    assert!(found.holds, "{found:?}");
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let (crashes, mut numbers) = (crashes(40), numbers(0x5eed));
    let (mut total, mut slowest) = (0, Duration::ZERO);
    let mut home = tempfile::tempdir().unwrap();
    let mut known = Vec::new();
    for round in 0..crashes {
        if round % ROUNDS == 0 {
            home = tempfile::tempdir().unwrap();
            known.clear();
        }
        // The disk is there all the time, so that what was read later counts too.
        let (more, late) = run(home.path(), &mut numbers, |child| child.kill().unwrap());
        total += more.len() + late.len();
        known.extend(more.into_iter().chain(late));
        check(home.path(), &known, &mut slowest);
    }
    println!("{crashes} crashes, {total} entries acknowledged, slowest start {slowest:?}");
    assert!(total as u64 > crashes, "the children did something");
}

/// A file system in a file, mounted; taken down when it is dropped.
pub(crate) struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// None, with the reason, where that is not possible.
    pub(crate) fn new(options: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let disk = Self { folder };
        fs::create_dir(disk.path()).map_err(|error| error.to_string())?;
        let image = disk.image();
        fs::File::create(&image)
            .and_then(|file| file.set_len(64 << 20))
            .map_err(|error| error.to_string())?;
        command("mkfs.ext4", &["-q", "-F", image.to_str().unwrap_or_default()])?;
        disk.mount(options)?;
        Ok(disk)
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("disk")
    }

    pub(crate) fn image(&self) -> std::path::PathBuf {
        self.folder.path().join("image")
    }

    pub(crate) fn mount(&self, options: &str) -> Result<(), String> {
        let options = format!("loop,{options}");
        let (image, path) = (self.image(), self.path());
        command(
            "mount",
            &["-o", &options, image.to_str().unwrap_or_default(), path.to_str().unwrap_or_default()],
        )
    }

    pub(crate) fn unmount(&self, switches: &[&str]) -> Result<(), String> {
        let path = self.path();
        let arguments = [switches, &[path.to_str().unwrap_or_default()]].concat();
        command("umount", &arguments)
    }

    /// Puts a copy in the place of the image.
    pub(crate) fn renew(&self) {
        let (image, old) = (self.image(), self.image().with_extension("old"));
        fs::rename(&image, &old).unwrap();
        fs::copy(&old, &image).unwrap();
        fs::remove_file(old).unwrap();
    }

    /// Throws away everything that was never synced, as when the power goes: the journal is not written either.
    fn power_off(&self) -> Result<(), String> {
        let script = "import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";
        command("python3", &["-c", script, self.path().to_str().unwrap_or_default()])
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.unmount(&["-l"]);
    }
}

/// Runs a program; what it says where it fails.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output =
        Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{program}: {}", said.trim())) }
}

#[test]
fn the_disk_of_the_power_test_loses_what_was_never_synced() {
    let test = "the_disk_of_the_power_test_loses_what_was_never_synced";
    let tried = Disk::new("commit=600").and_then(|disk| {
        let (synced, never) = (disk.path().join("synced"), disk.path().join("never"));
        fs::write(&synced, "x").and_then(|()| fs::File::open(&synced)?.sync_all()).unwrap();
        fs::write(&never, "x").unwrap();
        disk.power_off()?;
        until("the disk is free", || disk.unmount(&[]).is_ok());
        disk.renew();
        disk.mount("commit=600")?;
        assert_eq!(fs::read(&synced).unwrap(), b"x");
        assert!(fs::read(&never).unwrap_or_default().is_empty());
        Ok(())
    });
    if let Err(reason) = tried {
        println!("skipped: {test}: {reason}");
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_what_was_never_synced_is_thrown_away() {
    let test = "nothing_acknowledged_is_lost_when_what_was_never_synced_is_thrown_away";
    // No writing back by time: what is on the disk is there because it was synced.
    let options = "commit=600";
    let (crashes, mut numbers) = (crashes(15), numbers(0xd15c));
    let (mut total, mut slowest) = (0, Duration::ZERO);
    let mut known = Vec::new();
    let mut disk = None;
    for round in 0..crashes {
        if round % ROUNDS == 0 {
            drop(disk.take());
            disk = match Disk::new(options) {
                Ok(disk) => Some(disk),
                Err(reason) => return println!("skipped: {test}: {reason}"),
            };
            known.clear();
        }
        let Some(disk) = &disk else { return };
        let mut off = Ok(());
        // The process lives on for a moment without its disk, which no process does when the power goes, and a sync of pages
        // that the kernel has thrown away may succeed: what it says then does not count.
        let (more, _) = run(&disk.path(), &mut numbers, |child| {
            off = disk.power_off();
            child.kill().unwrap();
        });
        if let Err(reason) = off {
            return println!("skipped: {test}: {reason}");
        }
        // The kernel closes the files of a process that was killed a little after it is gone.
        until("the disk is free", || disk.unmount(&[]).is_ok());
        // A mount namespace that was made meanwhile may keep the dead file system, so what it left is mounted as another one.
        disk.renew();
        disk.mount(options).unwrap();
        total += more.len();
        known.extend(more);
        check(&disk.path(), &known, &mut slowest);
    }
    println!("{crashes} crashes, {total} entries acknowledged, slowest start {slowest:?}");
    assert!(total as u64 > crashes, "the children did something");
}
