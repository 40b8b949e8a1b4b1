//! Damaged files give what comes before the damage; files of a wrong kind give a clear message; nothing panics.

use crate::support::{Capture, file, gzip, repository, run};

fn capture() -> Vec<u8> {
    let mut capture = Capture::new();
    capture.syn_flood(0, 6, 800);
    capture.0
}

fn replay(name: &str, bytes: &[u8]) -> crate::support::Ran {
    let path = file(name, bytes);
    run(&["replay".as_ref(), "--json".as_ref(), path.as_os_str()])
}

#[test]
fn a_cut_off_capture_gives_everything_before_the_cut() {
    let whole = capture();
    // Frames of 54 bytes with 16 of header: the cut is inside the last but one.
    let ran = replay("damage_cut.pcap", &whole[..whole.len() - 100]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    assert_eq!(ran.starts().len(), 1);
    let input = ran.summary()["inputs"][0].clone();
    assert_eq!(input["records"], 4798);
    assert_eq!(input["damage"]["offset"], 24 + 4798 * 70);
    assert!(input["damage"]["message"].as_str().unwrap().contains("cut off"), "{input}");
}

#[test]
fn an_impossible_length_ends_the_file_and_its_place_is_told() {
    let mut bytes = capture();
    let record = 24 + 4000 * 70;
    bytes[record + 8..record + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    let path = file("damage_length.pcap", &bytes);
    let text = run(&["replay".as_ref(), path.as_os_str()]);
    assert_eq!(text.code, Some(0));
    assert!(text.output.contains("damaged:") && text.output.contains(&record.to_string()), "{}", text.output);
    let summary = replay("damage_length_json.pcap", &bytes).summary();
    assert_eq!(summary["inputs"][0]["records"], 4000);
}

#[test]
fn a_cut_off_gzip_file_gives_what_could_be_unpacked() {
    let packed = gzip(&capture());
    let ran = replay("damage_cut.gz", &packed[..packed.len() * 3 / 4]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    let input = ran.summary()["inputs"][0].clone();
    assert!(input["records"].as_u64().unwrap() > 1000 && input["damage"]["message"].is_string(), "{input}");
}

#[test]
fn a_capture_without_frames_is_read_and_has_none() {
    let summary = replay("damage_header_only.pcap", &Capture::new().0).summary();
    assert_eq!(summary["inputs"][0]["records"], 0);
    assert_eq!((summary["floods"].as_u64(), summary["span_seconds"].as_f64()), (Some(0), Some(0.0)));
}

#[test]
fn files_of_a_wrong_kind_are_named_for_what_they_are() {
    let cases: [(&str, &[u8], &str); 7] = [
        ("damage.txt", b"hello, parliament\n", "text"),
        ("damage.json", b"{\"a\": 1}\n", "JSON"),
        ("damage.eve", b"{\"event_type\":\"alert\",\"timestamp\":\"2026-11-22T00:00:00Z\"}\n", "EVE JSON"),
        ("damage.zip", b"PK\x03\x04rest of it", "zip"),
        ("damage.bin", &[0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "is not an input"),
        ("damage.one", b"\0", "is not an input"),
        ("damage.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03garbage", "gzip"),
    ];
    for (name, bytes, what) in cases {
        let ran = replay(name, bytes);
        assert_eq!(ran.code, Some(1), "{name}: {}", ran.output);
        assert!(ran.errors.contains(name) && ran.errors.contains(what), "{}", ran.errors);
    }
}

#[test]
fn flipped_bits_never_panic_and_always_end_with_a_summary_or_an_error() {
    let originals = [
        "data/flows/ipfix/gen_benign_ipv6_browsing.pcap",
        "data/packets/pcapng_example.pcapng",
        "data/flows/netflow5/gen_dns_amp.pcap",
        "data/packets/ipv6_fragments.pcap",
    ];
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for original in originals {
        let whole = std::fs::read(repository(original)).unwrap();
        for round in 0..12 {
            let mut bytes = whole.clone();
            for _ in 0..=round * 3 {
                let at = next() as usize % bytes.len();
                bytes[at] ^= 1 << (next() % 8);
            }
            let ran = replay("damage_flipped", &bytes);
            assert!(!ran.errors.contains("panicked"), "{original} round {round}: {}", ran.errors);
            match ran.code {
                Some(0) => drop(ran.summary()),
                Some(1) => assert!(ran.errors.starts_with("error: "), "{}", ran.errors),
                other => panic!("{original} round {round}: {other:?} {}", ran.errors),
            }
        }
    }
}

#[test]
fn a_file_name_cannot_steer_the_terminal() {
    let path = file("damage_\x1b[31m.pcap", &capture());
    let ran = run(&["replay".as_ref(), path.as_os_str()]);
    assert_eq!(ran.code, Some(0));
    assert!(!ran.output.contains('\x1b'), "{:?}", ran.output);
    let ran = run(&["replay", "/no/such/\x1b[31mfile"]);
    assert!(!ran.errors.contains('\x1b'), "{:?}", ran.errors);
}
