//! A prompt by its parts: what each costs of the window, and what became of the passages that were found.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{MARGIN, gauge, indent, location, spread};
use crate::answer::{Ledger, Part, Source};
use crate::tui::state::{Look, PromptView, Standing, State};
use crate::tui::text::{count, fit, fit_end, one_line, thousands, width};

/// The view's lines, and the range of the selected one.
pub(super) fn lines(state: &State, view: PromptView, columns: u16) -> (Vec<Line<'static>>, usize) {
    let Some(turn) = state.turns.get(view.turn) else { return (Vec::new(), 0) };
    let Some(ledger) = &turn.insight.ledger else { return (Vec::new(), 0) };
    let look = &state.look;
    let theme = &look.theme;
    let room = usize::from(columns).saturating_sub(usize::from(MARGIN) * 2);
    let question = fit(&one_line(&turn.question), room.saturating_sub(14), look.glyphs.ellipsis);
    let mut out = vec![
        Line::default(),
        row(vec![Span::styled("The prompt of  ", theme.strong), Span::styled(question, theme.text)]),
        Line::default(),
    ];
    let reused = turn.answer.as_ref().map_or(0, |answer| answer.reused_tokens);
    out.extend(bar(look, ledger, room));
    out.push(Line::default());
    for (part, tokens) in &ledger.parts {
        let (name, note) = match part {
            Part::System => ("instructions", String::new()),
            Part::Question => ("question", String::new()),
            Part::History { kept, left_out } => ("earlier turns", history(*kept, *left_out)),
            Part::Passage { .. } => continue,
        };
        out.push(amount(look, name, &note, *tokens, room));
    }
    let passages = ledger.of(|part| matches!(part, Part::Passage { .. }));
    out.push(amount(look, "passages", "", passages, room));
    let sum = format!("of {}", thousands(ledger.window as u64));
    out.push(amount(look, "prompt", &sum, ledger.total(), room));
    out.push(amount(look, "free for the answer", "", ledger.reserve, room));
    if reused > 0 {
        out.push(amount(look, "still in the cache", "not read again", reused, room));
    }
    out.push(Line::default());
    let mut selected = 0;
    for (at, source) in turn.shown_sources().enumerate() {
        let tokens = ledger.of(|part| *part == Part::Passage { n: source.n });
        let mut line = passage(state, source, tokens, room);
        if at == view.source {
            selected = out.len();
            line = line.patch_style(theme.selection);
        }
        out.push(line);
    }
    let shown = turn.shown_sources().count();
    for (at, name) in state.listed_passages(view.turn).iter().enumerate().skip(shown) {
        let mut line = barred(look, &name.path, room);
        if at == view.source {
            selected = out.len();
            line = line.patch_style(theme.selection);
        }
        out.push(line);
    }
    let dropped = turn.answer.as_ref().map_or(&[][..], |answer| &answer.dropped[..]);
    if !dropped.is_empty() {
        out.push(Line::default());
        out.push(row(vec![Span::styled("Found and left out", theme.strong)]));
    }
    for one in dropped {
        let why = fit(&one_line(&one.why), room / 2, look.glyphs.ellipsis);
        let path = fit_end(&one_line(&one.path), room.saturating_sub(width(&why) + 3), look.glyphs.ellipsis);
        out.push(indented(spread(vec![Span::styled(path, theme.muted)], vec![Span::styled(why, theme.muted)], room)));
    }
    (out, selected)
}

/// The window as one bar, a part a letter: color is not needed to tell them apart.
fn bar(look: &Look, ledger: &Ledger, room: usize) -> Vec<Line<'static>> {
    let theme = &look.theme;
    let of = |which: fn(&Part) -> bool| ledger.of(which);
    let parts: [(&str, &str, usize, Style); 5] = [
        ("i", "instructions", of(|part| *part == Part::System), theme.muted),
        ("e", "earlier turns", of(|part| matches!(part, Part::History { .. })), theme.code),
        ("p", "passages", of(|part| matches!(part, Part::Passage { .. })), theme.accent),
        ("q", "question", of(|part| *part == Part::Question), theme.strong),
        (look.glyphs.dash, "answer", ledger.reserve, theme.ok),
    ];
    let sizes: Vec<usize> = parts.iter().map(|part| part.2).collect();
    let cells = room.min(96);
    let widths = gauge::split(&sizes, ledger.window, cells);
    let mut spans = vec![indent()];
    let mut legend = vec![indent()];
    for ((sign, name, tokens, style), width) in parts.iter().zip(&widths) {
        spans.push(Span::styled(sign.repeat(*width), *style));
        if *tokens > 0 {
            legend.push(Span::styled((*sign).to_owned(), *style));
            legend.push(Span::styled(format!(" {name}  "), theme.muted));
        }
    }
    spans.push(Span::styled(look.glyphs.empty.repeat(cells.saturating_sub(widths.iter().sum())), theme.rule));
    vec![Line::from(spans), Line::from(legend)]
}

fn history(kept: usize, left_out: usize) -> String {
    let kept = count(kept as u64, "exchange", "exchanges");
    if left_out > 0 { format!("{kept}, no room for {left_out} older") } else { kept }
}

/// `earlier turns        1 exchange        88 tokens`
fn amount(look: &Look, name: &str, note: &str, tokens: usize, room: usize) -> Line<'static> {
    let room = room.min(72);
    let right = format!("{} tokens", thousands(tokens as u64));
    let name = format!("{:<21}", fit(name, 20, look.glyphs.ellipsis));
    let note = fit(note, room.saturating_sub(width(&name) + width(&right) + 2), look.glyphs.ellipsis);
    let left = vec![Span::styled(name, look.theme.text), Span::styled(note, look.theme.muted)];
    indented(spread(left, vec![Span::styled(right, look.theme.text)], room))
}

/// `1  garden/2024-spring.md:41–44    pinned   words 1, meaning 3     60 tokens`
fn passage(state: &State, source: &Source, tokens: usize, room: usize) -> Line<'static> {
    let look = &state.look;
    let theme = &look.theme;
    let standing = match state.standing(source) {
        Standing::Used => Span::raw(""),
        Standing::Pinned => Span::styled("pinned  ", theme.ok),
        Standing::Barred => Span::styled("left out  ", theme.warn),
    };
    let rank = |name: &str, rank: Option<u32>| rank.map(|rank| format!("{name} {rank}"));
    let ranks: Vec<String> =
        [rank("words", source.bm25_rank), rank("meaning", source.vector_rank)].into_iter().flatten().collect();
    let ranks = if room >= 90 && !ranks.is_empty() { format!("{}  ", ranks.join(", ")) } else { String::new() };
    let right = vec![
        standing,
        Span::styled(ranks, theme.muted),
        Span::styled(format!("{} tokens", thousands(tokens as u64)), theme.text),
    ];
    let number = format!("{:<3}", source.n);
    let location = location(source, look.glyphs.dash);
    let taken = number.len() + width(&location) + super::columns(&right) + 2;
    let path = fit_end(&one_line(&source.path), room.saturating_sub(taken).max(6), look.glyphs.ellipsis);
    let left =
        vec![Span::styled(number, theme.accent), Span::styled(path, theme.text), Span::styled(location, theme.muted)];
    indented(spread(left, right, room))
}

/// `-  garden/2024-spring.md                                      left out`
fn barred(look: &Look, path: &str, room: usize) -> Line<'static> {
    let right = vec![Span::styled("left out", look.theme.warn)];
    let path = fit_end(&one_line(path), room.saturating_sub(super::columns(&right) + 5).max(6), look.glyphs.ellipsis);
    let left = vec![Span::styled("-  ", look.theme.muted), Span::styled(path, look.theme.muted)];
    indented(spread(left, right, room))
}

fn row(mut spans: Vec<Span<'static>>) -> Line<'static> {
    spans.insert(0, indent());
    Line::from(spans)
}

fn indented(mut line: Line<'static>) -> Line<'static> {
    line.spans.insert(0, indent());
    line
}
