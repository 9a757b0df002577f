//! What a character does in a text: belongs to a word, joins two, ends one, or is a piece of a script without spaces.

use unicode_normalization::char::is_combining_mark;

/// What a character does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Letters and digits.
    Word,
    /// Belongs to the character before it, whatever that is.
    Mark,
    /// Han, Kana, Bopomofo, Hangul.
    Ideograph,
    /// Thai, Lao, Burmese, Khmer.
    Unspaced,
    /// Invisible inside words: soft hyphen, joiners, zero-width space.
    Ignorable,
    /// Joins the words on its two sides.
    Connector,
    Other,
}

/// The class of a character.
pub(super) fn class(c: char) -> Class {
    if c.is_ascii() {
        return match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => Class::Word,
            '_' | '.' | '-' | ':' => Class::Connector,
            _ => Class::Other,
        };
    }
    match u32::from(c) {
        0x00AD | 0x200B..=0x200D | 0x2060 | 0xFEFF => Class::Ignorable,
        0x2010 | 0x2011 => Class::Connector,
        // Thai, Lao, Burmese, Khmer with their extensions.
        0x0E01..=0x0E3A
        | 0x0E40..=0x0E4E
        | 0x0E50..=0x0E59
        | 0x0E81..=0x0EDF
        | 0x1000..=0x1049
        | 0x1050..=0x109F
        | 0xAA60..=0xAA7F
        | 0xA9E0..=0xA9FE
        | 0x1780..=0x17D3
        | 0x17DC..=0x17E9 => Class::Unspaced,
        // Hangul letters and syllables, Kana, Bopomofo, Han with its extensions and compatibility forms, half-width Kana.
        0x1100..=0x11FF
        | 0x3005..=0x3007
        | 0x3021..=0x3029
        | 0x3031..=0x3035
        | 0x3041..=0x3096
        | 0x3099..=0x309A
        | 0x309D..=0x309F
        | 0x30A1..=0x30FA
        | 0x30FC..=0x30FF
        | 0x3105..=0x312F
        | 0x3131..=0x318E
        | 0x31A0..=0x31BF
        | 0x31F0..=0x31FF
        | 0x3400..=0x4DBF
        | 0x4E00..=0x9FFF
        | 0xA960..=0xA97C
        | 0xAC00..=0xD7FB
        | 0xF900..=0xFAFF
        | 0xFF66..=0xFFDC
        | 0x1B000..=0x1B16F
        | 0x20000..=0x323AF => Class::Ideograph,
        _ if is_combining_mark(c) => Class::Mark,
        _ if c.is_alphanumeric() => Class::Word,
        _ => Class::Other,
    }
}

/// Whether a run of a class goes on with a character of the class `next`.
pub(super) fn continues(run: Class, next: Class) -> bool {
    next == run || matches!(next, Class::Mark | Class::Ignorable)
}

/// The class of a byte that is a character by itself.
pub(super) fn class_of_ascii(byte: u8) -> Option<Class> {
    byte.is_ascii().then(|| class(char::from(byte)))
}
