//! How much work goes into an answer, as one word: values for several other settings at once.

use super::{AnswerStyle, Settings};

/// A set of values of other settings. Each of them can still be changed by itself afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// The least time: few passages are read, and the answer is always a quotation where the reader finds one.
    Fast,
    /// What is built in.
    #[default]
    Balanced,
    /// More passages are read, and the model reads and writes more.
    Quality,
}

/// What a profile sets.
struct Values {
    reader: bool,
    passages: usize,
    rerank_ms: u64,
    answer_style: AnswerStyle,
    evidence_tokens: usize,
    evidence_sentences: usize,
    max_tokens: usize,
}

impl Profile {
    /// Every profile by its name, the fastest first.
    pub const ALL: [(&str, Self); 3] = [("fast", Self::Fast), ("balanced", Self::Balanced), ("quality", Self::Quality)];

    /// As in the configuration file.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, profile)| *profile == self).map_or("balanced", |(name, _)| name)
    }

    fn values(self) -> Values {
        let balanced = Values {
            reader: true,
            passages: 8,
            rerank_ms: 0,
            answer_style: AnswerStyle::Auto,
            evidence_tokens: 200,
            evidence_sentences: 3,
            max_tokens: 160,
        };
        match self {
            Self::Fast => Values {
                passages: 3,
                answer_style: AnswerStyle::Quote,
                evidence_tokens: 120,
                max_tokens: 60,
                ..balanced
            },
            Self::Balanced => balanced,
            Self::Quality => Values { passages: 16, rerank_ms: 300, evidence_tokens: 400, max_tokens: 240, ..balanced },
        }
    }

    /// Sets all that it stands for, whatever was set before.
    pub fn apply(self, settings: &mut Settings) {
        let values = self.values();
        settings.profile = self;
        settings.reader = values.reader;
        settings.passages = values.passages;
        settings.rerank_ms = values.rerank_ms;
        settings.answer_style = values.answer_style;
        settings.evidence_tokens = values.evidence_tokens;
        settings.evidence_sentences = values.evidence_sentences;
        settings.sampling.max_tokens = values.max_tokens;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_balanced_profile() {
        let mut settings = Settings::default();
        Profile::Balanced.apply(&mut settings);
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn a_profile_leaves_nothing_of_the_one_before_and_touches_nothing_else() {
        let mut settings = Settings { min_answerable: 0.5, model: "x.gguf".into(), ..Settings::default() };
        let before = settings.clone();
        for (name, profile) in Profile::ALL {
            settings.set("profile", name).unwrap();
            assert_eq!((settings.profile, settings.profile.name()), (profile, name));
            assert_eq!((settings.min_answerable, settings.model.as_str()), (0.5, "x.gguf"));
            assert_eq!(settings == before, profile == Profile::Balanced, "{name}");
        }
        settings.set("profile", "balanced").unwrap();
        assert_eq!(settings, before);
        assert!(settings.set("profile", "slow").is_err());
        assert_eq!(settings, before);
    }

    #[test]
    fn what_is_written_beside_a_profile_wins_wherever_it_stands() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        // `answer_style` comes before `profile` in the order of the alphabet, `passages` and `reader` around it.
        std::fs::write(&file, "answer_style = \"write\"\npassages = 5\nreader = false\nprofile = \"fast\"").unwrap();
        let settings = Settings::load(&file).unwrap();
        assert_eq!((settings.answer_style, settings.passages, settings.reader), (AnswerStyle::Write, 5, false));
        assert_eq!((settings.profile, settings.sampling.max_tokens), (Profile::Fast, 60));
    }
}
