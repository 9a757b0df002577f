//! The text of one page: in the order in which it was drawn where that is the order of reading, else by geometry.

use pdf_oxide::PdfDocument;
use pdf_oxide::annotation_types::AnnotationSubtype;
use pdf_oxide::layout::TextSpan;

use super::assemble::{Run, assemble};
use super::symbols;

/// What a space moves the pen by when it is none, by the size of the font: kerning. Greater steps back are runs out of order.
const NO_SPACE: std::ops::Range<f32> = -0.3..0.06;

/// The text of a page; `None` where it cannot be read.
///
/// A tagged document tells its order itself, and what was filled into a form has its place on the page alone: the parser
/// arranges both.
pub(super) fn text(document: &PdfDocument, page: usize, tagged: bool) -> Option<String> {
    let drawn = if tagged { None } else { drawn(document, page) };
    drawn.filter(|text| holds_all(text, document, page)).or_else(|| document.extract_text(page).ok())
}

fn drawn(document: &PdfDocument, page: usize) -> Option<String> {
    let mut spans = document.extract_spans(page).ok()?;
    if spans.iter().any(|span| span.wmode != 0 || span.text.chars().any(is_right_to_left)) {
        return None;
    }
    spans.sort_by_key(|span| span.sequence);
    assemble(&spans.iter().map(run).collect::<Vec<_>>())
}

fn run(span: &TextSpan) -> Run {
    let text = without_false_spaces(&span.text, &span.char_x_offsets, span.font_size);
    Run {
        text: symbols::signs(&span.font_name, span.provenance, &text).unwrap_or(text),
        x: span.bbox.x,
        y: span.bbox.y,
        width: span.bbox.width,
        size: span.font_size,
        turned: span.rotation_degrees != 0.0,
    }
}

/// A run's text without the spaces that the parser reads into kerning: what follows such a space stands where it stands.
fn without_false_spaces(text: &str, origins: &[f32], size: f32) -> String {
    if text.chars().count() != origins.len() {
        return text.to_owned();
    }
    let mut widths = origins.windows(2).map(|pair| pair[1] - pair[0]);
    text.chars()
        .filter(|c| widths.next().is_none_or(|width| *c != ' ' || !NO_SPACE.contains(&(width / size))))
        .collect()
}

/// Whether a text has what was filled into the fields of a page, which the page itself does not draw.
fn holds_all(text: &str, document: &PdfDocument, page: usize) -> bool {
    // The value of a button is the name of its state.
    let fields = document.get_annotations(page).unwrap_or_default().into_iter().filter(|annotation| {
        annotation.subtype_enum == AnnotationSubtype::Widget && annotation.field_value.as_deref() != Some("Off")
    });
    fields.filter_map(|field| field.field_value).all(|value| text.contains(value.trim()))
}

/// Hebrew, Arabic, Syriac, Thaana, N'Ko and their presentation forms.
fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_that_takes_no_room_is_kerning() {
        // "a vail": what follows the second space stands where the space does.
        let origins = [0.0, 4.9, 7.6, 12.5, 12.3, 17.5, 22.4, 25.4];
        assert_eq!(without_false_spaces("a a vail", &origins, 11.0), "a avail");
        assert_eq!(without_false_spaces("a b", &[0.0, 5.0, 7.6], 11.0), "a b");
        assert_eq!(without_false_spaces("a b", &[0.0, 5.0, -40.0], 11.0), "a b", "runs out of order tell nothing");
        assert_eq!(without_false_spaces("a b", &[], 11.0), "a b");
    }
}
