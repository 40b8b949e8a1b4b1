//! Measures what a collector's worker costs beside a bare loop of `recvmmsg`, on loopback.
//!
//! `cargo run --release -p intake --example receive_speed -- [ROUNDS] [BYTES] [--beside | --paced | --judge]`. Printed are, for
//! each kind of receiver, the processor time of its thread for each datagram, the median of ROUNDS (9) that take turns
//! and of the ratios to the bare loop of the same turn, then the best turn of each and the ratio of these.
//!
//! * By default 4,000 datagrams of BYTES (1,400) are put into the socket's buffer and then taken out by the same thread:
//!   every system call is full, nobody waits, and what is measured is the loop itself.
//! * `--beside`: another thread sends as fast as it can meanwhile. It is slower than the receiver.
//! * `--judge` measures instead what it costs to ask whether a sender is declared.
//! * `--paced`: it sends 60,000 a second in steps of 50 µs; what counts is how often a receiver wakes up.
#![expect(unsafe_code, reason = "the bare loop that the worker is compared with")]

use std::{
    hint::black_box,
    mem,
    net::{SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    process::ExitCode,
    ptr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use intake::collect::{self, CollectorOptions, Datagram, Senders, Standing};
use rustix::time::{ClockId, clock_gettime};
use wire::Address;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const SLOTS: usize = 64;
const SENDERS: usize = 64;
const TURN: Duration = Duration::from_millis(150);
const WAIT: Duration = Duration::from_millis(20);
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// How to send.
#[derive(Clone, Copy)]
struct Load {
    bytes: usize,
    manner: Manner,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// First all is sent, then all is received.
    Filled,
    /// By another thread, as fast as it goes.
    Beside,
    /// By another thread, a few in each step.
    Paced,
}

/// Datagrams that are in the buffer before they are received.
const FILLED: u64 = 4_032;
/// Datagrams in a step of 50 µs.
const PACED: u32 = 3;

type Receiver = Box<dyn Fn() -> Result<Turn, Failure>>;

/// What one turn of one receiver gave.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    datagrams: u64,
    nanoseconds: f64,
    calls: u64,
}

fn on_processor() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// A sender with many ports.
struct Sender {
    sockets: Vec<UdpSocket>,
    payload: Vec<u8>,
    next: usize,
}

impl Sender {
    fn new(to: SocketAddr, load: Load) -> Result<Self, Failure> {
        let sockets = (0..SENDERS).map(|_| UdpSocket::bind(LOOPBACK)).collect::<Result<Vec<_>, _>>()?;
        for socket in &sockets {
            socket.connect(to)?;
        }
        Ok(Self { sockets, payload: vec![7; load.bytes], next: 0 })
    }

    /// Sends up to 64 from one of the ports.
    fn send(&mut self, count: u32) {
        let mut vector =
            libc::iovec { iov_base: self.payload.as_mut_ptr().cast(), iov_len: self.payload.len() };
        // SAFETY: zero is a value of all fields.
        let mut headers: [libc::mmsghdr; SLOTS] = unsafe { mem::zeroed() };
        for header in &mut headers {
            header.msg_hdr.msg_iov = &raw mut vector;
            header.msg_hdr.msg_iovlen = 1;
        }
        let Some(socket) = self.sockets.get(self.next % SENDERS) else { return };
        self.next += 1;
        // SAFETY: each header leads to the one vector and that to the payload; both outlive the call and are only read.
        unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), count.min(SLOTS as u32), 0) };
    }

    /// Sends until told to stop.
    fn send_until(&mut self, stop: &AtomicBool, manner: Manner) {
        let start = Instant::now();
        let mut steps = 0_u32;
        while !stop.load(Ordering::Relaxed) {
            if manner == Manner::Paced {
                steps += 1;
                while start.elapsed() < Duration::from_micros(50) * steps {
                    std::hint::spin_loop();
                }
                self.send(PACED);
            } else {
                self.send(SLOTS as u32);
            }
        }
    }
}

/// Gives a receiver its turn. `call` receives once and gives the number of datagrams.
fn turn(to: SocketAddr, load: Load, mut call: impl FnMut() -> Result<u64, Failure>) -> Result<Turn, Failure> {
    let mut sender = Sender::new(to, load)?;
    let end = Instant::now() + TURN;
    let (mut done, mut used) = (Turn::default(), 0);
    let mut receive = |done: &mut Turn| -> Result<u64, Failure> {
        let count = call()?;
        done.calls += u64::from(count > 0);
        done.datagrams += count;
        Ok(count)
    };
    if load.manner == Manner::Filled {
        while Instant::now() < end {
            for _ in 0..FILLED / SLOTS as u64 {
                sender.send(SLOTS as u32);
            }
            let (before, goal) = (on_processor(), done.datagrams + FILLED);
            while done.datagrams < goal && receive(&mut done)? > 0 {}
            used += on_processor() - before;
        }
    } else {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| sender.send_until(&stop, load.manner));
            let before = on_processor();
            while Instant::now() < end && receive(&mut done).is_ok() {}
            used = on_processor() - before;
            stop.store(true, Ordering::Relaxed);
        });
    }
    done.nanoseconds = used as f64 / done.datagrams.max(1) as f64;
    Ok(done)
}

/// The bare loop: 64 slots, no senders' addresses, no clock, one socket, blocking.
fn bare(load: Load, stamps: bool, addresses: bool) -> Result<Turn, Failure> {
    let socket = UdpSocket::bind(LOOPBACK)?;
    rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, collect::RECEIVE_BUFFER_BYTES).or_else(
        |_| rustix::net::sockopt::set_socket_recv_buffer_size(&socket, collect::RECEIVE_BUFFER_BYTES),
    )?;
    socket.set_read_timeout(Some(WAIT))?;
    if stamps {
        let on: libc::c_int = 1;
        // SAFETY: the pointer leads to an integer of the length that is given.
        unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_TIMESTAMPNS,
                (&raw const on).cast(),
                mem::size_of_val(&on) as libc::socklen_t,
            )
        };
    }
    let mut buffers = vec![[0_u8; 2048 + SLOTS]; SLOTS];
    let mut controls = vec![[0_u64; 8]; SLOTS];
    let mut vectors: Vec<libc::iovec> = buffers
        .iter_mut()
        .map(|buffer| libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() })
        .collect();
    // SAFETY: zero is a value of all fields.
    let mut headers: [libc::mmsghdr; SLOTS] = unsafe { mem::zeroed() };
    let mut names = vec![[0_u64; 16]; SLOTS];
    for ((header, vector), name) in headers.iter_mut().zip(&mut vectors).zip(&mut names) {
        if addresses {
            header.msg_hdr.msg_name = name.as_mut_ptr().cast();
        }
        header.msg_hdr.msg_iov = vector;
        header.msg_hdr.msg_iovlen = 1;
    }
    turn(socket.local_addr()?, load, || {
        if stamps {
            for (header, control) in headers.iter_mut().zip(&mut controls) {
                header.msg_hdr.msg_control = control.as_mut_ptr().cast();
                header.msg_hdr.msg_controllen = mem::size_of_val(control) as _;
            }
        }
        for header in headers.iter_mut().filter(|_| addresses) {
            header.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        }
        // SAFETY: each header leads to what is its own of all these tables, which live until the end of the turn.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                SLOTS as libc::c_uint,
                libc::MSG_WAITFORONE as _,
                ptr::null_mut(),
            )
        };
        Ok(u64::try_from(count).unwrap_or(0))
    })
}

/// The worker; `judge` also asks whether the sender is declared.
fn worker(load: Load, options: &CollectorOptions, judge: bool) -> Result<Turn, Failure> {
    let mut bound = collect::bind(options)?;
    let address = bound.sockets.first().ok_or("no socket")?.address;
    let mut worker = bound.workers.pop().ok_or("no worker")?;
    let mut senders = Senders::new([0; 16]);
    senders.declare([Address::from(LOOPBACK.ip())]);
    let mut bytes = 0;
    let done = turn(address, load, || {
        let count = worker.receive(WAIT, |datagram: Datagram<'_>| {
            if judge {
                let standing = senders.judge(datagram.sender(), datagram.bytes, datagram.arrival);
                bytes += u64::from(standing != Standing::Undeclared);
            }
            bytes += black_box(datagram).bytes.len() as u64;
        })?;
        Ok(count as u64)
    })?;
    black_box(bytes);
    Ok(done)
}

/// The number of the sender of a datagram.
type Who = fn(u128) -> u128;

/// Nanoseconds for each sender that is judged, 100 being declared, by who sends.
fn judge(rounds: usize) {
    const EACH: u128 = 1 << 20;
    let address = |number: u128| Address::from_bits(0xffff_0a00_0000 + number);
    let datagram = [0_u8; 1_400];
    let now = collect::now();
    let who: [(&str, Who); 4] = [
        ("one declared exporter", |_| 1),
        ("100 declared exporters in turn", |number| number % 100),
        ("one stranger", |_| 500),
        ("another stranger each time", |number| 1_000 + number),
    ];
    for (name, who) in who {
        let mut senders = Senders::new([1; 16]);
        senders.declare((0..100).map(address));
        let turns = (0..rounds).map(|_| {
            let before = on_processor();
            for number in 0..EACH {
                black_box(senders.judge(black_box(address(who(number))), &datagram, now));
            }
            (on_processor() - before) as f64 / EACH as f64
        });
        println!("{name:34} {:>7.1} ns", median(turns.collect()));
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn run() -> Result<(), Failure> {
    let (flags, numbers): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let rounds: usize = numbers.first().map_or(Ok(9), |text| text.parse())?;
    let bytes: usize = numbers.get(1).map_or(Ok(1_400), |text| text.parse())?;
    let flag = |name: &str| flags.iter().any(|flag| flag == name);
    if flag("--judge") {
        judge(rounds);
        return Ok(());
    }
    let manner = match (flag("--beside"), flag("--paced")) {
        (true, _) => Manner::Beside,
        (_, true) => Manner::Paced,
        _ => Manner::Filled,
    };
    let load = Load { bytes, manner };
    let six =
        |count: usize| CollectorOptions { listen: vec![LOOPBACK; count], ..CollectorOptions::new(vec![]) };
    let never = CollectorOptions { coalesce: Duration::ZERO, ..six(1) };
    let kinds: [(&str, Receiver); 8] = [
        ("bare recvmmsg", Box::new(move || bare(load, false, false))),
        ("bare recvmmsg, senders' addresses", Box::new(move || bare(load, false, true))),
        ("bare recvmmsg, SO_TIMESTAMPNS", Box::new(move || bare(load, true, false))),
        ("worker", Box::new(move || worker(load, &six(1), false))),
        ("worker that never rests", Box::new(move || worker(load, &never, false))),
        (
            "worker with slots of 2,048 bytes",
            Box::new(move || worker(load, &CollectorOptions { datagram_bytes: 2_048, ..six(1) }, false)),
        ),
        ("worker with six sockets", Box::new(move || worker(load, &six(6), false))),
        ("worker and its senders", Box::new(move || worker(load, &six(1), true))),
    ];
    let mut turns = vec![Vec::new(); kinds.len()];
    for _ in 0..rounds {
        for ((_, kind), turns) in kinds.iter().zip(&mut turns) {
            turns.push(kind()?);
        }
    }
    println!(
        "{:34} {:>7} {:>7} {:>7} {:>7} {:>11}",
        "ns a datagram", "median", "ratio", "best", "ratio", "of one call"
    );
    let base = turns.first().cloned().unwrap_or_default();
    let best = |turns: &[Turn]| turns.iter().map(|turn| turn.nanoseconds).fold(f64::INFINITY, f64::min);
    for ((name, _), turns) in kinds.iter().zip(&turns) {
        let cost = median(turns.iter().map(|turn| turn.nanoseconds).collect());
        let ratio =
            median(turns.iter().zip(&base).map(|(turn, base)| turn.nanoseconds / base.nanoseconds).collect());
        let (least, least_ratio) = (best(turns), best(turns) / best(&base));
        let of_call =
            median(turns.iter().map(|turn| turn.datagrams as f64 / turn.calls.max(1) as f64).collect());
        println!("{name:34} {cost:>7.0} {ratio:>7.2} {least:>7.0} {least_ratio:>7.2} {of_call:>11.1}");
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
