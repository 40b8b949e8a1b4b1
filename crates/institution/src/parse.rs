//! From text to [`Institution`]: syntax, then names, then the tables, then what only shows when all is known.

mod check;
mod detect;
mod elements;
mod needs;
mod traffic;

pub use check::MAXIMUM_SERVICES_PER_ADDRESS;
pub use detect::MAXIMUM_TARGET_SETTINGS;
pub use needs::{MAXIMUM_NEEDS_DEPTH, MAXIMUM_NEEDS_ELEMENTS};
pub use traffic::{SHORTEST_ALLOWED_IPV4, SHORTEST_ALLOWED_IPV6};

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::index::Index;
use crate::model::{
    Cause, CauseId, Detect, GroupId, House, Institution, NodeId, OrganisationId, Proxies, ServiceId, Target,
    ZoneId,
};
use crate::needs::Element;
use crate::problem::Problems;
use crate::reader::{Placed, Reader, Span, Table, Value, as_network, in_file_order, shortened};
use crate::schema;

/// Largest file, in bytes.
pub const MAXIMUM_FILE_BYTES: usize = 4 << 20;
/// Most organisations, zones, nodes, services, groups, exporters and shared causes, each.
pub const MAXIMUM_ITEMS: usize = 10_000;

/// The name of the organisation that is the institution itself.
pub const OWN: &str = "own";
/// The name that stands for everything outside all zones.
pub const INTERNET: &str = "internet";

/// Reads an institution file.
///
/// # Errors
/// Everything that is wrong with it, up to [`crate::MAXIMUM_PROBLEMS`] (the rest is counted): first what
/// is no TOML, and only if there is nothing of that kind, what the file says wrongly.
pub fn parse(file_name: &str, text: &str) -> Result<Institution, Problems> {
    let mut reader = Reader::new(file_name, text);
    if text.len() > MAXIMUM_FILE_BYTES {
        let message = format!("the file has {} bytes; at most {MAXIMUM_FILE_BYTES} are read", text.len());
        reader.error(0..0, message);
        return Err(reader.errors.finish());
    }
    let Some(document) = reader.document(text) else { return Err(reader.errors.finish()) };
    let top = reader.open(document.get_ref(), &(0..0), &schema::TOP);
    let mut builder = Builder::new(reader, top);
    builder.read(top);
    builder.finish()
}

/// A table that the writer has named, such as `[zone.public]`.
struct Named<'t, 'i> {
    name: String,
    heading: Span,
    value: &'t Value<'i>,
}

/// Names to places in the lists of the model.
#[derive(Default)]
struct Names {
    organisations: BTreeMap<String, u16>,
    zones: BTreeMap<String, u16>,
    nodes: BTreeMap<String, u16>,
    services: BTreeMap<String, u16>,
    groups: BTreeMap<String, u16>,
}

/// Where things stand that are compared with each other after everything is read.
#[derive(Default)]
struct Places {
    prefixes: Vec<Span>,
    services: Vec<Span>,
    nodes: Vec<Span>,
    service_addresses: Vec<Vec<Span>>,
    service_names: Vec<Vec<Span>>,
    exporters: Vec<Span>,
    needs: Vec<Need>,
}

/// That one element needs another.
struct Need {
    from: Element,
    to: Element,
    span: Span,
}

struct Builder<'t, 'i> {
    reader: Reader,
    names: Names,
    places: Places,
    organisations: Vec<Named<'t, 'i>>,
    zones: Vec<Named<'t, 'i>>,
    nodes: Vec<Named<'t, 'i>>,
    services: Vec<Named<'t, 'i>>,
    groups: Vec<Named<'t, 'i>>,
    exporters: Vec<Named<'t, 'i>>,
    causes: BTreeMap<String, CauseId>,
    model: Institution,
}

impl<'t, 'i> Builder<'t, 'i> {
    /// Collects the names, so that everything may be used before it is declared.
    fn new(mut reader: Reader, top: Table<'t, 'i>) -> Self {
        let mut names = Names::default();
        let organisations = named(&mut reader, top.get("organisation"));
        let zones = named(&mut reader, top.get("zone"));
        let nodes = named(&mut reader, top.get("node"));
        let services = named(&mut reader, top.get("service"));
        let groups = named(&mut reader, top.get("group"));
        let exporters = named(&mut reader, top.get("exporter"));
        let number = |list: &[Named<'_, '_>]| -> BTreeMap<String, u16> {
            list.iter().enumerate().map(|(number, item)| (item.name.clone(), number as u16)).collect()
        };
        names.organisations = number(&organisations);
        let next = names.organisations.len() as u16;
        names.organisations.entry(OWN.to_owned()).or_insert(next);
        names.zones = number(&zones);
        names.nodes = number(&nodes);
        names.services = number(&services);
        names.groups = number(&groups);
        for zone in zones.iter().filter(|zone| zone.name == INTERNET) {
            let message = "`internet` is everything that no zone holds; it cannot be declared";
            reader.error(zone.heading.clone(), message);
        }
        let mut builder = Self {
            reader,
            names,
            places: Places::default(),
            organisations,
            zones,
            nodes,
            services,
            groups,
            exporters,
            causes: BTreeMap::new(),
            model: empty(),
        };
        builder.refuse_names_used_twice();
        builder
    }

    /// Needs and targets are written as bare names, so these must not mean two things.
    fn refuse_names_used_twice(&mut self) {
        let kinds = [("node", &self.nodes), ("service", &self.services), ("group", &self.groups)];
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for (kind, list) in kinds {
            for item in list {
                if let Some(other) = seen.insert(&item.name, kind) {
                    let message = format!("`{}` is the name of a {other} already", item.name);
                    let help = "nodes, services and groups share one set of names";
                    self.reader.error_with_help(item.heading.clone(), message, help);
                }
            }
        }
    }

    fn read(&mut self, top: Table<'t, 'i>) {
        self.read_institution(top.get("institution"));
        self.read_organisations();
        self.read_zones();
        self.read_nodes();
        self.read_services();
        self.read_groups();
        self.read_exporters();
        self.read_proxies(top.get("proxies"));
        self.read_conduits(top.get("conduit"));
        self.read_allow(top.get("allow"));
        self.read_detect(top.get("detect"));
    }

    fn finish(mut self) -> Result<Institution, Problems> {
        check::prefixes(&mut self);
        // The index needs every list in place, and the checks of addresses need the index.
        self.model.index = Index::new(&self.model);
        check::addresses(&mut self);
        check::exporters(&mut self);
        check::cycles(&mut self);
        if !self.reader.errors.is_empty() {
            return Err(self.reader.errors.finish());
        }
        check::warnings(&mut self);
        self.model.warnings = self.reader.warnings.finish();
        Ok(self.model)
    }

    fn read_institution(&mut self, value: Option<&'t Value<'i>>) {
        let Some(value) = value else { return };
        let Some(table) = self.reader.table(value, &value.span(), &schema::INSTITUTION) else { return };
        if let Some(name) = self.reader.optional_text(table.get("name")) {
            self.model.name = name;
        }
        if let Some(zone) = table.get("time_zone").and_then(|value| self.reader.text(value)) {
            self.read_time_zone(&zone);
        }
        if let Some(code) = table.get("country").and_then(|value| self.reader.text(value)) {
            if code.value.len() == 2 && code.value.bytes().all(|byte| byte.is_ascii_uppercase()) {
                self.model.country = Some(code.value);
            } else {
                let message = format!("`{}` is not a country code", shortened(&code.value));
                self.reader.error_with_help(code.span, message, "two capital letters, such as \"BE\"");
            }
        }
        if let Some(house) = self.reader.choice(table.get("house"), House::CHOICES) {
            self.model.house = house;
        }
    }

    fn read_time_zone(&mut self, name: &Placed<String>) {
        match TimeZone::get(&name.value) {
            Ok(zone) => {
                self.reader.time_zone = zone.clone();
                self.model.time_zone = zone;
            }
            Err(_) => {
                let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
                let known = known.iter().map(String::as_str);
                self.reader.unknown(name.span.clone(), "there is no time zone", &name.value, known);
            }
        }
    }

    fn organisation(&mut self, value: Option<&Value<'_>>) -> OrganisationId {
        let own = OrganisationId(self.names.organisations.get(OWN).copied().unwrap_or(0));
        let Some(text) = value.and_then(|value| self.reader.text(value)) else { return own };
        let known = &self.names.organisations;
        resolve(&mut self.reader, &text, "organisation", known).map_or(own, OrganisationId)
    }

    fn zone(&mut self, value: Option<&Value<'_>>) -> Option<ZoneId> {
        let text = self.reader.text(value?)?;
        resolve(&mut self.reader, &text, "zone", &self.names.zones).map(ZoneId)
    }

    fn service(&mut self, value: &Value<'_>) -> Option<ServiceId> {
        let text = self.reader.text(value)?;
        resolve(&mut self.reader, &text, "service", &self.names.services).map(ServiceId)
    }

    /// A service, a group, an address or a prefix.
    fn target(&mut self, text: &Placed<String>) -> Option<Target> {
        if let Some(network) = as_network(&text.value) {
            return self
                .reader
                .good_network(network, text.span.clone())
                .map(|network| Target::Network(network.value));
        }
        if let Some(&service) = self.names.services.get(&text.value) {
            return Some(Target::Service(ServiceId(service)));
        }
        if let Some(&group) = self.names.groups.get(&text.value) {
            return Some(Target::Group(GroupId(group)));
        }
        let known = self.names.services.keys().chain(self.names.groups.keys()).map(String::as_str);
        self.reader.unknown(text.span.clone(), "there is no service or group", &text.value, known);
        None
    }

    fn element(&mut self, text: &Placed<String>) -> Option<Element> {
        if let Some(&node) = self.names.nodes.get(&text.value) {
            return Some(Element::Node(NodeId(node)));
        }
        if let Some(&service) = self.names.services.get(&text.value) {
            return Some(Element::Service(ServiceId(service)));
        }
        let known = self.names.nodes.keys().chain(self.names.services.keys()).map(String::as_str);
        self.reader.unknown(text.span.clone(), "there is no node or service", &text.value, known);
        None
    }

    fn causes(&mut self, value: Option<&'t Value<'i>>) -> Vec<CauseId> {
        let mut causes = Vec::new();
        for value in self.reader.list(value) {
            let Some(text) = self.reader.text(value) else { continue };
            if !self.reader.good_name(&text.value, &text.span) {
                continue;
            }
            if self.causes.len() >= MAXIMUM_ITEMS && !self.causes.contains_key(&text.value) {
                self.reader.error(text.span, format!("there are more than {MAXIMUM_ITEMS} shared causes"));
                break;
            }
            let next = CauseId(self.causes.len() as u16);
            let id = *self.causes.entry(text.value.clone()).or_insert(next);
            if id == next {
                self.model.causes.push(Cause { id: text.value });
            }
            if !causes.contains(&id) {
                causes.push(id);
            }
        }
        causes
    }
}

/// The tables under one heading, in the order of the file, without those whose names cannot be used.
fn named<'t, 'i>(reader: &mut Reader, value: Option<&'t Value<'i>>) -> Vec<Named<'t, 'i>> {
    let Some(value) = value else { return Vec::new() };
    let Some(items) = value.get_ref().as_table() else {
        reader.error(value.span(), "here must be tables with names, such as `[zone.public]`");
        return Vec::new();
    };
    let mut list = Vec::new();
    for (key, value) in in_file_order(items) {
        if list.len() >= MAXIMUM_ITEMS {
            reader.error(key.span(), format!("there are more than {MAXIMUM_ITEMS} of this kind"));
            break;
        }
        if reader.good_name(key.get_ref(), &key.span()) {
            list.push(Named { name: key.get_ref().to_string(), heading: key.span(), value });
        }
    }
    list
}

fn resolve(
    reader: &mut Reader,
    text: &Placed<String>,
    what: &str,
    known: &BTreeMap<String, u16>,
) -> Option<u16> {
    let found = known.get(&text.value).copied();
    if found.is_none() {
        let known = known.keys().map(String::as_str);
        reader.unknown(text.span.clone(), &format!("there is no {what}"), &text.value, known);
    }
    found
}

fn empty() -> Institution {
    Institution {
        name: String::new(),
        time_zone: TimeZone::UTC,
        country: None,
        house: House::Parliament,
        organisations: Vec::new(),
        zones: Vec::new(),
        prefixes: Vec::new(),
        nodes: Vec::new(),
        services: Vec::new(),
        groups: Vec::new(),
        exporters: Vec::new(),
        causes: Vec::new(),
        conduits: Vec::new(),
        proxies: Proxies::default(),
        detect: Detect::default(),
        allow: Vec::new(),
        index: Index::default(),
        warnings: Problems::default(),
    }
}
