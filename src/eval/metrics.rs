//! What one answer is worth: the shares of each figure that it adds to. Pure.
//!
//! The normalization is that of the `SQuAD` evaluation script (Rajpurkar et al., 2016).

use std::collections::HashMap;

use super::known::Gap;
use super::question::Question;

/// What was given as an answer, as far as it is judged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given {
    /// It was said that the documents do not hold it.
    pub abstained: bool,
    /// What a person reads.
    pub answer: String,
    /// The bare answer, where there is one.
    pub short: Option<String>,
    /// The texts of the lines that are cited.
    pub citations: Vec<String>,
    /// Path and text of the passages that were shown, best first.
    pub sources: Vec<(String, String)>,
    /// Milliseconds from the question to the whole answer.
    pub ms: f64,
}

/// One question's part of a figure: a figure is the sum of `of` over the sum of `all`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// What counts.
    pub of: f64,
    /// What could have.
    pub all: f64,
}

/// The figures' names in the order in which they are shown, each with its share.
pub type Shares = Vec<(&'static str, Share)>;

/// The shares of one question.
pub fn shares(question: &Question, given: &Given) -> Shares {
    let mut shares = Shares::new();
    let mut add = |name, of: f64, all: f64| shares.push((name, Share { of, all }));
    let yes = |holds: bool| f64::from(u8::from(holds));
    if question.unanswerable {
        add("unanswerable refused", yes(given.abstained), 1.0);
        add("milliseconds", given.ms, 1.0);
        return shares;
    }
    let golds = &question.answers;
    let answer = if given.abstained { "" } else { given.answer.as_str() };
    let short = if given.abstained { "" } else { given.short.as_deref().unwrap_or(answer) };
    let best = |worth: &dyn Fn(&str) -> f64| golds.iter().map(|gold| worth(gold)).fold(0.0, f64::max);
    if !golds.is_empty() {
        add("answer holds the gold", yes(holds(answer, golds)), 1.0);
        let f1 = if given.abstained { 0.0 } else { best(&|gold| token_f1(short, gold)) };
        add("F1 of the short answer", f1, 1.0);
        let exact = !given.abstained && golds.iter().any(|gold| normalized(short) == normalized(gold));
        add("exact match", yes(exact), 1.0);
    }
    add("answerable refused", yes(given.abstained), 1.0);
    if !golds.is_empty() {
        let held = given.sources.iter().any(|(_, text)| holds(text, golds));
        add("gold in the passages", yes(held), 1.0);
    }
    if !question.files.is_empty() {
        let mut files: Vec<&str> = Vec::new();
        for (path, _) in &given.sources {
            if !files.contains(&path.as_str()) {
                files.push(path);
            }
        }
        let place = files.iter().position(|path| question.is_gold(path));
        add("file first", yes(place == Some(0)), 1.0);
        add("file among 5", yes(place.is_some_and(|place| place < 5)), 1.0);
        add("MRR of the file", place.filter(|place| *place < 10).map_or(0.0, |place| 1.0 / (place + 1) as f64), 1.0);
        if !question.history.is_empty() {
            add("follow-up: R@5 of the files", question.gold_among(&files[..files.len().min(5)]), 1.0);
        }
    }
    if let Some(cloze) = &question.cloze {
        let place = place_of(&cloze.sentence, given.sources.iter().map(|(_, text)| text.as_str()));
        add("cloze: passage first", yes(place == Some(0)), 1.0);
        add("cloze: passage among 5", yes(place.is_some_and(|place| place < 5)), 1.0);
        let name = match cloze.gap {
            Gap::Number => "cloze: number given",
            Gap::Name => "cloze: name given",
            Gap::Term => "cloze: rare term given",
        };
        add(name, yes(holds(answer, golds)), 1.0);
    }
    if !answer.is_empty() {
        if !golds.is_empty() {
            let good = given.citations.iter().filter(|text| holds(text, golds)).count();
            add("cited lines hold the gold", good as f64, given.citations.len() as f64);
        }
        add("answers with a citation", yes(!given.citations.is_empty()), 1.0);
        add("words of an answer", answer.split_whitespace().count() as f64, 1.0);
    }
    add("milliseconds", given.ms, 1.0);
    shares
}

/// The shares of a search for a known item: where among the `texts` found the passage with `sentence` stands.
pub fn found(sentence: &str, texts: &[String]) -> Shares {
    let yes = |holds: bool| f64::from(u8::from(holds));
    let place = place_of(sentence, texts.iter().map(String::as_str));
    let reciprocal = place.map_or(0.0, |place| 1.0 / (place + 1) as f64);
    let of = [
        ("known item: passage first", yes(place == Some(0))),
        ("known item: passage among 5", yes(place.is_some_and(|place| place < 5))),
        ("known item: MRR of the passage", reciprocal),
    ];
    of.map(|(name, of)| (name, Share { of, all: 1.0 })).to_vec()
}

/// The place, from 0, of the first text that holds a sentence, however its lines are broken.
fn place_of<'a>(sentence: &str, mut texts: impl Iterator<Item = &'a str>) -> Option<usize> {
    texts.position(|text| text.split_whitespace().collect::<Vec<_>>().join(" ").contains(sentence))
}

/// Whether a question got what it should: an answer that holds the gold, or a refusal where there is none. `None` where only files are
/// known.
pub fn right(question: &Question, given: &Given) -> Option<bool> {
    match (question.unanswerable, question.answers.is_empty()) {
        (true, _) => Some(given.abstained),
        (false, true) => None,
        (false, false) => Some(!given.abstained && holds(&given.answer, &question.answers)),
    }
}

const ARTICLES: [&str; 3] = ["a", "an", "the"];

/// Lower case, without ASCII punctuation and English articles, single spaces.
fn normalized(text: &str) -> String {
    words(&text.to_lowercase().replace(|c: char| c.is_ascii_punctuation(), ""))
}

/// The same, but punctuation parts words: `Arc<T>` is "arc t".
fn spaced(text: &str) -> String {
    words(&text.to_lowercase().replace(|c: char| c.is_ascii_punctuation(), " "))
}

fn words(text: &str) -> String {
    text.split_whitespace().filter(|word| !ARTICLES.contains(word)).collect::<Vec<_>>().join(" ")
}

/// The harmonic mean of precision and recall over words, repeats counted.
pub(super) fn token_f1(answer: &str, gold: &str) -> f64 {
    let (answer, gold) = (normalized(answer), normalized(gold));
    let (answer, gold): (Vec<&str>, Vec<&str>) = (answer.split(' ').collect(), gold.split(' ').collect());
    if answer == [""] || gold == [""] {
        return f64::from(u8::from(answer == gold));
    }
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in &gold {
        *left.entry(word).or_default() += 1;
    }
    let mut common = 0;
    for word in &answer {
        if let Some(count) = left.get_mut(word).filter(|count| **count > 0) {
            *count -= 1;
            common += 1;
        }
    }
    2.0 * f64::from(common) / (answer.len() + gold.len()) as f64
}

/// Whether a text holds one of the answers as whole words. In writing without spaces any place will do; an answer of nothing but
/// punctuation is looked for as it stands.
pub(super) fn holds(text: &str, golds: &[String]) -> bool {
    golds.iter().any(|gold| {
        if normalized(gold).is_empty() {
            return !gold.is_empty() && text.contains(gold.as_str());
        }
        [normalized as fn(&str) -> String, spaced].into_iter().any(|form| {
            let (wanted, text) = (form(gold), form(text));
            if wanted.is_empty() {
                false
            } else if wanted.chars().any(is_unspaced) {
                text.contains(&wanted)
            } else {
                format!(" {text} ").contains(&format!(" {wanted} "))
            }
        })
    })
}

/// Thai, Lao, Burmese, Khmer, Kana, Han.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::known::Cloze;
    use super::*;
    use crate::answer::Exchange;

    fn question(answers: &[&str]) -> Question {
        let answers = answers.iter().map(|answer| (*answer).to_owned()).collect();
        Question {
            id: "a".into(),
            question: "When?".into(),
            answers,
            unanswerable: false,
            files: vec!["d1".into()],
            history: Vec::new(),
            cloze: None,
        }
    }

    fn of(shares: &Shares, name: &str) -> Option<f64> {
        shares.iter().find(|(known, _)| *known == name).map(|(_, share)| share.of)
    }

    #[test]
    fn a_right_answer_counts_where_it_should() {
        let given = Given {
            answer: "It was built in the 10th century. [1]".into(),
            short: Some("the 10th century".into()),
            citations: vec!["Built in the 10th century.".into(), "Elsewhere.".into()],
            sources: vec![("x/d2.md".into(), String::new()), ("x/d1.md".into(), "the 10th century".into())],
            ..Given::default()
        };
        let shares = shares(&question(&["10th century", "10th and 11th centuries"]), &given);
        assert_eq!(of(&shares, "answer holds the gold"), Some(1.0));
        assert_eq!(of(&shares, "exact match"), Some(1.0));
        assert_eq!(of(&shares, "MRR of the file"), Some(0.5));
        let cited = shares.iter().find(|(name, _)| *name == "cited lines hold the gold").unwrap().1;
        assert_eq!((cited.of, cited.all), (1.0, 2.0));
    }

    #[test]
    fn the_files_of_a_follow_up_are_counted_among_the_first_five_each_once() {
        let source = |path: &str| (path.to_owned(), String::new());
        let sources = ["d9.md", "d1.md", "d1.md", "d8.md", "d7.md", "d6.md", "d2.md"].map(source).to_vec();
        let given = Given { sources, ..Given::default() };
        let first = Question { files: vec!["d1".into(), "d2".into()], ..question(&[]) };
        let later = Question { history: vec![Exchange::new("Who?".into(), "")], ..first.clone() };
        assert_eq!(of(&shares(&later, &given), "follow-up: R@5 of the files"), Some(0.5));
        assert_eq!(of(&shares(&first, &given), "follow-up: R@5 of the files"), None);
        assert_eq!(of(&shares(&later, &given), "answer holds the gold"), None, "no answer is known");
    }

    #[test]
    fn a_refusal_is_right_only_where_there_is_no_answer() {
        let refused = Given { abstained: true, answer: "Not in your documents: 1886".into(), ..Given::default() };
        let wrong = shares(&question(&["1886"]), &refused);
        assert_eq!((of(&wrong, "answerable refused"), of(&wrong, "answer holds the gold")), (Some(1.0), Some(0.0)));
        let none = Question { unanswerable: true, answers: Vec::new(), ..question(&[]) };
        assert_eq!(of(&shares(&none, &refused), "unanswerable refused"), Some(1.0));
    }

    #[test]
    fn the_passage_of_a_made_question_is_known_by_its_sentence() {
        let cloze = Cloze { gap: Gap::Term, sentence: "The mill was planted with gooseberries.".into() };
        let asked = Question { cloze: Some(cloze.clone()), ..question(&["gooseberries"]) };
        let text = |text: &str| ("d9.md".to_owned(), text.to_owned());
        let sources = vec![text("The mill."), text("So. The mill was\nplanted with gooseberries. Yes.")];
        let given = Given { answer: "It was gooseberries.".into(), sources: sources.clone(), ..Given::default() };
        let of_cloze = shares(&asked, &given);
        assert_eq!(of(&of_cloze, "cloze: passage first"), Some(0.0));
        assert_eq!(of(&of_cloze, "cloze: passage among 5"), Some(1.0));
        assert_eq!((of(&of_cloze, "cloze: rare term given"), of(&of_cloze, "cloze: name given")), (Some(1.0), None));
        let texts: Vec<String> = sources.into_iter().map(|(_, text)| text).collect();
        assert_eq!(of(&found(&cloze.sentence, &texts), "known item: MRR of the passage"), Some(0.5));
        assert_eq!(of(&found("Not there.", &texts), "known item: passage among 5"), Some(0.0));
    }

    #[test]
    fn a_question_gets_what_it_should_or_not() {
        let answered = Given { answer: "In 1886.".into(), ..Given::default() };
        let refused = Given { abstained: true, answer: "Nearest: 1886".into(), ..Given::default() };
        let none = Question { unanswerable: true, ..question(&[]) };
        let answerable = question(&["1886"]);
        assert_eq!([right(&answerable, &answered), right(&answerable, &refused)], [Some(true), Some(false)]);
        assert_eq!([right(&none, &answered), right(&none, &refused)], [Some(false), Some(true)]);
        assert_eq!(right(&question(&[]), &answered), None);
    }

    #[test]
    fn words_are_whole_but_where_writing_has_no_spaces() {
        let golds = |gold: &str| vec![gold.to_owned()];
        assert!(holds("the Arc<T> type", &golds("Arc")) && !holds("arcade", &golds("arc")));
        assert!(holds("在北京的大学", &golds("北京")));
        assert!(holds("use the `?` operator", &golds("?")) && !holds("use it", &golds("?")));
        assert!((token_f1("the big red bridge", "red bridge") - 0.8).abs() < 1e-9);
        assert!((token_f1("", "x")).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn f1_is_a_symmetric_share_and_one_for_equals(a in "[a-d ,.]{0,12}", b in "[a-d ,.]{0,12}") {
            let f1 = token_f1(&a, &b);
            prop_assert!((0.0..=1.0).contains(&f1));
            prop_assert!((f1 - token_f1(&b, &a)).abs() < 1e-12);
            prop_assert!((token_f1(&a, &a) - 1.0).abs() < 1e-12);
        }
    }
}
