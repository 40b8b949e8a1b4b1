//! A mirror port, played by a cable in a network namespace: what is replayed into one end is found at the other.

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;

use crate::service::{CONFIG, Service};

/// Pauses that an event may take.
const MOST: usize = 3000;
/// As fast as the recorded floods or faster, in few pieces: between single packets a busy machine sleeps too long, and the
/// flood would be none.
pub(crate) const FLOOD: &[&str] = &["--pps=1500", "--pps-multi=50"];

/// A namespace that this thread, and what it starts, is in.
pub(crate) struct Namespace(String);

impl Namespace {
    /// One of its own for this test; says why not where that cannot be.
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
        let namespace = Self(format!("hemi-{}-{test}", std::process::id()));
        if !run("ip", &["netns", "add", &namespace.0]).status.success() {
            return skip("this system makes no network namespaces");
        }
        let file = File::open(Path::new("/run/netns").join(&namespace.0)).unwrap();
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        ip("link set lo up");
        cable();
        Some(namespace)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        run("ip", &["netns", "del", &self.0]);
    }
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

fn ip(arguments: &str) {
    let output = run("ip", &arguments.split(' ').collect::<Vec<_>>());
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

fn cable() {
    ip("link add name sender type veth peer name span");
    for end in ["sender", "span"] {
        // Nobody but the test speaks here.
        let quiet = ["-qw", &format!("net.ipv6.conf.{end}.disable_ipv6=1")];
        assert!(run("sysctl", &quiet).status.success());
        ip(&format!("link set {end} arp off up"));
    }
}

/// A recorded attack, unpacked.
pub(crate) fn recorded(name: &str) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/recorded").join(name);
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(File::open(from).unwrap()).read_to_end(&mut bytes).unwrap();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "{}-{}",
        std::process::id(),
        name.replace('/', "_")
    ));
    fs::write(&path, bytes).unwrap();
    path
}

/// How many packets were sent.
pub(crate) fn replay(capture: &Path, speed: &[&str]) -> u64 {
    let output = run("tcpreplay", &[&["-q", "-i", "sender"], speed, &[capture.to_str().unwrap()]].concat());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    let sent = said.lines().find_map(|line| line.strip_prefix("Actual: ")?.split(' ').next());
    sent.unwrap().parse().unwrap()
}

pub(crate) fn with_mirror(more: &str) -> String {
    format!("{CONFIG}[[mirror]]\ninterface = \"span\"\n{more}")
}

/// The first event that is as wanted.
fn event(service: &Service, phase: &str) -> Value {
    (0..MOST)
        .find_map(|_| service.event_soon().filter(|event| event["phase"] == phase))
        .unwrap_or_else(|| panic!("no {phase}"))
}

/// The sum of a figure over the workers of the mirror.
fn sum(service: &Service, name: &str, workers: usize) -> f64 {
    let of = |worker| format!("mirror_{name}_total{{interface=\"span\",worker=\"{worker}\"}}");
    (0..workers).map(|worker| service.figure(&of(worker)).unwrap()).sum()
}

#[test]
fn a_flood_on_a_mirror_port_starts_and_ends_and_every_packet_is_counted_once() {
    let Some(_namespace) = Namespace::enter("a_flood_on_a_mirror_port") else { return };
    let capture = recorded("attacks/syn_flood/hping_random_sources.pcap.gz");
    for workers in [1, 2] {
        let service =
            Service::start(&format!("mirror_{workers}"), &with_mirror(&format!("workers = {workers}\n")));
        assert!(service.log.contains("mirror on span: every packet"), "{}", service.log);
        let sent = replay(&capture, FLOOD);
        let start = event(&service, "start");
        assert_eq!(start["vectors"][0]["name"], "syn_flood", "{start}");
        assert_eq!(start["target"]["name"], "www");
        assert_eq!((&start["certainty"], &start["sampling"]), (&"exact".into(), &1.into()));
        let end = event(&service, "end");
        assert_eq!((&end["id"], &end["evidence"]["ended_by"]), (&start["id"], &"quiet".into()));
        // Two of them are ARP.
        service.reaches("mirror_skipped_total{reason=\"not_ip\"}", 2.0);
        service.reaches("mirror_packets_total", (sent - 2) as f64);
        assert_eq!(sum(&service, "frames", workers), sent as f64);
        assert_eq!(sum(&service, "kernel_frames", workers), sent as f64);
        assert_eq!(sum(&service, "kernel_drops", workers), 0.0);
        let (status, lines) = service.stop("TERM");
        assert_eq!(status.code(), Some(0));
        let summary = lines.last().unwrap();
        let packets = Value::from(sent - 2);
        assert_eq!((&summary["records"], &summary["detector"]["observations"]), (&packets, &packets));
        let span =
            summary["inputs"].as_array().unwrap().iter().find(|input| input["name"] == "span").unwrap();
        assert_eq!((&span["kind"], &span["records"], &span["lost"]), (&"mirror".into(), &packets, &0.into()));
    }
}

/// The same events as a replay of the capture gives, but for what depends on the time.
#[test]
fn a_mirror_finds_what_a_replay_of_the_same_capture_finds() {
    let Some(_namespace) = Namespace::enter("a_mirror_finds_what_a_replay") else { return };
    for name in ["attacks/icmp_flood/unreachables.pcap.gz", "attacks/syn_flood/ipv6_random_sources.pcap.gz"] {
        let capture = recorded(name);
        let institution = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/institution/examplia.toml");
        let mut replayed = Command::new(crate::service::PROGRAM);
        replayed.arg("replay").arg(&capture).arg("--institution").arg(&institution).arg("--json");
        let output = String::from_utf8(replayed.output().unwrap().stdout).unwrap();
        let expected = output.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let expected = expected.into_iter().find(|event| event["phase"] == "start").unwrap();
        let config = with_mirror("").replace("institution.toml", institution.to_str().unwrap());
        let service = Service::start("mirror_as_replay", &config);
        replay(&capture, FLOOD);
        let found = event(&service, "start");
        assert_eq!(found["target"], expected["target"], "{name}");
        assert_eq!(found["vectors"][0]["name"], expected["vectors"][0]["name"], "{name}");
    }
}

#[test]
fn a_sampled_mirror_corrects_for_it() {
    let Some(_namespace) = Namespace::enter("a_sampled_mirror") else { return };
    let capture = recorded("attacks/syn_flood/hping_random_sources_strong.pcap.gz");
    let service = Service::start("mirror_sampled", &with_mirror("sampling = 10\n"));
    let sent = replay(&capture, FLOOD) as f64;
    let start = event(&service, "start");
    assert_eq!((&start["certainty"], &start["sampling"]), (&"sampled".into(), &10.into()), "{start}");
    let end = event(&service, "end");
    assert_eq!(end["vectors"][0]["name"], "syn_flood", "{end}");
    service.reaches("floods_running", 0.0);
    let (seen, passed) = (sum(&service, "frames", 1), sum(&service, "sampled_out", 1));
    assert_eq!(seen + passed, sent);
    assert!((seen - sent / 10.0).abs() < 5.0 * (sent / 10.0).sqrt(), "{seen} of {sent}");
}

#[test]
fn a_mirror_port_that_goes_and_comes_back_is_read_again() {
    let Some(_namespace) = Namespace::enter("a_mirror_port_that_goes") else { return };
    let capture = recorded("attacks/syn_flood/hping_random_sources.pcap.gz");
    let service = Service::start("mirror_gone", &with_mirror(""));
    let label = |name: &str| format!("mirror_{name}{{interface=\"span\",worker=\"0\"}}");
    ip("link del span");
    service.reaches(&label("removals_total"), 1.0);
    service.reaches(&label("up"), 0.0);
    assert_eq!(service.get("/healthz").0, 200, "the service itself is well");
    cable();
    service.reaches(&label("reopenings_total"), 1.0);
    service.reaches(&label("up"), 1.0);
    replay(&capture, FLOOD);
    assert_eq!(event(&service, "start")["target"]["name"], "www");
}

#[test]
fn a_mirror_port_that_goes_down_is_read_again_when_it_is_up() {
    let Some(_namespace) = Namespace::enter("a_mirror_port_that_goes_down") else { return };
    let capture = recorded("attacks/syn_flood/hping_random_sources.pcap.gz");
    let service = Service::start("mirror_down", &with_mirror(""));
    let label = |name: &str| format!("mirror_{name}{{interface=\"span\",worker=\"0\"}}");
    for times in [1.0, 2.0] {
        ip("link set span down");
        service.reaches(&label("downs_total"), times);
        service.reaches(&label("up"), 0.0);
        ip("link set span up");
        service.reaches(&label("up"), 1.0);
    }
    let sent = replay(&capture, FLOOD);
    assert_eq!(event(&service, "start")["target"]["name"], "www");
    service.reaches(&label("frames_total"), sent as f64);
    service.reaches(&label("reopenings_total"), 0.0);
}

#[test]
fn a_mirror_alone_is_enough_and_one_that_is_not_there_is_refused() {
    let Some(_namespace) = Namespace::enter("a_mirror_alone") else { return };
    let alone = with_mirror("").replace("flows = [\"127.0.0.1:0\"]", "flows = []");
    let service = Service::start("mirror_alone", &alone);
    replay(&recorded("attacks/syn_flood/hping_random_sources.pcap.gz"), FLOOD);
    assert_eq!(event(&service, "start")["target"]["name"], "www");
    let missing = alone.replace("\"span\"", "\"spam\"");
    let folder = crate::service::folder("mirror_missing", &missing, crate::service::INSTITUTION);
    let output = crate::service::command(&folder, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("there is no interface spam"), "{said}");
    assert!(!folder.join("state").exists(), "no key is made for a service that does not start");
}

/// The web layer sees the same requests and connections as in a replay of the capture.
#[test]
fn requests_on_a_mirror_port_are_a_flood_of_their_service() {
    let Some(_namespace) = Namespace::enter("requests_on_a_mirror_port") else { return };
    let service = Service::start("mirror_web", &with_mirror(""));
    replay(&recorded("web/attacks/http_cache_bypass/hulk_http.pcap.gz"), &["--pps=500", "--pps-multi=50"]);
    let start = event(&service, "start");
    assert_eq!(start["vectors"][0]["name"], "http_cache_bypass", "{start}");
    assert_eq!(start["target"]["name"], "www");
    service.reaches("web_floods_total", 1.0);
    assert!(service.figure("web_requests_total").unwrap() > 200.0);
    let (status, lines) = service.stop("TERM");
    assert_eq!(status.code(), Some(0));
    assert!(lines.last().unwrap()["web"]["requests"].as_u64().unwrap() > 200);
}
