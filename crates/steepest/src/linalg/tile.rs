//! The innermost loop of every product: a tile of 16 × 16, in registers.
#![allow(unsafe_code)] // vector intrinsics

use super::{Loops, PANEL};
use crate::float::Float;
use crate::kernel::InstructionSet;

/// A type that matrices are multiplied in.
pub trait Number: Float {
    /// The distance from 1 to the next number.
    const EPSILON: f64;
    /// The smallest number that has all its digits.
    const SMALLEST: f64;
    /// `c ← c + aᵀ·b`: for each k in order, `c[i][j] ← a[k][i]·b[k][j] + c[i][j]`, rounded once.
    #[doc(hidden)]
    fn tile(loops: Loops, a: &[[Self; PANEL]], b: &[[Self; PANEL]], c: &mut [[Self; PANEL]; PANEL]);
}

/// The obvious version: every other is held to its bits.
macro_rules! plain_tile {
    ($a:expr, $b:expr, $c:expr) => {
        for (i, line) in $c.iter_mut().enumerate() {
            let mut sums = *line;
            for (a, b) in $a.iter().zip($b) {
                for j in 0..PANEL {
                    sums[j] = a[i].mul_add(b[j], sums[j]);
                }
            }
            *line = sums;
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::PANEL;
    use std::arch::x86_64::*;

    /// A tile in registers: `$h` rows and `$w` registers at a time.
    macro_rules! tile {
        ($name:ident, $t:ty, $features:literal, $v:ty, $n:literal, $h:literal, $w:literal,
         $load:ident, $store:ident, $all:ident, $fma:ident) => {
            #[target_feature(enable = $features)]
            pub fn $name(a: &[[$t; PANEL]], b: &[[$t; PANEL]], c: &mut [[$t; PANEL]; PANEL]) {
                const { assert!(PANEL % $h == 0 && PANEL % ($w * $n) == 0) };
                for top in (0..PANEL).step_by($h) {
                    for left in (0..PANEL).step_by($w * $n) {
                        let mut sums = [[$all(0.0); $w]; $h];
                        for i in 0..$h {
                            for j in 0..$w {
                                // SAFETY: the slice has the register's length.
                                sums[i][j] = unsafe { $load(c[top + i][left + j * $n..][..$n].as_ptr()) };
                            }
                        }
                        for (a, b) in a.iter().zip(b) {
                            let mut right = [$all(0.0); $w];
                            for j in 0..$w {
                                // SAFETY: as above.
                                right[j] = unsafe { $load(b[left + j * $n..][..$n].as_ptr()) };
                            }
                            for i in 0..$h {
                                let x = $all(a[top + i]);
                                for j in 0..$w {
                                    sums[i][j] = $fma(x, right[j], sums[i][j]);
                                }
                            }
                        }
                        for i in 0..$h {
                            for j in 0..$w {
                                // SAFETY: as above.
                                unsafe { $store(c[top + i][left + j * $n..][..$n].as_mut_ptr(), sums[i][j]) };
                            }
                        }
                    }
                }
            }
        };
    }
    tile!(
        f32_512,
        f32,
        "avx512f",
        __m512,
        16,
        16,
        1,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_set1_ps,
        _mm512_fmadd_ps
    );
    tile!(
        f64_512,
        f64,
        "avx512f",
        __m512d,
        8,
        8,
        2,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_set1_pd,
        _mm512_fmadd_pd
    );
    tile!(
        f32_256,
        f32,
        "avx2,fma",
        __m256,
        8,
        4,
        2,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_set1_ps,
        _mm256_fmadd_ps
    );
    tile!(
        f64_256,
        f64,
        "avx2,fma",
        __m256d,
        4,
        4,
        2,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_set1_pd,
        _mm256_fmadd_pd
    );
}

macro_rules! number {
    ($t:ident, $avx512:ident, $avx2:ident) => {
        impl Number for $t {
            const EPSILON: f64 = $t::EPSILON as f64;
            const SMALLEST: f64 = $t::MIN_POSITIVE as f64;
            fn tile(loops: Loops, a: &[[Self; PANEL]], b: &[[Self; PANEL]], c: &mut [[Self; PANEL]; PANEL]) {
                #[cfg(target_arch = "x86_64")]
                match loops.isa {
                    // SAFETY: `Loops` are made with available levels only: `Builder::level` and `InstructionSet::best`
                    // see to it.
                    InstructionSet::Avx512 => return unsafe { x86::$avx512(a, b, c) },
                    // SAFETY: as above; the level includes FMA.
                    InstructionSet::Avx2 => return unsafe { x86::$avx2(a, b, c) },
                    InstructionSet::Scalar | InstructionSet::Baseline => {}
                }
                let _ = loops;
                plain_tile!(a, b, c);
            }
        }
    };
}
number!(f32, f32_512, f32_256);
number!(f64, f64_512, f64_256);
