//! Cleaning a text keeps its lines, forbids what it forbids, and changes nothing the second time.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| tanya::ingest::fuzzing::clean(text));
