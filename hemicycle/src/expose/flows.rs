//! Captures and flow exports, through intake and wire, to what `expose` watches.

use std::path::PathBuf;

use anyhow::{Context, Result};
use expose::segregation::{Observed, Seen, Watch};
use hemicycle::exporters::{Exporters, Known};
use institution::Institution;
use intake::{Inputs, OpenOptions, Visitor};
use wire::packet::Decoded;
use wire::{Address, FlowRecord, Packet, TcpFlags, Time};

/// Reads files and compares them with the conduits of an institution.
///
/// # Errors
/// When a file cannot be used.
pub(super) fn watch(institution: &Institution, paths: &[PathBuf], ports: &[u16]) -> Result<Observed> {
    let mut options = OpenOptions::default();
    if !ports.is_empty() {
        options.flow_ports = ports.to_vec();
    }
    let mut inputs = Inputs::open(paths, &options).context("cannot read flows")?;
    let mut eye = Eye { watch: Watch::new(institution), exporters: Exporters::new(Some(institution)) };
    inputs.run(&mut eye).context("cannot read flows")?;
    Ok(eye.watch.finish())
}

struct Eye<'i> {
    watch: Watch<'i>,
    exporters: Exporters,
}

impl Eye<'_> {
    fn packet(&mut self, time: Time, packet: &Packet<'_>) {
        let seconds = seconds(time);
        self.watch.see(&Seen {
            first_seconds: seconds,
            last_seconds: seconds,
            source: packet.source.to_ip(),
            destination: packet.destination.to_ip(),
            protocol: packet.protocol,
            source_port: packet.source_port,
            destination_port: packet.destination_port,
            packets: 1,
            sampling: 1,
            opens: opens(packet.protocol, packet.tcp_flags),
        });
    }
}

impl Visitor for Eye<'_> {
    fn packet(&mut self, _input: usize, time: Time, decoded: &Decoded<'_>) {
        Eye::packet(self, time, &decoded.outer);
        if let Some(inner) = &decoded.inner {
            Eye::packet(self, time, inner);
        }
    }

    fn flow(&mut self, _input: usize, arrival: Time, exporter: Address, record: &FlowRecord) {
        let Known::Counts { sampling } = self.exporters.judge(exporter, record) else { return };
        let last = record.last.unwrap_or(arrival);
        self.watch.see(&Seen {
            first_seconds: seconds(record.first.unwrap_or(last)),
            last_seconds: seconds(last),
            source: record.source.to_ip(),
            destination: record.destination.to_ip(),
            protocol: record.protocol,
            source_port: record.source_port,
            destination_port: record.destination_port,
            packets: record.packets,
            sampling: sampling.unwrap_or(record.sampling).max(1),
            // The flags of a record are those of all its packets, so a SYN says nothing of who began.
            opens: None,
        });
    }
}

fn seconds(time: Time) -> f64 {
    time.nanoseconds() as f64 / 1e9
}

/// Whether a segment opens a connection (RFC 9293 section 3.5): asks for one, or answers.
fn opens(protocol: u8, flags: TcpFlags) -> Option<bool> {
    (protocol == 6 && flags.has(TcpFlags::SYN)).then(|| !flags.has(TcpFlags::ACK))
}
