//! Scores as a table: a row for each metric, a column for each part of the data.

use crate::output::{Paint, significant, table};
use steepest_data::shown;
use steepest_train::{Metric, Score, Summary};

/// What a run scored, beside its baseline on the part that is least known.
pub fn of_run(summary: &Summary, paint: Paint) -> String {
    let baseline = summary.baseline.as_ref().and_then(|b| b.test.as_ref().or(b.validation.as_ref()));
    let parts = [
        ("train", Some(&summary.train)),
        ("validation", summary.validation.as_ref()),
        ("test", summary.test.as_ref()),
        ("baseline", baseline),
    ];
    let parts: Vec<_> = parts.into_iter().filter_map(|(head, score)| Some((head, score?))).collect();
    paint.headed(&of_parts(&parts))
}

/// A column for each score, with the intervals that it has.
pub fn of_parts(parts: &[(&str, &Score)]) -> String {
    let shown = |metric: &Metric| parts.iter().any(|(_, score)| metric.of(score).is_some());
    // the loss of classes has two names
    let metrics: Vec<Metric> =
        Metric::ALL.into_iter().filter(|metric| *metric != Metric::LogLoss && shown(metric)).collect();
    let names = metrics.iter().map(|metric| metric.name().to_owned());
    let mut columns = vec![std::iter::once(String::new()).chain(names).collect::<Vec<_>>()];
    for (head, score) in parts {
        let value = |metric: &Metric| metric.of(score).map_or(String::new(), short);
        let values: Vec<String> = metrics.iter().map(value).collect();
        if score.intervals.is_empty() {
            columns.push(std::iter::once((*head).to_owned()).chain(values).collect());
            continue;
        }
        let width = values.iter().map(String::len).max().unwrap_or(0);
        let cells = metrics.iter().zip(values).map(|(metric, value)| {
            let interval = score.intervals.get(metric.name()).map_or(String::new(), interval);
            format!("{value:>width$} {interval}").trim_end().to_owned()
        });
        columns.push(std::iter::once(format!("{head} (95 %)")).chain(cells).collect());
    }
    let rows: Vec<Vec<String>> =
        (0..=metrics.len()).map(|row| columns.iter().map(|column| column[row].clone()).collect()).collect();
    table(&rows)
}

/// Numbers from 0 to 1 in six characters, so that five columns fit a terminal: `0.0123`, `1.2e-4`.
fn short(x: f64) -> String {
    match x.abs() {
        size if size >= 1.0 || size == 0.0 || !size.is_finite() => significant(x, 4),
        size if size >= 1e-3 => format!("{x:.4}"),
        _ => format!("{x:.1e}"),
    }
}

/// Both ends, as exact as the interval is wide.
fn interval(&[low, high]: &[f64; 2]) -> String {
    let decimals = (1.0 - (high - low).log10().floor()).max(0.0) as usize;
    let end = |x: f64| match low.abs().max(high.abs()) {
        size if size >= 1e6 => significant(x, 3),
        size if size >= 1e-3 => format!("{x:.*}", decimals.min(4)),
        _ => format!("{x:.1e}"),
    };
    let between = if low < 0.0 { " to " } else { "–" };
    format!("{}{between}{}", end(low), end(high))
}

/// Most classes whose recall is shown.
const MOST_RECALLS: usize = 4;

/// How many rows of each class are found in the part that is least known; of many classes, those found least.
pub fn recalls(summary: &Summary) -> Option<String> {
    let (part, score) = match (&summary.test, &summary.validation) {
        (Some(test), _) => ("test", test),
        (None, Some(validation)) => ("validation", validation),
        (None, None) => ("train", &summary.train),
    };
    let mut classes: Vec<_> = score.classes.iter().filter_map(|class| Some((class, class.recall?))).collect();
    let all = classes.len();
    if all > MOST_RECALLS {
        classes.sort_by(|a, b| a.1.total_cmp(&b.1));
        classes.truncate(MOST_RECALLS - 1);
    }
    let one = |(class, recall): &(&steepest_train::ClassScore, f64)| {
        format!("{}: {recall:.3} of {}", name(&class.class), class.rows)
    };
    let text: Vec<String> = classes.iter().map(one).collect();
    let lowest = if all > classes.len() { "lowest: " } else { "" };
    (!text.is_empty()).then(|| format!("{lowest}{} ({part})", text.join(", ")))
}

/// A class's name as a line has room for it; odd characters escaped.
pub fn name(class: &str) -> String {
    shown(class).at_most(16).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_as_exact_as_the_interval_is_wide() {
        let shown = [
            [0.9451, 0.9873],
            [0.99931, 0.99982],
            [12.0, 31.5],
            [25012.4, 30123.0],
            [-0.2, 0.35],
            [1.5e8, 2.5e8],
            [1e-7, 3e-7],
        ];
        assert_eq!(
            shown.map(|ends| interval(&ends)),
            [
                "0.945–0.987",
                "0.9993–0.9998",
                "12–32",
                "25012–30123",
                "-0.20 to 0.35",
                "1.5e8–2.5e8",
                "1.0e-7–3.0e-7"
            ]
        );
    }

    #[test]
    fn values_are_as_long_as_they_need_to_be() {
        let shown = [0.0, 1.0, 28_624.2, 0.971_23, 0.002_467, -0.004_785, 3.845e-4, -12.345, f64::NAN];
        assert_eq!(
            shown.map(short),
            ["0", "1.000", "28624", "0.9712", "0.0025", "-0.0048", "3.8e-4", "-12.35", "NaN"]
        );
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        assert_eq!(name("ok"), "ok");
        assert_eq!(name("ααααααααααααααααα"), "αααααααααααααααα…");
        assert_eq!(name("a\nb"), "a\\nb");
    }
}
