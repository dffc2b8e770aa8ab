//! One row against rows of the background, coalition by coalition.

use crate::masks::Masks;
use crate::model::{Hybrids, Mix, Model};
use std::ops::Range;

/// What a row's coalitions are worth.
pub(super) struct Game<'a> {
    /// The row and the background.
    pub mix: Mix<'a>,
    hybrids: Box<dyn Hybrids + 'a>,
    /// Outputs of the model.
    pub outputs: usize,
    /// Coalitions that are evaluated at once.
    block: usize,
}

impl<'a> Game<'a> {
    pub fn new(model: &'a dyn Model, mix: Mix<'a>) -> Self {
        Self { mix, hybrids: model.hybrids(mix), outputs: model.outputs(), block: crate::model::block(model) }
    }

    /// Evaluates coalitions of the players `active` against background row `other` in blocks, and hands on the outputs of each in
    /// order.
    pub fn each(
        &self,
        other: usize,
        active: &[usize],
        masks: &Masks,
        range: Range<usize>,
        mut each: impl FnMut(usize, &[f64]),
    ) {
        let mut values = vec![0.0; self.block.min(range.len()) * self.outputs];
        for begin in range.clone().step_by(self.block) {
            let end = (begin + self.block).min(range.end);
            let values = &mut values[..(end - begin) * self.outputs];
            self.hybrids.evaluate(other, active, masks, begin..end, values);
            (begin..end).zip(values.chunks(self.outputs)).for_each(|(mask, values)| each(mask, values));
        }
    }

    /// The outputs of all of them, `coalitions × outputs`.
    pub fn values(&self, other: usize, active: &[usize], masks: &Masks, range: Range<usize>) -> Vec<f64> {
        let mut all = Vec::with_capacity(range.len() * self.outputs);
        self.each(other, active, masks, range, |_, values| all.extend_from_slice(values));
        all
    }
}
