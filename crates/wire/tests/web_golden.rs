//! Lines of real servers (data/logs) against what regular expressions make of them (data/logs/reference.py).

#[cfg(test)]
mod golden {
    use std::{fs, path::PathBuf};

    use serde_json::{Value, json};
    use wire::web::{self, Client, Decoder, Format, Method, Request, Skip, Version};

    fn folder() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/logs")
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    fn as_json(request: &Request<'_>) -> Value {
        json!({
            "time": request.time.nanoseconds(),
            "client": match request.client {
                Client::Address(address) => address.to_string(),
                Client::Name(name) => format!("name {}", text(name)),
            },
            "forwarded_for": text(request.forwarded_for),
            "host": text(request.host),
            "method": match request.method {
                Method::Other => "other".to_owned(),
                Method::Invalid => "invalid".to_owned(),
                usual => format!("{usual:?}").to_uppercase(),
            },
            "target": text(request.target),
            "version": match request.version {
                Version::Unknown => "unknown",
                Version::Http09 => "0.9",
                Version::Http10 => "1.0",
                Version::Http11 => "1.1",
                Version::Http2 => "2",
                Version::Http3 => "3",
            },
            "status": request.status,
            "response_bytes": request.response_bytes,
            "request_bytes": request.request_bytes,
            "duration_nanoseconds": request.duration_nanoseconds,
            "referrer": text(request.referrer),
            "agent": text(request.agent),
            "is_aborted": request.is_aborted,
            "is_timed_out": request.is_timed_out,
        })
    }

    fn names() -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        assert!(names.len() >= 15, "{names:?}");
        names
    }

    fn golden(name: &str) -> (Vec<u8>, Vec<Value>) {
        let lines = fs::read(folder().join(format!("{name}.log"))).unwrap();
        let expected = fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
        (lines, expected.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    #[test]
    fn lines_of_real_servers_are_read_as_an_independent_reader_reads_them() {
        let mut requests = 0;
        for name in names() {
            let (lines, expected) = golden(&name);
            let (heading, expected) = expected.split_first().unwrap();
            let format = match heading["declared"].as_str() {
                Some(declared) => web::fitted(&Format::of(declared).unwrap(), &lines),
                None => web::recognise(&lines),
            };
            let format = format.unwrap_or_else(|| panic!("{name}: no format fits"));
            assert_eq!(heading["format"], format.name(), "{name}");
            let mut decoder = Decoder::new(format);
            let lines: Vec<&[u8]> =
                lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
            assert_eq!(lines.len(), expected.len(), "{name}");
            for (line, expected) in lines.into_iter().zip(expected) {
                let seen = decoder.decode(line).map_or(Value::Null, |request| as_json(&request));
                assert_eq!(seen, *expected, "{name}: {}", text(line));
            }
            let counters = decoder.counters();
            assert_eq!(counters.lines, counters.requests + counters.skips.iter().sum::<u64>());
            requests += counters.requests;
        }
        assert!(requests > 100, "{requests}");
    }

    #[test]
    fn every_recognised_file_is_recognised_from_one_line_too() {
        for name in names() {
            let (lines, expected) = golden(&name);
            let first = lines.split(|byte| *byte == b'\n').next().unwrap();
            if expected[0]["declared"].is_null() {
                assert_eq!(expected[0]["format"], web::recognise(first).unwrap().name(), "{name}");
            }
        }
    }

    /// One line and the parts of it that matter.
    fn read(format: &str, line: &str) -> Value {
        let mut decoder = Decoder::new(Format::of(format).unwrap());
        as_json(&decoder.decode(line.as_bytes()).unwrap_or_else(|skip| panic!("{line}: {skip}")))
    }

    #[test]
    fn caddy_and_traefik_are_read_with_their_units() {
        let caddy = r#"{"level":"info","ts":1646861401.5241024,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"127.0.0.1","remote_port":"41342","client_ip":"192.0.2.4","proto":"HTTP/2.0","method":"GET","host":"www.parliament.example","uri":"/a?b=c","headers":{"User-Agent":["curl/7.82.0"],"Accept":["*/*"],"Status":["500"],"X-Forwarded-For":["198.51.100.7"]},"tls":{"resumed":false,"version":772}},"bytes_read":3,"user_id":"","duration":0.000929675,"size":10900,"status":200,"resp_headers":{"Server":["Caddy"]}}"#;
        let seen = read("caddy", caddy);
        assert_eq!(seen["time"], 1_646_861_401_524_102_400_i64);
        assert_eq!((&seen["client"], &seen["host"]), (&json!("192.0.2.4"), &json!("www.parliament.example")));
        assert_eq!(
            (&seen["method"], &seen["target"], &seen["version"]),
            (&json!("GET"), &json!("/a?b=c"), &json!("2"))
        );
        assert_eq!(
            (&seen["status"], &seen["response_bytes"], &seen["request_bytes"]),
            (&json!(200), &json!(10900), &json!(3))
        );
        assert_eq!((&seen["duration_nanoseconds"], &seen["agent"]), (&json!(929_675), &json!("curl/7.82.0")));
        assert_eq!(seen["forwarded_for"], "198.51.100.7");

        let traefik = r#"{"ClientAddr":"192.0.2.4:51380","ClientHost":"192.0.2.4","ClientPort":"51380","DownstreamContentSize":19,"DownstreamStatus":404,"Duration":57123,"OriginStatus":0,"RequestAddr":"www.parliament.example","RequestHost":"www.parliament.example","RequestMethod":"GET","RequestPath":"/x?a=1\u0026b=2","RequestProtocol":"HTTP/1.1","StartLocal":"2026-11-27T14:41:07.000057123+01:00","StartUTC":"2026-11-27T13:41:07.000057123Z","entryPointName":"web","level":"info","msg":"","request_User-Agent":"curl/8","request_Method":"FAKE","time":"2026-11-27T14:41:07+01:00"}"#;
        let seen = read("traefik", traefik);
        assert_eq!(seen["time"], 1_795_786_867_000_057_123_i64 + 57_123);
        assert_eq!(
            (&seen["client"], &seen["status"], &seen["method"]),
            (&json!("192.0.2.4"), &json!(404), &json!("GET"))
        );
        assert_eq!((&seen["duration_nanoseconds"], &seen["agent"]), (&json!(57_123), &json!("curl/8")));
        assert_eq!(seen["target"], r"/x?a=1\u0026b=2");
        for line in [caddy, traefik] {
            assert_eq!(web::recognise(line.as_bytes()).unwrap().name(), "json");
        }
    }

    #[test]
    fn w3c_columns_come_from_directives_and_may_change() {
        let iis = b"#Software: Microsoft Internet Information Services 10.0\r\n#Date: 2026-11-27 13:41:07\r\n\
            #Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status sc-bytes cs-bytes time-taken\r\n\
            2026-11-27 13:41:07 10.0.0.1 GET /a.aspx q=1 443 - 192.0.2.4 Mozilla/5.0+(X11) - 200 0 0 512 300 46\r\n\
            #Fields: time c-ip cs-method cs-uri-stem sc-status\r\n13:41:08 2001:db8::7 HEAD / 304\r\nshort\r\n";
        let format = web::recognise(iis).unwrap();
        assert_eq!(format.name(), "w3c");
        let mut decoder = Decoder::new(format);
        let mut seen = Vec::new();
        for line in iis.split_inclusive(|byte| *byte == b'\n') {
            seen.extend(decoder.decode(line).map(|request| (as_json(&request), text(request.query()))));
        }
        let [(first, query), (second, _)] = seen.as_slice() else { panic!("{seen:?}") };
        assert_eq!((first["time"].as_i64(), query.as_str()), (Some(1_795_786_867_000_000_000), "q=1"));
        assert_eq!(
            (&first["client"], &first["target"], &first["agent"]),
            (&json!("192.0.2.4"), &json!("/a.aspx"), &json!("Mozilla/5.0+(X11)"))
        );
        assert_eq!(
            (&first["response_bytes"], &first["request_bytes"], &first["duration_nanoseconds"]),
            (&json!(512), &json!(300), &json!(46_000_000))
        );
        assert_eq!(
            (&second["time"], &second["client"], &second["method"]),
            (&json!(1_795_786_868_000_000_000_i64), &json!("2001:db8::7"), &json!("HEAD"))
        );
        let skips = decoder.counters().skips;
        assert_eq!(skips[Skip::Directive.index()], 4);
        assert_eq!(decoder.counters().lines, 7);
        assert_eq!(Decoder::new(Format::w3c()).decode(b"13:41:08 GET /"), Err(Skip::NoColumns));

        let cloudfront = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query x-edge-result-type x-host-header cs-bytes time-taken\n2026-11-27\t13:41:07\tFRA2\t900\t192.0.2.4\tGET\td1.example\t/i.png\t200\t-\tMozilla/5.0%20(X11)\t-\tHit\twww.parliament.example\t300\t0.046\n";
        let mut decoder = Decoder::new(web::recognise(cloudfront.as_bytes()).unwrap());
        let request =
            cloudfront.lines().filter_map(|line| decoder.decode(line.as_bytes()).ok()).next().unwrap();
        assert_eq!((request.cache, request.duration_nanoseconds), (web::Cache::Hit, Some(46_000_000)));
        assert_eq!(request.host, b"d1.example");
    }

    #[test]
    fn tables_have_declared_columns_or_a_heading() {
        let line = "unicomp6.unicomp.net\t-\t804571206\tGET\t/shuttle/countdown/\t200\t3985\t\t";
        let seen = read("tsv host logname time method url response bytes", line);
        assert_eq!((&seen["client"], &seen["host"]), (&json!("name unicomp6.unicomp.net"), &json!("")));
        assert_eq!(
            (&seen["time"], &seen["status"], &seen["response_bytes"]),
            (&json!(804_571_206_000_000_000_i64), &json!(200), &json!(3985))
        );
        let heading = "host\tlogname\ttime\tmethod\turl\tresponse\tbytes";
        let format = web::recognise(format!("{heading}\n{line}\n").as_bytes()).unwrap();
        assert_eq!(format.name(), "columns");
        assert_eq!(Decoder::new(format).decode(heading.as_bytes()), Err(Skip::Directive));
        let seen = read(
            "csv time,client_ip,request,status,agent",
            "2026-11-27T13:41:07Z,192.0.2.4,\"GET /a,b HTTP/1.1\",200,\"a, b\"",
        );
        assert_eq!((&seen["target"], &seen["agent"]), (&json!("/a,b"), &json!("a, b")));
    }

    #[test]
    fn what_is_no_access_log_is_not_recognised() {
        for text in [
            "just text\nand more\n",
            "{\"a\":1}\n",
            r#"{"timestamp":"2026-11-22T00:00:00Z","event_type":"http","status":200,"url":"/","method":"GET"}"#,
            "Dec 25 03:02:27 lb haproxy[42949]: Connect from 192.0.2.4:61782 to 192.0.2.1:443 (https-in/HTTP)\n",
            "host,time\n",
            "",
        ] {
            assert_eq!(web::recognise(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_line_that_syslog_cut_off_keeps_what_it_has() {
        let seen = read(
            "combined",
            r#"192.0.2.4 - - [27/Nov/2026:13:41:07 +0000] "GET / HTTP/1.1" 200 5 "-" "Mozilla/5.0 (X"#,
        );
        assert_eq!((&seen["status"], &seen["agent"]), (&json!(200), &json!("Mozilla/5.0 (X")));
        let seen = read(
            "haproxy",
            r#"192.0.2.4:1 [27/Nov/2026:13:41:07.000] www web/n 0/0/0/1/1 200 5 - - ---- 1/1/0/0/0 0/0 "GET /cut"#,
        );
        assert_eq!(seen["target"], "/cut");
    }

    #[test]
    fn formats_that_cannot_be_read_say_where() {
        use wire::web::FormatError;
        let error = |text: &str| Format::of(text).unwrap_err();
        assert_eq!(error("$time_local $status${remote_addr"), FormatError::Unfinished { offset: 19 });
        assert_eq!(error("$time_local $status$remote_addr"), FormatError::Adjacent { offset: 19 });
        assert_eq!(error("%t %{User-agent"), FormatError::Unfinished { offset: 3 });
        assert_eq!(error("%h %s"), FormatError::NoTime);
        assert_eq!(error("tsv host url"), FormatError::NoTime);
        assert_eq!(error("nonsense"), FormatError::Unknown);
        assert_eq!(error(&"$msec ".repeat(129)), FormatError::TooManyFields { offset: 768 });
        let long = "$msec ".repeat(2000);
        assert_eq!(error(&long), FormatError::TooLong { length: long.trim().len() });
        assert_eq!(error("log_format x '$msec"), FormatError::Unfinished { offset: 13 });
    }
}
