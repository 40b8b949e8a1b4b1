//! Syslog (RFC 5424) by UDP (RFC 5426), TCP with counted octets (RFC 6587 section 3.4.1) or TLS (RFC 5425).
//!
//! Syslog has no answer. A stream is opened for each message and closed after it, and the close is waited for a moment: so a
//! receiver that has gone is noticed with the message that it did not get, not with the one after. After a datagram the
//! system is asked whether the other machine said that nobody listens; silence counts as arrived.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use super::connection::{Connection, failed, resolve};
use super::{Failure, TransportError, trust};
use crate::clean::{shorten, shorten_bytes};
use crate::delivery::{Delivery, utc};
use crate::notice::Severity;
use crate::options::{SyslogOptions, SyslogTransport};

/// How long a refusal of a datagram is waited for.
const REFUSAL: Duration = Duration::from_millis(100);
/// How long the end of a stream is waited for.
const FAREWELL: Duration = Duration::from_secs(1);
/// Bytes that the structured data leaves to the text.
const TEXT_BYTES: usize = 160;

/// The way to a syslog server.
#[derive(Debug)]
pub(crate) struct Syslog {
    options: SyslogOptions,
    tls: Option<Arc<ClientConfig>>,
    timeout: Duration,
}

impl Syslog {
    pub(super) fn open(options: &SyslogOptions, timeout: Duration) -> Result<Self, TransportError> {
        let tls = match options.transport {
            SyslogTransport::Tls => Some(trust::configuration(options.ca_file.as_deref())?),
            _ => None,
        };
        Ok(Self { options: options.clone(), tls, timeout })
    }

    pub(super) fn target(&self) -> String {
        let SyslogOptions { host, port, .. } = &self.options;
        let scheme = match self.options.transport {
            SyslogTransport::Udp => "syslog+udp",
            SyslogTransport::Tcp => "syslog+tcp",
            SyslogTransport::Tls => "syslog+tls",
        };
        format!("{scheme}://{host}:{port}")
    }

    pub(super) fn send(&self, delivery: &Delivery) -> Result<(), Failure> {
        let message = format(&self.options, delivery);
        match self.options.transport {
            SyslogTransport::Udp => self.datagram(message.as_bytes()),
            SyslogTransport::Tcp | SyslogTransport::Tls => self.stream(&message),
        }
    }

    fn datagram(&self, message: &[u8]) -> Result<(), Failure> {
        let addresses = resolve(&self.options.host, self.options.port)?;
        let Some(address) = addresses.first() else {
            return Err(Failure::temporary("the host has no address"));
        };
        let here = if address.is_ipv4() {
            UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
        } else {
            UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))
        };
        let sent = here.and_then(|socket| {
            socket.connect(address)?;
            socket.send(message)?;
            socket.set_read_timeout(Some(REFUSAL))?;
            match socket.recv(&mut [0; 16]) {
                Err(cause) if cause.kind() == ErrorKind::ConnectionRefused => Err(cause),
                _ => Ok(()),
            }
        });
        sent.map_err(|cause| failed("cannot send", &cause))
    }

    fn stream(&self, message: &str) -> Result<(), Failure> {
        let SyslogOptions { host, port, .. } = &self.options;
        let mut connection = Connection::open(host, *port, Instant::now() + self.timeout)?;
        if let Some(tls) = &self.tls {
            connection = connection.secure(host, tls)?;
        }
        let framed = format!("{} {message}", message.len());
        let sent = connection.write_all(framed.as_bytes()).and_then(|()| connection.finish(FAREWELL));
        sent.map_err(|cause| failed("cannot send", &cause))
    }
}

/// The message, within its length.
fn format(options: &SyslogOptions, delivery: &Delivery) -> String {
    let most = usize::try_from(options.max_bytes).unwrap_or(usize::MAX);
    // RFC 5424 section 6.2.1: informational, warning, critical.
    let severity = match delivery.batch.severity {
        Severity::Info => 6,
        Severity::Warning => 4,
        Severity::Critical => 2,
    };
    let kind = if delivery.is_test {
        "test"
    } else if delivery.is_digest() {
        "digest"
    } else {
        "notice"
    };
    let mut message = format!(
        "<{}>1 {} {} hemicycle - {kind} ",
        u32::from(options.facility) * 8 + severity,
        utc(delivery.newest().map_or(0, |newest| newest.notice.time)),
        shorten_ascii(&options.host_name, 128),
    );
    data(&mut message, options, delivery, most.saturating_sub(TEXT_BYTES));
    let prose = delivery.prose(most);
    let lines: Vec<&str> = prose.lines().filter(|line| !line.is_empty()).collect();
    let text = format!("{}: {}", delivery.headline(), lines.join("; "));
    // The mark of UTF-8 only where it says something: many receivers show it.
    message.push_str(if text.is_ascii() { " " } else { " \u{feff}" });
    message.push_str(&shorten_bytes(&text, most.saturating_sub(message.len())));
    message
}

/// The structured data, as much of it as there is room for.
fn data(message: &mut String, options: &SyslogOptions, delivery: &Delivery, most: usize) {
    let covers = delivery.batch.covers();
    let mut values = vec![
        ("delivery", delivery.id.clone()),
        ("severity", delivery.batch.severity.name().to_owned()),
        ("starts", covers.starts.to_string()),
        ("updates", covers.updates.to_string()),
        ("ends", covers.ends.to_string()),
    ];
    if delivery.lost > 0 {
        values.push(("lost", delivery.lost.to_string()));
    }
    if let Some(newest) = delivery.newest().filter(|_| !delivery.is_digest()) {
        let notice = &newest.notice;
        values.push(("phase", newest.phase().name().to_owned()));
        values.push(("kind", notice.kind.clone()));
        values.push(("subject", notice.subject.clone()));
        values.push(("services", shorten(&notice.services.join(","), 200)));
        values.extend(notice.link.clone().map(|link| ("link", link)));
    }
    let _ = write!(message, "[{}", options.data_id);
    for (name, value) in values {
        let mut escaped = String::new();
        for character in value.chars() {
            // RFC 5424 section 6.3.3.
            if matches!(character, '"' | '\\' | ']') {
                escaped.push('\\');
            }
            escaped.push(character);
        }
        let element = format!(" {name}=\"{escaped}\"");
        if message.len() + element.len() < most {
            message.push_str(&element);
        }
    }
    message.push(']');
}

fn shorten_ascii(text: &str, bytes: usize) -> &str {
    text.get(..bytes).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::damper::{Batch, Covers, Entry};
    use crate::notice::{Notice, Phase};

    fn delivery(title: &str) -> Delivery {
        let notice = Notice {
            time: 1_795_795_200_123_456_789,
            severity: Severity::Critical,
            kind: "flood".into(),
            subject: "a]b\"c\\d".into(),
            topic: String::new(),
            phase: Phase::Start,
            title: title.into(),
            text: "one\ntwo".into(),
            services: vec!["www".into(), "dns".into()],
            organisations: vec![],
            link: None,
            body: Value::Null,
        };
        let batch = Batch {
            entries: vec![Entry::new(notice)],
            more: Covers::default(),
            severity: Severity::Critical,
        };
        Delivery::new("siem", batch, 0)
    }

    #[test]
    fn a_message_has_the_form_of_the_standard() {
        let options = SyslogOptions::new("127.0.0.1", 514, SyslogTransport::Udp);
        let delivery = delivery("syn_flood");
        let expected = format!(
            "<130>1 2026-11-27T16:00:00.123Z hemicycle hemicycle - notice [hemicycle@32473 delivery=\"{}\" \
             severity=\"critical\" starts=\"1\" updates=\"0\" ends=\"0\" phase=\"start\" kind=\"flood\" \
             subject=\"a\\]b\\\"c\\\\d\" services=\"www,dns\"] critical: syn_flood: one; two; \
             Time: 2026-11-27T16:00:00.123Z; Services: www, dns",
            delivery.id
        );
        assert_eq!(format(&options, &delivery), expected);
    }

    #[test]
    fn a_message_keeps_its_length_and_its_line() {
        for bytes in [480, 600, 2_048] {
            let mut options = SyslogOptions::new("127.0.0.1", 514, SyslogTransport::Udp);
            options.max_bytes = bytes;
            options.host_name = "h".repeat(255);
            let mut long = delivery(&"é".repeat(200));
            long.batch.entries[0].notice.text = "ä\n".repeat(2_000);
            long.batch.entries[0].notice.subject = "]".repeat(128);
            let message = format(&options, &long);
            assert!(message.len() <= usize::try_from(bytes).unwrap(), "{} {bytes}", message.len());
            assert!(!message.contains('\n') && message.contains("] \u{feff}critical: "), "{message}");
        }
    }
}
