//! How a run went, epoch by epoch: its curves, and each layer's gradients and updates.

use crate::number::significant;
use crate::page::{Block, Chart, Section, Series, Tone};
use crate::run::Run;
use steepest_train::EpochDone;

/// Layers of a picture of layers.
const MOST_LAYERS: usize = 60;

/// A line over the epochs, if any of its values is finite.
fn line(run: &Run, name: &str, value: impl Fn(&EpochDone) -> Option<f64>) -> Option<Series> {
    let points: Vec<[f64; 2]> =
        run.epochs.iter().filter_map(|epoch| Some([epoch.epoch as f64, value(epoch)?])).collect();
    points.iter().any(|[_, y]| y.is_finite()).then(|| Series::new(name, points))
}

/// A chart over the epochs, if there is something to show.
fn over_epochs(title: &str, y: &str, log: bool, series: Vec<Option<Series>>) -> Option<Block> {
    let series: Vec<Series> = series.into_iter().flatten().collect();
    let chart = Chart::Lines {
        title: title.to_owned(),
        x: "epoch".into(),
        y: y.to_owned(),
        series,
        log,
        unit: false,
        diagonal: false,
    };
    matches!(&chart, Chart::Lines { series, .. } if !series.is_empty()).then_some(Block::Chart(chart))
}

/// The curves of loss, metric and learning rate.
pub(crate) fn learning(run: &Run) -> Section {
    let section = Section::new("How it learned");
    let metric = run.metric.name();
    match run.epochs.as_slice() {
        [] => {
            return section.with(Block::plain(
                "No epoch was finished, so that there are no curves: they have a point for each epoch, which is one \
                 pass over the training rows.",
            ));
        }
        [only] => {
            return section
                .with(Block::plain("One epoch was done, so that there are no curves."))
                .with(one(only, metric));
        }
        _ => {}
    }
    let mut losses = run.epochs.iter().map(|epoch| epoch.train_loss).filter(|loss| loss.is_finite());
    let all_positive = losses.all(|loss| loss > 0.0);
    let charts = [
        over_epochs(
            "Loss",
            "loss",
            all_positive,
            vec![
                line(run, "training", |epoch| Some(epoch.train_loss)),
                line(run, "validation", |epoch| epoch.validation_loss),
                line(run, "validation, outliers capped", |epoch| epoch.validation_capped).filter(|_| {
                    // where nothing was cut it is the same line
                    run.epochs.iter().any(|epoch| epoch.validation_capped != epoch.validation_loss)
                }),
            ],
        ),
        over_epochs(
            &format!("Validation {metric}"),
            metric,
            false,
            vec![line(run, metric, |epoch| epoch.validation_metric)],
        ),
        over_epochs("Learning rate", "rate", false, vec![line(run, "learning rate", |epoch| Some(epoch.lr))]),
    ];
    let mut text =
        "An epoch is one pass over the training rows. The loss is what training makes smaller.".to_owned();
    if run.epochs.iter().any(|epoch| epoch.validation_loss.is_some()) {
        text += " Where the training loss falls and the validation loss rises, the network learns its rows by heart.";
    }
    let section = section.with(Block::Text(Tone::Plain, text));
    charts.into_iter().flatten().fold(section, Section::with)
}

/// What is told of an epoch, of which a curve would be a point.
fn one(epoch: &EpochDone, metric: &str) -> Block {
    let validation_metric = format!("validation {metric}");
    let rows = [
        ("training loss", Some(epoch.train_loss)),
        ("validation loss", epoch.validation_loss),
        (&validation_metric, epoch.validation_metric),
        ("learning rate at its end", Some(epoch.lr)),
        ("norm of the gradient, before clipping", Some(epoch.gradient_norm)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(vec![name.to_owned(), significant(value?, 4)]));
    Block::Table { head: ["of the epoch", "value"].map(str::to_owned).into(), rows: rows.collect() }
}

/// The gradients and updates of each layer.
pub(crate) fn gradients(run: &Run) -> Section {
    let section = Section::new("Gradients and updates");
    let told: Vec<&EpochDone> = run.epochs.iter().filter(|epoch| !epoch.layers.is_empty()).collect();
    if let ([only], [_]) = (run.epochs.as_slice(), told.as_slice()) {
        return section.with(layers(only));
    }
    if run.epochs.len() < 2 {
        return section;
    }
    let names: Vec<String> = told
        .first()
        .map_or(Vec::new(), |epoch| epoch.layers.iter().map(|layer| layer.name.clone()).collect());
    let shown = names.len().min(MOST_LAYERS);
    let mut blocks = vec![
        Some(Block::plain(
            "The gradient says how the loss changes with each weight, and its norm how strongly. Healthy norms change \
             slowly; one that grows or shrinks by powers of ten is a sign of trouble.",
        )),
        over_epochs(
            "Norm of the gradient, before clipping",
            "norm",
            true,
            vec![line(run, "norm", |epoch| Some(epoch.gradient_norm))],
        ),
    ];
    if !told.is_empty() {
        // as many columns as a screen shows
        let step = told.len().div_ceil(120);
        let columns: Vec<&&EpochDone> = told.iter().step_by(step).collect();
        let cells = (0..shown).map(|layer| {
            let norm = |epoch: &&&EpochDone| {
                epoch.layers.get(layer).map(|l| l.gradient_norm).filter(|x| x.is_finite())
            };
            columns.iter().map(norm).collect()
        });
        let marks = (0..shown).map(|layer| marks(&columns, layer));
        blocks.push(Some(Block::Chart(Chart::Heat {
            title: "Norm of each layer's gradient".into(),
            x: "epoch".into(),
            cells: cells.collect(),
            marks: marks.collect(),
            rows: names[..shown].to_vec(),
            columns: columns.iter().map(|epoch| epoch.epoch as f64).collect(),
        })));
        let ratios = (0..shown.min(12)).map(|layer| {
            line(run, &names[layer], |epoch| epoch.layers.get(layer).and_then(|l| l.update_ratio))
        });
        blocks.push(over_epochs(
            "Change of each layer in a step, relative to its size",
            "ratio",
            true,
            ratios.collect(),
        ));
    }
    blocks.into_iter().flatten().fold(section, Section::with)
}

/// Each layer at the end of the only epoch.
fn layers(epoch: &EpochDone) -> Block {
    let rows = epoch.layers.iter().take(MOST_LAYERS).map(|layer| {
        let change = layer.update_ratio.map_or(String::new(), |ratio| significant(100.0 * ratio, 2));
        vec![layer.name.clone(), significant(layer.gradient_norm, 3), change]
    });
    Block::Table {
        head: ["layer", "norm of its gradient", "change in a step, %"].map(str::to_owned).into(),
        rows: rows.collect(),
    }
}

/// What a layer's gradient did between the epochs that are shown: `+` where it exploded in more than a twentieth of the
/// steps, `-` where it vanished.
fn marks(columns: &[&&EpochDone], layer: usize) -> String {
    let (mut exploded, mut vanished, mut steps) = (0, 0, 0);
    let mark = |epoch: &&&EpochDone| {
        let Some(now) = epoch.layers.get(layer) else { return ' ' };
        let often =
            |now: u64, before: u64| 20 * now.saturating_sub(before) > epoch.step.saturating_sub(steps);
        let mark = match (often(now.exploded, exploded), often(now.vanished, vanished)) {
            (true, _) => '+',
            (false, true) => '-',
            (false, false) => ' ',
        };
        (exploded, vanished, steps) = (now.exploded, now.vanished, epoch.step);
        mark
    };
    columns.iter().map(mark).collect()
}
