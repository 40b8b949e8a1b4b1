//! Channels of notices in the configuration.
//!
//! One table for each; which keys it may have and needs depends on its kind. Secrets are files, never values: a
//! configuration is read by more people than a key. They are read when the service starts, not here.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use ::notify::limits::{BURST, MAX_CHANNELS, REPEAT_SECONDS};
use ::notify::{
    ChannelKind, ChannelOptions, ChatOptions, Login, MailOptions, MailSecurity, QuietHours, Rule, Secret,
    Severity, SyslogOptions, SyslogTransport, WebhookOptions,
};
use institution::Choice;
use institution::reader::{Reader, Table, Value, shortened};
use jiff::tz::TimeZone;

use super::schema;
use crate::serve::office::KINDS;

/// Updates are handed over every ten seconds, so nothing can be repeated sooner.
const REPEATED: RangeInclusive<u32> = 10..=*REPEAT_SECONDS.end();
const PORTS: RangeInclusive<u32> = 1..=65_535;
const FACILITIES: RangeInclusive<u32> = 0..=23;

/// Kinds of channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Webhook,
    Chat,
    Mail,
    Syslog,
}

/// Keys that only some kinds have: first those that must be there.
const fn keys(way: Way) -> (&'static [&'static str], &'static [&'static str]) {
    match way {
        Way::Webhook => (&["url_file", "key_file"], &["ca_file", "allow_plain"]),
        Way::Chat => (&["url_file"], &["ca_file", "allow_plain"]),
        Way::Mail => (
            &["host", "from", "to"],
            &["port", "security", "ca_file", "allow_plain", "user", "password_file", "hello"],
        ),
        Way::Syslog => (&["host"], &["port", "transport", "ca_file", "facility", "host_name", "data_id"]),
    }
}

/// Keys of every kind.
const COMMON: &[&str] = &[
    "name",
    "kind",
    "least_severity",
    "services",
    "organisations",
    "kinds",
    "repeat_seconds",
    "burst",
    "quiet_from",
    "quiet_to",
    "quiet_least_severity",
];

pub(super) const WAYS: &[Choice<Way>] = &[
    Choice { word: "webhook", doc: "Signed JSON, to a program.", value: Way::Webhook },
    Choice { word: "chat", doc: "An incoming webhook of Mattermost or Slack.", value: Way::Chat },
    Choice { word: "mail", doc: "Mail through a relay.", value: Way::Mail },
    Choice { word: "syslog", doc: "A syslog server.", value: Way::Syslog },
];

const SEVERITIES: &[Choice<Severity>] = &[
    Choice { word: "info", doc: "Worth knowing.", value: Severity::Info },
    Choice { word: "warning", doc: "Somebody should look in working hours.", value: Severity::Warning },
    Choice { word: "critical", doc: "Somebody should look now.", value: Severity::Critical },
];

const SECURITIES: &[Choice<MailSecurity>] = &[
    Choice { word: "tls", doc: "TLS from the first byte.", value: MailSecurity::Tls },
    Choice { word: "starttls", doc: "TLS after STARTTLS, or nothing.", value: MailSecurity::StartTls },
    Choice { word: "plain", doc: "None, for a relay on this machine.", value: MailSecurity::Plain },
];

const TRANSPORTS: &[Choice<SyslogTransport>] = &[
    Choice { word: "udp", doc: "Datagrams.", value: SyslogTransport::Udp },
    Choice { word: "tcp", doc: "A stream.", value: SyslogTransport::Tcp },
    Choice { word: "tls", doc: "A stream within TLS.", value: SyslogTransport::Tls },
];

/// Every `[[notify]]`. Quiet hours are in UTC until the institution's zone is known ([`in_zone`]).
pub(super) fn channels(reader: &mut Reader, top: Table<'_, '_>, folder: &Path) -> Vec<ChannelOptions> {
    let values = reader.list(top.get("notify"));
    if let Some(value) = values.get(MAX_CHANNELS) {
        reader.error(value.span(), format!("at most {MAX_CHANNELS} channels can be told"));
    }
    let mut channels: Vec<ChannelOptions> = Vec::new();
    for value in values.iter().take(MAX_CHANNELS) {
        let Some(table) = reader.table(value, &value.span(), &schema::NOTIFY) else { continue };
        let name = table.get("name").and_then(|value| reader.text(value));
        let Some(way) = reader.choice(table.get("kind"), WAYS) else { continue };
        let is_whole = fits(reader, value, table, way);
        let kind = kind(reader, table, way, folder);
        let (Some(name), Some(kind)) = (name, kind) else { continue };
        if channels.iter().any(|other| other.name == name.value) {
            reader.error(name.span, format!("`{}` is declared twice", shortened(&name.value)));
            continue;
        }
        let mut options = ChannelOptions::new(name.value, kind);
        options.rule = rule(reader, value, table);
        let mut number = |name, range, into: &mut u32| {
            *into = table.get(name).and_then(|value| reader.whole(value, range)).unwrap_or(*into);
        };
        number("repeat_seconds", REPEATED, &mut options.damper.repeat_seconds);
        number("burst", BURST, &mut options.damper.burst);
        if is_whole {
            for problem in options.validate() {
                reader.error(value.span(), format!("`{}`: {}", problem.option, problem.why));
            }
        }
        channels.push(options);
    }
    channels
}

/// Whether it has the keys of its kind; says which it lacks and which are another kind's.
fn fits(reader: &mut Reader, value: &Value<'_>, table: Table<'_, '_>, way: Way) -> bool {
    let (needed, possible) = keys(way);
    let word = WAYS.iter().find(|choice| choice.value == way).map_or("", |choice| choice.word);
    let mut is_whole = true;
    for name in needed.iter().filter(|name| table.get(name).is_none()) {
        reader.error(value.span(), format!("[[notify]] of kind `{word}` lacks the key `{name}`"));
        is_whole = false;
    }
    for key in schema::NOTIFY.keys.iter().filter(|key| !COMMON.contains(&key.name)) {
        let Some(given) = table.get(key.name) else { continue };
        if !needed.contains(&key.name) && !possible.contains(&key.name) {
            reader.error(given.span(), format!("[[notify]] of kind `{word}` has no key `{}`", key.name));
            is_whole = false;
        }
    }
    is_whole
}

/// None if something of it is missing or wrong, which was said.
fn kind(reader: &mut Reader, table: Table<'_, '_>, way: Way, folder: &Path) -> Option<ChannelKind> {
    let mut file = |name: &str| reader.optional_text(table.get(name)).map(|text| folder.join(text));
    let ca_file = file("ca_file");
    let (url, key, password) = (file("url_file"), file("key_file"), file("password_file"));
    let allow_plain = reader.flag(table.get("allow_plain")).unwrap_or(false);
    match way {
        Way::Webhook => {
            let (url, key) = (Secret::File(url?), Secret::File(key?));
            Some(ChannelKind::Webhook(WebhookOptions { url, key, ca_file, allow_plain }))
        }
        Way::Chat => Some(ChannelKind::Chat(ChatOptions { url: Secret::File(url?), ca_file, allow_plain })),
        Way::Mail => mail(reader, table, (ca_file, password), allow_plain),
        Way::Syslog => syslog(reader, table, ca_file),
    }
}

fn mail(
    reader: &mut Reader,
    table: Table<'_, '_>,
    (ca_file, password): (Option<PathBuf>, Option<PathBuf>),
    allow_plain: bool,
) -> Option<ChannelKind> {
    let security = reader.choice(table.get("security"), SECURITIES).unwrap_or(MailSecurity::StartTls);
    let usual = match security {
        MailSecurity::Tls => 465,
        MailSecurity::StartTls => 587,
        MailSecurity::Plain => 25,
    };
    let port = port(reader, table, usual);
    let to = reader.list(table.get("to")).iter();
    let to: Vec<String> = to.filter_map(|value| reader.text(value)).map(|text| text.value).collect();
    let user = table.get("user").and_then(|value| reader.text(value));
    let login = match (user, password) {
        (Some(user), Some(file)) => Some(Login { user: user.value, password: Secret::File(file) }),
        (None, None) => None,
        _ => {
            let given = table.get("user").or(table.get("password_file"));
            let span = given.map_or(0..0, |value| value.span());
            reader.error(span, "`user` and `password_file` belong together");
            None
        }
    };
    let hello = reader.optional_text(table.get("hello")).unwrap_or_else(|| "localhost".to_owned());
    let host = reader.optional_text(table.get("host"));
    let from = reader.optional_text(table.get("from"));
    let (host, from) = (host?, from?);
    let options = MailOptions { host, port, security, ca_file, login, from, to, hello, allow_plain };
    Some(ChannelKind::Mail(options))
}

fn syslog(reader: &mut Reader, table: Table<'_, '_>, ca_file: Option<PathBuf>) -> Option<ChannelKind> {
    let transport = reader.choice(table.get("transport"), TRANSPORTS).unwrap_or(SyslogTransport::Tls);
    let usual = match transport {
        SyslogTransport::Udp => 514,
        SyslogTransport::Tcp => 601,
        SyslogTransport::Tls => 6514,
    };
    let port = port(reader, table, usual);
    let facility = table.get("facility").and_then(|value| reader.whole(value, FACILITIES));
    let host_name = reader.optional_text(table.get("host_name"));
    let data_id = reader.optional_text(table.get("data_id"));
    let mut options = SyslogOptions::new(reader.optional_text(table.get("host"))?, port, transport);
    options.ca_file = ca_file;
    options.facility = facility.and_then(|number| number.try_into().ok()).unwrap_or(options.facility);
    options.host_name = host_name.unwrap_or(options.host_name);
    options.data_id = data_id.unwrap_or(options.data_id);
    Some(ChannelKind::Syslog(options))
}

fn port(reader: &mut Reader, table: Table<'_, '_>, usual: u16) -> u16 {
    let port = table.get("port").and_then(|value| reader.whole(value, PORTS));
    port.and_then(|port| port.try_into().ok()).unwrap_or(usual)
}

fn rule(reader: &mut Reader, value: &Value<'_>, table: Table<'_, '_>) -> Rule {
    let least = reader.choice(table.get("least_severity"), SEVERITIES).unwrap_or(Severity::Info);
    let mut names = |key: &str| -> Vec<String> {
        let list = reader.list(table.get(key)).iter();
        list.filter_map(|value| reader.text(value)).map(|text| text.value).collect()
    };
    let (services, organisations) = (names("services"), names("organisations"));
    let mut kinds = Vec::new();
    for value in reader.list(table.get("kinds")) {
        let Some(text) = reader.text(value) else { continue };
        if KINDS.contains(&text.value.as_str()) {
            kinds.push(text.value);
        } else {
            reader.unknown(text.span, "unknown word", &text.value, KINDS.iter().copied());
        }
    }
    Rule { least, services, organisations, kinds, quiet: quiet(reader, value, table) }
}

fn quiet(reader: &mut Reader, value: &Value<'_>, table: Table<'_, '_>) -> Option<QuietHours> {
    let mut minute = |key: &str| table.get(key).map(|value| minute_of_day(reader, value));
    let (from, to) = (minute("quiet_from"), minute("quiet_to"));
    let least = reader.choice(table.get("quiet_least_severity"), SEVERITIES);
    match (from, to) {
        (Some(from), Some(to)) => {
            let (least, time_zone) = (least.unwrap_or(Severity::Critical), TimeZone::UTC);
            Some(QuietHours { from_minute: from?, to_minute: to?, time_zone, least })
        }
        (None, None) => {
            if let Some(given) = table.get("quiet_least_severity") {
                reader.error(given.span(), "without `quiet_from` and `quiet_to` no hours are quiet");
            }
            None
        }
        _ => {
            reader.error(value.span(), "`quiet_from` and `quiet_to` belong together");
            None
        }
    }
}

/// A time of day, as `22:30`.
fn minute_of_day(reader: &mut Reader, value: &Value<'_>) -> Option<u16> {
    let text = reader.text(value)?;
    let is_written_so = text.value.len() == 5 && text.value.is_char_boundary(2);
    let parts = text.value.split_once(':').filter(|_| is_written_so);
    let number = |digits: &str, below: u16| {
        digits.parse::<u16>().ok().filter(|number| *number < below && !digits.starts_with('+'))
    };
    let minute = parts.and_then(|(hour, minute)| Some(number(hour, 24)? * 60 + number(minute, 60)?));
    if minute.is_none() {
        let message = format!("`{}` is not a time of day", shortened(&text.value));
        reader.error_with_help(text.span, message, "write it like \"22:30\"");
    }
    minute
}

/// The files of the secrets of a channel.
pub(crate) fn secrets(options: &ChannelOptions) -> Vec<&Path> {
    let secrets = match &options.kind {
        ChannelKind::Webhook(webhook) => vec![&webhook.url, &webhook.key],
        ChannelKind::Chat(chat) => vec![&chat.url],
        ChannelKind::Mail(mail) => mail.login.iter().map(|login| &login.password).collect(),
        ChannelKind::Syslog(_) => Vec::new(),
    };
    secrets
        .into_iter()
        .filter_map(|secret| match secret {
            Secret::File(path) => Some(path.as_path()),
            Secret::Value(_) => None,
        })
        .collect()
}

/// A channel with its quiet hours in the institution's zone.
pub(crate) fn in_zone(options: &ChannelOptions, zone: &TimeZone) -> ChannelOptions {
    let mut options = options.clone();
    if let Some(quiet) = &mut options.rule.quiet {
        quiet.time_zone = zone.clone();
    }
    options
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    const LEAST: &str = "institution = \"i.toml\"\n[state]\nfolder = \"state\"\n";

    fn problems(text: &str) -> String {
        let text = format!("{LEAST}{text}");
        parse("serve.toml", &text, Path::new("/etc/hemicycle")).unwrap_err().render(false)
    }

    #[test]
    fn each_kind_is_read_with_its_defaults() {
        let text = format!(
            "{LEAST}[[notify]]\nname = \"soc\"\nkind = \"webhook\"\nurl_file = \"u\"\nkey_file = \"k\"\nleast_severity = \"warning\"\nquiet_from = \"22:00\"\nquiet_to = \"06:30\"\nrepeat_seconds = 60\nburst = 5\n\
             [[notify]]\nname = \"team\"\nkind = \"chat\"\nurl_file = \"/run/u\"\n\
             [[notify]]\nname = \"duty\"\nkind = \"mail\"\nhost = \"mail.example\"\nfrom = \"a@mail.example\"\nto = [\"b@mail.example\"]\nuser = \"a\"\npassword_file = \"p\"\n\
             [[notify]]\nname = \"siem\"\nkind = \"syslog\"\nhost = \"siem.example\"\ntransport = \"udp\"\n"
        );
        let config = parse("serve.toml", &text, Path::new("/etc/hemicycle")).unwrap();
        let files: Vec<_> = config.notify.iter().map(secrets).collect();
        let path = |text| Path::new(text);
        assert_eq!(files[0], [path("/etc/hemicycle/u"), path("/etc/hemicycle/k")]);
        assert_eq!(files[1], [path("/run/u")]);
        assert_eq!(files[2], [path("/etc/hemicycle/p")]);
        assert!(files[3].is_empty());
        let rule = &config.notify[0].rule;
        let quiet = rule.quiet.as_ref().unwrap();
        assert_eq!((rule.least, quiet.from_minute, quiet.to_minute), (Severity::Warning, 22 * 60, 390));
        assert_eq!(quiet.least, Severity::Critical);
        let damper = config.notify[0].damper;
        assert_eq!((damper.repeat_seconds, damper.burst), (60, 5));
        let ports: Vec<u16> = config
            .notify
            .iter()
            .filter_map(|options| match &options.kind {
                ChannelKind::Mail(mail) => Some(mail.port),
                ChannelKind::Syslog(syslog) => Some(syslog.port),
                _ => None,
            })
            .collect();
        assert_eq!(ports, [587, 514]);
    }

    #[test]
    fn what_is_wrong_with_a_channel_is_said_with_its_place() {
        let head = |name: &str, kind: &str| format!("[[notify]]\nname = \"{name}\"\nkind = \"{kind}\"\n");
        for (text, expected) in [
            (head("a", "pager"), "unknown word `pager`"),
            (head("a", "webhook"), "of kind `webhook` lacks the key `url_file`"),
            (head("a", "webhook") + "url_file = \"u\"\nkey = \"k\"\n", "has no key `key`"),
            (head("a", "chat") + "url_file = \"u\"\nhost = \"h\"\n", "of kind `chat` has no key `host`"),
            (head("a", "syslog") + "host = \"not a host\"\n", "`host`: it is no name"),
            (head("a", "mail") + "host = \"h\"\nfrom = \"a\"\nto = []\n", "`from`: it is no mail address"),
            (head("a", "syslog") + "host = \"h\"\nburst = 1\n", "between 2 and 600"),
            (
                head("a", "syslog") + "host = \"h\"\nquiet_from = \"25:00\"\nquiet_to = \"6:00\"\n",
                "`25:00` is not a time of day",
            ),
            (head("a", "syslog") + "host = \"h\"\nquiet_from = \"22:00\"\n", "belong together"),
            (head("a", "syslog") + "host = \"h\"\nkinds = [\"flod\"]\n", "did you mean `flood`"),
            (
                head("a", "syslog") + "host = \"h\"\n" + &head("a", "syslog") + "host = \"h\"\n",
                "`a` is declared twice",
            ),
            ("[[notify]]\nkind = \"syslog\"\nhost = \"h\"\n".to_owned(), "lacks the key `name`"),
        ] {
            let problems = problems(&text);
            assert!(
                problems.contains(expected) && problems.contains("serve.toml:"),
                "{expected} in {problems}"
            );
            assert!(problems.contains('^'), "{problems}");
        }
    }

    #[test]
    fn every_key_belongs_to_every_kind_or_to_some() {
        for key in schema::NOTIFY.keys {
            let is_some = WAYS.iter().any(|way| {
                let (needed, possible) = keys(way.value);
                needed.contains(&key.name) || possible.contains(&key.name)
            });
            assert!(is_some != COMMON.contains(&key.name), "{}", key.name);
        }
    }
}
