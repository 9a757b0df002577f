//! The list of conversations: searching, naming, exporting, deleting.

use ratatui::crossterm::event::KeyEvent;

use super::field::{add, edit};
use super::stop;
use crate::chat::{Conversation, Found, SessionId, SessionSummary};
use crate::tui::effect::Effect;
use crate::tui::state::{Mode, Screen, Sessions, State};

/// Opens the list.
pub(super) fn open(state: &mut State) -> Vec<Effect> {
    state.screen = Screen::Sessions(Sessions::default());
    vec![Effect::ListSessions]
}

/// All conversations, as they are on the disk.
pub(super) fn listed(state: &mut State, all: Vec<SessionSummary>) {
    let Screen::Sessions(sessions) = &mut state.screen else { return };
    let count = all.len();
    let here: Vec<_> = all.into_iter().filter(|session| session.folder == state.folder_path).collect();
    sessions.elsewhere = count - here.len();
    sessions.list = Some(here);
    sessions.select(0);
}

/// What a search found; one for other words is stale.
pub(super) fn found(state: &mut State, text: &str, found: Vec<Found>) {
    let Screen::Sessions(sessions) = &mut state.screen else { return };
    if sessions.filter == text {
        sessions.found = found;
        sessions.select(0);
    }
}

/// Begins to type words, a name, or a yes.
pub(super) fn enter(state: &mut State, mode: Mode) {
    let Screen::Sessions(sessions) = &mut state.screen else { return };
    sessions.mode = match mode {
        Mode::Browse | Mode::Filter => mode,
        _ if sessions.current().is_none() => Mode::Browse,
        Mode::Rename(_) => Mode::Rename(sessions.current().map(|session| session.title.clone()).unwrap_or_default()),
        Mode::Delete => Mode::Delete,
    };
}

/// One step back: from typing to the list, from what was found to all, from the list to the chat. True when the list stays.
pub(super) fn back(sessions: &mut Sessions) -> bool {
    if sessions.mode == Mode::Browse && sessions.filter.is_empty() {
        return false;
    }
    if matches!(sessions.mode, Mode::Browse | Mode::Filter) {
        sessions.filter.clear();
        sessions.found.clear();
        sessions.selected = 0;
    }
    sessions.mode = Mode::Browse;
    true
}

/// A key without a command: it is typed into what is being typed, or means no.
pub(super) fn typed(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    let Screen::Sessions(sessions) = &mut state.screen else { return Vec::new() };
    match &mut sessions.mode {
        Mode::Browse => Vec::new(),
        Mode::Delete => {
            sessions.mode = Mode::Browse;
            Vec::new()
        }
        Mode::Rename(name) => {
            edit(name, key);
            Vec::new()
        }
        Mode::Filter => {
            if edit(&mut sessions.filter, key) {
                search(sessions)
            } else {
                Vec::new()
            }
        }
    }
}

/// Text that came in one piece.
pub(super) fn pasted(state: &mut State, text: &str) -> Vec<Effect> {
    let Screen::Sessions(sessions) = &mut state.screen else { return Vec::new() };
    match &mut sessions.mode {
        Mode::Rename(name) => {
            add(name, text);
        }
        Mode::Filter => {
            add(&mut sessions.filter, text);
            return search(sessions);
        }
        Mode::Browse | Mode::Delete => {}
    }
    Vec::new()
}

fn search(sessions: &mut Sessions) -> Vec<Effect> {
    sessions.selected = 0;
    if sessions.filter.trim().is_empty() {
        sessions.found.clear();
        return Vec::new();
    }
    vec![Effect::SearchSessions(sessions.filter.clone())]
}

/// What was typed or asked is meant.
pub(super) fn confirm(state: &mut State) -> Vec<Effect> {
    let Screen::Sessions(sessions) = &mut state.screen else { return Vec::new() };
    let Some(session) = sessions.current().cloned() else { return Vec::new() };
    let filter = sessions.filter.clone();
    let mut effects = match std::mem::take(&mut sessions.mode) {
        Mode::Browse | Mode::Filter => return Vec::new(),
        Mode::Rename(name) if name.trim().is_empty() => return Vec::new(),
        Mode::Rename(name) => {
            if session.id == state.conversation.id {
                state.conversation.title.clone_from(&name);
            }
            vec![Effect::RenameSession(session.id, name)]
        }
        Mode::Delete => delete(state, session.id),
    };
    effects.push(Effect::ListSessions);
    if !filter.trim().is_empty() {
        effects.push(Effect::SearchSessions(filter));
    }
    effects
}

/// Deletes a conversation. The one on the screen would come back with its next answer: it goes from there too.
fn delete(state: &mut State, id: SessionId) -> Vec<Effect> {
    if id != state.conversation.id {
        return vec![Effect::RemoveSession(id)];
    }
    let mut effects = stop(state);
    let list = std::mem::replace(&mut state.screen, Screen::Chat);
    state.resume(Conversation::new(&state.folder_path, state.started + state.clock));
    state.screen = list;
    effects.push(Effect::RemoveSession(id));
    effects
}

/// Writes the selected conversation as a file.
pub(super) fn export(state: &State) -> Vec<Effect> {
    let Screen::Sessions(sessions) = &state.screen else { return Vec::new() };
    sessions.current().map(|session| Effect::ExportSession(session.id.clone())).into_iter().collect()
}
