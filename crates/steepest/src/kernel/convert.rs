//! The way between memory and arithmetic: f64 is computed in f64, everything else in f32.
#![allow(unsafe_code)] // raw pointers into borrowed slices

use crate::dtype::{DType, HALF_OF_LAST, Half, join_correction, split_correction};
use crate::float::Float;
use crate::kernel::instruction_set::{InstructionSet, RawLoop};
use crate::random::Dither;
use half::{bf16, f16};

/// A type of the arithmetic, with the ways from memory and back.
pub(crate) trait Convert: Float {
    /// `src` widened to this type, when it is stored in `dtype`.
    ///
    /// # Safety
    /// `src` points to `dst.len()` elements of `dtype`.
    unsafe fn load_block(isa: InstructionSet, src: *const u8, dtype: DType, dst: &mut [Self]);
    /// `src` narrowed into memory of type `dtype`; with `dither` rounded at random.
    ///
    /// # Safety
    /// `dst` points to `src.len()` writable elements of `dtype`.
    unsafe fn store_block(
        isa: InstructionSet,
        src: &[Self],
        dst: *mut u8,
        dtype: DType,
        dither: Option<Dither>,
    );
    /// A parameter widened to this type.
    ///
    /// # Safety
    /// `place` holds `dst.len()` elements.
    unsafe fn load_weights(isa: InstructionSet, place: WeightPlace, dst: &mut [Self]);
    /// `src` narrowed into a parameter; with `dither` rounded at random. Where something is kept beside it, `src` is
    /// afterwards what the two make.
    ///
    /// # Safety
    /// `place` holds `src.len()` elements, which nobody else uses.
    unsafe fn store_weights(
        isa: InstructionSet,
        src: &mut [Self],
        place: WeightPlace,
        dither: Option<Dither>,
    );
}

/// Where a run of a parameter's elements lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WeightPlace {
    pub at: *mut u8,
    pub dtype: DType,
    pub master: MasterPlace,
}

/// What is kept of a run in half precision beside it, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MasterPlace {
    None,
    /// The 8 bits below bfloat16's.
    Correction(*mut i8),
    /// The parameter in f32.
    F32(*mut f32),
}

impl WeightPlace {
    /// The same from element `start` on.
    pub fn from(self, start: usize) -> Self {
        let master = match self.master {
            MasterPlace::None => MasterPlace::None,
            MasterPlace::Correction(at) => MasterPlace::Correction(at.wrapping_add(start)),
            MasterPlace::F32(at) => MasterPlace::F32(at.wrapping_add(start)),
        };
        Self { at: self.at.wrapping_add(start * self.dtype.size()), master, ..self }
    }
}

struct Widen<'a, H> {
    src: *const H,
    dst: &'a mut [f32],
}
impl<H: Half> RawLoop for Widen<'_, H> {
    type Output = ();
    #[inline(always)]
    unsafe fn run(self) {
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
impl<H: Half, F: Fn(usize, f32) -> H> RawLoop for Narrow<'_, H, F> {
    type Output = ();
    #[inline(always)]
    unsafe fn run(self) {
        for (i, x) in self.src.iter().enumerate() {
            // SAFETY: `store_block`'s contract: `dst` has `src.len()` elements.
            unsafe { self.dst.add(i).write_unaligned((self.round)(i, *x)) };
        }
    }
}

/// # Safety
/// `dst` has `src.len()` elements.
unsafe fn narrow<H: Half>(isa: InstructionSet, src: &[f32], dst: *mut H, dither: Option<Dither>) {
    // SAFETY: the caller's contract.
    unsafe {
        match dither {
            None => isa.run_raw(Narrow { src, dst, round: |_, x| H::narrow(x) }),
            Some(dither) => {
                isa.run_raw(Narrow { src, dst, round: move |i, x| H::narrow_randomly(x, dither.word(i)) });
            }
        }
    }
}

/// Parameters in bf16 with the 8 bits below them.
struct Join<'a> {
    high: *const u16,
    low: *const i8,
    dst: &'a mut [f32],
}
impl RawLoop for Join<'_> {
    type Output = ();
    #[inline(always)]
    unsafe fn run(self) {
        for (i, x) in self.dst.iter_mut().enumerate() {
            // SAFETY: `load_weights`'s contract: there are `dst.len()` of each.
            *x = unsafe { join_correction(self.high.add(i).read_unaligned(), *self.low.add(i)) };
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
impl<F: Fn(usize, f32) -> u32> RawLoop for Split<'_, F> {
    type Output = ();
    #[inline(always)]
    unsafe fn run(self) {
        for (i, x) in self.src.iter_mut().enumerate() {
            let (high, low) = split_correction(*x, (self.round)(i, *x));
            // SAFETY: `store_weights`'s contract: there are `src.len()` of each.
            unsafe {
                self.high.add(i).write_unaligned(high);
                *self.low.add(i) = low;
            }
            *x = join_correction(high, low);
        }
    }
}

/// Parameters with an f32 copy: the copy, unless the parameter is no longer what was stored for it.
struct WidenMaster<'a, H> {
    src: *const H,
    master: *const f32,
    dst: &'a mut [f32],
}
impl<H: Half> RawLoop for WidenMaster<'_, H> {
    type Output = ();
    #[inline(always)]
    unsafe fn run(self) {
        for (i, x) in self.dst.iter_mut().enumerate() {
            // SAFETY: `load_weights`'s contract: there are `dst.len()` of each.
            let (stored, master) = unsafe { (self.src.add(i).read_unaligned().widen(), *self.master.add(i)) };
            let same = H::narrow(master).widen().to_bits() == stored.to_bits();
            *x = if same { master } else { stored };
        }
    }
}

/// # Safety
/// [`Convert::load_weights`]'s contract.
unsafe fn load_half<H: Half>(isa: InstructionSet, place: WeightPlace, dst: &mut [f32]) {
    let src = place.at.cast::<H>();
    // SAFETY: the caller's contract.
    unsafe {
        match place.master {
            MasterPlace::None => isa.run_raw(Widen { src, dst }),
            MasterPlace::F32(master) => isa.run_raw(WidenMaster { src, master, dst }),
            MasterPlace::Correction(low) => isa.run_raw(Join { high: place.at.cast(), low, dst }),
        }
    }
}

/// # Safety
/// [`Convert::store_weights`]'s contract.
unsafe fn store_half<H: Half>(
    isa: InstructionSet,
    src: &mut [f32],
    place: WeightPlace,
    dither: Option<Dither>,
) {
    let dst = place.at.cast::<H>();
    // SAFETY: the caller's contract; `src` is a distinct buffer.
    unsafe {
        match (place.master, dither) {
            (MasterPlace::None, _) => narrow(isa, src, dst, dither),
            (MasterPlace::F32(master), _) => {
                narrow(isa, src, dst, None);
                master.copy_from_nonoverlapping(src.as_ptr(), src.len());
            }
            (MasterPlace::Correction(low), None) => {
                let round = |_, _: f32| HALF_OF_LAST;
                isa.run_raw(Split { src, high: place.at.cast(), low, round });
            }
            (MasterPlace::Correction(low), Some(dither)) => {
                let round = move |i, _: f32| dither.word(i) & 0xff;
                isa.run_raw(Split { src, high: place.at.cast(), low, round });
            }
        }
    }
}

impl Convert for f32 {
    unsafe fn load_block(isa: InstructionSet, src: *const u8, dtype: DType, dst: &mut [f32]) {
        // SAFETY: the caller's contract; `dst` is a distinct buffer.
        unsafe {
            match dtype {
                DType::Bf16 => isa.run_raw(Widen { src: src.cast::<bf16>(), dst }),
                DType::F16 => isa.run_raw(Widen { src: src.cast::<f16>(), dst }),
                _ => src.cast::<f32>().copy_to_nonoverlapping(dst.as_mut_ptr(), dst.len()),
            }
        }
    }
    unsafe fn store_block(
        isa: InstructionSet,
        src: &[f32],
        dst: *mut u8,
        dtype: DType,
        dither: Option<Dither>,
    ) {
        // SAFETY: the caller's contract; `src` is a distinct buffer.
        unsafe {
            match dtype {
                DType::Bf16 => narrow(isa, src, dst.cast::<bf16>(), dither),
                DType::F16 => narrow(isa, src, dst.cast::<f16>(), dither),
                _ => dst.cast::<f32>().copy_from_nonoverlapping(src.as_ptr(), src.len()),
            }
        }
    }
    unsafe fn load_weights(isa: InstructionSet, place: WeightPlace, dst: &mut [f32]) {
        // SAFETY: the caller's contract.
        unsafe {
            match place.dtype {
                DType::Bf16 => load_half::<bf16>(isa, place, dst),
                DType::F16 => load_half::<f16>(isa, place, dst),
                _ => place.at.cast::<f32>().copy_to_nonoverlapping(dst.as_mut_ptr(), dst.len()),
            }
        }
    }
    unsafe fn store_weights(
        isa: InstructionSet,
        src: &mut [f32],
        place: WeightPlace,
        dither: Option<Dither>,
    ) {
        // SAFETY: the caller's contract.
        unsafe {
            match place.dtype {
                DType::Bf16 => store_half::<bf16>(isa, src, place, dither),
                DType::F16 => store_half::<f16>(isa, src, place, dither),
                _ => place.at.cast::<f32>().copy_from_nonoverlapping(src.as_ptr(), src.len()),
            }
        }
    }
}

impl Convert for f64 {
    unsafe fn load_block(_: InstructionSet, src: *const u8, _: DType, dst: &mut [f64]) {
        // SAFETY: the caller's contract; `dst` is a distinct buffer.
        unsafe { src.cast::<f64>().copy_to_nonoverlapping(dst.as_mut_ptr(), dst.len()) }
    }
    unsafe fn store_block(_: InstructionSet, src: &[f64], dst: *mut u8, _: DType, _: Option<Dither>) {
        // SAFETY: the caller's contract; `src` is a distinct buffer.
        unsafe { dst.cast::<f64>().copy_from_nonoverlapping(src.as_ptr(), src.len()) }
    }
    unsafe fn load_weights(_: InstructionSet, place: WeightPlace, dst: &mut [f64]) {
        // SAFETY: the caller's contract.
        unsafe { place.at.cast::<f64>().copy_to_nonoverlapping(dst.as_mut_ptr(), dst.len()) }
    }
    unsafe fn store_weights(_: InstructionSet, src: &mut [f64], place: WeightPlace, _: Option<Dither>) {
        // SAFETY: the caller's contract.
        unsafe { place.at.cast::<f64>().copy_from_nonoverlapping(src.as_ptr(), src.len()) }
    }
}
