//! What the client of a TLS connection sends, counted for its service.

use wire::{Packet, Time};

use super::super::class::Class;
use super::super::clients::Asked;
use super::super::tls::Sent;
use super::super::{WebDetector, quarter_of};
use super::life::{count, owe, settle};
use super::{Entry, SMALL_RECORD_BYTES, SPARES_MAXIMUM, Stage, milliseconds};

/// Takes a segment after the ClientHello.
pub(super) fn from_client(web: &mut WebDetector, at: usize, time: Time, packet: &Packet<'_>) {
    let now = milliseconds(time);
    let second = web.second.unwrap_or(0);
    let entry = &mut web.connections.entries[at];
    let sent = entry.tls.read(packet, entry.is_greeted);
    let Sent { asks, has_said, finishes, again, bytes, records, largest, is_cut } = sent;
    let is_first = has_said && !entry.has_asked;
    entry.has_asked |= has_said;
    let streams = if bytes > 0 && entry.tls.offers_http2 {
        entry.tls.batches.send(now, bytes, records, largest)
    } else {
        0
    };
    let paced = if asks > 0 { Some(entry.tls.pace.ask(second, asks)) } else { None };
    let is_resetting = entry.tls.batches.is_resetting;
    let (stage, service) = (entry.stage, entry.service);
    let is_application_data = packet.payload.first() == Some(&23);
    match stage {
        Stage::Handshake if finishes => {
            settle(web, at);
            if !has_said {
                web.connections.entries[at].stage = Stage::Greeted;
            }
        }
        Stage::Greeted if has_said => settle(web, at),
        Stage::Settled if is_application_data && packet.payload.len() <= SMALL_RECORD_BYTES => {
            owe(web, at, Stage::Record);
        }
        _ => {}
    }
    if is_cut {
        web.note_cut(service);
    }
    if is_first {
        let site = web.connections.site(service);
        site.spares = (site.spares + 1).min(SPARES_MAXIMUM);
    }
    count(web, at, Class::Hello, u32::from(again));
    count(web, at, Class::Aborted, streams);
    if let Some(paced) = paced.filter(|_| !is_resetting) {
        let is_program = (0..asks).fold(false, |_, _| is_of_program(web, at, time));
        let class = if paced.is_steady || is_program { Class::Steady } else { Class::Sealed };
        count(web, at, class, u32::from(asks));
        count(web, at, Class::Steady, paced.before);
    }
}

/// Counts a request for its client, and says whether that is a program.
fn is_of_program(web: &mut WebDetector, at: usize, time: Time) -> bool {
    let Entry { service, client, .. } = web.connections.entries[at];
    let second = web.second.unwrap_or(0);
    web.clients.note_sealed(&Asked { service, client, agent: 0, second, quarter: quarter_of(time) })
}
