//! What was chosen before a run, and how sure that is.

use crate::number::{capital, count, short, significant};
use crate::page::{Block, Chart, Section, Series, Tone};
use steepest_train::choose::{Chosen, How, Tried};

/// A heading and a row for each candidate, the best first.
pub fn choice_table(chosen: &Chosen) -> (Vec<String>, Vec<Vec<String>>) {
    let mut head: Vec<String> =
        chosen.tried.first().map(|best| best.point.keys().cloned().collect()).unwrap_or_default();
    head.extend(["trained", "loss", ""].map(str::to_owned));
    let row = |(place, tried): (usize, &Tried)| {
        let mut row: Vec<String> = tried.point.values().map(|value| shown(&value.to_string())).collect();
        row.push(format!("{:.0} %", 100.0 * tried.to));
        row.push(tried.loss.map(|loss| significant(loss, 4)).unwrap_or_default());
        row.push(verdict(tried, place == 0, chosen));
        row
    };
    (head, chosen.tried.iter().enumerate().map(row).collect())
}

/// What is to be said of a choice: first whether it means anything, last what it cost.
pub fn choice_words(chosen: &Chosen) -> Vec<String> {
    let mut words = Vec::new();
    if chosen.differences_are_noise {
        words.push("differences are noise: no candidate can be told from another".to_owned());
    }
    words.extend(safe(chosen));
    if chosen.at_edge {
        words.push("the best lies at the edge of what was tried; beyond it may be a better one".to_owned());
    }
    if chosen.noise_is_assumed {
        words.push(
            "there is one training of each: by how much another start would move its loss is not measured, but taken as 3 %"
                .to_owned(),
        );
    }
    if chosen.compared_at < 1.0 {
        words.push(format!(
            "the last were compared after {:.0} % of the training: of its end these words say what that tells",
            100.0 * chosen.compared_at
        ));
    }
    let (candidates, cost) = (chosen.tried.len() as u64, chosen.cost);
    words.push(match chosen.how {
        How::Auto => {
            let on = match chosen.splits {
                1 => "the run's own division of the rows".to_owned(),
                n => format!("{n} divisions of the rows"),
            };
            format!("{} on {on}, at the cost of {cost:.2} trainings beside the run's own", count(candidates, "candidate"))
        }
        How::Tune => format!(
            "{} on {} folds with {} each, at the cost of {cost:.1} whole trainings; a grid as fine takes {:.0}",
            count(candidates, "candidate"),
            chosen.splits,
            count(chosen.trainings, "training"),
            chosen.grid_cost
        ),
    });
    words
}

/// The section of a run's page; empty where nothing was chosen.
pub(crate) fn choice(chosen: Option<&Chosen>) -> Section {
    let section = Section::new("What was chosen");
    let Some(chosen) = chosen else { return section };
    let (head, rows) = choice_table(chosen);
    let intro = "Candidates were compared by the mean loss of validation rows, capped where single rows would decide, and most of them \
                 were given up early: the loss of one that was given up is not to be compared with that of one trained farther. The test rows had no part in it.";
    let mut section = section.with(Block::Text(Tone::Plain, intro.to_owned()));
    for words in choice_words(chosen) {
        let tone = if words.starts_with("differences are noise") { Tone::Warning } else { Tone::Plain };
        section = section.with(Block::Text(tone, capital(&words) + "."));
    }
    section = section.with(Block::Table { head, rows });
    match curves(chosen) {
        Some(chart) => section.with(Block::Chart(chart)),
        None => section,
    }
}

/// The loss over the one number that was chosen, a line for each length of training.
fn curves(chosen: &Chosen) -> Option<Chart> {
    let [name] = &chosen.tried.first()?.point.keys().collect::<Vec<_>>()[..] else { return None };
    let mut points: Vec<(f64, f64, f64)> = (chosen.tried.iter())
        .filter_map(|tried| {
            let value: f64 = tried.point[*name].to_string().parse().ok()?;
            Some((tried.to, value.log10(), tried.loss?))
        })
        .filter(|(_, decades, _)| decades.is_finite())
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let series: Vec<Series> = points
        .chunk_by(|a, b| a.0 == b.0)
        .map(|of| {
            let name = format!("trained for {:.0} %", 100.0 * of[0].0);
            Series::new(name, of.iter().map(|(_, decades, loss)| [*decades, *loss]))
        })
        .collect();
    (points.len() > 2).then(|| Chart::Lines {
        title: format!("Validation loss by {name}"),
        x: format!("decimal logarithm of {name}"),
        y: "loss".to_owned(),
        series,
        log: false,
        unit: false,
        diagonal: false,
    })
}

/// A number in a few digits, anything else as it is.
fn shown(value: &str) -> String {
    value.parse().map_or_else(|_| value.to_owned(), short)
}

fn verdict(tried: &Tried, best: bool, chosen: &Chosen) -> String {
    let early = tried.to < chosen.compared_at;
    match (tried.diverged_at, best, tried.in_set) {
        (Some(at), _, _) => format!("diverged at {:.1} % of the training", 100.0 * at),
        (None, true, _) => "chosen".to_owned(),
        (None, false, Some(true)) if early => "given up early, not excluded".to_owned(),
        (None, false, Some(true)) => "cannot be told from the best".to_owned(),
        (None, false, Some(false)) => "worse".to_owned(),
        (None, false, None) => String::new(),
    }
}

/// Where a number may lie without costing much.
fn safe(chosen: &Chosen) -> Option<String> {
    let [name] = &chosen.tried.first()?.point.keys().collect::<Vec<_>>()[..] else { return None };
    let number = |tried: &Tried| tried.point[*name].to_string().parse::<f64>().ok();
    let own = number(&chosen.tried[0])?;
    let mut values: Vec<(f64, bool)> =
        chosen.tried.iter().filter_map(|tried| Some((number(tried)?, tried.in_plateau))).collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    // without a gap round what was chosen: what lies between two flat stretches may be a hill
    let at = values.iter().position(|(value, _)| *value == own)?;
    let flat = |value: &&(f64, bool)| value.1;
    let low = values[..=at].iter().rev().take_while(flat).last()?.0;
    let high = values[at..].iter().take_while(flat).last()?.0;
    (low < high).then(|| {
        format!(
            "between {} and {} {name} is safe: at most 5 % worse, as far as 95 % go",
            short(low),
            short(high)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(lr: f64, to: f64, loss: Option<f64>, in_set: bool) -> Tried {
        let text = serde_json::json!({
            "point": { "lr": lr }, "to": to, "loss": loss, "in_set": in_set, "in_plateau": in_set && to == 1.0,
            "diverged_at": if loss.is_none() { Some(0.05) } else { None }
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn a_choice_is_told_with_what_it_is_worth() {
        let chosen = Chosen {
            format: 1,
            how: How::Tune,
            tried: vec![
                tried(0.01, 1.0, Some(0.5), true),
                tried(0.0316, 1.0, Some(0.51), true),
                tried(0.001, 0.0625, Some(0.9), false),
                tried(10.0, 0.0, None, false),
            ],
            differences_are_noise: false,
            at_edge: true,
            compared_at: 1.0,
            noise_is_assumed: false,
            cost: 30.75,
            grid_cost: 126.0,
            splits: 3,
            trainings: 2,
        };
        let (head, rows) = choice_table(&chosen);
        assert_eq!(head, ["lr", "trained", "loss", ""]);
        assert_eq!(rows[0], ["0.01", "100 %", "0.5000", "chosen"]);
        assert_eq!(rows[1][3], "cannot be told from the best");
        assert_eq!(rows[2][3], "worse");
        assert_eq!(rows[3][3], "diverged at 5.0 % of the training");
        let words = choice_words(&chosen).join("\n");
        for part in ["between 0.01 and 0.0316 lr is safe", "at the edge", "30.8 whole trainings", "takes 126"]
        {
            assert!(words.contains(part), "{part}: {words}");
        }
        let noise = Chosen { differences_are_noise: true, how: How::Auto, splits: 1, ..chosen.clone() };
        let words = choice_words(&noise);
        assert!(words[0].starts_with("differences are noise"), "{words:?}");
        assert!(words.last().unwrap().contains("the run's own division"), "{words:?}");
        assert!(curves(&chosen).is_some());
    }
}
