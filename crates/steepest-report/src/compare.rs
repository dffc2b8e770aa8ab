//! Several runs side by side.

use crate::fit::{flat_settings, least_known};
use crate::number::significant;
use crate::page::{Block, Chart, Page, Section, Series, Tone};
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

/// The score of the part that is least known.
fn score(run: &Run) -> Option<&Score> {
    run.summary.as_ref().map(|summary| least_known(summary).1)
}

fn scores(runs: &[Run], names: &[String]) -> Section {
    let known =
        |metric: &Metric| runs.iter().any(|run| score(run).is_some_and(|score| metric.of(score).is_some()));
    let metrics: Vec<Metric> = Metric::ALL.into_iter().filter(known).collect();
    let row = |(run, name): (&Run, &String)| {
        let cell = |metric: &Metric| {
            let value = score(run).and_then(|score| metric.of(score));
            value.map_or(String::new(), |value| significant(value, 4))
        };
        let time =
            run.summary.as_ref().map_or("not finished".to_owned(), |s| crate::number::duration(s.seconds));
        let part = run.summary.as_ref().map_or("", |summary| least_known(summary).0);
        [name.clone(), part.to_owned()].into_iter().chain(metrics.iter().map(cell)).chain([time]).collect()
    };
    let head = ["run", "rows"]
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
    section.with(Block::Table { head: head.collect(), rows: runs.iter().zip(names).map(row).collect() })
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
    let chart = |title: &str, log: bool, value: &dyn Fn(&EpochDone) -> Option<f64>| {
        let line = |(at, (run, name)): (usize, (&Run, &String))| {
            let points = run.epochs.iter().filter_map(|epoch| Some([epoch.epoch as f64, value(epoch)?]));
            Series { colour: Some(at), ..Series::new(name.clone(), points) }
        };
        let series: Vec<Series> =
            runs.iter().zip(names).enumerate().map(line).filter(|line| !line.points.is_empty()).collect();
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
    let charts = [
        chart("Validation loss", true, &|epoch| epoch.validation_loss),
        chart("Validation metric", false, &|epoch| epoch.validation_metric),
        chart("Training loss", true, &|epoch| Some(epoch.train_loss)),
        chart("Learning rate", false, &|epoch| Some(epoch.lr)),
    ];
    Section { blocks: charts.into_iter().flatten().collect(), ..Section::new("Curves") }
}

/// Losses of the same rows, each run against the first.
fn paired(runs: &[Run], names: &[String]) -> Section {
    let mut section = Section::new("Row by row against the first");
    let Some((first, rest)) = runs.split_first() else { return section };
    let rows: Vec<Vec<String>> = rest
        .iter()
        .zip(&names[1..])
        .map(|(run, name)| match (&first.evaluation, &run.evaluation) {
            (Some(a), Some(b)) if a.key == b.key && a.losses.len() == b.losses.len() => {
                difference(name, a, b)
            }
            _ => vec![name.clone(), "other rows, or not known".to_owned(), String::new(), String::new()],
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
