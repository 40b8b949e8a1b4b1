//! Access logs as inputs: found, merged with captures, counted, damaged, compressed, long.

#[cfg(test)]
mod logs {
    use std::{
        io::Write,
        path::{Path, PathBuf},
    };

    use flate2::{Compression, write::GzEncoder};
    use intake::{Clock, Damage, InputKind, InputSummary, Inputs, IntakeError, OpenOptions, Visitor};
    use wire::{
        Address, FlowRecord, Time,
        packet::Decoded,
        web::{Format, MAX_LINE_BYTES, Request, Skip},
    };

    #[derive(Default)]
    struct Seen {
        times: Vec<(usize, Time)>,
        targets: Vec<String>,
        stop_after: Option<usize>,
    }

    impl Visitor for Seen {
        fn packet(&mut self, input: usize, time: Time, _: &Decoded<'_>) {
            self.times.push((input, time));
        }

        fn flow(&mut self, _: usize, _: Time, _: Address, _: &FlowRecord) {}

        fn request(&mut self, input: usize, request: &Request<'_>) {
            self.times.push((input, request.time));
            self.targets.push(String::from_utf8_lossy(request.target).into_owned());
        }

        fn stop(&self) -> bool {
            self.stop_after.is_some_and(|count| self.times.len() >= count)
        }
    }

    fn data(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(path)
    }

    fn run(inputs: &[Vec<u8>]) -> (Seen, Vec<InputSummary>) {
        let mut all = Inputs::new(&OpenOptions::default());
        for (number, bytes) in inputs.iter().enumerate() {
            all.add_memory(format!("input {number}"), bytes.clone()).unwrap();
        }
        let mut seen = Seen::default();
        all.run(&mut seen).unwrap();
        (seen, all.summaries())
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// A line of the combined format, at this second of 1 January 2026.
    fn line(second: u32, target: &str) -> String {
        let (hour, minute) = (second / 3600, second / 60 % 60);
        format!(
            "192.0.2.4 - - [01/Jan/2026:{hour:02}:{minute:02}:{:02} +0000] \"GET {target} HTTP/1.1\" 200 5 \"-\" \"x\"\n",
            second % 60
        )
    }

    fn log(seconds: impl Iterator<Item = u32>) -> Vec<u8> {
        seconds.map(|second| line(second, &format!("/{second}"))).collect::<String>().into_bytes()
    }

    fn at(second: i64) -> Time {
        Time::from_seconds(1_767_225_600 + second, 0)
    }

    /// A pcap file of TCP frames at these seconds of the same day.
    fn pcap(seconds: &[u32]) -> Vec<u8> {
        let mut file = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0].to_vec();
        file.extend([[0; 8], [0, 0, 4, 0, 1, 0, 0, 0]].concat());
        let mut frame = [vec![0; 12], vec![8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0]].concat();
        frame.extend([
            198, 51, 100, 7, 192, 0, 2, 10, 0, 80, 0, 81, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0,
        ]);
        for second in seconds {
            let length = (frame.len() as u32).to_le_bytes();
            file.extend([(1_767_225_600 + second).to_le_bytes(), [0; 4], length, length].concat());
            file.extend(&frame);
        }
        file
    }

    #[test]
    fn logs_and_captures_share_one_time_line() {
        let (seen, summaries) =
            run(&[log([1, 3, 3, 9].into_iter()), pcap(&[2, 3, 8]), log([0, 5].into_iter())]);
        let expected = [(2, 0), (0, 1), (1, 2), (0, 3), (0, 3), (1, 3), (2, 5), (1, 8), (0, 9)];
        assert_eq!(seen.times, expected.map(|(input, second)| (input, at(second))));
        assert_eq!(seen.targets, ["/0", "/1", "/3", "/3", "/5", "/9"]);
        let kinds: Vec<&str> = summaries.iter().map(|summary| summary.kind.name()).collect();
        assert_eq!(kinds, ["access_log", "pcap", "access_log"]);
        // A line that had to wait is counted once.
        assert_eq!((summaries[0].records, summaries[0].counters.log.lines), (4, 4));
        assert_eq!((summaries[0].first, summaries[0].last), (Some(at(1)), Some(at(9))));
    }

    #[test]
    fn lines_out_of_order_come_as_they_are() {
        let (seen, _) = run(&[log([5, 4, 6].into_iter()), log([5].into_iter())]);
        assert_eq!(
            seen.times.iter().filter(|(input, _)| *input == 0).map(|(_, time)| *time).collect::<Vec<_>>(),
            [5, 4, 6].map(at)
        );
    }

    #[test]
    fn every_line_is_given_or_counted_with_its_reason() {
        let mut bytes = log(0..20);
        bytes.extend(b"\n# a remark that is no line of the log\n");
        bytes.extend(line(20, "/20").replace("200", "OK").bytes());
        bytes.extend(line(21, "/21").replace("Jan", "Xan").bytes());
        bytes.extend(vec![b'x'; MAX_LINE_BYTES + 1]);
        bytes.push(b'\n');
        bytes.extend([0, 1, 2, 255, b'\n']);
        bytes.extend(line(22, "/22").trim_end().bytes());
        for input in [bytes.clone(), gzip(&bytes)] {
            let (seen, summaries) = run(&[input]);
            let summary = &summaries[0];
            assert_eq!((summary.kind, summary.records, summary.skipped), (InputKind::AccessLog, 21, 5));
            let skips = Skip::ALL.map(|skip| summary.counters.log.skips[skip.index()]);
            assert_eq!(skips, [1, 0, 0, 2, 1, 1, 1, 0, 0], "{:?}", Skip::ALL);
            assert_eq!(summary.counters.log.lines, 27);
            assert_eq!(summary.bytes, bytes.len() as u64);
            assert_eq!((seen.targets.last().map(String::as_str), &summary.damage), (Some("/22"), &None));
        }
    }

    #[test]
    fn a_file_that_is_cut_off_gives_the_lines_before_the_damage() {
        let whole = log(0..5000);
        let packed = gzip(&whole);
        let (seen, summaries) = run(&[packed[..packed.len() / 2].to_vec()]);
        let summary = &summaries[0];
        assert!(matches!(summary.damage, Some(Damage::Read { .. })), "{:?}", summary.damage);
        assert!(seen.times.len() > 100 && seen.times.len() < 5000, "{}", seen.times.len());
        assert_eq!(summary.counters.log.skips[Skip::CutOff.index()], summary.skipped);
        assert!(summary.skipped <= 1);
        assert_eq!(summary.counters.log.lines, summary.records + summary.skipped);
    }

    #[test]
    fn a_log_can_be_played_by_another_clock_and_stopped() {
        let mut inputs = Inputs::new(&OpenOptions::default());
        let clock = Clock { start: at(1000), speed: 0.5 };
        inputs.add_memory_at("log", log([1, 2, 4].into_iter()), clock).unwrap();
        let mut seen = Seen { stop_after: Some(2), ..Seen::default() };
        inputs.run(&mut seen).unwrap();
        assert_eq!(seen.times, [(0, at(1000)), (0, at(1002))]);
    }

    #[test]
    fn formats_that_are_not_recognised_can_be_declared() {
        let bytes = b"1767225600.5 192.0.2.4 \"GET /a HTTP/1.1\" 0.125\n1767225601.5 192.0.2.4 \"GET /b HTTP/1.1\" 0.125\n".to_vec();
        let error =
            Inputs::from_memory("it", bytes.clone(), &OpenOptions::default()).map(|_| ()).unwrap_err();
        assert!(matches!(error, IntakeError::LogFormat { .. }), "{error}");
        let format = Format::of("$msec $remote_addr \"$request\" $request_time").unwrap();
        let options = OpenOptions { log_format: Some(format), ..OpenOptions::default() };
        let mut inputs = Inputs::from_memory("it", bytes, &options).unwrap();
        // Others are still found by themselves.
        inputs.add_memory("other", log(0..3)).unwrap();
        inputs.add_memory("capture", pcap(&[0])).unwrap();
        let mut seen = Seen::default();
        inputs.run(&mut seen).unwrap();
        assert_eq!(inputs.summaries().iter().map(|summary| summary.records).collect::<Vec<_>>(), [2, 3, 1]);
    }

    #[test]
    fn every_recorded_log_is_read_to_its_end() {
        let expected = [
            ("apache_combined_10k_2015", 10_000),
            ("crowdsec_http_dos_bypass_cache", 356),
            ("nginx_http2_flood_2023", 858),
        ];
        for (name, requests) in expected {
            let path = data(&format!("captures/weblogs/{name}.log.gz"));
            let mut inputs = Inputs::open(&[path], &OpenOptions::default()).unwrap();
            let mut seen = Seen::default();
            inputs.run(&mut seen).unwrap();
            let summary = &inputs.summaries()[0];
            assert_eq!((summary.records, summary.skipped, &summary.damage), (requests, 0, &None), "{name}");
        }
    }
}
