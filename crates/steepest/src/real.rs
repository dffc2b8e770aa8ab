//! The numbers that an optimizer's formula is written in: once, for f32 and f64.
//!
//! All operations are plain IEEE operations without fused multiply-add and without branches, so
//! a loop over them becomes vector code, and vector code and single numbers give the same bits on
//! every processor.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// `f32` or `f64`.
pub trait Real:
    Copy
    + Send
    + Sync
    + PartialOrd
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The smallest number that is not subnormal.
    const SMALLEST_NORMAL: f64 = f64::MIN_POSITIVE;
    /// `x` rounded to this precision.
    fn of(x: f64) -> Self;
    /// The same number in f64.
    fn wide(self) -> f64;
    /// The square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// The absolute value.
    fn abs(self) -> Self;
    /// `self` where `self > other`, else `other`.
    fn max(self, other: Self) -> Self;
    /// `self` where `self < other`, else `other`.
    fn min(self, other: Self) -> Self;
    /// −1, 0 or 1; 0 for zeros, and NaN for NaN, so that it is not hidden.
    fn sign(self) -> Self;
    /// Zero of the same sign in place of a subnormal number, whose arithmetic takes many processors a hundred times as long.
    fn flush(self) -> Self;
    /// The cube root, to the last place or the one beside it.
    fn cbrt(self) -> Self;
    /// `self` to the power of `p`, for numbers that are not negative: computed in f64, to 2e-13 of it.
    #[inline(always)]
    fn power(self, p: f64) -> Self {
        Self::of(power(self.wide(), p))
    }
    /// `eps` as what is added to a root of squares, or is the least that it may be, so that nothing is divided by 0: at least the
    /// root of the smallest normal number. To roots that are not themselves of that size this adds nothing; and where a square was
    /// too small for this precision, its root is now larger than the number, so that one over it is no giant step.
    #[inline(always)]
    fn beside_root(eps: f64) -> Self {
        Self::of(eps.max(Self::SMALLEST_NORMAL.sqrt()))
    }
    /// `eps` as what is added to a square below a root: at least the smallest normal number.
    #[inline(always)]
    fn below_root(eps: f64) -> Self {
        Self::of(eps.max(Self::SMALLEST_NORMAL))
    }
    /// `self` where `holds`, else `other`: for conditions that compare numbers, and for those that hold
    /// for a whole step.
    #[inline(always)]
    fn or(self, holds: bool, other: Self) -> Self {
        if holds { self } else { other }
    }

    /// `self` within `[-limit, limit]`; NaN stays NaN, so that it is not hidden by clipping.
    #[inline(always)]
    fn clamp_to(self, limit: Self) -> Self {
        // the argument order matters: `min` and `max` return their second argument for NaN
        (-limit).max(limit.min(self))
    }
}

/// A moving average: `mix(old, new)` is `β·old + (1 − β)·new`.
///
/// `1 − β` is computed in f64 and rounded once, so that a β near 1 loses nothing in f32.
#[derive(Debug, Clone, Copy)]
pub struct Average<R> {
    keep: R,
    take: R,
}

impl<R: Real> Average<R> {
    /// The average that keeps the fraction `beta` of its old value.
    pub fn new(beta: f64) -> Self {
        Self { keep: R::of(beta), take: R::of(1.0 - beta) }
    }

    /// `keep·old + take·new` for any two weights.
    pub fn weighted(keep: f64, take: f64) -> Self {
        Self { keep: R::of(keep), take: R::of(take) }
    }

    /// The average after `new` came in.
    #[inline(always)]
    pub fn mix(self, old: R, new: R) -> R {
        self.keep * old + self.take * new
    }
}

/// The largest power of two that is at most `x`, a normal number above 0.
pub(crate) fn power_of_two_below(x: f64) -> f64 {
    f64::from_bits(x.to_bits() & f64::INFINITY.to_bits())
}

/// `xᵖ` for `x ≥ 0`, as 2 to the power of `p·log₂ x`: plain operations, where the system's own function
/// differs between processors.
#[inline(always)]
fn power(x: f64, p: f64) -> f64 {
    use std::f64::consts::LN_2;
    // x = 2ᵉ·m with m between √½ and √2
    let tiny = x < f64::MIN_POSITIVE;
    let bits = (if tiny { x / (f64::EPSILON * 0.25) } else { x }).to_bits();
    let e = ((bits >> 32) as i32).wrapping_sub(0x3FE6_A09E) >> 20;
    let m = f64::from_bits(bits.wrapping_sub((i64::from(e) as u64) << 52));
    let e = f64::from(if tiny { e - 54 } else { e });
    // ln m = 2·artanh f; f² ≤ 0.0295, so that the first term left out is 3e-18 of the sum
    let f = (m - 1.0) / (m + 1.0);
    let mut sum = 0.0;
    for n in (3..=23).rev().step_by(2) {
        sum = (sum + 1.0 / f64::from(n)) * (f * f);
    }
    let y = p * (e + (2.0 / LN_2) * (f + f * sum));
    // y = k + r with r between −½ and ½; adding 1.5·2⁵² leaves the nearest integer in the low bits
    let shifted = y + 6_755_399_441_055_744.0;
    let k = shifted.to_bits() as i32;
    let r = (y - (shifted - 6_755_399_441_055_744.0)) * LN_2;
    let mut sum = 1.0;
    for n in (1..=14).rev() {
        sum = 1.0 + sum * r / f64::from(n);
    }
    // in two halves, since 2ᵏ itself may be too small for a normal number
    let scale = |k: i32| f64::from_bits((i64::from(k.wrapping_add(1023)) as u64) << 52);
    let result = sum * scale(k >> 1) * scale(k.wrapping_sub(k >> 1));
    let special = if p == 0.0 { 1.0 } else { x };
    if x > 0.0 && x < f64::INFINITY { result } else { special }
}

macro_rules! number {
    ($t:ident, $tiny:expr, $root_of_tiny:expr, $guess:expr, $rounds:expr) => {
        impl Real for $t {
            const SMALLEST_NORMAL: f64 = $t::MIN_POSITIVE as f64;
            #[inline(always)]
            fn of(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn wide(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $t::sqrt(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $t::abs(self)
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                if self > other { self } else { other }
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                if self < other { self } else { other }
            }
            #[inline(always)]
            fn flush(self) -> Self {
                // no bit of the exponent is set: asked of the bits, it is an instruction less than asked of the number
                let (bits, sign) = (self.to_bits(), (-0.0 as $t).to_bits());
                if bits & $t::INFINITY.to_bits() == 0 { $t::from_bits(bits & sign) } else { self }
            }
            #[inline(always)]
            fn sign(self) -> Self {
                let sign = ((self > 0.0) as i32 - (self < 0.0) as i32) as $t;
                if self.is_nan() { self } else { sign }
            }
            #[inline(always)]
            fn cbrt(self) -> Self {
                let size = self.abs();
                let tiny = size < $t::MIN_POSITIVE;
                let x = if tiny { size / $tiny } else { size };
                // one over the root: a third of the exponent is 4 % off at most, and with the series of (1 − e)^(−1/3)
                // 2e-5; so far without a division
                let r: $t = $guess(x);
                let e = 1.0 - (x * r) * (r * r);
                let r = r + r * (e * (1.0 / 3.0 + e * (2.0 / 9.0 + e * (14.0 / 81.0))));
                let mut y = (x * r) * r;
                // each round of Newton's method squares the error
                for _ in 0..$rounds {
                    y = y - (y - x / (y * y)) * (1.0 / 3.0);
                }
                let y = (if tiny { y * $root_of_tiny } else { y }).copysign(self);
                if size > 0.0 && size < $t::INFINITY { y } else { self }
            }
        }
    };
}
number!(f32, f32::EPSILON * 0.5, 1.0 / 256.0, |x: f32| f32::from_bits(0x54A1_F400 - x.to_bits() / 3), 1);
number!(
    f64,
    f64::EPSILON * 0.25,
    1.0 / 262_144.0,
    |x: f64| f64::from_bits(u64::from(0x553E_EA00 - (x.to_bits() >> 32) as u32 / 3) << 32),
    2
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clamping_keeps_nan_and_bounds_the_rest() {
        assert!(f32::NAN.clamp_to(1.0).is_nan());
        assert!(f64::NAN.clamp_to(f64::INFINITY).is_nan());
        assert_eq!(5.0f32.clamp_to(1.0), 1.0);
        assert_eq!((-5.0f32).clamp_to(1.0), -1.0);
        assert_eq!((-0.5f32).clamp_to(f32::INFINITY), -0.5);
        assert_eq!(f64::NEG_INFINITY.clamp_to(3.0), -3.0);
    }

    #[test]
    fn flushing_takes_subnormals_only() {
        let kept = [0.0, f32::MIN_POSITIVE, -f32::MIN_POSITIVE, 1.0, f32::INFINITY, -f32::MAX];
        assert_eq!(kept.map(Real::flush), kept);
        assert_eq!([f32::from_bits(1), -1e-39].map(Real::flush), [0.0, 0.0]);
        assert_eq!((5e-324f64.flush(), 1e-310f64.flush()), (0.0, 0.0));
        assert!(f32::NAN.flush().is_nan() && f64::NAN.flush().is_nan());
        assert!((-0.0f32).flush().is_sign_negative() && (-5e-324f64).flush().is_sign_negative());
    }

    #[test]
    fn sign_of_zero_is_zero_and_of_nan_nan() {
        let signs = [0.0f32, -0.0, 3.0, -2.0, 1e-45, f32::NEG_INFINITY].map(Real::sign);
        assert_eq!(signs, [0.0, 0.0, 1.0, -1.0, 1.0, -1.0]);
        assert!(f64::NAN.sign().is_nan());
    }

    /// Numbers from the smallest to the largest, both signs of exponents alike.
    fn positive() -> impl Iterator<Item = f64> {
        let even = (0..100_000).map(|i| 10f64.powf(-323.0 + 631.0 * f64::from(i) / 1e5));
        even.chain((0..1000).map(|i| 1.0 + f64::from(i - 500) * f64::EPSILON)).chain([5e-324])
    }

    #[test]
    fn cube_roots_are_right_to_the_place_beside_the_last() {
        for x in positive() {
            let (root, expected) = (Real::cbrt(x), f64::cbrt(x));
            assert!((root - expected).abs() <= expected * f64::EPSILON, "{x:e}: {root} {expected}");
            assert_eq!(Real::cbrt(-x), -root);
            let x = x as f32;
            if x > 0.0 && x < f32::INFINITY {
                let (root, expected) = (Real::cbrt(x), f64::cbrt(f64::from(x)));
                assert!((f64::from(root) - expected).abs() <= expected * 1.2e-7, "{x:e}: {root} {expected}");
            }
        }
        assert_eq!([0.0f32, f32::INFINITY].map(Real::cbrt), [0.0, f32::INFINITY]);
        assert!(Real::cbrt(f64::NAN).is_nan() && Real::cbrt(-0.0f64).is_sign_negative());
    }

    #[test]
    fn powers_are_right_to_twelve_digits() {
        for p in [0.0, 1e-3, 0.25, 1.0 / 3.0, 0.5, 0.7, 1.0] {
            for x in positive() {
                let (found, expected) = (x.power(p), x.powf(p));
                assert!(
                    (found - expected).abs() <= 2e-13 * expected + 5e-324,
                    "{x:e}^{p}: {found} {expected}"
                );
            }
        }
        assert_eq!([0.0f64, f64::INFINITY].map(|x| x.power(0.5)), [0.0, f64::INFINITY]);
        assert_eq!([0.0f32, 4.0].map(|x| x.power(0.0)), [1.0, 1.0]);
    }

    #[test]
    fn powers_of_two_are_those_below() {
        let found = [1.0, 1.99, 2.0, 3e-20, f64::MAX, f64::MIN_POSITIVE].map(power_of_two_below);
        assert_eq!(found, [1.0, 1.0, 2.0, 2f64.powi(-65), 2f64.powi(1023), 2f64.powi(-1022)]);
    }

    #[test]
    fn an_average_of_one_value_is_that_value_up_to_rounding() {
        let average = Average::<f64>::new(0.9);
        assert!((average.mix(3.0, 3.0) - 3.0).abs() < 1e-15);
    }
}
