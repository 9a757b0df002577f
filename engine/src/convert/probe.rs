//! Whether a vocabulary that was converted cuts text as `tokenizer.json` says.
//!
//! The definition is carried out by Hugging Face's own library and compared with what the engine makes of the header, over texts
//! with all that pre-tokenizers differ in. llama.cpp's converter knows a pre-tokenizer by such a text; here it is the second
//! opinion on `pre` and `pieces`.

use std::fmt::Display;

use tokenizers::AddedToken;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;

use super::tokenizer::{Definition, Merge};
use crate::error::{Error, shown};
use crate::template::Segment;
use crate::tokenizer::{Tokenizer, prompt_ids};

/// Composed (NFC), and without anything that looks like a token for a template.
const TEXTS: &[&str] = &[
    "The quick brown fox jumps over the lazy dog; naïve café, Straße, ÆØÅ – “quoted” … 5 × 3 ≠ 16.",
    "I'm sure we'll see that they've said 'it's DON'T, I'LL, 'Tis' and you'd've agreed, RE's and Ve's.",
    "1 12 123 1234 12345 123456 1234567 3.14159 1,000,000 0x1F 2024-11-25 ½ ² Ⅻ ٣٤٥ १२३",
    "fn main() {\n    let x = [1, 2, 3];\n\n\tprintln!(\"{:?}\", x);\r\n}\n\n\n  // end  \n\n   done   now ",
    "def f(a_b, *c):\n\t\treturn a_b[::-1] != c or not a_b  # why?!?!\n\n\n\n        pass\t \t  x",
    "Привет, мир! Это проверка. नमस्ते दुनिया। สวัสดีชาวโลก កាន់តែពិសេស مرحبا بالعالم שלום עולם",
    "我想在一九九八年买三个苹果。日本語のテキスト、カタカナとひらがな。한국어 문장입니다.",
    "🙂🚀👩‍👩‍👧‍👦 🏳️‍🌈 e\u{2009}m\u{a0}n ==== ---- ++++ ....!!!! ``` ~~~ @@ ## $$ %% ^^ && ** (( )) <= >= -> =>",
    "https://example.org/a?b=c&d=%20#e user@host.example C:\\temp\\file.txt snake_case camelCase kebab-case",
];
/// Runs of one character are compared up to this length: twice that of the longest that vocabularies have.
const LONGEST_RUN: usize = 64;

/// Fails on the first text that both cut otherwise.
pub(super) fn check(definition: &Definition, ours: &Tokenizer) -> Result<(), Error> {
    let theirs = build(definition)?;
    let runs = [' ', '\n', '\t']
        .map(|space| (1..=LONGEST_RUN).map(move |count| format!("x{}x", space.to_string().repeat(count))));
    let texts = TEXTS.iter().map(|text| (*text).to_owned()).chain(runs.into_iter().flatten());
    for text in texts {
        // Vocabularies without a token for every byte write a replacement, the library nothing.
        if ours.decode(&ours.encode_text(&text)) != text {
            continue;
        }
        let mut found = prompt_ids(ours, &[Segment::Text(text.clone())]);
        if ours.bos().is_some() {
            found.remove(0);
        }
        let expected = theirs.encode_fast(text.as_str(), false).map_err(|error| failed(definition, &error))?;
        if found != expected.get_ids() {
            let reason = format!("the text {} would be cut into other tokens", shown(&text));
            return Err(Error::invalid(&definition.path, "model", reason));
        }
    }
    Ok(())
}

/// The definition without its tokens for templates, which the engine finds in no text.
fn build(definition: &Definition) -> Result<tokenizers::Tokenizer, Error> {
    let parts = &definition.parts;
    let model = &parts.model;
    let halves = |merge: &Merge| {
        let (left, right) = merge.halves()?;
        Some((left.to_owned(), right.to_owned()))
    };
    let vocab: Vocab = model.vocab.iter().map(|(text, id)| (text.clone(), *id)).collect();
    let mut builder = BPE::builder()
        .vocab_and_merges(vocab, model.merges.iter().filter_map(halves).collect())
        .byte_fallback(model.byte_fallback)
        .ignore_merges(model.ignore_merges)
        .fuse_unk(model.fuse_unk);
    if let Some(unknown) = &model.unk_token {
        builder = builder.unk_token(unknown.clone());
    }
    let mut tokenizer = tokenizers::Tokenizer::new(builder.build().map_err(|error| failed(definition, &error))?);
    if let Some(normalizer) = parts.normalizer.clone() {
        let normalizer: NormalizerWrapper =
            serde_json::from_value(normalizer).map_err(|error| failed(definition, &error))?;
        tokenizer.with_normalizer(Some(normalizer)).map_err(|error| failed(definition, &error))?;
    }
    if let Some(pre) = parts.pre_tokenizer.clone() {
        let pre: PreTokenizerWrapper = serde_json::from_value(pre).map_err(|error| failed(definition, &error))?;
        tokenizer.with_pre_tokenizer(Some(pre));
    }
    if model.byte_fallback {
        // White space with tokens of its own is cut off in text too.
        let is_space = |text: &str| text.chars().all(|character| character.is_whitespace() || character == '▁');
        let spaces = parts.added_tokens.iter().filter(|added| {
            !added.content.is_empty() && is_space(&added.content) && model.vocab.get(&added.content) == Some(&added.id)
        });
        let spaces = spaces.map(|added| AddedToken::from(&added.content, false).normalized(added.normalized));
        tokenizer.add_tokens(spaces).map_err(|error| failed(definition, &error))?;
    }
    Ok(tokenizer)
}

fn failed(definition: &Definition, error: &dyn Display) -> Error {
    Error::invalid(&definition.path, "model", shown(&error.to_string()))
}
