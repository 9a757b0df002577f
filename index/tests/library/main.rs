//! The library as its users see it, through the public interface alone.

#![expect(clippy::unwrap_used, reason = "a step that fails fails its test, in helpers too")]

mod choose;
mod common;
mod equal;
mod faults;
mod flips;
mod forget;
mod history;
mod instances;
mod kill;
mod languages;
mod model;
mod process;
mod recovery;
mod search;
mod torn;
mod vectors;
mod verify;
