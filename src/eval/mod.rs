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
//! [`Tried`] is what a profile costs and gives; [`Recommendation`] says what the figures mean for the settings.
//!
//! Everything here is pure; who runs the questions keeps the answers.

pub mod canaries;
mod known;
mod metrics;
pub mod planted;
mod profiles;
mod question;
mod recommend;
mod report;
mod thresholds;

pub use known::{Cloze, FOREIGN, Gap, KnownItem, cloze, known_item};
pub use metrics::{Given, Share, Shares, found, right, shares};
pub use profiles::{Row, Spread, Times, Tried, fastest_good};
pub use question::Question;
pub use recommend::Recommendation;
pub use report::{Difference, Figure, compare, figures};
pub use thresholds::{Rates, advice, rates};
