//! Where things lie in the picture: frames, axes, ticks and marks.

use super::text::{self, Anchor, Weight};
use crate::number::short;

/// The panel with the contours.
pub const PANEL: Frame = Frame { left: 64.0, top: 106.0, width: 580.0, height: 560.0 };

/// The size of numbers at an axis, where nothing else is asked for.
pub const SMALL: f64 = 12.0;

pub const INK: &str = "#1f2933";
pub const FAINT: &str = "#6b7785";

#[derive(Debug, Clone, Copy)]
pub struct Frame {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Frame {
    pub fn right(&self) -> f64 {
        self.left + self.width
    }

    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }

    pub fn rect(&self, attributes: &str) -> String {
        let Self { left, top, width, height } = self;
        format!("<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" {attributes}/>\n")
    }
}

/// From data to the picture along one axis.
#[derive(Debug, Clone, Copy)]
pub struct Axis {
    pub from: (f64, f64),
    pub to: (f64, f64),
}

impl Axis {
    pub fn at(&self, x: f64) -> f64 {
        let part = (x - self.from.0) / (self.from.1 - self.from.0);
        self.to.0 + part * (self.to.1 - self.to.0)
    }

    pub fn back(&self, x: f64) -> f64 {
        let part = (x - self.to.0) / (self.to.1 - self.to.0);
        self.from.0 + part * (self.from.1 - self.from.0)
    }
}

/// At most about `most` round numbers of an interval.
pub fn linear_ticks((low, high): (f64, f64), most: usize) -> Vec<f64> {
    let raw = (high - low) / most as f64;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| *step >= raw * (1.0 - 1e-9));
    let Some(step) = step.filter(|step| step.is_finite() && *step > 0.0) else { return Vec::new() };
    let first = (low / step - 1e-9).ceil();
    let number = |i: usize| (first + i as f64) * step;
    (0..=most + 1).map(number).take_while(|x| *x <= high + 1e-9 * step).collect()
}

pub fn tick_text(x: f64) -> String {
    // 3·0.1 is no 0.30000000000000004 on an axis
    let text = if x.abs() < 1e-12 { "0".to_owned() } else { short(x) };
    text.replace('-', "−")
}

pub fn power_of_ten(exponent: i32) -> String {
    match exponent {
        -2..=3 => short(10f64.powi(exponent)),
        _ => format!("1e{exponent}").replace('-', "−"),
    }
}

/// What a scale shows, above its frame.
pub fn caption(frame: Frame, label: &str, size: f64) -> String {
    let at = [frame.left, frame.top - 12.0];
    text::path(label, at, size + 1.0, Weight::Regular, Anchor::Start, FAINT)
}

pub fn mark_below(frame: Frame, x: f64, label: &str, size: f64) -> String {
    let bottom = frame.bottom();
    format!("<path stroke=\"{INK}\" d=\"M{x:.1} {bottom}v5\"/>\n")
        + &text::path(label, [x, bottom + 8.0 + size], size, Weight::Regular, Anchor::Middle, INK)
}

pub fn mark_left(frame: Frame, y: f64, label: &str, size: f64) -> String {
    let left = frame.left;
    format!("<path stroke=\"{INK}\" d=\"M{left} {y:.1}h-5\"/>\n")
        + &text::path(label, [left - 9.0, y + 0.35 * size], size, Weight::Regular, Anchor::End, INK)
}

/// What is to the right, below the numbers.
pub fn name_below(frame: Frame, name: &str, size: f64) -> String {
    let at = [frame.left + frame.width / 2.0, frame.bottom() + 16.0 + 2.0 * size];
    text::path(name, at, size + 1.0, Weight::Regular, Anchor::Middle, FAINT)
}

/// What is up, beside the numbers.
pub fn name_left(frame: Frame, name: &str, size: f64) -> String {
    let at = [frame.left - 4.0 * size, frame.top + frame.height / 2.0];
    text::path(name, at, size + 1.0, Weight::Regular, Anchor::Middle, FAINT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(linear_ticks((-2.0, 2.0), 7), [-2.0, -1.0, 0.0, 1.0, 2.0]);
        assert_eq!(linear_ticks((0.0, 1000.0), 3), [0.0, 500.0, 1000.0]);
        assert_eq!(linear_ticks((-5.12, 5.12), 7), [-4.0, -2.0, 0.0, 2.0, 4.0]);
        assert!(linear_ticks((1.0, 1.0), 5).is_empty());
    }
}
