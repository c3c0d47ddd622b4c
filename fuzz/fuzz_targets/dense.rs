//! Fuzzes the dense form of messages.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gridlog_fuzz::dense(data));
