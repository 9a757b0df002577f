//! What answering needs of models, as small traits, and their implementation by the engine.
//!
//! The traits exist so that everything above them can be tested with scripted models; the program itself only ever uses
//! [`LocalGenerator`] and the engine's embedder and reader.

use anyhow::{Context as _, Result};
use tanya_engine::{
    Cancel, Context, Decoder, EmbedKind, Embedder, Event, Finish, Message, Reader, Reading, Sampling, prompt_ids,
};
use tanya_index::Affinity;

use super::copy::Tokens;
use super::trace::Identity;

/// A language model with its cache.
pub trait Generator {
    /// As the person knows it.
    fn name(&self) -> &str;
    /// What tells it from another, and this program from another build of it.
    fn identity(&self) -> Identity {
        Identity { name: self.name().to_owned(), ..Identity::default() }
    }
    /// Tokens that prompt and answer may have together.
    fn window(&self) -> usize;
    /// Tokens of a text of a document or a person.
    fn count(&self, text: &str) -> usize;
    /// Tells the text of one token alone, a control token by its name; only for a person to look at.
    fn namer(&self) -> Box<dyn Fn(u32) -> String> {
        Box::new(|id| id.to_string())
    }
    /// Token ids of a conversation, the assistant's turn opened. Contents cannot form control tokens.
    fn prompt(&self, messages: &[Message]) -> Result<Vec<u32>>;
    /// Its tokens, where they can be told: without them nothing can be kept from being written.
    fn tokens(&self) -> Option<&dyn Tokens> {
        None
    }
    /// Reads `prompt` and writes; stops within one step after `cancel`.
    fn generate(
        &mut self,
        prompt: &[u32],
        sampling: &Sampling,
        cancel: &Cancel,
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Result<Finish>;
}

/// A sentence embedder.
pub trait TextEmbedder {
    /// Identifies the model; vectors of different ids cannot be compared.
    fn id(&self) -> &str;
    /// Which languages it knows.
    fn affinity(&self) -> Affinity {
        Affinity::Multilingual
    }
    /// Unit vectors, one a text, in order.
    fn embed(&self, kind: EmbedKind, texts: &[&str], cancel: &Cancel) -> Result<Vec<Vec<f32>>>;
}

/// A model that reads a question and passages together.
pub trait PairReader {
    /// One reading a passage, in order.
    fn read(&self, question: &str, passages: &[&str], cancel: &Cancel) -> Result<Vec<Reading>>;
}

/// What searches and reads passages; each may be missing.
#[derive(Clone, Copy, Default)]
pub struct Finders<'a> {
    /// Without it the search goes by words alone.
    pub embedder: Option<&'a dyn TextEmbedder>,
    /// Without it sources keep the order of the search, and every answer is the generator's.
    pub reader: Option<&'a dyn PairReader>,
}

/// The models at hand.
pub struct Models<'a> {
    /// Writes answers.
    pub generator: &'a mut dyn Generator,
    /// Search and read passages.
    pub finders: Finders<'a>,
}

/// A GGUF model on this machine.
pub struct LocalGenerator {
    identity: Identity,
    decoder: Decoder,
    context: Context,
}

impl LocalGenerator {
    /// Wraps an opened decoder with an empty cache.
    pub fn new(identity: Identity, decoder: Decoder) -> Self {
        let context = decoder.context();
        Self { identity, decoder, context }
    }

    /// The opened decoder.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }
}

impl Generator for LocalGenerator {
    fn name(&self) -> &str {
        &self.identity.name
    }

    fn identity(&self) -> Identity {
        self.identity.clone()
    }

    fn window(&self) -> usize {
        self.decoder.info().window
    }

    fn count(&self, text: &str) -> usize {
        self.decoder.tokenizer().count(text)
    }

    fn tokens(&self) -> Option<&dyn Tokens> {
        Some(self.decoder.tokenizer())
    }

    fn namer(&self) -> Box<dyn Fn(u32) -> String> {
        let tokenizer = self.decoder.tokenizer().clone();
        Box::new(move |id| match tokenizer.decode(&[id]) {
            // A control token has no text of its own.
            text if text.is_empty() => {
                if tokenizer.end_tokens().contains(&id) { "<end>" } else { "<control>" }.to_owned()
            }
            text => text,
        })
    }

    fn prompt(&self, messages: &[Message]) -> Result<Vec<u32>> {
        let segments = self.decoder.template().segments(messages, true).context("cannot build the prompt")?;
        Ok(prompt_ids(self.decoder.tokenizer(), &segments))
    }

    fn generate(
        &mut self,
        prompt: &[u32],
        sampling: &Sampling,
        cancel: &Cancel,
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Result<Finish> {
        tanya_engine::generate(&mut self.context, prompt, sampling, cancel, sink)
            .with_context(|| format!("{}: cannot answer", self.identity.name))
    }
}

impl TextEmbedder for Embedder {
    fn id(&self) -> &str {
        Embedder::id(self)
    }

    fn affinity(&self) -> Affinity {
        affinity_of(Embedder::id(self))
    }

    fn embed(&self, kind: EmbedKind, texts: &[&str], cancel: &Cancel) -> Result<Vec<Vec<f32>>> {
        Embedder::embed(self, kind, texts, cancel).with_context(|| format!("{}: cannot embed", self.id()))
    }
}

impl PairReader for Reader {
    fn read(&self, question: &str, passages: &[&str], cancel: &Cancel) -> Result<Vec<Reading>> {
        Reader::read(self, question, passages, cancel).context("the reader cannot read")
    }
}

/// What an embedder knows, by the name that its id begins with. Families of English models are known by their names; of any other
/// the vectors keep their plain weight.
fn affinity_of(id: &str) -> Affinity {
    let id = id.to_lowercase();
    let parts: Vec<&str> = id.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let has = |part: &str| parts.contains(&part);
    let is_english =
        has("en") || has("english") || (has("all") && (has("minilm") || has("mpnet") || has("distilroberta")));
    if is_english && !has("multilingual") { Affinity::English } else { Affinity::Multilingual }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_embedders_are_known_by_their_names() {
        for id in
            ["all-minilm-l6-v2-53aa51172d14", "All-MiniLM-L12-v2-00", "bge-small-en-v1.5-0f", "all-mpnet-base-v2-1"]
        {
            assert_eq!(affinity_of(id), Affinity::English, "{id}");
        }
        for id in ["paraphrase-multilingual-MiniLM-L12-v2-1", "multilingual-e5-small-2", "bge-m3-3", "my-tokens-4", ""]
        {
            assert_eq!(affinity_of(id), Affinity::Multilingual, "{id}");
        }
    }
}
