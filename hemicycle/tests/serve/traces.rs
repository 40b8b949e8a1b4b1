//! The recorded day through the service, and then a search: in the ledger, evidence, exports, events, logs, notices and pages
//! no byte of anybody's payload, and no address of a person where none is shown by default.
//!
//! The day is its recordings, sent one after the other to a mirror port in a network namespace; an access log with
//! addresses, names and queries is followed beside it. What is searched for is taken from the same recordings, and each
//! search is tried on what must contain it, so that a search that finds nothing means that there is nothing.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::net::{IpAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use console::people::Role;
use institution::Institution;
use record::{EvidenceKind, Options, Record};
use wire::capture::frames;
use wire::packet::decode;

use crate::mirror::{Namespace, replay};
use crate::person::{CONSOLE, Person, can_ask};
use crate::service::{CONFIG, PROGRAM, Service};

/// Pieces of payload that are searched for: so long, and so many of one recording.
const PIECE_BYTES: usize = 16;
const PIECES_OF_RECORDING: usize = 60;
/// Frames of one recording that are sent.
const FRAMES: usize = 4_000;
/// A piece has so many different bytes at the least: noughts and repeated letters are everywhere.
const DIFFERENT_BYTES: usize = 10;
/// As fast as the recorded floods.
const SPEED: &[&str] = &["--pps=2500", "--pps-multi=50"];
/// What a log holds that nobody is to find anywhere else.
const LOGGED: [&str; 3] = ["198.18.77.201", "secret-query-of-a-member", "agent-of-a-member"];

/// Recordings that the day plays, without what others own.
fn recordings() -> Vec<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data");
    let day = fs::read_to_string(data.join("demo/day.toml")).unwrap();
    let files: BTreeSet<&str> =
        day.lines().filter_map(|line| line.strip_prefix("file = \"")?.strip_suffix('"')).collect();
    files.into_iter().filter(|file| file.starts_with("recorded/")).map(|file| data.join(file)).collect()
}

fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

/// What is searched for.
#[derive(Default)]
struct Wanted {
    pieces: BTreeSet<Vec<u8>>,
    persons: BTreeSet<IpAddr>,
}

/// The institution that the day is of.
fn institution() -> &'static Institution {
    static INSTITUTION: OnceLock<Institution> = OnceLock::new();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/institution/examplia.toml");
    INSTITUTION
        .get_or_init(|| institution::parse("examplia.toml", &fs::read_to_string(file).unwrap()).unwrap())
}

/// Neither declared in the institution file nor nobody's.
fn is_persons(address: IpAddr) -> bool {
    let is_exporter = institution().exporters.iter().any(|exporter| exporter.address == address);
    let is_own = is_exporter || institution().lookup(address).zone().is_some();
    let is_nobodys = address.is_loopback() || address.is_multicast() || address.is_unspecified();
    !is_own && !is_nobodys && address != IpAddr::from([255; 4])
}

/// The first address of a network is written as the network is, which may be shown.
fn is_a_host(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets()[3] != 0,
        IpAddr::V6(address) => address.octets()[6..] != [0; 10],
    }
}

impl Wanted {
    /// What a recording holds; the first frames of it as a file to be sent.
    fn add(&mut self, bytes: &[u8]) -> Vec<u8> {
        let (mut count, mut cut) = (0, Vec::from(&bytes[..24]));
        let mut at = 24;
        let mut pieces = 0;
        for frame in frames(bytes).map_while(Result::ok).take(FRAMES) {
            // Only pcap is cut here; the day's recordings are.
            let length = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize;
            cut.extend_from_slice(&bytes[at..at + 16 + length]);
            at += 16 + length;
            count += 1;
            let Ok(decoded) = decode(frame.link, frame.data) else { continue };
            for address in [decoded.outer.source, decoded.outer.destination] {
                self.persons.insert(address.to_ip());
            }
            let payload = decoded.inner.as_ref().map_or(decoded.outer.payload, |inner| inner.payload);
            if let Some(piece) = payload.windows(PIECE_BYTES).find(|piece| is_telling(piece))
                && pieces < PIECES_OF_RECORDING
                && self.pieces.insert(piece.to_vec())
            {
                pieces += 1;
            }
        }
        assert!(count > 0);
        cut
    }
}

fn is_telling(piece: &[u8]) -> bool {
    piece.iter().collect::<BTreeSet<_>>().len() >= DIFFERENT_BYTES
}

/// Which of the texts a heap holds, each as a whole word of digits and dots.
fn found<'a>(heap: &[u8], texts: &'a BTreeSet<String>) -> Vec<&'a str> {
    let runs: BTreeSet<&[u8]> = heap
        .split(|byte| !(byte.is_ascii_hexdigit() || b".:".contains(byte)))
        .filter(|run| run.len() >= 6)
        .collect();
    texts.iter().map(String::as_str).filter(|text| runs.contains(text.as_bytes())).collect()
}

/// Which of the pieces a heap holds.
fn holds(heap: &[u8], pieces: &BTreeSet<Vec<u8>>) -> usize {
    heap.windows(PIECE_BYTES).filter(|window| pieces.contains(*window)).count()
}

/// Every file below a folder, one behind the other.
fn all(folder: &Path, heap: &mut Vec<u8>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all(&path, heap);
        } else {
            heap.extend(fs::read(&path).unwrap());
            heap.push(b'\n');
        }
    }
}

/// A receiver of syslog: what came.
fn syslog() -> (u16, Arc<Mutex<Vec<u8>>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (port, heap) = (socket.local_addr().unwrap().port(), Arc::new(Mutex::new(Vec::new())));
    let came = heap.clone();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while let Ok(length) = socket.recv(&mut buffer) {
            let mut heap = came.lock().unwrap();
            heap.extend_from_slice(&buffer[..length]);
            heap.push(b'\n');
        }
    });
    (port, heap)
}

fn log_lines() -> String {
    let now = jiff::Timestamp::now().strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
    let line = format!(
        "{} - - [{now}] \"GET /?q={} HTTP/1.1\" 200 5 \"-\" \"{}\"\n",
        LOGGED[0], LOGGED[1], LOGGED[2]
    );
    line.repeat(300)
}

#[test]
fn the_recorded_day_leaves_no_payload_and_no_address_of_a_person() {
    let test = "the_recorded_day_leaves_no_payload_and_no_address_of_a_person";
    if !can_ask(test) {
        return;
    }
    let Some(_namespace) = Namespace::enter("the_recorded_day_leaves") else { return };
    let (port, notices) = syslog();
    let institution = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/institution/examplia.toml");
    let config = format!(
        "{CONFIG}[[mirror]]\ninterface = \"span\"\n{CONSOLE}[[log]]\npath = \"access.log\"\nservice = \"www\"\nfrom = \"beginning\"\n\
         [[notify]]\nname = \"siem\"\nkind = \"syslog\"\nhost = \"127.0.0.1\"\nport = {port}\ntransport = \"udp\"\nburst = 600\n"
    );
    let config = config.replace("institution.toml", institution.to_str().unwrap());
    let folder = crate::service::folder("traces", &config, "");
    fs::write(folder.join("access.log"), log_lines()).unwrap();
    let mut service = Service::run(folder.clone(), Stdio::piped());
    let person = Person::of(&service, "ada", Role::Administrator);
    let mut wanted = Wanted::default();
    let sent = folder.join("sent.pcap");
    let mut sent_bytes = Vec::new();
    for recording in recordings() {
        let cut = wanted.add(&unpacked(&recording));
        fs::write(&sent, &cut).unwrap();
        sent_bytes.extend(cut);
        replay(&sent, SPEED);
    }
    wanted.persons.retain(|address| is_persons(*address) && is_a_host(address));
    let persons: BTreeSet<String> =
        wanted.persons.iter().map(IpAddr::to_string).chain([LOGGED[0].to_owned()]).collect();
    assert!(wanted.pieces.len() > 200 && persons.len() > 200, "{} {}", wanted.pieces.len(), persons.len());
    assert!(holds(&sent_bytes, &wanted.pieces) > 200, "the search finds what is there");
    let (ids, mut heap) = shown_to(&person);
    service.has_said("ready");
    let log = service.log.clone();
    let (status, lines) = service.stop_with_text("TERM");
    assert!(status.success());
    heap.extend(lines.join("\n").into_bytes());
    heap.extend(log.into_bytes());
    heap.extend(notices.lock().unwrap().iter());
    assert!(!notices.lock().unwrap().is_empty(), "floods are told");
    let record = folder.join("state/record");
    let exported = Command::new(PROGRAM).args(["ledger", "export"]).arg(&record).output().unwrap();
    assert!(exported.status.success());
    heap.extend(exported.stdout);
    all(&folder.join("state"), &mut heap);
    let persons_found = found(&heap, &persons);
    assert!(persons_found.is_empty(), "{persons_found:?}");
    assert_eq!(holds(&heap, &wanted.pieces), 0, "payload outside evidence");
    let text = String::from_utf8_lossy(&heap);
    assert!(LOGGED.iter().all(|word| !text.contains(word)), "what a log holds stays in it");
    evidence(&record, &folder, &ids, &wanted);
}

/// What everybody sees of the day who is signed in: the floods, and all the bytes.
fn shown_to(person: &Person) -> (Vec<String>, Vec<u8>) {
    let mut heap = Vec::new();
    let floods = person.json("/api/v1/floods?limit=200");
    let ids: Vec<String> = floods["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flood| flood["id"].as_str().unwrap().to_owned())
        .collect();
    assert!(ids.len() >= 3, "the day has floods: {floods}");
    for path in [
        "/",
        "/floods",
        "/institution",
        "/api/v1/floods?limit=200",
        "/api/v1/entries?limit=1000",
        "/metrics",
        "/api/v1/now",
    ] {
        heap.extend(person.get(path));
    }
    for id in &ids {
        heap.extend(person.get(&format!("/floods/{id}")));
        heap.extend(person.get(&format!("/api/v1/floods/{id}")));
    }
    (ids, heap)
}

/// Evidence as files: headers only, and hosts that are not those that were seen.
fn evidence(record: &Path, folder: &Path, ids: &[String], wanted: &Wanted) {
    let key = fs::read_to_string(folder.join("state/key")).unwrap();
    let key =
        (0..16).map(|at| u8::from_str_radix(&key[at * 2..at * 2 + 2], 16).unwrap()).collect::<Vec<u8>>();
    let mut options = Options::new(key.try_into().unwrap(), Arc::new(|| 0));
    options.own = Arc::new(|address| !is_persons(address));
    let record = Record::open(record, options).unwrap();
    let (mut files, mut hidden, mut rows) = (0, 0, 0);
    for id in ids {
        let Some(shown) = record.reader().evidence_file(id, EvidenceKind::Packets, None).unwrap() else {
            continue;
        };
        let plain =
            record.writer().open_evidence(id, EvidenceKind::Packets, "a test", "test").unwrap().unwrap();
        assert_eq!(holds(&shown, &wanted.pieces), 0, "payload in the evidence of {id}");
        assert_eq!(holds(&plain, &wanted.pieces), 0, "payload in the opened evidence of {id}");
        files += 1;
        let of = |bytes: &[u8]| -> Vec<[IpAddr; 2]> {
            frames(bytes)
                .map_while(Result::ok)
                .filter_map(|frame| decode(frame.link, frame.data).ok())
                .map(|decoded| [decoded.outer.source.to_ip(), decoded.outer.destination.to_ip()])
                .collect()
        };
        let (shown, plain) = (of(&shown), of(&plain));
        assert_eq!(shown.len(), plain.len());
        for (shown, plain) in shown.iter().flatten().zip(plain.iter().flatten()) {
            if is_persons(*plain) {
                rows += 1;
                // Of a /24 one host in 256 stands for itself.
                hidden += u32::from(shown != plain);
            } else {
                assert_eq!(shown, plain, "what is the institution's stays");
            }
        }
    }
    assert!(files >= 3 && rows > 500, "{files} files, {rows} addresses");
    assert!(f64::from(hidden) > 0.97 * f64::from(rows), "{hidden} of {rows} are hidden");
}
