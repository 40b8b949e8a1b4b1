//! A connection from its place in the table to its end, and what it was good for.

use wire::{Packet, Time};

use super::super::class::Class;
use super::super::wheel::Place;
use super::super::window::Reading;
use super::super::{WebDetector, client_bits};
use super::{
    BRIEF_MILLISECONDS, BRIEF_REQUESTS, CLOSED_SECONDS, CONNECTIONS, Entry, GONE_MILLISECONDS,
    SILENT_SECONDS, SLOW_SECONDS, Stage, VAIN_MILLISECONDS, milliseconds, sealed,
};

/// The client says how much it would take.
pub(super) fn read_window(web: &mut WebDetector, at: usize, packet: &Packet<'_>) {
    let second = web.second.unwrap_or(0);
    if web.connections.entries[at].reading.window(packet.window, second) {
        look_again(web, at, CLOSED_SECONDS);
    }
}

/// Somebody looks at the connection in so many seconds, if nobody does anyway.
pub(super) fn look_again(web: &mut WebDetector, at: usize, seconds: u32) {
    let second = web.second.unwrap_or(0);
    let table = &mut web.connections;
    if !std::mem::replace(&mut table.entries[at].is_on_wheel, true) {
        table.wheel.push(second.wrapping_add(seconds), at as u32);
    }
}

/// Makes a place for a connection.
pub(super) fn enter(
    web: &mut WebDetector,
    place: Place,
    packet: &Packet<'_>,
    shift: Option<u8>,
) -> Option<usize> {
    let service = web.service_at(packet.destination)?;
    let port = packet.destination_port;
    web.connections.ports[usize::from(port) / 64] |= 1 << (port % 64);
    if web.connections.entries.is_empty() {
        web.connections.entries = vec![Entry::default(); CONNECTIONS].into_boxed_slice();
        web.connections.tags = vec![0; CONNECTIONS].into_boxed_slice();
    }
    let second = web.second.unwrap_or(0);
    let table = &mut web.connections;
    let rank = |at: &usize| {
        let entry = &table.entries[*at];
        match entry.stage {
            Stage::Free | Stage::Gone if !entry.is_on_wheel => 0,
            Stage::Free | Stage::Gone => 1,
            // Who has said something goes last.
            Stage::Opened => 2 + u64::from(entry.second),
            _ => 1 << 40 | u64::from(entry.second),
        }
    };
    let at = place.ways().min_by_key(rank).unwrap_or(place.set);
    if !matches!(table.entries[at].stage, Stage::Free | Stage::Gone) {
        let old = table.entries[at];
        let is_loss = second.saturating_sub(old.second) < SILENT_SECONDS;
        table.evicted += u64::from(is_loss);
        leave(web, at);
        if is_loss {
            web.note_loss(Some(old.service));
        }
    }
    let table = &mut web.connections;
    let is_on_wheel = table.entries[at].is_on_wheel;
    table.tags[at] = place.tag;
    table.entries[at] = Entry {
        service,
        client: client_bits(packet.source),
        second,
        since: second,
        stage: Stage::Settled,
        is_on_wheel,
        reading: Reading::of(shift),
        ..Entry::default()
    };
    table.live += 1;
    web.services[service as usize].has_connections = true;
    Some(at)
}

/// A side ends the connection. What it was good for counts: a handshake that led to nothing, a request or two and gone.
pub(super) fn hang_up(web: &mut WebDetector, at: usize, time: Time) {
    let now = milliseconds(time);
    if web.connections.entries[at].awaits {
        sealed::note_answer(web, at, time);
    }
    let entry = &mut web.connections.entries[at];
    let (service, lasted) = (entry.service, now.wrapping_sub(entry.tls.begun));
    let has_asked = entry.has_asked && !entry.tls.is_unheard();
    let is_vain = entry.is_tls && !has_asked && !entry.tls.is_refused && lasted <= VAIN_MILLISECONDS;
    let is_gone = now.wrapping_sub(entry.tls.answered) <= GONE_MILLISECONDS;
    let is_brief = is_gone && lasted <= BRIEF_MILLISECONDS && (1..=BRIEF_REQUESTS).contains(&entry.tls.asks);
    let is_brief = entry.is_tls && is_brief && !entry.tls.batches.is_resetting;
    if is_vain && web.connections.site(service).speaks {
        count(web, at, Class::Hello, 1);
    } else if is_brief {
        count(web, at, Class::Brief, 1);
    }
    leave(web, at);
}

/// Counts so many of a class for the client of a connection.
pub(super) fn count(web: &mut WebDetector, at: usize, class: Class, times: u32) {
    let Entry { service, client, print, .. } = web.connections.entries[at];
    for _ in 0..times {
        web.note_sealed(service, class, client, print);
    }
}

/// A connection has ended, or made room.
pub(super) fn leave(web: &mut WebDetector, at: usize) {
    set_slow(web, at, false);
    let table = &mut web.connections;
    table.entries[at].stage = Stage::Gone;
    table.tags[at] = 0;
    table.live = table.live.saturating_sub(1);
}

pub(super) fn set_slow(web: &mut WebDetector, at: usize, is_slow: bool) {
    let entry = &mut web.connections.entries[at];
    if entry.is_slow == is_slow {
        return;
    }
    entry.is_slow = is_slow;
    let service = entry.service;
    let counts = [&mut web.connections.slow, &mut web.services[service as usize].slow];
    for count in counts {
        *count = if is_slow { count.saturating_add(1) } else { count.saturating_sub(1) };
    }
    web.touch(service);
}

/// The connection owes something from now on.
pub(super) fn owe(web: &mut WebDetector, at: usize, stage: Stage) {
    let entry = &mut web.connections.entries[at];
    entry.stage = stage;
    entry.since = web.second.unwrap_or(0);
    entry.bytes = 0;
    look_again(web, at, SLOW_SECONDS);
}

pub(super) fn settle(web: &mut WebDetector, at: usize) {
    let entry = &mut web.connections.entries[at];
    entry.stage = Stage::Settled;
    if !entry.reading.is_watched() {
        set_slow(web, at, false);
    }
}
