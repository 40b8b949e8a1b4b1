//! A real exporter between a capture and the program: what packets show, its flow records show too.

use std::fs;
use std::io::Read;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Capture, file, repository, run, udp};

/// Nothing for this long after the last datagram means that the exporter is done.
const SILENCE: Duration = Duration::from_millis(1500);

#[test]
fn softflowd_shows_the_same_flood_as_the_packets() {
    if !Path::new("/usr/sbin/softflowd").exists() {
        println!("skipped: softflowd_shows_the_same_flood_as_the_packets: softflowd is not installed");
        return;
    }
    let packed = repository("data/recorded/attacks/syn_flood/hping_random_sources.pcap.gz");
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(fs::File::open(packed).unwrap()).read_to_end(&mut bytes).unwrap();
    let packets = file("exporter_packets.pcap", &bytes);
    let expected = starts(&packets);
    assert_eq!(expected, [("syn_flood".to_owned(), "192.0.2.10".to_owned())]);
    for version in ["5", "9", "10"] {
        let flows = exported(&packets, version);
        let ran = run(&["replay".as_ref(), "--json".as_ref(), flows.as_os_str()]);
        assert_eq!(ran.starts(), expected, "version {version}");
        assert_eq!(ran.summary()["inputs"][0]["kind"], "flow_pcap");
    }
}

fn starts(path: &Path) -> Vec<(String, String)> {
    run(&["replay".as_ref(), "--json".as_ref(), path.as_os_str()]).starts()
}

/// What softflowd exports of a capture over loopback, as a capture of its datagrams. They arrive at the time of
/// export, which `-a` makes that of the capture.
fn exported(packets: &Path, version: &str) -> PathBuf {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    let collector = format!("127.0.0.1:{}", socket.local_addr().unwrap().port());
    // softflowd may wait at its control socket for ever, so there is none.
    let pid = packets.with_file_name(format!("exporter_{version}.pid"));
    let mut exporter = Command::new("/usr/sbin/softflowd");
    exporter.args(["-d", "-a", "-v", version, "-m", "100000", "-n", &collector, "-r"]).arg(packets);
    exporter.args(["-c", "none", "-p"]).arg(pid);
    let mut child = exporter.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut capture = Capture::new();
    let mut buffer = [0; 65535];
    while let Ok(length) = socket.recv(&mut buffer) {
        let datagram = &buffer[..length];
        let at = if version == "10" { 4 } else { 8 };
        let seconds = u32::from_be_bytes(datagram[at..at + 4].try_into().unwrap());
        let frame = udp([198, 51, 100, 9], [192, 0, 2, 240], (50000, 2055), datagram);
        capture.frame_at(u64::from(seconds) * 1_000_000, &frame);
    }
    // It has sent all it has, and does not always end by itself.
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(capture.0.len() > Capture::new().0.len(), "softflowd exported nothing");
    file(&format!("exporter_{version}.pcap"), &capture.0)
}
