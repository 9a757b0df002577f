//! TeX's own fonts, whose codes are their own: without a map in the file they are read as if they were Latin letters.
//!
//! Encodings: OT1, OML, OMS and OMX of Computer Modern, as appendix F of Knuth's book on TeX lists them.

use pdf_oxide::fonts::MappingProvenance;

/// The text of a run in one of these fonts, as the signs that it shows; `None` where it is to be read as it is.
pub(super) fn signs(font: &str, provenance: Option<MappingProvenance>, text: &str) -> Option<String> {
    let known = matches!(
        provenance,
        Some(MappingProvenance::ActualText | MappingProvenance::ToUnicode | MappingProvenance::EmbeddedCmap)
    );
    if known {
        return None;
    }
    let name = font.split_once('+').map_or(font, |(_, name)| name);
    let sign: fn(char) -> Option<&'static str> = match name.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "CMSY" | "CMBSY" => symbol,
        "CMMI" | "CMMIB" => italic,
        "CMEX" => large,
        "CMR" | "CMBX" | "CMTI" | "CMSL" | "CMSS" | "CMCSC" | "CMBXTI" => roman,
        _ => return None,
    };
    let mut signs = String::with_capacity(text.len());
    for c in text.chars() {
        match sign(c) {
            Some(sign) => signs.push_str(sign),
            None => signs.push(c),
        }
    }
    Some(signs)
}

/// One of the capital letters of Greek that Latin has not, at the codes 0–10 of OT1 and OML.
fn capital(code: char) -> Option<&'static str> {
    ["Γ", "Δ", "Θ", "Λ", "Ξ", "Π", "Σ", "Υ", "Φ", "Ψ", "Ω"].get(code as usize).copied()
}

/// Text (OT1). What shares its code with another sign of ASCII is left: it may have been mapped already.
fn roman(code: char) -> Option<&'static str> {
    Some(match code {
        '\u{B}' => "ff",
        '\u{C}' => "fi",
        '\r' => "fl",
        '\u{E}' => "ffi",
        '\u{F}' => "ffl",
        '\u{10}' => "ı",
        '\u{19}' => "ß",
        '\u{1A}' => "æ",
        '\u{1B}' => "œ",
        '\u{1C}' => "ø",
        '\u{1D}' => "Æ",
        '\u{1E}' => "Œ",
        '\u{1F}' => "Ø",
        _ => return capital(code),
    })
}

/// Symbols (OMS).
fn symbol(code: char) -> Option<&'static str> {
    Some(match code {
        '\0' => "−",
        '\u{1}' => "·",
        '\u{2}' => "×",
        '\u{3}' => "∗",
        '\u{4}' => "÷",
        '\u{6}' => "±",
        '\u{7}' => "∓",
        '\u{8}' => "⊕",
        '\t' => "⊖",
        '\n' => "⊗",
        '\u{B}' => "⊘",
        '\u{C}' => "⊙",
        '\r' => "○",
        '\u{E}' => "∘",
        '\u{F}' => "•",
        '\u{11}' => "≡",
        '\u{12}' => "⊆",
        '\u{13}' => "⊇",
        '\u{14}' => "≤",
        '\u{15}' => "≥",
        '\u{18}' => "∼",
        '\u{19}' => "≈",
        '\u{1A}' => "⊂",
        '\u{1B}' => "⊃",
        '\u{1C}' => "≪",
        '\u{1D}' => "≫",
        '!' => "→",
        '"' => "↑",
        '#' => "↓",
        '$' => "↔",
        '\'' | '’' => "≃",
        '(' => "⇐",
        ')' => "⇒",
        '*' => "⇑",
        '+' => "⇓",
        ',' => "⇔",
        '/' => "∝",
        '0' => "′",
        '1' => "∞",
        '2' => "∈",
        '3' => "∋",
        '4' => "△",
        '5' => "▽",
        // Struck over the sign that follows: the slash of ≠ and ∉, and below the bar of ↦.
        '6' => "/",
        '8' => "∀",
        '9' => "∃",
        ':' => "¬",
        ';' => "∅",
        '<' => "ℜ",
        '=' => "ℑ",
        '>' => "⊤",
        '?' => "⊥",
        '@' => "ℵ",
        '[' => "∪",
        '\\' => "∩",
        ']' => "⊎",
        '^' => "∧",
        '_' => "∨",
        '`' | '‘' => "⊢",
        'a' => "⊣",
        'b' => "⌊",
        'c' => "⌋",
        'd' => "⌈",
        'e' => "⌉",
        'f' => "{",
        'g' => "}",
        'h' => "⟨",
        'i' => "⟩",
        '7' | 'j' => "|",
        'k' => "‖",
        'l' => "↕",
        'n' => "\\",
        'p' => "√",
        'r' => "∇",
        's' => "∫",
        't' => "⊔",
        'u' => "⊓",
        'v' => "⊑",
        'w' => "⊒",
        'x' => "§",
        'y' => "†",
        'z' => "‡",
        _ => return None,
    })
}

/// Math italic (OML).
fn italic(code: char) -> Option<&'static str> {
    Some(match code {
        '\u{B}' => "α",
        '\u{C}' => "β",
        '\r' => "γ",
        '\u{E}' => "δ",
        '\u{F}' | '"' => "ε",
        '\u{10}' => "ζ",
        '\u{11}' => "η",
        '\u{12}' | '#' => "θ",
        '\u{13}' => "ι",
        '\u{14}' => "κ",
        '\u{15}' => "λ",
        '\u{16}' => "μ",
        '\u{17}' => "ν",
        '\u{18}' => "ξ",
        '\u{19}' | '$' => "π",
        '\u{1A}' | '%' => "ρ",
        '\u{1B}' => "σ",
        '\u{1C}' => "τ",
        '\u{1D}' => "υ",
        '\u{1E}' | '\'' | '’' => "φ",
        '\u{1F}' => "χ",
        '!' => "ω",
        '&' => "ς",
        ':' => ".",
        ';' => ",",
        '=' => "/",
        '?' => "⋆",
        '@' => "∂",
        '`' | '‘' => "ℓ",
        '}' => "℘",
        _ => return capital(code),
    })
}

/// Large operators (OMX); the pieces of its brackets say nothing.
fn large(code: char) -> Option<&'static str> {
    Some(match code {
        'P' | 'X' => "∑",
        'Q' | 'Y' => "∏",
        'R' | 'Z' | 'H' | 'I' => "∫",
        'S' | '[' => "⋃",
        'T' | '\\' => "⋂",
        'p' | 'q' | 'r' | 's' => "√",
        // Already mapped.
        '∑' | '∏' | '∫' | '⋃' | '⋂' | '√' => return None,
        _ => " ",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_signs_where_the_file_does_not_say_what_they_are() {
        let encoded = Some(MappingProvenance::EncodingName);
        assert_eq!(signs("BIKXFS+CMSY10", encoded, "2").as_deref(), Some("∈"));
        assert_eq!(signs("AAAAAA+CMMI8", encoded, "x;\r").as_deref(), Some("x,γ"));
        assert_eq!(signs("AAAAAA+CMMI8", None, "\u{6}").as_deref(), Some("Σ"));
        assert_eq!(signs("AAAAAA+CMEX10", None, "X").as_deref(), Some("∑"));
        assert_eq!(signs("AAAAAA+CMR10", None, "e\u{E}cient").as_deref(), Some("efficient"));
    }

    #[test]
    fn what_is_mapped_or_no_font_of_tex_stays() {
        assert_eq!(signs("AAAAAA+CMSY10", Some(MappingProvenance::ToUnicode), "{"), None);
        assert_eq!(signs("Helvetica", None, "2"), None);
        assert_eq!(signs("AAAAAA+CMMI8", Some(MappingProvenance::EncodingName), "γ∑x").as_deref(), Some("γ∑x"));
    }
}
