//! The first screen: what is being prepared, and that one can ask already. Shown while there is no question.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{MARGIN, bar, spinner};
use crate::tui::state::{Indexing, Model, State};
use crate::tui::text::{Room, Run, bytes, bytes_of, count, fit_end, one_line, seconds, thousands, wrap, wrap_plain};

/// Columns of the sign and the name of a row.
const LABEL: usize = 16;

pub(super) fn draw(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let room = usize::from(area.width.saturating_sub(MARGIN + 1)).max(LABEL + 8);
    let all: Vec<Line<'static>> = card(state, room)
        .into_iter()
        .map(|mut spans| {
            spans.insert(0, Span::raw(" ".repeat(usize::from(MARGIN))));
            Line::from(spans)
        })
        .collect();
    let inset = u16::from(usize::from(area.height) > all.len() + 2);
    let inner = Rect { y: area.y + inset, height: area.height.saturating_sub(inset), ..area };
    super::lines(frame, inner, &all, 0);
}

fn card(state: &State, room: usize) -> Vec<Vec<Span<'static>>> {
    let theme = &state.look.theme;
    let mut out = vec![
        vec![Span::styled("tanya", theme.strong), Span::styled(": ask your own documents", theme.muted)],
        Vec::new(),
    ];
    for row in [folder(state, room), reading(state), model(state), embeddings(state)] {
        out.extend(row.lines(state, room));
    }
    out.push(Vec::new());
    for line in wrap(&[Run::new(advice(state), theme.text)], Room::even(room)) {
        out.push(line.into_iter().map(|piece| Span::styled(piece.text, piece.tag)).collect());
    }
    out.extend(suggestions(state, room));
    out
}

/// Questions to begin with, each under its key.
fn suggestions(state: &State, room: usize) -> Vec<Vec<Span<'static>>> {
    let theme = &state.look.theme;
    let mut out = Vec::new();
    for (index, question) in state.suggestions.iter().take(3).enumerate() {
        out.extend((index == 0).then(Vec::new));
        for (row, text) in wrap_plain(&one_line(question), room.saturating_sub(3)).into_iter().enumerate() {
            let key = if row == 0 { format!("{}  ", index + 1) } else { " ".repeat(3) };
            out.push(vec![Span::styled(key, theme.accent), Span::styled(text, theme.text)]);
        }
    }
    out
}

/// One thing that is prepared.
struct Row {
    sign: &'static str,
    style: Style,
    name: &'static str,
    parts: Vec<Vec<Span<'static>>>,
}

impl Row {
    /// Parts flow over as many lines as they need, under each other.
    fn lines(self, state: &State, room: usize) -> Vec<Vec<Span<'static>>> {
        let mut lines = vec![vec![
            Span::styled(format!("{} ", self.sign), self.style),
            Span::styled(format!("{:<width$}", self.name, width = LABEL - 2), state.look.theme.muted),
        ]];
        let mut used = LABEL;
        for mut part in self.parts {
            let columns = super::columns(&part);
            if let [only] = &part[..]
                && columns > room.saturating_sub(LABEL)
            {
                // Too long for one line, such as why a model cannot be had: read in full, under each other.
                for text in wrap_plain(&only.content, room.saturating_sub(LABEL)) {
                    if used > LABEL {
                        lines.push(vec![Span::raw(" ".repeat(LABEL))]);
                    }
                    lines.last_mut().expect("the row has its first line").push(Span::styled(text, only.style));
                    used = room + 1;
                }
                continue;
            }
            let gap = if used == LABEL { 0 } else { 3 };
            if used + gap + columns > room && used > LABEL {
                lines.push(vec![Span::raw(" ".repeat(LABEL))]);
                used = LABEL;
            } else if gap > 0 {
                part.insert(0, Span::raw(" ".repeat(gap)));
                used += gap;
            }
            used += columns;
            lines.last_mut().expect("the row has its first line").extend(part);
        }
        lines
    }
}

fn folder(state: &State, room: usize) -> Row {
    let look = &state.look;
    let path = fit_end(&one_line(&state.folder), room.saturating_sub(LABEL).max(8), look.glyphs.ellipsis);
    let mut parts = vec![vec![Span::styled(path, look.theme.text)]];
    let size = state.library.status.as_ref().map(|status| status.bytes).filter(|size| *size > 0);
    let (sign, style) = match state.library.files() {
        Some(files) => {
            let size = size.map(|size| format!(", {}", bytes(size))).unwrap_or_default();
            parts.push(vec![Span::styled(format!("{}{size}", count(files, "file", "files")), look.theme.muted)]);
            (look.glyphs.check, look.theme.ok)
        }
        None => (spinner(state), look.theme.accent),
    };
    Row { sign, style, name: "folder", parts }
}

fn reading(state: &State) -> Row {
    let look = &state.look;
    let muted = |text: String| vec![Span::styled(text, look.theme.muted)];
    let passages = state.library.status.as_ref().map_or(0, |status| status.chunks);
    let mut parts = Vec::new();
    let (sign, style) = match &state.library.indexing {
        Indexing::Opening => (look.glyphs.dot, look.theme.muted),
        Indexing::Reading { path, done, total } => {
            parts.push(vec![Span::styled(
                format!("{} of {}", thousands(*done), count(*total, "file", "files")),
                look.theme.text,
            )]);
            parts.push(bar(look, *done, *total, 9).to_vec());
            if passages > 0 {
                parts.push(muted("searchable by words now".into()));
            }
            parts.push(muted(super::transcript::short(path, 40, look)));
            (look.glyphs.full, look.theme.accent)
        }
        Indexing::ReadOnly { .. } => {
            parts.push(vec![Span::styled("another tanya updates this folder; its passages are used", look.theme.text)]);
            (look.glyphs.check, look.theme.ok)
        }
        Indexing::Embedding { .. } | Indexing::Idle => {
            parts.push(vec![Span::styled(count(passages, "passage", "passages"), look.theme.text)]);
            parts.push(muted("searchable by words".into()));
            if let Some(failed) = state.library.status.as_ref().map(|status| status.failed).filter(|failed| *failed > 0)
            {
                let noun = if failed == 1 { "file" } else { "files" };
                parts.push(vec![Span::styled(format!("{} {noun} not readable", thousands(failed)), look.theme.warn)]);
                parts.push(muted("/library tells why".into()));
            }
            (look.glyphs.check, look.theme.ok)
        }
    };
    Row { sign, style, name: "reading", parts }
}

fn model(state: &State) -> Row {
    let look = &state.look;
    let muted = |text: String| vec![Span::styled(text, look.theme.muted)];
    let name = |name: &str| vec![Span::styled(super::transcript::short(name, 40, look), look.theme.text)];
    let (sign, style, parts) = match &state.models.generator {
        Model::Unknown => (look.glyphs.dot, look.theme.muted, vec![name(&state.settings.model)]),
        Model::Pulling { name: of, done, total, bytes_per_second, license } => {
            let mut parts = vec![name(of)];
            parts.extend(download(*done, *total, *bytes_per_second).into_iter().map(muted));
            parts.push(muted(format!("{}, runs here, nothing leaves this machine", one_line(license))));
            (look.glyphs.full, look.theme.accent, parts)
        }
        Model::Loading { name: of } => (spinner(state), look.theme.accent, vec![name(of), muted("loading".into())]),
        Model::Ready { name: of, backend, .. } => {
            (look.glyphs.check, look.theme.ok, vec![name(of), muted(one_line(backend))])
        }
        Model::Failed { name: of, report } => {
            let mut parts = vec![name(of), vec![Span::styled(one_line(&report.cause), look.theme.bad)]];
            parts.extend(report.hint.as_deref().map(|hint| muted(format!("hint: {}", one_line(hint)))));
            (look.glyphs.cross, look.theme.bad, parts)
        }
    };
    Row { sign, style, name: "model", parts }
}

fn download(done: u64, total: Option<u64>, bytes_per_second: f64) -> Vec<String> {
    let mut parts = Vec::new();
    match total {
        Some(total) => parts.push(bytes_of(done, total)),
        None => parts.push(bytes(done)),
    }
    if bytes_per_second >= 1.0 {
        parts.push(format!("{}/s", bytes(bytes_per_second as u64)));
        if let Some(rest) = total.map(|total| total.saturating_sub(done)).filter(|rest| *rest > 0) {
            parts.push(format!("{} left", seconds((rest as f64 / bytes_per_second).ceil() as u64)));
        }
    }
    parts
}

fn embeddings(state: &State) -> Row {
    let look = &state.look;
    let muted = |text: String| vec![Span::styled(text, look.theme.muted)];
    let status = state.library.status.as_ref();
    let (sign, style, parts) = match (&state.library.indexing, &state.models.embedder) {
        (Indexing::Embedding { done, total, seconds_left }, _) => {
            let mut parts = vec![vec![Span::styled(
                format!("{} of {}", thousands(*done), count(*total, "passage", "passages")),
                look.theme.text,
            )]];
            parts.push(bar(look, *done, *total, 9).to_vec());
            parts.extend(seconds_left.map(|left| muted(format!("{} left", seconds(left)))));
            (look.glyphs.full, look.theme.accent, parts)
        }
        (_, Model::Pulling { name, done, total, bytes_per_second, license }) => {
            let mut parts = vec![vec![Span::styled(one_line(name), look.theme.text)]];
            parts.extend(download(*done, *total, *bytes_per_second).into_iter().map(muted));
            parts.push(muted(one_line(license)));
            (look.glyphs.full, look.theme.accent, parts)
        }
        (_, Model::Failed { report, .. }) => {
            let parts = vec![
                vec![Span::styled(one_line(&report.cause), look.theme.bad)],
                muted("words still find passages".into()),
            ];
            (look.glyphs.cross, look.theme.bad, parts)
        }
        (Indexing::Idle, _) if status.is_some_and(|status| status.chunks > 0 && status.embedded >= status.chunks) => {
            (look.glyphs.check, look.theme.ok, vec![vec![Span::styled("searchable by meaning", look.theme.text)]])
        }
        (_, Model::Ready { .. }) => (look.glyphs.dot, look.theme.muted, vec![muted("after reading".into())]),
        (_, Model::Unknown | Model::Loading { .. }) => {
            (look.glyphs.dot, look.theme.muted, vec![muted("after the model".into())])
        }
    };
    Row { sign, style, name: "embeddings", parts }
}

fn advice(state: &State) -> &'static str {
    let empty = state.library.indexing == Indexing::Idle
        && state.library.status.as_ref().is_some_and(|status| status.chunks == 0);
    let ready = matches!(state.models.generator, Model::Ready { .. });
    if empty {
        "Nothing readable is in this folder yet. Files that appear in it are read when tanya starts again."
    } else if matches!(state.models.generator, Model::Failed { .. }) {
        "Without a model a question still finds its passages."
    } else if ready && state.library.indexing == Indexing::Idle {
        "Ask in your own words; every answer shows the lines it stands on."
    } else {
        "You can ask already; answers get better as the bars fill."
    }
}
