//! A measurement: the words of PDFs as they are read here, against those that poppler's `pdftotext` reads.
//!
//! `just pdf FOLDER` prints it; a test only in form, because it needs that program and documents from outside.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use unicode_normalization::UnicodeNormalization as _;

use super::read;

/// Words of letters and digits, compatibility forms as what they stand for, in lower case.
fn words(text: &str) -> HashMap<String, usize> {
    let text: String = text.nfkc().filter(|c| *c != '\u{AD}').flat_map(char::to_lowercase).collect();
    let mut words = HashMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *words.entry(word.to_owned()).or_default() += 1;
    }
    words
}

/// The harmonic mean of precision and recall of two bags of words; 1 where both are empty.
fn f1(ours: &HashMap<String, usize>, theirs: &HashMap<String, usize>) -> f64 {
    let both: usize = ours.iter().map(|(word, times)| *times.min(theirs.get(word).unwrap_or(&0))).sum();
    let all: usize = ours.values().chain(theirs.values()).sum();
    if all == 0 { 1.0 } else { 2.0 * both as f64 / all as f64 }
}

fn pdftotext(path: &Path, options: &[&str]) -> HashMap<String, usize> {
    let output = Command::new("pdftotext").args(options).arg(path).arg("-").output();
    words(&String::from_utf8_lossy(&output.expect("pdftotext is installed (poppler-utils)").stdout))
}

fn pdfs_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("TANYA_PDFS is a folder");
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pdf")));
    paths.sort();
    paths
}

#[test]
#[ignore = "a measurement of documents from outside: just pdf FOLDER"]
fn words_of_pdfs_against_pdftotext() {
    let folder = std::env::var("TANYA_PDFS").expect("TANYA_PDFS names a folder of PDFs");
    println!("{:<36}{:>7}{:>9}{:>7}{:>8}{:>9}", "file", "pages", "words", "F1", "layout", "pages/s");
    let (mut files, mut sums) = (0_usize, [0.0, 0.0]);
    let (mut all_pages, mut all_seconds) = (0_u32, 0.0);
    for path in pdfs_of(Path::new(&folder)) {
        let bytes = fs::read(&path).expect("a readable file");
        let start = Instant::now();
        let extracted = read(bytes);
        let seconds = start.elapsed().as_secs_f64();
        let text: Vec<&str> = extracted.blocks.iter().map(|block| block.text.as_str()).collect();
        let ours = words(&text.join("\n"));
        let scores = [f1(&ours, &pdftotext(&path, &[])), f1(&ours, &pdftotext(&path, &["-layout"]))];
        let pages = extracted.blocks.iter().filter_map(|block| block.page).max().unwrap_or(0);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let count: usize = ours.values().sum();
        println!(
            "{name:<36}{pages:>7}{count:>9}{:>7.3}{:>8.3}{:>9.0}",
            scores[0],
            scores[1],
            f64::from(pages) / seconds
        );
        files += 1;
        sums = [sums[0] + scores[0], sums[1] + scores[1]];
        (all_pages, all_seconds) = (all_pages + pages, all_seconds + seconds);
    }
    let mean = |sum: f64| sum / files.max(1) as f64;
    println!(
        "{:<36}{all_pages:>7}{:>9}{:>7.3}{:>8.3}{:>9.0}",
        "mean",
        "",
        mean(sums[0]),
        mean(sums[1]),
        f64::from(all_pages) / all_seconds
    );
}

#[test]
fn agreement_is_of_words_and_their_numbers() {
    let score = |ours, theirs| f1(&words(ours), &words(theirs));
    assert!((score("One ﬁne day", "one fine day!") - 1.0).abs() < 1e-9);
    assert!((score("a a b", "a b b") - 2.0 / 3.0).abs() < 1e-9);
    assert!((score("", "") - 1.0).abs() < 1e-9);
    assert!(score("a", "").abs() < 1e-9);
}
