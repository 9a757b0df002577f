//! Tokens → text, piece by piece, never half a character.
//!
//! A token may end in the middle of a character (an emoji is often three tokens). Only such an undecided
//! tail is held back, at most three bytes; everything else leaves at once.

use std::sync::Arc;

use super::Vocabulary;

/// Turns a stream of tokens into text. The pieces of [`Detokenizer::push`] and the rest from
/// [`Detokenizer::finish`], joined, equal [`super::Tokenizer::decode`] of the same tokens.
#[derive(Clone)]
pub struct Detokenizer {
    vocabulary: Arc<Vocabulary>,
    pending: Vec<u8>,
}

impl std::fmt::Debug for Detokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detokenizer").field("pending", &self.pending).finish_non_exhaustive()
    }
}

impl Detokenizer {
    pub(super) fn new(vocabulary: Arc<Vocabulary>) -> Self {
        Self { vocabulary, pending: Vec::new() }
    }

    /// Adds a token. Returns the text that is certain now, if any. Bytes that can never become UTF-8 are
    /// replaced by U+FFFD, as [`String::from_utf8_lossy`] does.
    pub fn push(&mut self, id: u32) -> Option<String> {
        self.pending.extend_from_slice(self.vocabulary.bytes(id));
        let (text, used) = decided(&self.pending);
        self.pending.drain(..used);
        (!text.is_empty()).then_some(text)
    }

    /// The rest: empty, or U+FFFD when the tokens ended inside a character. The stream is empty afterwards.
    pub fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.pending)).into_owned()
    }
}

/// The text at the beginning of `bytes` that later bytes cannot change, and how many bytes it takes.
fn decided(bytes: &[u8]) -> (String, usize) {
    let mut text = String::new();
    let mut used = 0;
    loop {
        match std::str::from_utf8(&bytes[used..]) {
            Ok(rest) => {
                text.push_str(rest);
                return (text, bytes.len());
            }
            Err(error) => {
                let valid = used + error.valid_up_to();
                text.push_str(&String::from_utf8_lossy(&bytes[used..valid]));
                used = valid;
                let Some(bad) = error.error_len() else {
                    return (text, used);
                };
                text.push(char::REPLACEMENT_CHARACTER);
                used += bad;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn half_a_character_waits() {
        let euro = "€".as_bytes();
        assert_eq!(decided(&euro[..2]), (String::new(), 0));
        assert_eq!(decided(euro), ("€".to_owned(), 3));
    }

    #[test]
    fn bytes_that_cannot_become_a_character_do_not_wait() {
        assert_eq!(decided(b"a\xFFb"), ("a\u{FFFD}b".to_owned(), 3));
    }

    proptest! {
        #[test]
        fn any_split_of_any_bytes_gives_the_same_text(bytes in proptest::collection::vec(any::<u8>(), 0..40), cuts in proptest::collection::vec(1usize..5, 0..40)) {
            let mut pending = Vec::new();
            let mut text = String::new();
            let mut rest = bytes.as_slice();
            let mut cuts = cuts.into_iter();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                pending.extend_from_slice(piece);
                let (out, used) = decided(&pending);
                text.push_str(&out);
                pending.drain(..used);
                prop_assert!(pending.len() <= 3);
                rest = after;
            }
            text.push_str(&String::from_utf8_lossy(&pending));
            prop_assert_eq!(text, String::from_utf8_lossy(&bytes));
        }
    }
}
