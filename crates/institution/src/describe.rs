//! A file in a few lines, for `hemicycle check` and its `--json`.

use std::fmt;

use serde::Serialize;

use crate::kinds::Criticality;
use crate::model::Institution;

/// What a file declares, and what is probably a mistake in it.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Always `institution`, to tell the line from others.
    pub kind: &'static str,
    /// Name of the institution.
    pub name: String,
    /// IANA name of its time zone.
    pub time_zone: Option<String>,
    /// How many of what.
    pub counts: Counts,
    /// What can be worked with but is probably a mistake or a gap.
    pub warnings: Vec<Notice>,
    /// How many more warnings there were than are kept.
    pub warnings_omitted: usize,
}

/// How many of what a file declares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Organisations, the institution itself included.
    pub organisations: usize,
    /// Zones.
    pub zones: usize,
    /// Prefixes of all zones.
    pub prefixes: usize,
    /// Prefixes of protected zones.
    pub protected_prefixes: usize,
    /// Links, firewalls and other elements.
    pub nodes: usize,
    /// Services.
    pub services: usize,
    /// Services whose loss stops the institution.
    pub essential_services: usize,
    /// Addresses of all services, each counted once.
    pub addresses: usize,
    /// Groups.
    pub groups: usize,
    /// Devices that may send flow records.
    pub exporters: usize,
    /// Things that several elements share.
    pub shared_causes: usize,
    /// Conduits between zones.
    pub conduits: usize,
    /// Networks that are never filtered.
    pub allowed_networks: usize,
    /// Detector settings of single targets.
    pub target_settings: usize,
    /// Maintenance windows.
    pub maintenance_windows: usize,
    /// Times in which many people will come.
    pub expected_crowds: usize,
    /// Mutes.
    pub mutes: usize,
}

/// One warning.
#[derive(Clone, Debug, Serialize)]
pub struct Notice {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What it is.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// Sums up a file.
pub fn describe(institution: &Institution) -> Summary {
    let mut addresses: Vec<_> = institution.services.iter().flat_map(|service| &service.addresses).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let essential = |criticality| criticality == Criticality::Essential;
    let counts = Counts {
        organisations: institution.organisations.len(),
        zones: institution.zones.len(),
        prefixes: institution.prefixes.len(),
        protected_prefixes: institution.prefixes.iter().filter(|prefix| prefix.protected).count(),
        nodes: institution.nodes.len(),
        services: institution.services.len(),
        essential_services: institution
            .services
            .iter()
            .filter(|service| essential(service.criticality))
            .count(),
        addresses: addresses.len(),
        groups: institution.groups.len(),
        exporters: institution.exporters.len(),
        shared_causes: institution.causes.len(),
        conduits: institution.conduits.len(),
        allowed_networks: institution.allow.len(),
        target_settings: institution.detect.targets.len(),
        maintenance_windows: institution.detect.maintenance.len(),
        expected_crowds: institution.detect.expected.len(),
        mutes: institution.detect.mutes.len(),
    };
    let notices = institution.warnings.list().iter().map(|warning| Notice {
        line: warning.line,
        column: warning.column,
        message: warning.message.clone(),
        help: warning.help.clone(),
    });
    Summary {
        kind: "institution",
        name: institution.name.clone(),
        time_zone: institution.time_zone.iana_name().map(str::to_owned),
        counts,
        warnings: notices.collect(),
        warnings_omitted: institution.warnings.omitted(),
    }
}

/// The counts without the warnings, which [`crate::Problems::render`] shows with their places.
impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        writeln!(formatter, "{} ({})", self.name, self.time_zone.as_deref().unwrap_or("time zone unknown"))?;
        let lines = [
            (counts.organisations, "organisations".to_owned()),
            (counts.zones, "zones".to_owned()),
            (counts.prefixes, format!("prefixes, {} of them protected", counts.protected_prefixes)),
            (counts.nodes, "nodes".to_owned()),
            (counts.shared_causes, "shared causes".to_owned()),
            (counts.services, format!("services, {} of them essential", counts.essential_services)),
            (counts.addresses, "addresses of services".to_owned()),
            (counts.groups, "groups".to_owned()),
            (counts.exporters, "exporters".to_owned()),
            (counts.conduits, "conduits".to_owned()),
            (counts.allowed_networks, "networks never filtered".to_owned()),
        ];
        for (count, what) in lines {
            writeln!(formatter, "{count:>6} {what}")?;
        }
        let settings = [
            (counts.target_settings, "targets with settings"),
            (counts.maintenance_windows, "maintenance windows"),
            (counts.expected_crowds, "expected crowds"),
            (counts.mutes, "mutes"),
        ];
        for (count, what) in settings.into_iter().filter(|&(count, _)| count > 0) {
            writeln!(formatter, "{count:>6} {what}")?;
        }
        let warnings = self.warnings.len() + self.warnings_omitted;
        writeln!(formatter, "{warnings:>6} warnings")
    }
}
