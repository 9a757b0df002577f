use super::*;

fn holds(claim: &str, window: &[&str]) -> bool {
    let sentences: Vec<Exact> = window.iter().map(|text| Exact::new(text)).collect();
    let window: Vec<&Exact> = sentences.iter().collect();
    stands(&Exact::new(claim), false, &window, &Exact::new("Bridges"))
}

const BUILT: &str = "In March 1886 the Amber Bridge was built by Ida Holm with two workers.";
const NEXT: &str = "Otto Lund painted it in 1902, but the railing was not painted.";

#[test]
fn what_is_said_in_another_order_or_style_stands() {
    for claim in [
        BUILT,
        "Ida Holm built the Amber Bridge in March 1886.",
        "The Amber Bridge was built with 2 workers.",
        "It was built by Ida Holm.",
        "The railing wasn't painted.",
        "In 1902, Otto Lund painted it.",
        "Holm's bridge was built in 1886.",
    ] {
        assert!(holds(claim, &[BUILT, NEXT]), "{claim}");
    }
}

#[test]
fn another_number_or_name_does_not_even_that_of_the_next_sentence() {
    for claim in [
        "In March 1887 the Amber Bridge was built.",
        "In March 1902 the Amber Bridge was built by Ida Holm.",
        "In April 1886 the Amber Bridge was built.",
        "The Amber Bridge was built by Ida Lund with two workers.",
        "The Amber Bridge was built with three workers.",
        "From 1886 to 1886 the Amber Bridge was built.",
        "Teresa was built by Ida Holm.",
        "The Amber Bridge was built in 1902.",
        "Emily built the Amber Bridge in March 1886.",
    ] {
        assert!(!holds(claim, &[BUILT, NEXT]), "{claim}");
    }
}

#[test]
fn a_denial_is_no_affirmation_and_the_other_way_round() {
    for claim in ["The Amber Bridge was not built by Ida Holm.", "The Amber Bridge was never built."] {
        assert!(!holds(claim, &[BUILT, NEXT]), "{claim}");
    }
    let denied = "The railing was not repaired in 1902.";
    assert!(holds(denied, &[denied]) && !holds("The railing was repaired in 1902.", &[denied]));
    let both = "It was not only tall but broad.";
    assert!(holds("It was tall and broad.", &[both]));
    assert!(holds("Das Geländer wurde nicht gestrichen.", &["Das Geländer wurde nicht gestrichen."]));
    assert!(!holds("Das Geländer wurde gestrichen.", &["Das Geländer wurde nicht gestrichen."]));
}

#[test]
fn a_comma_between_thousands_says_nothing_and_one_before_decimals_does() {
    let tank = "The tank holds 1,5 liters and the lake 1,500,000.";
    assert!(holds("The tank holds 1.5 liters.", &[tank]) && !holds("The tank holds 15 liters.", &[tank]));
    assert!(holds("The lake holds 1500000 liters.", &[tank]));
}

#[test]
fn words_that_must_be_equal_are_numbers_names_and_negations() {
    let words: Vec<String> = exact_words("The two trees of Ida were not 1,200 years old.").into_iter().collect();
    assert_eq!(words, ["1200", "2", "ida", "not"]);
}
