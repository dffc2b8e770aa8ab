//! The line that shows how training goes: as much of it as the terminal is wide, and never more.

use crate::output::{Paint, short, significant};
use steepest_report::duration;

/// What the line can say.
#[derive(Debug, Clone, Default)]
pub struct Line<'a> {
    pub epoch: u64,
    pub epochs: u64,
    /// How much is done, 0 to 1.
    pub done: f64,
    pub loss: f64,
    /// Name and value of the validation metric.
    pub metric: Option<(&'static str, f64)>,
    /// What is drawn as a curve: a loss for each epoch.
    pub curve: &'a [f64],
    pub lr: f64,
    pub rows_per_second: f64,
    pub seconds_left: f64,
}

/// Cells of the bar, and of the curve.
const BAR: usize = 20;
const CURVE: usize = 16;

impl Line<'_> {
    /// The line for a terminal of so many columns, one of which stays free: a cursor behind the last would wrap.
    pub fn text(&self, columns: usize, paint: Paint) -> String {
        let metric = self.metric.map(|(name, value)| format!("{name} {:>6}", significant(value, 4)));
        // in the order of the line, each with how soon it is left out
        let parts = [
            (
                0,
                format!(
                    "epoch {:>width$}/{}",
                    self.epoch,
                    self.epochs,
                    width = self.epochs.to_string().len()
                ),
            ),
            (4, bar(self.done, BAR)),
            (1, format!("loss {:>9}", significant(self.loss, 4))),
            (2, metric.unwrap_or_default()),
            (5, sparkline(self.curve, CURVE)),
            (7, format!("lr {:>9}", short(self.lr))),
            (6, format!("{:>6} rows/s", rate(self.rows_per_second))),
            (3, format!("{} left", duration(self.seconds_left))),
        ];
        let room = columns.saturating_sub(1);
        let width = |text: &str| text.chars().count();
        let mut order: Vec<usize> = (0..parts.len()).filter(|at| !parts[*at].1.is_empty()).collect();
        order.sort_by_key(|at| parts[*at].0);
        let (mut kept, mut used) = (Vec::new(), 0);
        for at in order {
            let more = width(&parts[at].1) + if kept.is_empty() { 0 } else { 2 };
            if used + more > room {
                break;
            }
            kept.push(at);
            used += more;
        }
        if kept.is_empty() {
            return parts[0].1.chars().take(room).collect();
        }
        kept.sort_unstable();
        let shown = |at: &usize| match parts[*at].0 {
            4 | 5 => paint.accent(&parts[*at].1),
            _ => parts[*at].1.clone(),
        };
        kept.iter().map(shown).collect::<Vec<_>>().join("  ")
    }
}

/// How much of something is done, 0 to 1, in so many cells.
pub fn bar(done: f64, cells: usize) -> String {
    let full = ((done * cells as f64).round() as usize).min(cells);
    format!("{}{}", "━".repeat(full), "╌".repeat(cells - full))
}

/// A curve in a few characters, from the lowest value to the highest; of many values, the last of each stretch.
pub fn sparkline(values: &[f64], cells: usize) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let known: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if known.len() < 2 {
        return String::new();
    }
    let cells = cells.min(known.len());
    let taken = (1..=cells).map(|cell| known[cell * known.len() / cells - 1]);
    // losses fall by factors
    let log = known.iter().all(|value| *value > 0.0);
    let height = |value: f64| if log { value.ln() } else { value };
    let heights: Vec<f64> = taken.map(height).collect();
    let low = heights.iter().copied().fold(f64::INFINITY, f64::min);
    let high = heights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let part = |h: f64| if high > low { (h - low) / (high - low) } else { 0.0 };
    heights.into_iter().map(|h| HEIGHTS[(part(h) * 7.0).round() as usize]).collect()
}

/// `950`, `12.3k`, `1.2M`
pub fn rate(per_second: f64) -> String {
    match per_second {
        x if x >= 999_950.0 => format!("{:.1}M", x / 1e6),
        x if x >= 999.5 => format!("{:.1}k", x / 1e3),
        x => format!("{x:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_any_terminal() {
        let curve: Vec<f64> = (1..100).map(|i| 1.0 / f64::from(i)).collect();
        let line = Line {
            epoch: 99,
            epochs: 200,
            done: 0.495,
            loss: 0.012_345,
            metric: Some(("balanced_accuracy", 0.987_6)),
            curve: &curve,
            lr: 0.002_925,
            rows_per_second: 32_248.0,
            seconds_left: 12.0,
        };
        for columns in 0..200 {
            let text = line.text(columns, Paint::plain());
            assert!(text.chars().count() < columns.max(1), "{columns}: {text:?}");
        }
        assert_eq!(line.text(40, Paint::plain()), "epoch  99/200  loss   0.01235");
        let whole = line.text(200, Paint::plain());
        for part in ["━╌", "loss", "balanced_accuracy 0.9876", "▁", "lr", "32.2k rows/s", "12 s left"] {
            assert!(whole.contains(part), "{part}: {whole}");
        }
    }

    #[test]
    fn a_curve_is_low_where_it_is_low() {
        assert_eq!(sparkline(&[1.0, 2.0, 4.0, 8.0], 8), "▁▃▆█");
        assert_eq!(sparkline(&[0.0, -1.0], 8), "█▁");
        assert_eq!(sparkline(&[1.0], 8), "");
        assert_eq!(sparkline(&[f64::NAN, 3.0, 3.0], 8), "▁▁");
        assert_eq!(sparkline(&(0..1000).map(f64::from).collect::<Vec<_>>(), 10).chars().count(), 10);
    }

    #[test]
    fn rates_are_short() {
        assert_eq!([0.4, 950.0, 999.7, 12_345.0, 1.2e6].map(rate), ["0", "950", "1.0k", "12.3k", "1.2M"]);
    }
}
