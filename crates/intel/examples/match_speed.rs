//! Nanoseconds for looking a record's two addresses up among a million indicators: `cargo run --release -p intel --example match_speed`.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use intel::decay::Expiry;
use intel::indicator::{Indicator, Indicators, Kind};
use intel::tlp::Tlp;
use intel::warning::Warnings;

/// Indicators, and records.
const COUNT: u32 = 1_000_000;

fn scattered(index: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(index.wrapping_mul(0x9e37_79b9) | 0x0b00_0000))
}

fn main() {
    let mut table = Indicators::new((1, 2), Expiry::Own);
    let warnings = Warnings::general();
    let started = Instant::now();
    for index in 0..COUNT {
        let indicator = Indicator {
            kind: Kind::Address,
            value: scattered(index).to_string(),
            tlp: Tlp::Green,
            confidence: 70,
            first: 1_700_000_000,
            until: None,
            source: "made".to_owned(),
        };
        table.add(&indicator, &warnings);
    }
    println!("{} indicators in {:.2} s", table.len(), started.elapsed().as_secs_f64());
    let records: Vec<(IpAddr, IpAddr)> = (0..COUNT)
        .map(|index| {
            let other = IpAddr::V4(Ipv4Addr::from(index.wrapping_mul(0x85eb_ca6b)));
            let source = if index % 4 == 0 { scattered(index.wrapping_mul(7_919) % COUNT) } else { other };
            (source, IpAddr::V4(Ipv4Addr::new(192, 0, 2, index as u8)))
        })
        .collect();
    for _ in 0..5 {
        let started = Instant::now();
        let mut hits = 0;
        for (source, target) in &records {
            hits += u32::from(table.address(*source).is_some()) + u32::from(table.address(*target).is_some());
        }
        let nanoseconds = started.elapsed().as_secs_f64() * 1e9 / f64::from(COUNT);
        println!("{nanoseconds:.0} ns a record, {hits} hits");
    }
}
