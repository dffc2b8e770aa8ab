//! What came out of a run, first of all: how good it is, or that it failed or was cut, and what to do next.

use crate::command::quoted;
use crate::failure::{Failure, failure};
use crate::health::complaints;
use crate::number::{count, duration, short};
use crate::page::{Block, Section, Tone};
use crate::predictions::{baseline_of, least_known, main_metric, with_interval};
use crate::run::Run;
use steepest_train::{LearningRate, Metric, Summary};

/// Complaints that stand as paragraphs below one another.
const MOST_COMPLAINTS: usize = 10;

/// A metric at the beginning of a sentence.
fn spoken(metric: Metric) -> String {
    match metric {
        Metric::Accuracy => "The fraction of right answers (accuracy)".to_owned(),
        Metric::Rmse => "The typical error (rmse)".to_owned(),
        other => format!("The {other}"),
    }
}

/// The first section.
pub(crate) fn overview(run: &Run) -> Section {
    let section = Section::new("What came out");
    let Some(summary) = &run.summary else { return cut_off(run, section) };
    match failure(summary) {
        Some(failure) => failed(run, summary, &failure, section),
        None => went_well(run, summary, section),
    }
}

/// A run that was killed has no summary: what its settings and its epochs tell.
fn cut_off(run: &Run, section: Section) -> Section {
    let done = match run.epochs.len() {
        0 if run.is_choosing => "it was cut while settings were chosen".to_owned(),
        0 => "no epoch is finished yet".to_owned(),
        n => format!("{} of at most {} are done", count(n as u64, "epoch"), most_epochs(run)),
    };
    let text = format!("The run is not finished: {done}. It goes on with `steepest resume`.");
    let mut facts = Vec::new();
    if let Some(best) = run.epochs.iter().rfind(|epoch| epoch.best) {
        facts.push(("best so far".to_owned(), format!("epoch {}", best.epoch)));
    }
    if let Some(last) = run.epochs.last() {
        facts.push(("trained".to_owned(), format!("{}, {}", count(last.step, "step"), time(last.seconds))));
    }
    let optimizer = &run.settings.optimizer;
    let lr = match optimizer.lr {
        Some(LearningRate::Number(lr)) => format!(", learning rate {}", short(lr)),
        Some(LearningRate::Auto) => ", its learning rate still to be chosen".to_owned(),
        None => String::new(),
    };
    facts.push(("optimizer".to_owned(), format!("{}{lr}", optimizer.name)));
    facts.push(("next".to_owned(), command(run, "resume", "")));
    section.with(Block::Text(Tone::Warning, text)).with(Block::Facts(facts))
}

fn most_epochs(run: &Run) -> String {
    run.settings.train.epochs.map_or("?".to_owned(), |epochs| epochs.to_string())
}

fn command(run: &Run, name: &str, rest: &str) -> String {
    format!("steepest {name} {}{rest}", quoted(&run.path.to_string_lossy()))
}

/// First that it failed, where, and what to change; what the health of its layers and its scores say follows from that.
fn failed(run: &Run, summary: &Summary, failure: &Failure, mut section: Section) -> Section {
    let Failure { epoch, what, lr, advice, .. } = failure;
    section = section
        .with(Block::Text(Tone::Bad, format!("The run failed in epoch {epoch}: {what}.")))
        .with(Block::Text(
            Tone::Warning,
            format!(
                "What to change: {advice}. Most often the steps were too large: each made the loss larger, until its \
                 numbers became too large to go on with. `steepest predict` refuses this run."
            ),
        ));
    for note in &summary.not_written {
        section = section.with(Block::Text(Tone::Warning, note.clone()));
    }
    let settings = quoted(&run.path.join("settings.toml").to_string_lossy());
    let next = format!("steepest fit --config {settings} --lr {lr}");
    let trained = format!("{}, {}, into epoch {epoch}", count(summary.steps, "step"), time(summary.seconds));
    section.with(Block::Facts(facts(summary, trained, next)))
}

fn went_well(run: &Run, summary: &Summary, mut section: Section) -> Section {
    let (part, score) = least_known(summary);
    let metric = main_metric(score);
    let baseline = baseline_of(summary);
    let mut text = match part {
        "train" => format!("{} on the training rows is ", spoken(metric)),
        part => format!("{} on the {part} rows is ", spoken(metric)),
    };
    text += &with_interval(score, metric, "95 %: ");
    text += ".";
    if let (Some(baseline), Some(said)) = (baseline, &summary.baseline) {
        let value = with_interval(baseline, metric, "95 %: ");
        text += &format!(" Without the inputs it would be {value}, by predicting {}.", said.predicts);
    }
    if part == "train" && summary.finished {
        text += " No rows were held back (--validation, --test), so that nothing is known about new rows.";
    }
    let tone = match baseline.map(|baseline| score.loss < baseline.loss) {
        Some(true) => Tone::Good,
        Some(false) => Tone::Warning,
        None => Tone::Plain,
    };
    section = section.with(Block::Text(tone, text));
    if !summary.finished {
        let text = "The run was interrupted. It goes on with `steepest resume`, and its test rows were not looked at.";
        section = section.with(Block::Text(Tone::Warning, text.to_owned()));
    }
    for note in summary.notes.iter().chain(&summary.not_written) {
        section = section.with(Block::Text(Tone::Warning, note.clone()));
    }
    let complaints = complaints(summary);
    for complaint in complaints.iter().take(MOST_COMPLAINTS) {
        section = section.with(Block::Text(Tone::Warning, complaint.clone()));
    }
    if complaints.len() > MOST_COMPLAINTS {
        let text = format!(
            "{} more layers or tensors are not as they should be.",
            complaints.len() - MOST_COMPLAINTS
        );
        section = section.with(Block::Text(Tone::Warning, text));
    }
    let next = match summary.finished {
        true => command(run, "predict", " NEW_DATA"),
        false => command(run, "resume", ""),
    };
    // an interrupted run may have begun an epoch that it did not finish
    let epochs = match summary.finished {
        true => summary.epochs,
        false => run.epochs.len() as u64,
    };
    let (steps, time) = (count(summary.steps, "step"), time(summary.seconds));
    let trained = format!("{}, {steps}, {time}", count(epochs, "epoch"));
    let mut facts = facts(summary, trained, next);
    facts.insert(0, ("ended".to_owned(), summary.stopped_because.clone()));
    section.with(Block::Facts(facts))
}

fn facts(summary: &Summary, trained: String, next: String) -> Vec<(String, String)> {
    let kept = match summary.best_epoch {
        0 => "the last weights: no epoch was finished".to_owned(),
        epoch => format!("those of epoch {epoch}, the best by {}", summary.kept_by),
    };
    let optimizer = format!("{}, learning rate {}", summary.optimizer, short(summary.lr));
    [
        ("weights kept", kept),
        ("trained", trained),
        ("optimizer", optimizer),
        ("network", count(summary.parameters as u64, "parameter")),
        ("rows of a step", summary.batch.to_string()),
        ("next", next),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// The time of a run, of which `0.0 s` would say nothing.
fn time(seconds: f64) -> String {
    if seconds < 0.05 { "less than 0.1 s".to_owned() } else { duration(seconds) }
}
