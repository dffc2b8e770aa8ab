use crate::error::{Error, Result};
use crate::path::{Path, follow_path};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{self, Device, Gradients, Tensor, TensorData, bf16, f16};
use std::collections::HashMap;
use std::hint::black_box;
use std::{fmt, mem};
use steepest::{Builder, DType, Optimizer, Slice, SliceMut, Slot, StepArgs, StepReport};

/// A [`steepest::Optimizer`] for the parameters of one module.
///
/// Its parameters are those that require a gradient when it is made. One of them that is frozen
/// later, or that a loss does not depend on, stays as it is in that step, and so does its state.
#[derive(Debug)]
pub struct BurnOptimizer<M: Module> {
    optimizer: Optimizer,
    /// What stands in the caller's place while a step owns the module, so that the tensors have one
    /// owner: the module with every parameter empty.
    hollow: Option<M>,
    held: Vec<Held>,
    path: Path,
}

/// The gradients of a step: what `loss.backward()` returns, or a [`GradientsParams`].
pub enum Grads {
    /// The gradients of one backward pass.
    Backward(Gradients),
    /// Gradients by parameter, such as those of burn's `GradientsAccumulator`.
    Collected(GradientsParams),
}

impl fmt::Debug for Grads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backward(_) => f.write_str("Backward(..)"), // burn's `Gradients` has no `Debug`
            Self::Collected(grads) => f.debug_tuple("Collected").field(grads).finish(),
        }
    }
}

impl From<Gradients> for Grads {
    fn from(grads: Gradients) -> Self {
        Self::Backward(grads)
    }
}

impl From<GradientsParams> for Grads {
    fn from(grads: GradientsParams) -> Self {
        Self::Collected(grads)
    }
}

impl Grads {
    fn remove<const D: usize>(&mut self, param: &Param<Tensor<D>>) -> Option<Tensor<D>> {
        match self {
            Self::Backward(grads) => param.grad_remove(grads),
            Self::Collected(grads) => grads.remove(param.id),
        }
    }
}

impl<M: Module> BurnOptimizer<M> {
    /// Makes the optimizer for the trainable parameters of `module`, and allocates all state.
    /// Parameters that burn has not initialized yet are initialized.
    ///
    /// # Errors
    /// Whatever [`Builder::build`] refuses; a module without a trainable parameter, with one of an
    /// unknown element type, or with one parameter at two places.
    pub fn new(builder: Builder, module: &M) -> Result<Self> {
        let mut survey = Survey::default();
        module.visit(&mut survey);
        if let Some(error) = survey.error {
            return Err(error);
        }
        if survey.params.is_empty() {
            return Err(Error::NothingToTrain { count: survey.count });
        }
        let optimizer = builder.build(survey.params)?;
        let bytes = optimizer.params().iter().map(|param| param.len() * param.dtype.size()).sum();
        keep_freed_memory(bytes);
        let mut path = Path::default();
        let mut hollow = Hollow { known: optimizer.params(), next: 0, path: &mut path };
        let hollow = Some(module.clone().map(&mut hollow));
        Ok(Self { held: Vec::with_capacity(optimizer.params().len()), optimizer, hollow, path })
    }

    /// One step of all parameters, in place (see [Copies](crate#copies)).
    ///
    /// `args` is the learning rate, or [`StepArgs`]. `grads` is what `loss.backward()` returned.
    /// Parameters keep their [`ParamId`], their device and their autodiff settings.
    ///
    /// # Errors
    /// Whatever [`Optimizer::step`] refuses, such as a gradient that is not finite; a module whose
    /// trainable parameters are not those the optimizer was made for. After an error the
    /// parameters are what they were.
    ///
    /// # Panics
    /// If burn does, for example because a device fails. The module's parameters are lost then.
    pub fn step(
        &mut self,
        args: impl Into<StepArgs>,
        module: &mut M,
        grads: impl Into<Grads>,
    ) -> Result<StepReport> {
        let hollow = self.hollow.take().expect("an earlier step panicked: make a new optimizer");
        let mut take = Take {
            known: self.optimizer.params(),
            next: 0,
            fits: true,
            grads: grads.into(),
            held: &mut self.held,
            path: &mut self.path,
        };
        let emptied = mem::replace(module, hollow).map(&mut take);
        let fits = take.fits && take.next == take.known.len();
        let outcome = fits.then(|| self.optimizer.step_iter(args, self.held.iter_mut().map(Held::slot)));
        let known = self.optimizer.params();
        let held = self.held.drain(..);
        let filled = emptied.map(&mut Put { known, next: 0, held, path: &mut self.path });
        self.hollow = Some(mem::replace(module, filled));
        match outcome {
            Some(outcome) => Ok(outcome?),
            None => Err(Error::ModuleChanged { problems: self.differences(module) }),
        }
    }

    /// A copy of the module with the weights to evaluate with and to keep: an average, where the builder or
    /// the optimizer itself keeps one ([`Optimizer::evaluation`]), else the weights as they are. What is
    /// trained stays as it is.
    ///
    /// # Errors
    /// A module whose trainable parameters are not those the optimizer was made for.
    pub fn evaluation(&mut self, module: &M) -> Result<M> {
        let mut evaluate = Evaluate { optimizer: &self.optimizer, next: 0, fits: true, path: &mut self.path };
        let copy = module.clone().map(&mut evaluate);
        if evaluate.fits && evaluate.next == self.optimizer.params().len() {
            Ok(copy)
        } else {
            Err(Error::ModuleChanged { problems: self.differences(module) })
        }
    }

    /// The optimizer itself: its plan, its health, its state to save.
    pub fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }

    /// The optimizer itself: its state to load.
    pub fn optimizer_mut(&mut self) -> &mut Optimizer {
        &mut self.optimizer
    }

    fn differences(&self, module: &M) -> Vec<String> {
        let mut survey = Survey::default();
        module.visit(&mut survey);
        let mut problems: Vec<String> = survey.error.iter().map(Error::to_string).collect();
        let mut found: HashMap<_, _> =
            survey.params.into_iter().map(|param| (param.name.clone(), param)).collect();
        for known in self.optimizer.params() {
            match found.remove(&known.name) {
                None => problems.push(format!("`{}` is missing or frozen since", known.name)),
                Some(p) if (&p.shape, p.dtype) != (&known.shape, known.dtype) => {
                    problems.push(format!(
                        "`{}` is {} {:?}, expected {} {:?}",
                        p.name, p.dtype, p.shape, known.dtype, known.shape
                    ));
                }
                Some(_) => {}
            }
        }
        let mut extra: Vec<_> = found.into_keys().collect();
        extra.sort();
        problems.extend(extra.into_iter().map(|name| format!("`{name}` is unknown or trainable since")));
        problems
    }
}

/// Makes the allocator keep the memory of one step's tensors for the next; `bytes` are those of the parameters.
///
/// Every step frees as much as the pass before it took. By its first settings glibc gives freed memory of
/// more than 128 KiB back to the system, and fetches it again for the next pass, which takes as long as a
/// small network's step. The largest block of up to 32 MiB that was freed so far changes this: twice its size
/// may then lie free. This function frees such a block. Nothing is written to it, so the system never has to
/// find memory for it.
fn keep_freed_memory(bytes: usize) {
    if cfg!(target_env = "gnu") {
        // gradients, activations and whatever else a pass keeps at once
        let block = bytes.saturating_mul(8).clamp(1 << 20, (32 << 20) - (64 << 10));
        // the compiler may leave out a block that nothing reads
        drop(black_box(Vec::<u8>::with_capacity(block)));
    }
}

fn dtype_of(dtype: tensor::DType) -> Option<DType> {
    match dtype {
        tensor::DType::F64 => Some(DType::F64),
        tensor::DType::F32 => Some(DType::F32),
        tensor::DType::BF16 => Some(DType::Bf16),
        tensor::DType::F16 => Some(DType::F16),
        _ => None,
    }
}

/// Lists the trainable parameters.
#[derive(Default)]
struct Survey {
    params: Vec<steepest::Param>,
    ids: HashMap<ParamId, String>,
    count: usize,
    error: Option<Error>,
    path: Path,
}

impl ModuleVisitor for Survey {
    follow_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.count += 1;
        if !param.is_require_grad() {
            return;
        }
        let name = self.path.name().to_owned();
        if let Some(first) = self.ids.insert(param.id, name.clone()) {
            self.error.get_or_insert(Error::Tied { first, second: name });
            return;
        }
        let Some(dtype) = dtype_of(param.dtype()) else {
            self.error.get_or_insert(Error::UnknownDType { name, found: param.dtype() });
            return;
        };
        let axis = self.path.unit_axis(D);
        self.params.push(steepest::Param::new(name, param.dims(), dtype).unit_axis(axis));
    }
}

/// A parameter's memory while a step works on it.
#[derive(Debug)]
struct Held {
    data: TensorData,
    grad: Option<TensorData>,
    device: Device,
    require_grad: bool,
}

impl Held {
    fn slot(&mut self) -> Slot<'_> {
        Slot {
            param: slice_mut(&mut self.data),
            grad: self.grad.as_ref().map(|grad| slice(grad).into()),
            state: Vec::new(),
        }
    }
}

const TYPED: &str = "the element type was just matched";

fn slice_mut(data: &mut TensorData) -> SliceMut<'_> {
    match data.dtype() {
        tensor::DType::F64 => SliceMut::F64(data.as_mut_slice().expect(TYPED)),
        tensor::DType::BF16 => SliceMut::Bf16(data.as_mut_slice::<bf16>().expect(TYPED)),
        tensor::DType::F16 => SliceMut::F16(data.as_mut_slice::<f16>().expect(TYPED)),
        _ => SliceMut::F32(data.as_mut_slice().expect("the element type was checked when taken")),
    }
}

fn slice(data: &TensorData) -> Slice<'_> {
    match data.dtype() {
        tensor::DType::F64 => Slice::F64(data.as_slice().expect(TYPED)),
        tensor::DType::BF16 => Slice::Bf16(data.as_slice::<bf16>().expect(TYPED)),
        tensor::DType::F16 => Slice::F16(data.as_slice::<f16>().expect(TYPED)),
        _ => Slice::F32(data.as_slice().expect("burn's gradients have a float type")),
    }
}

/// What stands for a parameter that a step has taken out.
fn emptiness<const D: usize>() -> Tensor<D> {
    Tensor::empty([0; D], &Device::flex())
}

/// Empties the known parameters; their memory stays with the module this one was cloned from.
struct Hollow<'a> {
    known: &'a [steepest::Param],
    next: usize,
    path: &'a mut Path,
}

impl ModuleMapper for Hollow<'_> {
    follow_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.known.get(self.next).is_none_or(|known| known.name != self.path.name()) {
            return param;
        }
        self.next += 1;
        param.map(|_| emptiness())
    }
}

/// Takes the known parameters out of the module, with their gradients.
struct Take<'a> {
    known: &'a [steepest::Param],
    next: usize,
    fits: bool,
    grads: Grads,
    held: &'a mut Vec<Held>,
    path: &'a mut Path,
}

impl ModuleMapper for Take<'_> {
    follow_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !self.fits {
            return param;
        }
        let known = match self.known.get(self.next) {
            Some(known) if known.name == self.path.name() => known,
            _ => {
                self.fits = !param.is_require_grad();
                return param;
            }
        };
        if known.shape != param.dims() || Some(known.dtype) != dtype_of(param.dtype()) {
            self.fits = false;
            return param;
        }
        self.next += 1;
        let grad = self.grads.remove(&param).map(Tensor::into_data);
        param.map(|tensor| {
            self.held.push(Held {
                device: tensor.device(),
                require_grad: tensor.is_require_grad(),
                grad,
                // Flex gives away the memory of a contiguous tensor with one owner
                data: tensor.into_data(),
            });
            emptiness()
        })
    }
}

/// Puts back what [`Take`] took.
struct Put<'a, I> {
    known: &'a [steepest::Param],
    next: usize,
    held: I,
    path: &'a mut Path,
}

impl<I: Iterator<Item = Held>> ModuleMapper for Put<'_, I> {
    follow_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.known.get(self.next).is_none_or(|known| known.name != self.path.name()) {
            return param;
        }
        let Some(held) = self.held.next() else {
            return param; // where `Take` stopped
        };
        self.next += 1;
        param.map(|_| {
            let dtype = held.data.dtype();
            let tensor = Tensor::from_data(held.data, (&held.device, dtype));
            if held.require_grad { tensor.require_grad() } else { tensor }
        })
    }
}

/// Replaces the known parameters by their weights to evaluate with.
struct Evaluate<'a> {
    optimizer: &'a Optimizer,
    next: usize,
    fits: bool,
    path: &'a mut Path,
}

impl ModuleMapper for Evaluate<'_> {
    follow_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.optimizer.params().get(self.next).is_none_or(|known| known.name != self.path.name()) {
            self.fits &= !param.is_require_grad();
            return param;
        }
        if dtype_of(param.dtype()).is_none() {
            self.fits = false;
            return param;
        }
        let i = self.next;
        self.next += 1;
        param.map(|tensor| {
            let (device, require_grad) = (tensor.device(), tensor.is_require_grad());
            let mut data = tensor.into_data();
            self.fits &= self.optimizer.evaluation_of(i, slice_mut(&mut data)).is_ok();
            let dtype = data.dtype();
            let tensor = Tensor::from_data(data, (&device, dtype));
            if require_grad { tensor.require_grad() } else { tensor }
        })
    }
}
