//! Steps on bare tensors.

use crate::work::{Run, StepWork, seconds};
use burn::module::{Module, Param as BurnParam};
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use half::bf16;
use std::ops::{Deref, DerefMut};
use steepest::{
    Clip, DType, Ema, Master, NonFinite, Optimizer, Param, Slice, SliceMut, Slot, StateFormat, registry,
};

const THETA: f32 = 0.1;

/// Numbers that begin on a cache line, as torch's and jax's tensors do.
struct Aligned<T> {
    numbers: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Copy> Aligned<T> {
    fn new(len: usize, value: T) -> Self {
        let line = 64 / size_of::<T>();
        let numbers = vec![value; len + line];
        let start = numbers.as_ptr().align_offset(64);
        Self { numbers, start, len }
    }

    fn of(values: &[T]) -> Self {
        let mut aligned = Self::new(values.len(), values[0]);
        aligned.copy_from_slice(values);
        aligned
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.numbers[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.numbers[self.start..self.start + self.len]
    }
}

pub fn run(peer: &str, work: StepWork) -> Result<Run, String> {
    let plain = work.clip.is_none() && work.ema.is_none() && !work.zero && work.tensors == 1;
    match peer {
        "stream" | "burn" | "candle" if work.optimizer != "adamw" || !plain => {
            Err(format!("{peer} is here for AdamW alone, on one tensor"))
        }
        "stream" => Ok(stream(&work)),
        "burn" => Ok(burn(&work)),
        "candle" => Ok(candle(&work)),
        _ => steepest(peer, work),
    }
}

/// The peers `steepest…`: what differs between them is the optimizer, and the type of its parameters and gradients.
fn steepest(peer: &str, work: StepWork) -> Result<Run, String> {
    if peer == "steepest-bf16-8bit" {
        let values: Vec<bf16> = work.gradient().into_iter().map(bf16::from_f32).collect();
        steps_of(peer, work, DType::Bf16, bf16::from_f32(THETA), values)
    } else {
        let values = work.gradient();
        steps_of(peer, work, DType::F32, THETA, values)
    }
}

fn steps_of<T: Copy + 'static>(
    peer: &str,
    work: StepWork,
    dtype: DType,
    start: T,
    values: Vec<T>,
) -> Result<Run, String>
where
    for<'a> SliceMut<'a>: From<&'a mut [T]>,
    for<'a> Slice<'a>: From<&'a [T]>,
{
    let params = (0..work.tensors).map(|i| Param::new(format!("p{i}"), work.shape.clone(), dtype)).collect();
    let mut optimizer = optimizer(peer, &work, params)?;
    let mut theta: Vec<Aligned<T>> = (0..work.tensors).map(|_| Aligned::new(work.len(), start)).collect();
    let mut grad: Vec<Aligned<T>> = (0..work.tensors).map(|_| Aligned::of(&values)).collect();
    Ok(Box::new(move || {
        if work.zero {
            grad.iter_mut().for_each(|g| g.copy_from_slice(&values));
        }
        seconds(|| {
            let pairs = theta.iter_mut().zip(&mut grad);
            let mut slots: Vec<Slot> = if work.zero {
                pairs.map(|(t, g)| Slot::zeroing(&mut **t, &mut **g)).collect()
            } else {
                pairs.map(|(t, g)| Slot::new(&mut **t, &**g)).collect()
            };
            optimizer.step(work.lr, &mut slots).expect("finite");
        })
    }))
}

/// The optimizer of a peer, by the peer's name.
fn optimizer(peer: &str, work: &StepWork, params: Vec<Param>) -> Result<Optimizer, String> {
    let text = |e: steepest::Error| e.to_string();
    let rule = registry::find(&work.optimizer).and_then(|entry| entry.make(&work.settings)).map_err(text)?;
    let mut builder = Optimizer::builder(rule).clip(work.clip.map(Clip::GlobalNorm));
    if let Some(decay) = work.ema {
        builder = builder.average(Ema { decay, ..Ema::default() });
    }
    let builder = match peer {
        "steepest" => builder.non_finite(NonFinite::Unchecked), // as torch
        "steepest-checked" => builder.non_finite(NonFinite::Error),
        "steepest-8bit" => builder.non_finite(NonFinite::Unchecked).state_format(StateFormat::Bits8),
        "steepest-bf16-8bit" => builder
            .non_finite(NonFinite::Unchecked)
            .state_format(StateFormat::Bits8)
            .master(Master::Correction),
        _ => return Err(format!("no peer is called {peer}")),
    };
    builder.build(params).map_err(text)
}

/// What AdamW reads and writes, without its arithmetic.
fn stream(work: &StepWork) -> Run {
    let arrays = [0; 3].map(|_| Aligned::new(work.len(), THETA));
    let [mut theta, mut m, mut v] = arrays;
    let grad = Aligned::of(&work.gradient());
    Box::new(move || {
        seconds(|| {
            let part = theta.len().div_ceil(rayon::current_num_threads());
            std::thread::scope(|scope| {
                let parts = theta.chunks_mut(part).zip(m.chunks_mut(part)).zip(v.chunks_mut(part));
                for (((t, m), v), g) in parts.zip(grad.chunks(part)) {
                    scope.spawn(move || steepest::stream(&mut [t, m, v], g));
                }
            });
        })
    })
}

/// burn's own AdamW, with torch's settings.
pub fn burn_adamw() -> AdamWConfig {
    AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(0.01)
}

#[derive(Module, Debug)]
struct OneTensor {
    theta: BurnParam<Tensor<1>>,
}

fn burn(work: &StepWork) -> Run {
    let values = work.gradient();
    let theta = Tensor::<1>::full([work.len()], THETA, &Device::flex().autodiff());
    let mut module = Some(OneTensor { theta: BurnParam::from_tensor(theta) });
    let mut adamw = burn_adamw().init();
    let lr = work.lr;
    Box::new(move || {
        let owned = module.take().expect("put back after every step");
        // a gradient of its own for each step, as a backward pass gives it: burn reuses its memory
        let data = TensorData::new(values.clone(), [values.len()]);
        let mut grads = GradientsParams::new();
        grads.register(owned.theta.id, Tensor::<1>::from_data(data, &Device::flex()));
        seconds(|| module = Some(adamw.step(lr, owned, grads)))
    })
}

fn candle(work: &StepWork) -> Run {
    use candle_core::{Device, Tensor, Var};
    use candle_nn::Optimizer;
    let theta = Var::from_tensor(&Tensor::full(THETA, work.len(), &Device::Cpu).expect("cpu")).expect("cpu");
    let values = Tensor::from_vec(work.gradient(), work.len(), &Device::Cpu).expect("cpu");
    // only a backward pass makes a store of gradients
    let mut grads = theta.as_tensor().sum_all().and_then(|sum| sum.backward()).expect("cpu");
    grads.insert(theta.as_tensor(), values);
    let settings = candle_nn::ParamsAdamW { lr: work.lr, ..Default::default() };
    let mut adamw = candle_nn::AdamW::new(vec![theta], settings).expect("cpu");
    Box::new(move || seconds(|| adamw.step(&grads).expect("cpu")))
}
