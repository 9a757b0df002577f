//! Answers become conversations that survive the program.

pub mod export;
mod search;
mod session;
mod store;

pub use search::{Excerpt, Found, Words};
pub use session::{Conversation, SessionId, SessionSummary, Turn};
pub use store::{Belonging, SessionStore};
