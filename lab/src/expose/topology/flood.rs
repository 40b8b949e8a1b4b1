//! The floods themselves, run inside the namespace of the outside: connections that are held, datagrams at a rate,
//! requests at a rate.

use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::live::pace;

/// Bytes of a datagram, and what is around them on an Ethernet: headers of UDP, IPv4 and the frame.
const DATAGRAM_BYTES: usize = 1_400;
const AROUND_BYTES: usize = 8 + 20 + 14;
/// Requests that are open at once, at most.
const MOST_OPEN: usize = 4_000;

/// `KIND ADDRESS SIZE SECONDS`.
pub(in crate::expose) fn run(arguments: &[String]) -> Result<()> {
    let [kind, address, size, seconds] = arguments else { bail!("KIND ADDRESS SIZE SECONDS") };
    let address: SocketAddr = address.parse().context("ADDRESS")?;
    // Only networks of a topology are flooded, whoever calls this.
    ensure!(address.ip().to_string().starts_with("10.90.1."), "{address} is not the site of a topology");
    let (size, seconds): (f64, f64) = (size.parse()?, seconds.parse()?);
    match kind.as_str() {
        "connections" => connections(address, size, seconds),
        "datagrams" => datagrams(address, size, seconds),
        "requests" => requests(address, size, seconds),
        other => bail!("there is no flood {other}"),
    }
}

/// Opens so many connections, as fast as they are taken, and holds them.
fn connections(address: SocketAddr, size: f64, seconds: f64) -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let begin = Instant::now();
    let mut held = Vec::new();
    while (held.len() as f64) < size && begin.elapsed().as_secs_f64() < seconds {
        match TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            Ok(stream) => held.push(stream),
            // The table is full: the next one waits for room as an attacker does.
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            Err(error) => return Err(error).context("connections"),
        }
    }
    pace::wait(Duration::from_secs_f64((seconds - begin.elapsed().as_secs_f64()).max(0.0)));
    Ok(())
}

/// Sends datagrams of so many bits a second, counted with their frames.
fn datagrams(address: SocketAddr, bits_per_second: f64, seconds: f64) -> Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    let payload = vec![0_u8; DATAGRAM_BYTES];
    let rate = bits_per_second / 8.0 / (DATAGRAM_BYTES + AROUND_BYTES) as f64;
    paced(rate, seconds, &mut || {
        // A full queue drops it, which is what the flood is about; a port that nobody listens on says so.
        let _ = socket.send_to(&payload, address);
        Ok(())
    })
}

/// Sends so many requests a second, each over a connection of its own and for a name of its own.
fn requests(address: SocketAddr, per_second: f64, seconds: f64) -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let mut open: std::collections::VecDeque<TcpStream> = std::collections::VecDeque::new();
    // Names of one length, and of this process alone: what one asked for is kept by nobody for another.
    let mut number = u64::from(std::process::id() % 900 + 100) * 10_000;
    paced(per_second, seconds, &mut || {
        number += 1;
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_millis(200))?;
        stream.set_nonblocking(true)?;
        let request = format!("GET /?h=f{number:07} HTTP/1.0\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        open.push_back(stream);
        if open.len() > MOST_OPEN {
            open.pop_front();
        }
        Ok(())
    })
}

fn paced(rate: f64, seconds: f64, send: &mut dyn FnMut() -> Result<()>) -> Result<()> {
    let begin = Instant::now();
    let mut sent = 0_u64;
    loop {
        let elapsed = begin.elapsed().as_secs_f64();
        if elapsed >= seconds {
            return Ok(());
        }
        let due = (elapsed * rate) as u64;
        while sent < due {
            // One that fails is one that the other side could not take any more.
            let _ = send();
            sent += 1;
        }
        pace::wait(Duration::from_micros(500));
    }
}
