//! Where things live: models, libraries, sessions, configuration, log.
//!
//! Everything lies under the user's own XDG directories, never inside a folder of documents: a folder is untrusted
//! input, and what it contains must not be able to plant an index or a configuration.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use etcetera::BaseStrategy as _;

use crate::report::Hinting as _;

/// The program's directories.
#[derive(Debug, Clone)]
pub struct Places {
    data: PathBuf,
    config: PathBuf,
    state: PathBuf,
}

impl Places {
    /// `$XDG_DATA_HOME/tanya`, `$XDG_CONFIG_HOME/tanya` and `$XDG_STATE_HOME/tanya`, with the usual defaults.
    pub fn of_user() -> Result<Self> {
        let base = etcetera::choose_base_strategy()
            .context("cannot find the home directory")
            .hint("set HOME to a directory that you can write to")?;
        Ok(Self {
            data: base.data_dir().join("tanya"),
            config: base.config_dir().join("tanya"),
            state: base.state_dir().unwrap_or_else(|| base.data_dir()).join("tanya"),
        })
    }

    /// All three under one directory, for tests.
    pub fn under(root: &Path) -> Self {
        Self { data: root.join("data"), config: root.join("config"), state: root.join("state") }
    }

    /// The root of libraries, models and sessions.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// One folder a model.
    pub fn models(&self) -> PathBuf {
        self.data.join("models")
    }

    /// One file a conversation.
    pub fn sessions(&self) -> PathBuf {
        self.data.join("sessions")
    }

    /// The documents of the demo.
    pub fn demo(&self) -> PathBuf {
        self.data.join("demo")
    }

    /// What models have read, where it is kept: it holds text of documents as token ids.
    pub fn contexts(&self) -> PathBuf {
        self.data.join("contexts")
    }

    /// The configuration file; it need not exist.
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// Prompt templates that replace the built-in ones, by the same file names.
    pub fn prompts(&self) -> PathBuf {
        self.config.join("prompts")
    }

    /// The log file.
    pub fn log_file(&self) -> PathBuf {
        self.state.join("tanya.log")
    }

    /// The library of one folder: a readable name, made unique by a hash of the whole path.
    pub fn library(&self, folder: &Folder) -> PathBuf {
        let path = folder.path().as_os_str().as_encoded_bytes();
        let hash = blake3::hash(path).to_hex();
        let name: String = folder
            .path()
            .file_name()
            .map(|name| name.to_string_lossy())
            .unwrap_or_default()
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { '-' })
            .take(40)
            .collect();
        self.data.join("libraries").join(format!("{name}-{}", &hash[..16]))
    }
}

/// An existing folder of documents, by its canonical path, so that two spellings share one library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder(PathBuf);

impl Folder {
    /// Fails when the path does not exist, is not a folder, or cannot be listed.
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        let canonical = path
            .canonicalize()
            .with_context(|| format!("{shown}: cannot open the folder"))
            .hint("give the path of an existing folder, for example: tanya ~/notes")?;
        if !canonical.is_dir() {
            return Err(anyhow::anyhow!("{shown}: not a folder"))
                .hint("give the folder that holds the file; one file alone cannot be a library");
        }
        if let Err(error) = std::fs::read_dir(&canonical) {
            bail!(anyhow::Error::new(error).context(format!("{shown}: cannot list the folder")));
        }
        Ok(Self(canonical))
    }

    /// A folder that is not there any more, by the path that it had, so that what is remembered of it can be removed. `None` when
    /// something is there.
    pub fn gone(path: &Path) -> Option<Self> {
        let absolute = std::path::absolute(path).ok()?;
        if absolute.symlink_metadata().is_ok() {
            return None;
        }
        let above = |above: &Path| Some((above.canonicalize().ok()?, absolute.strip_prefix(above).ok()?.to_path_buf()));
        let (above, below) = absolute.ancestors().find_map(above)?;
        Some(Self(above.join(below)))
    }

    /// The canonical path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path as a person writes it: the home directory as `~`.
    pub fn display(&self) -> String {
        let home = etcetera::home_dir().ok();
        match home.as_deref().and_then(|home| self.0.strip_prefix(home).ok()) {
            Some(rest) if rest.as_os_str().is_empty() => "~".into(),
            Some(rest) => format!("~/{}", rest.display()),
            None => self.0.display().to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_of_a_folder_share_a_library_and_two_folders_of_one_name_do_not() {
        let root = tempfile::tempdir().unwrap();
        let places = Places::under(root.path());
        for dir in ["a/notes", "b/notes"] {
            std::fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        let open = |path: &str| Folder::open(&root.path().join(path)).unwrap();
        assert_eq!(places.library(&open("a/notes")), places.library(&open("b/../a/./notes")));
        assert_ne!(places.library(&open("a/notes")), places.library(&open("b/notes")));
    }

    #[test]
    fn a_folder_that_is_gone_has_the_library_that_it_had() {
        let root = tempfile::tempdir().unwrap();
        let places = Places::under(root.path());
        let path = root.path().join("a/notes");
        std::fs::create_dir_all(&path).unwrap();
        let there = places.library(&Folder::open(&path).unwrap());
        assert_eq!(Folder::gone(&path), None);
        std::fs::remove_dir_all(root.path().join("a")).unwrap();
        assert_eq!(places.library(&Folder::gone(&path).unwrap()), there);
    }

    #[test]
    fn a_missing_folder_and_a_file_are_told_apart() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("file.md"), "x").unwrap();
        let missing = format!("{:#}", Folder::open(&root.path().join("nowhere")).unwrap_err());
        let file = format!("{:#}", Folder::open(&root.path().join("file.md")).unwrap_err());
        assert!(missing.contains("cannot open the folder"), "{missing}");
        assert!(file.contains("not a folder"), "{file}");
    }
}
