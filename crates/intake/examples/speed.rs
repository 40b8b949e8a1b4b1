//! Measures framing, framing with decoding, and the whole of intake, for a capture in memory, on one core.
//!
//! `cargo run --release -p intake --example speed -- FILE [ROUNDS]`; without a file a capture of 64-byte TCP and
//! UDP frames is made. Prints nanoseconds of processor time per frame, the best of the rounds.

use std::{hint::black_box, process::ExitCode, sync::Arc, time::Instant};

use intake::{Inputs, OpenOptions, Visitor};
use pcap_parser::{Block, PcapBlockOwned, PcapError};
use wire::{Address, FlowRecord, Time, capture, packet, packet::Decoded};

#[derive(Default)]
struct Count {
    packets: u64,
    bytes: u64,
}

impl Visitor for Count {
    #[inline]
    fn packet(&mut self, _: usize, _: Time, decoded: &Decoded<'_>) {
        self.packets += 1;
        self.bytes += u64::from(black_box(decoded).outer.ip_length_bytes);
    }

    fn flow(&mut self, _: usize, _: Time, _: Address, _: &FlowRecord) {}
}

/// A million frames, half of them SYNs and half DNS questions, from changing sources.
fn made_up() -> Vec<u8> {
    let mut file = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0].to_vec();
    file.extend([0; 8]);
    file.extend([0, 0, 4, 0, 1, 0, 0, 0]);
    for number in 0..1_000_000_u32 {
        let mut frame = vec![0; 12];
        frame.extend([0x08, 0x00, 0x45, 0, 0, 50, 0, 0, 0, 0, 64]);
        frame.push(if number % 2 == 0 { 6 } else { 17 });
        frame.extend([0, 0]);
        frame.extend(number.wrapping_mul(2_654_435_761).to_be_bytes());
        frame.extend([192, 0, 2, 10]);
        if number % 2 == 0 {
            frame.extend([0x12, 0x34, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0]);
            frame.extend([0; 10]);
        } else {
            frame.extend([0x12, 0x34, 0, 53, 0, 30, 0, 0]);
            frame.extend(b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x00\x00\x01\x00");
        }
        file.extend((number / 1_000_000).to_le_bytes());
        file.extend((number % 1_000_000).to_le_bytes());
        file.extend((frame.len() as u32).to_le_bytes());
        file.extend((frame.len() as u32).to_le_bytes());
        file.extend(frame);
    }
    file
}

/// Nanoseconds that this thread was on a processor, so that others on the machine do not count; 0 where the
/// system does not say.
fn on_processor() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn best(rounds: u32, frames: u64, mut round: impl FnMut() -> u64) -> f64 {
    // The system counts processor time in steps of some milliseconds, so that short files are read repeatedly.
    let repeats = (2_000_000 / frames.max(1)).max(1);
    let mut best = f64::MAX;
    for _ in 0..rounds {
        let (start, before) = (Instant::now(), on_processor());
        let done: u64 = (0..repeats).map(|_| round()).sum();
        let (elapsed, used) =
            (start.elapsed().as_nanos() as f64, on_processor().saturating_sub(before) as f64);
        let nanoseconds = if used > 0.0 { used } else { elapsed };
        assert_eq!(done, frames * repeats);
        best = best.min(nanoseconds / done as f64);
    }
    best
}

/// Frames that the pcap-parser crate finds, by its streaming reader.
fn pcap_parser_frames(bytes: &[u8]) -> u64 {
    let Ok(mut reader) = pcap_parser::create_reader(1 << 20, bytes) else { return 0 };
    let mut frames = 0;
    loop {
        match reader.next() {
            Ok((used, block)) => {
                frames += u64::from(match block {
                    PcapBlockOwned::Legacy(packet) => !black_box(packet.data).is_empty(),
                    PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => !black_box(packet.data).is_empty(),
                    _ => false,
                });
                reader.consume_noshift(used);
            }
            Err(PcapError::Incomplete(_)) => {
                if reader.refill().is_err() {
                    return frames;
                }
            }
            Err(_) => return frames,
        }
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let bytes = match arguments.next() {
        None => made_up(),
        Some(path) => match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                eprintln!("{path}: {error}");
                return ExitCode::FAILURE;
            }
        },
    };
    let rounds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(10);
    let bytes: Arc<[u8]> = bytes.into();
    let frames = capture::frames(&bytes).filter(Result::is_ok).count() as u64;

    let framing = best(rounds, frames, || {
        capture::frames(&bytes).flatten().map(|frame| black_box(frame.data).len().min(1) as u64).sum()
    });
    let peer = best(rounds, frames, || pcap_parser_frames(&bytes));
    let decoding = best(rounds, frames, || {
        let mut count = 0;
        for frame in capture::frames(&bytes).flatten() {
            _ = black_box(packet::decode(frame.link, frame.data));
            count += 1;
        }
        count
    });
    let intake = best(rounds, frames, || {
        let mut count = Count::default();
        let inputs = Inputs::from_memory("memory", Arc::clone(&bytes), &OpenOptions::default());
        inputs
            .and_then(|mut inputs| inputs.run(&mut count).map(|()| inputs.summaries()))
            .map_or(0, |summaries| summaries.iter().map(|summary| summary.counters.frames).sum())
    });
    println!("{frames} frames, {} bytes", bytes.len());
    println!("framing                {framing:6.1} ns per frame");
    println!("framing by pcap-parser {peer:6.1} ns per frame");
    println!("framing and decoding   {decoding:6.1} ns per frame");
    println!("intake to the visitor  {intake:6.1} ns per frame, {:.1} M frames/s", 1000.0 / intake);
    ExitCode::SUCCESS
}
