//! Runs of glyphs in the order in which they were drawn → lines and paragraphs. Pure.
//!
//! Programs that set text write it in reading order, column by column, which no geometry knows as well; where a page was
//! evidently not drawn in reading order, [`assemble`] says so and the caller orders it by geometry.

/// Glyphs that were drawn together, in points; y grows upwards.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    /// Its characters, in reading order.
    pub(super) text: String,
    /// Left end of its baseline.
    pub(super) x: f32,
    /// Its baseline.
    pub(super) y: f32,
    /// Length of its baseline.
    pub(super) width: f32,
    /// Size of its font.
    pub(super) size: f32,
    /// Whether it does not run from left to right.
    pub(super) turned: bool,
}

impl Run {
    /// Where what follows begins: an accent stands over the letter that is drawn after it.
    fn next_from(&self) -> f32 {
        if self.is_accent() { self.x } else { self.x + self.width }
    }

    fn is_accent(&self) -> bool {
        matches!(self.text.as_str(), "~" | "^" | "`" | "´" | "¨" | "ˆ" | "˜" | "ˇ" | "˘" | "¯" | "˙" | "˚" | "¸" | "˝")
    }
}

/// Gap that is a space, by the size of the font; kerning stays below.
const SPACE: f32 = 0.13;
/// Greatest shift of a sub- or superscript, by the size of the larger font.
const SHIFT: f32 = 0.55;
/// Most that a run may begin before the end of the one before it: italics lean over, accents stand back.
const BACK: f32 = 0.4;
/// Greatest distance of two lines of a paragraph, by the size of the font.
const LEADING: f32 = 1.75;
/// Share of lines that begin above the line before them, from which on a page was not drawn in reading order.
const MAX_CLIMBS: f32 = 0.25;
/// Climbs that any page may have: header, footer, columns, notes.
const FREE_CLIMBS: usize = 8;
/// How many runs back the same text may lie over itself: letters that are drawn twice to look bold.
const TWICE: usize = 4;

#[derive(Debug)]
struct Line {
    text: String,
    x: f32,
    y: f32,
    end: f32,
    /// The least x at which a run goes on with the line.
    from: f32,
    size: f32,
    turned: bool,
}

impl Line {
    fn new(run: &Run) -> Self {
        let Run { text, x, y, width, size, turned } = run;
        let text = text.trim_start().to_owned();
        Self { text, x: *x, y: *y, end: x + width, from: run.next_from(), size: *size, turned: *turned }
    }

    /// Whether a run goes on with this line.
    fn takes(&self, run: &Run) -> bool {
        let size = self.size.max(run.size);
        !self.turned
            && !run.turned
            && (self.y - run.y).abs() <= SHIFT * size
            && run.x >= self.from - BACK * size
            && self.size < 4.0 * run.size
            && run.size < 4.0 * self.size
    }

    fn push(&mut self, run: &Run) {
        let spaced = self.text.ends_with(' ') || run.text.starts_with(' ');
        if !spaced && run.x - self.end > SPACE * self.size.min(run.size) {
            self.text.push(' ');
        }
        self.text.push_str(&run.text);
        self.end = self.end.max(run.x + run.width);
        self.from = if run.is_accent() { run.next_from() } else { self.end };
        // The line is that of its letters, not of their exponents.
        if run.size >= self.size {
            (self.y, self.size) = (run.y, run.size);
        }
    }

    /// Whether the next line belongs to the same paragraph.
    fn goes_on(&self, next: &Self) -> bool {
        let size = self.size.max(next.size);
        let down = self.y - next.y;
        let alike = self.size < 1.2 * next.size && next.size < 1.2 * self.size;
        if self.turned != next.turned || !alike {
            return false;
        }
        let beside = next.x < self.end && self.x < next.end.max(next.x + size);
        // The next column, or the next page's worth of a text that is in the middle of a sentence.
        let cut = !self.text.ends_with(['.', '!', '?', ':', '。']) && next.text.starts_with(char::is_lowercase);
        (beside && down > 0.0 && down <= LEADING * size) || (cut && self.text.len() > 24 && down < 0.0)
    }
}

/// A page's text, lines separated by `\n` and paragraphs by an empty one; `None` where it was not drawn in reading order.
pub(super) fn assemble(runs: &[Run]) -> Option<String> {
    let mut lines: Vec<Line> = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        if run.text.trim().is_empty() || runs[at.saturating_sub(TWICE)..at].iter().any(|before| is_twice(before, run)) {
            continue;
        }
        match lines.last_mut() {
            Some(line) if line.takes(run) => line.push(run),
            _ => lines.push(Line::new(run)),
        }
    }
    if lines.iter().filter(|line| line.turned).count() * 2 > lines.len()
        || lines.iter().filter(|line| line.text.chars().nth(1).is_none()).count() * 2 > lines.len()
    {
        return None;
    }
    let climbs = lines.windows(2).filter(|pair| pair[1].y > pair[0].y + 2.0 * pair[0].size).count();
    if climbs > FREE_CLIMBS && climbs as f32 > MAX_CLIMBS * lines.len() as f32 {
        return None;
    }
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            text.push_str(if lines[at - 1].goes_on(line) { "\n" } else { "\n\n" });
        }
        text.push_str(line.text.trim_end());
    }
    Some(text)
}

fn is_twice(before: &Run, run: &Run) -> bool {
    let near = 0.2 * run.size;
    before.text == run.text && (before.x - run.x).abs() < near && (before.y - run.y).abs() < near
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str, x: f32, y: f32) -> Run {
        Run { text: text.into(), x, y, width: text.len() as f32 * 5.0, size: 10.0, turned: false }
    }

    #[test]
    fn kerning_is_no_space_and_a_gap_is_one() {
        let runs = [run("gi", 0.0, 100.0), run("ven", 10.8, 100.0), run("word", 28.0, 100.0)];
        assert_eq!(assemble(&runs).unwrap(), "given word");
    }

    #[test]
    fn an_index_stays_with_its_letter_and_the_line() {
        let index = Run { size: 7.0, width: 3.0, ..run("2", 5.2, 98.0) };
        let runs = [run("U", 0.0, 100.0), index, run("is", 11.0, 100.0), run("open", 0.0, 88.0)];
        assert_eq!(assemble(&runs).unwrap(), "U2 is\nopen");
    }

    #[test]
    fn columns_follow_each_other_and_a_sentence_crosses_them() {
        let runs = [
            run("A heading", 0.0, 400.0),
            run("the left column has a sentence that", 0.0, 300.0),
            run("goes on to the far end of it with no", 0.0, 288.0),
            run("stop before the right one. Then", 300.0, 300.0),
            run("another.", 300.0, 288.0),
        ];
        let text = "A heading\n\nthe left column has a sentence that\ngoes on to the far end of it with no\nstop before the right \
                    one. Then\nanother.";
        assert_eq!(assemble(&runs).unwrap(), text);
    }

    #[test]
    fn letters_drawn_twice_are_read_once() {
        let runs = [run("Bold", 0.0, 100.0), run("Bold", 0.4, 100.0), run("Bold", 40.0, 100.0)];
        assert_eq!(assemble(&runs).unwrap(), "Bold Bold");
    }

    #[test]
    fn a_page_drawn_in_no_order_is_left_to_geometry() {
        let runs: Vec<Run> = (0..40).map(|n| run("word", 0.0, ((n * 17) % 40) as f32 * 12.0)).collect();
        assert_eq!(assemble(&runs), None);
    }
}
