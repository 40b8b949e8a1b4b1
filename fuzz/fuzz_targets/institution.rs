//! Any text is refused with problems that lie within it, or gives an institution whose index answers.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use cpu_time::ThreadTime;

/// Longest time for one file of the size that the fuzzer makes, with the sanitizer's slowness in it.
const LONGEST: Duration = Duration::from_secs(10);

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let started = ThreadTime::now();
    match institution::parse("fuzz.toml", text) {
        Ok(institution) => {
            let summary = institution::describe(&institution);
            assert_eq!(summary.counts.prefixes, institution.prefixes.len());
            for prefix in &institution.prefixes {
                let found = institution.lookup(prefix.network.network());
                assert!(
                    found
                        .prefix()
                        .is_some_and(|found| found.network.prefix_len() >= prefix.network.prefix_len())
                );
            }
            for service in &institution.services {
                for &address in &service.addresses {
                    let found = institution.lookup(address);
                    assert!(found.services().any(|other| other.id == service.id));
                    assert_eq!(found.lookup.zone, Some(service.zone));
                }
            }
            for bits in [0, 1, u128::MAX, 0x2001_0db8 << 96] {
                institution.lookup(IpAddr::V6(Ipv6Addr::from_bits(bits)));
                institution.lookup(IpAddr::V4(Ipv4Addr::from_bits(bits as u32)));
            }
            institution.warnings.render(true);
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems.list() {
                assert!(text.get(problem.span.clone()).is_some());
                assert!(problem.line >= 1 && problem.column >= 1);
            }
            // As dear as the parsing, and a matter of each problem's own line: a quarter of the inputs will do.
            if text.len() % 4 == 0 {
                problems.render(false);
            }
        }
    }
    assert!(started.elapsed() < LONGEST, "{:?}", started.elapsed());
});
