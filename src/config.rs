//! Settings: what was written, in a file or as flags, becomes what is usable.
//!
//! Layers, later ones win: built-in default, configuration file, command-line flag, a change while the program runs. Every
//! layer names a setting by the same key and parses it by the same table ([`SETTINGS`]), which also feeds `--help`, the
//! screen of settings and the configuration file that it writes ([`save`]).

mod file;
mod origin;
mod profile;
mod table;

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use tanya_engine::{Backend, CacheType, Sampling};
use tanya_index::VectorKind;

use crate::report::Hinting as _;

pub use file::save;
pub use origin::{Origin, Origins};
pub use profile::Profile;
pub use table::{SETTINGS, Setting, Shape, Taken, key_and_value};

/// The key of the setting that gives others their defaults.
const PROFILE: &str = "profile";

/// Usable settings.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Settings {
    /// Catalogue name, or path of a GGUF file.
    pub model: String,
    /// Catalogue name, or path of a folder with a BERT embedder.
    pub embedder: String,
    /// What the values of several others were last set by.
    pub profile: Profile,
    /// How the next token is chosen.
    pub sampling: Sampling,
    /// Passages that are found and read for a question.
    pub passages: usize,
    /// Tokens of passages that a prompt may hold.
    pub evidence_tokens: usize,
    /// How many of a passage's sentences the model reads; 0 is all of them.
    pub evidence_sentences: usize,
    /// Lexical share that the best passage should have; see [`Self::min_cosine`].
    pub min_lexical: f32,
    /// Cosine that the best passage should have: a question is refused when the mean of both measures, each divided by its
    /// threshold, is below 1.
    pub min_cosine: f32,
    /// Probability that a passage answers the question, by the reader, below which it is refused.
    pub min_answerable: f32,
    /// Whether passages are read together with the question before an answer.
    pub reader: bool,
    /// Whose words an answer is in.
    pub answer_style: AnswerStyle,
    /// What is done about personal data and secrets in an answer.
    pub output_filter: FilterMode,
    /// Path of a file of words that the output filter looks for too; empty where there is none.
    pub blocklist: String,
    /// Milliseconds for which the reader may put the passages of a search in a better order; 0 is off.
    pub rerank_ms: u64,
    /// What computes language models.
    pub backend: Backend,
    /// Threads that compute; 0 is one for each processor.
    pub threads: usize,
    /// Vectors in bfloat16 instead of eight bits.
    pub exact: bool,
    /// What keys and values of what a model has read are kept as.
    pub cache: CacheType,
    /// How the vectors of a folder are compared.
    pub vectors: VectorKind,
    /// Words in pictures are read, where there is a program for it.
    pub ocr: bool,
    /// Their languages, as that program names them.
    pub ocr_language: String,
    /// What a question finds is shown while it is typed.
    pub preview: bool,
    /// Changes of the folder are followed while the screen is open.
    pub watch: bool,
    /// Colors of the screen.
    pub theme: Theme,
    /// Plain ASCII instead of the glyphs of the common set.
    pub ascii: bool,
    /// The screen takes the wheel and clicks, which the terminal's own selection of text then does not get.
    pub mouse: bool,
    /// Keys of commands of the screen as they are written, by the command's id: the screen knows both.
    pub keys: BTreeMap<String, Vec<String>>,
}

/// Whose words an answer is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AnswerStyle {
    /// The document's where the reader is sure of a short answer, else the model's.
    #[default]
    Auto,
    /// Always the document's: the reader's quotation, and where it has none what the model copies.
    Quote,
    /// Always the document's, chosen by the model: it can write nothing but their words.
    Copy,
    /// Always the model's.
    Write,
}

impl AnswerStyle {
    /// Every style by its name.
    pub const ALL: [(&str, Self); 4] =
        [("auto", Self::Auto), ("quote", Self::Quote), ("copy", Self::Copy), ("write", Self::Write)];

    /// As in the configuration file.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, style)| *style == self).map_or("auto", |(name, _)| name)
    }

    /// Whether a model that is asked may only copy.
    pub fn copies(self) -> bool {
        matches!(self, Self::Quote | Self::Copy)
    }
}

/// What is done about personal data, secrets and words of a block list in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FilterMode {
    /// Nothing.
    Off,
    /// The answer says that they are there.
    #[default]
    Warn,
    /// Something else stands in their place, also while the answer is being written.
    Redact,
}

impl FilterMode {
    /// Every mode by its name.
    pub const ALL: [(&str, Self); 3] = [("off", Self::Off), ("warn", Self::Warn), ("redact", Self::Redact)];

    /// As in the configuration file.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, mode)| *mode == self).map_or("warn", |(name, _)| name)
    }
}

/// Colors of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// What the terminal says in `COLORFGBG`; dark where it does not say.
    #[default]
    Auto,
    /// Light text on a dark background.
    Dark,
    /// Dark text on a light background.
    Light,
    /// As much contrast as the background allows: nothing is dim, and colors are far from it.
    Contrast,
    /// Weight, underline and reverse only.
    Plain,
}

impl Theme {
    /// Every theme by its name.
    pub const ALL: [(&str, Self); 5] = [
        ("auto", Self::Auto),
        ("dark", Self::Dark),
        ("light", Self::Light),
        ("contrast", Self::Contrast),
        ("plain", Self::Plain),
    ];

    /// As in the configuration file.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, theme)| *theme == self).map_or("auto", |(name, _)| name)
    }
}

impl Default for Settings {
    fn default() -> Self {
        let mut settings = Self {
            model: "smollm2-135m-instruct".into(),
            embedder: "all-minilm-l6-v2".into(),
            profile: Profile::default(),
            sampling: Sampling { temperature: 0.0, ..Sampling::default() },
            passages: 0,
            evidence_tokens: 0,
            evidence_sentences: 3,
            min_lexical: 0.58,
            min_cosine: 0.40,
            min_answerable: 0.31,
            reader: true,
            answer_style: AnswerStyle::Auto,
            output_filter: FilterMode::Warn,
            blocklist: String::new(),
            rerank_ms: 0,
            backend: Backend::Auto,
            threads: 0,
            exact: false,
            cache: CacheType::F16,
            vectors: VectorKind::Auto,
            ocr: false,
            ocr_language: "eng".into(),
            preview: true,
            watch: true,
            theme: Theme::Auto,
            ascii: false,
            mouse: false,
            keys: BTreeMap::new(),
        };
        settings.profile.apply(&mut settings);
        settings
    }
}

impl Settings {
    /// Sets one setting by its key, and returns its row of the table.
    pub fn set(&mut self, key: &str, value: &str) -> Result<&'static Setting> {
        let Some(setting) = Setting::find(key) else {
            let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
            return Err(anyhow!("no setting is called {key:?}")).hint(format!("one of: {}", known.join(", ")));
        };
        (setting.read)(self, value)
            .map_err(|why| anyhow!("{key} {why}, not {value:?}"))
            .hint(format!("{key}: {}", setting.help))?;
        Ok(setting)
    }

    /// [`Settings::set`] by a layer: a profile changes only what nobody set by itself.
    pub fn set_from(
        &mut self,
        key: &str,
        value: &str,
        origin: Origin,
        origins: &mut Origins,
    ) -> Result<&'static Setting> {
        let before = self.clone();
        let setting = self.set(key, value)?;
        if setting.key == PROFILE {
            for kept in SETTINGS.iter().filter(|row| row.key != PROFILE && origins.of(row.key) != Origin::Default) {
                self.set(kept.key, &kept.show(&before))?;
            }
        }
        origins.set(setting.key, origin);
        Ok(setting)
    }

    /// Takes over that the file has `value` for a setting from now on, or no longer any: that is where it comes from, unless it was changed
    /// again meanwhile.
    pub fn saved(&self, setting: &'static Setting, value: Option<&str>, origins: &mut Origins) {
        let origin = if value.is_some() { Origin::File } else { Origin::Default };
        let value = value.map_or_else(|| setting.show(&self.defaults()), str::to_owned);
        let (mut written, mut from) = (self.clone(), origins.clone());
        if written.set_from(setting.key, &value, origin, &mut from).is_ok() && written == *self {
            *origins = from;
        }
    }

    /// What all would be where nobody said anything but this profile.
    #[must_use]
    pub fn defaults(&self) -> Self {
        let mut defaults = Self::default();
        self.profile.apply(&mut defaults);
        defaults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_and_its_value_are_told_apart_however_they_are_joined() {
        for typed in ["stop a=b", "stop=a=b", "stop = a=b", "stop\t= a=b "] {
            assert_eq!(key_and_value(typed), ("stop", "a=b"), "{typed:?}");
        }
        assert_eq!(key_and_value("stop"), ("stop", ""));
        assert_eq!(key_and_value(""), ("", ""));
    }

    #[test]
    fn every_setting_reads_back_what_it_shows() {
        let mut settings = Settings::default();
        settings.sampling.stop = vec!["\n\n".into(), "Question:".into()];
        for setting in SETTINGS {
            let shown = setting.show(&settings);
            let mut again = settings.clone();
            again.set(setting.key, &shown).unwrap();
            assert_eq!(again, settings, "{} = {shown}", setting.key);
        }
    }

    #[test]
    fn a_value_out_of_range_names_the_range_and_changes_nothing() {
        let mut settings = Settings::default();
        let report = crate::report::Report::new(&settings.set("temperature", "9").unwrap_err());
        assert!(report.hint.is_some());
        assert_eq!(report.cause, "temperature wants a number from 0 to 5, not \"9\"");
        assert_eq!(settings, Settings::default());
        assert!(settings.set("temperature", "NaN").is_err());
    }

    #[test]
    fn the_table_says_which_words_may_be_chosen_and_which_settings_wait_for_a_start() {
        for setting in SETTINGS {
            if let Shape::OneOf(words) = setting.shape {
                for word in words() {
                    let mut settings = Settings::default();
                    settings.set(setting.key, word).unwrap();
                    assert_eq!(setting.show(&settings), word, "{}", setting.key);
                    assert!(setting.help.contains(word), "{}: {word}", setting.key);
                }
            }
            let waits = setting.help.ends_with("taken at the next start");
            assert_eq!(setting.taken == Taken::NextStart, waits, "{}", setting.key);
        }
    }
}
