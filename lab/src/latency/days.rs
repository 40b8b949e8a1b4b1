//! Ordinary days, for the number of false alarms in a month.
//!
//! Three hosts, two seen by sFlow and one by NetFlow. Their rate follows the hour of the week (office hours five days a
//! week, a low night), times gamma distributed factors for every ten minutes (coefficient of variation 0.15), ten seconds
//! (0.1) and 100 ms (0.3), with Poisson arrivals around that: the variance of a step's count is far above its mean. About
//! twice a day something is asked for more than usual: a rise within half a minute to up to 2.5 times, for some minutes
//! to half an hour. A flow record is a whole connection, from SYN to FIN, of a size with a heavy tail and 5 to 50 ms
//! for each packet, told at its end; a sampled packet is the first or the last of its connection now and then. Clients come from a pool, the hosts answer.
//!
//! Limits: the shape of the week is the same every week and there is no growth.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, Result};
use wire::{Address, FlowRecord, TcpFlags, Time};

use super::score::Alarm;
use crate::live::feed::{Feed, Starts};
use crate::random::Random;
use crate::traffic::packet::flags;
use intake::Visitor as _;

/// A Monday, in nanoseconds since 1970.
const MONDAY: i64 = 1_777_852_800_000_000_000;
const STEP_NANOSECONDS: i64 = 100_000_000;
const STEPS_PER_DAY: i64 = 864_000;
const SFLOW_RATE: u32 = 1_000;
const CLIENTS: u64 = 20_000;
/// Chance of a rise in demand in a step: twice a day.
const RISE_CHANCE: f64 = 2.0 / 864_000.0;
/// Steps in which a rise is reached.
const RISE_STEPS: f64 = 300.0;

/// Coefficients of variation of the factors of a host's rate, and steps that each lasts.
const VARIATIONS: [f64; 3] = [0.15, 0.1, 0.3];
const VARIATION_STEPS: [i64; 3] = [6_000, 100, 1];

/// How the rates vary, for the head of a table.
pub(super) fn variation(dispersion: f64) -> String {
    let [slow, middle, fast] = VARIATIONS.map(|usual| usual * dispersion);
    format!("cv {slow:.2} over 10 min, {middle:.2} over 10 s, {fast:.2} over 0.1 s")
}

/// Flags of all packets of a connection together.
const WHOLE_CONNECTION: u8 = flags::SYN | flags::ACK | flags::PSH | flags::FIN;
/// Packets in each direction of a connection of which packets are sampled.
const CONNECTION_PACKETS: u64 = 12;

/// The flags of one packet of a connection.
const fn sampled_flags(packet: u64, inbound: bool) -> u8 {
    match (packet, inbound) {
        (0, true) => flags::SYN,
        (0, false) => flags::SYN | flags::ACK,
        (1, _) => flags::FIN | flags::ACK,
        (2..=6, _) => flags::ACK,
        _ => flags::ACK | flags::PSH,
    }
}

/// Packets of a flow on average: a Pareto from 2 with exponent 1.3, cut where a flow lasts a minute.
const MEAN_FLOW_PACKETS: f64 = 7.5;

/// A connection, or a packet of one.
struct Flow {
    client: u32,
    port: u16,
    packets: u64,
    /// Milliseconds.
    lasted: u64,
}

/// A host and its ordinary traffic.
struct Host {
    address: Address,
    /// Mean packets a second in the busiest hour.
    rate: f64,
    sampled: bool,
    variations: [f64; 3],
    factors: [f64; 3],
    /// A rise in demand: its factor above 1, the step it began and the step it ends.
    rise: (f64, i64, i64),
}

/// Runs that many days. Gives the alarms, all of which are false.
pub(super) fn run(days: u32, seed: u64, dispersion: f64) -> Result<Vec<Alarm>> {
    const FILE: &str = "[institution]\nname = \"Days\"\ntime_zone = \"UTC\"\n[zone.hosts]\nprefixes = [\"10.20.0.0/24\"]\n\
                        exposure = \"internet\"\n[exporter.one]\naddress = \"127.0.0.1\"\n";
    let institution = institution::parse("days.toml", FILE).ok().context("the institution of the days")?;
    let mut starts = Starts::default();
    let mut feed = Feed::new(institution, &mut starts);
    let mut random = Random::named(seed, "days");
    let mut hosts = [host(1, 20_000.0, true), host(2, 50_000.0, true), host(3, 500.0, false)]
        .map(|host| Host { variations: VARIATIONS.map(|usual| usual * dispersion), ..host });
    for step in 0..i64::from(days) * STEPS_PER_DAY {
        let now = Time::from_seconds(0, 0).plus_nanoseconds(MONDAY + step * STEP_NANOSECONDS);
        feed.pipeline().listener().now = step as f64 / 10.0;
        for host in &mut hosts {
            host.step(step, now, &mut random, &mut feed);
        }
        feed.pipeline().advance(now);
        if step % STEPS_PER_DAY == STEPS_PER_DAY - 1 {
            let list = &feed.pipeline().listener().list;
            let last = list.last().and_then(|(time, event)| Alarm::of_event(*time, event));
            let last = last.map(|alarm| format!(", the last {}", alarm.text)).unwrap_or_default();
            eprintln!("day {} of {days}: {} false alarms so far{last}", step / STEPS_PER_DAY + 1, list.len());
        }
    }
    Ok(starts.list.iter().filter_map(|(time, event)| Alarm::of_event(*time, event)).collect())
}

fn host(number: u8, rate: f64, sampled: bool) -> Host {
    let address = Address::from_ipv4([10, 20, 0, number]);
    Host { address, rate, sampled, variations: VARIATIONS, factors: [1.0; 3], rise: (0.0, 0, 0) }
}

/// Share of the busiest hour's rate at that second of the week (from Monday 0:00): a night of a tenth, a working day that
/// rises from 7 and falls from 17, weekends of a third.
fn of_week(second: i64) -> f64 {
    let (day, hour) = (second / 86_400 % 7, (second % 86_400) as f64 / 3_600.0);
    let rising = 1.0 / (1.0 + (-(hour - 8.0) * 1.6).exp());
    let falling = 1.0 / (1.0 + ((hour - 18.0) * 1.1).exp());
    let working = if day < 5 { 1.0 } else { 0.35 };
    0.1 + 0.9 * working * rising * falling
}

impl Host {
    fn step(&mut self, step: i64, now: Time, random: &mut Random, feed: &mut Feed<'_, Starts>) {
        let lasting = self.variations.into_iter().zip(VARIATION_STEPS);
        for (factor, (variation, steps)) in self.factors.iter_mut().zip(lasting) {
            if step % steps == 0 {
                *factor = random.gamma(variation);
            }
        }
        if step >= self.rise.2 && random.unit() < RISE_CHANCE {
            let minutes = random.pareto(3.0, 30.0, 1.2);
            self.rise = (random.pareto(0.15, 1.5, 1.5), step, step + (minutes * 600.0) as i64);
        }
        let demand = if step < self.rise.2 {
            1.0 + self.rise.0 * ((step - self.rise.1) as f64 / RISE_STEPS).min(1.0)
        } else {
            1.0
        };
        let packets = self.rate * 0.1 * of_week(step / 10) * demand * self.factors.iter().product::<f64>();
        if self.sampled {
            for inbound in [true, false] {
                for _ in 0..random.poisson(packets / f64::from(SFLOW_RATE)) {
                    let client = random.below(CLIENTS) as u32;
                    let flow = Flow { client, port: random.client_port(), packets: 1, lasted: 0 };
                    let flags = sampled_flags(random.below(CONNECTION_PACKETS), inbound);
                    self.record(now, &flow, (inbound, flags), feed);
                }
            }
            return;
        }
        for _ in 0..random.poisson(packets / MEAN_FLOW_PACKETS) {
            let gap_milliseconds = random.between(5, 50);
            let packets = (random.pareto(2.0, 20_000.0, 1.3) as u64).min(60_000 / gap_milliseconds);
            let client = random.below(CLIENTS) as u32;
            let flow =
                Flow { client, port: random.client_port(), packets, lasted: packets * gap_milliseconds };
            self.record(now, &flow, (true, WHOLE_CONNECTION), feed);
            self.record(now, &flow, (false, WHOLE_CONNECTION), feed);
        }
    }

    fn record(&self, now: Time, flow: &Flow, (inbound, flags): (bool, u8), feed: &mut Feed<'_, Starts>) {
        let client = Address::from(IpAddr::V4(Ipv4Addr::from_bits(0x5000_0000 + flow.client * 0x1_0003)));
        let (from, to) = if inbound { (client, self.address) } else { (self.address, client) };
        let mut record = FlowRecord::new(from, to);
        (record.source_port, record.destination_port) =
            if inbound { (flow.port, 443) } else { (443, flow.port) };
        let tcp = flow.client % 10 < 7;
        record.protocol = if tcp { 6 } else { 17 };
        record.tcp_flags = TcpFlags(if tcp { flags } else { 0 });
        record.packets = flow.packets;
        record.bytes = flow.packets * 500;
        record.sampling = SFLOW_RATE;
        if !self.sampled {
            record.sampling = 1;
            record.first = Some(now.plus_nanoseconds(-(flow.lasted as i64 * 1_000_000)));
            record.last = Some(now);
        }
        feed.pipeline().flow(0, now, Address::from_ipv4([127, 0, 0, 1]), &record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_week_has_nights_and_weekends() {
        let at = |day: i64, hour: i64| of_week(day * 86_400 + hour * 3_600);
        assert!(at(0, 12) > 0.95 && at(0, 3) < 0.15 && at(5, 12) < 0.5 && at(5, 12) > at(5, 3));
        assert!((at(7, 12) - at(0, 12)).abs() < 1e-9);
    }
}
