//! Words in pictures: read by the real engine where this machine has one, and by programs that misbehave in its place.
//!
//! Machines without tesseract run only the second half, and the first says so. The pictures are made by `fixtures/ocr/make.py`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests fail and tell as tests do")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tanya::ingest::{Entry, IngestOptions, OcrOptions, Summary, WorkerOptions, confinement, ledger, update};
use tanya_engine::Cancel;
use tanya_index::{FileState, Library};
use tempfile::TempDir;

struct Place {
    folder: TempDir,
    _data: TempDir,
    library: Library,
    options: IngestOptions,
}

impl Place {
    fn new(ocr: OcrOptions) -> Self {
        let data = tempfile::tempdir().unwrap();
        let library = Library::open(data.path()).unwrap();
        let worker = WorkerOptions { program: Some(env!("CARGO_BIN_EXE_tanya").into()), ..WorkerOptions::default() };
        let options = IngestOptions { worker, ocr, ..IngestOptions::default() };
        Self { folder: tempfile::tempdir().unwrap(), _data: data, library, options }
    }

    fn copy(&self, name: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ocr").join(name);
        fs::copy(from, self.folder.path().join(name)).unwrap();
    }

    fn update_with(&self, cancel: &Cancel) -> Summary {
        let mut writer = self.library.writer().unwrap();
        update(self.folder.path(), &self.library, &mut writer, &self.options, cancel, &mut |_| {}).unwrap()
    }

    fn update(&self) -> Summary {
        self.update_with(&Cancel::default())
    }

    fn entry(&self, path: &str) -> Entry {
        ledger(&self.library).unwrap().into_iter().find(|entry| entry.path == path).unwrap()
    }

    /// The state of a file, and why it is not read to its end.
    fn state(&self, path: &str) -> (FileState, String) {
        let entry = self.entry(path);
        (entry.state, entry.reason.unwrap_or_default())
    }

    /// The passages of a file with their pages.
    fn texts(&self, path: &str) -> Vec<(Option<u32>, String)> {
        let snapshot = self.library.snapshot().unwrap();
        let chunks = snapshot.chunks_at(path).unwrap();
        chunks.into_iter().map(|chunk| (chunk.span.page, chunk.text)).collect()
    }
}

/// Options with the real engine; `None`, said aloud, where there is none.
fn real() -> Option<OcrOptions> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join("tesseract").is_file());
    if !found {
        println!("not run: tesseract is not installed");
    }
    found.then(|| OcrOptions::wanted("eng"))
}

/// A program in the place of the engine: it has a version and languages, and then does this with a picture.
fn instead(folder: &Path, body: &str) -> OcrOptions {
    let program = folder.join("tesseract");
    let text = format!(
        "#!/bin/sh\ncase \"$1\" in\n--version) echo 'tesseract 9.9'; exit;;\n--list-langs) echo 'Languages (2):'; echo eng; \
         echo osd; exit;;\nesac\n{body}\n"
    );
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut options = OcrOptions::wanted("eng");
    options.program = Some(program);
    options
}

/// What becomes of a picture that this program reads.
fn fate(body: &str, change: impl FnOnce(&mut OcrOptions)) -> (FileState, String) {
    let programs = tempfile::tempdir().unwrap();
    let mut options = instead(programs.path(), body);
    change(&mut options);
    let place = Place::new(options);
    place.copy("harbor.png");
    place.update();
    place.state("harbor.png")
}

#[test]
fn pages_without_text_are_read_by_their_pictures_each_in_its_place() {
    let Some(ocr) = real() else { return };
    let place = Place::new(ocr);
    place.copy("mixed.pdf");
    place.copy("scan.pdf");
    place.update();
    let texts = place.texts("mixed.pdf");
    let on =
        |page: u32| texts.iter().filter(|(at, _)| *at == Some(page)).map(|(_, text)| text.as_str()).collect::<String>();
    assert!(on(1).contains("The first page has words of its own."), "{texts:?}");
    assert!(on(2).contains("harbor was dredged in October 1987"), "JPEG: {texts:?}");
    assert!(on(3).contains("lamp burned rapeseed oil"), "Group 4: {texts:?}");
    assert!(on(4).contains("tram line was closed at Easter"), "JPEG 2000: {texts:?}");
    let (state, reason) = place.state("mixed.pdf");
    assert_eq!(state, FileState::Indexed);
    assert!(reason.starts_with("3 of 5 pages were read by OCR with tesseract "), "{reason}");
    assert!(reason.ends_with("1 of 5 pages hold no text"), "{reason}");
    assert_eq!(place.entry("mixed.pdf").pages, 4);
    assert!(place.state("scan.pdf").1.starts_with("2 of 2 pages were read by OCR"));
    assert_eq!(place.update().changed, 0, "and not again");
}

#[test]
fn pictures_are_read_upright_and_page_by_page() {
    let Some(ocr) = real() else { return };
    let place = Place::new(ocr);
    for name in ["harbor.png", "turned.jpg", "two.tiff"] {
        place.copy(name);
    }
    fs::write(place.folder.path().join("no.png"), "words, but no picture").unwrap();
    place.update();
    let harbor = place.texts("harbor.png");
    assert!(harbor[0].1.contains("harbor was dredged in October 1987"), "{harbor:?}");
    let turned = place.texts("turned.jpg");
    assert!(turned.iter().any(|(_, text)| text.contains("keeper retired in spring")), "{turned:?}");
    let pages: Vec<_> = place.texts("two.tiff").iter().map(|(page, _)| *page).collect();
    assert_eq!(pages, [Some(1), Some(2)]);
    assert_eq!(place.state("no.png").0, FileState::Failed);
}

#[test]
fn what_was_skipped_is_read_once_it_is_wanted_and_left_again_when_it_is_not() {
    let Some(ocr) = real() else { return };
    let mut place = Place::new(OcrOptions::default());
    for name in ["scan.pdf", "mixed.pdf", "harbor.png"] {
        place.copy(name);
    }
    place.update();
    assert_eq!(place.state("scan.pdf").0, FileState::Skipped);
    let (state, reason) = place.state("mixed.pdf");
    assert_eq!(state, FileState::Partly, "a page that is a picture is not read");
    assert!(reason.contains("3 of 5 pages are images with no text layer"), "{reason}");
    assert!(place.entry("mixed.pdf").hint.unwrap().contains("ocr = true"));
    assert_eq!(place.state("harbor.png").0, FileState::Skipped);
    assert_eq!(place.update().changed, 0);
    place.options.ocr = ocr;
    assert_eq!(place.update().changed, 3);
    for name in ["scan.pdf", "mixed.pdf", "harbor.png"] {
        assert_eq!(place.state(name).0, FileState::Indexed, "{name}");
    }
    place.options.ocr = OcrOptions::default();
    assert_eq!(place.update().changed, 1, "pictures are pictures again; a PDF stays as it was read");
    assert!(place.texts("harbor.png").is_empty() && !place.texts("scan.pdf").is_empty());
}

#[test]
fn without_an_engine_or_its_language_the_ledger_says_what_to_install() {
    let mut missing = OcrOptions::wanted("eng");
    missing.program = Some(PathBuf::from("/nonexistent/tesseract"));
    let place = Place::new(missing);
    place.copy("scan.pdf");
    place.copy("harbor.png");
    place.update();
    for name in ["scan.pdf", "harbor.png"] {
        let entry = place.entry(name);
        assert_eq!(entry.state, FileState::Skipped, "{name}");
        assert!(entry.reason.as_deref().unwrap().contains("tesseract, which would read it,"), "{entry:?}");
        assert!(entry.hint.as_deref().unwrap().contains("apt install tesseract-ocr"), "{entry:?}");
    }
    let programs = tempfile::tempdir().unwrap();
    let mut other = instead(programs.path(), "");
    other.language = "eng+xyz".to_owned();
    let place = Place::new(other);
    place.copy("harbor.png");
    place.update();
    let entry = place.entry("harbor.png");
    assert!(entry.reason.as_deref().unwrap().ends_with("has no language xyz: it has eng, osd"), "{entry:?}");
    assert!(entry.hint.unwrap().contains("ocr_language"));
}

#[test]
fn an_engine_that_hangs_is_ended_by_its_clock_and_the_file_is_not_tried_again() {
    let programs = tempfile::tempdir().unwrap();
    let mut options = instead(programs.path(), "while :; do :; done");
    options.picture_limit = Duration::from_millis(300);
    let mut place = Place::new(options);
    // The child's own time is shorter: it does not run while the engine is waited for.
    place.options.worker.time_limit = Duration::from_secs(20);
    place.copy("harbor.png");
    place.copy("mixed.pdf");
    let start = Instant::now();
    place.update();
    assert!(start.elapsed() < Duration::from_mins(1));
    assert_eq!(place.state("harbor.png").0, FileState::Failed);
    assert!(place.state("harbor.png").1.contains("it took longer than 0.3 s"));
    let (state, reason) = place.state("mixed.pdf");
    assert_eq!(state, FileState::Partly, "what has words of its own is read: {reason}");
    assert!(
        reason.contains("OCR with tesseract 9.9 failed on 3 pages (the first is page 2: it took longer"),
        "{reason}"
    );
    assert_eq!(place.update().changed, 0);
}

#[test]
fn all_pictures_of_a_file_have_a_limit_together() {
    let programs = tempfile::tempdir().unwrap();
    let mut options = instead(programs.path(), "while :; do :; done");
    options.picture_limit = Duration::from_millis(300);
    options.file_limit = Duration::from_millis(350);
    let place = Place::new(options);
    place.copy("mixed.pdf");
    place.update();
    let entry = place.entry("mixed.pdf");
    assert!(entry.took.unwrap() < Duration::from_secs(10), "{entry:?}");
    assert!(entry.reason.unwrap().contains("failed on 3 pages"));
}

#[test]
fn an_engine_that_never_stops_talking_crashes_or_reads_nothing_costs_its_picture() {
    let (state, reason) =
        fate("while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done", |_| {});
    assert_eq!((state, reason.contains("more than 1024 KiB of text")), (FileState::Failed, true), "{reason}");
    let (state, reason) = fate("kill -SEGV $$", |_| {});
    assert_eq!((state, reason.contains("it crashed (signal 11)")), (FileState::Failed, true), "{reason}");
    let (state, reason) = fate("exit 3", |_| {});
    assert_eq!((state, reason.contains("it stopped (exit code 3)")), (FileState::Failed, true), "{reason}");
    let (state, reason) = fate("echo words of a program that looks at nothing", |_| {});
    assert_eq!((state, reason.as_str()), (FileState::Indexed, "read by OCR with tesseract 9.9"));
}

#[test]
fn what_an_engine_says_is_cleaned_like_a_document() {
    let programs = tempfile::tempdir().unwrap();
    let place = Place::new(instead(programs.path(), r"printf 'red \033[31mwords and \342\200\256 turned\001'"));
    place.copy("harbor.png");
    place.update();
    let texts = place.texts("harbor.png");
    assert!(texts[0].1.starts_with("red ") && !texts[0].1.contains(['\u{1b}', '\u{202e}', '\u{1}']), "{texts:?}");
    assert_eq!(place.entry("harbor.png").hidden_characters, 1);
}

#[test]
fn an_engine_can_write_nothing_read_no_file_of_a_person_and_start_no_program() {
    let worker = WorkerOptions { program: Some(env!("CARGO_BIN_EXE_tanya").into()), ..WorkerOptions::default() };
    if !confinement(&worker).unwrap().is_empty() {
        println!("not run: this system cannot confine a process");
        return;
    }
    let person = tempfile::tempdir().unwrap();
    let (secret, left) = (person.path().join("secret"), person.path().join("left"));
    fs::write(&secret, "the password").unwrap();
    let read = format!("read line <'{}'; echo \"got $line\"", secret.display());
    for deed in [read, format!(": >'{}'", left.display())] {
        let programs = tempfile::tempdir().unwrap();
        let place = Place::new(instead(programs.path(), &deed));
        place.copy("harbor.png");
        place.update();
        let texts = place.texts("harbor.png");
        assert!(!texts.iter().any(|(_, text)| text.contains("password")), "{texts:?}");
        assert!(!left.exists());
    }
    let (state, reason) = fate("/bin/ls / && echo ran", |_| {});
    assert_ne!(state, FileState::Indexed, "{reason}");
}

#[test]
fn a_cancel_ends_an_engine_at_once() {
    let programs = tempfile::tempdir().unwrap();
    let place = Place::new(instead(programs.path(), "while :; do :; done"));
    place.copy("harbor.png");
    let cancel = Cancel::default();
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::park_timeout(Duration::from_millis(700));
            cancel.cancel();
        });
        assert!(place.update_with(&cancel).cancelled);
    });
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(ledger(&place.library).unwrap().is_empty(), "a file that was cancelled is read by the next update");
}
