//! One tensor during one step: where everything lies and what is done to it.
#![allow(unsafe_code)] // gradients are set to zero through their address

use crate::dtype::DType;
use crate::kernel::quantized::{GROUP, Operands, Order, QuantizedElements};
use crate::kernel::{MasterPlace, Prologue, WeightPlace};
use crate::precision::StateFormat;
use crate::random::Stream;
use crate::rule::{Decay, MAX_STATES, StateKind, Step};
use crate::wrappers::BoundWrappers;

/// One tensor during one step. The addresses are those of the borrowed slices of the step's slots, whose types and lengths were
/// checked, and of the optimizer's own arrays; they are valid as long as the step.
#[derive(Debug)]
pub(crate) struct Target {
    /// Its position among all.
    pub tensor: usize,
    pub rule: usize,
    pub step: Step,
    pub decay: Decay,
    /// What the gradient is multiplied by, and what it is then cut to.
    pub scale: f64,
    pub limit: f64,
    pub weights: WeightPlace,
    /// What rounds the parameter at random; to the nearest without.
    pub weight_dither: Option<Stream>,
    /// Without a gradient nothing of the tensor is touched.
    pub gradient: Option<GradientPlace>,
    pub state: StatePlace,
    pub wrappers: BoundWrappers,
    /// Where its tensor rule works.
    pub workspace: WorkspacePlace,
}

/// Where a gradient lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GradientPlace {
    /// Written only if it is to be set to zero.
    pub at: *mut u8,
    pub dtype: DType,
    /// Whether the step sets it to zero.
    pub zero: bool,
}

/// Where the state of an element rule lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StatePlace {
    /// What each array is; as many as the rule has.
    pub kinds: &'static [StateKind],
    pub format: StateFormat,
    /// Where each array lies; places beyond the rule's arrays are never used.
    pub arrays: [*mut u8; MAX_STATES],
    /// For 8 bits, where the scales of each array's groups lie.
    pub scales: [*mut u8; MAX_STATES],
    /// How codes lie.
    pub order: Order,
    /// What rounds it, where it is quantized.
    pub dither: Stream,
}

/// Where a tensor rule works.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WorkspacePlace {
    pub at: *mut u8,
    pub bytes: usize,
}

// SAFETY: a target is only a description; the plan gives each chunk of its tensor to one task.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

impl Target {
    pub fn is_f64(&self) -> bool {
        self.weights.dtype == DType::F64
    }

    /// What happens to the gradient and the parameter before the rule sees them.
    pub fn prologue(&self) -> Prologue<f64> {
        let (coupled, keep) = match self.decay {
            Decay::Coupled(lambda) => (lambda, 1.0),
            Decay::Decoupled(lambda) => (0.0, 1.0 - self.step.lr * lambda),
            Decay::Own(_) => (0.0, 1.0),
        };
        let keep = if self.wrappers.cautious_decay.is_some() { 1.0 } else { keep };
        // a centralized gradient is scaled and clipped when it is loaded
        let (scale, limit) =
            if self.wrappers.centralized { (1.0, f64::INFINITY) } else { (self.scale, self.limit) };
        Prologue { scale, limit, coupled, keep }
    }

    /// Whether the kernel of bf16 weights with corrections and 8-bit state does everything, given gradients as they are.
    pub fn is_quantized_bf16(&self) -> bool {
        self.state.format == StateFormat::Bits8
            && self.weights.dtype == DType::Bf16
            && self.gradient.is_some_and(|gradient| gradient.dtype == DType::Bf16)
            && matches!(self.weights.master, MasterPlace::Correction(_))
            && self.weight_dither.is_none()
    }

    /// Sets `len` elements of the gradient from `start` on to zero, if that is asked for.
    ///
    /// # Safety
    /// They are elements of the tensor, and nobody else uses this part of the gradient.
    pub unsafe fn zero_gradient(&self, start: usize, len: usize) {
        if let Some(GradientPlace { at, dtype, zero: true }) = self.gradient {
            let size = dtype.size();
            // SAFETY: the caller's contract; all bits zero is 0 in every type.
            unsafe { at.add(start * size).write_bytes(0, len * size) };
        }
    }
}

impl StatePlace {
    /// Whether the rule can work on the state where it lies.
    pub fn in_place(&self) -> bool {
        self.format == StateFormat::F32
    }

    /// Whether the state passes through copies in the type of the arithmetic, given parameters in that type.
    pub fn is_widened(&self) -> bool {
        match self.format {
            StateFormat::F32 => false,
            StateFormat::Bf16 => true,
            StateFormat::Bits8 => self.order != Order::Apart,
        }
    }

    /// Whether array `k` is kept in fewer bytes than the arithmetic's.
    pub fn is_narrow(&self, k: usize) -> bool {
        self.format != StateFormat::F32 && self.kinds[k] != StateKind::Point
    }

    /// Which of the narrow arrays array `k` is.
    pub fn narrow_index(&self, k: usize) -> usize {
        self.kinds[..k].iter().filter(|kind| **kind != StateKind::Point).count()
    }

    /// The arrays from `start` on, where they are kept in the type of the arithmetic.
    pub fn from<T>(&self, start: usize) -> [*mut T; MAX_STATES] {
        self.arrays.map(|array| array.cast::<T>().wrapping_add(start))
    }

    /// Whole groups from `start` on, kept in 8 bits.
    pub fn groups(
        &self,
        operands: Operands,
        start: usize,
        groups: usize,
        prefetch: usize,
    ) -> QuantizedElements {
        let mut state = self.arrays.map(|array| array.wrapping_add(start));
        for ((place, kind), points) in state.iter_mut().zip(self.kinds).zip(self.arrays) {
            if *kind == StateKind::Point {
                *place = points.cast::<f32>().wrapping_add(start).cast();
            }
        }
        let scales = self.scales.map(|scales| scales.wrapping_add(start / GROUP));
        QuantizedElements { operands, state, scales, groups, prefetch, dither: self.dither.lanes_from(start) }
    }
}
