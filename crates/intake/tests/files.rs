//! Inputs as they come: plain, compressed, concatenated, damaged, of the wrong kind, and several at once.

#[cfg(test)]
mod files {
    use std::{
        fs::{self, File},
        io::Write,
        path::{Path, PathBuf},
    };

    use flate2::{Compression, write::GzEncoder};
    use intake::{Counters, Damage, InputKind, InputSummary, Inputs, IntakeError, OpenOptions, Visitor};
    use wire::{Address, FlowRecord, Time, packet::Decoded};

    #[derive(Default)]
    struct Seen {
        packets: Vec<(usize, Time)>,
        flows: Vec<(usize, Time, Address)>,
        stop_after: Option<usize>,
    }

    impl Visitor for Seen {
        fn packet(&mut self, input: usize, time: Time, _: &Decoded<'_>) {
            self.packets.push((input, time));
        }

        fn flow(&mut self, input: usize, arrival: Time, exporter: Address, _: &FlowRecord) {
            self.flows.push((input, arrival, exporter));
        }

        fn stop(&self) -> bool {
            self.stop_after.is_some_and(|count| self.packets.len() >= count)
        }
    }

    fn data(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(path)
    }

    fn bytes(path: &str) -> Vec<u8> {
        fs::read(data(path)).unwrap()
    }

    fn run(inputs: Vec<Vec<u8>>) -> (Seen, Vec<InputSummary>) {
        let mut all = Inputs::new(&OpenOptions::default());
        for (number, bytes) in inputs.into_iter().enumerate() {
            all.add_memory(format!("input {number}"), bytes).unwrap();
        }
        let mut seen = Seen::default();
        all.run(&mut seen).unwrap();
        assert!(matches!(all.run(&mut seen), Err(IntakeError::AlreadyRun)));
        (seen, all.summaries())
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// A pcap file of TCP frames at these seconds.
    fn pcap(seconds: &[u32]) -> Vec<u8> {
        let payload = [0, 80, 0, 81, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0];
        pcap_of(&seconds.iter().map(|second| (*second, frame(6, &payload))).collect::<Vec<_>>())
    }

    fn pcap_of(frames: &[(u32, Vec<u8>)]) -> Vec<u8> {
        let mut file = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0].to_vec();
        file.extend([[0; 8], [0, 0, 4, 0, 1, 0, 0, 0]].concat());
        for (second, frame) in frames {
            let length = (frame.len() as u32).to_le_bytes();
            file.extend([second.to_le_bytes(), [0; 4], length, length].concat());
            file.extend(frame);
        }
        file
    }

    fn frame(protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = [vec![0; 12], vec![8, 0, 0x45, 0]].concat();
        frame.extend((20 + payload.len() as u16).to_be_bytes());
        frame.extend([0, 0, 0, 0, 64, protocol, 0, 0, 198, 51, 100, 7, 192, 0, 2, 10]);
        frame.extend(payload);
        frame
    }

    /// A NetFlow v5 datagram with records of 48 bytes, exported at this second.
    fn netflow5(second: u32, records: u16) -> Vec<u8> {
        let mut bytes = [[0, 5], records.to_be_bytes()].concat();
        bytes.extend([[0, 1, 0, 0], second.to_be_bytes(), [0; 4], [0; 4], [0; 4]].concat());
        for _ in 0..records {
            let mut record = vec![0; 48];
            record[..8].copy_from_slice(&[198, 51, 100, 7, 192, 0, 2, 10]);
            record[19] = 5;
            record[23] = 200;
            record[38] = 17;
            bytes.extend(record);
        }
        bytes
    }

    fn udp(destination: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = [[4, 0], destination.to_be_bytes()].concat();
        bytes.extend((8 + payload.len() as u16).to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(payload);
        frame(17, &bytes)
    }

    fn adds_up(counters: &Counters) -> bool {
        counters.frames == counters.packets + counters.flow_datagrams + counters.skips.iter().sum::<u64>()
    }

    #[test]
    fn a_capture_is_the_same_plain_and_compressed_from_disk_and_from_memory() {
        let plain = bytes("packets/home_lab_first300.pcapng");
        let path = std::env::temp_dir().join(format!("intake-{}.any", std::process::id()));
        // Two members, as `cat a.gz b.gz` makes them.
        let (one, two) = plain.split_at(20_000);
        let members = [gzip(one), gzip(two)].concat();
        File::create(&path).unwrap().write_all(&members).unwrap();
        let mut from_disk = Inputs::open(std::slice::from_ref(&path), &OpenOptions::default()).unwrap();
        let mut seen = Seen::default();
        from_disk.run(&mut seen).unwrap();
        fs::remove_file(&path).unwrap();

        let (plain_seen, plain_summary) = run(vec![plain.clone()]);
        let (gzip_seen, gzip_summary) = run(vec![members]);
        assert_eq!(plain_seen.packets, gzip_seen.packets);
        assert_eq!(plain_seen.packets, seen.packets);
        let summary = &plain_summary[0];
        assert_eq!((summary.kind, summary.counters.frames), (InputKind::Pcapng, 300));
        assert!(adds_up(&summary.counters) && summary.damage.is_none());
        assert_eq!(summary.bytes, plain.len() as u64);
        assert_eq!(gzip_summary[0].counters, summary.counters);
        assert_eq!(from_disk.summaries()[0].counters, summary.counters);
    }

    #[test]
    fn every_packet_file_adds_up() {
        let mut files = 0;
        for entry in fs::read_dir(data("packets")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|name| name == "pcap" || name == "pcapng") {
                let (_, summaries) = run(vec![fs::read(&path).unwrap()]);
                let counters = &summaries[0].counters;
                assert!(counters.frames > 0 && adds_up(counters), "{}: {counters:?}", path.display());
                files += 1;
            }
        }
        assert!(files >= 30, "{files}");
    }

    #[test]
    fn inputs_are_merged_by_time_and_one_that_goes_backwards_is_not_held_up() {
        let (seen, summaries) = run(vec![pcap(&[1, 4, 2, 6]), pcap(&[1, 3, 5, 6]), pcap(&[])]);
        let order: Vec<(usize, i64)> =
            seen.packets.iter().map(|(input, time)| (*input, time.nanoseconds() / 1_000_000_000)).collect();
        assert_eq!(order, [(0, 1), (1, 1), (1, 3), (0, 4), (0, 2), (1, 5), (0, 6), (1, 6)]);
        assert_eq!(summaries[0].first, Some(Time::from_seconds(1, 0)));
        assert_eq!(summaries[0].last, Some(Time::from_seconds(6, 0)));
        assert_eq!((summaries[2].records, summaries[2].first), (0, None));
    }

    #[test]
    fn a_visitor_can_stop() {
        let mut inputs = Inputs::from_memory("x", pcap(&[1, 2, 3, 4]), &OpenOptions::default()).unwrap();
        let mut seen = Seen { stop_after: Some(2), ..Seen::default() };
        inputs.run(&mut seen).unwrap();
        assert_eq!((seen.packets.len(), inputs.summaries()[0].records), (2, 2));
    }

    #[test]
    fn exports_in_a_capture_are_found_by_port_and_content() {
        let export = netflow5(100, 3);
        let frames = [
            (7, udp(2055, &export)),
            (8, udp(2055, b"not an export")),
            (9, udp(9, &export)),
            (10, udp(2055, &export)),
        ];
        let (seen, summaries) = run(vec![pcap_of(&frames)]);
        let exporter = Address::from_ipv4([198, 51, 100, 7]);
        let expected = [7, 7, 7, 10, 10, 10].map(|second| (0, Time::from_seconds(second, 0), exporter));
        assert_eq!(seen.flows, expected);
        assert_eq!(seen.packets.len(), 2);
        let summary = &summaries[0];
        assert_eq!((summary.counters.flow_datagrams, summary.records), (2, 8));
        assert_eq!((summary.counters.exports_at_other_ports, summary.other_export_port), (1, Some(9)));
        assert!(adds_up(&summary.counters));

        let options = OpenOptions { flow_ports: vec![9], ..OpenOptions::default() };
        let mut inputs = Inputs::from_memory("x", pcap_of(&frames[2..3]), &options).unwrap();
        let mut seen = Seen::default();
        inputs.run(&mut seen).unwrap();
        assert_eq!((seen.flows.len(), inputs.summaries()[0].kind), (3, InputKind::FlowPcap));
    }

    #[test]
    fn a_dump_has_one_datagram_after_the_other_at_their_export_times() {
        let dump = [netflow5(100, 2), netflow5(101, 30), netflow5(102, 1)].concat();
        let (seen, summaries) = run(vec![dump.clone()]);
        assert_eq!(seen.flows.len(), 33);
        let nobody = Address::from_ipv4([0; 4]);
        assert_eq!(seen.flows.first(), Some(&(0, Time::from_seconds(100, 0), nobody)));
        assert_eq!(seen.flows.last(), Some(&(0, Time::from_seconds(102, 0), nobody)));
        let summary = &summaries[0];
        assert_eq!((summary.kind, summary.counters.flow_datagrams), (InputKind::FlowDatagrams, 3));
        assert_eq!((summary.bytes, &summary.damage), (dump.len() as u64, &None));

        let offset = dump.len() as u64;
        let (seen, summaries) = run(vec![[&dump[..], b"garbage"].concat()]);
        assert_eq!((seen.flows.len(), &summaries[0].damage), (33, &Some(Damage::NotADatagram { offset })));
        let (seen, summaries) = run(vec![dump[..dump.len() - 48].to_vec()]);
        let cut_off = Damage::DatagramCutOff { offset: offset - 72, present: 24, length: 72 };
        assert_eq!((seen.flows.len(), &summaries[0].damage), (32, &Some(cut_off)));
        let (seen, _) = run(vec![gzip(&dump)]);
        assert_eq!(seen.flows.len(), 33);
    }

    #[test]
    fn a_cut_off_capture_keeps_what_is_before_the_cut() {
        let whole = pcap(&[1, 2, 3]);
        let (seen, summaries) = run(vec![whole[..whole.len() - 5].to_vec()]);
        let damage = summaries[0].damage.clone().unwrap().to_string();
        assert_eq!(seen.packets.len(), 2);
        assert!(damage.contains("byte 164"), "{damage}");

        let large = pcap(&(0..20_000).collect::<Vec<u32>>());
        let compressed = gzip(&large);
        let (seen, summaries) = run(vec![compressed[..compressed.len() / 2].to_vec()]);
        assert!(seen.packets.len() > 1000 && seen.packets.len() < 20_000, "{}", seen.packets.len());
        assert!(matches!(summaries[0].damage, Some(Damage::Read { .. })), "{:?}", summaries[0].damage);
    }

    #[test]
    fn flipped_bits_end_with_counts() {
        let whole = bytes("packets/nrdelegation_fig1.pcap");
        for at in (0..whole.len()).step_by(37) {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            let mut inputs = match Inputs::from_memory("flipped", flipped, &OpenOptions::default()) {
                Ok(inputs) => inputs,
                Err(IntakeError::WrongKind { .. }) => continue,
                Err(error) => panic!("byte {at}: {error}"),
            };
            inputs.run(&mut Seen::default()).unwrap();
            let summary = &inputs.summaries()[0];
            assert!(adds_up(&summary.counters));
            assert!(summary.damage.is_some() || summary.counters.frames == 156, "byte {at}: {summary:?}");
        }
    }

    #[test]
    fn a_gzip_bomb_ends_at_the_limit() {
        let large = pcap(&(0..20_000).collect::<Vec<u32>>());
        let options = OpenOptions { decompressed_bytes_limit: 100_000, ..OpenOptions::default() };
        let mut inputs = Inputs::from_memory("bomb", gzip(&large), &options).unwrap();
        let mut seen = Seen::default();
        inputs.run(&mut seen).unwrap();
        assert_eq!(inputs.summaries()[0].damage, Some(Damage::TooLarge { limit: 100_000 }));
        assert_eq!(seen.packets.len(), (100_000 - 24) / 70);
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_name() {
        let refused = |bytes: &[u8]| match Inputs::from_memory("it", bytes.to_vec(), &OpenOptions::default())
        {
            Err(error) => error.to_string(),
            Ok(_) => panic!("accepted {bytes:02x?}"),
        };
        assert_eq!(refused(b""), "it: is empty");
        assert!(refused(&gzip(b"")).contains("is empty"));
        assert!(refused(b"{\"event_type\":\"alert\",\"x\":1}\n").contains("EVE JSON; reading that arrives"));
        let log = b"22 Nov 2026 \"GET / HTTP/1.1\" 200 1\n";
        assert!(refused(log).contains("format that is not known here"));
        let eve = br#"{"timestamp":"2026-11-22T00:00:00Z","event_type":"http","http":{"url":"/","http_method":"GET","status":200}}"#;
        assert!(refused(eve).contains("EVE JSON"));
        assert!(refused(b"some text\n").contains("text is not an input"));
        assert!(refused(b"PK\x03\x04....").contains("a zip archive"));
        assert!(refused(&gzip(&gzip(&pcap(&[1])))).contains("gzip file inside"));
        assert!(refused(b"\x1f\x8b\x08garbage").contains("damaged gzip"));
        assert!(refused(&[0x80; 64]).contains("unknown binary"));

        let open = |path: &Path| match Inputs::open(&[path.to_owned()], &OpenOptions::default()) {
            Err(error) => error,
            Ok(_) => panic!("opened {}", path.display()),
        };
        assert!(matches!(open(&std::env::temp_dir()), IntakeError::Directory { .. }));
        assert!(matches!(open(Path::new("no/such/file")), IntakeError::Unreadable { .. }));
    }
}
