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
    let (Some(left), Some(right)) = (side(compare.left), side(compare.right)) else { return Vec::new() };
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
    let cell = (room.saturating_sub(NAME) / 2).saturating_sub(1);
    for (name, values, style) in table(&left, &right, theme.accent, theme.text) {
        let value = |value: &str| {
            let value = fit(&one_line(value), cell, state.look.glyphs.ellipsis);
            format!("{value}{}", " ".repeat((cell + 1).saturating_sub(columns_of(&value))))
        };
        let name = Span::styled(format!("{:<NAME$}", fit(name, NAME - 1, state.look.glyphs.ellipsis)), theme.muted);
        out.push(indented(vec![name, Span::styled(value(&values[0]), style), Span::styled(value(&values[1]), style)]));
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

/// What an answer was made with.
fn settings(side: &Side<'_>) -> Vec<(&'static str, String)> {
    let none = Trace::default();
    let Trace { settings, sampling, .. } = side.answer.trace.as_deref().unwrap_or(&none);
    vec![
        ("model", side.answer.model.clone()),
        ("seed", side.answer.seed.to_string()),
        ("temperature", sampling.temperature.to_string()),
        ("top_k", sampling.top_k.to_string()),
        ("top_p", sampling.top_p.to_string()),
        ("min_p", sampling.min_p.to_string()),
        ("repetition_penalty", sampling.repetition_penalty.to_string()),
        ("frequency_penalty", sampling.frequency_penalty.to_string()),
        ("presence_penalty", sampling.presence_penalty.to_string()),
        ("max_tokens", sampling.max_tokens.to_string()),
        ("answer_style", settings.answer_style.clone()),
        ("evidence_tokens", settings.evidence_tokens.to_string()),
        ("evidence_sentences", settings.evidence_sentences.to_string()),
        ("min_answerable", settings.min_answerable.to_string()),
        ("min_lexical", settings.min_lexical.to_string()),
        ("min_cosine", settings.min_cosine.to_string()),
        ("output_filter", settings.output_filter.clone()),
    ]
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
