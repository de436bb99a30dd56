//! The fuzz target `frame`: see the testkit's `fuzz::frame`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| annals_testkit::fuzz::frame(data));
