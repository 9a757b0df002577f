//! Relative paths as text: lossless in both directions.
//!
//! File names are bytes; the library, the answers and the screen hold `String`. Every path that enters the
//! library goes through [`encode`], every file that is opened again through [`decode`].
//!
//! Format: components joined with `/`; each byte that is not part of valid UTF-8 is written `\x{HH}` (two upper-case
//! hexadecimal digits), and the backslash of a literal `\x{` in a name is written `\x{5C}`, so that no two names
//! share a text. Control characters stay: taming them is the screen's work, not the key's.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

const OPEN: &str = "\\x{";

/// The text form of a relative path. `decode(&encode(path)) == path` for every path.
pub fn encode(path: &Path) -> String {
    encode_bytes(path.as_os_str().as_bytes())
}

/// The text form of one file name.
pub fn encode_name(name: &OsStr) -> String {
    encode_bytes(name.as_bytes())
}

/// The path that a text form stands for. Text that was never made by [`encode`] decodes too: an escape that is not
/// complete is taken literally.
pub fn decode(text: &str) -> PathBuf {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if let Some(byte) = escape_at(&bytes[at..]) {
            out.push(byte);
            at += OPEN.len() + 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    PathBuf::from(OsString::from_vec(out))
}

fn encode_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(&chunk.valid().replace(OPEN, "\\x{5C}x{"));
        for byte in chunk.invalid() {
            push_escape(&mut out, *byte);
        }
    }
    out
}

fn push_escape(out: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.push_str(OPEN);
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
    out.push('}');
}

/// The byte of a complete `\x{HH}` at the start of `bytes`.
fn escape_at(bytes: &[u8]) -> Option<u8> {
    let rest = bytes.strip_prefix(OPEN.as_bytes())?;
    let [high, low, b'}', ..] = rest else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    Some(digit(*high)? << 4 | digit(*low)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(bytes: &[u8]) -> String {
        let path = PathBuf::from(OsString::from_vec(bytes.to_vec()));
        let text = encode(&path);
        assert_eq!(decode(&text), path, "{text}");
        text
    }

    #[test]
    fn ordinary_names_stay_as_they_are() {
        assert_eq!(round_trip("notes/Überblick 2024.md".as_bytes()), "notes/Überblick 2024.md");
        assert_eq!(round_trip(b"back\\slash.txt"), "back\\slash.txt");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_escaped() {
        assert_eq!(round_trip(b"caf\xE9.txt"), "caf\\x{E9}.txt");
    }

    #[test]
    fn a_literal_escape_in_a_name_is_not_confused_with_a_byte() {
        assert_eq!(round_trip(b"caf\\x{E9}.txt"), "caf\\x{5C}x{E9}.txt");
        assert_ne!(round_trip(b"caf\\x{E9}.txt"), round_trip(b"caf\xE9.txt"));
        assert_eq!(round_trip(b"\\x{5C}x{"), "\\x{5C}x{5C}x{");
    }

    #[test]
    fn an_incomplete_escape_is_literal() {
        assert_eq!(decode("a\\x{G1}\\x{4"), PathBuf::from("a\\x{G1}\\x{4"));
    }

    proptest! {
        #[test]
        fn every_name_survives(bytes in proptest::collection::vec(
            prop_oneof![Just(b'\\'), Just(b'x'), Just(b'{'), Just(b'}'), Just(b'5'), Just(b'C'), any::<u8>()], 0..40)) {
            let bytes: Vec<u8> = bytes.into_iter().filter(|byte| *byte != 0).collect();
            round_trip(&bytes);
        }

        #[test]
        fn two_names_never_share_a_text(a in "[\\\\x{}5C]{0,8}", b in "[\\\\x{}5C]{0,8}") {
            prop_assert_eq!(a == b, encode(Path::new(&a)) == encode(Path::new(&b)));
        }
    }
}
