//! The step of an element rule: one loop, compiled for every type and instruction set.
#![allow(unsafe_code)] // raw pointers into borrowed slices

use crate::dtype::DType;
use crate::float::Float;
use crate::kernel::instruction_set::{InstructionSet, RawLoop, highest};
use crate::kernel::prefetch::{AHEAD, BATCH, LINE, READ_AHEAD, fetch};
use crate::kernel::prologue::Prologue;
use crate::kernel::quantized::{Operands, QuantizedElements, QuantizedUpdate};
use crate::kernel::reduce::tree_sum;
use crate::real::Real;
use crate::rule::{ElementRule, MAX_STATES, MAX_SUMS, Scope, StateKind, Step, Sums};
use std::marker::PhantomData;
use std::mem::{MaybeUninit, align_of, size_of};

/// Elements that one kernel call works on, and where they lie.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Elements<T> {
    pub theta: *mut T,
    pub grad: *const T,
    pub state: [*mut T; MAX_STATES],
    pub len: usize,
    /// Up to where memory may be asked for early, counted from the first element; 0 where all may lie in a cache.
    pub prefetch: usize,
    /// What is worked on after these elements and asked for meanwhile.
    pub then: Option<*const T>,
}

impl<T> Elements<T> {
    /// Elements that may lie in a cache.
    pub fn near(theta: *mut T, grad: *const T, state: [*mut T; MAX_STATES], len: usize) -> Self {
        Self { theta, grad, state, len, prefetch: 0, then: None }
    }
}

impl<T: Copy + Default> Elements<T> {
    /// Asks for what will be worked on `AHEAD` elements after the batch that begins at `start`, a line of each array in turn, as
    /// they will be read. Not part of the loops that call it, which become vector code only while they are simple; of a copy,
    /// so that their pointers stay in registers.
    #[inline(never)]
    fn fetch<const N: usize>(self, start: usize) {
        for offset in (0..BATCH).step_by(LINE / size_of::<T>()) {
            let next = start + offset + AHEAD;
            fetch(self.theta.wrapping_add(next).cast());
            fetch(self.grad.wrapping_add(next).cast());
            for state in &self.state[..N] {
                fetch(state.wrapping_add(next).cast());
            }
            if let Some(then) = self.then {
                fetch(then.wrapping_add(start + offset).cast());
            }
        }
    }

    /// Parameter, gradient and state of element `i`.
    ///
    /// # Safety
    /// `i < len`, and the pointers (of the states, the first `N`) are valid for `len` elements.
    #[inline(always)]
    unsafe fn load<const N: usize>(&self, i: usize) -> (T, T, [T; N]) {
        let mut state = [T::default(); N];
        for (k, place) in state.iter_mut().enumerate() {
            // SAFETY: the caller's contract.
            *place = unsafe { *self.state[k].add(i) };
        }
        // SAFETY: the caller's contract.
        unsafe { (*self.theta.add(i), *self.grad.add(i), state) }
    }
}

/// The scalars of one step, computed once and used for many elements; only the kernel that wrote them knows their type.
#[doc(hidden)]
#[repr(C, align(64))]
pub struct PreparedScalars {
    scalars: [MaybeUninit<u8>; 1024],
    isa: InstructionSet,
}

impl Default for PreparedScalars {
    fn default() -> Self {
        Self { scalars: [MaybeUninit::uninit(); 1024], isa: InstructionSet::Scalar }
    }
}

/// A kernel in one type.
#[doc(hidden)]
pub trait TypedKernel<T> {
    /// Writes the scalars of `step` for [`update`](Self::update) and [`measure`](Self::measure).
    fn prepare(&self, isa: InstructionSet, step: Step, memory: &[f64], into: &mut PreparedScalars);
    /// Sums what the rule measures over the elements, which it only reads.
    ///
    /// # Safety
    /// As for [`update`](Self::update), but nothing is written.
    unsafe fn measure(
        &self,
        prepared: &PreparedScalars,
        prologue: &Prologue<f64>,
        elements: Elements<T>,
    ) -> Sums;
    /// One step of the elements.
    ///
    /// # Safety
    /// `prepared` was written by this kernel for this `T`; the pointers of `elements` (the first of the states, as many as the
    /// rule has) are valid for `len` elements, and nobody else uses what is written.
    unsafe fn update(&self, prepared: &PreparedScalars, prologue: &Prologue<f64>, elements: Elements<T>);
    /// One step of elements whose state is quantized: for f32 only.
    ///
    /// # Safety
    /// As for [`update`](Self::update); codes, points and scales are valid for all groups.
    unsafe fn update_quantized(
        &self,
        prepared: &PreparedScalars,
        prologue: &Prologue<f64>,
        elements: QuantizedElements,
    );
    /// Turns weights into those to evaluate with; `state` holds the rule's arrays, all of one length.
    fn evaluate(&self, theta: &mut [T], state: &[&[T]]);
}

/// An [`ElementRule`] compiled for every type and instruction set.
pub trait ElementKernel: TypedKernel<f32> + TypedKernel<f64> + Send + Sync {
    /// The state arrays: name and first value.
    fn state(&self) -> Box<dyn Iterator<Item = (&'static str, f64)> + '_>;
    /// What each of them is.
    fn kinds(&self) -> &'static [StateKind];
    /// What it keeps for a tensor as a whole: name and first value.
    fn memory(&self) -> Vec<(&'static str, f64)>;
    /// What is summed before the update.
    fn scope(&self) -> Scope;
    /// Whether a step must be given the loss.
    fn needs_loss(&self) -> bool;
    /// Whether the weights to evaluate with are not θ itself.
    fn evaluates(&self) -> bool;
    /// Updates the memory of a tensor; see [`ElementRule::update_memory`].
    fn update_memory(&self, step: Step, sums: &Sums, memory: &mut [f64]);
}

/// The kernel of the element rule `rule`.
pub fn element<R: ElementRule<N>, const N: usize>(rule: R) -> Box<dyn ElementKernel> {
    const {
        assert!(N <= MAX_STATES && R::SUMS <= MAX_SUMS);
        assert!(matches!(R::SCOPE, Scope::Element) == (R::SUMS == 0), "sums need a scope, and a scope sums");
    }
    Box::new(Element(rule))
}

struct Element<R, const N: usize>(R);

impl<R: ElementRule<N>, const N: usize> ElementKernel for Element<R, N> {
    fn state(&self) -> Box<dyn Iterator<Item = (&'static str, f64)> + '_> {
        Box::new(R::STATE.into_iter().zip(self.0.initial()))
    }
    fn kinds(&self) -> &'static [StateKind] {
        &R::KINDS
    }
    fn memory(&self) -> Vec<(&'static str, f64)> {
        let mut first: Vec<f64> = R::MEMORY.iter().map(|(_, value)| *value).collect();
        self.0.first_memory(&mut first);
        R::MEMORY.iter().zip(first).map(|((name, _), value)| (*name, value)).collect()
    }
    fn scope(&self) -> Scope {
        R::SCOPE
    }
    fn needs_loss(&self) -> bool {
        R::NEEDS_LOSS
    }
    fn evaluates(&self) -> bool {
        R::EVALUATES
    }
    fn update_memory(&self, step: Step, sums: &Sums, memory: &mut [f64]) {
        self.0.update_memory(step, sums, memory);
    }
}

impl<R: ElementRule<N>, const N: usize, T: Float> TypedKernel<T> for Element<R, N> {
    fn prepare(&self, isa: InstructionSet, step: Step, memory: &[f64], into: &mut PreparedScalars) {
        into.isa = isa;
        write_scalars::<R::Scalars<T>>(into, self.0.scalars(step, memory));
    }

    unsafe fn measure(
        &self,
        prepared: &PreparedScalars,
        prologue: &Prologue<f64>,
        elements: Elements<T>,
    ) -> Sums {
        if const { R::SUMS == 0 } {
            return Sums::default();
        }
        // SAFETY: `prepare` wrote this type.
        let scalars = unsafe { *prepared.scalars.as_ptr().cast::<R::Scalars<T>>() };
        let (prologue, rule): (Prologue<T>, _) = (prologue.round(), PhantomData);
        // SAFETY: the caller's contract.
        unsafe {
            match prepared.isa {
                isa @ InstructionSet::Scalar => {
                    isa.run_raw(Measure::<R, N, T, false, true> { scalars, prologue, elements, rule })
                }
                // as for `update`
                isa if const { matches!(T::DTYPE, DType::F32) } && prologue.is_plain() => {
                    isa.run_raw(Measure::<R, N, T, true, false> { scalars, prologue, elements, rule })
                }
                isa => isa.run_raw(Measure::<R, N, T, false, false> { scalars, prologue, elements, rule }),
            }
        }
    }

    unsafe fn update(&self, prepared: &PreparedScalars, prologue: &Prologue<f64>, elements: Elements<T>) {
        // SAFETY: `prepare` wrote this type.
        let scalars = unsafe { *prepared.scalars.as_ptr().cast::<R::Scalars<T>>() };
        let (prologue, rule): (Prologue<T>, _) = (prologue.round(), PhantomData);
        // SAFETY: the caller's contract.
        unsafe {
            match prepared.isa {
                isa @ InstructionSet::Scalar => {
                    isa.run_raw(Update::<R, N, T, false, true> { scalars, prologue, elements, rule });
                }
                // f64 is for exactness: without another loop for it, there is less to compile
                isa if const { matches!(T::DTYPE, DType::F32) } && prologue.is_plain() => {
                    isa.run_raw(Update::<R, N, T, true, false> { scalars, prologue, elements, rule });
                }
                isa => isa.run_raw(Update::<R, N, T, false, false> { scalars, prologue, elements, rule }),
            }
        }
    }

    unsafe fn update_quantized(
        &self,
        prepared: &PreparedScalars,
        prologue: &Prologue<f64>,
        elements: QuantizedElements,
    ) {
        debug_assert_eq!(T::DTYPE, DType::F32);
        // SAFETY: `prepare` wrote this type, for f32.
        let scalars = unsafe { *prepared.scalars.as_ptr().cast::<R::Scalars<f32>>() };
        let (isa, prologue) = (prepared.isa, prologue.round());
        // SAFETY: the caller's contract.
        unsafe {
            match elements.operands {
                Operands::F32(operands) => {
                    QuantizedUpdate::<R, N, _> { scalars, prologue, isa, elements, operands }.run();
                }
                Operands::Bf16(operands) => {
                    QuantizedUpdate::<R, N, _> { scalars, prologue, isa, elements, operands }.run();
                }
            }
        }
    }

    fn evaluate(&self, theta: &mut [T], state: &[&[T]]) {
        for (i, theta) in theta.iter_mut().enumerate() {
            *theta = self.0.evaluate(*theta, std::array::from_fn(|k| state[k][i]));
        }
    }
}

fn write_scalars<S: Copy>(into: &mut PreparedScalars, scalars: S) {
    const { assert!(size_of::<S>() <= 1024 && align_of::<S>() <= 64) };
    // SAFETY: size and alignment are checked above, at compile time.
    unsafe { into.scalars.as_mut_ptr().cast::<S>().write(scalars) }
}

/// `PLAIN`: the gradient needs neither scaling, clipping nor decay; a loop over single numbers asks each time.
pub(crate) struct Update<
    R: ElementRule<N>,
    const N: usize,
    T: Real,
    const PLAIN: bool,
    const ONE_BY_ONE: bool,
> {
    pub scalars: R::Scalars<T>,
    pub prologue: Prologue<T>,
    pub elements: Elements<T>,
    pub rule: PhantomData<R>,
}

impl<R: ElementRule<N>, const N: usize, T: Float, const PLAIN: bool, const ONE_BY_ONE: bool> RawLoop
    for Update<R, N, T, PLAIN, ONE_BY_ONE>
{
    type Output = ();
    const HIGHEST: InstructionSet = highest::<T>(ONE_BY_ONE);

    #[inline(always)]
    unsafe fn run(self) {
        let Elements { theta, state, len, .. } = self.elements;
        let (s, prologue) = (self.scalars, self.prologue);
        let batch = if self.elements.prefetch == 0 { len } else { BATCH };
        let mut start = 0;
        while start < len {
            if start + AHEAD + BATCH <= self.elements.prefetch {
                self.elements.fetch::<N>(start);
            }
            let end = len.min(start + batch);
            for i in start..end {
                // an index that the compiler cannot see through keeps the reference from being vectorized
                let i = if ONE_BY_ONE { std::hint::black_box(i) } else { i };
                // SAFETY: `i < len`, and the contract of `TypedKernel::update`.
                unsafe {
                    let (t, g, old) = self.elements.load(i);
                    let g = prologue.seen::<PLAIN, ONE_BY_ONE>(g, t);
                    let (t, new) = R::update(&s, t * prologue.keep, g, old);
                    *theta.add(i) = t;
                    for k in 0..N {
                        // a moving average of zeros would stay subnormal for hundreds of steps
                        let flushed = R::KINDS[k] != StateKind::Point;
                        *state[k].add(i) = if flushed { new[k].flush() } else { new[k] };
                    }
                }
            }
            start = end;
        }
    }
}

/// `PLAIN` as for [`Update`]: a rule that asks for sums of gradients alone then reads nothing else.
struct Measure<R: ElementRule<N>, const N: usize, T: Real, const PLAIN: bool, const ONE_BY_ONE: bool> {
    scalars: R::Scalars<T>,
    prologue: Prologue<T>,
    elements: Elements<T>,
    rule: PhantomData<R>,
}

impl<R: ElementRule<N>, const N: usize, T: Float, const PLAIN: bool, const ONE_BY_ONE: bool> RawLoop
    for Measure<R, N, T, PLAIN, ONE_BY_ONE>
{
    type Output = Sums;
    const HIGHEST: InstructionSet = highest::<T>(ONE_BY_ONE);

    #[inline(always)]
    unsafe fn run(self) -> Sums {
        // Sums side by side, joined in a fixed order: the same bits on every instruction set. So many that the loop over
        // them is not unrolled before it becomes vector code; 16, in registers, came out slower.
        const SUMMANDS: usize = 64;
        let len = self.elements.len;
        let (s, prologue) = (self.scalars, self.prologue);
        let mut sums = [[0.0f64; SUMMANDS]; MAX_SUMS];
        let mut add = |place: usize, i: usize| {
            // as for `Update`
            let i = if ONE_BY_ONE { std::hint::black_box(i) } else { i };
            // SAFETY: `i < len`, and that of `TypedKernel::measure`.
            let terms = unsafe {
                let (t, g, old) = self.elements.load(i);
                R::measure(&s, t, prologue.seen::<PLAIN, ONE_BY_ONE>(g, t), old)
            };
            debug_assert!(
                !ONE_BY_ONE || terms[R::SUMS..].iter().all(|x| *x == 0.0),
                "more sums than the rule says"
            );
            for k in 0..R::SUMS {
                sums[k][place] += terms[k];
            }
        };
        let (grad, prefetch) = (self.elements.grad, self.elements.prefetch);
        for start in (0..len / SUMMANDS * SUMMANDS).step_by(SUMMANDS) {
            if start + READ_AHEAD + SUMMANDS <= prefetch {
                // other arrays, where they are read, come early enough
                for offset in (0..SUMMANDS).step_by(LINE / size_of::<T>()) {
                    fetch(grad.wrapping_add(start + READ_AHEAD + offset).cast());
                }
            }
            for place in 0..SUMMANDS {
                add(place, start + place);
            }
        }
        for place in 0..len % SUMMANDS {
            add(place, len / SUMMANDS * SUMMANDS + place);
        }
        let mut total = Sums::default();
        for k in 0..R::SUMS {
            total[k] = tree_sum(sums[k]);
        }
        total
    }
}
