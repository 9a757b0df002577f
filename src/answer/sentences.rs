//! Sentences of a passage, by their byte offsets.
//!
//! They begin where [`sentence_starts`] says. A line break would end one, but documents wrap their lines: a break inside a paragraph
//! is a space here, unless the next line opens something new (a list item, a table row, a prompt, a quotation) or is empty.

use crate::ingest::sentence_starts;

/// The sentences of `text`, whitespace at their ends included: joined they are the text.
pub fn sentences(text: &str) -> Vec<(usize, &str)> {
    let joined = join_lines(text);
    let mut found: Vec<(usize, &str)> = Vec::new();
    let starts = sentence_starts(&joined);
    let ends = starts.iter().copied().skip(1).chain([joined.len()]);
    for (start, end) in starts.iter().copied().zip(ends) {
        match found.last_mut() {
            Some((first, last)) if is_abbreviated(last) => *last = &text[*first..end],
            _ => found.push((start, &text[start..end])),
        }
    }
    found
}

/// Whether a text ends in an abbreviation, so that what follows belongs to it.
fn is_abbreviated(text: &str) -> bool {
    const KNOWN: [&str; 16] =
        ["st", "mr", "mrs", "ms", "dr", "prof", "vs", "e.g", "i.e", "etc", "fig", "no", "vol", "approx", "jr", "sr"];
    let Some(body) = text.trim_end_matches(' ').strip_suffix('.') else { return false };
    let word = body.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    let initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase);
    initial || KNOWN.contains(&word.to_lowercase().as_str())
}

/// The same text, byte for byte as long, with soft line breaks as spaces.
fn join_lines(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let soft = !line.trim().is_empty() && lines.peek().is_some_and(|next| continues(next));
        match line.strip_suffix('\n').filter(|_| soft) {
            Some(body) => {
                joined.push_str(body);
                joined.push(' ');
            }
            None => joined.push_str(line),
        }
    }
    joined
}

/// Whether a line goes on with the sentence of the line before it.
fn continues(line: &str) -> bool {
    let line = line.trim_start();
    let numbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let opens = line.is_empty()
        || line.starts_with(['-', '*', '+', '|', '#', '$', '>', '{', '}', ':', '/'])
        // A word of code or a link may stand at the start of any line; a fence and the address of a link open one.
        || line.starts_with("```")
        || (line.starts_with('[') && line.contains("]:"))
        || (numbered.len() < line.len() && numbered.starts_with(['.', ')']));
    !opens
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|(_, sentence)| sentence.trim()).collect()
    }

    #[test]
    fn a_wrapped_sentence_is_one_and_list_items_are_their_own() {
        assert_eq!(
            texts(
                "The first command creates\na new project. It is called so.\n\n- one item\n- another\n1. third\nEnd."
            ),
            [
                "The first command creates\na new project.",
                "It is called so.",
                "",
                "- one item",
                "- another",
                "1. third\nEnd."
            ]
        );
    }

    #[test]
    fn code_and_links_go_on_with_the_sentence() {
        assert_eq!(
            texts("It returns a\n`LockResult` that\n[we](x) handle: `println!` in a test.\n[we]: https://a\n```\ncode"),
            ["It returns a\n`LockResult` that\n[we](x) handle: `println!` in a test.", "[we]: https://a", "```\ncode"]
        );
    }

    #[test]
    fn an_abbreviation_ends_no_sentence() {
        assert_eq!(
            texts("St. John's is old. Ask Dr. E. Holm. It rains."),
            ["St. John's is old.", "Ask Dr. E. Holm.", "It rains."]
        );
    }

    proptest! {
        #[test]
        fn sentences_join_to_the_text(text in "([a-zäß中 .!?\n*-]|\r\n){0,80}") {
            let parts = sentences(&text);
            prop_assert_eq!(parts.iter().map(|(_, part)| *part).collect::<String>(), text.clone());
            for (start, part) in parts {
                prop_assert_eq!(&text[start..start + part.len()], part);
            }
        }
    }
}
