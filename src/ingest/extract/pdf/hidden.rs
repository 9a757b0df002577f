//! Which runs of a page nobody sees: drawn in no color, in the color of the bare page, or too small.
//!
//! Careful in one direction: what may be seen stays. White letters on anything that is painted stay (the heads of tables are white on a color),
//! and so does the invisible text that lies over a picture, which is how scans carry their words.

use pdf_oxide::PdfDocument;
use pdf_oxide::content::{Operator, parse_content_stream};
use pdf_oxide::geometry::{Point, Rect};
use pdf_oxide::layout::TextSpan;

/// Smallest letters that anyone reads, in points.
const MIN_SIZE: f32 = 1.0;
/// From this share of each color on, letters are white.
const WHITE: f32 = 0.985;
/// How far the origin of a run may be from where the parser has it, in points.
const NEAR: f32 = 1.0;

/// For each of a page's runs, whether nobody sees it.
pub(super) fn of_page(document: &PdfDocument, page: usize, spans: &[TextSpan]) -> Vec<bool> {
    let mut hidden: Vec<bool> = spans.iter().map(|span| span.font_size > 0.0 && span.font_size < MIN_SIZE).collect();
    let content = document.get_page_content_data(page).unwrap_or_default();
    let has_modes = content.windows(4).any(|at| matches!(at, [b'3' | b'7', b' ', b'T', b'r']));
    let has_white = spans.iter().any(is_white);
    if !has_modes && !has_white {
        return hidden;
    }
    let operators = parse_content_stream(&content).unwrap_or_default();
    let mut pictures = None;
    let mut over_picture = |span: &TextSpan| {
        let pictures = pictures.get_or_insert_with(|| pictures_of(document, page));
        pictures.iter().any(|picture| picture.contains_point(&center(span)))
    };
    if has_modes {
        let origins = origins(&operators);
        for (span, hidden) in spans.iter().zip(&mut hidden) {
            let upright = span.rotation_degrees == 0.0 && span.page_rotation_applied == 0;
            *hidden |= upright && is_drawn_in_no_color(span, &origins) && !over_picture(span);
        }
    }
    if has_white {
        let grounds = grounds(document, page, &operators);
        for (span, hidden) in spans.iter().zip(&mut hidden).filter(|(span, _)| is_white(span)) {
            let bare =
                grounds.as_ref().is_some_and(|grounds| !grounds.iter().any(|at| at.contains_point(&center(span))));
            *hidden |= bare && !over_picture(span);
        }
    }
    hidden
}

fn is_white(span: &TextSpan) -> bool {
    [span.color.r, span.color.g, span.color.b].iter().all(|share| *share >= WHITE)
}

fn center(span: &TextSpan) -> Point {
    Point { x: span.bbox.x + span.bbox.width / 2.0, y: span.bbox.y + span.bbox.height / 2.0 }
}

fn pictures_of(document: &PdfDocument, page: usize) -> Vec<Rect> {
    document.page_image_handles(page).unwrap_or_default().into_iter().map(|picture| picture.bbox).collect()
}

/// What is painted on a page in another color than white; `None` where that cannot be told.
fn grounds(document: &PdfDocument, page: usize, operators: &[Operator]) -> Option<Vec<Rect>> {
    // A gradient has no outline of its own. Colors of other spaces are not told with the paths: any of these may be one.
    if operators.iter().any(|operator| matches!(operator, Operator::PaintShading { .. })) {
        return None;
    }
    let other_colors = |operator: &Operator| {
        matches!(
            operator,
            Operator::SetFillColor { .. } | Operator::SetFillColorN { .. } | Operator::SetFillColorSpace { .. }
        )
    };
    let any_color = operators.iter().any(other_colors);
    let paths = document.extract_paths(page).ok()?;
    let painted = paths.into_iter().filter(|path| {
        path.fill_color.is_some_and(|color| any_color || [color.r, color.g, color.b].iter().any(|share| *share < WHITE))
    });
    Some(painted.map(|path| path.bbox).collect())
}

/// Where the page's own drawing begins to show text.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Origin {
    x: f32,
    y: f32,
    is_invisible: bool,
    /// Whether the pen was put there; else it goes on from what was shown before, wherever that ended.
    is_placed: bool,
}

/// An affine map, as the operators write it (ISO 32000-1, 8.3.3).
type Matrix = [f32; 6];

const IDENTITY: Matrix = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];

/// First `first`, then `then`.
fn product(first: Matrix, then: Matrix) -> Matrix {
    let turned = |x: f32, y: f32| [x * then[0] + y * then[2], x * then[1] + y * then[3]];
    let (right, up, origin) = (turned(first[0], first[1]), turned(first[2], first[3]), turned(first[4], first[5]));
    [right[0], right[1], up[0], up[1], origin[0] + then[4], origin[1] + then[5]]
}

/// The part of the state that decides where text is shown, and whether it is seen.
#[derive(Clone, Copy)]
struct Pen {
    page: Matrix,
    mode: u8,
    leading: f32,
}

fn origins(operators: &[Operator]) -> Vec<Origin> {
    let mut origins = Vec::new();
    let mut pen = Pen { page: IDENTITY, mode: 0, leading: 0.0 };
    let (mut saved, mut line, mut is_placed) = (Vec::new(), IDENTITY, true);
    for operator in operators {
        let mut shows = false;
        let mut moved = None;
        match operator {
            Operator::SaveState => saved.push(pen),
            Operator::RestoreState => pen = saved.pop().unwrap_or(pen),
            Operator::Cm { a, b, c, d, e, f } => pen.page = product([*a, *b, *c, *d, *e, *f], pen.page),
            Operator::Tr { render } => pen.mode = *render,
            Operator::TL { leading } => pen.leading = *leading,
            Operator::BeginText => (line, is_placed) = (IDENTITY, true),
            Operator::Tm { a, b, c, d, e, f } => (line, is_placed) = ([*a, *b, *c, *d, *e, *f], true),
            Operator::Td { tx, ty } => moved = Some((*tx, *ty)),
            Operator::TD { tx, ty } => {
                pen.leading = -ty;
                moved = Some((*tx, *ty));
            }
            Operator::TStar => moved = Some((0.0, -pen.leading)),
            Operator::Quote { .. } | Operator::DoubleQuote { .. } => {
                moved = Some((0.0, -pen.leading));
                shows = true;
            }
            Operator::Tj { .. } | Operator::TJ { .. } => shows = true,
            _ => {}
        }
        if let Some((x, y)) = moved {
            (line, is_placed) = (product([1.0, 0.0, 0.0, 1.0, x, y], line), true);
        }
        if shows {
            let [.., x, y] = product(line, pen.page);
            origins.push(Origin { x, y, is_invisible: matches!(pen.mode, 3 | 7), is_placed });
            is_placed = false;
        }
    }
    origins
}

/// Whether a run begins where only text in no color was shown. A line whose text is partly seen, with no place for each part, is seen.
fn is_drawn_in_no_color(span: &TextSpan, origins: &[Origin]) -> bool {
    let on_line: Vec<&Origin> = origins.iter().filter(|origin| (origin.y - span.bbox.y).abs() <= NEAR).collect();
    let mut here =
        on_line.iter().filter(|origin| origin.is_placed && (origin.x - span.bbox.x).abs() <= NEAR).peekable();
    if here.peek().is_some() {
        return here.all(|origin| origin.is_invisible);
    }
    let mut before = on_line.iter().filter(|origin| origin.x <= span.bbox.x + NEAR).peekable();
    before.peek().is_some() && before.all(|origin| origin.is_invisible)
}
