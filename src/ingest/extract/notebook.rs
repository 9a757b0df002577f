//! Jupyter notebooks: cells are pages; notes are Markdown, code stays code, of results the text is read.
//!
//! Format: nbformat 4, and 3 with its work sheets.

use serde_json::Value;

use super::body::Body;
use super::{Extracted, markdown};

/// Lines of a cell's results.
const MAX_OUTPUT: usize = 64;

/// Reads a notebook; `None` for JSON that is none.
pub(super) fn extract(text: &str) -> Option<Extracted> {
    let notebook: Value = serde_json::from_str(text).ok()?;
    let cells = notebook["cells"].as_array().or_else(|| notebook["worksheets"][0]["cells"].as_array())?;
    let title = notebook["metadata"]["title"].as_str().map(str::to_owned);
    let mut body = Body::default();
    for (number, cell) in (1..).zip(cells) {
        body.page(number);
        match cell["cell_type"].as_str() {
            Some("markdown") => body.take(markdown::extract(&joined(&cell["source"])).blocks),
            Some("heading") => body.heading(cell["level"].as_u64().unwrap_or(1).min(6) as u8, &joined(&cell["source"])),
            Some("code") => {
                let source = if cell["source"].is_null() { &cell["input"] } else { &cell["source"] };
                body.code(&joined(source));
                for output in cell["outputs"].as_array().into_iter().flatten() {
                    result(output, &mut body);
                }
            }
            _ => body.paragraph(&joined(&cell["source"])),
        }
        if body.is_full() {
            break;
        }
    }
    Some(body.finish(title, Vec::new()))
}

fn result(output: &Value, body: &mut Body) {
    let data = &output["data"];
    let text = [&output["text"], &data["text/plain"], &output["evalue"]].into_iter().find(|text| !text.is_null());
    if let Some(text) = text.map(joined) {
        let lines: Vec<&str> = text.lines().take(MAX_OUTPUT).collect();
        body.code(&lines.join("\n"));
    }
    if data.as_object().is_some_and(|data| data.keys().any(|kind| kind.starts_with("image/"))) {
        body.note("pictures were not read");
    }
}

/// A text that may be written as a list of its lines.
fn joined(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::BlockKind;
    use super::*;

    #[test]
    fn cells_are_pages_with_their_results() {
        let text = r##"{"cells":[{"cell_type":"markdown","source":["# Trees\n","\n","Two *pears*."]},
            {"cell_type":"code","source":"print(1)","outputs":[{"output_type":"stream","text":["1\n"]},{"data":{"image/png":"AAAA"}}]}],"nbformat":4}"##;
        let read = extract(text).unwrap();
        assert_eq!(read.title.as_deref(), Some("Trees"));
        let seen: Vec<_> =
            read.blocks.iter().map(|block| (block.page.unwrap(), block.kind, block.text.as_str())).collect();
        assert_eq!(seen[0], (1, BlockKind::Heading(1), "Trees"));
        assert!(seen[1].2.contains("pears"));
        assert_eq!(seen[2..], [(2, BlockKind::Code, "print(1)"), (2, BlockKind::Code, "1")]);
        assert_eq!(read.reason.as_deref(), Some("pictures were not read"));
        assert!(extract("{\"a\":1}").is_none() && extract("no json").is_none());
    }
}
