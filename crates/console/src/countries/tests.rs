//! Files made here, read by two programs, and damaged.

use proptest::prelude::*;

use super::*;

fn text(text: &str) -> Vec<u8> {
    [&[2 << 5 | text.len() as u8][..], text.as_bytes()].concat()
}

fn number(number: u16) -> Vec<u8> {
    [&[5 << 5 | 2][..], &number.to_be_bytes()].concat()
}

fn map(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let content: Vec<u8> =
        pairs.iter().flat_map(|(key, value)| [key.clone(), value.clone()].concat()).collect();
    [&[7 << 5 | pairs.len() as u8][..], &content].concat()
}

/// A network by its first bits, how many of them count, and its country.
type Network = (u128, usize, &'static str);

const BOTH: [Network; 2] = [(0xc633_6400, 120, "XX"), (0x2001_0db8 << 96, 32, "YY")];

/// A file of IPv6 in which 198.51.100.0/24 is in `XX` and 2001:db8::/32 in `YY`; records of so many bits.
fn file(record_bits: usize) -> Vec<u8> {
    file_of(record_bits, &BOTH)
}

/// The data of a country.
fn country(code: &str) -> Vec<u8> {
    let names = map(&[(text("en"), text("Somewhere")), (text("de"), text("Irgendwo"))]);
    map(&[
        (text("continent"), map(&[(text("names"), names.clone())])),
        (text("country"), map(&[(text("names"), names), (text("iso_code"), text(code))])),
    ])
}

/// Nodes as pairs (none: leads nowhere; data as what is negative), and the data. What lies in a network that is there, or around it,
/// is left out.
fn tree(networks: &[Network]) -> (Vec<[Option<i64>; 2]>, Vec<u8>) {
    let mut nodes: Vec<[Option<i64>; 2]> = vec![[None; 2]];
    let mut data = Vec::new();
    for &(bits, length, code) in networks {
        let mut at = 0;
        for place in 0..length {
            let side = usize::from(bits >> (127 - place) & 1 == 1);
            match nodes[at][side] {
                None if place + 1 == length => {
                    nodes[at][side] = Some(-1 - data.len() as i64);
                    data.extend(country(code));
                }
                None => {
                    nodes.push([None; 2]);
                    nodes[at][side] = Some(nodes.len() as i64 - 1);
                    at = nodes.len() - 1;
                }
                Some(next) if next >= 0 && place + 1 < length => at = next as usize,
                Some(_) => break,
            }
        }
    }
    (nodes, data)
}

fn file_of(record_bits: usize, networks: &[Network]) -> Vec<u8> {
    let (nodes, data) = tree(networks);
    let count = nodes.len();
    let mut bytes = Vec::new();
    for node in &nodes {
        let record = |side: Option<i64>| match side {
            None => count as u32,
            Some(next) if next >= 0 => next as u32,
            Some(data) => (count + SEPARATOR_BYTES) as u32 + (-1 - data) as u32,
        };
        let (left, right) = (record(node[0]).to_be_bytes(), record(node[1]).to_be_bytes());
        match record_bits {
            24 => bytes.extend([&left[1..], &right[1..]].concat()),
            28 => bytes.extend([&left[1..], &[left[0] << 4 | right[0]], &right[1..]].concat()),
            _ => bytes.extend([left, right].concat()),
        }
    }
    bytes.extend([0; SEPARATOR_BYTES]);
    bytes.extend(data);
    bytes.extend(MARKER);
    bytes.extend(map(&[
        (text("description"), map(&[(text("en"), text("a test"))])),
        (text("node_count"), [&[6 << 5 | 4][..], &(count as u32).to_be_bytes()].concat()),
        (text("record_size"), number(record_bits as u16)),
        (text("ip_version"), number(6)),
        (text("database_type"), text("Test")),
        (text("languages"), vec![1, ARRAY - 7, 2 << 5 | 2, b'e', b'n']),
        (text("binary_format_major_version"), number(2)),
        (text("binary_format_minor_version"), number(0)),
        (text("build_epoch"), vec![1, 2, 1]),
    ]));
    bytes
}

#[test]
fn networks_of_both_families_have_their_country_in_every_size_of_record() {
    for record_bits in [24, 28, 32] {
        let countries = Countries::of(file(record_bits)).unwrap();
        let of = |address: &str| countries.of_address(address.parse().unwrap());
        assert_eq!(of("198.51.100.77").as_deref(), Some("XX"), "{record_bits}");
        assert_eq!(of("2001:db8:1::1").as_deref(), Some("YY"), "{record_bits}");
        assert_eq!(of("::ffff:198.51.100.1").as_deref(), Some("XX"));
        for nowhere in ["198.51.101.1", "192.0.2.1", "2001:db9::1", "::1"] {
            assert_eq!(of(nowhere), None, "{nowhere}");
        }
    }
}

#[test]
fn what_is_no_such_file_is_refused() {
    assert!(Countries::of(Vec::new()).is_none());
    assert!(Countries::of(MARKER.to_vec()).is_none());
    let whole = file(28);
    assert!(Countries::of(whole[whole.len() - 120..].to_vec()).is_none(), "the tree is not there");
    assert!(Countries::open(Path::new("/nowhere/at/all.mmdb")).is_err());
}

/// Whatever is changed, an answer is two letters or none, and comes soon.
#[test]
fn a_damaged_file_is_no_danger() {
    let changes = proptest::collection::vec((any::<usize>(), any::<u8>()), 1..40);
    let input = (changes, prop_oneof![Just(24), Just(28), Just(32)], any::<u32>());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(2_000));
    let outcome = runner.run(&input, |(changes, bits, address)| {
        let mut bytes = file(bits);
        let length = bytes.len();
        changes.into_iter().for_each(|(place, value)| bytes[place % length] = value);
        if let Some(countries) = Countries::of(bytes) {
            for address in
                [IpAddr::V4(address.into()), "198.51.100.9".parse().unwrap(), "2001:db8::9".parse().unwrap()]
            {
                let code = countries.of_address(address);
                prop_assert!(code.is_none_or(|code| code.len() == 2));
            }
        }
        Ok(())
    });
    outcome.unwrap();
}

/// What `maxminddb` says of the same file.
fn oracle(reader: &maxminddb::Reader<Vec<u8>>, address: IpAddr) -> Option<String> {
    use maxminddb::PathElement::Key;
    let found = reader.lookup(address.to_canonical()).unwrap();
    PATHS.iter().find_map(|path| found.decode_path(&path.map(Key)).unwrap())
}

/// Every file and address gives what another reader of the format gives.
#[test]
fn what_is_read_is_what_maxminddb_reads() {
    let codes = prop_oneof![Just("AA"), Just("BB"), Just("CC")];
    let network =
        (any::<u128>(), any::<bool>(), 1..=32_usize, codes).prop_map(|(bits, is_v4, length, code)| {
            let (bits, length) = if is_v4 { (bits >> 96, length + 96) } else { (bits, length * 3) };
            // Few first bits, so that networks meet.
            (if is_v4 { bits & 0x0fff_ffff } else { bits & u128::MAX >> 3 | 1 << 125 }, length, code)
        });
    let networks = proptest::collection::vec(network, 1..30);
    let input = (networks, prop_oneof![Just(24_usize), Just(28), Just(32)], any::<u32>());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(500));
    let mut known = 0_u32;
    let outcome = runner.run(&input, |(networks, bits, change)| {
        let bytes = file_of(bits, &networks);
        let reader = maxminddb::Reader::from_source(bytes.clone()).unwrap();
        let countries = Countries::of(bytes).unwrap();
        for &(first, length, _) in &networks {
            // The first and the last address of each, the ones beside it, and one within.
            let last = first | u128::MAX.checked_shr(length as u32).unwrap_or(0);
            let inside = first | u128::from(change) & u128::MAX.checked_shr(length as u32).unwrap_or(0);
            for address in [first, last, inside, first.wrapping_sub(1), last.wrapping_add(1)] {
                let address = match u32::try_from(address) {
                    Ok(address) => IpAddr::V4(address.into()),
                    Err(_) => IpAddr::V6(address.into()),
                };
                prop_assert_eq!(countries.of_address(address), oracle(&reader, address), "{}", address);
            }
        }
        Ok(())
    });
    outcome.unwrap();
    for (first, length, code) in BOTH {
        let reader = maxminddb::Reader::from_source(file(28)).unwrap();
        let address = if length > 96 { IpAddr::V4((first as u32).into()) } else { IpAddr::V6(first.into()) };
        known += u32::from(oracle(&reader, address).as_deref() == Some(code));
    }
    assert_eq!(known, 2, "the oracle does read these files");
}
