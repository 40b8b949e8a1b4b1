//! False alarms and delays on simulated traffic: `cargo run --release -p baseline --example simulate -- [DAYS [FILTER [SECONDS]]]`.
//!
//! Every signal is simulated for 30 days (or as given) at a budget of one false alarm a month for itself alone, with seeds
//! from its position in the table. Delays are from 200 trials each: SECONDS (120) of ordinary traffic, then a step. An alarm of the
//! 30 days that ended is dismissed, as an operator or the detector would do who found no flood behind it.

use baseline::{Baseline, Budget, MONTH_SECONDS, Moment, Plan, least_seconds};

/// Trials for each delay.
const TRIALS: u64 = 200;
/// How many times the ordinary rate a flood makes.
const RATIOS: [f64; 4] = [10.0, 2.0, 1.5, 1.2];
const KINDS: [Kind; 11] = [
    Kind::Poisson,
    Kind::Gamma(0.1, 1.0),
    Kind::Gamma(0.1, 10.0),
    Kind::Gamma(0.3, 1.0),
    Kind::Gamma(0.3, 10.0),
    Kind::Gamma(0.5, 1.0),
    Kind::Gamma(0.5, 10.0),
    Kind::Day(0.3, 3.0),
    Kind::Batches(10.0),
    Kind::Bursts(2.5),
    Kind::Bursts(1.5),
];

/// xoshiro256++ by Blackman and Vigna (public domain), so that a table can be had again.
#[derive(Clone)]
struct Random([u64; 4]);

impl Random {
    fn new(seed: u64) -> Self {
        let mut state = seed;
        Self([0; 4].map(|_: u64| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }))
    }

    fn next(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        result
    }

    fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Inversion below a mean of 30; above it a sum of halves, which keeps the tail exact.
    fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 30.0 {
            // The number of points in [0, mean] by the median point (Ahrens and Dieter 1974).
            let middle = (mean * 0.875).floor();
            let at = self.gamma(middle);
            return if at > mean {
                self.binomial(middle - 1.0, mean / at)
            } else {
                middle + self.poisson(mean - at)
            };
        }
        let mut left = self.uniform();
        let mut share = (-mean).exp();
        let mut count = 0.0;
        while left > share && count < 1e4 {
            left -= share;
            count += 1.0;
            share *= mean / count;
        }
        count
    }

    fn binomial(&mut self, count: f64, share: f64) -> f64 {
        (0..count as u64).filter(|_| self.uniform() < share).count() as f64
    }

    /// Marsaglia and Tsang 2000, mean equals shape.
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return self.gamma(shape + 1.0) * self.uniform().powf(1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.uniform().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Poisson,
    /// The rate is a gamma process: coefficient of variation, correlation time in seconds.
    Gamma(f64, f64),
    /// The day moves between a third and three times the rate; a gamma process on it.
    Day(f64, f64),
    /// Bursts, one a minute in the mean: size Pareto with this exponent from half a second's traffic on, at most 20 s of it,
    /// over 0.5 to 5 s.
    Bursts(f64),
    /// Each arrival is a batch of geometric size with this mean (connections, flow records).
    Batches(f64),
}

impl Kind {
    fn name(self) -> String {
        match self {
            Self::Poisson => "Poisson".into(),
            Self::Gamma(deviation, seconds) => format!("gamma cv {deviation} over {seconds} s"),
            Self::Day(deviation, seconds) => format!("day 1:9, cv {deviation} over {seconds} s"),
            Self::Bursts(exponent) => format!("Pareto bursts, exponent {exponent}"),
            Self::Batches(mean) => format!("batches of {mean}"),
        }
    }
}

/// A stream of counts in steps of 100 ms.
#[derive(Clone)]
struct Traffic {
    kind: Kind,
    rate: f64,
    random: Random,
    modulation: f64,
    burst_left: u32,
    burst_rate: f64,
    step: u64,
}

impl Traffic {
    fn new(kind: Kind, rate: f64, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let modulation = match kind {
            Kind::Gamma(cv, _) | Kind::Day(cv, _) if cv > 0.0 => random.gamma(1.0 / (cv * cv)) * cv * cv,
            _ => 1.0,
        };
        let step = random.next() % 864_000;
        Self { kind, rate, random, modulation, burst_left: 0, burst_rate: 0.0, step }
    }

    /// A gamma process with exponential correlation by its autoregressive form (Cox, Ingersoll and Ross), exact
    /// in its margins: a Poisson mixture of gammas.
    fn modulate(&mut self, cv: f64, seconds: f64) -> f64 {
        let shape = 1.0 / (cv * cv);
        let kept = (-0.1 / seconds).exp();
        let scale = (1.0 - kept) / shape;
        let mixed = self.random.poisson(self.modulation * kept / scale);
        self.modulation = self.random.gamma(shape + mixed) * scale;
        self.modulation
    }

    fn next(&mut self, times: f64) -> f64 {
        self.step += 1;
        let per_step = self.rate / 10.0 * times;
        match self.kind {
            Kind::Poisson => self.random.poisson(per_step),
            Kind::Gamma(cv, seconds) => {
                let rate = per_step * self.modulate(cv, seconds);
                self.random.poisson(rate)
            }
            Kind::Day(cv, seconds) => {
                let angle = std::f64::consts::TAU * self.step as f64 / 864_000.0;
                let rate = per_step * 3f64.powf(angle.sin()) * self.modulate(cv, seconds);
                self.random.poisson(rate)
            }
            Kind::Bursts(exponent) => {
                if self.burst_left == 0 && self.random.uniform() < 1.0 / 600.0 {
                    let size = (0.5 * self.random.uniform().powf(-1.0 / exponent)).min(20.0) * self.rate;
                    self.burst_left = 5 + (self.random.uniform() * 45.0) as u32;
                    self.burst_rate = size / f64::from(self.burst_left);
                }
                let burst = if self.burst_left > 0 { self.burst_rate } else { 0.0 };
                self.burst_left = self.burst_left.saturating_sub(1);
                self.random.poisson(per_step + burst)
            }
            Kind::Batches(mean) => {
                let batches = self.random.poisson(per_step / mean);
                let shrink = (1.0 - 1.0 / mean).ln();
                (0..batches as u64).map(|_| (self.random.uniform().ln() / shrink).ceil().max(1.0)).sum()
            }
        }
    }
}

/// Alarms by whether they came in the first day, and the level's tolerance at the end.
fn false_alarms(plan: &Plan, kind: Kind, rate: f64, days: u64, seed: u64) -> (u32, u32, f32) {
    let mut traffic = Traffic::new(kind, rate, seed);
    let mut signal = Baseline::new(0);
    let (mut first_day, mut later, mut alarmed) = (0, 0, false);
    for step in 0..days * 864_000 {
        let moment = Moment::new(step, (step / 10 % 604_800) as u32);
        let score = signal.step(plan, &moment, traffic.next(1.0) as f32, false);
        if score >= 1.0 && !alarmed {
            alarmed = true;
            *(if step < 864_000 { &mut first_day } else { &mut later }) += 1;
        } else if alarmed && score < 0.5 {
            alarmed = false;
            signal.dismiss();
        }
    }
    (first_day, later, signal.tolerance())
}

/// Delays of the alarm after a step to each ratio, in seconds, sorted; infinite if not within 120 s. All ratios continue the
/// same ordinary traffic, trial by trial.
fn delays(plan: &Plan, kind: Kind, rate: f64, ordinary: u64, seed: u64) -> Vec<Vec<f64>> {
    let mut found = vec![Vec::new(); RATIOS.len()];
    for trial in 0..TRIALS {
        let mut traffic = Traffic::new(kind, rate, seed + 7_919 * trial);
        let mut signal = Baseline::new(0);
        let ordinary = ordinary + traffic.random.next() % 160;
        for step in 0..ordinary {
            let score = signal.step(plan, &Moment::new(step, 0), traffic.next(1.0) as f32, false);
            if score >= 1.0 {
                signal.dismiss();
            }
        }
        for (delays, ratio) in found.iter_mut().zip(RATIOS) {
            let (mut traffic, mut signal) = (traffic.clone(), signal.clone());
            let alarm = (0..1_200).find(|step| {
                let samples = traffic.next(ratio) as f32;
                signal.step(plan, &Moment::new(ordinary + step, 0), samples, false) >= 1.0
            });
            delays.push(alarm.map_or(f64::INFINITY, |steps| (steps + 1) as f64 / 10.0));
        }
    }
    found.iter_mut().for_each(|delays| delays.sort_by(f64::total_cmp));
    found
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let days: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(30);
    let filter = arguments.next().unwrap_or_default();
    let seconds: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(120);
    let plan = Plan::new(Budget { false_alarms_per_month: 1.0, tests: 1 }, 0.2);
    println!("Delays after {seconds} s of ordinary traffic: median (nine tenths), in seconds.\n");
    println!(
        "| traffic | samples/s | first day | later | tolerance | 10x | 2x | 1.5x | 1.2x | Poisson bound 2x |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let (mut all, mut cases) = (0, 0);
    for (row, kind) in KINDS.into_iter().enumerate().filter(|(_, kind)| kind.name().contains(&filter)) {
        for (column, rate) in [0.5, 5.0, 50.0, 500.0].into_iter().enumerate() {
            let seed = 1_000_000 * (1 + row as u64) + 100_000 * column as u64;
            let (first_day, later, tolerance) = false_alarms(&plan, kind, rate, days, seed);
            all += first_day + later;
            cases += 1;
            print!("| {} | {rate} | {first_day} | {later} | {tolerance:.2} |", kind.name());
            for sorted in delays(&plan, kind, rate, 10 * seconds, seed + 50_000) {
                let shown = |share: usize| match sorted[sorted.len() * share / 10] {
                    late if late.is_finite() => format!("{late:.1}"),
                    _ => "-".into(),
                };
                print!(" {} ({}) |", shown(5), shown(9));
            }
            println!(" {:.1} |", least_seconds(rate, 2.0, MONTH_SECONDS));
        }
    }
    let month = f64::from(all) * 30.0 / (f64::from(cases) * days.max(1) as f64);
    println!("\n{all} false alarms in {cases} signals of {days} days: {month:.2} a signal in 30 days.");
}
