//! The metadata block at the start of a Markdown file: title, and the fields a person searches by.
//!
//! YAML between `---` (read as plain `key: value` lines with inline and indented lists: what notes hold in practice; anything
//! deeper is left out) and TOML between `+++`.

use super::tags::Tags;
use super::{Block, BlockKind, LineRange};

/// Fields that become searchable text, besides the title.
const FIELDS: &[&str] = &[
    "title",
    "aliases",
    "alias",
    "tags",
    "keywords",
    "categories",
    "description",
    "summary",
    "subtitle",
    "author",
    "authors",
    "date",
];

/// Fields that file a note under something.
const TAGS: &[&str] = &["tags", "tag"];

/// What a metadata block holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FrontMatter {
    /// The field `title`.
    pub(super) title: Option<String>,
    /// The searchable fields, one line each.
    pub(super) block: Option<Block>,
    /// The fields `tags` and `tag`, as listed.
    pub(super) tags: Vec<String>,
}

/// Reads YAML; `first_line` is the source line of the first line of `text`.
pub(super) fn yaml(text: &str, first_line: u32) -> FrontMatter {
    let mut fields: Vec<(String, Vec<String>, LineRange)> = Vec::new();
    let mut tags = Tags::default();
    for (line, number) in text.lines().zip(first_line..) {
        let trimmed = line.trim();
        if line.starts_with([' ', '\t', '-']) {
            // An indented or list line continues the field above.
            if let Some((key, values, range)) = fields.last_mut() {
                let value = unquote(trimmed.trim_start_matches("- ").trim());
                if !value.is_empty() && value != "-" {
                    if TAGS.contains(&key.as_str()) {
                        value.split(',').for_each(|tag| tags.add(tag));
                    }
                    values.push(value);
                    range.end = number;
                }
            }
        } else if let Some((key, value)) = trimmed.split_once(':') {
            let (key, value) = (key.trim().to_lowercase(), value.trim());
            let values = match value {
                "" | "|" | ">" | "|-" | ">-" => Vec::new(),
                list if list.starts_with('[') => list
                    .trim_matches(['[', ']'])
                    .split(',')
                    .map(|item| unquote(item.trim()))
                    .filter(|item| !item.is_empty())
                    .collect(),
                single => vec![unquote(single)],
            };
            if TAGS.contains(&key.as_str()) {
                match &values[..] {
                    // Outside a list, white space separates too.
                    [single] if !value.starts_with('[') => {
                        let (listed, _) = single.split_once(" # ").unwrap_or((single, ""));
                        listed.split([',', ' ']).for_each(|tag| tags.add(tag));
                    }
                    listed => listed.iter().for_each(|tag| tags.add(tag)),
                }
            }
            fields.push((key, values, LineRange { start: number, end: number }));
        }
    }
    FrontMatter { tags: tags.into_vec(), ..collect(fields) }
}

/// Reads TOML; a block that is not valid TOML gives nothing.
pub(super) fn toml(text: &str, first_line: u32) -> FrontMatter {
    let Ok(table) = text.parse::<toml::Table>() else {
        return FrontMatter::default();
    };
    let mut fields = Vec::new();
    for (line, number) in text.lines().zip(first_line..) {
        let Some(key) = line.split_once('=').map(|(key, _)| key.trim()) else {
            continue;
        };
        let values = match table.get(key) {
            Some(toml::Value::Array(items)) => items.iter().filter_map(scalar).collect(),
            Some(value) => scalar(value).into_iter().collect(),
            None => continue,
        };
        fields.push((key.to_lowercase(), values, LineRange { start: number, end: number }));
    }
    let mut tags = Tags::default();
    for value in TAGS.iter().filter_map(|key| table.get(*key)) {
        match value {
            toml::Value::Array(items) => items.iter().filter_map(scalar).for_each(|tag| tags.add(&tag)),
            value => scalar(value).iter().flat_map(|text| text.split([',', ' '])).for_each(|tag| tags.add(tag)),
        }
    }
    FrontMatter { tags: tags.into_vec(), ..collect(fields) }
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Array(_) | toml::Value::Table(_) => None,
        other => Some(other.to_string()),
    }
}

fn unquote(value: &str) -> String {
    let bare = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    bare.unwrap_or(value).to_owned()
}

fn collect(fields: Vec<(String, Vec<String>, LineRange)>) -> FrontMatter {
    let title = fields
        .iter()
        .find(|(key, _, _)| key == "title")
        .map(|(_, values, _)| values.join(" "))
        .filter(|title| !title.is_empty());
    let mut lines = Vec::new();
    let mut text = Vec::new();
    for (key, values, range) in fields {
        if FIELDS.contains(&key.as_str()) && !values.is_empty() {
            text.push(format!("{key}: {}", values.join(", ").replace('\n', " ")));
            lines.push(range);
        }
    }
    let block =
        (!text.is_empty()).then(|| Block { kind: BlockKind::Paragraph, text: text.join("\n"), lines, page: None });
    FrontMatter { title, block, tags: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_fields_of_notes_are_read() {
        let text = "title: \"A: note\"\naliases: [one, 'two']\ntags:\n  - red\n  - green\ncssclass: wide\n";
        let matter = yaml(text, 2);
        assert_eq!(matter.title.as_deref(), Some("A: note"));
        let block = matter.block.unwrap();
        assert_eq!(matter.tags, ["red", "green"]);
        assert_eq!(block.text, "title: A: note\naliases: one, two\ntags: red, green");
        assert_eq!(block.lines[2], LineRange { start: 4, end: 6 });
    }

    #[test]
    fn tags_are_read_in_every_way_people_list_them() {
        let tags = |text: &str| yaml(text, 2).tags;
        assert_eq!(tags("tags: #a #b # mine\n"), ["a", "b"]);
        assert_eq!(tags("tags: [a, \"b c\", '#d'] # mine\n"), ["a", "b-c", "d"]);
        assert_eq!(tags("Tags: a b, c\ntag: d\n"), ["a", "b", "c", "d"]);
        assert_eq!(tags("tags:\n- trips/norway\n- \"e f\"\nauthor: x\n"), ["trips/norway", "e-f"]);
        assert_eq!(tags("tags: [a,\n  b, c]\n"), ["a", "b", "c"]);
        assert_eq!(tags("tags:\ntitle: not a tag\n"), Vec::<String>::new());
        assert_eq!(toml("tag = \"a b\"\ntags = [\"c d\", 7]\n", 2).tags, ["c-d", "7", "a", "b"]);
    }

    #[test]
    fn toml_fields_are_read_and_broken_toml_is_nothing() {
        let matter = toml("title = \"Plan\"\ntags = [\"a\", \"b\"]\n", 2);
        assert_eq!(matter.title.as_deref(), Some("Plan"));
        assert_eq!(matter.block.unwrap().text, "title: Plan\ntags: a, b");
        assert_eq!(toml("title = ", 2), FrontMatter::default());
    }
}
