//! The table of all settings: what each is called, what it means, how it is read and shown.

use std::ops::RangeInclusive;

use tanya_index::VectorKind;

use super::{AnswerStyle, FilterMode, Settings, Theme};

/// One setting: its key, what it means, how it is read and shown.
pub struct Setting {
    /// As in the configuration file and `/set KEY VALUE`; as a flag with dashes.
    pub key: &'static str,
    /// One line: meaning, range, effect.
    pub help: &'static str,
    pub(super) read: fn(&mut Settings, &str) -> Result<(), String>,
    show: fn(&Settings) -> String,
}

impl Setting {
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

macro_rules! numeric {
    ($key:literal, $help:literal, $least:expr, $most:expr, $($field:ident).+) => {
        Setting {
            key: $key,
            help: $help,
            read: |settings, text| {
                settings.$($field).+ = number(text, $least..=$most)?;
                Ok(())
            },
            show: |settings| settings.$($field).+.to_string(),
        }
    };
}

/// Every setting, in the order in which help lists them.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "model",
        help: "the language model: a name of `tanya models list`, or the path of a .gguf file",
        read: |settings, text| {
            settings.model = at_home(text.trim());
            Ok(())
        },
        show: |settings| settings.model.clone(),
    },
    Setting {
        key: "embedder",
        help: "the embedding model: a name of `tanya models list`, or the path of its folder",
        read: |settings, text| {
            settings.embedder = at_home(text.trim());
            Ok(())
        },
        show: |settings| settings.embedder.clone(),
    },
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
        read: |settings, text| {
            settings.sampling.stop =
                text.split('|').filter(|part| !part.is_empty()).map(|part| part.replace("\\n", "\n")).collect();
            Ok(())
        },
        show: |settings| settings.sampling.stop.join("|").replace('\n', "\\n"),
    },
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
    Setting {
        key: "answer_style",
        help: "auto, quote, copy or write: auto quotes short answers where the reader is sure of them and lets the model write else; quote and copy never show a word that is not your documents': quote prefers what the reader finds, with copy the model chooses; with write the model always writes",
        read: |settings, text| {
            let known = AnswerStyle::ALL.iter().find(|(name, _)| *name == text.trim());
            settings.answer_style = known.ok_or("wants auto, quote, copy or write")?.1;
            Ok(())
        },
        show: |settings| settings.answer_style.name().to_owned(),
    },
    Setting {
        key: "output_filter",
        help: "off, warn or redact: what is done about account and card numbers, keys, tokens and words of the block list in an answer; redact also replaces e-mail addresses and telephone numbers",
        read: |settings, text| {
            let known = FilterMode::ALL.iter().find(|(name, _)| *name == text.trim());
            settings.output_filter = known.ok_or("wants off, warn or redact")?.1;
            Ok(())
        },
        show: |settings| settings.output_filter.name().to_owned(),
    },
    Setting {
        key: "blocklist",
        help: "the path of a text file of words that the output filter looks for too, `category: word` on each line; empty: none",
        read: |settings, text| {
            settings.blocklist = at_home(text.trim());
            Ok(())
        },
        show: |settings| settings.blocklist.clone(),
    },
    Setting {
        key: "reader",
        help: "true or false: read the best passages with the question, to order them, to refuse and to quote short answers; taken at the next start",
        read: |settings, text| {
            settings.reader = switch(text)?;
            Ok(())
        },
        show: |settings| settings.reader.to_string(),
    },
    numeric!(
        "rerank_ms",
        "0 to 60000: milliseconds for which the reader may put the passages of a search in a better order; 0 is off",
        0,
        60000,
        rerank_ms
    ),
    Setting {
        key: "backend",
        help: "auto, native (own kernels, on the processor) or candle; taken at the next start",
        read: |settings, text| {
            settings.backend = text.trim().parse().map_err(|_| "wants auto, native or candle".to_owned())?;
            Ok(())
        },
        show: |settings| settings.backend.name().to_owned(),
    },
    numeric!(
        "threads",
        "0 to 64: threads that compute; 0 is one for each processor; taken at the next start",
        0,
        64,
        threads
    ),
    Setting {
        key: "exact",
        help: "true or false: compute vectors in bfloat16 instead of eight bits, nearer to the embedding model and slower; taken at the next start",
        read: |settings, text| {
            settings.exact = switch(text)?;
            Ok(())
        },
        show: |settings| settings.exact.to_string(),
    },
    Setting {
        key: "cache",
        help: "f16 or q8_0: what is kept of the text that a model has read; q8_0 takes 9/16 of the memory and is a little less exact; taken at the next start",
        read: |settings, text| {
            settings.cache = text.trim().parse().map_err(|_| "wants f16 or q8_0".to_owned())?;
            Ok(())
        },
        show: |settings| settings.cache.name().to_owned(),
    },
    Setting {
        key: "vectors",
        help: "auto, exact, quantized or graph: how passages are compared by meaning; auto goes by their number: exactly up to 50,000, in eight bits up to 2 million, then through a graph; taken at the next start",
        read: |settings, text| {
            let known = VectorKind::ALL.into_iter().find(|kind| kind.name() == text.trim());
            settings.vectors = known.ok_or("wants auto, exact, quantized or graph")?;
            Ok(())
        },
        show: |settings| settings.vectors.name().to_owned(),
    },
    Setting {
        key: "ocr",
        help: "true or false: have tesseract, where it is installed, read the words of pictures and of PDF pages without text, about a second each; taken at the next start",
        read: |settings, text| {
            settings.ocr = switch(text)?;
            Ok(())
        },
        show: |settings| settings.ocr.to_string(),
    },
    Setting {
        key: "ocr_language",
        help: "languages in pictures as tesseract names them, the most frequent first: eng, deu+eng (tesseract --list-langs lists those that it has); taken at the next start",
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
    Setting {
        key: "watch",
        help: "true or false: follow changes of the folder while the screen is open; taken at the next start",
        read: |settings, text| {
            settings.watch = switch(text)?;
            Ok(())
        },
        show: |settings| settings.watch.to_string(),
    },
    Setting {
        key: "theme",
        help: "auto, dark, light or plain (no colors)",
        read: |settings, text| {
            settings.theme = match text.trim() {
                "auto" => Theme::Auto,
                "dark" => Theme::Dark,
                "light" => Theme::Light,
                "plain" => Theme::Plain,
                _ => return Err("wants auto, dark, light or plain".into()),
            };
            Ok(())
        },
        show: |settings| format!("{:?}", settings.theme).to_lowercase(),
    },
    Setting {
        key: "ascii",
        help: "true or false: plain ASCII instead of ▰ ▸ ✓ and the like",
        read: |settings, text| {
            settings.ascii = switch(text)?;
            Ok(())
        },
        show: |settings| settings.ascii.to_string(),
    },
    Setting {
        key: "mouse",
        help: "true or false: the wheel scrolls and a click selects a citation; the terminal's own selection then needs shift",
        read: |settings, text| {
            settings.mouse = switch(text)?;
            Ok(())
        },
        show: |settings| settings.mouse.to_string(),
    },
];
