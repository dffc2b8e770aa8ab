//! All rows: what each column adds in each of them.

use super::bars::MOST;
use super::drawn::{Drawn, SIZE, WIDTH, axis, below, colour, fitted, ranks, scale, words};
use crate::picture::frame::{FAINT, Frame, INK};
use crate::picture::text::{Anchor, Weight};
use steepest_train::explain::Explained;

const LINE: f64 = 40.0;
const RADIUS: f64 = 3.0;
/// Rows that are drawn.
const MOST_ROWS: usize = 500;

pub(super) fn beeswarm(found: &Explained, output: usize, name: String) -> Drawn {
    let order = found.by_weight(output);
    let columns = &order[..order.len().min(MOST)];
    let step = found.rows.len().div_ceil(MOST_ROWS);
    let rows: Vec<_> = found.rows.iter().step_by(step).collect();
    let frame =
        Frame { left: 270.0, top: 8.0, width: WIDTH - 270.0 - 40.0, height: LINE * columns.len() as f64 };
    let value = |row: usize, at: usize| rows[row].outputs[output].values[at];
    let all = columns.iter().flat_map(|at| (0..rows.len()).map(move |row| value(row, *at)));
    let axis = axis(all.chain([0.0]), frame.left, frame.right());
    let mut body = below(&axis, frame, &format!("change of the {}", found.units[output]));
    let mut has_words = false;
    for (line, &at) in columns.iter().enumerate() {
        let middle = frame.top + LINE * (line as f64 + 0.5);
        let label = fitted(&found.columns[at], frame.left - 40.0, SIZE, Weight::Regular);
        body += &words(&label, [frame.left - 12.0, middle + 0.35 * SIZE], Anchor::End, INK);
        let numbers: Vec<Option<f64>> =
            rows.iter().map(|row| row.numbers.get(at).copied().flatten()).collect();
        has_words |= numbers.iter().any(Option::is_none);
        let ranks = ranks(&numbers);
        let mut places: Vec<(usize, f64)> =
            (0..rows.len()).map(|row| (row, axis.at(value(row, at)))).collect();
        places.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        let mut taken: Vec<[f64; 2]> = Vec::new();
        for (row, x) in places {
            let y = free(&taken, x);
            taken.push([x, y]);
            body += &format!(
                "<circle cx=\"{x:.1}\" cy=\"{:.1}\" r=\"{RADIUS}\" fill=\"{}\"/>\n",
                middle + y,
                colour(ranks[row])
            );
        }
    }
    let bottom = frame.bottom() + 26.0 + 2.0 * SIZE;
    body += &scale(frame.left, bottom + 22.0, "low values", "high values");
    if has_words {
        body += &format!(
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\" fill=\"{}\"/>\n",
            frame.left + 335.0,
            bottom + 17.0,
            colour(None)
        );
        body += &words("words, or missing", [frame.left + 346.0, bottom + 22.0], Anchor::Start, FAINT);
    }
    Drawn {
        name,
        title: format!("What each column adds to the {}, row by row", found.units[output]),
        how: "Each dot is a row: to the right the column raises the value, to the left it lowers it."
            .to_owned(),
        height: bottom + 36.0,
        body,
    }
}

/// Where a dot has room beside those before it, nearest to the middle.
fn free(taken: &[[f64; 2]], x: f64) -> f64 {
    let near: Vec<[f64; 2]> =
        taken.iter().rev().take_while(|[other, _]| x - other < 2.0 * RADIUS).copied().collect();
    let most = (0.5 * LINE - RADIUS) / 1.5;
    let is_free = |y: f64| near.iter().all(|[a, b]| (a - x).hypot(b - y) >= 1.9 * RADIUS);
    let steps = (0..most as usize).flat_map(|step| [1.5 * step as f64, -1.5 * step as f64]);
    // where a line is full, dots lie over one another
    steps.into_iter().find(|y| is_free(*y)).unwrap_or((taken.len() % 23) as f64 - 11.0)
}
