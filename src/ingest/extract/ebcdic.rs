//! EBCDIC, the encoding of IBM mainframes (code page 500, whose letters, digits and spaces are those of all Latin EBCDIC
//! pages). Web encodings do not include it, so neither the decoder nor the detector of browsers knows it.

/// The 256 characters of code page 500 in order, rows of 16 (source: IBM CDRA, code page 500).
const CODE_PAGE_500: &str = "\
    \u{0}\u{1}\u{2}\u{3}\u{9C}\u{9}\u{86}\u{7F}\u{97}\u{8D}\u{8E}\u{B}\u{C}\u{D}\u{E}\u{F}\
    \u{10}\u{11}\u{12}\u{13}\u{9D}\u{85}\u{8}\u{87}\u{18}\u{19}\u{92}\u{8F}\u{1C}\u{1D}\u{1E}\u{1F}\
    \u{80}\u{81}\u{82}\u{83}\u{84}\u{A}\u{17}\u{1B}\u{88}\u{89}\u{8A}\u{8B}\u{8C}\u{5}\u{6}\u{7}\
    \u{90}\u{91}\u{16}\u{93}\u{94}\u{95}\u{96}\u{4}\u{98}\u{99}\u{9A}\u{9B}\u{14}\u{15}\u{9E}\u{1A}\
    \u{20}\u{A0}âäàáãåçñ[.<(+!\
    &éêëèíîïìß]$*);^\
    -/ÂÄÀÁÃÅÇÑ¦,%_>?\
    øÉÊËÈÍÎÏÌ`:#@'=\"\
    Øabcdefghi«»ðýþ±\
    °jklmnopqrªºæ¸Æ¤\
    µ~stuvwxyz¡¿ÐÝÞ®\
    ¢£¥·©§¶¼½¾¬|¯¨´×\
    {ABCDEFGHI\u{AD}ôöòóõ\
    }JKLMNOPQR¹ûüùúÿ\
    \\÷STUVWXYZ²ÔÖÒÓÕ\
    0123456789³ÛÜÙÚ\u{9F}\
";

/// Whether bytes are Latin text in EBCDIC: they would be nonsense in any encoding that extends ASCII.
///
/// Of EBCDIC text, about a sixth is the blank 0x40 (`@` in ASCII), and nearly all the rest letters, digits and usual marks.
pub(super) fn is_ebcdic(bytes: &[u8]) -> bool {
    let sample = &bytes[..bytes.len().min(4096)];
    if sample.len() < 64 {
        return false;
    }
    let count = |is: fn(u8) -> bool| sample.iter().filter(|byte| is(**byte)).count();
    let blanks = count(|byte| byte == 0x40);
    let usual = count(is_usual);
    let ascii_letters = count(|byte| byte.is_ascii_lowercase());
    blanks * 100 >= sample.len() * 8 && usual * 100 >= sample.len() * 93 && ascii_letters * 100 <= sample.len() * 10
}

fn is_usual(byte: u8) -> bool {
    matches!(byte,
        0x40 | 0x15 | 0x25 | 0x0D | 0x05 // blank, line ends, tab
        | 0x81..=0x89 | 0x91..=0x99 | 0xA2..=0xA9 // small letters
        | 0xC1..=0xC9 | 0xD1..=0xD9 | 0xE2..=0xE9 // capitals
        | 0xF0..=0xF9 | 0x4B | 0x6B | 0x60 | 0x61 | 0x7A | 0x7D | 0x7F | 0x4D | 0x5D | 0x5E // digits . , - / : ' " ( ) ;
    )
}

/// Decodes EBCDIC; its new line and line feed both become `\n`.
pub(super) fn decode(bytes: &[u8]) -> String {
    let table: Vec<char> = CODE_PAGE_500.chars().collect();
    bytes
        .iter()
        .map(|byte| match table.get(usize::from(*byte)) {
            Some('\u{85}') => '\n',
            Some(c) => *c,
            None => '\u{FFFD}',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(text: &str) -> Vec<u8> {
        text.chars().map(|c| CODE_PAGE_500.chars().position(|known| known == c).unwrap() as u8).collect()
    }

    #[test]
    fn mainframe_text_is_recognized_and_read() {
        assert_eq!(CODE_PAGE_500.chars().count(), 256);
        let text = "The ledger of 1974 lists nine hundred accounts, and the tapes (all of them) are in the vault.";
        let bytes = encode(text);
        assert_eq!(bytes[..3], [0xE3, 0x88, 0x85]);
        assert!(is_ebcdic(&bytes));
        assert_eq!(decode(&bytes), text);
    }

    #[test]
    fn text_in_other_encodings_is_not_taken_for_it() {
        let russian =
            encoding_rs::WINDOWS_1251.encode("Обычный русский текст в старой кодировке, довольно длинный для пробы.").0;
        let greek =
            encoding_rs::ISO_8859_7.encode("Ένα συνηθισμένο ελληνικό κείμενο, αρκετά μεγάλο για τη δοκιμή αυτή.").0;
        for bytes in
            [b"plain words with some m@il addresses in them, and more of the same kind".as_slice(), &russian, &greek]
        {
            assert!(!is_ebcdic(bytes));
        }
    }
}
