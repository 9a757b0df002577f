//! Answers become conversations that survive the program.

mod session;
mod store;

pub use session::{Conversation, SessionId, SessionSummary, Turn};
pub use store::{Belonging, SessionStore};
