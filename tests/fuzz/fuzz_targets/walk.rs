//! The fuzz target `walk`: see the testkit's `fuzz::walk`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| annals_testkit::fuzz::walk(data));
