//! XLSX, XLSB, XLS and ODS: the cells of a workbook as tables. A sheet is a page and its name a heading.
//!
//! Cells are shown as what they are, not as they are formatted: dates in ISO 8601, numbers in full. Hidden sheets are left out.

use std::fmt::Display;
use std::io::Cursor;

use calamine::{Data, Ods, Reader, SheetType, SheetVisible, Xls, Xlsb, Xlsx};

use super::super::Extracted;
use super::super::body::{Body, MAX_ROWS};
use super::Unreadable;
use super::package::Package;

/// Cells of a sheet that are read.
const MAX_CELLS: usize = 2_000_000;
/// Rows in one block: what is cut into passages and embedded with the header above it.
const ROWS_PER_BLOCK: usize = 1000;

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, Unreadable> {
    let data = Cursor::new(bytes);
    if bytes.starts_with(super::OLE2) {
        return workbook(Xls::new(data), None, Vec::new());
    }
    // Checks the bounds before the other reader unpacks.
    let mut package = Package::open(bytes)?;
    for name in package.names().into_iter().filter(|name| matches!(name.rsplit('.').next(), Some("xml" | "bin"))) {
        package.bytes(&name)?;
    }
    let (title, tags) = super::docx::properties(&mut Package::open(bytes)?);
    if package.has("xl/workbook.bin") {
        workbook(Xlsb::new(data), title, tags)
    } else if package.has("content.xml") {
        workbook(Ods::new(data), title, tags)
    } else {
        workbook(Xlsx::new(data), title, tags)
    }
}

fn workbook<'a, R>(
    opened: Result<R, R::Error>,
    title: Option<String>,
    tags: Vec<String>,
) -> Result<Extracted, Unreadable>
where
    R: Reader<Cursor<&'a [u8]>>,
    R::Error: Display,
{
    let mut workbook = opened.map_err(|error| refused(&error))?;
    let mut body = Body::default();
    let sheets = workbook.sheets_metadata().to_vec();
    for (number, sheet) in (1..).zip(sheets) {
        if sheet.typ != SheetType::WorkSheet {
            continue;
        }
        if sheet.visible != SheetVisible::Visible {
            body.note(format!("the hidden sheet “{}” was left out", sheet.name));
            continue;
        }
        body.page(number);
        match workbook.worksheet_range(&sheet.name) {
            Ok(range) => read(&sheet.name, range.rows(), range.width(), &mut body),
            Err(error) => body.partly(format!("the sheet “{}” could not be read: {}", sheet.name, clause(&error))),
        }
        if body.is_full() {
            break;
        }
    }
    Ok(body.finish(title, tags))
}

fn refused(error: &impl Display) -> Unreadable {
    let text = error.to_string().to_lowercase();
    if text.contains("password") || text.contains("encrypt") {
        return Unreadable::Encrypted;
    }
    Unreadable::damaged(format!("no workbook: {}", clause(error)))
}

fn clause(error: &impl Display) -> String {
    error.to_string().chars().filter(|c| !c.is_control()).take(80).collect()
}

fn read<'a>(name: &str, rows: impl Iterator<Item = &'a [Data]>, width: usize, body: &mut Body) {
    let most = MAX_ROWS.min(MAX_CELLS / width.max(1));
    let mut header: Option<Vec<String>> = None;
    let mut open: Vec<Vec<String>> = Vec::new();
    let mut count = 0;
    let mut is_named = false;
    for row in rows {
        let cells: Vec<String> = row.iter().map(shown).collect();
        if cells.iter().all(String::is_empty) {
            continue;
        }
        if count == most {
            body.partly(format!("only the first {most} rows of the sheet “{name}” were read"));
            break;
        }
        if !is_named {
            body.heading(1, name);
            is_named = true;
        }
        count += 1;
        if header.is_none() {
            header = Some(cells.clone());
        }
        open.push(cells);
        if open.len() > ROWS_PER_BLOCK {
            body.table(&open, true);
            open.clear();
            open.extend(header.clone());
        }
    }
    if open.len() > 1 || count == 1 {
        body.table(&open, true);
    }
}

/// A cell as a person would write it.
fn shown(cell: &Data) -> String {
    match cell {
        Data::Empty | Data::Error(_) => String::new(),
        Data::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Data::Bool(value) => value.to_string(),
        Data::Int(value) => value.to_string(),
        Data::Float(value) => number(*value),
        Data::DateTime(moment) => {
            if moment.is_duration() {
                return number(moment.as_f64());
            }
            let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            if (hour, minute, second) == (0, 0, 0) { date } else { format!("{date} {hour:02}:{minute:02}:{second:02}") }
        }
        Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
    }
}

/// A number without the digits that binary fractions add.
fn number(value: f64) -> String {
    let short = format!("{value:.10}");
    let short = short.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}
