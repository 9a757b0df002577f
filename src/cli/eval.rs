//! `tanya eval`: how good the answers are, on labelled questions or on questions made from the folder itself.

mod canaries;
mod made;
mod planted;
mod profiles;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use serde::{Deserialize, Serialize};
use tanya_index::Conditions;

use super::ask::Desk;
use super::progress::Progress;
use super::{App, output};
use crate::answer::{Answer, Request, WhenRefused};
use crate::config::{SETTINGS, Settings};
use crate::eval::{self, Difference, Figure, Given, Question, Rates, Recommendation, Shares, shares};
use crate::report::Hinting as _;

/// Arguments of `tanya eval`.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Labelled questions are JSON objects, one a line: id, question, answers (a list), and where known is_impossible, gold_files, \
                        and history (a list of objects with role, user or assistant, and text). With gold_files and no answers only what \
                        was found is judged. Without a file the folder is asked about its own sentences with a number, a name or a rare term taken out, its passages are \
                        searched for by a few of their words, and it is asked about what it can hardly know."
)]
pub(super) struct Args {
    /// The folder to ask
    #[arg(long, default_value = ".", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
    /// Labelled questions, one JSON object a line
    #[arg(long, value_name = "FILE.jsonl")]
    questions: Option<PathBuf>,
    /// How many questions are made from the folder, and known items, or sentences taken from it
    #[arg(long, default_value_t = 60, conflicts_with = "questions")]
    count: usize,
    /// Keep each answer here; what is there already, with the same settings, is not asked again
    #[arg(long, value_name = "FILE.jsonl")]
    out: Option<PathBuf>,
    /// Compare two files that --out has written, instead of asking
    #[arg(long, num_args = 2, value_names = ["BEFORE", "AFTER"], requires = "questions", conflicts_with = "out")]
    compare: Option<Vec<PathBuf>>,
    /// Plant errors into true sentences of the folder instead of asking, and say how many the check of answers marks
    #[arg(long, conflicts_with_all = ["questions", "out", "compare"])]
    planted: bool,
    /// Plant instructions into passages of the folder (a copy of them) and say how many answers obey
    #[arg(long, conflicts_with_all = ["questions", "out", "compare", "planted"])]
    canaries: bool,
    /// Ask with each profile (fast, balanced, quality) and print what each costs in time and gives in answers; with --out a file each
    #[arg(long, conflicts_with_all = ["compare", "planted", "canaries"])]
    profiles: bool,
    /// With --planted, list the errors that were not marked and the true sentences that were; with --canaries, the answers that obey
    #[arg(long)]
    verbose: bool,
    /// Use the library as it is, without comparing the folder first
    #[arg(long)]
    no_update: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A line of `--out`.
#[derive(Serialize, Deserialize)]
struct Kept {
    id: String,
    #[serde(flatten)]
    answer: Answer,
}

/// The first line of `--out`: what the answers were made with.
#[derive(Serialize, Deserialize, PartialEq)]
struct Made {
    settings: Vec<(String, String)>,
    /// A hash of the files' paths and contents: after a change of the folder another answer may be right.
    #[serde(default)]
    folder: String,
}

#[derive(Serialize)]
struct Report {
    questions: usize,
    figures: Vec<Figure>,
    /// What other thresholds of the reader's probability would do.
    thresholds: Vec<Rates>,
    advice: Option<Rates>,
    recommendation: Recommendation,
    model: String,
}

pub(super) fn run(app: &App, args: &Args) -> Result<ExitCode> {
    if args.planted {
        return planted::run(app, args);
    }
    if args.canaries {
        return canaries::run(app, args);
    }
    if let (Some(files), Some(labels)) = (&args.compare, &args.questions) {
        return compare(&read_questions(labels)?, &files[0], &files[1], args.json);
    }
    let labelled = args.questions.as_deref().map(read_questions).transpose()?;
    let mut progress = Progress::new();
    let mut desk = Desk::open(app, &args.folder, args.no_update, None, &mut progress)?;
    let mut kept = match args.out.as_deref().filter(|_| !args.profiles) {
        Some(path) => Answers::open(path, &app.settings, &desk)?,
        None => Answers::default(),
    };
    let made::Made { questions, found } = match labelled {
        Some(questions) => made::Made { questions, found: Vec::new() },
        None => made::made(&desk, args.count)?,
    };
    if questions.is_empty() {
        return Err(anyhow!("{}: there is nothing to ask about", args.folder.display()))
            .hint("give labelled questions with --questions FILE.jsonl");
    }
    if args.profiles {
        return profiles::run(app, &mut desk, &questions, args.out.as_deref(), args.json, &mut progress);
    }
    ask_all(&mut desk, &questions, &app.settings, &mut kept, &mut progress)?;
    progress.clear();
    let report = report(&questions, &kept.of, &app.settings, &found);
    if args.json {
        output::json(&report)?;
    } else {
        print(&report, &app.settings, args.questions.is_none())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks what was not asked before, and keeps the answers.
fn ask_all(
    desk: &mut Desk<'_>,
    questions: &[Question],
    settings: &Settings,
    kept: &mut Answers,
    progress: &mut Progress,
) -> Result<()> {
    for (done, question) in questions.iter().enumerate() {
        progress.files(&question.question, done as u64, questions.len() as u64);
        if kept.of.contains_key(&question.id) {
            continue;
        }
        let request =
            Request::new(&question.question, question.history.clone(), settings, &desk.filter, WhenRefused::Say);
        let answer = desk.answer(request, &mut |_| {}).with_context(|| format!("question {}", question.id))?;
        kept.keep(&question.id, answer)?;
    }
    Ok(())
}

fn read_questions(path: &Path) -> Result<Vec<Question>> {
    let name = path.display();
    let file = File::open(path)
        .with_context(|| format!("{name}: cannot open the questions"))
        .hint("give a file with one JSON object a line: id, question, answers")?;
    let mut questions = Vec::new();
    for (line, number) in BufReader::new(file).lines().zip(1..) {
        let line = line.with_context(|| format!("{name}: cannot read the questions"))?;
        if !line.trim().is_empty() {
            let question = Question::read(&line).map_err(|why| anyhow!("{name}, line {number}: {why}"));
            questions.push(question.hint("each line wants id, question and answers")?);
        }
    }
    Ok(questions)
}

/// The answers so far, and the file that keeps them.
#[derive(Default)]
struct Answers {
    of: HashMap<String, Answer>,
    file: Option<File>,
}

impl Answers {
    fn open(path: &Path, settings: &Settings, desk: &Desk<'_>) -> Result<Self> {
        let name = path.display();
        let folder = contents(desk).context("cannot read the library")?;
        let settings = SETTINGS.iter().map(|one| (one.key.to_owned(), one.show(settings))).collect();
        let made = Made { settings, folder };
        let (before, of) = if path.exists() { read_answers(path)? } else { (None, HashMap::new()) };
        if before.as_ref().is_some_and(|before| *before != made) {
            return Err(anyhow!("{name}: these answers were made with other settings, or before the folder changed"))
                .hint("give --out another file, and compare the two with --compare");
        }
        let mut file = File::options().create(true).append(true).open(path);
        if let (Ok(file), None) = (&mut file, &before) {
            writeln!(file, "{}", serde_json::to_string(&made)?).with_context(|| format!("{name}: cannot write"))?;
        }
        Ok(Self { of, file: Some(file.with_context(|| format!("{name}: cannot write the answers"))?) })
    }

    fn keep(&mut self, id: &str, answer: Answer) -> Result<()> {
        let kept = Kept { id: id.to_owned(), answer };
        if let Some(file) = &mut self.file {
            writeln!(file, "{}", serde_json::to_string(&kept)?).context("cannot write the answers")?;
        }
        self.of.insert(kept.id, kept.answer);
        Ok(())
    }
}

/// A hash of the paths and contents of all files.
fn contents(desk: &Desk<'_>) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    for file in desk.library.snapshot()?.files(&Conditions::default())? {
        hasher.update(file.path.as_bytes()).update(&[0]).update(&file.stamp.hash.map_or([0; 32], |hash| hash.0));
    }
    Ok(hasher.finalize().to_string())
}

/// The answers of a file; a last line that was cut off is none.
fn read_answers(path: &Path) -> Result<(Option<Made>, HashMap<String, Answer>)> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("{name}: cannot open the answers"))?;
    let (mut made, mut of) = (None, HashMap::new());
    for line in BufReader::new(file).lines() {
        let line = line.with_context(|| format!("{name}: cannot read the answers"))?;
        if let Ok(kept) = serde_json::from_str::<Kept>(&line) {
            of.insert(kept.id, kept.answer);
        } else if let Ok(first) = serde_json::from_str::<Made>(&line) {
            made = Some(first);
        }
    }
    Ok((made, of))
}

fn given(answer: &Answer) -> Given {
    Given {
        abstained: answer.abstained,
        answer: answer.answer.clone(),
        short: answer.short_answer.clone(),
        citations: answer.citations.iter().map(|citation| citation.text.clone()).collect(),
        sources: answer.sources.iter().map(|source| (source.path.clone(), source.text.clone())).collect(),
        ms: answer.ms_total,
    }
}

fn all_shares(questions: &[Question], answers: &HashMap<String, Answer>) -> Vec<Shares> {
    let of = |question: &Question| answers.get(&question.id).map(|answer| shares(question, &given(answer)));
    questions.iter().map(|question| of(question).unwrap_or_default()).collect()
}

/// What other thresholds would do with these questions; nothing where all have an answer, or none has.
fn thresholds(questions: &[Question], answers: &HashMap<String, Answer>) -> Vec<Rates> {
    let probabilities = |unanswerable: bool| -> Vec<f32> {
        let of = questions.iter().filter(|question| question.unanswerable == unanswerable);
        of.filter_map(|question| answers.get(&question.id)?.measures.probability()).collect()
    };
    let (answerable, others) = (probabilities(false), probabilities(true));
    if answerable.is_empty() || others.is_empty() { Vec::new() } else { eval::rates(&answerable, &others) }
}

fn recommendation(
    questions: &[Question],
    answers: &HashMap<String, Answer>,
    settings: &Settings,
    figures: &[Figure],
) -> Recommendation {
    let thresholds = thresholds(questions, answers);
    let advice = eval::advice(&thresholds, settings.min_answerable);
    Recommendation::new(advice.as_ref(), !thresholds.is_empty(), settings.min_answerable, figures)
}

/// The figures of all answers, and of what was `found` of known items.
fn report(questions: &[Question], answers: &HashMap<String, Answer>, settings: &Settings, found: &[Shares]) -> Report {
    let mut rows = all_shares(questions, answers);
    rows.extend(found.iter().cloned());
    let figures = eval::figures(&rows);
    let thresholds = thresholds(questions, answers);
    Report {
        questions: questions.len(),
        advice: eval::advice(&thresholds, settings.min_answerable),
        thresholds,
        recommendation: recommendation(questions, answers, settings, &figures),
        figures,
        model: settings.model.clone(),
    }
}

fn print(report: &Report, settings: &Settings, made: bool) -> Result<()> {
    output::line(&format!("{} questions, model {}\n", report.questions, report.model))?;
    for Figure { name, value, interval: (low, high), questions } in &report.figures {
        output::line(&format!("  {name:<31} {value:>9.3}   {low:.3} to {high:.3}   of {questions}"))?;
    }
    if !report.thresholds.is_empty() {
        output::line("\n  min_answerable   answerable refused   others answered")?;
        for Rates { threshold, false_refusals, false_answers } in report.thresholds.iter().step_by(2) {
            output::line(&format!("  {threshold:>14.2}   {false_refusals:>18.3}   {false_answers:>15.3}"))?;
        }
    }
    print_recommendation(&report.recommendation, settings)?;
    if made {
        output::line("The questions were made from the folder's own sentences: what people ask is harder.")?;
    }
    Ok(())
}

fn print_recommendation(recommendation: &Recommendation, settings: &Settings) -> Result<()> {
    if recommendation.because.is_empty() && recommendation.profile.is_none() {
        return Ok(());
    }
    output::line("\nRecommendation")?;
    for because in &recommendation.because {
        output::line(&format!("  {because}"))?;
    }
    if recommendation.profile.is_none() {
        let now = settings.profile.name();
        output::line(&format!("  profile: {now} is set; --profiles compares it with the others on these questions."))?;
    }
    Ok(())
}

fn compare(questions: &[Question], before: &Path, after: &Path, json: bool) -> Result<ExitCode> {
    let (first, second) = (read_answers(before)?.1, read_answers(after)?.1);
    let both: Vec<Question> =
        questions.iter().filter(|one| first.contains_key(&one.id) && second.contains_key(&one.id)).cloned().collect();
    if both.is_empty() {
        return Err(anyhow!("{} and {}: no question is in both", before.display(), after.display()))
            .hint("give two files that tanya eval --out has written for these questions");
    }
    let differences = eval::compare(&all_shares(&both, &first), &all_shares(&both, &second));
    if json {
        output::json(&differences)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!("{} questions in both\n", both.len()))?;
    for Difference { name, before, after, interval: (low, high) } in &differences {
        let sure = if *low > 0.0 || *high < 0.0 { "" } else { "   (may be chance)" };
        output::line(&format!("  {name:<28} {before:>9.3} → {after:<9.3} {low:+.3} to {high:+.3}{sure}"))?;
    }
    Ok(ExitCode::SUCCESS)
}
