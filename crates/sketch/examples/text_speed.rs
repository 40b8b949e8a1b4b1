//! What the hash of a text costs: the agent and the path of one request, by the keyed hash of texts and by SipHash-1-3.
//!
//! `cargo run --release -p sketch --example text_speed`

use std::hash::{BuildHasher, Hasher};
use std::hint::black_box;
use std::time::Instant;

use sketch::{KeyedState, TextKey};

const ROUNDS: u32 = 2_000_000;
const RUNS: usize = 5;
const AGENT: &[u8] =
    b"Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.107 Safari/537.36";
const PATH: &[u8] = b"/presentations/logstash-monitorama-2013/images/kibana-search.png";

fn nanoseconds(hash: impl Fn(&[u8]) -> u64) -> f64 {
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        for text in [AGENT, PATH] {
            black_box(hash(black_box(text)));
        }
    }
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS)
}

fn main() {
    let state = KeyedState::published();
    let key = TextKey::new(&state, 1);
    let sip = |text: &[u8]| {
        let mut hasher = state.build_hasher();
        hasher.write(text);
        hasher.finish()
    };
    for _ in 0..RUNS {
        let (text, sip) = (nanoseconds(|text| key.hash(text)), nanoseconds(sip));
        println!("{} bytes: TextKey {text:.1} ns, SipHash-1-3 {sip:.1} ns", AGENT.len() + PATH.len());
    }
}
