//! Misbehavior on demand, for the tests of containment. Not in release builds, and in others only when the child was
//! started with the argument `chaos`: a document whose text is `chaos: WORD` makes it do what the word says.
//!
//! The idea is Apache Tika's mock parser: only a child that really hangs or eats memory shows that it is contained.

use std::hint::black_box;
use std::io::{self, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use super::protocol::{Done, Noticed, Tag, WireChunk, write_json};
use tanya_index::FileState;

/// The word of a chaos document, where chaos is allowed.
fn word_of(bytes: &[u8]) -> Option<&str> {
    let line = bytes.split(|byte| *byte == b'\n').next()?;
    let word = line.strip_prefix(b"chaos: ")?;
    let allowed = std::env::args_os().nth(2).is_some_and(|argument| argument == "chaos");
    std::str::from_utf8(word).ok().filter(|_| allowed)
}

/// Panics where the document asks for that: inside the guard around one file.
pub(super) fn panic_on_demand(bytes: &[u8]) {
    assert!(word_of(bytes) != Some("panic"), "chaos was asked for");
}

/// Does what the document asks for; returns when it asks for nothing (or the deed is survived).
pub(super) fn misbehave(bytes: &[u8], output: &mut impl Write) -> io::Result<()> {
    let Some(word) = word_of(bytes) else {
        return Ok(());
    };
    match word {
        "sleep" => loop {
            std::thread::park();
        },
        "spin" => loop {
            black_box(());
        },
        "abort" => std::process::abort(),
        "stack" => {
            black_box(recurse(1));
        }
        "memory" => {
            let mut eaten: Vec<Vec<u8>> = Vec::new();
            loop {
                eaten.push(vec![1; 16 << 20]);
                black_box(&eaten);
            }
        }
        "exit" => {
            #[expect(
                clippy::exit,
                clippy::disallowed_methods,
                reason = "a parser that ends the process is what this plays"
            )]
            std::process::exit(0);
        }
        "garbage" => {
            output.write_all(b"this is no frame at all, whatever you read into it\n")?;
            output.flush()?;
        }
        "flood" => {
            let chunk =
                || WireChunk { start: 1, end: 1, page: None, heading: None, text: "again and again ".repeat(1000) };
            let batch: Vec<WireChunk> = (0..100).map(|_| chunk()).collect();
            loop {
                write_json(output, Tag::Chunks, &batch)?;
            }
        }
        "escape" => {
            let chunk =
                WireChunk { start: 1, end: 1, page: None, heading: None, text: "\u{1B}]52;c;eA==\u{7}".to_owned() };
            write_json(output, Tag::Chunks, &vec![chunk])?;
        }
        "probe" => {
            let chunk = WireChunk { start: 1, end: 1, page: None, heading: None, text: probe() };
            write_json(output, Tag::Chunks, &vec![chunk])?;
            write_json(
                output,
                Tag::Done,
                &Done {
                    title: String::new(),
                    tags: Vec::new(),
                    state: FileState::Indexed,
                    reason: None,
                    encoding: None,
                    noticed: Noticed::default(),
                },
            )?;
            output.flush()?;
            loop {
                std::thread::park();
            }
        }
        _ => {}
    }
    Ok(())
}

/// What the child can still reach.
fn probe() -> String {
    let word = |reached: bool| if reached { "reached" } else { "denied" };
    [
        format!("read {}", word(std::fs::read("/etc/passwd").is_ok())),
        format!("write {}", word(std::fs::write("/tmp/tanya-chaos-probe", "x").is_ok())),
        format!(
            "connect {}",
            word(
                TcpStream::connect(("127.0.0.1", 9))
                    .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
            )
        ),
        // Any answer but "not permitted" would come from looking for the program.
        format!(
            "execute {}",
            word(Command::new("/nowhere/tanya-chaos").exec().kind() != io::ErrorKind::PermissionDenied)
        ),
        format!("environment {}", word(std::env::vars_os().next().is_some())),
    ]
    .join("\n")
}

fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 512]);
    if depth == u64::MAX { frame[0] } else { recurse(depth + 1) + frame[511] }
}
