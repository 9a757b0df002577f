//! How large a text is: words as a person counts them, and a conservative estimate of tokens.

use std::ops::{Add, AddAssign};

/// A size. It adds up over texts that are joined, together with their [`joint`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// Words × 4.
    pub(crate) quarter_words: usize,
    /// Estimated tokens.
    pub(crate) tokens: usize,
}

impl Size {
    /// Words, rounded up.
    pub(crate) fn words(self) -> usize {
        self.quarter_words.div_ceil(4)
    }

    /// Whether it is within `room`.
    pub(crate) fn fits(self, room: Size) -> bool {
        self.quarter_words <= room.quarter_words && self.tokens <= room.tokens
    }
}

impl Add for Size {
    type Output = Size;

    fn add(self, other: Size) -> Size {
        Size { quarter_words: self.quarter_words + other.quarter_words, tokens: self.tokens + other.tokens }
    }
}

impl AddAssign for Size {
    fn add_assign(&mut self, other: Size) {
        *self = *self + other;
    }
}

/// What a character does to the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Space,
    /// Letters of the Latin alphabet: WordPiece vocabularies hold whole English words; a quarter of the length is what
    /// rare ones take (English averages 1.3 tokens a word, this estimate 1.6).
    Latin,
    Digit,
    /// Letters of other alphabets: about two a token in multilingual vocabularies.
    Letter,
    /// Written without spaces, a word every four characters: Thai, Lao, Khmer, Burmese.
    Unspaced,
    /// Chinese, Japanese, Korean: a token each, a word every two.
    Ideograph,
    Symbol,
}

/// Measures a text.
pub(crate) fn measure(text: &str) -> Size {
    let mut size = Size::default();
    let mut run: (Class, usize) = (Class::Space, 0);
    let mut in_word = false;
    for c in text.chars() {
        let class = classify(c);
        if class != run.0 {
            size.tokens += tokens_of(run);
            run = (class, 0);
        }
        run.1 += 1;
        match class {
            Class::Space => in_word = false,
            Class::Latin | Class::Digit | Class::Letter => {
                if !in_word {
                    size.quarter_words += 4;
                }
                in_word = true;
            }
            Class::Ideograph => size.quarter_words += 2,
            Class::Unspaced => size.quarter_words += 1,
            // Punctuation inside a word does not start another one, alone it is none.
            Class::Symbol => {}
        }
    }
    size.tokens += tokens_of(run);
    size
}

/// What joining two texts adds to their sizes: runs of blanks on both sides and between become one, which may cost a token more.
pub(crate) fn joint(before: &str, separator: &str, after: &str) -> Size {
    let blank = |chars: &mut dyn Iterator<Item = char>| chars.take_while(|c| classify(*c) == Class::Space).count();
    let (left, right) = (blank(&mut before.chars().rev()), blank(&mut after.chars()));
    let cost = |length| tokens_of((Class::Space, length));
    let tokens = cost(left + blank(&mut separator.chars()) + right) - cost(left) - cost(right);
    Size { quarter_words: 0, tokens }
}

fn tokens_of((class, length): (Class, usize)) -> usize {
    match class {
        // Free between words; a wall of blanks must not make a passage endless.
        Class::Space => length / 16,
        Class::Latin => length.div_ceil(4),
        Class::Digit | Class::Letter | Class::Unspaced => length.div_ceil(2),
        Class::Ideograph | Class::Symbol => length,
    }
}

fn classify(c: char) -> Class {
    match c {
        'a'..='z' | 'A'..='Z' | '\u{C0}'..='\u{24F}' => Class::Latin,
        '0'..='9' => Class::Digit,
        _ if c.is_whitespace() => Class::Space,
        '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' => Class::Unspaced,
        '\u{1100}'..='\u{11FF}'
        | '\u{2E80}'..='\u{9FFF}'
        | '\u{A000}'..='\u{A4CF}'
        | '\u{AC00}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FF00}'..='\u{FFEF}'
        | '\u{20000}'..='\u{3FFFF}' => Class::Ideograph,
        _ if c.is_alphanumeric()
            || matches!(c, '\u{300}'..='\u{36F}' | '\u{900}'..='\u{DFF}' | '\u{200C}' | '\u{200D}') =>
        {
            Class::Letter
        }
        _ => Class::Symbol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn joined_texts_measure_as_their_parts_and_their_joint(
            before in "[a /一]{0,4}[ \n]{0,20}", separator in "[ \n]{1,2}", after in "[ \n]{0,20}[a /一]{0,4}",
        ) {
            let parts = measure(&before) + measure(&after) + joint(&before, &separator, &after);
            proptest::prop_assert_eq!(parts.tokens, measure(&format!("{before}{separator}{after}")).tokens);
        }
    }

    #[test]
    fn english_is_counted_as_a_person_counts() {
        let size = measure("The quick brown fox, it's said, jumps over 2 lazy dogs.");
        assert_eq!(size.words(), 11);
        assert!((14..=22).contains(&size.tokens), "{size:?}");
    }

    #[test]
    fn scripts_without_spaces_are_not_one_word() {
        let chinese = measure("他们在公园里散步的时候遇到了老朋友");
        assert_eq!((chinese.words(), chinese.tokens), (9, 17));
        let thai = measure("ภาษาไทยไม่มีการเว้นวรรคระหว่างคำ");
        assert!((6..=10).contains(&thai.words()), "{thai:?}");
    }

    #[test]
    fn sizes_add_up_over_white_space() {
        let (a, b) = ("one two-three 45", "sechs привет 中文");
        assert_eq!(measure(a) + measure(b), measure(&format!("{a}\n\n{b}")));
    }
}
