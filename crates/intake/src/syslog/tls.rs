//! What this side of a TLS connection shows.

use std::{path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::{error::SyslogError, options::TlsOptions};

/// Reads certificate and key.
pub(super) fn configuration(options: &TlsOptions) -> Result<Arc<ServerConfig>, SyslogError> {
    let TlsOptions { certificate, key } = options;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|why| unusable(certificate, &why))?;
    if chain.is_empty() {
        return Err(unusable(certificate, &"it holds no certificate"));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|why| unusable(key, &why))?;
    // Named and not the process's default, which whoever comes first may set.
    let configuration = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, secret))
        .map_err(|why| unusable(certificate, &why))?;
    Ok(Arc::new(configuration))
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> SyslogError {
    SyslogError::Credentials { path: path.to_owned(), why: why.to_string() }
}
