//! `tanya demo`: a small folder that comes along, to try everything on.

use std::process::ExitCode;

use anyhow::Result;

use super::{App, screen};
use crate::demo;

/// Arguments of `tanya demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "The documents are written to the data directory (~/.local/share/tanya/demo) and nowhere else.")]
pub(super) struct Args {
    /// Chat in lines of plain text instead of the screen
    #[arg(long)]
    pub(super) linear: bool,
}

pub(super) fn run(app: App, mode: screen::Mode) -> Result<ExitCode> {
    let dir = app.places.demo();
    demo::write(&dir)?;
    screen::run(app, &dir, mode, &demo::QUESTIONS)
}
