//! Connections are looked at when their time has come: who is slow by then, and who holds a connection for nothing.

use super::super::WebDetector;
use super::super::class::Class;
use super::super::window::HONEST_BYTES_PER_SECOND;
use super::life::{count, leave, set_slow};
use super::{
    CLOSED_SECONDS, GOES_ON_SECONDS, HELD_SECONDS, LOOK_SECONDS, SILENT_SECONDS, SLOW_SECONDS, Stage, WHEEL,
};

/// Nothing was asked over this connection for some seconds: readers explain some such ones.
fn hold_against(web: &mut WebDetector, at: usize) {
    let service = web.connections.entries[at].service;
    let site = web.connections.site(service);
    if site.spares > 0 {
        site.spares -= 1;
    } else {
        count(web, at, Class::Held, 1);
    }
    web.connections.entries[at].stage = Stage::Settled;
}

/// Looks at the connections whose time has come.
pub(in crate::web) fn close(web: &mut WebDetector, second: u32) {
    let due = web.connections.wheel.take(second);
    for &index in &due {
        if let Some(next) = look(web, index as usize, second) {
            web.connections.wheel.push(second.wrapping_add(next), index);
        } else {
            web.connections.entries[index as usize].is_on_wheel = false;
        }
    }
    web.connections.wheel.give_back(second, due);
}

/// Looks at one connection. Says in how many seconds somebody should look again, if at all.
fn look(web: &mut WebDetector, at: usize, second: u32) -> Option<u32> {
    let entry = &mut web.connections.entries[at];
    if matches!(entry.stage, Stage::Free | Stage::Gone) {
        return None;
    }
    let waits = second.saturating_sub(entry.since);
    if matches!(entry.stage, Stage::Opened | Stage::Greeted) {
        if waits < HELD_SECONDS {
            return Some(HELD_SECONDS - waits);
        }
        hold_against(web, at);
    }
    let entry = &mut web.connections.entries[at];
    let owes = matches!(entry.stage, Stage::Head | Stage::Body | Stage::Handshake | Stage::Record);
    let reads_slowly = entry.reading.is_slow(second, CLOSED_SECONDS);
    if second.saturating_sub(entry.second) > SILENT_SECONDS && (owes || entry.reading.is_watched()) {
        leave(web, at);
        return None;
    }
    let is_honest = matches!(entry.stage, Stage::Body | Stage::Record)
        && entry.bytes >= waits.saturating_mul(HONEST_BYTES_PER_SECOND);
    // A browser that rests may have had the last word; who is slow goes on.
    let rests = entry.stage == Stage::Record && entry.second.saturating_sub(entry.since) < GOES_ON_SECONDS;
    let is_late = owes && waits >= SLOW_SECONDS && !is_honest && !rests;
    let (is_slow, is_watched) = (is_late || reads_slowly, owes || entry.reading.is_watched());
    set_slow(web, at, is_slow);
    match (is_slow, owes) {
        _ if !is_watched => None,
        (false, true) => Some(SLOW_SECONDS.saturating_sub(waits).clamp(1, WHEEL as u32 - 1)),
        _ => Some(LOOK_SECONDS),
    }
}
