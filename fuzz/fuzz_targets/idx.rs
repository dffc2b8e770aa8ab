#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| steepest_fuzz::idx(bytes));
