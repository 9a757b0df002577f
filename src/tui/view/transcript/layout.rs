//! A turn as lines: its question, its answer or refusal or failure, what is to be said of it, its sources.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::answer::{Answer, Within};
use crate::chat::{CitedNow, Standing};
use crate::report::Report;
use crate::tui::backend::Grounds;
use crate::tui::markdown::{Ink, Labels, Mark};
use crate::tui::state::{Look, Phase, State, TurnState};
use crate::tui::text::{Room, Run, clean, count, fit_end, one_line, width, wrap, wrap_plain};
use crate::tui::view::{MARGIN, columns, place, sources, transcript_columns};

/// Lines longer than this are hard to read (typography has 66 for print; code and tables want more).
const MEASURE: u16 = 92;
/// A longer question is cut: it was typed a moment ago.
const QUESTION_LINES: usize = 12;
/// Sources shown under an answer on a narrow screen.
const MOST_SOURCES: usize = 4;

/// What a layout depends on besides the turn.
#[derive(Debug, Clone, Copy)]
pub(in crate::tui) struct Context {
    look: Look,
    width: u16,
    wide: bool,
}

/// Which inputs a layout was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) struct Stamp {
    pub width: u16,
    wide: bool,
    generation: u64,
    revision: u64,
}

/// A turn as lines.
#[derive(Debug)]
pub(in crate::tui) struct LaidTurn {
    pub stamp: Stamp,
    pub lines: Vec<TurnLine>,
    /// Line and place of each citation, in reading order.
    pub citations: Vec<(usize, Mark)>,
}

/// One line of a turn.
#[derive(Debug)]
pub(in crate::tui) struct TurnLine {
    pub(super) line: Line<'static>,
    /// Part of the turn and byte in it: finds the line again at another width.
    pub key: (u8, usize),
    pub(super) kind: Kind,
}

impl TurnLine {
    /// The first line of a question.
    pub(super) fn is_question(&self) -> bool {
        self.key == (0, 0) && !self.line.spans.is_empty()
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Text,
    /// What happens now, or what it cost.
    Status,
    /// What can be done about a refusal, while it is the last turn.
    Offer,
}

impl Context {
    pub(in crate::tui) fn of(state: &State) -> Self {
        Self { look: state.look, width: transcript_columns(state), wide: state.is_wide() }
    }

    pub(in crate::tui) fn stamp(&self, turn: &TurnState) -> Stamp {
        Stamp { width: self.width, wide: self.wide, generation: self.look.generation, revision: turn.revision }
    }

    fn columns(&self) -> usize {
        usize::from(self.width.saturating_sub(MARGIN + 2).clamp(1, MEASURE))
    }
}

/// Lays out `turn`, the `index`th.
pub(in crate::tui) fn lay_out(turn: &mut TurnState, index: usize, context: &Context) -> LaidTurn {
    let mut page = Page { context, lines: Vec::new(), citations: Vec::new() };
    if index > 0 {
        page.blank(0);
    }
    page.blank(0);
    page.question(turn);
    match &turn.phase {
        Phase::Refused => page.refusal(turn),
        Phase::Failed(report) => {
            page.failure(report);
            if !context.wide {
                page.sources(turn);
            }
        }
        _ => {
            page.answer(turn);
            page.remarks(turn);
            if !context.wide {
                page.sources(turn);
            }
        }
    }
    if !matches!(turn.phase, Phase::Failed(_)) {
        page.blank(4);
        page.lines.push(TurnLine { line: Line::default(), key: (4, 0), kind: Kind::Status });
    }
    LaidTurn { stamp: context.stamp(turn), lines: page.lines, citations: page.citations }
}

struct Page<'a> {
    context: &'a Context,
    lines: Vec<TurnLine>,
    citations: Vec<(usize, Mark)>,
}

impl Page<'_> {
    fn blank(&mut self, part: u8) {
        let key = self.lines.last().map_or((part, 0), |line| line.key.max((part, 0)));
        self.lines.push(TurnLine { line: Line::default(), key, kind: Kind::Text });
    }

    fn push(&mut self, mut spans: Vec<Span<'static>>, key: (u8, usize)) {
        spans.insert(0, Span::raw(" ".repeat(usize::from(MARGIN))));
        self.lines.push(TurnLine { line: Line::from(spans), key, kind: Kind::Text });
    }

    fn plain(&mut self, text: &str, style: Style, part: u8) {
        for (index, line) in wrap_plain(text, self.context.columns()).into_iter().enumerate() {
            self.push(vec![Span::styled(line, style)], (part, index));
        }
    }

    fn question(&mut self, turn: &TurnState) {
        let look = &self.context.look;
        let room = self.context.columns();
        let start: String = turn.question.chars().take(room * QUESTION_LINES).collect();
        let lines = wrap(&[Run::new(clean(&start), ())], Room::even(room));
        let cut = start.len() < turn.question.len() || lines.len() > QUESTION_LINES;
        for (index, line) in lines.into_iter().take(QUESTION_LINES).enumerate() {
            let text: String = line.into_iter().map(|piece| piece.text).collect();
            self.push(vec![Span::styled(text, look.theme.strong)], (0, index));
        }
        if cut {
            let rest = format!(
                "{} {} in all",
                look.glyphs.ellipsis,
                count(turn.question.lines().count() as u64, "line", "lines")
            );
            self.push(vec![Span::styled(rest, look.theme.muted)], (0, QUESTION_LINES));
        }
        if turn.grounds == Grounds::ModelAlone {
            self.push(vec![Span::styled("asked without the documents: check what it says", look.theme.warn)], (1, 0));
        }
    }

    fn answer(&mut self, turn: &mut TurnState) {
        let labels = if turn.grounds == Grounds::ModelAlone { Labels::None } else { Labels::EachSentence };
        let look = &self.context.look;
        let ink = Ink {
            theme: &look.theme,
            glyphs: &look.glyphs,
            sources: turn.sources.iter().map(|source| source.n).max().unwrap_or(0),
            sentences: &turn.sentences,
            labels,
        };
        // Counters that only grow, each in bits of its own.
        let stamp = (look.generation << 40) ^ (turn.marks << 16) ^ u64::from(self.context.width);
        for (index, block) in turn.document.blocks(self.context.columns(), &ink, stamp).enumerate() {
            self.blank(if index == 0 { 1 } else { 2 });
            for laid in block {
                let line = self.lines.len();
                self.citations
                    .extend(laid.citations.iter().map(|mark| (line, Mark { column: mark.column + MARGIN, ..*mark })));
                self.push(laid.line.spans.clone(), (2, laid.key));
            }
        }
    }

    /// What to know of an answer: how far it is from the documents, what the output filter found, and which sources are not what they were.
    fn remarks(&mut self, turn: &TurnState) {
        let look = self.context.look;
        let alone = turn.grounds == Grounds::ModelAlone;
        // Asked without the documents it says so above already.
        let beyond = turn.answer.as_ref().and_then(Answer::beyond_remark).filter(|_| !alone).map(str::to_owned);
        let differ = turn.answer.as_ref().and_then(Answer::disagreement_remark);
        let filtered = turn.answer.as_ref().and_then(Answer::filter_remark);
        let changed = turn.standings.iter().filter_map(|cited| stale(cited, look.glyphs.dash));
        let warnings = beyond.into_iter().chain(differ).chain(filtered).chain(changed);
        let lines: Vec<_> = self.within(turn).into_iter().chain(warnings.map(|line| (line, look.theme.warn))).collect();
        if lines.is_empty() {
            return;
        }
        self.blank(2);
        for (line, style) in lines {
            for part in wrap_plain(&one_line(&line), self.context.columns()) {
                // Behind everything of the answer, whatever its length.
                self.push(vec![Span::styled(part, style)], (2, usize::MAX));
            }
        }
    }

    /// What the question was asked of, where it says so: no reason to be careful, unless it names what is not there.
    fn within(&self, turn: &TurnState) -> Option<(String, Style)> {
        let theme = &self.context.look.theme;
        let Within { unknown, .. } = &turn.answer.as_ref()?.within;
        let style = if unknown.is_empty() { theme.muted } else { theme.warn };
        Some((turn.answer.as_ref()?.within_remark()?, style))
    }

    fn sources(&mut self, turn: &TurnState) {
        let look = &self.context.look;
        let total = turn.shown_sources().count();
        if total == 0 {
            return;
        }
        self.blank(3);
        // Before the first word the passages have the room; afterwards they are footnotes.
        let rows = if turn.document.source().is_empty() { 2 } else { 1 };
        for (index, source) in turn.shown_sources().take(MOST_SOURCES).enumerate() {
            let uncited = turn.phase == Phase::Done && !turn.cites(source.n);
            self.push(sources::head(source, uncited, self.context.columns(), look).spans, (3, index));
            for line in sources::snippet(source, self.context.columns().saturating_sub(3), rows, look) {
                let mut spans = vec![Span::raw("   ")];
                spans.extend(line);
                self.push(spans, (3, index));
            }
        }
        if total > MOST_SOURCES {
            let more = format!("{} {} more", look.glyphs.ellipsis, total - MOST_SOURCES);
            self.push(vec![Span::styled(more, look.theme.muted)], (3, MOST_SOURCES));
        }
    }

    fn refusal(&mut self, turn: &mut TurnState) {
        let look = self.context.look;
        let room = self.context.columns();
        // With what comes nearest, in its own words.
        let is_near = !turn.sentences.is_empty();
        if is_near {
            self.answer(turn);
            self.blank(3);
        } else {
            self.blank(1);
            self.plain("Not in your documents.", look.theme.text, 2);
        }
        if let Some(reason) = turn.reason.as_deref().map(one_line).filter(|reason| !reason.is_empty()) {
            self.plain(&reason, look.theme.muted, 2);
        }
        if let Some((words, style)) = self.within(turn) {
            self.plain(&one_line(&words), style, 2);
        }
        if turn.sources.is_empty() {
            return;
        }
        self.blank(2);
        let others = if is_near { "The closest passages:" } else { "Closest passages, none of them close:" };
        self.plain(others, look.theme.muted, 2);
        // Too narrow for a quotation: the path has its room.
        let quoted = room >= 60;
        let longest = if quoted { room * 2 / 5 } else { room.saturating_sub(9) };
        let paths: Vec<String> = turn
            .sources
            .iter()
            .take(MOST_SOURCES)
            .map(|source| fit_end(&place(source, look.glyphs.dash), longest, look.glyphs.ellipsis))
            .collect();
        let column = paths.iter().map(|path| width(path)).max().unwrap_or(0);
        for (index, (source, path)) in turn.sources.iter().zip(paths).enumerate() {
            let pad = " ".repeat(column - width(&path) + 3);
            let score = format!("{:.2}", source.score);
            let free = room.saturating_sub(2 + column + 3 + score.len() + 3);
            let mut quote = vec![Span::styled(look.glyphs.open_quote, look.theme.muted)];
            quote.extend(
                sources::snippet(source, free.saturating_sub(2), 1, &look).into_iter().next().unwrap_or_default(),
            );
            quote.push(Span::styled(look.glyphs.close_quote, look.theme.muted));
            let mut spans = vec![Span::raw("  "), Span::styled(path, look.theme.text), Span::raw(pad)];
            if quoted {
                spans.extend(quote);
            }
            let gap = room.saturating_sub(columns(&spans) + score.len());
            spans.push(Span::raw(" ".repeat(gap)));
            spans.push(Span::styled(score, look.theme.muted));
            self.push(spans, (2, index + 10));
        }
        self.blank(3);
        self.lines.push(TurnLine { line: Line::default(), key: (3, 0), kind: Kind::Offer });
    }

    fn failure(&mut self, report: &Report) {
        let look = self.context.look;
        self.blank(1);
        let mut runs = vec![
            Run::new(format!("{} ", look.glyphs.cross), look.theme.bad),
            Run::new(one_line(&report.cause), look.theme.text),
        ];
        if let Some(hint) = &report.hint {
            runs.push(Run::new("\nhint: ", look.theme.muted));
            runs.push(Run::new(one_line(hint), look.theme.text));
        }
        for (index, line) in wrap(&runs, Room::even(self.context.columns())).into_iter().enumerate() {
            let spans = line.into_iter().map(|piece| Span::styled(piece.text, piece.tag)).collect();
            self.push(spans, (2, index));
        }
    }
}

/// What a person should know of a source that is not what it was.
fn stale(cited: &CitedNow, dash: &str) -> Option<String> {
    let lines = |start: u32, end: u32| if start == end { start.to_string() } else { format!("{start}{dash}{end}") };
    let place = format!("[{}] {}:{}", cited.n, cited.path, lines(cited.start_line, cited.end_line));
    match &cited.standing {
        Standing::Unchanged => None,
        Standing::Moved { now_start_line, now_end_line, now_page } => {
            let page = now_page.filter(|_| *now_page != cited.page).map(|page| format!(" of page {page}"));
            let now = lines(*now_start_line, *now_end_line);
            Some(format!("{place} stands at {now}{} now", page.unwrap_or_default()))
        }
        Standing::Changed { .. } => Some(format!("{place} has changed since")),
        Standing::Gone => Some(format!("{place} is gone")),
    }
}
