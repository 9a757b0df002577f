//! The first line: which folder, how much of it is known, what is being done about the rest. Only what an event said.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::{bar, columns, spread};
use crate::tui::state::{Indexing, Screen, State};
use crate::tui::text::{count, fit_end, one_line, seconds, thousands, width};

pub(super) fn draw(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let look = &state.look;
    let room = usize::from(area.width).saturating_sub(1);
    let mut left = vec![Span::raw(" "), Span::styled("tanya", look.theme.strong)];
    let mut parts = parts(state);
    let folder = one_line(&state.folder);
    let least = width("tanya") + 3 + width(&folder).min(24) + 2;
    // Where the room is short, what matters least goes first; what happens now stays.
    while parts.len() > 1 && columns(&join(state, &parts)) + least > room {
        let least = (0..parts.len()).max_by_key(|at| parts[*at].rank).expect("there are parts");
        parts.remove(least);
    }
    let right =
        if columns(&join(state, &parts)) + width("tanya") + 12 > room { Vec::new() } else { join(state, &parts) };
    let free = room.saturating_sub(columns(&right) + width("tanya") + 3 + 2);
    left.push(Span::raw("  "));
    left.push(Span::styled(fit_end(&folder, free, look.glyphs.ellipsis), look.theme.accent));
    super::line(frame, area, &spread(left, right, room));
}

/// One piece of news: a smaller rank stays longer.
struct Part {
    rank: u8,
    spans: Vec<Span<'static>>,
}

fn join(state: &State, parts: &[Part]) -> Vec<Span<'static>> {
    let dot = Span::styled(format!(" {} ", state.look.glyphs.dot), state.look.theme.muted);
    let spans: Vec<&[Span<'static>]> = parts.iter().map(|part| part.spans.as_slice()).collect();
    spans.join(&[dot][..])
}

fn parts(state: &State) -> Vec<Part> {
    let look = &state.look;
    let library = &state.library;
    let one = |text: String, style| vec![Span::styled(text, style)];
    let mut parts = Vec::new();
    let mut add = |rank, spans: Vec<Span<'static>>| parts.push(Part { rank, spans });
    if let Some(files) = library.files() {
        add(1, one(count(files, "file", "files"), look.theme.muted));
    }
    if let Some(status) = library.status.as_ref().filter(|status| status.chunks > 0) {
        add(2, one(count(status.chunks, "passage", "passages"), look.theme.muted));
    }
    let (failed, partly) = library.status.as_ref().map_or((0, 0), |status| (status.failed, status.partly));
    if failed > 0 {
        add(3, one(format!("{} not readable", thousands(failed)), look.theme.warn));
    }
    if partly > 0 {
        add(4, one(format!("{} partly", thousands(partly)), look.theme.warn));
    }
    // Where they are listed with their reasons.
    if failed + partly > 0 && !matches!(state.screen, Screen::Files(_)) {
        add(5, one("/library".into(), look.theme.warn));
    }
    match &library.indexing {
        Indexing::Opening => add(0, one("opening the library".into(), look.theme.muted)),
        Indexing::Reading { done, total, .. } => {
            add(
                0,
                progress(
                    state,
                    format!("reading {} of {} ", thousands(*done), thousands(*total)),
                    (*done, *total),
                    None,
                ),
            );
        }
        Indexing::Embedding { done, total, seconds_left } => {
            let percent = done.saturating_mul(100).checked_div(*total).unwrap_or(0);
            add(0, progress(state, format!("embedding {percent} % "), (*done, *total), *seconds_left));
        }
        Indexing::ReadOnly { holder } => {
            let holder = holder.map_or_else(|| "another tanya".into(), |pid| format!("process {pid}"));
            add(0, one(format!("read-only: {holder} updates it"), look.theme.warn));
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
