//! What there is to know of an answer and its sentences, in words for a person.

use super::disagree::Disagreement;
use super::event::{Answer, Verdict};
use super::filter::is_bar;

impl Verdict {
    /// What to say before "in your documents" of a sentence that is not wholly there.
    pub fn doubt(self) -> Option<&'static str> {
        match self {
            Self::Supported => None,
            Self::Partly => Some("only partly"),
            Self::NotFound => Some("not"),
        }
    }
}

impl Answer {
    /// What to know of an answer that no document supports, in a sentence.
    pub fn beyond_remark(&self) -> Option<&'static str> {
        self.beyond_documents.then_some("Beyond your documents: they support no sentence of this.")
    }

    /// What it was asked of, in a sentence, where the question names files or tags.
    pub fn within_remark(&self) -> Option<String> {
        (!self.within.is_empty()).then(|| self.within.words())
    }

    /// What the documents say differently, in a sentence.
    pub fn disagreement_remark(&self) -> Option<String> {
        self.disagreement.as_ref().map(Disagreement::words)
    }

    /// What to know of an answer in which the output filter found something, in a sentence.
    pub fn filter_remark(&self) -> Option<String> {
        let first = self.filtered.first()?;
        let mut kinds: Vec<&str> = self.filtered.iter().map(|one| one.kind.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let is_removed = self.answer.get(first.start..).is_some_and(is_bar);
        let verb = if is_removed { "Removed" } else { "Careful, this holds what looks like" };
        Some(format!("{verb}: {}.", kinds.join(", ")))
    }
}
