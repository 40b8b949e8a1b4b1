//! The file of `serve --config`: TOML, read as the institution file is, so that everything that is wrong with it is
//! said in one go, each with line, column and a mark.

mod live;
mod notify;
mod office;
mod reference;
mod schema;
mod sso;

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use detect::Limits;
use institution::Problems;
use institution::reader::{Reader, Table, Value, shortened};
use intake::follow::FollowOptions;
use intake::mirror::MirrorOptions;
use intake::syslog::SyslogOptions;

use super::live::Origin;
pub(crate) use notify::{in_zone, secrets};
pub(crate) use office::{Desk, Kept};
pub(crate) use reference::{commented, markdown};
use schema::UNDECLARED;
pub(crate) use sso::SingleSignOn;

/// Where flow exports come in if the file says nothing: NetFlow, IPFIX (RFC 7011 section 10.3.4) and sFlow, on
/// every address of this machine.
const FLOW_PORTS: [u16; 3] = [2055, 4739, 6343];
/// Addresses that can be listened on.
const MAXIMUM_LISTEN: usize = 32;
/// Receive buffers that can be asked for: the kernel's own least, and a second of 10 Gbit/s.
const RECEIVE_BUFFER_BYTES: RangeInclusive<u32> = 4096..=(1 << 30);
/// Workers.
const WORKERS: RangeInclusive<u32> = 1..=64;
/// Places in each table of the detector.
const PLACES: RangeInclusive<u32> = 1..=(1 << 24);
/// Events that wait for standard output.
const EVENTS_QUEUED: RangeInclusive<u32> = 16..=(1 << 20);
/// Warning lists.
const MAXIMUM_WARNING_LISTS: usize = 64;
/// Default of [`EVENTS_QUEUED`].
const DEFAULT_EVENTS_QUEUED: usize = 4096;

/// What becomes of senders that the institution file does not declare. They are never believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undeclared {
    /// They are counted.
    Count,
    /// They are counted, and the first datagrams of each are answered with lines for the institution file in the log.
    Propose,
}

/// What the outlook is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Foresight {
    /// The folder of lists and events.
    pub(crate) data: Option<PathBuf>,
    /// The folder of what was imported.
    pub(crate) store: Option<PathBuf>,
    /// The country, or the bloc; the institution's country if it is not said.
    pub(crate) place: Option<String>,
    /// Whether what passes by is not looked at for the indicators of the store.
    pub(crate) ignore_indicators: bool,
    /// Warning lists: what is on them never matches.
    pub(crate) warning_lists: Vec<PathBuf>,
    /// Whether windows leave the floors of the detector as they are.
    pub(crate) keep_floors: bool,
}

/// A checked configuration; paths are complete.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) institution: PathBuf,
    pub(crate) watch: bool,
    pub(crate) flows: Vec<SocketAddr>,
    pub(crate) workers: usize,
    pub(crate) receive_buffer_bytes: Option<usize>,
    pub(crate) undeclared: Undeclared,
    pub(crate) mirrors: Vec<MirrorOptions>,
    /// Their keys are not known yet.
    pub(crate) logs: Vec<(Origin, FollowOptions)>,
    pub(crate) syslog: Option<(Origin, SyslogOptions)>,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) state_folder: PathBuf,
    pub(crate) key_file: PathBuf,
    /// What the outlook is made of, if there is one.
    pub(crate) foresee: Option<Foresight>,
    /// Whether what is ordinary is learnt.
    pub(crate) learn: bool,
    /// The purpose, if sources are shown in full.
    pub(crate) show_addresses: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) events_queued: usize,
    /// What is kept of what was seen and done, unless nothing is.
    pub(crate) record: Option<Kept>,
    /// What people see in their browsers, if anything.
    pub(crate) console: Option<Desk>,
    /// By whose word people may sign in, beside local accounts.
    pub(crate) oidc: Option<SingleSignOn>,
    /// Who may tell of floods: names, and files of secrets.
    pub(crate) webhooks: Vec<(String, PathBuf)>,
    /// Whom to tell; quiet hours are not in the institution's zone yet.
    pub(crate) notify: Vec<::notify::ChannelOptions>,
    /// Whom the service becomes once everything is open.
    pub(crate) user: Option<String>,
}

impl Config {
    /// Whether something else than flow exports comes in.
    fn has_live_sources(&self) -> bool {
        !self.mirrors.is_empty() || !self.logs.is_empty() || self.syslog.is_some()
    }
}

/// Reads a configuration; relative paths in it begin at `folder`.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn parse(file_name: &str, text: &str, folder: &Path) -> Result<Config, Problems> {
    let mut reader = Reader::new(file_name, text);
    let Some(document) = reader.document(text) else { return Err(finish_with_errors(reader)) };
    let top = reader.open(document.get_ref(), &(0..0), &schema::TOP);
    let path = |text: String| folder.join(text);
    let mut config = Config {
        institution: reader.optional_text(top.get("institution")).map(path).unwrap_or_default(),
        watch: reader.flag(top.get("watch")).unwrap_or(true),
        flows: every_address(),
        workers: 1,
        receive_buffer_bytes: None,
        undeclared: Undeclared::Count,
        mirrors: Vec::new(),
        logs: Vec::new(),
        syslog: None,
        metrics: None,
        state_folder: PathBuf::new(),
        key_file: PathBuf::new(),
        foresee: None,
        learn: true,
        show_addresses: None,
        limits: Limits::default(),
        events_queued: DEFAULT_EVENTS_QUEUED,
        record: None,
        console: None,
        oidc: None,
        webhooks: Vec::new(),
        notify: Vec::new(),
        user: None,
    };
    config.mirrors = live::mirrors(&mut reader, top);
    config.logs = live::logs(&mut reader, top, folder);
    config.syslog = live::syslog(&mut reader, top, folder, config.logs.len());
    read_listen(&mut reader, top, &mut config);
    if let Some(table) = section(&mut reader, top, "metrics", &schema::METRICS)
        && let Some(value) = table.get("listen")
    {
        config.metrics = socket_address(&mut reader, value);
    }
    if let Some(table) = section(&mut reader, top, "state", &schema::STATE) {
        let state = reader.optional_text(table.get("folder")).map(path).unwrap_or_default();
        let name = reader.optional_text(table.get("key_file")).unwrap_or_else(|| "key".to_owned());
        config.key_file = state.join(name);
        config.state_folder = state;
    }
    office::read(&mut reader, top, folder, &mut config);
    config.notify = notify::channels(&mut reader, top, folder);
    config.foresee = foresight(&mut reader, top, folder);
    if let Some(table) = section(&mut reader, top, "learn", &schema::LEARN) {
        config.learn = reader.flag(table.get("enabled")).unwrap_or(true);
    }
    if let Some(table) = section(&mut reader, top, "events", &schema::EVENTS) {
        config.show_addresses = reader.optional_text(table.get("show_addresses"));
        let places = size(&mut reader, table, "queue", EVENTS_QUEUED);
        config.events_queued = places.unwrap_or(config.events_queued);
    }
    if let Some(table) = section(&mut reader, top, "service", &schema::SERVICE) {
        config.user = reader.optional_text(table.get("user"));
    }
    read_limits(&mut reader, top, &mut config.limits);
    reader.finish().map(|_| config)
}

fn foresight(reader: &mut Reader, top: Table<'_, '_>, folder: &Path) -> Option<Foresight> {
    let table = section(reader, top, "foresee", &schema::FORESEE)?;
    let mut text = |name| reader.optional_text(table.get(name));
    let path = |text: String| folder.join(text);
    let (data, store, place) = (text("data").map(path), text("store").map(path), text("place"));
    let keep_floors = !reader.flag(table.get("lower_floors")).unwrap_or(true);
    let ignore_indicators = !reader.flag(table.get("match_indicators")).unwrap_or(true);
    let lists = reader.list(table.get("warning_lists"));
    if let Some(value) = lists.get(MAXIMUM_WARNING_LISTS) {
        reader.error(value.span(), format!("at most {MAXIMUM_WARNING_LISTS} warning lists can be read"));
    }
    let lists = lists.iter().take(MAXIMUM_WARNING_LISTS);
    let warning_lists = lists.filter_map(|value| reader.text(value)).map(|text| path(text.value)).collect();
    Some(Foresight { data, store, place, ignore_indicators, warning_lists, keep_floors })
}

fn read_limits(reader: &mut Reader, top: Table<'_, '_>, limits: &mut Limits) {
    let Some(table) = section(reader, top, "limits", &schema::LIMITS) else { return };
    let mut place = |name, limit: &mut usize| {
        *limit = size(reader, table, name, PLACES).unwrap_or(*limit);
    };
    place("targets", &mut limits.targets);
    place("conversations", &mut limits.conversations);
    place("suspects", &mut limits.suspects);
}

fn finish_with_errors(reader: Reader) -> Problems {
    match reader.finish() {
        Ok(problems) | Err(problems) => problems,
    }
}

fn section<'t, 'i>(
    reader: &mut Reader,
    top: Table<'t, 'i>,
    name: &str,
    section: &'static institution::Section,
) -> Option<Table<'t, 'i>> {
    let value = top.get(name)?;
    reader.table(value, &value.span(), section)
}

fn read_listen(reader: &mut Reader, top: Table<'_, '_>, config: &mut Config) {
    let Some(table) = section(reader, top, "listen", &schema::LISTEN) else { return };
    if let Some(value) = table.get("flows") {
        config.flows = listen(reader, value);
        if config.flows.is_empty() && !config.has_live_sources() && reader.list(Some(value)).is_empty() {
            reader.error(value.span(), "a service that listens nowhere hears nothing");
        }
    }
    config.workers = size(reader, table, "workers", WORKERS).unwrap_or(config.workers);
    config.receive_buffer_bytes = size(reader, table, "receive_buffer_bytes", RECEIVE_BUFFER_BYTES);
    config.undeclared = reader.choice(table.get("undeclared"), UNDECLARED).unwrap_or(config.undeclared);
}

fn every_address() -> Vec<SocketAddr> {
    let any: [IpAddr; 2] = [std::net::Ipv4Addr::UNSPECIFIED.into(), std::net::Ipv6Addr::UNSPECIFIED.into()];
    any.into_iter().flat_map(|any| FLOW_PORTS.map(|port| SocketAddr::new(any, port))).collect()
}

/// Different addresses.
fn listen(reader: &mut Reader, value: &Value<'_>) -> Vec<SocketAddr> {
    let values = reader.list(Some(value));
    if values.len() > MAXIMUM_LISTEN {
        reader.error(value.span(), format!("at most {MAXIMUM_LISTEN} addresses can be listened on"));
        return Vec::new();
    }
    let mut list: Vec<SocketAddr> = Vec::new();
    for value in values {
        let Some(address) = socket_address(reader, value) else { continue };
        // Port 0 is whatever is free, each time another one.
        if address.port() != 0 && list.contains(&address) {
            reader.error(value.span(), format!("{address} is listed twice"));
        }
        list.push(address);
    }
    list
}

fn socket_address(reader: &mut Reader, value: &Value<'_>) -> Option<SocketAddr> {
    let text = reader.text(value)?;
    let address = text.value.parse();
    if address.is_err() {
        let message = format!("`{}` is not an address with a port", shortened(&text.value));
        reader.error_with_help(text.span, message, "write it like \"0.0.0.0:2055\" or \"[::]:2055\"");
    }
    address.ok()
}

fn size(reader: &mut Reader, table: Table<'_, '_>, name: &str, range: RangeInclusive<u32>) -> Option<usize> {
    let value = table.get(name)?;
    reader.whole(value, range).map(|number| number as usize)
}

#[cfg(test)]
mod tests {
    use super::schema::SECTIONS;
    use super::*;

    const LEAST: &str = "institution = \"i.toml\"\n[state]\nfolder = \"state\"\n";

    fn problems(text: &str) -> String {
        parse("serve.toml", text, Path::new("/etc/hemicycle")).unwrap_err().render(false)
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let config = parse("serve.toml", LEAST, Path::new("/etc/hemicycle")).unwrap();
        assert_eq!(config.institution, Path::new("/etc/hemicycle/i.toml"));
        assert_eq!(config.key_file, Path::new("/etc/hemicycle/state/key"));
        let shown: Vec<String> = config.flows.iter().map(SocketAddr::to_string).collect();
        assert_eq!(shown[..2], ["0.0.0.0:2055", "0.0.0.0:4739"]);
        assert_eq!(shown[3..5], ["[::]:2055", "[::]:4739"]);
        assert_eq!((config.workers, config.receive_buffer_bytes, config.metrics), (1, None, None));
        assert_eq!(config.undeclared, Undeclared::Count);
        assert_eq!(config.state_folder, Path::new("/etc/hemicycle/state"));
        assert!(config.watch && config.learn && config.show_addresses.is_none());
    }

    #[test]
    fn everything_wrong_is_said_at_once_with_its_place() {
        let text = "institution = 7\nwatsh = true\n[listen]\nflows = [\"0.0.0.0\", \"[::]:1\", \"[::]:1\"]\nworkers = 0\nundeclared = \"believe\"\n[metrics]\n";
        let problems = problems(text);
        for expected in [
            "serve.toml:1:15",
            "did you mean `watch`",
            "`0.0.0.0` is not an address with a port",
            "[::]:1 is listed twice",
            "between 1 and 64",
            "`count`, `propose`",
            "[metrics] lacks the key `listen`",
            "lacks the key `state`",
            "^^^",
        ] {
            assert!(problems.contains(expected), "{expected} in {problems}");
        }
        assert!(self::problems("institution = ").contains("serve.toml:1:15"));
    }

    #[test]
    fn a_service_that_listens_nowhere_is_refused() {
        let text = format!("{LEAST}[listen]\nflows = []\n");
        assert!(problems(&text).contains("listens nowhere"));
    }

    #[test]
    fn the_example_uses_every_key_and_the_document_explains_it() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/serve");
        let example = std::fs::read_to_string(folder.join("examplia.toml")).unwrap();
        let config = parse("examplia.toml", &example, &folder).unwrap();
        assert!(config.institution.exists(), "{}", config.institution.display());
        let document = std::fs::read_to_string(folder.join("../../docs/serve.md")).unwrap();
        for section in SECTIONS {
            for key in section.keys {
                let name = key.name;
                let is_used = example.lines().any(|line| {
                    let line = line.trim_start_matches(['#', ' ']);
                    [format!("{name} ="), format!("[{name}]"), format!("[[{name}]]")]
                        .iter()
                        .any(|beginning| line.starts_with(beginning))
                });
                assert!(is_used, "the example does not show {name} of {}", section.path);
                let row = format!(
                    "| `{}` |",
                    if section.path == "the top level" {
                        name.to_owned()
                    } else {
                        format!("{}.{name}", section.path.trim_matches(['[', ']']))
                    }
                );
                let is_table = SECTIONS.iter().any(|other| other.path.trim_matches(['[', ']']) == name);
                assert!(is_table || document.contains(&row), "docs/serve.md lacks {row}");
            }
        }
    }
}
