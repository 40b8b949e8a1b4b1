//! What an election asks for: the threats of the NIS Cooperation Group's guidelines (March 2018), tied to what is ours.
//!
//! The threats are data ([`read`]: the MISP galaxy's form); what to prepare for each kind is written here.

use institution::{Criticality, Exposure, Institution, OrganisationKind};
use serde::Serialize;
use serde_json::Value;

use crate::problem::Problem;

/// Most threats.
const MAXIMUM_THREATS: usize = 256;

/// What kind of threat it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something is kept from answering.
    Flood,
    /// Somebody gets in, or changes something.
    Intrusion,
    /// Something leaks.
    Leak,
    /// A mistake of our own.
    Fault,
}

/// One scenario.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Scenario {
    /// `scenario`.
    pub kind: &'static str,
    /// The phase of the election: `setup`, `campaign`, `voting`, `all-phases`.
    pub phase: String,
    /// What it is about.
    pub area: String,
    /// The threat, in the guidelines' words.
    pub threat: String,
    /// What kind of threat it is.
    pub threat_kind: Kind,
    /// Services of ours that it would be about.
    pub services: Vec<String>,
    /// What to prepare.
    pub prepare: Vec<&'static str>,
}

/// Reads the guidelines and ties them to an institution.
///
/// # Errors
/// When the file is not JSON with `values`.
pub fn read(file: &str, text: &str, institution: Option<&Institution>) -> Result<Vec<Scenario>, Problem> {
    let empty = || Problem::Empty { file: file.to_owned() };
    let value: Value = serde_json::from_str(text).map_err(|_| empty())?;
    let values = value["values"].as_array().ok_or_else(empty)?;
    let mut scenarios = Vec::new();
    for value in values.iter().take(MAXIMUM_THREATS) {
        let (Some(threat), Some(chain)) = (value["value"].as_str(), value["meta"]["kill_chain"][0].as_str())
        else {
            continue;
        };
        let chain = chain.rsplit_once("threats:").map_or(chain, |(_, rest)| rest);
        let (phase, area) = chain.split_once('|').unwrap_or((chain, ""));
        let threat_kind = kind(threat);
        scenarios.push(Scenario {
            kind: "scenario",
            phase: phase.split('/').next().unwrap_or(phase).trim().to_owned(),
            area: area.trim().to_owned(),
            threat: threat.to_owned(),
            threat_kind,
            services: institution
                .map(|institution| services(institution, threat_kind, area))
                .unwrap_or_default(),
            prepare: prepare(threat_kind).to_vec(),
        });
    }
    Ok(scenarios)
}

fn kind(threat: &str) -> Kind {
    let lower = threat.to_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if any(&["dos", "overload"]) {
        Kind::Flood
    } else if any(&["leak", "breach of voters"]) {
        Kind::Leak
    } else if any(&["misconfiguration of a website", "software bug"]) {
        Kind::Fault
    } else {
        Kind::Intrusion
    }
}

/// Floods are about what everybody can reach; what gets in is about what matters most; campaigns are about parties.
fn services(institution: &Institution, kind: Kind, area: &str) -> Vec<String> {
    let fits = |service: &&institution::Service| {
        let open = institution[service.zone].exposure == Exposure::Internet;
        let party = institution[service.organisation].kind == OrganisationKind::Party;
        if area.contains("campaign") {
            return party;
        }
        match kind {
            Kind::Flood | Kind::Fault => open && !party,
            Kind::Intrusion | Kind::Leak => service.criticality == Criticality::Essential && !party,
        }
    };
    institution.services.iter().filter(fits).map(|service| service.id.clone()).collect()
}

fn prepare(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Flood => &[
            "Load what is needed on the night into a static copy, and switch to it once before.",
            "Agree with the provider what is filtered at the line, and test the call.",
            "Publish results on a second way that does not share name servers or lines with the first.",
        ],
        Kind::Intrusion => &[
            "Freeze changes from a week before until the result is final.",
            "Second factors for everybody who can publish or change results; take rights back that nobody uses.",
            "Compare what is published with the signed paper record, by two people.",
        ],
        Kind::Leak => &[
            "Know what would hurt, and who says what to the public if it is out.",
            "Look through who can read registers and mail, and since when.",
        ],
        Kind::Fault => &[
            "Rehearse the night with the real programs and made-up results.",
            "A second person looks at every change of the site before it goes out.",
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guidelines_are_tied_to_what_is_ours() {
        let text = include_str!("../../../data/foresee/election-guidelines.json");
        let examplia = include_str!("../../../data/institution/examplia.toml");
        let institution = institution::parse("examplia", examplia).unwrap();
        let scenarios = read("guidelines", text, Some(&institution)).unwrap();
        assert_eq!(scenarios.len(), 23);
        assert!(scenarios.iter().all(|scenario| !scenario.phase.is_empty() && !scenario.prepare.is_empty()));
        let government =
            scenarios.iter().find(|scenario| scenario.threat.contains("overload of government")).unwrap();
        assert!(government.threat_kind == Kind::Flood && government.services.contains(&"www".to_owned()));
        assert!(!government.services.contains(&"vote-system".to_owned()), "nobody outside can reach it");
        let campaign = scenarios.iter().find(|scenario| scenario.area == "campaign-IT").unwrap();
        assert_eq!(campaign.services, ["party-x-site"]);
        assert!(read("x", "{}", None).is_err() && read("x", "[", None).is_err());
    }
}
