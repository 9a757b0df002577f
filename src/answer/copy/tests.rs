use std::sync::Arc;

use tanya_engine::{Sampler, Sampling};

use super::*;

/// Greedy longest match: every byte, and pieces that cross the borders of words, as merges do.
struct Toy {
    pieces: Vec<Vec<u8>>,
    ends: Vec<u32>,
}

impl Toy {
    fn new() -> Self {
        let mut pieces: Vec<Vec<u8>> = (0..=255u8).map(|byte| vec![byte]).collect();
        for piece in
            [" the", "the", "e b", " bridge", "bridge", "idge was", "\n\nIt", " [", "[1", "1]", " 18", "86", ". ", "ü"]
        {
            pieces.push(piece.as_bytes().to_vec());
        }
        // A control token: it adds nothing to the text.
        pieces.push(Vec::new());
        let ends = vec![pieces.len() as u32 - 1];
        Self { pieces, ends }
    }

    fn decode(&self, ids: &[u32]) -> Vec<u8> {
        ids.iter().flat_map(|id| self.pieces[*id as usize].clone()).collect()
    }
}

impl Tokens for Toy {
    fn encode(&self, text: &str) -> Vec<u32> {
        let (mut ids, mut rest) = (Vec::new(), text.as_bytes());
        while !rest.is_empty() {
            let fits = |piece: &&Vec<u8>| !piece.is_empty() && rest.starts_with(piece);
            let best = self.pieces.iter().filter(fits).max_by_key(|piece| piece.len()).unwrap();
            ids.push(self.pieces.iter().position(|piece| piece == best).unwrap() as u32);
            rest = &rest[best.len()..];
        }
        ids
    }

    fn bytes(&self, token: u32) -> &[u8] {
        &self.pieces[token as usize]
    }

    fn ends(&self) -> &[u32] {
        &self.ends
    }
}

const FIRST: &str = "In 1886 the bridge was built [12] by Müller.\n\nIt is the bridge of the town, 18 m long.";
const SECOND: &str = "The bridge was painted (the railing too) in 1902. 橋は古い。";

fn passages() -> [(u32, &'static str); 2] {
    [(1, FIRST), (2, SECOND)]
}

fn contains(text: &str, part: &[u8]) -> bool {
    part.is_empty() || text.as_bytes().windows(part.len()).any(|window| window == part)
}

/// Whether what is written so far is runs of the passages with their numbers.
fn is_copied(written: &[u8], runs: usize) -> bool {
    let of_a_passage = |part: &[u8], n: Option<u32>| {
        passages().into_iter().any(|(number, text)| n.is_none_or(|n| n == number) && contains(text, part))
    };
    // The last run, perhaps cut off inside its number.
    let is_last = (0..=written.len().min(4)).any(|cut| {
        let (run, number) = written.split_at(written.len() - cut);
        passages().iter().any(|(n, _)| format!(" [{n}]\n").as_bytes().starts_with(number)) && of_a_passage(run, None)
    });
    is_last
        || (runs > 1
            && passages().into_iter().any(|(n, _)| {
                let number = format!(" [{n}]\n");
                let places = written.windows(number.len()).enumerate().filter(|(_, part)| *part == number.as_bytes());
                places.map(|(at, _)| at).any(|at| {
                    of_a_passage(&written[..at], Some(n)) && is_copied(&written[at + number.len()..], runs - 1)
                })
            }))
}

fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

#[test]
fn ten_thousand_random_models_invent_nothing() {
    let toy = Toy::new();
    let constraint = Arc::new(constraint(passages().into_iter(), &toy).unwrap());
    let mut seed = 1;
    let (mut steps, mut finished, mut numbered) = (0, 0, 0);
    while steps < 10_000 {
        let temperature = [0.0, 1.0, 3.0][(random(&mut seed) % 3) as usize];
        let sampling = Sampling { temperature, seed, constraint: Some(Arc::clone(&constraint)), ..Sampling::default() };
        let mut sampler = Sampler::new(&sampling).unwrap();
        let mut written: Vec<u32> = Vec::new();
        for _ in 0..60 {
            let mut logits: Vec<f32> =
                (0..toy.pieces.len()).map(|_| (random(&mut seed) % 2000) as f32 / 100.0 - 10.0).collect();
            let token = sampler.next(&mut logits, &written).unwrap();
            steps += 1;
            if toy.ends.contains(&token) {
                finished += 1;
                break;
            }
            written.push(token);
            let bytes = toy.decode(&written);
            assert!(is_copied(&bytes, RUNS), "{:?}", String::from_utf8_lossy(&bytes));
        }
        let text = String::from_utf8_lossy(&toy.decode(&written)).into_owned();
        numbered += usize::from(text.contains(" [2]"));
        assert!(!text.contains("[12]") && !written.is_empty());
    }
    assert!(finished > 100 && numbered > 20, "{finished} {numbered}: the sampler never got anywhere");
}

/// Lets a sampler write one text, token by token, where it may.
fn may_write(text: &str) -> bool {
    let toy = Toy::new();
    let sampling =
        Sampling { constraint: constraint(passages().into_iter(), &toy).map(Arc::new), ..Sampling::default() };
    // Any way to spell it will do: byte by byte the longest piece that may come next.
    let mut written: Vec<u32> = Vec::new();
    while toy.decode(&written).len() < text.len() {
        let rest = &text.as_bytes()[toy.decode(&written).len()..];
        let mut logits: Vec<f32> = toy
            .pieces
            .iter()
            .map(|piece| if !piece.is_empty() && rest.starts_with(piece) { piece.len() as f32 } else { -9.0 })
            .collect();
        let token = Sampler::new(&sampling).unwrap().next(&mut logits, &written).unwrap();
        if toy.pieces[token as usize].is_empty() || !rest.starts_with(&toy.pieces[token as usize]) {
            return false;
        }
        written.push(token);
    }
    true
}

#[test]
fn words_begin_runs_however_they_are_glued_and_numbers_are_those_of_the_passage() {
    for text in ["bridge was painted", "the railing too", "1902", "Müller", " the bridge of the town, 18 m", "橋は古い"]
    {
        assert!(may_write(text), "{text}");
    }
    assert!(may_write("1886 [1]\nThe bridge was painted [2]\nIt is"));
    for text in ["1886 [2]", "bridge of the railing", "In 1902", "built [12]", "ailing", "1886 [1] the", "x"] {
        assert!(!may_write(text), "{text}");
    }
}

#[test]
fn what_was_copied_is_cited_where_it_stands() {
    let sources = [Source::of_text(1, FIRST), Source::of_text(2, SECOND)];
    let all = checked(" by Müller.\n\nIt is the bridge [1]\nThe bridge was painted", &sources).unwrap();
    assert_eq!(all.text, "by Müller.\n\nIt is the bridge [1]\nThe bridge was painted [2]");
    assert_eq!(all.citations.iter().map(|citation| citation.n).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(all.citations[1].quote, "The bridge was painted");
    assert_eq!(checked("in 1902. [", &sources).unwrap().text, "in 1902. [2]");
    assert_eq!(checked("The bridge was sold [2]", &sources), None);
    assert_eq!(checked(" ", &sources), None);
}

#[test]
fn words_behind_a_not_are_only_partly_what_the_source_says() {
    let source = Source::of_text(1, "Keep it cool. The medicine must not be given to children.");
    let verdict = |written: &str| checked(written, std::slice::from_ref(&source)).unwrap().sentences[0].verdict;
    assert_eq!(verdict("be given to children. [1]"), Verdict::Partly);
    assert_eq!(verdict("The medicine must not be given to children. [1]"), Verdict::Supported);
}
