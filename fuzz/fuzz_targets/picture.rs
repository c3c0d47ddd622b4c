//! Fuzzes `picture_guard::preview` and `picture_guard::strip`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gridlog_fuzz::picture(data));
