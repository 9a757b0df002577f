//! CSV and TSV: rows with their header, by the lines of the file.
//!
//! Format: RFC 4180, and what is written in its name: other separators, rows of unequal length.

use csv::{ReaderBuilder, StringRecord};

use super::{Block, BlockKind, LineRange, plain};

/// Rows in one block; each begins with the header.
const ROWS_PER_BLOCK: usize = 1000;
/// Lines that the separator is guessed by.
const PROBED: usize = 30;

/// The blocks of a table; of a text that is none, its paragraphs.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let Some(separator) = separator(text) else { return plain::blocks(text) };
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(text.as_bytes());
    let mut table = Table::default();
    let mut record = StringRecord::new();
    // Of text that is UTF-8 no record is an error.
    while reader.read_record(&mut record).unwrap_or(false) {
        // A record's position is before the empty lines above it.
        let (byte, line) = record.position().map_or((0, 1), |at| (at.byte() as usize, at.line() as u32));
        let start = line + text.as_bytes()[byte..].iter().take_while(|byte| **byte == b'\n').count() as u32;
        let end = (reader.position().line() as u32).saturating_sub(1).max(start);
        table.push(&record, LineRange { start, end });
    }
    table.finish()
}

/// The separator that cuts most of the first lines into equally many cells, at least two.
fn separator(text: &str) -> Option<u8> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(PROBED).collect();
    let share = |separator: u8| {
        let mut counts: Vec<usize> = lines.iter().map(|line| outside_quotes(line, separator)).collect();
        counts.sort_unstable();
        let usual = counts.get(counts.len() / 2).copied().unwrap_or(0);
        let alike = counts.iter().filter(|count| **count == usual).count();
        (usual > 0 && alike * 3 >= counts.len() * 2).then_some((alike, usual))
    };
    [b'\t', b';', b',', b'|'].into_iter().filter_map(|one| Some((share(one)?, one))).max().map(|(_, one)| one)
}

fn outside_quotes(line: &str, separator: u8) -> usize {
    let mut quoted = false;
    line.bytes()
        .filter(|byte| {
            quoted ^= *byte == b'"';
            *byte == separator && !quoted
        })
        .count()
}

#[derive(Default)]
struct Table {
    header: Option<(String, LineRange)>,
    first: Option<Vec<String>>,
    rows: Vec<(String, LineRange)>,
    blocks: Vec<Block>,
}

impl Table {
    fn push(&mut self, record: &StringRecord, lines: LineRange) {
        let cells: Vec<String> =
            record.iter().map(|cell| cell.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "¦")).collect();
        if cells.iter().all(String::is_empty) {
            return;
        }
        let row = cells.join(" | ").trim_end_matches([' ', '|']).to_owned();
        if self.first.is_none() {
            if is_header(&cells) {
                self.header = Some((row.clone(), lines));
            }
            self.first = Some(cells);
            if self.header.is_some() {
                return;
            }
        }
        self.rows.push((row, lines));
        if self.rows.len() == ROWS_PER_BLOCK {
            self.close();
        }
    }

    fn close(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() && !self.blocks.is_empty() {
            return;
        }
        let header_lines = usize::from(self.header.is_some());
        let (texts, lines): (Vec<String>, Vec<LineRange>) = self.header.iter().cloned().chain(rows).unzip();
        if !texts.is_empty() {
            let kind = BlockKind::Table { header_lines };
            self.blocks.push(Block { kind, text: texts.join("\n"), lines, page: None });
        }
    }

    fn finish(mut self) -> Vec<Block> {
        self.close();
        self.blocks
    }
}

/// Whether a first row names columns: words, all there, all different.
fn is_header(cells: &[String]) -> bool {
    let is_number =
        |cell: &str| cell.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | ' ' | '%'));
    let mut names: Vec<&String> = cells.iter().collect();
    names.sort_unstable();
    names.dedup();
    names.len() == cells.len() && !cells.iter().any(|cell| is_number(cell))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_keep_their_lines_and_the_header() {
        let blocks = blocks("tree;age;note\npear;40;\"old,\nbut healthy\"\n\nplum;7;\n");
        assert_eq!(blocks.len(), 1);
        assert_eq!(blocks[0].kind, BlockKind::Table { header_lines: 1 });
        assert_eq!(blocks[0].text, "tree | age | note\npear | 40 | old, but healthy\nplum | 7");
        let lines: Vec<(u32, u32)> = blocks[0].lines.iter().map(|line| (line.start, line.end)).collect();
        assert_eq!(lines, [(1, 1), (2, 3), (5, 5)]);
    }

    #[test]
    fn numbers_are_no_header_and_prose_is_no_table() {
        assert_eq!(blocks("1,2\n3,4\n")[0].kind, BlockKind::Table { header_lines: 0 });
        assert_eq!(
            blocks("Dear all,\n\nthis is a letter, with commas, here and there.\nBye\n")[0].kind,
            BlockKind::Paragraph
        );
    }

    #[test]
    fn a_long_table_repeats_its_header_in_each_block() {
        let text: String = std::iter::once("a,b\n".to_owned()).chain((0..2500).map(|n| format!("x{n},y\n"))).collect();
        let blocks = blocks(&text);
        assert_eq!(blocks.len(), 3);
        assert!(blocks.iter().all(|block| block.text.starts_with("a | b\n")));
        assert_eq!(blocks[2].lines.last().unwrap().start, 2501);
    }

    proptest! {
        #[test]
        fn any_text_gives_monotonic_lines_inside_it(text in "([a-z0-9\",;\t|]{0,6}\n?){0,40}") {
            for block in blocks(&text) {
                prop_assert_eq!(block.lines.len(), block.text.split('\n').count());
                prop_assert!(block.lines.windows(2).all(|pair| pair[0].start <= pair[1].start));
                prop_assert!(block.lines.iter().all(|line| line.end as usize <= text.split('\n').count()));
            }
        }
    }
}
