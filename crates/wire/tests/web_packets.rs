//! Heads of HTTP messages in packets, and syslog around lines.

#[cfg(test)]
mod packets {
    use wire::web::{self, Method, Version, syslog};

    #[test]
    fn a_whole_head_gives_its_headers() {
        let payload =
            b"POST /a?b HTTP/1.1\r\nhost: www.parliament.example\r\nUser-Agent: x y\r\nReferer:z\r\n\
            Content-Length: 12\r\nX-Forwarded-For: 192.0.2.4\r\n\r\nbody of it";
        let head = web::head(payload).unwrap();
        assert_eq!((head.method, head.target, head.version), (Method::Post, &b"/a?b"[..], Version::Http11));
        assert_eq!(
            (head.host, head.agent, head.referrer),
            (&b"www.parliament.example"[..], &b"x y"[..], &b"z"[..])
        );
        assert_eq!((head.forwarded_for, head.content_length), (&b"192.0.2.4"[..], Some(12)));
        assert!(head.is_complete);
        assert_eq!(head.bytes, payload.len() - b"body of it".len());
        let request = head.request(wire::Time::default(), web::Client::Name(b""));
        assert_eq!((request.path(), request.query()), (&b"/a"[..], &b"b"[..]));
    }

    #[test]
    fn every_cut_of_a_head_is_incomplete_and_never_says_more_than_is_there() {
        let payload = b"GET /slow/path HTTP/1.1\r\nHost: a.example\r\nUser-Agent: u\r\n\r\n";
        for end in 4..payload.len() {
            let head = web::head(&payload[..end]).unwrap();
            assert!(!head.is_complete, "{end}");
            assert!(b"/slow/path".starts_with(head.target));
            assert!(head.host.is_empty() || head.host == b"a.example");
            assert_eq!(head.bytes, end);
        }
        assert!(web::head(payload).unwrap().is_complete);
    }

    #[test]
    fn what_is_no_request_has_no_head() {
        let others: [&[u8]; 9] = [
            b"",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"X-a: b\r\n",
            b"SSH-2.0-OpenSSH_9\r\n",
            b"\x16\x03\x01\x02\x00\x01",
            b"EHLO there\r\n",
            b"SIP/2.0 200 OK\r\n",
            b"REGISTER sip:a SIP/2.0\r\n",
            b"GET ",
        ];
        for payload in &others[..8] {
            assert_eq!(web::head(payload), None, "{payload:?}");
        }
        assert!(web::head(others[8]).is_some(), "a slow sender begins like this");
    }

    #[test]
    fn answers_have_a_status() {
        assert_eq!(web::status(b"HTTP/1.1 404 Not Found\r\n").map(|line| line.status), Some(404));
        assert_eq!(web::status(b"HTTP/1.0 200").map(|line| line.version), Some(Version::Http10));
        for payload in [&b"HTTP/1.1 20"[..], b"HTTP/1.1 2000", b"HTTP/9.9 200 OK", b"GET / HTTP/1.1", b""] {
            assert_eq!(web::status(payload), None, "{payload:?}");
        }
    }

    #[test]
    fn syslog_headers_of_every_kind_come_off() {
        let cases: [(&str, &str, &str, &str); 8] = [
            ("<190>Nov 27 13:41:35 web1 nginx: the line", "web1", "nginx", "the line"),
            ("<190>Nov  7 13:41:35 nginx: the line", "", "nginx", "the line"),
            ("Dec 25 00:32:26 localhost haproxy[42949]: the line", "localhost", "haproxy", "the line"),
            ("2026-11-27T13:41:35.123456+01:00 web1 nginx[7]: the line", "web1", "nginx", "the line"),
            ("<165>1 2026-11-27T13:41:35Z web1 nginx 7 - - the line", "web1", "nginx", "the line"),
            (
                "<165>1 2026-11-27T13:41:35Z web1 nginx - id [a b=\"c\\\"] d\"][e] \u{feff}the line",
                "web1",
                "nginx",
                "the line",
            ),
            ("the line", "", "", "the line"),
            ("<999>the line", "", "", "<999>the line"),
        ];
        for (message, host, application, body) in cases {
            let (header, seen) = syslog::message(message.as_bytes());
            assert_eq!(
                (header.host, header.application),
                (host.as_bytes(), application.as_bytes()),
                "{message}"
            );
            assert_eq!(seen, body.as_bytes(), "{message}");
        }
        assert_eq!(syslog::message(b"<190>Nov 27 13:41:35 web1 nginx[8]: x").0.priority, Some(190));
        assert_eq!(syslog::message(b"<190>Nov 27 13:41:35 web1 nginx[8]: x").0.process, b"8");
    }

    fn split(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, syslog::StreamCounters) {
        let (mut splitter, mut seen) = (syslog::Splitter::new(), Vec::new());
        let mut sink = |message: &[u8]| seen.push(message.to_vec());
        pieces.iter().for_each(|piece| splitter.feed(piece, &mut sink));
        splitter.finish(&mut sink);
        let counters = splitter.counters();
        (seen, counters)
    }

    #[test]
    fn a_stream_is_the_same_however_it_is_cut() {
        let stream =
            b"11 <1>counted\n<2>a line\n<3>another\r\n0 is no length\n5 exact12 <4>and more\n\n123x\nlast";
        let whole = split(&[stream]);
        let expected: [&[u8]; 8] = [
            b"<1>counted\n",
            b"<2>a line",
            b"<3>another\r",
            b"0 is no length",
            b"exact",
            b"<4>and more\n",
            b"123x",
            b"last",
        ];
        assert_eq!(whole.0, expected);
        for size in 1..stream.len() {
            let pieces: Vec<&[u8]> = stream.chunks(size).collect();
            assert_eq!(split(&pieces), whole, "{size}");
        }
    }

    #[test]
    fn what_is_too_long_is_passed_over_without_being_held() {
        let long = vec![b'x'; syslog::MAX_MESSAGE_BYTES + 1];
        let counted = [format!("{} ", long.len()).as_bytes(), &long, b"3 abc"].concat();
        let (seen, counters) = split(&[&counted]);
        assert_eq!((seen, counters.too_long), (vec![b"abc".to_vec()], 1));
        assert_eq!(counters.bytes_skipped, long.len() as u64);
        let line = [&long[..], b"\nabc\n"].concat();
        for size in [1_000, line.len()] {
            let (seen, counters) = split(&line.chunks(size).collect::<Vec<_>>());
            assert_eq!((seen, counters.too_long), (vec![b"abc".to_vec()], 1));
            assert_eq!(counters.bytes_skipped, long.len() as u64 + 1);
        }
        let (seen, counters) = split(&[b"9 cut"]);
        assert_eq!((seen.len(), counters.bytes_skipped), (0, 3));
    }
}
