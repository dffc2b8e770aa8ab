//! The only loops over elements, compiled for each instruction set and chosen at run time.
//!
//! A loop is a [`Job`]; [`Level::run`] compiles it once for each instruction set. An
//! [`ElementRule`] becomes an [`ElementKernel`] here. The compiler turns the one loop over single
//! numbers into vector code and its tail; the reference level forbids it to, and a test holds all
//! levels to the reference, bit for bit. (Registers written out, as arrays of 16 numbers, came out
//! as code through memory at a third of the speed; with intrinsics they were 10 % faster from
//! cache, and no faster from memory, for 120 lines of them.)
#![allow(unsafe_code)] // raw pointers into borrowed slices, and calls of functions for a detected instruction set

use crate::dtype::{DType, HALF_OF_LAST, Half, join, split};
use crate::packed_step::{At, Packed, PackedRun};
use crate::precision::Master;
use crate::random::Dither;
use crate::real::Real;
use crate::rule::{ElementRule, Holds, MAX_SUMS, Scope, Step, Sums};
use half::{bf16, f16};
use std::marker::PhantomData;
use std::mem::{MaybeUninit, align_of, size_of};

/// An instruction set, or the reference that uses none. All give the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// One number at a time: the obvious version that the others are held to.
    Scalar,
    /// What every processor of the target has (SSE2 on x86-64, NEON on AArch64).
    Baseline,
    /// AVX2 with FMA: registers of 32 bytes.
    Avx2,
    /// AVX-512 (F, VL, BW, DQ): registers of 64 bytes.
    Avx512,
}

impl Level {
    /// All levels, slowest first.
    pub const ALL: [Self; 4] = [Self::Scalar, Self::Baseline, Self::Avx2, Self::Avx512];

    /// Whether this processor has the level.
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar | Self::Baseline => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// The fastest level of this processor.
    pub fn best() -> Self {
        *Self::ALL.iter().rfind(|level| level.is_available()).unwrap_or(&Self::Baseline)
    }

    /// Runs `job`, compiled for this level, or for the highest below it that the job is compiled for.
    ///
    /// # Panics
    /// If the processor does not have the level; [`Builder::level`](crate::Builder::level) checks
    /// that before a step can get here.
    pub(crate) fn run<J: Job>(self, job: J) -> J::Output {
        #[inline(never)]
        fn baseline<J: Job>(job: J) -> J::Output {
            job.run()
        }
        #[cfg(target_arch = "x86_64")]
        {
            // called, not inlined, so that a job in a job is compiled once
            #[inline(never)]
            #[target_feature(enable = "avx2,fma")]
            fn avx2<J: Job>(job: J) -> J::Output {
                job.run()
            }
            #[inline(never)]
            #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq")]
            fn avx512<J: Job>(job: J) -> J::Output {
                job.run()
            }
            debug_assert!(self.is_available());
            // the constants leave out what the job is not compiled for
            if const { J::HIGHEST as u8 >= Self::Avx512 as u8 } && self == Self::Avx512 {
                // SAFETY: `Builder::level` and `Level::best` let only available levels through.
                return unsafe { avx512(job) };
            }
            if const { J::HIGHEST as u8 >= Self::Avx2 as u8 } && self >= Self::Avx2 {
                // SAFETY: as above; the higher level needs the lower one.
                return unsafe { avx2(job) };
            }
        }
        baseline(job)
    }
}

/// A loop to be compiled for several instruction sets: its `run` is inlined into each.
///
/// Compiling is what limits how many loops there can be: one for each rule, type, place and level comes to thousands.
pub(crate) trait Job {
    type Output;
    /// The highest level that it is worth compiling for.
    const HIGHEST: Level = Level::Avx512;
    fn run(self) -> Self::Output;
}

/// A type that arithmetic is done in.
pub trait Float: Real + Into<f64> + Default + bytemuck::Pod + std::fmt::Debug {
    /// Its type in memory.
    const DTYPE: DType;
    /// 0
    const ZERO: Self;
    /// Whether it is neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// `src` widened to this type, when it is stored in `dtype`.
    ///
    /// # Safety
    /// `src` points to `dst.len()` elements of `dtype`.
    #[doc(hidden)]
    unsafe fn load_block(level: Level, src: *const u8, dtype: DType, dst: &mut [Self]);
    /// `src` narrowed into memory of type `dtype`; with `dither` rounded at random.
    ///
    /// # Safety
    /// `dst` points to `src.len()` writable elements of `dtype`.
    #[doc(hidden)]
    unsafe fn store_block(level: Level, src: &[Self], dst: *mut u8, dtype: DType, dither: Option<Dither>);
    /// A parameter widened to this type.
    ///
    /// # Safety
    /// `place` holds `dst.len()` elements.
    #[doc(hidden)]
    unsafe fn load_weights(level: Level, place: Weights, dst: &mut [Self]);
    /// `src` narrowed into a parameter; with `dither` rounded at random. Where something is kept beside it, `src` is
    /// afterwards what the two make.
    ///
    /// # Safety
    /// `place` holds `src.len()` elements, which nobody else uses.
    #[doc(hidden)]
    unsafe fn store_weights(level: Level, src: &mut [Self], place: Weights, dither: Option<Dither>);
}

/// Where a run of a parameter's elements lies.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Weights {
    pub at: *mut u8,
    pub dtype: DType,
    /// What is kept beside it, and where.
    pub master: Master,
    pub beside: *mut u8,
}

struct Widen<'a, H> {
    src: *const H,
    dst: &'a mut [f32],
}
impl<H: Half> Job for Widen<'_, H> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (i, x) in self.dst.iter_mut().enumerate() {
            // SAFETY: `load_block`'s contract: `src` has `dst.len()` elements.
            *x = unsafe { self.src.add(i).read_unaligned() }.widen();
        }
    }
}

struct Narrow<'a, H, F> {
    src: &'a [f32],
    dst: *mut H,
    /// How the `i`-th is rounded.
    round: F,
}
impl<H: Half, F: Fn(usize, f32) -> H> Job for Narrow<'_, H, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (i, x) in self.src.iter().enumerate() {
            // SAFETY: `store_block`'s contract: `dst` has `src.len()` elements.
            unsafe { self.dst.add(i).write_unaligned((self.round)(i, *x)) };
        }
    }
}

fn narrow<H: Half>(level: Level, src: &[f32], dst: *mut H, dither: Option<Dither>) {
    match dither {
        None => level.run(Narrow { src, dst, round: |_, x| H::narrow(x) }),
        Some(dither) => {
            level.run(Narrow { src, dst, round: move |i, x| H::narrow_randomly(x, dither.word(i)) });
        }
    }
}

/// Parameters in bf16 with the 8 bits below them.
struct Join<'a> {
    high: *const u16,
    low: *const i8,
    dst: &'a mut [f32],
}
impl Job for Join<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (i, x) in self.dst.iter_mut().enumerate() {
            // SAFETY: `load_weights`'s contract: there are `dst.len()` of each.
            *x = unsafe { join(self.high.add(i).read_unaligned(), *self.low.add(i)) };
        }
    }
}

struct Split<'a, F> {
    src: &'a mut [f32],
    high: *mut u16,
    low: *mut i8,
    /// What is added to the bits of the `i`-th that go.
    round: F,
}
impl<F: Fn(usize, f32) -> u32> Job for Split<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (i, x) in self.src.iter_mut().enumerate() {
            let (high, low) = split(*x, (self.round)(i, *x));
            // SAFETY: `store_weights`'s contract: there are `src.len()` of each.
            unsafe {
                self.high.add(i).write_unaligned(high);
                *self.low.add(i) = low;
            }
            *x = join(high, low);
        }
    }
}

/// Parameters with an f32 copy: the copy, unless the parameter is no longer what was stored for it.
struct WidenMaster<'a, H> {
    src: *const H,
    master: *const f32,
    dst: &'a mut [f32],
}
impl<H: Half> Job for WidenMaster<'_, H> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (i, x) in self.dst.iter_mut().enumerate() {
            // SAFETY: `load_weights`'s contract: there are `dst.len()` of each.
            let (stored, master) = unsafe { (self.src.add(i).read_unaligned().widen(), *self.master.add(i)) };
            let same = H::narrow(master).widen().to_bits() == stored.to_bits();
            *x = if same { master } else { stored };
        }
    }
}

unsafe fn load_half<H: Half>(level: Level, place: Weights, dst: &mut [f32]) {
    let src = place.at.cast::<H>();
    match place.master {
        Master::None => level.run(Widen { src, dst }),
        Master::F32 => level.run(WidenMaster { src, master: place.beside.cast(), dst }),
        Master::Correction => level.run(Join { high: place.at.cast(), low: place.beside.cast(), dst }),
    }
}

unsafe fn store_half<H: Half>(level: Level, src: &mut [f32], place: Weights, dither: Option<Dither>) {
    let dst = place.at.cast::<H>();
    match (place.master, dither) {
        (Master::None, _) => narrow(level, src, dst, dither),
        (Master::F32, _) => {
            narrow(level, src, dst, None);
            // SAFETY: the caller's contract; `src` is a distinct buffer.
            unsafe { place.beside.cast::<f32>().copy_from_nonoverlapping(src.as_ptr(), src.len()) };
        }
        (Master::Correction, None) => {
            let round = |_, _: f32| HALF_OF_LAST;
            level.run(Split { src, high: place.at.cast(), low: place.beside.cast(), round });
        }
        (Master::Correction, Some(dither)) => {
            let round = move |i, _: f32| dither.word(i) & 0xff;
            level.run(Split { src, high: place.at.cast(), low: place.beside.cast(), round });
        }
    }
}

impl Float for f32 {
    const DTYPE: DType = DType::F32;
    const ZERO: Self = 0.0;
    fn is_finite(self) -> bool {
        f32::is_finite(self)
    }
    unsafe fn load_block(level: Level, src: *const u8, dtype: DType, dst: &mut [f32]) {
        match dtype {
            DType::Bf16 => level.run(Widen { src: src.cast::<bf16>(), dst }),
            DType::F16 => level.run(Widen { src: src.cast::<f16>(), dst }),
            // SAFETY: the caller's contract; `dst` is a distinct buffer.
            _ => unsafe { src.cast::<f32>().copy_to_nonoverlapping(dst.as_mut_ptr(), dst.len()) },
        }
    }
    unsafe fn store_block(level: Level, src: &[f32], dst: *mut u8, dtype: DType, dither: Option<Dither>) {
        match dtype {
            DType::Bf16 => narrow(level, src, dst.cast::<bf16>(), dither),
            DType::F16 => narrow(level, src, dst.cast::<f16>(), dither),
            // SAFETY: the caller's contract; `src` is a distinct buffer.
            _ => unsafe { dst.cast::<f32>().copy_from_nonoverlapping(src.as_ptr(), src.len()) },
        }
    }
    unsafe fn load_weights(level: Level, place: Weights, dst: &mut [f32]) {
        // SAFETY: the caller's contract.
        unsafe {
            match place.dtype {
                DType::Bf16 => load_half::<bf16>(level, place, dst),
                DType::F16 => load_half::<f16>(level, place, dst),
                _ => place.at.cast::<f32>().copy_to_nonoverlapping(dst.as_mut_ptr(), dst.len()),
            }
        }
    }
    unsafe fn store_weights(level: Level, src: &mut [f32], place: Weights, dither: Option<Dither>) {
        // SAFETY: the caller's contract.
        unsafe {
            match place.dtype {
                DType::Bf16 => store_half::<bf16>(level, src, place, dither),
                DType::F16 => store_half::<f16>(level, src, place, dither),
                _ => place.at.cast::<f32>().copy_from_nonoverlapping(src.as_ptr(), src.len()),
            }
        }
    }
}

impl Float for f64 {
    const DTYPE: DType = DType::F64;
    const ZERO: Self = 0.0;
    fn is_finite(self) -> bool {
        f64::is_finite(self)
    }
    unsafe fn load_block(_: Level, src: *const u8, _: DType, dst: &mut [f64]) {
        // SAFETY: the caller's contract; `dst` is a distinct buffer.
        unsafe { src.cast::<f64>().copy_to_nonoverlapping(dst.as_mut_ptr(), dst.len()) }
    }
    unsafe fn store_block(_: Level, src: &[f64], dst: *mut u8, _: DType, _: Option<Dither>) {
        // SAFETY: the caller's contract; `src` is a distinct buffer.
        unsafe { dst.cast::<f64>().copy_from_nonoverlapping(src.as_ptr(), src.len()) }
    }
    unsafe fn load_weights(_: Level, place: Weights, dst: &mut [f64]) {
        // SAFETY: the caller's contract.
        unsafe { place.at.cast::<f64>().copy_to_nonoverlapping(dst.as_mut_ptr(), dst.len()) }
    }
    unsafe fn store_weights(_: Level, src: &mut [f64], place: Weights, _: Option<Dither>) {
        // SAFETY: the caller's contract.
        unsafe { place.at.cast::<f64>().copy_from_nonoverlapping(src.as_ptr(), src.len()) }
    }
}

/// What the driver does to a gradient and a parameter before the rule sees them.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Prologue<T> {
    /// `g ← scale·g`: loss scale and clipping by norm.
    pub scale: T,
    /// `g ← clamp(g, ±limit)`: clipping by value.
    pub limit: T,
    /// `g ← g + coupled·θ`.
    pub coupled: T,
    /// `θ ← keep·θ`: 1 − ηλ of decoupled decay.
    pub keep: T,
}

impl Prologue<f64> {
    pub(crate) fn round<T: Real>(&self) -> Prologue<T> {
        Prologue {
            scale: T::of(self.scale),
            limit: T::of(self.limit),
            coupled: T::of(self.coupled),
            keep: T::of(self.keep),
        }
    }
}

impl<T: Real> Prologue<T> {
    /// Whether nothing is done to the gradient but to take subnormal numbers for zero.
    #[inline(always)]
    pub(crate) fn is_plain(&self) -> bool {
        self.scale == T::of(1.0) && self.limit == T::of(f64::INFINITY) && self.coupled == T::of(0.0)
    }

    /// What the rule gets for the gradient `g` of `theta`.
    #[inline(always)]
    fn gradient(&self, g: T, theta: T) -> T {
        (g.flush() * self.scale).clamp_to(self.limit) + theta * self.coupled
    }
}

impl<T: Float> Prologue<T> {
    /// The same in a loop that knows whether it is plain; one over single numbers asks each time. Only loops over f32 are told.
    #[inline(always)]
    pub(crate) fn seen<const PLAIN: bool, const ONE_BY_ONE: bool>(&self, g: T, theta: T) -> T {
        let plain = PLAIN || (ONE_BY_ONE && self.is_plain() && matches!(T::DTYPE, DType::F32));
        if plain { g.flush() } else { self.gradient(g, theta) }
    }
}

/// The most state arrays that an element rule can have.
pub const MAX_STATES: usize = 4;

/// Elements of a piece whose memory is asked for together. More at once, and the processor waits until it can ask for them all.
const BATCH: usize = 128;
/// How many elements before they are worked on.
const AHEAD: usize = 512;
/// The same for a pass that only reads, and is through so much sooner.
const READ_AHEAD: usize = 2048;
/// Bytes of a cache line.
pub(crate) const LINE: usize = 64;

/// Asks for the cache line at `at`, and does not wait for it. Nothing need lie there.
#[inline(always)]
pub(crate) fn fetch(at: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: all processors of the target have the instruction, which changes nothing that a program sees.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// A run of elements: one kernel call.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Piece<T> {
    pub theta: *mut T,
    pub grad: *const T,
    pub state: [*mut T; MAX_STATES],
    pub len: usize,
    /// How many elements lie here, those behind the piece included, if they must come from memory and it pays to ask for them
    /// early; 0 for what may be in a cache.
    pub far: usize,
    /// What is worked on when the piece is done, and asked for meanwhile; null without.
    pub then: *const T,
}

impl<T> Piece<T> {
    /// One that may lie in a cache.
    pub fn near(theta: *mut T, grad: *const T, state: [*mut T; MAX_STATES], len: usize) -> Self {
        Self { theta, grad, state, len, far: 0, then: std::ptr::null() }
    }
}

impl<T: Copy + Default> Piece<T> {
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
            if !self.then.is_null() {
                fetch(self.then.wrapping_add(start + offset).cast());
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

/// The scalars of one step, computed once and used for many pieces; what it holds is known only
/// to the kernel that wrote it.
#[doc(hidden)]
#[repr(C, align(64))]
pub struct Prepared {
    scalars: [MaybeUninit<u8>; 1024],
    level: Level,
}

impl Default for Prepared {
    fn default() -> Self {
        Self { scalars: [MaybeUninit::uninit(); 1024], level: Level::Scalar }
    }
}

/// A kernel in one type.
#[doc(hidden)]
pub trait Run<T> {
    /// Writes the scalars of `step` for [`Run::run`] and [`Run::measure`].
    fn prepare(&self, level: Level, step: Step, memory: &[f64], into: &mut Prepared);
    /// Sums what the rule measures over the elements of `piece`, which it only reads.
    ///
    /// # Safety
    /// As for [`Run::run`], but nothing is written.
    unsafe fn measure(&self, prepared: &Prepared, prologue: &Prologue<f64>, piece: Piece<T>) -> Sums;
    /// One step of the elements of `piece`.
    ///
    /// # Safety
    /// `prepared` was written by this kernel for this `T`; the pointers of `piece` (the first of
    /// the states, as many as the rule has) are valid for `len` elements, the mutable ones
    /// exclusively.
    unsafe fn run(&self, prepared: &Prepared, prologue: &Prologue<f64>, piece: Piece<T>);
    /// One step of the elements of `packed`: for f32 only.
    ///
    /// # Safety
    /// As for [`Run::run`]; codes, points and scales are valid for its groups.
    unsafe fn run_packed(&self, prepared: &Prepared, prologue: &Prologue<f64>, packed: Packed);
    /// Turns weights into those to evaluate with; `state` holds the rule's arrays, all of one length.
    fn evaluate(&self, theta: &mut [T], state: &[&[T]]);
}

/// An [`ElementRule`] compiled for every type and instruction set.
pub trait ElementKernel: Run<f32> + Run<f64> + Send + Sync {
    /// The state arrays: name and first value.
    fn state(&self) -> Box<dyn Iterator<Item = (&'static str, f64)> + '_>;
    /// What each of them holds.
    fn holds(&self) -> &'static [Holds];
    /// What it keeps for a tensor as a whole: name and first value.
    fn memory(&self) -> Vec<(&'static str, f64)>;
    /// What is summed before the update.
    fn scope(&self) -> Scope;
    /// Whether a step must be given the loss.
    fn needs_loss(&self) -> bool;
    /// Whether the weights to evaluate with are not θ itself.
    fn evaluates(&self) -> bool;
    /// Moves the memory of a tensor on; see [`ElementRule::learn`].
    fn learn(&self, step: Step, sums: &Sums, memory: &mut [f64]);
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
    fn holds(&self) -> &'static [Holds] {
        &R::HOLDS
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
    fn learn(&self, step: Step, sums: &Sums, memory: &mut [f64]) {
        self.0.learn(step, sums, memory);
    }
}

impl<R: ElementRule<N>, const N: usize, T: Float> Run<T> for Element<R, N> {
    fn prepare(&self, level: Level, step: Step, memory: &[f64], into: &mut Prepared) {
        into.level = level;
        write_scalars::<R::Scalars<T>>(into, self.0.scalars(step, memory));
    }

    unsafe fn measure(&self, prepared: &Prepared, prologue: &Prologue<f64>, piece: Piece<T>) -> Sums {
        if const { R::SUMS == 0 } {
            return Sums::default();
        }
        // SAFETY: `prepare` wrote this type.
        let scalars = unsafe { *prepared.scalars.as_ptr().cast::<R::Scalars<T>>() };
        let (prologue, rule): (Prologue<T>, _) = (prologue.round(), PhantomData);
        match prepared.level {
            Level::Scalar => {
                Level::Scalar.run(MeasureJob::<R, N, T, false, true> { scalars, prologue, piece, rule })
            }
            // as for `run`
            level if const { matches!(T::DTYPE, DType::F32) } && prologue.is_plain() => {
                level.run(MeasureJob::<R, N, T, true, false> { scalars, prologue, piece, rule })
            }
            level => level.run(MeasureJob::<R, N, T, false, false> { scalars, prologue, piece, rule }),
        }
    }

    unsafe fn run(&self, prepared: &Prepared, prologue: &Prologue<f64>, piece: Piece<T>) {
        // SAFETY: `prepare` wrote this type.
        let scalars = unsafe { *prepared.scalars.as_ptr().cast::<R::Scalars<T>>() };
        let (prologue, rule): (Prologue<T>, _) = (prologue.round(), PhantomData);
        match prepared.level {
            Level::Scalar => {
                Level::Scalar.run(ElementJob::<R, N, T, false, true> { scalars, prologue, piece, rule })
            }
            // f64 is for exactness: without another loop for it, there is less to compile
            level if const { matches!(T::DTYPE, DType::F32) } && prologue.is_plain() => {
                level.run(ElementJob::<R, N, T, true, false> { scalars, prologue, piece, rule })
            }
            level => level.run(ElementJob::<R, N, T, false, false> { scalars, prologue, piece, rule }),
        }
    }

    unsafe fn run_packed(&self, prepared: &Prepared, prologue: &Prologue<f64>, packed: Packed) {
        debug_assert_eq!(T::DTYPE, DType::F32);
        // SAFETY: `prepare` wrote this type, for f32.
        let scalars = unsafe { *prepared.scalars.as_ptr().cast::<R::Scalars<f32>>() };
        let (level, prologue) = (prepared.level, prologue.round());
        // SAFETY: the caller's contract.
        unsafe {
            match packed.at {
                At::F32(memory) => PackedRun::<R, N, _> { scalars, prologue, level, packed, memory }.run(),
                At::Bf16(memory) => PackedRun::<R, N, _> { scalars, prologue, level, packed, memory }.run(),
            }
        }
    }

    fn evaluate(&self, theta: &mut [T], state: &[&[T]]) {
        for (i, theta) in theta.iter_mut().enumerate() {
            *theta = self.0.evaluate(*theta, std::array::from_fn(|k| state[k][i]));
        }
    }
}

fn write_scalars<S: Copy>(into: &mut Prepared, scalars: S) {
    const { assert!(size_of::<S>() <= 1024 && align_of::<S>() <= 64) };
    // SAFETY: size and alignment are checked above, at compile time.
    unsafe { into.scalars.as_mut_ptr().cast::<S>().write(scalars) }
}

/// The highest level to compile a loop for. One over single numbers has no use for registers, and f64 is divided and its roots are
/// taken no faster in 64 bytes than in 32.
pub(crate) const fn highest<T: Float>(one_by_one: bool) -> Level {
    match T::DTYPE {
        _ if one_by_one => Level::Baseline,
        DType::F64 => Level::Avx2,
        _ => Level::Avx512,
    }
}

/// `PLAIN`: the gradient needs neither scaling, clipping nor decay; a loop over single numbers asks each time.
struct ElementJob<R: ElementRule<N>, const N: usize, T: Real, const PLAIN: bool, const ONE_BY_ONE: bool> {
    scalars: R::Scalars<T>,
    prologue: Prologue<T>,
    piece: Piece<T>,
    rule: PhantomData<R>,
}

impl<R: ElementRule<N>, const N: usize, T: Float, const PLAIN: bool, const ONE_BY_ONE: bool> Job
    for ElementJob<R, N, T, PLAIN, ONE_BY_ONE>
{
    type Output = ();
    const HIGHEST: Level = highest::<T>(ONE_BY_ONE);

    #[inline(always)]
    fn run(self) {
        let Piece { theta, state, len, .. } = self.piece;
        let (s, prologue) = (self.scalars, self.prologue);
        let batch = if self.piece.far == 0 { len } else { BATCH };
        let mut start = 0;
        while start < len {
            if start + AHEAD + BATCH <= self.piece.far {
                self.piece.fetch::<N>(start);
            }
            let end = len.min(start + batch);
            for i in start..end {
                // an index that the compiler cannot see through keeps the reference from being vectorized
                let i = if ONE_BY_ONE { std::hint::black_box(i) } else { i };
                // SAFETY: `i < len`, and `run`'s contract.
                unsafe {
                    let (t, g, old) = self.piece.load(i);
                    let g = prologue.seen::<PLAIN, ONE_BY_ONE>(g, t);
                    let (t, new) = R::update(&s, t * prologue.keep, g, old);
                    *theta.add(i) = t;
                    for k in 0..N {
                        // a moving average of zeros would stay subnormal for hundreds of steps
                        *state[k].add(i) = if R::HOLDS[k] == Holds::Point { new[k] } else { new[k].flush() };
                    }
                }
            }
            start = end;
        }
    }
}

/// `PLAIN` as for [`ElementJob`]: a rule that asks for sums of gradients alone then reads nothing else.
struct MeasureJob<R: ElementRule<N>, const N: usize, T: Real, const PLAIN: bool, const ONE_BY_ONE: bool> {
    scalars: R::Scalars<T>,
    prologue: Prologue<T>,
    piece: Piece<T>,
    rule: PhantomData<R>,
}

impl<R: ElementRule<N>, const N: usize, T: Float, const PLAIN: bool, const ONE_BY_ONE: bool> Job
    for MeasureJob<R, N, T, PLAIN, ONE_BY_ONE>
{
    type Output = Sums;
    const HIGHEST: Level = highest::<T>(ONE_BY_ONE);

    #[inline(always)]
    fn run(self) -> Sums {
        // Sums side by side, joined in a fixed order: the same bits on every instruction set. So many that the loop over
        // them is not unrolled before it becomes vector code; 16, in registers, came out slower.
        const LANES: usize = 64;
        let len = self.piece.len;
        let (s, prologue) = (self.scalars, self.prologue);
        let mut sums = [[0.0f64; LANES]; MAX_SUMS];
        let mut add = |lane: usize, i: usize| {
            // as for `ElementJob`
            let i = if ONE_BY_ONE { std::hint::black_box(i) } else { i };
            // SAFETY: `i < len`, and `measure`'s contract.
            let terms = unsafe {
                let (t, g, old) = self.piece.load(i);
                R::measure(&s, t, prologue.seen::<PLAIN, ONE_BY_ONE>(g, t), old)
            };
            debug_assert!(
                !ONE_BY_ONE || terms[R::SUMS..].iter().all(|x| *x == 0.0),
                "more sums than the rule says"
            );
            for k in 0..R::SUMS {
                sums[k][lane] += terms[k];
            }
        };
        let (grad, far) = (self.piece.grad, self.piece.far);
        for start in (0..len / LANES * LANES).step_by(LANES) {
            if start + READ_AHEAD + LANES <= far {
                // other arrays, where they are read, come early enough
                for offset in (0..LANES).step_by(LINE / size_of::<T>()) {
                    fetch(grad.wrapping_add(start + READ_AHEAD + offset).cast());
                }
            }
            for lane in 0..LANES {
                add(lane, start + lane);
            }
        }
        for lane in 0..len % LANES {
            add(lane, len / LANES * LANES + lane);
        }
        let mut total = Sums::default();
        for k in 0..R::SUMS {
            total[k] = tree_sum(sums[k]);
        }
        total
    }
}

/// What one read of a gradient tells.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct GradientStats {
    /// Σ g², in f64. Not finite when some g is not, or, for f64 only, when it overflows.
    pub sum_of_squares: f64,
    /// How many elements are exactly zero.
    pub zeros: u64,
}

/// `FUSED`: squares are added without being rounded, which for f32 changes nothing, for their squares are exact in f64.
struct Stats<'a, T, const FUSED: bool> {
    grad: &'a [T],
    /// As in [`Piece`].
    far: usize,
}

impl<T: Float, const FUSED: bool> Job for Stats<'_, T, FUSED> {
    type Output = GradientStats;

    #[inline(always)]
    fn run(self) -> GradientStats {
        // 16 sums side by side, joined in a fixed order: the same bits on every instruction set
        const LANES: usize = 16;
        // zeros are counted in a loop of their own, over what is in the first-level cache: in one, both become slow code
        const PART: usize = 16 * LANES;
        let (mut sums, mut zeros) = ([0.0f64; LANES], 0);
        let mut rest = self.grad;
        while !rest.is_empty() {
            let start = self.grad.len() - rest.len();
            if start + READ_AHEAD + PART <= self.far {
                let next = self.grad.as_ptr().wrapping_add(start + READ_AHEAD);
                for offset in (0..PART).step_by(LINE / size_of::<T>()) {
                    fetch(next.wrapping_add(offset).cast());
                }
            }
            let (part, later) = rest.split_at(PART.min(rest.len()));
            rest = later;
            let (blocks, tail) = part.as_chunks::<LANES>();
            for block in blocks {
                for i in 0..LANES {
                    sums[i] = Self::add_square(sums[i], block[i].into());
                }
            }
            for i in 0..tail.len() {
                sums[i] = Self::add_square(sums[i], tail[i].into());
            }
            let mut count = 0u32;
            for g in part {
                count += u32::from(*g == T::ZERO);
            }
            zeros += u64::from(count);
        }
        GradientStats { sum_of_squares: tree_sum(sums), zeros }
    }
}

impl<T, const FUSED: bool> Stats<'_, T, FUSED> {
    #[inline(always)]
    fn add_square(sum: f64, x: f64) -> f64 {
        if FUSED { x.mul_add(x, sum) } else { sum + x * x }
    }
}

#[inline(always)]
pub(crate) fn tree_sum<const LANES: usize>(mut sums: [f64; LANES]) -> f64 {
    const { assert!(LANES.is_power_of_two()) };
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            sums[i] += sums[i + half];
        }
        half /= 2;
    }
    sums[0]
}

/// Sum of squares and zeros of a run of at most 2³² elements; `far` as in [`Piece`].
pub(crate) fn gradient_stats<T: Float>(level: Level, grad: &[T], far: usize) -> GradientStats {
    // the higher levels have the instruction
    if matches!(T::DTYPE, DType::F32) && level >= Level::Avx2 {
        level.run(Stats::<T, true> { grad, far })
    } else {
        level.run(Stats::<T, false> { grad, far })
    }
}

struct Change<'a, T> {
    before: &'a [T],
    after: &'a [T],
}

impl<T: Float> Job for Change<'_, T> {
    type Output = (f64, f64);

    #[inline(always)]
    fn run(self) -> (f64, f64) {
        let (mut moved, mut size) = ([0.0f64; 16], [0.0f64; 16]);
        let n = self.before.len().min(self.after.len());
        for i in 0..n {
            let (b, a): (f64, f64) = (self.before[i].into(), self.after[i].into());
            moved[i % 16] += (a - b) * (a - b);
            size[i % 16] += b * b;
        }
        (tree_sum(moved), tree_sum(size))
    }
}

/// `Σ (after − before)²` and `Σ before²`.
pub(crate) fn change<T: Float>(level: Level, before: &[T], after: &[T]) -> (f64, f64) {
    level.run(Change { before, after })
}

struct Scale<'a, T> {
    values: &'a mut [T],
    factor: T,
}

impl<T: Float> Job for Scale<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for x in self.values {
            *x = *x * self.factor;
        }
    }
}

/// `values ← factor·values`
pub(crate) fn scale<T: Float>(level: Level, values: &mut [T], factor: f64) {
    level.run(Scale { values, factor: T::of(factor) })
}

/// A rule that adds the gradient to everything.
struct Added;

impl<const N: usize> ElementRule<N> for Added {
    const STATE: [&'static str; N] = [""; N];
    const HOLDS: [Holds; N] = [Holds::Point; N];
    type Scalars<R: Real> = ();

    fn scalars<R: Real>(&self, _: Step, _: &[f64]) {}

    #[inline(always)]
    fn update<R: Real>((): &(), theta: R, g: R, mut state: [R; N]) -> (R, [R; N]) {
        for s in &mut state {
            *s = *s + g;
        }
        (theta + g, state)
    }
}

/// Adds `grad` to each of one to five arrays of its length: how fast memory can be read and written as a step does, by the same
/// loop without its arithmetic, its threads and its driver. For `steepest bench`.
///
/// # Panics
/// If there are more arrays or fewer, or of another length.
#[doc(hidden)]
pub fn stream(arrays: &mut [&mut [f32]], grad: &[f32]) {
    assert!(arrays.iter().all(|array| array.len() == grad.len()), "arrays of other lengths");
    let mut at = [std::ptr::null_mut(); 1 + MAX_STATES];
    assert!(!arrays.is_empty() && arrays.len() <= at.len(), "{} arrays", arrays.len());
    for (at, array) in at.iter_mut().zip(&mut *arrays) {
        *at = array.as_mut_ptr();
    }
    let [theta, a, b, c, d] = at;
    let far = grad.len();
    let piece = Piece { far, ..Piece::near(theta, grad.as_ptr(), [a, b, c, d], far) };
    fn run<const N: usize>(piece: Piece<f32>) {
        let prologue = Prologue { scale: 1.0, limit: f32::INFINITY, coupled: 0.0, keep: 1.0 };
        // the arrays are borrowed, and of this length
        Level::best().run(ElementJob::<Added, N, f32, true, false> {
            scalars: (),
            prologue,
            piece,
            rule: PhantomData,
        });
    }
    [run::<0>, run::<1>, run::<2>, run::<3>, run::<4>][arrays.len() - 1](piece);
}

struct Total<'a>(&'a [f32]);

impl Job for Total<'_> {
    type Output = f32;

    #[inline(always)]
    fn run(self) -> f32 {
        // as many as fit in registers
        const LANES: usize = 64;
        let mut sums = [0.0; LANES];
        for block in self.0.as_chunks::<LANES>().0 {
            for line in (0..LANES).step_by(LINE / size_of::<f32>()) {
                fetch(block.as_ptr().wrapping_add(READ_AHEAD + line).cast());
            }
            for i in 0..LANES {
                sums[i] += block[i];
            }
        }
        sums.iter().sum()
    }
}

/// The sum of an array, less its end: how fast memory can be read. For `steepest bench`.
#[doc(hidden)]
pub fn read(array: &[f32]) -> f32 {
    Level::best().run(Total(array))
}
