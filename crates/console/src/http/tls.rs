//! Certificates: an own one, made once, or the site's.
//!
//! The own certificate is good for ten years: nobody vouches for it but its fingerprint, and a fingerprint that people
//! compared must not change under them.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};
use ring::digest;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::options::{Error, Tls};

/// What the server speaks TLS with, and its fingerprint.
pub(super) struct Identity {
    pub(super) config: Arc<ServerConfig>,
    pub(super) fingerprint: String,
}

/// Reads or makes the certificate; nothing where TLS is off.
pub(super) fn identity(tls: &Tls, folder: &Path, year: i32) -> Result<Option<Identity>, Error> {
    let (certificate, key) = match tls {
        Tls::Off => return Ok(None),
        Tls::Files { certificate, key } => (certificate.clone(), key.clone()),
        Tls::Own { names } => {
            let paths = (folder.join("console-certificate.pem"), folder.join("console-key.pem"));
            if !paths.0.exists() || !paths.1.exists() {
                make(names, &paths.0, &paths.1, year)?;
            }
            paths
        }
    };
    let wrong = |path: &Path, error: &dyn std::fmt::Display| {
        Error::Certificate(path.to_path_buf(), error.to_string())
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&certificate)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(&certificate, &error))?;
    let Some(first) = chain.first() else { return Err(wrong(&certificate, &"no certificate in it")) };
    let fingerprint = fingerprint(first);
    let secret = PrivateKeyDer::from_pem_file(&key).map_err(|error| wrong(&key, &error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&certificate, &error))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| wrong(&certificate, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(Identity { config: Arc::new(config), fingerprint }))
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let hash = digest::digest(&digest::SHA256, certificate);
    let pairs: Vec<String> = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

fn make(names: &[String], certificate: &Path, key: &Path, year: i32) -> Result<(), Error> {
    let wrong =
        |error: &dyn std::fmt::Display| Error::Certificate(certificate.to_path_buf(), error.to_string());
    let mut all: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    all.extend(names.iter().cloned());
    let mut parameters = CertificateParams::new(all).map_err(|error| wrong(&error))?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, "Hemicycle console");
    parameters.not_before = date_time_ymd(year - 1, 1, 1);
    parameters.not_after = date_time_ymd(year + 10, 1, 1);
    let pair = KeyPair::generate().map_err(|error| wrong(&error))?;
    let signed = parameters.self_signed(&pair).map_err(|error| wrong(&error))?;
    write(key, &pair.serialize_pem(), 0o600).map_err(|error| wrong(&error))?;
    write(certificate, &signed.pem(), 0o644).map_err(|error| wrong(&error))
}

/// Under another name first: a disk that gets full leaves no half of a file that would be taken for a whole one.
fn write(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let unfinished = path.with_extension("unfinished");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_own_certificate_is_made_once_and_its_key_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let tls = Tls::Own { names: vec!["hemicycle.parliament.example".into()] };
        let first = identity(&tls, folder.path(), 2026).unwrap().unwrap();
        let again = identity(&tls, folder.path(), 2030).unwrap().unwrap();
        assert_eq!(first.fingerprint, again.fingerprint);
        assert_eq!(first.fingerprint.split(':').count(), 32);
        let mode = fs::metadata(folder.path().join("console-key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(identity(&Tls::Off, folder.path(), 2026).unwrap().is_none());
        let missing = folder.path().join("none.pem");
        assert!(
            identity(&Tls::Files { certificate: missing.clone(), key: missing }, folder.path(), 2026)
                .is_err()
        );
    }
}
