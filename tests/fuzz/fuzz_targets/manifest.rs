//! The fuzz target `manifest`: see the testkit's `fuzz::manifest`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| annals_testkit::fuzz::manifest(data));
