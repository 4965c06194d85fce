//! See `targets::image`.
#![no_main]

#[allow(dead_code)] // each binary calls one of them
#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::image(bytes));
