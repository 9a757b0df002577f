//! How much work goes into an answer, as one word: values for several other settings at once.

use super::{AnswerStyle, Settings};

/// What some settings are where they are not set by themselves.
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
    passages: usize,
    rerank_ms: u64,
    answer_style: AnswerStyle,
    evidence_tokens: usize,
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
        match self {
            Self::Fast => Values {
                passages: 3,
                rerank_ms: 0,
                answer_style: AnswerStyle::Quote,
                evidence_tokens: 120,
                max_tokens: 60,
            },
            Self::Balanced => Values {
                passages: 8,
                rerank_ms: 0,
                answer_style: AnswerStyle::Auto,
                evidence_tokens: 200,
                max_tokens: 160,
            },
            Self::Quality => Values {
                passages: 16,
                rerank_ms: 300,
                answer_style: AnswerStyle::Auto,
                evidence_tokens: 400,
                max_tokens: 240,
            },
        }
    }

    /// Sets all that it stands for, whatever was set before.
    pub(super) fn apply(self, settings: &mut Settings) {
        let values = self.values();
        settings.passages = values.passages;
        settings.rerank_ms = values.rerank_ms;
        settings.answer_style = values.answer_style;
        settings.evidence_tokens = values.evidence_tokens;
        settings.sampling.max_tokens = values.max_tokens;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Origin, Origins, SETTINGS};
    use super::*;

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
        // `answer_style` comes before `profile` in the order of the alphabet, `rerank_ms` behind it.
        std::fs::write(&file, "answer_style = \"write\"\nrerank_ms = 5\nprofile = \"fast\"").unwrap();
        let (settings, origins) = Settings::load(&file).unwrap();
        assert_eq!((settings.answer_style, settings.rerank_ms), (AnswerStyle::Write, 5));
        assert_eq!((settings.profile, settings.sampling.max_tokens, settings.passages), (Profile::Fast, 60, 3));
        assert_eq!((origins.of("profile"), origins.of("passages")), (Origin::File, Origin::Default));
        assert_eq!(settings.defaults().answer_style, AnswerStyle::Quote);
        assert_eq!(settings.defaults().profile, Profile::Balanced);
    }

    #[test]
    fn a_profile_comes_and_goes_and_what_was_set_by_itself_stays() {
        let (mut settings, mut origins) = (Settings::default(), Origins::default());
        let mut set = |key, value| settings.set_from(key, value, Origin::Session, &mut origins).map(drop);
        set("passages", "5").unwrap();
        set("profile", "quality").unwrap();
        set("max_tokens", "99").unwrap();
        set("profile", "fast").unwrap();
        set("profile", "fast").unwrap();
        set("profile", "slow").unwrap_err();
        assert_eq!((settings.passages, settings.sampling.max_tokens, settings.evidence_tokens), (5, 99, 120));
        // The same from nothing, in another order.
        let (mut again, mut of_again) = (Settings::default(), Origins::default());
        for setting in SETTINGS.iter().rev().filter(|setting| origins.of(setting.key) != Origin::Default) {
            again.set_from(setting.key, &setting.show(&settings), Origin::Session, &mut of_again).unwrap();
        }
        assert_eq!((again, of_again), (settings, origins));
    }
}
