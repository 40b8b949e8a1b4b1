//! What a client and its server say to each other, as far as it is clear text; what is inside TLS is in `sealed`.

use wire::web::{Client, head};
use wire::{Packet, Time};

use super::super::class::{self, Class};
use super::super::tls::Tls;
use super::super::{Link, Seen, WebDetector};
use super::life::{count, owe, read_window, settle};
use super::{Entry, Held, Stage, WHOLE_SEGMENT_BYTES, begins_request, begins_tls, milliseconds, sealed};

pub(super) fn from_client(web: &mut WebDetector, at: usize, hash: u64, time: Time, packet: &Packet<'_>) {
    read_window(web, at, packet);
    let second = web.second.unwrap_or(0);
    let entry = &mut web.connections.entries[at];
    entry.second = second;
    let bytes = u64::from(packet.payload_length_bytes());
    entry.bytes = entry.bytes.saturating_add(packet.payload_length_bytes());
    if begins_tls(packet.payload) && !entry.is_tls {
        let hello = web.connections.hellos.begin(hash, packet);
        let entry = &mut web.connections.entries[at];
        (entry.is_tls, entry.is_greeted) = (true, false);
        entry.tls = Tls::begin(milliseconds(time), hello.is_none_or(|hello| hello.offers_http2));
        entry.print = hello.unwrap_or_default().print;
        return owe(web, at, Stage::Handshake);
    }
    if entry.is_tls {
        if entry.stage == Stage::Handshake
            && !entry.is_greeted
            && let Some(hello) = web.connections.hellos.go_on(hash, packet)
        {
            let entry = &mut web.connections.entries[at];
            entry.print = hello.print;
            entry.tls = Tls::begin(entry.tls.begun, hello.offers_http2);
        }
        return sealed::from_client(web, at, time, packet);
    }
    if begins_request(packet.payload) {
        return begin_request(web, at, time, packet, bytes);
    }
    match entry.stage {
        Stage::Head if packet.payload.windows(4).any(|four| four == b"\r\n\r\n") => settle(web, at),
        // The end of the head may be cut in two.
        Stage::Head if matches!(packet.payload, b"\r\n" | b"\n" | b"\n\r\n") => settle(web, at),
        Stage::Body => {
            entry.owed = entry.owed.saturating_sub(bytes);
            if entry.owed == 0 {
                let held = entry.held.take();
                settle(web, at);
                count_held(web, at, held);
            }
        }
        _ => {}
    }
}

pub(super) fn begin_request(web: &mut WebDetector, at: usize, time: Time, packet: &Packet<'_>, bytes: u64) {
    let Some(head) = head(packet.payload) else { return };
    let is_cut = (packet.payload.len() as u64) < bytes;
    let body = head.content_length.unwrap_or(0);
    let there = bytes.saturating_sub(head.bytes as u64);
    if head.is_complete || is_cut {
        settle(web, at);
        if body > there && !is_cut {
            web.connections.entries[at].owed = body - there;
            owe(web, at, Stage::Body);
            return hold(web, at, &head.request(time, Client::Address(packet.source)));
        }
    } else if web.connections.entries[at].stage != Stage::Head {
        owe(web, at, Stage::Head);
    }
    // A head of more than a segment is one by its first; a line or two are a promise.
    if !head.is_complete && !is_cut && bytes < WHOLE_SEGMENT_BYTES {
        return;
    }
    let service = web.connections.entries[at].service;
    let request = head.request(time, Client::Address(packet.source));
    if is_cut && !head.is_complete && !class::is_told_by_its_line(&request) {
        // The capture ends before the page that it came from: that it was asked is all there is.
        return count(web, at, Class::Sealed, 1);
    }
    let second = web.second.unwrap_or(0);
    let is_small = web.connections.entries[at].pace.is_small();
    let paced = web.connections.pace(at, second, 1);
    web.observe_on(service, &request, Link { is_steady: paced.is_steady, is_small });
    count(web, at, Class::Steady, paced.before);
}

/// Keeps a request until its body is there: who only promises one has asked for nothing yet.
pub(super) fn hold(web: &mut WebDetector, at: usize, request: &wire::web::Request<'_>) {
    let service = web.connections.entries[at].service;
    let seen = web.look_at(service, request, Link::default());
    let held = Held { class: seen.class, agent: seen.agent, path: seen.path };
    web.connections.entries[at].held = Some(held);
}

pub(super) fn count_held(web: &mut WebDetector, at: usize, held: Option<Held>) {
    let Some(Held { class, agent, path }) = held else { return };
    let Entry { service, client, .. } = web.connections.entries[at];
    let seen = Seen { class, client, is_named: false, agent, path };
    web.touch(service);
    web.counters.requests += 1;
    web.services[service as usize].note(&wire::web::Request::default(), &seen, (&web.hash, &web.texts));
}

pub(super) fn from_server(web: &mut WebDetector, at: usize, now: u32, packet: &Packet<'_>) {
    let second = web.second.unwrap_or(0);
    let entry = &mut web.connections.entries[at];
    entry.second = second;
    if entry.is_tls {
        entry.tls.answer(now, packet, !entry.is_greeted);
        entry.answered = entry.answered.saturating_add(packet.payload_length_bytes());
    } else {
        entry.pace.answer(packet.payload_length_bytes());
    }
    entry.is_greeted = true;
    entry.reading.answer(packet.payload_length_bytes());
    let (stage, service) = (entry.stage, entry.service);
    web.connections.site(service).speaks = true;
    // Whatever the server says to a request, it had enough of it.
    if matches!(stage, Stage::Head | Stage::Body | Stage::Record) {
        settle(web, at);
    }
}
