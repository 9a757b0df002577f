//! What is done with the selected source: its file is opened, its quote is copied.

use super::files;
use crate::answer::Source;
use crate::report::Report;
use crate::tui::clipboard::copy_sequence;
use crate::tui::effect::Effect;
use crate::tui::state::{Focus, Screen, State, TurnState};
use crate::tui::text::clean;
use crate::tui::view::place;
use crate::tui::viewer::Target;

/// The source that keys act on: the open passage, the selected source, or the one behind the selected citation.
fn selected(state: &State) -> Option<(&TurnState, &Source)> {
    let (turn, source) = match state.screen {
        Screen::Passage(passage) => (passage.turn, passage.source),
        _ if state.focus == Focus::Sources => (state.shown_turn()?, state.source),
        _ => (state.cited?.turn, state.source),
    };
    let turn = state.turns.get(turn)?;
    turn.shown_sources().nth(source).map(|source| (turn, source))
}

/// Opens the file behind the selected source at the first line that is cited, or the one that is selected in the library.
pub(super) fn open(state: &mut State) -> Vec<Effect> {
    if let Screen::Files(list) = &state.screen {
        return files::view(state, list);
    }
    let Some((turn, source)) = selected(state) else { return nothing(state) };
    let line = turn.cited_lines(source).map_or(source.start_line, |(first, _)| first);
    let (path, page) = (source.path.clone(), source.page);
    vec![Effect::Open(Target { folder: state.folder_path.clone(), path, line, page })]
}

/// Copies the lines that are cited, else the whole passage, with where they stand.
pub(super) fn copy(state: &mut State) -> Vec<Effect> {
    let Some((turn, source)) = selected(state) else { return nothing(state) };
    let cited: Vec<&str> = turn
        .answer
        .iter()
        .flat_map(|answer| &answer.citations)
        .filter(|citation| citation.n == source.n && !citation.text.trim().is_empty())
        .map(|citation| citation.text.trim())
        .collect();
    let mut quote = cited;
    quote.dedup();
    let quote = if quote.is_empty() { source.text.trim().to_owned() } else { quote.join("\n…\n") };
    let place = place(source, "–");
    let Some(sequence) = copy_sequence(&format!("{}\n— {place}\n", clean(&quote))) else {
        state.complain(&Report {
            cause: format!("{place}: too long for the terminal's clipboard"),
            hint: Some("o opens the file itself".into()),
        });
        return Vec::new();
    };
    state.say(format!("copied, with its source: {place}"));
    vec![Effect::Copy(sequence)]
}

fn nothing(state: &mut State) -> Vec<Effect> {
    state.say("select a citation first: [ and ]");
    Vec::new()
}
