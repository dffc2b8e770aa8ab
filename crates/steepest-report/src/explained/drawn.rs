//! What the pictures of explanations share: a heading, colours, rows of names, an axis of values.

use crate::picture::Drawing;
use crate::picture::frame::{Axis, FAINT, Frame, INK, linear_ticks, tick_text};
use crate::picture::text::{self, Anchor, Weight};
use steepest_data::shown;

/// What raises an output, and what lowers it; a column's high and low values.
pub(super) const RAISES: &str = "#d1453b";
pub(super) const LOWERS: &str = "#2f6fb7";
/// Lines that are only there to be read along.
pub(super) const RULE: &str = "#b9c1c9";
/// Values that are no numbers, or are missing.
pub(super) const NO_NUMBER: &str = "#8d98a3";

pub(super) const WIDTH: f64 = 860.0;
/// The letters.
pub(super) const SIZE: f64 = 15.0;
/// A line of names.
pub(super) const ROW: f64 = 30.0;

/// One picture, before it is a file or a part of a page.
#[derive(Debug, Clone)]
pub(super) struct Drawn {
    /// The name of its file, without an end.
    pub name: String,
    pub title: String,
    /// A line below the title: how it is to be read.
    pub how: String,
    pub height: f64,
    pub body: String,
}

/// Where the body of a picture begins, below title and line.
const HEAD: f64 = 74.0;

impl Drawn {
    /// As a file.
    pub fn svg(&self) -> String {
        let Self { title, how, height, body, .. } = self;
        let total = height + HEAD;
        let title = fitted(title, WIDTH - 48.0, 20.0, Weight::Bold);
        // a long sentence takes smaller letters
        let room = WIDTH - 48.0;
        let size = (14.0 * room / text::width(how, 14.0, Weight::Regular).max(room)).max(9.0);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{total:.0}\" viewBox=\"0 0 {WIDTH} {total:.0}\" role=\"img\">\n\
             <title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}{}<g transform=\"translate(0 {HEAD})\">\n{body}</g>\n</svg>\n",
            text::escape(&title),
            text::path(&title, [24.0, 34.0], 20.0, Weight::Bold, Anchor::Start, INK),
            text::path(how, [24.0, 58.0], size, Weight::Regular, Anchor::Start, FAINT),
        )
    }

    /// As a part of a page.
    pub fn drawing(&self) -> Drawing {
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {:.0}\">\n{}</svg>\n",
            self.height, self.body
        );
        Drawing::of_svg(&self.title, &self.how, &svg)
    }
}

/// A text from outside in as much room as there is.
pub(super) fn fitted(outside: &str, room: f64, size: f64, weight: Weight) -> String {
    let mut most = 80;
    loop {
        let text = shown(outside).at_most(most).to_string();
        if most <= 6 || text::width(&text, size, weight) <= room {
            return text;
        }
        most -= 2;
    }
}

pub(super) fn words(text: &str, at: [f64; 2], anchor: Anchor, colour: &str) -> String {
    text::path(text, at, SIZE, Weight::Regular, anchor, colour)
}

/// An axis to the right with room at both ends, that holds all of some numbers.
pub(super) fn axis(numbers: impl Iterator<Item = f64>, from: f64, to: f64) -> Axis {
    let (low, high) = numbers
        .filter(|x| x.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    let (low, high) = if low <= high { (low, high) } else { (0.0, 0.0) };
    let room = match high - low {
        // all are the same
        0.0 => 0.5 * high.abs().max(1e-9),
        width => 0.05 * width,
    };
    Axis { from: (low - room, high + room), to: (from, to) }
}

/// Numbers below a frame, with lines through it, and what they measure.
pub(super) fn below(axis: &Axis, frame: Frame, unit: &str) -> String {
    let ticks: Vec<(f64, String)> =
        linear_ticks(axis.from, 6).into_iter().map(|tick| (tick, tick_text(tick))).collect();
    below_at(&ticks, axis, frame, unit)
}

/// The same of a column: what is written as a number has round numbers, a date has dates that there are.
pub(super) fn below_column<'a>(
    points: impl Iterator<Item = (f64, &'a str)>,
    axis: &Axis,
    frame: Frame,
    column: &str,
) -> String {
    let mut points: Vec<(f64, &str)> = points.collect();
    if points.iter().all(|(_, text)| text.replace(',', ".").parse::<f64>().is_ok()) {
        return below(axis, frame, column);
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let Some((first, last)) = points.first().zip(points.last()) else { return String::new() };
    const MOST: usize = 5;
    let mut ticks: Vec<(f64, String)> = Vec::new();
    for step in 0..=MOST {
        let at = first.0 + (last.0 - first.0) * step as f64 / MOST as f64;
        let far = |point: &&(f64, &str)| (point.0 - at).abs();
        let Some((number, text)) = points.iter().min_by(|a, b| far(a).total_cmp(&far(b))) else { continue };
        let room = ticks.last().map_or(f64::INFINITY, |(before, _)| axis.at(*number) - axis.at(*before));
        if room > 96.0 {
            ticks.push((*number, fitted(text, 90.0, SIZE, Weight::Regular)));
        }
    }
    below_at(&ticks, axis, frame, column)
}

fn below_at(ticks: &[(f64, String)], axis: &Axis, frame: Frame, unit: &str) -> String {
    let mut svg = String::new();
    for (tick, text) in ticks {
        let at = axis.at(*tick);
        let strong = if text == "0" { FAINT } else { RULE };
        svg += &format!(
            "<path stroke=\"{strong}\" stroke-width=\"1\" d=\"M{at:.1} {}V{}\"/>\n",
            frame.top,
            frame.bottom()
        );
        svg += &words(text, [at, frame.bottom() + 8.0 + SIZE], Anchor::Middle, INK);
    }
    let unit = fitted(unit, frame.width.max(300.0), SIZE, Weight::Regular);
    let at = [frame.left + frame.width / 2.0, frame.bottom() + 18.0 + 2.0 * SIZE];
    svg + &words(&unit, at, Anchor::Middle, FAINT)
}

/// Numbers to the left of a frame, with lines through it.
pub(super) fn beside(axis: &Axis, frame: Frame) -> String {
    let mut svg = String::new();
    for tick in linear_ticks((axis.from.0, axis.from.1), 6) {
        let at = axis.at(tick);
        svg += &format!(
            "<path stroke=\"{RULE}\" stroke-width=\"1\" d=\"M{} {at:.1}H{}\"/>\n",
            frame.left,
            frame.right()
        );
        svg += &words(&tick_text(tick), [frame.left - 9.0, at + 0.35 * SIZE], Anchor::End, INK);
    }
    svg
}

/// How far a value lies between the lowest and the highest of its column: 0 to 1 by rank.
pub(super) fn ranks(numbers: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut known: Vec<f64> = numbers.iter().copied().flatten().collect();
    known.sort_by(f64::total_cmp);
    let most = known.len().saturating_sub(1) as f64;
    let rank = |x: f64| {
        let first = known.partition_point(|other| *other < x);
        let last = known.partition_point(|other| *other <= x) - 1;
        if most > 0.0 { (first + last) as f64 / 2.0 / most } else { 0.5 }
    };
    numbers.iter().map(|number| number.map(rank)).collect()
}

/// A colour between that of low values and that of high ones.
pub(super) fn colour(rank: Option<f64>) -> String {
    let Some(rank) = rank else { return NO_NUMBER.to_owned() };
    let [low, middle, high] =
        [[0x2f, 0x6f, 0xb7], [0xa8, 0x7f, 0xb5], [0xd1, 0x45, 0x3b]].map(|c| c.map(f64::from));
    let (a, b, part) = if rank < 0.5 { (low, middle, 2.0 * rank) } else { (middle, high, 2.0 * rank - 1.0) };
    let mix = |k: usize| (a[k] + part * (b[k] - a[k])).round() as u8;
    format!("#{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2))
}

/// The scale of colours, with what its ends mean.
pub(super) fn scale(left: f64, y: f64, low: &str, high: &str) -> String {
    let mut svg = words(low, [left, y], Anchor::Start, FAINT);
    let begin = left + text::width(low, SIZE, Weight::Regular) + 8.0;
    for step in 0..24 {
        let x = begin + 5.0 * f64::from(step);
        svg += &format!(
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"5.4\" height=\"10\" fill=\"{}\"/>\n",
            y - 10.0,
            colour(Some(f64::from(step) / 23.0))
        );
    }
    svg + &words(high, [begin + 128.0, y], Anchor::Start, FAINT)
}
