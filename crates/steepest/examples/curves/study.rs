//! Two workloads, the ways to keep their numbers, and a training run.

use super::network::{Draw, Layer, Network};
use super::statistics::{Paired, deviation};
use flate2::read::GzDecoder;
use half::bf16;
use rayon::prelude::*;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use std::io::Read;
use steepest::schedule::{Cosine, Schedule, Warmup};
use steepest::{AdamW, Clip, DType, Group, Master, Optimizer, Param, Rounding, Slot, StateFormat};

/// Rows of `width` numbers, and what they are to be told as.
#[derive(Debug, Default)]
pub struct Rows {
    pub width: usize,
    pub inputs: Vec<f32>,
    pub labels: Vec<usize>,
}

impl Rows {
    fn push(&mut self, row: impl IntoIterator<Item = f32>, label: usize) {
        self.inputs.extend(row);
        self.labels.push(label);
        self.width = self.inputs.len() / self.labels.len();
    }
}

/// A network, what it learns from, and what is held out.
#[derive(Debug)]
pub struct Workload {
    pub name: &'static str,
    pub network: Network,
    pub train: Rows,
    pub held_out: Rows,
    /// The highest learning rate.
    pub lr: f64,
}

/// Handwritten digits, of which a quarter is held out: a perceptron with two hidden layers.
pub fn digits(hidden: usize) -> Workload {
    let packed = include_bytes!("../../../steepest-data/embedded/digits.csv.gz");
    let mut text = String::new();
    GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    let (mut train, mut held_out) = (Rows::default(), Rows::default());
    for (i, line) in text.lines().skip(1).enumerate() {
        let cells: Vec<f32> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        let (digit, pixels) = cells.split_last().unwrap();
        let rows = if i % 4 == 3 { &mut held_out } else { &mut train };
        rows.push(pixels.iter().map(|x| x / 16.0), *digit as usize);
    }
    let network = Network(vec![
        Layer::Linear { inputs: 64, outputs: hidden },
        Layer::Relu,
        Layer::Linear { inputs: hidden, outputs: hidden },
        Layer::Relu,
        Layer::Linear { inputs: hidden, outputs: 10 },
    ]);
    Workload { name: "digits", network, train, held_out, lr: 2e-3 }
}

/// Characters before the one to be told.
const CONTEXT: usize = 8;

/// The next character of a licence, of which every fifth piece of 200 characters is held out: an embedding, one hidden
/// layer with a layer norm.
pub fn text(embedding: usize, hidden: usize) -> Workload {
    let text: Vec<&str> = include_str!("../../../../LICENSE-APACHE").split_whitespace().collect();
    let text: Vec<char> = text.join(" ").chars().collect();
    let mut alphabet = text.clone();
    alphabet.sort_unstable();
    alphabet.dedup();
    let codes: Vec<usize> = text.iter().map(|c| alphabet.binary_search(c).unwrap()).collect();
    let (mut train, mut held_out) = (Rows::default(), Rows::default());
    for (i, seen) in codes.windows(CONTEXT + 1).enumerate() {
        let rows = if i / 200 % 5 == 4 { &mut held_out } else { &mut train };
        rows.push(seen[..CONTEXT].iter().map(|code| *code as f32), seen[CONTEXT]);
    }
    let network = Network(vec![
        Layer::Embedding { rows: alphabet.len(), width: embedding },
        Layer::Linear { inputs: CONTEXT * embedding, outputs: hidden },
        Layer::Norm { width: hidden },
        Layer::Gelu,
        Layer::Linear { inputs: hidden, outputs: alphabet.len() },
    ]);
    Workload { name: "text", network, train, held_out, lr: 3e-3 }
}

/// In how many bytes a run keeps its numbers.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    pub name: &'static str,
    /// Of parameters and gradients. Passes through the network are in f32 whatever it is.
    pub dtype: DType,
    pub state: StateFormat,
    pub master: Master,
    pub rounding: Rounding,
    /// State in f32 of which each step leaves 3 bits of mantissa, to the nearest: what random rounding is there to avoid.
    pub nearest: bool,
    /// What the learning rate is multiplied by.
    pub lr_factor: f64,
    /// Begins a last place of f32 away: what a difference that means nothing grows to.
    pub nudged: bool,
}

const F32: Variant = Variant {
    name: "f32",
    dtype: DType::F32,
    state: StateFormat::F32,
    master: Master::None,
    rounding: Rounding::Nearest,
    nearest: false,
    lr_factor: 1.0,
    nudged: false,
};
const BF16: Variant = Variant { name: "bf16 alone", dtype: DType::Bf16, ..F32 };

/// The first is what the others are compared with.
pub const VARIANTS: [Variant; 11] = [
    F32,
    Variant { name: "f32, start 2⁻²³ away", nudged: true, ..F32 },
    Variant { name: "f32, learning rate 1 % higher", lr_factor: 1.01, ..F32 },
    Variant { name: "bf16 state", state: StateFormat::Bf16, ..F32 },
    Variant { name: "8-bit state", state: StateFormat::Bits8, ..F32 },
    Variant { name: "bf16 + f32 copy", master: Master::F32, ..BF16 },
    Variant { name: "bf16 + correction", master: Master::Correction, ..BF16 },
    Variant {
        name: "bf16 + correction, 8-bit state",
        master: Master::Correction,
        state: StateFormat::Bits8,
        ..BF16
    },
    Variant { name: "bf16 rounded at random", rounding: Rounding::Stochastic, ..BF16 },
    BF16,
    Variant { name: "8-bit state to the nearest", nearest: true, ..F32 },
];

/// The variants of these names.
pub fn variants(names: &[&str]) -> Vec<Variant> {
    names.iter().map(|name| *VARIANTS.iter().find(|variant| variant.name == *name).unwrap()).collect()
}

/// How long runs are.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    pub seeds: u64,
    pub steps: u64,
    pub batch: usize,
    /// At how many steps of the run, evenly spread to its end, the loss of what is held out is taken.
    pub checkpoints: u64,
}

impl Recipe {
    /// The steps at which the loss is taken.
    pub fn taken(&self) -> impl Iterator<Item = u64> {
        let recipe = *self;
        (1..=recipe.checkpoints).map(move |k| k * recipe.steps / recipe.checkpoints)
    }
}

/// Tensors as an optimizer gets them.
enum Tensors {
    F32(Vec<Vec<f32>>),
    Bf16(Vec<Vec<bf16>>),
}

impl Tensors {
    fn of(dtype: DType, values: &[Vec<f32>]) -> Self {
        match dtype {
            DType::Bf16 => {
                Self::Bf16(values.iter().map(|v| v.iter().map(|x| bf16::from_f32(*x)).collect()).collect())
            }
            _ => Self::F32(values.to_vec()),
        }
    }

    fn widen(&self, into: &mut [Vec<f32>]) {
        match self {
            Self::F32(all) => all.iter().zip(into).for_each(|(v, into)| into.copy_from_slice(v)),
            Self::Bf16(all) => {
                for (v, into) in all.iter().zip(into) {
                    v.iter().zip(into).for_each(|(x, into)| *into = x.to_f32());
                }
            }
        }
    }

    fn slots<'a>(&'a mut self, grads: &'a Self) -> Vec<Slot<'a>> {
        match (self, grads) {
            (Self::F32(theta), Self::F32(g)) => {
                theta.iter_mut().zip(g).map(|(t, g)| Slot::new(t, g)).collect()
            }
            (Self::Bf16(theta), Self::Bf16(g)) => {
                theta.iter_mut().zip(g).map(|(t, g)| Slot::new(t, g)).collect()
            }
            _ => unreachable!("parameters and gradients are of one type"),
        }
    }
}

/// Trains, and gives the loss of what is held out at each checkpoint.
pub fn curve(workload: &Workload, variant: Variant, recipe: Recipe, seed: u64) -> Vec<f64> {
    let network = &workload.network;
    let params = network.tensors().into_iter().map(|(name, shape)| Param::new(name, shape, variant.dtype));
    let mut optimizer = Optimizer::builder(AdamW { weight_decay: 0.1, ..AdamW::default() })
        .group(Group::rank_at_most(1).weight_decay(0.0))
        // the small tensors too: nothing stays out of the comparison
        .group(Group::named("*").state_format(variant.state))
        .clip(Clip::GlobalNorm(1.0))
        .master(variant.master)
        .rounding(variant.rounding)
        .seed(seed)
        .build(params)
        .unwrap();
    let warmup = recipe.steps / 20;
    let after = Cosine { steps: recipe.steps - warmup, ..Cosine::default() };
    let schedule = Warmup::new(warmup, 0.0, Box::new(after)).unwrap();
    // all begin at the same point, which bf16 has
    let start = network.start(seed);
    let mut wide: Vec<Vec<f32>> =
        start.iter().map(|v| v.iter().map(|x| bf16::from_f64(*x).to_f32()).collect()).collect();
    if variant.nudged {
        let mut draw = Draw::new(seed, 1001);
        let mut sign = || if draw.unit() < 0.5 { -1.0 } else { 1.0 };
        wide.iter_mut().flatten().for_each(|x| *x *= 1.0 + sign() * f32::EPSILON);
    }
    let mut theta = Tensors::of(variant.dtype, &wide);
    let mut grad = wide.clone();
    let (mut draw, width) = (Draw::new(seed, 1000), workload.train.width);
    let (mut inputs, mut labels, mut losses) = (Vec::new(), Vec::new(), Vec::new());
    for step in 1..=recipe.steps {
        inputs.clear();
        labels.clear();
        for _ in 0..recipe.batch {
            let i = draw.below(workload.train.labels.len());
            inputs.extend_from_slice(&workload.train.inputs[i * width..][..width]);
            labels.push(workload.train.labels[i]);
        }
        network.gradient(&wide, &inputs, &labels, &mut grad);
        let grads = Tensors::of(variant.dtype, &grad);
        let lr = workload.lr * variant.lr_factor * schedule.factor(step - 1);
        optimizer.step(lr, &mut theta.slots(&grads)).unwrap();
        if variant.nearest {
            round_to_nearest(&mut optimizer);
        }
        theta.widen(&mut wide);
        if recipe.taken().any(|taken| taken == step) {
            let held_out = &workload.held_out;
            losses.push(network.loss(&wide, &held_out.inputs, width, &held_out.labels));
        }
    }
    losses
}

/// Takes from all state in f32 all but 3 bits of mantissa.
fn round_to_nearest(optimizer: &mut Optimizer) {
    let file = optimizer.to_bytes().unwrap();
    let (_, header) = SafeTensors::read_metadata(&file).unwrap();
    let mut tensors: Vec<_> = SafeTensors::deserialize(&file)
        .unwrap()
        .iter()
        .map(|(name, t)| (name.to_owned(), t.dtype(), t.shape().to_vec(), t.data().to_vec()))
        .collect();
    for (_, _, _, data) in tensors.iter_mut().filter(|t| t.1 == Dtype::F32) {
        for number in data.as_chunks_mut::<4>().0 {
            let bits = u32::from_le_bytes(*number);
            *number = ((bits + 0x8_0000) & !0xF_FFFF).to_le_bytes();
        }
    }
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, data)| (name, TensorView::new(*dtype, shape.clone(), data).unwrap()));
    optimizer.from_bytes(&serialize(views, header.metadata().clone()).unwrap()).unwrap();
}

/// The losses of one variant: for each seed those of all checkpoints.
#[derive(Debug)]
pub struct Curves {
    pub variant: Variant,
    pub losses: Vec<Vec<f64>>,
}

impl Curves {
    /// Of all seeds, at one checkpoint.
    pub fn at(&self, checkpoint: usize) -> Vec<f64> {
        self.losses.iter().map(|losses| losses[checkpoint]).collect()
    }
}

/// All runs, on all threads. The numbers do not depend on them.
pub fn run(workload: &Workload, variants: &[Variant], recipe: Recipe) -> Vec<Curves> {
    let of = |variant| Curves {
        variant,
        losses: (0..recipe.seeds)
            .into_par_iter()
            .map(|seed| curve(workload, variant, recipe, seed))
            .collect(),
    };
    variants.par_iter().map(|variant| of(*variant)).collect()
}

/// What a paired test and a test of equivalence say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// At every checkpoint the mean difference is within the noise of seeds, and at none does the paired test find one.
    Equal,
    /// At every checkpoint within the noise of seeds, and somewhere there is a difference.
    Within,
    /// Somewhere a difference, and not everywhere shown to be within the noise of seeds.
    Differs,
    /// Neither is shown.
    Open,
}

/// What one variant does at the checkpoints, held against the baseline.
#[derive(Debug)]
pub struct Comparison {
    /// At each checkpoint.
    pub paired: Vec<Paired>,
    /// The smallest p of the paired tests, times the number of tests (Bonferroni).
    pub p: f64,
    /// The farthest end of all 90 % confidence intervals, in standard deviations of the baseline from seed to seed: below 1, the
    /// variant is equivalent to the baseline within the noise of seeds at every checkpoint.
    pub reach: f64,
    pub verdict: Verdict,
}

impl Comparison {
    /// Of `tests` paired tests in all, at 5 % together.
    pub fn new(curves: &Curves, baseline: &Curves, tests: usize) -> Self {
        let checkpoints = 0..baseline.losses[0].len();
        let paired: Vec<Paired> =
            checkpoints.clone().map(|k| Paired::new(&curves.at(k), &baseline.at(k))).collect();
        let p = paired.iter().map(|d| d.p * tests as f64).fold(1.0, f64::min);
        let noise = checkpoints.map(|k| deviation(&baseline.at(k)));
        let within = paired.iter().zip(noise.clone()).all(|(d, noise)| d.within(noise));
        let reach = paired.iter().zip(noise).map(|(d, noise)| (d.mean.abs() + d.half) / noise);
        let verdict = match (within, p < 0.05) {
            (true, false) => Verdict::Equal,
            (true, true) => Verdict::Within,
            (false, true) => Verdict::Differs,
            (false, false) => Verdict::Open,
        };
        Self { p, reach: reach.fold(0.0, f64::max), verdict, paired }
    }
}
