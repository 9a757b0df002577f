//! The screen in a real terminal: modes restored on every way out, keys, sizes, signals.
//!
//! Most tests run the screen with a scripted backend: the test binary starts itself inside a pseudo-terminal
//! (`scripted_screen`). The last ones run the program itself. Nothing waits for a fixed time: each step waits for what it
//! expects to see, with a deadline.

mod common;
#[path = "tui/insight.rs"]
mod insight;
#[path = "tui/pictures.rs"]
mod pictures;
#[path = "tui/settings.rs"]
mod settings;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tanya::answer::{Answer, AnswerEvent, FinishKind, Source, Within};
use tanya::chat::{Conversation, SessionId};
use tanya::config::{Origins, Setting, Settings};
use tanya::jobs::{JobEvent, JobId};
use tanya::tui::{AskRequest, Backend, Keymap, Setup, Traits};

const PATIENCE: Duration = Duration::from_secs(30);

/// A program in a terminal, and what the terminal shows.
struct Pty {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn std::io::Write + Send>,
    output: Receiver<Vec<u8>>,
    bytes: Vec<u8>,
    /// When bytes came, and how many there were then.
    arrived: Vec<(Duration, usize)>,
    started: Instant,
    screen: vt100::Parser,
    modes: String,
}

impl Pty {
    fn start(mut command: CommandBuilder, cols: u16, rows: u16) -> Self {
        let pair = native_pty_system()
            .openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 })
            .expect("a terminal opens");
        command.env("TERM", "xterm-256color");
        command.env("COLORTERM", "truecolor");
        command.env("LANG", "C.UTF-8");
        command.env_remove("NO_COLOR");
        // A back-trace would push the message off the screen.
        command.env_remove("RUST_BACKTRACE");
        let modes = modes(&*pair.master);
        let child = pair.slave.spawn_command(command).expect("the program starts");
        let mut reader = pair.master.try_clone_reader().expect("the terminal can be read");
        let keys = pair.master.take_writer().expect("the terminal can be written");
        // More than any test prints: a program that is not read would stand still.
        let (send, output) = sync_channel(1 << 16);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            master: pair.master,
            child,
            keys,
            output,
            bytes: Vec::new(),
            arrived: Vec::new(),
            started: Instant::now(),
            screen: vt100::Parser::new(rows, cols, 0),
            modes,
        }
    }

    fn scripted(cols: u16, rows: u16) -> Self {
        Self::scripted_with(cols, rows, &[])
    }

    /// With variables of the environment: `SCRIPTED_FOLDER` is where the documents are.
    fn scripted_with(cols: u16, rows: u16, variables: &[(&str, &Path)]) -> Self {
        let mut command = CommandBuilder::new(std::env::current_exe().expect("this test has a file"));
        command.args(["--exact", "scripted_screen", "--ignored", "--nocapture", "--test-threads=1"]);
        for (name, value) in variables {
            command.env(name, value);
        }
        Self::start(command, cols, rows)
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal takes keys");
        self.keys.flush().expect("the terminal takes keys");
    }

    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    fn wait_until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            match self
                .output
                .recv_timeout(deadline.saturating_duration_since(Instant::now()).min(Duration::from_millis(50)))
            {
                Ok(bytes) => {
                    self.screen.process(&bytes);
                    self.bytes.extend(bytes);
                    self.arrived.push((self.started.elapsed(), self.bytes.len()));
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {}
                Err(_) => {
                    assert!(holds(self), "waited for {what}; the screen shows\n{}", self.text());
                    return;
                }
            }
        }
    }

    fn wait_for(&mut self, needle: &str) {
        self.wait_until(needle, |pty| pty.text().contains(needle));
    }

    fn count(&self, sequence: &str) -> usize {
        self.bytes.windows(sequence.len()).filter(|window| *window == sequence.as_bytes()).count()
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid =
            self.child.process_id().and_then(|pid| rustix::process::Pid::from_raw(pid.cast_signed())).expect("it runs");
        rustix::process::kill_process(pid, signal).expect("a signal can be sent");
    }

    /// Waits for the end and takes what was written last.
    fn ended(&mut self) -> portable_pty::ExitStatus {
        let status = self.child.wait().expect("it ends");
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(200)) {
            self.screen.process(&bytes);
            self.bytes.extend(bytes);
        }
        status
    }

    /// Waits for the end and checks that the terminal is as it was.
    fn restored(&mut self) -> portable_pty::ExitStatus {
        self.wait_until("the modes to be restored", |pty| pty.count("\x1b[?1049l") > 0);
        let status = self.ended();
        for (on, off) in [("\x1b[?1049h", "\x1b[?1049l"), ("\x1b[?2004h", "\x1b[?2004l"), ("\x1b[?25l", "\x1b[?25h")] {
            assert!(self.count(on) > 0 && self.count(off) > 0, "{on:?} is undone");
            let last =
                |sequence: &str| self.bytes.windows(sequence.len()).rposition(|window| window == sequence.as_bytes());
            assert!(last(off) > last(on), "{on:?} is undone last");
        }
        assert!(self.count("\x1b[?2026l") >= self.count("\x1b[?2026h"), "every synchronized update ends");
        assert_eq!(modes(&*self.master), self.modes, "stty says the same as before");
        assert!(!self.screen.screen().alternate_screen());
        status
    }
}

/// The terminal's modes as text.
fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().expect("the terminal has modes"))
}

/// A file name that would set the terminal's title if it were written as it is.
const SOURCE: &str = "a\u{1b}]0;title\u{7}.md";

/// Answers at once with one source; panics when asked to.
struct Scripted {
    events: tokio::sync::mpsc::Sender<JobEvent>,
}

impl Scripted {
    fn tell(&self, job: JobId, event: AnswerEvent) {
        self.events.try_send(JobEvent::Answer(job, event)).expect("the channel has room");
    }
}

impl Backend for Scripted {
    fn start(&mut self, _: &Settings) {}

    fn ask(&mut self, job: JobId, request: AskRequest) {
        assert_ne!(request.question, "panic", "asked to panic");
        if request.question == "panic elsewhere" {
            let worker = std::thread::spawn(|| panic!("a worker panics"));
            assert!(worker.join().is_err());
        }
        let source = Source {
            n: 1,
            path: SOURCE.into(),
            start_line: 3,
            end_line: 4,
            page: None,
            heading: String::new(),
            text: "the passage \u{1b}[31mred\u{1b}[0m".into(),
            score: 1.0,
            bm25_rank: None,
            vector_rank: None,
            tokens: 1,
            highlights: vec![],
            reading: None,
            marks: vec![],
        };
        self.tell(job, AnswerEvent::Sources(vec![source.clone()]));
        self.tell(job, AnswerEvent::Text(format!("You asked: {} [1]", request.question)));
        if request.question == "endless" {
            return;
        }
        let answer = Answer {
            answer: format!("You asked: {} [1]", request.question),
            short_answer: None,
            abstained: false,
            reason: None,
            citations: vec![],
            sentences: vec![],
            sources: vec![source],
            dropped: vec![],
            prompt_tokens: 10,
            reused_tokens: 0,
            generated_tokens: 5,
            ms_search: 1.0,
            ms_first_token: Some(2.0),
            ms_decode: 3.0,
            ms_total: 4.0,
            finish: FinishKind::Stop,
            model: "scripted".into(),
            seed: 0,
            window: 100,
            measures: tanya::answer::Measures::default(),
            whole: None,
            filtered: vec![],
            beyond_documents: false,
            within: Within::default(),
            disagreement: None,
            trace: None,
        };
        self.tell(job, AnswerEvent::Finished(Box::new(answer)));
    }

    fn cancel(&mut self, _: JobId) {}
    fn configure(&mut self, _: &Settings) {}
    fn save_setting(&mut self, _: &'static Setting, _: Option<String>) {}
    fn list_models(&mut self, _: &Settings) {}
    fn pull_model(&mut self, _: &str, _: bool) {}
    fn cancel_pull(&mut self, _: &str) {}
    fn save_turn(&mut self, _: &Conversation) {}
    fn list_library(&mut self) {}
    fn read_again(&mut self, _: Option<&str>) {}
    fn find_names(&mut self, _: &str) {}
    fn preview(&mut self, _: &str) {}
    fn list_sessions(&mut self) {}
    fn load_session(&mut self, _: SessionId) {}
    fn search_sessions(&mut self, _: &str) {}
    fn rename_session(&mut self, _: SessionId, _: &str) {}
    fn remove_session(&mut self, _: SessionId) {}
    fn export_session(&mut self, _: SessionId) {}
}

#[test]
#[ignore = "runs inside the terminal of the other tests"]
fn scripted_screen() {
    let (events, receiver) = tokio::sync::mpsc::channel(1024);
    let setup = Setup {
        folder: "~/notes".into(),
        folder_path: std::env::var("SCRIPTED_FOLDER").unwrap_or_else(|_| "/home/me/notes".into()),
        settings: Settings::default(),
        origins: Origins::default(),
        config_file: "~/.config/tanya/config.toml".into(),
        keymap: Keymap::default(),
        traits: Traits::from_vars(|name| std::env::var(name).ok()),
        resume: None,
        suggestions: Vec::new(),
        started: SystemTime::now(),
    };
    let exit = tanya::tui::run(setup, &mut Scripted { events }, receiver, None).expect("the screen runs");
    let farewell = exit.farewell.unwrap_or_default();
    write!(std::io::stdout(), "{farewell}ended by {:?}\r\n", exit.signal).expect("the terminal takes text");
}

#[test]
fn quitting_restores_the_terminal_and_prints_the_last_answer() {
    let mut pty = Pty::scripted(100, 30);
    pty.wait_for("ask your own documents");
    pty.press("hello there\r");
    pty.wait_for("You asked: hello there");
    pty.press("\x04");
    pty.restored();
    let text = pty.text();
    assert!(text.contains("> hello there") && text.contains("You asked: hello there [1]"), "{text}");
    assert!(text.contains("ended by None"), "{text}");
}

#[test]
fn escape_never_quits_and_ctrl_c_quits_when_pressed_twice() {
    let mut pty = Pty::scripted(80, 24);
    pty.wait_for("ask your own documents");
    pty.press("endless\r");
    pty.wait_for("You asked: endless");
    pty.press("\x1b");
    pty.wait_for("stopped");
    pty.press("\x03");
    pty.wait_for("ctrl-c again quits");
    pty.press("\x03");
    pty.restored();
}

#[test]
fn escapes_in_documents_and_pastes_never_reach_the_terminal() {
    let mut pty = Pty::scripted(120, 30);
    pty.wait_for("ask your own documents");
    pty.press("\x1b[200~what \x1b]0;owned\x07 is it\x1b[201~");
    pty.wait_for("owned");
    pty.press("\r");
    pty.wait_for("the passage");
    assert_eq!(pty.count("\x1b]"), 0, "no operating system command was sent");
    assert_eq!(pty.count("\x1b[31m"), 0, "the document's color was not sent");
    pty.press("\x04");
    pty.restored();
}

#[test]
fn every_size_is_drawn_and_survived() {
    let mut pty = Pty::scripted(80, 24);
    pty.wait_for("ask your own documents");
    pty.press("hello\r");
    pty.wait_for("You asked: hello");
    for (cols, rows, needle) in
        [(30, 8, "tanya needs 40x10"), (2, 2, ""), (160, 50, "You asked: hello"), (40, 10, "not re…")]
    {
        pty.screen.screen_mut().set_size(rows, cols);
        pty.master
            .resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 })
            .expect("the terminal changes its size");
        pty.wait_for(needle);
    }
    pty.press("\x04");
    pty.restored();
}

#[test]
fn signals_restore_the_terminal() {
    use rustix::process::Signal;
    for (signal, number) in [(Signal::TERM, 15), (Signal::HUP, 1), (Signal::INT, 2), (Signal::QUIT, 3)] {
        let mut pty = Pty::scripted(80, 24);
        pty.wait_for("ask your own documents");
        pty.press("endless\r");
        pty.wait_for("You asked: endless");
        pty.signal(signal);
        pty.restored();
        assert!(pty.text().contains(&format!("ended by Some({number})")), "{}", pty.text());
    }
}

#[test]
fn a_panic_restores_the_terminal_before_it_is_printed() {
    let mut pty = Pty::scripted(80, 24);
    pty.wait_for("ask your own documents");
    pty.press("panic\r");
    let status = pty.restored();
    assert!(!status.success());
    assert!(pty.text().contains("asked to panic"), "{}", pty.text());
}

#[test]
fn a_panic_of_a_background_thread_leaves_the_screen_alone() {
    let mut pty = Pty::scripted(80, 24);
    pty.wait_for("ask your own documents");
    pty.press("panic elsewhere\r");
    pty.wait_for("You asked: panic elsewhere");
    assert_eq!(pty.count("\x1b[?1049l"), 0);
    assert!(!pty.text().contains("a worker panics"));
    pty.press("\x04");
    pty.restored();
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_z_stops_and_the_shell_brings_it_back() {
    let mut pty = Pty::scripted(80, 24);
    pty.wait_for("ask your own documents");
    let stat = format!("/proc/{}/stat", pty.child.process_id().expect("it runs"));
    let stopped = || {
        std::fs::read_to_string(&stat)
            .is_ok_and(|stat| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T')))
    };
    for round in 1..=3 {
        pty.press("\x1a");
        pty.wait_until("the stop", |pty| pty.count("\x1b[?1049l") == round && stopped());
        assert_eq!(modes(&*pty.master), pty.modes);
        pty.signal(rustix::process::Signal::CONT);
        pty.wait_until("the screen again", |pty| {
            pty.count("\x1b[?1049h") == round + 1 && pty.text().contains("ask your own documents")
        });
    }
    pty.press("still here\r");
    pty.wait_for("You asked: still here");
    pty.press("\x04");
    pty.restored();
}

#[test]
fn an_editor_has_the_terminal_and_every_key_until_it_ends() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(root.path().join(SOURCE), "one\ntwo\nthree\n").expect("a file");
    let (editor, typed) = (root.path().join("vim"), root.path().join("typed"));
    let script = format!(
        "#!/bin/sh\nprintf 'editing at %s\\n' \"$1\"\nread -r line\nprintf %s \"$line\" > '{}'\n",
        typed.display()
    );
    std::fs::write(&editor, script).expect("a file");
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).expect("it can be made executable");
    let mut pty = Pty::scripted_with(100, 30, &[("SCRIPTED_FOLDER", root.path()), ("VISUAL", editor.as_path())]);
    pty.wait_for("ask your own documents");
    pty.press("hello\r");
    pty.wait_for("You asked: hello");
    // Question, answers, sources; then the file behind the first source.
    pty.press("\t\t");
    pty.press("o");
    pty.wait_for("editing at +3");
    assert_eq!(modes(&*pty.master), pty.modes, "the editor finds the terminal as a shell would leave it");
    pty.press("every key is the editor's\r");
    pty.wait_until("the screen again", |pty| pty.count("\x1b[?1049h") == 2 && pty.text().contains("You asked: hello"));
    assert_eq!(std::fs::read_to_string(&typed).expect("it was written"), "every key is the editor's");
    pty.press("still here\r");
    pty.wait_for("You asked: still here");
    pty.press("\x04");
    pty.restored();
}

#[test]
fn copying_is_a_sequence_for_the_terminal_and_only_on_its_key() {
    let mut pty = Pty::scripted(100, 30);
    pty.wait_for("ask your own documents");
    pty.press("hello\r");
    pty.wait_for("You asked: hello");
    assert_eq!(pty.count("\x1b]52;"), 0);
    pty.press("\t\ty");
    pty.wait_until("the copy", |pty| pty.count("\x1b]52;c;") == 1 && pty.text().contains("copied, with its source"));
    pty.press("\x04");
    pty.restored();
}

#[cfg(target_os = "linux")]
#[test]
fn an_idle_screen_does_not_run() {
    let mut pty = Pty::scripted(80, 24);
    pty.wait_for("ask your own documents");
    pty.press("hello\r");
    pty.wait_for("You asked: hello");
    pty.press("x");
    pty.wait_for("> x");
    let task = format!("/proc/{}/status", pty.child.process_id().expect("it runs"));
    let switches = || {
        let status = std::fs::read_to_string(&task).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).expect("Linux counts them");
        line.split_whitespace().last().and_then(|count| count.parse::<u64>().ok()).expect("a number")
    };
    // The measured time is the test: two seconds without an event.
    let before = switches();
    let quiet = Instant::now();
    pty.wait_until("two quiet seconds", |_| quiet.elapsed() > Duration::from_secs(2));
    let woken = switches() - before;
    assert!(woken <= 3, "{woken} wake-ups in two idle seconds");
    pty.press("\x03\x04");
    pty.restored();
}

/// The program itself, with all of its directories under `root`.
fn program(root: &Path, folder: &Path) -> CommandBuilder {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tanya"));
    command.args(["--offline"]);
    command.arg(folder);
    command.env("HOME", root);
    for (name, dir) in [
        ("XDG_DATA_HOME", "data"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_STATE_HOME", "state"),
        ("XDG_CACHE_HOME", "cache"),
    ] {
        command.env(name, root.join(dir));
    }
    command
}

#[test]
fn the_program_opens_a_folder_and_quits() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let folder = root.path().join("notes");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("pear.md"), "On March 9 I pruned the pear tree.\n").expect("a file");
    let mut pty = Pty::start(program(root.path(), &folder), 100, 30);
    pty.wait_for("~/notes");
    pty.wait_for("1 file");
    pty.press("\x04");
    let status = pty.restored();
    assert!(status.success(), "{status:?}");
}

#[test]
fn linear_mode_only_ever_adds_lines() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let folder = root.path().join("notes");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("pear.md"), "On March 9 I pruned the pear tree.\n").expect("a file");
    let mut command = program(root.path(), &folder);
    command.arg("--linear");
    let mut pty = Pty::start(command, 100, 40);
    pty.wait_for("You: ");
    pty.press("/help\r");
    pty.wait_for("/quote N: read source N");
    // No model is here, and none is needed to refuse.
    pty.press("who carried the zeppelins?\r");
    pty.wait_for("Not found in the documents.");
    pty.press("\x03");
    pty.wait_for("Press ctrl-c again to quit.");
    pty.press("\x04");
    let status = pty.ended();
    assert!(status.success(), "{status:?}");
    assert_eq!(pty.count("\x1b"), 0, "no cursor moves and nothing is colored");
    assert_eq!(modes(&*pty.master), pty.modes);
}

#[test]
fn a_question_is_answered_by_the_real_models_kept_and_taken_up_again() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let folder = root.path().join("notes");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("pear.md"), "# Garden\n\nOn March 9 I pruned the pear tree with the Felco saw.\n")
        .expect("a file");
    let models = common::models();
    std::fs::create_dir_all(root.path().join("data/tanya")).expect("a folder");
    std::os::unix::fs::symlink(models, root.path().join("data/tanya/models")).expect("a link");
    let mut pty = Pty::start(program(root.path(), &folder), 110, 30);
    pty.wait_for("1 passage");
    // A quotation needs no language model: here that one is to write.
    pty.press("/set answer_style write\r");
    pty.press("When did I prune the pear tree?\r");
    pty.wait_for("pear.md:3");
    // Only a finished answer of a model has a speed.
    pty.wait_for("tok/s");
    assert!(pty.text().contains("March 9"), "{}", pty.text());
    pty.press("\x0e");
    pty.wait_until("an empty conversation", |pty| !pty.text().contains("March 9"));
    pty.press("\x12");
    pty.wait_for("When did I prune the pear tree?");
    pty.press("\r");
    pty.wait_for("March 9");
    pty.press("\x03\x04");
    assert!(pty.restored().success());
}

#[test]
fn the_library_lists_what_was_not_read_and_reads_it_again() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let folder = root.path().join("notes");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("pear.md"), "On March 9 I pruned the pear tree.\n").expect("a file");
    std::fs::write(folder.join("broken\u{1b}]0;owned\u{7}.docx"), "no package\n").expect("a file");
    let mut pty = Pty::start(program(root.path(), &folder), 110, 30);
    pty.wait_for("1 not readable");
    pty.press("\x0f");
    pty.wait_for("failed");
    pty.wait_for("pear.md");
    pty.press("\t");
    pty.wait_until("only the broken one", |pty| !pty.text().contains("pear.md"));
    pty.press("\r");
    pty.wait_for("open it in the program that made it");
    pty.press("r");
    pty.wait_for("to be read again: broken");
    std::fs::write(folder.join("plum.md"), "A plum.\n").expect("a file");
    pty.press("\x1b");
    pty.wait_for("all 3");
    assert_eq!(pty.count("\x1b]"), 0, "no operating system command was sent");
    pty.press("\x1b");
    pty.wait_for("ask your own documents");
    pty.press("\x04");
    assert!(pty.restored().success());
}

#[test]
fn a_second_screen_reads_along_and_writes_once_the_first_is_gone() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let folder = root.path().join("notes");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("pear.md"), "A pear.\n").expect("a file");
    let mut first = Pty::start(program(root.path(), &folder), 110, 30);
    first.wait_for("1 file");
    let mut second = Pty::start(program(root.path(), &folder), 110, 30);
    second.wait_for("read-only");
    first.press("\x04");
    first.restored();
    second.wait_until("writing", |pty| !pty.text().contains("read-only"));
    second.press("\x04");
    second.restored();
}

#[test]
fn what_changes_in_the_folder_shows_at_once_and_a_folder_that_goes_is_said() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let (folder, aside) = (root.path().join("notes"), root.path().join("aside"));
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("pear.md"), "A pear.\n").expect("a file");
    let mut pty = Pty::start(program(root.path(), &folder), 130, 30);
    pty.wait_for("1 passage");
    std::fs::create_dir_all(folder.join("new/deep")).expect("a folder");
    std::fs::write(folder.join("new/deep/plum.md"), "A plum.\n").expect("a file");
    pty.wait_for("2 passages");
    pty.wait_for("2 files");
    std::fs::remove_file(folder.join("pear.md")).expect("it is there");
    pty.wait_until("one file", |pty| pty.text().contains("1 file") && !pty.text().contains("2 files"));
    std::fs::rename(&folder, &aside).expect("it can be moved");
    pty.wait_for("the folder is gone");
    std::fs::write(aside.join("fig.md"), "A fig.\n").expect("a file");
    std::fs::rename(&aside, &folder).expect("it can be moved back");
    pty.wait_for("2 files");
    pty.press("\x04");
    assert!(pty.restored().success());
}

/// How often threads with these names gave up the processor; `None` when there is none of them.
#[cfg(target_os = "linux")]
fn switches(pty: &Pty, names: &[&str]) -> Option<u64> {
    let tasks = format!("/proc/{}/task", pty.child.process_id().expect("it runs"));
    let mut counts = std::fs::read_dir(tasks)
        .expect("it runs")
        .filter_map(|task| {
            let task = task.ok()?.path();
            let name = std::fs::read_to_string(task.join("comm")).ok()?;
            if !names.contains(&name.trim()) {
                return None;
            }
            let status = std::fs::read_to_string(task.join("status")).ok()?;
            let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"))?;
            line.split_whitespace().last()?.parse::<u64>().ok()
        })
        .peekable();
    counts.peek()?;
    Some(counts.sum())
}

#[cfg(target_os = "linux")]
#[test]
fn a_watched_folder_in_which_nothing_happens_wakes_no_thread() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let folder = root.path().join("notes");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("pear.md"), "A pear.\n").expect("a file");
    // The kernel cuts names of threads off.
    let threads = ["watch", "indexing", "notify-rs inoti"];
    let mut pty = Pty::start(program(root.path(), &folder), 100, 30);
    pty.wait_for("1 passage");
    let seen = std::cell::Cell::new((None, Instant::now()));
    // The measured time is the test: two seconds in which none of them runs.
    pty.wait_until("two quiet seconds", |pty| {
        let now = switches(pty, &threads);
        assert!(now.is_some(), "the folder is watched");
        if now != seen.get().0 {
            seen.set((now, Instant::now()));
        }
        seen.get().1.elapsed() > Duration::from_secs(2)
    });
    pty.press("\x04");
    pty.restored();

    let mut command = program(root.path(), &folder);
    command.arg("--watch=false");
    let mut pty = Pty::start(command, 100, 30);
    pty.wait_for("1 passage");
    assert_eq!(switches(&pty, &["watch", "notify-rs inoti"]), None, "it is not watched where that is not wanted");
    pty.press("\x04");
    pty.restored();
}

#[test]
fn a_signal_ends_the_program_in_order() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let folder = root.path().join("notes");
    std::fs::create_dir(&folder).expect("a folder");
    let mut pty = Pty::start(program(root.path(), &folder), 80, 24);
    pty.wait_for("ask your own documents");
    pty.signal(rustix::process::Signal::TERM);
    pty.restored();
}
