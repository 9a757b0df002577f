//! Drafts of the next tokens, copied from what was read and written.
//!
//! An answer from documents repeats them, so where the last tokens stood before, what followed them then is a good guess
//! (prompt lookup decoding, Saxena 2023, <https://github.com/apoorvumang/prompt-lookup-decoding>). The model checks a draft in one
//! pass, which costs little more than one token's as long as reading the weights takes most of the time. Every token is still
//! sampled from the model's own scores, which do not depend on how tokens are grouped: a stream is the same with drafts and
//! without.

use std::collections::HashMap;

/// Tokens that must match before a draft begins, longest first. Two alone match too often by chance in long prompts: they count
/// only where three do not exist.
const MATCHES: [usize; 2] = [3, 2];
/// Tokens without a draft after one of which nothing was right, doubled each time that this happens in a row.
const PAUSE: usize = 4;
const LONGEST_PAUSE: usize = 64;

/// What was read and written, and where each run of tokens stood last.
#[derive(Debug)]
pub(crate) struct Lookup {
    history: Vec<u32>,
    /// Run of tokens → where the next one stands.
    follows: HashMap<[u32; MATCHES[0]], usize>,
    /// Where what follows the last tokens may be found, by what they did before.
    found: Option<usize>,
    pace: Pace,
}

/// How much to draft, by how it went.
#[derive(Debug)]
struct Pace {
    most: usize,
    length: usize,
    /// Tokens until the next draft.
    wait: usize,
    pause: usize,
}

impl Lookup {
    /// Of drafts of at most `most` tokens; 0 switches them off.
    pub(crate) fn new(read: &[u32], most: usize) -> Self {
        let pace = Pace { most, length: most.div_ceil(2), wait: 0, pause: PAUSE };
        let mut lookup = Self { history: Vec::new(), follows: HashMap::new(), found: None, pace };
        if most > 0 {
            lookup.extend(read);
        }
        lookup
    }

    fn extend(&mut self, tokens: &[u32]) {
        for token in tokens {
            self.push(*token);
        }
    }

    /// A token was chosen.
    pub(crate) fn push(&mut self, token: u32) {
        if self.pace.most == 0 {
            return;
        }
        self.history.push(token);
        self.pace.wait = self.pace.wait.saturating_sub(1);
        self.found = None;
        for length in MATCHES {
            let Some(start) = self.history.len().checked_sub(length) else { continue };
            // Shorter runs are filled up with a token that does not exist.
            let mut run = [u32::MAX; MATCHES[0]];
            run[..length].copy_from_slice(&self.history[start..]);
            let before = self.follows.insert(run, self.history.len());
            self.found = self.found.or(before);
        }
    }

    /// What may come next: at most `room` tokens, often none.
    pub(crate) fn draft(&self, room: usize) -> &[u32] {
        match self.found {
            Some(at) if self.pace.wait == 0 => {
                let rest = &self.history[at..];
                &rest[..rest.len().min(self.pace.length).min(room)]
            }
            _ => &[],
        }
    }

    /// Of a draft of `drafted` tokens the first `right` were chosen.
    pub(crate) fn judge(&mut self, drafted: usize, right: usize) {
        self.pace.judge(drafted, right);
    }
}

impl Pace {
    fn judge(&mut self, drafted: usize, right: usize) {
        if drafted == 0 {
            return;
        }
        if right == 0 {
            self.wait = self.pause;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            self.length = self.length.div_ceil(2);
        } else {
            self.pause = PAUSE;
            self.length = if right == drafted { self.length * 2 } else { right + 1 };
        }
        self.length = self.length.clamp(1, self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_followed_the_same_tokens_before_is_the_draft() {
        let lookup = Lookup::new(&[1, 2, 3, 4, 5, 6, 7, 9, 2, 3, 4], 8);
        assert_eq!(lookup.draft(8), [5, 6, 7, 9]);
        assert_eq!(lookup.draft(2), [5, 6]);
        assert!(Lookup::new(&[1, 2, 3, 4], 8).draft(8).is_empty());
        assert!(Lookup::new(&[], 8).draft(8).is_empty());
    }

    #[test]
    fn three_tokens_count_before_two_and_the_latest_place_before_earlier_ones() {
        assert_eq!(Lookup::new(&[1, 2, 3, 8, 5, 2, 3, 9, 1, 2, 3], 2).draft(1), [8]);
        assert_eq!(Lookup::new(&[2, 3, 8, 5, 2, 3, 9, 7, 2, 3], 2).draft(1), [9]);
    }

    #[test]
    fn drafts_grow_while_they_are_right_and_pause_when_they_are_wrong() {
        let mut lookup = Lookup::new(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3], 4);
        assert_eq!(lookup.draft(9), [4, 5]);
        lookup.judge(2, 2);
        assert_eq!(lookup.draft(9), [4, 5, 6, 7]);
        lookup.judge(4, 0);
        assert!(lookup.draft(9).is_empty());
        for token in [1, 2, 3] {
            lookup.push(token);
            assert!(lookup.draft(9).is_empty());
        }
        lookup.extend(&[4, 1, 2, 3]);
        assert_eq!(lookup.draft(9), [4, 1]);
    }

    #[test]
    fn without_drafts_nothing_is_kept() {
        let mut lookup = Lookup::new(&[1, 2, 3, 1, 2, 3], 0);
        lookup.push(1);
        assert!(lookup.draft(9).is_empty() && lookup.history.is_empty());
    }
}
