//! A run of an optimizer, of which tests vary one thing, and what it leaves behind.

use crate::common::{self, Data, Setting, args, random};
use steepest::registry::Entry;
use steepest::{Clip, Clips, DType, InstructionSet, NonFinite, Optimizer, Param, Slot};

/// Parameter and gradient types that an element rule takes; a tensor rule takes the first two.
pub const TYPES: [(DType, DType); 8] = [
    (DType::F64, DType::F64),
    (DType::F32, DType::F32),
    (DType::F32, DType::Bf16),
    (DType::F32, DType::F16),
    (DType::Bf16, DType::F32),
    (DType::Bf16, DType::Bf16),
    (DType::F16, DType::F32),
    (DType::F16, DType::F16),
];

/// Where the kernel and the driver are at work and not the formula, these stand for all: no state, one array, two, four; sums
/// of the tensor and of all tensors; a point to evaluate at; a tensor rule.
const REPRESENTATIVES: [&str; 8] =
    ["sgd", "lion", "adamw", "adan", "lamb", "prodigy", "schedule_free_adamw", "adafactor"];

pub fn is_representative(entry: &Entry) -> bool {
    REPRESENTATIVES.contains(&entry.name)
}

pub fn types(entry: &Entry) -> &'static [(DType, DType)] {
    if entry.traits.half { &TYPES } else { &TYPES[..2] }
}

/// What a run leaves behind, to be compared bit for bit.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub theta: Vec<Vec<u64>>,
    pub state: Vec<u64>,
    pub norms: Vec<Option<u64>>,
    pub ratios: Vec<Option<u64>>,
}

/// A run that tests vary one thing of.
#[derive(Clone)]
pub struct Run<'a> {
    pub entry: &'a Entry,
    pub setting: &'a Setting,
    pub instructions: InstructionSet,
    pub types: (DType, DType),
    pub clip: Clips,
    pub measure: u64,
    pub non_finite: NonFinite,
    pub steps: u64,
}

impl<'a> Run<'a> {
    pub fn new(entry: &'a Entry, setting: &'a Setting) -> Self {
        Self {
            entry,
            setting,
            instructions: InstructionSet::best(),
            types: (DType::F32, DType::F32),
            clip: Clips::default(),
            measure: 0,
            non_finite: NonFinite::Error,
            steps: 3,
        }
    }

    pub fn build(&self, shapes: &[Vec<usize>]) -> Optimizer {
        let params = shapes
            .iter()
            .enumerate()
            .map(|(i, shape)| Param::new(format!("p{i}"), shape.clone(), self.types.0));
        Optimizer::builder(self.entry.make(&self.setting.values))
            .instruction_set(self.instructions)
            .clip(self.clip.clone())
            .measure_updates(self.measure)
            .non_finite(self.non_finite)
            .build(params)
            .unwrap_or_else(|e| panic!("{} {}: {e}", self.entry.name, self.setting.name))
    }

    /// Steps over the whole of `theta`; step t uses `grads[t % grads.len()]`.
    pub fn whole(&self, theta: &[Vec<f64>], grads: &[Vec<Vec<f64>>]) -> Outcome {
        let shapes: Vec<Vec<usize>> = theta.iter().map(|t| vec![t.len()]).collect();
        let offsets = vec![0; theta.len()];
        self.at(&shapes, &offsets, theta, grads)
    }

    /// Steps over slices that begin `offsets` elements after the start of their buffers. The
    /// buffers' elements before and behind must stay as they are.
    pub fn at(
        &self,
        shapes: &[Vec<usize>],
        offsets: &[usize],
        theta: &[Vec<f64>],
        grads: &[Vec<Vec<f64>>],
    ) -> Outcome {
        const GUARD: f64 = 77.0;
        let place = |dtype, offset: usize, values: &[f64]| {
            let mut padded = vec![GUARD; offset];
            padded.extend(values);
            padded.extend([GUARD; 3]);
            Data::of(dtype, &padded)
        };
        // the gradient is misaligned otherwise than the parameter
        let grad_offset = |i: usize| (offsets[i] * 7 + 3) % 16;
        let mut optimizer = self.build(shapes);
        let mut theta: Vec<Data> =
            theta.iter().zip(offsets).map(|(t, o)| place(self.types.0, *o, t)).collect();
        let lengths: Vec<usize> = shapes.iter().map(|s| s.iter().product()).collect();
        let grads: Vec<Vec<Data>> = grads
            .iter()
            .map(|grads| {
                let with_offset = grads.iter().enumerate();
                with_offset.map(|(i, g)| place(self.types.1, grad_offset(i), g)).collect()
            })
            .collect();
        let mut norms = Vec::new();
        for step in 1..=self.steps {
            let grads = &grads[step as usize % grads.len()];
            let mut slots: Vec<Slot> = theta
                .iter_mut()
                .zip(grads)
                .enumerate()
                .map(|(i, (t, g))| {
                    let (from, n) = (grad_offset(i), lengths[i]);
                    Slot::new(t.part_mut(offsets[i]..offsets[i] + n), g.part(from..from + n))
                })
                .collect();
            let report = optimizer.step(args(self.setting.lr(step)), &mut slots).unwrap();
            norms.push(report.gradient_norm.map(f64::to_bits));
        }
        let inside = |i: usize| offsets[i]..offsets[i] + lengths[i];
        let mut bits = Vec::new();
        for (i, theta) in theta.iter().enumerate() {
            let values = theta.to_f64();
            let around = values[..offsets[i]].iter().chain(&values[inside(i).end..]);
            assert!(around.copied().eq(std::iter::repeat_n(GUARD, offsets[i] + 3)), "wrote beside a slice");
            bits.push(common::bits(&values[inside(i)]));
        }
        Outcome {
            theta: bits,
            state: common::state_words(&optimizer),
            norms,
            ratios: optimizer.health().iter().map(|h| h.update_ratio.map(f64::to_bits)).collect(),
        }
    }
}

/// `count` sets of random gradients for tensors of these lengths.
pub fn random_grads(count: u64, lengths: &[usize]) -> Vec<Vec<Vec<f64>>> {
    (0..count)
        .map(|set| lengths.iter().enumerate().map(|(i, n)| random(1000 * (set + 1) + i as u64, *n)).collect())
        .collect()
}

pub fn random_theta(lengths: &[usize]) -> Vec<Vec<f64>> {
    lengths.iter().enumerate().map(|(i, n)| random(i as u64, *n)).collect()
}

/// What the driver may do to a gradient on its way.
pub fn policies() -> Vec<(Clips, u64)> {
    let by_unit = Clip::Adaptive { factor: 0.1, eps: 1e-3 };
    let [sum, largest] = [1.0, f64::INFINITY].map(|order| Clip::GlobalNormOf { order, most: 0.5 });
    vec![
        (Clip::Value(0.3).into(), 0),
        (Clip::TensorNorm(0.5).into(), 0),
        (Clip::GlobalNorm(0.5).into(), 1),
        (by_unit.into(), 0),
        ([sum, largest, by_unit, Clip::Value(1e-3)].into(), 0),
        (None.into(), 1),
    ]
}
