//! Optimizers side by side, in words, in a table and on a page.

use crate::number::{capital, count, duration, short, signed, significant};
use crate::page::{Block, Chart, Page, Section, Series, Tone};
use crate::picture::Intervals;
use steepest_train::choose::{Compared, Comparison, Versus};

/// What a comparison says, in order: whether anything can be told apart, and then what.
pub fn comparison_words(comparison: &Comparison) -> Vec<String> {
    let baseline = &comparison.optimizers[comparison.baseline];
    let mut words = Vec::new();
    let told = |better: bool| {
        let of = move |one: &&Compared| {
            one.difference.is_some_and(|found| found.is_told_apart() && (found.mean < 0.0) == better)
        };
        comparison.optimizers.iter().filter(of)
    };
    if baseline.failed > 0 {
        words.push(format!(
            "nothing can be told: {} failed in {}, and the others are compared with it",
            baseline.name,
            count(baseline.failed, "training")
        ));
    } else if !comparison.is_anything_told_apart() {
        words.push(format!(
            "nothing can be told apart: over {} rows no optimizer differs from {} by more than chance",
            comparison.rows, baseline.name
        ));
    }
    for (better, word) in [(true, "better"), (false, "worse")] {
        for one in told(better) {
            let Some(found) = one.difference else { continue };
            words.push(format!(
                "{} is {word} than {}: its loss is {}",
                one.name,
                baseline.name,
                relative_words(&found)
            ));
        }
    }
    for one in comparison.optimizers.iter().filter(|one| one.failed > 0) {
        let trainings = count(one.lr.len() as u64, "training");
        words.push(format!("{} diverged in {} of {trainings}, and is not compared", one.name, one.failed));
    }
    let edge: Vec<&str> = (comparison.optimizers.iter())
        .filter(|one| 2 * one.at_edge > one.lr.len() as u64)
        .map(|one| one.name.as_str())
        .collect();
    if !edge.is_empty() {
        words.push(format!(
            "of {} the rate that was chosen lies mostly at the edge of what was tried; beyond it may be a better one",
            edge.join(", ")
        ));
    }
    words.push(format!(
        "each of {} rows was held back once, in {} folds with {} each; intervals hold what they claim in 95 of 100, p is for all together",
        comparison.rows,
        comparison.folds,
        count(comparison.trainings, "training")
    ));
    let rates: Vec<String> = comparison.rates.iter().map(u64::to_string).collect();
    words.push(format!("with --rates {} it gives the same bits again", rates.join(",")));
    words
}

/// `4.1 % lower (6.2 to 2.0 % lower), p = 0.003`
fn relative_words(found: &Versus) -> String {
    let [mean, low, high] = found.relative;
    let way = if mean < 0.0 { "lower" } else { "higher" };
    format!(
        "{} % {way} ({} to {} %), p = {}",
        significant(100.0 * mean.abs(), 2),
        percent(low),
        percent(high),
        significant(found.p_adjusted, 2)
    )
}

fn percent(part: f64) -> String {
    signed(100.0 * part, |x| significant(x, 2))
}

/// A heading and a row for each optimizer: the baseline, then the others in their order. They are not ranked, for most places of
/// a ranking would be chance.
pub fn comparison_table(comparison: &Comparison) -> (Vec<String>, Vec<Vec<String>>) {
    let head = [
        "optimizer",
        "loss",
        "difference in %",
        "p",
        &comparison.metric,
        "rate",
        "reached",
        "steps",
        "time",
        "tuning",
    ];
    let row = |one: &Compared| {
        let loss = one.loss.map_or("failed".to_owned(), |loss| {
            let half = 0.5 * (loss.interval[1] - loss.interval[0]);
            format!("{} ± {}", significant(loss.mean, 4), significant(half, 2))
        });
        let (difference, p) = one.difference.map_or(Default::default(), |found| {
            let [mean, low, high] = found.relative.map(percent);
            (format!("{mean} ({low} to {high})"), significant(found.p_adjusted, 2))
        });
        let reached = &one.reached;
        let [steps, time] = match (reached.steps, reached.seconds) {
            (Some([median, ..]), Some(seconds)) => [median.to_string(), precise(seconds)],
            _ => [String::new(), String::new()],
        };
        vec![
            one.name.clone(),
            loss,
            difference,
            p,
            one.metric.map(|[mean, ..]| significant(mean, 4)).unwrap_or_default(),
            rates(one),
            format!("{} of {}", reached.count, reached.of),
            steps,
            time,
            precise(one.tuning_seconds),
        ]
    };
    let baseline = comparison.baseline;
    let others =
        comparison.optimizers.iter().enumerate().filter(|(at, _)| *at != baseline).map(|(_, one)| one);
    let rows = [&comparison.optimizers[baseline]].into_iter().chain(others).map(row).collect();
    (head.map(str::to_owned).to_vec(), rows)
}

/// Trainings of small tables take parts of a second.
fn precise(seconds: f64) -> String {
    if seconds < 10.0 { format!("{} s", significant(seconds, 2)) } else { duration(seconds) }
}

/// The rates that were chosen: one, or from the lowest to the highest.
fn rates(one: &Compared) -> String {
    let lowest = one.lr.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    let highest = one.lr.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
    match (lowest.is_finite(), lowest < highest) {
        (false, _) => String::new(),
        (true, false) => short(lowest),
        (true, true) => format!("{}–{}", short(lowest), short(highest)),
    }
}

/// The page of a comparison; `name` is what its run is called.
pub fn comparison_page(comparison: &Comparison, name: &str) -> Page {
    let mut first = Section::new("What can be told");
    for (at, words) in comparison_words(comparison).into_iter().enumerate() {
        let tone = if at == 0 && words.starts_with("nothing") { Tone::Warning } else { Tone::Plain };
        first = first.with(Block::Text(tone, capital(&words) + "."));
    }
    let baseline = &comparison.optimizers[comparison.baseline].name;
    let rows: Vec<(String, f64, [f64; 2], bool)> = (comparison.optimizers.iter())
        .filter_map(|one| {
            let found = one.difference?;
            let [mean, low, high] = found.relative.map(|x| 100.0 * x);
            Some((one.name.clone(), mean, [low, high], found.is_told_apart()))
        })
        .collect();
    if !rows.is_empty() {
        let picture = Intervals {
            title: format!("Loss beside that of {baseline}"),
            axis: format!("difference from {baseline} in %: left is better"),
            rows,
        };
        first = first.with(Block::Picture(picture.drawing()));
    }
    let (head, rows) = comparison_table(comparison);
    let reach = match comparison.reach {
        Some(loss) => format!("a validation loss of {}", short(loss)),
        None => format!("a validation loss within 5 % of the lowest of {baseline} on the same rows"),
    };
    let explained = format!(
        "Loss and {} are of rows that no choice has seen, the loss with its interval for other rows of the same kind. Rate: what was chosen for each fold. \
         Reached: trainings that came to {reach}; steps and time until then are the median of those, time in seconds of steps as they were measured at the start. \
         Tuning: what choosing the rate cost for each training, in seconds of steps.",
        comparison.metric
    );
    let table = Section::new("Optimizers")
        .with(Block::Table { head, rows })
        .with(Block::Text(Tone::Plain, explained));
    let series: Vec<Series> = (comparison.optimizers.iter())
        .filter(|one| !one.curve.is_empty())
        .map(|one| Series::new(one.name.clone(), one.curve.iter().map(|(step, loss)| [*step as f64, *loss])))
        .collect();
    let curves = Section::new("On the way").with(Block::Chart(Chart::Lines {
        title: "Lowest validation loss so far, mean over trainings".to_owned(),
        x: "step".to_owned(),
        y: "loss".to_owned(),
        log: series.iter().flat_map(|one| &one.points).all(|[_, loss]| loss.is_some_and(|loss| loss > 0.0)),
        series,
        unit: false,
        diagonal: false,
    }));
    Page {
        title: format!("Optimizers on {}", comparison.data),
        subtitle: format!(
            "{name}: {} compared with {baseline}",
            count(comparison.optimizers.len() as u64 - 1, "optimizer")
        ),
        sections: vec![first, table, curves],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(name: &str, difference: Option<(f64, f64)>, failed: u64) -> serde_json::Value {
        let difference = difference.map(|(mean, p)| {
            let interval = [mean - 0.01, mean + 0.01];
            let relative = [mean, interval[0], interval[1]].map(|x| x / 0.5);
            serde_json::json!({
                "mean": mean, "interval": interval, "relative": relative, "p_value": p, "p_adjusted": p,
            })
        });
        let loss = (failed == 0).then(|| serde_json::json!({ "mean": 0.5, "interval": [0.4, 0.6] }));
        serde_json::json!({
            "name": name, "tuned": true, "lr": [0.01, 0.1], "at_edge": 0, "loss": loss, "difference": difference,
            "metric": [0.9, 0.8, 1.0], "failed": failed, "tuning": 0.6875, "tuning_seconds": 1.5, "step_seconds": 0.001,
            "reached": { "count": 1, "of": 2, "interval": [0.01, 0.99], "steps": [40, 40, 40], "seconds": 0.04 },
            "curve": [[10, 1.0], [20, 0.7]],
        })
    }

    fn comparison(others: [serde_json::Value; 2]) -> Comparison {
        let optimizers: Vec<serde_json::Value> =
            [compared("</script>a", None, 0)].into_iter().chain(others).collect();
        let text = serde_json::json!({
            "format": 1, "data": "</script>d", "optimizers": optimizers, "baseline": 0, "folds": 2, "trainings": 1,
            "rows": 200, "metric": "accuracy", "rates": [7, 7, 5],
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn the_verdict_comes_first_and_nothing_is_ranked() {
        let noise = comparison([compared("b", Some((-0.005, 0.4)), 0), compared("c", Some((0.02, 0.06)), 0)]);
        let words = comparison_words(&noise);
        assert!(words[0].starts_with("nothing can be told apart: over 200 rows"), "{words:?}");
        assert!(words.last().unwrap().contains("--rates 7,7,5 it"), "{words:?}");
        let found = comparison([compared("b", Some((-0.05, 0.001)), 0), compared("c", None, 2)]);
        let words = comparison_words(&found);
        assert!(
            words[0].starts_with("b is better than </script>a: its loss is 10 % lower (−12 to −8"),
            "{words:?}"
        );
        assert!(words[1].starts_with("c diverged in 2 of 2 trainings"), "{words:?}");
        let (head, rows) = comparison_table(&found);
        assert_eq!((head.len(), rows.len()), (rows[0].len(), 3));
        assert_eq!(rows[0][..3], ["</script>a", "0.5000 ± 0.10", ""]);
        assert_eq!(rows[1][2..6], ["−10 (−12 to −8.0)", "0.0010", "0.9000", "0.01–0.1"]);
        assert_eq!(rows[2][1..4], ["failed", "", ""]);
    }

    #[test]
    fn a_baseline_that_failed_leaves_nothing_to_tell() {
        let mut found = comparison([compared("b", None, 0), compared("c", None, 0)]);
        found.optimizers[0].failed = 1;
        assert!(comparison_words(&found)[0].contains("failed in 1 training"));
    }

    #[test]
    fn the_page_holds_names_as_data() {
        let found = comparison([compared("b", Some((-0.05, 0.001)), 0), compared("c", Some((0.0, 1.0)), 0)]);
        let html = comparison_page(&found, "</script>run").html();
        assert!(
            !html.contains("</script>a") && !html.contains("</script>d") && !html.contains("</script>run")
        );
        assert!(html.contains("<svg") && html.contains("left is better"));
    }
}
