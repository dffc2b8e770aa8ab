//! What an optimizer knows of a parameter before the first step, and what it is given in a step.

use crate::dtype::{DType, Slice, SliceMut};
use crate::float::Float;
use crate::state_slice::StateSlice;
use bytemuck::{cast_slice, cast_slice_mut};

/// A parameter: its name, shape and element type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// Its unique name, such as `layers.0.weight`; states are saved under it.
    pub name: String,
    /// Its shape, outermost axis first; `[]` is a single number.
    pub shape: Vec<usize>,
    /// Its element type.
    pub dtype: DType,
    /// The axis along which its units lie, for [adaptive clipping](crate::Clip::Adaptive):
    /// 0 for weights stored as (out, in, …), 1 for (in, out).
    pub unit_axis: usize,
}

impl Param {
    /// A parameter whose units lie along axis 0.
    pub fn new(name: impl Into<String>, shape: impl Into<Vec<usize>>, dtype: DType) -> Self {
        Self { name: name.into(), shape: shape.into(), dtype, unit_axis: 0 }
    }

    /// The same parameter with its units along `axis`.
    pub fn unit_axis(self, axis: usize) -> Self {
        Self { unit_axis: axis, ..self }
    }

    /// The number of elements; `usize::MAX` where it is larger, which no optimizer takes.
    pub fn len(&self) -> usize {
        // an axis of no length first: then there is no element, however long the others are
        if self.shape.contains(&0) { 0 } else { self.shape.iter().fold(1, |len, n| len.saturating_mul(*n)) }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }
}

/// The gradient of a parameter, as a step takes it.
#[derive(Debug)]
pub enum Gradient<'a> {
    /// The step only reads it.
    Read(Slice<'a>),
    /// The step sets it to zero once it has used it, in the same pass, so that the next gradient can be added up in it.
    Zero(SliceMut<'a>),
}

impl<'a> From<Slice<'a>> for Gradient<'a> {
    fn from(slice: Slice<'a>) -> Self {
        Self::Read(slice)
    }
}

impl<'a> From<SliceMut<'a>> for Gradient<'a> {
    fn from(slice: SliceMut<'a>) -> Self {
        Self::Zero(slice)
    }
}

impl Gradient<'_> {
    /// The gradient's numbers.
    pub fn as_slice(&self) -> Slice<'_> {
        match self {
            Self::Read(slice) => *slice,
            Self::Zero(slice) => slice.as_slice(),
        }
    }

    /// Where its numbers lie; they are written only if it is to be set to zero.
    pub(crate) fn address(&mut self) -> *mut u8 {
        match self {
            Self::Read(slice) => slice.address().cast_mut(),
            Self::Zero(slice) => slice.address(),
        }
    }
}

/// A parameter and its gradient, as a step takes them: in the order of `build`.
#[derive(Debug)]
pub struct Slot<'a> {
    /// The parameter, which the step changes.
    pub param: SliceMut<'a>,
    /// Its gradient; `None` leaves parameter and state as they are.
    pub grad: Option<Gradient<'a>>,
    /// Its state arrays, where the optimizer is made to be [lent](crate::Builder::lent_state) them; else none.
    pub state: Vec<StateSlice<'a>>,
}

impl<'a> Slot<'a> {
    /// A parameter with its gradient: of the same length, and of the parameter's type or `f32`
    /// (`f64` parameters take `f64` gradients).
    pub fn new(param: impl Into<SliceMut<'a>>, grad: impl Into<Slice<'a>>) -> Self {
        Self { param: param.into(), grad: Some(Gradient::Read(grad.into())), state: Vec::new() }
    }

    /// The same, and the step sets the gradient to zero once it has used it: no pass of its own, as the gradient lies in
    /// the cache. After an error it is as it was; a step that is [skipped](crate::NonFinite::Skip) zeroes it too, or what is
    /// not finite would stay in it.
    ///
    /// ```
    /// use steepest::{DType, Optimizer, Param, Sgd, Slot};
    /// let (mut theta, mut grad) = ([1.0f32, 2.0], [1.0f32, 1.0]);
    /// let mut sgd = Optimizer::builder(Sgd::default()).build([Param::new("theta", [2], DType::F32)])?;
    /// sgd.step(0.5, &mut [Slot::zeroing(&mut theta, &mut grad)])?;
    /// assert_eq!((theta, grad), ([0.5, 1.5], [0.0, 0.0]));
    /// # Ok::<(), steepest::Error>(())
    /// ```
    pub fn zeroing(param: impl Into<SliceMut<'a>>, grad: impl Into<SliceMut<'a>>) -> Self {
        Self { param: param.into(), grad: Some(Gradient::Zero(grad.into())), state: Vec::new() }
    }

    /// The same, where the type is only known to be one of arithmetic.
    pub(crate) fn of<T: Float>(param: &'a mut [T], grad: &'a [T]) -> Self {
        match T::DTYPE {
            DType::F64 => Self::new(cast_slice_mut::<T, f64>(param), cast_slice::<T, f64>(grad)),
            _ => Self::new(cast_slice_mut::<T, f32>(param), cast_slice::<T, f32>(grad)),
        }
    }

    /// A parameter that this step leaves alone; its step number does not advance.
    pub fn frozen(param: impl Into<SliceMut<'a>>) -> Self {
        Self { param: param.into(), grad: None, state: Vec::new() }
    }

    /// The same with the state arrays of the parameter, in the order of [`Optimizer::state_layout`](crate::Optimizer::state_layout),
    /// for an optimizer that is [lent](crate::Builder::lent_state) its state. A slot without a gradient needs none.
    pub fn with_state(self, state: impl IntoIterator<Item = impl Into<StateSlice<'a>>>) -> Self {
        Self { state: state.into_iter().map(Into::into).collect(), ..self }
    }
}

/// What holds parameters and their gradients: a network of one's own, which [`Optimizer::step_on`](crate::Optimizer::step_on) steps. It has
/// [`Tensors`](crate::Tensors) by this, so that [`Optimizer::evaluation`](crate::Optimizer::evaluation) takes it, too.
///
/// ```
/// use steepest::{AdamW, DType, Ema, Optimizer, Param, Slot, Slots};
/// struct Layer { weight: Vec<f32>, bias: Vec<f32>, weight_grad: Vec<f32>, bias_grad: Vec<f32> }
/// struct Network { layers: Vec<Layer> }
///
/// impl Slots for Network {
///     fn each_slot<'a>(&'a mut self, see: &mut dyn FnMut(Slot<'a>)) {
///         for layer in &mut self.layers {
///             see(Slot::new(&mut layer.weight, &layer.weight_grad));
///             see(Slot::new(&mut layer.bias, &layer.bias_grad));
///         }
///     }
/// }
///
/// let layer = || Layer { weight: vec![1.0; 6], bias: vec![0.0; 2], weight_grad: vec![1.0; 6], bias_grad: vec![1.0; 2] };
/// let mut network = Network { layers: vec![layer(), layer()] };
/// let params = (0..2).flat_map(|i| {
///     [("weight", vec![2, 3]), ("bias", vec![2])].map(|(name, shape)| Param::new(format!("{i}.{name}"), shape, DType::F32))
/// });
/// let mut adamw = Optimizer::builder(AdamW::default()).average(Ema::default()).build(params)?;
/// for _ in 0..3 {
///     adamw.step_on(1e-3, &mut network)?;
/// }
/// let trained = network.layers[0].weight[0];
/// let averaged = adamw.evaluation(&mut network)?;
/// assert!(averaged.layers[0].weight[0] > trained); // the average is behind, at higher weights
/// drop(averaged);
/// assert_eq!(network.layers[0].weight[0], trained);
/// # Ok::<(), steepest::Error>(())
/// ```
pub trait Slots {
    /// Calls `see` with each parameter and its gradient, in the order of [`Builder::build`](crate::Builder::build), the same on every call. A
    /// parameter without a gradient is [`Slot::frozen`].
    fn each_slot<'a>(&'a mut self, see: &mut dyn FnMut(Slot<'a>));
}
