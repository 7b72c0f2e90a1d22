#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| spantls_fuzz::doors::tickets::play(bytes));
