//! What is searched: settings with the values that they may have, as somebody types them.

use super::apply::{LR, apply, place};
use crate::error::{Error, Result};
use crate::settings::Settings;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use steepest_choose::choose::{Plan, PlanError, Point, Range, Space, Value};

/// One setting and the values that are tried: `lr`, `weight_decay=1e-4..1e-1:log`, `dropout=0..0.5`,
/// `hidden=64,64|256,256`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Search {
    name: String,
    values: Values,
}

#[derive(Debug, Clone, PartialEq)]
enum Values {
    /// Round the value that it has.
    Usual,
    /// Numbers between two.
    Between { low: f64, high: f64, log: bool },
    /// Each of these.
    Each(Vec<String>),
}

impl Search {
    /// The learning rate, round the usual one.
    pub fn rate() -> Self {
        Self { name: LR.to_owned(), values: Values::Usual }
    }

    /// The setting's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for Search {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (name, values) = match text.split_once('=') {
            None => (text, Values::Usual),
            Some((name, values)) => (name, values_of(values)?),
        };
        match name.trim() {
            "" => Err(format!("`{text}` names no setting; write for example weight_decay=1e-4..1e-1:log")),
            // as options are written, too
            name => Ok(Self { name: name.replace('-', "_"), values }),
        }
    }
}

fn values_of(text: &str) -> std::result::Result<Values, String> {
    let example = "write for example 1e-4..1e-1:log, 0..0.5, or 64,64|256,256";
    let Some((low, rest)) = text.split_once("..") else {
        let each: Vec<String> = text.split('|').map(|word| word.trim().to_owned()).collect();
        return match each.iter().any(String::is_empty) {
            true => Err(format!("`{text}` has an empty value; {example}")),
            false => Ok(Values::Each(each)),
        };
    };
    let (high, scale) = rest.split_once(':').unwrap_or((rest, "linear"));
    let number = |word: &str| {
        word.trim().parse::<f64>().map_err(|_| format!("`{}` is no number; {example}", word.trim()))
    };
    match scale.trim() {
        "log" | "linear" => {
            Ok(Values::Between { low: number(low)?, high: number(high)?, log: scale.trim() == "log" })
        }
        other => Err(format!("`{other}` is no scale; write log or linear")),
    }
}

impl std::fmt::Display for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.values {
            Values::Usual => f.write_str(&self.name),
            Values::Between { low, high, log } => {
                write!(f, "{}={low}..{high}{}", self.name, if *log { ":log" } else { "" })
            }
            Values::Each(words) => write!(f, "{}={}", self.name, words.join("|")),
        }
    }
}

impl From<Search> for String {
    fn from(search: Search) -> Self {
        search.to_string()
    }
}

impl TryFrom<String> for Search {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        text.parse()
    }
}

/// What is tried: of the learning rate alone `points` values half a decade apart round the usual one, of one other setting its words
/// or `points` values evenly between its ends, of several `points` combinations at random. Each is a setting that the trainer
/// accepts. Where the learning rate is not among them, rungs are later.
pub(super) fn plan(
    searches: &[Search],
    points: usize,
    settings: &Settings,
    steps: u64,
    splits: usize,
) -> Result<Plan> {
    for (at, search) in searches.iter().enumerate() {
        place(&search.name, settings)?;
        if searches[..at].iter().any(|other| other.name == search.name) {
            return Err(Error::BadSearch {
                search: search.to_string(),
                reason: format!("`{}` is searched twice; give all of its values at once", search.name),
            });
        }
        if matches!(&search.values, Values::Each(words) if search.name == LR && words.iter().any(|word| word == "auto"))
        {
            let reason = "`auto` is no value; write lr alone for values round the usual one".to_owned();
            return Err(Error::BadSearch { search: search.to_string(), reason });
        }
    }
    let planned = match searches {
        [Search { name, values: Values::Usual }] if name == LR => {
            Plan::thorough(LR, settings.optimizer.learning_rate()?, points, steps, splits)
        }
        [Search { name, values: Values::Each(words) }] => {
            let points = words.iter().map(|word| Point::from([(name.clone(), value(word))])).collect();
            Ok(Plan::points(points, Point::new(), steps, splits))
        }
        [Search { name, values: Values::Between { low, high, log } }] => {
            // the space knows what is wrong with a range
            let range = range(*low, *high, *log);
            Space::default().with(name, range).map(|_| {
                let at = |i: usize| {
                    let part = i as f64 / (points.max(2) - 1) as f64;
                    let exact = if *log { low * (high / low).powf(part) } else { low + (high - low) * part };
                    Point::from([(name.clone(), Value::Number(rounded(name, exact)))])
                };
                Plan::points(unlike((0..points.max(2)).map(at)), Point::new(), steps, splits)
            })
        }
        several => {
            let mut space = Space::default();
            for search in several {
                let range = match &search.values {
                    Values::Usual if search.name == LR => {
                        let usual = settings.optimizer.learning_rate()?;
                        Range::Log { low: usual / 100.0, high: usual * 100.0 }
                    }
                    Values::Usual => return Err(without_range(search)),
                    Values::Between { low, high, log } => range(*low, *high, *log),
                    Values::Each(words) => Range::Choice(words.clone()),
                };
                space = space.with(&search.name, range).map_err(|error| refused(search, &error))?;
            }
            let found =
                space.random(points, settings.train.seed).map_err(|error| refused(&several[0], &error))?;
            let rounded = found.into_iter().map(|mut point| {
                for (name, value) in &mut point {
                    if let Value::Number(x) = value {
                        *x = rounded(name, *x);
                    }
                }
                point
            });
            Ok(Plan::points(unlike(rounded), Point::new(), steps, splits))
        }
    };
    // what acts late looks its worst early; a rate shows soon what it is worth
    let acts_late = searches.iter().all(|search| search.name != LR);
    let planned = planned.map(|plan| if acts_late { plan.later() } else { plan });
    let plan =
        planned.and_then(|plan| plan.check().map(|()| plan)).map_err(|error| match searches.first() {
            Some(search) => refused(search, &error),
            None => without_range(&Search::rate()),
        })?;
    // before anything is trained
    plan.points.iter().try_for_each(|point| apply(settings, point)?.check())?;
    Ok(plan)
}

fn range(low: f64, high: f64, log: bool) -> Range {
    if log { Range::Log { low, high } } else { Range::Linear { low, high } }
}

fn refused(search: &Search, error: &PlanError) -> Error {
    Error::BadSearch { search: search.to_string(), reason: error.to_string() }
}

fn without_range(search: &Search) -> Error {
    let reason =
        format!("it has no values; write for example {}=1e-4..1e-1:log or {}=a|b", search.name, search.name);
    Error::BadSearch { search: search.to_string(), reason }
}

/// Each point once: few words, and numbers that are rounded, give some of them twice.
fn unlike(points: impl Iterator<Item = Point>) -> Vec<Point> {
    let mut unlike: Vec<Point> = Vec::new();
    for point in points {
        if !unlike.contains(&point) {
            unlike.push(point);
        }
    }
    unlike
}

/// Settings that are counts.
const WHOLE: [&str; 3] = ["hidden", "batch", "warmup"];

/// A number between two as somebody would type it: a count as one, others in four digits.
fn rounded(name: &str, x: f64) -> f64 {
    match WHOLE.contains(&name) {
        true => x.round(),
        false => format!("{x:.3e}").parse().unwrap_or(x),
    }
}

/// A word of a choice: a number, if it is one.
fn value(word: &str) -> Value {
    word.parse().map_or_else(|_| Value::Word(word.to_owned()), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_are_read_and_written() {
        for text in ["lr", "weight_decay=0.0001..0.1:log", "dropout=0..0.5", "hidden=64,64|256,256,256"] {
            let search: Search = text.parse().unwrap();
            assert_eq!(search.to_string(), text);
        }
        for (text, words) in [
            ("=3..4", "names no setting"),
            ("dropout=a..1", "no number"),
            ("dropout=0..1:cubic", "no scale"),
            ("hidden=|64", "empty value"),
        ] {
            let error = text.parse::<Search>().unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn bad_searches_are_refused_before_anything_is_trained() {
        let settings = Settings::default();
        let plan = |texts: &[&str]| {
            let searches: Vec<Search> = texts.iter().map(|text| text.parse().unwrap()).collect();
            plan(&searches, 11, &settings, 1000, 3)
        };
        assert_eq!(plan(&["lr"]).unwrap().points.len(), 11);
        assert_eq!(plan(&["dropout=0..0.5"]).unwrap().points.len(), 11);
        assert_eq!(plan(&["hidden=64|64,64"]).unwrap().points.len(), 2);
        assert_eq!(plan(&["lr", "dropout=0..0.5"]).unwrap().points.len(), 11);
        assert_eq!(plan(&["hidden=64|64,64", "activation=relu|silu"]).unwrap().points.len(), 4);
        for (texts, words) in [
            (vec!["dropout"], "it has no values"),
            (vec!["dropout=0.5..0.5"], "is empty"),
            (vec!["weight_decay=0..1:log"], "above 0"),
            (vec!["dropout=0..2"], "model.dropout"),
            (vec!["hidden=64|64"], "both"),
            (vec!["seed=1|2"], "seed"),
            (vec!["lr", "dropout"], "it has no values"),
        ] {
            let error = plan(&texts).unwrap_err().to_string();
            assert!(error.contains(words), "{texts:?}: {error}");
        }
    }
}
