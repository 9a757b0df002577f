//! Which format a file has: by its name first, then by its content. Pure.
//!
//! The scan asks [`of_name`] (it never opens files that cannot be read yet); the child asks [`of_content`] with the
//! bytes in hand. Content wins where the two contradict each other in a way that would mislead a parser.

use tanya_index::FileState;

use super::office::{self, Office};

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `CommonMark` with tables, notes and wiki links.
    Markdown,
    /// Text without markup.
    Text,
    /// reStructuredText.
    Rst,
    /// Emacs Org.
    Org,
    /// A web page.
    Html,
    /// PDF.
    Pdf,
    /// Source code, configuration, data in a text format.
    Code,
    /// Rows of cells in a text format.
    Table,
    /// A Jupyter notebook.
    Notebook,
    /// What is said, with times.
    Subtitles,
    /// `AsciiDoc`.
    Asciidoc,
    /// `LaTeX`.
    Latex,
    /// One e-mail, or a page that was saved as one.
    Mail,
    /// A mailbox.
    Mailbox,
    /// What an office suite or a publisher writes.
    Office(Office),
}

/// What a name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guess {
    /// A known extension of a format that is read.
    Known(Kind),
    /// A known extension of a format that is not read, or of what holds no text.
    NotYet,
    /// Nothing: the content decides.
    Unknown,
}

/// Why a file gives no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// `Skipped` or `Failed`.
    pub(crate) state: FileState,
    /// One clause, without the path.
    pub(crate) reason: String,
}

impl Refusal {
    pub(crate) fn skipped(reason: impl Into<String>) -> Self {
        Self { state: FileState::Skipped, reason: reason.into() }
    }

    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self { state: FileState::Failed, reason: reason.into() }
    }
}

/// Extensions of source code, configuration and textual data: read as code.
const CODE: &str = "\
    ada adb ads asm astro awk bash bat bib c cc cfg clj cljs cmake cmd conf cpp cr cs css cu cuh cxx d dart \
    diff dockerfile edn el elm erl ex exs f f90 f95 fish fs fsx gd glsl go gradle graphql groovy h hcl hh \
    hpp hrl hs hxx ini java jl js json json5 jsonc jsonl jsx kt kts less lisp lua m mk ml mli mm mjs cjs \
    ndjson nim nix pas patch php pl plist pm properties proto ps1 psm1 pug py pyi pyx r rb rkt rs sass scala \
    scm scss sh sol sql svelte sv swift tcl tf toml ts tsx v vb vba vhd vhdl vim vue wgsl xml xsd xsl xslt \
    yaml yml zig zsh";

/// Extensions of documents that are not read yet.
const NOT_YET: &str = "doc dot pages wpd numbers ppt key mobi azw azw3 djvu ps eps xps msg pst chm hwp vsd vsdx one";

/// Extensions of archives, which are listed and not opened.
const ARCHIVES: &str = "7z apk bz2 cab deb dmg gz iso jar lz4 rar rpm tar tgz war whl xz zip zst";

/// Extensions of what holds no text.
const TEXTLESS: &str = "\
    avif heic ico psd svg xcf aac flac m4a mid mp3 ogg opus wav wma avi m4v mkv \
    mov mp4 mpeg mpg webm wmv a bin class com dat db dll dylib exe gguf lib node npy npz o obj onnx parquet pdb pickle \
    pkl pt pth pyc pyd rlib rmeta safetensors so sqlite sqlite3 swf wasm otf ttf woff woff2 eot blend dwg dxf fbx glb stl";

/// Extensions of pictures whose words can be read (`picture.rs`).
const PICTURES: &str = "bmp gif jp2 jpeg jpg pbm pgm png pnm ppm tif tiff webp";

/// File names without an extension that are code.
const CODE_NAMES: &[&str] =
    &["dockerfile", "makefile", "cmakelists.txt", "rakefile", "gemfile", "justfile", "jenkinsfile", "vagrantfile"];

/// Whether a list of words holds a word.
fn is_in(words: &str, word: &str) -> bool {
    words.split_ascii_whitespace().any(|known| known == word)
}

/// The extensions that are read as code.
#[cfg(test)]
pub(super) fn code_extensions() -> impl Iterator<Item = &'static str> {
    CODE.split_ascii_whitespace()
}

/// The lower-case extension of a file name; a leading dot does not start one.
pub(crate) fn extension(name: &str) -> Option<String> {
    let (stem, extension) = name.rsplit_once('.')?;
    (!stem.is_empty() && !extension.is_empty() && extension.len() <= 16).then(|| extension.to_lowercase())
}

/// What the name alone says.
pub(crate) fn of_name(name: &str) -> Guess {
    if CODE_NAMES.contains(&name.to_lowercase().as_str()) {
        return Guess::Known(Kind::Code);
    }
    let Some(extension) = extension(name) else {
        return Guess::Unknown;
    };
    match extension.as_str() {
        "md" | "markdown" | "mdown" | "mkd" | "mkdn" | "mdx" | "qmd" | "rmd" => Guess::Known(Kind::Markdown),
        "txt" | "text" | "log" | "nfo" | "po" => Guess::Known(Kind::Text),
        "csv" | "tsv" => Guess::Known(Kind::Table),
        "ipynb" => Guess::Known(Kind::Notebook),
        "srt" | "vtt" => Guess::Known(Kind::Subtitles),
        "adoc" | "asciidoc" => Guess::Known(Kind::Asciidoc),
        "tex" | "ltx" => Guess::Known(Kind::Latex),
        "eml" | "mht" | "mhtml" => Guess::Known(Kind::Mail),
        "mbox" => Guess::Known(Kind::Mailbox),
        "rst" | "rest" => Guess::Known(Kind::Rst),
        "org" => Guess::Known(Kind::Org),
        "html" | "htm" | "xhtml" | "shtml" => Guess::Known(Kind::Html),
        "pdf" => Guess::Known(Kind::Pdf),
        "docx" | "docm" | "dotx" => Guess::Known(Kind::Office(Office::Docx)),
        "pptx" | "pptm" | "ppsx" => Guess::Known(Kind::Office(Office::Pptx)),
        "xlsx" | "xlsm" | "xlsb" | "xls" | "ods" => Guess::Known(Kind::Office(Office::Sheet)),
        "odt" | "ott" => Guess::Known(Kind::Office(Office::Odt)),
        "odp" | "otp" => Guess::Known(Kind::Office(Office::Odp)),
        "rtf" => Guess::Known(Kind::Office(Office::Rtf)),
        "epub" => Guess::Known(Kind::Office(Office::Epub)),
        "fb2" => Guess::Known(Kind::Office(Office::Fb2)),
        other if is_in(CODE, other) => Guess::Known(Kind::Code),
        other if [NOT_YET, ARCHIVES, TEXTLESS, PICTURES].iter().any(|list| is_in(list, other)) => Guess::NotYet,
        _ => Guess::Unknown,
    }
}

/// Whether the name is that of a picture in which there may be words.
pub(crate) fn is_picture(name: &str) -> bool {
    extension(name).is_some_and(|extension| is_in(PICTURES, &extension))
}

/// The reason recorded for a format that is not read.
pub(crate) fn not_yet(name: &str) -> String {
    match extension(name) {
        Some(extension) if is_in(ARCHIVES, &extension) => "an archive: its files are not read".to_owned(),
        Some(extension) if is_in(PICTURES, &extension) => "a picture: words in pictures are not read".to_owned(),
        Some(extension) if is_in(TEXTLESS, &extension) => format!("no text in it: .{}", printable(&extension)),
        Some(extension) => format!("not read yet: .{}", printable(&extension)),
        None => "not read yet: no text in it".to_owned(),
    }
}

/// What name and content say together, or why the file gives no text.
pub(crate) fn of_content(bytes: &[u8], guess: Guess) -> Result<Kind, Refusal> {
    let head = &bytes[..bytes.len().min(1024)];
    let is_pdf = head.windows(5).any(|window| window == b"%PDF-");
    match guess {
        Guess::Known(Kind::Pdf) if is_pdf => Ok(Kind::Pdf),
        Guess::Known(Kind::Pdf) => Err(not_a_pdf(bytes)),
        Guess::Known(Kind::Office(kind)) => of_office(bytes, kind),
        Guess::Known(kind) => Ok(kind),
        Guess::NotYet => Err(Refusal::skipped("not read yet: this format")),
        Guess::Unknown if bytes.starts_with(b"%PDF-") => Ok(Kind::Pdf),
        Guess::Unknown if bytes.starts_with(b"{\\rtf") => Ok(Kind::Office(Office::Rtf)),
        Guess::Unknown if bytes.starts_with(b"PK\x03\x04") => office::of_package(bytes)
            .map(Kind::Office)
            .ok_or_else(|| Refusal::skipped("an archive: its files are not read")),
        Guess::Unknown
            if bytes.starts_with(b"From ") && bytes[..bytes.len().min(4096)].windows(6).any(|at| at == b"\nFrom:") =>
        {
            Ok(Kind::Mailbox)
        }
        Guess::Unknown => {
            let start = head.trim_ascii_start();
            let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
            let lower = start[..start.len().min(15)].to_ascii_lowercase();
            if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") {
                Ok(Kind::Html)
            } else {
                Ok(Kind::Text)
            }
        }
    }
}

/// What a file with the name of an office document is by its content.
fn of_office(bytes: &[u8], named: Office) -> Result<Kind, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::failed("damaged: the file is empty"));
    }
    if bytes.starts_with(b"PK") {
        return Ok(Kind::Office(office::of_package(bytes).unwrap_or(named)));
    }
    if bytes.starts_with(b"{\\rtf") {
        return Ok(Kind::Office(Office::Rtf));
    }
    if bytes[..bytes.len().min(1024)].windows(5).any(|window| window == b"%PDF-") {
        return Ok(Kind::Pdf);
    }
    Ok(Kind::Office(named))
}

fn not_a_pdf(bytes: &[u8]) -> Refusal {
    if bytes.is_empty() {
        Refusal::failed("not a PDF: the file is empty")
    } else if bytes[..bytes.len().min(4096)].contains(&0) {
        Refusal::failed("not a PDF: the %PDF- mark is missing at the start")
    } else {
        Refusal::failed("not a PDF: the file holds plain text")
    }
}

fn printable(extension: &str) -> String {
    extension.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_decide_where_they_can() {
        assert_eq!(of_name("Notes.MD"), Guess::Known(Kind::Markdown));
        assert_eq!(of_name("main.rs"), Guess::Known(Kind::Code));
        assert_eq!(of_name("Makefile"), Guess::Known(Kind::Code));
        assert_eq!(of_name("report.docx"), Guess::Known(Kind::Office(Office::Docx)));
        assert_eq!(of_name("report.doc"), Guess::NotYet);
        assert_eq!(of_name("LICENSE"), Guess::Unknown);
        assert_eq!(of_name("README"), Guess::Unknown);
        assert_eq!(of_name(".md"), Guess::Unknown);
        assert_eq!(not_yet("a.DOC"), "not read yet: .doc");
        assert_eq!(not_yet("a.tar.gz"), "an archive: its files are not read");
        assert_eq!(not_yet("a.svg"), "no text in it: .svg");
        assert!(is_picture("a.JPG") && !is_picture("a.svg") && not_yet("a.JPG").starts_with("a picture"));
    }

    #[test]
    fn content_decides_where_names_cannot() {
        assert_eq!(of_content(b"%PDF-1.7 ...", Guess::Unknown), Ok(Kind::Pdf));
        assert_eq!(of_content(b"\n <!DOCTYPE html><p>", Guess::Unknown), Ok(Kind::Html));
        assert_eq!(of_content(b"MIT License", Guess::Unknown), Ok(Kind::Text));
    }

    #[test]
    fn a_text_file_renamed_to_pdf_is_refused_with_the_reason() {
        let refusal = of_content(b"just words", Guess::Known(Kind::Pdf)).unwrap_err();
        assert_eq!(refusal.state, FileState::Failed);
        assert!(refusal.reason.contains("plain text"), "{}", refusal.reason);
    }

    #[test]
    fn no_extension_is_in_two_lists() {
        for extension in CODE.split_ascii_whitespace() {
            assert!(![NOT_YET, ARCHIVES, TEXTLESS, PICTURES].iter().any(|list| is_in(list, extension)), "{extension}");
            assert_eq!(of_name(&format!("x.{extension}")), Guess::Known(Kind::Code), "{extension}");
        }
        assert!(CODE.split_ascii_whitespace().count() >= 30);
    }
}
