//! Binds the tensors of a step to the slices that the caller lends.

use crate::kernel::quantized::Order;
use crate::kernel::{MasterPlace, WeightPlace};
use crate::optimizer::array::StateArray;
use crate::optimizer::tensor::TensorState;
use crate::param::{Gradient, Slot};
use crate::precision::Master;
use crate::random::{Purpose, Stream};
use crate::rule::{Decay, MAX_STATES, Step};
use crate::step::args::StepArgs;
use crate::step::setup::Setup;
use crate::step::target::{GradientPlace, StatePlace, Target, WorkspacePlace};
use crate::step::workspace::Workspace;
use std::ops::Range;

/// Fills the workspace's targets from the slots.
pub(crate) fn bind(
    setup: &Setup,
    tensors: &mut [TensorState],
    work: &mut Workspace,
    args: StepArgs,
    slots: &mut [Slot<'_>],
) {
    work.targets.clear();
    let memory = work.memory.address();
    let limit = setup.clip.limit.unwrap_or(f64::INFINITY);
    for (i, (tensor, slot)) in tensors.iter_mut().zip(slots).enumerate() {
        let (rule, param) = (&setup.rules[tensor.rule], &setup.params[i]);
        let decay = tensor.weight_decay.map_or(rule.decay, |lambda| rule.decay.with_lambda(lambda));
        let decay = setup.wrappers.decay(decay, tensor.lr_factor);
        let lambda = if let Decay::Own(lambda) = decay { lambda } else { 0.0 };
        let (t, lr) = (tensor.steps.saturating_add(1), args.lr * tensor.lr_factor);
        let loss = args.loss.map(|loss| if setup.maximize { -loss } else { loss });
        let step = Step { t, lr, lambda, loss };
        let stream = |purpose| {
            // of no use, and not computed, where nothing is rounded at random
            let key = setup.dithered.then_some(tensor.key);
            key.map_or_else(Stream::default, |key| Stream::new(setup.formats.seed, key, t, purpose))
        };
        let (weight_dither, state_dither) =
            (setup.formats.dithers(param).then(|| stream(Purpose::Weights)), stream(Purpose::State));
        let mut state = StatePlace {
            kinds: rule.kinds(),
            format: tensor.format,
            arrays: [std::ptr::null_mut(); MAX_STATES],
            scales: [std::ptr::null_mut(); MAX_STATES],
            order: Order::of(param.dtype),
            dither: state_dither,
        };
        let places = state.arrays.iter_mut().zip(&mut state.scales);
        for ((place, scales), array) in places.zip(&mut tensor.arrays) {
            (*place, *scales) = (array.address(), array.scales_address());
        }
        let wrapper_arrays = tensor.wrapper_arrays.iter_mut().map(StateArray::address);
        let Range { start, end } = tensor.workspace;
        work.targets.push(Target {
            tensor: i,
            rule: tensor.rule,
            step,
            decay,
            scale: if setup.maximize { -args.gradient_scale } else { args.gradient_scale },
            limit,
            weights: WeightPlace {
                at: slot.param.address(),
                dtype: param.dtype,
                master: match (&mut tensor.master, setup.formats.master) {
                    (Some(master), Master::Correction) => MasterPlace::Correction(master.address().cast()),
                    (Some(master), Master::F32) => MasterPlace::F32(master.address().cast()),
                    _ => MasterPlace::None,
                },
            },
            weight_dither,
            gradient: slot.grad.as_mut().filter(|_| !tensor.frozen).map(|grad| GradientPlace {
                dtype: grad.as_slice().dtype(),
                zero: matches!(grad, Gradient::Zero(_)),
                // last: what is written through this address is read through it, too
                at: grad.address(),
            }),
            state,
            wrappers: setup.wrappers.bind(step, decay, param, wrapper_arrays),
            workspace: WorkspacePlace { at: memory.wrapping_add(start), bytes: end - start },
        });
    }
}
