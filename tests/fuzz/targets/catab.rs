#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| casync_tests::fuzz::run("catab", input));
