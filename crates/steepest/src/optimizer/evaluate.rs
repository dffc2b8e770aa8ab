//! The weights to evaluate with.

use crate::dtype::{Half, SliceMut};
use crate::error::{Error, Result};
use crate::optimizer::Optimizer;
use crate::optimizer::array::StateArray;
use crate::rule::{Body, Rule};
use crate::step::{Arithmetic, Setup};
use crate::wrappers::{Evaluation, Tensors};

impl Optimizer {
    /// Puts the weights to evaluate with in the place of the parameters, until the guard is dropped; then
    /// every bit is what it was.
    ///
    /// They are the [average](crate::Builder::average), where one is kept and has begun, or [Lookahead](crate::Lookahead)'s slow weights, or what the rule itself means by them,
    /// or else the parameters as they are. `parameters` is a list of vectors, a list of slots, or whatever shows its
    /// [`Tensors`]. The guard lends it, read only.
    ///
    /// ```
    /// use steepest::{DType, Optimizer, Param, Sgd, Slot, Swa};
    /// let mut weights = vec![vec![4.0f32], vec![8.0f32]];
    /// let mut optimizer = Optimizer::builder(Sgd::default())
    ///     .average(Swa::default())
    ///     .build(["a", "b"].map(|name| Param::new(name, [1], DType::F32)))?;
    /// for _ in 0..2 {
    ///     let mut slots: Vec<Slot> = weights.iter_mut().map(|w| Slot::new(w, &[1.0f32])).collect();
    ///     optimizer.step(1.0, &mut slots)?;
    /// }
    /// {
    ///     let averaged = optimizer.evaluation(&mut weights)?;
    ///     assert_eq!(averaged[..], [[2.5], [6.5]]);
    /// }
    /// assert_eq!(weights, [[2.0], [6.0]]);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Errors
    /// Parameters that are not those of [`Builder::build`](crate::Builder::build); nothing has changed then.
    pub fn evaluation<'a, M: Tensors + ?Sized>(&self, parameters: &'a mut M) -> Result<Evaluation<'a, M>> {
        let write = |i, tensor: SliceMut<'_>| self.evaluation_of(i, tensor);
        Evaluation::new(parameters, write, self.setup.params.len(), self.steps_taken)
    }

    /// Whether [`Optimizer::evaluation`] can give other weights than the parameters.
    pub fn evaluates(&self) -> bool {
        let Setup { wrappers, rules, .. } = &self.setup;
        wrappers.average.is_some() || wrappers.lookahead.is_some() || rules.iter().any(Rule::evaluates)
    }

    /// Turns a copy of parameter `i` into its weights to evaluate with: [`Optimizer::evaluation`] for those who hold
    /// copies.
    ///
    /// # Errors
    /// A slice of another length or type than the parameter's; it is left as it was.
    ///
    /// # Panics
    /// If there is no parameter `i`.
    pub fn evaluation_of(&self, i: usize, mut copy: SliceMut<'_>) -> Result<()> {
        let (step, param, dtype) = (self.steps_taken, &self.setup.params[i], copy.dtype());
        let (what, tensor) = ("parameter", param.name.clone());
        if dtype != param.dtype {
            let expected = param.dtype.to_string();
            return Err(Error::WrongDType { step, what, tensor, expected, found: dtype });
        }
        if copy.len() != param.len() {
            return Err(Error::Length { step, what, tensor, expected: param.len(), found: copy.len() });
        }
        match &mut copy {
            SliceMut::F64(theta) => self.evaluate(i, theta, |x: f64| x, |x| x),
            SliceMut::F32(theta) => self.evaluate(i, theta, |x: f32| x, |x| x),
            SliceMut::Bf16(theta) => self.evaluate(i, theta, Half::widen, Half::narrow),
            SliceMut::F16(theta) => self.evaluate(i, theta, Half::widen, Half::narrow),
        }
        Ok(())
    }

    fn evaluate<H: Copy, T: Arithmetic>(
        &self,
        i: usize,
        theta: &mut [H],
        widen: impl Fn(H) -> T,
        narrow: impl Fn(T) -> H,
    ) {
        let (tensor, wrappers) = (&self.tensors[i], &self.setup.wrappers);
        let kept = match (&wrappers.average, &wrappers.lookahead) {
            (Some(average), _) if average.begun(tensor.steps) => tensor.wrapper_arrays.last(),
            (_, Some(_)) if tensor.steps > 0 => tensor.wrapper_arrays.first(),
            _ => None,
        };
        if let Some(array) = kept {
            for (theta, w) in theta.iter_mut().zip(array.slice::<T>()) {
                *theta = narrow(*w);
            }
        } else if let Body::Element(kernel) = &self.setup.rules[tensor.rule].body
            && kernel.evaluates()
            && tensor.steps > 0
        {
            let state: Vec<_> = tensor.arrays.iter().map(StateArray::widened::<T>).collect();
            let state: Vec<&[T]> = state.iter().map(|values| &**values).collect();
            let mut wide: Vec<T> = theta.iter().map(|x| widen(*x)).collect();
            T::kernel(kernel.as_ref()).evaluate(&mut wide, &state);
            for (theta, x) in theta.iter_mut().zip(wide) {
                *theta = narrow(x);
            }
        }
    }
}
