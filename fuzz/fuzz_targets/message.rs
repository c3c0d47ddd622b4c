//! Fuzzes what both sides read from the wire.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gridlog_fuzz::message(data));
