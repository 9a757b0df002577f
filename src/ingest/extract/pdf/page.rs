//! The text of one page: in the order in which it was drawn where that is the order of reading, else by geometry.

use pdf_oxide::PdfDocument;
use pdf_oxide::annotation_types::AnnotationSubtype;
use pdf_oxide::layout::TextSpan;

use super::assemble::{Run, assemble};
use super::{hidden, symbols};

/// What a space moves the pen by when it is none, by the size of the font: kerning. Greater steps back are runs out of order.
const NO_SPACE: std::ops::Range<f32> = -0.3..0.06;

/// The text of a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    /// Words that nobody sees on the page, left out.
    pub(super) hidden: usize,
}

/// The text of a page; `None` where it cannot be read.
///
/// A tagged document tells its order itself, and what was filled into a form has its place on the page alone: the parser
/// arranges both, but for pages that hide something: it would arrange that too.
pub(super) fn text(document: &PdfDocument, page: usize, tagged: bool) -> Option<Text> {
    let spans = document.extract_spans(page).ok();
    let (hidden, spans) = spans.map(|spans| seen(document, page, spans)).unzip();
    if let (Some(hidden @ 1..), Some(spans)) = (hidden, &spans) {
        return Some(Text { text: drawn(spans.clone()).unwrap_or_else(|| by_place(spans)), hidden });
    }
    let drawn = if tagged { None } else { spans.and_then(drawn) };
    let text = drawn.filter(|text| holds_all(text, document, page)).or_else(|| document.extract_text(page).ok())?;
    Some(Text { text, hidden: 0 })
}

/// The runs that are seen, and how many words the others have.
fn seen(document: &PdfDocument, page: usize, mut spans: Vec<TextSpan>) -> (usize, Vec<TextSpan>) {
    let mut hidden = hidden::of_page(document, page, &spans).into_iter();
    let mut words = 0;
    spans.retain(|span| {
        let is_hidden = hidden.next().unwrap_or(false);
        words += if is_hidden { span.text.split_whitespace().count() } else { 0 };
        !is_hidden
    });
    (words, spans)
}

/// Runs in lines from top to bottom: where nothing better is known.
fn by_place(spans: &[TextSpan]) -> String {
    let mut runs: Vec<Run> = spans.iter().map(run).collect();
    runs.sort_by(|a, b| b.y.total_cmp(&a.y).then(a.x.total_cmp(&b.x)));
    let lines = runs.chunk_by(|a, b| (a.y - b.y).abs() <= 0.5 * a.size.max(b.size));
    let line = |line: &[Run]| line.iter().map(|run| run.text.trim()).collect::<Vec<_>>().join(" ");
    lines.map(line).collect::<Vec<_>>().join("\n")
}

fn drawn(mut spans: Vec<TextSpan>) -> Option<String> {
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
