//! How good are the answers? Questions with known answers, from a file or made from the folder itself, and figures with intervals.
//!
//! ```text
//! labelled file ─question┐
//! the folder   ─known────┴→ Question ─(the caller answers)→ Answer ─metrics→ shares ─report→ figures, intervals, comparison
//! ```
//!
//! [`planted`] makes true and false sentences out of passages, to measure the check of answers, [`canaries`]
//! instructions into passages, to measure whether they are obeyed.
//!
//! Everything here is pure; who runs the questions keeps the answers.

pub mod canaries;
mod known;
mod metrics;
pub mod planted;
mod question;
mod report;
mod thresholds;

pub use known::{FOREIGN, cloze};
pub use metrics::{Given, Share, Shares, shares};
pub use question::Question;
pub use report::{Difference, Figure, compare, figures};
pub use thresholds::{Rates, advice, rates};
