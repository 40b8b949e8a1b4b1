//! Connections: taken up to a limit, with TLS, a time for everything, and an orderly end.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::patience::Patient;
use super::{App, Counts, Shared, router, tls};
use crate::archive::{Archive, Journal};
use crate::countries::Countries;
use crate::live::Live;
use crate::oidc::Oidc;
use crate::options::{Error, MAXIMUM_CONNECTIONS, MAXIMUM_CONNECTIONS_OF_ADDRESS, Options, Tls};
use crate::people::People;

/// Threads that answer. The detector's cores are not the console's to take.
const WORKERS: usize = 2;
/// Threads that read files.
const MAXIMUM_READING_THREADS: usize = 8;
/// Longest head of a request.
const LONGEST_HEAD_BYTES: usize = 16 << 10;
/// Most header fields.
const MAXIMUM_FIELDS: usize = 64;

/// The peer of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// A console that runs; dropping it stops it.
pub struct Handle {
    addresses: Vec<SocketAddr>,
    first_link: Option<String>,
    app: Shared,
    closing: watch::Sender<bool>,
    connections: Arc<Semaphore>,
    door: Arc<Doorkeeper>,
    runtime: Option<Runtime>,
}

impl Handle {
    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// SHA-256 of the certificate, as browsers show it.
    #[must_use]
    pub fn fingerprint(&self) -> Option<String> {
        self.app.fingerprint.load().as_deref().cloned()
    }

    /// Reads the certificate again; connections from now on get it. The new fingerprint, or none if it is the same one.
    ///
    /// # Errors
    /// When it cannot be used; then the one before stays.
    pub fn reload_certificate(&self) -> Result<Option<String>, Error> {
        let options = &self.app.options;
        let Some(identity) = tls::identity(&options.tls, &options.folder, year(options))? else {
            return Ok(None);
        };
        if self.fingerprint().as_deref() == Some(identity.fingerprint.as_str()) {
            return Ok(None);
        }
        self.door.acceptor.store(Some(Arc::new(TlsAcceptor::from(identity.config))));
        self.app.fingerprint.store(Some(Arc::new(identity.fingerprint.clone())));
        Ok(Some(identity.fingerprint))
    }

    /// The one-time link of the first start, from `/` on; none when somebody has an account.
    #[must_use]
    pub fn first_link(&self) -> Option<&str> {
        self.first_link.as_deref()
    }

    /// Its own figures, in the text form of Prometheus.
    #[must_use]
    pub fn figures(&self) -> String {
        self.app.counts.text()
    }

    /// Stops: no new connections, streams end, answers that are under way are finished for a few seconds.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        let _ = self.closing.send(true);
        let all = u32::try_from(MAXIMUM_CONNECTIONS).unwrap_or(u32::MAX);
        let connections = Arc::clone(&self.connections);
        runtime.block_on(async {
            let _ = tokio::time::timeout(self.app.options.patience.stop, connections.acquire_many_owned(all))
                .await;
        });
        runtime.shutdown_timeout(Duration::from_secs(1));
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts the console on threads of its own. Everything that can be wrong is found before it returns.
pub fn start(
    options: Options,
    live: Live,
    archive: Arc<dyn Archive>,
    journal: Arc<dyn Journal>,
) -> Result<Handle, Error> {
    let people = Arc::new(People::open(
        &options.folder.join("people.sqlite3"),
        options.clock.clone(),
        options.policy,
    )?);
    start_with(options, live, people, archive, journal)
}

/// The same with accounts that are open already, so that the command line and tests can have them too.
pub fn start_with(
    options: Options,
    live: Live,
    people: Arc<People>,
    archive: Arc<dyn Archive>,
    journal: Arc<dyn Journal>,
) -> Result<Handle, Error> {
    check(&options)?;
    let identity = tls::identity(&options.tls, &options.folder, year(&options))?;
    let oidc = options.provider.clone().map(|provider| Oidc::new(provider, options.clock.clone()));
    let oidc = oidc.transpose().map_err(Error::Provider)?;
    let countries = options.countries.as_deref().map(Countries::open);
    let countries = countries.transpose().map_err(Error::Countries)?;
    let listeners = options.listen.iter().map(|address| listen(*address)).collect::<Result<Vec<_>, _>>()?;
    let addresses = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let first_link = people.first_link()?.map(|token| format!("/welcome/{token}"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(MAXIMUM_READING_THREADS)
        .thread_name("console")
        .enable_all()
        .build()
        .map_err(Error::Threads)?;
    let (closing, closed) = watch::channel(false);
    let fingerprint = identity.as_ref().map(|identity| identity.fingerprint.clone());
    let app = App::new(options, live, people, archive, journal, closed, (fingerprint, oidc, countries));
    let connections = Arc::new(Semaphore::new(MAXIMUM_CONNECTIONS));
    let door = Arc::new(Doorkeeper {
        router: router(&app),
        acceptor: ArcSwapOption::new(identity.map(|identity| Arc::new(TlsAcceptor::from(identity.config)))),
        app: Arc::clone(&app),
        connections: Arc::clone(&connections),
        of_address: Mutex::default(),
    });
    let _guard = runtime.enter();
    for listener in listeners {
        let address = listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
        let listener =
            tokio::net::TcpListener::from_std(listener).map_err(|error| Error::Listen(address, error))?;
        runtime.spawn(Arc::clone(&door).take_all(listener));
    }
    drop(_guard);
    Ok(Handle { addresses, first_link, app, closing, connections, door, runtime: Some(runtime) })
}

fn year(options: &Options) -> i32 {
    i32::from((options.clock)().to_zoned(jiff::tz::TimeZone::UTC).year())
}

fn check(options: &Options) -> Result<(), Error> {
    if options.listen.is_empty() {
        return Err(Error::Nowhere);
    }
    if matches!(options.tls, Tls::Off)
        && let Some(address) = options.listen.iter().find(|address| !address.ip().is_loopback())
    {
        return Err(Error::Plain(*address));
    }
    match options.signers.iter().find(|signer| signer.secret.len() < 16) {
        Some(signer) => Err(Error::ShortSecret(signer.name.clone())),
        None => Ok(()),
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    let listener = TcpListener::bind(address).map_err(|error| Error::Listen(address, error))?;
    listener.set_nonblocking(true).map_err(|error| Error::Listen(address, error))?;
    Ok(listener)
}

/// What every connection needs.
struct Doorkeeper {
    router: Router,
    /// Another one after the certificate was read again.
    acceptor: ArcSwapOption<TlsAcceptor>,
    app: Shared,
    connections: Arc<Semaphore>,
    /// Connections of each address; as many entries as there are connections at most.
    of_address: Mutex<BTreeMap<IpAddr, usize>>,
}

/// A place for a connection, given back when it ends.
struct Place {
    door: Arc<Doorkeeper>,
    address: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.door.of_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = table.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                table.remove(&self.address);
            }
        }
    }
}

impl Doorkeeper {
    async fn take_all(self: Arc<Self>, listener: tokio::net::TcpListener) {
        let mut closing = self.app.closing.clone();
        loop {
            let taken = tokio::select! {
                taken = listener.accept() => taken,
                _ = closing.changed() => return,
            };
            let Ok((stream, peer)) = taken else {
                // Out of file descriptors, mostly: wait for some to come back instead of spinning.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            match self.place(peer.ip().to_canonical()) {
                Some(place) => {
                    Counts::add(&self.app.counts.connections);
                    tokio::spawn(Arc::clone(&self).serve(stream, place));
                }
                None => Counts::add(&self.app.counts.connections_refused),
            }
        }
    }

    fn place(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let permit = Arc::clone(&self.connections).try_acquire_owned().ok()?;
        let mut table = self.of_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = table.entry(address).or_default();
        if *count >= MAXIMUM_CONNECTIONS_OF_ADDRESS && !address.is_loopback() {
            return None;
        }
        *count += 1;
        Some(Place { door: Arc::clone(self), address, _permit: permit })
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, place: Place) {
        // Pages are small; waiting for more to send with them only makes them late.
        let _ = stream.set_nodelay(true);
        let Some(acceptor) = self.acceptor.load_full() else { return self.converse(stream, &place).await };
        let handshake = tokio::time::timeout(self.app.options.patience.handshake, acceptor.accept(stream));
        match handshake.await {
            Ok(Ok(stream)) => self.converse(stream, &place).await,
            _ => Counts::add(&self.app.counts.handshakes_failed),
        }
    }

    async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&self, stream: S, place: &Place) {
        let (peer, patience) = (Peer(place.address), self.app.options.patience);
        let service = service_fn(|request: Request<hyper::body::Incoming>| {
            let router = self.router.clone();
            async move {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(peer);
                let Ok(response) = router.oneshot(request).await;
                Ok::<_, Infallible>(response)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience.head)
            .max_buf_size(LONGEST_HEAD_BYTES)
            .max_headers(MAXIMUM_FIELDS)
            .serve_connection(TokioIo::new(Patient::new(stream, patience)), service);
        let mut connection = std::pin::pin!(connection);
        let mut closing = self.app.closing.clone();
        // What goes wrong between a client and us is the client's to notice.
        tokio::select! {
            _ = connection.as_mut() => {}
            _ = closing.changed() => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
    }
}
