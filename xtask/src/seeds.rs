//! Real data as first inputs for the fuzz targets: a mutation of a real datagram reaches further than random bytes.
//!
//! Most comes from `data/`, sorted by what it is and not by where it lies: the UDP payloads of captures by
//! their version field, frames and capture files as they are, institution files by their ending, logs a few lines at a time. What data/ has none of,
//! such as state files, is in `fuzz/seeds/<target>`, as it is. Reads classic pcap only; that is enough for seeds, and it
//! keeps this task independent of the decoders that the targets test.

use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::Result;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use crate::repo;

/// Most seeds for one target; libFuzzer reads them all before it starts.
const MAX_SEEDS: usize = 1_000;
/// Most frames taken from one capture, so that a long one does not crowd out the others.
const MAX_FRAMES_PER_FILE: usize = 40;
/// Lines of a log in one seed.
const LINES_PER_SEED: usize = 3;
/// Longer inputs are cut: a capture that ends early is a good seed, and speed is worth more than length.
const MAX_SEED_BYTES: usize = 64 << 10;
/// Most bytes read of one file, unpacked.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Adds the seeds that fit a target to its corpus, and says how many fit. Doing it again adds nothing new.
///
/// # Errors
/// When `data/` cannot be read or the corpus not written.
pub(crate) fn plant(root: &Path, target: &str) -> Result<usize> {
    let corpus = root.join("fuzz/corpus").join(target);
    fs::create_dir_all(&corpus)?;
    let (data, own) = (root.join("data"), root.join("fuzz/seeds").join(target));
    let mut count = 0;
    let files_in = |folder: &Path| if folder.is_dir() { repo::files(folder) } else { Ok(Vec::new()) };
    let made = files_in(&own)?.into_iter().map(|path| (path, true));
    for (path, is_made) in made.chain(files_in(&data)?.into_iter().map(|path| (path, false))) {
        let seeds = if is_made {
            read(&own.join(&path), false).into_iter().collect()
        } else {
            seeds_of(target, &path, &data)
        };
        for seed in seeds {
            if count == MAX_SEEDS {
                return Ok(count);
            }
            let seed = &seed[..seed.len().min(MAX_SEED_BYTES)];
            let name: String =
                Sha256::digest(seed).iter().take(10).map(|byte| format!("{byte:02x}")).collect();
            let file = corpus.join(name);
            if !file.exists() {
                fs::write(file, seed)?;
            }
            count += 1;
        }
    }
    Ok(count)
}

/// The inputs for a target in one file of `data/`, unpacked.
fn seeds_of(target: &str, path: &Path, data: &Path) -> Vec<Vec<u8>> {
    let full = data.join(path);
    let is_packed = repo::has_extension(path, "gz");
    let path = if is_packed { &path.with_extension("") } else { path };
    let is_institution = repo::has_extension(path, "toml");
    let is_capture =
        ["pcap", "pcapng", "cap", "trace"].iter().any(|extension| repo::has_extension(path, extension));
    let is_dump = ["bin", "dat", "raw", "ipfix"].iter().any(|extension| repo::has_extension(path, extension));
    let is_log = repo::has_extension(path, "log");
    let wanted = match target {
        "web_log" | "lines" => is_log,
        "institution" => is_institution,
        "targets" | "intelligence" => path.starts_with("foresee"),
        "capture" | "packet" => is_capture,
        "netflow" | "templates" | "sflow" => is_capture || is_dump,
        _ => false,
    };
    let Some(bytes) = wanted.then(|| read(&full, is_packed)).flatten() else { return Vec::new() };
    match target {
        "packet" => frames(&bytes).into_iter().map(|(_, frame)| frame.to_vec()).collect(),
        "netflow" | "templates" | "sflow" => {
            let datagrams: Vec<&[u8]> = if is_dump {
                vec![&bytes]
            } else {
                frames(&bytes).into_iter().filter_map(|(link, frame)| udp_payload(link, frame)).collect()
            };
            datagrams.into_iter().filter(|datagram| fits(target, datagram)).map(<[u8]>::to_vec).collect()
        }
        "web_log" => few_lines(&bytes),
        "lines" => few_lines(&bytes).iter().flat_map(|lines| planned(lines)).collect(),
        _ => vec![bytes],
    }
}

/// The lines of a log, some at a time: long inputs are slow, and one line of each kind is enough.
fn few_lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    lines.chunks(LINES_PER_SEED).take(MAX_FRAMES_PER_FILE).map(<[&[u8]]>::concat).collect()
}

/// Lines as the target `lines` takes them, behind eight bytes that say how they are cut: as they are, and each as a message of
/// syslog with its length before it (RFC 6587 section 3.4.1).
fn planned(lines: &[u8]) -> [Vec<u8>; 2] {
    const PLAN: [u8; 8] = [1, 0, 40, 7, 200, 0, 99, 3];
    let counted = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let counted = counted.flat_map(|line| [format!("{} <13>", line.len() + 4).as_bytes(), line].concat());
    [[&PLAN[..], lines].concat(), PLAN.into_iter().chain(counted).collect()]
}

fn read(path: &Path, is_packed: bool) -> Option<Vec<u8>> {
    let file = fs::File::open(path).ok()?;
    let mut bytes = Vec::new();
    let mut stream: Box<dyn Read> = if is_packed { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
    // What is beyond the limit would be cut anyway; what cannot be unpacked gives what came before.
    let _ = stream.by_ref().take(MAX_FILE_BYTES).read_to_end(&mut bytes);
    Some(bytes)
}

/// By the version field: 16 bits in NetFlow and IPFIX, 32 bits in sFlow.
fn fits(target: &str, datagram: &[u8]) -> bool {
    match target {
        "netflow" => matches!(datagram, [0, 5 | 9 | 10, ..]),
        "templates" => matches!(datagram, [0, 9 | 10, ..]),
        "sflow" => matches!(datagram, [0, 0, 0, 5, ..]),
        _ => false,
    }
}

/// The first frames of a classic pcap file, with its link type. Anything else has none.
fn frames(bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let mut found = Vec::new();
    let Some(magic) = bytes.first_chunk::<4>() else { return found };
    let little = match magic {
        [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => true,
        [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] => false,
        _ => return found,
    };
    let number = |offset: usize| {
        let word = bytes.get(offset..)?.first_chunk::<4>()?;
        Some(if little { u32::from_le_bytes(*word) } else { u32::from_be_bytes(*word) })
    };
    let Some(link) = number(20) else { return found };
    let mut offset = 24;
    while found.len() < MAX_FRAMES_PER_FILE {
        // Record header: seconds, fraction, length in the file, length on the wire.
        let Some(length) = number(offset + 8) else { break };
        let start = offset + 16;
        let Some(frame) = bytes.get(start..start + length as usize) else { break };
        found.push((link, frame));
        offset = start + length as usize;
    }
    found
}

/// What a UDP datagram carries, for the link types of the fixtures: Ethernet, raw IP, loopback, Linux cooked.
fn udp_payload(link: u32, frame: &[u8]) -> Option<&[u8]> {
    let ip_at = match link {
        0 => 4,
        1 => 14,
        101 => 0,
        113 => 16,
        _ => return None,
    };
    let ip = frame.get(ip_at..)?;
    let (protocol, header_bytes) = match ip.first()? >> 4 {
        4 => (*ip.get(9)?, usize::from(ip.first()? & 15) * 4),
        6 => (*ip.get(6)?, 40),
        _ => return None,
    };
    (protocol == 17).then(|| ip.get(header_bytes + 8..)).flatten()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// One Ethernet frame with an IPv4 UDP datagram that begins like NetFlow v9.
    fn capture() -> Vec<u8> {
        let mut frame = vec![0; 14];
        frame.extend([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
        frame.extend([0; 8]);
        frame.extend([0, 9, 0, 1]);
        let mut bytes = vec![0xd4, 0xc3, 0xb2, 0xa1];
        bytes.extend([0; 16]);
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend([0; 8]);
        let length = u32::try_from(frame.len()).unwrap().to_le_bytes();
        bytes.extend(length);
        bytes.extend(length);
        bytes.extend(frame);
        bytes
    }

    #[test]
    fn each_target_gets_what_fits_it_once() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        fs::write(data.join("a.pcap"), capture()).unwrap();
        fs::write(data.join("b.toml"), "[institution]").unwrap();
        // The same capture, packed, is the same seed.
        let mut packed =
            GzEncoder::new(fs::File::create(data.join("c.pcap.gz")).unwrap(), Compression::fast());
        packed.write_all(&capture()).unwrap();
        packed.finish().unwrap();
        for (target, count) in [
            ("netflow", 2),
            ("templates", 2),
            ("sflow", 0),
            ("packet", 2),
            ("capture", 2),
            ("institution", 1),
        ] {
            assert_eq!(plant(folder.path(), target).unwrap(), count, "{target}");
            assert_eq!(plant(folder.path(), target).unwrap(), count, "{target} again");
            let files = fs::read_dir(folder.path().join("fuzz/corpus").join(target)).unwrap().count();
            assert_eq!(files, count.min(1), "{target}");
        }
    }

    #[test]
    fn lines_are_planned_as_they_are_and_as_messages() {
        let [plain, counted] = planned(b"one\nand two\n");
        assert_eq!((&plain[8..], &counted[8..]), (&b"one\nand two\n"[..], &b"7 <13>one11 <13>and two"[..]));
    }

    #[test]
    fn a_target_gets_its_own_seeds_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("fuzz/seeds/learnt");
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("few.jsonl"), "{}\n").unwrap();
        assert_eq!((plant(folder.path(), "learnt").unwrap(), plant(folder.path(), "sflow").unwrap()), (1, 0));
        let planted =
            fs::read_dir(folder.path().join("fuzz/corpus/learnt")).unwrap().next().unwrap().unwrap();
        assert_eq!(fs::read_to_string(planted.path()).unwrap(), "{}\n");
    }

    #[test]
    fn a_damaged_capture_gives_what_comes_before_the_damage() {
        let whole = capture();
        assert_eq!(frames(&whole).len(), 1);
        assert_eq!(udp_payload(1, frames(&whole)[0].1), Some(&[0, 9, 0, 1][..]));
        for end in 0..whole.len() {
            assert!(frames(&whole[..end]).is_empty());
        }
    }
}
