//! The pictures that the child sends from inside a document, on their way to the program that reads them, and the words on their way back.
//!
//! The child may start no program, so it asks. Its clock gains the time that a picture may take and no more, and all pictures of a file
//! have a limit together: a child that sends pictures for ever comes to its end.

use std::io;
use std::time::{Duration, Instant};

use tanya_engine::Cancel;

use super::ocr::{Engine, Looking};
use super::protocol::{Frame, Seen, Tag, invalid};
use super::watchdog::Watchdog;

/// Most bytes of one picture.
const MAX_PICTURE: usize = 256 << 20;

/// The pictures of one file.
pub(super) struct Pictures<'a> {
    engine: Option<&'a Engine>,
    watchdog: &'a Watchdog,
    cancel: &'a Cancel,
    /// What is left of the time for this file's pictures.
    left: Duration,
    now: Option<Picture>,
}

/// The picture that is being sent.
struct Picture {
    looking: Result<Looking, String>,
    bytes: usize,
    start: Instant,
    /// What the child's clock has gained for it.
    granted: Duration,
}

impl<'a> Pictures<'a> {
    pub(super) fn new(engine: Option<&'a Engine>, watchdog: &'a Watchdog, cancel: &'a Cancel) -> Self {
        Self { engine, watchdog, cancel, left: engine.map_or(Duration::ZERO, |engine| engine.file_limit), now: None }
    }

    /// Takes a frame of the child; the words, after the last one of a picture.
    pub(super) fn take(&mut self, frame: &Frame) -> io::Result<Option<Seen>> {
        match (frame.tag, self.engine) {
            (Tag::Picture, Some(engine)) => self.piece(engine, &frame.payload).map(|()| None),
            (Tag::Look, Some(_)) => {
                let picture = self.now.take().ok_or_else(|| invalid("no picture to look at"))?;
                Ok(Some(self.look(picture)))
            }
            (other, _) => Err(invalid(format!("a {other:?} frame has no place in an answer"))),
        }
    }

    fn piece(&mut self, engine: &Engine, bytes: &[u8]) -> io::Result<()> {
        let picture = match &mut self.now {
            Some(picture) => picture,
            slot => {
                let granted = self.left.min(engine.picture_limit);
                let looking = if granted.is_zero() {
                    let minutes = engine.file_limit.as_secs_f32() / 60.0;
                    Err(format!("all pictures of the file took longer than {minutes} min"))
                } else {
                    engine.look(granted, self.cancel)
                };
                self.watchdog.extend(granted);
                slot.insert(Picture { looking, bytes: 0, start: Instant::now(), granted })
            }
        };
        picture.bytes += bytes.len();
        if picture.bytes > MAX_PICTURE {
            return Err(invalid("a picture is too large"));
        }
        if let Ok(looking) = &mut picture.looking {
            // A program that takes no more says at its end why; the child's other pieces are taken, and dropped.
            let _ = looking.piece(bytes);
        }
        Ok(())
    }

    fn look(&mut self, picture: Picture) -> Seen {
        let Picture { looking, start, granted, .. } = picture;
        let words = looking.and_then(Looking::finish);
        let took = start.elapsed().min(granted);
        self.left = self.left.saturating_sub(took);
        self.watchdog.shorten(granted.saturating_sub(took));
        match words {
            // Control characters are of no use to anyone, and longer than they are in a frame.
            Ok(text) => Seen::Words(text.chars().filter(|c| !c.is_control() || "\n\t\u{C}".contains(*c)).collect()),
            Err(why) => Seen::Nothing(why),
        }
    }
}
