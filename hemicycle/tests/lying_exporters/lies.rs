//! What liars say, a script each.

use crate::export::{FIELDS, Field, Flow, Moment, ipfix, netflow9, sampler, set, sflow, template};
use crate::stage::{CLAIMED, Script};

/// Like [`FIELDS`], with the sampler's name.
const SAMPLED: [Field; 11] =
    [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (2, 8), (1, 8), (22, 4), (21, 4), (48, 1)];
/// Times in milliseconds since 1970.
const ABSOLUTE: [Field; 10] =
    [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (2, 8), (1, 8), (152, 8), (153, 8)];
/// The year 2100, in seconds.
const YEAR_2100: u32 = 4_102_444_800;

/// NetFlow v9 with its template in each datagram, every tenth of a second.
fn netflow(moment: Moment, stamp: (u32, u32), fields: &[Field], flow: Flow) -> Vec<Vec<u8>> {
    if !moment.step.is_multiple_of(10) {
        return Vec::new();
    }
    let sets = [set(0, &template(256, fields)), set(256, &flow.record(fields))];
    vec![netflow9(stamp, moment.step / 10, 3, &sets)]
}

/// Rates of 0 and of all ones: of sFlow, and of samplers in options data.
pub(crate) fn sampling() -> Script {
    Box::new(|moment| {
        let rate = if moment.step.is_multiple_of(20) { 0 } else { u32::MAX };
        let mut datagrams = Vec::new();
        if moment.step.is_multiple_of(10) {
            datagrams.push(sflow(moment, CLAIMED, rate));
            let flow = Flow { sampler: 9, ..Flow::to(CLAIMED, moment) };
            let records = [set(0, &template(256, &SAMPLED)), set(256, &flow.record(&SAMPLED))];
            let sets = [vec![sampler(300, 9, rate)], records.to_vec()].concat();
            datagrams.push(netflow9((moment.seconds(), moment.uptime()), moment.step / 10, 3, &sets));
        }
        datagrams
    })
}

/// Packets and bytes that no link carries, or that contradict each other.
pub(crate) const COUNTS: [(u64, u64); 10] = [
    (0, 0),
    (0, u64::MAX),
    (u64::MAX, 0),
    (u64::MAX, 40),
    (u64::MAX, u64::MAX),
    (u32::MAX as u64, u32::MAX as u64),
    (1 << 40, 1 << 45),
    (1 << 62, 1 << 63),
    (1_000_000_000, 40),
    (1_000_000, 1),
];

pub(crate) fn counters() -> Script {
    Box::new(|moment| {
        let (packets, bytes) = COUNTS[(moment.step / 10) as usize % COUNTS.len()];
        let flow = Flow { packets, bytes, ..Flow::to(CLAIMED, moment) };
        netflow(moment, (moment.seconds(), moment.uptime()), &FIELDS, flow)
    })
}

/// Clocks of 1970 and of 2100, flows that end before they begin, and flows that last longer than there are computers.
pub(crate) fn times() -> Script {
    Box::new(|moment| {
        let now = moment.milliseconds;
        let far = u64::from(YEAR_2100) * 1000;
        let spans = [
            (1, 1),
            (far, far),
            (1, far),
            (far, 1),
            (now, now - 60_000),
            (u64::MAX, u64::MAX),
            (u64::MAX, 1),
        ];
        let times = spans[(moment.step / 10) as usize % spans.len()];
        // Also about the flooded target, so that its figures could be wrong.
        let target = if moment.step.is_multiple_of(20) { CLAIMED } else { crate::stage::FLOODED };
        let flow = Flow { times, protocol: 6, flags: 0x1b, ..Flow::to(target, moment) };
        let seconds = [0, YEAR_2100, u32::MAX][(moment.step / 10) as usize % 3];
        let mut datagrams = netflow(moment, (seconds, 0), &FIELDS, flow);
        if !datagrams.is_empty() {
            let sets = [set(2, &template(256, &ABSOLUTE)), set(256, &flow.record(&ABSOLUTE))];
            datagrams.push(ipfix(seconds, moment.step / 10, 4, &sets));
        }
        datagrams
    })
}

/// Templates without length or of impossible ones, and an id that means something else in each set.
pub(crate) fn shapes() -> Script {
    Box::new(|moment| {
        if !moment.step.is_multiple_of(10) {
            return Vec::new();
        }
        let flow = Flow::to(CLAIMED, moment).record(&FIELDS);
        let shapes: [&[Field]; 6] = [
            &[(8, 0), (12, 0), (2, 0)],
            &[(8, 4), (12, 4), (2, u16::MAX), (1, u16::MAX)],
            &[(8, u16::MAX), (12, 4)],
            &[(2, 1)],
            &[(12, 4), (8, 4), (22, 4), (21, 4), (1, 8), (2, 8)],
            &FIELDS,
        ];
        // As templates, as options templates with everything for their scope, and data in between.
        let sets = shapes.iter().flat_map(|fields| {
            let options = [&300_u16.to_be_bytes()[..], &[0, (4 * fields.len()) as u8, 0, 0]].concat();
            let options = [options, template(300, fields)[4..].to_vec()].concat();
            [set(0, &template(256, fields)), set(256, &flow), set(1, &options), set(300, &flow)]
        });
        let sets: Vec<Vec<u8>> = sets.collect();
        let stamp = (moment.seconds(), moment.uptime());
        let ids =
            [set(2, &template(256, shapes[1])), set(256, &flow), set(3, &[1, 44, 0, 1, 0, 1, 0, 0, 0, 0])];
        vec![
            netflow9(stamp, moment.step / 10, 3, &sets),
            ipfix(moment.seconds(), 0, 3, &ids),
            // A set that is longer than its datagram, one that is shorter than its header, and nothing at all.
            netflow9(stamp, moment.step / 10, 5, &[vec![1, 0, 255, 255], vec![1, 0, 0, 0]]),
            netflow9(stamp, moment.step / 10, 5, &[vec![1, 0, 0, 0]]),
            vec![0, 9],
        ]
    })
}

/// 66,000 templates in 300 domains, before the honest exporter has said anything, and then on.
pub(crate) fn many_templates() -> Script {
    Box::new(|moment| {
        let fields: Vec<Field> = (0..12).map(|element| (400 + element, 4)).collect();
        let datagrams = (0..22).map(|number| {
            let count = moment.step * 22 + number;
            let first = 256 + count / 300 % 2_000 * 30;
            let templates: Vec<u8> = (0..30).flat_map(|id| template((first + id) as u16, &fields)).collect();
            netflow9((moment.seconds(), moment.uptime()), count, count % 300, &[set(0, &templates)])
        });
        datagrams.collect()
    })
}
