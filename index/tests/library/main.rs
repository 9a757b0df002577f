//! The library as its users see it, through the public interface alone.

mod common;
mod kill;
mod model;
mod recovery;
mod search;
