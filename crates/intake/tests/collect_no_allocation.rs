//! Receiving allocates nothing, nor does judging senders and clocks once they are known.

// A global allocator can only be written with `unsafe`; it does nothing but count and pass on.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use intake::collect::{self, CollectorOptions, LinkUse, Senders, Skew, Standing};
use wire::{Address, flow::InterfaceCounters};

/// Counts calls that obtain memory.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The one test of this program: another would allocate while this one counts.
#[test]
fn what_is_known_is_received_without_allocating() {
    let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); 3];
    let mut bound = collect::bind(&CollectorOptions::new(listen)).unwrap();
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut senders = Senders::new([5; 16]);
    senders.declare([Address::from_ipv4([127, 0, 0, 1])]);
    let mut skew = Skew::new();
    let mut links = LinkUse::new([5; 16]);
    let worker = &mut bound.workers[0];
    let (mut known, mut allocated) = (0, 0);
    for round in 0..10_u32 {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        for socket in &bound.sockets {
            for length in [20, 1_400, 9_000] {
                sender.send_to(&[7; 9_000][..length], socket.address).unwrap();
            }
        }
        while worker
            .receive(Duration::ZERO, |datagram| {
                let sender = datagram.sender();
                let standing = senders.judge(sender, datagram.bytes, datagram.arrival);
                known += u32::from(standing == Standing::Declared(0));
                senders.judge(Address::default(), datagram.bytes, datagram.arrival);
                skew.observe(datagram.arrival, datagram.arrival);
                links.observe(sender, datagram.arrival, &InterfaceCounters::default());
            })
            .unwrap()
            > 0
        {}
        worker.kernel_drops();
        if round > 0 {
            allocated += ALLOCATIONS.load(Ordering::Relaxed) - before;
        }
    }
    assert_eq!((known, allocated), (90, 0));
}
