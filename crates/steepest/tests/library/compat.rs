//! State files of earlier versions load for ever, with equal values, and the run goes on with the same bits.

use half::bf16;
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use std::path::{Path, PathBuf};
use steepest::registry::{OPTIMIZERS, find};
use steepest::{
    Builder, DType, Ema, Group, Lookahead, Master, Optimizer, Param, Slice, SliceMut, Slot, StateFormat,
    StepArgs,
};

const SHAPES: [&[usize]; 3] = [&[24, 16], &[5, 40], &[16]];
const NAMES: [&str; 3] = ["first.weight", "second.weight", "bias"];

/// A number of the sequence that the files were written with, in (−1, 1).
fn draw(seed: u64, i: usize) -> f64 {
    let mut z = seed
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add((i as u64 + 1).wrapping_mul(0xBF58_476D_1CE4_E5B9));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

trait Element: Copy + 'static {
    const DTYPE: DType;
    fn of(x: f64) -> Self;
    fn bytes(self) -> Vec<u8>;
    fn from_bytes(bytes: &[u8]) -> Vec<Self>;
}

macro_rules! element {
    ($t:ty, $dtype:expr, $of:expr) => {
        impl Element for $t {
            const DTYPE: DType = $dtype;
            fn of(x: f64) -> Self {
                $of(x)
            }
            fn bytes(self) -> Vec<u8> {
                self.to_le_bytes().to_vec()
            }
            fn from_bytes(bytes: &[u8]) -> Vec<Self> {
                bytes
                    .chunks_exact(size_of::<Self>())
                    .map(|x| Self::from_le_bytes(x.try_into().unwrap()))
                    .collect()
            }
        }
    };
}
element!(f32, DType::F32, |x| x as f32);
element!(f64, DType::F64, |x| x);
element!(bf16, DType::Bf16, bf16::from_f64);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/compat/v1/state")
}

/// Loads the state called `name`, compares its values with the file's, takes the next five steps, and compares the parameters.
fn goes_on<T: Element>(builder: Builder, name: &str, lr: f64)
where
    for<'a> SliceMut<'a>: From<&'a mut [T]>,
    for<'a> Slice<'a>: From<&'a [T]>,
{
    let params = SHAPES.iter().zip(NAMES).map(|(shape, name)| Param::new(name, *shape, T::DTYPE));
    let mut optimizer = builder.build(params).unwrap_or_else(|error| panic!("{name}: {error}"));
    let state = std::fs::read(folder().join(format!("{name}.state.safetensors"))).unwrap();
    optimizer.from_bytes(&state).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(optimizer.steps_taken(), 5, "{name}");
    for (key, view) in SafeTensors::deserialize(&state).unwrap().iter() {
        let (param, array) = key.split_once('/').unwrap();
        let values: Vec<f64> = match view.dtype() {
            Dtype::F32 => f32::from_bytes(view.data()).into_iter().map(f64::from).collect(),
            Dtype::F64 => f64::from_bytes(view.data()),
            Dtype::BF16 => bf16::from_bytes(view.data()).into_iter().map(f64::from).collect(),
            // steps, and codes with their scales, which the next steps prove
            _ => continue,
        };
        assert_eq!(optimizer.state(param, array).unwrap(), values, "{name}: {key}");
    }
    // written again, it is of the newest version, and loads
    let newest = optimizer.to_bytes().unwrap();
    optimizer.from_bytes(&newest).unwrap();

    let weights = std::fs::read(folder().join(format!("{name}.weights.safetensors"))).unwrap();
    let weights = SafeTensors::deserialize(&weights).unwrap();
    let of = |when: &str, tensor: &str| weights.tensor(&format!("{when}/{tensor}")).unwrap();
    let mut theta: Vec<Vec<T>> = NAMES.map(|tensor| T::from_bytes(of("before", tensor).data())).into();
    for t in 5..10u64 {
        let grads: Vec<Vec<T>> = (0..theta.len())
            .map(|k| (0..theta[k].len()).map(|i| T::of(draw(100 + 10 * t + k as u64, i))).collect())
            .collect();
        let mut slots: Vec<Slot<'_>> =
            theta.iter_mut().zip(&grads).map(|(x, g)| Slot::new(x.as_mut_slice(), g.as_slice())).collect();
        let args = StepArgs { loss: Some(1.0 + draw(7, t as usize)), ..StepArgs::from(lr) };
        optimizer.step(args, &mut slots).unwrap();
    }
    for (tensor, found) in NAMES.iter().zip(theta) {
        let found: Vec<u8> = found.into_iter().flat_map(Element::bytes).collect();
        assert!(found == of("after", tensor).data(), "{name}: {tensor} went on with other bits");
    }
}

fn builder(name: &str) -> (Builder, f64) {
    let entry = find(name).unwrap();
    (Optimizer::builder(entry.make(&Default::default())), entry.default_lr)
}

#[test]
fn states_of_the_first_version_load_and_go_on_with_the_same_bits() {
    let old: Vec<_> = OPTIMIZERS
        .iter()
        .filter(|entry| folder().join(format!("{}-f32.state.safetensors", entry.name)).exists())
        .collect();
    assert_eq!(old.len(), 46);
    for entry in old {
        let (builder, lr) = builder(entry.name);
        goes_on::<f32>(builder, &format!("{}-f32", entry.name), lr);
    }
    for name in ["adamw", "sgd", "soap", "nadam"] {
        let (builder, lr) = builder(name);
        let builder = builder
            .lookahead(Lookahead { every: 3, alpha: 0.5 })
            .average(Ema { decay: 0.9, ..Ema::default() });
        goes_on::<f64>(builder, &format!("{name}-f64-lookahead-ema"), lr);
    }
    for name in ["adamw", "lion", "adan", "prodigy", "schedule_free_adamw"] {
        let bits8 = |name| {
            let (builder, lr) = builder(name);
            (builder.group(Group::rank_at_least(1).state_format(StateFormat::Bits8)).seed(7), lr)
        };
        let (eight, lr) = bits8(name);
        goes_on::<f32>(eight, &format!("{name}-f32-8bit"), lr);
        let (eight, lr) = bits8(name);
        goes_on::<bf16>(eight.master(Master::Correction), &format!("{name}-bf16-8bit-correction"), lr);
        let (half, lr) = builder(name);
        let half = half.state_format(StateFormat::Bf16).master(Master::F32).seed(9);
        goes_on::<bf16>(half, &format!("{name}-bf16-bf16-master"), lr);
    }
}
