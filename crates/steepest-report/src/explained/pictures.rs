//! Which pictures an explanation gets.

use super::bars::bars;
use super::beeswarm::beeswarm;
use super::curves::curve;
use super::dependence::dependence;
use super::drawn::Drawn;
use super::overlay::overlay;
use super::waterfall::waterfall;
use steepest_train::explain::Explained;

/// Outputs that have pictures of their own.
const MOST_OUTPUTS: usize = 3;
/// Columns whose dependence is drawn.
const MOST_COLUMNS: usize = 3;
/// Rows that have a picture of their own.
const MOST_ROWS: usize = 4;

/// The pictures of an explanation as SVG, each with the name of its file without an end. A PNG of one is
/// [`Picture::png`](crate::Picture::png).
pub fn pictures(found: &Explained) -> Vec<(String, String)> {
    drawn(found).into_iter().map(|drawn| (drawn.name.clone(), drawn.svg())).collect()
}

pub(super) fn drawn(found: &Explained) -> Vec<Drawn> {
    if found.rows.is_empty() {
        return Vec::new();
    }
    let outputs = found.outputs.len().min(MOST_OUTPUTS);
    // of several outputs, each file says whose
    let named = |what: &str, output: usize| match found.outputs.len() {
        1 => what.to_owned(),
        _ => format!("{what}-{}", output + 1),
    };
    if found.image.is_some() {
        return chosen_rows(found)
            .into_iter()
            .filter_map(|(row, output)| overlay(found, row, output))
            .collect();
    }
    let mut all = Vec::new();
    for output in 0..outputs {
        if found.rows.len() > 1 {
            all.push(bars(found, output, named("bars", output)));
            all.push(beeswarm(found, output, named("beeswarm", output)));
        }
    }
    all.extend(chosen_rows(found).into_iter().map(|(row, output)| waterfall(found, row, output)));
    for output in 0..outputs {
        for (rank, column) in found.by_weight(output).into_iter().take(MOST_COLUMNS).enumerate() {
            all.extend(dependence(found, column, output, named(&format!("dependence-{}", rank + 1), output)));
        }
        let curves = found.curves.iter().filter(|of| of.output == output).enumerate();
        all.extend(
            curves.filter_map(|(rank, of)| curve(found, of, named(&format!("curve-{}", rank + 1), output))),
        );
    }
    all
}

/// Rows worth a picture, each with the output to draw: all of few; of many the lowest, the highest and the one in the middle, by one
/// output, or by several a row for each of which it is the largest.
fn chosen_rows(found: &Explained) -> Vec<(usize, usize)> {
    let whole = |row: usize, output: usize| found.rows[row].outputs[output].whole;
    let largest = |row: usize| {
        (0..found.outputs.len()).max_by(|a, b| whole(row, *a).total_cmp(&whole(row, *b))).unwrap_or(0)
    };
    let n = found.rows.len();
    if n <= MOST_ROWS {
        return (0..n).map(|row| (row, largest(row))).collect();
    }
    if found.outputs.len() == 1 {
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|a, b| whole(*a, 0).total_cmp(&whole(*b, 0)));
        return [n - 1, n / 2, 0].into_iter().map(|at| (order[at], 0)).collect();
    }
    let first = |output: usize| (0..n).find(|row| largest(*row) == output).map(|row| (row, output));
    (0..found.outputs.len()).filter_map(first).take(MOST_ROWS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::picture::Picture;

    #[test]
    fn lines_that_explain_little_rank_nothing() {
        let mut found = fixture::explained(false);
        found.rows.iter_mut().for_each(|row| row.outputs[0].values = vec![0.1, 0.2, 0.3]);
        assert_eq!(found.by_weight(0), [2, 1, 0]);
        found.rows[3].outputs[0].r_squared = Some(0.3);
        assert_eq!(found.by_weight(0), [0, 1, 2]);
        found.rows[3].outputs[0].r_squared = Some(0.8);
        assert_eq!(found.by_weight(0), [2, 1, 0]);
    }

    #[test]
    fn every_picture_is_drawn_whatever_is_in_it() {
        for hostile in [false, true] {
            let found = fixture::explained(hostile);
            let pictures = pictures(&found);
            let kinds = ["bars", "beeswarm", "waterfall", "dependence", "curve"];
            for kind in kinds {
                assert!(pictures.iter().any(|(name, _)| name.starts_with(kind)), "{kind}");
            }
            for (name, svg) in pictures {
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
                assert!(!svg.contains("<b>"), "names are text");
                assert!(Picture::png(&svg).unwrap().starts_with(b"\x89PNG"), "{name}");
            }
        }
    }
}
