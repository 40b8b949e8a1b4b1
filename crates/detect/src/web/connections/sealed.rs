//! What the client of a TLS connection sends, counted for its service.

use wire::{Packet, Time};

use super::super::class::Class;
use super::super::clients::{Asked, Manner};
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
    let Sent { asks, has_said, finishes, again, is_cut, .. } = sent;
    let is_first = has_said && !entry.has_asked;
    entry.has_asked |= has_said;
    let streams = if entry.tls.offers_http2 { entry.tls.batches.send(now, &sent) } else { 0 };
    let told = if streams > 0 { Some(std::mem::replace(&mut entry.reset, second)) } else { None };
    let is_resetting = entry.tls.batches.is_resetting;
    let (stage, service) = (entry.stage, entry.service);
    let paced = if asks > 0 { Some(web.connections.pace(at, second, asks)) } else { None };
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
    if let Some(told) = told {
        web.services[service as usize].resetting.note(told, second);
    }
    count(web, at, Class::Aborted, streams);
    if let Some(paced) = paced.filter(|_| !is_resetting) {
        note_answer(web, at, time);
        let manner = (0..asks).fold(Manner::Ordinary, |_, _| note_ask(web, at, time));
        let class = match manner {
            Manner::Looping(seen) => web.note_looping(service, seen),
            Manner::Even => Class::Steady,
            _ if paced.is_steady => Class::Steady,
            _ => Class::Sealed,
        };
        count(web, at, class, u32::from(asks));
        count(web, at, Class::Steady, paced.before);
    }
}

/// Counts a request for its client, and says how that behaves.
fn note_ask(web: &mut WebDetector, at: usize, time: Time) -> Manner {
    let asked = asked(web, at, time);
    web.clients.note_sealed(&asked)
}

/// The request before, if there was one on this connection, has its answer.
pub(super) fn note_answer(web: &mut WebDetector, at: usize, time: Time) {
    let bytes = std::mem::take(&mut web.connections.entries[at].answered);
    if std::mem::replace(&mut web.connections.entries[at].awaits, true) {
        let asked = asked(web, at, time);
        web.clients.note_answer(&asked, bytes);
    }
}

fn asked(web: &WebDetector, at: usize, time: Time) -> Asked {
    let Entry { service, client, tls, .. } = web.connections.entries[at];
    let second = web.second.unwrap_or(0);
    let is_kept = tls.asks > 1;
    Asked {
        service,
        client,
        agent: 0,
        second,
        quarter: quarter_of(time),
        page: None,
        is_for_news: false,
        is_kept,
    }
}
