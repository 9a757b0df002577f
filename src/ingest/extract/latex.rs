//! `LaTeX`: sections, lists and listings, its commands as the text that they set. Mathematics stays as it is written.
//!
//! Read line by line, so that the n-th line of the text is the n-th of the file; macros are not expanded.

use unicode_normalization::UnicodeNormalization as _;

use super::{Block, BlockKind, plain};

/// Title and blocks.
pub(super) fn extract(text: &str) -> (Option<String>, Vec<Block>) {
    let title = argument_of(text, "\\title").map(|title| set(&title));
    let mut reader = Reader { blocks: Vec::new(), open: Vec::new() };
    let has_preamble = text.contains("\\begin{document}");
    let mut in_document = !has_preamble;
    let mut listing: Option<(Vec<&str>, u32, &str)> = None;
    for (line, number) in text.split('\n').zip(1_u32..) {
        let trimmed = line.trim();
        if let Some((lines, first, end)) = &mut listing {
            if trimmed.starts_with(*end) {
                let (text, first) = (lines.join("\n"), *first);
                reader.blocks.extend(Block::consecutive(BlockKind::Code, &text, first));
                listing = None;
            } else {
                lines.push(line);
            }
            continue;
        }
        if !in_document {
            in_document = trimmed.starts_with("\\begin{document}");
            continue;
        }
        if trimmed.starts_with("\\end{document}") {
            break;
        }
        if let Some((_, end)) = LISTINGS.iter().find(|(begin, _)| trimmed.starts_with(begin)) {
            reader.close();
            listing = Some((Vec::new(), number + 1, end));
            continue;
        }
        reader.line(without_comment(line), number);
    }
    if let Some((lines, first, _)) = listing {
        reader.blocks.extend(Block::consecutive(BlockKind::Code, &lines.join("\n"), first));
    }
    reader.close();
    (title.filter(|title| !title.is_empty()), reader.blocks)
}

const LISTINGS: &[(&str, &str)] = &[
    ("\\begin{verbatim", "\\end{verbatim"),
    ("\\begin{lstlisting", "\\end{lstlisting"),
    ("\\begin{minted", "\\end{minted"),
    ("\\begin{Verbatim", "\\end{Verbatim"),
];

const SECTIONS: &[(&str, u8)] = &[
    ("\\part", 1),
    ("\\chapter", 1),
    ("\\section", 2),
    ("\\subsection", 3),
    ("\\subsubsection", 4),
    ("\\paragraph", 5),
    ("\\subparagraph", 6),
    ("\\frametitle", 3),
];

struct Reader {
    blocks: Vec<Block>,
    /// Lines of plain text that follow each other.
    open: Vec<(String, u32)>,
}

impl Reader {
    fn line(&mut self, line: &str, number: u32) {
        let trimmed = line.trim();
        if let Some((level, name)) = section(trimmed) {
            self.close();
            self.blocks.extend(Block::consecutive(BlockKind::Heading(level), &set(&name), number));
            return;
        }
        let text = match trimmed.strip_prefix("\\item") {
            Some(rest) if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) => format!("- {}", set(rest).trim()),
            _ if trimmed.starts_with("\\begin{") || trimmed.starts_with("\\end{") => set_rest(trimmed),
            // Cells and rows of a table.
            _ if trimmed.ends_with("\\\\") && trimmed.contains('&') => {
                set(trimmed.trim_end_matches('\\')).replace(" & ", " | ").replace('&', " | ")
            }
            _ => set(line),
        };
        self.open.push((text, number));
    }

    fn close(&mut self) {
        let Some((_, first)) = self.open.first() else { return };
        let first = *first;
        // Lines between may have been headings or listings: these closed before.
        let lines = std::mem::take(&mut self.open);
        self.blocks.extend(plain::blocks_from(lines.iter().map(|(line, _)| line.as_str()), first));
    }
}

/// A line up to its comment.
fn without_comment(line: &str) -> &str {
    let mut escaped = false;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'%' if !escaped => return &line[..at],
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    line
}

fn section(line: &str) -> Option<(u8, String)> {
    SECTIONS.iter().find_map(|(command, level)| {
        let rest = line.strip_prefix(command)?;
        let rest = rest.strip_prefix('*').unwrap_or(rest);
        (rest.starts_with('{') || rest.starts_with('['))
            .then(|| argument_of(line, command).map(|name| (*level, name)))?
    })
}

/// The argument in braces of the first use of a command, at most a paragraph long.
fn argument_of(text: &str, command: &str) -> Option<String> {
    let at = text.find(command)? + command.len();
    let rest = text.get(at..)?.trim_start_matches('*');
    let rest = match rest.strip_prefix('[') {
        Some(option) => option.split_once(']')?.1,
        None => rest,
    };
    group(rest.trim_start()).map(|(inside, _)| inside.to_owned())
}

/// The text inside braces that a text begins with, and what follows; at most 600 bytes.
fn group(text: &str) -> Option<(&str, &str)> {
    let body = text.strip_prefix('{')?;
    let mut depth = 1_usize;
    let mut escaped = false;
    for (at, byte) in body.bytes().enumerate().take(600) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some((&body[..at], &body[at + 1..]));
                }
            }
            _ => {}
        }
    }
    None
}

/// What follows `\begin{…}` or `\end{…}` with its options.
fn set_rest(line: &str) -> String {
    let mut rest = line.split_once('}').map_or("", |(_, rest)| rest).trim_start();
    loop {
        if let Some(option) = rest.strip_prefix('[') {
            rest = option.split_once(']').map_or("", |(_, rest)| rest);
        } else if let Some((_, after)) = group(rest) {
            rest = after;
        } else {
            return set(rest);
        }
    }
}

/// Commands whose argument is no text.
const SILENT: &[&str] = &[
    "label",
    "ref",
    "eqref",
    "pageref",
    "cite",
    "citep",
    "citet",
    "autoref",
    "cref",
    "usepackage",
    "includegraphics",
    "vspace",
    "hspace",
    "bibliographystyle",
    "bibliography",
    "pagestyle",
    "thispagestyle",
    "setcounter",
    "setlength",
    "index",
    "hypersetup",
    "newcommand",
    "renewcommand",
    "color",
];

/// A piece of source as it would be set.
fn set(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    let mut math = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        match c {
            '$' => {
                math = !math;
                out.push(c);
                rest = after;
            }
            _ if math => {
                out.push(c);
                rest = after;
            }
            '\\' => rest = command(after, &mut out),
            '{' | '}' => rest = after,
            '~' => {
                out.push(' ');
                rest = after;
            }
            '-' if rest.starts_with("---") => {
                out.push('—');
                rest = &rest[3..];
            }
            '-' if rest.starts_with("--") => {
                out.push('–');
                rest = &rest[2..];
            }
            '`' if rest.starts_with("``") => {
                out.push('“');
                rest = &rest[2..];
            }
            '\'' if rest.starts_with("''") => {
                out.push('”');
                rest = &rest[2..];
            }
            _ => {
                out.push(c);
                rest = after;
            }
        }
    }
    out
}

/// Sets the command whose name begins `text`; gives what follows it.
fn command<'a>(text: &'a str, out: &mut String) -> &'a str {
    let length = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let Some(first) = text.chars().next() else { return text };
    if length == 0 {
        let rest = &text[first.len_utf8()..];
        if let Some(accent) = accent(first) {
            return accented(rest, accent, out);
        }
        match first {
            '\\' | ',' | ';' | ' ' | ':' => out.push(' '),
            '(' | ')' | '[' | ']' => out.push('$'),
            '%' | '&' | '#' | '_' | '{' | '}' | '$' => out.push(first),
            _ => {}
        }
        return rest;
    }
    let (name, rest) = text.split_at(length);
    let known = match name {
        "ss" => "ß",
        "ae" => "æ",
        "AE" => "Æ",
        "o" => "ø",
        "O" => "Ø",
        "aa" => "å",
        "AA" => "Å",
        "l" => "ł",
        "L" => "Ł",
        "i" => "ı",
        "ldots" | "dots" => "…",
        "textbackslash" => "\\",
        "LaTeX" => "LaTeX",
        "TeX" => "TeX",
        "euro" | "texteuro" => "€",
        "quad" | "qquad" | "newline" | "linebreak" => " ",
        _ => "",
    };
    if !known.is_empty() {
        out.push_str(known);
        return rest.strip_prefix("{}").or_else(|| rest.strip_prefix(' ')).unwrap_or(rest);
    }
    if let (1, Some(accent)) = (length, accent(first)) {
        return accented(rest, accent, out);
    }
    let mut rest = rest.strip_prefix('*').unwrap_or(rest);
    if let Some(option) = rest.strip_prefix('[')
        && let Some((_, after)) = option.split_once(']')
    {
        rest = after;
    }
    match (name, group(rest)) {
        (name, Some((_, after))) if SILENT.contains(&name) => after,
        ("footnote", Some((note, after))) => {
            out.push_str(" (");
            out.push_str(&set(note));
            out.push(')');
            after
        }
        ("href", Some((_, after))) => after,
        // The argument is text: its braces fall away as it is read.
        (_, Some(_)) => rest,
        (_, None) => rest.strip_prefix(' ').unwrap_or(rest),
    }
}

/// The combining mark of an accent command.
fn accent(command: char) -> Option<char> {
    Some(match command {
        '"' => '\u{308}',
        '\'' => '\u{301}',
        '`' => '\u{300}',
        '^' => '\u{302}',
        '~' => '\u{303}',
        '=' => '\u{304}',
        '.' => '\u{307}',
        'c' => '\u{327}',
        'v' => '\u{30C}',
        'u' => '\u{306}',
        'H' => '\u{30B}',
        'k' => '\u{328}',
        'r' => '\u{30A}',
        _ => return None,
    })
}

/// A letter with its accent, as one character where Unicode has it.
fn accented<'a>(rest: &'a str, mark: char, out: &mut String) -> &'a str {
    let (letter, after) = if let Some((inside, after)) = group(rest) {
        (inside.trim_start_matches('\\'), after)
    } else {
        let start = rest.trim_start();
        let start = start.strip_prefix('\\').unwrap_or(start);
        start.split_at(start.chars().next().map_or(0, char::len_utf8))
    };
    out.extend(letter.chars().take(1).chain([mark]).nfc());
    out.extend(letter.chars().skip(1));
    after
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_paper_becomes_sections_lists_and_listings() {
        let text = "\\documentclass{article}\n\\title{On \\emph{Trees}}\n\\begin{document}\n\\section{Pear trees} % why\nThe caf\\'e of M\\\"{u}ller~costs 5\\,\\% --- ``much''\\footnote{or not}.\n\\begin{itemize}\n\\item first $a_1$\n\\end{itemize}\n\\begin{verbatim}\n% kept\n\\end{verbatim}\nSee \\cite{x} and \\textbf{bold \\emph{words}}.\n\\end{document}\nafter\n";
        let (title, blocks) = extract(text);
        assert_eq!(title.as_deref(), Some("On Trees"));
        let seen: Vec<_> =
            blocks.iter().map(|block| (block.kind, block.text.trim(), block.span().start_line)).collect();
        assert_eq!(
            seen,
            [
                (BlockKind::Heading(2), "Pear trees", 4),
                (BlockKind::Paragraph, "The café of Müller costs 5 % — “much” (or not).", 5),
                (BlockKind::ListItem, "- first $a_1$", 7),
                (BlockKind::Code, "% kept", 10),
                (BlockKind::Paragraph, "See  and bold words.", 12),
            ]
        );
    }

    proptest! {
        #[test]
        fn any_source_is_read_without_losing_its_lines(text in r#"([a-zäß ]{0,5}[\\{}$%&~\[\]"'\n-]{0,3}(section|item|begin|footnote)?){0,40}"#) {
            let (_, blocks) = extract(&text);
            let lines = text.split('\n').count();
            for block in blocks {
                prop_assert_eq!(block.lines.len(), block.text.split('\n').count());
                prop_assert!(block.lines.iter().all(|line| (line.end as usize) <= lines));
            }
        }
    }
}
