//! A network namespace with two ends of a cable in it: what is sent into `sender` comes out of `rx`. Nothing leads out.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use wire::capture::frames;

/// The namespace, which this thread is in.
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes it and goes in; says by which test it is skipped if that cannot be done here.
    pub(crate) fn enter(test: &str) -> Option<Self> {
        let skip = |why: &str| {
            println!("skipped: {test}: {why}");
            None
        };
        if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
            return skip("not root, which may make network namespaces");
        }
        for program in ["ip", "tcpreplay"] {
            if Command::new(program).arg("-V").output().is_err() {
                return skip(&format!("{program} is not installed"));
            }
        }
        let name = format!("hemi-{}-{test}", std::process::id());
        if !run("ip", &["netns", "add", &name]).status.success() {
            return skip("this system makes no network namespaces");
        }
        let namespace = Self { name };
        let file = File::open(Path::new("/run/netns").join(&namespace.name)).unwrap();
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        namespace.cable();
        Some(namespace)
    }

    /// Lays the cable.
    pub(crate) fn cable(&self) {
        self.ip("link add name sender type veth peer name mirror");
        for end in ["sender", "mirror"] {
            // Nobody but the test speaks here.
            let path = format!("net.ipv6.conf.{end}.disable_ipv6=1");
            assert!(self.run("sysctl", &["-qw", &path]).status.success());
            self.ip(&format!("link set {end} arp off up"));
        }
    }

    /// `ip` with these arguments, inside.
    pub(crate) fn ip(&self, arguments: &str) {
        let output = self.run("ip", &arguments.split(' ').collect::<Vec<_>>());
        assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Sends every frame of a capture into `sender`.
    pub(crate) fn replay(&self, capture: &Path, speed: &str) {
        let output = self.run("tcpreplay", &["-q", "-i", "sender", speed, capture.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let before = ["netns", "exec", &self.name, program];
        Command::new("ip").args(before).args(arguments).output().unwrap()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        run("ip", &["netns", "del", &self.name]);
    }
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

/// A capture of `data/`, unpacked, and its frames.
pub(crate) fn capture(name: &str) -> (PathBuf, Vec<Vec<u8>>) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(name);
    let mut bytes = Vec::new();
    let mut file = File::open(&from).unwrap();
    if name.ends_with(".gz") {
        flate2::read::MultiGzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    } else {
        file.read_to_end(&mut bytes).unwrap();
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "{}-{}.pcap",
        std::process::id(),
        name.replace('/', "_")
    ));
    File::create(&path).unwrap().write_all(&bytes).unwrap();
    (path, frames(&bytes).map(|frame| frame.unwrap().data.to_vec()).collect())
}
