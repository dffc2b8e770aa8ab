//! The weights to evaluate with.

use crate::dtype::{Half, SliceMut};
use crate::error::{Error, Result};
use crate::optimizer::Optimizer;
use crate::optimizer::array::StateArray;
use crate::optimizer::lend::with_slices;
use crate::optimizer::tensor::TensorState;
use crate::random::Stream;
use crate::rule::Body;
use crate::state_slice::StateSlice;
use crate::step::{Arithmetic, Setup};
use crate::wrappers::{Copied, Evaluation, Tensors};

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

    /// Takes over parameters that were changed from outside, as by loading others: [Lookahead](crate::Lookahead)'s slow weights and an
    /// [average](crate::Builder::average) that has begun become them. Without this, slow weights would draw them back to where
    /// they were. The rules' own state stays as it is; [`Optimizer::reset`] begins with it anew.
    ///
    /// ```
    /// use steepest::{DType, Lookahead, Optimizer, Param, Sgd, Slot};
    /// let mut theta = [4.0f64];
    /// let mut sgd = Optimizer::builder(Sgd::default())
    ///     .lookahead(Lookahead { every: 2, alpha: 0.5 })
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// sgd.step(1.0, &mut [Slot::new(&mut theta, &[1.0])])?;
    /// theta = [100.0];
    /// sgd.adopt(&mut [&mut theta[..]])?;
    /// sgd.step(1.0, &mut [Slot::new(&mut theta, &[1.0])])?; // to 99, and half of the way back to 100
    /// assert_eq!(theta, [99.5]);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Errors
    /// Parameters that are not those of [`Builder::build`](crate::Builder::build); nothing has changed then.
    pub fn adopt<M: Tensors + ?Sized>(&mut self, parameters: &mut M) -> Result<()> {
        self.check_owned()?;
        let step = self.steps_taken;
        let mut given = Vec::with_capacity(self.setup.params.len());
        parameters.each(&mut |tensor| given.push(Copied::of(tensor.as_slice())));
        let (expected, found) = (self.setup.params.len(), given.len());
        if found != expected {
            return Err(Error::TensorCount { step, expected, found });
        }
        for (param, given) in self.setup.params.iter().zip(&mut given) {
            let (slice, what, tensor) = (given.as_slice_mut(), "parameter", || param.name.clone());
            if slice.dtype() != param.dtype {
                let (expected, found) = (param.dtype.to_string(), slice.dtype());
                return Err(Error::WrongDType { step, what, tensor: tensor(), expected, found });
            }
            if slice.len() != param.len() {
                let (expected, found) = (param.len(), slice.len());
                return Err(Error::Length { step, what, tensor: tensor(), expected, found });
            }
        }
        for (tensor, given) in self.tensors.iter_mut().zip(&given) {
            // kept in the type of the arithmetic: nothing is rounded at random
            let (values, dither) = (given.to_f64(), Stream::default().lanes_from(0));
            tensor.wrapper_arrays.iter_mut().for_each(|array| array.become_values(&values, dither));
        }
        Ok(())
    }

    /// Whether [`Optimizer::evaluation`] can give other weights than the parameters.
    pub fn evaluates(&self) -> bool {
        let Setup { wrappers, rules, .. } = &self.setup;
        wrappers.average.is_some()
            || wrappers.lookahead.is_some()
            || rules.iter().any(|rule| rule.evaluates())
    }

    /// Turns a copy of parameter `i` into its weights to evaluate with: [`Optimizer::evaluation`] for those who hold
    /// copies.
    ///
    /// # Errors
    /// A slice of another length or type than the parameter's; it is left as it was.
    ///
    /// # Panics
    /// If there is no parameter `i`.
    pub fn evaluation_of(&self, i: usize, copy: SliceMut<'_>) -> Result<()> {
        if self.evaluates() {
            self.check_owned()?;
        }
        evaluate(&self.setup, self.steps_taken, i, &self.tensors[i], copy)
    }

    /// The same for an optimizer that is [lent](crate::Builder::lent_state) its state: `state` are the arrays of parameter `i`.
    ///
    /// # Errors
    /// As [`evaluation_of`](Self::evaluation_of) and [`begin_state`](Self::begin_state); the copy is left as it was.
    ///
    /// # Panics
    /// If there is no parameter `i`.
    pub fn evaluation_with_state(
        &mut self,
        i: usize,
        copy: SliceMut<'_>,
        state: &mut [StateSlice<'_>],
    ) -> Result<()> {
        self.check_lent(i, state)?;
        let Self { setup, tensors, steps_taken, .. } = self;
        with_slices(&mut tensors[i], state, |tensor| evaluate(setup, *steps_taken, i, tensor, copy))
    }
}

fn evaluate(setup: &Setup, step: u64, i: usize, tensor: &TensorState, mut copy: SliceMut<'_>) -> Result<()> {
    let (param, dtype) = (&setup.params[i], copy.dtype());
    let (what, name) = ("parameter", || param.name.clone());
    if dtype != param.dtype {
        let expected = param.dtype.to_string();
        return Err(Error::WrongDType { step, what, tensor: name(), expected, found: dtype });
    }
    if copy.len() != param.len() {
        return Err(Error::Length { step, what, tensor: name(), expected: param.len(), found: copy.len() });
    }
    match &mut copy {
        SliceMut::F64(theta) => evaluate_as(setup, tensor, theta, |x: f64| x, |x| x),
        SliceMut::F32(theta) => evaluate_as(setup, tensor, theta, |x: f32| x, |x| x),
        SliceMut::Bf16(theta) => evaluate_as(setup, tensor, theta, Half::widen, Half::narrow),
        SliceMut::F16(theta) => evaluate_as(setup, tensor, theta, Half::widen, Half::narrow),
    }
    Ok(())
}

fn evaluate_as<H: Copy, T: Arithmetic>(
    setup: &Setup,
    tensor: &TensorState,
    theta: &mut [H],
    widen: impl Fn(H) -> T,
    narrow: impl Fn(T) -> H,
) {
    let wrappers = &setup.wrappers;
    let kept = match (&wrappers.average, &wrappers.lookahead) {
        (Some(average), _) if average.begun(tensor.steps) => tensor.wrapper_arrays.last(),
        (_, Some(_)) if tensor.steps > 0 => tensor.wrapper_arrays.first(),
        _ => None,
    };
    if let Some(array) = kept {
        for (theta, w) in theta.iter_mut().zip(array.slice::<T>()) {
            *theta = narrow(*w);
        }
    } else if let Body::Element(kernel) = &setup.rules[tensor.rule].body
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
