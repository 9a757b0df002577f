//! An error as a person reads it: one line of cause, at most one `hint:`.
//!
//! Code below attaches a remedy where it knows one ([`Hinting::hint`]); this module finds it again in the chain, or
//! knows the remedy of a typed cause of the libraries. Every surface (command line, screen, batch line) renders errors
//! through [`Report`], so that a message reads the same everywhere.

use std::fmt;

use serde::Serialize;

/// What went wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// One line: what happened, to which path, why. Lower-case start, no final period, no debug formatting.
    pub cause: String,
    /// One line: the next thing to try.
    pub hint: Option<String>,
}

impl Report {
    /// Joins the chain of causes, outermost first, and picks the innermost hint.
    pub fn new(error: &anyhow::Error) -> Self {
        let mut parts: Vec<String> = Vec::new();
        let mut hint = None;
        for cause in error.chain() {
            if let Some(with) = cause.downcast_ref::<WithHint>() {
                hint = Some(with.hint.clone());
                continue;
            }
            if hint.is_none() {
                hint = known_hint(cause);
            }
            let text = one_line(&cause.to_string());
            // An error that prints its own source would otherwise stand there twice.
            if !parts.last().is_some_and(|previous| previous.contains(&text)) {
                parts.push(text);
            }
        }
        Self { cause: parts.join(": "), hint }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cause)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Attaches a remedy to an error.
pub trait Hinting<T> {
    /// Says what the person can do when this fails.
    fn hint(self, hint: impl Into<String>) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> Hinting<T> for Result<T, E> {
    fn hint(self, hint: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|error| anyhow::Error::new(WithHint { hint: hint.into(), source: error.into() }))
    }
}

/// A link of the chain that carries only a remedy; its text is never shown as a cause.
#[derive(Debug)]
struct WithHint {
    hint: String,
    source: anyhow::Error,
}

impl fmt::Display for WithHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl std::error::Error for WithHint {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.source.as_ref())
    }
}

/// Remedies of causes that the libraries report by type.
fn known_hint(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(error) = cause.downcast_ref::<tanya_index::Error>() {
        if error.is_disk_full() {
            return Some("free some space on that disk and run the same command again; nothing was lost".into());
        }
        if let tanya_index::Error::Locked { .. } = error {
            return Some("close the other tanya, or ask with --no-update to use what it has indexed so far".into());
        }
        if let tanya_index::Error::Corrupt { .. } = error {
            return Some("tanya purge removes the library, and the folder is indexed anew".into());
        }
        if let tanya_index::Error::StillRead { .. } = error {
            return Some("close every other tanya on this folder and run the same command again".into());
        }
        return None;
    }
    if let Some(error) = cause.downcast_ref::<tanya_engine::Error>() {
        return model_hint(error).map(str::to_owned);
    }
    let io = cause.downcast_ref::<std::io::Error>()?;
    match io.kind() {
        std::io::ErrorKind::StorageFull => {
            Some("free some space on that disk and run the same command again; nothing was lost".into())
        }
        std::io::ErrorKind::PermissionDenied => Some("check who may read and write that path (ls -ld)".into()),
        _ => None,
    }
}

fn model_hint(error: &tanya_engine::Error) -> Option<&'static str> {
    use tanya_engine::Error;
    match error {
        Error::Invalid { .. } | Error::MissingKey { .. } => Some(
            "the file is damaged or incomplete: fetch it again (tanya models pull NAME), or choose another with --model",
        ),
        Error::UnsupportedArchitecture { .. }
        | Error::UnsupportedTokenizer { .. }
        | Error::UnsupportedPreTokenizer { .. } => Some("choose another model: tanya models list"),
        Error::Memory { .. } => Some("close other programs, or choose a smaller model: tanya models list"),
        Error::PromptTooLong { .. } => Some("ask a shorter question, or use a model with a larger window"),
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Some("check the path of the file"),
        Error::Sampling { .. } => Some("tanya --help lists the settings with their ranges"),
        _ => None,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    use super::*;

    #[test]
    fn the_chain_becomes_one_line_with_its_innermost_hint() {
        let error = Err::<(), _>(anyhow!("no such\nfile"))
            .hint("create it")
            .context("cannot open notes.md")
            .hint("an outer and vaguer remedy")
            .context("cannot index /home/me")
            .unwrap_err();
        let report = Report::new(&error);
        assert_eq!(report.cause, "cannot index /home/me: cannot open notes.md: no such file");
        assert_eq!(report.hint.as_deref(), Some("create it"));
        assert_eq!(report.to_string(), format!("{}\nhint: create it", report.cause));
    }

    #[test]
    fn a_full_disk_has_a_remedy_wherever_it_happens() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = anyhow::Error::new(full).context("/data/x: cannot write");
        assert!(Report::new(&error).hint.expect("a hint").contains("free some space"));
    }
}
