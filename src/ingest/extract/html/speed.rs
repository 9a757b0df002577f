//! A measurement: how many bytes of pages are read a second on one core, and what comes of them.
//!
//! `just html FOLDER` prints it; a test only in form, because it needs pages from outside.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::extract;

/// All pages under a folder, in a fixed order.
fn pages_of(folder: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("TANYA_PAGES is a folder") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension.to_string_lossy().contains("htm")) {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths
}

#[test]
#[ignore = "a measurement of pages from outside: just html FOLDER"]
fn megabytes_of_pages_a_second() {
    let folder = PathBuf::from(std::env::var("TANYA_PAGES").expect("TANYA_PAGES names a folder of pages"));
    let out = std::env::var_os("TANYA_PAGES_OUT").map(PathBuf::from);
    let (mut bytes, mut time, mut files) = (0_usize, Duration::ZERO, 0_usize);
    for path in pages_of(&folder) {
        let source = fs::read(&path).expect("a readable file");
        let source = String::from_utf8_lossy(&source).replace('\r', "");
        let start = Instant::now();
        let page = extract(&source);
        time += start.elapsed();
        bytes += source.len();
        files += 1;
        let Some(out) = &out else { continue };
        let mut text = format!("title {:?}\nnote {:?}\nhidden {}\n", page.title, page.note, page.hidden);
        for block in &page.blocks {
            writeln!(text, "--- {:?}", block.kind).expect("memory");
            for (line, range) in block.text.split('\n').zip(&block.lines) {
                writeln!(text, "{}-{}\t{line}", range.start, range.end).expect("memory");
            }
        }
        let name = path.strip_prefix(&folder).expect("a page of the folder").to_string_lossy().replace('/', "!");
        fs::create_dir_all(out).expect("a folder to write to");
        fs::write(out.join(name), text).expect("a file written");
    }
    println!(
        "{}: {files} pages, {:.1} MB, {:.2} s, {:.1} MB/s",
        folder.display(),
        bytes as f64 / 1e6,
        time.as_secs_f64(),
        bytes as f64 / 1e6 / time.as_secs_f64()
    );
}
