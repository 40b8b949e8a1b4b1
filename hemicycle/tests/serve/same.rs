//! What a mirror saw gives the same bytes when it is replayed.
//!
//! A recorder of the test's own is at the same port. Frames have one time for every listener if the kernel stamps them as
//! they come in, which it does while some socket asks for such stamps.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use intake::mirror::{Mirror, MirrorFrame, MirrorOptions};
use nix::sys::socket::{setsockopt, sockopt::ReceiveTimestampns};

use crate::mirror::{Namespace, recorded, replay, with_mirror};
use crate::service::{INSTITUTION, PROGRAM, Service, folder, pause};
use crate::web::key;

/// Pauses that everything may take to end.
const MOST: usize = 6000;

/// Records what comes to a port, twice: as bytes of a capture with times in nanoseconds.
struct Recorder {
    is_over: Arc<AtomicBool>,
    threads: [JoinHandle<Vec<u8>>; 2],
}

impl Recorder {
    fn start(interface: &str) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let threads = [(); 2].map(|()| {
            let mut mirror = Mirror::open(&MirrorOptions::new(interface)).unwrap().remove(0);
            let is_over = is_over.clone();
            thread::spawn(move || {
                let mut capture: Vec<u8> =
                    [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 65_535, 1].map(u32::to_le_bytes).concat();
                let mut take = |frame: MirrorFrame<'_>| {
                    let time = frame.time.nanoseconds();
                    let words = [time / 1_000_000_000, time % 1_000_000_000];
                    let lengths = [frame.bytes.len() as u32, frame.original_length];
                    capture.extend(words.map(|word| (word as u32).to_le_bytes()).concat());
                    capture.extend(lengths.map(u32::to_le_bytes).concat());
                    capture.extend(frame.bytes);
                };
                let patience = Duration::from_millis(50);
                while mirror.read(patience, &mut take).unwrap() > 0 || !is_over.load(Ordering::Relaxed) {}
                assert_eq!(mirror.kernel_drops(), 0);
                capture
            })
        });
        Self { is_over, threads }
    }

    /// What was recorded; `None` if the two have other times.
    fn finish(self) -> Option<Vec<u8>> {
        self.is_over.store(true, Ordering::Relaxed);
        let [one, other] = self.threads.map(|thread| thread.join().unwrap());
        (one == other).then_some(one)
    }
}

/// Lines until as many have ended as were begun, and a while longer.
fn until_quiet(service: &Service) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let count = |lines: &[String], phase: &str| lines.iter().filter(|line| line.contains(phase)).count();
    for _ in 0..MOST {
        lines.extend(service.line_soon());
        let begun = count(&lines, "\"phase\":\"start\"");
        if begun > 0
            && begun == count(&lines, "\"phase\":\"end\"")
            && service.figure("web_floods_running") == Some(0.0)
        {
            return lines;
        }
    }
    panic!("it does not end: {lines:#?}");
}

/// What a replay prints under the key of a service, without the summary.
fn replayed(folder: &Path, capture: &Path) -> Vec<String> {
    let mut command = Command::new(PROGRAM);
    command.args(["replay", "--json", "--institution"]).arg(folder.join("institution.toml"));
    command.arg("--key-file").arg(folder.join("state/key")).arg(capture);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut lines: Vec<String> =
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert!(lines.pop().unwrap().contains("\"summary\""));
    lines
}

#[test]
fn a_mirror_gives_the_same_bytes_live_as_replayed() {
    const TEST: &str = "a_mirror_gives_the_same_bytes";
    let Some(_namespace) = Namespace::enter(TEST) else { return };
    let stamps = UdpSocket::bind("127.0.0.1:0").unwrap();
    setsockopt(&stamps, ReceiveTimestampns, &true).unwrap();
    let hulk = recorded("web/attacks/http_cache_bypass/hulk_http.pcap.gz");
    for (name, speed, vector) in [
        ("attacks/syn_flood/hping_random_sources.pcap.gz", "--pps=1500", "syn_flood"),
        ("attacks/icmp_flood/unreachables.pcap.gz", "--pps=1500", "icmp_flood"),
        ("web/attacks/http_cache_bypass/hulk_http.pcap.gz", "--pps=500", "http_cache_bypass"),
    ] {
        let config = with_mirror("").replace("flows = [\"127.0.0.1:0\"]", "flows = []");
        let folder = folder("mirror_same", &config, INSTITUTION);
        key(&folder);
        let service = Service::run(folder.clone(), Stdio::piped());
        let recorder = Recorder::start("span");
        replay(&recorded(name), &[speed, "--pps-multi=50"]);
        let mut lines = until_quiet(&service);
        // The time of what is read ends in a replay what the clock has ended here.
        replay(&hulk, &["--limit=30"]);
        (0..20).for_each(|_| pause());
        let (status, rest) = service.stop_with_text("TERM");
        assert_eq!(status.code(), Some(0));
        lines.extend(rest);
        assert!(lines.pop().unwrap().contains("\"summary\""));
        let Some(capture) = recorder.finish() else {
            println!("skipped: {TEST}: this kernel gives each listener its own time of a frame");
            return;
        };
        let path = folder.join("recorded.pcap");
        fs::write(&path, capture).unwrap();
        assert!(lines.iter().any(|line| line.contains(vector)), "{name}: {lines:#?}");
        assert_eq!(lines, replayed(&folder, &path), "{name}");
    }
}
