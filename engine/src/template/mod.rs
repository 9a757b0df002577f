//! The chat template of a model, rendered so that template text and content stay apart.
//!
//! Place in the flow: messages → [`ChatTemplate::segments`] → `prompt_ids`. The template never sees the
//! contents: each is replaced by a placeholder, and the rendered text is cut at the placeholders. Hence
//! no content can change what the template writes (a note that quotes `</think>` is not taken for one),
//! and `<|im_end|>` in a note stays on the text side of the border.
//!
//! Invariants: rendering ends (fuel, recursion limit) and reaches nothing outside the template (no
//! loader, no environment, no files). A template that drops or alters a content is an error, never a
//! silently shortened prompt.

mod clock;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, context};

use crate::error::{Error, shown};
use crate::gguf::Metadata;
use crate::tokenizer::Tokenizer;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Instructions of the application.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// The name that templates compare with.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said; plain text, whatever it looks like.
    pub content: String,
}

/// A piece of a rendered prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Text of the template: control tokens in it count.
    Control(String),
    /// Text of a message: nothing in it counts as a control token.
    Text(String),
}

/// The template of one model.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    bos: String,
    eos: String,
}

const NAME: &str = "chat";
const KEY: &str = "tokenizer.chat_template";
/// Instructions for one rendering. The template of Qwen3 takes some 2,000 for ten messages.
const FUEL: u64 = 1_000_000;
const RECURSION: usize = 64;
/// What one rendering may write. Placeholders stand for the contents, so this is template text only.
const MAX_RENDERED: usize = 1 << 20;
/// Around each placeholder: shows whether the template trimmed the content. White space to Python and to
/// Rust, and no template contains it.
const PAD: &str = "\u{2005}\u{2006}\u{2005}";

/// Used when a file has no template but its vocabulary is of the `ChatML` family.
const CHATML: &str = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] \
                      + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

impl ChatTemplate {
    /// The template in `metadata`, or `ChatML` when there is none and `tokenizer` knows `<|im_start|>`.
    ///
    /// # Errors
    /// [`Error::MissingKey`] when there is none and the vocabulary is of another family;
    /// [`Error::Template`] when it does not parse.
    pub fn from_gguf(metadata: &Metadata, tokenizer: &Tokenizer) -> Result<Self, Error> {
        let source = match metadata.string(KEY)? {
            Some(source) => source,
            None if tokenizer.control_id("<|im_start|>").is_some() => CHATML,
            None => metadata.required(KEY, None)?,
        };
        let text = |key: &str| -> Result<String, Error> {
            let id = metadata.unsigned(key)?;
            let tokens = metadata.strings("tokenizer.ggml.tokens")?;
            let token = id.zip(tokens).and_then(|(id, tokens)| tokens.get(usize::try_from(id).ok()?));
            Ok(token.unwrap_or_default().to_owned())
        };
        Self::new(source, text("tokenizer.ggml.bos_token_id")?, text("tokenizer.ggml.eos_token_id")?)
    }

    fn new(source: &str, bos: String, eos: String) -> Result<Self, Error> {
        let mut environment = Environment::new();
        // As `transformers` sets up Jinja for chat templates (`utils/chat_template_utils.py`).
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| failed(&error))?);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> Result<String, minijinja::Error> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_function("strftime_now", |format: String| -> Result<String, minijinja::Error> {
            clock::format(SystemTime::now(), &format)
                .map_err(|error| minijinja::Error::new(ErrorKind::InvalidOperation, error.to_string()))
        });
        environment.set_recursion_limit(RECURSION);
        environment.set_fuel(Some(FUEL));
        environment.add_template_owned(NAME, source.to_owned()).map_err(|error| failed(&error))?;
        Ok(Self { environment, bos, eos })
    }

    /// Renders `messages`, with the beginning of the assistant's turn at the end if
    /// `add_generation_prompt`. Thinking is switched off where the template knows `enable_thinking`: on a
    /// small machine a hidden monologue of hundreds of tokens costs more than the answer.
    ///
    /// # Errors
    /// [`Error::Template`] when the template refuses the messages (some allow no system message, or
    /// demand alternating roles), or when a content does not come out as it went in.
    pub fn segments(&self, messages: &[Message], add_generation_prompt: bool) -> Result<Vec<Segment>, Error> {
        let placeholders = Placeholders::new();
        let values: Vec<_> = messages
            .iter()
            .enumerate()
            .map(|(index, message)| {
                let content = placeholders.padded(index, &message.content);
                context! { role => message.role.name(), content }
            })
            .collect();
        let template = self.environment.get_template(NAME).expect("the constructor added it");
        let rendered = template
            .render(context! {
                messages => values,
                add_generation_prompt,
                bos_token => &self.bos,
                eos_token => &self.eos,
                enable_thinking => false,
            })
            .map_err(|error| failed(&error))?;
        if rendered.len() > MAX_RENDERED {
            return Err(Error::Template { reason: format!("renders {} bytes besides the messages", rendered.len()) });
        }
        placeholders.cut(&rendered, messages)
    }
}

fn failed(error: &minijinja::Error) -> Error {
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    Error::Template { reason: shown(&reason) }
}

/// Stand-ins for the contents of one rendering. Each rendering draws a new name, so that a template
/// cannot contain or forge one.
struct Placeholders {
    prefix: String,
}

/// Ends a placeholder; begins none.
const END: char = '\u{E001}';

impl Placeholders {
    fn new() -> Self {
        // The standard library seeds every `RandomState` from the system's random source.
        let (a, b) = (RandomState::new().hash_one(0), RandomState::new().hash_one(1));
        Self { prefix: format!("\u{E000}{a:016x}{b:016x}:") }
    }

    fn mark(&self, index: usize) -> String {
        format!("{}{index}{END}", self.prefix)
    }

    /// An empty content stays empty, because templates ask whether there is one.
    fn padded(&self, index: usize, content: &str) -> String {
        if content.is_empty() { String::new() } else { format!("{PAD}{}{PAD}", self.mark(index)) }
    }

    /// Cuts `rendered` at the placeholders and puts the contents in, trimmed on the side where the
    /// template trimmed the placeholder's padding.
    fn cut(&self, rendered: &str, messages: &[Message]) -> Result<Vec<Segment>, Error> {
        let mut used = vec![false; messages.len()];
        let mut segments = Vec::new();
        let mut rest = rendered;
        while let Some(start) = rest.find(&self.prefix) {
            let (before, after) = rest.split_at(start);
            let after = &after[self.prefix.len()..];
            let (index, after) = after.split_once(END).ok_or_else(altered)?;
            let index: usize = index.parse().map_err(|_| altered())?;
            let mut content = messages.get(index).ok_or_else(altered)?.content.as_str();
            used[index] = true;
            let before = before.strip_suffix(PAD).unwrap_or_else(|| {
                content = content.trim_start();
                before
            });
            let after = after.strip_prefix(PAD).unwrap_or_else(|| {
                content = content.trim_end();
                after
            });
            push(&mut segments, Segment::Control(before.to_owned()));
            push(&mut segments, Segment::Text(content.to_owned()));
            rest = after;
        }
        push(&mut segments, Segment::Control(rest.to_owned()));
        for (message, used) in messages.iter().zip(used) {
            if !used && !message.content.is_empty() {
                return Err(Error::Template {
                    reason: format!("it leaves out or changes the content of a {} message", message.role.name()),
                });
            }
        }
        let left_over = segments.iter().any(|segment| match segment {
            Segment::Control(text) => text.contains(PAD) || text.contains(END),
            Segment::Text(_) => false,
        });
        if left_over { Err(altered()) } else { Ok(segments) }
    }
}

fn altered() -> Error {
    Error::Template { reason: "it changes the content of a message".to_owned() }
}

fn push(segments: &mut Vec<Segment>, segment: Segment) {
    match (segments.last_mut(), segment) {
        (_, Segment::Control(text) | Segment::Text(text)) if text.is_empty() => {}
        (Some(Segment::Control(last)), Segment::Control(text)) | (Some(Segment::Text(last)), Segment::Text(text)) => {
            last.push_str(&text);
        }
        (_, segment) => segments.push(segment),
    }
}
