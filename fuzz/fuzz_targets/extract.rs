//! The first byte chooses the format, the rest is the file: extraction and chunking keep their laws.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tanya::ingest::fuzzing::document(bytes));
