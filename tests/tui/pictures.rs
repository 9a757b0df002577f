//! The pictures and the screencast of the README, taken from the program itself with its real models: `just pictures`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use portable_pty::CommandBuilder;
use vt100::{Cell, Color, Screen};

use crate::{Pty, common, program};

const COLUMNS: u16 = 100;
const ROWS: u16 = 30;
/// Pixels of a cell, and of the margin around all of them.
const CELL: (f32, f32) = (8.4, 18.0);
const MARGIN: f32 = 12.0;
/// What a terminal of these pictures has for its default colors: text, ground.
const DEFAULTS: (&str, &str) = ("#d6d9e0", "#16181d");
/// The sixteen colors that programs name (those of VS Code's dark terminal).
const NAMED: [&str; 16] = [
    "#000000", "#cd3131", "#0dbc79", "#e5e510", "#2472c8", "#bc3fbc", "#11a8cd", "#e5e5e5", "#666666", "#f14c4c",
    "#23d18b", "#f5f543", "#3b8eea", "#d670d6", "#29b8db", "#ffffff",
];

#[test]
#[ignore = "writes docs/: run by `just pictures`"]
fn pictures_of_the_readme() {
    let root = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir_all(root.path().join("data/tanya")).expect("a folder");
    std::os::unix::fs::symlink(common::models(), root.path().join("data/tanya/models")).expect("a link");
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tanya"));
    command.args(["--offline", "--theme", "dark", "demo"]);
    for (name, value) in program(root.path(), root.path()).iter_extra_env_as_str() {
        command.env(name, value);
    }
    let mut pty = Pty::start(command, COLUMNS, ROWS);
    pty.wait_for("✓ embeddings");
    take(&pty, "start");
    ask(&mut pty, "Who carried the oil up the stairs in the winter of 1912?");
    take(&pty, "answer");
    ask(&mut pty, "What is the capital of Mongolia?");
    take(&pty, "refusal");
    pty.press("/library\r");
    pty.wait_for("whole");
    take(&pty, "library");
    pty.press("\x1b");
    pty.wait_until("no library", |pty| !pty.text().contains(" whole"));
    let cast = cast(&pty);
    std::fs::write(docs().join("tanya.cast"), cast).expect("docs/ can be written");
    pty.press("\x04");
    assert!(pty.restored().success());
}

/// Types a question as a person does and waits for the end of its answer.
fn ask(pty: &mut Pty, question: &str) {
    for (place, letter) in question.char_indices() {
        pty.press(&letter.to_string());
        let typed = question[..place].rsplit(' ').next().unwrap_or_default().to_owned();
        pty.wait_until("what is typed", |pty| pty.text().contains(&typed));
    }
    pty.press("\r");
    pty.wait_until("an answer", |pty| {
        let text = pty.text();
        let asked = text.rsplit(question).next().unwrap_or_default();
        asked.contains("supported") || asked.contains("Not in your documents")
    });
    pty.wait_until("its end", |pty| !pty.text().contains("esc stop"));
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn take(pty: &Pty, name: &str) {
    let path = docs().join(format!("{name}.svg"));
    std::fs::write(path, svg(pty.screen.screen())).expect("docs/ can be written");
}

/// What came from the program and when, as asciinema plays it. Source: <https://docs.asciinema.org/manual/asciicast/v2/>.
fn cast(pty: &Pty) -> String {
    let mut out = format!("{{\"version\": 2, \"width\": {COLUMNS}, \"height\": {ROWS}, \"title\": \"tanya demo\"}}\n");
    let mut from = 0;
    for (at, to) in &pty.arrived {
        // A character may arrive in two pieces: what is cut goes with the next.
        let bytes = &pty.bytes[from..*to];
        let whole = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        };
        from += whole.len();
        let event = serde_json::json!([at.as_secs_f64(), "o", whole]);
        writeln!(out, "{event}").expect("a string takes text");
    }
    out
}

fn color(color: Color, default: &str) -> String {
    match color {
        Color::Default => default.to_owned(),
        Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
        Color::Idx(index) => match index {
            0..=15 => NAMED[usize::from(index)].to_owned(),
            // The cube of six by six by six, and the grays, as xterm has them.
            16..=231 => {
                let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
                let index = index - 16;
                format!("#{:02x}{:02x}{:02x}", level(index / 36), level(index / 6 % 6), level(index % 6))
            }
            232..=255 => {
                let gray = 8 + 10 * (index - 232);
                format!("#{gray:02x}{gray:02x}{gray:02x}")
            }
        },
    }
}

/// How a cell looks: its color, its ground, and the rest of its style.
#[derive(PartialEq)]
struct Look {
    color: String,
    ground: String,
    style: String,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let (mut text, mut ground) = (color(cell.fgcolor(), DEFAULTS.0), color(cell.bgcolor(), DEFAULTS.1));
        if cell.inverse() {
            std::mem::swap(&mut text, &mut ground);
        }
        let mut style = String::new();
        for (holds, attribute) in [
            (cell.bold(), " font-weight=\"bold\""),
            (cell.italic(), " font-style=\"italic\""),
            (cell.underline(), " text-decoration=\"underline\""),
            (cell.dim(), " opacity=\"0.6\""),
        ] {
            if holds {
                style.push_str(attribute);
            }
        }
        Self { color: text, ground, style }
    }
}

/// The screen as a picture: one text for each run of cells that look alike.
fn svg(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    let (width, height) = (f32::from(columns) * CELL.0 + 2.0 * MARGIN, f32::from(rows) * CELL.1 + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-size=\"14\" font-family=\"ui-monospace, \
         SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" \
         fill=\"{}\"/>\n",
        DEFAULTS.1
    );
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            let Some(first) = screen.cell(row, column) else { break };
            let look = Look::of(first);
            let start = column;
            let mut text = String::new();
            while let Some(cell) = screen.cell(row, column).filter(|cell| column < columns && Look::of(cell) == look) {
                if !cell.is_wide_continuation() {
                    text.push_str(if cell.has_contents() { cell.contents() } else { " " });
                }
                column += 1;
            }
            run(&mut out, &look, (start, row), column - start, &text);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn run(out: &mut String, look: &Look, (column, row): (u16, u16), cells: u16, text: &str) {
    let (x, y) = (MARGIN + f32::from(column) * CELL.0, MARGIN + f32::from(row) * CELL.1);
    let width = f32::from(cells) * CELL.0;
    if look.ground != DEFAULTS.1 {
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{}\"/>",
            CELL.1, look.ground
        );
    }
    if text.trim().is_empty() {
        return;
    }
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    // Whatever the font: a run is as wide as its cells.
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{:.1}\" fill=\"{}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
         xml:space=\"preserve\"{}>{escaped}</text>",
        y + 0.75 * CELL.1,
        look.color,
        look.style
    );
}
