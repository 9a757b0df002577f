//! Two answers side by side: their words, what they were made with where that differs, and how they did.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{MARGIN, columns, indent};
use crate::answer::{Answer, Trace, Verdict};
use crate::tui::backend::Grounds;
use crate::tui::markdown::{Document, Ink, Labels};
use crate::tui::state::{Compare, State, TurnState};
use crate::tui::text::{Placed, Room, Run, clean, fit, one_line, width as columns_of, wrap};

/// From here on they stand beside each other.
const BESIDE: usize = 76;
/// Columns of the names of what is compared.
const NAME: usize = 20;
/// Rows that a question takes, at most.
const QUESTION: usize = 2;

/// One of the two.
struct Side<'a> {
    number: usize,
    turn: &'a TurnState,
    answer: &'a Answer,
}

/// The view's lines.
pub(super) fn lines(state: &State, compare: Compare, width: u16) -> Vec<Line<'static>> {
    let side = |number: usize| {
        let turn = state.turns.get(number)?;
        Some(Side { number, turn, answer: turn.answer.as_ref()? })
    };
    let (first, second) = (compare.selected.min(compare.rival), compare.selected.max(compare.rival));
    let (Some(left), Some(right)) = (side(first), side(second)) else { return Vec::new() };
    let theme = &state.look.theme;
    let room = usize::from(width).saturating_sub(2 * usize::from(MARGIN));
    let same = if left.answer.answer.trim() == right.answer.answer.trim() { "  the same, word for word" } else { "" };
    let title = vec![indent(), Span::styled("Two answers", theme.strong), Span::styled(same, theme.muted)];
    let mut out = vec![Line::default(), Line::from(title), Line::default()];
    if room >= BESIDE {
        let half = (room - 3) / 2;
        let (a, b) = (text(state, &left, half), text(state, &right, half));
        let bar = Span::styled(format!(" {} ", state.look.glyphs.column), theme.rule);
        for row in 0..a.len().max(b.len()) {
            let mut spans = vec![indent()];
            let left = a.get(row).cloned().unwrap_or_default();
            let pad = half.saturating_sub(columns(&left));
            spans.extend(left);
            spans.extend([Span::raw(" ".repeat(pad)), bar.clone()]);
            spans.extend(b.get(row).cloned().unwrap_or_default());
            out.push(Line::from(spans));
        }
    } else {
        for side in [&left, &right] {
            out.extend(text(state, side, room).into_iter().map(indented));
            out.push(Line::default());
        }
    }
    out.push(Line::default());
    // Where they stand beside each other, values stand below their answers.
    let half = room.saturating_sub(3) / 2;
    let cells = if room >= BESIDE { [half + 3 - NAME, half] } else { [room.saturating_sub(NAME) / 2; 2] };
    for (name, values, style) in table(&left, &right, theme.accent, theme.text) {
        let value = |at: usize| {
            let value = fit(&one_line(&values[at]), cells[at].saturating_sub(1), state.look.glyphs.ellipsis);
            format!("{value}{}", " ".repeat(cells[at].saturating_sub(columns_of(&value))))
        };
        let name = Span::styled(format!("{:<NAME$}", fit(name, NAME - 1, state.look.glyphs.ellipsis)), theme.muted);
        out.push(indented(vec![name, Span::styled(value(0), style), Span::styled(value(1), style)]));
    }
    out
}

fn indented(mut spans: Vec<Span<'static>>) -> Line<'static> {
    spans.insert(0, indent());
    Line::from(spans)
}

/// Number, question and answer of one side.
fn text(state: &State, side: &Side<'_>, room: usize) -> Vec<Vec<Span<'static>>> {
    let look = &state.look;
    let number = format!("{}  ", side.number + 1);
    let question: String = one_line(&side.turn.question).chars().take(room * QUESTION).collect();
    let runs = [Run::new(number, look.theme.accent), Run::new(clean(&question), look.theme.strong)];
    let spans = |line: Vec<Placed<Style>>| -> Vec<Span<'static>> {
        line.into_iter().map(|piece| Span::styled(piece.text, piece.tag)).collect()
    };
    let mut out: Vec<_> = wrap(&runs, Room::even(room)).into_iter().take(QUESTION).map(spans).collect();
    let alone = side.turn.grounds == Grounds::ModelAlone;
    let ink = Ink {
        theme: &look.theme,
        glyphs: &look.glyphs,
        sources: side.turn.sources.iter().map(|source| source.n).max().unwrap_or(0),
        sentences: &side.turn.sentences,
        labels: if alone { Labels::None } else { Labels::EachSentence },
    };
    let mut document = Document::default();
    document.replace(&side.answer.answer);
    for block in document.blocks(room, &ink, 0) {
        out.push(Vec::new());
        out.extend(block.iter().map(|laid| laid.line.spans.clone()));
    }
    out
}

/// Rows of the table: settings where they differ, then what became of it.
fn table(left: &Side<'_>, right: &Side<'_>, differs: Style, plain: Style) -> Vec<(&'static str, [String; 2], Style)> {
    let (a, b) = (settings(left), settings(right));
    let settings = a.into_iter().zip(b).filter(|((_, a), (_, b))| a != b);
    let settings = settings.map(|((name, a), (_, b))| (name, [a, b], differs));
    let (a, b) = (figures(left, right), figures(right, left));
    settings.chain(a.into_iter().zip(b).map(|((name, a), (_, b))| (name, [a, b], plain))).collect()
}

/// What an answer was made with; of one that nothing was kept of, what the answer itself tells.
fn settings(side: &Side<'_>) -> Vec<(&'static str, String)> {
    let mut all = vec![("model", side.answer.model.clone()), ("seed", side.answer.seed.to_string())];
    let unknown = || "-".to_owned();
    let mut add = |name, of: fn(&Trace) -> String| {
        all.push((name, side.answer.trace.as_deref().map_or_else(unknown, of)));
    };
    add("temperature", |trace| trace.sampling.temperature.to_string());
    add("top_k", |trace| trace.sampling.top_k.to_string());
    add("top_p", |trace| trace.sampling.top_p.to_string());
    add("min_p", |trace| trace.sampling.min_p.to_string());
    add("repetition_penalty", |trace| trace.sampling.repetition_penalty.to_string());
    add("repeat_last_n", |trace| trace.sampling.repeat_last_n.to_string());
    add("frequency_penalty", |trace| trace.sampling.frequency_penalty.to_string());
    add("presence_penalty", |trace| trace.sampling.presence_penalty.to_string());
    add("max_tokens", |trace| trace.sampling.max_tokens.to_string());
    add("stop", |trace| trace.sampling.stop.join(" | "));
    add("answer_style", |trace| trace.settings.answer_style.clone());
    add("reader", |trace| trace.reader.to_string());
    add("embedder", |trace| trace.embedder.clone().unwrap_or_else(|| "by words".into()));
    add("passages", |trace| trace.settings.passages.to_string());
    add("evidence_tokens", |trace| trace.settings.evidence_tokens.to_string());
    add("evidence_sentences", |trace| trace.settings.evidence_sentences.to_string());
    add("min_answerable", |trace| trace.settings.min_answerable.to_string());
    add("min_lexical", |trace| trace.settings.min_lexical.to_string());
    add("min_cosine", |trace| trace.settings.min_cosine.to_string());
    add("output_filter", |trace| trace.settings.output_filter.clone());
    all
}

/// How an answer did.
fn figures(side: &Side<'_>, other: &Side<'_>) -> Vec<(&'static str, String)> {
    let answer = side.answer;
    let supported = answer.sentences.iter().filter(|sentence| sentence.verdict == Verdict::Supported).count();
    let all = answer.sentences.len();
    let place = |answer: &Answer| -> Vec<(String, u32)> {
        answer.citations.iter().map(|one| (one.path.clone(), one.start_line)).collect()
    };
    let (cited, others) = (place(answer), place(other.answer));
    let shared = cited.iter().filter(|place| others.contains(place)).count();
    let seconds = |ms: f64| format!("{:.2} s", ms / 1000.0);
    vec![
        ("supported", if all == 0 { "-".into() } else { format!("{supported} of {all}") }),
        ("places cited", cited.len().to_string()),
        ("cited in both", shared.to_string()),
        ("words", answer.answer.split_whitespace().count().to_string()),
        ("to the first word", answer.ms_first_token.map_or_else(|| "-".into(), seconds)),
        ("to the end", seconds(answer.ms_total)),
    ]
}
