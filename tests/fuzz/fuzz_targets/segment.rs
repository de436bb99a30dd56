//! The fuzz target `segment`: see the testkit's `fuzz::segment`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| annals_testkit::fuzz::segment(data));
