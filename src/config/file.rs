//! The configuration file: read into settings, and edited one setting at a time.
//!
//! An edit keeps every comment and the order of everything else. A file that this program cannot read, or that holds what it
//! does not know, is never written: it belongs to its owner, and what it means is for them to say.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use toml_edit::{DocumentMut, Item, RawString, Value};

use super::table::{Setting, Shape};
use super::{Origin, Origins, Settings};
use crate::atomic;
use crate::report::Hinting as _;

/// Name of the table of keys in the configuration file.
const KEYS: &str = "keys";

impl Settings {
    /// The defaults, overlaid by the file at `path` where there is one, and which settings it says something about.
    pub fn load(path: &Path) -> Result<(Self, Origins)> {
        let (mut settings, mut origins) = (Self::default(), Origins::default());
        match fs::read_to_string(path) {
            Ok(text) => {
                settings.overlay(&text, &mut origins).with_context(|| path.display().to_string())?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("{}: cannot read the configuration", path.display()));
            }
        }
        Ok((settings, origins))
    }

    /// Reads `key = value` lines of TOML; every key is one of [`super::SETTINGS`], but for the table `[keys]`.
    pub(super) fn overlay(&mut self, text: &str, origins: &mut Origins) -> Result<()> {
        let table: toml::Table = text.parse().context("not valid TOML").hint("lines are written as: key = value")?;
        for (key, value) in &table {
            if key == KEYS {
                self.keys = keys(value)?;
                continue;
            }
            let written = match value {
                toml::Value::String(text) => text.clone(),
                toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => value.to_string(),
                toml::Value::Array(parts) if parts.iter().all(toml::Value::is_str) => {
                    parts.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join("|")
                }
                toml::Value::Array(_) | toml::Value::Table(_) | toml::Value::Datetime(_) => {
                    bail!("{key} wants a number, a word or a list of words")
                }
            };
            self.set_from(key, &written, Origin::File, origins)?;
        }
        Ok(())
    }
}

/// Reads `[keys]`: each command's key, or a list of them.
fn keys(table: &toml::Value) -> Result<BTreeMap<String, Vec<String>>> {
    const HINT: &str = "as in: [keys], and on lines below it: new = \"ctrl-t\" or new = [\"ctrl-t\", \"f5\"]";
    let Some(table) = table.as_table() else { return Err(anyhow!("{KEYS} wants a table")).hint(HINT) };
    let one = |value: &toml::Value| value.as_str().map(str::to_owned);
    let read = |(id, value): (&String, &toml::Value)| {
        let names = match value {
            toml::Value::Array(names) => names.iter().map(one).collect(),
            _ => one(value).map(|name| vec![name]),
        };
        let names: Option<Vec<String>> = names;
        Ok((id.clone(), names.ok_or_else(|| anyhow!("[{KEYS}]: {id} wants a key or a list of keys")).hint(HINT)?))
    };
    table.iter().map(read).collect()
}

/// Writes one setting into the file at `path`, or removes it where `value` is `None`. Makes the file where there is none.
///
/// Fails, and leaves the file as it is, where it is not valid, holds an unknown key, cannot be written, or is a link to nowhere. A
/// link to a file stays a link.
pub fn save(path: &Path, setting: &Setting, value: Option<&str>) -> Result<()> {
    let shown = path.display();
    let target = target(path)?;
    let folder = target.parent().expect("a file lies in a folder");
    fs::create_dir_all(folder)
        .with_context(|| format!("{}: cannot make the folder of the configuration", folder.display()))
        .hint("make it, or set XDG_CONFIG_HOME to a folder that you can write to")?;
    // Two programs that save at once do so one after the other; some file systems have no locks, and lose nothing else.
    let guard = File::open(folder).ok().filter(|folder| folder.lock().is_ok());
    let (text, permissions) = match fs::metadata(&target) {
        Ok(meta) => {
            ensure!(meta.is_file(), "{shown}: cannot save settings there: not a file");
            writable(&target, &meta).with_context(|| format!("{shown}: cannot save settings there"))?;
            let text = fs::read_to_string(&target)
                .with_context(|| format!("{shown}: cannot read the configuration, so that nothing is written"))?;
            (text, Some(meta.permissions()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => (String::new(), None),
        Err(error) => return Err(error).with_context(|| format!("{shown}: cannot read the configuration")),
    };
    let edited = edited(&text, setting, value).with_context(|| format!("{shown}: nothing is saved"))?;
    if edited != text {
        atomic::replace(&target, edited.as_bytes(), permissions)
            .with_context(|| format!("{shown}: cannot save settings there"))
            .hint("see whether its folder can be written to and the disk has room")?;
    }
    drop(guard);
    Ok(())
}

/// The file behind `path`: what a link leads to.
fn target(path: &Path) -> Result<PathBuf> {
    if !path.is_symlink() {
        return Ok(path.to_owned());
    }
    let leads_to = || fs::read_link(path).map(|to| to.display().to_string()).unwrap_or_default();
    path.canonicalize()
        .with_context(|| format!("{}: cannot save settings there: a link to {}", path.display(), leads_to()))
        .hint("make the file that it leads to, or remove the link")
}

/// A renamed file would take the place of one that its owner protects: that one is asked first.
fn writable(path: &Path, meta: &fs::Metadata) -> Result<()> {
    const HINT: &str = "change its permissions (chmod u+w), or edit it by hand";
    if meta.permissions().readonly() {
        return Err(anyhow!("it is read-only")).hint(HINT);
    }
    File::options().append(true).open(path).map(drop).hint(HINT)
}

/// `text` with that setting written or removed. Nothing else changes: neither a comment nor another setting.
fn edited(text: &str, setting: &Setting, value: Option<&str>) -> Result<String> {
    let (mut before, mut origins) = (Settings::default(), Origins::default());
    before.overlay(text, &mut origins)?;
    let mut document: DocumentMut = text.parse().context("not valid TOML")?;
    match value {
        Some(value) => insert(&mut document, setting, value),
        None => remove(&mut document, setting.key),
    }
    let mut edited = document.to_string();
    if text.contains("\r\n") {
        edited = edited.replace("\r\n", "\n").replace('\n', "\r\n");
    }
    let mut after = Settings::default();
    after.overlay(&edited, &mut Origins::default()).context("the edited file would not be valid")?;
    // Whatever the library made of the file: the one setting has its value, and the others have theirs.
    let default = setting.show(&before.defaults());
    before.set_from(setting.key, value.unwrap_or(&default), Origin::File, &mut origins)?;
    ensure!(before == after, "the edited file would mean something else");
    Ok(edited)
}

fn insert(document: &mut DocumentMut, setting: &Setting, value: &str) {
    let mut new = written(setting.shape, value);
    let rest = document.trailing().as_str().unwrap_or_default().to_owned();
    let is_first = document.is_empty();
    let table = document.as_table_mut();
    if let Some(old) = table.get_mut(setting.key).and_then(Item::as_value_mut) {
        *new.decor_mut() = old.decor().clone();
        let inside = comments_inside(&std::mem::replace(old, new));
        if let Some(mut key) = table.key_mut(setting.key) {
            let above = text(key.leaf_decor().prefix()) + &inside;
            key.leaf_decor_mut().set_prefix(above);
        }
        return;
    }
    table.insert(setting.key, Item::Value(new));
    // What stands in a file of comments alone stays above.
    if is_first && let Some(mut key) = table.key_mut(setting.key) {
        let rest = if rest.is_empty() || rest.ends_with('\n') { rest } else { rest + "\n" };
        key.leaf_decor_mut().set_prefix(rest);
        document.set_trailing("");
    }
}

/// A value as TOML: numbers and switches as themselves where TOML has them, everything else as a string.
fn written(shape: Shape, value: &str) -> Value {
    let as_is = match shape {
        Shape::Number | Shape::Switch => value.trim().parse::<Value>().ok(),
        Shape::OneOf(_) | Shape::Text => None,
    };
    as_is.filter(|value| value.is_integer() || value.is_float() || value.is_bool()).unwrap_or_else(|| value.into())
}

/// Removes a setting; comments above it and behind it stay where it was.
fn remove(document: &mut DocumentMut, key: &str) {
    let table = document.as_table_mut();
    let Some(next) = table.iter().map(|(name, _)| name.to_owned()).skip_while(|name| name != key).nth(1) else {
        let kept = take(document, key);
        let rest = document.trailing().as_str().unwrap_or_default().to_owned();
        document.set_trailing(kept + &rest);
        return;
    };
    let kept = take(document, key);
    let Some((mut name, item)) = document.as_table_mut().get_key_value_mut(&next) else { return };
    let decor = match item {
        Item::Table(table) => table.decor_mut(),
        _ => name.leaf_decor_mut(),
    };
    let prefix = decor.prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
    let prefix = kept + prefix;
    decor.set_prefix(prefix);
}

/// Takes a setting out, and returns the comments that stood with it.
fn take(document: &mut DocumentMut, key: &str) -> String {
    let Some((name, item)) = document.as_table_mut().remove_entry(key) else { return String::new() };
    let inside = item.as_value().map(comments_inside).unwrap_or_default();
    let above = text(name.leaf_decor().prefix()) + &inside;
    let behind = item.as_value().map(|value| text(value.decor().suffix())).unwrap_or_default();
    match behind.trim() {
        "" => above,
        comment => format!("{above}{comment}\n"),
    }
}

/// The comments between the parts of a list, each on a line of its own.
fn comments_inside(value: &Value) -> String {
    let Value::Array(parts) = value else { return String::new() };
    let around = parts.iter().flat_map(|part| [text(part.decor().prefix()), text(part.decor().suffix())]);
    let between: Vec<String> = around.chain([text(Some(parts.trailing()))]).collect();
    let lines = between.iter().flat_map(|text| text.lines()).map(str::trim).filter(|line| line.starts_with('#'));
    lines.fold(String::new(), |all, line| all + line + "\n")
}

fn text(raw: Option<&RawString>) -> String {
    raw.and_then(|raw| raw.as_str()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
