//! A client as a browser is one: TLS to the console, a connection that is kept.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::site::Asker;

/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The certificate by which the console is known.
#[derive(Clone)]
pub(crate) struct Trust(Arc<ClientConfig>);

impl Trust {
    /// That of a file.
    ///
    /// # Errors
    /// When it holds none.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(path).map_err(|error| anyhow::anyhow!("{error}"))?)?;
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }
}

/// A connection to the console, after its handshake.
pub(crate) struct Connection {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
    host: SocketAddr,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// Whether the connection stays.
    pub(crate) stays: bool,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens, or it is somebody else.
    pub(crate) fn open(to: SocketAddr, trust: &Trust) -> Result<Self> {
        let mut stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost")?;
        let mut connection = ClientConnection::new(trust.0.clone(), name)?;
        connection.complete_io(&mut stream)?;
        Ok(Self { stream: BufReader::new(StreamOwned::new(connection, stream)), host: to })
    }

    /// Sends a request; a page as a browser, anything else as a program.
    ///
    /// # Errors
    /// When the connection is gone.
    pub(crate) fn send(&mut self, path: &str, asker: &Asker) -> Result<()> {
        let is_program = path.starts_with("/api/v1") || path == "/metrics";
        let proof = if is_program {
            format!("Authorization: Bearer {}", asker.token)
        } else {
            format!("Cookie: __Host-session={}", asker.session)
        };
        let text = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{proof}\r\n\r\n", self.host);
        let stream = self.stream.get_mut();
        stream.write_all(text.as_bytes())?;
        Ok(stream.flush()?)
    }

    /// Sends a request and takes its answer.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn ask(&mut self, path: &str, asker: &Asker) -> Result<Answer> {
        self.send(path, asker)?;
        let head = self.head()?;
        let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.with_context(|| format!("{path}: no length"))?.parse()?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let stays = !head.iter().any(|line| line == "connection: close");
        Ok(Answer { status: status(&head)?, body, stays })
    }

    fn head(&mut self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                bail!("the connection ended");
            }
            let line = line.trim_end();
            if line.is_empty() {
                return Ok(lines);
            }
            lines.push(line.to_lowercase());
        }
    }

    /// Begins to read the stream of events.
    ///
    /// # Errors
    /// When it is refused.
    pub(crate) fn listen(mut self, asker: &Asker) -> Result<Events> {
        self.send("/api/v1/events", asker)?;
        let head = self.head()?;
        match status(&head)? {
            200 => Ok(Events(self.stream)),
            other => bail!("the stream of events is refused: {other}"),
        }
    }

    /// Sends some bytes as they are.
    ///
    /// # Errors
    /// When the connection is gone.
    pub(crate) fn drip(&mut self, bytes: &[u8]) -> Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes)?;
        Ok(stream.flush()?)
    }
}

fn status(head: &[String]) -> Result<u16> {
    let word = head.first().and_then(|line| line.split(' ').nth(1)).context("no answer")?;
    Ok(word.parse()?)
}

/// A stream of events.
pub(crate) struct Events(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Events {
    /// The data of the next event; none at the end.
    pub(crate) fn next(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return Some(data.trim_end().to_owned());
            }
        }
    }
}
