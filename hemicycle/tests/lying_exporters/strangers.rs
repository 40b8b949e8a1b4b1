//! Senders that nobody declared, and exporters that name more than there is.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, spawn};

use crate::export::{FIELDS, Field, Flow, Moment, netflow9, set, template};
use crate::service::{CONFIG, INSTITUTION};
use crate::stage::{CLAIMED, Honest, Live, Script, play};

/// Sends as fast as it can until it is told to stop; gives how many datagrams it sent.
fn at_full_rate(to: SocketAddr, stop: Arc<AtomicBool>) -> JoinHandle<u64> {
    let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).unwrap();
    socket.connect(to).unwrap();
    let moment = Moment::now(0);
    let records: Vec<u8> = (0..20).flat_map(|_| Flow::to(CLAIMED, moment).record(&FIELDS)).collect();
    let sets = [set(0, &template(256, &FIELDS)), set(256, &records)];
    let datagram = netflow9((moment.seconds(), moment.uptime()), 1, 1, &sets);
    spawn(move || {
        let mut sent = 0;
        while !stop.load(Ordering::Relaxed) {
            sent += u64::from(socket.send(&datagram).is_ok());
        }
        sent
    })
}

#[test]
fn an_undeclared_sender_at_full_rate() {
    // A small buffer, so that the kernel has to drop.
    let config = CONFIG.replace("[metrics]", "receive_buffer_bytes = 65536\n[metrics]");
    let mut live = Live::with("undeclared", &config, Box::new(|_| Vec::new()), Honest::new().script());
    let stop = Arc::new(AtomicBool::new(false));
    let stranger = at_full_rate(live.service.flows(), stop.clone());
    live.finds_the_flood();
    stop.store(true, Ordering::Relaxed);
    let sent = stranger.join().unwrap();
    let (service, honest) = (&live.service, u64::from(live.honest.sent));
    let figure = |name: &str| service.figure(name).unwrap() as u64;
    // Everything that was sent was received or dropped by the kernel, and is counted.
    let sockets = [service.socket("socket_datagrams_total"), service.socket("socket_kernel_drops_total")];
    for _ in 0..600 {
        if figure(&sockets[0]) + figure(&sockets[1]) == sent + honest {
            break;
        }
        crate::service::pause();
    }
    let [received, dropped] = sockets.map(|name| figure(&name));
    assert_eq!(received + dropped, sent + honest);
    // Of whom they are is reported a tenth of a second later.
    let of_whom = ["exporter_datagrams_total{exporter=\"edge\"}", "undeclared_datagrams_total"];
    for _ in 0..600 {
        if of_whom.iter().map(|name| figure(name)).sum::<u64>() == received {
            break;
        }
        crate::service::pause();
    }
    let [declared, undeclared] = of_whom.map(figure);
    assert_eq!(declared + undeclared, received);
    service.reaches("flow_datagrams_total", declared as f64);
    assert!(sent > 10_000, "{sent} of the stranger");
    if dropped > 0 {
        assert!(figure("losses_noted_total") > 0, "drops are said");
    }
    let summary = live.stop().1;
    assert_eq!(summary["undeclared_datagrams"], received - declared);
}

const WIDE: [Field; 6] = [(27, 16), (28, 16), (4, 1), (6, 1), (2, 8), (1, 8)];

/// Names 1,000 addresses of a protected prefix in each step, a packet for each: 350,000 in all.
fn everybody() -> Script {
    Box::new(|moment| {
        let mut datagrams = Vec::new();
        for number in 0..20_u32 {
            let mut records = Vec::new();
            for record in 0..50 {
                let host = (moment.step * 20 + number) * 50 + record;
                records.extend([&[0x20, 1, 0xd, 0xb8, 9], &[0; 11][..]].concat());
                records.extend([&[0x20, 1, 0xd, 0xb8, 0, 1], &[0; 6][..], &host.to_be_bytes()].concat());
                records.extend([&[17, 0][..], &1_u64.to_be_bytes(), &500_u64.to_be_bytes()].concat());
            }
            let sets = [set(0, &template(256, &WIDE)), set(256, &records)];
            datagrams.push(netflow9(
                (moment.seconds(), moment.uptime()),
                moment.step * 20 + number,
                3,
                &sets,
            ));
        }
        datagrams
    })
}

/// More than the table of addresses holds: it is full of those that the liar names when the flood of another begins,
/// which therefore may begin later, but not by more than this.
const LATER_SECONDS: f64 = 1.0;

#[test]
fn an_exporter_that_names_every_address() {
    let institution = INSTITUTION.replace("\"192.0.2.0/25\"", "\"192.0.2.0/25\", \"2001:db8:1::/48\"");
    let (mut silent, mut honest): (Script, Script) = (Box::new(|_| Vec::new()), Honest::new().script());
    let expected = play(&institution, &mut silent, &mut honest).start("www").unwrap();
    let played = play(&institution, &mut everybody(), &mut Honest::new().script());
    let Some(found) = played.start("www") else {
        panic!("the flood that the honest exporter sees is not found")
    };
    println!("at {found} s of data time; without the liar at {expected} s");
    assert!((0.0..LATER_SECONDS).contains(&(found - expected)), "at {found} and not at {expected}");
}
