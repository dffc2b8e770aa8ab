//! All that changes parameters and state, in its order.

use crate::optimizer::tensor::TensorState;
use crate::step::setup::Setup;
use crate::step::workspace::Workspace;
use crate::step::{by_unit, element, measure, tensor, update_scale};

/// All that changes parameters and state; the tensors' steps are not counted.
pub(crate) fn update(setup: &Setup, tensors: &mut [TensorState], work: &mut Workspace, measure: bool) {
    by_unit::scale_units(setup, work);
    measure::measure(setup, tensors, work);
    measure::update_memory(setup, tensors, work);
    update_scale::scale_updates(setup, tensors, work);
    element::update(setup, tensors, work, measure);
    tensor::update(setup, tensors, work, measure);
}
