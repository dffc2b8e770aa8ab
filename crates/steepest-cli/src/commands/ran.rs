//! What optimizers did on a function, as a table says it and as sentences do: who came lowest, who nearest.

use crate::catalog::point;
use crate::output::{count, short, significant};
use steepest::MinimizeReport;
use steepest::functions::GlobalMinimum;
use steepest::settings::Values;
use steepest::stop::Reason;

/// What one optimizer did.
pub struct Ran {
    /// Its name with the settings that were given.
    pub label: String,
    pub name: &'static str,
    pub settings: Values,
    pub lr: f64,
    /// Whether the rate was found by trying.
    pub tried: bool,
    pub minimum: MinimizeReport<f64>,
}

/// What the table shows of each.
pub const HEAD: [&str; 8] = ["optimizer", "lr", "steps", "f", "gradient", "to minimum", "at", "stopped"];

impl Ran {
    pub fn row(&self, minima: &[GlobalMinimum]) -> Vec<String> {
        let end = &self.minimum;
        vec![
            self.label.clone(),
            short(self.lr),
            end.steps.to_string(),
            significant(end.value, 4),
            significant(end.gradient_norm, 3),
            significant(to_nearest(&end.theta, minima), 3),
            near(&end.theta),
            why(&end.reason),
        ]
    }

    pub fn failed(&self) -> bool {
        self.minimum.reason.is_failure()
    }
}

/// From a point to the nearest minimum.
pub fn to_nearest(theta: &[f64], minima: &[GlobalMinimum]) -> f64 {
    let distance = |point: &[f64]| theta.iter().zip(point).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    minima.iter().map(|minimum| distance(&minimum.point)).fold(f64::INFINITY, f64::min)
}

/// What each is called in a sentence, where commas part them: `sgd (momentum 0.9)`, with the rate where two have one name.
pub fn names(ran: &[Ran]) -> Vec<String> {
    let name = |ran: &Ran| match ran.label.split_once(", ") {
        Some((name, settings)) => format!("{name} ({settings})"),
        None => ran.label.clone(),
    };
    let with_rate = |ran: &Ran| match ran.label.split_once(", ") {
        Some((name, settings)) => format!("{name} ({settings}, lr {})", short(ran.lr)),
        None => format!("{} (lr {})", ran.label, short(ran.lr)),
    };
    let is_alone = |one: &Ran| ran.iter().filter(|other| other.label == one.label).count() == 1;
    ran.iter().map(|ran| if is_alone(ran) { name(ran) } else { with_rate(ran) }).collect()
}

/// Who came lowest, if there was someone to be lower than.
pub fn came_lowest(ran: &[Ran]) -> Option<String> {
    let ends: Vec<End> = ends(ran, |ran| ran.minimum.value);
    // nearer than this, both are there
    let same = |best: f64| 1e-12 * best.abs().max(1.0);
    let said =
        Said { came: "came lowest", alike: "came equally low", what: "f = ", after: "", more: "above" };
    said.sentence(&ends, same)
}

/// Who came nearest to a minimum, if there was someone to be nearer than.
pub fn came_nearest(ran: &[Ran], minima: &[GlobalMinimum]) -> Option<String> {
    let ends = ends(ran, |ran| to_nearest(&ran.minimum.theta, minima));
    let size = minima.iter().flat_map(|minimum| &minimum.point).fold(1.0f64, |size, x| size.max(x.abs()));
    // so near to a minimum f does not change any more in an f64: its changes go with the square
    let same = |_: f64| f64::EPSILON.sqrt() * size;
    let whose = if minima.len() == 1 { "the minimum" } else { "a minimum" };
    let said = Said {
        came: &format!("came nearest to {whose}"),
        alike: &format!("came equally near to {whose}"),
        what: "",
        after: " away",
        more: "more",
    };
    said.sentence(&ends, same)
}

/// Where an optimizer ended, by one measure.
struct End {
    name: String,
    value: f64,
    steps: u64,
}

/// Those that did not fail.
fn ends(ran: &[Ran], value: impl Fn(&Ran) -> f64) -> Vec<End> {
    let all = ran.iter().zip(names(ran)).filter(|(ran, _)| !ran.failed());
    let all = all.map(|(ran, name)| End { name, value: value(ran), steps: ran.minimum.steps });
    // one alone is no contest
    if ran.len() > 1 { all.filter(|end| end.value.is_finite()).collect() } else { Vec::new() }
}

/// The words of a comparison.
struct Said<'a> {
    came: &'a str,
    alike: &'a str,
    /// Before and behind the value.
    what: &'a str,
    after: &'a str,
    /// How a value differs that is larger.
    more: &'a str,
}

impl Said<'_> {
    /// Who ended with the least, and who within `same` of it: they are alike, and the steps are said.
    fn sentence(&self, ends: &[End], same: impl Fn(f64) -> f64) -> Option<String> {
        let least = ends.iter().map(|end| end.value).reduce(f64::min)?;
        let same = same(least);
        let best: Vec<&End> = ends.iter().filter(|end| end.value - least <= same).collect();
        if let [one] = best[..] {
            return Some(format!(
                "{} {}: {}{}{}",
                one.name,
                self.came,
                self.what,
                significant(one.value, 4),
                self.after
            ));
        }
        let fewest = best.iter().map(|end| end.steps).min()?;
        let quick: Vec<&str> =
            best.iter().filter(|end| end.steps == fewest).map(|end| end.name.as_str()).collect();
        let steps = match quick.len() == best.len() {
            true => format!("each in {}", count(fewest, "step")),
            false => format!("{} in the fewest steps, {fewest}", listed(&quick)),
        };
        let all: Vec<&str> = best.iter().map(|end| end.name.as_str()).collect();
        Some(format!(
            "{} {}: {}{}{}, or less than {} {}; {steps}",
            listed(&all),
            self.alike,
            self.what,
            significant(least, 4),
            self.after,
            significant(same, 2),
            self.more
        ))
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A point of a few coordinates; of many, the first.
pub fn near(x: &[f64]) -> String {
    const SHOWN: usize = 3;
    if x.len() <= SHOWN {
        return point(x);
    }
    let text = point(&x[..SHOWN]);
    format!("{}, …)", text.trim_end_matches(')'))
}

/// The reason in words that suit a function: it has no training loss.
pub fn why(reason: &Reason) -> String {
    match reason {
        Reason::Divergence(diverged) => format!("f ran away to {}", significant(diverged.loss, 3)),
        reason => reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(name: &str, value: f64, steps: u64) -> End {
        End { name: name.to_owned(), value, steps }
    }

    fn sentence(ends: &[End]) -> String {
        let said =
            Said { came: "came lowest", alike: "came equally low", what: "f = ", after: "", more: "above" };
        said.sentence(ends, |_| 1e-12).unwrap_or_default()
    }

    #[test]
    fn who_is_alone_at_the_lowest_is_named_alone() {
        assert_eq!(sentence(&[end("sgd", 0.5, 9), end("adam", 2e-9, 70)]), "adam came lowest: f = 2e-9");
        assert_eq!(sentence(&[]), "");
    }

    #[test]
    fn a_tie_is_said_with_how_near_it_is_and_with_the_steps() {
        let ends =
            [end("sgd", 3e-14, 200), end("adam", 0.0, 90), end("lbfgs", 1e-20, 12), end("lion", 1.0, 1)];
        assert_eq!(
            sentence(&ends),
            "sgd, adam and lbfgs came equally low: f = 0, or less than 1e-12 above; lbfgs in the fewest steps, 12"
        );
        let ends = [end("sgd", -1.0, 50), end("adam", -1.0, 50)];
        assert_eq!(
            sentence(&ends),
            "sgd and adam came equally low: f = -1.000, or less than 1e-12 above; each in 50 steps"
        );
        let ends = [end("sgd", 0.0, 50), end("adam", 0.0, 50), end("lion", 0.0, 60)];
        assert!(sentence(&ends).ends_with("; sgd and adam in the fewest steps, 50"));
    }
}
