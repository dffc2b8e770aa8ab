//! What the integration tests share: tensors of any type, the problem of the fixtures, and the
//! fixtures themselves.
#![allow(dead_code)] // each test file uses its part of this

use half::{bf16, f16};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, RwLock};
use steepest::registry::Entry;
use steepest::rule::Scope;
use steepest::settings::Values;
use steepest::{
    DType, Error, InstructionSet, Optimizer, Param, Slice, SliceMut, Slot, StateSlice, StateType, StepArgs,
    StepReport,
};

/// Set to run with small sizes: for valgrind, where a step takes fifty times as long.
pub fn small() -> bool {
    std::env::var_os("STEEPEST_SMALL").is_some()
}

/// The instruction sets of this processor, the reference first.
pub fn instruction_sets() -> impl Iterator<Item = InstructionSet> {
    InstructionSet::ALL.into_iter().filter(|instructions| instructions.is_available())
}

pub const DTYPES: [DType; 4] = [DType::F64, DType::F32, DType::Bf16, DType::F16];

// ---------------------------------------------------------------------------------------------
// Tensors
// ---------------------------------------------------------------------------------------------

/// A tensor of any element type.
#[derive(Debug, Clone)]
pub enum Data {
    F64(Vec<f64>),
    F32(Vec<f32>),
    Bf16(Vec<bf16>),
    F16(Vec<f16>),
}

macro_rules! each {
    ($data:expr, $v:ident => $body:expr) => {
        match $data {
            Data::F64($v) => $body,
            Data::F32($v) => $body,
            Data::Bf16($v) => $body,
            Data::F16($v) => $body,
        }
    };
}

impl Data {
    /// `values`, rounded to `dtype`.
    pub fn of(dtype: DType, values: &[f64]) -> Self {
        match dtype {
            DType::F64 => Self::F64(values.to_vec()),
            DType::F32 => Self::F32(values.iter().map(|x| *x as f32).collect()),
            DType::Bf16 => Self::Bf16(values.iter().map(|x| bf16::from_f64(*x)).collect()),
            DType::F16 => Self::F16(values.iter().map(|x| f16::from_f64(*x)).collect()),
        }
    }

    pub fn all(&self) -> Slice<'_> {
        each!(self, v => v.into())
    }

    pub fn all_mut(&mut self) -> SliceMut<'_> {
        each!(self, v => v.into())
    }

    pub fn part(&self, range: Range<usize>) -> Slice<'_> {
        each!(self, v => v[range].into())
    }

    pub fn part_mut(&mut self, range: Range<usize>) -> SliceMut<'_> {
        each!(self, v => (&mut v[range]).into())
    }

    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Self::F64(v) => v.clone(),
            Self::F32(v) => v.iter().map(|x| f64::from(*x)).collect(),
            Self::Bf16(v) => v.iter().map(|x| x.to_f64()).collect(),
            Self::F16(v) => v.iter().map(|x| x.to_f64()).collect(),
        }
    }

    /// The elements' bits, with all NaNs alike.
    pub fn bits(&self) -> Vec<u64> {
        bits(&self.to_f64())
    }
}

/// The bits of each value, with all NaNs alike: which of two NaNs an operation passes on depends on
/// the order in which the compiler puts its operands.
pub fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|x| if x.is_nan() { u64::MAX } else { x.to_bits() }).collect()
}

/// The bits of each tensor.
pub fn all_bits(theta: &[Data]) -> Vec<Vec<u64>> {
    theta.iter().map(Data::bits).collect()
}

/// The largest of some differences; NaN if one of them is NaN.
pub fn worst(differences: impl Iterator<Item = f64>) -> f64 {
    differences.fold(0.0, |worst, x| if worst.is_nan() || x <= worst { worst } else { x })
}

/// Every tensor with its gradient.
pub fn slots<'a>(theta: &'a mut [Data], grads: &'a [Data]) -> Vec<Slot<'a>> {
    assert_eq!(theta.len(), grads.len());
    theta.iter_mut().zip(grads).map(|(t, g)| Slot::new(t.all_mut(), g.all())).collect()
}

/// State arrays that a caller keeps, of one parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept(pub Vec<KeptArray>);

#[derive(Debug, Clone, PartialEq)]
pub enum KeptArray {
    F64(Vec<f64>),
    F32(Vec<f32>),
    Bf16(Vec<bf16>),
    U8(Vec<u8>),
    I8(Vec<i8>),
}

impl Kept {
    /// The arrays of parameter `i` as they are before its first step; of another value until then.
    pub fn of(optimizer: &mut Optimizer, i: usize) -> Self {
        let arrays = optimizer.state_layout(i).into_iter().map(|array| match array.element {
            StateType::F64 => KeptArray::F64(vec![3.0; array.len()]),
            StateType::F32 => KeptArray::F32(vec![3.0; array.len()]),
            StateType::Bf16 => KeptArray::Bf16(vec![bf16::from_f32(3.0); array.len()]),
            StateType::U8 => KeptArray::U8(vec![77; array.len()]),
            StateType::I8 => KeptArray::I8(vec![77; array.len()]),
            other => panic!("{}: {other}", array.name),
        });
        let mut kept = Self(arrays.collect());
        optimizer.begin_state(i, &mut kept.slices()).unwrap();
        kept
    }

    pub fn all(optimizer: &mut Optimizer) -> Vec<Self> {
        (0..optimizer.params().len()).map(|i| Self::of(optimizer, i)).collect()
    }

    pub fn slices(&mut self) -> Vec<StateSlice<'_>> {
        fn slice(array: &mut KeptArray) -> StateSlice<'_> {
            match array {
                KeptArray::F64(v) => v.into(),
                KeptArray::F32(v) => v.into(),
                KeptArray::Bf16(v) => v.into(),
                KeptArray::U8(v) => v.into(),
                KeptArray::I8(v) => v.into(),
            }
        }
        self.0.iter_mut().map(slice).collect()
    }
}

/// Steps with state that is lent.
pub fn step_lent(
    optimizer: &mut Optimizer,
    args: impl Into<StepArgs>,
    theta: &mut [Data],
    grads: &[Data],
    kept: &mut [Kept],
) -> steepest::Result<StepReport> {
    let mut slots: Vec<Slot<'_>> = slots(theta, grads)
        .into_iter()
        .zip(kept)
        .map(|(slot, kept)| slot.with_state(kept.slices()))
        .collect();
    optimizer.step(args, &mut slots)
}

/// What the rule sums before the update, with its defaults.
pub fn scope(entry: &Entry) -> Scope {
    entry.make(&Values::new()).unwrap().scope()
}

/// A step's arguments with a loss, for the rules that need one.
pub fn args(lr: f64) -> StepArgs {
    StepArgs { loss: Some(1.0), ..StepArgs::from(lr) }
}

/// `n` numbers in [-1, 1) that depend on `seed` and their position.
pub fn random(seed: u64, n: usize) -> Vec<f64> {
    (0..n).map(|i| signed(hash(99, seed, 0, i as u64))).collect()
}

/// The state of every parameter, in f64, and its number of steps: `<parameter>/<array>`; without the history of its gradients.
pub fn state_of(optimizer: &Optimizer) -> BTreeMap<String, Vec<f64>> {
    let bytes = optimizer.to_bytes().unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.iter()
        .filter(|(name, _)| !is_history(name))
        .map(|(name, view)| {
            let values = match view.dtype() {
                Dtype::F64 => view.data().as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
                Dtype::F32 => {
                    view.data().as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect()
                }
                Dtype::U64 => {
                    view.data().as_chunks().0.iter().map(|b| u64::from_le_bytes(*b) as f64).collect()
                }
                Dtype::BF16 => {
                    view.data().as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f64()).collect()
                }
                // codes and scales, as they are
                Dtype::U8 => view.data().iter().map(|x| f64::from(*x)).collect(),
                Dtype::I8 => view.data().iter().map(|x| f64::from(x.cast_signed())).collect(),
                other => panic!("{name}: a state of type {other:?}"),
            };
            (name.to_owned(), values)
        })
        .collect()
}

/// Whether a state file holds the history of a tensor's gradients under this key.
pub fn is_history(key: &str) -> bool {
    key.ends_with("/health") || key.ends_with("/health.counts")
}

/// Changes the header of a state file.
pub fn edit_header(about: &mut HashMap<String, String>, edit: impl FnOnce(&mut serde_json::Value)) {
    let mut header = serde_json::from_str(&about["steepest"]).unwrap();
    edit(&mut header);
    about.insert("steepest".into(), header.to_string());
}

/// All state of an optimizer, in one line of words with all NaNs alike.
pub fn state_words(optimizer: &Optimizer) -> Vec<u64> {
    state_of(optimizer).into_values().flat_map(|values| bits(&values)).collect()
}

/// A vector.
pub fn param(name: &str, n: usize, dtype: DType) -> Param {
    Param::new(name, [n], dtype)
}

/// Two tensors, and gradients whose second tensor has −∞ at 5 and ∞ at 7.
pub fn with_infinities(dtype: DType) -> (Vec<Data>, Vec<Data>, Vec<Data>) {
    let theta = vec![Data::of(dtype, &random(1, 30)), Data::of(dtype, &random(2, 20))];
    let good = vec![Data::of(dtype, &random(3, 30)), Data::of(dtype, &random(4, 20))];
    let mut values = random(5, 20);
    (values[5], values[7]) = (f64::NEG_INFINITY, f64::INFINITY);
    let bad = vec![good[0].clone(), Data::of(dtype, &values)];
    (theta, good, bad)
}

/// Two layers of a small network.
pub fn layers() -> [Param; 4] {
    [
        Param::new("hidden.weight", [3, 4], DType::F32),
        Param::new("hidden.bias", [3], DType::F32),
        Param::new("out.weight", [2, 3], DType::F32),
        Param::new("out.bias", [2], DType::F32),
    ]
}

/// Three steps of an optimizer; the parameters' bits.
pub fn trained(optimizer: steepest::Result<Optimizer>, lr: f64) -> Vec<Vec<u64>> {
    let mut optimizer = optimizer.unwrap();
    let lengths: Vec<usize> = optimizer.params().iter().map(Param::len).collect();
    let of = |seed: u64| -> Vec<Data> {
        lengths.iter().enumerate().map(|(i, n)| Data::of(DType::F32, &random(seed + i as u64, *n))).collect()
    };
    let (mut theta, grads) = (of(10), of(20));
    for _ in 0..3 {
        optimizer.step(args(lr), &mut slots(&mut theta, &grads)).unwrap();
    }
    all_bits(&theta)
}

/// The weights that `optimizer` evaluates with; `theta` is as it was afterwards.
pub fn evaluation(optimizer: &Optimizer, theta: &mut [Data]) -> Vec<Vec<f64>> {
    let before = all_bits(theta);
    let found = {
        let mut held: Vec<_> = theta.iter_mut().map(Data::all_mut).collect();
        let guard = optimizer.evaluation(&mut held[..]).unwrap();
        guard.iter().map(|slice| to_f64(slice.as_slice())).collect()
    };
    assert_eq!(all_bits(theta), before, "evaluation left a trace");
    found
}

fn to_f64(slice: Slice<'_>) -> Vec<f64> {
    match slice {
        Slice::F64(s) => s.to_vec(),
        Slice::F32(s) => s.iter().map(|x| f64::from(*x)).collect(),
        Slice::Bf16(s) => s.iter().map(|x| x.to_f64()).collect(),
        Slice::F16(s) => s.iter().map(|x| x.to_f64()).collect(),
    }
}

/// A tensor of a file: type, shape, bytes.
pub type Stored = (Dtype, Vec<usize>, Vec<u8>);

/// A state file taken apart, changed by `edit`, and put together again.
pub fn edited(
    file: &[u8],
    edit: impl FnOnce(&mut BTreeMap<String, Stored>, &mut HashMap<String, String>),
) -> Vec<u8> {
    let (_, header) = SafeTensors::read_metadata(file).unwrap();
    let mut about = header.metadata().clone().unwrap();
    let mut tensors: BTreeMap<String, Stored> = SafeTensors::deserialize(file)
        .unwrap()
        .iter()
        .map(|(name, t)| (name.to_owned(), (t.dtype(), t.shape().to_vec(), t.data().to_vec())))
        .collect();
    edit(&mut tensors, &mut about);
    let views = tensors.iter().map(|(name, (dtype, shape, data))| {
        (name.clone(), TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    safetensors::serialize(views, Some(about)).unwrap()
}

/// A state file that says that every parameter has taken `steps` steps.
pub fn with_steps(file: &[u8], steps: u64) -> Vec<u8> {
    edited(file, |tensors, about| {
        edit_header(about, |header| header["steps_taken"] = steps.into());
        for (key, (_, _, data)) in tensors {
            if key.ends_with("/steps") {
                *data = steps.to_le_bytes().to_vec();
            }
        }
    })
}

/// The problems of a file that must be refused; nothing of it may have been loaded.
pub fn problems_of(optimizer: &mut Optimizer, file: &[u8]) -> Vec<String> {
    let before = (state_words(optimizer), optimizer.steps_taken());
    let error = optimizer.from_bytes(file).unwrap_err();
    assert_eq!((state_words(optimizer), optimizer.steps_taken()), before, "loaded in part: {error}");
    let text = error.to_string();
    let Error::StateMismatch { problems } = error else { panic!("{text}") };
    for problem in &problems {
        assert!(text.contains(problem), "{text}");
    }
    assert!(text.ends_with("nothing was loaded; use the settings and parameters it was saved with"));
    problems
}

// ---------------------------------------------------------------------------------------------
// The problem of the fixtures, as fixtures/README.md describes it
// ---------------------------------------------------------------------------------------------

pub const STEPS: u64 = 200;
pub const SHAPES: [(&str, &[usize]); 5] =
    [("t1", &[1]), ("t7", &[7]), ("t16", &[16]), ("t17", &[17]), ("m33x31", &[33, 31])];

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
const START: u64 = 0;
const CENTRE: u64 = 1;
const CURVATURE: u64 = 2;
const NOISE: u64 = 3;

fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

pub fn hash(stream: u64, tensor: u64, step: u64, element: u64) -> u64 {
    [stream, tensor, step, element]
        .into_iter()
        .fold(0x5EED, |h: u64, word| mix(h.wrapping_add((word + 1).wrapping_mul(GOLDEN))))
}

fn unit(h: u64) -> f64 {
    (h >> 11) as f64 * 2f64.powi(-53)
}

fn signed(h: u64) -> f64 {
    (h >> 11) as f64 * 2f64.powi(-52) - 1.0
}

/// What step `step` adds to the gradients of a tensor; none where it makes them 0. Most steps are asked for often.
fn noise(tensor: usize, step: u64) -> Arc<[Option<f64>]> {
    type Known = HashMap<(usize, u64), Arc<[Option<f64>]>>;
    static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(Default::default);
    if let Some(known) = KNOWN.read().unwrap().get(&(tensor, step)) {
        return known.clone();
    }
    let len = SHAPES[tensor].1.iter().product::<usize>();
    let drawn = (0..len as u64).map(|i| {
        let h = hash(NOISE, tensor as u64, step, i);
        (!h.is_multiple_of(17)).then(|| 0.1 * signed(h))
    });
    KNOWN.write().unwrap().entry((tensor, step)).or_insert_with(|| drawn.collect()).clone()
}

/// A quadratic bowl with noise.
pub struct Problem {
    pub start: Vec<Vec<f64>>,
    pub centre: Vec<Vec<f64>>,
    pub curvature: Vec<Vec<f64>>,
}

impl Problem {
    pub fn new() -> Self {
        let draw = |stream: u64, of: &dyn Fn(&str, u64) -> f64| {
            SHAPES
                .iter()
                .enumerate()
                .map(|(tensor, (name, shape))| {
                    (0..shape.iter().product::<usize>())
                        .map(|i| of(name, hash(stream, tensor as u64, 0, i as u64)))
                        .collect()
                })
                .collect()
        };
        Self {
            start: draw(START, &|name, h| if name == "t16" { 0.0 } else { signed(h) }),
            centre: draw(CENTRE, &|_, h| signed(h)),
            curvature: draw(CURVATURE, &|_, h| 0.1 + 1.9 * unit(h)),
        }
    }

    /// The gradient at `theta` for step 1, 2, 3…
    pub fn gradient(&self, tensor: usize, step: u64, theta: &[f64]) -> Vec<f64> {
        let noise = noise(tensor, step);
        let of_element = self.centre[tensor].iter().zip(&self.curvature[tensor]).zip(&*noise);
        let each = theta.iter().zip(of_element);
        each.map(|(x, ((centre, curvature), noise))| noise.map_or(0.0, |e| curvature * (x - centre) + e))
            .collect()
    }

    pub fn params(dtype: DType) -> Vec<Param> {
        SHAPES.iter().map(|(name, shape)| Param::new(*name, *shape, dtype)).collect()
    }

    /// The start in `dtype`.
    pub fn theta(&self, dtype: DType) -> Vec<Data> {
        self.start.iter().map(|start| Data::of(dtype, start)).collect()
    }

    /// The loss whose gradient [`Problem::gradient`] would be without its noise and its zeros.
    pub fn loss(&self, theta: &[Vec<f64>]) -> f64 {
        let mut sum = 0.0;
        for (i, theta) in theta.iter().enumerate() {
            for ((x, c), k) in theta.iter().zip(&self.centre[i]).zip(&self.curvature[i]) {
                let d = x - c;
                sum += 0.5 * k * d * d;
            }
        }
        sum
    }

    /// Where on the straight way from the start to the centre step `step` takes its gradients, for settings that name
    /// it: nothing that an optimizer does leads back into them.
    fn on_path(&self, tensor: usize, step: u64) -> Vec<f64> {
        let ahead = (1.0 - step as f64 / 64.0).max(0.0);
        let of = self.start[tensor].iter().zip(&self.centre[tensor]);
        of.map(|(start, centre)| centre + ahead * (start - centre)).collect()
    }

    /// Step number `step` of `optimizer` as `setting` has it, with gradients of `dtype`.
    pub fn step_of(
        &self,
        setting: &Setting,
        optimizer: &mut Optimizer,
        step: u64,
        dtype: DType,
        theta: &mut [Data],
    ) {
        let at = |(i, theta): (usize, &Data)| {
            if setting.on_path { self.on_path(i, step) } else { theta.to_f64() }
        };
        let points: Vec<Vec<f64>> = theta.iter().enumerate().map(at).collect();
        self.step_at(&points, optimizer, step, setting.lr(step), dtype, theta);
    }

    /// Step number `step` of `optimizer`, with gradients of `dtype` at `theta`.
    pub fn step(&self, optimizer: &mut Optimizer, step: u64, lr: f64, dtype: DType, theta: &mut [Data]) {
        let points: Vec<Vec<f64>> = theta.iter().map(Data::to_f64).collect();
        self.step_at(&points, optimizer, step, lr, dtype, theta);
    }

    fn step_at(
        &self,
        points: &[Vec<f64>],
        optimizer: &mut Optimizer,
        step: u64,
        lr: f64,
        dtype: DType,
        theta: &mut [Data],
    ) {
        let grads: Vec<Data> = points
            .iter()
            .enumerate()
            .map(|(i, point)| Data::of(dtype, &self.gradient(i, step, point)))
            .collect();
        let before: Vec<Vec<f64>> = theta.iter().map(Data::to_f64).collect();
        let args = StepArgs { loss: Some(self.loss(&before)), ..StepArgs::from(lr) };
        optimizer.step(args, &mut slots(theta, &grads)).unwrap();
    }
}

// ---------------------------------------------------------------------------------------------
// Fixtures
// ---------------------------------------------------------------------------------------------

/// Settings of an optimizer, and the learning rates they are meant for.
#[derive(Debug, Clone)]
pub struct Setting {
    pub name: String,
    pub lr: f64,
    /// `lr / (1 + 0.01·(t − 1))` instead of `lr`.
    pub inverse_time: bool,
    /// Whether its gradients are taken on a path of their own, not where the optimizer is.
    pub on_path: bool,
    pub values: Values,
    /// Whether the trajectory follows torch's formula.
    pub torch_dialect: bool,
}

impl Setting {
    pub fn lr(&self, step: u64) -> f64 {
        if self.inverse_time { self.lr / (1.0 + 0.01 * (step - 1) as f64) } else { self.lr }
    }
}

/// A file of trajectories.
#[derive(Debug)]
pub struct Fixture {
    pub settings: Vec<Setting>,
    pub tensors: BTreeMap<String, Vec<f64>>,
    pub metadata: HashMap<String, String>,
}

impl Fixture {
    /// The file `fixtures/<name>.safetensors`, if there is one.
    pub fn load(name: &str) -> Option<Self> {
        let path =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../fixtures/{name}.safetensors"));
        let bytes = std::fs::read(path).ok()?;
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = header.metadata().clone().unwrap();
        let tensors = SafeTensors::deserialize(&bytes)
            .unwrap()
            .iter()
            .map(|(name, view)| {
                assert_eq!(view.dtype(), Dtype::F64, "{name}");
                let values = view.data().as_chunks().0.iter().map(|b| f64::from_le_bytes(*b));
                (name.to_owned(), values.collect())
            })
            .collect();
        let mut settings: Vec<Setting> = metadata
            .iter()
            .filter_map(|(key, text)| Some((key.strip_prefix("setting/")?, text)))
            .map(|(name, text)| {
                let about: serde_json::Value = serde_json::from_str(text).unwrap();
                Setting {
                    name: name.to_owned(),
                    lr: about["lr"].as_f64().unwrap(),
                    inverse_time: match about["lr_schedule"].as_str() {
                        Some("constant") => false,
                        Some("inverse_time") => true,
                        other => panic!("{name}: learning rate {other:?}"),
                    },
                    on_path: match about.get("gradients").map(|of| of.as_str()) {
                        None => false,
                        Some(Some("path")) => true,
                        Some(other) => panic!("{name}: gradients {other:?}"),
                    },
                    values: serde_json::from_value(about["steepest"].clone()).unwrap(),
                    torch_dialect: about.get("equals_torch_dialect").is_none_or(|x| x == true),
                }
            })
            .collect();
        settings.sort_by(|a, b| a.name.cmp(&b.name));
        Some(Self { settings, tensors, metadata })
    }

    /// Each quantity of `setting`: `<tensor>/<quantity>`.
    pub fn of<'a>(&'a self, setting: &str) -> impl Iterator<Item = (&'a str, &'a [f64])> {
        let prefix = format!("{setting}/");
        self.tensors
            .iter()
            .filter_map(move |(key, values)| Some((key.strip_prefix(&prefix)?, values.as_slice())))
    }
}

/// The trajectories that the optimizer `entry` is held to, by library: every file
/// `fixtures/<library>_<name>.safetensors`. A setting that follows another formula than torch's names its
/// `dialect`; those that name none are left out where optax differs from torch.
pub fn fixtures(entry: &Entry) -> Vec<(String, Fixture)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|file| Some(file.unwrap().file_name().to_str()?.strip_suffix(".safetensors")?.to_owned()))
        .collect();
    files.sort_unstable_by(|a, b| b.cmp(a)); // torch first
    let of = |library: &str| format!("{library}_{}", entry.name);
    let torch = files.contains(&of("torch"));
    files
        .iter()
        .filter_map(|file| {
            let (library, _) = file.split_once('_')?;
            if *file != of(library) {
                return None;
            }
            let mut fixture = Fixture::load(file)?;
            if torch && library == "optax" {
                fixture.settings.retain(|s| s.torch_dialect || s.values.contains_key("dialect"));
            }
            Some((library.to_owned(), fixture))
        })
        .collect()
}

/// The defaults, and every setting of the fixtures.
pub fn settings(entry: &Entry) -> Vec<Setting> {
    let of_fixtures: Vec<Setting> =
        fixtures(entry).into_iter().flat_map(|(_, fixture)| fixture.settings).collect();
    let default = Setting {
        name: "defaults".into(),
        lr: entry.default_lr,
        inverse_time: false,
        // with the gradients that a fixture's defaults have: it says where their own would make errors grow
        on_path: of_fixtures.iter().any(|setting| setting.name == "default" && setting.on_path),
        values: Values::new(),
        torch_dialect: true,
    };
    std::iter::once(default).chain(of_fixtures).collect()
}
