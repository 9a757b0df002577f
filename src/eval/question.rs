//! Questions with what is known of their answers, as the usual collections write them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::known::Cloze;
use crate::answer::{Exchange, Utterance};

/// A question and what a right answer to it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Tells it from the others.
    pub id: String,
    /// What is asked.
    pub question: String,
    /// Texts of which a right answer holds one; empty for a question without an answer, and where only the files are known.
    pub answers: Vec<String>,
    /// The documents do not hold an answer: refusing is right.
    pub unanswerable: bool,
    /// Files that hold it: whole paths, ends of paths, or names without their extension.
    pub files: Vec<String>,
    /// What was said before it, oldest first; empty for a first question.
    pub history: Vec<Exchange>,
    /// What it was made from, where it was made from the folder itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloze: Option<Cloze>,
}

impl Question {
    /// Reads a line: `id` or `_id`; `question` or `text`; `answers` as a list or one string; `is_impossible`, `unanswerable` or
    /// `expected: "abstain"`; `gold_files`, `gold_passages`, `context_id` or `expected_doc`; `history`, a list of `role` and `text`.
    ///
    /// # Errors
    /// Names what is missing, as a clause.
    pub fn read(line: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(line).map_err(|error| format!("not a JSON object: {error}"))?;
        let text = |names: &[&str]| names.iter().find_map(|name| value.get(name)).and_then(plain);
        let list =
            |names: &[&str]| names.iter().filter_map(|name| value.get(name)).flat_map(strings).collect::<Vec<_>>();
        let id = text(&["id", "_id"]).ok_or("it has no id")?;
        let question = text(&["question", "text"]).ok_or("it has no question")?;
        let is = |name: &str| value.get(name).and_then(Value::as_bool).unwrap_or(false);
        let unanswerable = is("is_impossible") || is("unanswerable") || value["expected"] == "abstain";
        let answers = list(&["answers", "answer"]);
        let files = list(&["gold_files", "gold_passages", "context_id", "expected_doc"]);
        if answers.is_empty() && files.is_empty() && !unanswerable {
            return Err("it has no answers and is not said to be unanswerable".to_owned());
        }
        let said = value
            .get("history")
            .filter(|history| !history.is_null())
            .map_or(Ok(Vec::new()), Vec::<Utterance>::deserialize);
        let history = Exchange::pairs(said.map_err(|error| format!("its history cannot be read: {error}"))?);
        Ok(Self { id, question, answers, unanswerable, files, history, cloze: None })
    }

    /// Whether a file is one that holds the answer.
    pub fn is_gold(&self, path: &str) -> bool {
        self.files.iter().any(|gold| names(gold, path))
    }

    /// The share of the files that hold the answer that are among `paths`.
    pub(super) fn gold_among(&self, paths: &[&str]) -> f64 {
        let found = self.files.iter().filter(|gold| paths.iter().any(|path| names(gold, path))).count();
        found as f64 / self.files.len().max(1) as f64
    }
}

/// Whether `gold` names the file at `path`: by the whole path, its end, or its name without the extension.
fn names(gold: &str, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    gold == stem || format!("/{path}").ends_with(&format!("/{gold}"))
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(all) => all.iter().filter_map(plain).collect(),
        one => plain(one).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_collections_are_read() {
        let squad = r#"{"_id":"a","question":"Where?","answers":["France"],"is_impossible":false,"context_id":"d0"}"#;
        let read = Question::read(squad).unwrap();
        assert_eq!((read.id.as_str(), &read.answers[..], read.unanswerable), ("a", &["France".to_owned()][..], false));
        assert!(read.is_gold("sub/d0.md") && !read.is_gold("d01.md"));
        let book = r#"{"id":7,"question":"What?","gold_files":["ch03.md"],"answers":"x","expected":"answer"}"#;
        let read = Question::read(book).unwrap();
        assert!(read.id == "7" && read.is_gold("src/ch03.md") && !read.is_gold("xch03.md"));
        assert!(Question::read(r#"{"id":"b","text":"Who?","expected":"abstain"}"#).unwrap().unanswerable);
    }

    #[test]
    fn a_follow_up_comes_with_what_was_said_and_may_know_its_files_alone() {
        let line = r#"{"_id":"a","question":"With what?","answers":[],"gold_passages":["d0"],"history":[{"role":"user","text":"When?"}]}"#;
        let read = Question::read(line).unwrap();
        assert_eq!(read.history, [Exchange::new("When?".into(), "")]);
        let wrong = Question::read(&line.replace("\"user\"", "\"someone\"")).unwrap_err();
        assert!(wrong.contains("history"), "{wrong}");
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(Question::read("{}").unwrap_err().contains("no id"));
        assert!(Question::read(r#"{"id":"a"}"#).unwrap_err().contains("no question"));
        assert!(Question::read(r#"{"id":"a","question":"x"}"#).unwrap_err().contains("no answers"));
        assert!(Question::read("x").unwrap_err().contains("JSON"));
    }
}
