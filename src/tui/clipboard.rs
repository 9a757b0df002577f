//! Copying through the terminal: OSC 52, which also works over SSH and inside tmux.
//!
//! Only a key that says so copies; nothing that a document holds can reach the clipboard by itself.

/// Bytes of the sequence that terminals take: xterm's limit.
const LONGEST: usize = 100_000;

/// The sequence that puts `text` on the clipboard; `None` when it is too long for terminals to take whole.
pub(super) fn copy_sequence(text: &str) -> Option<String> {
    let sequence = format!("\x1b]52;c;{}\x07", base64(text.as_bytes()));
    (sequence.len() <= LONGEST).then_some(sequence)
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = group >> (18 - 6 * place) & 63;
            out.push(if place <= chunk.len() { char::from(ALPHABET[digit as usize]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_vectors_of_the_standard_hold() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

    #[test]
    fn what_terminals_would_cut_is_not_copied() {
        assert_eq!(copy_sequence("hi").as_deref(), Some("\x1b]52;c;aGk=\x07"));
        assert!(copy_sequence(&"x".repeat(74_000)).is_some());
        assert!(copy_sequence(&"x".repeat(75_000)).is_none());
    }
}
