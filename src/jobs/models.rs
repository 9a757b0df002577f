//! The models as a person chooses among them: what is here, what the catalogue knows, what each takes, and pulls.
//!
//! Two threads: a list does not wait for a pull.

use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;

use anyhow::{Result, anyhow};
use tanya_engine::{Cancel, Facts};
use tokio::sync::mpsc::Sender;

use super::event::JobEvent;
use super::load::Supply;
use super::loader::Wanted;
use crate::chat::SessionStore;
use crate::models::{Cancelled, Catalogue, Installed, Kind, LicenseNotAccepted, PullEvent};
use crate::report::{Hinting as _, Report};

/// Conversations whose answers tell how fast models were.
const RECENT: usize = 40;
/// A shorter answer tells more about the clock than about the model.
const LEAST_TOKENS: usize = 16;

/// One model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelEntry {
    /// The catalogue's name, or a path.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// One line.
    pub description: String,
    /// The license's name and where it can be read; `None` where nobody said.
    pub license: Option<(String, String)>,
    /// All its files are on this machine.
    pub is_here: bool,
    /// Its bytes on disk, or those to fetch.
    pub bytes: u64,
    /// Why the engine cannot run it.
    pub not_runnable: Option<String>,
    /// What the file of a language model says that it takes; `None` while it is not here, and for others.
    pub facts: Option<Facts>,
    /// How fast it wrote on this machine.
    pub speed: Option<Speed>,
}

/// How fast a model wrote the answers that are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed {
    /// The median of them.
    pub tokens_per_second: f64,
    /// How many answers.
    pub answers: usize,
}

/// A step of a pull. `Done`, `Cancelled`, `License` and `Failed` end it.
#[derive(Debug, Clone, PartialEq)]
pub enum PullStep {
    /// Bytes arrived.
    Progress {
        /// Bytes here.
        done: u64,
        /// Bytes altogether, once known.
        total: Option<u64>,
        /// Smoothed.
        bytes_per_second: f64,
        /// At that speed.
        seconds_left: Option<u64>,
    },
    /// One line worth reading.
    Note(String),
    /// The model is complete.
    Done,
    /// A person stopped it; what had arrived is kept.
    Cancelled,
    /// A person has to accept its license first.
    License {
        /// Its name.
        license: String,
        /// Where it can be read.
        url: String,
    },
    /// It cannot be had.
    Failed(Report),
}

/// A model to be pulled.
pub(super) struct PullWork {
    pub(super) name: String,
    pub(super) accepted: bool,
    pub(super) cancel: Cancel,
}

/// Lists models until every sender of `inbox` is gone. Of lists that wait only the last is made.
pub(super) fn list(supply: &Supply, store: &SessionStore, inbox: &Receiver<Wanted>, events: &Sender<JobEvent>) {
    while let Ok(first) = inbox.recv() {
        let wanted = inbox.try_iter().last().unwrap_or(first);
        let listed = entries(supply, store, &wanted).map_err(|error| Report::new(&error));
        if events.blocking_send(JobEvent::ModelsListed(listed)).is_err() {
            return;
        }
    }
}

/// Pulls models, one after the other, until every sender of `inbox` is gone.
pub(super) fn pull(supply: &Supply, inbox: &Receiver<PullWork>, events: &Sender<JobEvent>) {
    while let Ok(work) = inbox.recv() {
        // A screen that is gone ends the work.
        let tell = |step: PullStep| {
            if events.blocking_send(JobEvent::Pull(work.name.clone(), step)).is_err() {
                work.cancel.cancel();
            }
        };
        let outcome = if work.cancel.is_cancelled() { Err(Cancelled.into()) } else { pull_one(supply, &work, &tell) };
        tell(match outcome {
            Ok(()) => PullStep::Done,
            Err(error) if Cancelled::is(&error) => PullStep::Cancelled,
            Err(error) => match LicenseNotAccepted::of(&error) {
                Some(LicenseNotAccepted { license, url, .. }) => {
                    PullStep::License { license: license.clone(), url: url.clone() }
                }
                None => PullStep::Failed(Report::new(&error)),
            },
        });
    }
}

fn pull_one(supply: &Supply, work: &PullWork, tell: &dyn Fn(PullStep)) -> Result<()> {
    let catalogue = Catalogue::builtin();
    let entry = catalogue
        .get(&work.name)
        .ok_or_else(|| anyhow!("{}: not in the catalogue", work.name))
        .hint("a model of another place is taken by its path: /model PATH")?;
    supply.fetch(entry, work.accepted, &work.cancel, &mut |event| match event {
        PullEvent::Progress { done, total, bytes_per_second, seconds_left, .. } => {
            tell(PullStep::Progress { done, total, bytes_per_second, seconds_left });
        }
        other => {
            if let Some(line) = note(&work.name, &other) {
                tell(PullStep::Note(line));
            }
        }
    })?;
    Ok(())
}

/// What of a pull is worth a line besides its progress.
pub(super) fn note(name: &str, event: &PullEvent) -> Option<String> {
    Some(match event {
        PullEvent::SourceFailed { source, why } => {
            tracing::warn!("{source}: {why}");
            format!("{name}: not from {source}")
        }
        PullEvent::Waiting { holder } => {
            let who = holder.map(|pid| format!(" (process {pid})")).unwrap_or_default();
            format!("another tanya{who} is fetching {name}; waiting for it")
        }
        PullEvent::Retrying { why, after } => format!("{name}: {why}; again in {} s", after.as_secs()),
        PullEvent::Pinned { file, sha256 } => {
            format!("{file}: no hash was known; pinned from now on: sha256 {sha256}")
        }
        PullEvent::LicenseNotice { .. }
        | PullEvent::Progress { .. }
        | PullEvent::Trying { .. }
        | PullEvent::Verifying { .. }
        | PullEvent::Done { .. } => return None,
    })
}

/// The catalogue, what is here and not in it, and what is used from elsewhere.
fn entries(supply: &Supply, store: &SessionStore, wanted: &Wanted) -> Result<Vec<ModelEntry>> {
    let catalogue = Catalogue::builtin();
    let installed = supply.store.installed()?;
    let mut speeds = speeds(store)?;
    let mut speed = |name: &str| speeds.remove(name);
    let facts = |kind: Kind, path: &std::path::Path| match kind {
        Kind::Generator => Facts::read(path, &supply.options).inspect_err(|error| tracing::warn!("{error}")).ok(),
        Kind::Embedder => None,
    };
    let known = catalogue.iter().map(|entry| {
        let here = supply.store.current(entry);
        let bytes = installed.iter().find(|one| here.is_some() && one.name == entry.name).map(|one| one.bytes);
        ModelEntry {
            name: entry.name.clone(),
            kind: entry.kind,
            description: entry.description.clone(),
            license: Some((entry.license.clone(), entry.license_url.clone())),
            is_here: here.is_some(),
            bytes: bytes.unwrap_or(entry.about_bytes),
            not_runnable: entry.not_runnable.clone(),
            facts: here.as_deref().and_then(|path| facts(entry.kind, path)),
            speed: speed(&entry.name),
        }
    });
    let mut all: Vec<ModelEntry> = known.collect();
    let other = |name: &str, kind, description: &str, path: &std::path::Path, bytes, speed| ModelEntry {
        name: name.to_owned(),
        kind,
        description: description.to_owned(),
        license: None,
        is_here: true,
        bytes,
        not_runnable: None,
        facts: facts(kind, path),
        speed,
    };
    for Installed { name, kind, path, bytes, .. } in &installed {
        if catalogue.get(name).is_none() {
            all.push(other(name, *kind, "of an older catalogue", path, *bytes, speed(name)));
        }
    }
    for (name, kind) in [(&wanted.model, Kind::Generator), (&wanted.embedder, Kind::Embedder)] {
        let elsewhere = !all.iter().any(|entry| entry.name == *name);
        if let Some(found) = supply.find(name).ok().flatten().filter(|_| elsewhere) {
            let bytes = std::fs::metadata(&found.path).map_or(0, |meta| if meta.is_file() { meta.len() } else { 0 });
            all.push(other(name, kind, "a file of yours", &found.path, bytes, speed(&found.name)));
        }
    }
    Ok(all)
}

/// How fast each model wrote, by the answers of the conversations that were begun last.
fn speeds(store: &SessionStore) -> Result<BTreeMap<String, Speed>> {
    let mut rates: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for turn in store.newest(RECENT)?.into_iter().flat_map(|conversation| conversation.turns) {
        let rate = turn.answer.tokens_per_second().filter(|_| turn.answer.generated_tokens >= LEAST_TOKENS);
        if let Some(rate) = rate {
            rates.entry(turn.answer.model).or_default().push(rate);
        }
    }
    let median = |mut rates: Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        Speed { tokens_per_second: rates[rates.len() / 2], answers: rates.len() }
    };
    Ok(rates.into_iter().map(|(name, rates)| (name, median(rates))).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc::sync_channel;
    use std::time::SystemTime;

    use super::*;
    use crate::answer::Answer;
    use crate::chat::{Conversation, Turn};
    use crate::models::{ModelStore, Network, PullPolicy};

    fn supply(root: &Path) -> Supply {
        let policy = PullPolicy { offline: true, accept_license: false, network: Network::from_env() };
        Supply { store: ModelStore::at(root.join("models")), policy, options: tanya_engine::Options::default() }
    }

    fn bound() -> String {
        let catalogue = Catalogue::builtin();
        let entry = catalogue.iter().find(|entry| !entry.license_open && entry.runnable());
        entry.expect("a model has a license with conditions").name.clone()
    }

    #[test]
    fn each_pull_ends_once_with_how_it_went() {
        let root = tempfile::tempdir().unwrap();
        let (work, inbox) = sync_channel(8);
        let (events, mut told) = tokio::sync::mpsc::channel(64);
        let stopped = Cancel::default();
        stopped.cancel();
        for (name, cancel) in [
            ("qwen3-0.6b".to_owned(), stopped),
            ("nobody".into(), Cancel::default()),
            ("qwen3-0.6b".into(), Cancel::default()),
        ] {
            work.send(PullWork { name, accepted: false, cancel }).unwrap();
        }
        drop(work);
        pull(&supply(root.path()), &inbox, &events);
        // A license is asked about before any connection is opened.
        let (work, inbox) = sync_channel(1);
        work.send(PullWork { name: bound(), accepted: false, cancel: Cancel::default() }).unwrap();
        drop(work);
        let online = supply(root.path());
        pull(&Supply { policy: PullPolicy { offline: false, ..online.policy.clone() }, ..online }, &inbox, &events);
        drop(events);
        let mut ends = Vec::new();
        while let Ok(JobEvent::Pull(name, step)) = told.try_recv() {
            if !matches!(step, PullStep::Progress { .. } | PullStep::Note(_)) {
                ends.push((name, step));
            }
        }
        assert_eq!(ends.len(), 4, "{ends:?}");
        assert_eq!(ends[0], ("qwen3-0.6b".into(), PullStep::Cancelled));
        assert!(matches!(&ends[1].1, PullStep::Failed(report) if report.hint.is_some()), "{ends:?}");
        assert!(matches!(&ends[2].1, PullStep::Failed(_)), "offline: {ends:?}");
        assert!(matches!(&ends[3].1, PullStep::License { url, .. } if url.starts_with("https://")), "{ends:?}");
    }

    #[test]
    fn the_list_holds_the_catalogue_what_is_used_from_elsewhere_and_how_fast_it_was() {
        let root = tempfile::tempdir().unwrap();
        let own = root.path().join("own.gguf");
        std::fs::write(&own, "no model").unwrap();
        let store = SessionStore::at(root.path().join("sessions"));
        let mut conversation = Conversation::new("/notes", SystemTime::UNIX_EPOCH);
        for (tokens, ms) in [(101, 1000.0), (101, 500.0), (101, 250.0), (2, 0.1)] {
            let mut answer = Answer::stopped("Yes.".into(), Vec::new(), "own", 1.0);
            (answer.generated_tokens, answer.ms_decode) = (tokens, ms);
            conversation.push(Turn::new("why?".into(), answer, 0));
        }
        store.append(&conversation).unwrap();
        let wanted = Wanted { model: own.to_str().unwrap().into(), embedder: "all-minilm-l6-v2".into(), reader: false };
        let listed = entries(&supply(root.path()), &store, &wanted).unwrap();
        assert_eq!(listed.len(), Catalogue::builtin().iter().count() + 1);
        assert!(listed[..listed.len() - 1].iter().all(|entry| !entry.is_here && entry.facts.is_none()));
        let last = listed.last().unwrap();
        assert_eq!((last.bytes, last.is_here, &last.license, last.facts), (8, true, &None, None));
        let speed = last.speed.expect("it wrote answers here");
        assert_eq!((speed.answers, speed.tokens_per_second.round() as u64), (3, 200), "the middle, short ones apart");
    }
}
