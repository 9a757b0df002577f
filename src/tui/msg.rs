//! Everything that can happen to the screen. Closed: the compiler shows every place that a new message touches.

use ratatui::crossterm::event::KeyEvent;

use crate::jobs::JobEvent;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Msg {
    /// A key went down or repeats.
    Key(KeyEvent),
    /// Text came in one piece.
    Paste(String),
    /// The wheel was turned by one notch: -1 up, 1 down.
    Wheel(isize),
    /// The first button went down on this cell.
    Click {
        /// From 0, left.
        column: u16,
        /// From 0, top.
        row: u16,
    },
    /// The terminal has this size now.
    Resize {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// Background work says something.
    Job(JobEvent),
    /// A moment that [`super::state::State::next_wake`] asked for has come.
    Tick,
    /// The program has to end: a signal came, or the terminal is gone.
    Terminate,
}
