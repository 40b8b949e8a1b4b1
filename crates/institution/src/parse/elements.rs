//! Organisations, zones, nodes, services and groups.

use ipnet::IpNet;

use super::{Builder, OWN};
use crate::kinds::{Criticality, Exposure, NodeKind, OrganisationKind};
use crate::model::{
    Capacity, Group, Node, Organisation, OrganisationId, PortRange, Prefix, PrefixId, Service, TargetLevel,
    Zone, ZoneId,
};
use crate::needs::Element;
use crate::reader::{Placed, Span, Value};
use crate::schema;

impl<'t, 'i> Builder<'t, 'i> {
    pub(super) fn read_organisations(&mut self) {
        for item in std::mem::take(&mut self.organisations) {
            let mut organisation = organisation(&item.name);
            if let Some(table) = self.reader.table(item.value, &item.heading, &schema::ORGANISATION) {
                if let Some(name) = self.reader.optional_text(table.get("name")) {
                    organisation.name = name;
                }
                let kind = self.reader.choice(table.get("kind"), OrganisationKind::CHOICES);
                self.check_kind(&item.name, &item.heading, kind, table.get("kind"));
                organisation.kind = kind.unwrap_or(OrganisationKind::Own);
                let monitored = self.reader.flag(table.get("monitored"));
                organisation.monitored = monitored.unwrap_or(organisation.kind == OrganisationKind::Own);
                organisation.contact = self.reader.optional_text(table.get("contact"));
            }
            self.model.organisations.push(organisation);
        }
        if !self.model.organisations.iter().any(|organisation| organisation.id == OWN) {
            self.model.organisations.push(organisation(OWN));
        }
    }

    fn check_kind(
        &mut self,
        name: &str,
        heading: &Span,
        kind: Option<OrganisationKind>,
        value: Option<&Value<'_>>,
    ) {
        if name == OWN {
            if let Some(value) = value
                && kind.is_some_and(|kind| kind != OrganisationKind::Own)
            {
                self.reader.error(value.span(), "the organisation `own` is always of kind `own`");
            }
        } else if value.is_none() {
            let help =
                "parties, contractors, providers and authorities are outside our control, which must be said";
            self.reader.error_with_help(heading.clone(), "[organisation.NAME] lacks the key `kind`", help);
        }
    }

    pub(super) fn read_zones(&mut self) {
        for (number, item) in std::mem::take(&mut self.zones).into_iter().enumerate() {
            let mut zone = Zone {
                id: item.name.clone(),
                name: item.name.clone(),
                organisation: OrganisationId(0),
                prefixes: Vec::new(),
                exposure: Exposure::Internal,
                target_level: TargetLevel::Outlook,
                protected: true,
            };
            if let Some(table) = self.reader.table(item.value, &item.heading, &schema::ZONE) {
                if let Some(name) = self.reader.optional_text(table.get("name")) {
                    zone.name = name;
                }
                zone.organisation = self.organisation(table.get("organisation"));
                if let Some(exposure) = self.reader.choice(table.get("exposure"), Exposure::CHOICES) {
                    zone.exposure = exposure;
                }
                zone.target_level = self.target_level(table.get("target_level"));
                let ours = self.model.organisations.get(zone.organisation.index());
                let ours = ours.is_none_or(|organisation| organisation.kind == OrganisationKind::Own);
                zone.protected = self.reader.flag(table.get("protected")).unwrap_or(ours);
                let networks = self.reader.networks(table.get("prefixes"));
                if networks.is_empty() && table.get("prefixes").is_some_and(is_empty_list) {
                    self.reader.error(item.heading.clone(), format!("zone `{}` has no prefix", item.name));
                }
                self.add_prefixes(&mut zone, ZoneId(number as u16), networks);
            }
            self.model.zones.push(zone);
        }
    }

    fn add_prefixes(&mut self, zone: &mut Zone, id: ZoneId, networks: Vec<Placed<IpNet>>) {
        for network in networks {
            if network.value.prefix_len() == 0 {
                self.reader.error(network.span, "a zone cannot hold every address");
                continue;
            }
            zone.prefixes.push(PrefixId(self.model.prefixes.len() as u32));
            self.model.prefixes.push(Prefix { network: network.value, zone: id, protected: zone.protected });
            self.places.prefixes.push(network.span);
        }
    }

    fn target_level(&mut self, value: Option<&Value<'_>>) -> TargetLevel {
        let Some(value) = value else { return TargetLevel::Outlook };
        if value.get_ref().as_str() == Some("outlook") {
            return TargetLevel::Outlook;
        }
        if value.get_ref().is_str() {
            self.reader.error(value.span(), "expected 0 to 4, or \"outlook\"");
            return TargetLevel::Outlook;
        }
        self.reader.whole(value, 0..=4).map_or(TargetLevel::Outlook, |level| TargetLevel::Fixed(level as u8))
    }

    pub(super) fn read_nodes(&mut self) {
        for (number, item) in std::mem::take(&mut self.nodes).into_iter().enumerate() {
            let mut node = Node {
                id: item.name.clone(),
                kind: NodeKind::Other,
                zone: None,
                organisation: OrganisationId(0),
                provider: None,
                addresses: Vec::new(),
                capacity: Capacity::default(),
                shared_cause: Vec::new(),
                needs: None,
            };
            if let Some(table) = self.reader.table(item.value, &item.heading, &schema::NODE) {
                if let Some(kind) = self.reader.choice(table.get("kind"), NodeKind::CHOICES) {
                    node.kind = kind;
                }
                node.zone = self.zone(table.get("zone"));
                node.organisation = self.organisation(table.get("organisation"));
                node.provider = self.reader.optional_text(table.get("provider"));
                let addresses = self.reader.addresses(table.get("addresses"));
                node.addresses = addresses.into_iter().map(|address| address.value).collect();
                node.capacity = self.capacity(table.get("capacity"));
                node.shared_cause = self.causes(table.get("shared_cause"));
                let id = crate::model::NodeId(number as u16);
                node.needs = self.needs(Element::Node(id), table.get("needs"));
            }
            self.places.nodes.push(item.heading);
            self.model.nodes.push(node);
        }
    }

    fn capacity(&mut self, value: Option<&'t Value<'i>>) -> Capacity {
        let Some(value) = value else { return Capacity::default() };
        let Some(table) = self.reader.table(value, &value.span(), &schema::CAPACITY) else {
            return Capacity::default();
        };
        Capacity {
            bits_per_second: self.reader.rate(table.get("bits_per_second")),
            packets_per_second: self.reader.rate(table.get("packets_per_second")),
            new_connections_per_second: self.reader.rate(table.get("new_connections_per_second")),
            table_entries: self.reader.rate(table.get("table_entries")),
            queries_per_second: self.reader.rate(table.get("queries_per_second")),
        }
    }

    pub(super) fn read_services(&mut self) {
        for (number, item) in std::mem::take(&mut self.services).into_iter().enumerate() {
            let mut service = Service {
                id: item.name.clone(),
                description: None,
                zone: ZoneId(0),
                organisation: OrganisationId(0),
                addresses: Vec::new(),
                ports: Vec::new(),
                names: Vec::new(),
                criticality: Criticality::Supporting,
                capacity: Capacity::default(),
                shared_cause: Vec::new(),
                needs: None,
                workaround: None,
            };
            let (mut addresses, mut names) = (Vec::new(), Vec::new());
            if let Some(table) = self.reader.table(item.value, &item.heading, &schema::SERVICE) {
                service.description = self.reader.optional_text(table.get("description"));
                service.zone = self.zone(table.get("zone")).unwrap_or(ZoneId(u16::MAX));
                service.organisation = self.organisation(table.get("organisation"));
                addresses = self.reader.addresses(table.get("addresses"));
                service.ports = self.ports(table.get("ports"));
                names = self.domain_names(table.get("names"));
                let criticality = self.reader.choice(table.get("criticality"), Criticality::CHOICES);
                service.criticality = criticality.unwrap_or(Criticality::Supporting);
                service.capacity = self.capacity(table.get("capacity"));
                service.shared_cause = self.causes(table.get("shared_cause"));
                let id = crate::model::ServiceId(number as u16);
                service.needs = self.needs(Element::Service(id), table.get("needs"));
                service.workaround = self.reader.optional_text(table.get("workaround"));
            }
            service.addresses = addresses.iter().map(|address| address.value).collect();
            service.names = names.iter().map(|name| name.value.clone()).collect();
            self.places.service_addresses.push(addresses.into_iter().map(|address| address.span).collect());
            self.places.service_names.push(names.into_iter().map(|name| name.span).collect());
            self.places.services.push(item.heading);
            self.model.services.push(service);
        }
    }

    fn ports(&mut self, value: Option<&Value<'_>>) -> Vec<PortRange> {
        let mut ports = Vec::new();
        for value in self.reader.list(value) {
            let Some(text) = self.reader.text(value) else { continue };
            match super::traffic::port_range(&text.value) {
                Some(range) => ports.push(range),
                None => self.not_ports(&text),
            }
        }
        ports
    }

    fn domain_names(&mut self, value: Option<&Value<'_>>) -> Vec<Placed<String>> {
        let mut names = Vec::new();
        for value in self.reader.list(value) {
            let Some(text) = self.reader.text(value) else { continue };
            let name = text.value.trim_end_matches('.').to_lowercase();
            if is_domain_name(&name) {
                names.push(Placed { value: name, span: text.span });
            } else {
                let message = format!("`{}` is not a domain name", crate::reader::shortened(&text.value));
                self.reader.error_with_help(
                    text.span,
                    message,
                    "such as \"www.parliament.example\", without scheme or path",
                );
            }
        }
        names
    }

    pub(super) fn read_groups(&mut self) {
        for item in std::mem::take(&mut self.groups) {
            let mut group = Group { id: item.name.clone(), services: Vec::new(), networks: Vec::new() };
            if let Some(table) = self.reader.table(item.value, &item.heading, &schema::GROUP) {
                for value in self.reader.list(table.get("services")) {
                    group.services.extend(self.service(value));
                }
                let addresses = self.reader.addresses(table.get("addresses"));
                group.networks.extend(addresses.into_iter().map(|address| IpNet::from(address.value)));
                let networks = self.reader.networks(table.get("prefixes"));
                group.networks.extend(networks.into_iter().map(|network| network.value));
                let named = ["services", "addresses", "prefixes"];
                if named.iter().all(|key| table.get(key).is_none_or(is_empty_list)) {
                    let help = "name `services`, `addresses` or `prefixes`";
                    self.reader.error_with_help(
                        item.heading,
                        format!("group `{}` is empty", item.name),
                        help,
                    );
                }
            }
            self.model.groups.push(group);
        }
    }
}

fn organisation(id: &str) -> Organisation {
    Organisation {
        id: id.to_owned(),
        name: id.to_owned(),
        kind: OrganisationKind::Own,
        monitored: true,
        contact: None,
    }
}

fn is_empty_list(value: &Value<'_>) -> bool {
    value.get_ref().as_array().is_some_and(|list| list.is_empty())
}

/// Labels of letters (of any script), digits, hyphens and underscores; a leading `*` label is allowed.
fn is_domain_name(name: &str) -> bool {
    const MAXIMUM_LABEL: usize = 63;
    const MAXIMUM_NAME: usize = 253;
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= MAXIMUM_LABEL
            && label
                .chars()
                .all(|character| character.is_alphanumeric() || character == '-' || character == '_')
    };
    name.len() <= MAXIMUM_NAME && name.strip_prefix("*.").unwrap_or(name).split('.').all(label)
}
