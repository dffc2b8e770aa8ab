//! The page of `minimize`: who came where, the table, the ways over the contours, and how each came down.

use super::ran::{HEAD, Ran, came_lowest, came_nearest, listed, names, near, to_nearest, why};
use crate::output::{Result, count, short, significant};
use steepest::Point;
use steepest::functions::{Function, GlobalMinimum};
use steepest_report::{Block, Chart, Drawing, Page, Picture, Section, Series, Tone};

/// Minima that are named with their places; of more the first.
const MOST_MINIMA: usize = 4;
/// Optimizers that the heading names; of more it says how many.
const MOST_NAMED: usize = 4;
/// What diverged is drawn up to so many times what it began with: beyond, it would press all others into a line.
const MOST_DRAWN: f64 = 1e3;

/// A page of what optimizers did from one start; the picture stands where there is one.
pub fn page(function: &Function, start: &[f64], ran: &[Ran], picture: Option<Drawing>) -> Result<Page> {
    let minima = function.minima(start.len())?;
    let optimizers = match ran.len() {
        0..=MOST_NAMED => listed(&ran.iter().map(|ran| ran.name).collect::<Vec<_>>()),
        many => count(many as u64, "optimizer"),
    };
    let mut sections = vec![came_out(function, start, ran, &minima), table(ran, &minima)];
    if let Some(picture) = picture {
        let marks = "A circle is the start, a star a minimum; low ground is dark.";
        let section = Section::new("The ways").with(Block::Text(Tone::Plain, marks.to_owned()));
        sections.push(section.with(Block::Picture(picture)));
    }
    sections.push(over_steps(ran, &minima));
    Ok(Page {
        title: format!("{}: {optimizers}", function.name),
        subtitle: format!("from {}, f = {}", near(start), short(function.value(start))),
        sections,
    })
}

fn came_out(function: &Function, start: &[f64], ran: &[Ran], minima: &[GlobalMinimum]) -> Section {
    let names = names(ran);
    let mut section = Section::new("What came out");
    let there: Vec<&Ran> = ran.iter().filter(|ran| !ran.failed()).collect();
    let sentences: Vec<String> = match there[..] {
        [one] => vec![format!(
            "{} came from f = {} to {} in {}, and ended {} away from {}",
            names.iter().zip(ran).find(|(_, ran)| !ran.failed()).map_or("", |(name, _)| name),
            short(function.value(start)),
            significant(one.minimum.value, 4),
            count(one.minimum.steps, "step"),
            significant(to_nearest(&one.minimum.theta, minima), 3),
            if minima.len() == 1 { "the minimum" } else { "the nearest minimum" }
        )],
        _ => [came_nearest(ran, minima), came_lowest(ran)].into_iter().flatten().collect(),
    };
    let nearest =
        there.iter().map(|ran| to_nearest(&ran.minimum.theta, minima)).fold(f64::INFINITY, f64::min);
    // a thousandth of the way is left
    let tone = if nearest <= 1e-3 * to_nearest(start, minima) { Tone::Good } else { Tone::Plain };
    for sentence in sentences {
        section = section.with(Block::Text(tone, sentence + "."));
    }
    for (ran, name) in ran.iter().zip(&names).filter(|(ran, _)| ran.failed()) {
        let text = format!("{name} diverged with lr {}: {}.", short(ran.lr), why(&ran.minimum.reason));
        section = section.with(Block::Text(Tone::Bad, text));
    }
    let mut facts = vec![
        ("function".to_owned(), format!("{}, {}", function.name, function.formula)),
        ("start".to_owned(), format!("{}, f = {}", near(start), short(function.value(start)))),
        ("lowest there is".to_owned(), lowest(minima)),
    ];
    facts.extend(ran.iter().zip(names).map(|(ran, name)| {
        let end = &ran.minimum;
        let is = format!(
            "f = {} at {} after {}, {} away from the nearest minimum",
            significant(end.value, 4),
            near(&end.theta),
            count(end.steps, "step"),
            significant(to_nearest(&end.theta, minima), 3)
        );
        (name, is)
    }));
    section.with(Block::Facts(facts))
}

/// The minima in words.
fn lowest(minima: &[GlobalMinimum]) -> String {
    let places: Vec<String> = minima.iter().take(MOST_MINIMA).map(|minimum| near(&minimum.point)).collect();
    let more = match minima.len().saturating_sub(MOST_MINIMA) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let value = minima.first().map_or(f64::NAN, |minimum| minimum.value);
    format!("f = {} at {}{more}", short(value), places.join(", "))
}

fn table(ran: &[Ran], minima: &[GlobalMinimum]) -> Section {
    let rows = ran.iter().map(|ran| ran.row(minima)).collect();
    let section =
        Section::new("Side by side").with(Block::Table { head: HEAD.map(str::to_owned).into(), rows });
    match ran.iter().any(|ran| ran.tried) {
        false => section,
        true => {
            let text = "Each learning rate that was not given is the best of several from 1e-5 to 1.";
            section.with(Block::Text(Tone::Plain, text.to_owned()))
        }
    }
}

fn over_steps(ran: &[Ran], minima: &[GlobalMinimum]) -> Section {
    let floor = minima.iter().map(|minimum| minimum.value).fold(f64::INFINITY, f64::min);
    // f itself may come out a rounding below its lowest value
    let height = |value: f64| if value.is_nan() { value } else { (value - floor).max(0.0) };
    let charts = [
        chart(ran, "How far f lies above its lowest value", "f − min f", |point| height(point.value)),
        chart(ran, "Norm of the gradient", "norm", |point| point.gradient_norm),
        chart(ran, "Distance to the nearest minimum", "distance", |point| to_nearest(&point.theta, minima)),
    ];
    let mut section = Section::new("Step by step");
    let is_zero = |point: &Point<f64>| height(point.value) == 0.0 || point.gradient_norm == 0.0;
    if ran.iter().any(|ran| ran.minimum.trace.iter().any(is_zero)) {
        let text = "A logarithmic scale has no place for 0: a line that ends early has come to exactly 0.";
        section = section.with(Block::Text(Tone::Plain, text.to_owned()));
    }
    if ran.iter().any(Ran::failed) {
        let text =
            format!("What diverged is shown as far as it is at most {MOST_DRAWN} times what it began with.");
        section = section.with(Block::Text(Tone::Plain, text));
    }
    section.blocks.extend(charts);
    section
}

/// A line for each optimizer over its steps.
fn chart(ran: &[Ran], title: &str, y: &str, value: impl Fn(&Point<f64>) -> f64) -> Block {
    let line = |(at, (ran, name)): (usize, (&Ran, String))| {
        let first = ran.minimum.trace.first().map_or(f64::NAN, &value);
        let drawn = |y: f64| if ran.failed() && y > MOST_DRAWN * first { f64::NAN } else { y };
        let points = ran.minimum.trace.iter().map(|point| [point.step as f64, drawn(value(point))]);
        // as in the picture of the ways
        Series { colour: Some(Picture::colour_on_page(at)), ..Series::new(name, points) }
    };
    Block::Chart(Chart::Lines {
        title: title.to_owned(),
        x: "step".to_owned(),
        y: y.to_owned(),
        series: ran.iter().zip(names(ran)).enumerate().map(line).collect(),
        log: true,
        unit: false,
        diagonal: false,
    })
}
