//! The fuzz target `token`: see the testkit's `fuzz::token`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| annals_testkit::fuzz::token(data));
