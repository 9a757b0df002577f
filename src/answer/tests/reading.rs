//! What the reader reads, and what is made of what it says.

use std::cell::RefCell;

use super::*;

/// Reads like [`Finds`] and remembers what it was asked.
struct Listens {
    finds: Finds,
    asked: RefCell<Vec<String>>,
}

impl PairReader for Listens {
    fn read(&self, question: &str, passages: &[&str], cancel: &Cancel) -> Result<Vec<tanya_engine::Reading>> {
        self.asked.borrow_mut().push(question.to_owned());
        self.finds.read(question, passages, cancel)
    }
}

fn letters(dir: &std::path::Path) -> Library {
    let text = "In the middle of the storm I lit the great lamp of the tower. Nobody saw it.\n\nOrrin, 2 June 1931\n\nThey brought the bulbs. The goat is well.";
    fixtures::library(dir, [fixtures::note("letters.txt", (1, 5), text)])
}

fn ask_letters(reader: &dyn PairReader, question: &str, history: Vec<Exchange>, answerable: f32) -> Answer {
    let dir = tempfile::tempdir().unwrap();
    let library = letters(dir.path());
    let mut request = Request::new(question, history, &Settings::default(), &Arc::default(), WhenRefused::Say);
    request.thresholds.answerable = answerable;
    let mut model = Scripted::new("It was lit.");
    let mut models = Models { generator: &mut model, finders: Finders { embedder: None, reader: Some(reader) } };
    let prompts = Prompts::load(None).unwrap();
    answer(request, &library.snapshot().unwrap(), &mut models, &prompts, &Cancel::default(), &mut |_| {}).unwrap()
}

#[test]
fn a_date_that_stands_apart_from_the_question_s_words_is_shown_as_what_comes_nearest() {
    let reader = Finds { span: "2 June 1931", sure: 6.0 };
    let question = "When was the great lamp of the tower lit?";
    let answer = ask_letters(&reader, question, Vec::new(), 0.31);
    assert!(answer.abstained, "{answer:?}");
    assert!(answer.answer.starts_with("Not for certain") && answer.answer.contains("2 June 1931"), "{}", answer.answer);
    assert!(answer.measures.missed.is_some_and(|missed| missed > 0.6), "{:?}", answer.measures);
    // Who wants every answer gets it.
    assert!(!ask_letters(&reader, question, Vec::new(), 0.0).abstained);
    // One beside the question's words is an answer, and so is one that holds them.
    let beside = ask_letters(&Finds { span: "Nobody saw it", sure: 6.0 }, question, Vec::new(), 0.31);
    assert!(!beside.abstained && beside.measures.missed.is_none(), "{beside:?}");
    let sure = ask_letters(&Finds { span: "middle of the storm", sure: 6.0 }, question, Vec::new(), 0.31);
    assert!(!sure.abstained && sure.answer.contains("middle of the storm"), "{}", sure.answer);
}

#[test]
fn a_follow_up_is_read_in_its_own_words_and_searched_for_with_those_before() {
    let finds = Finds { span: "middle of the storm", sure: 6.0 };
    let reader = Listens { finds, asked: RefCell::default() };
    let history = vec![Exchange::new("Who kept the great lamp?".into(), "Maren did.")];
    let answer = ask_letters(&reader, "When was it lit?", history, 0.31);
    assert_eq!(reader.asked.into_inner(), ["When was it lit?"]);
    assert!(!answer.abstained, "{answer:?}");
}

#[test]
fn no_more_passages_are_read_than_the_setting_says() {
    let reader = Finds { span: "Felco saw", sure: 6.0 };
    let outcome = ask_with(&reader, "pear tree balm steppe history", |request| request.passages = 2);
    assert_eq!(outcome.answer.sources.len(), 2);
    assert!(
        outcome.answer.dropped.iter().any(|one| one.why == "2 better passages are there"),
        "{:?}",
        outcome.answer.dropped
    );
}
