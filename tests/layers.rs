//! The import order of the application, as ARCHITECTURE.md states it: a module uses those before it and none after it.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};

/// Each line is a layer; modules of one layer do not use each other unless they stand in `FRIENDS`.
const LAYERS: &[&[&str]] = &[
    &["report", "paths", "atomic", "fuzzy"],
    &["config", "places", "demo"],
    &["log", "models", "ingest"],
    &["answer"],
    &["chat", "eval"],
    &["jobs"],
    &["tui"],
    &["linear"],
    &["cli"],
];

/// Imports inside one layer that are part of the design.
const FRIENDS: &[(&str, &str)] = &[];

fn layer(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| layer.contains(&module))
        .unwrap_or_else(|| panic!("src/{module} stands in no layer: put it into tests/layers.rs and ARCHITECTURE.md"))
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// `crate::module` anywhere outside comments, and each name of `crate::{a, b::{c, d}, e}`, over several lines or not.
fn imports(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let names = rest.strip_prefix('{').map_or_else(|| vec![rest.to_owned()], list_items);
        for name in names {
            let name: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if name.chars().next().is_some_and(char::is_lowercase) {
                found.push(name);
            }
        }
    }
    found
}

/// The items of a list in braces whose opening one was taken off; what stands in inner braces belongs to its item.
fn list_items(list: &str) -> Vec<String> {
    let (mut items, mut depth) = (vec![String::new()], 0);
    for c in list.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(String::new());
                continue;
            }
            _ => {}
        }
        items.last_mut().expect("there is always one").push(c);
    }
    items
}

#[test]
fn every_way_to_write_an_import_is_seen() {
    let text = "use crate::{answer::{A, b},\n    tui,\n};\nuse crate::chat::X; // crate::none\n// use crate::not;\n";
    let text = text.replace(" // crate::none", "");
    assert_eq!(imports(&text), ["answer", "tui", "chat"]);
}

#[test]
fn imports_point_one_way_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for path in sources(&root) {
        let relative = path.strip_prefix(&root).unwrap();
        let module = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if module == "main" || module == "lib" {
            continue;
        }
        for import in imports(&fs::read_to_string(&path).unwrap()) {
            let friends = FRIENDS.contains(&(module.as_str(), import.as_str()));
            if import != module && !friends && layer(&import) >= layer(&module) {
                wrong.push(format!("src/{} uses crate::{import}", relative.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports against the flow of data:\n{}", wrong.join("\n"));
}

#[test]
fn the_libraries_know_nothing_of_each_other_or_of_the_application() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (library, strangers) in [("index", ["tanya_engine", "tanya::"]), ("engine", ["tanya_index", "tanya::"])] {
        for path in sources(&root.join(library).join("src")) {
            let text = fs::read_to_string(&path).unwrap();
            for stranger in strangers {
                let named = text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(stranger));
                assert!(!named, "{} names {stranger}", path.display());
            }
        }
    }
}

#[test]
fn unsafe_code_stays_in_its_rooms() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for dir in ["src", "index/src", "engine/src"] {
        for path in sources(&root.join(dir)) {
            let relative = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            let allowed = relative.starts_with("engine/src/kernels/")
                || relative == "index/src/vectors/kernels.rs"
                || relative.ends_with("mmap.rs");
            let text = fs::read_to_string(&path).unwrap();
            let unsafe_line = text.lines().any(|line| {
                let line = line.trim_start();
                !line.starts_with("//")
                    && (line.contains("unsafe {") || line.contains("unsafe fn") || line.contains("unsafe impl"))
            });
            assert!(allowed || !unsafe_line, "{relative} holds unsafe code");
        }
    }
}

#[test]
fn the_checker_sees_an_import_in_every_form() {
    let text = "use crate::jobs::Jobs;\n// crate::cli\nfn f(x: crate::answer::Answer) {}\nuse crate::{chat, tui::run};\nuse crate::Thing;";
    assert_eq!(imports(text), ["jobs", "answer", "chat", "tui"]);
}
