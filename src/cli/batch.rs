//! A file of requests, one JSON object a line: one line out for each, in order, and a bad line does not end the rest.

use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::output;
use crate::report::{Hinting as _, Report};

/// An open batch. It is opened before anything else is done, so that a wrong name is not noticed after minutes.
pub(super) struct Batch {
    name: String,
    reader: Box<dyn BufRead>,
}

/// A line that failed.
#[derive(Serialize)]
struct Failed {
    id: Value,
    error: String,
}

impl Batch {
    /// Opens a file; `-` is standard input.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        if name == "-" {
            return Ok(Self { name, reader: Box::new(BufReader::new(std::io::stdin())) });
        }
        let file = std::fs::File::open(path)
            .with_context(|| format!("{name}: cannot open the batch"))
            .hint("give a file with one JSON object a line, or - for standard input")?;
        Ok(Self { name, reader: Box::new(BufReader::new(file)) })
    }

    /// Hands each line with its id to `answer` and prints what it returns; its error becomes that line's `error`.
    ///
    /// Fails only when the batch cannot be read on or the output cannot be written.
    pub(super) fn run<L: DeserializeOwned, T: Serialize>(
        self,
        mut answer: impl FnMut(&Value, L) -> Result<T>,
    ) -> Result<()> {
        for line in self.reader.split(b'\n') {
            let line = line.with_context(|| format!("{}: cannot read the batch", self.name))?;
            if line.trim_ascii().is_empty() {
                continue;
            }
            let value = serde_json::from_slice::<Value>(&line);
            let id = value.as_ref().ok().and_then(|value| value.get("id").cloned()).unwrap_or_default();
            let request = value.and_then(serde_json::from_value::<L>);
            let answered = request.context("not a valid line").and_then(|request| answer(&id, request));
            match answered {
                Ok(answer) => output::json(&answer)?,
                Err(error) => output::json(&Failed { id, error: Report::new(&error).cause })?,
            }
        }
        Ok(())
    }
}
