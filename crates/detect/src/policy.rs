//! What the operator said beside what is learnt: fixed ceilings, maintenance windows, mutes with an end, and how many
//! false alarms a target may have (section `[detect]` of the institution file).
//!
//! Compiled once from the institution, so that a question costs a search in sorted ranges of addresses, and next to
//! nothing while no window and no mute is in force. Targets are those of the institution: an address is a network of one.
//!
//! One rule says what belongs to what: **a target is covered if all of its addresses are.** So a window or a mute for a
//! service covers its addresses, one for a group its services, one for a prefix the groups that lie within, and none
//! covers a wider target of which other members could be what alarms.
//!
//! Limits: as everywhere in this room, a service's traffic is that of its addresses, whatever its ports; where services
//! share an address, what is said of one holds for the address. Numbers of services and groups are those of
//! the institution that this was made from; after a reload there is a new policy, and targets are asked for anew.

use std::collections::BTreeMap;
use std::net::IpAddr;

use institution::{Ceiling, GroupId, Institution, Mute, ServiceId, Target};
use ipnet::IpNet;
use jiff::Timestamp;
use wire::Time;

use crate::Vector;
use crate::event::{self, Sources, Spoofing, TargetKind, VectorShare};
use crate::vector::VECTOR_COUNT;
use ceiling::lower;
use networks::Networks;

mod ceiling;
mod networks;
#[cfg(test)]
mod tests;

pub use ceiling::{Exceeded, Measured, Rate, exceeded};

/// A vector with this share of a flood or more must be muted for the flood to be; as for `evidence.multi_vector`.
pub const VECTOR_SHARE: f64 = 0.1;
/// A flood can only come from a mute's `sources` if no more than this many times their addresses are seen, ...
pub const SOURCES_FACTOR: f64 = 2.0;
/// ... and this many strangers, since stray packets come to every target.
pub const STRAY_SOURCES: f64 = 100.0;

const _: () = assert!(VECTOR_COUNT <= 64, "a set of vectors is a word");

/// What the operator said, compiled. Empty by default: no ceiling, no window, no mute.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    services: Vec<Known>,
    groups: Vec<Known>,
    networks: BTreeMap<IpNet, Settings>,
    service_names: BTreeMap<String, ServiceId>,
    group_names: BTreeMap<String, GroupId>,
    /// By start.
    windows: Vec<Window>,
    /// The one that ends last first.
    mutes: Vec<CompiledMute>,
}

/// A service or a group.
#[derive(Clone, Debug, Default)]
struct Known {
    networks: Networks,
    settings: Settings,
    /// The network of one as which a service with a single address is watched.
    alone: Option<IpNet>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Settings {
    ceiling: Option<Ceiling>,
    false_alarms_per_month: Option<f64>,
}

#[derive(Clone, Debug)]
struct Window {
    /// Nanoseconds since 1970, as all times here; wider than [`Time`], whose ends the file may pass.
    start: i128,
    end: i128,
    /// The latest end of this window and all that start before it.
    latest_end: i128,
    /// None covers everything.
    targets: Option<Networks>,
    reason: String,
}

#[derive(Clone, Debug)]
struct CompiledMute {
    end: i128,
    target: Option<Networks>,
    /// One bit for each vector; none means all.
    vectors: Option<u64>,
    sources: Option<Networks>,
    mute: Mute,
}

impl Policy {
    /// Compiles what an institution file says.
    pub fn of(institution: &Institution) -> Self {
        let mut policy = Self::default();
        for (number, service) in institution.services.iter().enumerate() {
            let alone = match service.addresses.as_slice() {
                &[address] => Some(IpNet::from(address)),
                _ => None,
            };
            let networks = Networks::new(service.addresses.iter().copied().map(IpNet::from));
            policy.services.push(Known { networks, alone, settings: Settings::default() });
            policy.service_names.insert(service.id.clone(), ServiceId(number as u16));
        }
        for (number, group) in institution.groups.iter().enumerate() {
            let of_services = group.services.iter().flat_map(|&id| &institution[id].addresses);
            let networks = of_services.copied().map(IpNet::from).chain(group.networks.iter().copied());
            policy.groups.push(Known { networks: Networks::new(networks), ..Known::default() });
            policy.group_names.insert(group.id.clone(), GroupId(number as u16));
        }
        policy.add_settings(institution);
        policy.add_windows(institution);
        policy.add_mutes(institution);
        policy
    }

    /// Settings of services first: what is said of an address itself then takes the place of its share.
    fn add_settings(&mut self, institution: &Institution) {
        let (of_services, others): (Vec<_>, Vec<_>) =
            institution.detect.targets.iter().partition(|of| matches!(of.target, Target::Service(_)));
        for settings in of_services.into_iter().chain(others) {
            let ceiling = Some(settings.ceiling).filter(|&ceiling| ceiling != Ceiling::default());
            let budget = settings.false_alarms_per_month;
            let of_target = match settings.target {
                Target::Service(id) => {
                    let addresses = &institution[id].addresses;
                    // An alarm on an address bears the service's name too, so all of them share what is accepted.
                    let watched = addresses.len() + usize::from(addresses.len() > 1);
                    let share = budget.map(|budget| budget / watched.max(1) as f64);
                    for &address in addresses {
                        let of_address = self.networks.entry(IpNet::from(address)).or_default();
                        let least = [of_address.false_alarms_per_month, share].into_iter().flatten();
                        of_address.false_alarms_per_month = least.reduce(f64::min);
                    }
                    let known = &mut self.services[id.index()];
                    known.settings.false_alarms_per_month = share;
                    match known.alone {
                        Some(network) => self.networks.entry(network).or_default(),
                        None => &mut known.settings,
                    }
                }
                Target::Group(id) => {
                    let of_group = &mut self.groups[id.index()].settings;
                    of_group.false_alarms_per_month = budget;
                    of_group
                }
                Target::Network(network) => {
                    let of_network = self.networks.entry(network).or_default();
                    of_network.false_alarms_per_month = budget.or(of_network.false_alarms_per_month);
                    of_network
                }
            };
            of_target.ceiling = lower(of_target.ceiling, ceiling);
        }
    }

    fn add_windows(&mut self, institution: &Institution) {
        for window in &institution.detect.maintenance {
            let of_each: Vec<_> = window.targets.iter().map(|target| self.networks_of(target)).collect();
            self.windows.push(Window {
                start: nanoseconds(window.start),
                end: nanoseconds(window.end),
                latest_end: 0,
                targets: (!window.targets.is_empty()).then(|| Networks::union(&of_each)),
                reason: window.reason.clone(),
            });
        }
        self.windows.sort_by_key(|window| window.start);
        let mut latest = i128::MIN;
        for window in &mut self.windows {
            latest = latest.max(window.end);
            window.latest_end = latest;
        }
    }

    fn add_mutes(&mut self, institution: &Institution) {
        for mute in &institution.detect.mutes {
            // What only other rooms can see, such as `http_flood`, has no bit: such a mute mutes nothing here.
            let bits = || {
                let of_name = |name: &String| Vector::ALL.iter().find(|vector| vector.name() == name);
                mute.vectors.iter().filter_map(of_name).fold(0, |bits, &vector| bits | bit(vector))
            };
            self.mutes.push(CompiledMute {
                end: nanoseconds(mute.end),
                target: mute.target.map(|target| self.networks_of(&target)),
                vectors: (!mute.vectors.is_empty()).then(bits),
                sources: (!mute.sources.is_empty()).then(|| Networks::new(mute.sources.iter().copied())),
                mute: mute.clone(),
            });
        }
        self.mutes.sort_by_key(|mute| std::cmp::Reverse(mute.end));
    }

    /// Whether there is any ceiling, window or mute. Without one nothing need be asked.
    pub(crate) fn is_empty(&self) -> bool {
        self.windows.is_empty() && self.mutes.is_empty() && self.with_ceilings().next().is_none()
    }

    /// Whether any window is in force at this time, for whatever target.
    pub(crate) fn is_in_maintenance(&self, now: Time) -> bool {
        let now = i128::from(now.nanoseconds());
        let started = self.windows.partition_point(|window| window.start <= now);
        started.checked_sub(1).is_some_and(|last| self.windows[last].latest_end > now)
    }

    /// Says of targets whether all their addresses belong to this one.
    pub(crate) fn within(&self, outer: &Target) -> impl Fn(&Target) -> bool {
        let networks = self.networks_of(outer);
        move |target| self.covers(&networks, target)
    }

    /// Whether a flood of which no source is known yet could turn out muted by one that names sources.
    pub(crate) fn may_be_muted(&self, target: &Target, vectors: &[VectorShare], now: Time) -> bool {
        let now = i128::from(now.nanoseconds());
        let mut in_force = self.mutes.iter().take_while(|mute| mute.end > now);
        in_force.any(|mute| {
            mute.sources.is_some()
                && mute.target.as_ref().is_none_or(|networks| self.covers(networks, target))
                && mute.vectors.is_none_or(|muted| are_muted(muted, vectors))
        })
    }

    /// The networks of a target of the file.
    fn networks_of(&self, target: &Target) -> Networks {
        match *target {
            Target::Network(network) => Networks::new([network]),
            Target::Service(_) | Target::Group(_) => {
                self.known(target).map(|known| known.networks.clone()).unwrap_or_default()
            }
        }
    }

    fn known(&self, target: &Target) -> Option<&Known> {
        match *target {
            Target::Service(id) => self.services.get(id.index()),
            Target::Group(id) => self.groups.get(id.index()),
            Target::Network(_) => None,
        }
    }

    /// The target that an event names; none if there is no such service or group. Reads text: ask once and keep it.
    pub fn target_of(&self, target: &event::Target) -> Option<Target> {
        match target.kind {
            TargetKind::Address => {
                let address: IpAddr = target.addresses.first()?.parse().ok()?;
                Some(Target::Network(address.into()))
            }
            TargetKind::Prefix => target.name.parse().ok().map(Target::Network),
            TargetKind::Service => self.service_names.get(&target.name).copied().map(Target::Service),
            TargetKind::Group => self.group_names.get(&target.name).copied().map(Target::Group),
        }
    }

    fn settings(&self, target: &Target) -> Option<&Settings> {
        match *target {
            Target::Network(network) => self.networks.get(&network),
            Target::Service(_) | Target::Group(_) => {
                let known = self.known(target)?;
                known.alone.map_or(Some(&known.settings), |network| self.networks.get(&network))
            }
        }
    }

    /// The ceiling of all that comes to a target. A service with one address is watched as that address, and so is its
    /// ceiling; of several ceilings for the same address the lowest holds, rate by rate.
    pub fn ceiling(&self, target: &Target) -> Option<&Ceiling> {
        self.settings(target)?.ceiling.as_ref()
    }

    /// Every target that has a ceiling, in the form in which it is watched: a service has several addresses. A
    /// network need not be one that the institution declares.
    pub fn with_ceilings(&self) -> impl Iterator<Item = (Target, &Ceiling)> {
        let services = self.services.iter().enumerate();
        let services = services.map(|(id, known)| (Target::Service(ServiceId(id as u16)), &known.settings));
        let groups = self.groups.iter().enumerate();
        let groups = groups.map(|(id, known)| (Target::Group(GroupId(id as u16)), &known.settings));
        let networks = self.networks.iter().map(|(&network, of)| (Target::Network(network), of));
        let all = services.chain(groups).chain(networks);
        all.filter_map(|(target, settings)| Some((target, settings.ceiling.as_ref()?)))
    }

    /// How many false alarms in a month are accepted of this target alone; none where it has its share of the whole.
    /// What is said of a service is shared evenly by its addresses and, if they are several, their sum. What is said of
    /// a group or a prefix is for the whole of it and not for its members.
    pub fn false_alarms_per_month(&self, target: &Target) -> Option<f64> {
        self.settings(target)?.false_alarms_per_month
    }

    /// Whether all addresses of a target are in these networks.
    fn covers(&self, networks: &Networks, target: &Target) -> bool {
        match *target {
            Target::Network(network) => networks.contains(network),
            Target::Service(_) | Target::Group(_) => {
                self.known(target).is_some_and(|known| networks.contains_all(&known.networks))
            }
        }
    }

    /// The reason of a maintenance window that covers the target at this time: no change of its level is an alarm
    /// and nothing is learnt. The start is included, the end is not. Of several windows the one that started last.
    pub fn maintenance(&self, target: &Target, now: Time) -> Option<&str> {
        let now = i128::from(now.nanoseconds());
        let started = self.windows.partition_point(|window| window.start <= now);
        let possible = self.windows[..started].iter().rev().take_while(|window| window.latest_end > now);
        let mut in_force = possible.filter(|window| window.end > now);
        let covering = in_force
            .find(|window| window.targets.as_ref().is_none_or(|networks| self.covers(networks, target)));
        covering.map(|window| window.reason.as_str())
    }

    /// The mute that covers a flood at this time, of several the one that ends last (its end is not included).
    ///
    /// A flood is muted only if nothing in it is outside the mute: every vector with a share of [`VECTOR_SHARE`] or
    /// more (all, if none has that much), every source that is named, and no more sources than the networks can
    /// hold. Forged or unknown sources are in nobody's networks, so a mute with `sources` does not cover them.
    pub fn muted(
        &self,
        target: &Target,
        vectors: &[VectorShare],
        sources: &Sources,
        now: Time,
    ) -> Option<&Mute> {
        let now = i128::from(now.nanoseconds());
        let in_force = self.mutes.iter().take_while(|mute| mute.end > now);
        let mut of_target =
            in_force.filter(|mute| mute.target.as_ref().is_none_or(|networks| self.covers(networks, target)));
        let covering = of_target.find(|mute| {
            mute.vectors.is_none_or(|muted| are_muted(muted, vectors))
                && mute.sources.as_ref().is_none_or(|networks| are_within(networks, sources))
        });
        covering.map(|mute| &mute.mute)
    }
}

fn are_muted(muted: u64, vectors: &[VectorShare]) -> bool {
    let any_large = vectors.iter().any(|vector| vector.share >= VECTOR_SHARE);
    let mut of_weight = vectors.iter().filter(|vector| !any_large || vector.share >= VECTOR_SHARE);
    !vectors.is_empty() && of_weight.all(|vector| muted & bit(vector.name) != 0)
}

fn are_within(networks: &Networks, sources: &Sources) -> bool {
    let is_inside = |text: &str| {
        let network = text.parse::<IpAddr>().map(IpNet::from).or_else(|_| text.parse::<IpNet>());
        network.is_ok_and(|network| networks.contains(network))
    };
    // The named ones are the heaviest; thousands of light ones may stand behind them.
    let most = SOURCES_FACTOR * networks.addresses() + STRAY_SOURCES;
    sources.spoofing != Spoofing::Likely
        && sources.distinct.is_none_or(|distinct| distinct as f64 <= most)
        && !sources.top.is_empty()
        && sources.top.iter().all(|source| is_inside(&source.address))
}

fn bit(vector: Vector) -> u64 {
    1 << vector.index()
}

fn nanoseconds(time: Timestamp) -> i128 {
    time.as_nanosecond()
}
