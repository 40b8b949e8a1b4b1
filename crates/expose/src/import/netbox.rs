//! Answers of NetBox's API: prefixes become zones, circuits links, devices and virtual machines nodes.
//!
//! Either one answer (`{"results": [...]}`), a list, or several answers under names of one's own. What an object is, is found
//! from its keys; objects of other kinds are counted.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::Error;
use super::draft::{Draft, quoted_list, slug};

/// Deepest nesting of lists of objects.
const MAXIMUM_DEPTH: usize = 4;

pub(super) fn read(text: &str, draft: &mut Draft) -> Result<(), Error> {
    let value: Value = serde_json::from_str(text).map_err(|error| Error::Syntax {
        line: error.line(),
        message: error.to_string().chars().take(200).collect(),
    })?;
    let mut zones = Zones::new();
    walk(&value, MAXIMUM_DEPTH, &mut zones, draft);
    for (name, prefixes) in zones {
        if let Some(entry) = draft.entry("zone", &name, "prefixes of NetBox with this VLAN, role or VRF") {
            let list = quoted_list(prefixes.iter().map(IpNet::to_string));
            entry.set("prefixes", list, "prefixes of NetBox");
        }
    }
    Ok(())
}

/// Prefixes by the name of their zone.
type Zones = BTreeMap<String, BTreeSet<IpNet>>;

fn walk(value: &Value, depth: usize, zones: &mut Zones, draft: &mut Draft) {
    if depth == 0 {
        draft.skip("objects that are nested too deeply");
        return;
    }
    match value {
        Value::Array(list) => list.iter().for_each(|item| walk(item, depth - 1, zones, draft)),
        Value::Object(object) if !put(value, zones, draft) => {
            let inner: Vec<&Value> =
                object.values().filter(|value| value.is_array() || value.is_object()).collect();
            if inner.is_empty() {
                let keys: Vec<&str> = object.keys().take(6).map(String::as_str).collect();
                draft.skip_what("objects of other kinds", &format!("with {}", keys.join(", ")));
            }
            inner.into_iter().for_each(|value| walk(value, depth - 1, zones, draft));
        }
        Value::Object(_) => {}
        other => draft.skip_what("values where an object should be", &other.to_string()),
    }
}

/// Text of a field, or of the name or slug of the object in it.
fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    let field = value.get(key)?;
    let of = |name: &str| field.get(name).and_then(Value::as_str);
    field
        .as_str()
        .or_else(|| of("slug"))
        .or_else(|| of("name"))
        .or_else(|| of("value"))
        .filter(|text| !text.is_empty())
}

fn put(value: &Value, zones: &mut Zones, draft: &mut Draft) -> bool {
    if let Some(prefix) = text(value, "prefix") {
        zone(value, prefix, zones, draft);
    } else if let Some(circuit) = text(value, "cid") {
        link(value, circuit, draft);
    } else if value.get("primary_ip").is_some()
        || value.get("primary_ip4").is_some()
        || value.get("device_type").is_some()
    {
        machine(value, draft);
    } else {
        return false;
    }
    true
}

fn zone(value: &Value, prefix: &str, zones: &mut Zones, draft: &mut Draft) {
    let Ok(network) = prefix.parse::<IpNet>() else {
        draft.skip_what("prefixes that are none", prefix);
        return;
    };
    let name = ["vlan", "role", "vrf"]
        .iter()
        .find_map(|key| text(value, key))
        .or_else(|| text(value, "description"));
    let name = slug(name.unwrap_or(prefix));
    // Several prefixes of one role are one zone.
    zones.entry(name).or_default().insert(network.trunc());
}

fn link(value: &Value, circuit: &str, draft: &mut Draft) {
    let name = slug(circuit);
    let Some(entry) = draft.entry("node", &name, "a circuit of NetBox") else { return };
    entry.text("kind", "link", "a circuit");
    if let Some(provider) = text(value, "provider") {
        entry.text("provider", provider, "provider of the circuit");
    }
    // NetBox counts commit rates in kbit/s.
    match value.get("commit_rate").and_then(Value::as_f64).filter(|rate| *rate > 0.0) {
        Some(rate) => entry.set(
            "capacity",
            format!("{{ bits_per_second = {} }}", rate * 1e3),
            "commit rate of the circuit",
        ),
        None => entry.missing("capacity", "the circuit has no commit rate"),
    }
}

fn machine(value: &Value, draft: &mut Draft) {
    let Some(name) = text(value, "name").map(slug) else {
        draft.skip("machines without a name");
        return;
    };
    let role = text(value, "role").or_else(|| text(value, "device_role")).unwrap_or_default().to_lowercase();
    let kinds = [
        ("fire", "firewall"),
        ("balanc", "load_balancer"),
        ("switch", "switch"),
        ("rout", "router"),
        ("vpn", "vpn_gateway"),
        ("dns", "name_server"),
        ("hyperv", "hypervisor"),
        ("stor", "storage"),
        ("proxy", "proxy"),
        ("direct", "identity_provider"),
    ];
    let kind = kinds.iter().find(|(word, _)| role.contains(word)).map_or("server", |(_, kind)| kind);
    let Some(entry) = draft.entry("node", &name, "a machine of NetBox") else { return };
    entry.text("kind", kind, format!("its role is {role:?}"));
    let addresses = ["primary_ip", "primary_ip4", "primary_ip6"].iter().filter_map(|key| {
        let address = value.get(key)?.get("address")?.as_str()?;
        address.split('/').next()?.parse::<IpAddr>().ok()
    });
    let addresses: std::collections::BTreeSet<String> =
        addresses.map(|address| address.to_string()).collect();
    if !addresses.is_empty() {
        entry.set("addresses", quoted_list(addresses), "its primary addresses");
    }
    let causes: Vec<String> = ["site", "rack", "cluster"]
        .iter()
        .filter_map(|key| Some(format!("{key}-{}", slug(text(value, key)?))))
        .collect();
    if !causes.is_empty() {
        entry.set("shared_cause", quoted_list(causes), "site, rack and cluster, which fail for all at once");
    }
}
