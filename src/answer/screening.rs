//! A model's text on its way to a person: markers of sources that are not there are struck, then what should not be said is redacted.

use super::cite::MarkerFilter;
use super::filter::{OutputFilter, Redactor};

/// Both filters of a text that streams.
pub(super) struct Screening<'a> {
    markers: MarkerFilter,
    redactor: Redactor<'a>,
}

impl<'a> Screening<'a> {
    /// For an answer from so many sources.
    pub(super) fn new(sources: usize, filter: &'a OutputFilter) -> Self {
        Self { markers: MarkerFilter::new(sources as u32), redactor: Redactor::new(filter) }
    }

    /// Takes the next piece and returns what may be shown.
    pub(super) fn push(&mut self, piece: &str) -> String {
        self.redactor.push(&self.markers.push(piece))
    }

    /// What was held back when the text ended.
    pub(super) fn finish(&mut self) -> String {
        let mut shown = self.redactor.push(&self.markers.finish());
        shown.push_str(&self.redactor.finish());
        shown
    }
}
