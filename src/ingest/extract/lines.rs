//! Byte offset → line number of a text, by binary search over its line starts.

/// The line starts of one text.
#[derive(Debug)]
pub(super) struct LineIndex {
    starts: Vec<usize>,
}

impl LineIndex {
    /// Indexes `text`.
    pub(super) fn new(text: &str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { starts }
    }

    /// The 1-based line that holds byte `at`.
    pub(super) fn line_of(&self, at: usize) -> u32 {
        self.starts.partition_point(|start| *start <= at).max(1) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_on_its_line() {
        let text = "a\n\nbc\n";
        let index = LineIndex::new(text);
        let lines: Vec<u32> = (0..=text.len()).map(|at| index.line_of(at)).collect();
        assert_eq!(lines, [1, 1, 2, 3, 3, 3, 4]);
    }
}
