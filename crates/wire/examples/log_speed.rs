//! How fast lines of access logs are decoded, and what becomes of them.
//!
//! `cargo run --release -p wire --example log_speed -- [--format TEXT] FILE…`; without files made-up lines in the combined
//! format, in JSON and of HAProxy. The time is that of one core, over text that is in memory already.

use std::hint::black_box;
use std::time::{Duration, Instant};

use wire::web::{self, Decoder, Format, Skip};

/// How long each file is read over and over; the fastest time counts.
const ENOUGH: Duration = Duration::from_millis(500);
const MADE_UP_LINES: usize = 200_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let mut declared = None;
    if arguments.next_if(|first| first == "--format").is_some() {
        declared = Some(Format::of(&arguments.next().ok_or("--format needs a text")?)?);
    }
    let files: Vec<String> = arguments.collect();
    for file in &files {
        measure(file, &std::fs::read(file)?, declared.as_ref());
    }
    if files.is_empty() {
        for (name, line) in MADE_UP {
            measure(name, &made_up(line), declared.as_ref());
        }
    }
    Ok(())
}

const MADE_UP: [(&str, &str); 3] = [
    (
        "combined",
        "192.0.2.@ - - [17/May/2026:10:05:~ +0000] \"GET /news/2026/@/?page=@ HTTP/1.1\" 200 2@3 \
         \"https://www.parliament.example/agenda/@\" \"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\"\n",
    ),
    (
        "json",
        "{\"time\":\"2026-05-17T10:05:~+00:00\",\"remote_addr\":\"192.0.2.@\",\"request\":\"GET /news/@ HTTP/1.1\",\"status\":200,\
         \"body_bytes_sent\":2@3,\"request_time\":0.005,\"http_referer\":\"\",\"http_user_agent\":\"Mozilla/5.0 (X11; Linux x86_64)\"}\n",
    ),
    (
        "haproxy",
        "May 17 10:05:~ lb haproxy[42949]: 192.0.2.@:53209 [17/May/2026:10:05:~.081] www~ web/node1 0/0/0/2/2 200 443 - - \
         ---- 1/1/0/0/0 0/0 \"GET /jump?from=@ HTTP/1.1\"\n",
    ),
];

/// Lines that differ in addresses, paths and, every two thousand, in the second.
fn made_up(line: &str) -> Vec<u8> {
    let made = |number: usize| {
        line.replace('@', &(number % 250).to_string()).replace('~', &format!("{:02}", number / 2_000 % 60))
    };
    (0..MADE_UP_LINES).flat_map(|number| made(number).into_bytes()).collect()
}

fn measure(name: &str, bytes: &[u8], declared: Option<&Format>) {
    let format = match declared {
        Some(format) => web::fitted(format, bytes),
        None => web::recognise(bytes),
    };
    let Some(format) = format else {
        println!("{name}: no format fits");
        return;
    };
    let (mut decoder, mut best, started) = (Decoder::new(format.clone()), Duration::MAX, Instant::now());
    while started.elapsed() < ENOUGH {
        decoder = Decoder::new(format.clone());
        let begin = Instant::now();
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = web::line_end(rest).unwrap_or(rest.len());
            black_box(decoder.decode(&rest[..end])).ok();
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        best = best.min(begin.elapsed());
    }
    let (counters, seconds) = (decoder.counters(), best.as_secs_f64());
    println!(
        "{name}: {}, {} lines, {} requests, {:.2} million lines/s, {:.0} MB/s, {:.0} ns a line",
        format.name(),
        counters.lines,
        counters.requests,
        counters.lines as f64 / seconds / 1e6,
        bytes.len() as f64 / seconds / 1e6,
        seconds * 1e9 / counters.lines.max(1) as f64,
    );
    let skips = Skip::ALL.iter().zip(counters.skips).filter(|(_, count)| *count > 0);
    skips.for_each(|(skip, count)| println!("  {}: {count}", skip.name()));
}
