//! One connection.

use std::{
    io::{self, Read},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Instant,
};

use rustls::{ServerConfig, ServerConnection};

use super::{Transport, options::HANDSHAKE, split::Splitter};

/// One connection.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) socket: TcpStream,
    pub(super) peer: SocketAddr,
    tls: Option<Box<ServerConnection>>,
    pub(super) splitter: Splitter,
    began: Instant,
    pub(super) last: Instant,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// There is no more now.
    No,
    /// There may be more.
    Full,
    /// The other side has ended.
    Closed,
    /// An error did.
    Broken,
    /// An error of TLS did.
    Tls,
}

/// Reads of one turn, each of as much as the memory of the receiver.
const READS_PER_TURN: usize = 4;

impl Stream {
    pub(super) fn new(
        socket: TcpStream,
        peer: SocketAddr,
        tls: Option<&Arc<ServerConfig>>,
        limit: usize,
    ) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let tls = match tls {
            Some(configuration) => {
                let connection = ServerConnection::new(configuration.clone()).map_err(io::Error::other)?;
                Some(Box::new(connection))
            }
            None => None,
        };
        let now = Instant::now();
        Ok(Self { socket, peer, tls, splitter: Splitter::new(limit), began: now, last: now })
    }

    pub(super) fn transport(&self) -> Transport {
        if self.tls.is_some() { Transport::Tls } else { Transport::Tcp }
    }

    /// Whether it waits to write, as in a handshake.
    pub(super) fn wants_write(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Whether it keeps a place without use.
    pub(super) fn is_idle(&self, now: Instant, idle: std::time::Duration) -> bool {
        let is_shaking = self.tls.as_ref().is_some_and(|tls| tls.is_handshaking());
        now.duration_since(self.last) > idle || (is_shaking && now.duration_since(self.began) > HANDSHAKE)
    }

    /// Gives what came to `take`, a bounded part of it.
    pub(super) fn turn(&mut self, buffer: &mut [u8], take: &mut impl FnMut(&[u8])) -> Ended {
        for _ in 0..READS_PER_TURN {
            let ended = match &mut self.tls {
                None => match self.socket.read(buffer) {
                    Ok(0) => Ended::Closed,
                    Ok(read) => {
                        self.last = Instant::now();
                        self.splitter.feed(buffer.get(..read).unwrap_or_default(), take);
                        Ended::Full
                    }
                    Err(error) => of(&error),
                },
                Some(_) => self.turn_encrypted(buffer, take),
            };
            if ended != Ended::Full {
                return ended;
            }
        }
        Ended::Full
    }

    fn turn_encrypted(&mut self, buffer: &mut [u8], take: &mut impl FnMut(&[u8])) -> Ended {
        let Some(tls) = &mut self.tls else { return Ended::Broken };
        let ended = match tls.read_tls(&mut self.socket) {
            Ok(0) => Ended::Closed,
            Ok(_) => Ended::Full,
            Err(error) => of(&error),
        };
        let processed = tls.process_new_packets();
        // An alert, too, has to be written.
        while tls.wants_write() {
            match tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return Ended::Broken,
            }
        }
        if processed.is_err() {
            return Ended::Tls;
        }
        loop {
            match tls.reader().read(buffer) {
                Ok(0) => return Ended::Closed,
                Ok(read) => {
                    self.last = Instant::now();
                    self.splitter.feed(buffer.get(..read).unwrap_or_default(), take);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return ended,
                // Ended without saying so in TLS: what came is whole messages or not, as the splitter says.
                Err(_) => return Ended::Closed,
            }
        }
    }
}

fn of(error: &io::Error) -> Ended {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ended::No,
        _ => Ended::Broken,
    }
}
