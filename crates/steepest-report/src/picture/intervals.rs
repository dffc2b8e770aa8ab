//! Numbers with their intervals, one below the other.

use super::drawing::Drawing;
use super::frame::{Axis, FAINT, Frame, INK, linear_ticks, mark_below, name_below, tick_text};
use super::text::{self, Anchor, Weight};
use std::fmt::Write as _;

/// Numbers with their intervals, beside a line at zero.
#[derive(Debug, Clone)]
pub struct Intervals {
    /// What is shown.
    pub title: String,
    /// What the numbers are, below the axis.
    pub axis: String,
    /// A name, a number, its interval, and whether that is told from zero.
    pub rows: Vec<(String, f64, [f64; 2], bool)>,
}

/// The size of its letters: it is some 500 of these units wide, and some 230 pixels on a telephone.
const SIZE: f64 = 22.0;
/// A name, and its interval below it.
const ROW: f64 = 58.0;

impl Intervals {
    /// The picture for a page.
    pub fn drawing(&self) -> Drawing {
        let widest =
            self.rows.iter().map(|row| text::width(&row.0, SIZE, Weight::Regular)).fold(0.0, f64::max);
        let frame = Frame {
            left: 16.0,
            top: 4.0,
            width: (widest + 24.0).max(470.0),
            height: ROW * self.rows.len() as f64 + 8.0,
        };
        let ends = || self.rows.iter().flat_map(|row| row.2).chain([0.0]);
        let (low, high) = (ends().fold(0.0, f64::min), ends().fold(0.0, f64::max));
        // a picture of differences that are all zero has a width, too
        let margin = if high > low { 0.06 * (high - low) } else { 1.0 };
        let axis = Axis { from: (low - margin, high + margin), to: (frame.left, frame.right()) };
        let mut svg = frame.rect(&format!("fill=\"none\" stroke=\"{FAINT}\" stroke-opacity=\"0.4\""));
        for x in linear_ticks(axis.from, 5) {
            svg += &mark_below(frame, axis.at(x), &tick_text(x), SIZE);
        }
        svg += &name_below(frame, &self.axis, SIZE);
        let zero = axis.at(0.0);
        let _ = writeln!(
            svg,
            "<path stroke=\"{FAINT}\" stroke-dasharray=\"5 4\" d=\"M{zero:.1} {}V{}\"/>",
            frame.top,
            frame.bottom()
        );
        for (at, (name, mean, interval, told)) in self.rows.iter().enumerate() {
            let top = frame.top + ROW * at as f64;
            let (label, y) = ([frame.left + 12.0, top + 6.0 + SIZE], top + ROW - 14.0);
            svg += &text::path(name, label, SIZE, Weight::Regular, Anchor::Start, INK);
            let [low, high] = interval.map(|x| axis.at(x));
            let (x, fill) = (axis.at(*mean), if *told { INK } else { "none" });
            let _ = writeln!(
                svg,
                "<path stroke=\"{INK}\" stroke-width=\"2.5\" d=\"M{low:.1} {y}H{high:.1}M{low:.1} {:.1}v12M{high:.1} {:.1}v12\"/>\n\
                 <circle cx=\"{x:.1}\" cy=\"{y}\" r=\"6\" stroke=\"{INK}\" stroke-width=\"2.5\" fill=\"{fill}\"/>",
                y - 6.0,
                y - 6.0
            );
        }
        let (width, height) = (frame.right() + 16.0, frame.bottom() + 24.0 + 3.0 * SIZE);
        let about = |(name, mean, [low, high], _): &(String, f64, [f64; 2], bool)| {
            format!("{name}: {}, {} to {}", tick_text(*mean), tick_text(*low), tick_text(*high))
        };
        let about = format!(
            "{}, each with its interval. {}.",
            self.axis,
            self.rows.iter().map(about).collect::<Vec<_>>().join("; ")
        );
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\">\n{svg}</svg>\n"
        );
        Drawing::of_svg(&self.title, &about, &svg)
    }
}
