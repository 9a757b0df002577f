//! Bytes → text in any encoding: byte order marks, UTF-8, UTF-16 and UTF-32 without a mark, legacy
//! code pages, EBCDIC.
//!
//! Binary data is refused by the rule of grep and ripgrep: a NUL byte, unless the pattern of NULs is that of UTF-16 or UTF-32.
//! Line ends become `\n` here, so that line numbers downstream are those of an editor.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::Encoding;

use super::ebcdic;
use super::kind::{Kind, Refusal};

/// Decoded text.
#[derive(Debug)]
pub(super) struct Decoded {
    /// The text, `\n` line ends only.
    pub(super) text: String,
    /// The encoding's usual name.
    pub(super) encoding: &'static str,
    /// A note when bytes were not valid in that encoding.
    pub(super) note: Option<String>,
}

/// Bytes that the legacy detector looks at.
const DETECTOR_BYTES: usize = 64 << 10;

/// Decodes the text of a file, or says that it is binary.
pub(super) fn decode(bytes: &[u8], kind: Kind) -> Result<Decoded, Refusal> {
    if let Some((width, order, skip)) = byte_order_mark(bytes) {
        return wide(&bytes[skip..], width, order);
    }
    let body = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if body.contains(&0) {
        return match wide_pattern(body) {
            Some((width, order)) => wide(body, width, order),
            None => Err(Refusal::skipped("binary data, not text")),
        };
    }
    match std::str::from_utf8(body) {
        Ok(text) => Ok(Decoded { text: normalize_lines(text), encoding: "UTF-8", note: None }),
        // The beginning of a file that was cut inside a character.
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => {
            let text = std::str::from_utf8(&body[..error.valid_up_to()]).unwrap_or_default();
            Ok(Decoded { text: normalize_lines(text), encoding: "UTF-8", note: None })
        }
        Err(_) if ebcdic::is_ebcdic(body) => {
            Ok(Decoded { text: normalize_lines(&ebcdic::decode(body)), encoding: "IBM500", note: None })
        }
        Err(_) => legacy(body, kind),
    }
}

/// Bytes per code unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    Two,
    Four,
}

/// Which byte of a unit comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

fn byte_order_mark(bytes: &[u8]) -> Option<(Width, Order, usize)> {
    // UTF-32 LE starts with the mark of UTF-16 LE: the longer one first.
    if bytes.starts_with(&[0xFF, 0xFE, 0, 0]) {
        Some((Width::Four, Order::Little, 4))
    } else if bytes.starts_with(&[0, 0, 0xFE, 0xFF]) {
        Some((Width::Four, Order::Big, 4))
    } else if bytes.starts_with(&[0xFF, 0xFE]) {
        Some((Width::Two, Order::Little, 2))
    } else if bytes.starts_with(&[0xFE, 0xFF]) {
        Some((Width::Two, Order::Big, 2))
    } else {
        None
    }
}

/// UTF-16 or UTF-32 by where the NUL bytes stand: in wide text the ASCII characters (spaces and line ends in every
/// script) have their NULs always in the same places of a unit. The decoded sample must then be clean text.
fn wide_pattern(bytes: &[u8]) -> Option<(Width, Order)> {
    let sample = &bytes[..bytes.len().min(4096) / 4 * 4];
    if sample.len() < 4 {
        return None;
    }
    let mut nuls = [0_usize; 4];
    for unit in sample.chunks_exact(4) {
        for (count, byte) in nuls.iter_mut().zip(unit) {
            *count += usize::from(*byte == 0);
        }
    }
    let units = sample.len() / 4;
    let candidates = if nuls[2] == units && nuls[3] == units {
        [Some((Width::Four, Order::Little)), None]
    } else if nuls[0] == units && nuls[1] == units {
        [Some((Width::Four, Order::Big)), None]
    } else if nuls[0] + nuls[2] < nuls[1] + nuls[3] {
        [Some((Width::Two, Order::Little)), Some((Width::Two, Order::Big))]
    } else {
        [Some((Width::Two, Order::Big)), Some((Width::Two, Order::Little))]
    };
    candidates.into_iter().flatten().find(|(width, order)| {
        let text = wide_text(sample, *width, *order);
        let total = text.chars().count().max(1);
        let bad =
            text.chars().filter(|c| *c == '\u{FFFD}' || (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))).count();
        let plain =
            text.chars().filter(|c| c.is_alphanumeric() || c.is_whitespace() || c.is_ascii_punctuation()).count();
        bad * 100 <= total && plain * 10 >= total * 8
    })
}

fn wide_text(bytes: &[u8], width: Width, order: Order) -> String {
    match width {
        Width::Two => {
            let units = bytes.as_chunks::<2>().0.iter().map(|unit| match order {
                Order::Little => u16::from_le_bytes(*unit),
                Order::Big => u16::from_be_bytes(*unit),
            });
            char::decode_utf16(units).map(|c| c.unwrap_or('\u{FFFD}')).collect()
        }
        Width::Four => bytes
            .as_chunks::<4>()
            .0
            .iter()
            .map(|unit| match order {
                Order::Little => u32::from_le_bytes(*unit),
                Order::Big => u32::from_be_bytes(*unit),
            })
            .map(|unit| char::from_u32(unit).unwrap_or('\u{FFFD}'))
            .collect(),
    }
}

fn wide(bytes: &[u8], width: Width, order: Order) -> Result<Decoded, Refusal> {
    let text = wide_text(bytes, width, order);
    let damaged = text.matches('\u{FFFD}').count();
    // A mark before data that is no text at all: a binary file that happens to start like one.
    if damaged * 4 > text.chars().count() {
        return Err(Refusal::skipped("binary data, not text"));
    }
    let encoding = match (width, order) {
        (Width::Two, Order::Little) => "UTF-16LE",
        (Width::Two, Order::Big) => "UTF-16BE",
        (Width::Four, Order::Little) => "UTF-32LE",
        (Width::Four, Order::Big) => "UTF-32BE",
    };
    Ok(Decoded { text: normalize_lines(&text), encoding, note: damage_note(damaged) })
}

fn legacy(bytes: &[u8], kind: Kind) -> Result<Decoded, Refusal> {
    let declared = (kind == Kind::Html).then(|| declared_charset(bytes)).flatten();
    // Mostly valid UTF-8 with a few broken bytes stays UTF-8: guessing a code page would garble every good character.
    let encoding = declared.unwrap_or_else(|| {
        if mostly_utf8(bytes) {
            return encoding_rs::UTF_8;
        }
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
        // The beginning, and where the first bytes outside ASCII stand: a long English header must not hide the rest.
        let start = Encoding::ascii_valid_up_to(bytes).saturating_sub(256);
        let sample = &bytes[start..bytes.len().min(start + DETECTOR_BYTES)];
        detector.feed(sample, true);
        detector.guess(None, Utf8Detection::Allow)
    });
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    let damaged = text.matches('\u{FFFD}').count();
    let total = text.chars().count().max(1);
    let controls =
        text.chars().filter(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\x0C' | '\x1B')).count();
    if (damaged + controls) * 10 > total {
        return Err(Refusal::skipped("binary data, not text"));
    }
    Ok(Decoded { text: normalize_lines(&text), encoding: encoding.name(), note: damage_note(damaged) })
}

fn damage_note(damaged: usize) -> Option<String> {
    (damaged > 0).then(|| format!("{damaged} characters could not be decoded"))
}

/// Whether of the sequences outside ASCII at least four in five are valid UTF-8.
fn mostly_utf8(bytes: &[u8]) -> bool {
    let sample = &bytes[..bytes.len().min(1 << 20)];
    let (mut good, mut bad) = (0_usize, 0_usize);
    for chunk in sample.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good > 0 && good >= bad * 4
}

/// `charset=` in the first 2,048 bytes of a page, as browsers look for it.
fn declared_charset(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes[..bytes.len().min(2048)].to_ascii_lowercase();
    let at = head.windows(8).position(|window| window == b"charset=")? + 8;
    let label: Vec<u8> = head[at..]
        .iter()
        .copied()
        .skip_while(|byte| matches!(byte, b'"' | b'\'' | b' '))
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'.'))
        .take(40)
        .collect();
    Encoding::for_label(&label).filter(|encoding| !std::ptr::eq(*encoding, encoding_rs::UTF_8))
}

/// `\r\n` and lone `\r` as `\n`.
fn normalize_lines(text: &str) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(bytes: &[u8]) -> String {
        decode(bytes, Kind::Text).unwrap().text
    }

    fn utf16(text: &str, order: Order) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| match order {
                Order::Little => unit.to_le_bytes(),
                Order::Big => unit.to_be_bytes(),
            })
            .collect()
    }

    #[test]
    fn byte_order_marks_decide() {
        assert_eq!(text_of(b"\xEF\xBB\xBFhello"), "hello");
        let mut little = vec![0xFF, 0xFE];
        little.extend(utf16("größer", Order::Little));
        assert_eq!(text_of(&little), "größer");
        let mut big = vec![0xFE, 0xFF];
        big.extend(utf16("größer", Order::Big));
        assert_eq!(text_of(&big), "größer");
        let mut wide = vec![0xFF, 0xFE, 0, 0];
        wide.extend("naïve".chars().flat_map(|c| u32::from(c).to_le_bytes()));
        assert_eq!(text_of(&wide), "naïve");
    }

    #[test]
    fn wide_text_without_a_mark_is_recognized_in_many_scripts() {
        for text in
            ["The quick brown fox.\nNext line here.", "Быстрая бурая лиса прыгает.\n", "他们 说 中文。\n第二 行 文字\n"]
        {
            for order in [Order::Little, Order::Big] {
                assert_eq!(text_of(&utf16(text, order)), text, "{order:?}");
            }
        }
        let wide: Vec<u8> = "plain words\n".chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
        assert_eq!(text_of(&wide), "plain words\n");
    }

    #[test]
    fn legacy_code_pages_are_guessed() {
        let russian = "Съешь же ещё этих мягких французских булок, да выпей чаю. Это обычный русский текст.";
        let (bytes, _, _) = encoding_rs::WINDOWS_1251.encode(russian);
        assert_eq!(text_of(&bytes), russian);
        let german = "Die Prüfung über Größen fällt für Müller und Jäger aus.";
        let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode(german);
        assert_eq!(text_of(&bytes), german);
    }

    #[test]
    fn a_page_says_its_charset() {
        let (bytes, _, _) = encoding_rs::SHIFT_JIS.encode("<meta charset=\"shift_jis\"><p>日本</p>");
        assert!(decode(&bytes, Kind::Html).unwrap().text.contains("日本"));
    }

    #[test]
    fn binary_is_refused_and_damage_is_counted() {
        let noise: Vec<u8> = (0..4000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert_eq!(decode(&noise, Kind::Text).unwrap_err().state, tanya_index::FileState::Skipped);
        let mut damaged = "Übung für Ärzte und Öffentlichkeit, ähnlich".as_bytes().to_vec();
        damaged.push(0xFF);
        damaged.extend_from_slice(" und weiter mit größeren Wörtern".as_bytes());
        let decoded = decode(&damaged, Kind::Text).unwrap();
        assert_eq!(decoded.encoding, "UTF-8");
        assert!(decoded.text.contains("größeren"));
        assert!(decoded.note.unwrap().starts_with("1 characters"));
    }

    #[test]
    fn text_cut_inside_a_character_stays_utf8() {
        let bytes = "naïve caf".bytes().chain([0xC3]).collect::<Vec<u8>>();
        assert_eq!(text_of(&bytes), "naïve caf");
    }

    #[test]
    fn line_ends_become_one_kind() {
        assert_eq!(text_of(b"a\r\nb\rc\n"), "a\nb\nc\n");
    }
}
