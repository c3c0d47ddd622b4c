//! Fuzzes `merge_guard::receive`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gridlog_fuzz::receive(data));
