//! Prints what each input holds: kind, frames, records, skipped, damage, and the services named in payloads.
//!
//! `cargo run --release -p intake --example survey -- FILE...`

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use intake::{Inputs, OpenOptions, Visitor};
use wire::{Address, FlowRecord, Time, packet::Decoded, payload::Service};

#[derive(Default)]
struct Tally {
    services: BTreeMap<String, u64>,
    udp: u64,
}

impl Visitor for Tally {
    fn packet(&mut self, _: usize, _: Time, decoded: &Decoded<'_>) {
        let packet = decoded.inner.as_ref().unwrap_or(&decoded.outer);
        if packet.protocol != 17 {
            return;
        }
        self.udp += 1;
        let kind = packet.payload_kind;
        if kind.service != Service::Unknown {
            *self.services.entry(format!("{:?}/{:?}", kind.service, kind.role)).or_default() += 1;
        }
    }

    fn flow(&mut self, _: usize, _: Time, _: Address, _: &FlowRecord) {}
}

fn main() -> ExitCode {
    let mut failed = false;
    for path in std::env::args().skip(1) {
        let mut inputs = Inputs::new(&OpenOptions::default());
        let mut tally = Tally::default();
        if let Err(error) = inputs.add_file(Path::new(&path)).and_then(|()| inputs.run(&mut tally)) {
            println!("{error}");
            failed = true;
            continue;
        }
        for summary in inputs.summaries() {
            let details: Vec<_> = summary.counters.details().collect();
            let damage = summary.damage.map(|damage| damage.to_string()).unwrap_or_default();
            let Tally { services, udp } = &tally;
            println!(
                "{path}\t{}\t{}\t{details:?}\tudp {udp} {services:?}\t{damage}",
                summary.kind.name(),
                summary.counters.frames
            );
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
