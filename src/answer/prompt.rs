//! The texts sent to a model: the templates of `prompts/`, and the messages made of them.
//!
//! Every template is embedded in the program and may be replaced by a file of the same name in the user's `prompts`
//! folder. Messages stay apart from the model's own chat template until the engine turns both into token ids, document
//! text with no control token allowed; nothing here concatenates them.

use std::path::Path;

use anyhow::{Context as _, Result};
use minijinja::{Environment, Value, context};
use tanya_engine::{Message, Role};

use super::event::Source;
use super::query::Exchange;
use crate::report::Hinting as _;

const SYSTEM: &str = "system.jinja";
const QUESTION: &str = "question.jinja";
const UNSOURCED: &str = "unsourced.jinja";

/// The built-in templates by file name.
const BUILT_IN: [(&str, &str); 3] = [
    (SYSTEM, include_str!("../../prompts/system.jinja")),
    (QUESTION, include_str!("../../prompts/question.jinja")),
    (UNSOURCED, include_str!("../../prompts/unsourced.jinja")),
];

/// The templates in use.
pub struct Prompts {
    templates: Environment<'static>,
}

/// What the model is given besides the question.
pub enum Evidence<'a> {
    /// Passages, best first, and what the model reads of each.
    Passages(&'a [Source], &'a [String]),
    /// Nothing: the person wants the model's own words.
    None,
}

impl Prompts {
    /// The built-in templates, replaced by those in `overrides` that exist there.
    pub fn load(overrides: Option<&Path>) -> Result<Self> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        templates.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        for (name, text) in BUILT_IN {
            let path = overrides.map(|dir| dir.join(name)).filter(|path| path.is_file());
            let (text, place) = match path {
                Some(path) => {
                    let text =
                        std::fs::read_to_string(&path).with_context(|| format!("{}: cannot read", path.display()))?;
                    (text, path.display().to_string())
                }
                None => (text.to_owned(), name.to_owned()),
            };
            templates
                .add_template_owned(name, text)
                .with_context(|| format!("{place}: not a valid template"))
                .hint("remove the file to use the built-in prompt")?;
        }
        Ok(Self { templates })
    }

    /// The conversation that is sent: instructions, earlier exchanges, and the question with its evidence.
    pub fn messages(&self, question: &str, evidence: &Evidence<'_>, history: &[Exchange]) -> Result<Vec<Message>> {
        let mut messages = Vec::with_capacity(2 + 2 * history.len());
        if let Evidence::Passages(..) = evidence {
            messages.push(Message { role: Role::System, content: self.render(SYSTEM, context! {})? });
        }
        for exchange in history {
            messages.push(Message { role: Role::User, content: exchange.question.clone() });
            messages.push(Message { role: Role::Assistant, content: exchange.answer.clone() });
        }
        let content = match evidence {
            Evidence::None => self.render(UNSOURCED, context! { question })?,
            Evidence::Passages(sources, readings) => {
                // The best passage stands last, next to the question: small models lose what is in the middle.
                let passages: Vec<Value> = sources.iter().zip(*readings).rev().map(passage).collect();
                self.render(QUESTION, context! { passages, question })?
            }
        };
        messages.push(Message { role: Role::User, content });
        Ok(messages)
    }

    fn render(&self, name: &str, values: Value) -> Result<String> {
        let template = self.templates.get_template(name).expect("every template was added by `load`");
        let text = template.render(values).with_context(|| format!("{name}: cannot render the prompt"))?;
        Ok(text.trim().to_owned())
    }
}

/// A passage as `question.jinja` sees it.
fn passage((source, reading): (&Source, &String)) -> Value {
    let Source { n, path, heading, .. } = source;
    context! { n => *n, path => path.as_str(), heading => heading.as_str(), text => reading.as_str() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_passage_stands_next_to_the_question_under_its_own_number() {
        let prompts = Prompts::load(None).unwrap();
        let sources = [Source::of_text(1, "best"), Source::of_text(2, "second")];
        let readings = ["best".to_owned(), "second".to_owned()];
        let history = [Exchange { question: "before?".into(), answer: "yes".into() }];
        let messages = prompts.messages("now?", &Evidence::Passages(&sources, &readings), &history).unwrap();
        let shown: Vec<String> = messages.iter().map(|m| format!("{:?}: {}", m.role, m.content)).collect();
        insta::assert_snapshot!(shown.join("\n---\n"));
    }

    #[test]
    fn document_text_is_data_to_the_templates() {
        let prompts = Prompts::load(None).unwrap();
        let text = "{{ 7 * 7 }} {% for %} <b> & \"";
        let evidence = Evidence::Passages(&[Source::of_text(1, text)], &[text.to_owned()]);
        let messages = prompts.messages("q", &evidence, &[]).unwrap();
        assert!(messages.last().unwrap().content.contains(text));
    }

    #[test]
    fn a_file_of_the_users_replaces_a_prompt_and_a_broken_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(UNSOURCED), "Bitte: {{ question }}").unwrap();
        let prompts = Prompts::load(Some(dir.path())).unwrap();
        assert_eq!(prompts.messages("wann?", &Evidence::None, &[]).unwrap()[0].content, "Bitte: wann?");
        std::fs::write(dir.path().join(SYSTEM), "{% if %}").unwrap();
        let error = Prompts::load(Some(dir.path())).err().expect("a template that does not parse");
        assert!(format!("{error:#}").contains(SYSTEM));
    }
}
