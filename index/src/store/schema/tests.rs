use super::*;

fn bytes_of(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn a_writer_finishes_a_change_of_the_tables_whose_process_was_killed_after_this_one_opened() {
    let dir = tempfile::tempdir().unwrap();
    let library = crate::Library::open(dir.path()).unwrap();
    let path = dir.path().join("library.sqlite");
    let connection = Connection::open(&path).unwrap();
    for column in ["took_us", "read_bytes", "hidden_words", "hidden_characters", "control_tokens", "instructions"] {
        connection.execute_batch(&format!("ALTER TABLE files DROP COLUMN {column}")).unwrap();
    }
    connection.pragma_update(None, "user_version", VERSION - 1).unwrap();
    assert!(!is_current(&connection));
    let mut writer = library.writer().unwrap();
    assert!(is_current(&connection));
    writer
        .upsert(crate::types::Document {
            path: "a.md".into(),
            stamp: crate::types::FileStamp { size: 1, mtime_ns: 1, hash: None },
            title: String::new(),
            tags: Vec::new(),
            chunks: Vec::new(),
            state: crate::types::FileState::Indexed,
            reason: None,
            reading: None,
        })
        .unwrap();
    writer.commit().unwrap();
}

#[test]
fn a_newer_database_is_refused_and_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("library.sqlite");
    prepare(&path).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
    connection.close().unwrap();
    let before = bytes_of(dir.path());
    match prepare(&path) {
        Err(Error::Newer { found, supported, .. }) => assert_eq!((found, supported), (VERSION + 1, VERSION)),
        other => panic!("{other:?}"),
    }
    assert_eq!(bytes_of(dir.path()), before);
}

#[test]
fn a_newer_version_that_only_the_log_knows_is_refused_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("library.sqlite");
    prepare(&path).unwrap();
    let holder = Connection::open(&path).unwrap();
    holder.pragma_update(None, "user_version", VERSION + 1).unwrap();
    let database = std::fs::read(&path).unwrap();
    assert!(matches!(prepare(&path), Err(Error::Newer { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), database);
}

#[test]
fn what_is_no_database_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("library.sqlite");
    for content in [b"short".to_vec(), vec![b'x'; 500]] {
        std::fs::write(&path, &content).unwrap();
        assert!(matches!(prepare(&path), Err(Error::Corrupt { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
}

/// What a start leaves that is killed after it has written the database and before it has removed the journal.
#[test]
fn a_creation_that_was_cut_off_is_taken_back_and_done_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("library.sqlite");
    let journal = dir.path().join("library.sqlite-journal");
    // The journal of a database that was empty before: a header without pages (https://www.sqlite.org/fileformat.html).
    let mut header = vec![0; 512];
    header[..8].copy_from_slice(&[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
    header[20..24].copy_from_slice(&512_u32.to_be_bytes());
    header[24..28].copy_from_slice(&4096_u32.to_be_bytes());
    create(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    // Whole, torn within, torn off, or without its first sector.
    let (mut torn, mut headless) = (whole.clone(), whole.clone());
    torn[512..].fill(0);
    headless[..512].fill(0);
    for bytes in [whole.clone(), torn, whole[..512].to_vec(), headless] {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(dir.path().join(format!("library.sqlite{end}")));
        }
        std::fs::write(&path, bytes).unwrap();
        std::fs::write(&journal, &header).unwrap();
        prepare(&path).unwrap();
        assert!(check_header(&path).unwrap());
        assert!(!journal.exists());
    }
}

/// A library as that version left it, with these rows.
fn old_library(path: &Path, version: usize, rows: &str) {
    create(path).unwrap();
    let old = Connection::open(path).unwrap();
    old.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    for migration in &MIGRATIONS[..version] {
        old.execute_batch(migration).unwrap();
    }
    old.pragma_update(None, "user_version", version as i64).unwrap();
    old.execute_batch(rows).unwrap();
    old.close().unwrap();
}

#[test]
fn a_library_of_the_first_version_keeps_what_it_holds_and_reads_anew_what_may_have_tags() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("library.sqlite");
    old_library(
        &path,
        1,
        "UPDATE library SET generation = 7, words_generation = 7;
         INSERT INTO files VALUES (1, 'a.MD', 3, 5, zeroblob(32), 'A', 0, NULL), (2, 'b.pdf', 3, 5, zeroblob(32), 'B', 0, NULL);
         INSERT INTO chunks VALUES (9, 1, 0, 1, 2, NULL, '', 'a pear', zeroblob(32), 7, 0);",
    );

    let library = crate::Library::open(dir.path()).unwrap();
    let hashes: Vec<bool> = library.files().unwrap().iter().map(|file| file.stamp.hash.is_some()).collect();
    assert_eq!(hashes, [false, true], "Markdown counts as never read, a PDF as known");
    assert!(library.forgotten().unwrap().is_empty());
    let snapshot = library.snapshot().unwrap();
    assert_eq!(snapshot.generation(), 7);
    let chunk = snapshot.chunk(crate::ChunkId(9)).unwrap().unwrap();
    assert_eq!((chunk.text.as_str(), chunk.path.as_str()), ("a pear", "a.MD"));
    drop(snapshot);
    let tagged = crate::Document {
        path: "a.MD".into(),
        stamp: crate::FileStamp { size: 3, mtime_ns: 5, hash: None },
        title: "A".into(),
        chunks: Vec::new(),
        tags: vec!["Fruit".into()],
        state: crate::FileState::Indexed,
        reason: None,
        reading: None,
    };
    let mut writer = library.writer().unwrap();
    writer.upsert(tagged).unwrap();
    writer.commit().unwrap();
    let tags: String = Connection::open(&path)
        .unwrap()
        .query_row("SELECT tags FROM files WHERE id <> 2", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tags, "fruit");
}

#[test]
fn a_library_of_the_second_version_stays_as_it_is_and_tells_what_it_knows_of_readings() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("library.sqlite");
    old_library(
        &path,
        2,
        "INSERT INTO files VALUES (1, 'a.pdf', 3, 5, zeroblob(32), 'A', 1, 'page 2 is broken', 'x');",
    );

    let library = crate::Library::open(dir.path()).unwrap();
    let [before] = &library.ledger().unwrap()[..] else { panic!("one file") };
    assert!(before.file.stamp.hash.is_some(), "nothing is read again for this");
    assert_eq!(before.reading, None, "how long it took then is not known now");
    let reading = crate::Reading {
        took: std::time::Duration::from_micros(1_234_567),
        bytes: 2,
        hidden_words: 3,
        hidden_characters: 4,
        control_tokens: 5,
        instructions: 6,
    };
    let mut writer = library.writer().unwrap();
    let document = crate::Document {
        path: "b.pdf".into(),
        stamp: crate::FileStamp { size: 3, mtime_ns: 5, hash: None },
        title: String::new(),
        chunks: Vec::new(),
        tags: Vec::new(),
        state: crate::FileState::Indexed,
        reason: None,
        reading: Some(reading.clone()),
    };
    writer.upsert(document).unwrap();
    writer.rename("b.pdf", "c.pdf").unwrap();
    writer.commit().unwrap();
    let readings: Vec<_> = library.ledger().unwrap().into_iter().map(|detail| detail.reading).collect();
    assert_eq!(readings, [None, Some(reading)], "a file that moves keeps its account");
}

#[test]
fn preparing_twice_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("library.sqlite");
    prepare(&path).unwrap();
    let before = std::fs::read(&path).unwrap();
    prepare(&path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(check_header(&path).unwrap());
}
