//! The start: everything is read, checked and opened here, before any thread runs, and said in a few lines.

use std::fs::File;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use institution::{Institution, Sampling, describe};
use intake::collect::{self, Bound, CollectorOptions};
use intake::mirror::{Mirror, MirrorOptions};
use intake::syslog::{Syslog, Transport};
use jiff::tz::TimeZone;
use record::Record;
use sketch::KeyedState;

use super::config::{self, Config, Undeclared};
use super::learning::Before;
use super::live::Origin;
use super::reload::InstitutionFile;
use super::{http, key, office, privileges};
use crate::cli::{ServeArguments, When};
use crate::files;
use crate::style::Style;

/// Exporters that are named at the start; further ones are counted.
const NAMED_EXPORTERS: usize = 20;

/// Everything that is open and good.
pub(super) struct Prepared {
    pub(super) config: Config,
    pub(super) file: InstitutionFile,
    pub(super) institution: Arc<Institution>,
    /// Unless nothing is kept.
    pub(super) record: Option<Record>,
    /// For the record.
    pub(super) protected: office::Protected,
    pub(super) key: [u8; 16],
    /// What was learnt before, unless nothing is to be learnt.
    pub(super) before: Option<Before>,
    pub(super) bound: Bound,
    /// With the sampling of each.
    pub(super) mirrors: Vec<(Mirror, u32)>,
    pub(super) syslog: Option<Syslog>,
    pub(super) listener: Option<TcpListener>,
    /// What the start says.
    pub(super) lines: Vec<String>,
    /// Of the floods in the log, unless they are not wanted there.
    pub(super) timeline: Option<(Style, TimeZone)>,
}

/// `serve --check`: reads everything, opens and makes nothing.
///
/// # Errors
/// What is wrong with any of the files.
pub(super) fn check(arguments: &ServeArguments) -> Result<()> {
    use io::Write;
    let (config, _, institution) = read(arguments)?;
    office::channels::check(&config.notify, &institution)?;
    let key = match key::read(&config.key_file)? {
        Some(bytes) => identity(bytes),
        None => "to be made".to_owned(),
    };
    let mut output = io::stdout().lock();
    writeln!(output, "{}", institution_line(&institution))?;
    for address in &config.flows {
        writeln!(output, "would listen on {address}, workers: {}", config.workers)?;
    }
    for line in live(&config) {
        writeln!(output, "would read {line}")?;
    }
    for options in &config.notify {
        writeln!(output, "would tell {}, {}", crate::style::plain(&options.name), options.kind.name())?;
    }
    writeln!(output, "{}", believed(&institution))?;
    writeln!(output, "key {key}: {}", files::shown(&config.key_file))?;
    if config.learn {
        let (before, lines) = Before::read(&config.state_folder);
        for line in lines.iter().chain([&before.line()]) {
            writeln!(output, "{}", crate::style::plain(line))?;
        }
    }
    Ok(output.flush()?)
}

/// Reads and opens everything.
///
/// # Errors
/// The first thing that cannot be used.
pub(super) fn prepare(arguments: &ServeArguments) -> Result<Prepared> {
    let (config, file, institution) = read(arguments)?;
    let bound = bind(&config)?;
    let listener = match config.metrics {
        Some(address) => {
            Some(http::bind(address).with_context(|| format!("cannot serve metrics on {address}"))?)
        }
        None => None,
    };
    // Before the key is made: for the choice of samples any secret will do.
    let mirrors = open_mirrors(&config.mirrors)?;
    let syslog = config.syslog.as_ref().map(|(_, options)| Syslog::open(options));
    let syslog = syslog.transpose().context("cannot listen for syslog")?;
    // What needs root is open.
    let given_up =
        privileges::give_up(config.user.as_deref(), &config.state_folder, !config.mirrors.is_empty())?;
    let key = key::read_or_make(&config.key_file)?;
    let institution = Arc::new(institution);
    let protected = office::Protected::new(institution.clone());
    let (record, unrecorded) = office::open_record(&config, key.bytes, &protected)?;
    let mut lines =
        vec![format!("hemicycle {}: {}", env!("CARGO_PKG_VERSION"), institution_line(&institution))];
    lines.extend(given_up);
    lines.extend(unrecorded);
    lines.extend(listening(&bound));
    lines.extend(live(&config));
    lines.extend(syslog.iter().flat_map(heard));
    lines.push(believed(&institution));
    if let Some(listener) = &listener {
        let address = listener.local_addr()?;
        lines.push(format!("metrics on http://{address}/metrics"));
        if !address.ip().is_loopback() {
            lines.push("warning: whoever can reach that address can read the metrics".to_owned());
        }
    }
    let made = if key.is_new { "made" } else { "read" };
    lines.push(format!("key {} {made}: {}", identity(key.bytes), files::shown(&config.key_file)));
    lines.extend(chosen(&config));
    let before = if config.learn {
        let (before, said) = Before::read(&config.state_folder);
        lines.extend(said);
        Some(before)
    } else {
        lines.push("nothing is learnt: fixed floors hold".to_owned());
        None
    };
    let style = Style::new(arguments.color.color, &io::stderr());
    let timeline = (!arguments.quiet).then(|| (style, institution.time_zone.clone()));
    Ok(Prepared {
        config,
        file,
        institution,
        record,
        protected,
        key: key.bytes,
        before,
        bound,
        mirrors,
        syslog,
        listener,
        lines,
        timeline,
    })
}

/// What was chosen that is not usual.
fn chosen(config: &Config) -> Vec<String> {
    let purpose = config.show_addresses.as_ref();
    let mut lines: Vec<String> = purpose
        .map(|purpose| format!("source addresses are shown in full for: {purpose}"))
        .into_iter()
        .collect();
    if config.undeclared == Undeclared::Propose {
        lines.push("undeclared senders are proposed for the institution file".to_owned());
    }
    lines
}

fn read(arguments: &ServeArguments) -> Result<(Config, InstitutionFile, Institution)> {
    // There is one unless nothing but a configuration is to be printed.
    files_of(arguments.config.as_deref().unwrap_or(Path::new("")), arguments.color.color)
}

/// The configuration of a service, and its institution.
///
/// # Errors
/// What is wrong with either file.
pub(crate) fn config_of(path: &Path, color: When) -> Result<(Config, Institution)> {
    files_of(path, color).map(|(config, _, institution)| (config, institution))
}

fn files_of(path: &Path, color: When) -> Result<(Config, InstitutionFile, Institution)> {
    let color = Style::new(color, &io::stderr()).color;
    let text = files::read(path)?;
    let name = files::shown(path);
    let folder = path.parent().unwrap_or(Path::new(""));
    let config = config::parse(&name, &text, folder).map_err(|problems| {
        files::eprint_text(&problems.render(color));
        files::unusable(&name, &problems)
    })?;
    let (file, institution) = InstitutionFile::open(config.institution.clone(), color)?;
    services_exist(&config, &institution)?;
    Ok((config, file, institution))
}

/// A log of a service that nobody declared would be judged as nobody's.
fn services_exist(config: &Config, institution: &Institution) -> Result<()> {
    let origins = config.logs.iter().map(|(origin, _)| origin);
    for origin in origins.chain(config.syslog.iter().map(|(origin, _)| origin)) {
        if let Some(name) = &origin.service
            && !institution.services.iter().any(|service| service.id == *name)
        {
            bail!("{}: the institution file has no service `{name}`", origin.name);
        }
    }
    Ok(())
}

/// An institution in one line.
pub(super) fn institution_line(institution: &Institution) -> String {
    let counts = describe(institution).counts;
    let warnings = institution.warnings.list().len() + institution.warnings.omitted();
    let odd = match warnings {
        0 => String::new(),
        count => format!(", {count} warnings (see `hemicycle check`)"),
    };
    format!(
        "{}, {} protected prefixes, {} services, {} groups, {} exporters{odd}",
        institution.name, counts.protected_prefixes, counts.services, counts.groups, counts.exporters
    )
}

/// A line for each address, and what to do where the system granted less than was wanted.
fn listening(bound: &Bound) -> Vec<String> {
    let mut lines = Vec::new();
    let workers = bound.workers.len();
    for socket in bound.sockets.iter().filter(|socket| socket.worker == 0) {
        let (address, granted) = (socket.address, socket.granted_bytes);
        let plural = if workers == 1 { "" } else { "s" };
        lines.push(format!(
            "listening on {address}, {workers} worker{plural}, receive buffer of {granted} bytes"
        ));
    }
    let short = bound.sockets.iter().find(|socket| socket.granted_bytes < socket.wanted_bytes);
    if let Some(socket) = short {
        lines.push(format!(
            "warning: {} bytes of receive buffer were wanted; `sysctl net.core.rmem_max={}` or CAP_NET_ADMIN grants them",
            socket.wanted_bytes, socket.wanted_bytes
        ));
    }
    lines
}

/// Opens every address for flow exports. What listens nowhere has mirrors or logs instead.
fn bind(config: &Config) -> Result<Bound> {
    if config.flows.is_empty() {
        return Ok(Bound { sockets: Vec::new(), workers: Vec::new() });
    }
    let mut options = CollectorOptions::new(config.flows.clone());
    options.workers = config.workers;
    options.receive_buffer_bytes = config.receive_buffer_bytes;
    collect::bind(&options).context("cannot listen for flow exports")
}

/// Opens every mirror for every worker of it.
fn open_mirrors(mirrors: &[MirrorOptions]) -> Result<Vec<(Mirror, u32)>> {
    let mut seed = [0; 8];
    if mirrors.iter().any(|options| options.sampling > 1) {
        File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut seed))?;
    }
    let mut open = Vec::new();
    for options in mirrors {
        let options = MirrorOptions { seed: u64::from_ne_bytes(seed), ..options.clone() };
        let workers = Mirror::open(&options).context("cannot read a mirror")?;
        open.extend(workers.into_iter().map(|mirror| (mirror, options.sampling)));
    }
    Ok(open)
}

/// A mirror in one line.
fn mirrored(options: &MirrorOptions) -> String {
    let sampling = match options.sampling {
        1 => "every packet".to_owned(),
        one_in => format!("1 packet in {one_in}"),
    };
    let plural = if options.workers == 1 { "" } else { "s" };
    let names = options.interfaces.join(", ");
    format!(
        "mirror on {names}: {sampling}, {} bytes of each, {} worker{plural}, ring of {} bytes",
        options.snap_bytes, options.workers, options.ring_bytes
    )
}

/// A line for each mirror and each log.
fn live(config: &Config) -> Vec<String> {
    let followed = |origin: &Origin| {
        let service = origin.service.as_ref().map(|name| format!(", service {name}")).unwrap_or_default();
        format!("log {}: format {}{service}", origin.name, origin.format)
    };
    let mirrors = config.mirrors.iter().map(mirrored);
    mirrors.chain(config.logs.iter().map(|(origin, _)| followed(origin))).collect()
}

/// A line for each address of syslog.
fn heard(syslog: &Syslog) -> Vec<String> {
    let line = |(transport, address): &(Transport, SocketAddr)| {
        let name = match transport {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
        };
        format!("syslog by {name} on {address}")
    };
    syslog.listening().iter().map(line).collect()
}

/// Who is believed.
fn believed(institution: &Institution) -> String {
    let named = institution.exporters.iter().take(NAMED_EXPORTERS).map(|exporter| {
        let sampling = match exporter.sampling {
            Sampling::OneIn(rate) => format!(", 1 in {rate}"),
            Sampling::Auto => String::new(),
        };
        format!("{} ({}{sampling})", exporter.id, exporter.address)
    });
    let names = named.collect::<Vec<_>>().join(", ");
    match institution.exporters.len() {
        0 => "warning: the institution file declares no exporter, so nobody is believed".to_owned(),
        count if count > NAMED_EXPORTERS => format!("believed: {names} and {} more", count - NAMED_EXPORTERS),
        _ => format!("believed: {names}"),
    }
}

/// Which key it is, without telling it.
fn identity(key: [u8; 16]) -> String {
    format!("{:016x}", KeyedState::new(key).identity())
}
