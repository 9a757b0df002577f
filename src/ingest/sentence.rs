//! Where sentences begin: UAX #29, but never inside code. `println!` ends no sentence.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

/// Backticks from here on fence a block: what stands between is lines, not a sentence.
const FENCE: usize = 3;

/// The byte offsets at which the sentences of `text` begin, in order, the first one included; none where it is empty. A line's end
/// ends its sentence too.
pub fn sentence_starts(text: &str) -> Vec<usize> {
    let code = code_spans(text);
    let mut next = 0;
    let stands = |at: &usize| {
        while code.get(next).is_some_and(|span| span.end <= *at) {
            next += 1;
        }
        let inside = code.get(next).is_some_and(|span| span.start < *at);
        !inside && !cuts_word(text, *at)
    };
    text.split_sentence_bound_indices().map(|(at, _)| at).filter(stands).collect()
}

/// Whether the sign before `at` ends nothing, because what follows goes on right behind it: `println!()`, `a?b`. Scripts without spaces
/// end their sentences with signs of their own.
fn cuts_word(text: &str, at: usize) -> bool {
    let goes_on = text[at..].starts_with(|c: char| !c.is_whitespace());
    // An opening bracket behind the sign belongs to it by the standard: `vec![1]`.
    goes_on && text[..at].trim_end_matches(['(', '[', '{']).ends_with(['.', '!', '?'])
}

/// The ranges between backticks and as many backticks, within a paragraph, sorted and disjoint.
fn code_spans(text: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    let mut at = 0;
    while let Some(found) = text[at..].find('`').map(|offset| at + offset) {
        if text[at..found].contains("\n\n") {
            open = None;
        }
        let run = text[found..].len() - text[found..].trim_start_matches('`').len();
        at = found + run;
        open = match open {
            _ if run >= FENCE => None,
            Some((start, opened)) if opened == run => {
                spans.push(start..at);
                None
            }
            Some(open) => Some(open),
            None => Some((found, run)),
        };
    }
    spans
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sentences(text: &str) -> Vec<&str> {
        let starts = sentence_starts(text);
        let ends = starts.iter().copied().skip(1).chain([text.len()]);
        starts.iter().zip(ends).map(|(start, end)| text[*start..end].trim_end()).collect()
    }

    #[test]
    fn code_ends_no_sentence() {
        for whole in [
            "If we call `println!` in a test, we see nothing.",
            "Use `foo! bar? x.` and go on.",
            "Two ticks ``a ` b! c`` make one.",
            "Write x!y or vec![1] here.",
            "Is a?b a name?",
        ] {
            assert_eq!(sentences(whole), [whole]);
        }
    }

    #[test]
    fn other_sentences_end_as_before() {
        assert_eq!(sentences("Stop! \"Why?\" Go. Now."), ["Stop!", "\"Why?\"", "Go.", "Now."]);
        assert_eq!(sentences("One `a` b. Two `c` d."), ["One `a` b.", "Two `c` d."]);
        assert_eq!(sentences("An open ` tick. Goes on."), ["An open ` tick.", "Goes on."]);
        assert_eq!(
            sentences("An open ` tick.\n\nAnother ` one. End."),
            ["An open ` tick.", "", "Another ` one.", "End."]
        );
        assert_eq!(sentences("```\na! b\n``` C. D. ```"), ["```", "a!", "b", "``` C.", "D.", "```"]);
        assert_eq!(sentences("今日は雨。明日は？晴れ！"), ["今日は雨。", "明日は？", "晴れ！"]);
        assert!(sentence_starts("").is_empty());
    }

    proptest! {
        #[test]
        fn every_start_is_one_of_the_standard_and_the_first_stays(text in "([a-z中`.!? \n]|``){0,60}") {
            let standard: Vec<usize> = text.split_sentence_bound_indices().map(|(at, _)| at).collect();
            let ours = sentence_starts(&text);
            prop_assert!(ours.iter().all(|at| standard.contains(at)));
            prop_assert_eq!(ours.first(), standard.first());
        }
    }
}
