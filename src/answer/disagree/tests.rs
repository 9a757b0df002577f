use super::super::reading::SourceReading;
use super::*;

/// Lower-case words without a few function words, all equally rare.
struct Words;

impl Terms for Words {
    fn terms(&self, text: &str) -> Vec<String> {
        const STOP: [&str; 14] =
            ["the", "a", "was", "who", "when", "in", "by", "how", "many", "what", "on", "of", "did", "it"];
        text.unicode_words().map(str::to_lowercase).filter(|word| !STOP.contains(&word.as_str())).collect()
    }

    fn idf(&self, _: &str) -> f32 {
        1.0
    }
}

fn source(n: u32, text: &str, value: &str, sure: f32) -> Source {
    let start = text.find(value).unwrap();
    let reading = SourceReading {
        relevance: sure,
        answerable: sure,
        span: Some((start, start + value.len())),
        span_score: sure,
        best_score: sure,
        share: 0.0,
        near: 0.0,
        best_share: 0.0,
    };
    Source { reading: Some(reading), ..Source::of_text(n, text) }
}

fn values(question: &str, said: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<Source> = said.iter().zip(1..).map(|((text, value), n)| source(n, text, value, 4.0)).collect();
    let found = disagreement(question, &sources, &Words);
    found.map(|found| found.values.into_iter().map(|said| said.value).collect()).unwrap_or_default()
}

const BUILT: &str = "When was the bridge built?";

#[test]
fn different_years_days_amounts_and_names_are_a_disagreement() {
    for (question, a, b) in [
        (BUILT, ("The bridge was built in 1886.", "1886"), ("The old bridge was built in 1902.", "1902")),
        (BUILT, ("The bridge was built on March 9.", "March 9"), ("The bridge was built on April 9.", "April 9")),
        (
            "How many arches did the bridge have?",
            ("The bridge have 4 arches.", "4"),
            ("The bridge have 5 arches.", "5"),
        ),
        (
            "Who built the bridge?",
            ("Ida Holm built the bridge.", "Ida Holm"),
            ("The bridge was built by Otto Lund.", "Otto Lund"),
        ),
    ] {
        assert_eq!(values(question, &[a, b]), [a.1, b.1], "{question}");
    }
}

#[test]
fn what_is_the_same_or_cannot_be_compared_is_none() {
    let first = ("The bridge was built in 1886.", "1886");
    for other in [
        ("The bridge was built in the spring of 1886.", "the spring of 1886"),
        ("The bridge was built in May.", "May"),
        ("The bridge was built in two years.", "two years"),
        // About something else.
        ("The town hall opened in 1902.", "1902"),
        // Speaks of both.
        ("The bridge was built in 1902, not in 1886 as it is said.", "1902"),
        ("The bridge was built by Ida Holm.", "Ida Holm"),
    ] {
        assert!(values(BUILT, &[first, other]).is_empty(), "{other:?}");
    }
    let steps = "How many steps did it climb?";
    let apart = [("It did climb 1200 steps.", "1200"), ("It did climb 1312 yards.", "1312")];
    assert!(values(steps, &apart).is_empty(), "of different units");
    let apart = [("It did climb 4 steps in 1904.", "4"), ("It did climb 1904 steps.", "1904")];
    assert!(values(steps, &apart).is_empty(), "the first knows the other's");
    let who = "Who built the bridge?";
    assert!(values(who, &[("Ida Holm built the bridge.", "Ida Holm"), ("Holm built the bridge.", "Holm")]).is_empty());
    assert!(values("Why is it old?", &[first, ("The bridge was built in 1902.", "1902")]).is_empty());
}

#[test]
fn a_source_that_is_not_sure_or_the_same_file_has_no_say() {
    let sure = source(1, "The bridge was built in 1886.", "1886", 4.0);
    let unsure = source(2, "The bridge was built in 1902.", "1902", -3.0);
    assert_eq!(disagreement(BUILT, &[sure.clone(), unsure.clone()], &Words), None);
    let again = Source { path: sure.path.clone(), ..source(2, "The bridge was built in 1902.", "1902", 4.0) };
    assert_eq!(disagreement(BUILT, &[sure.clone(), again], &Words), None);
    let other = source(2, "The bridge was built in 1902.", "1902", 4.0);
    let found = disagreement(BUILT, &[sure, other], &Words).unwrap();
    assert_eq!(found.words(), "Your documents disagree: 1886 [1] · 1902 [2].");
}
