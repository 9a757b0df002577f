//! Settings: what was written, in a file or as flags, becomes what is usable.
//!
//! Layers, later ones win: built-in default, configuration file, command-line flag, `/set` in the session. Every layer
//! names a setting by the same key and parses it by the same table ([`SETTINGS`]), which also feeds `--help`, the
//! in-app help and the README.

mod table;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use tanya_engine::{Backend, CacheType, Sampling};
use tanya_index::VectorKind;

use crate::report::Hinting as _;

pub use table::{SETTINGS, Setting};

/// Usable settings.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Settings {
    /// Catalogue name, or path of a GGUF file.
    pub model: String,
    /// Catalogue name, or path of a folder with a BERT embedder.
    pub embedder: String,
    /// How the next token is chosen.
    pub sampling: Sampling,
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
    /// Weight, underline and reverse only.
    Plain,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: "smollm2-135m-instruct".into(),
            embedder: "all-minilm-l6-v2".into(),
            sampling: Sampling { temperature: 0.0, max_tokens: 160, ..Sampling::default() },
            evidence_tokens: 200,
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
            watch: true,
            theme: Theme::Auto,
            ascii: false,
            mouse: false,
            keys: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// Sets one setting by its key.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
            return Err(anyhow!("no setting is called {key:?}")).hint(format!("one of: {}", known.join(", ")));
        };
        (setting.read)(self, value)
            .map_err(|why| anyhow!("{key} {why}, not {value:?}"))
            .hint(format!("{key}: {}", setting.help))
    }

    /// The defaults, overlaid by the file at `path` where there is one.
    pub fn load(path: &Path) -> Result<Self> {
        let mut settings = Self::default();
        match std::fs::read_to_string(path) {
            Ok(text) => settings.overlay(&text).with_context(|| path.display().to_string())?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("{}: cannot read the configuration", path.display()));
            }
        }
        Ok(settings)
    }

    /// Reads `key = value` lines of TOML; every key is one of [`SETTINGS`], but for the table `[keys]`.
    fn overlay(&mut self, text: &str) -> Result<()> {
        let table: toml::Table = text.parse().context("not valid TOML").hint("lines are written as: key = value")?;
        for (key, value) in &table {
            if key == KEYS {
                self.keys = keys(value)?;
                continue;
            }
            let written = match value {
                toml::Value::String(text) => text.clone(),
                toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => value.to_string(),
                toml::Value::Array(parts) if parts.iter().all(toml::Value::is_str) => {
                    parts.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join("|")
                }
                toml::Value::Array(_) | toml::Value::Table(_) | toml::Value::Datetime(_) => {
                    bail!("{key} wants a number, a word or a list of words")
                }
            };
            self.set(key, &written)?;
        }
        Ok(())
    }
}

/// Name of the table of keys in the configuration file.
const KEYS: &str = "keys";

/// Reads `[keys]`: each command's key, or a list of them.
fn keys(table: &toml::Value) -> Result<BTreeMap<String, Vec<String>>> {
    const HINT: &str = "as in: [keys], and on lines below it: new = \"ctrl-t\" or new = [\"ctrl-t\", \"f5\"]";
    let Some(table) = table.as_table() else { return Err(anyhow!("{KEYS} wants a table")).hint(HINT) };
    let one = |value: &toml::Value| value.as_str().map(str::to_owned);
    let read = |(id, value): (&String, &toml::Value)| {
        let names = match value {
            toml::Value::Array(names) => names.iter().map(one).collect(),
            _ => one(value).map(|name| vec![name]),
        };
        let names: Option<Vec<String>> = names;
        Ok((id.clone(), names.ok_or_else(|| anyhow!("[{KEYS}]: {id} wants a key or a list of keys")).hint(HINT)?))
    };
    table.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_file_overlays_the_defaults_and_an_unknown_key_lists_the_known_ones() {
        let mut settings = Settings::default();
        settings.overlay("temperature = 0.7\nstop = [\"END\"]\nmodel = \"x.gguf\"").unwrap();
        assert!((settings.sampling.temperature - 0.7).abs() < 1e-6);
        assert_eq!(settings.sampling.stop, ["END"]);
        let error = settings.overlay("endpoint = \"http://evil\"").unwrap_err();
        assert!(crate::report::Report::new(&error).hint.unwrap().contains("temperature"));
    }

    #[test]
    fn keys_are_one_chord_or_a_list_and_anything_else_is_refused_with_a_hint() {
        let mut settings = Settings::default();
        settings.overlay("top_k = 7\n[keys]\nnew = \"ctrl-t\"\nhelp = [\"f1\", \"f2\"]\nsuspend = []").unwrap();
        let own: Vec<(&str, &[String])> = settings.keys.iter().map(|(id, keys)| (id.as_str(), &keys[..])).collect();
        assert_eq!(own, [("help", &["f1".into(), "f2".into()][..]), ("new", &["ctrl-t".into()]), ("suspend", &[])]);
        for text in ["keys = \"ctrl-t\"", "[keys]\nnew = 3", "[keys]\nnew = [\"f1\", 3]", "[keys.new]\nkey = \"f1\""] {
            let report = crate::report::Report::new(&settings.overlay(text).unwrap_err());
            assert!(report.cause.contains("keys") && report.hint.unwrap().contains("ctrl-t"), "{text}");
        }
    }
}
