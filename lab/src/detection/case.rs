//! One input with what should be said of it, and how it is run.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;
use detect::{Observation, Vector};
use hemicycle::pipeline::Pipeline;
use institution::Institution;
use intake::{Inputs, Memory, OpenOptions, Visitor};
use wire::packet::Decoded;
use wire::{Address, FlowRecord, Time};

use super::score::{Expected, Found, Verdict, floods};

/// Records that the answers without a detector look at.
const SURVEY_RECORDS: u64 = 100_000;

/// What a case gives to the detector.
pub(crate) struct Input {
    /// A file in memory.
    pub(crate) file: Memory,
    /// First packet of the flood, or of the file; nanoseconds since 1970.
    pub(crate) begins: i64,
    /// The institution, if the case needs one.
    pub(crate) institution: Option<Institution>,
}

impl Input {
    /// A file for which every destination is protected.
    pub(crate) fn new(file: impl Into<Memory>, begins: i64) -> Self {
        Self { file: file.into(), begins, institution: None }
    }
}

/// One input of an evaluation, made when it is run.
pub(crate) struct Case {
    /// The bar that it counts for; empty: shown only.
    pub(crate) bar: String,
    /// Its name, for `--only`.
    pub(crate) name: String,
    /// What should be said.
    pub(crate) expected: Expected,
    /// Makes the input.
    pub(crate) make: Box<dyn Fn() -> Result<Input> + Send + Sync>,
}

impl Case {
    /// A case.
    pub(crate) fn new(
        bar: impl Into<String>,
        name: impl Into<String>,
        expected: Expected,
        make: impl Fn() -> Result<Input> + Send + Sync + 'static,
    ) -> Self {
        Self { bar: bar.into(), name: name.into(), expected, make: Box::new(make) }
    }
}

/// How a case went.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// As in [`Case`].
    pub(crate) bar: String,
    /// As in [`Case`].
    pub(crate) name: String,
    /// As in [`Case`].
    pub(crate) expected: Expected,
    /// What the detector reported.
    pub(crate) floods: Vec<Found>,
    /// The judgement.
    pub(crate) verdict: Verdict,
    /// Alarm of the right flood after its first packet.
    pub(crate) delay_seconds: Option<f64>,
    /// Records looked at.
    pub(crate) records: u64,
    /// Time that the run took.
    pub(crate) elapsed_seconds: f64,
    /// What the answers without a detector would have been.
    pub(crate) survey: Survey,
    /// Why it could not be run.
    pub(crate) failure: Option<String>,
}

/// Runs a case. A case that cannot be run is not held.
pub(crate) fn run(case: &Case) -> Outcome {
    let mut outcome = Outcome {
        bar: case.bar.clone(),
        name: case.name.clone(),
        expected: case.expected.clone(),
        floods: Vec::new(),
        verdict: Verdict::default(),
        delay_seconds: None,
        records: 0,
        elapsed_seconds: 0.0,
        survey: Survey::default(),
        failure: None,
    };
    if let Err(error) = play(case, &mut outcome) {
        outcome.failure = Some(format!("{error:#}"));
    }
    outcome
}

fn play(case: &Case, outcome: &mut Outcome) -> Result<()> {
    let input = (case.make)()?;
    let options = OpenOptions::default();
    Inputs::from_memory(&*case.name, input.file.clone(), &options)?.run(&mut outcome.survey)?;
    let mut inputs = Inputs::from_memory(&*case.name, input.file, &options)?;
    let mut events = Vec::new();
    let start = Instant::now();
    let ran = Pipeline::new(input.institution, &mut events).run(&mut inputs)?;
    outcome.elapsed_seconds = start.elapsed().as_secs_f64();
    outcome.records = ran.records;
    outcome.floods = floods(&events);
    outcome.verdict = case.expected.judge(&outcome.floods);
    let right = outcome.verdict.right.and_then(|right| outcome.floods.get(right));
    outcome.delay_seconds = right.map(|flood| (flood.alarm - input.begins) as f64 / 1e9);
    Ok(())
}

/// Counts destinations and kinds: all that the answers without a detector know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    destinations: BTreeMap<Address, BTreeMap<Vector, u64>>,
    records: u64,
}

impl Survey {
    /// The destination with the most packets.
    pub(crate) fn busiest(&self) -> Option<Address> {
        let packets = |kinds: &BTreeMap<Vector, u64>| kinds.values().sum::<u64>();
        self.destinations.iter().max_by_key(|(_, kinds)| packets(kinds)).map(|(address, _)| *address)
    }

    /// Every destination and its most frequent kind.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Address, Vector)> {
        self.destinations.iter().filter_map(|(address, kinds)| {
            kinds.iter().max_by_key(|(_, packets)| **packets).map(|(kind, _)| (*address, *kind))
        })
    }

    fn count(&mut self, observation: &Observation) {
        self.records += 1;
        let kinds = self.destinations.entry(observation.destination).or_default();
        *kinds.entry(Vector::of(observation)).or_default() += observation.packets;
    }
}

impl Visitor for Survey {
    fn packet(&mut self, _input: usize, time: Time, decoded: &Decoded<'_>) {
        self.count(&Observation::of_packet(time, &decoded.outer));
    }

    fn flow(&mut self, _input: usize, arrival: Time, _exporter: Address, record: &FlowRecord) {
        self.count(&Observation::of_flow(arrival, record, None));
    }

    fn stop(&self) -> bool {
        self.records >= SURVEY_RECORDS
    }
}
