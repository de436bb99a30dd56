//! The fuzz target `engine`: see the testkit's `fuzz::engine`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| annals_testkit::fuzz::engine(data));
