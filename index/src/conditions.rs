//! Conditions that a person writes into a search: `"an exact phrase"`, `-word`, `path:notes`, `ext:md`, `tag:recipes`,
//! `after:2024-05`, `before:2025`. Pure; any string is a valid search.
//!
//! What does not parse as a condition is searched for as it stands, and so are the words of a phrase: conditions say which
//! passages may be found, the words in which order.

use unicode_normalization::UnicodeNormalization as _;

use crate::analysis::{Kind, segment};
use crate::types::Chunk;

/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;

/// Which passages may be found. Empty admits all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Each stands in the passage, its title or its heading, word by word, as it is written but for case.
    pub phrases: Vec<String>,
    /// None stands there; a single word in none of its forms.
    pub without: Vec<String>,
    /// The file is one of these, or lies below one that ends with `/`. Not written in a search: who sets it knows the paths.
    pub files: Vec<String>,
    /// Each is part of the file's path, whatever the case.
    pub paths: Vec<String>,
    /// One of them is the end of the file's name, without the dot.
    pub extensions: Vec<String>,
    /// The file has each of these tags, or one below it: `trips` admits `trips/norway`.
    pub tags: Vec<String>,
    /// The file was changed at this time or later, in nanoseconds since the Unix epoch.
    pub after: Option<i64>,
    /// The file was changed before this time.
    pub before: Option<i64>,
}

impl Conditions {
    /// Takes the conditions out of a search: what remains is what to search for.
    pub fn parse(search: &str) -> (String, Self) {
        let (mut words, mut conditions) = (Vec::new(), Self::default());
        for part in parts(search) {
            if let Part::Plain(text) = &part
                && conditions.takes(text)
            {
                continue;
            }
            match part {
                Part::Plain(text) => words.push(text),
                Part::Phrase { text, excluded: true } => conditions.without.push(text),
                Part::Phrase { text, excluded: false } => {
                    words.push(text.clone());
                    conditions.phrases.push(text);
                }
            }
        }
        (words.join(" "), conditions)
    }

    /// Whether all passages may be found.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether files are told apart, so that not all may be found.
    pub(crate) fn restricts_files(&self) -> bool {
        !(self.files.is_empty() && self.paths.is_empty() && self.extensions.is_empty() && self.tags.is_empty())
            || self.after.is_some()
            || self.before.is_some()
    }

    /// Whether passages of this file may be found. `tags` are folded, each on a line of its own.
    pub(crate) fn admits_file(&self, path: &str, changed_ns: i64, tags: &str) -> bool {
        let has = |wanted: &String| {
            tags.lines()
                .filter_map(|tag| tag.strip_prefix(wanted.as_str()))
                .any(|below| below.is_empty() || below.starts_with('/'))
        };
        let is = |wanted: &String| path == wanted || (wanted.ends_with('/') && path.starts_with(wanted.as_str()));
        if !(self.files.is_empty() || self.files.iter().any(is)) {
            return false;
        }
        let path = path.to_lowercase();
        let extension = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension);
        self.paths.iter().all(|part| path.contains(&part.to_lowercase()))
            && (self.extensions.is_empty() || self.extensions.iter().any(|one| Some(one.as_str()) == extension))
            && self.tags.iter().all(has)
            && self.after.is_none_or(|after| changed_ns >= after)
            && self.before.is_none_or(|before| changed_ns < before)
    }

    /// Whether a passage's text has to be read to tell.
    pub(crate) fn go_by_text(&self) -> bool {
        !self.phrases.is_empty() || self.without.iter().any(|text| words_of(text).len() > 1)
    }

    /// Whether every phrase stands in the passage, word by word, and no excluded one.
    pub(crate) fn admits_text(&self, chunk: &Chunk) -> bool {
        let texts = [&chunk.text, &chunk.title, &chunk.heading].map(|text| words_of(text));
        let stands =
            |phrase: &[String]| texts.iter().any(|words| words.windows(phrase.len()).any(|some| some == phrase));
        // A single excluded word goes by its forms, which the word index knows.
        let (wanted, unwanted) = (self.phrases.iter().map(|text| words_of(text)), &self.without);
        wanted.filter(|words| !words.is_empty()).all(|words| stands(&words))
            && !unwanted.iter().map(|text| words_of(text)).any(|words| words.len() > 1 && stands(&words))
    }

    /// Whether this part is a condition; then it is one from now on.
    fn takes(&mut self, part: &str) -> bool {
        if let Some(word) = part.strip_prefix('-') {
            // A dash alone, an option (`--json`) and a negative number are words.
            let is_word = word.starts_with(char::is_alphabetic);
            if is_word {
                self.without.push(word.to_owned());
            }
            return is_word;
        }
        let Some((key, value)) = part.split_once(':').filter(|(_, value)| !value.is_empty()) else { return false };
        match key {
            "path" => self.paths.push(value.to_owned()),
            "ext" => self.extensions.push(value.trim_start_matches('.').to_lowercase()),
            "tag" => match folded_tag(value) {
                tag if tag.is_empty() => return false,
                tag => self.tags.push(tag),
            },
            "after" => match date(value) {
                Some(day) => self.after = Some(day),
                None => return false,
            },
            "before" => match date(value) {
                Some(day) => self.before = Some(day),
                None => return false,
            },
            _ => return false,
        }
        true
    }
}

/// A tag as tags are compared: without the marks around it, in one case and one form of its letters.
pub(crate) fn folded_tag(tag: &str) -> String {
    tag.nfkc().collect::<String>().to_lowercase().trim().trim_start_matches('#').trim_end_matches('/').to_owned()
}

/// The words of a text as written, but for case: in a phrase they stand one behind the other.
fn words_of(text: &str) -> Vec<String> {
    segment(text)
        .into_iter()
        .filter(|token| token.kind != Kind::Compound)
        .map(|token| token.text.into_owned())
        .collect()
}

enum Part {
    /// Between spaces.
    Plain(String),
    /// Between quotation marks, behind a dash if it is excluded.
    Phrase { text: String, excluded: bool },
}

/// A quotation mark that nothing closes is a character like others.
fn parts(search: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = search.trim_start();
    while let Some(first) = rest.chars().next() {
        let (excluded, behind) = rest.strip_prefix('-').map_or((false, rest), |behind| (true, behind));
        let quoted = [('"', '"'), ('“', '”'), ('„', '“'), ('«', '»')].iter().find_map(|(open, close)| {
            let behind = behind.strip_prefix(*open)?;
            let end = behind.find(*close)?;
            (!behind[..end].trim().is_empty()).then(|| (&behind[..end], &behind[end + close.len_utf8()..]))
        });
        if let Some((text, after)) = quoted {
            parts.push(Part::Phrase { text: text.trim().to_owned(), excluded });
            rest = after.trim_start();
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len()).max(first.len_utf8());
            parts.push(Part::Plain(rest[..end].to_owned()));
            rest = rest[end..].trim_start();
        }
    }
    parts
}

/// The beginning of a year, a month or a day (`2024`, `2024-05`, `2024-05-17`), UTC, in nanoseconds since the Unix epoch.
fn date(text: &str) -> Option<i64> {
    let mut numbers =
        text.split('-').map(|part| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<i64>().ok())?);
    let year = numbers.next()?.filter(|year| (1970..=2200).contains(year))?;
    let month = numbers.next().unwrap_or(Some(1)).filter(|month| (1..=12).contains(month))?;
    let day = numbers.next().unwrap_or(Some(1)).filter(|day| (1..=31).contains(day))?;
    numbers.next().is_none().then(|| days_from_civil(year, month, day) * DAY)
}

/// Days since 1970-01-01 in the Gregorian calendar. Source: <https://howardhinnant.github.io/date_algorithms.html>.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::{ChunkId, Span};

    fn chunk(text: &str) -> Chunk {
        Chunk {
            id: ChunkId(1),
            path: "a.md".into(),
            span: Span { start_line: 1, end_line: 1, page: None },
            title: "Garden notes".into(),
            heading: String::new(),
            text: text.into(),
            ordinal: 0,
        }
    }

    #[test]
    fn conditions_are_taken_out_and_words_stay() {
        let (words, found) = Conditions::parse(
            r#"pear "prune in March" -apple ext:.MD tag:#Fruit/Trees path:Notes/2024 after:2024-05 before:2025-01-02 x"#,
        );
        assert_eq!(words, "pear prune in March x");
        let expected = Conditions {
            files: Vec::new(),
            phrases: vec!["prune in March".into()],
            without: vec!["apple".into()],
            paths: vec!["Notes/2024".into()],
            extensions: vec!["md".into()],
            tags: vec!["fruit/trees".into()],
            after: Some(1_714_521_600_000_000_000),
            before: Some(1_735_776_000_000_000_000),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn what_only_looks_like_a_condition_is_searched_for() {
        for text in [
            "path:",
            "tag:",
            "tag:#",
            "std::fs::read",
            "a - b",
            "--json -5",
            "after:Easter",
            "5\" disk",
            "\"\"",
            "x:y",
            "-",
        ] {
            let (words, found) = Conditions::parse(text);
            assert!(found.is_empty(), "{text}: {found:?}");
            assert_eq!(words.split_whitespace().collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_phrase_stands_word_by_word_in_one_place() {
        let admits = |search: &str| {
            Conditions::parse(search).1.admits_text(&chunk("We prune the pear-tree. In March it rains."))
        };
        assert!(admits(r#""PRUNE the pear""#) && admits(r#""garden notes""#) && admits("„In March“"));
        assert!(!admits(r#""pruned the pear""#) && !admits(r#""the pear March""#) && !admits(r#""notes we prune""#));
        assert!(admits(r#"-"the pear March""#) && !admits(r#"-"in march""#));
    }

    #[test]
    fn files_are_told_by_path_ending_and_time() {
        let admits =
            |search: &str| Conditions::parse(search).1.admits_file("Notes/Garden.MD", 1_714_521_600_000_000_000, "");
        assert!(admits("path:notes ext:md after:2024-05 before:2024-06"));
        assert!(admits("ext:txt ext:md") && admits("path:garden path:notes"));
        assert!(!admits("ext:m") && !admits("path:house") && !admits("before:2024-05") && !admits("after:2024-05-02"));
    }

    #[test]
    fn files_are_told_by_being_one_of_some_or_below_one() {
        let admits = |files: &[&str], path: &str| {
            let files = files.iter().map(|file| (*file).to_owned()).collect();
            Conditions { files, ..Conditions::default() }.admits_file(path, 0, "")
        };
        assert!(admits(&[], "a.md") && admits(&["b.md", "a.md"], "a.md") && admits(&["notes/"], "notes/x/a.md"));
        for (file, path) in [("a.md", "b/a.md"), ("a.md", "A.md"), ("notes", "notes/a.md"), ("notes/", "notes.md")] {
            assert!(!admits(&[file], path), "{file} {path}");
        }
        let some = Conditions { files: vec!["a.md".into()], ..Conditions::default() };
        assert!(!some.is_empty() && some.restricts_files());
    }

    #[test]
    fn files_are_told_by_all_their_tags_and_by_what_is_above_them() {
        let admits = |search: &str, tags: &[&str]| {
            let stored: Vec<String> = tags.iter().map(|tag| folded_tag(tag)).collect();
            Conditions::parse(search).1.admits_file("a.md", 0, &stored.join("\n"))
        };
        let tags = ["Trips/Norway", "recipes", "CAFE\u{301}"];
        assert!(
            admits("tag:recipes", &tags) && admits("tag:#Recipes", &tags) && admits("tag:trips tag:recipes", &tags)
        );
        assert!(admits("tag:trips/norway", &tags) && admits("tag:trips/", &tags) && admits("tag:café", &tags));
        for no in ["tag:trip", "tag:norway", "tag:recipe", "tag:trips/norway/north", "tag:trips tag:work"] {
            assert!(!admits(no, &tags), "{no}");
        }
        assert!(!admits("tag:recipes", &[]), "a file without tags has none");
    }

    proptest! {
        #[test]
        fn any_text_is_a_search(text in any::<String>(), passage in any::<String>()) {
            let (words, found) = Conditions::parse(&text);
            found.admits_text(&chunk(&passage));
            found.admits_file(&passage, 0, &passage);
            // Words are neither invented nor moved.
            let mut rest = text.as_str();
            for word in words.split_whitespace() {
                let at = rest.find(word);
                prop_assert!(at.is_some(), "{word:?} in {rest:?}");
                rest = &rest[at.unwrap_or(0)..];
            }
        }
    }
}
