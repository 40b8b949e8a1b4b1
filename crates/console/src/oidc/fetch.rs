//! Asking the provider: one request on one connection, TLS, a limit on everything, no redirects.

use std::path::Path;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Uri, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use notify::{TrustError, trusting};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// For everything.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer.
const LARGEST_BYTES: usize = 256 << 10;

/// What is asked.
pub(super) struct Ask {
    place: String,
    /// The body of a POST; without one it is a GET.
    pub(super) form: Option<String>,
    pub(super) authorization: Option<String>,
}

impl Ask {
    pub(super) fn get(place: &str) -> Self {
        Self { place: place.to_owned(), form: None, authorization: None }
    }
}

/// Whether an address may be asked: with TLS, or on this machine.
pub(super) fn check(address: &str) -> Result<(), String> {
    target(address).map(|_| ())
}

struct Target {
    host: String,
    port: u16,
    is_secure: bool,
    authority: String,
    path: String,
}

fn target(address: &str) -> Result<Target, String> {
    let wrong = || format!("{} is no address that can be asked", super::encode::plain(address));
    let uri: Uri = address.parse().map_err(|_| wrong())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(wrong()) };
    let is_secure = match scheme {
        "https" => true,
        "http" => false,
        _ => return Err(wrong()),
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let is_here =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    // Whoever gives a password in the address gives it to every log.
    if authority.as_str().contains('@') || !is_secure && !is_here {
        return Err(format!("{} goes over the network without TLS", super::encode::plain(address)));
    }
    let port = authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    Ok(Target { host, port, is_secure, authority: authority.to_string(), path })
}

/// Whose certificates are believed; nobody's on a system that has no list of authorities, where only this machine can be asked.
pub(super) struct Client(Option<TlsConnector>);

impl Client {
    /// Those of a file, or of the system.
    pub(super) fn new(authorities: Option<&Path>) -> Result<Self, String> {
        match trusting(authorities) {
            Ok(config) => Ok(Self(Some(TlsConnector::from(config)))),
            Err(TrustError::NoSystem) => Ok(Self(None)),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The status and the body of an answer.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<(u16, Vec<u8>), String> {
        let target = target(&ask.place)?;
        let asked = tokio::time::timeout(PATIENCE, self.converse(&target, ask));
        asked.await.unwrap_or_else(|_| Err("it does not answer in time".to_owned()))
    }

    async fn converse(&self, target: &Target, ask: &Ask) -> Result<(u16, Vec<u8>), String> {
        let stream = TcpStream::connect((target.host.as_str(), target.port)).await;
        let stream = stream.map_err(|error| error.to_string())?;
        if !target.is_secure {
            return exchange(stream, target, ask).await;
        }
        let name = ServerName::try_from(target.host.clone()).map_err(|error| error.to_string())?;
        let Some(connector) = &self.0 else { return Err(TrustError::NoSystem.to_string()) };
        let stream = connector.connect(name, stream).await.map_err(|error| error.to_string())?;
        exchange(stream, target, ask).await
    }
}

async fn exchange<S>(stream: S, target: &Target, ask: &Ask) -> Result<(u16, Vec<u8>), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = http1::handshake::<_, Body>(TokioIo::new(stream)).await.map_err(failed)?;
    let driver = tokio::spawn(connection);
    let mut request = Request::builder()
        .method(if ask.form.is_some() { "POST" } else { "GET" })
        .uri(&target.path)
        .header(header::HOST, &target.authority)
        .header(header::ACCEPT, "application/json");
    if ask.form.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    if let Some(authorization) = &ask.authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let body = ask.form.clone().map_or_else(Body::empty, Body::from);
    let request = request.body(body).map_err(|error| error.to_string())?;
    let answer = sender.send_request(request).await.map_err(failed)?;
    let status = answer.status().as_u16();
    let bytes = to_bytes(Body::new(answer.into_body()), LARGEST_BYTES).await;
    driver.abort();
    Ok((status, bytes.map_err(|_| "its answer is too large or breaks off".to_owned())?.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_or_this_machine_is_asked() {
        for right in
            ["https://idp.example/realm", "http://127.0.0.1:8080/", "http://[::1]:1/x", "http://localhost/"]
        {
            assert!(check(right).is_ok(), "{right}");
        }
        for wrong in [
            "http://idp.example/",
            "ftp://idp.example/",
            "idp.example",
            "/path",
            "",
            "https://user:secret@idp.example/",
            "http://127.0.0.1.evil.example/",
        ] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
        let target = target("https://idp.example/a?b=c").unwrap();
        assert_eq!((target.port, target.path.as_str()), (443, "/a?b=c"));
    }
}
