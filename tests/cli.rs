//! The commands through the real binary, on the real default models.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;

use std::io::Write as _;
use std::process::Stdio;
use std::time::SystemTime;

use common::{Home, Ran};
use serde_json::Value;
use tanya::answer::Answer;
use tanya::chat::{Conversation, SessionStore, Turn};

fn garden() -> Home {
    let home = Home::new();
    home.write(
        "garden/2024-spring.md",
        "# Spring 2024\n\n## Pear tree\n\nOn March 9 I pruned the pear tree with the Felco saw, before the buds opened.\nThe larger cuts were sealed with wound balm on March 15.\n",
    )
    .write("books.md", "# Books\n\nA history of the steppe and its horsemen.\n")
    .write("rust.md", "# Cargo\n\nTo create a new project, run `cargo new hello_cargo` and enter the folder.\n");
    home
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is not text in {value}"))
}

#[test]
fn a_question_gets_a_cited_answer_from_the_right_file() {
    let home = garden();
    let ran = home.run(&["ask", "--json", "When did I prune the pear tree?"]).ok();
    let answer = &ran.json()[0];
    assert!(text(answer, "answer").contains("On March 9 I pruned the pear tree"), "{answer}");
    assert_eq!((text(answer, "short_answer"), text(answer, "model")), ("March 9", "reader"));
    assert_eq!(text(&answer["citations"][0], "path"), "garden/2024-spring.md");
    let question = "What command creates a new project?";
    let ran = home.run(&["ask", "--folder", ".", "--json", "--reader", "false", question]).ok();
    let answer = &ran.json()[0];
    assert!(text(answer, "answer").contains("cargo new"), "{answer}");
    assert_eq!(answer["abstained"], false);
    assert_eq!(text(&answer["citations"][0], "path"), "rust.md");
    assert_eq!(answer["citations"][0]["start_line"], 3);
    assert_eq!(text(answer, "model"), "smollm2-135m-instruct");
    assert!(answer["prompt_tokens"].as_u64().unwrap() > 20 && answer["generated_tokens"].as_u64().unwrap() > 0);
}

#[test]
fn a_question_that_the_documents_do_not_answer_is_refused_with_exit_code_3() {
    let home = garden();
    let ran = home.run(&["ask", "--json", "Who won the football world cup of 1954?"]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    let answer = &ran.json()[0];
    assert_eq!((&answer["abstained"], text(answer, "finish")), (&Value::Bool(true), "refused"));
    assert_eq!(answer["generated_tokens"], 0, "no model was asked");
}

#[test]
fn a_batch_answers_line_by_line_in_order_and_goes_on_after_a_bad_one() {
    let home = garden();
    let batch = concat!(
        "{\"id\":\"a\",\"question\":\"When was the pear tree pruned?\"}\n",
        "{\"id\":\"b\",\"query\":\"no question\"}\n",
        "not json\n\n",
        "{\"id\":7,\"question\":\"With what?\",\"history\":[{\"role\":\"user\",\"text\":\"Was the pear tree pruned?\"},{\"role\":\"assistant\",\"text\":\"Yes.\"}]}\n",
    );
    std::fs::write(home.root().join("batch.jsonl"), batch).unwrap();
    let ran = home.run(&["ask", "--json", "--max-tokens", "12", "--batch", "../batch.jsonl"]).ok();
    let lines = ran.json();
    let ids: Vec<&Value> = lines.iter().map(|line| &line["id"]).collect();
    assert_eq!(ids, [&Value::from("a"), &Value::from("b"), &Value::Null, &Value::from(7)]);
    assert!(lines[1]["error"].is_string() && lines[2]["error"].is_string());
    assert_eq!(
        text(&lines[3]["sources"][0], "path"),
        "garden/2024-spring.md",
        "the follow-up is found through its history"
    );
}

#[test]
fn a_search_of_a_batch_finds_a_follow_up_through_its_history() {
    let home = garden();
    let batch = concat!(
        "{\"id\":1,\"text\":\"and how do I enter it?\"}\n",
        "{\"id\":2,\"text\":\"and what was used for it?\",\"history\":[{\"role\":\"user\",\"text\":\"When was the pear tree pruned?\"},{\"role\":\"assistant\",\"text\":\"On March 9.\"}]}\n",
    );
    std::fs::write(home.root().join("batch.jsonl"), batch).unwrap();
    let lines = home.run(&["search", "--json", "--batch", "../batch.jsonl"]).ok().json();
    assert_eq!(text(&lines[0]["hits"][0], "path"), "rust.md");
    assert_eq!(text(&lines[1]["hits"][0], "path"), "garden/2024-spring.md");
}

#[test]
fn search_finds_by_words_and_by_meaning_and_says_how() {
    let home = garden();
    let ran = home.run(&["search", "--folder", ".", "--json", "pear tree pruning"]).ok();
    let hit = &ran.json()[0]["hits"][0];
    assert_eq!(text(hit, "path"), "garden/2024-spring.md");
    assert_eq!((&hit["bm25_rank"], &hit["vector_rank"]), (&Value::from(1), &Value::from(1)));
    assert_eq!(text(hit, "heading"), "Spring 2024 › Pear tree");
    let ran = home.run(&["search", "--json", "--by", "meaning", "trimming some fruit-bearing plants"]).ok();
    let hit = &ran.json()[0]["hits"][0];
    assert_eq!(text(hit, "path"), "garden/2024-spring.md");
    assert_eq!(hit["bm25_rank"], Value::Null);
}

#[test]
fn answers_are_measured_on_labelled_questions_and_on_the_folder_itself() {
    let home = garden();
    let labels = "{\"id\":\"a\",\"question\":\"When did I prune the pear tree?\",\"answers\":[\"March 9\"],\"gold_files\":[\"2024-spring.md\"]}\n\
                  {\"id\":\"b\",\"question\":\"Who won the football world cup of 1954?\",\"is_impossible\":true}\n";
    std::fs::write(home.root().join("q.jsonl"), labels).unwrap();
    let eval = ["eval", "--json", "--questions", "../q.jsonl", "--answer-style", "quote"];
    let with_out = [&eval[..], &["--out", "../a.jsonl"]].concat();
    let report = home.run(&with_out).ok().json().remove(0);
    let figure = |report: &Value, name: &str| -> f64 {
        let figures = report["figures"].as_array().unwrap();
        figures.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}: {report}"))["value"]
            .as_f64()
            .unwrap()
    };
    for name in ["answer holds the gold", "cited lines hold the gold", "file first", "unanswerable refused"] {
        assert!((figure(&report, name) - 1.0).abs() < 1e-9, "{name}: {report}");
    }
    let kept = std::fs::read_to_string(home.root().join("a.jsonl")).unwrap();
    assert_eq!(kept.lines().count(), 3, "what it was made with, and two answers");
    // Times lose their last digit on the way through a file.
    let without_times = |report: &Value| {
        let figures = report["figures"].as_array().unwrap().iter().filter(|one| one["name"] != "milliseconds");
        figures.cloned().collect::<Vec<_>>()
    };
    assert_eq!(without_times(&home.run(&with_out).ok().json().remove(0)), without_times(&report));
    assert_eq!(std::fs::read_to_string(home.root().join("a.jsonl")).unwrap(), kept, "nothing was asked again");
    home.run(&[&with_out[..], &["--min-answerable", "0.9"]].concat()).fails_with(&["a.jsonl", "other settings"]);
    let strict = [&eval[..], &["--min-answerable", "0.99", "--out", "../b.jsonl"]].concat();
    home.run(&strict).ok();
    let compared = home.run(&[&eval[..], &["--compare", "../a.jsonl", "../b.jsonl"]].concat()).ok().json().remove(0);
    let refused = compared.as_array().unwrap().iter().find(|one| one["name"] == "answerable refused").unwrap();
    assert_eq!((&refused["before"], &refused["after"]), (&Value::from(0.0), &Value::from(1.0)));
    home.write("2025.md", "The plum tree came in May.\n");
    home.run(&with_out).fails_with(&["a.jsonl", "before the folder changed"]);
    let own = home.run(&["eval", "--count", "2", "--answer-style", "quote"]).ok();
    assert!(own.out.contains("unanswerable refused") && own.out.contains("min_answerable"), "{}", own.out);
    assert!(own.out.contains("Recommendation") && own.out.contains("--profiles"), "{}", own.out);
    let own = home.run(&["eval", "--count", "2", "--answer-style", "quote", "--json"]).ok().json().remove(0);
    for name in ["cloze: passage among 5", "known item: passage among 5"] {
        assert!(figure(&own, name) > 0.4, "{name}: {own}");
    }
    assert!(own["recommendation"]["because"].is_array() && own["recommendation"]["profile"].is_null(), "{own}");
    let profiles = ["eval", "--json", "--no-update", "--profiles", "--questions", "../q.jsonl", "--out", "../p.jsonl"];
    let table = home.run(&profiles).ok().json().remove(0);
    let names: Vec<&str> = table["profiles"].as_array().unwrap().iter().map(|row| text(row, "profile")).collect();
    assert_eq!(names, ["fast", "balanced", "quality"]);
    for row in table["profiles"].as_array().unwrap() {
        assert!(row["ms_total"]["p50"].as_f64() <= row["ms_total"]["p95"].as_f64(), "{row}");
        assert_eq!(row["right"]["value"], 1.0, "{row}");
    }
    assert!(["fast", "balanced", "quality"].contains(&text(&table["recommendation"], "profile")), "{table}");
    for name in names {
        let kept = std::fs::read_to_string(home.root().join(format!("p.{name}.jsonl"))).unwrap();
        assert_eq!(kept.lines().count(), 3, "{name}");
    }
    std::fs::write(home.root().join("bad.jsonl"), "{\"id\":1}\n").unwrap();
    let planted = home.run(&["eval", "--planted", "--json", "--no-update"]).ok().json().remove(0);
    let figure = |name: &str| {
        let figures = planted["figures"].as_array().unwrap();
        figures.iter().find(|figure| figure["name"] == name).unwrap_or_else(|| panic!("{planted}"))["value"].as_f64()
    };
    assert_eq!((figure("another number"), figure("verbatim")), (Some(1.0), Some(0.0)));
    home.run(&["eval", "--questions", "../bad.jsonl"]).fails_with(&["bad.jsonl, line 1", "no question"]);
}

#[test]
fn the_ledger_tells_what_was_read_of_every_file() {
    let home = Home::without_models();
    home.write("letter.eml", "Subject: Pears\nFrom: anna@example.org\n\nThe pears are ripe.\n")
        .write("trees.csv", "tree,age\npear,forty\n")
        .write("broken.docx", "no package\n")
        .write("picture.png", "x");
    home.run(&["search", "--by", "words", "pears"]).ok();
    let shown = home.run(&["status", "--json", "--files"]).ok().json().remove(0);
    let files = shown["files"].as_array().unwrap();
    let states: Vec<(&str, &str)> = files.iter().map(|file| (text(file, "path"), text(file, "state"))).collect();
    let expected =
        [("broken.docx", "failed"), ("letter.eml", "indexed"), ("picture.png", "skipped"), ("trees.csv", "indexed")];
    assert_eq!(states, expected);
    assert_eq!((&files[1]["title"], &files[1]["sections"]), (&Value::from("Pears"), &Value::from(1)));
    assert!(text(&files[0], "hint").contains("save it again"), "{}", files[0]);
    let plain = home.run(&["status"]).ok();
    assert!(plain.out.contains("docx 0 of 1") && plain.out.contains("eml 1"), "{}", plain.out);
    let one = home.run(&["status", "--file", "picture.png"]).ok();
    assert!(one.out.contains("words in pictures are not read") && one.out.contains("ocr = true"), "{}", one.out);
    assert!(files[2]["ms_read"].is_null() && files[1]["ms_read"].as_f64().unwrap() > 0.0, "{}", files[1]);
    let sum: f64 = files.iter().filter_map(|file| file["ms_read"].as_f64()).sum();
    assert!((shown["ms_read"].as_f64().unwrap() - sum).abs() < 0.01, "{shown}");
    assert!(plain.out.contains("reading took ") && !plain.out.contains("addressed to a model"), "{}", plain.out);
    assert!(home.run(&["status", "--file", "trees.csv"]).ok().out.contains("\n  time      "));
    home.run(&["status", "--file", "none.md"]).fails_with(&["none.md", "no such file"]);
}

#[test]
fn a_search_can_be_narrowed_down_and_explained() {
    let home = garden();
    let places = |arguments: &[&str]| -> Vec<String> {
        let ran = home.run(&[&["search", "--json", "--by", "words"], arguments].concat()).ok();
        ran.json()[0]["hits"].as_array().unwrap().iter().map(|hit| text(hit, "path").to_owned()).collect()
    };
    assert_eq!(places(&["the", "\"pear tree\""]), ["garden/2024-spring.md"]);
    assert_eq!(places(&["the -pear -cargo"]), ["books.md"]);
    assert_eq!(places(&["steppe -pear path:books"]), ["books.md"]);
    assert_eq!(places(&["path:garden"]), ["garden/2024-spring.md"], "conditions alone list what they admit");
    assert_eq!(places(&["pear before:1980"]), Vec::<String>::new());
    assert_eq!(
        places(&["\"tree pear\" path:garden"]),
        ["garden/2024-spring.md"],
        "the words, where no passage has the phrase"
    );
    let nearest = home.run(&["search", "--by", "words", "\"tree pear\""]).ok();
    assert!(nearest.out.starts_with("No passage holds these words just so"), "{}", nearest.out);
    let ran = home.run(&["search", "--explain", "pruned pear"]).ok();
    let line = ran.out.lines().find(|line| line.contains("BM25")).unwrap_or_else(|| panic!("{}", ran.out));
    assert!(line.contains("words #1") && line.contains("meaning #1, cosine"), "{line}");
}

#[test]
fn a_search_joins_neighbors_leaves_copies_out_and_tells_so() {
    let home = Home::without_models();
    let paragraph = |bird: &str| {
        let sentence =
            format!("The {bird} was seen at the pond again, standing in the reeds as if nobody could see it there.");
        [sentence.as_str(); 4].join(" ")
    };
    home.write("a.md", format!("{}\n\n{}\n", paragraph("heron"), paragraph("grey heron")));
    let copied = "A copy of the letter about the egret: it came in spring, stayed for a week and left before anyone had a camera.";
    home.write("letter.txt", copied);
    home.write("copy.txt", format!("{copied} Truly."));
    let search = |arguments: &[&str]| home.run(&[&["search", "--by", "words"], arguments].concat()).ok();
    let lines = |arguments: &[&str]| -> Vec<(u64, u64)> {
        let found = search(&[&["--json"], arguments].concat()).json().remove(0);
        let line = |hit: &Value, name: &str| hit[name].as_u64().unwrap();
        found["hits"].as_array().unwrap().iter().map(|hit| (line(hit, "start_line"), line(hit, "end_line"))).collect()
    };
    assert_eq!(lines(&["heron"]), [(1, 3)], "one passage with one citation");
    let mut apart = lines(&["--choose", "ranking", "heron"]);
    apart.sort_unstable();
    assert_eq!(apart, [(1, 1), (3, 3)]);
    let found = search(&["--json", "egret"]).json().remove(0);
    assert_eq!(found["hits"].as_array().unwrap().len(), 1);
    assert!(text(&found["dropped"][0], "why").starts_with("nearly the same as "), "{found}");
    let told = search(&["--explain", "egret"]).out;
    assert!(told.lines().any(|line| line.starts_with(" –") && line.contains("nearly the same as ")), "{told}");
}

#[test]
fn a_doctor_finds_nothing_wrong_and_a_purge_leaves_nothing_behind() {
    let home = garden();
    home.run(&["ask", "When was the pear tree pruned?"]);
    let healthy = home.run(&["doctor", "--deep", "--json"]).ok();
    assert_eq!(healthy.json()[0]["findings"], Value::Array(Vec::new()));
    let library = std::path::PathBuf::from(text(&healthy.json()[0], "library"));
    assert!(library.join("library.sqlite").exists());
    let refused = home.run(&["purge"]);
    assert!(refused.code == Some(1) && refused.err.contains("hint: add --yes"), "{}", refused.err);
    assert!(library.exists());
    home.run(&["purge", "--yes"]).ok();
    assert!(!library.exists());
    let again = home.run(&["purge", "--yes"]).ok();
    assert!(again.out.contains("nothing is remembered"), "{}", again.out);
}

#[test]
fn the_same_seed_gives_the_same_answer_and_another_temperature_another() {
    let home = garden();
    let ask = |temperature: &str, seed: &str| {
        let question = "Tell me about the pear tree.";
        let ran = home
            .run(&[
                "ask",
                "--json",
                "--reader",
                "false",
                "--max-tokens",
                "30",
                "--temperature",
                temperature,
                "--seed",
                seed,
                question,
            ])
            .ok();
        text(&ran.json()[0], "answer").to_owned()
    };
    assert_eq!(ask("1.2", "5"), ask("1.2", "5"));
    assert_ne!(ask("1.2", "5"), ask("3.0", "6"));
}

#[test]
fn changes_renames_and_deletions_show_in_the_next_search() {
    let home = garden();
    let paths = |query: &str| -> Vec<String> {
        let ran = home.run(&["search", "--json", "--by", "words", query]).ok();
        ran.json()[0]["hits"].as_array().unwrap().iter().map(|hit| text(hit, "path").to_owned()).collect()
    };
    assert_eq!(paths("horsemen"), ["books.md"]);
    std::fs::rename(home.docs().join("books.md"), home.docs().join("library.md")).unwrap();
    home.write("rust.md", "# Cargo\n\nNow about zeppelins.\n");
    std::fs::remove_dir_all(home.docs().join("garden")).unwrap();
    assert_eq!(paths("horsemen"), ["library.md"]);
    assert_eq!(paths("zeppelins"), ["rust.md"]);
    assert!(paths("pear").is_empty());
    let status = home.run(&["status", "--json"]).ok();
    assert_eq!(status.json()[0]["files"], 2);
    let again = home.run(&["index", "--json"]).ok();
    assert_eq!(again.json()[0]["files"], 2);
}

#[test]
fn without_a_model_and_without_a_network_each_source_is_named_with_its_reason() {
    let home = Home::without_models();
    home.write("a.md", "words\n");
    home.run(&["ask", "which words?"]).fails_with(&["smollm2-135m-instruct", "offline"]);
    let found = home.run(&["search", "--json", "words"]).ok();
    assert_eq!(text(&found.json()[0]["hits"][0], "path"), "a.md", "words are searchable without any model");
}

#[test]
fn wrong_usage_has_exit_code_2_and_settings_are_checked() {
    let home = garden();
    for arguments in
        [&["ask"][..], &["ask", "--batch", "x.jsonl"], &["search", "--frobnicate", "x"], &["notes", "ask", "x"]]
    {
        assert_eq!(home.run(arguments).code, Some(2), "{arguments:?}");
    }
    let ran = home.run(&["ask", "--temperature", "9", "what?"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("temperature wants a number from 0 to 5"), "{}", ran.err);
}

#[test]
fn completions_and_the_manual_know_every_command() {
    let home = Home::without_models();
    let run = |arguments: &[&str]| {
        let output =
            std::process::Command::new(env!("CARGO_BIN_EXE_tanya")).args(arguments).envs(home.env()).output().unwrap();
        Ran::new(output).ok().out
    };
    for script in [run(&["completions", "bash"]), run(&["completions", "fish"]), run(&["man"]), run(&["--help"])] {
        for command in ["ask", "search", "index", "status", "forget", "purge", "models", "sessions", "demo", "linear"] {
            assert!(script.contains(command), "{command} is missing");
        }
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let home = garden();
    let mut child = home
        .tanya(&["search", "--by", "words", "--limit", "3", "the pear steppe cargo"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_key_table_of_the_readme_is_the_programs_own() {
    let readme = include_str!("../README.md");
    let table = tanya::tui::keys_markdown();
    assert!(readme.contains(table.trim()), "put this between the marks of README.md:\n\n{table}");
}

#[test]
fn every_back_end_answers_and_says_which_it_is() {
    let home = Home::new();
    home.write("pear.md", "On March 9 I pruned the pear tree with the Felco saw.\n");
    for (backend, marker) in [("native", "native"), ("candle", "candle cpu")] {
        let ask = ["ask", "--json", "--backend", backend, "--max-tokens", "16", "--answer-style", "write"];
        let answer = home.run(&[&ask[..], &["When did I prune the pear tree?"]].concat()).ok().json().remove(0);
        assert!(answer["generated_tokens"].as_u64().unwrap() > 0, "{backend}: {answer}");
        assert!(answer["sources"][0]["vector_rank"].is_number(), "{backend}: {answer}");
        let bench = ["bench", "--json", "--backend", backend, "--prompts", "16", "--depths", "0", "--generate", "2"];
        let bench = home.run(&[&bench[..], &["--texts", "8", "--repetitions", "1"]].concat()).ok().json().remove(0);
        assert!(bench["backend"].as_str().unwrap().starts_with(marker), "{bench}");
        let names: Vec<&str> =
            bench["tests"].as_array().unwrap().iter().map(|test| test["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["pp16", "tg2@0", "embed 1x16", "embed 32x8"]);
        assert!(bench["roofline"]["decode_share"].as_f64().unwrap() > 0.0 && bench["load_ms"].as_f64().unwrap() > 0.0);
    }
    let ran = home.run(&["ask", "--backend", "abacus", "why?"]);
    assert!(ran.code == Some(2) && ran.err.contains("auto, native or candle"), "{}", ran.err);
}

#[test]
fn instructions_can_be_forced_and_those_that_are_not_there_are_named() {
    let home = Home::new();
    home.write("pear.md", "On March 9 I pruned the pear tree with the Felco saw.\n");
    let with = |isa: &str| {
        let mut command = home.tanya(&[
            "ask",
            "--json",
            "--answer-style",
            "write",
            "--max-tokens",
            "8",
            "When did I prune the pear tree?",
        ]);
        Ran::new(command.env("TANYA_ISA", isa).output().unwrap())
    };
    let answer = with("portable").ok().json().remove(0);
    assert!(answer["generated_tokens"].as_u64().unwrap() > 0, "{answer}");
    with("sse9").fails_with(&["sse9", "portable"]);
}

#[test]
fn a_model_is_quantized_compared_and_asked() {
    let home = Home::new();
    home.write("pear.md", "On March 9 I pruned the pear tree with the Felco saw.\n");
    home.write("text.txt", "The pear tree stands behind the house and bears fruit in autumn. ".repeat(60));
    let source = home.data().join("models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf");
    let quantize =
        ["models", "quantize", source.to_str().unwrap(), "small.gguf", "--type", "q4_0", "--check", "text.txt"];
    let made = home.run(&[&quantize[..], &["--json"]].concat()).ok().json().remove(0);
    let number = |when: &str, what: &str| made[when][what].as_f64().unwrap();
    assert!(number("after", "bytes") < number("before", "bytes"), "{made}");
    assert!((number("after", "perplexity") / number("before", "perplexity") - 1.0).abs() < 0.3, "{made}");
    assert!(number("after", "read_tokens_per_second") > 0.0 && number("after", "written_tokens_per_second") > 0.0);
    let answer = home
        .run(&[
            "ask",
            "--json",
            "--answer-style",
            "write",
            "--model",
            "./small.gguf",
            "When did I prune the pear tree?",
        ])
        .ok()
        .json();
    assert_eq!(answer[0]["model"], "small");
    home.run(&["models", "quantize", "none.gguf", "x.gguf", "--type", "q8_0"]).fails_with(&["none.gguf"]);
}

#[test]
fn a_published_model_folder_becomes_a_file_that_answers() {
    let home = Home::new();
    home.write("pear.md", "On March 9 I pruned the pear tree with the Felco saw.\n");
    common::published::write(&home.root().join("tiny"));
    let quantize = ["models", "quantize", "../tiny", "../made.gguf", "--type", "q8_0", "--json"];
    let made = home.run(&quantize).ok().json().remove(0);
    assert_eq!((&made["before"], text(&made, "type")), (&Value::Null, "q8_0"), "a folder is not run as it is");
    assert!(made["after"]["read_tokens_per_second"].as_f64().unwrap() > 0.0, "{made}");
    let bench = ["bench", "--json", "--model", "../made.gguf", "--prompts", "16", "--depths", "0", "--generate", "2"];
    let bench = home.run(&[&bench[..], &["--texts", "8", "--repetitions", "1"]].concat()).ok().json().remove(0);
    assert_eq!(bench["tests"][0]["name"], "pp16", "{bench}");
    let ask = ["ask", "--json", "--answer-style", "write", "--model", "../made.gguf", "--max-tokens", "4"];
    assert_eq!(home.run(&[&ask[..], &["When did I prune the pear tree?"]].concat()).ok().json()[0]["model"], "made");
    // A file of the folder names it; what is wrong there is named with a hint of what belongs there.
    home.run(&["models", "quantize", "../tiny/model.safetensors", "../again.gguf", "--type", "f16"]).ok();
    std::fs::remove_file(home.root().join("tiny/tokenizer.json")).unwrap();
    let failed = home.run(&["models", "quantize", "../tiny", "../x.gguf", "--type", "q8_0"]);
    assert!(failed.err.contains("hint: a model folder holds"), "{}", failed.err);
    failed.fails_with(&["tokenizer.json", "cannot be read"]);
    assert!(!home.root().join("x.gguf").exists());
}

#[test]
fn a_model_that_may_only_copy_writes_nothing_but_the_documents_words() {
    let home = garden();
    for (style, temperature) in [("copy", "0"), ("copy", "3"), ("quote", "3")] {
        for draft in ["0", "7"] {
            let ask =
                ["ask", "--json", "--no-whole", "--reader", "false", "--answer-style", style, "--min-lexical", "0"];
            let ask = [&ask[..], &["--temperature", temperature, "--draft-tokens", draft]].concat();
            let answer = home.run(&[&ask[..], &["When was the pear tree pruned?"]].concat()).ok().json().remove(0);
            assert!(answer["generated_tokens"].as_u64().unwrap() > 0, "{answer}");
            let cited = answer["citations"].as_array().unwrap();
            assert!(!cited.is_empty(), "{answer}");
            for citation in cited {
                let (path, quote) = (text(citation, "path"), text(citation, "quote"));
                let file = std::fs::read_to_string(home.docs().join(path)).unwrap();
                assert!(!quote.is_empty() && file.contains(quote), "{quote}");
            }
            let verdicts = answer["sentences"].as_array().unwrap();
            assert!(verdicts.iter().all(|sentence| sentence["verdict"] == "supported"), "{answer}");
        }
    }
}

#[test]
fn a_conversation_tells_what_became_of_its_sources_and_its_answers_can_be_made_again() {
    let home = garden();
    let question = "What command creates a new project?";
    let mut answered = home.run(&["ask", "--json", "--reader", "false", "--max-tokens", "24", question]).ok().json();
    let answer: Answer = serde_json::from_value(answered.remove(0)).unwrap();
    let folder = home.docs().canonicalize().unwrap().display().to_string();
    let mut conversation = Conversation::new(&folder, SystemTime::now());
    conversation.push(Turn::new(question.to_owned(), answer, 1));
    SessionStore::at(home.data().join("sessions")).append(&conversation).unwrap();
    let id = conversation.id.as_str();

    let cited = || home.run(&["sessions", "show", id, "--json"]).ok().json().remove(0)[0]["cited_now"][0].take();
    assert_eq!(cited()["standing"], "unchanged");
    let sentence = "To create a new project, run `cargo new hello_cargo` and enter the folder.";
    home.write("rust.md", format!("# Cargo\n\n\n\n{sentence}\n"));
    let now = cited();
    assert_eq!((&now["standing"], &now["now_start_line"]), (&Value::from("moved"), &Value::from(5)));
    home.write("rust.md", "# Cargo\n\nTo create a new project, run `cargo init` and enter the folder.\n");
    let shown = home.run(&["sessions", "show", id]).ok();
    assert!(
        shown.out.contains("· changed") && shown.out.contains("- To create a new project, run `cargo new"),
        "{}",
        shown.out
    );
    assert!(shown.out.contains("+ To create a new project, run `cargo init`"), "{}", shown.out);
    std::fs::remove_file(home.docs().join("rust.md")).unwrap();
    assert_eq!(cited()["standing"], "gone");

    // The document is gone, the passage of then is not.
    let replayed = home.run(&["sessions", "replay", id]).ok();
    assert_eq!(replayed.out, "turn 1: same answer\n", "{}", replayed.err);
    let outcome = home.run(&["sessions", "replay", id, "--turn", "1", "--json"]).ok().json().remove(0)[0].take();
    assert_eq!((&outcome["same"], &outcome["same_prompt"]), (&Value::Bool(true), &Value::Bool(true)), "{outcome}");
    assert_eq!(outcome["not_promised"], serde_json::json!([]));
    home.run(&["sessions", "replay", id, "--turn", "2"]).fails_with(&["turn 2"]);
    let receipt = home.run(&["sessions", "show", id, "--receipt", "--json"]).ok().json().remove(0)[0].take();
    assert_eq!((text(&receipt, "prompt_hash").len(), &receipt["sources"][0]["is_intact"]), (64, &Value::Bool(true)));
    assert!(text(&receipt["generator"], "file").starts_with("sha256:"), "{receipt}");
    assert!(home.run(&["sessions", "show", id, "--receipt"]).ok().out.contains("sampling"));

    let file = home.data().join(format!("sessions/{id}.jsonl"));
    let kept = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, kept.replace("\"wrote\":\"", "\"wrote\":\"Never. ")).unwrap();
    let other = home.run(&["sessions", "replay", id]);
    assert!(other.code == Some(3) && other.out.contains("turn 1: a different answer"), "{}{}", other.out, other.err);
    assert!(other.out.contains("- Never. "), "{}", other.out);
}

#[test]
fn models_and_sessions_speak_json_for_every_action() {
    let home = Home::new();
    let path = home.run(&["models", "path", "smollm2-135m-instruct", "--json"]).ok().json().remove(0);
    assert!(path["path"].as_str().unwrap().contains("smollm2-135m-instruct/"), "{path}");
    assert!(home.run(&["models", "--json"]).ok().json()[0].as_array().unwrap().len() > 2);
    assert_eq!(home.run(&["sessions", "--json"]).ok().json()[0], serde_json::json!([]));
    home.run(&["models", "path", "nothing"]).fails_with(&["nothing", "not on this machine"]);
    home.run(&["sessions", "show", "no-such"]).fails_with(&["no-such"]);
}

/// Linear mode as a pipe: every line of `input` is a question.
fn linear(home: &Home, arguments: &[&str], input: &str) -> Ran {
    let mut command = home.tanya(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Ran::new(child.wait_with_output().unwrap())
}

#[test]
fn lines_of_a_pipe_are_questions_and_the_last_one_gives_the_exit_code() {
    let home = garden();
    let (pear, football) = ("When did I prune the pear tree?", "Who won the football world cup of 1954?");
    let ran = linear(&home, &["--linear", "--max-tokens", "30"], &format!("{pear}\n{football}\n"));
    assert_eq!(ran.code, Some(3), "{}\n{}", ran.out, ran.err);
    for said in [
        "You: When did I prune",
        "1. garden/2024-spring.md, line",
        "Answer: ",
        "Citation 1, garden/2024-spring.md, lines 5 to 6",
    ] {
        assert!(ran.out.contains(said), "{said:?} is missing in\n{}", ran.out);
    }
    assert!(ran.out.ends_with("The closest passages are the sources above.\n"), "{}", ran.out);
    assert!(!ran.out.contains('\u{1b}'));
    let ran = linear(&home, &["--linear", "--max-tokens", "30"], &format!("{football}\n{pear}")).ok();
    assert!(ran.out.contains("Not found in the documents."), "{}", ran.out);
    assert_eq!(linear(&home, &["--linear"], "").ok().out, "");
    let refused = linear(&home, &["ask", "--linear", "why?"], "");
    assert_eq!(refused.code, Some(2), "{}", refused.err);
}

#[test]
fn conversations_are_found_named_and_exported_but_never_over_a_file() {
    let home = garden();
    linear(&home, &["--linear", "--max-tokens", "30"], "When did I prune the pear tree?\n").ok();
    let found = home.run(&["sessions", "search", "PEAR", "prune", "--json"]).ok().json().remove(0);
    let id = text(&found[0], "id").to_owned();
    assert_eq!(
        (text(&found[0], "title"), &found[0]["excerpts"][0]["turn"]),
        ("When did I prune the pear tree?", &Value::from(1))
    );
    assert_eq!(home.run(&["sessions", "search", "zeppelin"]).code, Some(3));
    home.run(&["sessions", "rename", &id, "the", "old", "pear"]).ok();
    let listed = home.run(&["sessions"]).ok().out;
    assert!(listed.contains("the old pear"), "{listed}");
    let page = home.root().join("pear.html");
    let export = ["sessions", "export", &id, "--format", "html", "--out", page.to_str().unwrap()];
    home.run(&export).ok();
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("<h1>the old pear</h1>") && html.contains("garden/2024-spring.md, line"), "{html}");
    home.run(&export).fails_with(&["pear.html", "nothing is overwritten"]);
    assert_eq!(std::fs::read_to_string(&page).unwrap(), html);
    let markdown = home.run(&["sessions", "export", &id]).ok().out;
    assert!(markdown.starts_with("# the old pear\n"), "{markdown}");
    let json = home.run(&["sessions", "export", &id, "--format", "json"]).ok().out;
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["turns"].as_array().unwrap().len(), 1);
}

#[test]
fn the_demo_answers_its_own_questions_without_a_folder_of_ones_own() {
    let home = Home::new();
    let ran = linear(&home, &["demo", "--linear", "--max-tokens", "30"], "1\n").ok();
    assert!(ran.out.contains("You: Who carried the oil up the stairs in the winter of 1912?"), "{}", ran.out);
    assert!(ran.out.contains("history/letters.txt, line"), "{}", ran.out);
    assert!(home.data().join("demo/welcome.md").is_file());
    assert_eq!(std::fs::read_dir(home.docs()).unwrap().count(), 0, "nothing is written elsewhere");
}
