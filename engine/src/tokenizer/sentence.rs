//! SentencePiece vocabularies (`tokenizer.ggml.model = llama`): pieces with scores instead of merges, as Llama 2, Gemma and Phi-3 have.
//!
//! Text is cut into characters; of all neighbors that together are a piece those with the best score are joined, the leftmost
//! of equals, until none are left; what is no piece then is written in bytes (`llm_tokenizer_spm_session` of llama.cpp, which
//! does the same as SentencePiece's BPE: Kudo & Richardson 2018, <https://arxiv.org/abs/1808.06226>). A space is written as ▁.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use aho_corasick::{AhoCorasick, MatchKind};

/// What stands for a space in pieces.
pub(super) const SPACE: char = '▁';

/// Text → ids, with pieces that come out of text only.
pub(super) struct Pieces {
    /// Id and score of each piece.
    known: HashMap<String, (u32, f32)>,
    /// The token of every byte.
    bytes: [u32; 256],
    /// Runs of white space with a token of their own, which are taken before anything else. Where texts begin with a space llama.cpp
    /// adds one behind such a run too, SentencePiece and this do not: the text would not come back.
    runs: Option<(AhoCorasick, Vec<u32>)>,
    /// Whether a text at the beginning, or behind a control token, begins with a space.
    pub(super) begins_with_space: bool,
}

impl Pieces {
    pub(super) fn new(
        pieces: HashMap<String, (u32, f32)>,
        bytes: &[u32; 256],
        runs: Vec<(String, u32)>,
        begins_with_space: bool,
    ) -> Result<Self, aho_corasick::BuildError> {
        let (texts, ids): (Vec<String>, Vec<u32>) = runs.into_iter().unzip();
        let build = || AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&texts);
        let runs = if texts.is_empty() { None } else { Some((build()?, ids)) };
        Ok(Self { known: pieces, bytes: *bytes, runs, begins_with_space })
    }

    /// The ids of a text; `first` says that it stands at the beginning or behind a control token.
    pub(super) fn encode(&self, text: &str, first: bool) -> Vec<u32> {
        let mut ids = Vec::new();
        let mut rest = 0;
        if let Some((automaton, tokens)) = &self.runs {
            for found in automaton.find_iter(text) {
                self.join(&text[rest..found.start()], first && rest == 0, &mut ids);
                ids.push(tokens[found.pattern().as_usize()]);
                rest = found.end();
            }
        }
        self.join(&text[rest..], first && rest == 0, &mut ids);
        ids
    }

    fn join(&self, text: &str, first: bool, ids: &mut Vec<u32>) {
        if text.is_empty() {
            return;
        }
        let prefix = if first && self.begins_with_space { " " } else { "" };
        let text: String = prefix.chars().chain(text.chars()).map(|c| if c == ' ' { SPACE } else { c }).collect();
        let mut symbols: Vec<Symbol> =
            text.char_indices().map(|(start, character)| Symbol { start, end: start + character.len_utf8() }).collect();
        let count = symbols.len();
        // A symbol that was joined to the one before it is empty; its neighbors are found through these.
        let (mut before, mut after): (Vec<usize>, Vec<usize>) =
            ((0..count).map(|at| at.wrapping_sub(1)).collect(), (1..=count).collect());
        let mut waiting = BinaryHeap::new();
        let candidate = |symbols: &[Symbol], left: usize, right: usize| {
            let (start, end) = (symbols[left].start, symbols[right].end);
            self.known.get(&text[start..end]).map(|(_, score)| Pair { score: *score, left, right, length: end - start })
        };
        waiting.extend((1..count).filter_map(|right| candidate(&symbols, right - 1, right)));
        while let Some(Pair { left, right, length, .. }) = waiting.pop() {
            let (first, second) = (symbols[left], symbols[right]);
            if first.is_empty() || second.is_empty() || second.end - first.start != length {
                continue;
            }
            symbols[left].end = second.end;
            symbols[right].end = second.start;
            after[left] = after[right];
            if after[right] < count {
                before[after[right]] = left;
                waiting.extend(candidate(&symbols, left, after[right]));
            }
            if before[left] < count {
                waiting.extend(candidate(&symbols, before[left], left));
            }
        }
        for symbol in symbols.iter().filter(|symbol| !symbol.is_empty()) {
            let piece = &text[symbol.start..symbol.end];
            match self.known.get(piece) {
                Some((id, _)) => ids.push(*id),
                None => ids.extend(piece.bytes().map(|byte| self.bytes[usize::from(byte)])),
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Symbol {
    start: usize,
    end: usize,
}

impl Symbol {
    fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// Two neighbors that are a piece together.
struct Pair {
    score: f32,
    left: usize,
    right: usize,
    length: usize,
}

impl Ord for Pair {
    /// The best score first, then the leftmost.
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.left.cmp(&self.left))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Pair {}
