//! Whatever a log holds: no panic, counters that add up, and what a format writes is what it reads.

#[cfg(test)]
mod properties {
    use proptest::prelude::*;
    use wire::web::{self, Client, Decoder, Format, Method, Server, Skip, syslog};

    const FORMATS: [&str; 12] = [
        "combined",
        "common",
        "vhost_combined",
        "json",
        "w3c",
        "haproxy Host|User-Agent",
        "tsv host time method url status bytes",
        "csv time,client_ip,request,status",
        "$msec|$host$request_uri|$status",
        "{\"t\":\"$time_iso8601\",\"r\":\"$request\"}",
        "%{%Y-%m-%dT%H:%M:%S}t.%{msec_frac}t %h \"%r\" %D",
        "%{end:%s}t %a %m %U%q",
    ];

    fn formats() -> impl Iterator<Item = Format> {
        FORMATS
            .iter()
            .map(|text| Format::of(text).unwrap())
            .flat_map(|format| [format.clone(), format.clone().in_syslog(), format.in_syslog().in_quotes()])
    }

    /// Text of the bytes that decide something, and of some that do not.
    fn line() -> impl Strategy<Value = Vec<u8>> {
        let pieces = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..6),
            proptest::sample::select(vec![
                "192.0.2.1",
                " - - ",
                "[17/May/2015:10:05:03 +0000]",
                " \"GET / HTTP/1.1\"",
                " 200 ",
                "\"",
                "\\",
                "{",
                "}",
                "[",
                "]",
                ":",
                ",",
                "\t",
                "#Fields: ",
                "#Date: 2015-05-17",
                "date time c-ip",
                "\"ts\":1431857103.5",
                "\"request\":{",
                "\"status\":200",
                "\"headers\":{\"User-Agent\":[\"a\"",
                "<13>",
                "1 2015-05-17T10:05:03Z",
                "May 17 10:05:03 ",
                "www~ web/n 0/0/0/1/1",
                "192.0.2.1:80 [17/May/2015:10:05:03.081] ",
                " ---- 1/1/0/0/0 0/0 ",
                "2001:db8::1",
                "-",
                "\"msg\":null",
            ])
            .prop_map(|text| text.as_bytes().to_vec()),
        ];
        proptest::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat())
    }

    /// A value as nginx or Apache would write it between quotes.
    fn escaped(value: &str) -> String {
        value
            .chars()
            .map(|char| match char {
                '"' => "\\\"".to_owned(),
                '\\' => "\\\\".to_owned(),
                char => char.to_string(),
            })
            .collect()
    }

    proptest! {
        #[test]
        fn any_bytes_are_counted_and_nothing_panics(lines in proptest::collection::vec(line(), 1..8)) {
            for format in formats() {
                let mut decoder = Decoder::new(format);
                for line in &lines {
                    let first = decoder.decode(line);
                    // A directive changes what the next line means, not what it means itself.
                    prop_assert_eq!(decoder.again(line), first.ok());
                }
                let counters = decoder.counters();
                prop_assert_eq!(counters.lines, lines.len() as u64);
                prop_assert_eq!(counters.lines, counters.requests + counters.skips.iter().sum::<u64>());
            }
            let all = lines.join(&b'\n');
            let _ = web::recognise(&all);
            let _ = (web::head(&all), web::status(&all), syslog::message(&all));
        }

        #[test]
        fn any_text_is_a_format_or_an_error_inside_it(text in "[$%{}a-z_>:\"'\\\\ tsSrhU,0-9^!]{0,40}") {
            for server in [Server::Nginx, Server::Apache] {
                match Format::parse(&text, server) {
                    Ok(format) => {
                        let _ = Decoder::new(format).decode(text.as_bytes());
                    }
                    Err(error) => {
                        let shown = error.to_string();
                        let offset = shown.split_whitespace().nth(2).and_then(|word| word.trim_end_matches(':').parse::<usize>().ok());
                        prop_assert!(offset.is_none_or(|offset| offset <= text.len()), "{}", shown);
                    }
                }
            }
            let _ = Format::of(&text);
        }

        #[test]
        fn what_a_format_writes_is_what_it_reads(
            order in Just(["$remote_addr", "$msec", "\"$request\"", "$status", "\"$http_user_agent\"", "$bytes_sent", "\"$unknown\"", "$request_time"]).prop_shuffle(),
            separator in proptest::sample::select(vec![" ", " - ", "|", "\t", " :: "]),
            address in any::<[u8; 4]>(),
            milliseconds in 0_i64..4_000_000_000_000,
            target in "/[a-z0-9?=&%./ -]{0,30}",
            agent in "[ -~]{0,40}",
            status in 100_u16..600,
            bytes in any::<u32>(),
        ) {
            prop_assume!(agent != "-");
            let ip = std::net::Ipv4Addr::from(address).to_string();
            let seconds = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
            let values = order.map(|field| match field {
                "$remote_addr" => ip.clone(),
                "$msec" => seconds.clone(),
                "\"$request\"" => format!("\"GET {} HTTP/1.1\"", escaped(&target)),
                "$status" => status.to_string(),
                "\"$http_user_agent\"" => format!("\"{}\"", escaped(&agent)),
                "$bytes_sent" => bytes.to_string(),
                "\"$unknown\"" => "\"what \\\" ever\"".to_owned(),
                _ => "0.125".to_owned(),
            });
            let line = values.join(separator);
            let format = Format::parse(&order.join(separator), Server::Nginx).unwrap();
            let mut decoder = Decoder::new(format);
            let request = decoder.decode(line.as_bytes());
            prop_assert!(request.is_ok(), "{} {:?}", line, request);
            let request = request.unwrap_or_default();
            prop_assert_eq!(request.client, Client::Address(wire::Address::from_ipv4(address)));
            prop_assert_eq!(request.time, wire::Time::from_milliseconds(milliseconds));
            prop_assert_eq!(request.method, Method::Get);
            let (target, agent) = (escaped(&target), escaped(&agent));
            prop_assert_eq!(request.target, target.as_bytes());
            prop_assert_eq!(request.agent, agent.as_bytes());
            prop_assert_eq!((request.status, request.response_bytes), (status, Some(bytes.into())));
            prop_assert_eq!(request.duration_nanoseconds, Some(125_000_000));
        }

        #[test]
        fn a_stream_of_any_bytes_gives_the_same_messages_however_it_is_cut(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b' '), b'0'..=b'9', any::<u8>()], 0..300),
            size in 1_usize..50,
        ) {
            let run = |pieces: &mut dyn Iterator<Item = &[u8]>| {
                let (mut splitter, mut seen) = (syslog::Splitter::new(), Vec::new());
                let mut sink = |message: &[u8]| seen.push(message.to_vec());
                pieces.for_each(|piece| splitter.feed(piece, &mut sink));
                splitter.finish(&mut sink);
                let counters = splitter.counters();
                (seen, counters)
            };
            let whole = run(&mut std::iter::once(&bytes[..]));
            let cut = run(&mut bytes.chunks(size));
            prop_assert_eq!(whole, cut);
        }
    }

    #[test]
    fn a_line_is_too_long_exactly_beyond_the_bound() {
        let line = |length: usize| {
            let start = "192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"";
            format!("{start}{}\"", "x".repeat(length - start.len() - 1))
        };
        let mut decoder = Decoder::new(Format::of("combined").unwrap());
        assert!(decoder.decode(line(web::MAX_LINE_BYTES).as_bytes()).is_ok());
        assert_eq!(decoder.decode(line(web::MAX_LINE_BYTES + 1).as_bytes()), Err(Skip::TooLong));
    }
}
