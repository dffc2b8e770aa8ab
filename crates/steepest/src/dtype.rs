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
}

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
