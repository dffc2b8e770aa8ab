//! What all matrix methods have in common: which parameters they take, and where their workspace comes from.

use crate::linalg::{Number, Request, Workspace};
use crate::param::Param;
use crate::rule::{StateSpec, Step, TensorRule, TensorView};

/// A shape as a matrix, of so many rows and columns: its first axis and all others; what is not one, why not.
fn as_matrix(shape: &[usize]) -> Result<(usize, usize), &'static str> {
    match shape {
        [] | [_] => Err("it works on matrices, and this is a vector or a single number"),
        [rows, rest @ ..] => Ok((*rows, rest.iter().product())),
    }
}

/// Whether the outputs of a matrix are its columns; else they are its rows.
pub(super) fn outputs_are_columns(shape: &[usize], unit_axis: usize) -> bool {
    shape.len() == 2 && unit_axis == 1
}

/// A state array of the parameter's shape that begins at 0.
pub(super) fn like(param: &Param, name: &'static str) -> StateSpec {
    StateSpec { name, shape: param.shape.clone(), initial: 0.0 }
}

/// A rule for matrices; kernels of convolutions are the matrix of their first axis and all others.
pub(super) trait MatrixRule: Send + Sync + 'static {
    /// The workspace of a step.
    type Pieces<'a, T: Number>;

    /// See [`TensorRule::state`], for a matrix of so many rows and columns.
    fn state(&self, param: &Param, of: (usize, usize)) -> Vec<StateSpec>;

    /// Takes the workspace of a step. It also tells how much that is, and then gets empty pieces: it must
    /// take and do nothing else.
    fn pieces<'a, T: Number>(
        &self,
        of: (usize, usize),
        workspace: &mut Workspace<'a, T>,
    ) -> Self::Pieces<'a, T>;

    /// One step of a matrix that is not empty. Returns `Σ (θ' − θ)²`.
    fn update<T: Number>(
        &self,
        step: Step,
        view: TensorView<'_, T>,
        of: (usize, usize),
        pieces: Self::Pieces<'_, T>,
    ) -> f64;
}

impl<R: MatrixRule> TensorRule for R {
    fn takes(&self, shape: &[usize]) -> Result<(), &'static str> {
        as_matrix(shape).map(|_| ())
    }

    fn state(&self, param: &Param) -> Vec<StateSpec> {
        MatrixRule::state(self, param, as_matrix(&param.shape).unwrap_or_default())
    }

    fn workspace(&self, shape: &[usize]) -> usize {
        match as_matrix(shape) {
            // counted in f32: of what is computed in f64 anyway, f64 needs half as many numbers
            Ok(of) if of.0 * of.1 > 0 => Request::of::<f32, _>(|workspace| self.pieces(of, workspace)).len(),
            _ => 0,
        }
    }

    fn update<T: Number>(&self, step: Step, mut view: TensorView<'_, T>) -> f64 {
        let Ok(of) = as_matrix(view.shape) else { return 0.0 };
        if view.grad.is_empty() {
            return 0.0;
        }
        let pieces = self.pieces(of, &mut Workspace::new(std::mem::take(&mut view.workspace)));
        MatrixRule::update(self, step, view, of, pieces)
    }
}
