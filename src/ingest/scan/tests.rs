//! Scans of real folders made for each test.

use std::os::unix::fs::symlink;

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn list(folder: &Path) -> Vec<(String, String)> {
    scan(folder, None, &ScanOptions::default(), &Cancel::new())
        .found
        .into_iter()
        .map(|found| {
            let verdict = match found.verdict {
                Verdict::Read => "read".to_owned(),
                Verdict::Unread(_, reason) => reason,
            };
            (found.path, verdict)
        })
        .collect()
}

fn paths_of(folder: &Path) -> Vec<String> {
    list(folder).into_iter().map(|(path, _)| path).collect()
}

#[test]
fn ignore_files_hold_outside_git_and_above_the_folder_nothing_does() {
    let outer = folder(&[
        (".gitignore", "inner\n*.md\n"),
        ("inner/.gitignore", "build/\n"),
        ("inner/.tanyaignore", "draft*\n"),
        ("inner/note.md", "x"),
        ("inner/draft.md", "x"),
        ("inner/build/out.txt", "x"),
        ("inner/.hidden.md", "x"),
        ("inner/.ssh/config", "x"),
        ("inner/node_modules/a/readme.md", "x"),
    ]);
    assert_eq!(paths_of(&outer.path().join("inner")), ["note.md"]);
}

#[test]
fn secrets_are_listed_and_never_read() {
    let folder = folder(&[("server.pem", "x"), ("note.md", "x"), ("id_rsa", "x")]);
    let secret = "looks like a secret (keys, passwords, cookies)";
    let expected = [("id_rsa", secret), ("note.md", "read"), ("server.pem", secret)];
    assert_eq!(list(folder.path()), expected.map(|(path, verdict)| (path.to_owned(), verdict.to_owned())));
}

#[test]
fn formats_that_are_not_read_yet_are_listed_with_the_reason() {
    let folder = folder(&[("a.pages", "x"), ("b.md", "x"), ("README", "x")]);
    let expected = [("README", "read"), ("a.pages", "not read yet: .pages"), ("b.md", "read")];
    assert_eq!(list(folder.path()), expected.map(|(path, verdict)| (path.to_owned(), verdict.to_owned())));
}

#[test]
fn links_and_sockets_are_listed_and_never_followed() {
    let folder = folder(&[("real/note.md", "x")]);
    symlink(folder.path().join("real"), folder.path().join("loop")).unwrap();
    symlink("/etc/passwd", folder.path().join("passwd.txt")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("talk.sock")).unwrap();
    let listed = list(folder.path());
    let verdict = |path: &str| listed.iter().find(|(found, _)| found == path).unwrap().1.as_str();
    assert_eq!(verdict("loop"), "a link: links are not followed");
    assert_eq!(verdict("passwd.txt"), "a link: links are not followed");
    assert_eq!(verdict("talk.sock"), "not a regular file");
    assert_eq!(listed.len(), 4);
}

#[test]
fn opening_refuses_links_and_what_is_no_file() {
    let folder = folder(&[("real/note.md", "x")]);
    symlink("real/note.md", folder.path().join("link.md")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("talk.sock")).unwrap();
    assert!(open_regular(folder.path(), Path::new("real/note.md")).is_ok());
    for path in ["link.md", "real", "talk.sock", "missing.md"] {
        assert!(open_regular(folder.path(), Path::new(path)).is_err(), "{path}");
    }
}

#[test]
fn names_that_are_not_utf8_are_found_and_open_again() {
    use std::os::unix::ffi::OsStrExt;
    let folder = folder(&[]);
    let name = std::ffi::OsStr::from_bytes(b"caf\xE9\n\x1B[31m.txt");
    std::fs::write(folder.path().join(name), "x").unwrap();
    let found = paths_of(folder.path());
    assert_eq!(found, ["caf\\x{E9}\n\u{1B}[31m.txt"]);
    assert!(open_regular(folder.path(), &paths::decode(&found[0])).is_ok());
}

#[test]
fn a_missing_folder_a_file_and_an_empty_folder_are_told_apart() {
    let folder = folder(&[("note.md", "x")]);
    let missing = folder_root(&folder.path().join("nowhere")).unwrap_err().to_string();
    assert!(missing.contains("nowhere") && missing.contains("no such folder"), "{missing}");
    let file = folder_root(&folder.path().join("note.md")).unwrap_err().to_string();
    assert!(file.contains("this is a file"), "{file}");
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let root = folder_root(&folder.path().join("empty")).unwrap();
    assert!(scan(&root, None, &ScanOptions::default(), &Cancel::new()).found.is_empty());
}

#[test]
fn the_hash_covers_what_is_read() {
    let folder = folder(&[("a.txt", "same start, one end"), ("b.txt", "same start, two end")]);
    let hash = |name: &str, limit| hash_file(&open_regular(folder.path(), Path::new(name)).unwrap(), limit).unwrap();
    assert_eq!(hash("a.txt", 10), hash("b.txt", 10));
    assert_ne!(hash("a.txt", 100), hash("b.txt", 100));
}

#[test]
fn what_was_forgotten_is_listed_and_not_read() {
    let folder = folder(&[("a.md", "x"), ("old/b.md", "x"), ("older.md", "x")]);
    let mut scan = scan(folder.path(), None, &ScanOptions::default(), &Cancel::new());
    let forgotten: Forgotten = ["a.md".to_owned(), "old/".to_owned()].into_iter().collect();
    leave_out(&mut scan, &forgotten);
    let left_out = Verdict::Unread(FileState::Skipped, FORGOTTEN.to_owned());
    let verdicts: Vec<(&str, &Verdict)> =
        scan.found.iter().map(|found| (found.path.as_str(), &found.verdict)).collect();
    assert_eq!(verdicts, [("a.md", &left_out), ("old/b.md", &left_out), ("older.md", &Verdict::Read)]);
}

#[test]
fn a_part_of_the_folder_obeys_the_rules_of_the_whole() {
    let folder = folder(&[
        (".gitignore", "*.log\n"),
        ("a/.gitignore", "draft.md\n"),
        ("a/note.md", "x"),
        ("a/draft.md", "x"),
        ("a/deep/x.log", "x"),
        ("a/deep/y.md", "x"),
        ("a/node_modules/z.md", "x"),
        ("b/note.md", "x"),
        ("server.pem", "x"),
    ]);
    let part = |wanted: &[&str]| {
        let wanted: Vec<PathBuf> = wanted.iter().map(PathBuf::from).collect();
        let found = scan(folder.path(), Some(&Scope::new(&wanted)), &ScanOptions::default(), &Cancel::new()).found;
        found.into_iter().map(|found| found.path).collect::<Vec<_>>()
    };
    assert_eq!(part(&["a"]), ["a/deep/y.md", "a/note.md"]);
    assert_eq!(part(&["a/draft.md", "a/deep/x.log", "a/node_modules/z.md", "missing.md"]), [""; 0]);
    assert_eq!(part(&["b/note.md", "server.pem", "b/note.md/below.md"]), ["b/note.md", "server.pem"]);
    assert_eq!(part(&["b/note.md/below.md"]), [""; 0], "a file on the way is not what was asked for");
}

#[test]
fn backups_of_editors_are_not_listed() {
    let folder = folder(&[("note.md", "x"), ("note.md~", "x"), ("#note.md#", "x"), ("note.swp", "x"), ("4913", "x")]);
    assert_eq!(paths_of(folder.path()), ["4913", "note.md"]);
}

#[test]
fn only_folders_that_a_scan_enters_are_watched() {
    let outer = folder(&[
        (".gitignore", "target/\n"),
        (".git/HEAD", "x"),
        ("target/out.md", "x"),
        ("node_modules/a.md", "x"),
        ("cache/CACHEDIR.TAG", "x"),
        ("a/b/c.md", "x"),
    ]);
    symlink("a", outer.path().join("link")).unwrap();
    let mut found: Vec<PathBuf> = folders(outer.path(), None).collect();
    found.sort();
    let expected = [outer.path().to_owned(), outer.path().join("a"), outer.path().join("a/b")];
    assert_eq!(found, expected);
    let scope = Scope::new(&[PathBuf::from("a/b")]);
    assert_eq!(folders(outer.path(), Some(&scope)).count(), 3, "what leads there is listed with it");
}
