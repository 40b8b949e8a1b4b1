//! A connection with a deadline: whatever the other side does or does not do, it is over then.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::Failure;
use crate::limits::MAX_ADDRESSES;

/// A socket whose every call ends at the deadline.
#[derive(Debug)]
pub(super) struct Timed {
    socket: TcpStream,
    until: Instant,
}

impl Timed {
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

/// The system says "would block" where a timeout of a socket is over.
fn in_time<T>(result: io::Result<T>) -> io::Result<T> {
    result.map_err(|cause| match cause.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => cause,
    })
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.left()?))?;
        in_time(self.socket.read(buffer))
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.left()?))?;
        in_time(self.socket.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// A connection, in the clear or within TLS.
#[derive(Debug)]
pub(super) enum Connection {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

impl Connection {
    /// Connects to the first address of a host that answers.
    pub(super) fn open(host: &str, port: u16, until: Instant) -> Result<Self, Failure> {
        let addresses = resolve(host, port)?;
        let mut last = Failure::temporary("cannot connect: it took too long");
        for (index, address) in addresses.iter().enumerate() {
            let left = until.saturating_duration_since(Instant::now());
            // Each gets its share, so that one that does not answer leaves time for the next.
            let share = left / u32::try_from(addresses.len() - index).unwrap_or(1).max(1);
            if share.is_zero() {
                break;
            }
            match TcpStream::connect_timeout(address, share) {
                Ok(socket) => {
                    // Messages are small and written whole.
                    let _ = socket.set_nodelay(true);
                    return Ok(Self::Plain(Timed { socket, until }));
                }
                Err(cause) => last = failed("cannot connect", &cause),
            }
        }
        Err(last)
    }

    /// Goes on within TLS.
    pub(super) fn secure(self, host: &str, configuration: &Arc<ClientConfig>) -> Result<Self, Failure> {
        let Self::Plain(mut timed) = self else {
            return Err(Failure::temporary("TLS within TLS"));
        };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Failure::permanent("the host's name is not one that a certificate can have"))?;
        let mut session = ClientConnection::new(Arc::clone(configuration), name)
            .map_err(|cause| Failure::temporary(format!("TLS: {cause}")))?;
        while session.is_handshaking() {
            session.complete_io(&mut timed).map_err(|cause| failed("TLS", &cause))?;
        }
        Ok(Self::Tls(Box::new(StreamOwned::new(session, timed))))
    }

    /// Says that nothing more comes, and waits a little whether the other side has had enough of it earlier.
    pub(super) fn finish(mut self, patience: Duration) -> io::Result<()> {
        self.flush()?;
        if let Self::Tls(stream) = &mut self {
            stream.conn.send_close_notify();
            stream.flush()?;
        }
        let timed = match &mut self {
            Self::Plain(timed) => timed,
            Self::Tls(stream) => &mut stream.sock,
        };
        timed.until = timed.until.min(Instant::now() + patience);
        timed.socket.shutdown(Shutdown::Write)?;
        let mut buffer = [0; 512];
        // What a receiver that should say nothing says is read, a little of it, and not looked at; but a reset, or an alert
        // of TLS, says that it does not have the message.
        for _ in 0..8 {
            match self.read(&mut buffer) {
                Ok(0) => break,
                Ok(_) => {}
                Err(cause)
                    if matches!(cause.kind(), io::ErrorKind::TimedOut | io::ErrorKind::UnexpectedEof) =>
                {
                    break;
                }
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(timed) => timed.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(timed) => timed.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(timed) => timed.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// The first addresses of a host.
pub(super) fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    let found = (host, port).to_socket_addrs();
    let found =
        found.map_err(|cause| Failure::temporary(format!("cannot look up the host: {}", words(&cause))))?;
    let addresses: Vec<SocketAddr> = found.take(MAX_ADDRESSES).collect();
    if addresses.is_empty() { Err(Failure::temporary("the host has no address")) } else { Ok(addresses) }
}

/// A failure that another attempt may not have.
pub(super) fn failed(what: &str, cause: &io::Error) -> Failure {
    Failure::temporary(format!("{what}: {}", words(cause)))
}

fn words(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::TimedOut => "it took too long".into(),
        io::ErrorKind::UnexpectedEof => "the connection ended too early".into(),
        _ => cause.to_string(),
    }
}
