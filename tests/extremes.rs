//! Measurements of folders at the far end, through the real program: a text of a gigabyte, and a hundred thousand files.
//!
//! `just extremes` runs them (some minutes, 1.5 GB of a temporary folder) and prints time and memory; the laws that hold for any machine are
//! asserted.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests fail and tell as tests do")]

mod common;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{Home, Ran};

/// Time and memory of one run.
struct Cost {
    seconds: f64,
    /// Most resident memory of the program, and of any of its children, in MiB.
    parent: u64,
    child: u64,
    ran: Ran,
}

/// A line of `/proc/PID/status` in KiB, or its number.
fn status(pid: u32, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

fn children(parent: u32) -> Vec<u32> {
    let pids = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| status(*pid, "PPid") == Some(u64::from(parent))).collect()
}

/// Runs the program and looks at its memory all the while.
fn measured(home: &Home, arguments: &[&str]) -> Cost {
    let start = Instant::now();
    let mut command = home.tanya(arguments);
    let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = running.id();
    let waiting = std::thread::spawn(move || running.wait_with_output().unwrap());
    let (mut parent, mut child) = (0, 0);
    while !waiting.is_finished() {
        parent = parent.max(status(pid, "VmHWM").unwrap_or(0));
        child = children(pid).into_iter().filter_map(|pid| status(pid, "VmHWM")).fold(child, u64::max);
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let ran = Ran::new(waiting.join().unwrap());
    Cost { seconds: start.elapsed().as_secs_f64(), parent: parent >> 10, child: child >> 10, ran }
}

fn said(what: &str, cost: &Cost) {
    println!("{what:<44}{:>8.1} s   parent {:>5} MiB   child {:>5} MiB", cost.seconds, cost.parent, cost.child);
}

fn search(word: &str) -> [&str; 5] {
    ["search", "--json", "--by", "words", word]
}

/// Words without meaning that repeat seldom, as in a log: a linear congruential generator over syllables.
fn line(state: &mut u64) -> String {
    const SYLLABLES: [&str; 16] =
        ["ka", "lo", "mi", "ter", "van", "so", "pel", "dur", "ni", "gra", "fo", "bel", "tis", "mar", "que", "rin"];
    let mut line = String::new();
    for _ in 0..12 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = *state >> 40;
        line.extend([0, 4, 8].map(|shift| SYLLABLES[(draw >> shift) as usize & 15]));
        line.push(' ');
    }
    line.push_str("ended.\n");
    line
}

#[test]
#[ignore = "a measurement of minutes: just extremes"]
fn a_gigabyte_of_text_is_read_as_far_as_the_limit_goes_and_costs_no_more() {
    let home = Home::without_models();
    home.write("note.md", "The first harbor.\n");
    let small = measured(&home, &search("harbor"));
    said("a folder of one note", &small);
    let mut state = 1;
    let mut file = BufWriter::new(File::create(home.docs().join("huge.txt")).unwrap());
    file.write_all(b"The beginning has a lighthouse.\n\n").unwrap();
    let mut bytes = 0_u64;
    while bytes < 1_000_000_000 {
        let line = line(&mut state);
        bytes += line.len() as u64;
        file.write_all(line.as_bytes()).unwrap();
    }
    file.write_all(b"The end has a windmill.\n").unwrap();
    drop(file);
    let first = measured(&home, &search("lighthouse"));
    said("a text of 1 GB, read for the first time", &first);
    let again = measured(&home, &search("windmill"));
    said("the same folder again", &again);
    assert_eq!(first.ran.ok().json()[0]["hits"][0]["path"], "huge.txt");
    assert!(again.ran.ok().json()[0]["hits"].as_array().unwrap().is_empty(), "beyond what was read");
    let shown = home.run(&["status", "--json", "--file", "huge.txt"]).ok().json().remove(0);
    println!("the ledger: {shown}");
    assert_eq!(shown["state"], "partly");
    assert_eq!(shown["bytes_read"], 64 << 20);
    assert!(first.child < 1024 && again.seconds < first.seconds);
}

#[test]
#[ignore = "a measurement of minutes: just extremes"]
fn a_hundred_thousand_tiny_files_are_all_found_and_cost_little_the_second_time() {
    let home = Home::without_models();
    let mut state = 7;
    for folder in 0..100 {
        std::fs::create_dir(home.docs().join(format!("f{folder}"))).unwrap();
        for file in 0..1000 {
            let text = format!("{}number n{folder}x{file}\n", line(&mut state));
            std::fs::write(home.docs().join(format!("f{folder}/{file}.txt")), text).unwrap();
        }
    }
    let first = measured(&home, &search("n42x777"));
    said("100,000 files, read for the first time", &first);
    let again = measured(&home, &search("n99x999"));
    said("the same folder again", &again);
    std::fs::write(home.docs().join("f0/0.txt"), "One zebra instead.\n").unwrap();
    let changed = measured(&home, &search("zebra"));
    said("one of them changed", &changed);
    assert_eq!(first.ran.ok().json()[0]["hits"][0]["path"], "f42/777.txt");
    assert_eq!(again.ran.ok().json()[0]["hits"][0]["path"], "f99/999.txt");
    assert_eq!(changed.ran.ok().json()[0]["hits"][0]["path"], "f0/0.txt");
    let status = measured(&home, &["status", "--json"]);
    said("tanya status", &status);
    assert_eq!(status.ran.ok().json()[0]["indexed"], 100_000);
    assert!(again.seconds < first.seconds);
}
