//! The collectors on real sockets, loopback only.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    thread,
    time::Duration,
};

use rustix::net::{AddressFamily, SocketType};

use intake::collect::{self, Bound, CollectError, CollectorOptions, Worker};

const SOON: Duration = Duration::from_secs(5);
const AT_ONCE: Duration = Duration::ZERO;

fn v4(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

fn v6(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port)
}

fn options(listen: &[SocketAddr]) -> CollectorOptions {
    CollectorOptions::new(listen.to_vec())
}

fn sender(to: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(SocketAddr::new(to.ip(), 0)).unwrap();
    socket.connect(to).unwrap();
    socket
}

/// Takes everything that is there now.
fn drain(worker: &mut Worker) -> Vec<(Vec<u8>, SocketAddr, usize, bool)> {
    let mut taken = Vec::new();
    while worker
        .receive(AT_ONCE, |datagram| {
            taken.push((datagram.bytes.to_vec(), datagram.from, datagram.socket, datagram.truncated));
        })
        .unwrap()
        > 0
    {}
    taken
}

fn received(bound: &Bound) -> u64 {
    bound.sockets.iter().map(|socket| socket.counters().datagrams).sum()
}

#[test]
fn datagrams_come_with_sender_socket_and_time() {
    let mut bound = collect::bind(&options(&[v4(0), v6(0)])).unwrap();
    let addresses: Vec<SocketAddr> = bound.sockets.iter().map(|socket| socket.address).collect();
    let before = collect::now();
    for (index, &address) in addresses.iter().enumerate() {
        assert_ne!(address.port(), 0);
        let sender = sender(address);
        let text = format!("to {address}");
        sender.send(text.as_bytes()).unwrap();
        let mut seen = 0;
        let worker = &mut bound.workers[0];
        let count = worker.receive(SOON, |datagram| {
            seen += 1;
            assert_eq!(datagram.bytes, text.as_bytes());
            assert_eq!(datagram.from, sender.local_addr().unwrap());
            assert_eq!(datagram.sender().to_ip(), address.ip());
            assert_eq!(datagram.socket, index);
            assert!(datagram.arrival >= before && datagram.arrival <= collect::now());
        });
        assert_eq!((count.unwrap(), seen), (1, 1));
    }
    // A socket on IPv6 takes IPv6 only, so both families can have one port.
    let port = addresses[0].port();
    assert!(collect::bind(&options(&[v6(port)])).is_ok());
}

#[test]
fn nothing_comes_until_the_time_is_over_and_empty_datagrams_are_datagrams() {
    let mut bound = collect::bind(&options(&[v4(0)])).unwrap();
    assert_eq!(bound.workers[0].receive(Duration::from_millis(20), |_| unreachable!()).unwrap(), 0);
    sender(bound.sockets[0].address).send(&[]).unwrap();
    let taken = drain(&mut bound.workers[0]);
    assert_eq!(taken.len(), 1);
    assert!(taken[0].0.is_empty());
}

#[test]
fn datagrams_of_any_length_are_whole_and_in_order() {
    let mut bound = collect::bind(&options(&[v4(0)])).unwrap();
    let sender = sender(bound.sockets[0].address);
    let mut sent = Vec::new();
    for length in [1_usize, 1_400, 65_507, 9_000, 0].into_iter().chain(100..200) {
        let bytes: Vec<u8> = (0..length).map(|place| (place * 7 + length) as u8).collect();
        sender.send(&bytes).unwrap();
        sent.push(bytes);
    }
    let taken: Vec<Vec<u8>> = drain(&mut bound.workers[0]).into_iter().map(|(bytes, ..)| bytes).collect();
    assert!(taken == sent, "{} of {} as they were sent", taken.len(), sent.len());
    let counters = bound.sockets[0].counters();
    assert_eq!(counters.datagrams, sent.len() as u64);
    assert_eq!(counters.bytes, sent.iter().map(|bytes| bytes.len() as u64).sum::<u64>());
    assert!(counters.batches < counters.datagrams, "several for each system call");
    assert_eq!((counters.truncated, counters.errors), (0, 0));
}

#[test]
fn what_is_longer_than_the_limit_is_cut_marked_and_counted() {
    let limited = CollectorOptions { datagram_bytes: 1_500, ..options(&[v4(0)]) };
    let mut bound = collect::bind(&limited).unwrap();
    let sender = sender(bound.sockets[0].address);
    for length in [1_500, 1_501, 40, 9_000] {
        sender.send(&vec![7; length]).unwrap();
    }
    let taken = drain(&mut bound.workers[0]);
    let found: Vec<(usize, bool)> =
        taken.iter().map(|(bytes, _, _, truncated)| (bytes.len(), *truncated)).collect();
    assert_eq!(found, [(1_500, false), (1_500, true), (40, false), (1_500, true)]);
    let counters = bound.sockets[0].counters();
    assert_eq!((counters.datagrams, counters.truncated, counters.bytes), (4, 2, 4_540));
}

#[test]
fn workers_share_the_senders_and_keep_each_of_them_together() {
    let shared = CollectorOptions { workers: 3, ..options(&[v4(0)]) };
    let mut bound = collect::bind(&shared).unwrap();
    let address = bound.sockets[0].address;
    assert!(bound.sockets.iter().all(|socket| socket.address == address));
    assert_eq!(bound.sockets.iter().map(|socket| socket.worker).collect::<Vec<_>>(), [0, 1, 2]);
    let senders: Vec<UdpSocket> = (0..60).map(|_| sender(address)).collect();
    for round in 0..5_u8 {
        for sender in &senders {
            sender.send(&[round]).unwrap();
        }
    }
    let handles: Vec<_> = std::mem::take(&mut bound.workers)
        .into_iter()
        .map(|mut worker| thread::spawn(move || drain(&mut worker)))
        .collect();
    let mut worker_of = BTreeMap::new();
    let mut rounds: BTreeMap<SocketAddr, Vec<u8>> = BTreeMap::new();
    for (worker, handle) in handles.into_iter().enumerate() {
        let taken = handle.join().unwrap();
        assert!(!taken.is_empty(), "worker {worker} had none of 60 senders");
        for (bytes, from, socket, _) in taken {
            assert_eq!(socket, worker);
            assert_eq!(*worker_of.entry(from).or_insert(worker), worker);
            rounds.entry(from).or_default().extend(bytes);
        }
    }
    assert_eq!(rounds.len(), senders.len());
    assert!(rounds.values().all(|order| order == &[0, 1, 2, 3, 4]));
    assert_eq!(received(&bound), 300);
}

/// The counters are checked against what was sent, without any datagram after the drops.
#[test]
fn datagrams_dropped_by_the_kernel_are_counted_exactly() {
    for address in [v4(0), v6(0)] {
        let small = CollectorOptions { receive_buffer_bytes: Some(20_000), ..options(&[address]) };
        let mut bound = collect::bind(&small).unwrap();
        assert_eq!(bound.workers[0].kernel_drops(), 0);
        let sender = sender(bound.sockets[0].address);
        let sent = 500_u64;
        for _ in 0..sent {
            sender.send(&[0; 1_400]).unwrap();
        }
        let first = bound.workers[0].kernel_drops();
        assert!(first > 0, "a buffer of 20,000 bytes held 700,000");
        assert_eq!(drain(&mut bound.workers[0]).len() as u64 + first, sent);
        assert_eq!(bound.workers[0].kernel_drops(), 0, "each is told once");
        for _ in 0..sent {
            sender.send(&[0; 1_400]).unwrap();
        }
        let taken = drain(&mut bound.workers[0]).len() as u64;
        let second = bound.workers[0].kernel_drops();
        assert_eq!(taken + second, sent);
        let counters = bound.sockets[0].counters();
        assert_eq!(counters.kernel_drops, first + second);
        assert_eq!(counters.datagrams + counters.kernel_drops, 2 * sent);
    }
}

#[test]
fn the_granted_buffer_is_what_the_system_says() {
    let small = CollectorOptions { receive_buffer_bytes: Some(50_000), ..options(&[v4(0)]) };
    let bound = collect::bind(&small).unwrap();
    let socket = &bound.sockets[0];
    assert_eq!((socket.wanted_bytes, socket.granted_bytes, socket.forced), (50_000, 50_000, false));
    let limit: usize =
        std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap().trim().parse().unwrap();
    let large = CollectorOptions { receive_buffer_bytes: Some(limit + 65_536), ..options(&[v4(0)]) };
    let socket = &collect::bind(&large).unwrap().sockets[0];
    let expected = if socket.forced { limit + 65_536 } else { limit };
    assert_eq!(socket.granted_bytes, expected);
}

#[test]
fn a_port_in_use_is_named_and_nothing_stays_open() {
    let other = UdpSocket::bind(v4(0)).unwrap();
    let taken = other.local_addr().unwrap();
    let free = UdpSocket::bind(v4(0)).unwrap().local_addr().unwrap();
    let both = CollectorOptions { workers: 2, ..options(&[free, taken]) };
    let error = collect::bind(&both).unwrap_err();
    assert!(matches!(error, CollectError::InUse(address) if address == taken), "{error}");
    assert!(error.to_string().contains(&taken.to_string()));
    // The first address was open by then; it is free again.
    assert!(UdpSocket::bind(free).is_ok());
}

/// With `SO_REUSEPORT` alone a second instance would silently take half of the datagrams.
#[test]
fn a_second_instance_is_refused() {
    let shared = CollectorOptions { workers: 2, ..options(&[v4(0), v6(0)]) };
    let bound = collect::bind(&shared).unwrap();
    for socket in &bound.sockets {
        let again = CollectorOptions { workers: 2, ..options(&[socket.address]) };
        let error = collect::bind(&again).unwrap_err();
        assert!(matches!(error, CollectError::InUse(address) if address == socket.address), "{error}");
    }
}

#[test]
fn a_single_worker_shares_its_port_with_nobody() {
    let bound = collect::bind(&options(&[v4(0)])).unwrap();
    let other = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None).unwrap();
    rustix::net::sockopt::set_socket_reuseport(&other, true).unwrap();
    assert_eq!(rustix::net::bind(&other, &bound.sockets[0].address), Err(rustix::io::Errno::ADDRINUSE));
}

#[test]
fn addresses_of_others_overlaps_and_limits_are_refused() {
    let elsewhere = SocketAddr::from(([192, 0, 2, 1], 2055));
    let refused = |options: &CollectorOptions| collect::bind(options).unwrap_err();
    assert!(
        matches!(refused(&options(&[elsewhere])), CollectError::NotHere(address) if address == elsewhere)
    );
    assert!(matches!(refused(&options(&[])), CollectError::NothingToListenOn));
    let any = SocketAddr::from(([0, 0, 0, 0], 40_000));
    let error = refused(&options(&[any, v6(40_000), v4(40_000)]));
    assert!(matches!(error, CollectError::Overlap { first, second } if first == any && second == v4(40_000)));
    assert!(matches!(
        refused(&options(&[v4(0); collect::MAX_LISTEN + 1])),
        CollectError::TooManyAddresses(_)
    ));
    for workers in [0, collect::MAX_WORKERS + 1] {
        let error = refused(&CollectorOptions { workers, ..options(&[v4(0)]) });
        assert!(matches!(error, CollectError::Workers(count) if count == workers));
    }
}

/// A busy worker rests between batches; what comes meanwhile waits, in order.
#[test]
fn a_resting_worker_loses_nothing() {
    let mut bound = collect::bind(&options(&[v4(0)])).unwrap();
    let address = bound.sockets[0].address;
    let sent = 20_000_u64;
    let sending = thread::spawn(move || {
        let sender = sender(address);
        for number in 0..sent {
            sender.send(&number.to_be_bytes()).unwrap();
        }
    });
    let worker = &mut bound.workers[0];
    let (mut taken, mut next) = (0_u64, 0_u64);
    while !sending.is_finished() || worker.receive(AT_ONCE, |_| taken += 1).unwrap() > 0 {
        let waited = worker.receive(Duration::from_millis(50), |datagram| {
            let number = u64::from_be_bytes(*datagram.bytes.first_chunk().unwrap());
            assert!(number >= next, "{number} after {next}");
            next = number + 1;
            taken += 1;
        });
        waited.unwrap();
    }
    sending.join().unwrap();
    // Where the system grants a small buffer the kernel may have dropped some.
    assert_eq!(taken + worker.kernel_drops(), sent);
}
