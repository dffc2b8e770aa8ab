//! How much each column matters, with intervals.

use super::drawn::{Drawn, LOWERS, ROW, SIZE, WIDTH, axis, below, fitted, words};
use crate::number::{count, significant};
use crate::picture::frame::{Axis, FAINT, Frame, INK};
use crate::picture::text::{Anchor, Weight};
use steepest_train::explain::Explained;

/// Columns that are shown.
pub(super) const MOST: usize = 14;

pub(super) fn bars(found: &Explained, output: usize, name: String) -> Drawn {
    let means = found.mean_absolute(output);
    let order = found.by_weight(output);
    let shown = &order[..order.len().min(MOST)];
    let frame =
        Frame { left: 270.0, top: 8.0, width: WIDTH - 270.0 - 110.0, height: ROW * shown.len() as f64 };
    let ends = shown.iter().map(|at| means[*at][0] + means[*at][1]).chain([0.0]);
    let full = axis(ends, frame.left, frame.right());
    let axis = Axis { from: (0.0, full.from.1), ..full };
    let unit = format!("mean change of the {}", found.units[output]);
    let mut body = below(&axis, frame, &unit);
    for (row, &at) in shown.iter().enumerate() {
        let [mean, half] = means[at];
        let y = frame.top + ROW * row as f64;
        let middle = y + 0.5 * ROW;
        let label = fitted(&found.columns[at], frame.left - 40.0, SIZE, Weight::Regular);
        body += &words(&label, [frame.left - 12.0, middle + 0.35 * SIZE], Anchor::End, INK);
        body += &format!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"2\" fill=\"{LOWERS}\"/>\n",
            axis.at(0.0),
            y + 5.0,
            (axis.at(mean) - axis.at(0.0)).max(1.0),
            ROW - 10.0
        );
        let [low, high] = [(mean - half).max(0.0), mean + half].map(|x| axis.at(x));
        if half > 0.0 {
            body += &format!(
                "<path stroke=\"{INK}\" stroke-width=\"1.6\" fill=\"none\" d=\"M{low:.1} {middle:.1}H{high:.1}M{low:.1} {:.1}v8M{high:.1} {:.1}v8\"/>\n",
                middle - 4.0,
                middle - 4.0
            );
        }
        body +=
            &words(&significant(mean, 3), [frame.right() + 14.0, middle + 0.35 * SIZE], Anchor::Start, FAINT);
    }
    let more = match order.len() - shown.len() {
        0 => String::new(),
        more => format!(" {more} more columns matter less."),
    };
    Drawn {
        name,
        title: format!("What matters for the {}", found.units[output]),
        how: format!(
            "How far each column moves the {} up or down on average, over {}; lines are 95 % intervals.{more}",
            found.units[output],
            count(found.rows.len() as u64, "row")
        ),
        height: frame.bottom() + 30.0 + 2.0 * SIZE,
        body,
    }
}
