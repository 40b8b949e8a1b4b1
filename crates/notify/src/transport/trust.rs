//! Whose certificates are believed: those of one file, or those of the system.
//!
//! The system's are read from where distributions keep them, so that what an administrator takes out or adds there holds
//! here too, without a list of authorities in the program that ages with it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};

use crate::limits::MAX_CERTIFICATES_BYTES;

/// Where distributions keep the authorities: Debian and Alpine, Fedora, SUSE, others.
const SYSTEM_FILES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Why no server could be believed.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file cannot be read.
    #[error("cannot read the certificates in {}: {why}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// A file holds none.
    #[error("{} holds no certificate", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The system has no file of them where they usually are.
    #[error("this system has no list of certificate authorities; install ca-certificates, or say ca_file")]
    NoSystem,
    /// TLS itself refuses to start.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// The client's side of TLS, which believes the certificates of one file, or those of the system.
///
/// # Errors
/// When the file cannot be read or holds none, the system has none where they usually are, or TLS cannot be set up.
pub fn configuration(file: Option<&Path>) -> Result<Arc<ClientConfig>, TrustError> {
    let roots = match file {
        Some(path) => read(path)?,
        None => {
            let path = SYSTEM_FILES.iter().map(Path::new).find(|path| path.exists());
            read(path.ok_or(TrustError::NoSystem)?)?
        }
    };
    // Named and not the process's default, which whoever comes first may set.
    let configuration = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|cause| TrustError::Tls(cause.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(configuration))
}

fn read(path: &Path) -> Result<RootCertStore, TrustError> {
    let failed = |why: String| TrustError::Read { path: path.to_owned(), why };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|cause| failed(cause.to_string()))?;
    file.take(MAX_CERTIFICATES_BYTES).read_to_end(&mut bytes).map_err(|cause| failed(cause.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|cause| failed(cause.to_string()))?;
        // A system's list may hold one that is too odd to be read; the others are believed all the same.
        let _ = roots.add(certificate);
    }
    if roots.is_empty() { Err(TrustError::Empty { path: path.to_owned() }) } else { Ok(roots) }
}
