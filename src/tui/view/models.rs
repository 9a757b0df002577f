//! The models here and in the catalogue: two rows each, and all that is known of the selected one.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{MARGIN, bar, indent, spread};
use crate::jobs::{ModelEntry, Speed};
use crate::models::Kind;
use crate::tui::state::{Model, ModelsView, Pulling, Role, State};
use crate::tui::text::{bytes, bytes_of, count, fit, one_line, seconds, thousands, wrap_plain};

/// Rows of the list that are left at least: two models.
const LEAST_ROWS: u16 = 4;
/// Below this height empty rows give way.
const WITH_GAPS: u16 = 14;

pub(super) fn draw(state: &State, view: &ModelsView, frame: &mut Frame<'_>, area: Rect) {
    let theme = &state.look.theme;
    let room = usize::from(area.width).saturating_sub(2 * usize::from(MARGIN));
    let mut head = vec![Line::from(vec![indent(), Span::styled("Models", theme.strong)])];
    if area.height >= WITH_GAPS {
        head.insert(0, Line::default());
        head.push(Line::default());
    }
    if view.list.is_none() {
        head.push(Line::from(vec![indent(), Span::styled("loading", theme.muted)]));
    }
    super::lines(frame, area, &head, 0);
    let top = head.len() as u16;
    let below = area.height.saturating_sub(top);
    let details = view.current().map(|entry| details(state, view, entry, room)).unwrap_or_default();
    let rows_below = (details.len() as u16).min(below.saturating_sub(LEAST_ROWS));
    let (x, y, height) = (area.x + MARGIN, area.y + top, below.saturating_sub(rows_below));
    let list = Rect { x, y, width: room as u16, height };
    let entries = view.list.as_deref().unwrap_or_default();
    let rows: Vec<Line<'static>> =
        entries.iter().enumerate().flat_map(|(index, entry)| row(state, entry, index == view.selected, room)).collect();
    super::lines(frame, list, &rows, (2 * view.selected + 2).saturating_sub(usize::from(list.height)));
    super::lines(frame, Rect { y: list.bottom(), height: rows_below, ..area }, &details, 0);
}

/// The name and what happens to it; below, what it takes.
fn row(state: &State, entry: &ModelEntry, chosen: bool, room: usize) -> [Line<'static>; 2] {
    let look = &state.look;
    let sign = if chosen { look.glyphs.pointer } else { " " };
    let here = if entry.is_here { look.glyphs.check } else { " " };
    let right = match state.pulls.get(&entry.name) {
        Some(pull) => progress(state, pull),
        None => standing(state, entry),
    };
    let name = fit(&one_line(&entry.name), room.saturating_sub(super::columns(&right) + 6), look.glyphs.ellipsis);
    let style = if entry.not_runnable.is_some() { look.theme.muted } else { look.theme.text };
    let left = vec![
        Span::styled(format!("{sign} "), look.theme.accent),
        Span::styled(format!("{here} "), look.theme.ok),
        Span::styled(name, style),
    ];
    let first = spread(left, right, room);
    let first = if chosen { first.patch_style(look.theme.selection) } else { first };
    let facts = facts(state, entry).join(&format!(" {} ", look.glyphs.dot));
    let facts = fit(&facts, room.saturating_sub(4), look.glyphs.ellipsis);
    [first, Line::from(vec![Span::raw("    "), Span::styled(facts, look.theme.muted)])]
}

/// What it is used for, or what can be done with it.
fn standing(state: &State, entry: &ModelEntry) -> Vec<Span<'static>> {
    let theme = &state.look.theme;
    let role = Role::of(entry.kind);
    let (name, known) = match role {
        Role::Answers => (&state.settings.model, &state.models.generator),
        Role::Finds => (&state.settings.embedder, &state.models.embedder),
    };
    if *name == entry.name {
        return match (known, role) {
            (Model::Ready { .. }, Role::Answers) => vec![Span::styled("answers now", theme.accent)],
            (Model::Ready { .. }, Role::Finds) => vec![Span::styled("finds passages now", theme.accent)],
            (Model::Failed { .. }, _) => vec![Span::styled("not available", theme.bad)],
            (Model::Unknown | Model::Pulling { .. } | Model::Loading { .. }, _) => {
                vec![Span::styled("not ready yet", theme.muted)]
            }
        };
    }
    let word = match entry {
        ModelEntry { not_runnable: Some(_), .. } => "cannot be used",
        ModelEntry { is_here: true, .. } => "here",
        ModelEntry { .. } => "not here",
    };
    vec![Span::styled(word, theme.muted)]
}

fn progress(state: &State, pull: &Pulling) -> Vec<Span<'static>> {
    let look = &state.look;
    let Pulling { done, total, bytes_per_second, seconds_left } = *pull;
    let Some(total) = total else {
        let text = if done == 0 { "begins".to_owned() } else { format!("{} so far", bytes(done)) };
        return vec![Span::styled(text, look.theme.muted)];
    };
    let mut spans = bar(look, done, total, 6).to_vec();
    spans.push(Span::styled(format!(" {}", bytes_of(done, total)), look.theme.muted));
    if state.is_wide() && bytes_per_second >= 1.0 {
        spans.push(Span::styled(format!(" {}/s", bytes(bytes_per_second as u64)), look.theme.muted));
        let left = seconds_left.map(|left| format!(" {} left", seconds(left))).unwrap_or_default();
        spans.push(Span::styled(left, look.theme.muted));
    }
    spans
}

/// Size, memory, speed, license: the most telling first, for a narrow screen cuts the end.
fn facts(state: &State, entry: &ModelEntry) -> Vec<String> {
    let mut parts = vec![bytes(entry.bytes)];
    if entry.kind == Kind::Embedder {
        parts[0].push_str(", finds passages");
    }
    parts.extend(memory(state, entry));
    parts.extend(entry.speed.map(|Speed { tokens_per_second, .. }| format!("{tokens_per_second:.0} tok/s")));
    parts.push(entry.license.as_ref().map_or_else(|| "license unknown".into(), |(name, _)| one_line(name)));
    parts
}

/// The window that it has, or would have.
fn window(state: &State, entry: &ModelEntry) -> Option<usize> {
    match &state.models.generator {
        Model::Ready { window, .. } if state.settings.model == entry.name => Some(*window),
        _ => entry.facts.map(|facts| facts.preferred_window()),
    }
}

fn memory(state: &State, entry: &ModelEntry) -> Option<String> {
    if entry.kind == Kind::Embedder {
        return None;
    }
    Some(match (entry.facts, window(state, entry)) {
        (Some(facts), Some(window)) => format!("about {} of memory", bytes(facts.memory(window))),
        // What is not here cannot be asked: its weights at least have to lie somewhere.
        _ => format!("more than {} of memory", bytes(entry.bytes)),
    })
}

/// All that is known of one model, or the question about its license.
fn details(state: &State, view: &ModelsView, entry: &ModelEntry, room: usize) -> Vec<Line<'static>> {
    let look = &state.look;
    let mut out = vec![Line::default()];
    let mut add = |text: String, style| {
        let wrapped = wrap_plain(&text, room).into_iter();
        out.extend(wrapped.map(|text| Line::from(vec![indent(), Span::styled(text, style)])));
    };
    if let Some((name, license, url)) = &view.consent {
        let question =
            format!("{} comes under {} ({}). Accept it? y / n", one_line(name), one_line(license), one_line(url));
        add(question, look.theme.warn);
        return out;
    }
    add(one_line(&entry.description), look.theme.text);
    if let Some(why) = &entry.not_runnable {
        add(format!("Cannot be used: {}", one_line(why)), look.theme.warn);
    }
    if let (Some(facts), Some(window)) = (entry.facts, window(state, entry)) {
        let keys = facts.token_bytes.saturating_mul(window as u64);
        let window = thousands(window as u64);
        let (fixed, keys) = (bytes(facts.fixed_bytes), bytes(keys));
        add(
            format!("Memory: {fixed} for weights and work, {keys} for {window} tokens in view (estimated)."),
            look.theme.muted,
        );
    } else if entry.kind == Kind::Generator {
        add("What it takes of memory is known once it is here.".into(), look.theme.muted);
    }
    if let Some(Speed { tokens_per_second, answers }) = entry.speed {
        let answers = count(answers as u64, "answer", "answers");
        add(
            format!("Speed: {tokens_per_second:.0} tokens a second, the middle of {answers} on this machine."),
            look.theme.muted,
        );
    }
    match &entry.license {
        Some((name, url)) => add(format!("License: {}, {}", one_line(name), one_line(url)), look.theme.muted),
        None => add("License: not known here; see where you have it from.".into(), look.theme.muted),
    }
    out
}
