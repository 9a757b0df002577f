//! The library as its users see it, through the public interface alone.

#![expect(clippy::unwrap_used, reason = "a step that fails fails its test, in helpers too")]

mod choose;
mod common;
mod kill;
mod model;
mod recovery;
mod search;
mod verify;
