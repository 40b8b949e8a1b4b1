//! Cost of the test and of learning: `cargo run --release -p baseline --example speed`. CPU time of this thread, medians of 9.

use baseline::{Baseline, Budget, Moment, Plan};
use cpu_time::ThreadTime;

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Nanoseconds per call of `step` over these signals, all touched in `per_second` of the ten steps of each second.
fn per_step(signals: usize, per_second: u64) -> f64 {
    let plan = Plan::new(Budget { false_alarms_per_month: 1.0, tests: signals as u32 }, 0.2);
    let mut all: Vec<Baseline> = (0..signals).map(|index| Baseline::new(index as u8)).collect();
    let mut step = 0;
    let mut seconds = |count: u64| {
        let started = ThreadTime::now();
        let mut alarms = 0;
        for _ in 0..count {
            for tenth in 0..10 {
                if tenth < per_second {
                    let now = Moment::new(step, (step / 10) as u32);
                    for (index, signal) in all.iter_mut().enumerate() {
                        let samples = ((index as u64 ^ step) % 5) as f32;
                        alarms += u32::from(signal.step(&plan, &now, samples, false) >= 1.0);
                    }
                }
                step += 1;
            }
        }
        std::hint::black_box(alarms);
        started.elapsed().as_nanos() as f64 / (count * per_second * signals as u64) as f64
    };
    seconds(320);
    median((0..9).map(|_| seconds(64)).collect())
}

fn main() {
    println!(
        "state: {} bytes a signal, and {} with its week",
        size_of::<Baseline>(),
        size_of::<Baseline>() + size_of::<baseline::Week>()
    );
    for (name, signals) in [("in the cache", 256), ("16,384 signals", 16_384)] {
        let (often, seldom) = (per_step(signals, 10), per_step(signals, 1));
        // A touched second costs one end of a second and 1 or 10 steps.
        let step = (10.0 * often - seldom) / 9.0;
        println!("{name}: {step:.1} ns a step, {:.1} ns more a second (lines included)", seldom - step);
    }
}
