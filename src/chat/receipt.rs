//! What a conversation keeps beside an answer, so that anyone can see later what it was made from, and make it again.
//!
//! A receipt lies in the line of its turn and leaves with it: who forgets a document forgets the receipts of the answers that quote it.
//! Fields may be added, never renamed. Texts of passages are not kept twice: [`WholeReceipt`] joins them with the answer's sources.

use serde::{Deserialize, Serialize};

use super::session::Turn;
use crate::answer::{Answer, Dropped, FinishKind, Identity, Source, Trace, TracedPassage, text_hash};

/// The version of this program.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// How the answer of a turn came to be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Receipt {
    /// The version of the program that answered.
    pub program: String,
    /// What it answered from and with.
    #[serde(flatten)]
    pub trace: Trace,
}

impl Receipt {
    /// The receipt of an answer that was made just now.
    pub fn new(trace: Trace) -> Self {
        Self { program: PROGRAM.to_owned(), trace }
    }

    /// Why this program with the model `now` (`None`: no model is asked) does not promise the same answer: what differs, in words.
    /// Empty where it does.
    pub fn differences(&self, now: Option<&Identity>) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, then: &str, now: &str| {
            if then != now {
                let known = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.to_owned() };
                differences.push(format!("{what}: {} then, {} now", known(then), known(now)));
            }
        };
        compare("program", &self.program, PROGRAM);
        let Some(now) = now else { return differences };
        let none = Identity::default();
        let then = self.trace.generator.as_ref().unwrap_or(&none);
        compare("model", &then.name, &now.name);
        compare("model file", then.file.as_deref().unwrap_or_default(), now.file.as_deref().unwrap_or_default());
        compare("build", then.build.as_deref().unwrap_or_default(), now.build.as_deref().unwrap_or_default());
        compare("back end", &then.backend, &now.backend);
        compare("instructions", &then.instructions, &now.instructions);
        compare("cache", &then.cache, &now.cache);
        differences
    }
}

/// A receipt with what the turn holds besides: all of it in one place, to be printed.
#[derive(Debug, Serialize)]
pub struct WholeReceipt<'a> {
    /// Its place in the conversation, from 1.
    pub turn: usize,
    /// What was asked.
    pub question: &'a str,
    /// Unix seconds.
    pub asked_at: u64,
    /// What was answered.
    pub answer: &'a str,
    /// Why it ended.
    pub finish: FinishKind,
    /// What was found and left out of the prompt.
    pub dropped: &'a [Dropped],
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Tokens that the model's window holds.
    pub window: usize,
    /// Milliseconds of searching.
    pub ms_search: f64,
    /// Milliseconds to the first piece of text.
    pub ms_first_token: Option<f64>,
    /// Milliseconds from the first token to the last.
    pub ms_decode: f64,
    /// Milliseconds altogether.
    pub ms_total: f64,
    /// The sources, as they were.
    pub sources: Vec<WholePassage<'a>>,
    /// The rest.
    #[serde(flatten)]
    pub receipt: &'a Receipt,
}

/// A source with what the receipt says of it.
#[derive(Debug, Serialize)]
pub struct WholePassage<'a> {
    /// Text, place, ranks and score.
    #[serde(flatten)]
    pub source: &'a Source,
    /// Hashes, and what the model read.
    pub kept: Option<&'a TracedPassage>,
    /// Whether the text still has the hash that it had.
    pub is_intact: bool,
}

impl<'a> WholeReceipt<'a> {
    /// The receipt of the `number`th turn, if it has one.
    pub fn of(number: usize, turn: &'a Turn) -> Option<Self> {
        let receipt = turn.receipt.as_ref()?;
        let Answer {
            answer,
            finish,
            dropped,
            prompt_tokens,
            window,
            ms_search,
            ms_first_token,
            ms_decode,
            ms_total,
            ..
        } = &turn.answer;
        let sources = turn.answer.sources.iter().map(|source| {
            let kept = receipt.trace.passages.iter().find(|passage| passage.n == source.n);
            let is_intact = kept.is_some_and(|kept| kept.text_hash == text_hash(&source.text));
            WholePassage { source, kept, is_intact }
        });
        Some(Self {
            turn: number,
            question: &turn.question,
            asked_at: turn.asked_at,
            answer,
            finish: *finish,
            dropped,
            prompt_tokens: *prompt_tokens,
            window: *window,
            ms_search: *ms_search,
            ms_first_token: *ms_first_token,
            ms_decode: *ms_decode,
            ms_total: *ms_total,
            sources: sources.collect(),
            receipt,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            name: "m".into(),
            file: Some("sha256:1".into()),
            backend: "native avx2".into(),
            instructions: "avx2".into(),
            cache: "f16".into(),
            build: Some("blake3:2".into()),
        }
    }

    #[test]
    fn the_same_answer_is_promised_by_the_same_model_build_and_instructions_alone() {
        let receipt = Receipt::new(Trace { generator: Some(identity()), ..Trace::default() });
        assert_eq!(receipt.differences(Some(&identity())), Vec::<String>::new());
        let other = Identity { instructions: "portable".into(), build: None, ..identity() };
        assert_eq!(
            receipt.differences(Some(&other)),
            ["build: blake3:2 then, unknown now", "instructions: avx2 then, portable now"]
        );
        let older = Receipt { program: "0.0.9".into(), ..receipt };
        assert_eq!(older.differences(Some(&identity())), [format!("program: 0.0.9 then, {PROGRAM} now")]);
        assert_eq!(older.differences(None), older.differences(Some(&identity())));
    }

    #[test]
    fn a_receipt_reads_back_and_one_of_another_version_keeps_what_it_says() {
        let receipt = Receipt::new(Trace { generator: Some(identity()), reader: true, ..Trace::default() });
        let text = serde_json::to_string(&receipt).unwrap();
        assert_eq!(serde_json::from_str::<Receipt>(&text).unwrap(), receipt);
        let newer: Receipt =
            serde_json::from_str("{\"program\":\"9\",\"prompt_hash\":\"ab\",\"mood\":{\"a\":1}}").unwrap();
        assert_eq!((newer.program.as_str(), newer.trace.prompt_hash.as_deref()), ("9", Some("ab")));
    }
}
