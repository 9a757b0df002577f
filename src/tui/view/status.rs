//! The status under a turn, and the bottom line.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::{bar, columns, spinner, spread, transcript};
use crate::answer::Verdict;
use crate::tui::keymap::{BINDINGS, Command, SLASHES, When};
use crate::tui::state::{Focus, Model, Phase, Screen, State, Tone, TurnState};
use crate::tui::text::{bytes, bytes_of, count, fit, one_line, thousands, width};

/// Hints in the bottom line, at most.
const MOST_HINTS: usize = 4;

/// What happens to a turn now, or what it cost.
pub(super) fn of_turn(state: &State, index: usize) -> Vec<Span<'static>> {
    let look = &state.look;
    let turn = &state.turns[index];
    let muted = |text: String| Span::styled(text, look.theme.muted);
    let now = |sign: &str, text: String| vec![Span::styled(format!("{sign} "), look.theme.accent), muted(text)];
    let passages = || count(turn.shown_sources().count() as u64, "passage", "passages");
    match &turn.phase {
        Phase::Queued => now(look.glyphs.dot, "waits for the answer above".into()),
        Phase::Searching => match waiting_for_model(state) {
            Some(what) => now(spinner(state), what),
            None => now(spinner(state), "searching".into()),
        },
        Phase::Found => {
            let what = waiting_for_model(state).map(|what| format!(" {} {what}", look.glyphs.dot)).unwrap_or_default();
            now(spinner(state), format!("{} found{what}", passages()))
        }
        Phase::ReadingAll { done, total, seconds_left } => {
            let of = format!("{} of {} sections  ", thousands(*done as u64), thousands(*total as u64));
            let mut spans = now(look.glyphs.pointer, format!("reading everything  {of}"));
            spans.extend(bar(look, *done as u64, *total as u64, 9));
            spans.push(muted(format!("  about {} s", thousands(*seconds_left))));
            spans
        }
        Phase::Reading { done, total } => {
            let mut spans = now(look.glyphs.pointer, format!("reading {}  ", passages()));
            spans.push(muted(format!("{} of {} tokens  ", thousands(*done as u64), thousands(*total as u64))));
            spans.extend(bar(look, *done as u64, *total as u64, 9));
            spans
        }
        Phase::Writing => now(look.glyphs.pointer, "writing".into()),
        Phase::Done | Phase::Stopped => finished(state, turn),
        Phase::Refused => match &turn.answer {
            Some(answer) if answer.generated_tokens == 0 => vec![muted("no model was asked".into())],
            _ => vec![muted("the model found no answer in these passages".into())],
        },
        Phase::Failed(_) => Vec::new(),
    }
}

fn waiting_for_model(state: &State) -> Option<String> {
    match &state.models.generator {
        Model::Pulling { done, total: Some(total), .. } => {
            Some(format!("waits for the model: {}", bytes_of(*done, *total)))
        }
        Model::Pulling { done, total: None, .. } => Some(format!("waits for the model: {} so far", bytes(*done))),
        Model::Loading { .. } => Some("waits for the model to load".into()),
        Model::Unknown | Model::Ready { .. } | Model::Failed { .. } => None,
    }
}

fn finished(state: &State, turn: &TurnState) -> Vec<Span<'static>> {
    let look = &state.look;
    let mut parts: Vec<Span<'static>> = Vec::new();
    let total = turn.sentences.len();
    if total > 0 && turn.phase == Phase::Done {
        let supported = turn.sentences.iter().filter(|sentence| sentence.verdict == Verdict::Supported).count();
        let style = if supported == total { look.theme.ok } else { look.theme.muted };
        let noun = if total == 1 { "sentence" } else { "sentences" };
        parts.push(Span::styled(format!("{supported} of {total} {noun} supported"), style));
    }
    if let Some(ending) = transcript::ending(turn) {
        parts.push(Span::styled(ending, look.theme.warn));
    } else if turn.phase == Phase::Stopped {
        parts.push(Span::styled("stopped", look.theme.warn));
    }
    if let Some(answer) = &turn.answer {
        if let Some(first) = answer.ms_first_token {
            parts.push(Span::styled(format!("{:.1} s to first word", first / 1000.0), look.theme.muted));
        }
        if let Some(rate) = answer.tokens_per_second() {
            parts.push(Span::styled(format!("{rate:.0} tok/s"), look.theme.muted));
        }
    }
    let dot = Span::styled(format!(" {} ", look.glyphs.dot), look.theme.muted);
    let mut spans = Vec::new();
    for part in parts {
        if !spans.is_empty() {
            spans.push(dot.clone());
        }
        spans.push(part);
    }
    spans
}

/// Draws the bottom line.
pub(super) fn draw(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let room = usize::from(area.width).saturating_sub(1);
    let mut hints = hints(state);
    if state.notice.is_some() {
        hints.clear();
    }
    let least = hints.last().map_or(0, |last| columns(&hint_spans(state, std::slice::from_ref(last))) + 3);
    let mut left = left(state, room, room.saturating_sub(least));
    left.insert(0, Span::raw(" "));
    // Help is the last hint to go.
    while hints.len() > 1 && columns(&left) + columns(&hint_spans(state, &hints)) + 2 > room {
        hints.remove(hints.len() - 2);
    }
    super::line(frame, area, &spread(left, hint_spans(state, &hints), room));
}

/// What stands on the left: `room` columns for what comes and goes, `calm` where a hint stays beside it.
fn left(state: &State, room: usize, calm: usize) -> Vec<Span<'static>> {
    let look = &state.look;
    if state.about_to_quit() {
        let key = state.keymap.first(Command::Interrupt).unwrap_or_default();
        return vec![Span::styled(format!("{key} again quits"), look.theme.warn)];
    }
    if let Some(notice) = &state.notice {
        let style = if notice.tone == Tone::Bad { look.theme.bad } else { look.theme.text };
        return vec![Span::styled(fit(&notice.text, room.saturating_sub(1), look.glyphs.ellipsis), style)];
    }
    if state.holds(When::Slash)
        && let Some(word) = state.slash()
    {
        let all: Vec<String> = SLASHES
            .iter()
            .filter(|slash| slash.name.starts_with(word))
            .map(|slash| format!("/{} {}", slash.name, slash.arguments))
            .collect();
        return vec![Span::styled(all.join("  "), look.theme.muted)];
    }
    let name = fit(&one_line(model_file(state.model_name())), 32.min(calm), look.glyphs.ellipsis);
    let (style, note) = match &state.models.generator {
        Model::Ready { .. } => (look.theme.muted, ""),
        Model::Failed { .. } => (look.theme.bad, ": not available"),
        Model::Unknown | Model::Pulling { .. } | Model::Loading { .. } => (look.theme.muted, ": not ready yet"),
    };
    let model = Span::styled(fit(&format!("{name}{note}"), calm, look.glyphs.ellipsis), style);
    let Some((used, window)) = context(state) else { return vec![model] };
    let muted = |text: String| Span::styled(text, look.theme.muted);
    let percent = used * 100 / window;
    let mut long = vec![model.clone(), muted(format!(" {} context ", look.glyphs.dot))];
    long.extend(bar(look, used, window, 8));
    long.push(muted(format!(" {percent} %")));
    let short = vec![model.clone(), muted(format!(" {} {percent} %", look.glyphs.dot))];
    [long, short].into_iter().find(|spans| columns(spans) < calm).unwrap_or_else(|| vec![model])
}

/// A model given as a path is shown by its file name.
fn model_file(name: &str) -> &str {
    name.rsplit('/').next().filter(|file| !file.is_empty()).unwrap_or(name)
}

/// Tokens in the window after the last answer, and what it holds.
fn context(state: &State) -> Option<(u64, u64)> {
    let turn = state.turns.iter().rev().find(|turn| turn.window > 0 && turn.prompt_tokens > 0)?;
    let written = turn.answer.as_ref().map_or(0, |answer| answer.generated_tokens);
    Some(((turn.prompt_tokens + written) as u64, turn.window as u64))
}

/// Key and label of what matters most in this state.
fn hints(state: &State) -> Vec<(String, &'static str)> {
    let mut found: Vec<(Command, String, &'static str)> = Vec::new();
    for binding in BINDINGS.iter().filter(|binding| !binding.hint.is_empty() && state.holds(binding.when)) {
        let mut label = binding.hint;
        let Some(mut key) = state.keymap.keys(binding).first().map(|chord| chord.name()) else { continue };
        match binding.command {
            Command::NextPane if state.turns.is_empty() => continue,
            Command::NextPane => {
                label = match state.focus {
                    Focus::Composer => "answers",
                    Focus::Transcript if state.shown_turn().is_some() => "sources",
                    Focus::Transcript | Focus::Sources => "question",
                };
            }
            Command::PreviousCitation => {
                key = [Some(key), state.keymap.first(Command::NextCitation)]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(" ");
            }
            Command::Bottom if state.screen != Screen::Chat => continue,
            Command::QuitWhenEmpty if !state.turns.is_empty() => continue,
            _ => {}
        }
        if !found.iter().any(|(command, known, _)| *command == binding.command || *known == key) {
            found.push((binding.command, key, label));
        }
    }
    let help = found.iter().position(|(command, ..)| *command == Command::Help).map(|at| found.remove(at));
    found.truncate(MOST_HINTS - usize::from(help.is_some()));
    found.into_iter().chain(help).map(|(_, key, label)| (key, label)).collect()
}

fn hint_spans(state: &State, hints: &[(String, &'static str)]) -> Vec<Span<'static>> {
    let theme = &state.look.theme;
    let mut spans = Vec::new();
    for (key, label) in hints {
        if !spans.is_empty() {
            spans.push(Span::raw("   "));
        }
        spans.push(Span::styled(key.clone(), theme.text));
        spans.push(Span::styled(format!(" {label}"), theme.muted));
    }
    debug_assert!(hints.iter().all(|(key, _)| width(key) > 0));
    spans
}
