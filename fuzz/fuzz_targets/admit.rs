//! Fuzzes `merge_guard::admit`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gridlog_fuzz::admit(data));
