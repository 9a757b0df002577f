//! `kill -9` at any moment: a child process (this test binary, run again) writes and acknowledges, the parent kills it and
//! looks for everything that was acknowledged, by word and by vector.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::{DIMENSION, EMBEDDER, by_vector, by_words, document, vector};
use tanya_index::{Library, TextHash};

const FOLDER: &str = "TANYA_INDEX_TEST_KILL_FOLDER";
const FILES_A_COMMIT: usize = 4;
const KILLS: usize = 25;

/// Digits would be a word too common: letters make each a word of its own, unknown to any stemmer.
fn word(n: usize) -> String {
    n.to_string().bytes().map(|digit| char::from(b'b' + (digit - b'0'))).chain("qx".chars()).collect()
}

fn text(n: usize) -> String {
    format!("passage with the word {}", word(n))
}

/// Not a test: what the child does. Goes on until it is killed.
#[test]
#[ignore = "run by the other test of this file as a process of its own"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let library = Library::open(&PathBuf::from(folder)).unwrap();
    let mut writer = library.writer().unwrap();
    writer.set_embedder(EMBEDDER, DIMENSION).unwrap();
    let mut next = library.files().unwrap().len();
    // The test harness has begun a line of its own.
    writeln!(std::io::stdout()).unwrap();
    loop {
        for n in next..next + FILES_A_COMMIT {
            writer.upsert(document(&format!("{n}.md"), &[&text(n)])).unwrap();
        }
        // Of an older file the stamp and the path change too, the content does not.
        if next > 0 {
            writer.touch("0.md", &crate::common::stamp(next as i64)).unwrap();
        }
        writer.commit().unwrap();
        next += FILES_A_COMMIT;
        writeln!(std::io::stdout(), "WORDS {next}").unwrap();
        let waiting = writer.unembedded(100).unwrap();
        let rows: Vec<(TextHash, Vec<f32>)> = waiting.iter().map(|w| (w.hash, vector(&w.text))).collect();
        writer.put_embeddings(EMBEDDER, &rows).unwrap();
        writeln!(std::io::stdout(), "VECTORS {next}").unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "a kill at any moment comes at none that an event could name")]
fn live(life: Duration) {
    std::thread::sleep(life);
}

/// Runs the child for about `life` after its first acknowledgement; returns what it acknowledged: files, files with vectors.
fn run_and_kill(folder: &Path, life: Duration) -> (usize, usize) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = child.stdout.take().unwrap();
    let (first, started) = std::sync::mpsc::sync_channel(1);
    let reader = std::thread::spawn(move || {
        let (mut words, mut vectors) = (0, 0);
        for said in BufReader::new(output).lines() {
            let Ok(said) = said else { break };
            // A line that the kill cut off acknowledges nothing: its number may be cut too.
            if let Some((kind, count)) =
                said.split_once(' ').and_then(|(kind, n)| Some((kind.to_owned(), n.parse().ok()?)))
            {
                match kind.as_str() {
                    "WORDS" => words = count,
                    "VECTORS" => vectors = count,
                    _ => {}
                }
                let _ = first.try_send(());
            }
        }
        (words, vectors)
    });
    started.recv_timeout(Duration::from_mins(1)).expect("the child acknowledges something");
    live(life);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut repairs = 0;
    for round in 0..KILLS {
        // Spread over the phases of a commit (some 20 ms), the same in every run of the test.
        let life = Duration::from_micros((round as u64 * 7919) % 60_000);
        let (words, vectors) = run_and_kill(dir.path(), life);
        let library = Library::open(dir.path()).unwrap();
        repairs += library.notices().len();
        let files = library.files().unwrap().len();
        assert!(files >= words && files.is_multiple_of(FILES_A_COMMIT), "{files} files, {words} acknowledged");
        let status = library.status().unwrap();
        assert_eq!(status.chunks, files as u64);
        assert!(status.embedded >= vectors as u64);
        let snapshot = library.snapshot().unwrap();
        for n in 0..files {
            let hits = snapshot.search(&by_words(&word(n), 3)).unwrap();
            assert_eq!(crate::common::paths(&hits), [format!("{n}.md")], "round {round}");
        }
        for n in 0..vectors {
            let hit = snapshot.search(&by_vector(&text(n), 1)).unwrap().remove(0);
            assert_eq!(hit.chunk.path, format!("{n}.md"), "round {round}");
        }
        // The lock died with its holder.
        drop(library.writer().unwrap());
    }
    writeln!(std::io::stdout(), "{repairs} of {KILLS} kills left the word index behind").unwrap();
}
