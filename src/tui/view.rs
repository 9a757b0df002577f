//! Drawing: the state becomes cells. Pure but for the layouts that [`State::settle`] refreshes first.
//!
//! ```text
//! header          folder, counts, what the indexing thread does
//! rule
//! transcript │ sources      (sources below each answer under 100 columns; pages cover both)
//! rule            how much is new below
//! composer
//! status          model, context, hints
//! ```

mod compare;
mod composer;
mod files;
mod gauge;
mod header;
mod help;
mod hints;
mod inspect;
mod ledger;
mod metrics;
mod models;
mod palette;
mod passage;
mod sessions;
mod settings;
mod sources;
mod start;
mod status;
pub(super) mod transcript;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

pub(super) use passage::top as passage_top;

use super::state::{Cited, Look, Screen, State};
use super::text::{fit, one_line, width};
use crate::answer::Source;

/// Below this size there is no room for a question and an answer.
const LEAST: (u16, u16) = (40, 10);
/// Columns of the rule that say how much is new below.
const MORE_BELOW: u16 = 22;
/// Columns left of the text.
pub(super) const MARGIN: u16 = 3;

/// Where everything is.
#[derive(Debug, Clone, Copy)]
struct Areas {
    header: Rect,
    top_rule: Rect,
    transcript: Rect,
    sources: Option<Rect>,
    bottom_rule: Rect,
    composer: Rect,
    status: Rect,
}

fn areas(state: &State) -> Areas {
    let (columns, rows) = state.size;
    let row = |y: u16, height: u16| Rect { x: 0, y, width: columns, height };
    let status = row(rows.saturating_sub(1), 1.min(rows));
    let composer_rows = if state.shows_chat() { composer::rows(state, columns).min((rows / 3).max(1)) } else { 0 };
    let composer = row(status.y.saturating_sub(composer_rows), composer_rows);
    let bottom_rule = row(composer.y.saturating_sub(1), 1.min(rows));
    let body = row(2.min(rows), bottom_rule.y.saturating_sub(2));
    let (transcript, sources) = if state.is_wide() && state.shows_chat() && !state.turns.is_empty() {
        let side = (columns * 2 / 5).min(72);
        let left = Rect { width: columns - side, ..body };
        (left, Some(Rect { x: left.width, width: side, ..body }))
    } else {
        (body, None)
    };
    Areas {
        header: row(0, 1.min(rows)),
        top_rule: row(1.min(rows), 1.min(rows)),
        transcript,
        sources,
        bottom_rule,
        composer,
        status,
    }
}

/// Rows that the transcript shows.
pub(super) fn transcript_rows(state: &State) -> usize {
    usize::from(areas(state).transcript.height)
}

/// Columns of the transcript.
pub(super) fn transcript_columns(state: &State) -> u16 {
    areas(state).transcript.width
}

/// The citation that is drawn on this cell.
pub(super) fn citation_at(state: &mut State, cell: (u16, u16)) -> Option<Cited> {
    state.settle();
    transcript::citation_at(state, areas(state).transcript, cell)
}

/// Rows of whatever scrolls now.
pub(super) fn page_rows(state: &State) -> usize {
    match &state.screen {
        Screen::Passage(_) => transcript_rows(state).saturating_sub(passage::HEAD),
        Screen::Files(list) => files::page_rows(state, list, transcript_columns(state), transcript_rows(state)),
        _ => transcript_rows(state),
    }
}

/// The last first line of the page that is open.
pub(super) fn last_top(state: &State) -> usize {
    let columns = transcript_columns(state);
    let lines = match &state.screen {
        Screen::Help(_) => help::lines(state, columns).len(),
        Screen::Passage(passage) => passage::length(state, *passage),
        Screen::Metrics(_) => metrics::lines(state, columns).len(),
        Screen::Compare(view) => compare::lines(state, *view, columns).len(),
        Screen::Inspect(view) => inspect::lines(state, view, columns, areas(state).transcript.height).len(),
        Screen::Files(list) => files::details(state, list, columns).len(),
        Screen::Chat | Screen::Settings(_) | Screen::Models(_) | Screen::Sessions(_) | Screen::Prompt(_) => 0,
    };
    lines.saturating_sub(page_rows(state))
}

/// Draws everything.
pub(super) fn draw(state: &mut State, frame: &mut Frame<'_>) {
    let area = frame.area();
    let columns = area.width;
    state.size = (area.width, area.height);
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let text = format!("tanya needs {}x{}", LEAST.0, LEAST.1);
        let text = fit(&text, usize::from(area.width), "");
        frame.buffer_mut().set_stringn(0, 0, text, usize::from(area.width), state.look.theme.text);
        return;
    }
    if state.shows_chat() {
        state.settle();
    }
    let unseen = if state.shows_chat() { state.unseen() } else { 0 };
    let areas = areas(state);
    let state = &*state;
    header::draw(state, frame, areas.header);
    rule(state, frame, areas.top_rule);
    match (&state.palette, &state.screen) {
        (Some(list), _) => palette::draw(state, list, frame, areas.transcript),
        (None, Screen::Chat) => {
            if state.turns.is_empty() {
                start::draw(state, frame, areas.transcript);
            } else {
                transcript::draw(state, frame, areas.transcript);
            }
            if let Some(area) = areas.sources {
                sources::draw(state, frame, area);
            }
            rule(state, frame, areas.bottom_rule);
            more_below(state, frame, areas.bottom_rule, unseen);
            let free = if state.scroll.follow { columns } else { areas.transcript.width.saturating_sub(MORE_BELOW) };
            hints::preview(state, frame, areas.bottom_rule, free);
            hints::names(state, frame, areas.transcript);
            composer::draw(state, frame, areas.composer);
        }
        (None, Screen::Help(page)) => {
            lines(frame, areas.transcript, &help::lines(state, areas.transcript.width), page.top);
        }
        (None, Screen::Models(view)) => models::draw(state, view, frame, areas.transcript),
        (None, Screen::Settings(view)) => settings::draw(state, view, frame, areas.transcript),
        (None, Screen::Sessions(list)) => sessions::draw(state, list, frame, areas.transcript),
        (None, Screen::Files(list)) => files::draw(state, list, frame, areas.transcript),
        (None, Screen::Passage(open)) => passage::draw(state, *open, frame, areas.transcript),
        (None, Screen::Metrics(page)) => {
            lines(frame, areas.transcript, &metrics::lines(state, areas.transcript.width), page.top);
        }
        (None, Screen::Compare(view)) => {
            lines(frame, areas.transcript, &compare::lines(state, *view, areas.transcript.width), view.top);
        }
        (None, Screen::Inspect(view)) => {
            let Rect { width, height, .. } = areas.transcript;
            lines(frame, areas.transcript, &inspect::lines(state, view, width, height), view.input.unwrap_or(0));
        }
        (None, Screen::Prompt(view)) => {
            let (all, selected) = ledger::lines(state, *view, areas.transcript.width);
            let height = usize::from(areas.transcript.height);
            // With the last one selected, what stands below it is seen too.
            let is_last = view.source + 1 >= state.listed_passages(view.turn).len();
            let top = if is_last {
                all.len().saturating_sub(height).min(selected)
            } else {
                (selected + 2).saturating_sub(height)
            };
            lines(frame, areas.transcript, &all, top);
        }
    }
    if !state.shows_chat() {
        rule(state, frame, areas.bottom_rule);
    }
    status::draw(state, frame, areas.status);
}

fn rule(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let columns = usize::from(area.width).saturating_sub(2);
    line(frame, area, &Line::styled(format!(" {}", state.look.glyphs.rule.repeat(columns)), state.look.theme.rule));
}

fn more_below(state: &State, frame: &mut Frame<'_>, area: Rect, unseen: usize) {
    if state.scroll.follow || state.turns.is_empty() {
        return;
    }
    let look = &state.look;
    let text = match unseen {
        0 => format!(" {} more below ", look.glyphs.down),
        1 => format!(" {} 1 new line ", look.glyphs.down),
        lines => format!(" {} {lines} new lines ", look.glyphs.down),
    };
    let columns = width(&text) as u16;
    let x = transcript_columns(state).saturating_sub(columns + 2);
    line(frame, Rect { x, width: columns, ..area }, &Line::styled(text, look.theme.accent));
}

/// Draws one line into the first row of `area`.
fn line(frame: &mut Frame<'_>, area: Rect, line: &Line<'_>) {
    let area = area.intersection(frame.area());
    if area.width > 0 && area.height > 0 {
        frame.buffer_mut().set_line(area.x, area.y, line, area.width);
    }
}

/// Draws lines from `top` on.
fn lines(frame: &mut Frame<'_>, area: Rect, all: &[Line<'_>], top: usize) {
    let top = top.min(all.len().saturating_sub(usize::from(area.height)));
    for (row, text) in all.iter().skip(top).take(usize::from(area.height)).enumerate() {
        line(frame, Rect { y: area.y + row as u16, height: 1, ..area }, text);
    }
}

/// Columns of a line.
fn columns(spans: &[Span<'_>]) -> usize {
    spans.iter().map(|span| width(&span.content)).sum()
}

/// The margin at the left of a line.
fn indent() -> Span<'static> {
    Span::raw(" ".repeat(usize::from(MARGIN)))
}

/// `left`, then `right` at the right edge of `total` columns; `right` is left out where both do not fit.
fn spread(mut left: Vec<Span<'static>>, right: Vec<Span<'static>>, total: usize) -> Line<'static> {
    let used = columns(&left) + columns(&right);
    if used < total {
        left.push(Span::raw(" ".repeat(total - used)));
        left.extend(right);
    }
    Line::from(left)
}

/// A progress bar.
fn bar(look: &Look, done: u64, total: u64, cells: usize) -> [Span<'static>; 2] {
    let (full, empty) = look.glyphs.bar(done, total, cells);
    [Span::styled(full, look.theme.accent), Span::styled(empty, look.theme.rule)]
}

/// The spinner's sign at this moment.
fn spinner(state: &State) -> &'static str {
    let frames = state.look.glyphs.spinner;
    let step = state.clock.as_millis() / super::state::SPIN.as_millis();
    frames[(step % frames.len() as u128) as usize]
}

/// Where a source stands in its file, after the path.
fn location(source: &Source, dash: &str) -> String {
    match source.page {
        Some(page) => format!(", page {page}"),
        None if source.end_line > source.start_line => format!(":{}{dash}{}", source.start_line, source.end_line),
        None => format!(":{}", source.start_line),
    }
}

/// `garden/2024-spring.md:41–44`, `contract.pdf, page 4`.
pub(super) fn place(source: &Source, dash: &str) -> String {
    format!("{}{}", one_line(&source.path), location(source, dash))
}
