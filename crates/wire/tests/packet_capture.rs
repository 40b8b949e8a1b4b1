//! pcap and pcapng framing: against the pcap-parser crate on real files, and on files that are made here in
//! every variant and damaged.

#[cfg(test)]
mod framing {
    use std::{fs, path::PathBuf};

    use pcap_parser::{Block, PcapBlockOwned, traits::PcapNGPacketBlock};
    use proptest::{collection::vec, prelude::*};
    use wire::{
        Time,
        capture::{self, Damage, Format, Framer, MAX_RECORD_BYTES, Step},
        packet::LinkType,
    };

    /// Numbers in the byte order of a file.
    #[derive(Clone, Copy)]
    struct Writer {
        big: bool,
    }

    impl Writer {
        fn u16(self, value: u16) -> [u8; 2] {
            if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
        }

        fn u32(self, value: u32) -> [u8; 4] {
            if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
        }

        fn pcap(self, magic: u32, link: u32, records: &[(u32, u32, &[u8], &[u8])]) -> Vec<u8> {
            let mut file = self.u32(magic).to_vec();
            file.extend([self.u16(2), self.u16(4)].concat());
            file.extend([self.u32(0), self.u32(0), self.u32(65535), self.u32(link)].concat());
            for (seconds, ticks, extra, data) in records {
                let length = self.u32(data.len() as u32);
                file.extend([self.u32(*seconds), self.u32(*ticks), length, length].concat());
                file.extend_from_slice(extra);
                file.extend_from_slice(data);
            }
            file
        }

        fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
            let padded = body.len().next_multiple_of(4);
            let length = self.u32(12 + padded as u32);
            let mut block = [self.u32(kind), length].concat();
            block.extend_from_slice(body);
            block.resize(8 + padded, 0);
            block.extend(length);
            block
        }

        fn section(self) -> Vec<u8> {
            let mut body = self.u32(0x1a2b_3c4d).to_vec();
            body.extend([self.u16(1), self.u16(0)].concat());
            body.extend([0xff; 8]);
            self.block(0x0a0d_0d0a, &body)
        }

        fn interface(self, link: u16, snap_length: u32, options: &[(u16, &[u8])]) -> Vec<u8> {
            let mut body = [self.u16(link), self.u16(0)].concat();
            body.extend(self.u32(snap_length));
            body.extend(self.options(options));
            self.block(1, &body)
        }

        fn options(self, options: &[(u16, &[u8])]) -> Vec<u8> {
            let mut bytes = Vec::new();
            for (code, value) in options {
                bytes.extend([self.u16(*code), self.u16(value.len() as u16)].concat());
                bytes.extend_from_slice(value);
                bytes.resize(bytes.len().next_multiple_of(4), 0);
            }
            bytes.extend([0; 4]);
            bytes
        }

        fn enhanced(self, interface: u32, ticks: u64, data: &[u8]) -> Vec<u8> {
            let length = self.u32(data.len() as u32);
            let (high, low) = ((ticks >> 32) as u32, ticks as u32);
            let mut body = [self.u32(interface), self.u32(high), self.u32(low), length, length].concat();
            body.extend_from_slice(data);
            self.block(6, &body)
        }
    }

    const BOTH: [Writer; 2] = [Writer { big: false }, Writer { big: true }];

    type Found = (Time, LinkType, Vec<u8>);
    type Change<'a> = &'a dyn Fn(&mut Vec<u8>);

    fn read(file: &[u8]) -> (Vec<Found>, Option<Damage>) {
        let (mut frames, mut damage) = (Vec::new(), None);
        for item in capture::frames(file) {
            match item {
                Ok(frame) => frames.push((frame.time, frame.link, frame.data.to_vec())),
                Err(error) => damage = Some(error),
            }
        }
        (frames, damage)
    }

    #[test]
    fn pcap_in_every_order_and_resolution() {
        for writer in BOTH {
            for (magic, ticks, extra, nanoseconds) in [
                (0xa1b2_c3d4, 5_u32, &[][..], 5000),
                (0xa1b2_3c4d, 5, &[], 5),
                (0xa1b2_cd34, 5, &[9; 8], 5000),
            ] {
                let file = writer.pcap(magic, 0xf000_0071, &[(7, ticks, extra, b"ab"), (8, 0, extra, b"")]);
                assert_eq!(capture::recognise(&file), Some(Format::Pcap));
                let (frames, damage) = read(&file);
                let link = LinkType::LINUX_SLL;
                assert_eq!(damage, None);
                assert_eq!(
                    frames,
                    [
                        (Time::from_seconds(7, nanoseconds), link, b"ab".to_vec()),
                        (Time::from_seconds(8, 0), link, Vec::new()),
                    ]
                );
            }
        }
    }

    #[test]
    fn pcapng_with_sections_interfaces_and_every_packet_block() {
        let mut file = Vec::new();
        for writer in BOTH {
            let offset = if writer.big { 100_i64.to_be_bytes() } else { 100_i64.to_le_bytes() };
            file.extend(writer.section());
            file.extend(writer.interface(1, 4, &[(9, &[9])]));
            file.extend(writer.interface(101, 0, &[(9, &[0x80 | 10]), (14, &offset)]));
            file.extend(writer.interface(276, 0, &[(9, &[12])]));
            file.extend(writer.block(0x0bad, b"foreign"));
            file.extend(writer.enhanced(0, (1 << 32) + 7, b"abc"));
            file.extend(writer.enhanced(1, 1536, b"de"));
            file.extend(writer.enhanced(2, 3_000_000, b"f"));
            file.extend(writer.enhanced(3, 0, b"nobody's"));
            file.extend(writer.block(3, &[&writer.u32(9)[..], b"simp"].concat()));
            let old = [&writer.u16(0)[..], &writer.u16(0), &writer.u32(0), &writer.u32(42)].concat();
            let old = [&old[..], &writer.u32(3), &writer.u32(3), b"old"].concat();
            file.extend(writer.block(2, &old));
            let drops = if writer.big { 11_u64.to_be_bytes() } else { 11_u64.to_le_bytes() };
            let statistics = [[0; 12].to_vec(), writer.options(&[(5, &drops)])].concat();
            file.extend(writer.block(5, &statistics));
        }
        assert_eq!(capture::recognise(&file), Some(Format::Pcapng));
        let mut frames = capture::frames(&file);
        let found: Vec<_> = frames.by_ref().map(|frame| frame.unwrap()).collect();
        assert_eq!((frames.framer().skipped(), frames.framer().lost()), (2, 22));
        assert_eq!(found.len(), 10);
        for half in found.chunks(5) {
            let times: Vec<i64> = half.iter().map(|frame| frame.time.nanoseconds()).collect();
            assert_eq!(times, [(1 << 32) + 7, 101_500_000_000, 3000, 3000, 42]);
            let links: Vec<u32> = half.iter().map(|frame| frame.link.0).collect();
            assert_eq!(links, [1, 101, 276, 1, 1]);
            let data: Vec<&[u8]> = half.iter().map(|frame| frame.data).collect();
            assert_eq!(data, [&b"abc"[..], b"de", b"f", b"simp", b"old"]);
        }
        assert_eq!(found[3].original_length, 9);
    }

    #[test]
    fn damage_is_named_with_its_offset_and_what_is_before_it_is_kept() {
        let writer = Writer { big: false };
        let whole = writer.pcap(0xa1b2_c3d4, 1, &[(1, 0, &[], b"abcd"), (2, 0, &[], b"efgh")]);
        let (frames, damage) = read(&whole[..whole.len() - 1]);
        assert_eq!((frames.len(), damage), (1, Some(Damage::CutOff { offset: 44, present: 19 })));
        let mut longer = whole.clone();
        longer[44 + 8..44 + 12].fill(0xff);
        let (frames, damage) = read(&longer);
        let length = u64::from(u32::MAX);
        assert_eq!((frames.len(), damage), (1, Some(Damage::Length { offset: 44, length })));
        assert_eq!(read(b"").1, Some(Damage::NotACapture));
        assert_eq!(read(b"hello, this is text").1, Some(Damage::NotACapture));
        let mut version = whole;
        version[4] = 9;
        assert_eq!(read(&version).1, Some(Damage::Version { offset: 0, major: 9, minor: 4 }));

        let start = [writer.section(), writer.interface(1, 0, &[]), writer.enhanced(0, 1, b"abcd")].concat();
        let good = writer.enhanced(0, 2, b"efgh");
        let offset = start.len() as u64;
        let cases: [(Change<'_>, Damage); 4] = [
            (&|block| block.truncate(20), Damage::CutOff { offset, present: 20 }),
            (&|block| block[4] = 7, Damage::Length { offset, length: 7 }),
            (&|block| block[32] = 99, Damage::LengthsDiffer { offset, first: 36, second: 99 }),
            (
                &|block| *block = b"\x0a\x0d\x0d\x0a\x1c\0\0\0wrong mark".to_vec(),
                Damage::ByteOrder { offset },
            ),
        ];
        for (change, expected) in cases {
            let mut block = good.clone();
            change(&mut block);
            let (frames, damage) = read(&[start.clone(), block].concat());
            assert_eq!((frames.len(), damage), (1, Some(expected)));
        }
    }

    /// Time, link type where the oracle has one with the frame, and bytes.
    fn oracle(bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut reader = pcap_parser::create_reader(1 << 20, bytes).unwrap();
        let mut frames = Vec::new();
        loop {
            match reader.next() {
                Ok((used, block)) => {
                    match block {
                        PcapBlockOwned::Legacy(packet) => {
                            frames.push((u64::from(packet.ts_sec), packet.data.to_vec()));
                        }
                        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                            frames.push((u64::from(packet.origlen), packet.packet_data().to_vec()));
                        }
                        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
                            frames.push((u64::from(packet.origlen), packet.packet_data().to_vec()));
                        }
                        _ => {}
                    }
                    reader.consume(used);
                }
                Err(pcap_parser::PcapError::Eof) => return frames,
                Err(pcap_parser::PcapError::Incomplete(_)) => reader.refill().unwrap(),
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    #[test]
    fn real_files_have_the_frames_that_pcap_parser_finds() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/packets");
        let (mut files, mut total) = (0, 0);
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|name| name == "tsv" || name == "md") {
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            let frames: Vec<_> = capture::frames(&bytes).map(|frame| frame.unwrap()).collect();
            let expected = oracle(&bytes);
            assert_eq!(frames.len(), expected.len(), "{}", path.display());
            for (frame, (number, data)) in frames.iter().zip(&expected) {
                assert!(data.starts_with(frame.data), "{}", path.display());
                let seconds = frame.time.nanoseconds() as u64 / 1_000_000_000;
                assert!(*number == seconds || *number == u64::from(frame.original_length));
            }
            files += 1;
            total += frames.len();
        }
        assert!(files >= 30 && total > 1200, "{files} files, {total} frames");
    }

    /// Reads with windows that grow only as asked for.
    fn in_pieces(file: &[u8], piece: usize) -> (usize, Option<Damage>) {
        let (mut framer, mut at, mut end, mut count) = (Framer::new(), 0_usize, 0_usize, 0);
        loop {
            match framer.next(&file[at.min(end)..end]) {
                Step::Frame { used, .. } => {
                    at += used;
                    count += 1;
                }
                Step::Pass { used } => {
                    at += used as usize;
                    if at > file.len() {
                        return (count, None);
                    }
                    end = end.max(at);
                }
                Step::More { needed } => {
                    assert!(needed <= MAX_RECORD_BYTES && needed > end - at.min(end));
                    if end == file.len() {
                        return (count, framer.finish((end - at) as u64).err());
                    }
                    end = (end + piece).min(file.len());
                }
                Step::Damaged(damage) => return (count, Some(damage)),
            }
        }
    }

    proptest! {
        #[test]
        fn the_size_of_the_window_changes_nothing(piece in 1_usize..100, payloads in vec(vec(any::<u8>(), 0..50), 0..20)) {
            let writer = Writer { big: true };
            let mut file = [writer.section(), writer.interface(1, 0, &[])].concat();
            for payload in &payloads {
                file.extend(writer.enhanced(0, 1, payload));
            }
            prop_assert_eq!(in_pieces(&file, piece), (payloads.len(), None));
            prop_assert_eq!(read(&file).0.len(), payloads.len());
        }

        #[test]
        fn the_short_way_gives_the_frames_of_the_long_one_wherever_the_window_ends(
            big: bool, magic in prop_oneof![Just(0xa1b2_c3d4_u32), Just(0xa1b2_3c4d), Just(0xa1b2_cd34)],
            payloads in vec(vec(any::<u8>(), 0..40), 1..6), cut in any::<prop::sample::Index>(),
        ) {
            let extra: &[u8] = if magic == 0xa1b2_cd34 { &[7; 8] } else { &[] };
            let records: Vec<_> = payloads.iter().map(|payload| (1, 2, extra, &payload[..])).collect();
            let file = Writer { big }.pcap(magic, 1, &records);
            let file = &file[..cut.index(file.len() + 1)];
            let (mut long, mut short, mut at) = (Framer::new(), Framer::new(), 0);
            loop {
                let window = file.get(at..).unwrap_or_default();
                let step = long.next(window);
                match (short.frame(window), step) {
                    (Some((frame, used)), Step::Frame { frame: other, data_at, used: others }) => {
                        prop_assert_eq!((frame, used, used - frame.data.len()), (other, others, data_at));
                        at += used;
                    }
                    (Some(_), step) => prop_assert!(false, "no frame by the long way: {:?}", step),
                    (None, Step::Pass { used }) => {
                        prop_assert_eq!(short.next(window), step);
                        at += used as usize;
                    }
                    (None, step) => {
                        prop_assert!(!matches!(step, Step::Frame { .. }), "a frame by the long way only");
                        break;
                    }
                }
                prop_assert_eq!(short.offset(), long.offset());
            }
        }

        #[test]
        fn damaged_files_end_and_do_not_panic(
            big: bool, ng: bool, changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..10), keep in any::<prop::sample::Index>(),
        ) {
            let writer = Writer { big };
            let mut file = if ng {
                [writer.section(), writer.interface(1, 64, &[(9, &[6])]), writer.enhanced(0, 5, b"abcdef"),
                 writer.block(3, &[0; 9]), writer.block(5, &[0; 20]), writer.section()].concat()
            } else {
                writer.pcap(0xa1b2_c3d4, 1, &[(1, 2, &[], b"abc"), (3, 4, &[], b"defg")])
            };
            for (at, value) in changes {
                let at = at.index(file.len());
                file[at] = value;
            }
            file.truncate(keep.index(file.len() + 1));
            prop_assert!(read(&file).0.len() <= file.len());
        }
    }
}
