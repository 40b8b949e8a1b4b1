//! What the service needs of the machine, each asked for once.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;

use caps::{CapSet, Capability};
use institution::Institution;
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};

use super::{Finding, State};
use crate::files::{exposed, shown};
use crate::serve::Config;

/// What the collectors ask the kernel for if the configuration says nothing.
const WANTED_BUFFER_BYTES: usize = 16 << 20;
/// Less than this free and the state folder will soon be full.
const LEAST_FREE_BYTES: u64 = 1 << 30;

/// Everything but the clock.
pub(super) fn all(config: &Config, institution: &Institution) -> Vec<Finding> {
    let mut findings = vec![institution_file(config, institution), exporters(config, institution)];
    findings.extend(receive_buffer(config));
    findings.extend(config.flows.iter().map(|&address| udp("flow_port", address)));
    findings.extend(config.metrics.map(|address| tcp("metrics_port", address)));
    let console = config.console.iter().flat_map(|desk| &desk.listen);
    findings.extend(console.map(|&address| tcp("console_port", address)));
    if let Some((_, syslog)) = &config.syslog {
        findings.extend(syslog.udp.iter().map(|&address| udp("syslog_port", address)));
        findings.extend(syslog.tcp.iter().chain(&syslog.tls).map(|&address| tcp("syslog_port", address)));
    }
    findings.extend(rights(config));
    findings.extend(config.mirrors.iter().flat_map(|mirror| &mirror.interfaces).map(|name| interface(name)));
    findings.extend(config.logs.iter().map(|(_, options)| log(&options.path)));
    findings.push(state_folder(&config.state_folder));
    findings.extend(free_space(&config.state_folder));
    findings.push(key_file(&config.key_file));
    findings.push(user(config));
    findings
}

fn institution_file(config: &Config, institution: &Institution) -> Finding {
    let name = shown(&config.institution);
    let warnings = institution.warnings.list().len() + institution.warnings.omitted();
    let (services, found) = (institution.services.len(), "institution_file");
    match warnings {
        0 => Finding::fine(found, format!("{name}: {services} services")),
        _ => Finding::new(found, State::Warning, format!("{name}: {services} services, {warnings} warnings"))
            .do_this(format!("`hemicycle check {name}` shows them")),
    }
}

fn exporters(config: &Config, institution: &Institution) -> Finding {
    let count = institution.exporters.len();
    if count == 0 && !config.flows.is_empty() {
        return Finding::new(
            "exporters",
            State::Warning,
            "ports for flow exports are open, and nobody is believed",
        )
        .do_this(
            "declare them as [exporter.NAME] in the institution file; `undeclared = \"propose\"` helps",
        );
    }
    Finding::fine("exporters", format!("{count} declared"))
}

fn receive_buffer(config: &Config) -> Option<Finding> {
    const NAME: &str = "receive_buffer";
    if config.flows.is_empty() {
        return None;
    }
    let wanted = config.receive_buffer_bytes.unwrap_or(WANTED_BUFFER_BYTES);
    if has(Capability::CAP_NET_ADMIN) {
        return Some(Finding::fine(NAME, format!("{wanted} bytes, by CAP_NET_ADMIN")));
    }
    let text = fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap_or_default();
    Some(match text.trim().parse::<usize>() {
        Ok(most) if most >= wanted => Finding::fine(NAME, format!("net.core.rmem_max is {most}")),
        Ok(most) => Finding::new(
            NAME,
            State::Warning,
            format!("{wanted} bytes are wanted, net.core.rmem_max is {most}"),
        )
        .do_this(format!("`sysctl net.core.rmem_max={wanted}`, or grant CAP_NET_ADMIN")),
        Err(_) => Finding::new(NAME, State::Unknown, "net.core.rmem_max cannot be read"),
    })
}

/// In use by the running service is in use as well, which the advice says.
fn udp(name: &'static str, address: SocketAddr) -> Finding {
    port(name, address, UdpSocket::bind(address).err())
}

fn tcp(name: &'static str, address: SocketAddr) -> Finding {
    port(name, address, TcpListener::bind(address).err())
}

fn port(name: &'static str, address: SocketAddr, error: Option<std::io::Error>) -> Finding {
    let Some(error) = error else { return Finding::fine(name, format!("{address} is free")) };
    let advice = match error.kind() {
        std::io::ErrorKind::AddrInUse => "if the service runs, this is it; else `ss -lntup` shows who",
        std::io::ErrorKind::PermissionDenied => "grant CAP_NET_BIND_SERVICE, or take a port from 1024 on",
        _ => "`ip address` shows which addresses this machine has",
    };
    let is_taken = error.kind() == std::io::ErrorKind::AddrInUse;
    let state = if is_taken { State::Warning } else { State::Problem };
    Finding::new(name, state, format!("{address}: {error}")).do_this(advice)
}

fn rights(config: &Config) -> Option<Finding> {
    (!config.mirrors.is_empty()).then(|| {
        if has(Capability::CAP_NET_RAW) {
            Finding::fine("rights", "CAP_NET_RAW, to read mirrors")
        } else {
            Finding::new("rights", State::Problem, "no CAP_NET_RAW: mirrors cannot be read")
                .do_this("start as root with `service.user`, or by the unit of the package")
        }
    })
}

fn has(capability: Capability) -> bool {
    caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false)
}

fn interface(name: &str) -> Finding {
    const NAME: &str = "mirror";
    let folder = Path::new("/sys/class/net").join(name);
    if !folder.exists() {
        return Finding::new(NAME, State::Problem, format!("there is no interface {name}"))
            .do_this("`ip link` lists them");
    }
    match fs::read_to_string(folder.join("operstate")).unwrap_or_default().trim() {
        "down" => Finding::new(NAME, State::Warning, format!("{name} is down"))
            .do_this(format!("`ip link set {name} up`")),
        state => Finding::fine(NAME, format!("{name} is {state}"))
            .do_this(format!("merged packets look larger and fewer: `ethtool -K {name} gro off lro off`")),
    }
}

fn log(path: &Path) -> Finding {
    const NAME: &str = "log";
    let shown = shown(path);
    if path.file_name().is_some_and(|name| name.to_string_lossy().contains(['*', '?'])) {
        let folder = path.parent().unwrap_or(Path::new("."));
        return match fs::read_dir(folder) {
            Ok(_) => Finding::fine(NAME, format!("{shown}: its folder can be read")),
            Err(error) => unreadable(NAME, &shown, &error),
        };
    }
    match File::open(path) {
        Ok(_) => Finding::fine(NAME, format!("{shown} can be read")),
        Err(error) => unreadable(NAME, &shown, &error),
    }
}

/// No problem: the service starts and waits for the file.
fn unreadable(name: &'static str, shown: &str, error: &std::io::Error) -> Finding {
    Finding::new(name, State::Warning, format!("{shown}: {error}"))
        .do_this("Debian's web servers write logs for the group `adm`; the service must be in it")
}

fn state_folder(folder: &Path) -> Finding {
    const NAME: &str = "state_folder";
    let shown = shown(folder);
    if folder.is_dir() {
        return match access(folder, AccessFlags::W_OK | AccessFlags::X_OK) {
            Ok(()) => Finding::fine(NAME, format!("{shown} can be written")),
            Err(error) => Finding::new(NAME, State::Problem, format!("{shown} cannot be written: {error}"))
                .do_this("it must belong to the user that the service runs as"),
        };
    }
    let above = folder.ancestors().skip(1).find(|above| above.is_dir()).unwrap_or(Path::new("."));
    match access(above, AccessFlags::W_OK) {
        Ok(()) => Finding::fine(NAME, format!("{shown} will be made")),
        Err(error) => {
            Finding::new(NAME, State::Problem, format!("{shown} is missing and cannot be made: {error}"))
                .do_this("make it and give it to the user that the service runs as")
        }
    }
}

fn free_space(folder: &Path) -> Option<Finding> {
    let there = folder.ancestors().find(|above| above.is_dir())?;
    let disk = statvfs(there).ok()?;
    let free = disk.blocks_available() * disk.fragment_size();
    let found = format!("{} GiB free", free >> 30);
    Some(if free >= LEAST_FREE_BYTES {
        Finding::fine("disk", found)
    } else {
        Finding::new("disk", State::Warning, format!("{} MiB free where the state is kept", free >> 20))
            .do_this("a full disk does not stop detection, but nothing new is remembered")
    })
}

fn key_file(path: &Path) -> Finding {
    const NAME: &str = "key";
    let shown = shown(path);
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Finding::fine(NAME, format!("{shown} will be made at the first start"))
        }
        Err(error) => Finding::new(NAME, State::Problem, format!("{shown}: {error}")),
        Ok(data) if exposed(&data).is_some() => {
            Finding::new(NAME, State::Problem, format!("others may read {shown}"))
                .do_this(format!("`chmod 600 {shown}`"))
        }
        Ok(_) => Finding::fine(NAME, format!("{shown} is there, for its owner only")),
    }
}

fn user(config: &Config) -> Finding {
    const NAME: &str = "user";
    match &config.user {
        Some(name) => match nix::unistd::User::from_name(name) {
            Ok(Some(_)) => Finding::fine(NAME, format!("becomes {name}")),
            _ => Finding::new(NAME, State::Problem, format!("there is no user `{name}`"))
                .do_this(format!("`useradd --system {name}`")),
        },
        None if nix::unistd::geteuid().is_root() => Finding::new(NAME, State::Warning, "would run as root")
            .do_this("name a user in `service.user`, or use the unit of the package"),
        None => Finding::fine(NAME, "not root"),
    }
}
