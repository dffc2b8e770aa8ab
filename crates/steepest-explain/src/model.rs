//! What is explained: rows in, outputs out.

use crate::masks::Masks;
use crate::players::Players;
use std::ops::Range;

/// A model: a function from rows of numbers to outputs. It gives the same bits for a row whatever rows stand beside it only if
/// [`Hybrids::evaluate`] does, which is always asked for the same blocks.
pub trait Model: Sync {
    /// How many numbers a row has.
    fn features(&self) -> usize;

    /// How many outputs a row gets.
    fn outputs(&self) -> usize;

    /// Writes the outputs, `rows × outputs`, of rows, `rows × features`, both row-major.
    fn evaluate(&self, rows: &[f64], outputs: &mut [f64]);

    /// The gradient of one output with respect to the row, at each of some rows: `rows × features`. `None`: the model has none.
    fn gradients(&self, rows: &[f64], output: usize) -> Option<Vec<f64>> {
        let _ = (rows, output);
        None
    }

    /// How much of a block goes on while another is worked on, in bytes: what one hybrid row needs on its way.
    fn bytes_of_a_row(&self) -> usize {
        8 * (self.features() + self.outputs())
    }

    /// Something that evaluates mixtures of a row with rows of the background. A model that knows how its first layer changes
    /// with a column can do it faster than by whole rows, which is the default.
    fn hybrids<'a>(&'a self, task: Mix<'a>) -> Box<dyn Hybrids + 'a> {
        task.as_whole_rows(|rows, outputs| self.evaluate(rows, outputs))
    }
}

/// A row that is to be mixed with the rows of a background.
#[derive(Debug, Clone, Copy)]
pub struct Mix<'a> {
    /// The row that is explained.
    pub row: &'a [f64],
    /// Whose features change together.
    pub players: &'a Players,
    /// The rows that stand for what is not known, row-major.
    pub background: &'a [f64],
}

impl<'a> Mix<'a> {
    /// The row whose players in a coalition keep their values, while all others have those of background row `other`.
    pub fn mixed(&self, other: usize, active: &[usize], masks: &Masks, mask: usize) -> Vec<f64> {
        let mut out = self.other(other).to_vec();
        for player in masks.members(mask) {
            self.players.features(active[player]).iter().for_each(|at| out[*at] = self.row[*at]);
        }
        out
    }

    /// The mixtures, evaluated as whole rows.
    pub fn as_whole_rows(self, evaluate: impl Fn(&[f64], &mut [f64]) + Sync + 'a) -> Box<dyn Hybrids + 'a> {
        Box::new(Assembled { evaluate: Box::new(evaluate), task: self })
    }

    /// A row of the background.
    pub fn other(&self, at: usize) -> &'a [f64] {
        let width = self.row.len();
        &self.background[at * width..(at + 1) * width]
    }
}

/// Evaluates mixtures of one row with rows of the background.
pub trait Hybrids: Sync {
    /// Writes the outputs, `masks × outputs`, of the row whose players in a coalition keep their values, while all others have
    /// those of background row `other`: for each coalition in `range` of `masks`, whose p-th player is `active[p]`. A player that
    /// is not active has the same values in both.
    fn evaluate(
        &self,
        other: usize,
        active: &[usize],
        masks: &Masks,
        range: Range<usize>,
        outputs: &mut [f64],
    );
}

type Evaluate<'a> = dyn Fn(&[f64], &mut [f64]) + Sync + 'a;

/// Mixtures as whole rows.
struct Assembled<'a> {
    evaluate: Box<Evaluate<'a>>,
    task: Mix<'a>,
}

impl Hybrids for Assembled<'_> {
    fn evaluate(
        &self,
        other: usize,
        active: &[usize],
        masks: &Masks,
        range: Range<usize>,
        outputs: &mut [f64],
    ) {
        let rows: Vec<f64> = range.flat_map(|mask| self.task.mixed(other, active, masks, mask)).collect();
        (self.evaluate)(&rows, outputs);
    }
}

/// The outputs of rows, `rows × outputs`, a thousand rows at a time, so that a model needs memory for no more.
pub(crate) fn outputs_of(model: &dyn Model, rows: &[f64]) -> Vec<f64> {
    const TOGETHER: usize = 1024;
    let (width, outputs) = (model.features(), model.outputs());
    let mut found = vec![0.0; rows.len() / width * outputs];
    for (rows, found) in rows.chunks(TOGETHER * width).zip(found.chunks_mut(TOGETHER * outputs)) {
        model.evaluate(rows, found);
    }
    found
}

/// Mixtures of a block: few enough to stay in a core's cache, many enough for products of matrices.
pub(crate) fn block(model: &dyn Model) -> usize {
    const BYTES: usize = 256 << 10;
    (BYTES / model.bytes_of_a_row().max(1)).next_power_of_two().clamp(16, 1024)
}
