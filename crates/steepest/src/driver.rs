//! One step over all tensors: the work list, the threads, and the passes over memory.
//!
//! Tensors are cut into chunks of fixed size, chunks are joined into tasks, and one parallel region
//! runs all tasks. Chunks never depend on the number of threads, and what is summed over chunks is
//! summed in their order, so every bit is the same for any number of threads.
#![allow(unsafe_code)] // tasks write disjoint parts of borrowed slices through raw pointers

use crate::combine::{self, Beside, Combine, Passed};
use crate::dtype::DType;
use crate::kernel::{
    self, ElementKernel, Float, GradientStats, Level, MAX_STATES, Piece, Prepared, Prologue, Run, Weights,
};
use crate::linalg::{Loops, PANEL};
use crate::packed::{GROUP, Order, Read, Write};
use crate::packed_step::{At, InBf16, InF32, Packed};
use crate::param::Param;
use crate::precision::{Master, StateFormat};
use crate::random::Stream;
use crate::rule::{Body, Decay, Holds, Rule, Scope, Step, Sums, TensorView};
use rayon::prelude::*;
use std::ops::Range;

/// Elements of a chunk: what sums are joined over. 64 KiB of f32, so a chunk's gradient fits a
/// second-level cache together with its parameter and state.
pub(crate) const CHUNK: usize = 16 * 1024;
/// Elements that a task aims at: large enough that starting it costs nothing beside its work
/// (about 50 µs for AdamW), small enough that two cores end together.
const TASK: usize = 4 * CHUNK;
/// Elements below which a step stays on the calling thread: waking another takes longer.
const SERIAL: usize = 96 * 1024;
/// Elements of a block that is converted or measured: three of f32 fit the first-level cache.
const BLOCK: usize = 1024;

/// A run of elements of one tensor.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    tensor: usize,
    start: usize,
    len: usize,
}

/// Which task a pass over memory begins with. Passes that follow one another go opposite ways: what one read last, the next
/// meets first, still in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sweep {
    /// The update goes this way.
    Forwards,
    Backwards,
}

/// The work list, made with the optimizer.
#[derive(Debug)]
pub(crate) struct Plan {
    chunks: Vec<Chunk>,
    /// The chunks of each tensor.
    of_tensor: Vec<Range<usize>>,
    tasks: Vec<Range<usize>>,
    elements: usize,
}

impl Plan {
    pub fn new(params: &[Param]) -> Self {
        let (mut chunks, mut of_tensor, mut tasks) = (Vec::new(), Vec::new(), Vec::new());
        for (tensor, param) in params.iter().enumerate() {
            let first = chunks.len();
            let len = param.len();
            chunks.extend((0..len).step_by(CHUNK).map(|start| Chunk {
                tensor,
                start,
                len: CHUNK.min(len - start),
            }));
            of_tensor.push(first..chunks.len());
        }
        let (mut first, mut size) = (0, 0);
        for (i, chunk) in chunks.iter().enumerate() {
            size += chunk.len;
            if size >= TASK || i + 1 == chunks.len() {
                tasks.push(first..i + 1);
                (first, size) = (i + 1, 0);
            }
        }
        let elements = params.iter().map(Param::len).sum();
        Self { chunks, of_tensor, tasks, elements }
    }

    /// Room for one value for each chunk.
    pub fn room<T: Clone + Default>(&self) -> Vec<T> {
        vec![T::default(); self.chunks.len()]
    }

    /// The chunks of tensor `i`, as positions in a vector from [`Plan::room`].
    pub fn chunks_of(&self, tensor: usize) -> Range<usize> {
        self.of_tensor[tensor].clone()
    }

    fn for_each_task(&self, sweep: Sweep, run: impl Fn(Range<usize>) + Sync) {
        let last = self.tasks.len().saturating_sub(1);
        self.for_each(self.tasks.len(), |i| {
            run(self.tasks[if sweep == Sweep::Backwards { last - i } else { i }].clone());
        });
    }

    fn for_each(&self, count: usize, run: impl Fn(usize) + Sync) {
        if self.elements <= SERIAL || count == 1 || rayon::current_num_threads() == 1 {
            (0..count).for_each(run);
        } else {
            (0..count).into_par_iter().for_each(&run);
        }
    }
}

/// One tensor during one step. The pointers come from the borrowed slices of the step's slots,
/// whose types and lengths were checked, and live as long as the step.
#[derive(Debug)]
pub(crate) struct Target {
    pub theta: *mut u8,
    pub dtype: DType,
    pub master: Master,
    /// What is kept beside the parameter; null without.
    pub beside_theta: *mut u8,
    /// What rounds the parameter; to the nearest without.
    pub dither: Option<Stream>,
    pub grad: *const u8,
    pub grad_dtype: DType,
    /// Where the gradient is to be set to zero; null without.
    pub zero: *mut u8,
    /// `false` without a gradient: nothing of the tensor is touched.
    pub active: bool,
    pub rule: usize,
    pub step: Step,
    pub decay: Decay,
    pub scale: f64,
    pub limit: f64,
    pub state: [*mut u8; MAX_STATES],
    /// What each array holds.
    pub holds: &'static [Holds],
    pub format: StateFormat,
    /// For 8 bits, the scales of each array's groups.
    pub scales: [*mut u8; MAX_STATES],
    /// What rounds the state, where it is kept in few bytes.
    pub state_dither: Stream,
    /// Where the tensor's memory lies in the memory of all.
    pub memory: (usize, usize),
    pub beside: Beside,
    /// The tensor rule's work space: bytes, as many as `Desks` says.
    pub work: *mut u8,
}

/// Where each tensor's work space lies: small tensors have their own, large ones share, for they run one after
/// the other.
#[derive(Debug)]
pub(crate) struct Desks {
    of_tensor: Vec<(usize, usize)>,
    bytes: usize,
}

impl Desks {
    pub fn new(params: &[Param], rule_of: impl Fn(usize) -> usize, rules: &[Rule]) -> Self {
        let (mut of_tensor, mut small, mut large) = (Vec::new(), 0, 0);
        for (i, param) in params.iter().enumerate() {
            let numbers = match &rules[rule_of(i)].body {
                Body::Tensor(rule) => rule.work(&param.shape).next_multiple_of(PANEL),
                Body::Element(_) => 0,
            };
            let bytes = numbers * if param.dtype == DType::F64 { 8 } else { 4 };
            if is_large(param) {
                of_tensor.push((usize::MAX, bytes));
                large = bytes.max(large);
            } else {
                of_tensor.push((small, bytes));
                small += bytes;
            }
        }
        for (start, _) in &mut of_tensor {
            *start = small.min(*start);
        }
        Self { of_tensor, bytes: small + large }
    }

    /// Bytes of all work space.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Where the work space of `tensor` begins.
    pub fn start(&self, tensor: usize) -> usize {
        self.of_tensor[tensor].0
    }

    fn len(&self, tensor: usize) -> usize {
        self.of_tensor[tensor].1
    }
}

/// Whether a tensor rule works on this parameter with all threads: it computes more for each element than other rules.
fn is_large(param: &Param) -> bool {
    param.len() > SERIAL / 4
}

// SAFETY: a target is only a description; `Plan` gives each chunk to one task.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

impl Target {
    fn prologue(&self) -> Prologue<f64> {
        let (coupled, keep) = match self.decay {
            Decay::Coupled(lambda) => (lambda, 1.0),
            Decay::Decoupled(lambda) => (0.0, 1.0 - self.step.lr * lambda),
            Decay::Own(_) => (0.0, 1.0),
        };
        let keep = if self.beside.cautious_decay.is_some() { 1.0 } else { keep };
        // a centralized gradient is scaled and clipped when it is loaded
        let (scale, limit) =
            if self.beside.centred { (1.0, f64::INFINITY) } else { (self.scale, self.limit) };
        Prologue { scale, limit, coupled, keep }
    }

    fn is_f64(&self) -> bool {
        self.dtype == DType::F64
    }

    fn weights(&self, start: usize) -> Weights {
        let at = self.theta.wrapping_add(start * self.dtype.size());
        let size = match self.master {
            Master::None => 0,
            Master::Correction => 1,
            Master::F32 => 4,
        };
        Weights {
            at,
            dtype: self.dtype,
            master: self.master,
            beside: self.beside_theta.wrapping_add(start * size),
        }
    }

    /// The state from `start` on, where its arrays are kept in the type of the arithmetic; places beyond the rule's arrays are
    /// null, and never read.
    fn state<T>(&self, start: usize) -> [*mut T; MAX_STATES] {
        self.state.map(|s| s.cast::<T>().wrapping_add(start))
    }

    /// The same of whole groups, kept in 8 bits.
    fn packed(&self, at: At, start: usize, groups: usize, far: usize) -> Packed {
        let mut state = self.state.map(|s| s.wrapping_add(start));
        for ((place, holds), points) in state.iter_mut().zip(self.holds).zip(self.state) {
            if *holds == Holds::Point {
                *place = points.cast::<f32>().wrapping_add(start).cast();
            }
        }
        let scales = self.scales.map(|s| s.wrapping_add(start / GROUP));
        Packed { at, state, scales, groups, far, dither: self.state_dither.lanes_from(start) }
    }

    /// How codes lie.
    fn order(&self) -> Order {
        Order::of(self.dtype)
    }

    /// Of the arrays that are kept in few bytes, which number array `k` has.
    fn share(&self, k: usize) -> usize {
        self.holds[..k].iter().filter(|holds| **holds != Holds::Point).count()
    }

    /// Whether the rule can read and write the state where it lies, given parameters in f32.
    fn is_widened(&self) -> bool {
        match self.format {
            StateFormat::F32 => false,
            StateFormat::Bf16 => true,
            StateFormat::Bits8 => self.order() != Order::Apart,
        }
    }

    /// Whether one kernel does everything, given gradients as they are.
    fn is_packed_bf16(&self) -> bool {
        self.format == StateFormat::Bits8
            && (self.dtype, self.grad_dtype) == (DType::Bf16, DType::Bf16)
            && self.master == Master::Correction
            && self.dither.is_none()
    }

    /// How many arrays its rule has.
    fn arrays(&self) -> usize {
        self.holds.len()
    }

    /// Whether the rule can work on the state where it lies.
    fn state_in_place(&self) -> bool {
        self.format == StateFormat::F32
    }

    /// Whether array `k` is kept in fewer bytes than the arithmetic's.
    fn is_narrow(&self, k: usize) -> bool {
        self.format != StateFormat::F32 && self.holds[k] != Holds::Point
    }

    /// Sets `len` elements of the gradient from `start` on to zero, if that is asked for.
    ///
    /// # Safety
    /// The caller alone has this part of the gradient.
    unsafe fn zero(&self, start: usize, len: usize) {
        if !self.zero.is_null() {
            let size = self.grad_dtype.size();
            // SAFETY: the caller's contract; all bits zero is 0 in every type.
            unsafe { self.zero.add(start * size).write_bytes(0, len * size) };
        }
    }
}

/// A pointer that tasks may share because each writes places of its own.
struct Shared<T>(*mut T);
// SAFETY: users write disjoint places only, which each use justifies.
unsafe impl<T: Send> Sync for Shared<T> {}
impl<T> Shared<T> {
    /// # Safety
    /// `i` is in bounds and written by no other task.
    unsafe fn write(&self, i: usize, value: T) {
        // SAFETY: the caller's contract.
        unsafe { self.0.add(i).write(value) }
    }
}

/// For adaptive clipping and centralization: how each unit's gradient is scaled, and its mean.
#[derive(Debug)]
pub(crate) struct Units {
    /// Elements before one step along the unit axis is complete.
    inner: usize,
    /// The factor of each unit.
    pub factors: Vec<f64>,
    /// Work space: norms of the parameter.
    weights: Vec<f64>,
    /// The mean gradient of each unit, once scaled and clipped; 0 where it is not to be subtracted.
    means: Vec<f64>,
}

impl Units {
    pub fn new(param: &Param) -> Self {
        // vectors and single numbers are one unit, as in the reference implementations
        let (inner, count) = if param.rank() <= 1 {
            (param.len(), 1)
        } else {
            (param.shape[param.unit_axis + 1..].iter().product(), param.shape[param.unit_axis])
        };
        Self {
            inner: inner.max(1),
            factors: vec![1.0; count],
            weights: vec![0.0; count],
            means: vec![0.0; count],
        }
    }

    /// The elements from `start` on, `n` of them, in runs of one unit: the unit, and places counted from `start`.
    fn runs(&self, start: usize, n: usize) -> impl Iterator<Item = (usize, Range<usize>)> + use<> {
        let (inner, count, mut next) = (self.inner, self.factors.len(), 0);
        std::iter::from_fn(move || {
            let from = (next < n).then_some(next)?;
            next = n.min(from + inner - (start + from) % inner);
            Some(((start + from) / inner % count, from..next))
        })
    }
}

/// The work of one step.
pub(crate) struct Pass<'a> {
    pub plan: &'a Plan,
    pub level: Level,
    pub rules: &'a [Rule],
    pub params: &'a [Param],
    pub targets: &'a [Target],
    pub memory: &'a [f64],
    pub combine: &'a Combine,
    pub desks: &'a Desks,
}

/// Elements of an array of the tensor, where it has one: `len` from `start` on.
///
/// # Safety
/// `array` is null or has the tensor's length and the type `T`, and the caller alone has this part for as long as it keeps
/// it.
unsafe fn part<'a, T: Float>(array: *mut u8, start: usize, len: usize) -> Option<&'a mut [T]> {
    // SAFETY: the caller's contract.
    (!array.is_null()).then(|| unsafe { std::slice::from_raw_parts_mut(array.cast::<T>().add(start), len) })
}

/// What a task has prepared for which step, so that chunks of one kind share it.
#[derive(Default)]
struct Ready {
    prepared: Prepared,
    of: Option<(usize, Step, bool, (usize, usize))>,
}

/// A kernel with the scalars of a step.
#[derive(Clone, Copy)]
struct Bound<'a, T> {
    kernel: &'a dyn Run<T>,
    prepared: &'a Prepared,
    prologue: &'a Prologue<f64>,
}

/// Calls a method for the type that the target's arithmetic is done in, with the kernel's scalars of its step.
macro_rules! in_its_type {
    ($pass:ident.$method:ident($kernel:expr, $ready:expr, $target:expr) $(, $argument:expr)*) => {
        if $target.is_f64() {
            let kernel: &dyn Run<f64> = $kernel;
            $pass.$method(kernel, $pass.prepare(kernel, $target, $ready), $target $(, $argument)*)
        } else {
            let kernel: &dyn Run<f32> = $kernel;
            $pass.$method(kernel, $pass.prepare(kernel, $target, $ready), $target $(, $argument)*)
        }
    };
}

impl Pass<'_> {
    /// The scalars of `target`'s step, computed unless the last target's serve.
    fn prepare<'r, T: Float>(
        &self,
        kernel: &dyn Run<T>,
        target: &Target,
        ready: &'r mut Ready,
    ) -> &'r Prepared {
        let key = Some((target.rule, target.step, target.is_f64(), target.memory));
        if ready.of != key {
            let (start, len) = target.memory;
            kernel.prepare(self.level, target.step, &self.memory[start..start + len], &mut ready.prepared);
            ready.of = key;
        }
        &ready.prepared
    }

    /// Calls `visit` with each chunk of the tensors that have a gradient and an element rule. What it returns goes
    /// into the chunk's place.
    fn each_chunk<O: Send>(
        &self,
        sweep: Sweep,
        into: Option<&mut [O]>,
        visit: impl Fn(&dyn ElementKernel, &Target, Chunk, &mut Ready) -> O + Sync,
    ) {
        let into = into.map(|into| Shared(into.as_mut_ptr()));
        self.plan.for_each_task(sweep, |chunks| {
            let mut ready = Ready::default();
            for i in chunks {
                let chunk = self.plan.chunks[i];
                let target = &self.targets[chunk.tensor];
                let Body::Element(kernel) = &self.rules[target.rule].body else { continue };
                if !target.active {
                    continue;
                }
                let found = visit(kernel.as_ref(), target, chunk, &mut ready);
                if let Some(into) = &into {
                    // SAFETY: `into` has one place for each chunk, and each chunk is in one task.
                    unsafe { into.write(i, found) };
                }
            }
        });
    }

    /// What each rule measures, summed over each chunk.
    pub fn measure(&self, units: Option<&[Units]>, into: &mut [Sums]) {
        self.each_chunk(Sweep::Backwards, Some(into), |kernel, target, chunk, ready| {
            if kernel.scope() == Scope::Element {
                return Sums::default();
            }
            let units = units.map(|u| &u[chunk.tensor]);
            in_its_type!(self.measure_chunk(kernel, ready, target), chunk, units)
        });
    }

    fn measure_chunk<T: Float>(
        &self,
        kernel: &dyn Run<T>,
        prepared: &Prepared,
        target: &Target,
        chunk: Chunk,
        units: Option<&Units>,
    ) -> Sums {
        let prologue = target.prologue();
        let state = target.state(chunk.start);
        let in_place = target.state_in_place();
        if target.dtype == T::DTYPE && target.grad_dtype == T::DTYPE && units.is_none() && in_place {
            // SAFETY: types and lengths were checked by the step, nobody writes during this pass, and
            // `prepared` was written by `kernel`.
            return unsafe {
                let theta = target.theta.cast::<T>().add(chunk.start);
                let grad = target.grad.cast::<T>().add(chunk.start);
                let far = self.far(chunk);
                kernel.measure(
                    prepared,
                    &prologue,
                    Piece { far, ..Piece::near(theta, grad, state, chunk.len) },
                )
            };
        }
        let mut total = Sums::default();
        let (mut theta, mut grad) = ([T::ZERO; BLOCK], [T::ZERO; BLOCK]);
        let mut wide = [[T::ZERO; BLOCK]; MAX_STATES];
        for offset in (0..chunk.len).step_by(BLOCK) {
            let n = BLOCK.min(chunk.len - offset);
            self.load_theta(target, chunk.start + offset, &mut theta[..n]);
            self.load_clipped_grad(target, units, chunk.start + offset, &mut grad[..n]);
            let mut state = state.map(|s| s.wrapping_add(offset));
            if !in_place {
                self.widen_state(target, chunk.start + offset, n, &mut state, &mut wide);
            }
            let piece = Piece::near(theta.as_mut_ptr(), grad.as_ptr(), state, n);
            // SAFETY: as above; blocks are buffers of this task.
            let sums = unsafe { kernel.measure(prepared, &prologue, piece) };
            for (sum, x) in total.iter_mut().zip(sums) {
                *sum += x;
            }
        }
        total
    }

    /// A block of the gradient, its units scaled by adaptive clipping and centralized.
    fn load_clipped_grad<T: Float>(
        &self,
        target: &Target,
        units: Option<&Units>,
        start: usize,
        into: &mut [T],
    ) {
        self.load_scaled_grad(target, units, start, into);
        let Some(units) = units.filter(|_| target.beside.centred) else { return };
        for (unit, run) in units.runs(start, into.len()) {
            let mean = T::of(units.means[unit]);
            for g in &mut into[run] {
                *g = *g - mean;
            }
        }
    }

    /// A block of the gradient, its units scaled by adaptive clipping; before centralization, by all other clipping too.
    fn load_scaled_grad<T: Float>(
        &self,
        target: &Target,
        units: Option<&Units>,
        start: usize,
        into: &mut [T],
    ) {
        self.load_grad(target, start, into);
        let Some(units) = units else { return };
        for (unit, run) in units.runs(start, into.len()) {
            let factor = units.factors[unit];
            if factor != 1.0 {
                kernel::scale(self.level, &mut into[run], factor);
            }
        }
        if target.beside.centred {
            let (scale, limit) = (T::of(target.scale), T::of(target.limit));
            for g in into {
                *g = (*g * scale).clamp_to(limit);
            }
        }
    }

    /// Gradient centralization: the mean of each unit's gradient, as it is after clipping.
    pub fn centralize(&self, units: &mut [Units]) {
        let count = units.len();
        let units = Shared(units.as_mut_ptr());
        self.plan.for_each(count, |i| {
            let target = &self.targets[i];
            if !(target.active && target.beside.centred) {
                return;
            }
            let units = &units;
            // SAFETY: index `i` is visited once, so this is the only reference to it.
            let units = unsafe { &mut *units.0.add(i) };
            if target.is_f64() {
                self.unit_means::<f64>(target, self.params[i].len(), units);
            } else {
                self.unit_means::<f32>(target, self.params[i].len(), units);
            }
        });
    }

    fn unit_means<T: Float>(&self, target: &Target, len: usize, units: &mut Units) {
        units.means.fill(0.0);
        let mut grad = [T::ZERO; BLOCK];
        for start in (0..len).step_by(BLOCK) {
            let n = BLOCK.min(len - start);
            self.load_scaled_grad(target, Some(units), start, &mut grad[..n]);
            for (unit, run) in units.runs(start, n) {
                units.means[unit] += grad[run].iter().map(|g| g.wide()).sum::<f64>();
            }
        }
        let of_each = (len / units.means.len().max(1)).max(1) as f64;
        units.means.iter_mut().for_each(|mean| *mean /= of_each);
    }

    /// What of each chunk's update passes caution, and its square, found on copies.
    pub fn look_ahead_at_updates(&self, units: Option<&[Units]>, into: &mut [Passed]) {
        self.each_chunk(Sweep::Backwards, Some(into), |kernel, target, chunk, ready| {
            let units = units.map(|u| &u[chunk.tensor]);
            in_its_type!(self.try_chunk(kernel, ready, target), chunk, units)
        });
    }

    fn try_chunk<T: Float>(
        &self,
        kernel: &dyn Run<T>,
        prepared: &Prepared,
        target: &Target,
        chunk: Chunk,
        units: Option<&Units>,
    ) -> Passed {
        let prologue = target.prologue();
        let mut total = Passed::default();
        let (mut theta, mut grad, mut before) = ([T::ZERO; BLOCK], [T::ZERO; BLOCK], [T::ZERO; BLOCK]);
        let mut copies = [[T::ZERO; BLOCK]; MAX_STATES];
        for offset in (0..chunk.len).step_by(BLOCK) {
            let start = chunk.start + offset;
            let n = BLOCK.min(chunk.len - offset);
            self.load_theta(target, start, &mut theta[..n]);
            self.load_clipped_grad(target, units, start, &mut grad[..n]);
            before[..n].copy_from_slice(&theta[..n]);
            let mut state = [std::ptr::null_mut(); MAX_STATES];
            for (k, place) in state.iter_mut().enumerate().take(target.arrays()) {
                self.load_state(target, k, start, &mut copies[k][..n]);
                *place = copies[k].as_mut_ptr();
            }
            let piece = Piece::near(theta.as_mut_ptr(), grad.as_ptr(), state, n);
            // SAFETY: all blocks are buffers of this task, and `prepared` was written by `kernel`.
            unsafe { kernel.run(prepared, &prologue, piece) };
            let passed = target.beside.count(self.level, &prologue, (&before[..n], &grad[..n]), &theta[..n]);
            total = [total[0] + passed[0], total[1] + passed[1]];
        }
        total
    }

    /// Reads every gradient once: sum of squares and zeros of each chunk.
    pub fn gradient_stats(&self, sweep: Sweep, into: &mut [GradientStats]) {
        let into = Shared(into.as_mut_ptr());
        self.plan.for_each_task(sweep, |chunks| {
            for i in chunks {
                let chunk = self.plan.chunks[i];
                let target = &self.targets[chunk.tensor];
                let stats = if !target.active {
                    GradientStats::default()
                } else if target.is_f64() {
                    self.chunk_stats::<f64>(target, chunk)
                } else {
                    self.chunk_stats::<f32>(target, chunk)
                };
                // SAFETY: `into` has one place for each chunk, and each chunk is in one task.
                unsafe { into.write(i, stats) };
            }
        });
    }

    fn chunk_stats<T: Float>(&self, target: &Target, chunk: Chunk) -> GradientStats {
        if target.grad_dtype == T::DTYPE {
            // SAFETY: the gradient has the parameter's length (checked by the step) and the type
            // `T`; it is only read.
            let grad =
                unsafe { std::slice::from_raw_parts(target.grad.cast::<T>().add(chunk.start), chunk.len) };
            return kernel::gradient_stats(self.level, grad, self.far(chunk));
        }
        let mut block = [T::ZERO; BLOCK];
        let mut total = GradientStats::default();
        for start in (0..chunk.len).step_by(BLOCK) {
            let block = &mut block[..BLOCK.min(chunk.len - start)];
            self.load_grad(target, chunk.start + start, block);
            let stats = kernel::gradient_stats(self.level, block, 0);
            total.sum_of_squares += stats.sum_of_squares;
            total.zeros += stats.zeros;
        }
        total
    }

    fn load_grad<T: Float>(&self, target: &Target, start: usize, into: &mut [T]) {
        // SAFETY: callers stay within the tensor's length; the type is the target's.
        unsafe {
            let from = target.grad.add(start * target.grad_dtype.size());
            T::load_block(self.level, from, target.grad_dtype, into);
        }
    }

    fn load_theta<T: Float>(&self, target: &Target, start: usize, into: &mut [T]) {
        // SAFETY: callers stay within the tensor's length; the type is the target's.
        unsafe { T::load_weights(self.level, target.weights(start), into) };
    }

    /// Array `k` of the state from `start` on, widened to the type of the arithmetic.
    fn load_state<T: Float>(&self, target: &Target, k: usize, start: usize, into: &mut [T]) {
        let format = if target.is_narrow(k) { target.format } else { StateFormat::F32 };
        // SAFETY: callers stay within the tensor's length, which the rule's arrays have, and nobody writes there now;
        // a state that is not in place is one of f32.
        unsafe {
            match format {
                StateFormat::F32 => {
                    let from = target.state[k].add(start * size_of::<T>());
                    T::load_block(self.level, from, T::DTYPE, into);
                }
                StateFormat::Bf16 => {
                    T::load_block(self.level, target.state[k].add(start * 2), DType::Bf16, into);
                }
                StateFormat::Bits8 => {
                    let into: &mut [f32] = bytemuck::cast_slice_mut(into);
                    // blocks begin with a group
                    let codes = std::slice::from_raw_parts(target.state[k].add(start), into.len());
                    let scales = target.scales[k].add(start / GROUP);
                    let scales = std::slice::from_raw_parts(scales, into.len().div_ceil(GROUP));
                    let (holds, order) = (target.holds[k], target.order());
                    self.level.run(Read { holds, order, codes, scales, into });
                }
            }
        }
    }

    /// Points `state` to copies in the type of the arithmetic, where the state is not kept in it.
    fn widen_state<T: Float, const ROOM: usize>(
        &self,
        target: &Target,
        start: usize,
        n: usize,
        state: &mut [*mut T; MAX_STATES],
        wide: &mut [[T; ROOM]; MAX_STATES],
    ) {
        for k in (0..target.arrays()).filter(|k| target.is_narrow(*k)) {
            self.load_state(target, k, start, &mut wide[k][..n]);
            state[k] = wide[k].as_mut_ptr();
        }
    }

    /// Writes what [`Pass::widen_state`] copied back.
    fn narrow_state<T: Float, const ROOM: usize>(
        &self,
        target: &Target,
        start: usize,
        n: usize,
        wide: &[[T; ROOM]; MAX_STATES],
    ) {
        for k in (0..target.arrays()).filter(|k| target.is_narrow(*k)) {
            let from = &wide[k][..n];
            if target.format == StateFormat::Bf16 {
                let dither = Some(target.state_dither.from(start).again(k as u32));
                // SAFETY: callers stay within the tensor's length, and have this part for themselves.
                unsafe {
                    T::store_block(self.level, from, target.state[k].add(start * 2), DType::Bf16, dither);
                }
                continue;
            }
            let (holds, order, share) = (target.holds[k], target.order(), target.share(k));
            let (from, dither) = (bytemuck::cast_slice(from), target.state_dither.lanes_from(start));
            // SAFETY: as above; parts begin with a group.
            let (codes, scales) = unsafe {
                (
                    std::slice::from_raw_parts_mut(target.state[k].add(start), n),
                    std::slice::from_raw_parts_mut(target.scales[k].add(start / GROUP), n.div_ceil(GROUP)),
                )
            };
            self.level.run(Write { holds, order, share, dither, from, codes, scales });
        }
    }

    /// Sets the gradients to zero where the step was to, for a step that is skipped.
    pub fn zero_gradients(&self) {
        self.plan.for_each_task(Sweep::Forwards, |chunks| {
            for chunk in &self.plan.chunks[chunks] {
                // SAFETY: each chunk is in one task, and no other borrow of its gradient is alive.
                unsafe { self.targets[chunk.tensor].zero(chunk.start, chunk.len) };
            }
        });
    }

    /// Calls `see` with each element of the gradient of `tensor`, in order, as f64. Slow: for
    /// naming what is wrong.
    pub fn each_gradient(&self, tensor: usize, mut see: impl FnMut(usize, f64)) {
        let target = &self.targets[tensor];
        let len = self.params[tensor].len();
        for i in 0..len {
            let x = if target.is_f64() {
                let mut x = [0.0f64];
                self.load_grad(target, i, &mut x);
                x[0]
            } else {
                let mut x = [0.0f32];
                self.load_grad(target, i, &mut x);
                f64::from(x[0])
            };
            see(i, x);
        }
    }

    /// Adaptive gradient clipping: each unit's gradient is scaled to at most `factor` times the
    /// norm of its weights (Brock et al., 2021, equation 3).
    pub fn clip_units(&self, units: &mut [Units], factor: f64, eps: f64) {
        let count = units.len();
        let units = Shared(units.as_mut_ptr());
        self.plan.for_each(count, |i| {
            let target = &self.targets[i];
            if !target.active {
                return;
            }
            let units = &units;
            // SAFETY: index `i` is visited once, so this is the only reference to it.
            let units = unsafe { &mut *units.0.add(i) };
            if target.is_f64() {
                self.unit_factors::<f64>(target, self.params[i].len(), units, factor, eps);
            } else {
                self.unit_factors::<f32>(target, self.params[i].len(), units, factor, eps);
            }
        });
    }

    fn unit_factors<T: Float>(&self, target: &Target, len: usize, units: &mut Units, factor: f64, eps: f64) {
        units.factors.fill(0.0);
        units.weights.fill(0.0);
        let (mut grad, mut theta) = ([T::ZERO; BLOCK], [T::ZERO; BLOCK]);
        for start in (0..len).step_by(BLOCK) {
            let n = BLOCK.min(len - start);
            self.load_grad(target, start, &mut grad[..n]);
            self.load_theta(target, start, &mut theta[..n]);
            for (unit, run) in units.runs(start, n) {
                for k in run {
                    let (g, w): (f64, f64) = (grad[k].into(), theta[k].into());
                    units.factors[unit] += g * g;
                    units.weights[unit] += w * w;
                }
            }
        }
        for (f, w) in units.factors.iter_mut().zip(&units.weights) {
            let (gradient, most) = (f.sqrt() * target.scale.abs(), factor * w.sqrt().max(eps));
            *f = if gradient > most { most / gradient.max(1e-6) } else { 1.0 };
        }
    }

    /// The update itself. With `moved`, also `Σ (θ' − θ)²` and `Σ θ²` of each chunk.
    pub fn update(
        &self,
        units: Option<&[Units]>,
        state: &mut [Vec<crate::state::StateArray>],
        mut moved: Option<&mut [(f64, f64)]>,
    ) {
        let measure = moved.is_some();
        self.each_chunk(Sweep::Forwards, moved.as_deref_mut(), |kernel, target, chunk, ready| {
            let units = units.map(|u| &u[chunk.tensor]);
            in_its_type!(self.update_chunk(kernel, ready, target), chunk, units, measure)
        });
        let moved = moved.map(|m| Shared(m.as_mut_ptr()));
        if self.rules.iter().any(|rule| matches!(rule.body, Body::Tensor(_))) {
            let count = state.len();
            let state = Shared(state.as_mut_ptr());
            let parallel = rayon::current_num_threads() > 1;
            let update = |i: usize, large: bool| {
                let target = &self.targets[i];
                let Body::Tensor(_) = &self.rules[target.rule].body else { return };
                if !target.active || is_large(&self.params[i]) != large {
                    return;
                }
                let loops = Loops { level: self.level, parallel: parallel && large };
                let state = &state;
                // SAFETY: index `i` is visited once, so this is the only reference to it.
                let state = unsafe { &mut *state.0.add(i) };
                let change = if target.is_f64() {
                    self.update_tensor::<f64>(i, state, units.map(|u| &u[i]), loops, moved.is_some())
                } else {
                    self.update_tensor::<f32>(i, state, units.map(|u| &u[i]), loops, moved.is_some())
                };
                if let Some(moved) = &moved {
                    let mut places = self.plan.chunks_of(i);
                    if let Some(first) = places.next() {
                        // SAFETY: the chunks of tensor `i` belong to this call alone.
                        unsafe { moved.write(first, change) };
                        // SAFETY: as above.
                        places.for_each(|p| unsafe { moved.write(p, (0.0, 0.0)) });
                    }
                }
            };
            self.plan.for_each(count, |i| update(i, false));
            let large = || (0..count).for_each(|i| update(i, true));
            if parallel && self.params.iter().any(is_large) {
                // into the pool once, not with every loop
                rayon::join(large, || ());
            } else {
                large();
            }
        }
    }

    fn update_chunk<T: Float>(
        &self,
        kernel: &dyn Run<T>,
        prepared: &Prepared,
        target: &Target,
        chunk: Chunk,
        units: Option<&Units>,
        measure: bool,
    ) -> (f64, f64) {
        let prologue = target.prologue();
        let rule = Bound { kernel, prepared, prologue: &prologue };
        let direct_theta = target.dtype == T::DTYPE;
        let direct_grad = target.grad_dtype == T::DTYPE && units.is_none();
        let alone = !measure && target.beside.is_nothing();
        let mut chunk = chunk;
        if alone && units.is_none() && target.is_packed_bf16() {
            let groups = chunk.len / GROUP;
            let whole = groups * GROUP;
            // SAFETY: types and lengths were checked by the step, and this task alone has the chunk.
            unsafe {
                let at = At::Bf16(InBf16 {
                    theta: target.theta.add(2 * chunk.start),
                    correction: target.beside_theta.add(chunk.start),
                    grad: target.grad.add(2 * chunk.start),
                });
                kernel.run_packed(
                    prepared,
                    &prologue,
                    target.packed(at, chunk.start, groups, self.far(chunk)),
                );
                target.zero(chunk.start, whole);
            }
            (chunk.start, chunk.len) = (chunk.start + whole, chunk.len - whole);
            if chunk.len == 0 {
                return (0.0, 0.0);
            }
        }
        if direct_theta && direct_grad && alone && !target.is_widened() {
            // SAFETY: types and lengths were checked by the step, and this task alone has the chunk.
            unsafe {
                let theta = target.theta.cast::<T>().add(chunk.start);
                let grad = target.grad.cast::<T>().add(chunk.start);
                self.run_rule(rule, target, chunk, theta, grad, None);
                target.zero(chunk.start, chunk.len);
            }
            return (0.0, 0.0);
        }
        let changes = target.beside.changes_update();
        let mut total = (0.0, 0.0);
        let (mut theta, mut grad, mut before) = ([T::ZERO; BLOCK], [T::ZERO; BLOCK], [T::ZERO; BLOCK]);
        let mut wide = target.is_widened().then_some([[T::ZERO; BLOCK]; MAX_STATES]);
        // what needs no buffer takes more at once
        let buffered = !(direct_theta && direct_grad) || measure || changes || wide.is_some();
        let size = if buffered { BLOCK } else { 4 * BLOCK };
        for offset in (0..chunk.len).step_by(size) {
            let (start, n) = (chunk.start + offset, size.min(chunk.len - offset));
            // SAFETY: as above; other blocks are buffers of this task.
            unsafe {
                let theta = if direct_theta {
                    std::slice::from_raw_parts_mut(target.theta.cast::<T>().add(start), n)
                } else {
                    self.load_theta(target, start, &mut theta[..n]);
                    &mut theta[..n]
                };
                let grad = if direct_grad {
                    std::slice::from_raw_parts(target.grad.cast::<T>().add(start), n)
                } else {
                    self.load_clipped_grad(target, units, start, &mut grad[..n]);
                    &grad[..n]
                };
                if measure || changes {
                    before[..n].copy_from_slice(theta);
                }
                self.begin_slow(target, start, theta);
                let block = Chunk { start, len: n, ..chunk };
                self.run_rule(rule, target, block, theta.as_mut_ptr(), grad.as_ptr(), wide.as_mut());
                if changes {
                    target.beside.finish(self.level, &prologue, (&before[..n], grad), theta);
                }
                self.follow(target, start, theta);
                if !direct_theta {
                    let dither = target.dither.map(|stream| stream.from(start));
                    T::store_weights(self.level, theta, target.weights(start), dither);
                    if (measure || !target.beside.is_nothing()) && target.master == Master::None {
                        // as stored: half precision may have rounded the change away
                        self.load_theta(target, start, theta);
                    }
                }
                self.average(target, start, theta);
                if measure {
                    let (moved, size) = kernel::change(self.level, &before[..n], theta);
                    total = (total.0 + moved, total.1 + size);
                }
                target.zero(start, n);
            }
        }
        total
    }

    /// How many elements of its tensor lie in memory from the part's first on; 0 where all of the step may lie in a cache.
    fn far(&self, part: Chunk) -> usize {
        if self.plan.elements > SERIAL { self.params[part.tensor].len() - part.start } else { 0 }
    }

    /// The rule alone, on the elements of `part`, whose parameter and gradient lie at `theta` and `grad`, and whose state
    /// lies where it is kept. State that the rule cannot read there passes through `wide`.
    ///
    /// # Safety
    /// The pointers are valid for the part's length; the caller alone has its parameter and state; and `rule` was prepared for
    /// the target's step.
    unsafe fn run_rule<T: Float>(
        &self,
        rule: Bound<'_, T>,
        target: &Target,
        part: Chunk,
        theta: *mut T,
        grad: *const T,
        wide: Option<&mut [[T; BLOCK]; MAX_STATES]>,
    ) {
        let Bound { kernel, prepared, prologue } = rule;
        let Chunk { start, len, .. } = part;
        // SAFETY: the caller's contract; arrays have the tensor's length.
        unsafe {
            match (target.format, wide) {
                (_, Some(wide)) => self.run_widened(rule, target, part, theta, grad, wide),
                (StateFormat::Bits8, None) => {
                    // only parameters of f32 arithmetic have such state
                    let at = At::F32(InF32 { theta: theta.cast(), grad: grad.cast() });
                    let whole = len / GROUP * GROUP;
                    kernel.run_packed(
                        prepared,
                        prologue,
                        target.packed(at, start, len / GROUP, self.far(part)),
                    );
                    if whole < len {
                        let rest = Chunk { start: start + whole, len: len - whole, ..part };
                        let mut wide = [[T::ZERO; GROUP]; MAX_STATES];
                        self.run_widened(rule, target, rest, theta.add(whole), grad.add(whole), &mut wide);
                    }
                }
                (_, None) => {
                    let average = target.beside.average.cast::<T>();
                    let then = if average.is_null() { average } else { average.add(start) };
                    let near = Piece::near(theta, grad, target.state(start), len);
                    kernel.run(prepared, prologue, Piece { far: self.far(part), then, ..near });
                }
            }
        }
    }

    /// The same, with copies of the state in the type of the arithmetic.
    ///
    /// # Safety
    /// As for [`Pass::run_rule`]; the part is no longer than the room.
    unsafe fn run_widened<T: Float, const ROOM: usize>(
        &self,
        Bound { kernel, prepared, prologue }: Bound<'_, T>,
        target: &Target,
        Chunk { start, len, .. }: Chunk,
        theta: *mut T,
        grad: *const T,
        wide: &mut [[T; ROOM]; MAX_STATES],
    ) {
        let mut state = target.state(start);
        self.widen_state(target, start, len, &mut state, wide);
        // SAFETY: the caller's contract.
        unsafe { kernel.run(prepared, prologue, Piece::near(theta, grad, state, len)) };
        self.narrow_state(target, start, len, wide);
    }

    /// Before a tensor's first step: its slow weights begin with `theta`.
    fn begin_slow<T: Float>(&self, target: &Target, start: usize, theta: &[T]) {
        if target.beside.look.begin {
            // SAFETY: this task alone has this part.
            if let Some(slow) = unsafe { part(target.beside.slow, start, theta.len()) } {
                slow.copy_from_slice(theta);
            }
        }
    }

    /// After a step: the slow weights follow `theta`, if it is their turn.
    fn follow<T: Float>(&self, target: &Target, start: usize, theta: &mut [T]) {
        if let Some(alpha) = target.beside.look.follow {
            // SAFETY: this task alone has this part.
            if let Some(slow) = unsafe { part(target.beside.slow, start, theta.len()) } {
                combine::follow(self.level, alpha, theta, slow);
            }
        }
    }

    /// Takes the weights of `target` from `start` on, as stored, into its average.
    fn average<T: Float>(&self, target: &Target, start: usize, theta: &[T]) {
        let Beside { average, mix, .. } = target.beside;
        // SAFETY: this task alone has this part.
        if let Some(average) = unsafe { part(average, start, theta.len()) } {
            combine::average(self.level, mix, theta, average);
        }
    }

    fn update_tensor<T: crate::state::StateFloat>(
        &self,
        tensor: usize,
        state: &mut [crate::state::StateArray],
        units: Option<&Units>,
        loops: Loops,
        measure: bool,
    ) -> (f64, f64) {
        let (target, param) = (&self.targets[tensor], &self.params[tensor]);
        let Body::Tensor(rule) = &self.rules[target.rule].body else { return (0.0, 0.0) };
        // SAFETY: types (tensor rules take native types only, checked in `build`) and lengths were
        // checked, and this call alone has the tensor.
        let (theta, given) = unsafe {
            (
                std::slice::from_raw_parts_mut(target.theta.cast::<T>(), param.len()),
                std::slice::from_raw_parts(target.grad.cast::<T>(), param.len()),
            )
        };
        // SAFETY: the desk has this many bytes and begins on a cache line; every bit pattern is a number; small tensors
        // have desks of their own, and large ones, which share one, run one after the other.
        let work = unsafe {
            std::slice::from_raw_parts_mut(target.work.cast::<T>(), self.desks.len(tensor) / size_of::<T>())
        };
        let size = if measure { loops.sum_of_squares(theta) } else { 0.0 };
        let mut arrays: [&mut [T]; crate::state::MAX_ARRAYS] = Default::default();
        // behind those of the rule are those of what composes with it
        let count = state.len() - self.combine.count();
        for (place, array) in arrays.iter_mut().zip(&mut state[..count]) {
            *place = T::array_mut(array);
        }
        let beside = target.beside;
        // SAFETY: work space of the tensor's length and type, which this call alone has.
        let room = |place| unsafe { part(place, 0, param.len()) };
        let (mut grad, mut scale) = (given, target.scale);
        if let Some(centred) = room(beside.grad) {
            self.load_clipped_grad(target, units, 0, centred);
            (grad, scale) = (centred, 1.0);
        }
        let mut before = room(beside.before);
        // where the update is changed, the rule gives it alone, and decay is applied with the rest
        let mut decay = target.decay;
        let mut prologue = Prologue { scale, limit: f64::INFINITY, coupled: 0.0, keep: 1.0 };
        if let Some(before) = &mut before {
            before.copy_from_slice(theta);
        }
        if self.combine.changes_update() {
            prologue = target.prologue();
            if let Decay::Decoupled(_) = decay {
                decay = Decay::Decoupled(0.0);
            }
        }
        self.begin_slow(target, 0, theta);
        let state = &mut arrays[..count];
        let view = TensorView {
            theta: &mut *theta,
            grad,
            scale,
            decay,
            state,
            shape: &param.shape,
            unit_axis: param.unit_axis,
            work,
            loops,
        };
        let mut moved = T::update(rule.as_ref(), target.step, view);
        if let Some(before) = before {
            // the rule took θ for its base
            let bare = Prologue { keep: 1.0, ..prologue };
            let mut whole = beside;
            if whole.needs_whole {
                let passed = whole.count(self.level, &bare, (before, grad), theta);
                whole.factor = self.combine.factor(passed, theta.len(), target.step.lr);
            }
            whole.finish(self.level, &bare, (before, grad), theta);
            if prologue.keep != 1.0 {
                let lost = T::of(1.0 - prologue.keep);
                theta.iter_mut().zip(&*before).for_each(|(theta, before)| *theta = *theta - lost * *before);
            }
            self.follow(target, 0, theta);
            moved = kernel::change(self.level, before, theta).0;
        }
        self.average(target, 0, theta);
        // SAFETY: this call alone has the tensor, and is done with its gradient.
        unsafe { target.zero(0, param.len()) };
        (moved, size)
    }
}
