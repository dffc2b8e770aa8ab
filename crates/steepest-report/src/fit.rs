//! The report of one run.

use crate::health::complaints;
use crate::number::{duration, short, significant};
use crate::page::{Block, Chart, Page, Section, Series, Tone};
use crate::run::Run;
use steepest_train::{ClassEvaluation, EpochDone, Evaluation, Metric, NumberEvaluation, Score, Summary};

/// Columns of a table of columns; of more the first are shown.
const MOST_COLUMNS: usize = 500;
/// Layers of a picture of layers.
const MOST_LAYERS: usize = 60;

/// The page of a run; other commands add sections to it.
pub fn page(run: &Run) -> Page {
    let sections = [overview(run), learning(run), gradients(run), predictions(run), data(run), settings(run)];
    Page {
        title: run.name(),
        subtitle: subtitle(run),
        sections: sections.into_iter().filter(|section| !section.blocks.is_empty()).collect(),
    }
}

fn subtitle(run: &Run) -> String {
    let what = format!("{} from {}", run.target, run.settings.data.source);
    match &run.summary {
        Some(summary) => format!("{what}: {} with {}", summary.task, summary.optimizer),
        None => format!("{what} with {}", run.settings.optimizer.name),
    }
}

/// The part that is least known, with its score.
pub(crate) fn least_known(summary: &Summary) -> (&'static str, &Score) {
    match (&summary.test, &summary.validation) {
        (Some(test), _) => ("test", test),
        (None, Some(validation)) => ("validation", validation),
        (None, None) => ("train", &summary.train),
    }
}

/// The metric that people ask for first.
fn main_metric(score: &Score) -> Metric {
    [Metric::Accuracy, Metric::Rmse]
        .into_iter()
        .find(|metric| metric.of(score).is_some())
        .unwrap_or(Metric::Loss)
}

fn with_interval(score: &Score, metric: Metric) -> String {
    let value = metric.of(score).map_or("not known".to_owned(), |value| significant(value, 4));
    match score.intervals.get(metric.name()) {
        Some([low, high]) => format!("{value} ({} to {})", significant(*low, 3), significant(*high, 3)),
        None => value,
    }
}

fn overview(run: &Run) -> Section {
    let mut section = Section::new("What came out");
    let Some(summary) = &run.summary else {
        let epochs = run.epochs.len();
        let text =
            format!("The run is not finished: {epochs} epochs are done. It goes on with `steepest resume`.");
        return section.with(Block::Text(Tone::Warning, text));
    };
    let (part, score) = least_known(summary);
    let metric = main_metric(score);
    let baseline = summary
        .baseline
        .as_ref()
        .and_then(|b| if part == "test" { b.test.as_ref() } else { b.validation.as_ref() });
    let failed = summary.is_failure();
    if failed {
        section =
            section.with(Block::Text(Tone::Bad, format!("The run failed: {}.", summary.stopped_because)));
    } else {
        let mut text = format!("{} on the {part} rows: {}", metric.name(), with_interval(score, metric));
        if let (Some(baseline), Some(said)) = (baseline, &summary.baseline) {
            text += &format!("; without the inputs ({}): {}", said.predicts, with_interval(baseline, metric));
        }
        let better = baseline.map(|baseline| score.loss < baseline.loss);
        let tone = match better {
            Some(true) => Tone::Good,
            Some(false) => Tone::Warning,
            None => Tone::Plain,
        };
        section = section.with(Block::Text(tone, text + "."));
    }
    if !summary.finished {
        let text = "The run was interrupted. It goes on with `steepest resume`, and its test rows were not looked at.";
        section = section.with(Block::Text(Tone::Warning, text.to_owned()));
    }
    for note in summary.notes.iter().chain(&summary.not_written) {
        section = section.with(Block::Text(Tone::Warning, note.clone()));
    }
    for complaint in complaints(summary) {
        section = section.with(Block::Text(Tone::Warning, complaint));
    }
    let kept = match summary.best_epoch {
        0 => "the last weights: no epoch was finished".to_owned(),
        epoch => format!("those of epoch {epoch}, the best by {}", summary.kept_by),
    };
    let next = match (failed, summary.finished) {
        (true, _) => {
            "a smaller learning rate (--lr), clipping (--clip-norm 1) or a longer warm-up".to_owned()
        }
        (false, true) => format!("steepest predict {} NEW_DATA", run.path.display()),
        (false, false) => format!("steepest resume {}", run.path.display()),
    };
    section.with(Block::Facts(vec![
        ("ended".to_owned(), summary.stopped_because.clone()),
        ("weights kept".to_owned(), kept),
        (
            "trained".to_owned(),
            format!("{} epochs, {} steps, {}", summary.epochs, summary.steps, duration(summary.seconds)),
        ),
        ("optimizer".to_owned(), format!("{}, learning rate {}", summary.optimizer, short(summary.lr))),
        ("network".to_owned(), format!("{} parameters", summary.parameters)),
        ("rows of a step".to_owned(), summary.batch.to_string()),
        ("next".to_owned(), next),
    ]))
}

/// A line over the epochs.
fn line(run: &Run, name: &str, value: impl Fn(&EpochDone) -> Option<f64>) -> Option<Series> {
    let points: Vec<[f64; 2]> =
        run.epochs.iter().filter_map(|epoch| Some([epoch.epoch as f64, value(epoch)?])).collect();
    (!points.is_empty()).then(|| Series::new(name, points))
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

fn learning(run: &Run) -> Section {
    let metric = run.summary.as_ref().map_or("validation metric", |summary| {
        let (_, score) = least_known(summary);
        run.settings.train.metric.unwrap_or_else(|| main_metric(score)).name()
    });
    let all_positive = run.epochs.iter().all(|epoch| epoch.train_loss > 0.0);
    let charts = [
        over_epochs(
            "Loss",
            "loss",
            all_positive,
            vec![
                line(run, "training", |epoch| Some(epoch.train_loss)),
                line(run, "validation", |epoch| epoch.validation_loss),
                line(run, "validation, largest cut", |epoch| epoch.validation_capped).filter(|_| {
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
    Section { blocks: charts.into_iter().flatten().collect(), ..Section::new("How it learned") }
}

fn gradients(run: &Run) -> Section {
    let told: Vec<&EpochDone> = run.epochs.iter().filter(|epoch| !epoch.layers.is_empty()).collect();
    let names: Vec<String> = told
        .first()
        .map_or(Vec::new(), |epoch| epoch.layers.iter().map(|layer| layer.name.clone()).collect());
    let shown = names.len().min(MOST_LAYERS);
    let mut blocks = vec![over_epochs(
        "Norm of the gradient",
        "norm",
        true,
        vec![line(run, "before clipping", |epoch| Some(epoch.gradient_norm))],
    )];
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
    Section { blocks: blocks.into_iter().flatten().collect(), ..Section::new("Gradients and updates") }
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

fn predictions(run: &Run) -> Section {
    let mut section = Section::new("How good the predictions are");
    if let Some(summary) = &run.summary {
        section = section.with(scores(summary));
        let (part, score) = least_known(summary);
        if !score.confusion.is_empty() {
            let names = score.classes.iter().map(|class| class.class.clone()).collect();
            let title = format!("What was taken for what, {part} rows");
            section =
                section.with(Block::Chart(Chart::Matrix { title, names, cells: score.confusion.clone() }));
        }
    }
    match &run.evaluation {
        Some(Evaluation { classes: Some(classes), part, .. }) => of_classes(section, classes, part),
        Some(Evaluation { numbers: Some(numbers), part, .. }) => {
            of_numbers(section, numbers, part, &run.target)
        }
        _ => section,
    }
}

fn scores(summary: &Summary) -> Block {
    let baseline = summary.baseline.as_ref().and_then(|b| b.test.as_ref().or(b.validation.as_ref()));
    let parts: Vec<(&str, &Score)> = [
        ("train", Some(&summary.train)),
        ("validation", summary.validation.as_ref()),
        ("test", summary.test.as_ref()),
        ("baseline", baseline),
    ]
    .into_iter()
    .filter_map(|(name, score)| Some((name, score?)))
    .collect();
    let metrics =
        Metric::ALL.into_iter().filter(|metric| parts.iter().any(|(_, score)| metric.of(score).is_some()));
    Block::Table {
        head: ["metric".to_owned()]
            .into_iter()
            .chain(parts.iter().map(|(name, _)| (*name).to_owned()))
            .collect(),
        rows: metrics
            .map(|metric| {
                let cells = parts.iter().map(|(_, score)| with_interval(score, metric));
                [metric.name().to_owned()].into_iter().chain(cells).collect()
            })
            .collect(),
    }
}

fn of_classes(mut section: Section, classes: &ClassEvaluation, part: &str) -> Section {
    let of =
        |area: Option<f64>| area.map_or(String::new(), |area| format!(", area {}", significant(area, 3)));
    let unit = |title: String, x: &str, y: &str, series: Vec<Series>| {
        // chance lies on the diagonal of a ROC curve, the truth on that of a calibration
        let diagonal = x != "recall";
        let (x, y) = (x.to_owned(), y.to_owned());
        Block::Chart(Chart::Lines { title, x, y, series, log: false, unit: true, diagonal })
    };
    if classes.curves.len() >= 10 {
        let text =
            "The curves below are those of the ten classes with the most rows, each against all others.";
        section = section.with(Block::Text(Tone::Plain, text.to_owned()));
    }
    if classes.curves.iter().any(|curves| !curves.roc.is_empty()) {
        let roc =
            classes.curves.iter().map(|c| Series::new(c.class.clone() + &of(c.auc), c.roc.iter().copied()));
        section = section.with(unit(
            format!("ROC curve, {part} rows"),
            "false positive rate",
            "true positive rate",
            roc.collect(),
        ));
        let precision = classes.curves.iter().map(|c| {
            Series::new(c.class.clone() + &of(c.average_precision), c.precision_recall.iter().copied())
        });
        section = section.with(unit(
            format!("Precision and recall, {part} rows"),
            "recall",
            "precision",
            precision.collect(),
        ));
    }
    let bins = classes.calibration.iter().map(|bin| [bin.confidence, bin.accuracy]);
    let bins = vec![Series::new("how often the most probable class is right", bins)];
    section =
        section.with(unit(format!("Calibration, {part} rows"), "probability said", "fraction right", bins));
    if classes.confused.is_empty() {
        return section;
    }
    let section =
        section.with(Block::Text(Tone::Plain, "What is taken for something else most often:".into()));
    let rows = classes
        .confused
        .iter()
        .map(|pair| vec![pair.class.clone(), pair.taken_for.clone(), pair.rows.to_string()]);
    section.with(Block::Table {
        head: ["class", "taken for", "rows"].map(str::to_owned).into(),
        rows: rows.collect(),
    })
}

fn of_numbers(section: Section, numbers: &NumberEvaluation, part: &str, target: &str) -> Section {
    let worst = numbers.worst.iter().map(|row| {
        let values = [row.truth, row.predicted, row.predicted - row.truth].map(|x| significant(x, 5));
        [row.place.clone()].into_iter().chain(values).collect()
    });
    section
        .with(Block::Chart(Chart::Points {
            title: format!("Predicted against true, {part} rows"),
            x: format!("true {target}"),
            y: "predicted".into(),
            points: numbers.points.clone(),
        }))
        .with(Block::Chart(Chart::Bars {
            title: format!("Residuals, {part} rows"),
            x: "predicted less true".into(),
            edges: numbers.residual_edges.clone(),
            counts: numbers.residual_counts.clone(),
        }))
        .with(Block::Text(Tone::Plain, "The rows that are farthest off:".into()))
        .with(Block::Table {
            head: ["row", "true", "predicted", "difference"].map(str::to_owned).into(),
            rows: worst.collect(),
        })
}

fn data(run: &Run) -> Section {
    let mut section = Section::new("The data");
    if !run.columns.is_empty() {
        let row = |column: &crate::run::Column| {
            vec![column.name.clone(), column.kind.clone(), column.features.clone()]
        };
        let rows = run.columns.iter().take(MOST_COLUMNS).map(row).collect();
        section = section.with(Block::Table {
            head: ["column", "taken for", "what the network gets"].map(str::to_owned).into(),
            rows,
        });
        if run.columns.len() > MOST_COLUMNS {
            let more = run.columns.len() - MOST_COLUMNS;
            section = section.with(Block::Text(Tone::Plain, format!("and {more} more columns")));
        }
    }
    if !run.dropped.is_empty() {
        let names: Vec<String> =
            run.dropped.iter().take(50).map(|name| steepest_data::shown(name).to_string()).collect();
        let more = if run.dropped.len() > 50 {
            format!(" and {} more", run.dropped.len() - 50)
        } else {
            String::new()
        };
        section =
            section.with(Block::Text(Tone::Plain, format!("Not learned from: {}{more}", names.join(", "))));
    }
    for note in run.notes.iter().filter(|note| !note.is_empty()).take(200) {
        section = section.with(Block::Text(Tone::Plain, note.clone()));
    }
    section
}

/// Every setting, as `table.key`.
pub fn flat_settings(run: &Run) -> Vec<(String, String)> {
    fn walk(key: String, value: &serde_json::Value, flat: &mut Vec<(String, String)>) {
        match value {
            serde_json::Value::Object(fields) => {
                let join =
                    |name: &String| if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                fields.iter().for_each(|(name, value)| walk(join(name), value, flat));
            }
            serde_json::Value::String(word) => flat.push((key, word.clone())),
            value => flat.push((key, value.to_string())),
        }
    }
    let mut flat = Vec::new();
    walk(String::new(), &serde_json::to_value(&run.settings).unwrap_or_default(), &mut flat);
    flat
}

fn settings(run: &Run) -> Section {
    let rows = flat_settings(run).into_iter().map(|(key, value)| vec![key, value]).collect();
    Section::new("Settings").with(Block::Table { head: ["setting", "value"].map(str::to_owned).into(), rows })
}
