//! Commands typed after `/`.

use super::background::Model;
use super::session::{Act, Audience, Session};
use super::speech;
use crate::chat::Conversation;
use crate::config::{Origin, SETTINGS, Setting, key_and_value};
use crate::report::Report;
use crate::tui::{Grounds, Target, one_line};

/// Every command, as it is written, and what it does.
const COMMANDS: [(&str, &str); 14] = [
    ("/help", "this list"),
    ("/quote N", "read source N of the last question, or the lines of it that are cited"),
    ("/open N", "open the file of source N at its line, in your editor or viewer"),
    ("/whole QUESTION", "read the whole folder for a question"),
    ("/anyway", "after a refusal: ask the model without the documents"),
    ("/new", "a new conversation"),
    ("/sessions", "list earlier conversations about this folder"),
    ("/sessions N", "go on with the one of that number"),
    ("/set KEY VALUE", "change a setting until the end; /set KEY tells one, /set tells all"),
    ("/settings KEY VALUE", "change a setting and save it; /settings tells where each comes from"),
    ("/reset KEY", "give a setting its default and remove it from the configuration file"),
    ("/models", "the models of this machine and of the catalogue"),
    ("/model NAME", "take another model; /model tells which one answers"),
    ("/quit", "end the program"),
];

impl Session {
    /// Runs what is typed when it is a command; `None` when it is a question. A path such as `/etc/hosts` is no command.
    pub(super) fn command(&mut self, text: &str) -> Option<Vec<Act>> {
        let rest = text.strip_prefix('/')?;
        let (name, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphabetic()) {
            return None;
        }
        let mut acts = match (name, arguments.trim()) {
            ("help", _) => vec![Act::Say(help())],
            ("quit", _) => return Some(vec![Act::Quit(self.exit_code())]),
            ("new", _) => {
                let empty = Conversation::new(&self.folder_path, self.started + self.clock);
                self.resume(empty);
                vec![Act::Say("A new conversation.".into())]
            }
            ("sessions", "") => {
                self.waiting = true;
                return Some(vec![Act::ListSessions]);
            }
            ("sessions", number) => match self.session(number) {
                Ok(act) => {
                    self.waiting = true;
                    return Some(vec![act]);
                }
                Err(act) => vec![act],
            },
            ("set", arguments) => self.set(arguments),
            ("settings", arguments) => self.save(arguments),
            ("reset", "") => vec![complain("/reset wants the name of a setting", "/set lists them all")],
            ("reset", key) => self.reset(key),
            ("models", _) => {
                self.waiting = true;
                return Some(vec![Act::ListModels(Box::new(self.settings.clone()))]);
            }
            ("model", "") => vec![Act::Say(self.describe_model())],
            ("model", name) => self.change("model", name),
            ("quote", number) => vec![self.quote(number)],
            ("open", number) => vec![self.open(number)],
            ("whole", "") => {
                vec![complain(
                    "/whole wants a question",
                    "list all ..., how many ..., compare ... and ..., summarize ...",
                )]
            }
            ("whole", question) => return Some(self.ask(question.to_owned(), Grounds::WholeFolder)),
            ("anyway", _) => match self.refused.clone() {
                Some(question) => return Some(self.ask(question, Grounds::ModelAlone)),
                None => vec![complain("the last question was not refused", "ask a question first")],
            },
            (name, _) => vec![complain(&format!("no command is called /{name}"), "/help lists them")],
        };
        acts.extend(self.prompt());
        Some(acts)
    }

    fn session(&self, number: &str) -> Result<Act, Act> {
        let chosen = number.parse::<usize>().ok().and_then(|number| self.listed.get(number.checked_sub(1)?));
        match chosen {
            Some(session) => Ok(Act::LoadSession(session.id.clone())),
            None => Err(complain(&format!("no conversation was listed as {number}"), "/sessions lists them")),
        }
    }

    fn quote(&self, number: &str) -> Act {
        let citations = self.last.as_ref().map(|answer| &answer.citations[..]).unwrap_or_default();
        match self.source(number) {
            Ok(source) => Act::Say(speech::quote(source, citations)),
            Err(act) => act,
        }
    }

    fn open(&self, number: &str) -> Act {
        if self.audience == Audience::Pipe {
            return complain("/open needs a terminal", "/quote reads the source");
        }
        let source = match self.source(number) {
            Ok(source) => source,
            Err(act) => return act,
        };
        let cited = self.last.iter().flat_map(|answer| &answer.citations);
        let line = cited.filter(|citation| citation.n == source.n).map(|citation| citation.start_line).min();
        Act::Open(Target {
            folder: self.folder_path.clone(),
            path: source.path.clone(),
            line: line.unwrap_or(source.start_line),
            page: source.page,
        })
    }

    /// The source of the last question that a person names; the first where no number is given.
    fn source(&self, number: &str) -> Result<&crate::answer::Source, Act> {
        let n = if number.is_empty() { Some(1) } else { number.parse::<u32>().ok() };
        let found = n.and_then(|n| self.sources.iter().find(|source| source.n == n));
        found.ok_or_else(|| complain(&format!("the last question has no source {number}"), "ask a question first"))
    }

    /// Changes a setting and saves it, or tells where each comes from.
    fn save(&mut self, arguments: &str) -> Vec<Act> {
        let (key, value) = key_and_value(arguments);
        let mut acts = match (key, value) {
            ("", _) => {
                let all = SETTINGS.iter().map(|setting| {
                    let (key, shown) = (setting.key, one_line(&setting.show(&self.settings)));
                    format!("{key} = {shown}, {}", self.origins.of(key).phrase())
                });
                return vec![Act::Say(all.collect::<Vec<_>>().join("\n"))];
            }
            (_, "") => return vec![complain(&format!("{key} wants a value"), "/set KEY tells what it is")],
            (key, value) => self.change(key, value),
        };
        if let Some(setting) = Setting::find(key).filter(|_| is_taken(&acts)) {
            acts.push(Act::SaveSetting(setting.key, Some(value.to_owned())));
        }
        acts
    }

    /// Gives a setting its default, and removes it from the file.
    fn reset(&mut self, key: &str) -> Vec<Act> {
        let Some(setting) = Setting::find(key) else {
            return vec![complain(&format!("no setting is called {key}"), "/set lists them all")];
        };
        let mut acts = self.change(setting.key, &setting.show(&self.settings.defaults()));
        if is_taken(&acts) {
            acts.push(Act::SaveSetting(setting.key, None));
        }
        acts
    }

    fn set(&mut self, arguments: &str) -> Vec<Act> {
        let (key, value) = key_and_value(arguments);
        if key.is_empty() {
            let all =
                SETTINGS.iter().map(|setting| format!("{} = {}", setting.key, one_line(&setting.show(&self.settings))));
            return vec![Act::Say(all.collect::<Vec<_>>().join("\n"))];
        }
        if !value.is_empty() {
            let mut acts = self.change(key, value);
            if is_taken(&acts) {
                acts.push(Act::Say(format!("It holds until the end; /settings {key} {} saves it.", one_line(value))));
            }
            return acts;
        }
        match Setting::find(key) {
            Some(setting) => {
                let shown = one_line(&setting.show(&self.settings));
                vec![Act::Say(format!("{key} = {shown}, {}. {}", self.origins.of(key).phrase(), setting.help))]
            }
            None => vec![complain(&format!("no setting is called {key}"), "/set lists them all")],
        }
    }

    fn change(&mut self, key: &str, value: &str) -> Vec<Act> {
        let mut settings = self.settings.clone();
        if let Err(error) = settings.set_from(key, value, Origin::Session, &mut self.origins) {
            return vec![Act::Complain(Report::new(&error))];
        }
        if settings.model != self.settings.model {
            self.model = Model::Loading;
        }
        self.settings = settings;
        let said = Act::Say(format!("{key} = {}", one_line(value)));
        vec![said, Act::Configure(Box::new(self.settings.clone()))]
    }

    fn describe_model(&self) -> String {
        let wanted = one_line(&self.settings.model);
        match &self.model {
            Model::Ready { name, window, backend } => {
                format!("{} answers; window of {window} tokens; {}.", one_line(name), one_line(backend))
            }
            Model::Unknown | Model::Loading => format!("{wanted} is being loaded."),
            Model::Pulling(Some(percent)) => format!("{wanted} arrives: {percent} percent."),
            Model::Pulling(None) => format!("{wanted} arrives."),
            Model::Failed(report) => format!("{wanted} is not available. {}", speech::error(report)),
        }
    }
}

/// Whether a change of a setting was taken.
fn is_taken(acts: &[Act]) -> bool {
    acts.iter().any(|act| matches!(act, Act::Configure(_)))
}

fn help() -> String {
    let lines = COMMANDS.iter().map(|(usage, title)| format!("{usage}: {title}."));
    let all: Vec<String> = lines.chain(["Ctrl-c stops an answer; twice quits.".to_owned()]).collect();
    all.join("\n")
}

fn complain(cause: &str, hint: &str) -> Act {
    Act::Complain(Report { cause: cause.into(), hint: Some(hint.into()) })
}
