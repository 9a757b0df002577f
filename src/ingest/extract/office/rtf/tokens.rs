//! Rich Text cut into groups, control words and bytes. Linear, and never longer than the input.

/// A piece of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A group begins.
    Open,
    /// A group ends.
    Close,
    /// A control word with its number.
    Word(&'a str, Option<i32>),
    /// A control symbol that is none of the others.
    Symbol(u8),
    /// The destination that follows may be passed over (`\\*`).
    Optional,
    /// A byte of text, as it stands or by its two digits.
    Byte(u8),
}

/// Longest control word (specification 1.9.1).
const MAX_WORD: usize = 32;
/// Digits of a number with its sign.
const MAX_DIGITS: usize = 11;

/// The tokens of a document.
pub(super) struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    pub(super) fn of(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    fn take(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes.min(self.rest.len())..];
    }

    /// What follows a backslash; `None` where it is nothing.
    fn control(&mut self) -> Option<Token<'a>> {
        let rest = self.rest;
        let first = *rest.get(1)?;
        if first.is_ascii_alphabetic() {
            return self.word();
        }
        self.take(2);
        match first {
            b'\'' => {
                let hex = rest.get(2..4).and_then(|hex| std::str::from_utf8(hex).ok());
                self.take(2);
                hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).map(Token::Byte)
            }
            b'*' => Some(Token::Optional),
            b'{' | b'}' | b'\\' => Some(Token::Byte(first)),
            other => Some(Token::Symbol(other)),
        }
    }

    fn word(&mut self) -> Option<Token<'a>> {
        let rest = self.rest;
        let letters = rest[1..].iter().take(MAX_WORD).take_while(|byte| byte.is_ascii_alphabetic()).count();
        let word = std::str::from_utf8(&rest[1..=letters]).unwrap_or_default();
        let from = 1 + letters;
        let mut at = from + usize::from(rest.get(from) == Some(&b'-'));
        while at - from < MAX_DIGITS && rest.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        let parameter = std::str::from_utf8(&rest[from..at]).ok().and_then(|digits| digits.parse().ok());
        self.take(at + usize::from(rest.get(at) == Some(&b' ')));
        if word == "bin" {
            self.take(usize::try_from(parameter.unwrap_or(0)).unwrap_or(0));
            return None;
        }
        Some(Token::Word(word, parameter))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let byte = *self.rest.first()?;
            if byte == b'\\' {
                let before = self.rest.len();
                if let Some(token) = self.control() {
                    return Some(token);
                }
                if self.rest.len() == before {
                    // A backslash at the very end.
                    self.take(1);
                }
                continue;
            }
            self.take(1);
            match byte {
                b'{' => return Some(Token::Open),
                b'}' => return Some(Token::Close),
                b'\r' | b'\n' => {}
                other => return Some(Token::Byte(other)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_symbols_and_binary_data_are_told_apart() {
        let tokens: Vec<Token<'_>> = Tokens::of(b"{\\b0 a\\'e9\\*\\~\\bin3 }}}\\{\n}\\").collect();
        assert_eq!(
            tokens,
            [
                Token::Open,
                Token::Word("b", Some(0)),
                Token::Byte(b'a'),
                Token::Byte(0xE9),
                Token::Optional,
                Token::Symbol(b'~'),
                Token::Byte(b'{'),
                Token::Close
            ]
        );
    }
}
