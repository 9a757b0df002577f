//! All that the screen is made of. Changed by `update` alone, drawn by `view`.
//!
//! Invariants: at most one answer is being made (`running`), and its id is the only one whose events count; the scroll anchor
//! names a turn and one of its lines, so that new text below never moves what is being read.

mod compare;
mod files;
mod folder;
mod hints;
mod insight;
mod models;
mod palette;
mod scroll;
mod sessions;
mod settings;
mod turn;
mod when;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(super) use compare::Compare;
pub(super) use files::{Files, FilesMode, Which};
pub(super) use folder::{Indexing, Library, Model, Models};
pub(super) use hints::Hints;
pub(super) use insight::{Insight, Inspect, Knob, PromptView, Standing};
pub(super) use models::{ModelsView, Pulling, Role};
pub(super) use palette::{Act, Entry, Palette};
pub(super) use scroll::Scroll;
pub(super) use sessions::{Mode, Sessions};
pub(super) use settings::{Edit, SettingsView, shown_value, waits_for_start};
pub(super) use turn::{Phase, TurnState};

use super::composer::Composer;
use super::glyphs::Glyphs;
use super::keymap::Keymap;
use super::theme::{Charset, Theme, Traits};
use crate::answer::Held;
use crate::chat::Conversation;
use crate::config::{Origins, Settings};
use crate::jobs::JobId;
use crate::report::Report;

/// A notice stays this long, or until the next key.
const NOTICE: Duration = Duration::from_secs(8);
/// Two presses of ctrl-c within this time quit.
const TWICE: Duration = Duration::from_secs(2);
/// One step of the spinner.
pub(super) const SPIN: Duration = Duration::from_millis(120);

/// What keys go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Focus {
    Composer,
    Transcript,
    Sources,
}

/// What covers the screen.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Screen {
    Chat,
    Help(Page),
    Settings(SettingsView),
    Models(ModelsView),
    Sessions(Sessions),
    Files(Files),
    Passage(Passage),
    Inspect(Inspect),
    Prompt(PromptView),
    Metrics(Page),
    Compare(Compare),
}

/// A page that scrolls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Page {
    pub top: usize,
}

/// One source of one turn, in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passage {
    pub turn: usize,
    pub source: usize,
    /// First line shown; `None` puts the cited lines into view.
    pub top: Option<usize>,
}

/// One citation of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cited {
    pub turn: usize,
    pub index: usize,
}

/// One line that goes away again.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Notice {
    pub text: String,
    pub tone: Tone,
    pub until: Duration,
}

/// How a notice is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Bad,
}

/// Colors and signs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub theme: Theme,
    pub glyphs: Glyphs,
    /// Changes with either: what is laid out with another generation is laid out again.
    pub generation: u64,
}

/// What the application starts with.
pub struct Setup {
    /// The folder as a person writes it.
    pub folder: String,
    /// The folder's canonical path, which conversations keep.
    pub folder_path: String,
    /// As configured.
    pub settings: Settings,
    /// Where each setting comes from.
    pub origins: Origins,
    /// The path of the file that settings are saved in.
    pub config_file: String,
    /// Which keys mean which command.
    pub keymap: Keymap,
    /// What the terminal can show.
    pub traits: Traits,
    /// A conversation to go on with.
    pub resume: Option<Conversation>,
    /// Questions for a start, of which the first three are offered.
    pub suggestions: Vec<String>,
    /// The moment that the clock of messages counts from.
    pub started: SystemTime,
}

/// The screen's state.
pub(super) struct State {
    pub size: (u16, u16),
    pub clock: Duration,
    pub started: SystemTime,
    pub folder: String,
    pub folder_path: String,
    pub settings: Settings,
    /// As they were at the start, which some hold for until the next.
    pub settled: Settings,
    pub origins: Origins,
    pub config_file: String,
    pub keymap: Keymap,
    pub traits: Traits,
    pub look: Look,
    pub library: Library,
    pub models: Models,
    /// Models that come in because a person asked for them, by name.
    pub pulls: BTreeMap<String, Pulling>,
    pub conversation: Conversation,
    pub turns: Vec<TurnState>,
    pub scroll: Scroll,
    pub composer: Composer,
    pub focus: Focus,
    pub screen: Screen,
    /// The list of commands, over the screen while it is open.
    pub palette: Option<Palette>,
    pub cited: Option<Cited>,
    /// The turn that was selected in the answers; see [`Self::selected_turn`].
    pub chosen: Option<usize>,
    pub suggestions: Vec<String>,
    /// Which source of the shown turn the keys act on.
    pub source: usize,
    pub job: JobId,
    /// The answer being made, and its turn.
    pub running: Option<(JobId, usize)>,
    pub notice: Option<Notice>,
    pub interrupted: Option<Duration>,
    pub insight: Insight,
    pub hints: Hints,
}

impl State {
    pub(super) fn new(setup: Setup) -> Self {
        let mut state = Self {
            size: (80, 24),
            clock: Duration::ZERO,
            started: setup.started,
            look: look(&setup.settings, setup.traits, 0),
            conversation: Conversation::new(&setup.folder_path, setup.started),
            folder: setup.folder,
            folder_path: setup.folder_path,
            settled: setup.settings.clone(),
            settings: setup.settings,
            origins: setup.origins,
            config_file: setup.config_file,
            keymap: setup.keymap,
            traits: setup.traits,
            library: Library::default(),
            models: Models::default(),
            pulls: BTreeMap::new(),
            turns: Vec::new(),
            scroll: Scroll::default(),
            composer: Composer::default(),
            focus: Focus::Composer,
            screen: Screen::Chat,
            palette: None,
            cited: None,
            chosen: None,
            suggestions: setup.suggestions,
            source: 0,
            job: JobId::default(),
            running: None,
            notice: None,
            interrupted: None,
            insight: Insight::default(),
            hints: Hints::default(),
        };
        if let Some(conversation) = setup.resume {
            state.resume(conversation);
        }
        state
    }

    /// Goes on with a conversation.
    pub(super) fn resume(&mut self, conversation: Conversation) {
        self.turns = conversation.turns.iter().map(TurnState::finished).collect();
        for turn in &conversation.turns {
            self.composer.remember(&turn.question);
        }
        self.conversation = conversation;
        // What was pinned and left out was so for another conversation.
        self.insight.held = Held::default();
        self.scroll = Scroll::default();
        self.screen = Screen::Chat;
        self.focus = Focus::Composer;
        self.deselect();
    }

    /// Lets go of what is selected in the answers and the sources.
    pub(super) fn deselect(&mut self) {
        (self.cited, self.chosen, self.source) = (None, None, 0);
    }

    /// The turn that keys act on in the answers: the selected one, else that of the selected citation, else the last.
    pub(super) fn selected_turn(&self) -> Option<usize> {
        let last = self.turns.len().checked_sub(1)?;
        Some(self.chosen.or(self.cited.map(|cited| cited.turn)).unwrap_or(last).min(last))
    }

    /// Takes the settings over into colors and signs.
    pub(super) fn restyle(&mut self) {
        self.look = look(&self.settings, self.traits, self.look.generation + 1);
    }

    pub(super) fn unix_now(&self) -> u64 {
        (self.started + self.clock).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.notice =
            Some(Notice { text: super::text::one_line(&text.into()), tone: Tone::Plain, until: self.clock + NOTICE });
    }

    pub(super) fn complain(&mut self, report: &Report) {
        let text = match &report.hint {
            Some(hint) => format!("{} · {hint}", report.cause),
            None => report.cause.clone(),
        };
        self.say(text);
        if let Some(notice) = &mut self.notice {
            notice.tone = Tone::Bad;
        }
    }

    /// The turn that sources and citations belong to: the selected citation's, else the last that has sources.
    pub(super) fn shown_turn(&self) -> Option<usize> {
        self.cited.map(|cited| cited.turn).or_else(|| self.turns.iter().rposition(|turn| !turn.sources.is_empty()))
    }

    /// The last question was refused and may be asked without the documents.
    pub(super) fn refused(&self) -> Option<usize> {
        let last = self.turns.len().checked_sub(1)?;
        (self.running.is_none() && self.turns[last].phase == Phase::Refused).then_some(last)
    }

    /// The name of the model that answers, as far as it is known.
    pub(super) fn model_name(&self) -> &str {
        match &self.models.generator {
            Model::Ready { name, .. } => name,
            _ => &self.settings.model,
        }
    }

    /// Is the screen wide enough for sources beside the text?
    pub(super) fn is_wide(&self) -> bool {
        self.size.0 >= 100
    }

    /// Is the chat what is seen?
    pub(super) fn shows_chat(&self) -> bool {
        self.screen == Screen::Chat && self.palette.is_none()
    }

    /// The start of a `/` command being typed: one line, one word.
    pub(super) fn slash(&self) -> Option<&str> {
        let [line] = self.composer.lines() else { return None };
        let word = line.strip_prefix('/')?;
        word.chars().all(|c| c.is_ascii_alphabetic()).then_some(word)
    }

    /// When something happens by itself: the spinner turns, a notice goes, ctrl-c is forgotten, what is typed is looked for.
    pub(super) fn next_wake(&self) -> Option<Duration> {
        let spinner = self.waits().then(|| SPIN * (self.clock.as_millis() / SPIN.as_millis() + 1) as u32);
        let notice = self.notice.as_ref().map(|notice| notice.until);
        let interrupted = self.interrupted.map(|at| at + TWICE);
        [spinner, notice, interrupted, self.hints.due].into_iter().flatten().min()
    }

    /// Something on the screen waits without a number of its own.
    fn waits(&self) -> bool {
        let answer =
            self.running.is_some_and(|(_, turn)| matches!(self.turns[turn].phase, Phase::Searching | Phase::Found));
        let start = self.turns.is_empty()
            && self.screen == Screen::Chat
            && (matches!(self.models.generator, Model::Loading { .. }) || self.library.indexing == Indexing::Opening);
        answer || start
    }

    /// Forgets what has run out.
    pub(super) fn expire(&mut self) {
        self.notice.take_if(|notice| notice.until <= self.clock);
        self.interrupted.take_if(|at| *at + TWICE <= self.clock);
    }

    /// Was ctrl-c pressed a moment ago, with nothing left to stop or clear?
    pub(super) fn about_to_quit(&self) -> bool {
        self.interrupted.is_some_and(|at| self.clock < at + TWICE)
    }

    /// The last answer with its sources, for the normal screen after the end.
    pub(super) fn farewell(&self) -> Option<String> {
        let turn =
            self.turns.iter().rev().find(|turn| turn.phase.is_over() && !turn.document.source().trim().is_empty())?;
        let text = format!(
            "> {}\n\n{}\n",
            super::text::one_line(&turn.question),
            super::text::clean(turn.document.source().trim())
        );
        let cited: Vec<String> = turn
            .shown_sources()
            .filter(|source| turn.cites(source.n))
            .map(|source| format!("[{}] {}", source.n, super::view::place(source, "-")))
            .collect();
        Some(if cited.is_empty() { text } else { format!("{text}\n{}\n", cited.join("\n")) })
    }
}

fn look(settings: &Settings, traits: Traits, generation: u64) -> Look {
    let charset = if settings.ascii { Charset::Ascii } else { traits.charset };
    Look { theme: Theme::new(settings.theme, traits), glyphs: Glyphs::new(charset), generation }
}
