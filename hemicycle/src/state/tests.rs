//! What is written is read back; what is not is refused, and never a panic.

use std::io::{Read, Write};
use std::net::IpAddr;

use baseline::{Baseline, SavedWeek};
use detect::Detector;
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use hemicycle::baselines::MAXIMUM_LINE_BYTES;
use proptest::prelude::*;
use sketch::{KeyedState, PUBLISHED_KEY};

use super::*;

const WEEK: i64 = SECONDS_PER_WEEK;
const NOW: i64 = 1_795_348_800;

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("hemicycle-state-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    folder
}

fn time(seconds: i64) -> Time {
    Time::from_seconds(seconds, 0)
}

fn learnt(address: &str, samples_per_second: f32, hours: u16) -> Learnt {
    let address: IpAddr = address.parse().unwrap();
    let mut level = Baseline::new(0).save();
    (level.fast, level.slow, level.age_seconds) = (samples_per_second, samples_per_second, 3600);
    level.week = (hours > 0).then(|| SavedWeek { hours, cells: vec![100; 168] });
    Learnt { target: LearntTarget::Address(address), sampling: 1, level, usual: Vec::new() }
}

fn detector() -> Detector {
    let text = "[institution]\nname = \"Test\"\n[zone.public]\nprefixes = [\"192.0.2.0/24\", \"2001:db8::/32\"]\nexposure = \"internet\"\n";
    let scope = detect::Scope::of(institution::parse("t", text).unwrap(), KeyedState::new(PUBLISHED_KEY));
    Detector::new(scope, &detect::Limits::default(), PUBLISHED_KEY)
}

/// The bytes of a file with some targets.
fn bytes(name: &str, lines: usize) -> Vec<u8> {
    let folder = folder(name);
    let all = (0..lines).map(|host| learnt(&format!("192.0.2.{host}"), 10.0, 200)).collect();
    save(&folder, all, time(NOW), time(NOW)).unwrap();
    let bytes = fs::read(path(&folder)).unwrap();
    fs::remove_dir_all(folder).unwrap();
    bytes
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn unpacked(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn what_is_saved_is_recalled_and_only_its_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder("round").join("deep");
    let all = vec![learnt("192.0.2.1", 7.5, 0), learnt("2001:db8::1", 3.0, 400)];
    assert_eq!(save(&folder, all.clone(), time(NOW), time(NOW)).unwrap().targets, 2);
    assert_eq!(fs::metadata(path(&folder)).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left there");
    let state = load(&folder).unwrap();
    assert_eq!(state.written, Some(timestamp(time(NOW))));
    let back: Vec<Learnt> = state.entries.values().map(|entry| entry.learnt.clone()).collect();
    assert_eq!((back, state.skipped_lines), (all, 0));
    let mut detector = detector();
    detector.learn(detect::Learning::default());
    let recalled = state.recall(&mut detector, time(NOW + 60), None);
    assert_eq!((recalled.targets, recalled.not_watched), (2, 0));
    assert_eq!(state.recall(&mut detector, time(NOW), Some(time(NOW - 1))), Recalled::default());
    fs::remove_dir_all(folder.parent().unwrap()).unwrap();
}

#[test]
fn a_folder_without_a_file_knows_nothing_and_an_empty_save_makes_none() {
    let folder = folder("none");
    assert!(load(&folder).unwrap().written.is_none());
    assert_eq!(save(&folder, Vec::new(), time(NOW), time(NOW)).unwrap(), Saved::default());
    assert!(!folder.exists());
}

#[test]
fn silent_targets_are_kept_with_their_own_time_until_they_are_too_old() {
    let folder = folder("kept");
    save(&folder, vec![learnt("192.0.2.1", 1.0, 1)], time(NOW - 3 * WEEK), time(NOW - 3 * WEEK)).unwrap();
    let saved = save(&folder, vec![learnt("192.0.2.2", 1.0, 1)], time(NOW), time(NOW)).unwrap();
    assert_eq!((saved.targets, saved.kept, saved.left_out), (1, 1, 0));
    let times: Vec<i64> = load(&folder).unwrap().entries.values().map(|entry| entry.at.as_second()).collect();
    assert_eq!(times, [NOW - 3 * WEEK, NOW]);
    let later = time(NOW + (KEPT_WEEKS - 1) * WEEK);
    let saved = save(&folder, vec![learnt("192.0.2.2", 2.0, 1)], later, later).unwrap();
    assert_eq!((saved.targets, saved.kept, saved.left_out), (1, 0, 1));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_bad_line_costs_itself_and_is_named() {
    let text = unpacked(&bytes("lines", 3));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[2] = lines[2].replace("\"tolerance\":1.0", "\"tolerance\":99.0");
    lines.insert(3, "{\"at\":7}".to_owned());
    lines.push(lines[1].replace("2026-", "2025-"));
    let state = State::read(&*packed(&lines.join("\n"))).unwrap();
    assert_eq!((state.entries.len(), state.skipped_lines), (2, 2));
    let (line, why) = state.first_skipped.clone().unwrap();
    assert!(line == 3 && why.contains("tolerance"), "{line} {why}");
    assert!(state.entries.values().all(|entry| entry.at.as_second() == NOW), "the newer of two holds");
    let warning = warning(&state, Path::new("/x")).unwrap();
    assert!(warning.contains("2 lines of /x/baselines.json.gz skipped, the first is 3"), "{warning}");
}

/// Found with the fuzz target `learnt`: a line just within the limit was longer when it was kept, and the next start refused the file.
#[test]
fn a_line_that_grows_when_it_is_written_again_does_not_cost_the_next_file() {
    let text = unpacked(&bytes("grows", 2));
    let kinds = vec!["{\"vector\":\"x\",\"packets_per_second\":1e9}"; 170].join(",");
    let grows = text.replacen("\"usual\":[]", &format!("\"usual\":[{kinds}]"), 1);
    assert!(grows.lines().all(|line| line.len() < MAXIMUM_LINE_BYTES));
    let folder = folder("grows");
    fs::create_dir_all(&folder).unwrap();
    fs::write(path(&folder), packed(&grows)).unwrap();
    let read = load(&folder).unwrap();
    assert_eq!((read.entries.len(), read.skipped_lines), (1, 1));
    assert_eq!(save(&folder, vec![learnt("192.0.2.9", 1.0, 1)], time(NOW), time(NOW)).unwrap().kept, 1);
    assert_eq!(load(&folder).unwrap().entries.len(), 2);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_is_no_state_file_is_refused_with_its_reason() {
    let good = bytes("foreign", 50);
    let text = unpacked(&good);
    let mut flipped = good.clone();
    let at = flipped.len() - 6;
    flipped[at] ^= 1;
    let cases: [(&str, Vec<u8>); 8] = [
        ("damaged", b"foreign bytes".to_vec()),
        ("damaged", Vec::new()),
        ("empty", packed("")),
        ("holds no baselines", packed("{\"kind\":\"summary\"}\n")),
        ("holds no baselines", packed(&text.replacen("hemicycle-baselines", "something", 1))),
        ("version 2", packed(&text.replacen("\"version\":1", "\"version\":2", 1))),
        ("damaged", good[..good.len() / 2].to_vec()),
        ("damaged", flipped),
    ];
    for (word, bytes) in cases {
        let error = format!("{:#}", State::read(&*bytes).unwrap_err());
        assert!(error.contains(word), "{word} in {error}");
    }
    let long = format!("{}\n{}\n", text.lines().next().unwrap(), " ".repeat(MAXIMUM_LINE_BYTES));
    assert!(format!("{:#}", State::read(&*packed(&long)).unwrap_err()).contains("longer"));
}

#[test]
fn a_refused_file_is_set_aside_and_not_written_over() {
    let folder = folder("aside");
    fs::create_dir_all(&folder).unwrap();
    fs::write(path(&folder), "precious").unwrap();
    assert!(load(&folder).is_err());
    let aside = save(&folder, vec![learnt("192.0.2.1", 1.0, 1)], time(NOW), time(NOW)).unwrap().set_aside;
    assert_eq!(fs::read_to_string(aside.unwrap()).unwrap(), "precious");
    assert_eq!(load(&folder).unwrap().entries.len(), 1);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_save_that_fails_leaves_the_file_before() {
    let folder = folder("fails");
    save(&folder, vec![learnt("192.0.2.1", 1.0, 1)], time(NOW), time(NOW)).unwrap();
    // Where the unfinished file would be, something else is in the way.
    let unfinished = folder.join(format!("{FILE_NAME}.new-{}", std::process::id()));
    fs::create_dir(&unfinished).unwrap();
    assert!(save(&folder, vec![learnt("192.0.2.2", 1.0, 1)], time(NOW), time(NOW)).is_err());
    assert_eq!(load(&folder).unwrap().entries.len(), 1);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn histories_of_two_times_have_the_later_level_and_both_weeks() {
    let entry = |at: i64, learnt: Learnt| Entry { at: timestamp(time(at)), learnt };
    let mut sampled = learnt("192.0.2.1", 10.0, 168);
    sampled.sampling = 100;
    let later = entry(NOW, learnt("192.0.2.1", 1_000.0, 0));
    for (one, other) in [(&later, &entry(NOW - WEEK, sampled.clone())), (&entry(NOW - WEEK, sampled), &later)]
    {
        let both = merged(one, other).unwrap();
        assert_eq!((both.at, both.learnt.sampling), (later.at, 100));
        assert!((9.9..10.1).contains(&both.learnt.level.slow), "{:?}", both.learnt.level);
        let week = both.learnt.level.week.unwrap();
        assert_eq!(week.cells[7], 100);
        assert!((150..168).contains(&week.hours), "a week ago counts less: {}", week.hours);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_and_cut_bytes_are_refused_or_harmless(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..4),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        static GOOD: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| bytes("flips", 4));
        let mut damaged = GOOD.clone();
        for (at, bit) in flips {
            let at = at.index(damaged.len());
            damaged[at] ^= 1 << bit;
        }
        if cuts {
            damaged.truncate(cut.index(damaged.len()));
        }
        if let Ok(state) = State::read(&*damaged) {
            // Only what the checksum does not cover (the header of gzip) can have changed.
            prop_assert!(state.entries.len() == 4 && state.skipped_lines == 0);
        }
    }

    #[test]
    fn any_text_is_read_without_harm(lines in prop::collection::vec(".{0,80}", 0..20)) {
        let header = "{\"format\":\"hemicycle-baselines\",\"version\":1,\"written\":\"2026-11-22T12:00:00Z\"}";
        let state = State::read(&*packed(&format!("{header}\n{}", lines.join("\n")))).unwrap();
        prop_assert!(state.entries.is_empty());
    }
}
