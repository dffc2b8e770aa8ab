//! State arrays: aligned, allocated when the optimizer is made, saved by name.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::Job;
use crate::kernel::{ElementKernel, Run};
use crate::linalg::Number;
use crate::packed::{self, GROUP, Order, Read};
use crate::precision::Storage;
use crate::rule::{Holds, StateSpec, Step, TensorRule, TensorView};
use bytemuck::{Pod, Zeroable};
use half::bf16;
use safetensors::tensor::{Dtype, SafeTensors};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// The most state arrays that a tensor can have.
pub const MAX_ARRAYS: usize = 8;

/// One cache line, so that every array begins on one.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// An array of numbers that begins on a cache line.
#[derive(Debug, Clone)]
pub(crate) struct Aligned {
    lines: Vec<Line>,
    /// Lines before the first number.
    skip: usize,
    bytes: usize,
}

impl Aligned {
    pub fn new(bytes: usize) -> Self {
        Self { lines: bytemuck::zeroed_vec(bytes.div_ceil(64)), skip: 0, bytes }
    }

    /// The same, for the array with number `place` of those that a step walks through side by side.
    ///
    /// Allocators begin all large arrays at one offset in a page, and processors compare the low 12 bits of a load's address
    /// with those of the stores before it: arrays that begin at one offset, as parameter and gradient do, cost a step an
    /// eighth of its speed. From 448 bytes between them on, nothing is lost.
    pub fn side_by_side(bytes: usize, place: usize) -> Self {
        const APART: usize = 448 / 64;
        // small arrays lie anywhere as it is
        let skip = if bytes < 256 * 1024 { 0 } else { (place % MAX_ARRAYS + 1) * APART };
        Self { lines: bytemuck::zeroed_vec(skip + bytes.div_ceil(64)), skip, bytes }
    }

    fn slice<T: Pod>(&self) -> &[T] {
        bytemuck::cast_slice(&bytemuck::cast_slice::<_, u8>(&self.lines[self.skip..])[..self.bytes])
    }
    pub fn slice_mut<T: Pod>(&mut self) -> &mut [T] {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.lines[self.skip..]);
        bytemuck::cast_slice_mut(&mut bytes[..self.bytes])
    }
}

/// One state array of one tensor.
#[derive(Debug, Clone)]
pub(crate) struct StateArray {
    pub spec: StateSpec,
    pub holds: Holds,
    pub storage: Storage,
    data: Aligned,
    /// The scales of groups, for 8 bits.
    scales: Aligned,
}

impl StateArray {
    /// In the type that the parameter's arithmetic is done in; the array with number `place` of its tensor.
    pub fn new(spec: StateSpec, param: DType, place: usize) -> Self {
        let storage = if param == DType::F64 { Storage::F64 } else { Storage::F32 };
        Self::stored(spec, Holds::Point, storage, place)
    }

    pub fn stored(spec: StateSpec, holds: Holds, storage: Storage, place: usize) -> Self {
        let len: usize = spec.shape.iter().product();
        let mut data = Aligned::side_by_side(len * storage.size(), place);
        let packed = matches!(storage, Storage::Bits8(_));
        let mut scales = Aligned::new(if packed { len.div_ceil(GROUP) } else { 0 });
        let initial = spec.initial;
        match storage {
            Storage::F64 => data.slice_mut::<f64>().fill(initial),
            Storage::F32 => data.slice_mut::<f32>().fill(initial as f32),
            Storage::Bf16 => data.slice_mut::<bf16>().fill(bf16::from_f64(initial)),
            Storage::Bits8(_) => packed::fill(holds, initial, data.slice_mut(), scales.slice_mut()),
            Storage::Correction => {}
        }
        Self { spec, holds, storage, data, scales }
    }

    pub fn scales(&self) -> &[u8] {
        self.scales.slice()
    }

    /// Bytes of memory.
    pub fn size(&self) -> usize {
        self.data.bytes + self.scales.bytes
    }

    pub fn address(&mut self) -> *mut u8 {
        self.data.slice_mut::<u8>().as_mut_ptr()
    }

    pub fn scales_address(&mut self) -> *mut u8 {
        self.scales.slice_mut::<u8>().as_mut_ptr()
    }

    /// The values as f64: exact for all types.
    pub fn to_f64(&self) -> Vec<f64> {
        match self.storage {
            Storage::F64 => self.data.slice::<f64>().to_vec(),
            Storage::F32 => self.data.slice::<f32>().iter().map(|x| f64::from(*x)).collect(),
            Storage::Bf16 => self.data.slice::<bf16>().iter().map(|x| x.to_f64()).collect(),
            Storage::Correction => self.data.slice::<i8>().iter().map(|x| f64::from(*x)).collect(),
            Storage::Bits8(order) => {
                let mut into = vec![0.0; self.data.bytes];
                let (codes, scales) = (self.data.slice(), self.scales());
                Read { holds: self.holds, order, codes, scales, into: &mut into }.run();
                into.into_iter().map(f64::from).collect()
            }
        }
    }

    /// What a state file holds of it: under its name, and for the scales under `<name>.scales`.
    fn parts(&self) -> impl Iterator<Item = (String, Part<'_>)> {
        let dtype = match self.storage {
            Storage::F64 => Dtype::F64,
            Storage::F32 => Dtype::F32,
            Storage::Bf16 => Dtype::BF16,
            Storage::Bits8(_) => Dtype::U8,
            Storage::Correction => Dtype::I8,
        };
        let name = &self.spec.name;
        let order = if let Storage::Bits8(order) = self.storage { Some(order) } else { None };
        let values = Part { dtype, shape: self.spec.shape.clone(), bytes: self.data.slice(), order };
        let scales = self.scales();
        let scales = order
            .map(|_| Part { dtype: Dtype::U8, shape: vec![scales.len()], bytes: scales, order: None })
            .map(|part| (format!("{name}.scales"), part));
        std::iter::once(((*name).to_owned(), values)).chain(scales)
    }

    /// Copies what [`check`] found for each of its parts.
    fn fill<'a>(&mut self, data: &mut impl Iterator<Item = &'a [u8]>) {
        if let Storage::Bits8(order) = self.storage {
            if let (Some(codes), Some(scales)) = (data.next(), data.next()) {
                packed::from_order(order, codes, self.data.slice_mut());
                self.scales.slice_mut::<u8>().copy_from_slice(scales);
            }
        } else if let Some(bytes) = data.next() {
            self.data.slice_mut::<u8>().copy_from_slice(bytes);
        }
    }
}

/// Numbers in a state file.
struct Part<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: &'a [u8],
    /// How codes lie in memory; in a file they have the order of their elements.
    order: Option<Order>,
}

impl safetensors::View for &Part<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        self.order.map_or(self.bytes.into(), |order| packed::in_order(order, self.bytes).into())
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// A type that state and tensor rules work in.
pub(crate) trait StateFloat: Number {
    fn array_mut(array: &mut StateArray) -> &mut [Self] {
        debug_assert_eq!(array.storage.size(), Self::DTYPE.size());
        array.data.slice_mut()
    }
    fn array(array: &StateArray) -> &[Self] {
        debug_assert_eq!(array.storage.size(), Self::DTYPE.size());
        array.data.slice()
    }
    /// The values of an array, however they are kept.
    fn values(array: &StateArray) -> Cow<'_, [Self]>;
    fn update(rule: &dyn TensorRule, step: Step, view: TensorView<'_, Self>) -> f64;
    fn evaluate(kernel: &dyn ElementKernel, theta: &mut [Self], state: &[&[Self]]);
}

impl StateFloat for f32 {
    fn values(array: &StateArray) -> Cow<'_, [Self]> {
        match array.storage {
            Storage::F32 => Cow::Borrowed(Self::array(array)),
            // a copy is for evaluation only
            _ => array.to_f64().into_iter().map(|x| x as f32).collect::<Vec<_>>().into(),
        }
    }
    fn evaluate(kernel: &dyn ElementKernel, theta: &mut [Self], state: &[&[Self]]) {
        let kernel: &dyn Run<Self> = kernel;
        kernel.evaluate(theta, state);
    }
    fn update(rule: &dyn TensorRule, step: Step, view: TensorView<'_, Self>) -> f64 {
        rule.update_f32(step, view)
    }
}

impl StateFloat for f64 {
    fn values(array: &StateArray) -> Cow<'_, [Self]> {
        Cow::Borrowed(Self::array(array))
    }
    fn evaluate(kernel: &dyn ElementKernel, theta: &mut [Self], state: &[&[Self]]) {
        let kernel: &dyn Run<Self> = kernel;
        kernel.evaluate(theta, state);
    }
    fn update(rule: &dyn TensorRule, step: Step, view: TensorView<'_, Self>) -> f64 {
        rule.update_f64(step, view)
    }
}

const FORMAT: &str = "steepest-state-1";
/// Under this name, for each parameter, the number of steps it has taken.
const STEPS: &str = "steps";
/// In the header: what random rounding is keyed by.
const SEED: &str = "seed";

/// What a state file holds of an optimizer.
pub(crate) struct Saved<'a> {
    pub rule: String,
    pub steps_taken: u64,
    /// What random rounding is keyed by, where there is any.
    pub seed: Option<u64>,
    pub tensors: Vec<SavedTensor<'a>>,
}

/// What a state file holds of a parameter.
pub(crate) struct SavedTensor<'a> {
    pub name: &'a str,
    pub steps: u64,
    /// Numbers for the tensor as a whole.
    pub memory: Vec<(&'static str, f64)>,
    pub arrays: Vec<&'a StateArray>,
}

pub(crate) fn to_bytes(saved: &Saved<'_>) -> Result<Vec<u8>> {
    let steps: Vec<[u8; 8]> = saved.tensors.iter().map(|t| t.steps.to_le_bytes()).collect();
    let memory: Vec<Vec<[u8; 8]>> =
        saved.tensors.iter().map(|t| t.memory.iter().map(|m| m.1.to_le_bytes()).collect()).collect();
    let mut parts = Vec::new();
    for ((tensor, steps), memory) in saved.tensors.iter().zip(&steps).zip(&memory) {
        let mut add = |key: &str, part| parts.push((format!("{}/{key}", tensor.name), part));
        let one = |dtype, bytes| Part { dtype, shape: Vec::new(), bytes, order: None };
        add(STEPS, one(Dtype::U64, steps.as_slice()));
        for ((name, _), bytes) in tensor.memory.iter().zip(memory) {
            add(name, one(Dtype::F64, bytes));
        }
        tensor.arrays.iter().flat_map(|array| array.parts()).for_each(|(key, part)| add(&key, part));
    }
    let mut about = HashMap::from([
        ("format".to_owned(), FORMAT.to_owned()),
        ("optimizer".to_owned(), saved.rule.clone()),
        ("steps_taken".to_owned(), saved.steps_taken.to_string()),
    ]);
    about.extend(saved.seed.map(|seed| (SEED.to_owned(), seed.to_string())));
    safetensors::serialize(parts.iter().map(|(name, part)| (name, part)), Some(about))
        .map_err(|e| Error::File { path: "optimizer state".into(), reason: e.to_string() })
}

/// What a state file says, checked against an optimizer but not yet loaded into it.
pub(crate) struct Checked<'a> {
    pub steps_taken: u64,
    pub seed: Option<u64>,
    pub tensors: Vec<CheckedTensor<'a>>,
}

/// What it says of a parameter.
pub(crate) struct CheckedTensor<'a> {
    pub steps: u64,
    pub memory: Vec<f64>,
    /// The arrays' bytes.
    pub arrays: Vec<&'a [u8]>,
}

/// Compares a file with what the optimizer expects; on any difference, all differences.
pub(crate) fn check<'a>(bytes: &'a [u8], expected: &Saved<'_>) -> Result<Checked<'a>> {
    let one = |problem: String| Error::StateMismatch { problems: vec![problem] };
    let (_, header) = SafeTensors::read_metadata(bytes)
        .map_err(|e| one(format!("not a safetensors file, or cut off: {e}")))?;
    let file = SafeTensors::deserialize(bytes).map_err(|e| one(e.to_string()))?;
    let about = header.metadata().clone().unwrap_or_default();
    let mut problems = Vec::new();
    match about.get("format") {
        Some(format) if format == FORMAT => {}
        found => problems
            .push(format!("format: expected {FORMAT}, found {}", found.map_or("none", String::as_str))),
    }
    let rule = &expected.rule;
    match about.get("optimizer") {
        Some(found) if found == rule => {}
        found => problems
            .push(format!("optimizer: expected {rule}, found {}", found.map_or("none", String::as_str))),
    }
    let steps_taken = about.get("steps_taken").and_then(|s| s.parse().ok()).unwrap_or_else(|| {
        problems.push("steps_taken: missing or not a number".to_owned());
        0
    });
    let seed: Option<u64> = about.get(SEED).and_then(|s| s.parse().ok());
    if expected.seed.is_some() && seed.is_none() {
        problems.push("seed: missing or not a number, and state is rounded at random".to_owned());
    }
    let mut known: Vec<String> = Vec::new();
    let mut tensors = Vec::new();
    for SavedTensor { name, memory, arrays, .. } in &expected.tensors {
        let mut find = |key: String, dtype: Dtype, shape: &[usize]| {
            let found = match file.tensor(&key) {
                Err(_) => {
                    problems.push(format!("missing: {key} ({dtype:?} {shape:?})"));
                    None
                }
                Ok(view) if view.dtype() != dtype || view.shape() != shape => {
                    problems.push(format!(
                        "different: {key}: expected {dtype:?} {shape:?}, found {:?} {:?}",
                        view.dtype(),
                        view.shape()
                    ));
                    None
                }
                Ok(view) => Some(view.data()),
            };
            known.push(key);
            found
        };
        let steps = find(format!("{name}/{STEPS}"), Dtype::U64, &[])
            .and_then(|data| data.try_into().ok())
            .map_or(0, u64::from_le_bytes);
        let memory = memory
            .iter()
            .filter_map(|(of, _)| find(format!("{name}/{of}"), Dtype::F64, &[])?.try_into().ok())
            .map(f64::from_le_bytes)
            .collect();
        let arrays = arrays
            .iter()
            .flat_map(|array| array.parts())
            .filter_map(|(key, part)| find(format!("{name}/{key}"), part.dtype, &part.shape))
            .collect();
        tensors.push(CheckedTensor { steps, memory, arrays });
    }
    let mut extra: Vec<&str> = file.names().into_iter().filter(|n| !known.iter().any(|k| k == n)).collect();
    extra.sort_unstable();
    problems.extend(extra.iter().map(|name| format!("extra: {name}")));
    if problems.is_empty() {
        Ok(Checked { steps_taken, seed, tensors })
    } else {
        Err(Error::StateMismatch { problems })
    }
}

/// Copies checked bytes into the arrays.
pub(crate) fn fill<'a>(arrays: impl Iterator<Item = &'a mut StateArray>, data: &[&[u8]]) {
    let mut data = data.iter().copied();
    for array in arrays {
        array.fill(&mut data);
    }
}

/// Writes beside the target and renames, so that a crash leaves the old file or the new one.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.with_added_extension("part");
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        // the bytes before the name: renaming does not wait for them
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write().map_err(|e| {
        // half a file helps nobody; the error to report is the first one
        let _ = std::fs::remove_file(&beside);
        Error::File { path: path.display().to_string(), reason: e.to_string() }
    })
}
