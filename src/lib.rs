//! tanya: ask your own folder of documents from the terminal.
//!
//! The modules stand in the order in which data flows; each may use those before it and none after it
//! (`tests/layers.rs` holds them to that):
//!
//! | module | turns |
//! |---|---|
//! | [`report`], [`config`], [`places`], [`paths`], [`atomic`] | errors into one cause and one hint; settings, folders and names into usable ones; bytes into whole files |
//! | [`models`] | a model's name into verified files on disk |
//! | [`ingest`] | a folder into chunks in its library |
//! | [`answer`] | a question into a stream of events that ends in a cited answer |
//! | [`eval`] | questions with known answers into figures with intervals |
//! | [`chat`] | answers into conversations that survive the program |
//! | [`jobs`] | all of that into background work with ids, cancel and progress |
//! | [`demo`] | a folder that comes along into files |
//! | [`tui`], [`linear`], [`cli`] | keys, lines and arguments into jobs, their events into a screen or lines |

pub mod answer;
pub mod atomic;
pub mod chat;
pub mod cli;
pub mod config;
pub mod demo;
pub mod eval;
mod fuzzy;
pub mod ingest;
pub mod jobs;
pub mod linear;
pub mod log;
pub mod models;
pub mod paths;
pub mod places;
pub mod report;
pub mod tui;
