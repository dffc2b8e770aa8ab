//! State files: safetensors, with what belongs to each tensor under `<parameter>/<name>`.
//!
//! | under | type | what |
//! | --- | --- | --- |
//! | `<parameter>/<array>` | the array's own | a state array; in 8 bits codes, in the order of the elements |
//! | `<parameter>/<array>.scales` | u8 | the scales of its groups of 128, for 8 bits |
//! | `<parameter>/<number>` | f64 | a number that the rule keeps for the tensor as a whole |
//! | `<parameter>/steps` | u64 | the steps that the tensor has taken |
//! | `<parameter>/health`, `/health.counts` | f64 × 5, u64 × 4 | the history of its gradients |
//!
//! The header has one entry, `steepest`: a [`Header`] as JSON. Keys are sorted, so the same state gives the same bytes. Version 1,
//! which had neither that entry nor the history, is still read.

use crate::error::{Error, Result};
use crate::health::TensorHealth;
use crate::kernel::quantized::Order;
use crate::optimizer::array::{Keep, StateArray, Storage};
use crate::settings::Values;
use safetensors::tensor::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The version that is written.
const VERSION: u32 = 2;
/// The header's entry.
const ENTRY: &str = "steepest";
/// What version 1 said of itself.
const VERSION_1: &str = "steepest-state-1";
const STEPS: &str = "steps";
const HEALTH: &str = "health";
const COUNTS: &str = "health.counts";

/// What the header says of an optimizer.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    /// The version of the format.
    format: u32,
    /// The rule that the optimizer was made with.
    optimizer: String,
    steps_taken: u64,
    /// What random rounding is keyed by, where there is any.
    seed: Option<u64>,
    tensors: BTreeMap<String, TensorHeader>,
}

/// What the header says of a tensor.
#[derive(Debug, Serialize, Deserialize)]
struct TensorHeader {
    rule: String,
    /// The rule's settings when the file was written.
    settings: Values,
    dtype: String,
    shape: Vec<usize>,
    /// Which elements of a whole tensor it is, where it is only a part: from the first up to one that is no longer in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    range: Option<[u64; 2]>,
}

/// What a file holds of an optimizer.
pub(crate) struct Saved<'a> {
    pub optimizer: &'a str,
    pub steps_taken: u64,
    /// What random rounding is keyed by, where there is any.
    pub seed: Option<u64>,
    pub tensors: Vec<SavedTensor<'a>>,
}

/// What a file holds of a tensor.
pub(crate) struct SavedTensor<'a> {
    pub name: &'a str,
    pub rule: &'a str,
    pub settings: &'a Values,
    pub dtype: String,
    pub shape: &'a [usize],
    pub steps: u64,
    pub health: TensorHealth,
    /// The rule's numbers for the tensor as a whole.
    pub memory: Vec<(&'static str, f64)>,
    pub arrays: Vec<&'a StateArray>,
}

/// Numbers in a file.
struct StoredArray<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Cow<'a, [u8]>,
}

impl safetensors::View for &StoredArray<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// The type that an array has in a file.
fn dtype_of(array: &StateArray) -> Dtype {
    match array.storage {
        Storage::F64 => Dtype::F64,
        Storage::F32 => Dtype::F32,
        Storage::Bf16 => Dtype::BF16,
        Storage::Bits8(_) => Dtype::U8,
        Storage::Correction => Dtype::I8,
    }
}

fn scales_key(array: &StateArray) -> String {
    format!("{}.scales", array.spec.name)
}

fn words<const N: usize>(words: impl IntoIterator<Item = [u8; N]>) -> Cow<'static, [u8]> {
    words.into_iter().flatten().collect::<Vec<u8>>().into()
}

/// The file.
pub(crate) fn write(saved: &Saved<'_>) -> Result<Vec<u8>> {
    let mut entries = Vec::new();
    for tensor in &saved.tensors {
        let mut add = |key: &str, dtype, shape: &[usize], bytes| {
            entries.push((
                format!("{}/{key}", tensor.name),
                StoredArray { dtype, shape: shape.to_vec(), bytes },
            ));
        };
        add(STEPS, Dtype::U64, &[], words([tensor.steps.to_le_bytes()]));
        let (numbers, counts) = tensor.health.to_numbers();
        add(HEALTH, Dtype::F64, &[numbers.len()], words(numbers.map(f64::to_le_bytes)));
        add(COUNTS, Dtype::U64, &[counts.len()], words(counts.map(u64::to_le_bytes)));
        for (name, value) in &tensor.memory {
            add(name, Dtype::F64, &[], words([value.to_le_bytes()]));
        }
        for array in &tensor.arrays {
            add(array.spec.name, dtype_of(array), &array.spec.shape, array.bytes());
            if let Some(scales) = array.scales() {
                add(&scales_key(array), Dtype::U8, &[scales.len()], scales.into());
            }
        }
    }
    let header = Header {
        format: VERSION,
        optimizer: saved.optimizer.to_owned(),
        steps_taken: saved.steps_taken,
        seed: saved.seed,
        tensors: saved.tensors.iter().map(|tensor| (tensor.name.to_owned(), header_of(tensor))).collect(),
    };
    let refuse = |reason: String| Error::File { path: "optimizer state".into(), reason };
    let header = serde_json::to_string(&header).map_err(|e| refuse(e.to_string()))?;
    // one entry only: several would be written in the order of a hash map
    let about = HashMap::from([(ENTRY.to_owned(), header)]);
    safetensors::serialize(entries.iter().map(|(name, entry)| (name, entry)), Some(about))
        .map_err(|e| refuse(e.to_string()))
}

fn header_of(tensor: &SavedTensor<'_>) -> TensorHeader {
    TensorHeader {
        rule: tensor.rule.to_owned(),
        settings: tensor.settings.clone(),
        dtype: tensor.dtype.clone(),
        shape: tensor.shape.to_vec(),
        range: None,
    }
}

/// What a file says, checked against an optimizer but not yet loaded into it.
pub(crate) struct Checked<'a> {
    pub steps_taken: u64,
    pub seed: Option<u64>,
    pub tensors: Vec<CheckedTensor<'a>>,
}

/// What it says of a tensor.
pub(crate) struct CheckedTensor<'a> {
    pub steps: u64,
    /// Not in files of version 1.
    pub health: Option<TensorHealth>,
    pub memory: Vec<f64>,
    pub arrays: Vec<Found<'a>>,
}

/// What a file has of an array.
pub(crate) enum Found<'a> {
    /// Its bytes and its scales, in the format that it is kept in.
    Same(&'a [u8], Option<&'a [u8]>),
    /// Its values, from another format.
    Values(Vec<f64>),
}

/// What a file says of each tensor of an optimizer, or why it cannot go on with it.
pub(crate) struct Parts<'a> {
    pub steps_taken: u64,
    pub seed: Option<u64>,
    pub tensors: Vec<Result<CheckedTensor<'a>, Vec<String>>>,
    /// The tensors of the file that the optimizer does not have.
    pub unused: Vec<String>,
}

/// Looks for each tensor of an optimizer in a file: by its name, in any state format, with `any_rule` of another rule with the same
/// arrays and numbers.
pub(crate) fn read_parts<'a>(bytes: &'a [u8], expected: &Saved<'_>, any_rule: bool) -> Result<Parts<'a>> {
    let (mut reader, header) = Reader::open(bytes)?;
    if !reader.problems.is_empty() {
        return Err(Error::StateMismatch { problems: reader.problems });
    }
    reader.in_parts = Some(any_rule);
    let tensors = (expected.tensors.iter())
        .map(|tensor| {
            let found = reader.tensor(tensor, &header, header.format > 1);
            let problems = std::mem::take(&mut reader.problems);
            if problems.is_empty() { Ok(found) } else { Err(problems) }
        })
        .collect();
    let known: HashSet<&str> = expected.tensors.iter().map(|tensor| tensor.name).collect();
    let mut unused: Vec<String> = (reader.file.names().into_iter())
        .filter_map(|key| key.strip_suffix(&format!("/{STEPS}")))
        .filter(|name| !known.contains(name))
        .map(str::to_owned)
        .collect();
    unused.sort_unstable();
    Ok(Parts { steps_taken: header.steps_taken, seed: header.seed, tensors, unused })
}

/// Compares a file with what the optimizer expects; on any difference, an error with all differences.
pub(crate) fn read<'a>(bytes: &'a [u8], expected: &Saved<'_>) -> Result<Checked<'a>> {
    let (mut reader, header) = Reader::open(bytes)?;
    let with_history = header.format > 1;
    if header.optimizer != expected.optimizer {
        let (expected, found) = (expected.optimizer, &header.optimizer);
        reader.problems.push(format!("optimizer: expected {expected}, found {found}"));
    }
    if expected.seed.is_some() && header.seed.is_none() {
        reader.problems.push("seed: missing or not a number, and state is rounded at random".to_owned());
    }
    let tensors =
        expected.tensors.iter().map(|tensor| reader.tensor(tensor, &header, with_history)).collect();
    reader.extra();
    if reader.problems.is_empty() {
        Ok(Checked { steps_taken: header.steps_taken, seed: header.seed, tensors })
    } else {
        Err(Error::StateMismatch { problems: reader.problems })
    }
}

/// A file that is being read.
struct Reader<'a> {
    file: SafeTensors<'a>,
    /// What was looked for.
    known: HashSet<String>,
    /// Whether there is a header that says of each tensor what it is.
    stated: bool,
    /// Whether a part of the file is enough, in whatever format; and whether the rule may be another.
    in_parts: Option<bool>,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    fn open(bytes: &'a [u8]) -> Result<(Self, Header)> {
        let one = |problem: String| Error::StateMismatch { problems: vec![problem] };
        let (_, metadata) = SafeTensors::read_metadata(bytes)
            .map_err(|e| one(format!("not a safetensors file, or cut off: {e}")))?;
        let file = SafeTensors::deserialize(bytes).map_err(|e| one(e.to_string()))?;
        let about = metadata.metadata().clone().unwrap_or_default();
        let (known, problems) = (HashSet::new(), Vec::new());
        let mut reader = Self { file, known, stated: false, in_parts: None, problems };
        let header = reader.header(&about);
        Ok((reader, header))
    }

    fn header(&mut self, about: &HashMap<String, String>) -> Header {
        let mut header = Header {
            format: VERSION,
            optimizer: "none".to_owned(),
            steps_taken: 0,
            seed: None,
            tensors: BTreeMap::new(),
        };
        if let Some(text) = about.get(ENTRY) {
            match serde_json::from_str::<Header>(text) {
                Ok(found) if found.format == VERSION => {
                    self.stated = true;
                    return found;
                }
                Ok(found) => {
                    self.problems.push(format!("format: expected {VERSION} or 1, found {}", found.format));
                }
                Err(error) => self.problems.push(format!("header: {error}")),
            }
            return header;
        }
        match about.get("format").map(String::as_str) {
            Some(VERSION_1) => header.format = 1,
            found => {
                let found = found.unwrap_or("none");
                self.problems
                    .push(format!("format: expected {VERSION_1} or a header `{ENTRY}`, found {found}"));
            }
        }
        let number = |key: &str| about.get(key).and_then(|text| text.parse().ok());
        header.optimizer = about.get("optimizer").cloned().unwrap_or(header.optimizer);
        header.seed = number("seed");
        header.steps_taken = number("steps_taken").unwrap_or_else(|| {
            self.problems.push("steps_taken: missing or not a number".to_owned());
            0
        });
        header
    }

    fn tensor(
        &mut self,
        expected: &SavedTensor<'_>,
        header: &Header,
        with_history: bool,
    ) -> CheckedTensor<'a> {
        let name = expected.name;
        if let Some(found) = header.tensors.get(name) {
            if found.rule != expected.rule && self.in_parts != Some(true) {
                let (expected, found) = (expected.rule, &found.rule);
                self.problems.push(format!("rule of {name}: expected {expected}, found {found}"));
            }
            if found.dtype != expected.dtype && self.in_parts.is_none() {
                let (expected, found) = (&expected.dtype, &found.dtype);
                self.problems.push(format!("type of {name}: expected {expected}, found {found}"));
            }
            if found.shape != expected.shape {
                let (expected, found) = (expected.shape, &found.shape);
                self.problems.push(format!("shape of {name}: expected {expected:?}, found {found:?}"));
            }
            if let Some([from, to]) = found.range {
                self.problems
                    .push(format!("{name}: expected a whole tensor, found its elements {from} to {to}"));
            }
        } else if self.stated {
            self.problems.push(format!("rule of {name}: expected {}, found nothing of it", expected.rule));
        }
        let steps = self.words(name, STEPS, Dtype::U64, &[]).map_or(0, |[steps]| u64::from_le_bytes(steps));
        let health = if with_history {
            let numbers = self.words(name, HEALTH, Dtype::F64, &[TensorHealth::NUMBERS]);
            let counts = self.words(name, COUNTS, Dtype::U64, &[TensorHealth::COUNTS]);
            numbers.zip(counts).map(|(numbers, counts)| {
                TensorHealth::from_numbers(numbers.map(f64::from_le_bytes), counts.map(u64::from_le_bytes))
            })
        } else {
            None
        };
        let memory = (expected.memory.iter())
            .filter_map(|(number, _)| self.words(name, number, Dtype::F64, &[]))
            .map(|[x]| f64::from_le_bytes(x))
            .collect();
        let arrays = (expected.arrays.iter())
            .filter_map(|array| {
                let key = format!("{name}/{}", array.spec.name);
                if let Some(values) = self.in_another_format(&key, array) {
                    return Some(Found::Values(values));
                }
                let values = self.find(key, dtype_of(array), &array.spec.shape);
                let scales = array.scales().map(|scales| {
                    self.find(format!("{name}/{}", scales_key(array)), Dtype::U8, &[scales.len()])
                });
                Some(Found::Same(values?, scales.flatten()))
            })
            .collect();
        CheckedTensor { steps, health, memory, arrays }
    }

    /// The numbers of 8 bytes under `key`, if they are there and of this type and shape.
    fn words<const N: usize>(
        &mut self,
        tensor: &str,
        key: &str,
        dtype: Dtype,
        shape: &[usize],
    ) -> Option<[[u8; 8]; N]> {
        let bytes = self.find(format!("{tensor}/{key}"), dtype, shape)?;
        bytes.as_chunks::<8>().0.try_into().ok()
    }

    /// The bytes under `key`, if they are there and of this type and shape.
    fn find(&mut self, key: String, dtype: Dtype, shape: &[usize]) -> Option<&'a [u8]> {
        let found = match self.file.tensor(&key) {
            Err(_) => {
                self.problems.push(format!("missing: {key} ({dtype:?} {shape:?})"));
                None
            }
            Ok(view) if view.dtype() != dtype || view.shape() != shape => {
                self.problems.push(format!(
                    "different: {key}: expected {dtype:?} {shape:?}, found {:?} {:?}",
                    view.dtype(),
                    view.shape()
                ));
                None
            }
            Ok(view) => Some(view.data()),
        };
        self.known.insert(key);
        found
    }

    /// The values of an array under `key` that is kept in another format, where that is asked for.
    fn in_another_format(&self, key: &str, array: &StateArray) -> Option<Vec<f64>> {
        self.in_parts?;
        let view = self.file.tensor(key).ok()?;
        let correction = matches!(array.storage, Storage::Correction);
        if view.dtype() == dtype_of(array) || view.shape() != array.spec.shape || correction {
            return None;
        }
        let data = view.data();
        Some(match view.dtype() {
            Dtype::F64 => data.as_chunks().0.iter().map(|x| f64::from_le_bytes(*x)).collect(),
            Dtype::F32 => data.as_chunks().0.iter().map(|x| f64::from(f32::from_le_bytes(*x))).collect(),
            Dtype::BF16 => {
                data.as_chunks().0.iter().map(|x| half::bf16::from_le_bytes(*x).to_f64()).collect()
            }
            Dtype::U8 => {
                let codes = Storage::Bits8(Order::Apart);
                let mut kept = StateArray::stored(array.spec.clone(), array.kind, codes, Keep::Own(0));
                let scales = self.file.tensor(&format!("{key}.scales")).ok()?;
                if scales.dtype() != Dtype::U8 || Some(scales.data().len()) != kept.scales().map(<[u8]>::len)
                {
                    return None;
                }
                kept.fill(data, Some(scales.data()));
                kept.to_f64()
            }
            _ => return None,
        })
    }

    /// What is in the file and was not looked for.
    fn extra(&mut self) {
        let mut extra: Vec<&str> =
            self.file.names().into_iter().filter(|name| !self.known.contains(*name)).collect();
        extra.sort_unstable();
        self.problems.extend(extra.iter().map(|name| format!("extra: {name}")));
    }
}
