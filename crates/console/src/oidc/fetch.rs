//! Asking the provider: one request on one connection, TLS, a limit on everything, no redirects.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Uri, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// For everything.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer.
const LARGEST_BYTES: usize = 256 << 10;
/// Largest file of authorities.
const LARGEST_AUTHORITIES_BYTES: u64 = 8 << 20;
/// Where systems keep them.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

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

/// Whose certificates are believed.
pub(super) struct Client(TlsConnector);

impl Client {
    /// Those of a file, or of the system. Only a provider on this machine that is asked without TLS needs none.
    pub(super) fn new(authorities: Option<&Path>, issuer: &str) -> Result<Self, String> {
        let roots = roots(authorities, &SYSTEM.map(Path::new), target(issuer)?.is_secure)?;
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
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
        let stream = self.0.connect(name, stream).await.map_err(|error| error.to_string())?;
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

/// With nobody to believe every sign-in would fail, and much later: that is said at the start.
fn roots(authorities: Option<&Path>, system: &[&Path], is_needed: bool) -> Result<RootCertStore, String> {
    match authorities.or_else(|| system.iter().copied().find(|path| path.exists())) {
        Some(path) => read(path),
        None if is_needed => {
            Err("this system has no file of certificate authorities; name one as `ca`".to_owned())
        }
        None => Ok(RootCertStore::empty()),
    }
}

fn read(path: &Path) -> Result<RootCertStore, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| failed(&error))?;
    file.take(LARGEST_AUTHORITIES_BYTES).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes).filter_map(Result::ok) {
        // One that is too odd to be read costs itself.
        let _ = roots.add(certificate);
    }
    if roots.is_empty() { Err(failed(&"no certificate in it")) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_authorities_nothing_starts_that_needs_them() {
        let nowhere = Path::new("/nowhere/at/all.pem");
        assert!(roots(None, &[nowhere], true).unwrap_err().contains("`ca`"));
        assert!(roots(Some(nowhere), &[], true).is_err());
        assert!(roots(None, &[nowhere], false).unwrap().is_empty());
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "no certificate").unwrap();
        for is_needed in [true, false] {
            assert!(roots(None, &[nowhere, &empty], is_needed).unwrap_err().contains("no certificate in it"));
        }
    }

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
