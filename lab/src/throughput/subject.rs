//! One receiver under load: CPU time for each datagram at given rates, and the highest rate without loss.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::live::ring::Mix;
use crate::live::sender::{Load, Sender, Sent};
use crate::live::tools::{Running, Tool};
use crate::live::{RECEIVING_CORE, SENDING_CORE, pace};

/// After a load the counters are read when a receiver is quiet: in this time
const SETTLE: Duration = Duration::from_millis(250);
/// it uses less CPU than this.
const QUIET: Duration = Duration::from_millis(25);
/// Longest wait for that.
const LONGEST_SETTLES: usize = 20;
/// A sender that reaches less than this share of its rate is the limit itself.
const SENDER_REACHES: f64 = 0.97;

/// A receiver with what was measured of it.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) tool: Tool,
    pub(super) mix: Mix,
    /// Whether it has the sending core too.
    pub(super) both_cores: bool,
    /// Whether its loss-free rate is looked for.
    pub(super) search: bool,
    /// Microseconds of CPU for each datagram: for each rate the runs.
    pub(super) microseconds: Vec<Vec<f64>>,
    /// Datagrams a second without loss, of each run.
    pub(super) loss_free: Vec<f64>,
    /// Whether the sender could not send faster in some run.
    pub(super) sender_limit: bool,
    /// Highest memory in bytes.
    pub(super) peak_memory: u64,
    /// Share of the received records that it says it took in, the lowest of the runs; 1 if it does not say.
    pub(super) counted: f64,
    /// Why it was given up.
    pub(super) problem: Option<String>,
}

/// How long and how fast.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Datagrams a second at which CPU time is taken.
    pub(super) rates: Vec<f64>,
    /// Seconds of each load.
    pub(super) seconds: f64,
    /// Steps of the search for the loss-free rate.
    pub(super) steps: usize,
    /// Lowest and highest rate of that search.
    pub(super) range: (f64, f64),
}

impl Subject {
    pub(super) const fn new(tool: Tool, mix: Mix) -> Self {
        Self {
            tool,
            mix,
            both_cores: false,
            search: false,
            microseconds: Vec::new(),
            loss_free: Vec::new(),
            sender_limit: false,
            peak_memory: 0,
            counted: 1.0,
            problem: None,
        }
    }

    /// What it is, for people.
    pub(super) fn title(&self) -> String {
        let Tool { protocol, hosts, .. } = self.tool;
        let cores = if self.both_cores { ", both cores" } else { "" };
        format!("{} {}, {hosts} hosts, {}{cores}", protocol.name(), self.tool.name(), self.mix.name())
    }

    /// One run.
    pub(super) fn measure(&mut self, plan: &Plan) {
        if self.problem.is_some() {
            return;
        }
        self.problem = self.tool.missing();
        if self.problem.is_none() {
            self.problem = self.try_measure(plan).err().map(|error| last_line(&error));
        }
    }

    fn try_measure(&mut self, plan: &Plan) -> Result<()> {
        let both = [SENDING_CORE, RECEIVING_CORE];
        let cores = if self.both_cores { &both[..] } else { &both[1..] };
        let running = self.tool.start(cores)?;
        let load = Load { protocol: self.tool.protocol, hosts: self.tool.hosts, mix: self.mix };
        let mut sender = Sender::new(&load, ([127, 0, 0, 1], running.port).into())?;
        self.microseconds.resize(plan.rates.len(), Vec::new());
        // Memory and templates are new: not measured.
        let mut total = Session::default();
        total.load(&running, &mut sender, plan.rates.first().copied().unwrap_or(10_000.0), 0.5)?;
        for (place, rate) in plan.rates.iter().enumerate() {
            let before = running.cpu_time();
            let step = total.load(&running, &mut sender, *rate, plan.seconds)?;
            let spent = running.cpu_time().saturating_sub(before).as_secs_f64();
            if let Some(runs) = self.microseconds.get_mut(place) {
                runs.push(spent * 1e6 / step.received().max(1) as f64);
            }
        }
        if self.search {
            let found = self.search(plan, &running, &mut sender, &mut total)?;
            self.loss_free.push(found);
        }
        self.peak_memory = self.peak_memory.max(running.peak_memory());
        if let Some(counted) = running.finish()? {
            self.counted =
                self.counted.min(counted as f64 / (total.records(self.tool.protocol.records())).max(1.0));
        }
        Ok(())
    }

    /// Geometric bisection: the highest rate at which the kernel dropped nothing. A rate at which something was dropped,
    /// or that the sender did not reach, gets a second chance, since other work of the machine can be the reason.
    fn search(
        &mut self,
        plan: &Plan,
        running: &Running,
        sender: &mut Sender,
        total: &mut Session,
    ) -> Result<f64> {
        let (mut low, mut high) = plan.range;
        let mut best: f64 = 0.0;
        for _ in 0..plan.steps {
            let rate = (low * high).sqrt();
            let mut step = total.load(running, sender, rate, plan.seconds)?;
            if step.dropped > 0 || step.sent.rate() < rate * SENDER_REACHES {
                step = total.load(running, sender, rate, plan.seconds)?;
            }
            if step.dropped > 0 {
                high = rate;
                continue;
            }
            best = step.sent.rate().max(best);
            low = rate;
            if step.sent.rate() < rate * SENDER_REACHES {
                self.sender_limit = true;
                break;
            }
        }
        Ok(best)
    }
}

/// What an error says last.
fn last_line(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
}

/// Waits until what was received is worked off.
fn settle(running: &Running) {
    let mut before = running.cpu_time();
    for _ in 0..LONGEST_SETTLES {
        pace::wait(SETTLE);
        let now = running.cpu_time();
        if now.saturating_sub(before) < QUIET {
            return;
        }
        before = now;
    }
}

/// One load and what the kernel dropped of it.
#[derive(Clone, Copy, Default, Debug)]
struct Step {
    sent: Sent,
    dropped: u64,
}

impl Step {
    fn received(&self) -> u64 {
        (self.sent.datagrams + self.sent.templates).saturating_sub(self.dropped)
    }
}

/// Everything that one process was sent.
#[derive(Default)]
struct Session {
    datagrams: u64,
    dropped: u64,
}

impl Session {
    fn load(&mut self, running: &Running, sender: &mut Sender, rate: f64, seconds: f64) -> Result<Step> {
        let before = running.drops()?;
        let sent = sender.run(rate, seconds)?;
        ensure!(sent.errors == 0, "{} sends failed", sent.errors);
        settle(running);
        let dropped = running.drops()?.checked_sub(before).context("its socket is another one now")?;
        self.datagrams += sent.datagrams;
        self.dropped += dropped;
        Ok(Step { sent, dropped })
    }

    /// Records that were received. Templates may be among what was dropped: a few in a hundred thousand.
    fn records(&self, each: usize) -> f64 {
        self.datagrams.saturating_sub(self.dropped) as f64 * each as f64
    }
}
