//! The first line: which folder, how much of it is known, what is being done about the rest. Only what an event said.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::{bar, columns, spread};
use crate::tui::state::{Indexing, State};
use crate::tui::text::{count, fit_end, one_line, seconds, thousands, width};

pub(super) fn draw(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let look = &state.look;
    let room = usize::from(area.width).saturating_sub(1);
    let mut left = vec![Span::raw(" "), Span::styled("tanya", look.theme.strong)];
    let parts = parts(state);
    // The most recent news stands last and is the last to go where the room is short.
    let folder = one_line(&state.folder);
    let mut first = 0;
    let right = loop {
        let right = join(state, &parts[first..]);
        if first == parts.len() || columns(&right) + width("tanya") + 3 + width(&folder).min(24) + 2 <= room {
            break right;
        }
        first += 1;
    };
    let free = room.saturating_sub(columns(&right) + width("tanya") + 3 + 2);
    left.push(Span::raw("  "));
    left.push(Span::styled(fit_end(&folder, free, look.glyphs.ellipsis), look.theme.accent));
    super::line(frame, area, &spread(left, right, room));
}

fn join(state: &State, parts: &[Vec<Span<'static>>]) -> Vec<Span<'static>> {
    let dot = Span::styled(format!(" {} ", state.look.glyphs.dot), state.look.theme.muted);
    parts.join(&[dot][..])
}

fn parts(state: &State) -> Vec<Vec<Span<'static>>> {
    let look = &state.look;
    let muted = |text: String| vec![Span::styled(text, look.theme.muted)];
    let library = &state.library;
    let mut parts = Vec::new();
    if let Some(files) = library.files() {
        parts.push(muted(count(files, "file", "files")));
    }
    if let Some(status) = library.status.as_ref().filter(|status| status.chunks > 0) {
        parts.push(muted(count(status.chunks, "passage", "passages")));
    }
    if let Some(failed) = library.status.as_ref().map(|status| status.failed).filter(|failed| *failed > 0) {
        parts.push(vec![Span::styled(format!("{} not readable", thousands(failed)), look.theme.warn)]);
    }
    match &library.indexing {
        Indexing::Opening => parts.push(muted("opening the library".into())),
        Indexing::Reading { done, total, .. } => {
            parts.push(progress(state, format!("reading {} of {} ", thousands(*done), thousands(*total)), (*done, *total), None));
        }
        Indexing::Embedding { done, total, seconds_left } => {
            let percent = (*done * 100).checked_div(*total).unwrap_or(0);
            parts.push(progress(state, format!("embedding {percent} % "), (*done, *total), *seconds_left));
        }
        Indexing::ReadOnly { holder: Some(pid) } => {
            parts.push(vec![Span::styled(format!("read-only: process {pid} updates it"), look.theme.warn)]);
        }
        Indexing::ReadOnly { holder: None } => {
            parts.push(vec![Span::styled("read-only: another tanya updates it", look.theme.warn)]);
        }
        Indexing::Idle => {}
    }
    parts
}

fn progress(state: &State, text: String, (done, total): (u64, u64), left: Option<u64>) -> Vec<Span<'static>> {
    let muted = state.look.theme.muted;
    let mut spans = vec![Span::styled(text, muted)];
    spans.extend(bar(&state.look, done, total, 9));
    if let Some(left) = left {
        spans.push(Span::styled(format!(" {}", seconds(left)), muted));
    }
    spans
}
