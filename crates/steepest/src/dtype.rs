//! How elements lie in memory, and the way between memory and arithmetic.
//!
//! f64 is computed in f64, everything else in f32. Half precision passes through blocks of f32
//! that stay in the first-level cache, so a rule is compiled for two types, not for every pair.

use half::{bf16, f16};
use std::fmt;

/// The element type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DType {
    /// IEEE double precision, 8 bytes.
    F64,
    /// IEEE single precision, 4 bytes.
    F32,
    /// bfloat16, 2 bytes: the upper half of an `f32`.
    Bf16,
    /// IEEE half precision, 2 bytes.
    F16,
}

impl DType {
    /// Bytes of one element.
    pub const fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::Bf16 | Self::F16 => 2,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F64 => "f64",
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        })
    }
}

macro_rules! slices {
    ($($variant:ident $t:ty),+) => {
        /// A borrowed tensor, flat.
        #[derive(Debug, Clone, Copy)]
        pub enum Slice<'a> { $(#[doc = concat!("Elements of type ", stringify!($t), ".")] $variant(&'a [$t])),+ }

        /// A tensor borrowed for writing, flat.
        #[derive(Debug)]
        pub enum SliceMut<'a> { $(#[doc = concat!("Elements of type ", stringify!($t), ".")] $variant(&'a mut [$t])),+ }

        $(
            impl<'a> From<&'a [$t]> for Slice<'a> {
                fn from(slice: &'a [$t]) -> Self { Self::$variant(slice) }
            }
            impl<'a> From<&'a Vec<$t>> for Slice<'a> {
                fn from(slice: &'a Vec<$t>) -> Self { Self::$variant(slice) }
            }
            impl<'a, const N: usize> From<&'a [$t; N]> for Slice<'a> {
                fn from(slice: &'a [$t; N]) -> Self { Self::$variant(slice) }
            }
            impl<'a> From<&'a Box<[$t]>> for Slice<'a> {
                fn from(slice: &'a Box<[$t]>) -> Self { Self::$variant(slice) }
            }
            impl<'a, const N: usize> From<&'a [[$t; N]]> for Slice<'a> {
                fn from(rows: &'a [[$t; N]]) -> Self { Self::$variant(rows.as_flattened()) }
            }
            impl<'a, const N: usize> From<&'a Vec<[$t; N]>> for Slice<'a> {
                fn from(rows: &'a Vec<[$t; N]>) -> Self { Self::$variant(rows.as_flattened()) }
            }
            impl<'a, const N: usize, const M: usize> From<&'a [[$t; N]; M]> for Slice<'a> {
                fn from(rows: &'a [[$t; N]; M]) -> Self { Self::$variant(rows.as_flattened()) }
            }
            impl<'a> From<&'a mut Box<[$t]>> for SliceMut<'a> {
                fn from(slice: &'a mut Box<[$t]>) -> Self { Self::$variant(slice) }
            }
            impl<'a, const N: usize> From<&'a mut [[$t; N]]> for SliceMut<'a> {
                fn from(rows: &'a mut [[$t; N]]) -> Self { Self::$variant(rows.as_flattened_mut()) }
            }
            impl<'a, const N: usize> From<&'a mut Vec<[$t; N]>> for SliceMut<'a> {
                fn from(rows: &'a mut Vec<[$t; N]>) -> Self { Self::$variant(rows.as_flattened_mut()) }
            }
            impl<'a, const N: usize, const M: usize> From<&'a mut [[$t; N]; M]> for SliceMut<'a> {
                fn from(rows: &'a mut [[$t; N]; M]) -> Self { Self::$variant(rows.as_flattened_mut()) }
            }
            impl<'a> From<&'a mut [$t]> for SliceMut<'a> {
                fn from(slice: &'a mut [$t]) -> Self { Self::$variant(slice) }
            }
            impl<'a> From<&'a mut Vec<$t>> for SliceMut<'a> {
                fn from(slice: &'a mut Vec<$t>) -> Self { Self::$variant(slice) }
            }
            impl<'a, const N: usize> From<&'a mut [$t; N]> for SliceMut<'a> {
                fn from(slice: &'a mut [$t; N]) -> Self { Self::$variant(slice) }
            }
        )+

        impl Slice<'_> {
            /// The element type.
            pub fn dtype(&self) -> DType { match self { $(Self::$variant(_) => DType::$variant),+ } }
            /// The number of elements.
            pub fn len(&self) -> usize { match self { $(Self::$variant(s) => s.len()),+ } }
            pub(crate) fn address(&self) -> *const u8 { match self { $(Self::$variant(s) => s.as_ptr().cast()),+ } }
        }

        impl SliceMut<'_> {
            /// The element type.
            pub fn dtype(&self) -> DType { match self { $(Self::$variant(_) => DType::$variant),+ } }
            /// The number of elements.
            pub fn len(&self) -> usize { match self { $(Self::$variant(s) => s.len()),+ } }
            /// The tensor, borrowed for reading.
            pub fn as_slice(&self) -> Slice<'_> { match self { $(Self::$variant(s) => Slice::$variant(s)),+ } }
            /// The same tensor for a shorter time.
            pub fn reborrow(&mut self) -> SliceMut<'_> { match self { $(Self::$variant(s) => SliceMut::$variant(s)),+ } }
            pub(crate) fn address(&mut self) -> *mut u8 { match self { $(Self::$variant(s) => s.as_mut_ptr().cast()),+ } }
        }
    };
}
slices!(F64 f64, F32 f32, Bf16 bf16, F16 f16);

impl Slice<'_> {
    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl SliceMut<'_> {
    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A type of two bytes that arithmetic sees as `f32`. Both ways are free of branches, so that
/// loops over them become vector code on any instruction set.
pub(crate) trait Half: Copy + Send + Sync {
    fn widen(self) -> f32;
    /// To the nearest, ties to even; a NaN stays a NaN.
    fn narrow(x: f32) -> Self;
    /// Up or down, as the random bits say; a finite number that fits stays finite.
    fn narrow_randomly(x: f32, word: u32) -> Self;
}

impl Half for bf16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }
    #[inline(always)]
    fn narrow(x: f32) -> Self {
        let bits = x.to_bits();
        let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
        // rounding up could carry a NaN's payload into infinity: keep the top and make it quiet
        let nan = (bits >> 16) | 0x40;
        let is_nan = (bits & 0x7fff_ffff) > 0x7f80_0000;
        bf16::from_bits(if is_nan { nan } else { rounded } as u16)
    }
    #[inline(always)]
    fn narrow_randomly(x: f32, word: u32) -> Self {
        let bits = x.to_bits();
        let is_nan = (bits & 0x7fff_ffff) > 0x7f80_0000;
        let rounded = bits.wrapping_add(word & 0xffff) >> 16;
        bf16::from_bits(if is_nan { (bits >> 16) | 0x40 } else { rounded } as u16)
    }
}

/// The number that a bfloat16 and its [correction](crate::Master::Correction) make.
#[inline(always)]
pub(crate) fn join_correction(high: u16, low: i8) -> f32 {
    f32::from_bits((u32::from(high) << 16).wrapping_add_signed(i32::from(low) << 8))
}

/// The nearest bfloat16 to the first 24 bits of `x`, and what is left of them. `rounding` is added to the 8 bits that go.
#[inline(always)]
pub(crate) fn split_correction(x: f32, rounding: u32) -> (u16, i8) {
    let bits = x.to_bits();
    let is_nan = (bits & 0x7fff_ffff) > 0x7f80_0000;
    let kept = bits.wrapping_add(rounding) >> 8;
    let high = (kept + 0x80) >> 8;
    let low = kept.wrapping_sub(high << 8);
    if is_nan { ((bits >> 16 | 0x40) as u16, 0) } else { (high as u16, low as i8) }
}

/// What to add to the 8 bits that go, to round to the nearest, halves away from zero.
pub(crate) const HALF_OF_LAST: u32 = 0x80;

impl Half for f16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        let bits = u32::from(self.to_bits());
        let sign = (bits & 0x8000) << 16;
        let magnitude = bits & 0x7fff;
        // the exponent is moved by a multiplication, which is exact and also makes subnormals normal
        let scaled = f32::from_bits(magnitude << 13) * f32::from_bits(0x7780_0000);
        let special = f32::from_bits(0x7f80_0000 | (magnitude << 13));
        let value = if magnitude >= 0x7c00 { special } else { scaled };
        f32::from_bits(value.to_bits() | sign)
    }
    #[inline(always)]
    fn narrow(x: f32) -> Self {
        let bits = x.to_bits();
        let sign = (bits >> 16) & 0x8000;
        let magnitude = bits & 0x7fff_ffff;
        // normal: shift the exponent, round to even at bit 13; a carry moves into the exponent
        let normal = magnitude.wrapping_sub(0x3800_0000).wrapping_add(0xfff + ((magnitude >> 13) & 1)) >> 13;
        // subnormal: adding 0.5 lets the adder round at the bit that is kept
        let subnormal = (f32::from_bits(magnitude) + 0.5).to_bits().wrapping_sub(0x3f00_0000);
        let nan = 0x7e00 | ((magnitude >> 13) & 0x1ff);
        let value = if magnitude > 0x7f80_0000 {
            nan
        } else if magnitude >= 0x477f_f000 {
            0x7c00 // too large: infinity
        } else if magnitude < 0x3880_0000 {
            subnormal
        } else {
            normal
        };
        f16::from_bits((value | sign) as u16)
    }
    #[inline(always)]
    fn narrow_randomly(x: f32, word: u32) -> Self {
        let bits = x.to_bits();
        let sign = (bits >> 16) & 0x8000;
        let magnitude = bits & 0x7fff_ffff;
        let random = word & 0x1fff;
        // rounding must not carry what fits into infinity
        let normal = (magnitude.wrapping_sub(0x3800_0000).wrapping_add(random) >> 13).min(0x7bff);
        // in units of the last place, with a fraction of 13 bits: the sum is exact where the number fits
        let subnormal = f32::from_bits(magnitude.min(0x3880_0000)) * 16_777_216.0 + random as f32 / 8192.0;
        let value = if magnitude > 0x7f80_0000 {
            0x7e00 | ((magnitude >> 13) & 0x1ff)
        } else if magnitude >= 0x477f_f000 {
            0x7c00
        } else if magnitude < 0x3880_0000 {
            subnormal as i32 as u32
        } else {
            normal
        };
        f16::from_bits((value | sign) as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_widens_as_the_half_crate_says() {
        for bits in 0..=u16::MAX {
            let (b, f) = (bf16::from_bits(bits), f16::from_bits(bits));
            assert_eq!(b.widen().is_nan(), b.to_f32().is_nan());
            assert_eq!(f.widen().is_nan(), f.to_f32().is_nan());
            if !b.is_nan() {
                assert_eq!(b.widen().to_bits(), b.to_f32().to_bits());
            }
            if !f.is_nan() {
                assert_eq!(f.widen().to_bits(), f.to_f32().to_bits(), "{bits:#x}");
            }
        }
    }

    /// Numbers of all sizes, and every half with its neighbours.
    fn all_sizes() -> impl Iterator<Item = f32> {
        let halves = (0..=u16::MAX)
            .step_by(5)
            .flat_map(|bits| [f16::from_bits(bits).to_f32(), bf16::from_bits(bits).to_f32()]);
        halves.chain((0..u32::MAX).step_by(65_521).map(f32::from_bits))
    }

    /// `finest`: below it random rounding has too few bits to tell a number from 0.
    fn rounds_at_random<H: Half + PartialEq + std::fmt::Debug>(finest: f32, largest: f32) {
        for x in all_sizes() {
            let [down, up] = [0, u32::MAX].map(|word| H::narrow_randomly(x, word));
            let [least, most] = [down, up].map(Half::widen);
            if x.is_nan() {
                assert!(least.is_nan() && most.is_nan());
            } else if H::narrow(x).widen() == x {
                assert_eq!([least, most], [x, x], "{x:e}");
            } else if x.abs() > finest && x.abs() < largest {
                assert!(least.abs() <= x.abs() && x.abs() <= most.abs(), "{x:e}: {least:e} {most:e}");
                assert!([down, up].contains(&H::narrow(x)), "{x:e}: {down:?} {up:?}");
                // the fraction of roundings up, over many words, is the distance from below
                let words = (0..512u32).map(|i| i.wrapping_mul(0x9E37_79B9) >> 3);
                let ups = words.filter(|word| H::narrow_randomly(x, *word) == up).count() as f32 / 512.0;
                let fraction = (x.abs() - least.abs()) / (most.abs() - least.abs());
                assert!((ups - fraction).abs() < 0.02, "{x:e}: {ups} up where {fraction} is right");
            }
        }
    }

    #[test]
    fn random_rounding_keeps_the_expectation_and_what_needs_none() {
        rounds_at_random::<bf16>(0.0, 3.3e38);
        rounds_at_random::<f16>(2f32.powi(-36), 65504.0);
        assert_eq!(<f16 as Half>::narrow_randomly(65510.0, u32::MAX).to_f32(), 65504.0);
        assert!(<f16 as Half>::narrow_randomly(65530.0, 0).is_infinite());
        assert!(<bf16 as Half>::narrow_randomly(f32::INFINITY, u32::MAX).is_infinite());
    }

    #[test]
    fn a_bfloat16_and_its_correction_make_24_bits() {
        for x in all_sizes() {
            let (high, low) = split_correction(x, HALF_OF_LAST);
            let back = join_correction(high, low);
            if x.is_nan() {
                assert!(back.is_nan() && bf16::from_bits(high).is_nan());
            } else if x.is_infinite() {
                assert_eq!(back, x);
            } else {
                // half a place of 24 bits
                let place = f32::from_bits((x.to_bits() & 0x7f80_0000).max(0x0080_0000)) / 32768.0;
                assert!((back - x).abs() <= place / 2.0 || back.is_infinite(), "{x:e}: {back:e}");
                // what is joined comes back, whatever is added to the bits that are 0
                assert_eq!(split_correction(back, 0xff), (high, low));
                // ties go away from zero here
                let nearest = <bf16 as Half>::narrow(back);
                assert!(bf16::from_bits(high) == nearest || low == -128, "{x:e}");
            }
        }
    }

    #[test]
    fn narrowing_agrees_with_the_half_crate() {
        // every value around every half, and a walk through all exponents
        let mut cases: Vec<f32> = Vec::new();
        for bits in (0..=u16::MAX).step_by(7) {
            for x in [f16::from_bits(bits).to_f32(), bf16::from_bits(bits).to_f32()] {
                cases
                    .extend((-2i32..=2).map(|d| f32::from_bits(x.to_bits().wrapping_add_signed(d * 0x0800))));
                cases.extend((-1i32..=1).map(|d| f32::from_bits(x.to_bits().wrapping_add_signed(d))));
            }
        }
        cases.extend((0..u32::MAX).step_by(65_521).map(f32::from_bits));
        for x in cases {
            let (b, f) = (<bf16 as Half>::narrow(x), <f16 as Half>::narrow(x));
            if x.is_nan() {
                assert!(b.is_nan() && f.is_nan(), "{:#x}", x.to_bits());
            } else {
                assert_eq!(b.to_bits(), bf16::from_f32(x).to_bits(), "{:#x}", x.to_bits());
                assert_eq!(f.to_bits(), f16::from_f32(x).to_bits(), "{:#x}", x.to_bits());
            }
        }
    }
}
