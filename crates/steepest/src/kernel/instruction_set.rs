//! Instruction sets, chosen at run time: one loop is compiled once for each.
#![allow(unsafe_code)] // calls of functions for a detected instruction set

use crate::dtype::DType;
use crate::float::Float;

/// An instruction set, or the reference that uses none. All give the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InstructionSet {
    /// One number at a time: the obvious version that the others are held to.
    Scalar,
    /// What every processor of the target has (SSE2 on x86-64, NEON on AArch64).
    Baseline,
    /// AVX2 with FMA: registers of 32 bytes.
    Avx2,
    /// AVX-512 (F, VL, BW, DQ): registers of 64 bytes.
    Avx512,
}

impl InstructionSet {
    /// All of them, slowest first.
    pub const ALL: [Self; 4] = [Self::Scalar, Self::Baseline, Self::Avx2, Self::Avx512];

    /// Whether this processor has it.
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

    /// The fastest of this processor.
    pub fn best() -> Self {
        *Self::ALL.iter().rfind(|set| set.is_available()).unwrap_or(&Self::Baseline)
    }

    /// Runs a loop over slices, compiled for this instruction set, or for the highest below it that the loop is compiled for.
    pub(crate) fn run<L: Loop>(self, the_loop: L) -> L::Output {
        // SAFETY: a loop over slices asks for nothing.
        unsafe { self.run_raw(OverSlices(the_loop)) }
    }

    /// The same for a loop over pointers.
    ///
    /// # Safety
    /// What the loop's own type asks for.
    pub(crate) unsafe fn run_raw<L: RawLoop>(self, the_loop: L) -> L::Output {
        #[inline(never)]
        unsafe fn baseline<L: RawLoop>(the_loop: L) -> L::Output {
            // SAFETY: the caller's contract.
            unsafe { the_loop.run() }
        }
        #[cfg(target_arch = "x86_64")]
        {
            // called, not inlined, so that a loop in a loop is compiled once
            #[inline(never)]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2<L: RawLoop>(the_loop: L) -> L::Output {
                // SAFETY: the caller's contract.
                unsafe { the_loop.run() }
            }
            #[inline(never)]
            #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq")]
            unsafe fn avx512<L: RawLoop>(the_loop: L) -> L::Output {
                // SAFETY: the caller's contract.
                unsafe { the_loop.run() }
            }
            debug_assert!(self.is_available());
            // the constants leave out what the loop is not compiled for
            if const { L::HIGHEST as u8 >= Self::Avx512 as u8 } && self == Self::Avx512 {
                // SAFETY: `Builder::instruction_set` and `best` let only available ones through; the rest is the caller's contract.
                return unsafe { avx512(the_loop) };
            }
            if const { L::HIGHEST as u8 >= Self::Avx2 as u8 } && self >= Self::Avx2 {
                // SAFETY: as above; the higher instruction set needs the lower one.
                return unsafe { avx2(the_loop) };
            }
        }
        // SAFETY: the caller's contract.
        unsafe { baseline(the_loop) }
    }
}

/// A loop over slices, to be compiled for several instruction sets: its `run` is inlined into each.
///
/// Compiling is what limits how many loops there can be: one for each rule, type, place and instruction set comes to thousands.
pub(crate) trait Loop {
    type Output;
    /// The highest instruction set that it is worth compiling for.
    const HIGHEST: InstructionSet = InstructionSet::Avx512;
    fn run(self) -> Self::Output;
}

/// A [`Loop`] over pointers.
pub(crate) trait RawLoop {
    type Output;
    /// The highest instruction set that it is worth compiling for.
    const HIGHEST: InstructionSet = InstructionSet::Avx512;
    /// # Safety
    /// The pointers are valid for as many elements as the loop's type says, those that it writes for nobody else.
    unsafe fn run(self) -> Self::Output;
}

struct OverSlices<L>(L);

impl<L: Loop> RawLoop for OverSlices<L> {
    type Output = L::Output;
    const HIGHEST: InstructionSet = L::HIGHEST;
    #[inline(always)]
    unsafe fn run(self) -> L::Output {
        self.0.run()
    }
}

/// The highest instruction set to compile a loop over numbers of type `T` for. One over single numbers has no use for registers,
/// and f64 is divided and its roots are taken no faster in 64 bytes than in 32.
pub(crate) const fn highest<T: Float>(one_by_one: bool) -> InstructionSet {
    match T::DTYPE {
        _ if one_by_one => InstructionSet::Baseline,
        DType::F64 => InstructionSet::Avx2,
        _ => InstructionSet::Avx512,
    }
}
