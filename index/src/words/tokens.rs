//! The analyzed tokens of a field as one string, and the tokenizer by which tantivy takes them out again.
//!
//! tantivy takes lists of tokens too, and copies each of them once more; a string is one allocation on both sides however
//! many tokens it holds. A token is one [`STEP`] for each position between it and the one before, its text, and [`END`]. Neither is a
//! letter, a digit or a mark, so no token holds them.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// The tokenizer's name in the schema.
pub(super) const NAME: &str = "tanya";

const STEP: char = '\u{1}';
const END: char = '\0';

/// Tokens on their way into the index.
#[derive(Default)]
pub(super) struct Tokens {
    encoded: String,
    position: usize,
}

impl Tokens {
    /// For the tokens of a text of `bytes`.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { encoded: String::with_capacity(bytes + bytes / 4), position: 0 }
    }

    /// Adds a token; positions never fall.
    pub(super) fn push(&mut self, position: usize, text: &str) {
        self.encoded.extend((self.position..position).map(|_| STEP));
        self.position = self.position.max(position);
        self.encoded.push_str(text);
        self.encoded.push(END);
    }

    /// For a field with [`Decoder`]; `None` where there are no tokens.
    pub(super) fn encoded(&self) -> Option<&str> {
        (!self.encoded.is_empty()).then_some(self.encoded.as_str())
    }
}

/// The tokenizer.
#[derive(Clone, Default)]
pub(super) struct Decoder {
    token: Token,
}

pub(super) struct Decoded<'a> {
    rest: &'a str,
    token: &'a mut Token,
}

impl Tokenizer for Decoder {
    type TokenStream<'a> = Decoded<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Decoded<'a> {
        self.token.reset();
        self.token.position = 0;
        Decoded { rest: text, token: &mut self.token }
    }
}

impl TokenStream for Decoded<'_> {
    fn advance(&mut self) -> bool {
        // Tokens are a few bytes long: looking at each of them is quicker than a search.
        let bytes = self.rest.as_bytes();
        let steps = bytes.iter().take_while(|&&byte| byte == STEP as u8).count();
        let Some(length) = bytes[steps..].iter().position(|&byte| byte == END as u8) else { return false };
        let end = steps + length;
        self.token.position += steps;
        self.token.text.clear();
        self.token.text.push_str(&self.rest[steps..end]);
        self.rest = &self.rest[end + 1..];
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::segment;

    proptest! {
        #[test]
        fn tokens_come_out_as_they_went_in(text in any::<String>()) {
            let expected: Vec<(usize, String)> =
                segment(&text).into_iter().map(|token| (token.position, token.text.into_owned())).collect();
            let mut tokens = Tokens::default();
            for (position, text) in &expected {
                tokens.push(*position, text);
            }
            let mut decoder = Decoder::default();
            // Twice: what a stream leaves behind does not show in the next.
            for _ in 0..2 {
                let mut found = Vec::new();
                let mut stream = decoder.token_stream(tokens.encoded().unwrap_or_default());
                stream.process(&mut |token: &Token| found.push((token.position, token.text.clone())));
                prop_assert_eq!(&found, &expected);
            }
        }
    }
}
