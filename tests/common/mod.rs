//! A home of its own for each test: the real binary with its data in a temporary directory, and the machine's models.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a test helper: each program uses its own part"
)]

pub mod published;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A temporary home. The models that `./test` fetched are linked into it, so that no test downloads them again.
pub struct Home {
    root: tempfile::TempDir,
}

impl Home {
    /// A home with the machine's models.
    pub fn new() -> Self {
        let home = Self::without_models();
        std::fs::create_dir_all(home.data()).unwrap();
        std::os::unix::fs::symlink(models(), home.data().join("models")).unwrap();
        home
    }

    /// A home where no model was ever fetched.
    pub fn without_models() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("docs")).unwrap();
        Self { root }
    }

    /// The folder of documents.
    pub fn docs(&self) -> PathBuf {
        self.root.path().join("docs")
    }

    /// The root of everything.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The program's data directory.
    pub fn data(&self) -> PathBuf {
        self.root.path().join("data/tanya")
    }

    /// Writes a document.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.docs().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// Variables that keep the program inside this home.
    pub fn env(&self) -> Vec<(String, PathBuf)> {
        let root = self.root.path();
        [
            ("HOME", ""),
            ("XDG_DATA_HOME", "data"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_CACHE_HOME", "cache"),
        ]
        .map(|(name, dir)| (name.to_owned(), root.join(dir)))
        .into()
    }

    /// The binary, ready to run in the folder of documents. Nothing may use the network.
    pub fn tanya(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tanya"));
        command.args(arguments).arg("--offline").envs(self.env()).current_dir(self.docs());
        command
    }

    /// Runs the binary to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::new(self.tanya(arguments).output().unwrap())
    }
}

/// The machine's models.
pub fn models() -> PathBuf {
    let models = user_data().join("tanya/models");
    assert!(
        models.join("smollm2-135m-instruct").is_dir(),
        "{}: the default models are not there; ./test fetches them (tanya models pull)",
        models.display()
    );
    models
}

/// The machine's own data directory, where `./test` put the models.
fn user_data() -> PathBuf {
    match std::env::var_os("XDG_DATA_HOME") {
        Some(data) => data.into(),
        None => PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".local/share"),
    }
}

/// What a run of the binary printed, and how it ended.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn new(output: Output) -> Self {
        let ran = Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("the output is UTF-8"),
            err: String::from_utf8(output.stderr).expect("the errors are UTF-8"),
        };
        assert!(!ran.err.contains("panicked"), "a panic:\n{}", ran.err);
        ran
    }

    /// The output as JSON, one value a line.
    pub fn json(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}\n{}", self.err)))
            .collect()
    }

    /// Asserts success and returns itself.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Asserts an error of one line of cause that holds all of `parts`, and one hint.
    #[track_caller]
    pub fn fails_with(self, parts: &[&str]) -> Self {
        assert_eq!(self.code, Some(1), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        let cause = self
            .err
            .lines()
            .rfind(|line| line.starts_with("tanya: "))
            .unwrap_or_else(|| panic!("no cause in:\n{}", self.err));
        for part in parts {
            assert!(cause.contains(part), "{part:?} is not in: {cause}");
        }
        assert!(self.err.lines().any(|line| line.starts_with("hint: ")), "no hint in:\n{}", self.err);
        self
    }
}
