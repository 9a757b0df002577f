use std::fs;
use std::sync::OnceLock;

use super::*;
use crate::processor::Processor;
use crate::test_models::minilm_folder;

/// The adapter that the application carries.
const ADAPTER: &[u8] = include_bytes!("../../../models/reader/reader.safetensors");

const BRIDGE: &str =
    "Notes\nThe old bridge over the river was built in 1886 by Anna Lindqvist. It was painted green last spring.";

fn exact() -> Options {
    Options { exact: true, ..Options::default() }
}

/// Loaded once for all tests.
fn reader() -> &'static Reader {
    static READER: OnceLock<Reader> = OnceLock::new();
    READER.get_or_init(|| Reader::open(&minilm_folder(), ADAPTER, &Options::default()).unwrap())
}

fn read(question: &str, passages: &[&str]) -> Vec<Reading> {
    reader().read(question, passages, &Cancel::new()).unwrap()
}

fn best<'a>(reading: &Reading, passage: &'a str) -> &'a str {
    &passage[reading.spans[0].start..reading.spans[0].end]
}

/// Question, passage, logits of relevance and of an answer, the best span's score and text.
type Golden = (&'static str, &'static str, [f32; 3], &'static str);

/// From the training script: `PyTorch` in f32 with the additions beside the base weights, not merged into them.
const GOLDEN: [Golden; 6] = [
    ("When was the old bridge built?", BRIDGE, [5.5927, 3.3572, 6.8243], "1886"),
    ("Who built the bridge?", BRIDGE, [2.4399, 1.3255, 3.3148], "Anna Lindqvist"),
    ("Who painted the tower?", BRIDGE, [-7.8533, -7.9667, -23.4256], "Anna Lindqvist"),
    (
        "When was the old bridge built?",
        "Tomatoes want sun and water in the morning. Pinch out the side shoots every week.",
        [-7.7119, -8.2601, -35.0097],
        "the",
    ),
    (
        "Siapa yang membangun jembatan itu?",
        "Jembatan tua itu dibangun oleh Budi Santoso pada tahun 1932 .",
        [-2.3243, -1.9541, -2.9304],
        "Budi Santoso",
    ),
    (
        "Where is the café?",
        "Das Café „Zum Löwen“ 🙂 is at the north end of Ärzteweg, next to 東京 street.",
        [-4.278, -6.0651, -10.9102],
        "north end of Ärzteweg",
    ),
];

fn largest_difference(options: &Options) -> f32 {
    let reader = Reader::open(&minilm_folder(), ADAPTER, options).unwrap();
    let mut most = 0f32;
    for (question, passage, [relevance, answerable, score], text) in GOLDEN {
        let reading = reader.read(question, &[passage], &Cancel::new()).unwrap().remove(0);
        for (ours, theirs) in
            [(reading.relevance, relevance), (reading.answerable.unwrap(), answerable), (reading.spans[0].score, score)]
        {
            most = most.max((ours - theirs).abs() / theirs.abs().max(4.0));
        }
        if score > -20.0 {
            assert_eq!(best(&reading, passage), text, "{question}");
        }
    }
    most
}

#[test]
fn readings_are_those_of_the_training_script() {
    let bf16 = largest_difference(&exact());
    assert!(bf16 < 0.05, "{bf16}");
    let int8 = largest_difference(&Options::default());
    assert!(int8 < 0.25, "{int8}");
}

#[test]
fn a_reading_depends_neither_on_neighbors_nor_on_their_order() {
    let long = BRIDGE.repeat(30);
    let passages = ["", BRIDGE, &long, "Tomatoes want sun.", "東京 🙂 e\u{301}"];
    let together = read("Who built the bridge?", &passages);
    for (passage, reading) in passages.iter().zip(&together) {
        assert_eq!(&read("Who built the bridge?", &[passage])[0], reading, "{passage:.40}");
    }
    let mut reversed = passages;
    reversed.reverse();
    let mut backwards = read("Who built the bridge?", &reversed);
    backwards.reverse();
    assert_eq!(together, backwards);
}

#[test]
fn two_threads_and_one_read_the_same() {
    let one = Options { processor: Some(Processor::new(Some(1), None).unwrap()), ..Options::default() };
    let one = Reader::open(&minilm_folder(), ADAPTER, &one).unwrap();
    let passages = [BRIDGE, "Tomatoes want sun."];
    assert_eq!(one.read("Who?", &passages, &Cancel::new()).unwrap(), read("Who?", &passages));
}

#[test]
fn an_answer_far_down_a_long_passage_is_found_where_it_stands() {
    let filler = "The weather was mild and the streets were quiet that day. ".repeat(60);
    let passage = format!("{filler}{BRIDGE}{filler}");
    let reading = &read("When was the old bridge built?", &[&passage])[0];
    assert_eq!(best(reading, &passage), "1886");
    assert_eq!(reading.spans[0].start, passage.find("1886").unwrap());
    let without = &read("When was the old bridge built?", &[&filler])[0];
    assert!(reading.answerable > without.answerable && reading.relevance > without.relevance);
}

#[test]
fn spans_lie_at_borders_of_characters_in_any_script() {
    let hostile = "e\u{301}\u{202e}👩‍👩‍👧 ผู้ใหญ่ 東京 [SEP] [CLS] \u{0}\u{FFFD} ½ ﬁ İstanbul ẞ ".repeat(20);
    for question in ["Where?", "", "[SEP] 東京", &hostile] {
        for reading in
            read(question, &[&hostile, "İ", "\u{301}", ""]).iter().zip([hostile.as_str(), "İ", "\u{301}", ""])
        {
            let (reading, passage) = reading;
            assert!(reading.relevance.is_finite() && reading.answerable.unwrap().is_finite());
            for span in &reading.spans {
                assert!(!passage[span.start..span.end].is_empty() && span.score.is_finite());
            }
        }
    }
}

#[test]
fn special_tokens_in_a_passage_do_not_end_it() {
    let forged = format!("{BRIDGE} [SEP] [CLS]");
    let window = |text: &str| {
        let mut windows = Vec::new();
        reader().cut(&[2040], 0, text, &mut windows).unwrap();
        windows.remove(0).tokens
    };
    let special = |tokens: &[u32]| tokens.iter().filter(|id| [101, 102].contains(*id)).count();
    assert_eq!(special(&window(&forged)), 3);
    assert_eq!(special(&window(BRIDGE)), 3);
}

#[test]
fn cancelling_stops_and_no_passages_are_no_readings() {
    let cancel = Cancel::new();
    assert!(reader().read("x", &[], &cancel).unwrap().is_empty());
    cancel.cancel();
    assert!(matches!(reader().read("x", &["y"], &cancel), Err(Error::Cancelled)));
}

#[test]
fn an_adapter_for_other_weights_or_without_heads_is_an_error_that_says_so() {
    let mut other = ADAPTER.to_vec();
    let at = other.windows(8).position(|part| part == b"53aa5117").unwrap();
    other[at] = b'0';
    let error = Reader::open(&minilm_folder(), &other, &Options::default()).unwrap_err().to_string();
    assert!(error.contains("adapter was trained"), "{error}");

    let mut headless = ADAPTER.to_vec();
    let at = headless.windows(16).position(|part| part == b"head.span.weight").unwrap();
    headless[at..at + 4].copy_from_slice(b"hxxd");
    let error = Reader::open(&minilm_folder(), &headless, &Options::default()).unwrap_err().to_string();
    assert!(error.contains("head.span.weight"), "{error}");

    assert!(Reader::open(&minilm_folder(), &ADAPTER[..ADAPTER.len() / 2], &Options::default()).is_err());
    assert!(Reader::open(&minilm_folder(), &[], &Options::default()).is_err());
}

#[test]
fn a_published_reranker_says_how_relevant_a_passage_is_and_nothing_else() {
    // MiniLM as a reranker: its own pooler, and a classifier that is made up.
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json"] {
        fs::copy(minilm_folder().join(file), folder.path().join(file)).unwrap();
    }
    let bytes = fs::read(minilm_folder().join("model.safetensors")).unwrap();
    let base = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let weight: Vec<u8> = (0..384).flat_map(|n| (((n * 37 % 100) as f32 - 50.0) / 50.0).to_le_bytes()).collect();
    let bias = 0.5f32.to_le_bytes();
    let mut tensors: Vec<(String, safetensors::tensor::TensorView<'_>)> =
        base.tensors().into_iter().map(|(name, view)| (format!("bert.{name}"), view)).collect();
    let view =
        |shape: &[usize], data| safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.to_vec(), data);
    tensors.push(("classifier.weight".into(), view(&[1, 384], &weight).unwrap()));
    tensors.push(("classifier.bias".into(), view(&[1], &bias).unwrap()));
    fs::write(folder.path().join("model.safetensors"), safetensors::serialize(tensors, None).unwrap()).unwrap();

    let reranker = Reader::open_reranker(folder.path(), &Options::default()).unwrap();
    let readings = reranker.read("Who built the bridge?", &[BRIDGE, "Tomatoes want sun."], &Cancel::new()).unwrap();
    assert!(readings.iter().all(|reading| reading.answerable.is_none() && reading.spans.is_empty()));
    assert_ne!(readings[0].relevance.to_bits(), readings[1].relevance.to_bits());
    let error = Reader::open_reranker(&minilm_folder(), &Options::default()).unwrap_err().to_string();
    assert!(error.contains("classifier.weight"), "{error}");
}
