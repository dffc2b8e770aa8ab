//! One output of one row, from the average to what it is.

use super::drawn::{Drawn, LOWERS, RAISES, ROW, RULE, SIZE, WIDTH, axis, below, fitted, words};
use crate::number::{capital, short, signed};
use crate::picture::frame::{FAINT, Frame, INK};
use crate::picture::text::{Anchor, Weight};
use steepest_train::explain::{Explained, Method};

/// Columns that have a line of their own.
const MOST: usize = 10;

pub(super) fn waterfall(found: &Explained, row: usize, output: usize) -> Drawn {
    let of_row = &found.rows[row];
    let values = &of_row.outputs[output];
    let mut order: Vec<usize> = (0..found.columns.len()).collect();
    order.sort_by(|a, b| values.values[*b].abs().total_cmp(&values.values[*a].abs()));
    let (own, others) = order.split_at(if order.len() > MOST + 1 { MOST } else { order.len() });
    let mut steps: Vec<(String, f64, f64)> = own
        .iter()
        .map(|&at| {
            let name = fitted(&found.columns[at], 170.0, SIZE, Weight::Regular);
            let text = of_row.texts.get(at).map_or(String::new(), |text| format!(" = {}", shorter(text)));
            (format!("{name}{text}"), values.values[at], of_row.reach * values.standard_errors[at])
        })
        .collect();
    if !others.is_empty() {
        let sum = others.iter().map(|at| values.values[*at]).sum();
        steps.push((format!("{} more columns", others.len()), sum, 0.0));
    }
    let rest = values.whole - values.base - steps.iter().map(|step| step.1).sum::<f64>();
    let missed = rest.abs() > 1e-6 * steps.iter().map(|step| step.1.abs()).sum::<f64>().max(1e-300);
    if missed {
        steps.push(("not found by the path".to_owned(), rest, 0.0));
    }
    let frame =
        Frame { left: 320.0, top: 8.0, width: WIDTH - 320.0 - 90.0, height: ROW * (steps.len() + 2) as f64 };
    let mut sum = values.base;
    let ends: Vec<f64> = std::iter::once(sum)
        .chain(steps.iter().map(|step| {
            sum += step.1;
            sum
        }))
        .collect();
    let axis = axis(ends.iter().copied(), frame.left, frame.right());
    let mut body = below(&axis, frame, &found.units[output]);
    let label = |row: usize, text: &str, weight: Weight| {
        let at = [frame.left - 12.0, frame.top + ROW * (row as f64 + 0.5) + 0.35 * SIZE];
        crate::picture::text::path(
            &fitted(text, frame.left - 36.0, SIZE, weight),
            at,
            SIZE,
            weight,
            Anchor::End,
            INK,
        )
    };
    let dot = |row: usize, x: f64| {
        let y = frame.top + ROW * (row as f64 + 0.5);
        format!("<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"{FAINT}\"/>\n", axis.at(x))
            + &words(&short(x).replace('-', "−"), [axis.at(x) + 10.0, y + 0.35 * SIZE], Anchor::Start, INK)
    };
    body += &(label(0, "on average", Weight::Bold) + &dot(0, values.base));
    let mut at = values.base;
    for (row, (name, value, half)) in steps.iter().enumerate() {
        let y = frame.top + ROW * (row + 1) as f64;
        let (from, to) = (axis.at(at), axis.at(at + value));
        let colour = if *value < 0.0 { LOWERS } else { RAISES };
        body += &label(row + 1, name, Weight::Regular);
        body += &format!(
            "<path stroke=\"{RULE}\" d=\"M{from:.1} {:.1}v{:.1}\"/>\n",
            y - 0.5 * ROW + 5.0,
            0.5 * ROW
        );
        body += &format!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"2\" fill=\"{colour}\"/>\n",
            from.min(to),
            y + 5.0,
            (to - from).abs().max(1.0),
            ROW - 10.0
        );
        if *half > 0.0 {
            let [low, high] = [at + value - half, at + value + half].map(|x| axis.at(x));
            body += &format!(
                "<path stroke=\"{INK}\" stroke-width=\"1.4\" d=\"M{low:.1} {:.1}H{high:.1}\"/>\n",
                y + 0.5 * ROW
            );
        }
        let behind = [from.max(to) + 8.0, y + 0.5 * ROW + 0.35 * SIZE];
        body += &words(&signed(*value, short), behind, Anchor::Start, INK);
        at += value;
    }
    body += &(label(steps.len() + 1, "this row", Weight::Bold) + &dot(steps.len() + 1, values.whole));
    let sums = match found.made.method {
        Method::Shapley | Method::Auto => {
            "What each column adds to the average, the largest first; it adds up to the row's own value."
        }
        Method::Path => "What is gained along each column on the way from usual rows (path attribution).",
        Method::Lime => "What keeping each column adds by a line through the neighbourhood (LIME).",
        Method::Linear => {
            "The network's slope along each column times how far the row is from the average (local linear model)."
        }
    };
    Drawn {
        name: format!("waterfall-row-{}", of_row.row),
        title: format!("{} in {}", capital(&found.units[output]), of_row.place),
        how: format!("{sums} Red raises, blue lowers."),
        height: frame.bottom() + 30.0 + 2.0 * SIZE,
        body,
    }
}

/// Decimals that nobody needs to know a row again are left out.
fn shorter(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(number) if text.len() > 7 && number.is_finite() => short(number),
        _ => steepest_data::shown(text).at_most(18).to_string(),
    }
}
