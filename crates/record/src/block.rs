//! Many points in one row.
//!
//! A block is: version 1, a byte with a bit for each column that it has, the number of points and the first second as
//! varints, then for each point the steps since the one before (in units of the resolution) and each column's difference
//! to the one before, zigzag. A column holds rates as 1024 log2(1 + rate), rounded: 0.04 % of the rate, whatever its size, and
//! a steady rate costs a byte. Peaks that equal the means, as of points of a second, have no column.

use crate::{Error, Point, Resolution, Result};

/// First byte of every block.
const VERSION: u8 = 1;
/// Steps for each doubling of a rate.
const STEPS: f64 = 1024.0;
/// Columns: three means, three peaks.
const COLUMNS: usize = 6;
/// Most points that a block can have.
pub(crate) const MAXIMUM_POINTS: usize = 1024;

/// Points of one block, at most [`MAXIMUM_POINTS`], in order of time.
pub(crate) fn encode(points: &[Point], resolution: Resolution) -> Vec<u8> {
    let points = points.get(..MAXIMUM_POINTS).unwrap_or(points);
    let rows: Vec<[i64; COLUMNS]> = points.iter().map(levels).collect();
    let peaks_differ = rows.iter().any(|row| row[..3] != row[3..]);
    let has = |column: usize| (column < 3 || peaks_differ) && rows.iter().any(|row| row[column] != 0);
    let columns: Vec<usize> = (0..COLUMNS).filter(|column| has(*column)).collect();
    let mask = columns.iter().fold(u8::from(peaks_differ) << 7, |mask, column| mask | 1 << column);
    let mut bytes = vec![VERSION, mask];
    let first = points.first().map_or(0, |point| point.second);
    put(&mut bytes, points.len() as i64);
    put(&mut bytes, first);
    let (mut second, mut before) = (first, [0; COLUMNS]);
    for (point, row) in points.iter().zip(&rows) {
        put(&mut bytes, (point.second - second) / resolution.seconds());
        second = point.second;
        for &column in &columns {
            put(&mut bytes, row[column] - before[column]);
        }
        before = *row;
    }
    bytes
}

/// The points of a block.
///
/// # Errors
/// When it is none.
pub(crate) fn decode(bytes: &[u8], resolution: Resolution) -> Result<Vec<Point>> {
    read(bytes, resolution).ok_or_else(|| Error::Damaged("a block of points".to_owned()))
}

fn read(bytes: &[u8], resolution: Resolution) -> Option<Vec<Point>> {
    let (&[version, mask], mut rest) = bytes.split_first_chunk::<2>()?;
    let count = usize::try_from(take(&mut rest)?).ok().filter(|count| *count <= MAXIMUM_POINTS)?;
    let mut second = take(&mut rest)?;
    // Each point takes a byte at least.
    if version != VERSION || mask & 0x40 != 0 || count > rest.len() {
        return None;
    }
    let mut row = [0_i64; COLUMNS];
    let mut points = Vec::with_capacity(count);
    for _ in 0..count {
        second = second.checked_add(take(&mut rest)?.checked_mul(resolution.seconds())?)?;
        for (column, level) in row.iter_mut().enumerate() {
            if mask & 1 << column != 0 {
                *level = level.checked_add(take(&mut rest)?)?;
            }
        }
        let [packets, bits, requests, ..] = row.map(rate);
        let peaks =
            if mask & 0x80 == 0 { [packets, bits, requests] } else { [row[3], row[4], row[5]].map(rate) };
        points.push(Point {
            second,
            packets_per_second: packets,
            bits_per_second: bits,
            requests_per_second: requests,
            peak_packets_per_second: peaks[0],
            peak_bits_per_second: peaks[1],
            peak_requests_per_second: peaks[2],
        });
    }
    rest.is_empty().then_some(points)
}

fn levels(point: &Point) -> [i64; COLUMNS] {
    [
        point.packets_per_second,
        point.bits_per_second,
        point.requests_per_second,
        point.peak_packets_per_second,
        point.peak_bits_per_second,
        point.peak_requests_per_second,
    ]
    .map(level)
}

/// What is no rate is nought.
fn level(rate: f64) -> i64 {
    if rate.is_finite() && rate > 0.0 {
        (rate.ln_1p() / std::f64::consts::LN_2 * STEPS).round() as i64
    } else {
        0
    }
}

fn rate(level: i64) -> f64 {
    (level.clamp(0, 1 << 20) as f64 / STEPS * std::f64::consts::LN_2).exp_m1()
}

/// A number in as few groups of seven bits as it needs, zigzag.
fn put(bytes: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest > 0x7f {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

fn take(rest: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for group in 0..10 {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << (7 * group);
        if byte & 0x80 == 0 {
            return Some((number >> 1) as i64 ^ -((number & 1) as i64));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point() -> impl Strategy<Value = (i64, [f64; 6])> {
        let rate = prop_oneof![Just(0.0), 0.001..10.0, 0.0..1e13_f64];
        (0_i64..100, proptest::array::uniform6(rate))
    }

    proptest! {
        #[test]
        fn points_are_read_back_within_the_error(steps in proptest::collection::vec(point(), 0..80), minutes: bool) {
            let resolution = if minutes { Resolution::Minute } else { Resolution::Second };
            let mut second = 1_800_000_000;
            let points: Vec<Point> = steps.iter().map(|(step, rates)| {
                second += step * resolution.seconds();
                Point { second, packets_per_second: rates[0], bits_per_second: rates[1], requests_per_second: rates[2],
                    peak_packets_per_second: rates[3], peak_bits_per_second: rates[4], peak_requests_per_second: rates[5] }
            }).collect();
            let read = decode(&encode(&points, resolution), resolution).unwrap();
            prop_assert_eq!(read.len(), points.len());
            for (read, point) in read.iter().zip(&points) {
                prop_assert_eq!(read.second, point.second);
                for (read, rate) in [(read.packets_per_second, point.packets_per_second),
                    (read.peak_bits_per_second, point.peak_bits_per_second)] {
                    prop_assert!((read - rate).abs() <= 0.0004 * (1.0 + rate), "{} {}", read, rate);
                }
            }
        }

        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..200), head: bool) {
            let bytes = if head { [&[1, 0x87][..], &bytes].concat() } else { bytes };
            if let Ok(points) = decode(&bytes, Resolution::Hour) {
                prop_assert!(points.len() <= MAXIMUM_POINTS);
            }
        }
    }

    #[test]
    fn small_counts_are_exact_enough_and_a_steady_second_is_three_bytes() {
        let points: Vec<Point> = (0..300)
            .map(|second| {
                let (packets_per_second, bits_per_second) = (7.0, 5600.0);
                let (peak_packets_per_second, peak_bits_per_second) = (7.0, 5600.0);
                Point {
                    second,
                    packets_per_second,
                    bits_per_second,
                    peak_packets_per_second,
                    peak_bits_per_second,
                    ..Point::default()
                }
            })
            .collect();
        let bytes = encode(&points, Resolution::Second);
        assert!(bytes.len() < 3 * 300 + 16, "{}", bytes.len());
        let read = decode(&bytes, Resolution::Second).unwrap();
        assert!((read[299].packets_per_second - 7.0).abs() < 0.005);
    }
}
