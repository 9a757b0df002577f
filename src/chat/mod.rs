//! Answers become conversations that survive the program.

mod difference;
pub mod export;
mod receipt;
mod search;
mod session;
mod stale;
mod store;

pub use difference::{Change, difference};
pub use receipt::{Receipt, WholePassage, WholeReceipt};
pub use search::{Excerpt, Found, Words};
pub use session::{Conversation, SessionId, SessionSummary, Turn};
pub use stale::{CitedNow, Standing, standing, standings};
pub use store::{Belonging, SessionStore};
