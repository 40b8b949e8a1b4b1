//! Access logs: any bytes, as lines in every kind of format, as a format string, as syslog and as the head of a message.
//!
//! The first line of an input is taken for a format string too. Held are: no panic, counters that add up, values that are parts
//! of the line, the same answer when asked again, the same messages however a stream is cut, and a bound on the time of a line.
#![no_main]

use std::time::Duration;

use cpu_time::ThreadTime;
use libfuzzer_sys::fuzz_target;
use wire::web::{self, Client, Decoder, Format, Request, Server, syslog};

/// A line of 64 KiB may take 2 ms; the sanitizer and the coverage counters slow the code about tenfold.
const WORST: Duration = Duration::from_millis(20);
/// The shortest of this many tries counts, because the machine does other work.
const TRIES: usize = 4;
const FORMATS: [&str; 7] = [
    "combined",
    "vhost_combined",
    "json",
    "w3c",
    "haproxy Host|User-Agent",
    "csv time,client_ip,request,status,agent",
    "%{%Y-%m-%dT%H:%M:%S}t.%{msec_frac}t %a %m %U%q %>s \"%{User-agent}i\"",
];

fuzz_target!(|data: &[u8]| {
    let first = &data[..web::line_end(data).unwrap_or(data.len())];
    let text = String::from_utf8_lossy(first);
    let declared =
        [Server::Nginx, Server::Apache].into_iter().filter_map(|server| Format::parse(&text, server).ok());
    let known = FORMATS.iter().filter_map(|text| Format::of(text).ok());
    for format in known.chain(declared).chain(Format::of(&text)).chain(web::recognise(data)) {
        for format in [format.clone(), format.in_syslog().in_quotes()] {
            lines(&format, data);
        }
    }
    if let Some(head) = web::head(data) {
        assert!(head.bytes <= data.len() && head.bytes <= web::MAX_HEAD_BYTES);
        assert!(!head.is_complete || data[..head.bytes].ends_with(b"\n"));
        assert!(is_part(head.target, data) && is_part(head.agent, data));
    }
    let _ = web::status(data);
    assert_eq!(messages(data, data.len().max(1)), messages(data, 3));
});

fn lines(format: &Format, data: &[u8]) {
    let mut decoder = Decoder::new(format.clone());
    let (mut count, mut requests) = (0, 0);
    for line in data.split(|byte| *byte == b'\n') {
        count += 1;
        let begin = ThreadTime::now();
        let read = decoder.decode(line);
        let took = begin.elapsed();
        if let Ok(request) = &read {
            requests += 1;
            check(request, line);
        }
        assert_eq!(decoder.again(line), read.ok());
        if took > WORST {
            bounded(&decoder, line);
        }
    }
    let counters = decoder.counters();
    assert_eq!((counters.lines, counters.requests), (count, requests));
    assert_eq!(counters.lines, counters.requests + counters.skips.iter().sum::<u64>());
}

fn check(request: &Request<'_>, line: &[u8]) {
    let name = match request.client {
        Client::Name(name) => name,
        Client::Address(_) => b"",
    };
    let parts = [name, request.forwarded_for, request.host, request.target, request.referrer, request.agent];
    assert!(parts.iter().all(|part| is_part(part, line)));
    assert!(request.status < 1000);
    assert!(request.path().len() + request.query().len() <= line.len());
}

fn is_part(part: &[u8], whole: &[u8]) -> bool {
    part.is_empty() || whole.as_ptr_range().contains(&part.as_ptr())
}

fn bounded(decoder: &Decoder, line: &[u8]) {
    let mut decoder = decoder.clone();
    let shortest = (0..TRIES).map(|_| {
        let begin = ThreadTime::now();
        let _ = decoder.again(line);
        begin.elapsed()
    });
    let shortest = shortest.min().unwrap_or_default();
    assert!(shortest < WORST, "{} bytes took {shortest:?}", line.len());
}

fn messages(data: &[u8], size: usize) -> (Vec<Vec<u8>>, syslog::StreamCounters) {
    let (mut splitter, mut seen) = (syslog::Splitter::new(), Vec::new());
    let mut sink = |message: &[u8]| {
        assert!(message.len() <= syslog::MAX_MESSAGE_BYTES);
        let (header, body) = syslog::message(message);
        assert!(header.host.len() + body.len() <= message.len());
        seen.push(message.to_vec());
    };
    data.chunks(size).for_each(|piece| splitter.feed(piece, &mut sink));
    splitter.finish(&mut sink);
    let counters = splitter.counters();
    (seen, counters)
}
