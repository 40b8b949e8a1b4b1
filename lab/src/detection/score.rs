//! What was found, held against what is in the traffic.

use std::fmt::Write as _;
use std::net::IpAddr;

use detect::Event;
use detect::event::{Direction, FloodEvent};
use ipnet::IpNet;

/// Floods beside the right one that a case with a flood may have: the answers of a flooded host, or a second
/// phase under another name. Each is printed as false.
pub(crate) const EXTRA_FLOODS_ALLOWED: usize = 1;

/// What should be said of a case.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    /// A flood on this target that is led by one of these names.
    Flood {
        /// Names that are equally right.
        names: Vec<String>,
        /// What is flooded.
        on: On,
        /// From own hosts to others.
        out: bool,
    },
    /// No flood.
    Quiet,
}

/// The right target.
#[derive(Clone, Copy, Debug)]
pub(crate) enum On {
    /// Any, because the label names none.
    Any,
    /// One address.
    Address(IpAddr),
    /// A prefix, this one or one that holds it (up to 16 bits wider), never single addresses.
    Network(IpNet),
}

/// A flood that was reported, from its first and its last line.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Stable name of the flood.
    pub(crate) id: String,
    /// Addresses or prefixes that it says are hit.
    pub(crate) addresses: Vec<String>,
    /// Leading vector of the last line.
    pub(crate) lead: String,
    /// Its share.
    pub(crate) share: f64,
    /// Leading vector of the first line.
    pub(crate) first_lead: String,
    /// Probability that the last line states.
    pub(crate) confidence: f64,
    /// When the first line was known, nanoseconds since 1970.
    pub(crate) alarm: i64,
    /// When it says that the flood began.
    pub(crate) onset: i64,
    /// From own hosts to others.
    pub(crate) out: bool,
    /// The reason given.
    pub(crate) reason: String,
}

/// The floods in a run's events.
pub(crate) fn floods(events: &[Event]) -> Vec<Found> {
    let mut floods: Vec<Found> = Vec::new();
    for event in events {
        let Some(flood) = as_flood(event) else { continue };
        let Some(known) = floods.iter_mut().find(|known| known.id == flood.id) else {
            floods.push(found(flood));
            continue;
        };
        let last = found(flood);
        *known = Found {
            first_lead: std::mem::take(&mut known.first_lead),
            alarm: known.alarm,
            onset: known.onset,
            ..last
        };
    }
    floods
}

#[allow(unreachable_patterns, reason = "more kinds of event may follow")]
fn as_flood(event: &Event) -> Option<&FloodEvent> {
    match event {
        Event::Flood(flood) => Some(flood),
        _ => None,
    }
}

fn found(flood: &FloodEvent) -> Found {
    let (lead, share) = flood
        .vectors
        .first()
        .map_or((String::new(), 0.0), |vector| (vector.name.name().to_owned(), vector.share));
    Found {
        id: flood.id.clone(),
        addresses: flood.target.addresses.clone(),
        first_lead: lead.clone(),
        lead,
        share,
        confidence: flood.confidence,
        alarm: flood.time.nanoseconds(),
        onset: flood.onset.nanoseconds(),
        out: flood.direction == Direction::Out,
        reason: flood.evidence.reason.clone(),
    }
}

/// How a case went.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    /// Whether it is as it should be.
    pub(crate) held: bool,
    /// Position of the right flood.
    pub(crate) right: Option<usize>,
    /// Floods that are not right ones.
    pub(crate) extra: usize,
}

impl Expected {
    /// Judges what was found.
    pub(crate) fn judge(&self, floods: &[Found]) -> Verdict {
        let Self::Flood { names, on, out } = self else {
            return Verdict { held: floods.is_empty(), right: None, extra: floods.len() };
        };
        let is_right = |flood: &Found| on.is_met(flood) && names.contains(&flood.lead) && flood.out == *out;
        let right = floods.iter().position(is_right);
        let extra = floods.iter().filter(|flood| !is_right(flood)).count();
        Verdict { held: right.is_some() && extra <= EXTRA_FLOODS_ALLOWED, right, extra }
    }

    /// In words.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Quiet => "no flood".to_owned(),
            Self::Flood { names, on, out } => {
                let on = match on {
                    On::Any => String::new(),
                    On::Address(address) => format!(" on {address}"),
                    On::Network(network) => format!(" on {network}"),
                };
                format!("{}{on}{}", names.join("|"), if *out { " (out)" } else { "" })
            }
        }
    }
}

impl On {
    fn is_met(self, flood: &Found) -> bool {
        match self {
            Self::Any => true,
            Self::Address(address) => {
                flood.addresses.iter().any(|named| named.parse() == Ok(address)) && flood.addresses.len() == 1
            }
            Self::Network(network) => {
                let named = flood.addresses.iter().filter_map(|named| named.parse::<IpNet>().ok());
                let mut named = named.filter(|named| named.prefix_len() < named.max_prefix_len());
                named.any(|named| named.contains(&network) && network.prefix_len() - named.prefix_len() <= 16)
            }
        }
    }
}

impl Found {
    /// In words, for tables.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let (share, confidence) = (self.share * 100.0, self.confidence);
        let _ = write!(text, "{} on {} ({share:.0} %, {confidence:.2})", self.lead, self.addresses.join(","));
        if self.first_lead != self.lead {
            let _ = write!(text, " after {}", self.first_lead);
        }
        if self.out {
            text.push_str(" out");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_address(names: &[&str], address: IpAddr) -> Expected {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Expected::Flood { names, on: On::Address(address), out: false }
    }

    fn flood(lead: &str, address: &str) -> Found {
        Found {
            id: "1".to_owned(),
            addresses: vec![address.to_owned()],
            lead: lead.to_owned(),
            share: 1.0,
            first_lead: lead.to_owned(),
            confidence: 0.9,
            alarm: 0,
            onset: 0,
            out: false,
            reason: String::new(),
        }
    }

    #[test]
    fn a_flood_is_right_by_name_target_and_direction() {
        let expected = on_address(&["syn_flood"], "192.0.2.1".parse().unwrap());
        let right = flood("syn_flood", "192.0.2.1");
        assert!(expected.judge(std::slice::from_ref(&right)).held);
        assert!(!expected.judge(&[]).held);
        assert!(!expected.judge(&[flood("udp_flood", "192.0.2.1")]).held);
        assert!(!expected.judge(&[flood("syn_flood", "192.0.2.2")]).held);
        assert!(!expected.judge(&[Found { out: true, ..right.clone() }]).held);
        let extra = flood("syn_flood", "192.0.2.9");
        assert!(expected.judge(&[right.clone(), extra.clone()]).held);
        assert!(!expected.judge(&[right.clone(), extra.clone(), extra]).held, "too many false ones");
        assert!(Expected::Quiet.judge(&[]).held);
        assert!(!Expected::Quiet.judge(&[right]).held);
    }

    #[test]
    fn a_carpet_is_not_a_single_address() {
        let network = "192.0.2.0/24".parse().unwrap();
        let expected =
            Expected::Flood { names: vec!["udp_flood".to_owned()], on: On::Network(network), out: false };
        assert!(expected.judge(&[flood("udp_flood", "192.0.2.0/24")]).held);
        assert!(expected.judge(&[flood("udp_flood", "192.0.0.0/22")]).held);
        assert!(!expected.judge(&[flood("udp_flood", "192.0.2.7")]).held);
        assert!(!expected.judge(&[flood("udp_flood", "0.0.0.0/0")]).held);
    }
}
