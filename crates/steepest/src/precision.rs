//! In how many bytes parameters and state are kept.

use std::fmt;

/// How the state arrays of element rules are kept: all but those that hold points among the parameters, which stay as
/// they are. Arithmetic is in f32 whatever it is; each number is widened when it is read and rounded when it is written.
///
/// In few bytes a number is rounded at random: up or down, with the probability that keeps its expectation. To the nearest, a
/// moving average that moves by a thousandth of itself in a step would never move. The random bits are a function of
/// the [seed](crate::Builder::seed), the tensor's name and step, and the element, so they are the same for any number of
/// threads, and after an interruption.
///
/// # Traffic
/// AdamW reads and writes 28 bytes for each f32 parameter and step with [`F32`](Self::F32), 20 with
/// [`Bf16`](Self::Bf16), 16.03 with [`Bits8`](Self::Bits8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StateFormat {
    /// In f32; for f64 parameters in f64.
    #[default]
    F32,
    /// In bfloat16, 2 bytes. Not for f64 parameters, nor for matrix methods and others that need the whole tensor.
    Bf16,
    /// In 8 bits: small floating-point numbers, of which 128 share a scale; 1.008 bytes. Their range is 2¹⁶ below the largest of
    /// the 128. Averages have a sign and 3 bits of mantissa; squares have 4, and what is smaller than their smallest counts as
    /// that, so that nothing is divided by zero. A number that is not finite makes its 128 NaN.
    ///
    /// Where the [builder](crate::Builder::state_format) asks for it, tensors of fewer than 4096 elements keep f32, since they
    /// are little of the whole and as a rule biases and scales; a [group](crate::Group::state_format) is taken at its word. Not for f64 parameters, nor for
    /// matrix methods and others that need the whole tensor.
    Bits8,
}

impl fmt::Display for StateFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Bits8 => "8-bit",
        })
    }
}

/// What is kept of parameters in half precision beside the parameters themselves, so that updates smaller than half a
/// place of theirs are not lost. Parameters in f32 and f64 need nothing and get nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Master {
    /// Nothing.
    #[default]
    None,
    /// The 8 bits below bfloat16's: with them a parameter has 16 bits of mantissa, and itself is the nearest bfloat16 to that.
    /// One byte, `weight_correction`. Only for bf16.
    Correction,
    /// The parameter in f32: 4 bytes, `master_weights`. A parameter that was changed from outside is taken over.
    F32,
}

/// How a parameter in half precision is rounded when it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Rounding {
    /// To the nearest; halves to even, and of the last of the 24 bits with [`Master::Correction`] away from zero.
    #[default]
    Nearest,
    /// Up or down, with the probability that keeps the expectation, so that small updates count without a
    /// [master copy](Master) (Gupta et al., Deep Learning with Limited Numerical Precision, ICML 2015, section 3).
    /// With [`Master::Correction`] it is the last of the 24 bits that is rounded; beside [`Master::F32`] it changes nothing.
    Stochastic,
}
