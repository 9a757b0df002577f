//! What the parent reads from a child that may have been taken over.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tanya::ingest::fuzzing::frames(bytes));
