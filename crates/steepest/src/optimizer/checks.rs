//! What is checked when an optimizer is made, and before each step.

use crate::clip::Clipping;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::optimizer::array::MAX_ARRAYS;
use crate::optimizer::lend::{check_slices, not_lent};
use crate::optimizer::tensor::TensorState;
use crate::param::{Gradient, Param, Slot};
use crate::precision::{Master, StateFormat};
use crate::rule::{Body, Rule};
use crate::step::{Setup, StepArgs};
use std::collections::HashMap;
use std::fmt;

/// Whether every parameter has a name of its own.
pub(crate) fn check_names(params: &[Param]) -> Result<()> {
    let mut names = HashMap::new();
    for (second, param) in params.iter().enumerate() {
        if let Some(first) = names.insert(param.name.as_str(), second) {
            return Err(Error::DuplicateName { name: param.name.clone(), first, second });
        }
    }
    Ok(())
}

/// Whether a parameter suits its rule, the clipping, and how its state is to be kept.
pub(crate) fn check_param(
    param: &Param,
    rule: &Rule,
    clip: &Clipping,
    format: StateFormat,
    master: Master,
) -> Result<()> {
    let refuse = |reason: String, remedy: &str| {
        Err(Error::Unsupported {
            optimizer: rule.name,
            tensor: param.name.clone(),
            reason,
            remedy: remedy.to_owned(),
        })
    };
    // 8 bytes of each element, and of the arrays that a rule keeps side by side
    if param.len() > isize::MAX as usize / (8 * MAX_ARRAYS) {
        return refuse(
            format!("its shape {:?} has more elements than memory can hold", param.shape),
            "give the shape that its slices have",
        );
    }
    if matches!(rule.body, Body::Tensor(_)) && matches!(param.dtype, DType::Bf16 | DType::F16) {
        return refuse(
            format!("it needs the whole tensor in f32 or f64, found {}", param.dtype),
            "keep this parameter in f32, or give it another rule with `Group::rule`",
        );
    }
    if matches!(rule.body, Body::Tensor(_)) && clip.is_by_element() {
        return refuse(
            "clipping by value and adaptive clipping work element by element".to_owned(),
            "clip by norm with this optimizer",
        );
    }
    if param.rank() >= 2 && param.unit_axis >= param.rank() {
        return refuse(
            format!("its unit axis is {}, its rank {}", param.unit_axis, param.rank()),
            "give an axis below the rank",
        );
    }
    let remedy = "keep its state in f32 with `Group::state_format`";
    if format != StateFormat::F32 && param.dtype == DType::F64 {
        return refuse(format!("its state is to be {format}, and it is f64"), remedy);
    }
    if format != StateFormat::F32 && matches!(rule.body, Body::Tensor(_)) {
        return refuse(
            format!("its state is to be {format}, and the rule needs the whole tensor in f32"),
            remedy,
        );
    }
    if master == Master::Correction && param.dtype == DType::F16 {
        return refuse(
            "f16 has no 8 bits below it to correct it with".to_owned(),
            "keep it in bf16, or take `Master::F32`",
        );
    }
    Ok(())
}

/// Whether the types of all parameters can hold their rates.
fn check_rate(setup: &Setup, tensors: &[TensorState], step: u64, lr: f64) -> Result<()> {
    for (param, tensor) in setup.params.iter().zip(tensors) {
        let value = lr * tensor.lr_factor;
        let (holds, expected) = match param.dtype {
            DType::F64 => (value.is_finite(), "a rate, with the group's factor, that f64 can hold"),
            _ => ((value as f32).is_finite(), "a rate, with the group's factor, that f32 can hold"),
        };
        if !holds {
            return Err(Error::BadArgument { step, what: "the learning rate", value, expected });
        }
    }
    Ok(())
}

/// Whether the arguments and slots of step number `step` fit. Texts are made for errors only: a step allocates nothing.
pub(crate) fn check_step(
    setup: &Setup,
    tensors: &[TensorState],
    step: u64,
    args: StepArgs,
    slots: &[Slot<'_>],
) -> Result<()> {
    if !(args.lr >= 0.0 && args.lr.is_finite()) {
        let expected = if args.lr.is_nan() {
            "a finite number of at least 0 (a schedule gives NaN until its length is known: call `resolve`, or \
             make a `LearningRate` with `over`)"
        } else {
            "a finite number of at least 0"
        };
        return Err(Error::BadArgument { step, what: "the learning rate", value: args.lr, expected });
    }
    if args.lr > 1e30 {
        check_rate(setup, tensors, step, args.lr)?;
    }
    if !(args.gradient_scale as f32).is_finite() {
        let (what, value) = ("the gradient scale", args.gradient_scale);
        let expected = "a number that f32 can hold";
        return Err(Error::BadArgument { step, what, value, expected });
    }
    if let Some(rule) = setup.rules.iter().find(|rule| rule.needs_loss())
        && !args.loss.is_some_and(f64::is_finite)
    {
        return Err(Error::LossNeeded { step, optimizer: rule.name, found: args.loss });
    }
    if slots.len() != setup.params.len() {
        return Err(Error::TensorCount { step, expected: setup.params.len(), found: slots.len() });
    }
    for ((param, slot), of) in setup.params.iter().zip(slots).zip(tensors) {
        let check = |what, found: DType, len: usize, fits: bool, expected: &dyn fmt::Display| {
            let tensor = || param.name.clone();
            if !fits {
                let expected = expected.to_string();
                Err(Error::WrongDType { step, what, tensor: tensor(), expected, found })
            } else if len != param.len() {
                Err(Error::Length { step, what, tensor: tensor(), expected: param.len(), found: len })
            } else {
                Ok(())
            }
        };
        let dtype = slot.param.dtype();
        check("parameter", dtype, slot.param.len(), dtype == param.dtype, &param.dtype)?;
        if let Some(grad) = slot.grad.as_ref().map(Gradient::as_slice) {
            let f64_grad = grad.dtype() == DType::F64;
            let fits = match &setup.rules[of.rule].body {
                Body::Element(_) => f64_grad == (param.dtype == DType::F64),
                Body::Tensor(_) => grad.dtype() == param.dtype,
            };
            let expected =
                if param.dtype == DType::F64 { "f64" } else { "f32 (or, for element rules, bf16 or f16)" };
            check("gradient of", grad.dtype(), grad.len(), fits, &expected)?;
        }
        if setup.formats.lent {
            // without a gradient the arrays are not touched
            if !slot.state.is_empty() || (slot.grad.is_some() && !of.frozen) {
                check_slices(step, &param.name, of, &slot.state)?;
            }
        } else if !slot.state.is_empty() {
            return Err(not_lent(step, &param.name, &slot.state));
        }
    }
    Ok(())
}
