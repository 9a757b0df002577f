//! The tags of a note: what its front matter lists, and `#tag` in its text as Obsidian reads it. Pure.
//!
//! An inline tag stands at the start of a line or behind white space or an opening mark, and consists of letters, digits, `_`, `-`
//! and `/`, not of digits alone. Case is kept here; the library compares without it.

use std::collections::HashSet;

use super::has_forbidden;

/// Most tags of one file; what comes behind is no tag but a list of words.
const MOST: usize = 1000;
/// Most bytes of a tag.
const LONGEST: usize = 200;

/// Tags in the order in which they came, each once, whatever the case.
#[derive(Debug, Default)]
pub(super) struct Tags {
    tags: Vec<String>,
    known: HashSet<String>,
}

impl Tags {
    /// Takes a tag as a person lists it, with or without `#` and quotation marks; white space within becomes `-`.
    pub(super) fn add(&mut self, tag: &str) {
        // What follows ` #` in YAML is a comment.
        let tag = tag.trim().split(" #").next().unwrap_or_default();
        let tag = tag.trim_matches(|c: char| c.is_whitespace() || "#\"'[],/".contains(c));
        let tag = tag.split_whitespace().collect::<Vec<_>>().join("-");
        let fits = !tag.is_empty() && tag.len() <= LONGEST && !has_forbidden(&tag) && self.tags.len() < MOST;
        if fits && self.known.insert(tag.to_lowercase()) {
            self.tags.push(tag);
        }
    }

    /// Takes the inline tags of running text.
    pub(super) fn add_inline(&mut self, text: &str) {
        let mut before = None;
        for (at, c) in text.char_indices() {
            let opens = before.is_none_or(|c: char| c.is_whitespace() || "([{\"'“‘«,;".contains(c));
            before = Some(c);
            if c != '#' || !opens {
                continue;
            }
            let rest = &text[at + 1..];
            let tag = &rest[..rest.find(|c: char| !belongs(c)).unwrap_or(rest.len())];
            if !tag.starts_with('/') && tag.chars().any(char::is_alphanumeric) && !tag.chars().all(char::is_numeric) {
                self.add(tag);
            }
        }
    }

    /// All of them.
    pub(super) fn into_vec(self) -> Vec<String> {
        self.tags
    }
}

fn belongs(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '/')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn inline(text: &str) -> Vec<String> {
        let mut tags = Tags::default();
        tags.add_inline(text);
        tags.into_vec()
    }

    #[test]
    fn inline_tags_are_told_from_what_only_looks_like_one() {
        assert_eq!(
            inline("#one two #two/three, (#four_5) #Über-6.\n#seven"),
            ["one", "two/three", "four_5", "Über-6", "seven"]
        );
        assert_eq!(inline("#fff is a tag to Obsidian, and #2024-05 and #y1984"), ["fff", "2024-05", "y1984"]);
        for none in
            ["#", "# heading", "##two", "#1984", "a#b", "http://x/#part", "C# and F#", "#-/", "#/a", "#!", "a #, b"]
        {
            assert_eq!(inline(none), Vec::<String>::new(), "{none}");
        }
        assert_eq!(inline("#Same #same #same/"), ["Same"], "once, whatever the case");
    }

    #[test]
    fn listed_tags_lose_the_marks_around_them() {
        let mut tags = Tags::default();
        for tag in
            ["#a", "\"b\"", " 'machine  learning' ", "[c", "d] # a comment", "#", "", "trips/norway/", "e\u{1B}[31m"]
        {
            tags.add(tag);
        }
        assert_eq!(tags.into_vec(), ["a", "b", "machine-learning", "c", "d", "trips/norway"]);
    }

    #[test]
    fn a_list_of_words_stays_bounded() {
        let many: Vec<String> = (0..3000).map(|n| format!("#tag{n}")).collect();
        assert_eq!(inline(&many.join(" ")).len(), MOST);
        assert_eq!(inline(&format!("#{}", "x".repeat(LONGEST + 1))), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn any_text_gives_tags_that_stand_in_it(text in any::<String>(), tail in "[#a-c/ 1(]{0,20}") {
            let text = text + &tail;
            for tag in inline(&text) {
                prop_assert!(text.contains(&format!("#{tag}")), "{tag:?} in {text:?}");
                prop_assert!(!tag.chars().any(|c| c.is_whitespace() || c.is_control()));
            }
        }
    }
}
