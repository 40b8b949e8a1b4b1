//! Runs the program, and writes small captures.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_hemicycle");

/// A file of this repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A new file of a test; the name has to be its own.
pub(crate) fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("program");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// What the program did.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            output: String::from_utf8(output.stdout.clone()).unwrap(),
            errors: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// The lines of `--json`.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The last of them.
    pub(crate) fn summary(&self) -> Value {
        let summary = self.lines().pop().unwrap();
        assert_eq!(summary["kind"], "summary");
        summary
    }

    /// The first lines of floods: lead vector, name of the target.
    pub(crate) fn starts(&self) -> Vec<(String, String)> {
        let starts = self.lines().into_iter().filter(|line| line["phase"] == "start");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        starts.map(|line| (text(&line["vectors"][0]["name"]), text(&line["target"]["name"]))).collect()
    }
}

/// Runs it with arguments.
pub(crate) fn run<I: AsRef<std::ffi::OsStr>>(arguments: &[I]) -> Ran {
    Ran::of(&Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap())
}

/// Runs it with arguments and bytes on standard input.
pub(crate) fn run_with_input(arguments: &[&str], input: &[u8]) -> Ran {
    let mut command = Command::new(PROGRAM);
    let pipes = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let input = input.to_vec();
    // From a thread, so that neither side waits for the other; the program may end before it read everything.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ran::of(&output)
}

/// Compressed as gzip does.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Seconds since the epoch at which the captures begin: 22 November 2026, 12:00 UTC.
pub(crate) const BEGIN: u64 = 1_795_348_800;

/// A capture in the making: pcap of Ethernet with microseconds.
pub(crate) struct Capture(pub(crate) Vec<u8>);

impl Capture {
    pub(crate) fn new() -> Self {
        let mut bytes = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
        for field in [2 | 4 << 16, 0, 0, 65535, 1_u32] {
            bytes.extend(field.to_le_bytes());
        }
        Self(bytes)
    }

    /// Adds a frame, so many microseconds after the beginning.
    pub(crate) fn frame(&mut self, microseconds: u64, frame: &[u8]) {
        self.frame_at(BEGIN * 1_000_000 + microseconds, frame);
    }

    /// Adds a frame, so many microseconds after the epoch.
    pub(crate) fn frame_at(&mut self, microseconds: u64, frame: &[u8]) {
        let seconds = (microseconds / 1_000_000) as u32;
        let length = frame.len() as u32;
        for field in [seconds, (microseconds % 1_000_000) as u32, length, length] {
            self.0.extend(field.to_le_bytes());
        }
        self.0.extend(frame);
    }

    /// Adds SYN packets from changing addresses to 192.0.2.10, port 443, evenly from one time to another.
    pub(crate) fn syn_flood(&mut self, from_seconds: u64, to_seconds: u64, packets_per_second: u64) {
        for packet in 0..(to_seconds - from_seconds) * packets_per_second {
            let at = from_seconds * 1_000_000 + packet * 1_000_000 / packets_per_second;
            let spread = (packet as u32).wrapping_mul(2_654_435_761);
            let source = [20 + (spread >> 24) as u8 % 100, (spread >> 16) as u8, (spread >> 8) as u8, 7];
            let port = 1024 + (spread % 60000) as u16;
            self.frame(at, &tcp(source, [192, 0, 2, 10], port, 443, 0x02));
        }
    }
}

/// A UDP datagram in Ethernet and IPv4.
pub(crate) fn udp(source: [u8; 4], destination: [u8; 4], ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16 + 8;
    let mut segment = [ports.0.to_be_bytes(), ports.1.to_be_bytes(), length.to_be_bytes(), [0, 0]].concat();
    segment.extend(payload);
    ipv4(source, destination, 17, &segment)
}

fn tcp(source: [u8; 4], destination: [u8; 4], from: u16, to: u16, flags: u8) -> Vec<u8> {
    let mut segment = [from.to_be_bytes(), to.to_be_bytes()].concat();
    segment.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0x20, 0, 0, 0, 0, 0]);
    ipv4(source, destination, 6, &segment)
}

fn ipv4(source: [u8; 4], destination: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0].to_vec();
    let length = (20 + payload.len() as u16).to_be_bytes();
    frame.extend([0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, protocol, 0, 0]);
    frame.extend(source);
    frame.extend(destination);
    frame.extend(payload);
    frame
}

/// A NetFlow v5 datagram with one record: so many packets of a SYN flood on 192.0.2.10 in the second before.
pub(crate) fn netflow5(at_seconds: u64, sequence: u32, source: [u8; 4], packets: u32, input: u16) -> Vec<u8> {
    let mut bytes = [0, 5, 0, 1].to_vec();
    let uptime_milliseconds = 10_000_000_u32;
    bytes.extend(uptime_milliseconds.to_be_bytes());
    bytes.extend(((BEGIN + at_seconds) as u32).to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(sequence.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(source);
    bytes.extend([192, 0, 2, 10]);
    bytes.extend([0; 4]);
    bytes.extend([input.to_be_bytes(), 9_u16.to_be_bytes()].concat());
    bytes.extend(packets.to_be_bytes());
    bytes.extend((packets * 40).to_be_bytes());
    bytes.extend((uptime_milliseconds - 1000).to_be_bytes());
    bytes.extend(uptime_milliseconds.to_be_bytes());
    bytes.extend([40000_u16.to_be_bytes(), 443_u16.to_be_bytes()].concat());
    bytes.extend([0, 0x02, 6, 0]);
    bytes.extend([0; 8]);
    bytes
}

/// A capture of such datagrams from an exporter to port 2055, `rate` records a second for some seconds.
pub(crate) fn flow_capture(exporter: [u8; 4], seconds: u64, rate: u64, input: u16) -> Vec<u8> {
    let mut capture = Capture::new();
    for record in 0..seconds * rate {
        let source = [30 + (record % 50) as u8, (record / 50) as u8, (record * 7) as u8, 9];
        let datagram = netflow5(record / rate, record as u32, source, 3, input);
        let at = record * 1_000_000 / rate;
        capture.frame(at, &udp(exporter, [192, 0, 2, 240], (50000, 2055), &datagram));
    }
    capture.0
}
