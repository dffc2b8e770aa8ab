//! Several runs side by side.

use crate::failure::failure;
use crate::fit::flat_settings;
use crate::number::{count, duration, significant};
use crate::page::{Block, Chart, Page, Section, Series, Tone};
use crate::predictions::{is_worth_a_score, least_known};
use crate::run::Run;
use std::collections::BTreeMap;
use steepest_train::{EpochDone, Evaluation, Metric, Score};

/// A page that lays runs side by side: their scores, the settings that differ, their curves, and how they differ row by row.
pub fn page(runs: &[Run]) -> Page {
    let names = names(runs);
    let sections =
        [scores(runs, &names), differences(runs, &names), curves(runs, &names), paired(runs, &names)];
    Page {
        title: format!("{} runs side by side", runs.len()),
        subtitle: names.join(", "),
        sections: sections.into_iter().filter(|section| !section.blocks.is_empty()).collect(),
    }
}

/// What runs are called: by their folders, where those differ.
fn names(runs: &[Run]) -> Vec<String> {
    let short: Vec<String> = runs.iter().map(Run::name).collect();
    let unique: std::collections::BTreeSet<&String> = short.iter().collect();
    match unique.len() == runs.len() {
        true => short,
        false => runs.iter().map(|run| run.path.display().to_string()).collect(),
    }
}

/// The part that is least known and its score, if it says something.
fn score(run: &Run) -> Option<(&str, &Score)> {
    run.summary.as_ref().filter(|summary| is_worth_a_score(summary)).map(least_known)
}

/// How the predictions lie to the truth, if that says something.
fn evaluation(run: &Run) -> Option<&Evaluation> {
    run.evaluation.as_ref().filter(|_| score(run).is_some())
}

/// How a run ended, in a few words.
fn ended(run: &Run) -> String {
    let finished = count(run.epochs.len() as u64, "epoch");
    match &run.summary {
        None => format!("not finished, after {finished}"),
        Some(summary) => match failure(summary) {
            Some(failure) => format!("failed in epoch {}", failure.epoch),
            None if !summary.finished => format!("interrupted after {finished}"),
            None => format!("finished after {finished}"),
        },
    }
}

fn scores(runs: &[Run], names: &[String]) -> Section {
    let known = |metric: &Metric| {
        runs.iter().any(|run| score(run).is_some_and(|(_, score)| metric.of(score).is_some()))
    };
    // the loss of classes has two names
    let metrics: Vec<Metric> =
        Metric::ALL.into_iter().filter(|metric| *metric != Metric::LogLoss && known(metric)).collect();
    let row = |(run, name): (&Run, &String)| {
        let cell = |metric: &Metric| {
            let value = score(run).and_then(|(_, score)| metric.of(score));
            value.filter(|value| value.is_finite()).map_or(String::new(), |value| significant(value, 4))
        };
        let time = run.summary.as_ref().map_or(String::new(), |s| duration(s.seconds));
        let part = score(run).map_or("", |(part, _)| part);
        let first = [name.clone(), ended(run), part.to_owned()];
        first.into_iter().chain(metrics.iter().map(cell)).chain([time]).collect()
    };
    let head = ["run", "ended", "rows scored"]
        .map(str::to_owned)
        .into_iter()
        .chain(metrics.iter().map(|m| m.name().to_owned()))
        .chain(["time".to_owned()]);
    let mut section = Section::new("Scores");
    if runs
        .iter()
        .any(|run| run.target != runs[0].target || run.settings.data.source != runs[0].settings.data.source)
    {
        let text = "These runs are over different data or targets, so that their losses and metrics mean different things.";
        section = section.with(Block::Text(Tone::Warning, text.to_owned()));
    }
    section =
        section.with(Block::Table { head: head.collect(), rows: runs.iter().zip(names).map(row).collect() });
    for (run, name) in runs.iter().zip(names) {
        let Some(failure) = run.summary.as_ref().and_then(failure) else { continue };
        let name = steepest_data::shown(name);
        let text = format!(
            "{name} failed in epoch {}: {}. What to change: {}.",
            failure.epoch, failure.what, failure.advice
        );
        section = section.with(Block::Text(Tone::Bad, text));
    }
    section
}

fn differences(runs: &[Run], names: &[String]) -> Section {
    let all: Vec<BTreeMap<String, String>> =
        runs.iter().map(|run| flat_settings(run).into_iter().collect()).collect();
    let keys: std::collections::BTreeSet<&String> = all.iter().flat_map(|settings| settings.keys()).collect();
    let row = |key: &String| {
        let values: Vec<String> = all.iter().map(|s| s.get(key).cloned().unwrap_or_default()).collect();
        let differ = values.iter().any(|value| *value != values[0]);
        differ.then(|| [key.clone()].into_iter().chain(values).collect::<Vec<String>>())
    };
    let rows: Vec<Vec<String>> = keys.into_iter().filter_map(row).collect();
    let section = Section::new("Settings that differ");
    if rows.is_empty() {
        return section.with(Block::Text(Tone::Plain, "All settings are the same.".into()));
    }
    section.with(Block::Table {
        head: ["setting".to_owned()].into_iter().chain(names.iter().cloned()).collect(),
        rows,
    })
}

fn curves(runs: &[Run], names: &[String]) -> Section {
    let has_values = |line: &Series| line.points.iter().any(|[_, y]| y.is_some());
    // runs of which each goes by another have no common name for it
    let metric = match runs.split_first() {
        Some((first, rest)) if rest.iter().all(|run| run.metric == first.metric) => first.metric.name(),
        _ => "metric",
    };
    let chart = |title: &str, log: bool, value: &dyn Fn(&EpochDone) -> Option<f64>| {
        let line = |(at, (run, name)): (usize, (&Run, &String))| {
            let points = run.epochs.iter().filter_map(|epoch| Some([epoch.epoch as f64, value(epoch)?]));
            Series { colour: Some(at), ..Series::new(name.clone(), points) }
        };
        let series: Vec<Series> = runs.iter().zip(names).enumerate().map(line).filter(has_values).collect();
        let (x, y) = ("epoch".to_owned(), title.to_lowercase());
        (!series.is_empty()).then(|| {
            Block::Chart(Chart::Lines {
                title: title.to_owned(),
                x,
                y,
                series,
                log,
                unit: false,
                diagonal: false,
            })
        })
    };
    // on a scale of the largest the others would lie on its axis
    let rates = runs.iter().flat_map(|run| run.epochs.iter().map(|epoch| epoch.lr).reduce(f64::max));
    let rates: Vec<f64> = rates.collect();
    let far_apart = rates.iter().any(|a| rates.iter().any(|b| *a > 20.0 * b));
    let charts = [
        chart("Validation loss", true, &|epoch| epoch.validation_loss),
        chart(&format!("Validation {metric}"), false, &|epoch| epoch.validation_metric),
        chart("Training loss", true, &|epoch| Some(epoch.train_loss)),
        chart("Learning rate", far_apart, &|epoch| Some(epoch.lr)),
    ];
    let mut section = Section::new("Curves");
    let without: Vec<String> = (runs.iter().zip(names))
        .filter(|(run, _)| run.epochs.is_empty())
        .map(|(_, name)| steepest_data::shown(name).to_string())
        .collect();
    if !without.is_empty() {
        let text = format!("No epoch was finished, so that there is no curve: {}.", without.join(", "));
        section = section.with(Block::Text(Tone::Plain, text));
    }
    charts.into_iter().flatten().fold(section, Section::with)
}

/// Losses of the same rows, each run against the first.
fn paired(runs: &[Run], names: &[String]) -> Section {
    let mut section = Section::new("Row by row against the first");
    let Some((first, rest)) = runs.split_first() else { return section };
    let rows: Vec<Vec<String>> = rest
        .iter()
        .zip(&names[1..])
        .map(|(run, name)| match (evaluation(first), evaluation(run)) {
            (Some(a), Some(b)) if a.key == b.key && a.losses.len() == b.losses.len() => {
                difference(name, a, b)
            }
            _ => vec![
                name.clone(),
                format!("not known: {}", why_not(first, run)),
                String::new(),
                String::new(),
            ],
        })
        .collect();
    if !rows.is_empty() {
        let head = ["run", "mean difference of the loss", "95 % interval", "rows"].map(str::to_owned).into();
        section = section.with(Block::Table { head, rows }).with(Block::Text(
            Tone::Plain,
            "Below 0 is better than the first. An interval without 0 says that the difference is more than the luck of these rows; \
             it does not say what another seed would give."
                .to_owned(),
        ));
    }
    section
}

/// Why two runs cannot be compared row by row.
fn why_not(first: &Run, other: &Run) -> &'static str {
    let has_none = |run: &Run| evaluation(run).is_none();
    match (has_none(first), has_none(other)) {
        (false, false) => "scored on other rows",
        (true, false) => "the first failed, or is not finished",
        (_, true) => "it failed, or is not finished",
    }
}

/// The mean of paired differences with the interval of the normal distribution, which of 30 rows or more is near enough.
fn difference(name: &str, first: &Evaluation, other: &Evaluation) -> Vec<String> {
    let pairs = first.losses.iter().zip(&other.losses);
    let all: Vec<f64> = pairs.map(|(a, b)| f64::from(*b) - f64::from(*a)).collect();
    let count = all.len() as f64;
    let mean = all.iter().sum::<f64>() / count;
    let variance = all.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / (count - 1.0).max(1.0);
    let reach = 1.96 * (variance / count).sqrt();
    let interval = match all.len() {
        0..30 => "too few rows".to_owned(),
        _ => format!("{} to {}", significant(mean - reach, 3), significant(mean + reach, 3)),
    };
    vec![name.to_owned(), significant(mean, 3), interval, first.rows.to_string()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use steepest_train::Summary;

    #[test]
    fn a_run_that_failed_beside_one_that_did_not() {
        let good =
            fixture::run(Some(fixture::summary()), vec![fixture::epoch(1, 0.5), fixture::epoch(2, 0.4)]);
        let mut failed = good.clone();
        (failed.path, failed.epochs) = ("runs/b".into(), Vec::new());
        failed.summary = Some(Summary {
            stopped_by: "divergence".into(),
            stopped_because: "the training loss is NaN; try less".into(),
            best_epoch: 0,
            validation: None,
            test: None,
            ..fixture::summary()
        });
        let page = page(&[good, failed]);
        let Block::Table { head, rows } = &page.sections[0].blocks[0] else { panic!("scores") };
        assert_eq!(head[..4], ["run", "ended", "rows scored", "loss"]);
        assert_eq!(rows[0][..4], ["a", "finished after 2 epochs", "test", "0.2000"]);
        assert_eq!(rows[1][..4], ["b", "failed in epoch 3", "", ""], "what is left of it has no score");
        let html = page.html();
        for part in
            ["b failed in epoch 3: the training loss is NaN.", "there is no curve: b", "it failed, or is not"]
        {
            assert!(html.contains(part), "{part}");
        }
    }
}
