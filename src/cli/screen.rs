//! `tanya [DIR]`: the screen, or linear mode, with the background jobs behind it.

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Result, anyhow};
use tokio::sync::mpsc::{Sender, channel};

use super::library::ingest_options;
use super::{App, output};
use crate::answer::{Exchange, FinishKind, OutputFilter, Reading, Request, WhenRefused};
use crate::chat::{Conversation, SessionId};
use crate::config::{Setting, Settings};
use crate::ingest::Changes;
use crate::jobs::{JobEvent, JobId, Jobs, Setup, Wanted};
use crate::linear;
use crate::places::Folder;
use crate::report::{Hinting as _, Report};
use crate::tui::{self, AskRequest, Backend, Grounds, Traits};

/// Events that may wait for the screen: some frames' worth of text.
const EVENTS: usize = 256;

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// The screen.
    Screen,
    /// Lines of text, one after the other.
    Linear,
}

pub(super) fn run(app: App, dir: &Path, mode: Mode, suggestions: &[&str]) -> Result<ExitCode> {
    let folder = Folder::open(dir)?;
    if mode == Mode::Linear {
        return linear(app, folder, suggestions);
    }
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(anyhow!("the screen needs a terminal"))
            .hint("without one, use: tanya --linear, or tanya ask --folder DIR \"a question\" (tanya --help lists all commands)");
    }
    let (events, inbox) = channel(EVENTS);
    let setup = setup(&app, &folder, suggestions);
    // What libraries write to the standard error would tear the screen.
    let log = std::fs::OpenOptions::new().append(true).open(app.places.log_file()).ok();
    let mut backend = Background { app, folder, events, jobs: None, failed: None };
    let exit = tui::run(setup, &mut backend, inbox, log)?;
    if let Some(farewell) = exit.farewell {
        output::line(&farewell)?;
    }
    let signal = exit.signal.and_then(|signal| u8::try_from(128 + signal).ok());
    Ok(signal.map_or(ExitCode::SUCCESS, ExitCode::from))
}

fn linear(app: App, folder: Folder, suggestions: &[&str]) -> Result<ExitCode> {
    let (events, inbox) = channel(EVENTS);
    let setup = setup(&app, &folder, suggestions);
    let mut backend = Background { app, folder, events, jobs: None, failed: None };
    linear::run(setup, &mut backend, inbox)
}

fn setup(app: &App, folder: &Folder, suggestions: &[&str]) -> tui::Setup {
    tui::Setup {
        folder: folder.display(),
        folder_path: folder.path().display().to_string(),
        settings: app.settings.clone(),
        origins: app.origins.clone(),
        config_file: app.places.config_file().display().to_string(),
        keymap: app.keymap.clone(),
        traits: Traits::from_vars(|name| std::env::var(name).ok()),
        resume: None,
        suggestions: suggestions.iter().map(|question| (*question).to_owned()).collect(),
        started: SystemTime::now(),
    }
}

/// The jobs as the screen calls them.
struct Background {
    app: App,
    folder: Folder,
    events: Sender<JobEvent>,
    jobs: Option<Jobs>,
    /// Why there are none.
    failed: Option<Report>,
}

impl Backend for Background {
    fn start(&mut self, settings: &Settings) {
        let setup = Setup {
            folder: self.folder.clone(),
            places: self.app.places.clone(),
            supply: self.app.supply.clone(),
            models: wanted(settings),
            ingest: ingest_options(settings),
            library: tanya_index::Options { vectors: settings.vectors },
            watch: settings.watch,
        };
        match Jobs::start(setup, &self.events) {
            Ok(jobs) => self.jobs = Some(jobs),
            Err(error) => {
                let report = Report::new(&error);
                self.failed = Some(report.clone());
                // The screen reads its inbox only after this returns, but the inbox is not full yet.
                let _ = self.events.try_send(JobEvent::Failed(report));
            }
        }
    }

    fn ask(&mut self, job: JobId, request: AskRequest) {
        // What was refused or stopped is no answer that a model should go on from.
        let history = request
            .history
            .into_iter()
            .map(|turn| {
                let no_answer = turn.answer.abstained || turn.answer.finish == FinishKind::Cancelled;
                Exchange::new(turn.question, if no_answer { "" } else { &turn.answer.answer })
            })
            .collect();
        let when_refused = match request.grounds {
            Grounds::Documents | Grounds::WholeFolder => WhenRefused::Say,
            Grounds::ModelAlone => WhenRefused::AskModel,
        };
        let reading = match request.grounds {
            Grounds::Documents => Reading::AsAsked,
            Grounds::WholeFolder => Reading::Everything,
            Grounds::ModelAlone => Reading::BestPassages,
        };
        let request = OutputFilter::load(&request.settings).map(|filter| Request {
            reading,
            held: request.held,
            inspect: request.inspect,
            ..Request::new(&request.question, history, &request.settings, &Arc::new(filter), when_refused)
        });
        let asked = match &mut self.jobs {
            Some(jobs) => request.and_then(|request| jobs.ask(job, request)).map_err(|error| Report::new(&error)),
            None => {
                Err(self.failed.clone().unwrap_or_else(|| Report::new(&anyhow!("background work has not started"))))
            }
        };
        if let Err(report) = asked {
            // The screen empties this channel between any two keys.
            let _ = self.events.try_send(JobEvent::AnswerFailed(job, report));
        }
    }

    fn cancel(&mut self, job: JobId) {
        if let Some(jobs) = &mut self.jobs {
            jobs.cancel(job);
        }
    }

    fn configure(&mut self, settings: &Settings) {
        if let Some(jobs) = &self.jobs {
            jobs.want(wanted(settings));
        }
    }

    fn save_setting(&mut self, setting: &'static Setting, value: Option<String>) {
        let waits = match &self.jobs {
            Some(jobs) => jobs.save_setting(setting, value.clone()),
            None => Err(anyhow!("background work has not started")),
        };
        if let Err(error) = waits {
            let outcome = Err(Report::new(&error));
            // The screen empties this channel between any two keys.
            let _ = self.events.try_send(JobEvent::SettingSaved { key: setting.key, value, outcome });
        }
    }

    fn list_models(&mut self, settings: &Settings) {
        if let Some(jobs) = &self.jobs {
            jobs.list_models(wanted(settings));
        }
    }

    fn pull_model(&mut self, name: &str, accepted: bool) {
        if let Some(jobs) = &mut self.jobs {
            jobs.pull_model(name.to_owned(), accepted);
        }
    }

    fn cancel_pull(&mut self, name: &str) {
        if let Some(jobs) = &mut self.jobs {
            jobs.cancel_pull(name);
        }
    }

    fn save_turn(&mut self, conversation: &Conversation) {
        if let Some(jobs) = &self.jobs {
            jobs.save(conversation.clone());
        }
    }

    fn list_library(&mut self) {
        if let Some(jobs) = &self.jobs {
            jobs.list_library();
        }
    }

    fn read_again(&mut self, path: Option<&str>) {
        if let Some(jobs) = &self.jobs {
            jobs.read_again(path.map_or(Changes::Everything, Changes::at));
        }
    }

    fn find_names(&mut self, word: &str) {
        if let Some(jobs) = &self.jobs {
            jobs.find_names(word.to_owned());
        }
    }

    fn preview(&mut self, question: &str) {
        if let Some(jobs) = &self.jobs {
            jobs.preview(question.to_owned());
        }
    }

    fn list_sessions(&mut self) {
        if let Some(jobs) = &self.jobs {
            jobs.list_sessions();
        }
    }

    fn load_session(&mut self, id: SessionId) {
        if let Some(jobs) = &self.jobs {
            jobs.load_session(id);
        }
    }

    fn search_sessions(&mut self, text: &str) {
        if let Some(jobs) = &self.jobs {
            jobs.search_sessions(self.folder.path().display().to_string(), text.to_owned());
        }
    }

    fn rename_session(&mut self, id: SessionId, name: &str) {
        if let Some(jobs) = &self.jobs {
            jobs.rename_session(id, name.to_owned());
        }
    }

    fn remove_session(&mut self, id: SessionId) {
        if let Some(jobs) = &self.jobs {
            jobs.remove_session(id);
        }
    }

    fn export_session(&mut self, id: SessionId) {
        // A directory that is gone is said when the file is created in it.
        let dir = std::env::current_dir().unwrap_or_default();
        if let Some(jobs) = &self.jobs {
            jobs.export_session(id, dir);
        }
    }
}

fn wanted(settings: &Settings) -> Wanted {
    Wanted { model: settings.model.clone(), embedder: settings.embedder.clone(), reader: settings.reader }
}
