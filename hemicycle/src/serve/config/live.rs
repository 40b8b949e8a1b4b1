//! Mirrors and logs in the configuration.

use std::ops::RangeInclusive;

use std::path::Path;

use institution::reader::{Placed, Reader, Table, shortened};
use intake::follow::FollowOptions;
use intake::mirror::MirrorOptions;
use intake::syslog::{SyslogOptions, TlsOptions};
use wire::web::Format;

use super::{listen, schema, size};
use crate::serve::live::{LineFormat, Origin};

/// Logs.
const MAXIMUM_LOGS: usize = 256;
/// Prefixes of senders.
const MAXIMUM_SENDERS: usize = 4096;
/// Connections at once.
const CONNECTIONS: RangeInclusive<u32> = 1..=4096;
/// Of lines whose format is not said.
const AUTO: &str = "auto";
/// What else can be said.
const FORMATS: &str = "write `auto`, `combined`, `common`, `combinedio`, `vhost_combined`, `json`, `caddy`, `traefik`, `w3c`, `iis`, `haproxy`, `tsv` or `csv` with the names of the columns, or a format string as in nginx's log_format or Apache's LogFormat";

/// Mirrors.
const MAXIMUM_MIRRORS: usize = 16;
/// Workers of one.
const WORKERS: RangeInclusive<u32> = 1..=64;
/// One in so many: more would leave nothing to judge by.
const SAMPLING: RangeInclusive<u32> = 1..=1_000_000;
/// Headers at the least, and what fits into a block of the ring.
const SNAP_BYTES: RangeInclusive<u32> = 64..=65_536;
/// Memory that the kernel does not swap.
const RING_BYTES: RangeInclusive<u32> = (512 << 10)..=(1 << 30);

/// Every `[[mirror]]`.
pub(super) fn mirrors(reader: &mut Reader, top: Table<'_, '_>) -> Vec<MirrorOptions> {
    let mut mirrors: Vec<MirrorOptions> = Vec::new();
    let values = reader.list(top.get("mirror"));
    if let Some(value) = values.get(MAXIMUM_MIRRORS) {
        reader.error(value.span(), format!("at most {MAXIMUM_MIRRORS} mirrors can be read"));
    }
    for value in values.iter().take(MAXIMUM_MIRRORS) {
        let Some(table) = reader.table(value, &value.span(), &schema::MIRROR) else { continue };
        let Some(name) = table.get("interface").and_then(|value| reader.text(value)) else { continue };
        let mut options = MirrorOptions::new(&name.value);
        if mirrors.iter().any(|other| other.interfaces == options.interfaces) {
            reader.error(
                name.span,
                format!("`{}` is mirrored twice: each packet would count twice", name.value),
            );
            continue;
        }
        options.workers = size(reader, table, "workers", WORKERS).unwrap_or(options.workers);
        options.ring_bytes = size(reader, table, "ring_bytes", RING_BYTES).unwrap_or(options.ring_bytes);
        let mut number = |name, range, into: &mut u32| {
            *into = table.get(name).and_then(|value| reader.whole(value, range)).unwrap_or(*into);
        };
        number("sampling", SAMPLING, &mut options.sampling);
        number("snap_bytes", SNAP_BYTES, &mut options.snap_bytes);
        options.promiscuous = reader.flag(table.get("promiscuous")).unwrap_or(options.promiscuous);
        options.outgoing = reader.flag(table.get("outgoing")).unwrap_or(options.outgoing);
        mirrors.push(options);
    }
    mirrors
}

/// Every `[[log]]`.
pub(super) fn logs(reader: &mut Reader, top: Table<'_, '_>, folder: &Path) -> Vec<(Origin, FollowOptions)> {
    let mut logs: Vec<(Origin, FollowOptions)> = Vec::new();
    let values = reader.list(top.get("log"));
    if let Some(value) = values.get(MAXIMUM_LOGS) {
        reader.error(value.span(), format!("at most {MAXIMUM_LOGS} logs can be followed"));
    }
    for value in values.iter().take(MAXIMUM_LOGS) {
        let Some(table) = reader.table(value, &value.span(), &schema::LOG) else { continue };
        let from = reader.choice(table.get("from"), schema::FROM);
        let (format, service) = format_and_service(reader, table);
        let number = logs.len();
        let Some(path) = table.get("path").and_then(|value| reader.text(value)) else { continue };
        let mut options = FollowOptions::new(folder.join(&path.value), [0; 16]);
        options.start_at = from.unwrap_or(options.start_at);
        if logs.iter().any(|(_, other)| other.path == options.path) {
            let name = shortened(&path.value);
            reader.error(path.span, format!("`{name}` is followed twice: each line would count twice"));
            continue;
        }
        let is_pattern_above =
            options.path.parent().is_some_and(|parent| has_wildcard(&parent.to_string_lossy()));
        if is_pattern_above || options.path.file_name().is_none() {
            let message = "this is no path of a file, or a pattern in its last part";
            reader.error_with_help(path.span, message, "write one [[log]] for each folder");
            continue;
        }
        let name = options.path.to_string_lossy().into_owned();
        logs.push((Origin { number, name, format, service }, options));
    }
    logs
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

fn format_and_service(reader: &mut Reader, table: Table<'_, '_>) -> (LineFormat, Option<String>) {
    let text = table.get("format").and_then(|value| reader.text(value));
    let format = match text {
        Some(text) if text.value != AUTO => match Format::of(&text.value) {
            Ok(format) => LineFormat::Declared { text: text.value, format: Box::new(format) },
            Err(problem) => {
                let message = format!("`{}` is no format of lines: {problem}", shortened(&text.value));
                reader.error_with_help(text.span, message, FORMATS);
                LineFormat::Auto
            }
        },
        _ => LineFormat::Auto,
    };
    (format, reader.optional_text(table.get("service")))
}

/// `[syslog]`.
pub(super) fn syslog(
    reader: &mut Reader,
    top: Table<'_, '_>,
    folder: &Path,
    number: usize,
) -> Option<(Origin, SyslogOptions)> {
    let value = top.get("syslog")?;
    let table = reader.table(value, &value.span(), &schema::SYSLOG)?;
    let senders = reader.networks(table.get("senders"));
    if let Some(sender) = senders.get(MAXIMUM_SENDERS) {
        reader.error(sender.span.clone(), format!("at most {MAXIMUM_SENDERS} prefixes can be heard"));
    }
    if let Some(value) = table.get("senders")
        && reader.list(Some(value)).is_empty()
        && value.get_ref().is_array()
    {
        reader.error(value.span(), "without a sender nobody would be heard");
    }
    let mut options = SyslogOptions::new(senders.into_iter().map(|sender| sender.value).collect());
    let mut addresses = |name| table.get(name).map(|value| listen(reader, value)).unwrap_or_default();
    options.udp = addresses("listen_udp");
    options.tcp = addresses("listen_tcp");
    options.tls = addresses("listen_tls");
    options.connections = size(reader, table, "connections", CONNECTIONS).unwrap_or(options.connections);
    let mut file = |name| table.get(name).and_then(|value| reader.text(value));
    let (certificate, key) = (file("certificate"), file("key"));
    let path = |text: Placed<String>| folder.join(text.value);
    options.credentials = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(TlsOptions { certificate: path(certificate), key: path(key) }),
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => {
            reader.error(one.span, "a certificate and its key go together");
            None
        }
    };
    match table.get("listen_tls") {
        Some(value) if table.get("certificate").is_none() && !options.tls.is_empty() => {
            reader.error(value.span(), "TLS needs `certificate` and `key`");
        }
        _ => {}
    }
    if ["listen_udp", "listen_tcp", "listen_tls"].iter().all(|name| table.get(name).is_none()) {
        reader.error(
            value.span(),
            "[syslog] listens nowhere: it lacks `listen_udp`, `listen_tcp` and `listen_tls`",
        );
    }
    let (format, service) = format_and_service(reader, table);
    Some((Origin { number, name: "syslog".to_owned(), format, service }, options))
}
