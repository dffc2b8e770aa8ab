//! A function of two numbers: its window, its height on a scale of logarithms, its levels and their colours.

use super::frame::{Axis, Frame, INK, PANEL, caption, tick_text};
use super::text::{self, Anchor, Weight};
use std::fmt::Write as _;

/// The palette of the contours, from low to high: Mako, by M. Waskom (seaborn, BSD-3-Clause). Its
/// lightness rises evenly, so equal steps look equal, also in grey.
const PALETTE: [[f64; 3]; 8] = [
    [11.0, 4.0, 5.0],
    [46.0, 30.0, 59.0],
    [65.0, 61.0, 123.0],
    [55.0, 101.0, 158.0],
    [52.0, 143.0, 167.0],
    [64.0, 183.0, 173.0],
    [139.0, 218.0, 178.0],
    [222.0, 245.0, 229.0],
];

/// A function of two numbers.
pub struct Surface<'a> {
    /// The function.
    pub f: Box<dyn Fn([f64; 2]) -> f64 + 'a>,
    /// The ranges of x and of y.
    pub window: [(f64, f64); 2],
    /// Where the ways begin.
    pub start: [f64; 2],
    /// Where it is smallest.
    pub minima: Vec<[f64; 2]>,
}

impl Surface<'_> {
    /// The same function again, borrowed.
    pub(super) fn shared(&self) -> Surface<'_> {
        let Self { f, window, start, minima } = self;
        Surface { f: Box::new(f), window: *window, start: *start, minima: minima.clone() }
    }
}

/// The window of a surface, widened where the start lies outside of it.
pub fn axes(surface: &Surface) -> [Axis; 2] {
    let axis = |i: usize, to| {
        let ((low, high), start) = (surface.window[i], surface.start[i]);
        let margin = 0.06 * (high - low);
        let from = (
            if start < low { start - margin } else { low },
            if start > high { start + margin } else { high },
        );
        Axis { from, to }
    };
    [axis(0, (PANEL.left, PANEL.right())), axis(1, (PANEL.bottom(), PANEL.top))]
}

/// The logarithm of a value's height above the lowest, kept above what an f64 can tell from zero.
pub fn log_height(value: f64, floor: f64) -> f64 {
    // differences of numbers of this size are rounding below
    let least = f64::EPSILON * floor.abs().max(1.0);
    // max drops a NaN, and that is no low point
    if value.is_nan() { f64::INFINITY } else { (value - floor).max(least).log10() }
}

/// What the scale of colours shows.
const BAR_NAME: &str = "f − min f";

/// The levels of the contours: heights above the floor, round numbers, even on a scale of logarithms.
pub struct Levels {
    pub values: Vec<f64>,
}

impl Levels {
    /// Most levels, over the whole range.
    const MOST: f64 = 20.0;

    pub fn of(surface: &Surface, floor: f64) -> Self {
        let [x, y] = axes(surface);
        let mut heights = Vec::new();
        for i in 0..60 {
            for j in 0..60 {
                let part = |k: i32| (f64::from(k) + 0.5) / 60.0;
                let at = |axis: Axis, k| axis.from.0 + part(k) * (axis.from.1 - axis.from.0);
                let height = log_height((surface.f)([at(x, i), at(y, j)]), floor);
                heights.extend(Some(height).filter(|h| h.is_finite()));
            }
        }
        heights.sort_by(f64::total_cmp);
        let (Some(lowest), Some(highest)) = (heights.get(heights.len() / 500), heights.last()) else {
            return Self { values: Vec::new() };
        };
        // round mantissas, from many to few for each power of ten
        let series: [&[f64]; 5] = [
            &[1.0, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2],
            &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
            &[1.0, 2.0, 5.0],
            &[1.0, 3.0],
            &[1.0],
        ];
        let decades = (highest - lowest).max(0.1);
        let fits = |series: &&&[f64]| decades * series.len() as f64 <= Self::MOST;
        let series = series.iter().find(fits).unwrap_or(&series[4]);
        let powers = lowest.floor() as i32..=highest.ceil() as i32;
        let values = powers.flat_map(|power| series.iter().map(move |m| m * 10f64.powi(power)));
        Self { values: values.filter(|v| (*lowest..*highest).contains(&v.log10())).collect() }
    }

    /// The colour below the `i`-th level; of the highest part for the number of levels.
    pub fn colour(&self, i: usize) -> String {
        let part = 0.1 + 0.86 * i as f64 / self.values.len().max(1) as f64;
        let place = part * (PALETTE.len() - 1) as f64;
        let (low, part) = ((place as usize).min(PALETTE.len() - 2), place.fract());
        let channel =
            |c: usize| (PALETTE[low][c] + part * (PALETTE[low + 1][c] - PALETTE[low][c])).round() as u8;
        format!("#{:02x}{:02x}{:02x}", channel(0), channel(1), channel(2))
    }

    /// Where the scale of colours lies, and how far to the right its numbers go.
    pub fn bar_place(&self, size: f64) -> (Frame, f64) {
        let frame = Frame { left: PANEL.right() + 16.0, width: 14.0, ..PANEL };
        let width = |text: &str, size: f64| text::width(text, size, Weight::Regular);
        let numbers = self.values.iter().map(|level| width(&tick_text(*level), size)).fold(0.0, f64::max);
        (frame, (frame.right() + 8.0 + numbers).max(frame.left + width(BAR_NAME, size + 1.0)))
    }

    /// The scale of colours beside the panel, in letters of a size.
    pub fn bar(&self, size: f64) -> String {
        let (frame, _) = self.bar_place(size);
        let bands = self.values.len() + 1;
        let height = frame.height / bands as f64;
        let mut svg = String::new();
        for i in 0..bands {
            let top = frame.bottom() - height * (i + 1) as f64;
            // a hair taller, so that no seam shows between the bands
            let band = Frame { top, height: height + if i > 0 { 0.5 } else { 0.0 }, ..frame };
            svg += &band.rect(&format!("fill=\"{}\"", self.colour(i)));
        }
        svg += &frame.rect(&format!("fill=\"none\" stroke=\"{INK}\" stroke-width=\".8\""));
        // all levels where there is room for their numbers
        let every = (1.5 * size / height).ceil().max(1.0) as usize;
        for (i, level) in self.values.iter().enumerate().step_by(every) {
            let y = frame.bottom() - height * (i + 1) as f64;
            let _ = writeln!(
                svg,
                "<path stroke=\"{INK}\" stroke-width=\".8\" d=\"M{} {y:.1}h4\"/>",
                frame.right()
            );
            svg += &text::path(
                &tick_text(*level),
                [frame.right() + 8.0, y + size / 3.0],
                size,
                Weight::Regular,
                Anchor::Start,
                INK,
            );
        }
        svg + &caption(frame, BAR_NAME, size)
    }
}
