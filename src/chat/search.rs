//! Full text of conversations: which turns hold all of some words, and the stretch around the first of them.
//!
//! Words are compared without regard to case, anywhere in a word: `prun` finds *pruned*. Conversations are few and short beside
//! a folder of documents, so they are looked through as they are; there is no index that could fall behind.

use serde::Serialize;

use super::session::{Conversation, SessionSummary};

/// Characters of an excerpt before the first word found.
const BEFORE: usize = 40;
/// Characters of an excerpt from the first word found on.
const AFTER: usize = 110;

/// A conversation that holds what was searched for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The conversation.
    #[serde(flatten)]
    pub session: SessionSummary,
    /// One for each turn that holds all words, in order; none where only the name does.
    pub excerpts: Vec<Excerpt>,
}

/// The stretch of a turn around the first word found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excerpt {
    /// Which turn, from 1.
    pub turn: usize,
    /// On one line, with `…` where something was left out.
    pub text: String,
}

/// Words to search for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// The words of `text`; `None` when there are none.
    pub fn parse(text: &str) -> Option<Self> {
        // By characters, as the texts are: a word's lower case as a whole can differ (final sigma).
        let lower = |word: &str| word.chars().flat_map(char::to_lowercase).collect();
        let words: Vec<String> = text.split_whitespace().map(lower).collect();
        (!words.is_empty()).then_some(Self(words))
    }

    /// Where all words stand in one turn of `conversation`; `None` when they stand in none, and not in its name.
    pub(super) fn find(&self, conversation: &Conversation) -> Option<Vec<Excerpt>> {
        let excerpts: Vec<Excerpt> = conversation
            .turns
            .iter()
            .enumerate()
            .filter_map(|(index, turn)| {
                let text = self.excerpt(&turn.question, &turn.answer.answer)?;
                Some(Excerpt { turn: index + 1, text })
            })
            .collect();
        let title = Folded::new(&conversation.title);
        let named = || self.0.iter().all(|word| title.find(word).is_some());
        (!excerpts.is_empty() || named()).then_some(excerpts)
    }

    /// The answer is quoted where it holds a word, else the question.
    fn excerpt(&self, question: &str, answer: &str) -> Option<String> {
        let (question, answer) = (Folded::new(question), Folded::new(answer));
        let all = self.0.iter().all(|word| question.find(word).is_some() || answer.find(word).is_some());
        if !all {
            return None;
        }
        let first = |text: &Folded<'_>| self.0.iter().filter_map(|word| text.find(word)).min();
        match (first(&answer), first(&question)) {
            (Some(at), _) => Some(answer.around(at)),
            (None, Some(at)) => Some(question.around(at)),
            (None, None) => None,
        }
    }
}

/// A text in lower case that knows where each of its bytes comes from: lower case can be longer or shorter.
struct Folded<'a> {
    text: &'a str,
    lower: String,
    /// Ends of the characters in `lower`, and their starts in `text`, where the two differ in length.
    starts: Option<Vec<(usize, usize)>>,
}

impl<'a> Folded<'a> {
    fn new(text: &'a str) -> Self {
        if text.is_ascii() {
            return Self { text, lower: text.to_ascii_lowercase(), starts: None };
        }
        let mut lower = String::with_capacity(text.len());
        let mut starts = Vec::with_capacity(text.len());
        for (at, c) in text.char_indices() {
            lower.extend(c.to_lowercase());
            starts.push((lower.len(), at));
        }
        Self { text, lower, starts: Some(starts) }
    }

    /// The byte of the original text where `word`, in lower case, first stands.
    fn find(&self, word: &str) -> Option<usize> {
        let at = self.lower.find(word)?;
        Some(match &self.starts {
            None => at,
            Some(starts) => starts[starts.partition_point(|(end, _)| *end <= at)].1,
        })
    }

    fn around(&self, at: usize) -> String {
        let (before, after) = self.text.split_at(at);
        let start = before.char_indices().rev().nth(BEFORE).map_or(0, |(at, _)| at);
        let end = after.char_indices().nth(AFTER).map_or(self.text.len(), |(length, _)| at + length);
        // Words are kept whole, unless a stretch is one word.
        let start = match before[start..].find(char::is_whitespace) {
            Some(space) if start > 0 => start + space,
            _ => start,
        };
        let end = match self.text[at..end].rfind(char::is_whitespace) {
            Some(space) if end < self.text.len() && space > 0 => at + space,
            _ => end,
        };
        let words = self.text[start..end].split_whitespace().collect::<Vec<_>>().join(" ");
        let open = if start > 0 { "… " } else { "" };
        let close = if end < self.text.len() { " …" } else { "" };
        format!("{open}{words}{close}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(words: &str, question: &str, answer: &str) -> Option<String> {
        Words::parse(words).unwrap().excerpt(question, answer)
    }

    #[test]
    fn all_words_must_stand_in_one_turn_and_the_answer_is_quoted_first() {
        let (question, answer) = ("When did I prune the pear?", "On March 9.");
        assert_eq!(excerpt("PEAR march", question, answer).as_deref(), Some("On March 9."));
        assert_eq!(excerpt("prun", question, answer).as_deref(), Some(question));
        assert_eq!(excerpt("pear plum", question, answer), None);
        assert_eq!(Words::parse("  "), None);
    }

    #[test]
    fn an_excerpt_keeps_words_whole_and_says_where_it_was_cut() {
        let answer = format!("{}needle {}", "hay ".repeat(30), "straw ".repeat(40));
        let found = excerpt("needle", "q", &answer).unwrap();
        assert!(found.starts_with("… hay") && found.ends_with("straw …") && found.contains("needle"), "{found}");
        assert!(found.chars().count() < BEFORE + AFTER + 10, "{found}");
    }

    #[test]
    fn letters_whose_lower_case_has_another_length_do_not_move_the_excerpt() {
        // İ is two bytes and its lower case three; ẞ is three bytes and its lower case two.
        assert_eq!(excerpt("straße", "q", "İİİİ ẞẞ STRASSE Straße").as_deref(), Some("İİİİ ẞẞ STRASSE Straße"));
        assert_eq!(excerpt("ende", "q", &format!("{} Ende", "İ".repeat(90))).as_deref(), Some("… Ende"));
    }
}
