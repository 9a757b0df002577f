//! The alphabet of byte-level BPE: each byte has one printable character.
//!
//! Source: `bytes_to_unicode` of GPT-2's `encoder.py`. Printable Latin-1 bytes stand for themselves; the
//! other 68 take the characters from U+0100 on, in order. Vocabularies in GGUF files are written in it.

/// Both directions of the alphabet.
#[derive(Clone, Debug)]
pub(super) struct Alphabet {
    characters: [char; 256],
    /// Byte of each character below U+0144; every character of the alphabet lies there.
    bytes: [Option<u8>; 0x144],
}

impl Alphabet {
    pub(super) fn new() -> Self {
        let mut characters = ['\0'; 256];
        let mut bytes = [None; 0x144];
        let mut next = 0x100;
        for byte in 0..=u8::MAX {
            let printable = matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
            let code = if printable {
                u32::from(byte)
            } else {
                next += 1;
                next - 1
            };
            characters[usize::from(byte)] = char::from_u32(code).expect("codes lie below U+0144");
            bytes[code as usize] = Some(byte);
        }
        Self { characters, bytes }
    }

    /// The character that stands for `byte`.
    pub(super) fn character(&self, byte: u8) -> char {
        self.characters[usize::from(byte)]
    }

    /// The byte that `character` stands for, if it belongs to the alphabet.
    pub(super) fn byte(&self, character: char) -> Option<u8> {
        self.bytes.get(character as usize).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_own_character_as_in_gpt2() {
        let alphabet = Alphabet::new();
        for byte in 0..=u8::MAX {
            assert_eq!(alphabet.byte(alphabet.character(byte)), Some(byte));
        }
        assert_eq!(alphabet.character(b'a'), 'a');
        assert_eq!(alphabet.character(b' '), 'Ġ');
        assert_eq!(alphabet.character(b'\n'), 'Ċ');
        assert_eq!(alphabet.character(0xAD), 'Ń');
        assert_eq!(alphabet.byte('€'), None);
    }
}
