//! Answers that are settled without a model: the refusal, with what comes nearest where something does, and the quotation. And the seal on
//! every answer: what its filter and its checks say of the whole.

use std::sync::Arc;

use super::disagree::{Disagreement, Said};
use super::event::{Answer, AnswerEvent, Citation, FinishKind, Gate, Source, Verdict};
use super::filter::OutputFilter;
use super::quote::Quote;
use super::trace::TracedPassage;
use super::within::Within;
use super::{Prepared, milliseconds};
use crate::config::FilterMode;

/// What the person reads when the documents do not hold the answer.
const NOT_THERE: &str = "Not in your documents.";
/// The same where something comes near.
const NOT_CERTAIN: &str = "Not for certain in your documents. What comes nearest:";

/// The answer that says so; the closest passages are its sources.
pub(super) fn refusal(prepared: Prepared, model: &str) -> Answer {
    let reason = match prepared.gate {
        Gate::Refuse { reason } => Some(reason),
        Gate::Go => None,
    };
    let mut trace = prepared.trace;
    let passage = |source: &Source| TracedPassage::found(source, prepared.file_hashes.get(&source.path));
    trace.passages = prepared.found.sources.iter().map(passage).collect();
    Answer {
        answer: NOT_THERE.into(),
        short_answer: None,
        abstained: true,
        reason,
        citations: Vec::new(),
        sentences: Vec::new(),
        sources: prepared.found.sources,
        dropped: prepared.found.dropped,
        prompt_tokens: 0,
        reused_tokens: 0,
        generated_tokens: 0,
        ms_search: prepared.ms_search,
        ms_first_token: None,
        ms_decode: 0.0,
        ms_total: milliseconds(prepared.started),
        finish: FinishKind::Refused,
        model: model.to_owned(),
        seed: prepared.request.sampling.seed,
        window: 0,
        measures: prepared.measures,
        whole: None,
        filtered: Vec::new(),
        beyond_documents: false,
        within: Within::default(),
        disagreement: None,
        trace: Some(Box::new(trace)),
    }
}

/// The refusal with what comes nearest to an answer.
pub(super) fn unsure(prepared: Prepared, closest: &Quote, model: &str) -> Answer {
    let filter = Arc::clone(&prepared.request.filter);
    let mut checked = closest.shown(&filter).checked();
    let lead = format!("{NOT_CERTAIN}\n\n");
    for sentence in &mut checked.sentences {
        (sentence.start, sentence.end) = (sentence.start + lead.len(), sentence.end + lead.len());
    }
    let answer = Answer {
        answer: lead + &checked.text,
        citations: checked.citations,
        sentences: checked.sentences,
        ..refusal(prepared, model)
    };
    sealed(answer, &filter)
}

/// The answer in a source's own words.
pub(super) fn quoted(mut prepared: Prepared, quote: &Quote, sink: &mut dyn FnMut(AnswerEvent)) -> Answer {
    let ms_first_token = milliseconds(prepared.started);
    let filter = Arc::clone(&prepared.request.filter);
    let quote = quote.shown(&filter);
    let text = quote.text.clone();
    sink(AnswerEvent::Text(text.clone()));
    let checked = quote.checked();
    sink(AnswerEvent::Checked(checked.sentences.clone()));
    let disagreement = prepared.disagreement.take();
    prepared.trace.wrote = Some(text);
    let answer = Answer {
        answer: checked.text,
        short_answer: Some(quote.span.clone()).filter(|span| !span.is_empty()),
        abstained: false,
        reason: None,
        citations: checked.citations,
        sentences: checked.sentences,
        ms_first_token: Some(ms_first_token),
        finish: FinishKind::Stop,
        disagreement,
        ..refusal(prepared, "reader")
    };
    sealed(answer, &filter)
}

/// The answer with what its filter and its checks say of the whole.
pub(super) fn sealed(answer: Answer, filter: &OutputFilter) -> Answer {
    let mut answer = Answer {
        filtered: filter.report(&answer.answer),
        short_answer: answer.short_answer.map(|short| filter.shown(&short)),
        beyond_documents: !answer.abstained
            && !answer.sentences.is_empty()
            && answer.sentences.iter().all(|sentence| sentence.verdict == Verdict::NotFound),
        ..answer
    };
    if filter.mode() == FilterMode::Redact {
        answer.disagreement = answer.disagreement.and_then(|found| shown(found, &answer.sources, filter));
        // A part of what is redacted may look like nothing by itself.
        let is_shown = |short: &String| answer.answer.contains(short.as_str());
        answer.short_answer = answer.short_answer.filter(is_shown);
    }
    if let Some(found) = &mut answer.disagreement {
        // What the note says can be opened like what the answer says.
        let all: Vec<Citation> = found.values.iter().map(|said| said.citation.clone()).collect();
        for citation in all {
            if !answer.citations.iter().any(|known| known.n == citation.n) {
                answer.citations.push(citation);
            }
        }
    }
    if filter.mode() == FilterMode::Redact {
        // The quotation below an answer would say what the answer does not.
        for citation in &mut answer.citations {
            citation.text = filter.shown(&citation.text);
            citation.quote = filter.shown(&citation.quote);
        }
    }
    answer
}

/// What is left of a disagreement where values that a filtered source does not show are not told.
fn shown(found: Disagreement, sources: &[Source], filter: &OutputFilter) -> Option<Disagreement> {
    let is_shown = |said: &Said| {
        let source = sources.iter().find(|source| source.n == said.citation.n);
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        source.is_some_and(|source| words(&filter.shown(&source.text)).contains(&said.value))
    };
    let values: Vec<Said> = found.values.into_iter().filter(is_shown).collect();
    (values.len() > 1).then_some(Disagreement { values })
}

#[cfg(test)]
mod tests {
    use super::super::cite;
    use super::*;
    use crate::config::Settings;

    #[test]
    fn a_part_of_what_is_redacted_is_no_value_either() {
        let settings = Settings { output_filter: FilterMode::Redact, ..Settings::default() };
        let filter = OutputFilter::load(&settings).unwrap();
        let texts = ["Pay to DE89 3704 0044 0532 0130 00 by May 3.", "Pay to the town hall by May 9."];
        let sources: Vec<Source> = texts.iter().zip(1..).map(|(text, n)| Source::of_text(n, text)).collect();
        let said = |source: &Source, value: &str| {
            let at = source.text.find(value).unwrap();
            let citation = cite::citation(source, at..at + value.len(), Verdict::Supported);
            Said { value: value.to_owned(), citation }
        };
        let of = |a: &str, b: &str| Disagreement { values: vec![said(&sources[0], a), said(&sources[1], b)] };
        assert_eq!(shown(of("3704 0044 0532 0130 00", "town hall"), &sources, &filter), None);
        let days = of("May 3", "May 9");
        assert_eq!(shown(days.clone(), &sources, &filter), Some(days));
    }
}
