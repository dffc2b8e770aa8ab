//! What all ways of computing need: coalitions in blocks, and errors that the background makes.

use crate::masks::Masks;
use crate::model::Hybrids;
use std::ops::Range;

/// The game of one row against one row of the background.
pub(super) struct Part {
    pub base: Vec<f64>,
    pub whole: Vec<f64>,
    pub values: Vec<f64>,
}

/// For each number, the standard error of its mean over rows of the background.
pub(crate) fn spread(each: &[Vec<f64>]) -> Vec<f64> {
    let n = each.len() as f64;
    let width = each.first().map_or(0, Vec::len);
    (0..width)
        .map(|at| {
            let mean = each.iter().map(|values| values[at]).sum::<f64>() / n;
            each.iter().map(|values| (values[at] - mean).powi(2)).sum::<f64>().sqrt() / n
        })
        .collect()
}

/// Evaluates coalitions in blocks, and hands on the outputs of each in order.
#[allow(clippy::too_many_arguments)]
pub(super) fn block_values(
    hybrids: &dyn Hybrids,
    other: usize,
    active: &[usize],
    masks: &Masks,
    range: Range<usize>,
    outputs: usize,
    block: usize,
    mut each: impl FnMut(usize, &[f64]),
) {
    let mut values = vec![0.0; block.min(range.len()) * outputs];
    let mut begin = range.start;
    while begin < range.end {
        let end = (begin + block).min(range.end);
        let values = &mut values[..(end - begin) * outputs];
        hybrids.evaluate(other, active, masks, begin..end, values);
        (begin..end).zip(values.chunks(outputs)).for_each(|(mask, values)| each(mask, values));
        begin = end;
    }
}
