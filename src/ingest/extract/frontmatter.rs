//! The metadata block at the start of a Markdown file: title, and the fields a person searches by.
//!
//! YAML between `---` (read as plain `key: value` lines with inline and indented lists: what notes hold in practice; anything
//! deeper is left out) and TOML between `+++`.

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

/// What a metadata block holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FrontMatter {
    /// The field `title`.
    pub(super) title: Option<String>,
    /// The searchable fields, one line each.
    pub(super) block: Option<Block>,
}

/// Reads YAML; `first_line` is the source line of the first line of `text`.
pub(super) fn yaml(text: &str, first_line: u32) -> FrontMatter {
    let mut fields: Vec<(String, Vec<String>, LineRange)> = Vec::new();
    for (line, number) in text.lines().zip(first_line..) {
        let trimmed = line.trim();
        if line.starts_with([' ', '\t', '-']) {
            // An indented or list line continues the field above.
            if let Some((_, values, range)) = fields.last_mut() {
                let value = unquote(trimmed.trim_start_matches("- ").trim());
                if !value.is_empty() && value != "-" {
                    values.push(value);
                    range.end = number;
                }
            }
        } else if let Some((key, value)) = trimmed.split_once(':') {
            let values = match value.trim() {
                "" | "|" | ">" | "|-" | ">-" => Vec::new(),
                list if list.starts_with('[') => list
                    .trim_matches(['[', ']'])
                    .split(',')
                    .map(|item| unquote(item.trim()))
                    .filter(|item| !item.is_empty())
                    .collect(),
                single => vec![unquote(single)],
            };
            fields.push((key.trim().to_lowercase(), values, LineRange { start: number, end: number }));
        }
    }
    collect(fields)
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
    collect(fields)
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
    FrontMatter { title, block }
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
        assert_eq!(block.text, "title: A: note\naliases: one, two\ntags: red, green");
        assert_eq!(block.lines[2], LineRange { start: 4, end: 6 });
    }

    #[test]
    fn toml_fields_are_read_and_broken_toml_is_nothing() {
        let matter = toml("title = \"Plan\"\ntags = [\"a\", \"b\"]\n", 2);
        assert_eq!(matter.title.as_deref(), Some("Plan"));
        assert_eq!(matter.block.unwrap().text, "title: Plan\ntags: a, b");
        assert_eq!(toml("title = ", 2), FrontMatter::default());
    }
}
