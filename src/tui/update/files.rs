//! The library's files: listing, filtering, reading about one, opening it, having it read again.

use ratatui::crossterm::event::KeyEvent;

use super::field;
use crate::ingest::Entry;
use crate::report::Report;
use crate::tui::effect::Effect;
use crate::tui::state::{Files, FilesMode, Indexing, Screen, State};
use crate::tui::viewer::Target;

/// Opens the list.
pub(super) fn open(state: &mut State) -> Vec<Effect> {
    let mut files = Files::default();
    files.ask(state.clock, generation(state));
    state.screen = Screen::Files(files);
    vec![Effect::ListLibrary]
}

fn generation(state: &State) -> Option<u64> {
    state.library.status.as_ref().map(|status| status.generation)
}

/// All files, as the library knows them now.
pub(super) fn listed(state: &mut State, list: Vec<Entry>) -> Vec<Effect> {
    let clock = state.clock;
    if let Screen::Files(files) = &mut state.screen {
        files.answered(clock);
        files.set(list);
    }
    follow(state)
}

/// There is no list to show.
pub(super) fn not_listed(state: &mut State, report: &Report) {
    if matches!(state.screen, Screen::Files(_)) {
        state.screen = Screen::Chat;
    }
    state.complain(report);
}

/// Asks for the list again where the library moved on.
pub(super) fn follow(state: &mut State) -> Vec<Effect> {
    let (clock, generation) = (state.clock, generation(state));
    let is_idle = state.library.indexing == Indexing::Idle;
    match &mut state.screen {
        Screen::Files(files) if files.is_due(clock, generation, is_idle) => {
            files.ask(clock, generation);
            vec![Effect::ListLibrary]
        }
        _ => Vec::new(),
    }
}

/// Shows the kind of files so many places further.
pub(super) fn turn(state: &mut State, places: usize) {
    let Screen::Files(files) = &mut state.screen else { return };
    files.show(files.which().turn(places));
}

/// Begins to type words, or to read about the selected file.
pub(super) fn enter(state: &mut State, mode: FilesMode) {
    let Screen::Files(files) = &mut state.screen else { return };
    if mode == FilesMode::Filter || files.current().is_some() {
        files.mode = mode;
    }
}

/// One step back: from details to the list, from the words to all, from the list to the chat. True when the list stays.
pub(super) fn back(files: &mut Files) -> bool {
    let mode = std::mem::take(&mut files.mode);
    if matches!(mode, FilesMode::Details(_)) {
        return true;
    }
    let is_filtered = !files.filter().is_empty();
    files.narrow(|filter| !std::mem::take(filter).is_empty());
    is_filtered || mode == FilesMode::Filter
}

/// A key without a command: it is typed into the words, while they are typed.
pub(super) fn typed(state: &mut State, key: KeyEvent) {
    if let Screen::Files(files) = &mut state.screen
        && files.mode == FilesMode::Filter
    {
        files.narrow(|filter| field::edit(filter, key));
    }
}

/// Text that came in one piece.
pub(super) fn pasted(state: &mut State, text: &str) {
    if let Screen::Files(files) = &mut state.screen
        && files.mode == FilesMode::Filter
    {
        files.narrow(|filter| field::add(filter, text));
    }
}

/// Moves to another file; its details begin at their top.
pub(super) fn select(files: &mut Files, delta: isize) {
    files.select(delta);
    if let FilesMode::Details(top) = &mut files.mode {
        *top = 0;
    }
}

/// Opens the selected file outside of this program.
pub(super) fn view(state: &State, files: &Files) -> Vec<Effect> {
    let target =
        |entry: &Entry| Target { folder: state.folder_path.clone(), path: entry.path.clone(), line: 1, page: None };
    files.current().map(|entry| Effect::Open(target(entry))).into_iter().collect()
}

/// What is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Selected,
    Folder,
}

/// Has the selected file or the whole folder read again, changed or not.
pub(super) fn again(state: &mut State, extent: Extent) -> Vec<Effect> {
    let Screen::Files(files) = &state.screen else { return Vec::new() };
    let path = match (extent, files.current()) {
        (Extent::Folder, _) => None,
        (Extent::Selected, Some(entry)) => Some(entry.path.clone()),
        (Extent::Selected, None) => return Vec::new(),
    };
    if matches!(state.library.indexing, Indexing::ReadOnly { .. }) {
        state.complain(&Report {
            cause: "another tanya updates this folder".into(),
            hint: Some("have it read again there, or close that one".into()),
        });
        return Vec::new();
    }
    state.say(format!("to be read again: {}", path.as_deref().unwrap_or("the whole folder")));
    vec![Effect::ReadAgain(path)]
}
