//! What passes over element rules share: the chunks that they visit, and the scalars of a step.

use crate::kernel::{ElementKernel, PreparedScalars};
use crate::optimizer::tensor::TensorState;
use crate::rule::{Body, Step};
use crate::step::arithmetic::Arithmetic;
use crate::step::plan::{Chunk, Sweep};
use crate::step::setup::Setup;
use crate::step::target::Target;
use crate::step::units::Units;

/// A step at work: what all passes read.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub setup: &'a Setup,
    pub tensors: &'a [TensorState],
    pub targets: &'a [Target],
    pub units: Option<&'a [Units]>,
}

/// The scalars that a task has prepared, and for which rule, step and tensor, so that chunks of one kind share them.
#[derive(Default)]
pub(crate) struct TaskScalars {
    scalars: PreparedScalars,
    of: Option<(usize, Step, bool, Option<usize>)>,
}

impl<'a> Pass<'a> {
    /// The scalars of the step of `chunk`'s tensor, computed unless those of the last chunk serve.
    pub fn prepare<'p, T: Arithmetic>(
        &self,
        kernel: &dyn ElementKernel,
        chunk: Chunk,
        prepared: &'p mut TaskScalars,
    ) -> &'p PreparedScalars {
        let target = &self.targets[chunk.tensor];
        let memory: &[f64] = match self.setup.keeps_memory {
            true => &self.tensors[chunk.tensor].memory,
            // most optimizers keep none, and then no tensor's state need be looked at
            false => &[],
        };
        // without memory, tensors of one rule and step number have the same scalars
        let own = (!memory.is_empty()).then_some(chunk.tensor);
        let of = Some((target.rule, target.step, target.is_f64(), own));
        if prepared.of != of {
            T::kernel(kernel).prepare(self.setup.isa, target.step, memory, &mut prepared.scalars);
            prepared.of = of;
        }
        &prepared.scalars
    }

    /// The units of a tensor, where something works by unit.
    pub fn units_of(&self, tensor: usize) -> Option<&'a Units> {
        self.units.map(|units| &units[tensor])
    }

    /// Calls `visit` with each chunk of the tensors that have a gradient and an element rule. What it returns goes into the
    /// chunk's place.
    pub fn each_chunk<O: Send>(
        &self,
        sweep: Sweep,
        into: Option<&mut [O]>,
        visit: impl Fn(&dyn ElementKernel, Chunk, &mut TaskScalars) -> O + Sync,
    ) {
        let visit = |chunk: Chunk, prepared: &mut TaskScalars| {
            let target = &self.targets[chunk.tensor];
            match &self.setup.rules[target.rule].body {
                Body::Element(kernel) if target.gradient.is_some() => {
                    Some(visit(kernel.as_ref(), chunk, prepared))
                }
                _ => None,
            }
        };
        match into {
            Some(into) => self.setup.plan.each_chunk_into(sweep, into, visit),
            None => self.setup.plan.each_chunk(sweep, |_, chunk, prepared| {
                visit(chunk, prepared);
            }),
        }
    }
}
