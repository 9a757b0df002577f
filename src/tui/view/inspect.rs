//! One step of the model: what could come next, what the settings leave of it, and what came.

use std::fmt::Write as _;

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use tanya_engine::{Sampling, Shaped};

use super::{MARGIN, gauge, indent};
use crate::answer::Step;
use crate::tui::state::{Inspect, Knob, Look, State, TurnState};
use crate::tui::text::{Room, Run, clean, fit, fit_end, one_line, thousands, width, wrap};

/// Columns of a token's text.
const WORD: usize = 14;
/// Rows besides the bars: heads, settings, and the answer.
const OTHER_ROWS: usize = 9;

/// The view's lines, for this many columns and rows.
pub(super) fn lines(state: &State, view: &Inspect, columns: u16, rows: u16) -> Vec<Line<'static>> {
    let Some(turn) = state.turns.get(view.turn) else { return Vec::new() };
    if view.input.is_some() {
        return input(state, turn, columns);
    }
    let steps = &turn.insight.steps;
    let Some(step) = steps.get(view.step) else { return Vec::new() };
    let look = &state.look;
    let room = usize::from(columns).saturating_sub(usize::from(MARGIN) + 1);
    let history: Vec<u32> = steps[..view.step].iter().map(|step| step.observed.chosen.id).collect();
    let shaped = step.observed.shaped(&view.tried, &history);
    let mut out = vec![Line::default(), head(look, steps, view.step, room), Line::default()];
    let bars = usize::from(rows).saturating_sub(OTHER_ROWS).clamp(3, 24);
    out.extend(distribution(look, step, &shaped, bars, room));
    out.push(Line::default());
    out.extend(settings(look, &view.tried, turn.insight.sampling.as_ref(), room));
    out.push(Line::default());
    out.extend(answer(look, steps, view.step, room));
    out
}

/// `step 14 of 61   “… pruned it on March” →`
fn head(look: &Look, steps: &[Step], at: usize, room: usize) -> Line<'static> {
    let count = format!("step {} of {}   ", at + 1, steps.len());
    let text: String = steps[..at].iter().map(|step| step.text.as_str()).collect();
    let before = one_line(&text);
    let taken = width(&count) + 6;
    let before = fit_end(&before, room.saturating_sub(taken).max(8), look.glyphs.ellipsis);
    let arrow = if look.glyphs.is_ascii() { " -> ?" } else { " → ?" };
    Line::from(vec![
        indent(),
        Span::styled(count, look.theme.strong),
        Span::styled(format!("{}{before}{}", look.glyphs.open_quote, look.glyphs.close_quote), look.theme.text),
        Span::styled(arrow, look.theme.accent),
    ])
}

/// A row a candidate, with the line where the settings cut.
fn distribution(look: &Look, step: &Step, shaped: &Shaped, rows: usize, room: usize) -> Vec<Line<'static>> {
    let theme = &look.theme;
    let cells = room.saturating_sub(WORD + 22).clamp(4, 48);
    let kept = shaped.choices.iter().filter(|choice| choice.is_kept).count();
    let mut out = Vec::new();
    // The chosen token is always shown, as the last row where it would not be among the first.
    let chosen_at = shaped.choices.iter().position(|choice| choice.id == step.observed.chosen.id);
    let mut shown: Vec<usize> = (0..shaped.choices.len().min(rows)).collect();
    if let (Some(at), Some(last)) = (chosen_at, shown.last_mut())
        && at > *last
    {
        *last = at;
    }
    let mut is_cut = false;
    for at in shown {
        let choice = shaped.choices[at];
        if at >= kept && !is_cut {
            is_cut = true;
            let dash = if look.glyphs.is_ascii() { "- " } else { "┈" };
            let line =
                format!("{} cut here: {kept} of {} left ", dash.repeat(6), thousands(step.observed.vocabulary as u64));
            out.push(Line::from(vec![indent(), Span::styled(fit(&line, room, look.glyphs.ellipsis), theme.warn)]));
        }
        let place = step.observed.best.iter().position(|token| token.id == choice.id);
        let word = place.and_then(|place| step.texts.get(place)).map(|text| token(look, text)).unwrap_or_default();
        let word = fit(&word, WORD, look.glyphs.ellipsis);
        let is_chosen = choice.id == step.observed.chosen.id;
        let own = place.map_or(0.0, |place| step.observed.best[place].logprob.exp());
        let (style, bar) = if choice.is_kept { (theme.text, theme.accent) } else { (theme.muted, theme.rule) };
        let pad = " ".repeat(WORD.saturating_sub(width(&word)) + 1);
        let filled = gauge::share(look, if choice.is_kept { choice.probability } else { own }, cells);
        let gap = " ".repeat(cells.saturating_sub(width(&filled)));
        let number =
            if choice.is_kept { format!(" {:>6}", percent(choice.probability)) } else { format!(" {:>6}", "cut") };
        let mark = match (is_chosen, look.glyphs.is_ascii()) {
            (true, true) => "  < chosen",
            (true, false) => "  ◂ chosen",
            _ => "",
        };
        out.push(Line::from(vec![
            indent(),
            Span::styled(word, if is_chosen { theme.strong } else { style }),
            Span::raw(pad),
            Span::styled(filled, bar),
            Span::raw(gap),
            Span::styled(number, style),
            Span::styled(mark, theme.accent),
        ]));
    }
    out.push(rest(look, step, shaped, room));
    out
}

fn rest(look: &Look, step: &Step, shaped: &Shaped, room: usize) -> Line<'static> {
    let known = step.observed.best.len();
    let others = step.observed.vocabulary.saturating_sub(known);
    let mut text = if shaped.rest_tokens > 0 {
        let most = if shaped.is_exact { "" } else { "at most " };
        format!("{} others may come too, {most}{} together", thousands(shaped.rest_tokens as u64), percent(shaped.rest))
    } else {
        format!("{} others cannot come", thousands(others as u64))
    };
    if chosen_is_unseen(step) {
        let _ = write!(text, " {} chosen: {}", look.glyphs.dot, token(look, &step.text));
    }
    Line::from(vec![indent(), Span::styled(fit(&text, room, look.glyphs.ellipsis), look.theme.muted)])
}

fn chosen_is_unseen(step: &Step) -> bool {
    !step.observed.best.iter().any(|token| token.id == step.observed.chosen.id)
}

/// The knobs with their keys; those that differ from the answer's own are marked.
fn settings(look: &Look, tried: &Sampling, own: Option<&Sampling>, room: usize) -> Vec<Line<'static>> {
    let mut runs = Vec::new();
    for knob in Knob::ALL {
        let (value, was) = (knob.value(tried), own.map(|own| knob.value(own)));
        let is_tried = was.is_some_and(|was| was.to_bits() != value.to_bits());
        let style = if is_tried { look.theme.warn } else { look.theme.text };
        let note = was.filter(|_| is_tried).map(|was| format!(" (was {was})")).unwrap_or_default();
        // One word to the line breaker, so that a key stays with its value.
        let glue = '\u{a0}';
        runs.push(Run::new(format!("{}{glue}", knob.key()), look.theme.accent));
        runs.push(Run::new(format!("{}{glue}", knob.name()), look.theme.muted));
        runs.push(Run::new(format!("{value}{note}").replace(' ', "\u{a0}"), style));
        runs.push(Run::new("   ", look.theme.text));
    }
    placed(wrap(&runs, Room::even(room)))
}

/// The whole answer: the less sure the model was of a word, the more it is marked; the step shown is selected.
fn answer(look: &Look, steps: &[Step], at: usize, room: usize) -> Vec<Line<'static>> {
    let runs: Vec<Run<Style>> = steps
        .iter()
        .enumerate()
        .map(|(index, step)| {
            let style = if index == at { look.theme.selection } else { shade(look, step.observed.chosen.logprob) };
            Run::new(clean(&step.text), style)
        })
        .collect();
    let mut out = placed(wrap(&runs, Room::even(room)));
    let legend = [("sure ", 0.95_f32), ("likely ", 0.6), ("unsure ", 0.2), ("a guess", 0.01)];
    let mut spans = vec![indent(), Span::styled("the model was: ", look.theme.muted)];
    for (word, probability) in legend {
        spans.push(Span::styled(word.trim(), shade(look, probability.ln())));
        spans.push(Span::raw("  "));
    }
    out.push(Line::from(spans));
    out
}

/// Underlines, weight and slant say it without any color.
fn shade(look: &Look, logprob: f32) -> Style {
    match logprob.exp() {
        0.9.. => look.theme.text,
        0.5.. => look.theme.text.add_modifier(Modifier::UNDERLINED),
        0.1.. => look.theme.warn.add_modifier(Modifier::UNDERLINED | Modifier::BOLD),
        _ => look.theme.bad.add_modifier(Modifier::UNDERLINED | Modifier::BOLD | Modifier::ITALIC),
    }
}

/// The tokens of the prompt, every second one set apart.
fn input(state: &State, turn: &TurnState, columns: u16) -> Vec<Line<'static>> {
    let look = &state.look;
    let room = usize::from(columns).saturating_sub(usize::from(MARGIN) + 1);
    let tokens = turn.insight.ledger.as_ref().map_or(&[][..], |ledger| &ledger.tokens[..]);
    let title = format!("the {} tokens that the model read, each beginning at a bar", thousands(tokens.len() as u64));
    let runs: Vec<Run<Style>> = tokens
        .iter()
        .flat_map(|text| {
            let mut shown = clean(text).replace('\t', " ");
            if shown.is_empty() {
                "?".clone_into(&mut shown);
            }
            [Run::new(look.glyphs.column, look.theme.rule), Run::new(shown, look.theme.text)]
        })
        .collect();
    let mut out = vec![
        Line::default(),
        Line::from(vec![indent(), Span::styled(fit(&title, room, look.glyphs.ellipsis), look.theme.strong)]),
        Line::default(),
    ];
    out.extend(placed(wrap(&runs, Room::even(room))));
    out
}

fn placed(lines: Vec<Vec<crate::tui::text::Placed<Style>>>) -> Vec<Line<'static>> {
    let line = |pieces: Vec<crate::tui::text::Placed<Style>>| {
        let mut spans = vec![indent()];
        spans.extend(pieces.into_iter().map(|piece| Span::styled(piece.text.replace('\u{a0}', " "), piece.tag)));
        Line::from(spans)
    };
    lines.into_iter().map(line).collect()
}

/// A token's text on one line, with its blanks seen.
fn token(look: &Look, text: &str) -> String {
    let blank = if look.glyphs.is_ascii() { "_" } else { "␣" };
    let rest = text.trim_start_matches(' ');
    let leading = blank.repeat(text.len() - rest.len());
    let shown = one_line(&rest.replace('\n', "\\n").replace('\t', "\\t"));
    if shown.is_empty() && leading.is_empty() { "?".into() } else { format!("{leading}{shown}") }
}

/// `71 %`, `0.4 %`, `<0.1 %`.
fn percent(share: f32) -> String {
    match share * 100.0 {
        share if share >= 99.95 => "100 %".into(),
        share if share >= 10.0 => format!("{share:.0} %"),
        share if share >= 0.1 => format!("{share:.1} %"),
        share if share > 0.0 => "<0.1 %".into(),
        _ => "0 %".into(),
    }
}
