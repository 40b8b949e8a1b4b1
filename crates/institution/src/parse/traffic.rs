//! Exporters, proxies, conduits and the allow list.

use super::{Builder, INTERNET};
use crate::kinds::Transport;
use crate::model::{Conduit, End, Exporter, Permit, PortRange, Sampling};
use crate::reader::{Placed, Value, shortened};
use crate::schema;

/// Shortest IPv4 prefix on the allow list; a shorter one would let through much of the Internet.
pub const SHORTEST_ALLOWED_IPV4: u8 = 8;
/// Shortest IPv6 prefix on the allow list.
pub const SHORTEST_ALLOWED_IPV6: u8 = 16;

impl<'t, 'i> Builder<'t, 'i> {
    pub(super) fn read_exporters(&mut self) {
        for item in std::mem::take(&mut self.exporters) {
            let Some(table) = self.reader.table(item.value, &item.heading, &schema::EXPORTER) else {
                continue;
            };
            let address = table.get("address").and_then(|value| self.reader.address(value));
            let sampling = self.sampling(table.get("sampling"));
            let (mut external, mut internal) = (Vec::new(), Vec::new());
            if let Some(value) = table.get("interfaces")
                && let Some(faces) = self.reader.table(value, &value.span(), &schema::INTERFACES)
            {
                external = self.interfaces(faces.get("external"), &[]);
                internal = self.interfaces(faces.get("internal"), &external);
            }
            let mut zones = Vec::new();
            for value in self.reader.list(table.get("zones")) {
                zones.extend(self.zone(Some(value)));
            }
            let Some(address) = address else { continue };
            self.places.exporters.push(address.span);
            let address = address.value;
            self.model.exporters.push(Exporter {
                id: item.name,
                address,
                sampling,
                external,
                internal,
                zones,
            });
        }
    }

    fn sampling(&mut self, value: Option<&Value<'_>>) -> Sampling {
        let Some(value) = value else { return Sampling::Auto };
        if value.get_ref().as_str() == Some("auto") {
            return Sampling::Auto;
        }
        if value.get_ref().is_str() {
            self.reader.error(value.span(), "expected a whole number above 0, or \"auto\"");
            return Sampling::Auto;
        }
        self.reader.whole(value, 1..=u32::MAX).map_or(Sampling::Auto, Sampling::OneIn)
    }

    fn interfaces(&mut self, value: Option<&'t Value<'i>>, others: &[u32]) -> Vec<u32> {
        let mut list = Vec::new();
        for value in self.reader.list(value) {
            let Some(number) = self.reader.whole(value, 0..=u32::MAX) else { continue };
            if others.contains(&number) || list.contains(&number) {
                self.reader.error(value.span(), format!("interface {number} is listed twice"));
            } else {
                list.push(number);
            }
        }
        list
    }

    pub(super) fn read_proxies(&mut self, value: Option<&'t Value<'i>>) {
        self.model.proxies.header = "x-forwarded-for".to_owned();
        let Some(value) = value else { return };
        let Some(table) = self.reader.table(value, &value.span(), &schema::PROXIES) else { return };
        for network in self.reader.networks(table.get("trusted")) {
            if network.value.prefix_len() == 0 {
                self.reader.error(network.span, "believing everybody means believing attackers");
            } else {
                self.model.proxies.trusted.push(network.value);
            }
        }
        let Some(header) = table.get("header").and_then(|value| self.reader.text(value)) else { return };
        if header.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            self.model.proxies.header = header.value.to_ascii_lowercase();
        } else {
            self.reader
                .error(header.span, format!("`{}` is not the name of a header", shortened(&header.value)));
        }
    }

    pub(super) fn read_conduits(&mut self, value: Option<&'t Value<'i>>) {
        for value in self.reader.list(value) {
            let Some(table) = self.reader.table(value, &value.span(), &schema::CONDUIT) else { continue };
            let from = self.end(table.get("from"));
            let to = self.end(table.get("to"));
            let mut allow = Vec::new();
            for value in self.reader.list(table.get("allow")) {
                allow.extend(self.permit(value));
            }
            let reason = self.reader.optional_text(table.get("reason"));
            let (Some(from), Some(to)) = (from, to) else { continue };
            if from == to {
                self.reader.error(value.span(), "a conduit must join two different zones");
                continue;
            }
            self.model.conduits.push(Conduit { from, to, allow, reason });
        }
    }

    fn end(&mut self, value: Option<&Value<'_>>) -> Option<End> {
        let value = value?;
        if value.get_ref().as_str() == Some(INTERNET) {
            return Some(End::Internet);
        }
        self.zone(Some(value)).map(End::Zone)
    }

    fn permit(&mut self, value: &Value<'_>) -> Option<Permit> {
        let text = self.reader.text(value)?;
        let (ports, purpose) = match text.value.split_once(char::is_whitespace) {
            Some((ports, purpose)) => (ports, Some(purpose.trim().to_owned())),
            None => (text.value.as_str(), None),
        };
        let Some(ports) = port_range(ports) else {
            self.not_ports(&text);
            return None;
        };
        Some(Permit { ports, purpose })
    }

    pub(super) fn not_ports(&mut self, text: &Placed<String>) {
        let message = format!("`{}` names no ports", shortened(&text.value));
        self.reader.error_with_help(
            text.span.clone(),
            message,
            "write \"tcp/443\" or \"udp/8000-8100\"; `tcp`, `udp` and `sctp` are known",
        );
    }

    pub(super) fn read_allow(&mut self, value: Option<&'t Value<'i>>) {
        let Some(value) = value else { return };
        let Some(table) = self.reader.table(value, &value.span(), &schema::ALLOW) else { return };
        for network in self.reader.networks(table.get("prefixes")) {
            let is_v4 = matches!(network.value, ipnet::IpNet::V4(_));
            let shortest = if is_v4 { SHORTEST_ALLOWED_IPV4 } else { SHORTEST_ALLOWED_IPV6 };
            if network.value.prefix_len() < shortest {
                let message = format!("{} would let through much of the Internet", network.value);
                let help = format!("a prefix on this list has at least {shortest} bits");
                self.reader.error_with_help(network.span, message, help);
            } else {
                self.model.allow.push(network.value);
            }
        }
    }
}

/// `tcp/443`, `udp/8000-8100`.
pub(super) fn port_range(text: &str) -> Option<PortRange> {
    let (transport, ports) = text.split_once('/')?;
    let transport = Transport::CHOICES.iter().find(|choice| choice.word == transport)?.value;
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u16>().ok())?;
    let (first, last) = match ports.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(ports)?, number(ports)?),
    };
    (first <= last).then_some(PortRange { transport, first, last })
}
