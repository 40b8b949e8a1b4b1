//! `/metrics` and `/healthz`, on a thread of their own.
//!
//! Whoever asks slowly, or asks a lot, takes nothing from the detector: a few connections at once, each of them for a
//! few seconds and one answer, and all of them share one thread. There is no authentication and no TLS, so it listens
//! on a loopback address unless the operator says otherwise.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::JoinSet;

use super::metrics::Sources;

/// Connections at once; further ones wait in the system's queue.
const MAXIMUM_CONNECTIONS: usize = 32;
/// From accepting a connection to its end.
const CONNECTION: Duration = Duration::from_secs(5);
/// A request with its headers is no longer than this.
const MAXIMUM_REQUEST_BYTES: usize = 16 << 10;
/// After a connection could not be accepted, for example for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Opens the listener. Nothing is answered before [`start`].
///
/// # Errors
/// What the system says.
pub(super) fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Answers from now on, until the process ends.
///
/// # Errors
/// When the system refuses a thread or what it needs.
pub(super) fn start(listener: TcpListener, sources: Sources) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    let sources = std::sync::Arc::new(sources);
    let run = move || runtime.block_on(serve(&listener, &sources));
    std::thread::Builder::new().name("http".to_owned()).spawn(run).map(drop)
}

async fn serve(listener: &tokio::net::TcpListener, sources: &std::sync::Arc<Sources>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        while connections.len() >= MAXIMUM_CONNECTIONS {
            connections.join_next().await;
        }
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let sources = sources.clone();
        connections.spawn(async move {
            let service = service_fn(|request| {
                let answer = answer(&request, &sources);
                async { Ok::<_, Infallible>(answer) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(CONNECTION)
                .keep_alive(false)
                .max_buf_size(MAXIMUM_REQUEST_BYTES)
                .serve_connection(TokioIo::new(stream), service);
            // Who goes away in the middle has no answer, and nobody else is concerned.
            let _ = tokio::time::timeout(CONNECTION, connection).await;
        });
    }
}

fn answer(request: &Request<Incoming>, sources: &Sources) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned());
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match request.uri().path() {
        "/metrics" => {
            let mut answer = plain(StatusCode::OK, sources.text());
            let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            answer.headers_mut().insert(CONTENT_TYPE, format);
            answer
        }
        "/healthz" => {
            let unwell = sources.shared.unwell();
            if unwell.is_empty() {
                plain(StatusCode::OK, "ok\n".to_owned())
            } else {
                let text = format!("no sign of life from: {}\n", unwell.join(", "));
                plain(StatusCode::SERVICE_UNAVAILABLE, text)
            }
        }
        _ => plain(StatusCode::NOT_FOUND, "there are /metrics and /healthz\n".to_owned()),
    }
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
