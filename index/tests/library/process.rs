//! Children of the crash tests: this test binary, run again as a process of its own, with the shim of `shim.c` or without.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

/// A child takes a second or two; one that takes this long hangs.
const DEADLINE: Duration = Duration::from_mins(2);

/// A child under way.
pub(crate) struct Process {
    child: Child,
    output: Receiver<Vec<u8>>,
    errors: PathBuf,
}

/// What a child left.
pub(crate) struct Ran {
    pub(crate) success: bool,
    pub(crate) said: String,
    pub(crate) errors: String,
}

impl Process {
    /// Runs the ignored test `name`. Its standard error goes to a file beside others of its kind, named by `id`.
    pub(crate) fn start<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        name: &str,
        environment: impl IntoIterator<Item = (K, V)>,
        outputs: &Path,
        id: usize,
    ) -> Self {
        let errors = outputs.join(format!("errors-{id}"));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"])
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors).unwrap())
            .spawn()
            .unwrap();
        let mut pipe = child.stdout.take().unwrap();
        // One message: all that it said, when it has ended.
        let (sender, output) = sync_channel(1);
        std::thread::spawn(move || {
            let mut said = Vec::new();
            let _ = pipe.read_to_end(&mut said);
            let _ = sender.send(said);
        });
        Self { child, output, errors }
    }

    /// Ends the child as `kill -9` does.
    pub(crate) fn kill(mut self) -> Ran {
        self.child.kill().unwrap();
        self.end()
    }

    /// Waits for the child's end. Panics if it does not come.
    pub(crate) fn end(mut self) -> Ran {
        let said = self.output.recv_timeout(DEADLINE);
        if said.is_err() {
            self.child.kill().unwrap();
        }
        let status = self.child.wait().unwrap();
        let errors = String::from_utf8_lossy(&fs::read(&self.errors).unwrap()).into_owned();
        let said = said.unwrap_or_else(|_| panic!("a child hangs: {errors}"));
        Ran { success: status.success(), said: String::from_utf8_lossy(&said).into_owned(), errors }
    }
}

/// Says something to the parent. In one call: a kill then cuts at most one line.
pub(crate) fn say(line: &str) {
    let mut output = std::io::stdout();
    output.write_all(format!("{line}\n").as_bytes()).unwrap();
    output.flush().unwrap();
}

/// The shim, compiled.
pub(crate) struct Shim {
    dir: tempfile::TempDir,
}

/// What the shim wrote down.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) op: char,
    pub(crate) number: usize,
    pub(crate) path: String,
    pub(crate) to: String,
    pub(crate) data: Vec<u8>,
}

impl Shim {
    /// `None`, and a line that says so, where this machine cannot have it: it is written for Linux on two architectures and
    /// needs a C compiler and the right to install a filter of system calls.
    pub(crate) fn build() -> Option<Self> {
        let without = |why: &str| {
            let mut errors = std::io::stderr();
            writeln!(errors, "not run: {why}").unwrap();
            None
        };
        if !cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))) {
            return without("the shim is written for Linux on x86-64 and AArch64");
        }
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("shim.c");
        fs::write(&source, include_str!("shim.c")).unwrap();
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-pthread", "-o"])
            .args([&dir.path().join("shim.so"), &source])
            .output();
        match compiled {
            Err(error) => return without(&format!("no C compiler ({error})")),
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        }
        let shim = Self { dir };
        // A process that does nothing leaves a log that says so, unless the filter was refused.
        let log = shim.dir.path().join("trial");
        let trial = shim.environment(shim.dir.path(), &log);
        Process::start("process::nothing", trial, shim.dir.path(), 0).end();
        if read_log(&log).iter().any(|record| record.op == 'E') {
            Some(shim)
        } else {
            without("this machine does not let a process filter its own system calls")
        }
    }

    /// What a child needs to be watched below `root`, with the log in `log`.
    pub(crate) fn environment(&self, root: &Path, log: &Path) -> Vec<(&'static str, std::ffi::OsString)> {
        vec![
            ("LD_PRELOAD", self.dir.path().join("shim.so").into()),
            ("TANYA_SHIM_ROOT", root.canonicalize().unwrap().into()),
            ("TANYA_SHIM_LOG", log.into()),
        ]
    }
}

/// Not a test: a child that does nothing.
#[test]
#[ignore = "run by others as a process of its own"]
fn nothing() {}

/// Reads a log; see `shim.c` for its format. None is an empty one.
pub(crate) fn read_log(path: &Path) -> Vec<Record> {
    let bytes = fs::read(path).unwrap_or_default();
    let mut rest = bytes.as_slice();
    let mut records = Vec::new();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let head = std::str::from_utf8(take(&mut rest, end + 1)).unwrap();
        let fields: Vec<&str> = head.trim_end().split(' ').collect();
        let numbers: Vec<usize> = fields[1..].iter().map(|field| field.parse().unwrap()).collect();
        let name = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        records.push(Record {
            op: fields[0].chars().next().unwrap(),
            number: numbers[0],
            path: name(take(&mut rest, numbers[1])),
            to: name(take(&mut rest, numbers[2])),
            data: take(&mut rest, numbers[3]).to_vec(),
        });
        assert_eq!(take(&mut rest, 1), b"\n", "the log is out of step");
    }
    records
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, left) = rest.split_at(length);
    *rest = left;
    taken
}
