//! Where the transcript is read: an anchor of turn and line, and whether the end is followed.
//!
//! Costs no more than the turns on the screen: only those are laid out. An anchor survives another width by the key of its
//! line (see [`crate::tui::markdown::Laid::key`]).

use super::State;
use crate::tui::view::{self, transcript};

/// The transcript's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) struct Scroll {
    /// New text moves the view.
    pub follow: bool,
    /// The first visible line: turn, line in it.
    pub top: (usize, usize),
    /// How much had been written when following ended: turn, lines of it.
    seen: (usize, usize),
}

impl Default for Scroll {
    fn default() -> Self {
        Self { follow: true, top: (0, 0), seen: (0, 0) }
    }
}

impl State {
    /// Lays out turn `index` if needed and gives its number of lines.
    pub(in crate::tui) fn height(&mut self, index: usize) -> usize {
        let context = transcript::Context::of(self);
        let Some(turn) = self.turns.get_mut(index) else { return 0 };
        let stamp = context.stamp(turn);
        let old_key = match &turn.laid {
            Some(laid) if laid.stamp == stamp => return laid.lines.len(),
            Some(laid) if self.scroll.top.0 == index && laid.stamp.width != stamp.width => {
                laid.lines.get(self.scroll.top.1).map(|line| line.key)
            }
            _ => None,
        };
        let laid = transcript::lay_out(turn, index, &context);
        if let Some(key) = old_key {
            let last = laid.lines.partition_point(|line| line.key <= key).saturating_sub(1);
            // An empty line shares the key of the line above it.
            self.scroll.top.1 =
                laid.lines.get(last).map_or(0, |found| laid.lines.partition_point(|line| line.key < found.key));
        }
        let height = laid.lines.len();
        turn.laid = Some(laid);
        height
    }

    /// The anchor that puts the last line at the bottom.
    fn end(&mut self) -> (usize, usize) {
        let mut rows = view::transcript_rows(self);
        for turn in (0..self.turns.len()).rev() {
            let height = self.height(turn);
            if height >= rows {
                return (turn, height - rows);
            }
            rows -= height;
        }
        (0, 0)
    }

    /// Lays out what is visible and puts the anchor where it may be. Called before every draw and every move.
    pub(in crate::tui) fn settle(&mut self) {
        // Lays out the anchor's own turn first: another width moves the anchor with its text.
        let height = self.height(self.scroll.top.0);
        self.scroll.top.1 = self.scroll.top.1.min(height.saturating_sub(1));
        let end = self.end();
        if self.scroll.follow || self.scroll.top >= end {
            self.scroll.follow = true;
            self.scroll.top = end;
        }
        let (mut turn, line) = self.scroll.top;
        let mut rows = view::transcript_rows(self) + line;
        while rows > 0 && turn < self.turns.len() {
            rows = rows.saturating_sub(self.height(turn));
            turn += 1;
        }
    }

    /// Moves the view by lines; up ends following, reaching the end resumes it.
    pub(in crate::tui) fn scroll_by(&mut self, lines: isize) {
        self.settle();
        let was_following = self.scroll.follow;
        let (mut turn, mut line) = self.scroll.top;
        for _ in 0..lines.unsigned_abs() {
            if lines < 0 {
                if line > 0 {
                    line -= 1;
                } else if turn > 0 {
                    turn -= 1;
                    line = self.height(turn).saturating_sub(1);
                }
            } else if line + 1 < self.height(turn) {
                line += 1;
            } else if turn + 1 < self.turns.len() {
                (turn, line) = (turn + 1, 0);
            }
        }
        self.scroll_to((turn, line), was_following);
    }

    /// Shows line `line` of `turn`, a third of the way down, unless it is visible already.
    pub(in crate::tui) fn reveal(&mut self, turn: usize, line: usize) {
        self.settle();
        let rows = view::transcript_rows(self);
        let top = self.scroll.top;
        let mut below = 0_usize;
        if (turn, line) >= top {
            for index in top.0..turn {
                below += self.height(index);
                if below > rows + top.1 {
                    break;
                }
            }
            if below + line < top.1 + rows {
                return;
            }
        }
        let was_following = self.scroll.follow;
        self.scroll_to((turn, line), was_following);
        self.scroll_by(-((rows / 3) as isize));
    }

    /// To the start, or to the end.
    pub(in crate::tui) fn scroll_to_start(&mut self) {
        let was_following = self.scroll.follow;
        self.scroll_to((0, 0), was_following);
    }

    pub(in crate::tui) fn scroll_to_end(&mut self) {
        self.scroll.follow = true;
    }

    fn scroll_to(&mut self, top: (usize, usize), was_following: bool) {
        let end = self.end();
        self.scroll.top = top.min(end);
        self.scroll.follow = top >= end;
        if was_following && !self.scroll.follow {
            let last = self.turns.len().saturating_sub(1);
            self.scroll.seen = (last, self.height(last));
        }
    }

    /// Lines that were written since following ended.
    pub(in crate::tui) fn unseen(&mut self) -> usize {
        if self.scroll.follow {
            return 0;
        }
        let (turn, lines) = self.scroll.seen;
        let rest = self.height(turn).saturating_sub(lines);
        rest + (turn + 1..self.turns.len()).map(|turn| self.height(turn)).sum::<usize>()
    }
}
