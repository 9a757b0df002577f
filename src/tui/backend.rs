//! The outside as the screen knows it. Every call returns at once; results come as [`crate::jobs::JobEvent`]s.

use crate::answer::Held;
use crate::chat::{Conversation, SessionId, Turn};
use crate::config::{Setting, Settings};
use crate::jobs::JobId;

/// Background work, as the driver calls it.
pub trait Backend {
    /// Called once, after the first frame: open the library, read the folder, fetch and load models.
    fn start(&mut self, settings: &Settings);
    /// Answers a question, as [`crate::jobs::JobEvent::Answer`] or [`crate::jobs::JobEvent::AnswerFailed`] with this id. A
    /// question that comes before the model is ready waits for it; its sources do not.
    fn ask(&mut self, job: JobId, request: AskRequest);
    /// Stops the answer with this id soon; its later events are ignored here.
    fn cancel(&mut self, job: JobId);
    /// The settings are these from now on.
    fn configure(&mut self, settings: &Settings);
    /// Writes a setting into the configuration file, or removes it from there: [`crate::jobs::JobEvent::SettingSaved`].
    fn save_setting(&mut self, setting: &'static Setting, value: Option<String>);
    /// Asks for [`crate::jobs::JobEvent::ModelsListed`]; the models in use are those of `settings`.
    fn list_models(&mut self, settings: &Settings);
    /// Pulls a model of the catalogue: [`crate::jobs::JobEvent::Pull`]. `accepted`: the person has accepted its license.
    fn pull_model(&mut self, name: &str, accepted: bool);
    /// Stops that, soon.
    fn cancel_pull(&mut self, name: &str);
    /// Keeps the conversation; its last turn is new.
    fn save_turn(&mut self, conversation: &Conversation);
    /// Asks for [`crate::jobs::JobEvent::LibraryListed`].
    fn list_library(&mut self);
    /// Has the file at this path, or the whole folder, read again, changed or not.
    fn read_again(&mut self, path: Option<&str>);
    /// Asks for [`crate::jobs::JobEvent::NamesFound`]: what fits this word, its `@` or `#` included.
    fn find_names(&mut self, word: &str);
    /// Asks for [`crate::jobs::JobEvent::Previewed`]: what the words of a question find.
    fn preview(&mut self, question: &str);
    /// Asks for [`crate::jobs::JobEvent::SessionsListed`].
    fn list_sessions(&mut self);
    /// Asks for [`crate::jobs::JobEvent::SessionLoaded`].
    fn load_session(&mut self, id: SessionId);
    /// Asks for [`crate::jobs::JobEvent::SessionsFound`]: conversations about this folder that hold all words of `text`.
    fn search_sessions(&mut self, text: &str);
    /// Gives a conversation a name. A list that is asked for later has it.
    fn rename_session(&mut self, id: SessionId, name: &str);
    /// Deletes a conversation for good.
    fn remove_session(&mut self, id: SessionId);
    /// Writes a conversation into the current directory as Markdown; a notice says where.
    fn export_session(&mut self, id: SessionId);
}

/// A question with all that its answer depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct AskRequest {
    /// As it was typed.
    pub question: String,
    /// Earlier turns, oldest first.
    pub history: Vec<Turn>,
    /// As they are now.
    pub settings: Settings,
    /// From what it may be answered.
    pub grounds: Grounds,
    /// Passages that are always or never in the prompt.
    pub held: Held,
    /// Whether the model's steps are told of.
    pub inspect: bool,
}

/// From what a question may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Grounds {
    /// The documents, or not at all.
    #[default]
    Documents,
    /// All of the documents, read one by one: the person asked for it.
    WholeFolder,
    /// The model's own knowledge, after the documents were no help: the person asked for it, and the answer is marked.
    ModelAlone,
}
