//! `tanya eval --profiles`: what each profile costs in time and gives in answers, on the same questions.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use super::{Answers, App, ask_all, given, output, recommendation};
use crate::answer::Answer;
use crate::cli::ask::Desk;
use crate::cli::progress::Progress;
use crate::config::{Origin, Profile, Settings};
use crate::eval::{self, Figure, Question, Recommendation, Row, Spread, Times, Tried};

/// Picks one of a row's times.
type TimesOf = fn(&Row) -> Option<Spread>;

#[derive(Serialize)]
struct Report {
    questions: usize,
    model: String,
    profiles: Vec<Row>,
    recommendation: Recommendation,
}

/// Asks `questions` with each profile, the fastest first; with `out` their answers are kept beside it, a file a profile.
pub(super) fn run(
    app: &App,
    desk: &mut Desk<'_>,
    questions: &[Question],
    out: Option<&Path>,
    json: bool,
    progress: &mut Progress,
) -> Result<ExitCode> {
    // Nobody waits for a model to be opened but once.
    desk.warm()?;
    let mut all = Vec::new();
    for (name, _) in Profile::ALL {
        let mut settings = app.settings.clone();
        settings.set_from("profile", name, Origin::Session, &mut app.origins.clone())?;
        let mut kept = match out {
            Some(out) => Answers::open(&beside(out, name), &settings, desk)?,
            None => Answers::default(),
        };
        ask_all(desk, questions, &settings, &mut kept, progress)?;
        let answers: Vec<&Answer> = questions.iter().filter_map(|question| kept.of.get(&question.id)).collect();
        let tried = Tried {
            profile: name.to_owned(),
            times: answers.iter().map(|answer| times(answer)).collect(),
            shares: super::all_shares(questions, &kept.of),
            right: questions
                .iter()
                .map(|question| kept.of.get(&question.id).and_then(|answer| eval::right(question, &given(answer))))
                .collect(),
        };
        all.push((tried, kept, settings));
    }
    progress.clear();
    let tried: Vec<Tried> = all.iter().map(|(tried, ..)| tried.clone()).collect();
    let best = eval::fastest_good(&tried).map(|one| one.profile.clone());
    // The threshold is advised for the profile that is.
    let of = all.iter().find(|(tried, ..)| Some(&tried.profile) == best.as_ref()).or_else(|| all.first());
    let mut recommendation = of
        .map_or_else(Recommendation::default, |(_, kept, settings)| recommendation(questions, &kept.of, settings, &[]));
    recommendation.profile(best, app.settings.profile.name());
    let profiles: Vec<Row> = tried.iter().map(Tried::row).collect();
    let report = Report { questions: questions.len(), model: app.settings.model.clone(), profiles, recommendation };
    if json {
        output::json(&report)?;
    } else {
        print(&report, &app.settings)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn times(answer: &Answer) -> Times {
    Times { evidence: answer.ms_search, first_token: answer.ms_first_token, total: answer.ms_total }
}

/// `answers.jsonl` becomes `answers.fast.jsonl`.
fn beside(out: &Path, profile: &str) -> PathBuf {
    match out.extension() {
        Some(extension) => out.with_extension(format!("{profile}.{}", extension.to_string_lossy())),
        None => out.with_extension(profile),
    }
}

fn print(report: &Report, settings: &Settings) -> Result<()> {
    output::line(&format!("{} questions, model {}; milliseconds, median / 95 %\n", report.questions, report.model))?;
    output::line(&format!("  {:<30}{}", "", columns(report, |row| row.profile.clone())))?;
    let times: [(&str, TimesOf); 3] = [
        ("until the passages are shown", |row| row.ms_evidence),
        ("until the first words", |row| row.ms_first_token),
        ("until the whole answer", |row| row.ms_total),
    ];
    for (name, of) in times {
        let cell = |row: &Row| of(row).map_or_else(String::new, |all| format!("{:.0} / {:.0}", all.p50, all.p95));
        output::line(&format!("  {name:<30}{}", columns(report, cell)))?;
    }
    let right = |row: &Row| row.right.as_ref().map(shown).unwrap_or_default();
    if report.profiles.iter().any(|row| row.right.is_some()) {
        output::line(&format!("  {:<30}{}", "right or rightly refused", columns(report, right)))?;
    }
    let names = report.profiles.first().map(|row| row.figures.iter().map(|figure| figure.name.clone()));
    for name in names.into_iter().flatten().filter(|name| name != "milliseconds") {
        let cell = |row: &Row| row.figures.iter().find(|figure| figure.name == name).map(shown).unwrap_or_default();
        output::line(&format!("  {name:<30}{}", columns(report, cell)))?;
    }
    super::print_recommendation(&report.recommendation, settings)
}

fn shown(figure: &Figure) -> String {
    if figure.value >= 10.0 { format!("{:.1}", figure.value) } else { format!("{:.3}", figure.value) }
}

fn columns(report: &Report, cell: impl Fn(&Row) -> String) -> String {
    report.profiles.iter().fold(String::new(), |mut line, row| {
        let _ = write!(line, "{:>16}", cell(row));
        line
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_profile_keeps_its_answers_in_a_file_of_its_own() {
        assert_eq!(beside(Path::new("a/b.jsonl"), "fast"), Path::new("a/b.fast.jsonl"));
        assert_eq!(beside(Path::new("a.b/c"), "fast"), Path::new("a.b/c.fast"));
    }
}
