//! What the answers of this session cost: time, tokens, memory, energy.

use ratatui::text::{Line, Span};

use super::{MARGIN, gauge, indent};
use crate::answer::Answer;
use crate::tui::state::{State, TurnState};
use crate::tui::text::{bytes, count, fit, thousands};

/// Turns that a sparkline shows, at most: the last ones.
const TURNS: usize = 40;
/// Columns of the names.
const NAME: usize = 22;

/// What one turn measured.
struct Cost<'a> {
    turn: &'a TurnState,
    answer: &'a Answer,
}

impl Cost<'_> {
    /// Seconds of reading and writing.
    fn model_seconds(&self) -> Option<f64> {
        let timings = self.turn.insight.timings.as_ref()?;
        Some((timings.prefill + timings.decode).as_secs_f64())
    }

    /// Tokens that the model computed: read anew or written.
    fn computed(&self) -> usize {
        self.answer.prompt_tokens.saturating_sub(self.answer.reused_tokens) + self.answer.generated_tokens
    }

    fn of_thousand(&self, whole: Option<f64>) -> Option<f64> {
        let tokens = self.computed();
        whole.filter(|_| tokens > 0).map(|whole| whole * 1000.0 / tokens as f64)
    }
}

/// The view's lines.
pub(super) fn lines(state: &State, columns: u16) -> Vec<Line<'static>> {
    let theme = &state.look.theme;
    let all = state.turns.iter().filter_map(|turn| Some(Cost { turn, answer: turn.answer.as_ref()? }));
    let costs: Vec<Cost<'_>> = all.collect();
    let costs = &costs[costs.len().saturating_sub(TURNS)..];
    let page = Page { state, room: usize::from(columns).saturating_sub(usize::from(MARGIN) * 2) };
    let title = "What answers cost";
    let turns = format!("  the last {}, the newest named", count(costs.len() as u64, "answer", "answers"));
    let turns = fit(&turns, page.room.saturating_sub(title.len()), state.look.glyphs.ellipsis);
    let mut out = vec![
        Line::default(),
        Line::from(vec![indent(), Span::styled(title, theme.strong), Span::styled(turns, theme.muted)]),
        Line::default(),
    ];
    let Some(last) = costs.last() else {
        out.push(Line::from(vec![indent(), Span::styled("Nothing yet: ask a question first.", theme.muted)]));
        return out;
    };
    let series = |value: &dyn Fn(&Cost<'_>) -> Option<f64>| costs.iter().map(value).collect::<Vec<_>>();
    let seconds = |ms: f64| format!("{:.2} s", ms / 1000.0);
    out.push(page.series("to the first word", &series(&|cost| cost.answer.ms_first_token), seconds));
    out.push(page.series("to the end", &series(&|cost| Some(cost.answer.ms_total)), seconds));
    out.push(page.series("searching", &series(&|cost| Some(cost.answer.ms_search)), |ms| format!("{ms:.0} ms")));
    out.push(
        page.series("written", &series(&|cost| cost.answer.tokens_per_second()), |rate| format!("{rate:.0} tokens/s")),
    );
    out.push(page.series(
        "prompt reused",
        &series(&|cost| {
            (cost.answer.prompt_tokens > 0)
                .then(|| cost.answer.reused_tokens as f64 * 100.0 / cost.answer.prompt_tokens as f64)
        }),
        |percent| format!("{percent:.0} %"),
    ));
    out.push(page.series("1,000 tokens took", &series(&|cost| cost.of_thousand(cost.model_seconds())), |seconds| {
        format!("{seconds:.2} s")
    }));
    let joules = series(&|cost| cost.of_thousand(cost.turn.insight.metered.joules));
    if joules.iter().any(Option::is_some) {
        out.push(page.series("1,000 tokens drew", &joules, |joules| format!("{joules:.1} J, whole processor")));
    } else {
        out.push(
            page.named("1,000 tokens drew", vec![Span::styled("no energy counter can be read here", theme.muted)]),
        );
    }
    out.push(Line::default());
    out.push(page.window(last));
    if let Some(resident) = last.turn.insight.metered.resident {
        out.push(page.named("memory", vec![Span::styled(format!("{} resident", bytes(resident)), theme.text)]));
    }
    out.push(Line::default());
    out.extend(page.histogram(costs));
    out
}

/// What rows are drawn with.
struct Page<'a> {
    state: &'a State,
    room: usize,
}

impl Page<'_> {
    fn named(&self, name: &str, spans: Vec<Span<'static>>) -> Line<'static> {
        let mut all = vec![indent(), Span::styled(format!("{name:<NAME$}"), self.state.look.theme.muted)];
        all.extend(spans);
        Line::from(all)
    }

    /// A name, the newest value, and all of them as a sparkline where there is room.
    fn series(&self, name: &str, values: &[Option<f64>], show: impl Fn(f64) -> String) -> Line<'static> {
        let look = &self.state.look;
        let value = values.last().copied().flatten().map_or_else(|| look.glyphs.dash.to_owned(), show);
        let shown = self.room.saturating_sub(NAME + 28).min(values.len());
        let spark = gauge::spark(look, &values[values.len() - shown..]);
        let value = fit(&value, self.room.saturating_sub(NAME), look.glyphs.ellipsis);
        self.named(
            name,
            vec![Span::styled(format!("{value:<26}"), look.theme.text), Span::styled(spark, look.theme.accent)],
        )
    }

    /// What of the window keys and values take.
    fn window(&self, last: &Cost<'_>) -> Line<'static> {
        let look = &self.state.look;
        let (used, window) = (last.answer.prompt_tokens + last.answer.generated_tokens, last.answer.window);
        if window == 0 {
            return self.named("context", vec![Span::styled("no model was asked", look.theme.muted)]);
        }
        let mut spans =
            super::bar(look, used as u64, window as u64, self.room.saturating_sub(NAME + 28).clamp(6, 24)).to_vec();
        let text = format!("  {} of {} tokens kept", thousands(used as u64), thousands(window as u64));
        spans.push(Span::styled(text, look.theme.text));
        self.named("context", spans)
    }

    /// Times between tokens, over all answers.
    fn histogram(&self, costs: &[Cost<'_>]) -> Vec<Line<'static>> {
        let look = &self.state.look;
        let mut all = [0_u64; tanya_engine::TIME_BUCKETS];
        for timings in costs.iter().filter_map(|cost| cost.turn.insight.timings.as_ref()) {
            for (sum, count) in all.iter_mut().zip(timings.token_times) {
                *sum += u64::from(count);
            }
        }
        let most = all.iter().copied().max().unwrap_or(0);
        if most == 0 {
            return Vec::new();
        }
        let title = "Time from one token to the next";
        let mut out = vec![Line::from(vec![indent(), Span::styled(title, look.theme.strong)])];
        let cells = self.room.saturating_sub(NAME + 10).clamp(4, 40);
        let first = all.iter().position(|count| *count > 0).unwrap_or(0);
        let last = all.iter().rposition(|count| *count > 0).unwrap_or(0);
        for bucket in first..=last {
            let name = match bucket {
                0 => "under 1 ms".to_owned(),
                _ if bucket + 1 == all.len() => format!("{} ms and more", thousands(1 << (bucket - 1))),
                _ => format!("{}{}{} ms", thousands(1 << (bucket - 1)), look.glyphs.dash, thousands(1 << bucket)),
            };
            let bar = gauge::share(look, all[bucket] as f32 / most as f32, cells);
            let number = format!(" {}", thousands(all[bucket]));
            out.push(
                self.named(&name, vec![Span::styled(bar, look.theme.accent), Span::styled(number, look.theme.text)]),
            );
        }
        let newest = costs.iter().rev().find_map(|cost| cost.turn.insight.timings.as_ref());
        if let Some(timings) = newest {
            let (half, most) = (timings.token_p50.as_secs_f64() * 1e3, timings.token_p95.as_secs_f64() * 1e3);
            let text = format!("the newest: half within {half:.1} ms, 95 % within {most:.1} ms");
            out.push(Line::from(vec![
                indent(),
                Span::styled(fit(&text, self.room, look.glyphs.ellipsis), look.theme.muted),
            ]));
        }
        out
    }
}
