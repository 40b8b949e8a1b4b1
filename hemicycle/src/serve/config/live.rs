//! Mirrors and logs in the configuration.

use std::ops::RangeInclusive;

use institution::reader::{Reader, Table};
use intake::mirror::MirrorOptions;

use super::{schema, size};

/// Mirrors.
const MAXIMUM_MIRRORS: usize = 16;
/// Workers of one.
const WORKERS: RangeInclusive<u32> = 1..=64;
/// One in so many: more would leave nothing to judge by.
const SAMPLING: RangeInclusive<u32> = 1..=1_000_000;
/// Headers at the least, and what fits into a block of the ring.
const SNAP_BYTES: RangeInclusive<u32> = 64..=65_536;
/// Memory that the kernel does not swap.
const RING_BYTES: RangeInclusive<u32> = (512 << 10)..=(1 << 30);

/// Every `[[mirror]]`.
pub(super) fn mirrors(reader: &mut Reader, top: Table<'_, '_>) -> Vec<MirrorOptions> {
    let mut mirrors: Vec<MirrorOptions> = Vec::new();
    let values = reader.list(top.get("mirror"));
    if let Some(value) = values.get(MAXIMUM_MIRRORS) {
        reader.error(value.span(), format!("at most {MAXIMUM_MIRRORS} mirrors can be read"));
    }
    for value in values.iter().take(MAXIMUM_MIRRORS) {
        let Some(table) = reader.table(value, &value.span(), &schema::MIRROR) else { continue };
        let Some(name) = table.get("interface").and_then(|value| reader.text(value)) else { continue };
        let mut options = MirrorOptions::new(&name.value);
        if mirrors.iter().any(|other| other.interfaces == options.interfaces) {
            reader.error(
                name.span,
                format!("`{}` is mirrored twice: each packet would count twice", name.value),
            );
            continue;
        }
        options.workers = size(reader, table, "workers", WORKERS).unwrap_or(options.workers);
        options.ring_bytes = size(reader, table, "ring_bytes", RING_BYTES).unwrap_or(options.ring_bytes);
        let mut number = |name, range, into: &mut u32| {
            *into = table.get(name).and_then(|value| reader.whole(value, range)).unwrap_or(*into);
        };
        number("sampling", SAMPLING, &mut options.sampling);
        number("snap_bytes", SNAP_BYTES, &mut options.snap_bytes);
        options.promiscuous = reader.flag(table.get("promiscuous")).unwrap_or(options.promiscuous);
        options.outgoing = reader.flag(table.get("outgoing")).unwrap_or(options.outgoing);
        mirrors.push(options);
    }
    mirrors
}
