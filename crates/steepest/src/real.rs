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
    /// −1, 0 or 1; 0 for zeros and NaN.
    fn sign(self) -> Self;
    /// 0 in place of a subnormal number, whose arithmetic takes many processors a hundred times as long.
    fn flush(self) -> Self;
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
    /// The average that keeps the share `beta` of its old value.
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

macro_rules! number {
    ($t:ident) => {
        impl Real for $t {
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
                // NaN is not below, and stays
                if $t::abs(self) < $t::MIN_POSITIVE { 0.0 } else { self }
            }
            #[inline(always)]
            fn sign(self) -> Self {
                ((self > 0.0) as i32 - (self < 0.0) as i32) as $t
            }
        }
    };
}
number!(f32);
number!(f64);

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
    }

    #[test]
    fn sign_of_zero_and_nan_is_zero() {
        let signs = [0.0f32, -0.0, f32::NAN, 3.0, -2.0, 1e-45].map(Real::sign);
        assert_eq!(signs, [0.0, 0.0, 0.0, 1.0, -1.0, 1.0]);
    }

    #[test]
    fn an_average_of_one_value_is_that_value_up_to_rounding() {
        let average = Average::<f64>::new(0.9);
        assert!((average.mix(3.0, 3.0) - 3.0).abs() < 1e-15);
    }
}
