//! What the operator said, put to use: ceilings, maintenance windows and mutes of the institution file.
//!
//! A window is asked for once a second and target, and again for each alarm; a mute for each line that is about to be
//! told; a ceiling in each step, for the targets that have one. Where the file says nothing, nothing is asked.

mod watch;

use std::collections::BTreeMap;

use institution::Target;
use ipnet::IpNet;
use sketch::KeyedState;
use wire::{Address, Time};

use super::{Detector, list};
use crate::event::{self, Event, FloodEvent};
use crate::flood::{Alarm, Flood, Level, Subject};
use crate::policy::{Exceeded, Policy, Rate};
use crate::scope::Scope;
use crate::tally::Tally;
use crate::target::{STEP_NANOSECONDS, STEPS_PER_SECOND};
use watch::{Place, Watch};

const STEPS_IN_SECOND: i64 = 10;

/// What the operator said, for the targets as this detector numbers them.
#[derive(Default)]
pub(super) struct Policies {
    policy: Policy,
    is_empty: bool,
    /// Each wider target as the institution file knows it.
    wider: Vec<Option<Target>>,
    /// Targets under maintenance in this second.
    pub(super) held: Held,
    second: Option<i64>,
    watches: Vec<Watch>,
    /// Places of addresses in `watches`.
    watched_addresses: BTreeMap<u128, usize>,
    /// Places of wider targets in `watches`, by index; empty if none of them has a ceiling.
    watched_wider: Vec<Option<u32>>,
    /// Whether any ceiling is of sources, which no other counter of a calm target knows.
    pub(super) counts_sources: bool,
    /// Ceilings on what is not watched.
    pub(super) unwatched: u64,
}

/// Targets of which nothing is learnt and whose level is no alarm.
#[derive(Default)]
pub(super) struct Held {
    addresses: Vec<bool>,
    wider: Vec<bool>,
}

impl Held {
    /// Whether an address is.
    #[inline]
    pub(super) fn has(&self, index: u32) -> bool {
        self.addresses.get(index as usize).copied().unwrap_or(false)
    }

    /// Whether a wider target is.
    pub(super) fn has_wider(&self, index: u32) -> bool {
        self.wider.get(index as usize).copied().unwrap_or(false)
    }
}

impl Policies {
    /// What is said of the targets of a scope.
    pub(super) fn of(scope: &Scope, key: &KeyedState) -> Self {
        let policy = scope.policy();
        if policy.is_empty() {
            return Self { is_empty: true, ..Self::default() };
        }
        let wider = scope.wider().iter().map(|target| policy.target_of(target)).collect();
        let mut own = Self { wider, ..Self::default() };
        let mut ceilings = 0;
        for (target, ceiling) in policy.with_ceilings() {
            ceilings += 1;
            if let Target::Network(network) = target
                && let Some(address) = single(network)
                && scope.protects(address)
            {
                own.watched_addresses.insert(address.bits(), own.watches.len());
                own.watches.push(Watch::new(Place::Address(address), target, *ceiling, key));
            }
        }
        // From narrow to wide: the narrower flood explains the wider one.
        let mut places: Vec<_> = (0..own.wider.len()).collect();
        places.sort_by_key(|&index| scope.wider()[index].kind);
        own.watched_wider = vec![None; own.wider.len()];
        for index in places {
            let Some(target) = own.wider[index] else { continue };
            let is_address = matches!(target, Target::Network(network) if single(network).is_some());
            let Some(ceiling) = policy.ceiling(&target).filter(|_| !is_address) else { continue };
            own.watched_wider[index] = Some(own.watches.len() as u32);
            own.watches.push(Watch::new(Place::Wider(index as u32), target, *ceiling, key));
        }
        if own.watched_wider.iter().all(Option::is_none) {
            own.watched_wider.clear();
        }
        own.counts_sources = own.watches.iter().any(Watch::counts_sources);
        own.unwatched = (ceilings - own.watches.len().min(ceilings)) as u64;
        own.policy = policy;
        own
    }

    /// The target of an event, if anything is said of any target.
    pub(super) fn target_of(&self, target: &event::Target) -> Option<Target> {
        if self.is_empty { None } else { self.policy.target_of(target) }
    }

    /// The clock was set back.
    pub(super) fn begin_again(&mut self) {
        self.second = None;
        self.watches.iter_mut().for_each(Watch::begin_again);
    }

    /// Counts what came to a member of a wider target, if that has a ceiling.
    #[inline]
    pub(super) fn count_wider(&mut self, index: u32, tally: &Tally, step: i64) {
        if let Some(Some(watch)) = self.watched_wider.get(index as usize) {
            self.watches[*watch as usize].add(tally, step);
        }
    }

    /// Counts what came to an address whose counters are emptied before the step ends.
    pub(super) fn count_spilled(&mut self, tally: &Tally, step: i64) {
        if let Some(&watch) = self.watched_addresses.get(&tally.address.bits()) {
            self.watches[watch].add(tally, step);
        }
    }
}

/// The one address of a network of one.
fn single(network: IpNet) -> Option<wire::Address> {
    (network.prefix_len() == network.max_prefix_len()).then(|| network.addr().into())
}

/// When a step began.
fn start_of(step: i64) -> Time {
    Time::from_nanoseconds(step.saturating_mul(STEP_NANOSECONDS))
}

impl Detector {
    /// What is to be known before a step is closed: who is under maintenance, and what came to addresses with a ceiling.
    pub(super) fn begin_policies(&mut self, step: i64) {
        if self.policies.is_empty {
            return;
        }
        let second = step.div_euclid(STEPS_IN_SECOND);
        if self.policies.second.replace(second) != Some(second) {
            self.find_held(step);
        } else if !self.policies.held.wider.is_empty() {
            self.extend_held(start_of(step));
        }
        let Policies { watches, watched_addresses, .. } = &mut self.policies;
        for &watch in watched_addresses.values() {
            let watch = &mut watches[watch];
            let Place::Address(address) = watch.place else { continue };
            if let Some(index) = self.targets.find(address, self.targets.hash(address)) {
                watch.add(&self.targets.tallies[index as usize], step);
            }
        }
    }

    /// Finds the targets that are under maintenance. What added up in a window that is over is forgotten.
    fn find_held(&mut self, step: i64) {
        let now = start_of(step);
        let before = std::mem::take(&mut self.policies.held);
        if self.policies.policy.is_in_maintenance(now) {
            let Policies { policy, wider, held, .. } = &mut self.policies;
            let is_held = |target: &Option<Target>| {
                target.is_some_and(|target| policy.maintenance(&target, now).is_some())
            };
            held.wider = wider.iter().map(is_held).collect();
            self.extend_held(now);
        }
        self.release(&before);
    }

    /// Addresses that were not there when it was looked last.
    fn extend_held(&mut self, now: Time) {
        let Policies { policy, held, .. } = &mut self.policies;
        for tally in self.targets.tallies.iter().skip(held.addresses.len()) {
            let target = Target::Network(tally.address.to_ip().into());
            held.addresses.push(policy.maintenance(&target, now).is_some());
        }
    }

    /// What added up in a window is no reason for an alarm after it.
    fn release(&mut self, before: &Held) {
        for (index, known) in self.targets.known.iter_mut().enumerate() {
            if before.has(index as u32) && !self.policies.held.has(index as u32) {
                known.level.clear();
                known.score = 0.0;
            }
        }
        for (index, known) in self.wider_known.iter_mut().enumerate() {
            if before.has_wider(index as u32) && !self.policies.held.has_wider(index as u32) {
                known.level.clear();
                known.score = 0.0;
            }
        }
    }

    /// Ends all maintenance, until it is looked again.
    pub(super) fn release_held(&mut self) {
        let before = std::mem::take(&mut self.policies.held);
        self.release(&before);
    }

    /// Whether a maintenance window covers a target in this step.
    pub(super) fn is_in_maintenance(&self, subject: Subject, step: i64) -> bool {
        if self.policies.is_empty {
            return false;
        }
        let target = match subject {
            Subject::Address(index) if self.policies.held.has(index) => return true,
            Subject::Wider(index) if self.policies.held.has_wider(index) => return true,
            Subject::Address(index) => {
                let address = self.targets.tallies[index as usize].address;
                Some(Target::Network(address.to_ip().into()))
            }
            Subject::Wider(index) => self.policies.wider.get(index as usize).copied().flatten(),
        };
        target.is_some_and(|target| self.policies.policy.maintenance(&target, start_of(step)).is_some())
    }

    /// Counts the source of a record for the ceilings of sources on its target.
    pub(super) fn count_source(&mut self, source: Address, destination: Address, hash: u64) {
        let step = self.step.unwrap_or_default();
        let source = self.hash.hash_address(source.bits());
        if let Some(&watch) = self.policies.watched_addresses.get(&destination.bits()) {
            self.policies.watches[watch].add_source(source, step);
        }
        if self.policies.watched_wider.is_empty() {
            return;
        }
        let place = match self.targets.find(destination, hash) {
            Some(index) => self.targets.places[index as usize].clone(),
            None => self.scope.place(destination),
        };
        for &wider in place.wider() {
            if let Some(Some(watch)) = self.policies.watched_wider.get(wider as usize) {
                self.policies.watches[*watch as usize].add_source(source, step);
            }
        }
    }

    /// Starts floods on targets that are above their ceilings; those that go on are told so.
    pub(super) fn decide_ceilings(&mut self, step: i64, restless: &mut Vec<u32>) {
        let mut watches = std::mem::take(&mut self.policies.watches);
        for watch in &mut watches {
            let Some(exceeded) = watch.close(step) else { continue };
            let subject = match watch.place {
                Place::Address(address) => {
                    self.targets.find(address, self.targets.hash(address)).map(Subject::Address)
                }
                Place::Wider(index) => Some(Subject::Wider(index)),
            };
            let Some(subject) = subject else { continue };
            let flood = self.state(subject).flood.and_then(|index| self.floods.get_mut(index as usize));
            if let Some(flood) = flood {
                flood.note_ceiling(exceeded, step);
            } else if !self.is_of_narrower(watch, &exceeded, step) {
                self.begin_ceiling(subject, watch, exceeded, step, restless);
            }
        }
        self.policies.watches = watches;
    }

    /// Whether floods on narrower targets explain that a wider one is above its ceiling: it is named in the heaviest.
    /// A muted flood explains nothing.
    fn is_of_narrower(&mut self, watch: &Watch, exceeded: &Exceeded, step: i64) -> bool {
        let Place::Wider(index) = watch.place else { return false };
        let is_within = self.policies.policy.within(&watch.target);
        let (mut packets, mut bytes) = (0.0, 0.0);
        let mut heaviest: Option<(f64, usize)> = None;
        let mut any_is_fresh = false;
        for (number, flood) in self.floods.iter().enumerate() {
            let is_narrower = flood.said.as_ref().is_some_and(&is_within);
            if !is_narrower || flood.is_outward() || flood.is_muted() {
                continue;
            }
            let own = flood.last_second();
            (packets, bytes) = (packets + own.0, bytes + own.1);
            any_is_fresh |= flood.is_fresh(step);
            if heaviest.is_none_or(|heaviest| own.0 > heaviest.0) {
                heaviest = Some((own.0, number));
            }
        }
        let Some((_, number)) = heaviest else { return false };
        let explained = match exceeded.what {
            Rate::BitsPerSecond => bytes * 8.0 / exceeded.measured,
            _ => packets / f64::from(watch.packets_per_second().max(1.0)),
        };
        if exceeded.measured * (1.0 - explained) > exceeded.ceiling {
            // How much one explains that has just begun is not known yet.
            return any_is_fresh && !watch.is_above_for_a_second(step);
        }
        let target = &self.scope.wider()[index as usize];
        let also = &mut self.floods[number].also;
        if !also.contains(target) {
            also.push(target.clone());
        }
        true
    }

    fn begin_ceiling(
        &mut self,
        subject: Subject,
        watch: &Watch,
        exceeded: Exceeded,
        step: i64,
        restless: &mut Vec<u32>,
    ) {
        let lead = watch.lead();
        if let Subject::Address(index) = subject {
            let state = &mut self.targets.states[index as usize];
            if !state.has_tests() {
                // From now on its steps are not calm.
                let came = watch.last_steps().next().filter(|_| state.step == step).unwrap_or_default();
                state.show(lead, came.0, came.1);
                restless.push(index);
            }
        }
        if self.state(subject).suspect.is_none() {
            self.make_suspect(subject, step);
        }
        // Of other rates, the part of the packets that is above is taken to be the part of the rate that is.
        let allowed = match exceeded.what {
            Rate::PacketsPerSecond => exceeded.ceiling,
            _ => f64::from(watch.packets_per_second()) / exceeded.ratio,
        } as f32;
        let since_step = watch.since(allowed / STEPS_PER_SECOND).min(step);
        let level = Level { packets_per_second: allowed, since_step, ceiling: Some(exceeded) };
        let alarm = Alarm { lead, weight: exceeded.ratio as f32, level: Some(level) };
        self.begin_flood(subject, step, alarm);
        if let Some(flood) = self.floods.last_mut() {
            flood.recall_steps(watch.last_steps().skip(1));
        }
    }

    /// A flood above a ceiling may be long records that flow out: their target is looked at although nothing comes.
    pub(super) fn list_ceilings(&mut self) {
        for watch in &self.policies.watches {
            let Place::Address(address) = watch.place else { continue };
            let Some(index) = self.targets.find(address, self.targets.hash(address)) else { continue };
            let state = &self.targets.states[index as usize];
            if state.flood.is_some() && !state.reservoirs.is_empty() {
                list(&mut self.listed, &mut self.targets.tallies[index as usize], index);
            }
        }
    }

    /// Tells a line of a flood, unless a mute covers it.
    pub(super) fn tell(&mut self, flood: &mut Flood, mut event: Box<FloodEvent>, step: i64) {
        if let Some(target) = flood.said {
            if self.is_muted(flood, &event) {
                return;
            }
            let policy = &self.policies.policy;
            let is_open = flood.is_new()
                && event.sources.top.is_empty()
                && policy.may_be_muted(&target, &event.vectors, event.time);
            if is_open && flood.wait_for_sources(step) {
                return;
            }
            event.evidence.maintenance = policy.maintenance(&target, event.time).map(str::to_owned);
        }
        flood.note_told();
        self.join(Some(flood.subject), &mut event);
        self.events.push(Event::Flood(event));
    }

    /// Says to which campaign a flood belongs. Where its target is not watched any more, nothing is known of its sources.
    fn join(&mut self, subject: Option<Subject>, event: &mut FloodEvent) {
        let slot = subject.and_then(|subject| self.state(subject).suspect);
        let suspect = slot.and_then(|slot| self.suspects.get(slot as usize));
        self.campaigns.join(event, suspect.map(|suspect| &suspect.sources));
    }

    /// Tells the end of a flood to whoever heard of it. One that nobody heard of because its sources were awaited is told
    /// now, from its first line on. The subject is none if its target is not watched any more.
    pub(super) fn tell_end(
        &mut self,
        flood: &mut Flood,
        subject: Option<Subject>,
        start: Option<Box<FloodEvent>>,
        end: Box<FloodEvent>,
    ) {
        if flood.is_new() && (start.is_none() || self.is_muted(flood, &end)) {
            return;
        }
        for mut event in start.into_iter().chain([end]) {
            let policy = &self.policies.policy;
            let reason = flood.said.and_then(|target| policy.maintenance(&target, event.time));
            event.evidence.maintenance = reason.map(str::to_owned);
            // Only now: of what nobody hears, nobody else's line says anything either.
            self.join(subject, &mut event);
            self.events.push(Event::Flood(event));
        }
    }

    fn is_muted(&mut self, flood: &mut Flood, event: &FloodEvent) -> bool {
        let Some(target) = flood.said else { return false };
        let policy = &self.policies.policy;
        let is_muted = policy.muted(&target, &event.vectors, &event.sources, event.time).is_some();
        if is_muted {
            self.counters.floods_muted += u64::from(flood.note_muted());
        }
        is_muted
    }
}
