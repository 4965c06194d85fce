//! See `targets::multipart`.
#![no_main]

#[expect(dead_code, reason = "each binary calls one of them")]
#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::multipart(bytes));
