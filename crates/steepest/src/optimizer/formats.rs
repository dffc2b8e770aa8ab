//! In which formats the state of each tensor is kept, and what is kept beside parameters in half precision.

use crate::dtype::DType;
use crate::optimizer::array::{Keep, MAX_ARRAYS, StateArray, Storage};
use crate::param::Param;
use crate::precision::{Master, Rounding, StateFormat};
use crate::rule::{Body, Rule, StateKind, StateSpec};

/// In which formats everything is kept.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Formats {
    pub state: StateFormat,
    /// Whether what cannot have it keeps the arithmetic's, instead of being an error.
    pub where_possible: bool,
    pub master: Master,
    pub rounding: Rounding,
    /// What everything that is rounded at random is keyed by.
    pub seed: u64,
    /// Whether each step is lent all of it.
    pub lent: bool,
}

/// Tensors of fewer elements keep their state in f32, unless a group asks for less.
const SMALL: usize = 4096;

impl Formats {
    /// How the state of a parameter is kept, where its group asked for `asked`.
    pub fn state_of(&self, param: &Param, rule: &Rule, asked: Option<StateFormat>) -> StateFormat {
        let impossible = param.dtype == DType::F64 || matches!(rule.body, Body::Tensor(_));
        let by_default = match self.state {
            _ if impossible && self.where_possible => StateFormat::F32,
            StateFormat::Bits8 if param.len() < SMALL => StateFormat::F32,
            format => format,
        };
        asked.unwrap_or(by_default)
    }

    /// Where the array with number `place` of a tensor is kept.
    pub fn keep(&self, place: usize) -> Keep {
        if self.lent { Keep::Lent } else { Keep::Own(place) }
    }

    /// What is kept beside a parameter.
    pub fn master_of(&self, param: &Param) -> Option<StateArray> {
        let (name, storage) = match (param.dtype, self.master) {
            (DType::Bf16 | DType::F16, Master::F32) => ("master_weights", Storage::F32),
            (DType::Bf16, Master::Correction) => ("weight_correction", Storage::Correction),
            _ => return None,
        };
        let spec = StateSpec { name, shape: param.shape.clone(), initial: 0.0 };
        Some(StateArray::stored(spec, StateKind::Point, storage, self.keep(MAX_ARRAYS - 1)))
    }

    /// Whether a parameter itself is rounded at random.
    pub fn dithers(&self, param: &Param) -> bool {
        let half = matches!(param.dtype, DType::Bf16 | DType::F16);
        half && self.rounding == Rounding::Stochastic && self.master != Master::F32
    }
}
