//! State in few bits: codes, their places in memory, and the step over them.

mod code;
mod order;
mod step;

pub(crate) use code::{Dequantize, Quantize, fill};
#[cfg(feature = "safetensors")]
pub(crate) use code::{from_order, in_order};
pub(crate) use order::{GROUP, Order};
pub(crate) use step::{Bf16Operands, F32Operands, Operands, QuantizedElements, QuantizedUpdate};
