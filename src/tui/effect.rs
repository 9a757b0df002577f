//! What `update` wants done outside of the state. The driver executes each in one exhaustive match.

use super::backend::AskRequest;
use super::viewer::Target;
use crate::chat::{Conversation, SessionId};
use crate::config::Settings;
use crate::jobs::JobId;

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// Answer this.
    Ask(JobId, Box<AskRequest>),
    /// Stop answering; whatever still comes of it is stale.
    Cancel(JobId),
    /// Settings changed: a model may have to be fetched or loaded.
    Configure(Box<Settings>),
    /// Write this setting, by its key, into the configuration file, or remove it from there.
    SaveSetting(&'static str, Option<String>),
    /// List the models.
    ListModels(Box<Settings>),
    /// Pull this model; the person has accepted its license, or has not been asked.
    PullModel(String, bool),
    /// Stop pulling it.
    CancelPull(String),
    /// Keep this conversation, which may not be on the screen any more.
    SaveConversation(Box<Conversation>),
    /// List the library's files.
    ListLibrary,
    /// Read a file, by its path in the library, or the whole folder again.
    ReadAgain(Option<String>),
    /// Look for names of files and tags that fit this word.
    FindNames(String),
    /// Look for passages that the words of this question find.
    Preview(String),
    /// List the conversations.
    ListSessions,
    /// Load one.
    LoadSession(SessionId),
    /// List those that hold all of these words.
    SearchSessions(String),
    /// Name one.
    RenameSession(SessionId, String),
    /// Delete one.
    RemoveSession(SessionId),
    /// Write one as a file.
    ExportSession(SessionId),
    /// Open a file at its line, outside of this program.
    Open(Target),
    /// Put this on the clipboard: a sequence for the terminal.
    Copy(String),
    /// Draw every cell again.
    Repaint,
    /// Hand the terminal back and stop the process until the shell continues it.
    Suspend,
    /// End.
    Quit,
}
