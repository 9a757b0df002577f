//! Documents, vectors and questions made up for size, the same in every run: nothing outside the repository is needed.
//!
//! Words follow Zipf's law over 53,200 words, the most common of them English stop words. Three words in ten come from their
//! document's topic, of which there are 256. A vector is its topic's direction, a little of its document's, a mixture of 48
//! directions that all share, and a little noise of its own: nearest neighbors are many and close together, as those of real
//! sentence vectors are. What such vectors cannot tell is how well a model's vectors fit its texts.

use std::path::Path;

use tanya_index::{Document, FileStamp, FileState, NewChunk, Span};

/// Raise it when anything here changes: kept libraries of other versions are then not used.
pub(crate) const VERSION: u32 = 1;
/// Components of a vector, as MiniLM's.
pub(crate) const DIMENSION: usize = 384;
pub(crate) const CHUNKS_A_DOCUMENT: usize = 10;
pub(crate) const FOLDERS: usize = 50;
const QUESTIONS: usize = 200;

const STOP_WORDS: [&str; 24] = [
    "the", "of", "and", "to", "in", "a", "is", "that", "for", "it", "as", "was", "with", "be", "by", "on", "not", "he",
    "his", "but", "at", "are", "this", "have",
];
/// Words that every text uses.
const COMMON: usize = 2_000;
const TOPICS: usize = 256;
const WORDS_OF_A_TOPIC: usize = 200;
/// Directions that all vectors are mixtures of.
const SHARED: usize = 48;

/// splitmix64. Source: <https://prng.di.unimi.it/splitmix64.c>.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In 0..1.
    fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1u32 << 24) as f32
    }

    fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    /// A rank below `end`, each as likely as one over its place: Zipf's law.
    fn rank(&mut self, end: usize) -> usize {
        let place = (end as f64 + 1.0).powf(f64::from(self.unit())) as usize;
        place.clamp(1, end) - 1
    }

    /// About normal, of variance 1.
    fn normal(&mut self) -> f32 {
        (self.unit() + self.unit() + self.unit() + self.unit() - 2.0) * 3.0f32.sqrt()
    }

    fn direction(&mut self) -> Vec<f32> {
        unit_length((0..DIMENSION).map(|_| self.normal()).collect())
    }
}

fn unit_length(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    for value in &mut vector {
        *value /= length;
    }
    vector
}

fn add(sum: &mut [f32], share: f32, direction: &[f32]) {
    for (value, part) in sum.iter_mut().zip(direction) {
        *value += share * part;
    }
}

/// A question about one passage: some of its words as they stand there, and a vector near its own.
pub(crate) struct Question {
    pub(crate) text: String,
    pub(crate) vector: Vec<f32>,
    /// The folder of the passage's document.
    pub(crate) folder: String,
}

pub(crate) struct Corpus {
    vocabulary: Vec<String>,
    topics: Vec<Vec<f32>>,
    shared: Vec<Vec<f32>>,
    /// A model's vectors in place of made-up ones.
    own: Option<Vec<Vec<f32>>>,
}

impl Corpus {
    pub(crate) fn new() -> Self {
        let mut random = Random(1);
        Self {
            vocabulary: (0..COMMON + TOPICS * WORDS_OF_A_TOPIC).map(word).collect(),
            topics: (0..TOPICS).map(|_| random.direction()).collect(),
            shared: (0..SHARED).map(|_| random.direction()).collect(),
            own: std::env::var_os("TANYA_BENCH_VECTORS").map(|path| rows_of(Path::new(&path))),
        }
    }

    /// How many passages there are vectors for: as many as are asked for, unless they are a model's. Questions have the last.
    pub(crate) fn most_chunks(&self) -> usize {
        self.own.as_ref().map_or(usize::MAX, |rows| rows.len().saturating_sub(QUESTIONS))
    }

    /// Of the libraries that are kept.
    pub(crate) fn name(&self) -> String {
        if self.own.is_some() { format!("library-v{VERSION}-own") } else { format!("library-v{VERSION}") }
    }

    /// A document by its number, with a vector for each of its chunks.
    pub(crate) fn document(&self, number: usize) -> (Document, Vec<Vec<f32>>) {
        let mut random = Random(number as u64 ^ (0xd0c5 << 40));
        let topic = random.below(TOPICS);
        let own = random.direction();
        let mut line = 1;
        let chunks = (0..CHUNKS_A_DOCUMENT).map(|place| {
            let text = self.text(&mut random, topic);
            let span = Span { start_line: line, end_line: line + 3, page: None };
            line += 5;
            NewChunk { span, heading: format!("Part {}", place / 3 + 1), text }
        });
        let chunks: Vec<NewChunk> = chunks.collect();
        let vectors = match &self.own {
            Some(rows) => rows[number * CHUNKS_A_DOCUMENT..][..chunks.len()].to_vec(),
            None => chunks.iter().map(|_| self.vector(&mut random, topic, &own)).collect(),
        };
        let words = [self.topical(&mut random, topic), self.topical(&mut random, topic)];
        let document = Document {
            path: format!("{}/{number}.md", folder(number)),
            stamp: FileStamp { size: text_bytes(&chunks), mtime_ns: number as i64, hash: None },
            title: words.join(" "),
            tags: Vec::new(),
            chunks,
            state: FileState::Indexed,
            reason: None,
            reading: None,
        };
        (document, vectors)
    }

    /// Questions that the first `documents` documents answer.
    pub(crate) fn questions(&self, documents: usize) -> Vec<Question> {
        let question = |number: usize| {
            let mut random = Random(number as u64 ^ (0x0a5c << 40));
            let asked = random.below(documents);
            let (document, vectors) = self.document(asked);
            let chunk = random.below(CHUNKS_A_DOCUMENT);
            let words: Vec<&str> = document.chunks[chunk].text.split_whitespace().collect();
            let (first, length) = (random.below(words.len() - 10), 5 + random.below(6));
            let mut vector = vec![0.0; DIMENSION];
            add(&mut vector, 0.8, &vectors[chunk]);
            add(&mut vector, 0.6, &random.direction());
            let text = words[first..first + length].join(" ");
            let vector = match &self.own {
                Some(rows) => rows[rows.len() - 1 - number].clone(),
                None => unit_length(vector),
            };
            Question { text, vector, folder: folder(asked) }
        };
        (0..QUESTIONS).map(question).collect()
    }

    /// Some 90 words in sentences of about 15.
    fn text(&self, random: &mut Random, topic: usize) -> String {
        let mut text = String::new();
        for place in 0..60 + random.below(60) {
            if !text.is_empty() {
                text.push_str(if place % 15 == 0 { ". " } else { " " });
            }
            text.push_str(if random.below(10) < 3 {
                self.topical(random, topic)
            } else {
                &self.vocabulary[random.rank(self.vocabulary.len())]
            });
            // Forms of a word, which meet in its stem.
            if random.below(8) == 0 {
                text.push_str(["s", "ing", "ed"][random.below(3)]);
            }
        }
        text
    }

    fn topical(&self, random: &mut Random, topic: usize) -> &str {
        &self.vocabulary[COMMON + topic * WORDS_OF_A_TOPIC + random.rank(WORDS_OF_A_TOPIC)]
    }

    fn vector(&self, random: &mut Random, topic: usize, document: &[f32]) -> Vec<f32> {
        let mut vector = vec![0.0; DIMENSION];
        add(&mut vector, 0.55, &self.topics[topic]);
        add(&mut vector, 0.2, document);
        for shared in &self.shared {
            add(&mut vector, 0.6 / (SHARED as f32).sqrt() * random.normal(), shared);
        }
        add(&mut vector, 0.2, &random.direction());
        unit_length(vector)
    }
}

/// Rows of f32, as `examples/embed.rs` of the engine writes them.
fn rows_of(path: &Path) -> Vec<Vec<f32>> {
    let bytes = std::fs::read(path).unwrap();
    let number = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().expect("four bytes"));
    bytes.chunks_exact(4 * DIMENSION).map(|row| row.chunks_exact(4).map(number).collect()).collect()
}

/// Bytes of the texts of chunks.
pub(crate) fn text_bytes(chunks: &[NewChunk]) -> u64 {
    chunks.iter().map(|chunk| chunk.text.len() as u64).sum()
}

fn folder(document: usize) -> String {
    format!("part{:02}", document % FOLDERS)
}

/// A word by its rank: a stop word, or three syllables.
fn word(rank: usize) -> String {
    const CONSONANTS: &[u8; 20] = b"bcdfghjklmnpqrstvwxz";
    const VOWELS: &[u8; 5] = b"aeiou";
    const SYLLABLES: usize = 100;
    if let Some(word) = STOP_WORDS.get(rank) {
        return (*word).to_owned();
    }
    // Odd and no multiple of five: each of the million words once, and neighbors in rank do not look alike.
    let mut rest = rank * 617_357 % SYLLABLES.pow(3);
    let mut word = String::new();
    for _ in 0..3 {
        let syllable = rest % SYLLABLES;
        word.push(char::from(CONSONANTS[syllable / 5]));
        word.push(char::from(VOWELS[syllable % 5]));
        rest /= SYLLABLES;
    }
    word
}
