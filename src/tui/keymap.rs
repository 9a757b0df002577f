//! The one table of commands: it dispatches keys, writes the help, the hints of the bottom line and the README's table.

mod chord;
mod markdown;
mod own;
mod place;

use ratatui::crossterm::event::{KeyCode, KeyModifiers};

pub(super) use chord::Chord;
pub use markdown::keys_markdown;
pub use own::Keymap;

use chord::{char, ctrl, key};

/// Something that a key can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Command {
    Send,
    AskAnyway,
    Complete,
    NewLine,
    Stop,
    Clear,
    Leave,
    Interrupt,
    QuitWhenEmpty,
    NextPane,
    PreviousPane,
    PageUp,
    PageDown,
    LineUp,
    LineDown,
    Top,
    Bottom,
    Older,
    Newer,
    PreviousCitation,
    NextCitation,
    OpenCitation,
    PreviousItem,
    NextItem,
    OpenItem,
    OpenFile,
    CopyQuote,
    PreviousTurn,
    NextTurn,
    Branch,
    EditQuestion,
    FilterSessions,
    RenameSession,
    DeleteSession,
    ExportSession,
    Confirm,
    AskSuggestion,
    Inspect,
    InspectNext,
    Compare,
    ShowPrompt,
    Metrics,
    StepBack,
    StepForward,
    FirstStep,
    LastStep,
    TurnKnob,
    InputTokens,
    Pin,
    LeaveOut,
    AskAgain,
    Help,
    Palette,
    NewSession,
    Sessions,
    Settings,
    Models,
    PullModel,
    CancelPull,
    KeepModel,
    KeepSetting,
    ResetSetting,
    NextValue,
    PreviousValue,
    Library,
    FilterFiles,
    NextFiles,
    PreviousFiles,
    ReadAgain,
    ReadAllAgain,
    Suspend,
    Repaint,
}

/// Where a command can be given. The state answers whether it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum When {
    Anywhere,
    /// The chat is shown.
    Chat,
    /// The chat is shown and nothing is typed.
    Empty,
    /// Keys go to the composer.
    Typing,
    /// Keys go to the composer, which holds something.
    Typed,
    /// The composer holds the start of a `/` command.
    Slash,
    /// Names fit the word that is typed behind `@` or `#`.
    Mentioning,
    /// One of them was selected.
    NameChosen,
    /// The cursor is on the first line of the composer.
    FirstLine,
    /// The cursor is on the last line of the composer.
    LastLine,
    /// An answer is being made.
    Answering,
    /// The last question was refused, and nothing is typed.
    Refused,
    /// There are citations, and nothing is typed or the keys go to the answers.
    Cited,
    /// A citation is selected, and nothing is typed or the keys go to the answers.
    CitationSelected,
    /// Keys go to the answers.
    Transcript,
    /// Keys go to the sources.
    Sources,
    /// The answers or a page are not at their end.
    ScrolledUp,
    /// Keys go to a list of sessions.
    List,
    /// Words to look for in the sessions are typed.
    Filtering,
    /// The name of a session is typed.
    Naming,
    /// A session is to be deleted, and that waits for a yes.
    Deleting,
    /// Keys go to the list of the library's files.
    Files,
    /// Words of a path are typed.
    FilesFiltering,
    /// What is known of one file is shown.
    FileDetails,
    /// Keys go to the list of settings.
    Settings,
    /// The value of a setting is typed.
    SettingEdited,
    /// Keys go to the list of models.
    Models,
    /// A model's license waits for a yes.
    Licensing,
    /// There is no question yet, nothing is typed, and questions are suggested.
    Suggested,
    /// Keys go to a page: help, metrics, a passage.
    Page,
    /// A passage is open.
    Passage,
    /// Two answers stand side by side.
    Comparing,
    /// A step of the model is shown.
    Inspecting,
    /// A prompt is shown by its parts.
    Prompted,
    /// The list of commands is open.
    Palette,
    /// A page or list covers the chat, or the keys are away from the composer.
    Away,
}

/// One row of the table.
#[derive(Debug)]
pub(super) struct Binding {
    pub command: Command,
    /// Names the row in the configuration.
    pub id: &'static str,
    /// The first one is shown in hints.
    pub keys: &'static [Chord],
    /// What it does, for the help; empty where a row above says it for another place.
    pub title: &'static str,
    /// What it does, for the bottom line; empty where it never shows there.
    pub hint: &'static str,
    pub when: When,
    /// Where the help lists it.
    pub group: Group,
}

/// A chapter of the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Asking,
    Reading,
    Sources,
    Sessions,
    Library,
    Settings,
    Models,
    Insight,
    Program,
}

impl Group {
    pub(super) const ALL: [Self; 9] = [
        Self::Asking,
        Self::Reading,
        Self::Sources,
        Self::Sessions,
        Self::Library,
        Self::Settings,
        Self::Models,
        Self::Insight,
        Self::Program,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Asking => "Asking",
            Self::Reading => "Reading",
            Self::Sources => "Sources and citations",
            Self::Sessions => "Earlier conversations",
            Self::Library => "The library's files",
            Self::Settings => "Settings",
            Self::Models => "Models",
            Self::Insight => "Inside an answer",
            Self::Program => "Program",
        }
    }
}

macro_rules! bindings {
    ($($command:ident $id:literal [$($keys:expr),+] $when:ident $group:ident $title:literal $hint:literal;)+) => {
        &[$(Binding {
            command: Command::$command,
            id: $id,
            keys: &[$($keys),+],
            title: $title,
            hint: $hint,
            when: When::$when,
            group: Group::$group,
        }),+]
    };
}

const PLAIN: KeyModifiers = KeyModifiers::NONE;
const SHIFT: KeyModifiers = KeyModifiers::SHIFT;
const ALT: KeyModifiers = KeyModifiers::ALT;
const CONTROL: KeyModifiers = KeyModifiers::CONTROL;

/// Every command. For dispatch the first row wins whose key matches and whose place holds; for hints the first rows win
/// whose place holds.
pub(super) const BINDINGS: &[Binding] = bindings![
    Leave "close-names" [key(KeyCode::Esc)] Mentioning Asking "" "close";
    Stop "stop" [key(KeyCode::Esc)] Answering Asking "stop the answer at once" "stop";
    Leave "leave" [key(KeyCode::Esc)] Away Program "go back to the question" "back";
    Complete "complete-name" [key(KeyCode::Tab)] Mentioning Asking "take the file, folder or tag that fits what is typed behind @ or #" "take";
    Complete "take-name" [key(KeyCode::Enter)] NameChosen Asking "" "take";
    PreviousItem "previous-name" [key(KeyCode::Up)] Mentioning Asking "" "";
    NextItem "next-name" [key(KeyCode::Down)] Mentioning Asking "" "";
    Clear "clear" [key(KeyCode::Esc)] Typed Asking "clear what is typed" "";
    OpenItem "run" [key(KeyCode::Enter)] Palette Program "in the list of commands: run the selected one" "run";
    PreviousItem "previous-command" [key(KeyCode::Up), ctrl('p')] Palette Program "" "";
    NextItem "next-command" [key(KeyCode::Down), ctrl('n')] Palette Program "" "";
    Complete "complete" [key(KeyCode::Tab)] Slash Asking "complete a / command" "complete";
    Send "send" [key(KeyCode::Enter)] Typed Asking "send the question, or run a / command" "send";
    OpenItem "open" [key(KeyCode::Enter)] List Program "open the selected session or source" "open";
    OpenItem "open-found" [key(KeyCode::Enter)] Filtering Sessions "" "open";
    Confirm "confirm-name" [key(KeyCode::Enter)] Naming Sessions "keep the name that is typed" "keep the name";
    Confirm "confirm-delete" [char('y')] Deleting Sessions "delete for good, when asked; any other key keeps it" "delete for good";
    OpenItem "open-source" [key(KeyCode::Enter)] Sources Sources "" "open";
    OpenCitation "open-citation" [key(KeyCode::Enter)] CitationSelected Sources "open the passage behind the selected citation" "open";
    AskAnyway "ask-anyway" [key(KeyCode::Enter)] Refused Asking "after a refusal: ask the model anyway, without the documents" "ask anyway";
    NewLine "newline" [Chord(KeyCode::Enter, ALT), ctrl('j')] Typing Asking "start a new line" "";
    PreviousItem "previous" [key(KeyCode::Up), char('k')] List Program "select the one above, in a list and in the sources" "";
    NextItem "next" [key(KeyCode::Down), char('j')] List Program "select the one below, in a list and in the sources" "";
    PreviousItem "previous-found" [key(KeyCode::Up)] Filtering Sessions "" "";
    NextItem "next-found" [key(KeyCode::Down)] Filtering Sessions "" "";
    PreviousItem "previous-setting" [key(KeyCode::Up)] Settings Settings "" "";
    NextItem "next-setting" [key(KeyCode::Down)] Settings Settings "" "";
    PreviousItem "previous-model" [key(KeyCode::Up), char('k')] Models Models "" "";
    NextItem "next-model" [key(KeyCode::Down), char('j')] Models Models "" "";
    FilterSessions "filter" [char('/')] List Sessions "search the questions and answers of all conversations" "search";
    RenameSession "rename" [char('r')] List Sessions "give the selected conversation a name" "rename";
    ExportSession "export" [char('e')] List Sessions "write it as a Markdown file into the current directory" "export";
    DeleteSession "delete" [char('d')] List Sessions "delete it, after a question" "delete";
    OpenItem "open-details" [key(KeyCode::Enter)] Files Library "" "details";
    OpenItem "open-found-details" [key(KeyCode::Enter)] FilesFiltering Library "" "details";
    PreviousItem "previous-file" [key(KeyCode::Up), char('k')] Files Library "" "";
    NextItem "next-file" [key(KeyCode::Down), char('j')] Files Library "" "";
    PreviousItem "previous-found-file" [key(KeyCode::Up)] FilesFiltering Library "" "";
    NextItem "next-found-file" [key(KeyCode::Down)] FilesFiltering Library "" "";
    PreviousItem "previous-details" [key(KeyCode::Up), char('k'), char('['), key(KeyCode::Left)] FileDetails Library "in a file's details: the file before" "";
    NextItem "next-details" [key(KeyCode::Down), char('j'), char(']'), key(KeyCode::Right)] FileDetails Library "in a file's details: the file after" "next";
    NextFiles "next-files" [key(KeyCode::Tab)] Files Library "show in turn all files, those with problems, the failed, the partly read, the skipped" "problems";
    PreviousFiles "previous-files" [key(KeyCode::BackTab)] Files Library "the same backwards" "";
    FilterFiles "filter-files" [char('/')] Files Library "show only files with these words in their paths" "filter";
    OpenFile "open-listed-file" [char('o')] Files Library "" "";
    OpenFile "open-detailed-file" [char('o')] FileDetails Library "" "open the file";
    ReadAgain "read-again" [char('r')] Files Library "read the selected file again, changed or not" "read again";
    ReadAgain "read-details-again" [char('r')] FileDetails Library "" "read again";
    ReadAllAgain "read-all-again" [char('R')] Files Library "read the whole folder again" "";
    Top "first-file" [key(KeyCode::Home), char('g')] Files Library "" "";
    Bottom "last-file" [key(KeyCode::End), char('G')] Files Library "" "";
    OpenItem "change-setting" [key(KeyCode::Enter)] Settings Settings "in the settings, found by typing: change the selected one" "change";
    Confirm "save-value" [key(KeyCode::Enter)] SettingEdited Settings "take the value that is typed, and save it" "save";
    NextValue "next-value" [key(KeyCode::Right)] Settings Settings "the next of the words that a setting takes, saved" "";
    PreviousValue "previous-value" [key(KeyCode::Left)] Settings Settings "the word before, saved" "";
    ResetSetting "reset-setting" [ctrl('x'), key(KeyCode::Delete)] Settings Settings "back to the default: the setting leaves the file" "default";
    KeepSetting "save-setting" [ctrl('s')] Settings Settings "save the value as it is" "save";
    OpenItem "use-model" [key(KeyCode::Enter)] Models Models "in the models: take the selected one, until the end" "use it";
    KeepModel "keep-model" [char('s')] Models Models "in the models: take it and save that in the settings" "use and save";
    PullModel "pull" [char('p')] Models Models "in the models: fetch the selected one, or check one that is here byte by byte" "fetch";
    CancelPull "cancel-pull" [char('x')] Models Models "in the models: stop fetching it; what has arrived is kept" "stop";
    Confirm "accept-license" [char('y')] Licensing Models "accept a model's license, when asked; any other key does not" "accept";
    PreviousItem "previous-source" [key(KeyCode::Up), char('k')] Sources Sources "" "";
    NextItem "next-source" [key(KeyCode::Down), char('j')] Sources Sources "" "";
    PreviousItem "previous-passage" [char('['), key(KeyCode::Left)] Passage Sources "in a passage: the source before" "";
    NextItem "next-passage" [char(']'), key(KeyCode::Right)] Passage Sources "in a passage: the source after" "next";
    Older "history-older" [key(KeyCode::Up)] FirstLine Asking "the question before, from the first line" "";
    Newer "history-newer" [key(KeyCode::Down)] LastLine Asking "the question after, from the last line" "";
    NextCitation "next-citation" [char(']')] Cited Sources "the next citation" "";
    PreviousCitation "previous-citation" [char('[')] Cited Sources "the citation before" "citations";
    OpenFile "open-file" [char('o')] Passage Sources "open the file at its line in your editor, or a PDF in its viewer" "open the file";
    OpenFile "open-source-file" [char('o')] Sources Sources "" "open the file";
    OpenFile "open-cited-file" [char('o')] Transcript Sources "" "";
    CopyQuote "copy" [char('y')] Passage Sources "copy the quote with its source" "copy";
    CopyQuote "copy-source" [char('y')] Sources Sources "" "copy";
    CopyQuote "copy-cited" [char('y')] Transcript Sources "" "";
    PreviousTurn "previous-question" [char('{')] Transcript Reading "in the answers: the question before" "";
    NextTurn "next-question" [char('}')] Transcript Reading "in the answers: the question after" "";
    EditQuestion "edit" [char('e')] Transcript Sessions "in the answers: ask this question anew, in a conversation that branches off before it" "edit";
    Branch "branch" [char('b')] Transcript Sessions "in the answers: go on from here in a conversation of its own" "branch";
    AskAgain "ask-it-again" [char('a')] Transcript Asking "in the answers: ask this question again, under the settings of now" "";
    Compare "compare" [char('c')] Transcript Reading "in the answers: this answer beside another one to the same question" "";
    PreviousItem "previous-rival" [char('['), key(KeyCode::Left)] Comparing Reading "in a comparison: another answer beside the selected one" "another";
    NextItem "next-rival" [char(']'), key(KeyCode::Right)] Comparing Reading "" "";
    AskSuggestion "suggestion" [char('1'), char('2'), char('3')] Suggested Asking "ask a suggested question" "ask it";
    NextPane "next-pane" [key(KeyCode::Tab)] Chat Reading "move on: question, answers, sources" "sources";
    PreviousPane "previous-pane" [key(KeyCode::BackTab)] Chat Reading "move back" "";
    Inspect "inspect" [char('i')] Transcript Insight "in the answers: the model's steps, one by one (or keep those of the next answer)" "";
    ShowPrompt "prompt" [char('p')] Transcript Insight "in the answers: the last prompt by its parts" "";
    Metrics "metrics" [char('m')] Transcript Insight "in the answers: what answers cost in time, memory and energy" "";
    StepBack "step-back" [key(KeyCode::Left), char('h')] Inspecting Insight "in a step: the one before" "";
    StepForward "step-forward" [key(KeyCode::Right), char('l')] Inspecting Insight "in a step: the one after" "step";
    FirstStep "first-step" [key(KeyCode::Home), char('g')] Inspecting Insight "in a step: the first one" "";
    LastStep "last-step" [key(KeyCode::End), char('G')] Inspecting Insight "in a step: the last one" "";
    TurnKnob "turn" [char('t'), char('k'), char('p'), char('m'), char('r'), char('f')] Inspecting Insight "in a step: try a higher temperature, top-k, top-p, min-p, repetition or frequency penalty" "try settings";
    TurnKnob "turn-down" [char('T'), char('K'), char('P'), char('M'), char('R'), char('F')] Inspecting Insight "in a step: try a lower one" "";
    TurnKnob "turn-back" [char('0')] Inspecting Insight "in a step: the answer's own settings again" "";
    InputTokens "input" [char('i')] Inspecting Insight "in a step: the tokens of the prompt" "input";
    InspectNext "inspect-next" [char('n')] Inspecting Insight "in a step: keep the steps of the next answer instead" "";
    PreviousItem "previous-in-prompt" [key(KeyCode::Up), char('k')] Prompted Insight "" "";
    NextItem "next-in-prompt" [key(KeyCode::Down), char('j')] Prompted Insight "" "";
    Pin "pin" [char('p')] Prompted Insight "in a prompt: keep the selected passage in all prompts of this session" "pin";
    LeaveOut "leave-out" [char('d')] Prompted Insight "in a prompt: leave it out of all prompts of this session" "leave out";
    AskAgain "ask-again" [char('a')] Prompted Insight "in a prompt: ask its question again with that" "ask again";
    Bottom "end" [key(KeyCode::End), char('G'), Chord(KeyCode::End, CONTROL)] ScrolledUp Reading "to the end, and follow it" "to the end";
    Top "home" [key(KeyCode::Home), char('g')] Transcript Reading "to the start" "";
    Top "page-home" [key(KeyCode::Home), char('g')] Page Reading "" "";
    Top "home-anywhere" [Chord(KeyCode::Home, CONTROL)] Chat Reading "" "";
    Bottom "end-anywhere" [Chord(KeyCode::End, CONTROL)] Chat Reading "" "";
    PageUp "page-up" [key(KeyCode::PageUp)] Anywhere Reading "one screen up" "";
    PageDown "page-down" [key(KeyCode::PageDown)] Anywhere Reading "one screen down" "";
    LineUp "line-up" [key(KeyCode::Up), char('k')] Transcript Reading "one line up" "";
    LineDown "line-down" [key(KeyCode::Down), char('j')] Transcript Reading "one line down" "";
    LineUp "page-line-up" [key(KeyCode::Up), char('k')] Page Reading "" "";
    LineDown "page-line-down" [key(KeyCode::Down), char('j')] Page Reading "" "";
    LineUp "scroll-up" [Chord(KeyCode::Up, SHIFT), Chord(KeyCode::Up, ALT)] Chat Reading "one line up, also while typing" "";
    LineDown "scroll-down" [Chord(KeyCode::Down, SHIFT), Chord(KeyCode::Down, ALT)] Chat Reading "one line down, also while typing" "";
    Interrupt "interrupt" [ctrl('c')] Anywhere Program "stop the answer, then clear the question, then (twice) quit" "";
    QuitWhenEmpty "quit" [ctrl('d')] Empty Program "quit, when nothing is typed" "quit";
    NewSession "new" [ctrl('n')] Chat Program "a new conversation" "";
    Sessions "sessions" [ctrl('r')] Chat Program "earlier conversations" "";
    Library "library" [ctrl('o')] Chat Library "every file of the folder, with what was read of it, and why no more" "";
    Settings "settings" [ctrl('s')] Chat Settings "every setting with its meaning, to be changed and saved" "";
    Models "models" [ctrl('g')] Chat Models "the models here and in the catalogue, with what they take" "";
    Repaint "redraw" [ctrl('l')] Anywhere Program "draw the screen again" "";
    Suspend "suspend" [ctrl('z')] Anywhere Program "suspend; `fg` brings it back" "";
    Help "help" [char('?'), Chord(KeyCode::F(1), PLAIN)] Empty Program "this help, when nothing is typed" "help";
    Palette "commands" [ctrl('p'), key(KeyCode::F(2)), char(':')] Empty Program "all commands, found by some of their letters; `:` when nothing is typed" "";
    Palette "commands-anywhere" [ctrl('p'), key(KeyCode::F(2))] Anywhere Program "" "";
    Help "help-anywhere" [Chord(KeyCode::F(1), PLAIN)] Anywhere Program "" "help";
];

/// A word typed after `/`.
#[derive(Debug)]
pub(super) struct Slash {
    pub name: &'static str,
    pub arguments: &'static str,
    pub title: &'static str,
}

impl Slash {
    /// Is it nothing without what follows it?
    pub(super) fn needs_arguments(&self) -> bool {
        !self.arguments.is_empty() && !self.arguments.starts_with('[')
    }
}

/// Every `/` command.
pub(super) const SLASHES: &[Slash] = &[
    Slash { name: "help", arguments: "", title: "keys and commands" },
    Slash { name: "new", arguments: "", title: "a new conversation" },
    Slash { name: "sessions", arguments: "", title: "earlier conversations about this folder" },
    Slash { name: "library", arguments: "", title: "every file with what was read of it, and why no more" },
    Slash { name: "whole", arguments: "QUESTION", title: "read the whole folder for a question" },
    Slash { name: "compare", arguments: "", title: "two answers side by side" },
    Slash { name: "inspect", arguments: "", title: "the steps of the model, or keep those of the next answer" },
    Slash { name: "prompt", arguments: "", title: "the last prompt by its parts" },
    Slash { name: "metrics", arguments: "", title: "what answers cost in time, memory and energy" },
    Slash {
        name: "settings",
        arguments: "[KEY VALUE]",
        title: "every setting with its meaning; with a value: change one and save it",
    },
    Slash { name: "set", arguments: "[KEY [VALUE]]", title: "change a setting until the end, or tell what it is" },
    Slash { name: "models", arguments: "", title: "the models here and in the catalogue: take, fetch, compare" },
    Slash { name: "model", arguments: "[NAME]", title: "which model answers, or another one from now on" },
    Slash { name: "quit", arguments: "", title: "end the program" },
];
