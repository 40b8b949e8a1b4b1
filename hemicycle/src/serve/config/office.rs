//! The record and the console in the configuration.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use console::Tls;
use institution::reader::{Reader, Table, shortened};
use record::Retention;

use super::{Config, listen, schema, section, sso};

/// Days that something can be kept: ten years at most.
const DAYS: RangeInclusive<u32> = 1..=3650;
/// Size in MiB that something can be bounded by.
const MEBIBYTES: RangeInclusive<u32> = 16..=(1 << 22);

/// Programs that tell of floods.
const MAXIMUM_WEBHOOKS: usize = 64;

/// What is kept, and where.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) folder: PathBuf,
    pub(crate) retention: Retention,
}

/// The console.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    pub(crate) listen: Vec<SocketAddr>,
    /// Of accounts and of the own certificate.
    pub(crate) folder: PathBuf,
    pub(crate) tls: Tls,
    /// Where people reach it, without a slash at the end.
    pub(crate) url: Option<String>,
    /// The file that says which network is of which country.
    pub(crate) countries: Option<PathBuf>,
}

/// Everything of this file.
pub(super) fn read(reader: &mut Reader, top: Table<'_, '_>, folder: &Path, config: &mut Config) {
    config.record = record(reader, top, &config.state_folder);
    let folders = (folder, config.state_folder.as_path());
    config.console = console(reader, top, folders, config.record.is_some());
    let url = config.console.as_ref().and_then(|desk| desk.url.as_deref());
    config.oidc = sso::read(reader, top, folder, url);
    config.webhooks = webhooks(reader, top, folder);
}

/// `[record]`, below the state folder; a record is kept unless the file says that none is.
fn record(reader: &mut Reader, top: Table<'_, '_>, state_folder: &Path) -> Option<Kept> {
    let mut kept = Kept { folder: state_folder.join("record"), retention: Retention::default() };
    let Some(table) = section(reader, top, "record", &schema::RECORD) else { return Some(kept) };
    if !reader.flag(table.get("enabled")).unwrap_or(true) {
        return None;
    }
    let retention = &mut kept.retention;
    let mut days = |name: &str| table.get(name).and_then(|value| reader.whole(value, DAYS));
    retention.observed_days = days("observed_days").or(retention.observed_days);
    retention.acts_days = days("acts_days").or(retention.acts_days);
    for (name, into) in [
        ("addresses_days", &mut retention.addresses_days),
        ("evidence_days", &mut retention.evidence_days),
        ("seconds_days", &mut retention.seconds_days),
        ("minutes_days", &mut retention.minutes_days),
        ("hours_days", &mut retention.hours_days),
    ] {
        *into = days(name).unwrap_or(*into);
    }
    for (name, into) in [
        ("database_mebibytes", &mut retention.database_bytes),
        ("evidence_mebibytes", &mut retention.evidence_bytes),
    ] {
        let size = table.get(name).and_then(|value| reader.whole(value, MEBIBYTES));
        *into = size.map_or(*into, |size| u64::from(size) << 20);
    }
    Some(kept)
}

/// Every `[[webhook]]`: its name and the file of its secret.
fn webhooks(reader: &mut Reader, top: Table<'_, '_>, folder: &Path) -> Vec<(String, PathBuf)> {
    let values = reader.list(top.get("webhook"));
    if let Some(value) = values.get(MAXIMUM_WEBHOOKS) {
        reader.error(value.span(), format!("at most {MAXIMUM_WEBHOOKS} webhooks can be declared"));
    }
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for value in values.iter().take(MAXIMUM_WEBHOOKS) {
        let Some(table) = reader.table(value, &value.span(), &schema::WEBHOOK) else { continue };
        let name = reader.optional_text(table.get("name"));
        let file = reader.optional_text(table.get("secret_file"));
        let (Some(name), Some(file)) = (name, file) else { continue };
        if found.iter().any(|(other, _)| *other == name) {
            reader.error(value.span(), format!("`{}` is declared twice", shortened(&name)));
        }
        found.push((name, folder.join(file)));
    }
    found
}

/// `[console]`, if there is one.
fn console(
    reader: &mut Reader,
    top: Table<'_, '_>,
    (folder, state_folder): (&Path, &Path),
    has_record: bool,
) -> Option<Desk> {
    let value = top.get("console")?;
    let table = section(reader, top, "console", &schema::CONSOLE)?;
    if !has_record {
        reader.error(value.span(), "a console shows the record, and [record] is not enabled");
    }
    let addresses = table.get("listen").map(|value| listen(reader, value)).unwrap_or_default();
    let mut file = |name: &str| reader.optional_text(table.get(name)).map(|text| folder.join(text));
    let (certificate, key, countries) = (file("certificate"), file("key"), file("countries"));
    let url = url(reader, table);
    let names = reader.list(table.get("names"));
    let names: Vec<String> =
        names.iter().filter_map(|name| reader.text(name)).map(|name| name.value).collect();
    // Where a name is said, and a port that is not whatever is free, people know where it is.
    let known = names.first().zip(addresses.first().filter(|address| address.port() != 0));
    let url = url.or_else(|| known.map(|(name, address)| format!("https://{name}:{}", address.port())));
    let tls = match (certificate, key) {
        (Some(certificate), Some(key)) => Tls::Files { certificate, key },
        (None, None) => Tls::Own { names },
        _ => {
            reader.error(value.span(), "`certificate` and `key` belong together");
            Tls::Own { names }
        }
    };
    Some(Desk { listen: addresses, folder: state_folder.join("console"), tls, url, countries })
}

/// Where people reach the console: what links in notices begin with.
fn url(reader: &mut Reader, table: Table<'_, '_>) -> Option<String> {
    let value = table.get("url")?;
    let text = reader.text(value)?;
    let rest = text.value.strip_prefix("https://").or_else(|| text.value.strip_prefix("http://"));
    let is_one = rest.is_some_and(|rest| {
        !rest.is_empty()
            && rest.len() < 200
            && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@')
    });
    if !is_one {
        let message = format!("`{}` is not an address of a page", shortened(&text.value));
        reader.error_with_help(text.span, message, "write it like \"https://hemicycle.parliament.example\"");
        return None;
    }
    Some(text.value.trim_end_matches('/').to_owned())
}
