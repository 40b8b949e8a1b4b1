//! Giving up root: what needs it is opened first, the rest runs as an ordinary user.
//!
//! Sockets at low ports, mirrors and their rings stay open over the change. A mirror that goes away and comes back is
//! opened again, so with mirrors `CAP_NET_RAW` is kept, and nothing else. Under systemd the unit of the package does the same
//! from outside, and `service.user` is not needed.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use anyhow::{Context, Result, bail};
use caps::{CapSet, Capability, CapsHashSet};
use nix::unistd::{User, geteuid, initgroups, setresgid, setresuid};

use crate::files::shown;

/// What was given up, in a line for the log.
///
/// Nothing is done if no user is named, or if this process is that user already.
///
/// # Errors
/// When there is no such user, when this process may not become that user, or when the state folder would not be theirs:
/// a service that cannot write what it learns is refused at the start.
pub(super) fn give_up(
    user: Option<&str>,
    state_folder: &Path,
    keeps_mirrors: bool,
) -> Result<Option<String>> {
    let Some(name) = user else {
        let is_root = geteuid().is_root();
        return Ok(is_root.then(|| "warning: running as root; name a user in `service.user`".to_owned()));
    };
    let Some(user) = User::from_name(name).context("cannot look up users")? else {
        bail!("service.user: there is no user `{name}` on this machine");
    };
    if user.uid == geteuid() {
        return Ok(None);
    }
    if !geteuid().is_root() {
        bail!(
            "service.user: only root can become `{name}`; start as root, or as `{name}` and without the key"
        );
    }
    own(state_folder, &user)?;
    let kept: CapsHashSet = keeps_mirrors.then_some(Capability::CAP_NET_RAW).into_iter().collect();
    become_user(&user, &kept).with_context(|| format!("cannot become the user `{name}`"))?;
    let beside = if keeps_mirrors { ", with CAP_NET_RAW for mirrors" } else { "" };
    Ok(Some(format!("running as {name} (uid {}){beside}", user.uid)))
}

/// A folder that is made now belongs to the user; one that is there must.
fn own(folder: &Path, user: &User) -> Result<()> {
    let name = shown(folder);
    if !folder.exists() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {name}"))?;
        chown(folder, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
            .with_context(|| format!("cannot give {name} to `{}`", user.name))?;
    }
    let owner = fs::metadata(folder).with_context(|| format!("cannot look at {name}"))?.uid();
    if owner != user.uid.as_raw() {
        bail!(
            "the state folder {name} does not belong to `{0}`; `chown -R {0} {name}` gives it to them",
            user.name
        );
    }
    Ok(())
}

/// Runs before any other thread does; the C library would change them as well.
fn become_user(user: &User, kept: &CapsHashSet) -> Result<()> {
    // Else the change of the user would take every capability along.
    caps::securebits::set_keepcaps(true)?;
    let name = std::ffi::CString::new(user.name.as_str())?;
    initgroups(&name, user.gid)?;
    setresgid(user.gid, user.gid, user.gid)?;
    setresuid(user.uid, user.uid, user.uid)?;
    caps::set(None, CapSet::Permitted, kept)?;
    caps::set(None, CapSet::Effective, kept)?;
    caps::clear(None, CapSet::Inheritable)?;
    if setresuid(nix::unistd::ROOT, nix::unistd::ROOT, nix::unistd::ROOT).is_ok() {
        bail!("root could be taken back");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_that_does_not_exist_is_refused_by_name() {
        let error = give_up(Some("no-such-user-here"), Path::new("/"), false).unwrap_err();
        assert!(error.to_string().contains("`no-such-user-here`"), "{error}");
    }

    #[test]
    fn a_folder_of_somebody_else_is_refused_with_what_to_do() {
        let nobody = User::from_name("nobody").unwrap().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let error = own(folder.path(), &nobody).unwrap_err();
        assert!(error.to_string().contains("chown -R nobody"), "{error}");
    }
}
