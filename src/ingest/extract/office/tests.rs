//! Each format as a suite would write it, in the smallest; then damage, bombs and what hides.

use std::io::{Cursor, Write as _};

use proptest::prelude::*;
use tanya_index::FileState;
use zip::write::SimpleFileOptions;

use super::super::{BlockKind, Extracted};
use super::{Office, extract, of_package};

fn package(members: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// `kind: text` a line, with the page where there is one.
fn seen(extracted: &Extracted) -> Vec<String> {
    let kind = |kind| match kind {
        BlockKind::Heading(level) => format!("h{level}"),
        BlockKind::Paragraph => "p".to_owned(),
        BlockKind::ListItem => "li".to_owned(),
        BlockKind::Code => "code".to_owned(),
        BlockKind::Table { header_lines } => format!("t{header_lines}"),
    };
    let page = |page: Option<u32>| page.map(|page| format!("{page} ")).unwrap_or_default();
    extracted.blocks.iter().map(|block| format!("{}{}: {}", page(block.page), kind(block.kind), block.text)).collect()
}

const W: &str = r#"xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main""#;

fn docx(body: &str) -> Vec<u8> {
    let document = format!("<?xml version=\"1.0\"?><w:document {W}><w:body>{body}<w:sectPr/></w:body></w:document>");
    let styles = format!(
        r#"<w:styles {W}><w:style w:styleId="Titel1"><w:name w:val="heading 1"/></w:style>
        <w:style w:styleId="Mine"><w:name w:val="my own"/><w:basedOn w:val="Titel1"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style></w:styles>"#
    );
    let numbering = format!(
        r#"<w:numbering {W}><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/></w:lvl>
        <w:lvl w:ilvl="1"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum><w:num w:numId="3"><w:abstractNumId w:val="0"/></w:num></w:numbering>"#
    );
    let notes = format!(
        r#"<w:footnotes {W}><w:footnote w:type="separator" w:id="0"><w:p/></w:footnote>
        <w:footnote w:id="2"><w:p><w:r><w:t>By Anna.</w:t></w:r></w:p></w:footnote></w:footnotes>"#
    );
    let core = r#"<cp:coreProperties xmlns:cp="c" xmlns:dc="d"><dc:title>The &amp; report</dc:title><cp:keywords>garden, trees</cp:keywords></cp:coreProperties>"#;
    package(&[
        ("word/document.xml", &document),
        ("word/styles.xml", &styles),
        ("word/numbering.xml", &numbering),
        ("word/footnotes.xml", &notes),
        ("docProps/core.xml", core),
    ])
}

fn paragraph(properties: &str, text: &str) -> String {
    format!("<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space=\"preserve\">{text}</w:t></w:r></w:p>")
}

#[test]
fn a_word_document_keeps_headings_lists_tables_and_notes() {
    let list = |depth: u8, text| {
        paragraph(&format!(r#"<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="3"/></w:numPr>"#), text)
    };
    let body = [
        paragraph(r#"<w:pStyle w:val="Titel1"/>"#, "Trees"),
        r#"<w:p><w:r><w:t>We </w:t></w:r><w:del><w:r><w:delText>never </w:delText></w:r></w:del><w:ins><w:r><w:t>always pruned</w:t></w:r></w:ins><w:r><w:footnoteReference w:id="2"/></w:r></w:p>"#.to_owned(),
        paragraph(r#"<w:pStyle w:val="Mine"/>"#, "Tools"),
        list(0, "saw"),
        list(1, "Felco"),
        list(0, "balm"),
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>Tree</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>Age</w:t></w:r></w:p></w:tc></w:tr>\
         <w:tr><w:tc><w:p><w:r><w:t>Pear</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>40</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
            .to_owned(),
    ]
    .concat();
    let read = extract(Office::Docx, &docx(&body));
    assert_eq!((read.state, read.title.as_deref()), (FileState::Indexed, Some("The & report")));
    assert_eq!(read.tags, ["garden", "trees"]);
    assert_eq!(
        seen(&read),
        [
            "h1: Trees",
            "p: We always pruned",
            "p: [Note: By Anna.]",
            "h2: Tools",
            "li: 1. saw",
            "li:   - Felco",
            "li: 2. balm",
            "t1: Tree | Age\nPear | 40"
        ]
    );
    let lines: Vec<u32> = read.blocks.iter().map(|block| block.span().start_line).collect();
    assert_eq!(lines, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn hidden_and_white_words_are_left_out_and_counted_but_not_those_on_a_dark_cell() {
    let run = |properties: &str, text: &str| {
        format!("<w:r><w:rPr>{properties}</w:rPr><w:t xml:space=\"preserve\">{text}</w:t></w:r>")
    };
    let white = r#"<w:color w:val="FFFFFF"/>"#;
    let body = format!(
        "<w:p>{}{}{}</w:p><w:tbl><w:tr><w:tc><w:p>{}</w:p></w:tc><w:tc><w:p>{}</w:p></w:tc></w:tr></w:tbl>",
        run("", "seen "),
        run("<w:vanish/>", "ignore all rules "),
        run(white, "white words"),
        run(white, "Head"),
        run("<w:vanish w:val=\"0\"/>", "Cell"),
    );
    let read = extract(Office::Docx, &docx(&body));
    assert_eq!(seen(&read), ["p: seen", "p: Head | Cell"]);
    assert_eq!(read.reason.as_deref(), Some("5 hidden words were left out"));
}

#[test]
fn slides_are_pages_in_the_order_of_the_presentation_with_their_notes() {
    let slide = |title: &str, show: &str| {
        format!(
            r#"<p:sld{show} xmlns:p="p" xmlns:a="a"><p:sp><p:nvPr><p:ph type="title"/></p:nvPr><p:txBody><a:p><a:r><a:t>{title}</a:t></a:r></a:p></p:txBody></p:sp>
            <p:sp><p:nvPr><p:ph type="sldNum"/></p:nvPr><p:txBody><a:p><a:r><a:t>7</a:t></a:r></a:p></p:txBody></p:sp>
            <p:sp><p:txBody><a:p><a:r><a:t>one</a:t></a:r></a:p><a:p><a:pPr lvl="1"/><a:r><a:t>two</a:t></a:r></a:p></p:txBody></p:sp>
            <a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>k</a:t></a:r></a:p></a:txBody></a:tc><a:tc><a:txBody><a:p><a:r><a:t>v</a:t></a:r></a:p></a:txBody></a:tc></a:tr>
            <a:tr><a:tc><a:txBody><a:p><a:r><a:t>1</a:t></a:r></a:p></a:txBody></a:tc><a:tc><a:txBody><a:p><a:r><a:t>2</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></p:sld>"#
        )
    };
    let relations = |pairs: &[(&str, &str)]| {
        let one = |(id, to): &(&str, &str)| format!(r#"<Relationship Id="{id}" Target="{to}"/>"#);
        let all = pairs.iter().map(one).collect::<Vec<_>>().concat();
        format!("<Relationships>{all}</Relationships>")
    };
    let bytes = package(&[
        (
            "ppt/presentation.xml",
            r#"<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst><p:sldId id="256" r:id="r2"/><p:sldId id="257" r:id="r1"/><p:sldId id="258" r:id="r3"/></p:sldIdLst></p:presentation>"#,
        ),
        (
            "ppt/_rels/presentation.xml.rels",
            &relations(&[("r1", "slides/slide1.xml"), ("r2", "slides/slide2.xml"), ("r3", "/ppt/slides/slide3.xml")]),
        ),
        ("ppt/slides/slide1.xml", &slide("Second", "")),
        ("ppt/slides/slide2.xml", &slide("First", "")),
        ("ppt/slides/slide3.xml", &slide("Secret", " show=\"0\"")),
        ("ppt/slides/_rels/slide2.xml.rels", &relations(&[("r9", "../notesSlides/notesSlide1.xml")])),
        (
            "ppt/notesSlides/notesSlide1.xml",
            r#"<p:notes xmlns:p="p" xmlns:a="a"><p:sp><p:txBody><a:p><a:r><a:t>Speak slowly.</a:t></a:r></a:p></p:txBody></p:sp></p:notes>"#,
        ),
    ]);
    assert_eq!(of_package(&bytes), Some(Office::Pptx));
    let read = extract(Office::Pptx, &bytes);
    assert_eq!(
        seen(&read),
        [
            "1 h1: First",
            "1 li: - one",
            "1 li:   - two",
            "1 t1: k | v\n1 | 2",
            "1 h2: Notes",
            "1 p: Speak slowly.",
            "2 h1: Second",
            "2 li: - one",
            "2 li:   - two",
            "2 t1: k | v\n1 | 2"
        ]
    );
    assert_eq!(read.title.as_deref(), Some("First"));
    assert!(read.reason.unwrap().contains("hidden words"));
}

const ODF: &str =
    r#"xmlns:office="o" xmlns:text="t" xmlns:table="tb" xmlns:style="s" xmlns:draw="d" xmlns:presentation="p""#;

#[test]
fn an_open_document_text_keeps_its_structure() {
    let content = format!(
        r#"<office:document-content {ODF}><office:automatic-styles><style:style style:name="T1"><style:text-properties text:display="none"/></style:style></office:automatic-styles>
        <office:body><office:text><text:tracked-changes><text:p>gone</text:p></text:tracked-changes>
        <text:h text:outline-level="2">Trees</text:h><text:p>Two<text:s text:c="2"/>spaces<text:tab/>tab<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>By Anna.</text:p></text:note-body></text:note> end<text:span text:style-name="T1"> unseen words</text:span></text:p>
        <text:list><text:list-item><text:p>saw</text:p><text:list><text:list-item><text:p>Felco</text:p></text:list-item></text:list></text:list-item></text:list>
        <table:table><table:table-row><table:table-cell><text:p>Tree</text:p></table:table-cell><table:table-cell table:number-columns-repeated="2"><text:p>x</text:p></table:table-cell></table:table-row>
        <table:table-row><table:table-cell><text:p>Pear</text:p></table:table-cell><table:table-cell table:number-columns-repeated="9999999"/></table:table-row></table:table>
        </office:text></office:body></office:document-content>"#
    );
    let bytes = package(&[
        ("mimetype", "application/vnd.oasis.opendocument.text"),
        ("content.xml", &content),
        (
            "meta.xml",
            r#"<m xmlns:dc="d" xmlns:meta="m"><dc:title>My trees</dc:title><meta:keyword>garden</meta:keyword></m>"#,
        ),
    ]);
    assert_eq!(of_package(&bytes), Some(Office::Odt));
    let read = extract(Office::Odt, &bytes);
    assert_eq!((read.title.as_deref(), &read.tags[..]), (Some("My trees"), &["garden".to_owned()][..]));
    assert_eq!(
        seen(&read),
        [
            "h2: Trees",
            "p: Two  spaces\ttab end",
            "p: [Note: By Anna.]",
            "li: - saw",
            "li:   - Felco",
            "t1: Tree | x | x\nPear"
        ]
    );
    assert_eq!(read.reason.as_deref(), Some("2 hidden words were left out"));
}

#[test]
fn a_workbook_is_a_table_a_sheet_with_its_header_and_without_hidden_sheets() {
    let sheet = r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
        <row r="1"><c r="A1" t="inlineStr"><is><t>Tree</t></is></c><c r="B1" t="inlineStr"><is><t>Age</t></is></c></row>
        <row r="2"><c r="A2" t="inlineStr"><is><t>Pear</t></is></c><c r="B2"><v>40.5</v></c></row>
        <row r="5"><c r="A5" t="b"><v>1</v></c><c r="B5"><v>0.30000000000000004</v></c></row></sheetData></worksheet>"#;
    let bytes = package(&[
        (
            "[Content_Types].xml",
            r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"></Types>"#,
        ),
        (
            "_rels/.rels",
            r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
        ),
        (
            "xl/workbook.xml",
            r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Trees" sheetId="1" r:id="rId1"/><sheet name="Secret" sheetId="2" state="hidden" r:id="rId2"/></sheets></workbook>"#,
        ),
        (
            "xl/_rels/workbook.xml.rels",
            r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet2.xml"/></Relationships>"#,
        ),
        ("xl/worksheets/sheet1.xml", sheet),
        ("xl/worksheets/sheet2.xml", sheet),
    ]);
    assert_eq!(of_package(&bytes), Some(Office::Sheet));
    let read = extract(Office::Sheet, &bytes);
    assert_eq!(seen(&read), ["1 h1: Trees", "1 t1: Tree | Age\nPear | 40.5\ntrue | 0.3"], "{:?}", read.reason);
    assert_eq!(read.reason.as_deref(), Some("the hidden sheet “Secret” was left out"));
}

fn epub(encryption: Option<&str>) -> Vec<u8> {
    let mut members = vec![
        ("mimetype", "application/epub+zip"),
        (
            "META-INF/container.xml",
            r#"<container><rootfiles><rootfile full-path="OEBPS/b.opf"/></rootfiles></container>"#,
        ),
        (
            "OEBPS/b.opf",
            r#"<package xmlns:dc="d"><metadata><dc:title>A Book</dc:title><dc:subject>Trees</dc:subject></metadata>
            <manifest><item id="n" href="nav.xhtml" properties="nav"/><item id="a" href="a%20b.xhtml"/><item id="b" href="b.xhtml"/></manifest>
            <spine><itemref idref="b"/><itemref idref="a"/></spine></package>"#,
        ),
        ("OEBPS/nav.xhtml", r#"<nav><a href="b.xhtml#x">Before</a><a href="a%20b.xhtml">After</a></nav>"#),
        ("OEBPS/a b.xhtml", "<html><body><h2>Own heading</h2><p>The second chapter.</p></body></html>"),
        ("OEBPS/b.xhtml", "<html><body><p>The first chapter.</p></body></html>"),
    ];
    members.extend(encryption.map(|text| ("META-INF/encryption.xml", text)));
    package(&members)
}

#[test]
fn chapters_are_pages_in_the_order_of_the_spine_and_named_by_the_contents() {
    let read = extract(Office::Epub, &epub(None));
    assert_eq!((read.title.as_deref(), &read.tags[..]), (Some("A Book"), &["Trees".to_owned()][..]));
    assert_eq!(
        seen(&read),
        ["1 h1: Before", "1 p: The first chapter.", "2 h2: Own heading", "2 p: The second chapter."]
    );
    let fonts = r#"<encryption><EncryptionMethod Algorithm="http://www.idpf.org/2008/embedding"/></encryption>"#;
    assert_eq!(extract(Office::Epub, &epub(Some(fonts))).state, FileState::Indexed, "only fonts are obfuscated");
    let locked =
        r#"<encryption><EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/></encryption>"#;
    assert!(extract(Office::Epub, &epub(Some(locked))).reason.unwrap().contains("encrypted"));
}

const FB2: &str = r#"<?xml version="1.0" encoding="windows-1251"?><FictionBook><description><title-info><book-title>X</book-title></title-info></description>
    <body><title><p>Book</p></title><section><title><p>One</p></title><p>First.</p><section><title><p>Inner</p></title><p>Second.</p></section></section></body>
    <binary id="c">AAAA</binary></FictionBook>"#;

#[test]
fn a_fiction_book_keeps_its_sections_in_its_own_encoding() {
    let (encoded, _, _) = encoding_rs::WINDOWS_1251.encode(FB2);
    let encoded = encoded.into_owned();
    let cyrillic = encoding_rs::WINDOWS_1251.encode("Дом").0.into_owned();
    let at = encoded.windows(6).position(|window| window == b"First.").unwrap();
    let bytes = [&encoded[..at], &cyrillic, &encoded[at..]].concat();
    let expected = ["h1: Book", "h1: One", "p: ДомFirst.", "h2: Inner", "p: Second."];
    assert_eq!(seen(&extract(Office::Fb2, &bytes)), expected);
}

const RTF: &str = r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}{\f1\fcharset204 Arial Cyr;}}{\stylesheet{\s1 heading 1;}}{\info{\title Trees}{\author Me}}
\pard\s1 Pear\par\pard Caf\'e9 and \u8364? and {\f1\'c4\'ee\'ec} {\v unseen}{\*\generator x}{\pict 0102}end\line next\par
\pard\ls1 {\listtext 1.}first\par\trowd\pard\intbl a\cell b\cell\row\pard\intbl 1\cell 2\cell\row\pard tail\par}";

#[test]
fn rich_text_keeps_headings_tables_and_characters_of_its_fonts() {
    let read = extract(Office::Rtf, RTF.as_bytes());
    assert_eq!(read.title.as_deref(), Some("Trees"));
    assert_eq!(
        seen(&read),
        ["h1: Pear", "p: Café and € and Дом end\nnext", "li: - first", "t1: a | b\n1 | 2", "p: tail"]
    );
    assert_eq!(read.reason.as_deref(), Some("1 hidden words were left out"));
    let cut = extract(Office::Rtf, &RTF.as_bytes()[..300]);
    assert_eq!(cut.state, FileState::Partly, "{:?}", cut.reason);
}

#[test]
fn a_member_that_unpacks_to_more_than_it_may_is_refused() {
    let bomb = package(&[("word/document.xml", &" ".repeat(100 << 20))]);
    assert!(bomb.len() < 1 << 20);
    let read = extract(Office::Docx, &bomb);
    assert_eq!(read.state, FileState::Failed);
    assert!(read.reason.unwrap().contains("unpacks to more than"));
}

#[test]
fn entities_do_not_expand_and_depth_is_bounded() {
    let lol = format!(
        r#"<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "haha"><!ENTITY b "&a;&a;&a;&a;">]><w:document {W}><w:body><w:p><w:r><w:t>x&b;y</w:t></w:r></w:p></w:body></w:document>"#
    );
    assert_eq!(seen(&extract(Office::Docx, &package(&[("word/document.xml", &lol)]))), ["p: xy"]);
    let deep = format!("<w:document {W}><w:body>{}", "<w:x>".repeat(100_000));
    let read = extract(Office::Docx, &package(&[("word/document.xml", &deep)]));
    assert!(read.reason.unwrap().contains("nested too deep"));
    let boxes = format!("<w:document {W}><w:body><w:p>{}", "<w:txbxContent><w:p>".repeat(100_000));
    assert_eq!(extract(Office::Docx, &package(&[("word/document.xml", &boxes)])).state, FileState::Failed);
    let groups = format!("{{\\rtf1 {}text", "{".repeat(1_000_000));
    assert_eq!(seen(&extract(Office::Rtf, groups.as_bytes())), ["p: text"]);
}

#[test]
fn what_is_something_else_by_its_content_is_named() {
    assert_eq!(extract(Office::Docx, super::OLE2).reason.as_deref(), Some("encrypted: it opens only with a password"));
    assert!(extract(Office::Docx, b"words").reason.unwrap().starts_with("damaged: no ZIP package"));
    assert!(extract(Office::Sheet, b"words").reason.unwrap().starts_with("damaged"));
    assert!(extract(Office::Rtf, b"words").reason.unwrap().contains("{\\rtf"));
    assert!(extract(Office::Epub, &package(&[("a", "b")])).reason.unwrap().contains("META-INF/container.xml"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damage_never_panics(seed in 0usize..5, at in 0.0f64..1.0, flip in 1u8.., cut in 0.5f64..1.0) {
        let body = paragraph("", "words of a tree");
        let (office, mut bytes) = match seed {
            0 => (Office::Docx, docx(&body)),
            1 => (Office::Epub, epub(None)),
            2 => (Office::Rtf, RTF.as_bytes().to_vec()),
            3 => (Office::Fb2, FB2.as_bytes().to_vec()),
            _ => (Office::Sheet, docx(&body)),
        };
        let place = (bytes.len() as f64 * at) as usize;
        bytes[place] ^= flip;
        bytes.truncate((bytes.len() as f64 * cut) as usize);
        let read = extract(office, &bytes);
        prop_assert!(read.state == FileState::Indexed || read.reason.is_some());
        prop_assert!(read.blocks.iter().all(|block| block.lines.len() == block.text.split('\n').count()));
    }

    #[test]
    fn rich_text_of_any_controls_never_panics(text in r"(\\[a-z]{1,8}-?[0-9]{0,4} ?|\{|\}|\\'[0-9a-f]{2}|[a-zäß ]{1,6}){0,60}") {
        let read = extract(Office::Rtf, format!("{{\\rtf1 {text}").as_bytes());
        prop_assert!(read.blocks.iter().all(|block| !block.text.trim().is_empty()));
    }
}
