//! The fields of the word index.
//!
//! Every chunk carries its file's title and path and its heading path beside its text, each in its own field, so that a
//! word in a heading can count for more than one in the text. `body` holds the text's stems with positions (phrases), `exact`
//! its words as written.

use tantivy::TantivyError;
use tantivy::schema::{Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions};

use super::tokens;

/// The fields' handles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    /// The chunk's id: indexed for removal, fast for reading back.
    pub(crate) chunk: Field,
    pub(crate) title: Field,
    pub(crate) heading: Field,
    pub(crate) path: Field,
    /// Stems of the text.
    pub(crate) body: Field,
    /// Words of the text as written.
    pub(crate) exact: Field,
}

/// The name of the fast field of chunk ids.
pub(crate) const CHUNK: &str = "chunk";

pub(crate) fn schema() -> Schema {
    let text = |option: IndexRecordOption, lengths: bool| {
        let indexing =
            TextFieldIndexing::default().set_tokenizer(tokens::NAME).set_index_option(option).set_fieldnorms(lengths);
        TextOptions::default().set_indexing_options(indexing)
    };
    let mut builder = Schema::builder();
    builder.add_u64_field(CHUNK, NumericOptions::default().set_fast().set_indexed());
    // Without lengths: in fields this short, BM25 would reward brevity above all.
    builder.add_text_field("title", text(IndexRecordOption::WithFreqs, false));
    builder.add_text_field("heading", text(IndexRecordOption::WithFreqs, false));
    builder.add_text_field("path", text(IndexRecordOption::WithFreqs, false));
    builder.add_text_field("body", text(IndexRecordOption::WithFreqsAndPositions, true));
    builder.add_text_field("exact", text(IndexRecordOption::WithFreqs, true));
    builder.build()
}

impl Fields {
    pub(crate) fn of(schema: &Schema) -> Result<Self, TantivyError> {
        Ok(Self {
            chunk: schema.get_field(CHUNK)?,
            title: schema.get_field("title")?,
            heading: schema.get_field("heading")?,
            path: schema.get_field("path")?,
            body: schema.get_field("body")?,
            exact: schema.get_field("exact")?,
        })
    }
}
