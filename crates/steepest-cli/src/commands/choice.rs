//! What tuning found, in words and in a table.

use crate::output::{Paint, short, significant, table};
use steepest_train::choose::{Tried, Tuned};

/// What was chosen, and how sure that is.
pub fn of(tuned: &Tuned, paint: Paint) -> String {
    let names: Vec<String> =
        tuned.tried.first().map(|best| best.point.keys().cloned().collect()).unwrap_or_default();
    let mut head = names;
    head.extend(["trained", "loss", ""].map(str::to_owned));
    let mut rows = vec![head];
    for (place, tried) in tuned.tried.iter().enumerate() {
        let mut row: Vec<String> = tried.point.values().map(|value| shown(&value.to_string())).collect();
        row.push(format!("{:.0} %", 100.0 * tried.to));
        row.push(tried.loss.map(|loss| significant(loss, 4)).unwrap_or_default());
        row.push(verdict(tried, place == 0, tuned.differences_are_noise));
        rows.push(row);
    }
    let lines = table(&rows);
    let (head, rest) = lines.split_once('\n').unwrap_or((&lines, ""));
    let mut text = String::new();
    if tuned.differences_are_noise {
        text += &format!("{}\n", paint.warn("differences are noise: no candidate can be told from another"));
    }
    text += &format!("{}\n{rest}", paint.dim(head));
    if let Some(sentence) = safe(tuned) {
        text += &format!("{sentence}\n");
    }
    if tuned.at_edge {
        text += "the best lies at the edge of what was tried; beyond it may be a better one\n";
    }
    let cost = format!(
        "{} candidates on {} folds with {} trainings each, at the cost of {:.1} whole trainings; a grid as fine takes {:.0}\n",
        tuned.tried.len(),
        tuned.folds,
        tuned.trainings,
        tuned.cost,
        tuned.grid_cost
    );
    text + &paint.dim(&cost)
}

/// A number in a few digits, anything else as it is.
fn shown(value: &str) -> String {
    value.parse().map_or_else(|_| value.to_owned(), short)
}

fn verdict(tried: &Tried, chosen: bool, noise: bool) -> String {
    match (tried.diverged_at, chosen) {
        (Some(at), _) => format!("diverged at {:.1} % of the training", 100.0 * at),
        (None, true) => "chosen".to_owned(),
        (None, false) if noise || tried.in_set => "cannot be told from the best".to_owned(),
        (None, false) => "worse".to_owned(),
    }
}

/// Where a number may lie without costing much.
fn safe(tuned: &Tuned) -> Option<String> {
    let best = tuned.tried.first()?;
    let [name] = &best.point.keys().collect::<Vec<_>>()[..] else { return None };
    let flat = tuned.tried.iter().filter(|tried| tried.in_plateau);
    let values: Vec<f64> = flat.filter_map(|tried| tried.point[*name].to_string().parse().ok()).collect();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (low < high).then(|| {
        format!(
            "{name} is safe between {} and {}: at most 5 % worse, as far as 95 % go",
            short(low),
            short(high)
        )
    })
}
