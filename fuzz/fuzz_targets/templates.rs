//! placeholder: nothing is called here yet; `cargo xtask test` reports this target as skipped.
#![no_main]

libfuzzer_sys::fuzz_target!(|_data: &[u8]| {});
