//! Secrets that the console needs, from files that nobody else can read.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use institution::Institution;

use super::super::config::Config;
use super::channels;
use crate::files::shown;

/// No secret is longer.
const MAXIMUM_SECRET_BYTES: u64 = 4096;

/// The provider of sign-ins with its secret, if there is one.
///
/// # Errors
/// When the secret cannot be read, or others can, or a rule names an organisation that the institution does not have.
pub(super) fn provider(config: &Config, institution: &Institution) -> Result<Option<console::Provider>> {
    let Some(sso) = &config.oidc else { return Ok(None) };
    for name in sso.provider.rules.iter().filter_map(|rule| rule.organisation.as_ref()) {
        if !institution.organisations.iter().any(|known| known.id == *name) {
            bail!("[oidc]: the institution file has no organisation `{name}`");
        }
    }
    let mut provider = sso.provider.clone();
    if let Some(path) = &sso.secret_file {
        let secret = String::from_utf8(secret(path)?).ok();
        provider.client_secret = Some(secret.with_context(|| format!("{} is no text", shown(path)))?);
    }
    Ok(Some(provider))
}

/// A secret from a file that nobody else can read.
fn secret(path: &Path) -> Result<Vec<u8>> {
    channels::private(path)?;
    let mut secret = Vec::new();
    let opened =
        fs::File::open(path).and_then(|file| file.take(MAXIMUM_SECRET_BYTES + 1).read_to_end(&mut secret));
    opened.with_context(|| format!("cannot read {}", shown(path)))?;
    // Half a secret would refuse every message.
    if secret.len() as u64 > MAXIMUM_SECRET_BYTES {
        bail!("{} has more than {MAXIMUM_SECRET_BYTES} bytes; no secret is that long", shown(path));
    }
    Ok(secret.trim_ascii().to_vec())
}

/// Secrets of webhooks.
pub(super) fn signers(webhooks: &[(String, PathBuf)]) -> Result<Vec<console::Signer>> {
    let mut signers = Vec::new();
    for (name, path) in webhooks {
        signers.push(console::Signer { name: name.clone(), secret: secret(path)? });
    }
    Ok(signers)
}
