//! The section on predictions: scores beside the baseline, and pictures of how predictions lie to the truth.

use crate::number::significant;
use crate::page::{Block, Chart, Section, Series, Tone};
use crate::run::Run;
use steepest_train::{ClassEvaluation, Evaluation, Metric, NumberEvaluation, Score, Summary};

/// The part that is least known, with its score.
pub(crate) fn least_known(summary: &Summary) -> (&'static str, &Score) {
    match (&summary.test, &summary.validation) {
        (Some(test), _) => ("test", test),
        (None, Some(validation)) => ("validation", validation),
        (None, None) => ("train", &summary.train),
    }
}

/// What the baseline scores on the same part.
pub(crate) fn baseline_of(summary: &Summary) -> Option<&Score> {
    let baseline = summary.baseline.as_ref()?;
    match least_known(summary).0 {
        "test" => baseline.test.as_ref(),
        "validation" => baseline.validation.as_ref(),
        _ => None,
    }
}

/// Whether the scores of a run say something: those of most runs that failed are beyond all measure, or NaN.
pub(crate) fn is_worth_a_score(summary: &Summary) -> bool {
    let loss = least_known(summary).1.loss;
    !summary.is_failure()
        || match baseline_of(summary) {
            Some(baseline) => loss < baseline.loss,
            None => summary.best_epoch > 0 && loss.is_finite(),
        }
}

/// The metric that people ask for first.
pub(crate) fn main_metric(score: &Score) -> Metric {
    [Metric::Accuracy, Metric::Rmse]
        .into_iter()
        .find(|metric| metric.of(score).is_some())
        .unwrap_or(Metric::Loss)
}

/// What a metric says, for who meets it for the first time.
fn meaning(metric: Metric) -> &'static str {
    match metric {
        Metric::Loss | Metric::LogLoss => "what training makes smaller; 0 is best",
        Metric::Accuracy => "fraction of the rows that are right",
        Metric::BalancedAccuracy => "the same, each class counting alike",
        Metric::Auc => "how well classes are told apart: 1 fully, 0.5 by chance",
        Metric::AveragePrecision => "area under precision over recall; 1 is best",
        Metric::F1 => "precision and recall in one number; 1 is best",
        Metric::R2 => "1 is best, 0 no better than the mean of the target",
        Metric::Rmse => "typical error in the target's unit, large ones weighing more",
        Metric::Mae => "mean error in the target's unit, whatever its sign",
        Metric::MedianError => "half of the errors are smaller, in the target's unit",
    }
}

/// A metric with its interval, before which `means` says what it is; nothing where it is not known.
pub(crate) fn with_interval(score: &Score, metric: Metric, means: &str) -> String {
    let Some(value) = metric.of(score).filter(|value| value.is_finite()) else { return String::new() };
    let value = significant(value, 4);
    match score.intervals.get(metric.name()) {
        Some([low, high]) => {
            format!("{value} ({means}{} to {})", significant(*low, 3), significant(*high, 3))
        }
        None => value,
    }
}

/// How good the predictions of a run are, as far as that says something.
pub(crate) fn predictions(run: &Run) -> Section {
    let mut section = Section::new("How good the predictions are");
    let Some(summary) = &run.summary else { return section };
    if summary.is_failure() {
        if !is_worth_a_score(summary) {
            return section
                .with(Block::plain("The run failed before it had weights that are worth a score."));
        }
        section = section.with(Block::Text(
            Tone::Warning,
            format!(
                "These are the scores of the weights of epoch {}, before the run failed.",
                summary.best_epoch
            ),
        ));
    }
    section = scores(section, summary);
    let (part, score) = least_known(summary);
    if !score.confusion.is_empty() {
        let names = score.classes.iter().map(|class| class.class.clone()).collect();
        let title = format!("What was taken for what, {part} rows");
        section = section.with(Block::Chart(Chart::Matrix { title, names, cells: score.confusion.clone() }));
    }
    match &run.evaluation {
        Some(Evaluation { classes: Some(classes), part, .. }) => of_classes(section, classes, part),
        Some(Evaluation { numbers: Some(numbers), part, .. }) => {
            of_numbers(section, numbers, part, &run.target)
        }
        _ => section,
    }
}

fn scores(section: Section, summary: &Summary) -> Section {
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
    // the loss of classes has two names
    let metrics = Metric::ALL.into_iter().filter(|metric| {
        *metric != Metric::LogLoss && parts.iter().any(|(_, score)| metric.of(score).is_some())
    });
    let mut head = vec!["metric".to_owned()];
    head.extend(parts.iter().map(|(name, _)| (*name).to_owned()));
    head.push("what it says".to_owned());
    let rows = metrics.map(|metric| {
        let mut row = vec![metric.name().to_owned()];
        row.extend(parts.iter().map(|(_, score)| with_interval(score, metric, "")));
        row.push(meaning(metric).to_owned());
        row
    });
    let section = section.with(Block::Table { head, rows: rows.collect() });
    let mut text = String::new();
    if parts.iter().any(|(_, score)| !score.intervals.is_empty()) {
        text += "In brackets is where the number would lie in 95 of 100 other parts of as many rows. ";
    }
    if let Some(baseline) = summary.baseline.as_ref().filter(|_| baseline.is_some()) {
        text += &format!("The baseline predicts without looking at the inputs: {}.", baseline.predicts);
    }
    if text.is_empty() { section } else { section.with(Block::Text(Tone::Plain, text)) }
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
    if classes.curves.iter().any(|curves| !curves.roc.is_empty()) {
        let which = match classes.curves.len() {
            10.. => " (the ten with the most rows)",
            _ => "",
        };
        section = section.with(Block::Text(
            Tone::Plain,
            format!(
                "A class{which} against all others, for every probability from which on a row is taken for it. A ROC \
                 curve is best in the upper left corner and chance on the diagonal; an area of 1 is perfect."
            ),
        ));
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
    section = section.with(Block::plain(
        "Calibration: on the diagonal, of the rows that are given a probability of 0.8 eight in ten are right. Above it \
         the network is too careful, below it too sure.",
    ));
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
        .with(Block::plain(
            "A point on the dashed line is predicted exactly; the farther from it, the larger the error.",
        ))
        .with(Block::Chart(Chart::Points {
            title: format!("Predicted against true, {part} rows"),
            x: format!("true {target}"),
            y: "predicted".into(),
            points: numbers.points.clone(),
        }))
        .with(Block::Chart(Chart::Bars {
            title: format!("Errors (residuals), {part} rows"),
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
