//! What a frame costs: bytes to the terminal, which are the same on every machine and so are a test, and time, which is measured by
//! `cargo test --lib -- --ignored --nocapture frames_of_a_long_conversation`.

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::TerminalOptions;
use ratatui::Viewport;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use super::fixtures::{self, Harness};
use super::msg::Msg;
use super::view;
use crate::answer::AnswerEvent;
use crate::jobs::{JobEvent, JobId};

/// The most bytes that half of all streamed tokens may send.
const BYTES: usize = 300;

/// Counts what is written.
#[derive(Clone, Default)]
struct Counted(Rc<Cell<usize>>);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Wire {
    terminal: Terminal<CrosstermBackend<Counted>>,
    sent: Counted,
}

fn wire(width: u16, height: u16) -> Wire {
    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, width, height)) };
    let sent = Counted::default();
    let terminal = Terminal::with_options(CrosstermBackend::new(sent.clone()), options);
    Wire { terminal: terminal.expect("a terminal of memory opens"), sent }
}

/// Draws, and tells how many bytes were sent for it.
fn frame(app: &mut Harness, wire: &mut Wire) -> usize {
    let before = wire.sent.0.get();
    wire.terminal.draw(|frame| view::draw(&mut app.state, frame)).expect("memory takes everything");
    wire.sent.0.get() - before
}

fn middle<T: Ord + Copy>(mut all: Vec<T>) -> T {
    all.sort_unstable();
    all[all.len() / 2]
}

fn text(piece: &str) -> Msg {
    Msg::Job(JobEvent::Answer(JobId(1), AnswerEvent::Text(piece.to_owned())))
}

/// The pieces of an answer of some paragraphs, as a model writes them.
fn pieces() -> Vec<&'static str> {
    fixtures::ANSWER.split_inclusive(' ').chain(["\n\n"]).cycle().take(160).collect()
}

#[test]
fn a_streamed_token_sends_few_bytes() {
    for (width, height) in [(80, 24), (160, 50)] {
        let mut app = Harness::new(width, height);
        app.ready();
        app.type_line("when did I prune the pear tree?");
        app.answer(1, fixtures::events()[..6].to_vec());
        let mut wire = wire(width, height);
        frame(&mut app, &mut wire);
        let sent: Vec<usize> = pieces()
            .into_iter()
            .map(|piece| {
                app.send(text(piece));
                frame(&mut app, &mut wire)
            })
            .collect();
        let half = middle(sent.clone());
        assert!(sent.iter().all(|bytes| *bytes > 0), "a word that is not drawn: this test proves nothing");
        assert!(half <= BYTES, "{half} bytes at {width}x{height}: {sent:?}");
    }
}

#[test]
#[ignore = "measures time"]
fn frames_of_a_long_conversation() {
    let mut app = Harness::new(160, 50);
    let mut wire = wire(160, 50);
    let mut out = std::io::stdout();
    let mut say = |what: &str, times: Vec<Duration>| {
        let worst = times.iter().max().copied().unwrap_or_default();
        writeln!(out, "{what}: median {:?}, worst {worst:?} of {}", middle(times.clone()), times.len())
            .expect("the output takes text");
    };
    let timed = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    say(
        "first frame",
        vec![timed(&mut || {
            let _ = frame(&mut app, &mut wire);
        })],
    );
    app.ready();
    for turn in 1..=1000 {
        app.type_line("when did I prune the pear tree, and what did I use?");
        app.answer(turn, fixtures::events());
    }
    say(
        "the frame after 1,000 turns that are not laid out yet",
        vec![timed(&mut || {
            let _ = frame(&mut app, &mut wire);
        })],
    );
    let draw = |app: &mut Harness, wire: &mut Wire| {
        (0..200)
            .map(|_| {
                timed(&mut || {
                    let _ = frame(app, wire);
                })
            })
            .collect()
    };
    say("draw, 1,000 turns, nothing changed", draw(&mut app, &mut wire));
    app.type_line("and again?");
    app.answer(1001, fixtures::events()[..6].to_vec());
    let (mut words, mut keys) = (Vec::new(), Vec::new());
    for piece in pieces() {
        let word = Msg::Job(JobEvent::Answer(JobId(1001), AnswerEvent::Text(piece.to_owned())));
        let mut word = Some(word);
        words.push(timed(&mut || {
            app.send(word.take().expect("sent once"));
            frame(&mut app, &mut wire);
        }));
        let key = KeyEvent::new(KeyCode::Char('x'), KeyModifiers::NONE);
        keys.push(timed(&mut || {
            app.send(Msg::Key(key));
            frame(&mut app, &mut wire);
        }));
    }
    say("a word to the screen, 1,000 turns", words);
    say("a key to the screen while streaming, 1,000 turns", keys);
}
