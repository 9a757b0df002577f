//! Answers become conversations that survive the program.

mod difference;
mod receipt;
mod session;
mod stale;
mod store;

pub use difference::{Change, difference};
pub use receipt::{Receipt, WholePassage, WholeReceipt};
pub use session::{Conversation, SessionId, SessionSummary, Turn};
pub use stale::{CitedNow, Standing, standing, standings};
pub use store::{Belonging, SessionStore};
