//! Every token of a vocabulary with its type.
//!
//! As `get_vocab_base` and `_create_vocab_sentencepiece` of llama.cpp's `conversion/base.py`: rows of the embedding without a token
//! are unused, added tokens are control tokens or the user's own, the rest comes out of text.

use std::collections::HashMap;

use super::tokenizer::{Added, Definition};
use crate::error::{Error, shown};

/// What stands for a space in SentencePiece's pieces.
const SPACE: char = '▁';

/// `tokenizer.ggml.token_type`.
pub(super) const NORMAL: i32 = 1;
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
pub(super) const UNUSED: i32 = 5;
pub(super) const BYTE: i32 = 6;

/// Tokens and types by id.
pub(super) struct Table {
    pub(super) tokens: Vec<String>,
    pub(super) types: Vec<i32>,
}

impl Table {
    /// One entry for each of the embedding's `rows`; fails on a token that has none, and on two with one id.
    pub(super) fn new(definition: &Definition, rows: usize) -> Result<Self, Error> {
        let invalid = |reason: String| Error::invalid(&definition.path, "model.vocab", reason);
        let parts = &definition.parts;
        let added: HashMap<u32, &Added> = parts.added_tokens.iter().map(|added| (added.id, added)).collect();
        let entries = parts.model.vocab.iter().map(|(text, id)| (*id, text.as_str()));
        let mut slots: Vec<Option<&str>> = vec![None; rows];
        for (id, text) in entries.chain(added.iter().map(|(id, added)| (*id, added.content.as_str()))) {
            let Some(slot) = slots.get_mut(id as usize) else {
                // Gemma 3 has a token for images, and text models of it no embedding for that.
                if added.contains_key(&id) {
                    continue;
                }
                return Err(invalid(format!("token {id} ({}) has no embedding: there are {rows}", shown(text))));
            };
            let both = |other: &str| invalid(format!("token {id} is both {} and {}", shown(other), shown(text)));
            *slot = match *slot {
                None => Some(text),
                Some(other) => Some(one_of(other, text).ok_or_else(|| both(other))?),
            };
        }
        let (mut tokens, mut types) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        for (id, slot) in (0u32..).zip(slots) {
            let (token, kind) = match (slot, added.get(&id)) {
                (None, _) => (format!("[PAD{id}]"), UNUSED),
                (Some(text), None) => (text.to_owned(), NORMAL),
                (Some(text), Some(added)) if added.special || looks_special(text) => (text.to_owned(), CONTROL),
                (Some(text), Some(_)) => (text.replace(SPACE, " "), USER_DEFINED),
            };
            tokens.push(token);
            types.push(kind);
        }
        Ok(Self { tokens, types })
    }

    /// Gives the tokens of bytes and the one for what is unknown the types that they have in SentencePiece's own files.
    pub(super) fn mark_bytes(&mut self, unknown: Option<&str>) {
        let mut there = [false; 256];
        for (token, kind) in self.tokens.iter().zip(&mut self.types) {
            if let Some(byte) = byte(token).filter(|_| *kind == NORMAL) {
                *kind = BYTE;
                there[usize::from(byte)] = true;
            } else if unknown == Some(token.as_str()) {
                *kind = UNKNOWN;
            }
        }
        // transformers' first converter of Gemma wrote a tab in place of its byte.
        for (token, kind) in self.tokens.iter_mut().zip(&mut self.types) {
            if let [byte] = *token.as_bytes()
                && *kind == NORMAL
                && !there[usize::from(byte)]
            {
                *token = format!("<0x{byte:02X}>");
                *kind = BYTE;
            }
        }
    }
}

/// Of two texts of one id the one that counts: a byte token, where the other is that byte (transformers adds it for Gemma).
fn one_of<'a>(one: &'a str, other: &'a str) -> Option<&'a str> {
    let stands_for = |token: &str, text: &str| byte(token).is_some_and(|byte| text.as_bytes() == [byte]);
    if one == other || stands_for(one, other) { Some(one) } else { stands_for(other, one).then_some(other) }
}

/// The byte that `<0xNN>` stands for.
fn byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    (digits.len() == 2).then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// Whether a token is a control token though its file does not say so (`does_token_look_special`).
fn looks_special(token: &str) -> bool {
    let between = |begin: &str, end: &str| token.starts_with(begin) && token.ends_with(end);
    matches!(token, "<pad>" | "<mask>" | "<2mass>" | "[@BOS@]")
        || between("<|", "|>")
        || between("<｜", "｜>")
        || between("<unused", ">")
}
