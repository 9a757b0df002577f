//! The table of all settings: what each is called, what it means, how it is read and shown.

use std::ops::RangeInclusive;

use tanya_engine::{Backend, CacheType};
use tanya_index::VectorKind;

use super::{AnswerStyle, FilterMode, PROFILE, Profile, Settings, Theme};

/// One setting: its key, what it means, how it is read and shown.
#[derive(Debug)]
pub struct Setting {
    /// As in the configuration file and `/set KEY VALUE`; as a flag with dashes.
    pub key: &'static str,
    /// One line: meaning, range, effect.
    pub help: &'static str,
    /// What its values look like.
    pub shape: Shape,
    /// From when on a change holds.
    pub taken: Taken,
    pub(super) read: fn(&mut Settings, &str) -> Result<(), String>,
    show: fn(&Settings) -> String,
}

/// What a person typed behind a command, as a setting's key and its value; either may be empty. `key value`, `key=value` and
/// `key = value` say the same.
pub fn key_and_value(typed: &str) -> (&str, &str) {
    let (key, value) = typed.split_once(|c: char| c.is_whitespace() || c == '=').unwrap_or((typed, ""));
    (key, value.trim().trim_start_matches('=').trim())
}

/// What the values of a setting look like.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A number.
    Number,
    /// One of these words.
    OneOf(fn() -> Vec<&'static str>),
    /// True or false.
    Switch,
    /// Any text.
    Text,
}

/// From when on a change of a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// From the next question or picture on.
    AtOnce,
    /// From the next start of the program on.
    NextStart,
}

impl Setting {
    /// The setting of that key.
    pub fn find(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// The value in words, as it would be written.
    pub fn show(&self, settings: &Settings) -> String {
        (self.show)(settings)
    }
}

/// A number inside `range`, or the range as an error.
fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
    text: &str,
    range: RangeInclusive<T>,
) -> Result<T, String> {
    match text.trim().parse::<T>() {
        Ok(value) if range.contains(&value) => Ok(value),
        _ => Err(format!("wants a number from {} to {}", range.start(), range.end())),
    }
}

/// A leading `~/` as the home directory: no shell expands what stands in a file.
fn at_home(text: &str) -> String {
    let home = text.strip_prefix("~/").and_then(|rest| Some(etcetera::home_dir().ok()?.join(rest)));
    home.map_or_else(|| text.to_owned(), |path| path.to_string_lossy().into_owned())
}

fn switch(text: &str) -> Result<bool, String> {
    match text.trim() {
        "true" | "on" | "yes" => Ok(true),
        "false" | "off" | "no" => Ok(false),
        _ => Err("wants true or false".into()),
    }
}

/// The words that stand in a list of known values by their names.
fn names<T>(known: &[(&'static str, T)]) -> Vec<&'static str> {
    known.iter().map(|(name, _)| *name).collect()
}

/// The value of that name, or all names as an error.
fn named<T: Copy>(text: &str, known: &[(&'static str, T)]) -> Result<T, String> {
    let found = known.iter().find(|(name, _)| *name == text.trim());
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names = names(known);
        let (last, others) = names.split_last().expect("there are values to choose from");
        format!("wants {} or {last}", others.join(", "))
    })
}

/// From when on a change holds; where nothing is said, at once.
macro_rules! taken {
    () => {
        Taken::AtOnce
    };
    (next_start) => {
        Taken::NextStart
    };
}

macro_rules! numeric {
    ($key:literal, $help:literal, $least:expr, $most:expr, $($field:ident).+ $(; $taken:ident)?) => {
        Setting {
            key: $key,
            help: $help,
            shape: Shape::Number,
            taken: taken!($($taken)?),
            read: |settings, text| {
                settings.$($field).+ = number(text, $least..=$most)?;
                Ok(())
            },
            show: |settings| settings.$($field).+.to_string(),
        }
    };
}

macro_rules! on_off {
    ($key:literal, $help:literal, $field:ident $(; $taken:ident)?) => {
        Setting {
            key: $key,
            help: $help,
            shape: Shape::Switch,
            taken: taken!($($taken)?),
            read: |settings, text| {
                settings.$field = switch(text)?;
                Ok(())
            },
            show: |settings| settings.$field.to_string(),
        }
    };
}

macro_rules! one_of {
    ($key:literal, $help:literal, $known:expr, $field:ident $(; $taken:ident)?) => {
        Setting {
            key: $key,
            help: $help,
            shape: Shape::OneOf(|| names(&$known)),
            taken: taken!($($taken)?),
            read: |settings, text| {
                settings.$field = named(text, &$known)?;
                Ok(())
            },
            show: |settings| settings.$field.name().to_owned(),
        }
    };
}

macro_rules! path {
    ($key:literal, $help:literal, $field:ident) => {
        Setting {
            key: $key,
            help: $help,
            shape: Shape::Text,
            taken: Taken::AtOnce,
            read: |settings, text| {
                settings.$field = at_home(text.trim());
                Ok(())
            },
            show: |settings| settings.$field.clone(),
        }
    };
}

/// Every setting, in the order in which help lists them.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: PROFILE,
        help: "fast, balanced or quality: what passages, rerank_ms, answer_style, evidence_tokens and max_tokens are where they are not set by themselves; `tanya eval --profiles` tells what each costs and gives",
        shape: Shape::OneOf(|| names(&Profile::ALL)),
        taken: Taken::AtOnce,
        read: |settings, text| {
            settings.profile = named(text, &Profile::ALL)?;
            settings.profile.apply(settings);
            Ok(())
        },
        show: |settings| settings.profile.name().to_owned(),
    },
    path!("model", "the language model: a name of `tanya models list`, or the path of a .gguf file", model),
    path!("embedder", "the embedding model: a name of `tanya models list`, or the path of its folder", embedder),
    numeric!(
        "temperature",
        "0 to 5: 0 always takes the likeliest token; higher is more varied and less reliable",
        0.0,
        5.0,
        sampling.temperature
    ),
    numeric!("top_k", "0 to 1000: only the k likeliest tokens may be chosen; 0 is off", 0, 1000, sampling.top_k),
    numeric!(
        "top_p",
        "0 to 1: only the likeliest tokens that together reach this probability; 1 is off",
        0.0,
        1.0,
        sampling.top_p
    ),
    numeric!(
        "min_p",
        "0 to 1: only tokens at least this share as likely as the likeliest; 0 is off",
        0.0,
        1.0,
        sampling.min_p
    ),
    numeric!(
        "frequency_penalty",
        "-2 to 2: lowers a token by this for each time it was written",
        -2.0,
        2.0,
        sampling.frequency_penalty
    ),
    numeric!(
        "presence_penalty",
        "-2 to 2: lowers a token by this once it was written",
        -2.0,
        2.0,
        sampling.presence_penalty
    ),
    numeric!(
        "repetition_penalty",
        "1 to 2: divides the score of tokens that were written; 1 is off",
        1.0,
        2.0,
        sampling.repetition_penalty
    ),
    numeric!(
        "repeat_last_n",
        "0 to 4096: how many of the last tokens the penalties look at",
        0,
        4096,
        sampling.repeat_last_n
    ),
    numeric!("seed", "the start of the random stream: the same seed gives the same answer", 0, u64::MAX, sampling.seed),
    numeric!("max_tokens", "1 to 4096: the longest answer, in tokens", 1, 4096, sampling.max_tokens),
    numeric!(
        "draft_tokens",
        "0 to 16: tokens that documents suggest and the model checks at once; changes the speed, never the answer",
        0,
        16,
        sampling.draft_tokens
    ),
    Setting {
        key: "stop",
        help: "strings that end the answer, separated by | ; \\n is a line break",
        shape: Shape::Text,
        taken: Taken::AtOnce,
        read: |settings, text| {
            settings.sampling.stop =
                text.split('|').filter(|part| !part.is_empty()).map(|part| part.replace("\\n", "\n")).collect();
            Ok(())
        },
        show: |settings| settings.sampling.stop.join("|").replace('\n', "\\n"),
    },
    numeric!("passages", "1 to 24: how many passages are found for a question and read by the reader", 1, 24, passages),
    numeric!(
        "evidence_tokens",
        "64 to 32768: how many tokens of passages a prompt may hold",
        64,
        32768,
        evidence_tokens
    ),
    numeric!(
        "evidence_sentences",
        "0 to 100: how many consecutive sentences of a passage the model reads, those nearest to the question; 0 is all of them, better for larger models",
        0,
        100,
        evidence_sentences
    ),
    numeric!(
        "min_lexical",
        "0 to 1: how well the words of a passage must match; refused when the mean of words/min_lexical and meaning/min_cosine is below 1; 0 never refuses",
        0.0,
        1.0,
        min_lexical
    ),
    numeric!(
        "min_cosine",
        "0 to 1: how similar in meaning a passage must be; see min_lexical; 0 never refuses",
        0.0,
        1.0,
        min_cosine
    ),
    numeric!(
        "min_answerable",
        "0 to 1: with the reader, how probable it must be that a passage answers the question, in place of min_lexical and min_cosine; 0 never refuses",
        0.0,
        1.0,
        min_answerable
    ),
    one_of!(
        "answer_style",
        "auto, quote, copy or write: auto quotes short answers where the reader is sure of them and lets the model write else; quote and copy never show a word that is not your documents': quote prefers what the reader finds, with copy the model chooses; with write the model always writes",
        AnswerStyle::ALL,
        answer_style
    ),
    one_of!(
        "output_filter",
        "off, warn or redact: what is done about account and card numbers, keys, tokens and words of the block list in an answer; redact also replaces e-mail addresses and telephone numbers",
        FilterMode::ALL,
        output_filter
    ),
    path!(
        "blocklist",
        "the path of a text file of words that the output filter looks for too, `category: word` on each line; empty: none",
        blocklist
    ),
    on_off!("reader", "true or false: read the best passages with the question, to order them, to refuse and to quote short answers; taken at the next start", reader; next_start),
    numeric!(
        "rerank_ms",
        "0 to 60000: milliseconds for which the reader may put the passages of a search in a better order; 0 is off",
        0,
        60000,
        rerank_ms
    ),
    one_of!("backend", "auto, native (own kernels, on the processor) or candle; taken at the next start", Backend::ALL.map(|one| (one.name(), one)), backend; next_start),
    numeric!(
        "threads",
        "0 to 64: threads that compute; 0 is one for each processor; taken at the next start",
        0,
        64,
        threads; next_start
    ),
    on_off!("exact", "true or false: compute vectors in bfloat16 instead of eight bits, nearer to the embedding model and slower; taken at the next start", exact; next_start),
    one_of!("cache", "f16 or q8_0: what is kept of the text that a model has read; q8_0 takes 9/16 of the memory and is a little less exact; taken at the next start", CacheType::ALL.map(|one| (one.name(), one)), cache; next_start),
    one_of!("vectors", "auto, exact, quantized or graph: how passages are compared by meaning; auto goes by their number: exactly up to 50,000, in eight bits up to 2 million, then through a graph; taken at the next start", VectorKind::ALL.map(|one| (one.name(), one)), vectors; next_start),
    on_off!("ocr", "true or false: have tesseract, where it is installed, read the words of pictures and of PDF pages without text, about a second each; taken at the next start", ocr; next_start),
    Setting {
        key: "ocr_language",
        help: "languages in pictures as tesseract names them, the most frequent first: eng, deu+eng (tesseract --list-langs lists those that it has); taken at the next start",
        shape: Shape::Text,
        taken: Taken::NextStart,
        read: |settings, text| {
            let name = text.trim();
            let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/');
            if name.split('+').any(|part| part.is_empty() || !part.chars().all(known)) {
                return Err("wants names joined by +".into());
            }
            name.clone_into(&mut settings.ocr_language);
            Ok(())
        },
        show: |settings| settings.ocr_language.clone(),
    },
    on_off!("preview", "true or false: while a question is typed, show where its words lead so far", preview),
    on_off!("watch", "true or false: follow changes of the folder while the screen is open; taken at the next start", watch; next_start),
    one_of!(
        "theme",
        "auto, dark, light, contrast (nothing is dim, on a dark or a light background) or plain (no colors)",
        Theme::ALL,
        theme
    ),
    on_off!("ascii", "true or false: plain ASCII instead of ▰ ▸ ✓ and the like", ascii),
    on_off!(
        "mouse",
        "true or false: the wheel scrolls and a click selects a citation; the terminal's own selection then needs shift",
        mouse
    ),
];
