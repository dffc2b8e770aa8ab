//! How the output moves with a column: rows by themselves, their mean, and accumulated local effects.

use super::drawn::{Drawn, LOWERS, RAISES, SIZE, WIDTH, axis, below_column, beside, fitted, words};
use crate::picture::frame::{Axis, FAINT, Frame, INK};
use crate::picture::text::{Anchor, Weight};
use steepest_train::explain::{Curve, Explained};

const ACCUMULATED: &str = "#b9770e";

pub(super) fn curve(found: &Explained, curve: &Curve, name: String) -> Option<Drawn> {
    let n = curve.texts.len();
    if n < 2 {
        return None;
    }
    let is_number = !curve.numbers.is_empty();
    let frame = Frame { left: 90.0, top: 34.0, width: WIDTH - 130.0, height: 380.0 };
    let place = |at: usize| if is_number { curve.numbers[at] } else { at as f64 };
    let x = axis((0..n).map(place), frame.left, frame.right());
    let x = if is_number { x } else { Axis { from: (-0.5, n as f64 - 0.5), ..x } };
    // accumulated effects have mean 0: they are put where the mean lies
    let total: usize = curve.counts.iter().sum();
    let weighted = |values: &[f64]| {
        values.iter().zip(&curve.counts).map(|(v, count)| v * *count as f64).sum::<f64>()
            / total.max(1) as f64
    };
    let local: Vec<f64> = match curve.accumulated.is_empty() {
        true => Vec::new(),
        false => {
            let shift = weighted(&curve.mean) - weighted(&curve.accumulated);
            curve.accumulated.iter().map(|value| value + shift).collect()
        }
    };
    let all = curve.each.iter().flatten().chain(&curve.mean).chain(&local).copied();
    let y = axis(all, frame.top, frame.bottom());
    let y = Axis { to: (frame.bottom(), frame.top), ..y };
    let mut body = String::new();
    if is_number {
        for [left, right] in &curve.gaps {
            let [left, right] = [x.at(*left), x.at(*right)];
            body += &format!(
                "<rect x=\"{left:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{}\" fill=\"#8d98a3\" fill-opacity=\".18\"/>\n",
                frame.top,
                right - left,
                frame.height
            );
        }
        let points = curve.numbers.iter().copied().zip(curve.texts.iter().map(String::as_str));
        body += &below_column(points, &x, frame, &found.columns[curve.column]);
    } else {
        let room = frame.width / n as f64 - 6.0;
        for (at, text) in curve.texts.iter().enumerate() {
            let text = fitted(text, room, SIZE, Weight::Regular);
            body += &words(&text, [x.at(at as f64), frame.bottom() + 8.0 + SIZE], Anchor::Middle, INK);
        }
        let unit = fitted(&found.columns[curve.column], frame.width, SIZE, Weight::Regular);
        body += &words(
            &unit,
            [frame.left + frame.width / 2.0, frame.bottom() + 18.0 + 2.0 * SIZE],
            Anchor::Middle,
            FAINT,
        );
    }
    body += &beside(&y, frame);
    body += &words(
        &fitted(&found.units[curve.output], frame.width, SIZE, Weight::Regular),
        [24.0, 14.0],
        Anchor::Start,
        FAINT,
    );
    let line = |values: &[f64]| {
        let point = |(at, value): (usize, &f64)| format!("{:.1} {:.1}", x.at(place(at)), y.at(*value));
        format!("M{}", values.iter().enumerate().map(point).collect::<Vec<_>>().join("L"))
    };
    for row in &curve.each {
        body += &format!(
            "<path fill=\"none\" stroke=\"{LOWERS}\" stroke-opacity=\".28\" stroke-width=\"1\" d=\"{}\"/>\n",
            line(row)
        );
    }
    body += &format!(
        "<path fill=\"none\" stroke=\"{RAISES}\" stroke-width=\"3\" d=\"{}\"/>\n",
        line(&curve.mean)
    );
    if !local.is_empty() {
        body += &format!(
            "<path fill=\"none\" stroke=\"{ACCUMULATED}\" stroke-width=\"3\" stroke-dasharray=\"8 5\" d=\"{}\"/>\n",
            line(&local)
        );
    }
    if is_number {
        // where the rows are
        for (at, count) in curve.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let height = 4.0 + 10.0 * *count as f64 / *curve.counts.iter().max().unwrap_or(&1) as f64;
            body += &format!(
                "<path stroke=\"{FAINT}\" stroke-width=\"2\" d=\"M{:.1} {}v{:.1}\"/>\n",
                x.at(place(at)),
                frame.bottom(),
                -height
            );
        }
    }
    let bottom = frame.bottom() + 26.0 + 2.0 * SIZE;
    let mut left = frame.left;
    let mut keys = vec![(LOWERS, "one row each", ""), (RAISES, "their mean", "")];
    if !local.is_empty() {
        keys.push((ACCUMULATED, "only among rows that are like it (ALE)", " stroke-dasharray=\"8 5\""));
    }
    for (colour, key, dashes) in keys {
        body += &format!(
            "<path stroke=\"{colour}\" stroke-width=\"3\"{dashes} d=\"M{left:.1} {:.1}h26\"/>\n",
            bottom + 17.0
        );
        body += &words(key, [left + 34.0, bottom + 22.0], Anchor::Start, FAINT);
        left += 64.0 + crate::picture::text::width(key, SIZE, Weight::Regular);
    }
    let marks =
        if is_number { " Marks at the bottom are rows; where it is grey there are none." } else { "" };
    Some(Drawn {
        name,
        title: format!("How the {} moves with {}", found.units[curve.output], found.columns[curve.column]),
        how: format!("What the network says if {} alone is changed.{marks}", found.columns[curve.column]),
        height: bottom + 36.0,
        body,
    })
}
