//! What can be wrong with a folder, a model or a disk: a clear message each, nothing lost, no panic.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Home, Ran};
use tanya::places::{Folder, Places};
use tanya_index::Library;

fn library_dir(home: &Home) -> std::path::PathBuf {
    // `Places::under` has another layout; the library's own name is what matters.
    let name = Places::under(home.root()).library(&Folder::open(&home.docs()).unwrap());
    home.data().join("libraries").join(name.file_name().unwrap())
}

fn problems(home: &Home) -> Vec<(String, String)> {
    let status = home.run(&["status", "--json"]).ok();
    let shown = status.json().remove(0);
    shown["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| (problem["path"].as_str().unwrap().to_owned(), problem["reason"].as_str().unwrap().to_owned()))
        .collect()
}

#[test]
fn an_empty_folder_is_no_error_and_says_that_nothing_is_there() {
    let home = Home::new();
    let ran = home.run(&["index", "."]).ok();
    assert!(ran.out.contains("0 files"), "{}", ran.out);
    let ran = home.run(&["ask", "anything?"]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.out.contains("Nothing in your documents matches"), "{}", ran.out);
}

#[test]
fn a_missing_folder_and_a_file_in_its_place_are_named() {
    let home = Home::new();
    home.write("a.md", "x\n");
    home.run(&["search", "--json", "--batch", "nowhere.jsonl"]).fails_with(&["nowhere.jsonl", "cannot open the batch"]);
    home.run(&["ask", "--folder", "nowhere", "what?"]).fails_with(&["nowhere", "cannot open the folder"]);
    home.run(&["search", "--folder", "a.md", "what?"]).fails_with(&["a.md", "not a folder"]);
    home.run(&["index", "nowhere"]).fails_with(&["nowhere"]);
}

#[test]
fn keys_that_cannot_work_are_an_error_at_every_start() {
    let home = Home::new();
    let config = home.root().join("config/tanya");
    std::fs::create_dir_all(&config).unwrap();
    for (line, cause) in [
        ("sessions = \"ctrl-n\"", "ctrl-n means new there and would never be sessions"),
        ("session = \"ctrl-t\"", "no command is called \"session\""),
        ("sessions = \"ctrl-tt\"", "\"ctrl-tt\" is no key"),
        ("sessions = 3", "a key or a list of keys"),
    ] {
        std::fs::write(config.join("config.toml"), format!("[keys]\n{line}\n")).unwrap();
        home.run(&["status"]).fails_with(&["config.toml", cause]);
    }
}

#[test]
fn an_unreadable_file_costs_only_itself() {
    let home = Home::new();
    home.write("open.md", "legible words\n").write("closed.md", "hidden words\n");
    std::fs::set_permissions(home.docs().join("closed.md"), std::fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = home.tanya(&["search", "--json", "--by", "words", "legible"]);
    if std::fs::metadata(home.root()).unwrap().uid() == 0 {
        // Root reads everything: become nobody, who must own what it writes.
        for dir in ["data", "state", "config"] {
            std::fs::create_dir_all(home.root().join(dir)).unwrap();
        }
        Command::new("chown").args(["-R", "65534:65534"]).arg(home.root()).status().unwrap();
        command.uid(65534).gid(65534);
        let readable = Command::new("cat").arg(home.docs().join("closed.md")).uid(65534).gid(65534).output().unwrap();
        assert!(!readable.status.success(), "the file can be read all the same: this test proves nothing");
        // The binary and the models may lie where nobody may go.
        let reachable = Command::new(env!("CARGO_BIN_EXE_tanya")).arg("--version").uid(65534).gid(65534).output();
        if !reachable.is_ok_and(|output| output.status.success()) {
            let copy = home.root().join("tanya-copy");
            std::fs::copy(env!("CARGO_BIN_EXE_tanya"), &copy).unwrap();
            let mut again = Command::new(&copy);
            again
                .args(["search", "--json", "--offline", "--by", "words", "legible"])
                .envs(home.env())
                .current_dir(home.docs())
                .uid(65534)
                .gid(65534);
            command = again;
        }
    }
    let ran = Ran::new(command.output().unwrap()).ok();
    assert_eq!(ran.json()[0]["hits"][0]["path"], "open.md", "{}", ran.out);
    let found = problems(&home);
    assert_eq!(found[0].0, "closed.md");
    assert!(found[0].1.to_lowercase().contains("permission denied"), "{found:?}");
}

#[test]
fn a_text_file_of_one_gigabyte_is_read_in_part_and_says_so() {
    let home = Home::new();
    home.write("small.md", "needle in the small file\n");
    let line = "The first words of a very long file about zeppelins. ".repeat(20) + "\n";
    let block = line.repeat(1000);
    let mut file = std::fs::File::create(home.docs().join("huge.txt")).unwrap();
    for _ in 0..=(1usize << 30) / block.len() {
        std::io::Write::write_all(&mut file, block.as_bytes()).unwrap();
    }
    drop(file);
    let ran = home.run(&["search", "--json", "--by", "words", "--limit", "3", "needle"]).ok();
    assert_eq!(ran.json()[0]["hits"][0]["path"], "small.md");
    let found = problems(&home);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "huge.txt");
    assert!(found[0].1.contains("MiB") || found[0].1.contains("MB"), "{found:?}");
}

#[test]
fn a_text_file_renamed_to_pdf_is_a_failure_with_a_reason() {
    let home = Home::new();
    home.write("fake.pdf", "this is no PDF at all\n").write("true.md", "words\n");
    home.run(&["index"]).ok();
    let found = problems(&home);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "fake.pdf");
    assert!(found[0].1.to_lowercase().contains("pdf"), "{found:?}");
}

#[test]
fn a_truncated_model_is_named_with_what_is_wrong_in_it() {
    let home = Home::new();
    home.write("a.md", "words about something\n");
    let whole = home.data().join("models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf");
    let bytes = std::fs::read(whole).unwrap();
    for (name, keep, reason) in [
        ("empty.gguf", 0, "the file has 0 left"),
        ("header.gguf", 20, "the file has"),
        ("metadata.gguf", 100_000, "the file has"),
        ("weights.gguf", bytes.len() / 2, "leave the file"),
    ] {
        let path = home.root().join(name);
        std::fs::write(&path, &bytes[..keep]).unwrap();
        let ran = home.run(&["ask", "--answer-style", "write", "--model", path.to_str().unwrap(), "words about what?"]);
        ran.fails_with(&[name, reason]);
    }
}

#[test]
fn while_another_instance_indexes_this_one_reads_and_says_so() {
    let home = Home::new();
    home.write("a.md", "words about pears\n");
    home.run(&["index"]).ok();
    let library = Library::open(&library_dir(&home)).unwrap();
    let writer = library.writer().unwrap();
    home.write("b.md", "words about apples\n");
    home.run(&["index"]).fails_with(&["another tanya is indexing this folder"]);
    let ran = home.run(&["search", "--json", "--by", "words", "words"]).ok();
    assert!(ran.err.contains("another tanya") && ran.err.contains(&std::process::id().to_string()), "{}", ran.err);
    assert_eq!(ran.json()[0]["hits"].as_array().unwrap().len(), 1, "what was indexed is found, the new file is not");
    drop(writer);
    let ran = home.run(&["search", "--json", "--by", "words", "words"]).ok();
    assert_eq!(ran.json()[0]["hits"].as_array().unwrap().len(), 2);
}

#[test]
fn kill_minus_9_while_indexing_loses_nothing_that_was_committed() {
    let home = Home::new();
    for file in 0..1500 {
        home.write(&format!("{file}.md"), format!("# Note {file}\n\nThe unique word of this one is zebra{file}x.\n"));
    }
    let mut committed = 0;
    for _ in 0..3 {
        let mut child = home.tanya(&["index", "--json"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Kill it as soon as it has committed more than before.
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let now = indexed(&library_dir(&home));
            if now > committed || child.try_wait().unwrap().is_some() || Instant::now() > deadline {
                committed = now;
                break;
            }
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(indexed(&library_dir(&home)) >= committed, "a committed file is gone");
    }
    assert!(committed > 0, "nothing was ever committed: this test proves nothing");
    home.run(&["index", "--json"]).ok();
    assert_eq!(indexed(&library_dir(&home)), 1500);
    let ran = home.run(&["search", "--json", "--by", "words", "zebra777x"]).ok();
    assert_eq!(ran.json()[0]["hits"][0]["path"], "777.md");
}

/// Files that the library holds for good; 0 while there is none.
fn indexed(dir: &Path) -> u64 {
    if !dir.join("library.sqlite").exists() {
        return 0;
    }
    Library::open(dir).and_then(|library| library.status()).map_or(0, |status| status.indexed)
}

#[test]
fn a_full_disk_is_a_message_and_what_was_committed_stays() {
    let home = Home::new();
    for file in 0..400 {
        let words: Vec<String> = (0..400).map(|word| format!("w{}x{word}", file * 7919 % 1000)).collect();
        home.write(&format!("{file}.md"), format!("# Note {file}\n\n{}\nquagga{file}x\n", words.join(" ")));
    }
    let mount = home.root().join("small");
    std::fs::create_dir(&mount).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=3m none {mount} && \
         XDG_DATA_HOME={mount} {tanya} search --json --offline --by words quagga399x >&2; echo code $?; \
         mount -o remount,size=64m {mount} && \
         XDG_DATA_HOME={mount} {tanya} search --json --offline --by words quagga399x && \
         XDG_DATA_HOME={mount} {tanya} status --json --offline",
        mount = mount.display(),
        tanya = env!("CARGO_BIN_EXE_tanya"),
    );
    let output =
        Command::new("unshare").args(["-rm", "sh", "-c", &script]).envs(home.env()).current_dir(home.docs()).output();
    let Some(output) = output.ok().filter(|output| String::from_utf8_lossy(&output.stdout).contains("code")) else {
        eprintln!("not run: this machine does not let a user mount a tmpfs (unshare -rm)");
        return;
    };
    let ran = Ran {
        code: None,
        out: String::from_utf8_lossy(&output.stdout).into(),
        err: String::from_utf8_lossy(&output.stderr).into(),
    };
    assert!(ran.out.starts_with("code 1\n"), "{}\n{}", ran.out, ran.err);
    assert!(ran.err.contains("the disk is full") && ran.err.contains("free some space"), "{}", ran.err);
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    let values: Vec<serde_json::Value> =
        ran.out.lines().skip(1).map(|line| serde_json::from_str(line).expect("JSON once there is space")).collect();
    let hits = values[0]["hits"].as_array().unwrap();
    assert_eq!(hits.len(), 1, "the same command finishes the work: {}", values[0]);
    assert_eq!(values[1]["indexed"], 400, "{}", values[1]);
}

#[test]
fn nothing_touches_the_network_once_the_models_are_there() {
    // Every address that the program knows leads here.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let ask = |home: &Home| {
        home.write("rust.md", "# Cargo\n\nTo create a new project, run cargo new.\n");
        let mut command = Command::new(env!("CARGO_BIN_EXE_tanya"));
        command.args(["ask", "--json", "--max-tokens", "5", "What creates a new project?"]);
        for name in ["HF_ENDPOINT", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "PIP_INDEX_URL"] {
            command.env(name, &address);
        }
        command
            .env("PIP_RETRIES", "0")
            .env("PIP_CONFIG_FILE", "/dev/null")
            .env_remove("NO_PROXY")
            .env_remove("no_proxy");
        command.envs(home.env()).current_dir(home.docs()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let home = Home::new();
    let ran = Ran::new(ask(&home).wait_with_output().unwrap()).ok();
    assert!(ran.json()[0]["sources"][0]["vector_rank"].is_number(), "both models were used: {}", ran.out);
    assert_eq!(
        listener.accept().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock,
        "something asked for the network"
    );
    // The trap works: without models the first thing that happens is a connection.
    let home = Home::without_models();
    let mut without = ask(&home);
    let deadline = Instant::now() + Duration::from_mins(1);
    while listener.accept().is_err() {
        assert!(Instant::now() < deadline, "a missing model was not asked for");
        std::thread::yield_now();
    }
    without.kill().unwrap();
    without.wait().unwrap();
}
