use super::*;

const PASSAGE: &str = "In March 1886, the Amber Bridge (a road bridge) was built by Ida Holm with 40 workers, who lived in Bremen. \
                       It was not painted green by Otto Lund before May 9, 1902. Lund is a town of 1,250 people.";

fn made(at: usize) -> Vec<Planted> {
    let sentence = &claims(PASSAGE)[at];
    let around = Around { at_hand: &[PASSAGE], elsewhere: &["It was seen by Teresa in Lisbon."] };
    plant(sentence, PASSAGE, around, 7)
}

fn of(made: &[Planted], kind: Kind) -> Option<&str> {
    made.iter().find(|one| one.kind == kind).map(|one| one.text.as_str())
}

#[test]
fn rewordings_say_the_same() {
    let first = made(0);
    assert_eq!(
        of(&first, Kind::Dropped),
        Some("In March 1886, the Amber Bridge was built by Ida Holm with 40 workers, who lived in Bremen.")
    );
    assert_eq!(
        of(&first, Kind::Reordered),
        Some(
            "The Amber Bridge (a road bridge) was built by Ida Holm with 40 workers, who lived in Bremen in March 1886."
        )
    );
    assert_eq!(of(&made(2), Kind::Pronoun), Some("It is a town of 1,250 people."));
    assert_eq!(of(&made(2), Kind::Restyled), Some("Lund is a town of 1250 people."));
    assert!(of(&made(1), Kind::Restyled).unwrap().starts_with("It wasn't painted"));
}

#[test]
fn every_error_changes_one_thing_into_something_that_is_not_at_hand() {
    for at in 0..3 {
        let sentence = &claims(PASSAGE)[at];
        for planted in made(at) {
            assert_eq!(planted.text == *sentence, planted.kind == Kind::Verbatim, "{planted:?}");
            let before: Vec<&str> = sentence.split(' ').collect();
            let after: Vec<&str> = planted.text.split(' ').collect();
            if matches!(planted.kind, Kind::Number | Kind::Date | Kind::Name) {
                let new: Vec<&&str> = after.iter().zip(&before).filter(|(a, b)| a != b).map(|(a, _)| a).collect();
                assert_eq!(new.len(), 1, "{planted:?}");
                let bare = new[0].trim_matches(|c: char| !c.is_alphanumeric());
                assert!(!PASSAGE.split(|c: char| !c.is_alphanumeric()).any(|word| word == bare), "{planted:?}");
            }
        }
    }
    assert!(of(&made(0), Kind::Negated).unwrap().contains("was not built"));
    assert!(of(&made(1), Kind::Affirmed).unwrap().starts_with("It was painted"));
    let borrowed = of(&made(0), Kind::BorrowedNumber).unwrap().to_owned();
    assert!(["1902", " 9 ", "1,250"].iter().any(|number| borrowed.contains(number)), "{borrowed}");
}

#[test]
fn the_same_passage_gives_the_same_sentences() {
    assert_eq!(made(0), made(0));
    assert!(made(0).len() >= 8);
}

#[test]
fn what_has_nothing_to_change_is_left_alone() {
    let sentence = "There are birds above the roofs of the old town.";
    let around = Around { at_hand: &[sentence], elsewhere: &[] };
    let kinds: Vec<Kind> = plant(sentence, sentence, around, 1).into_iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [Kind::Verbatim, Kind::Negated]);
}
