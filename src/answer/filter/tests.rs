use proptest::prelude::*;

use super::*;

const LIST: &str = "# a remark\nproject: Blue Heron\nproject: KRANICH\nname: Łódź\nname: 东京\nhouse rule: #9\n";

fn filter(mode: FilterMode) -> OutputFilter {
    OutputFilter { mode, blocklist: Blocklist::parse(LIST).unwrap() }
}

fn warned(text: &str) -> Vec<(String, String)> {
    let found = filter(FilterMode::Warn).report(text);
    found.into_iter().map(|one| (one.kind, text[one.start..one.end].to_owned())).collect()
}

fn redacted(text: &str) -> String {
    filter(FilterMode::Redact).shown(text)
}

/// Keys are put together here, so that scanners of repositories do not take them for real ones.
fn keys() -> Vec<(&'static str, String)> {
    let letters = "Ab3dEf6hIj9lMn2pQr5tUv8xYz1bCd4fGh7j";
    vec![
        ("aws key", format!("AKIA{}", "IOSFODNN7EXAMPLE")),
        ("github token", format!("ghp_{letters}")),
        ("github token", format!("github_pat_{letters}_{letters}")),
        ("slack token", format!("xoxb-{}", "123456789012-abcdefABCDEF")),
        ("api key", format!("sk-proj-{letters}_{letters}")),
        ("api key", format!("AIza{}", &letters[..35])),
        ("gitlab token", format!("glpat-{}", &letters[..20])),
        ("jwt", format!("eyJ{letters}.eyJ{letters}.{letters}-_x")),
        ("aws secret key", format!("aws_secret_access_key = \"{letters}ABCD")),
        (
            "private key",
            format!("-----BEGIN RSA PRIVATE KEY-----\n{letters}\n{letters}\n-----END RSA PRIVATE KEY-----"),
        ),
    ]
}

#[test]
fn account_and_card_numbers_are_told_by_their_checksums() {
    let right = [
        "DE89 3704 0044 0532 0130 00",
        "GB82WEST12345698765432",
        "FR14-2004-1010-0505-0001-3M02-606",
        "NO9386011117947",
    ];
    for number in right {
        assert_eq!(warned(&format!("Pay to {number}, please.")), [("iban".into(), number.to_owned())]);
    }
    let cards = ["4111 1111 1111 1111", "5500000000000004", "3782-822463-10005", "6011 1111 1111 1117"];
    for number in cards {
        assert_eq!(warned(&format!("Card: {number}.")), [("payment card".into(), number.to_owned())]);
    }
    for wrong in [
        "DE89 3704 0044 0532 0130 01",
        "GB82WEST1234569876543",
        "XX82WEST12345698765432",
        "xGB82WEST12345698765432",
        "4111 1111 1111 1112",
        "41 1111 1111 1111 11",
        "2024 4111 1111 1111 1111 2025",
        "0.4111111111111111",
        "4006381333931",
    ] {
        assert_eq!(warned(wrong), [], "{wrong}");
    }
}

#[test]
fn keys_are_told_by_their_shapes_and_words_with_hyphens_are_none() {
    for (kind, key) in keys() {
        let text = format!("Use {key} for it.");
        let found = warned(&text);
        assert_eq!(found.len(), 1, "{key}: {found:?}");
        assert_eq!(found[0].0, kind, "{key}");
        assert!(found[0].1.ends_with(&key[key.len() - 8..]), "{found:?}");
    }
    for prose in [
        "sk-learn-and-other-long-kebab-case-names",
        "task-force-of-the-whole-world",
        "xoxb-words-without-digits",
        "eyJ and more",
    ] {
        assert_eq!(warned(prose), [], "{prose}");
    }
}

#[test]
fn a_private_key_that_does_not_end_goes_to_the_end_of_the_text() {
    assert_eq!(redacted("Key:\n-----BEGIN PRIVATE KEY-----\nMIIE\nabc"), "Key:\n▇▇▇ (private key)");
}

#[test]
fn words_of_the_block_list_are_found_whole_in_any_case_and_across_a_line_break() {
    assert_eq!(
        redacted("The BLUE\nheron, Kranich and Kraniche, in łódź. 我在东京。 Rule #9, #99."),
        "The ▇▇▇ (project), ▇▇▇ (project) and Kraniche, in ▇▇▇ (name). 我在▇▇▇ (name)。 Rule ▇▇▇ (house rule), #99."
    );
    assert_eq!(warned("a blue  heron")[0].0, "project");
    // A mark on its last letter makes it another word.
    assert_eq!(warned("kranich\u{301}"), []);
}

#[test]
fn addresses_and_telephone_numbers_count_only_where_they_are_replaced() {
    let text = "Write to anna.lind+x@post.example.org, or call +49 (0)30 123456-7, (212) 555-0123, 0176 1234567 or 06 12 34 56 78.";
    assert_eq!(warned(text), []);
    assert_eq!(
        redacted(text),
        "Write to ▇▇▇ (e-mail address), or call ▇▇▇ (phone number), ▇▇▇ (phone number), ▇▇▇ (phone number) or ▇▇▇ (phone number)."
    );
}

#[test]
fn what_is_off_finds_nothing_and_changes_nothing() {
    let text = "DE89 3704 0044 0532 0130 00";
    let filter = filter(FilterMode::Off);
    assert_eq!((filter.shown(text).as_str(), filter.report(text)), (text, vec![]));
}

#[test]
fn bars_are_reported_where_they_stand() {
    let filter = filter(FilterMode::Redact);
    let shown = filter.shown("To DE89 3704 0044 0532 0130 00 by Kranich.");
    let found = filter.report(&shown);
    let kinds: Vec<&str> = found.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(kinds, ["iban", "project"]);
    assert!(found.iter().all(|one| shown[one.start..one.end] == bar(&one.kind)));
    assert_eq!(without_bars(&shown), "To  by .");
}

#[test]
fn ordinary_prose_code_hashes_and_dates_raise_no_alarm() {
    let corpus = [
        include_str!("../../../README.md"),
        include_str!("../../../ARCHITECTURE.md"),
        include_str!("../../../Cargo.lock"),
        include_str!("../cite.rs"),
        "Built at 2024-03-09 12:30:55.123456789 UTC, 09.03.2024 12:30, 03/09/2024 1234, epoch 1700000000000.",
        "commit 5a3b499c0ffee5a3b499c0ffee5a3b499c0ffee5, sha256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "Rows: 12 345 678 901 234, 1,234,567.89, 192.168.0.1, 10.0.0.255, fe80::1, 4006381333931, ISBN 978-3-16-148410-0.",
        "id 123e4567-e89b-12d3-a456-426614174000 and v[0], x + y - z, 1.2.3-rc.4, 100 200 3000, a@b, user@host:~$ ls",
        "| 2019 | 2020 | 2021 | 4500 5200 6100 7300 4242 |",
    ];
    for text in corpus {
        assert_eq!(warned(text), [], "{}", &text[..text.floor_char_boundary(60)]);
        if text.len() < 400 {
            assert_eq!(redacted(text), text);
        }
    }
}

#[test]
fn text_that_cannot_become_a_match_is_not_held_back() {
    let filter = filter(FilterMode::Redact);
    let mut redactor = Redactor::new(&filter);
    let mut shown = String::new();
    for piece in ["You pruned ", "the pear tree ", "on March 9 ", "with the Felco saw. "] {
        shown.push_str(&redactor.push(piece));
    }
    assert_eq!(shown, "You pruned the pear tree on March 9 with the Felco saw. ");
    // Of a number only what may belong to it is.
    assert_eq!(redactor.push("Card 4111 11"), "Card ");
    assert_eq!(redactor.push("11 1111 1111"), "");
    assert_eq!(redactor.push(". Then"), "▇▇▇ (payment card). ");
}

#[test]
fn a_private_key_of_any_length_is_not_kept_while_it_streams() {
    let filter = filter(FilterMode::Redact);
    let mut redactor = Redactor::new(&filter);
    let mut shown = redactor.push("Key -----BEGIN OPENSSH PRIVATE KEY-----\n");
    for _ in 0..2000 {
        shown.push_str(&redactor.push("b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gt\n"));
    }
    shown.push_str(&redactor.push("-----END OPENSSH PRI"));
    shown.push_str(&redactor.push("VATE KEY-----. Done. "));
    shown.push_str(&redactor.finish());
    assert_eq!(shown, "Key ▇▇▇ (private key). Done. ");
}

#[test]
fn a_list_that_cannot_be_used_names_its_line() {
    for (list, part) in [("a: b\nno colon", "line 2"), ("a:  ", "line 1"), ("(: x", "category"), ("a: ▇", "▇")] {
        let why = Blocklist::parse(list).unwrap_err();
        assert!(why.contains(part), "{why}");
    }
    let error = Blocklist::read("/no/such/list".as_ref()).unwrap_err();
    let report = crate::report::Report::new(&error);
    assert!(report.cause.starts_with("/no/such/list") && report.hint.is_some(), "{report:?}");
}

/// Texts in which what is looked for touches itself, prose and bars.
fn texts() -> impl Strategy<Value = String> {
    let keys: Vec<String> = keys().into_iter().map(|(_, key)| key).collect();
    let piece = prop_oneof![
        3 => "[a-zA-Z0-9 .,:@+()-]{1,12}",
        1 => prop::sample::select(keys),
        2 => prop::sample::select(vec![
            "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "anna@post.org", "+49 30 1234567", "(212) 555-0123", "Kranich",
            "blue heron", "#9", "东京", "é", "\u{301}", "\n", " ", "▇▇▇ (iban)", "▇▇▇ (", "-----BEGIN ", "eyJ", "ghp_", "AKIA",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn redacting_twice_is_redacting_once(text in texts()) {
        let once = redacted(&text);
        prop_assert_eq!(redacted(&once), once);
    }

    #[test]
    fn however_a_text_streams_it_is_redacted_as_a_whole_is(text in texts(), cuts in prop::collection::vec(0.0f64..1.0, 0..20)) {
        let filter = filter(FilterMode::Redact);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| text.floor_char_boundary((cut * text.len() as f64) as usize)).collect();
        cuts.sort_unstable();
        let mut redactor = Redactor::new(&filter);
        let (mut shown, mut at) = (String::new(), 0);
        for cut in cuts {
            shown.push_str(&redactor.push(&text[at..cut]));
            at = cut;
        }
        shown.push_str(&redactor.push(&text[at..]));
        shown.push_str(&redactor.finish());
        prop_assert_eq!(shown, redacted(&text));
    }

    #[test]
    fn nothing_that_is_found_is_ever_shown(text in texts()) {
        let shown = redacted(&text);
        for secret in ["4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00"] {
            let text = text.replace(secret, "");
            let whole = format!("{text} | {secret} | {text}");
            prop_assert!(!redacted(&whole).contains(secret), "{}", whole);
        }
        prop_assert!(filter(FilterMode::Warn).report(&shown).is_empty(), "{}", shown);
    }

    #[test]
    fn places_are_on_characters_sorted_and_apart(text in "(\\PC|Kranich|东京|#9|\u{301}| ){0,60}") {
        let mut end = 0;
        for one in filter(FilterMode::Warn).report(&text) {
            prop_assert!(one.start >= end && one.start < one.end);
            prop_assert!(text.is_char_boundary(one.start) && text.is_char_boundary(one.end));
            end = one.end;
        }
    }
}
