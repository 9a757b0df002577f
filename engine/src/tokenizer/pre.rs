//! How text is cut into words before BPE, by the name in `tokenizer.ggml.pre`.
//!
//! The expressions are those of llama.cpp (`src/llama-vocab.cpp`, `llm_tokenizer_bpe`), because GGUF
//! converters name the pre-tokenizer after them. A name outside this table is an error: another cut gives
//! other tokens, and the model then reads text that it was never trained on.

use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;

/// GPT-2's own expression. What it leaves over (a run of spaces before a word) is a piece of its own.
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)";
const LLAMA3: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// A known way of cutting text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PreTokenizer {
    /// Applied one after the other, each to the pieces that the previous one left.
    expressions: &'static [&'static str],
    /// A piece that is a token as it stands is taken whole, without merging up to it.
    pub(super) ignore_merges: bool,
    /// Whether prompts begin with the beginning-of-text token where the file does not say.
    pub(super) add_bos: bool,
}

const SMOLLM: PreTokenizer = PreTokenizer { expressions: &[r"\p{N}", GPT2], ignore_merges: false, add_bos: false };
const LLAMA_BPE: PreTokenizer = PreTokenizer { expressions: &[LLAMA3], ignore_merges: true, add_bos: true };
const QWEN: PreTokenizer = PreTokenizer { expressions: &[QWEN2], ignore_merges: false, add_bos: false };
const GPT_2: PreTokenizer = PreTokenizer { expressions: &[GPT2], ignore_merges: false, add_bos: false };
const DEFAULT: PreTokenizer = PreTokenizer {
    expressions: &[r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
    ignore_merges: false,
    add_bos: false,
};

const KNOWN: &[(&str, PreTokenizer)] = &[
    ("smollm", SMOLLM),
    ("llama-bpe", LLAMA_BPE),
    ("llama3", LLAMA_BPE),
    ("llama-v3", LLAMA_BPE),
    ("qwen2", QWEN),
    ("qwen3", QWEN),
    ("gpt-2", GPT_2),
    ("gpt2", GPT_2),
    ("default", DEFAULT),
];

impl PreTokenizer {
    pub(super) fn named(name: &str) -> Option<Self> {
        KNOWN.iter().find(|(known, _)| *known == name).map(|(_, pre)| *pre)
    }

    /// The names that [`PreTokenizer::named`] knows, for error messages.
    pub(super) fn names() -> String {
        KNOWN.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// The cut itself, followed by the mapping of bytes to the alphabet of the vocabulary.
    pub(super) fn build(self) -> PreTokenizerWrapper {
        let mut steps: Vec<PreTokenizerWrapper> = self
            .expressions
            .iter()
            .map(|expression| {
                Split::new(SplitPattern::Regex((*expression).to_owned()), SplitDelimiterBehavior::Isolated, false)
                    .expect("the expressions of the table compile")
                    .into()
            })
            .collect();
        steps.push(ByteLevel::new(false, false, false).into());
        Sequence::new(steps).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer as _};

    fn cut(name: &str, text: &str) -> Vec<String> {
        let pre = PreTokenizer::named(name).unwrap().build();
        let mut pieces = PreTokenizedString::from(text);
        pre.pre_tokenize(&mut pieces).unwrap();
        pieces
            .get_splits(OffsetReferential::Original, OffsetType::Byte)
            .into_iter()
            .map(|(_, (start, end), _)| text[start..end].to_owned())
            .collect()
    }

    #[test]
    fn smollm_splits_every_digit_and_keeps_no_space_with_it() {
        assert_eq!(cut("smollm", "in 2024!"), ["in", " ", "2", "0", "2", "4", "!"]);
    }

    #[test]
    fn llama_groups_up_to_three_digits() {
        assert_eq!(cut("llama-bpe", "in 2024"), ["in", " ", "202", "4"]);
    }

    #[test]
    fn qwen_splits_digits_and_joins_line_ends_to_punctuation() {
        assert_eq!(cut("qwen2", "a 12.\n\nb"), ["a", " ", "1", "2", ".\n\n", "b"]);
    }

    #[test]
    fn gpt2_leaves_the_last_space_of_a_run_to_the_word() {
        assert_eq!(cut("gpt-2", "a   b 12"), ["a", "  ", " b", " 12"]);
    }

    #[test]
    fn default_cuts_punctuation_off_and_numbers_in_threes() {
        assert_eq!(cut("default", "it's 12345"), ["it", "'", "s", " ", "123", "45"]);
    }

    #[test]
    fn contractions_follow_the_letter_case_rule_of_each_family() {
        assert_eq!(cut("gpt-2", "I'LL"), ["I", "'", "LL"]);
        assert_eq!(cut("qwen2", "I'LL"), ["I", "'LL"]);
    }

    #[test]
    fn an_unknown_name_is_not_guessed() {
        assert_eq!(PreTokenizer::named("deepseek-llm"), None);
        assert!(PreTokenizer::names().contains("llama-bpe"));
    }
}
