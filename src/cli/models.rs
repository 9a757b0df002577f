//! `tanya models`: list, fetch, quantize, remove, locate.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use clap::Subcommand;
use serde::Serialize;
use tanya_engine::Cancel;

use super::progress::Progress;
use super::{App, output, quantize};
use crate::jobs::Supply;
use crate::models::{Catalogue, Entry, Kind, LicenseNotAccepted};
use crate::report::Hinting as _;

/// Arguments of `tanya models`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List what is here and what can be fetched
    List,
    /// Fetch models now, those that a first start fetches when none is named
    Pull {
        /// Names from `tanya models list`
        names: Vec<String>,
    },
    /// Write a model in smaller numbers, and tell what that costs
    Quantize(quantize::Args),
    /// Delete a model from this machine
    Rm {
        /// A name from `tanya models list`
        name: String,
    },
    /// Print where models lie, or one model
    Path {
        /// A name from `tanya models list`
        name: Option<String>,
    },
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    kind: Kind,
    installed: bool,
    bytes: u64,
    license: &'a str,
    default: bool,
    not_runnable: Option<&'a str>,
    description: &'a str,
    path: Option<PathBuf>,
}

pub(super) fn run(app: &App, args: &Args) -> Result<ExitCode> {
    match args.action.as_ref().unwrap_or(&Action::List) {
        Action::List => list(&app.supply, args.json)?,
        Action::Pull { names } => pull(&app.supply, names, args.json)?,
        Action::Quantize(quantization) => quantize::run(app, quantization, args.json)?,
        Action::Rm { name } => {
            let bytes = app.supply.store.remove(name)?;
            if args.json {
                output::json(&serde_json::json!({ "name": name, "bytes": bytes }))?;
            } else {
                output::line(&format!("removed {name}, {} MB", bytes / 1_000_000))?;
            }
        }
        Action::Path { name: None } => print_path(None, app.supply.store.dir(), args.json)?,
        Action::Path { name: Some(name) } => {
            let path = app
                .supply
                .store
                .path_of(name)
                .ok_or_else(|| anyhow!("{name}: not on this machine"))
                .hint(format!("tanya models pull {name}"))?;
            print_path(Some(name), &path, args.json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_path(name: Option<&str>, path: &Path, json: bool) -> Result<()> {
    if json {
        return output::json(&serde_json::json!({ "name": name, "path": path.display().to_string() }));
    }
    output::line(&path.display().to_string())
}

fn list(supply: &Supply, json: bool) -> Result<()> {
    let catalogue = Catalogue::builtin();
    let installed = supply.store.installed()?;
    let listed: Vec<Listed<'_>> = catalogue
        .iter()
        .map(|entry| {
            let here = installed.iter().find(|installed| installed.name == entry.name);
            Listed {
                name: &entry.name,
                kind: entry.kind,
                installed: here.is_some(),
                bytes: here.map_or(entry.about_bytes, |here| here.bytes),
                license: &entry.license,
                default: entry.default,
                not_runnable: entry.not_runnable.as_deref(),
                description: &entry.description,
                path: here.map(|here| here.path.clone()),
            }
        })
        .collect();
    if json {
        return output::json(&listed);
    }
    let wide = listed.iter().map(|model| model.name.len()).max().unwrap_or_default();
    for model in &listed {
        let mark = if model.installed { "✓" } else { " " };
        let size = format!("{} MB", model.bytes / 1_000_000);
        output::line(&format!("{mark} {:wide$}  {size:>8}  {}", model.name, model.description))?;
        let mut remarks = vec![model.license.to_owned()];
        if model.default {
            remarks.push("fetched at the first start".into());
        }
        remarks.extend(model.not_runnable.map(|why| format!("not runnable: {why}")));
        output::line(&format!("  {:wide$}            {}", "", remarks.join(" · ")))?;
    }
    output::line("\nAny other GGUF file: tanya --model /path/to/model.gguf")
}

fn pull(supply: &Supply, names: &[String], json: bool) -> Result<()> {
    let catalogue = Catalogue::builtin();
    let defaults = [Kind::Generator, Kind::Embedder].map(|kind| catalogue.default_of(kind).name.clone());
    let names = if names.is_empty() { &defaults[..] } else { names };
    for name in names {
        let entry = catalogue
            .get(name)
            .ok_or_else(|| anyhow!("{name}: no model of that name"))
            .hint("tanya models list shows the names")?;
        let path = pull_one(supply, entry)?;
        print_path(Some(name), &path, json)?;
    }
    Ok(())
}

/// Pulls one model; a license that is not open is shown and confirmed first.
fn pull_one(supply: &Supply, entry: &Entry) -> Result<PathBuf> {
    let mut progress = Progress::new();
    let mut attempt =
        |accepted| supply.fetch(entry, accepted, &Cancel::default(), &mut |event| progress.pull(&entry.name, event));
    match attempt(false) {
        Err(error) if LicenseNotAccepted::of(&error).is_some() && io::stdin().is_terminal() => {
            output::note(&format!("{error:#}\nUse {} under these conditions? [y/N]", entry.name));
            let mut reply = String::new();
            io::stdin().lock().read_line(&mut reply).context("cannot read the reply")?;
            if !matches!(reply.trim(), "y" | "Y" | "yes") {
                return Err(error);
            }
            attempt(true)
        }
        result => result,
    }
}
