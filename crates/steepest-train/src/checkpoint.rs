//! Checkpoints: all that a run needs to go on, in one file that is there whole or not at all.
//!
//! `checkpoints/000001234.safetensors` is a run after 1234 steps. Its header has the text `checkpoint`: the version, what is
//! no tensor, and a checksum of each tensor; and `sha256`, the checksum of that text. Its tensors are `weights/NAME`, `best/NAME` (those of the best epoch) and
//! `optimizer`, the bytes of a state file.

use crate::error::{Error, Result};
use crate::file_names::SETTINGS;
use crate::manifest::{checksum, hex};
use crate::parts::remove_parts;
use crate::settings::Settings;
use crate::state::{RunState, Snapshot};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use steepest::FileSystem;
use steepest_burn::NamedTensor;
use steepest_data::{Part, Prepared, Targets};

/// The version of the file.
const FORMAT: u32 = 1;
const FOLDER: &str = "checkpoints";
/// The text in the header.
const KEY: &str = "checkpoint";
/// Its checksum.
const SUM: &str = "sha256";

/// What stands in the header of a checkpoint.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: u32,
    state: RunState,
    identity: Identity,
    /// The settings as TOML; absent in files of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    settings: Option<String>,
    /// Of two classes, the rarer one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    positive: Option<String>,
    /// SHA-256 of each tensor's bytes, hexadecimal, in the order of the tensors.
    checksums: Vec<(String, String)>,
}

/// What a run is, besides where it has got to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Origin {
    pub identity: Identity,
    /// The settings, nothing left open; `None` in files of earlier versions.
    pub settings: Option<Settings>,
    /// Of two classes, the name of the rarer one.
    pub positive: Option<String>,
}

impl Origin {
    /// Refuses settings that are not those of the run.
    ///
    /// # Errors
    /// [`Error::OtherSettings`], with all that differ.
    pub fn check_settings(&self, run: &Path, found: &Settings) -> Result<()> {
        let Some(saved) = &self.settings else { return Ok(()) };
        let differ = saved.differences(found);
        match differ.is_empty() {
            true => Ok(()),
            false => Err(Error::OtherSettings { path: run.join(SETTINGS), differ }),
        }
    }
}

/// What has to be the same for a run to go on with the same bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// A hash of all encoded rows and their targets.
    data: String,
    /// The instructions that the engine's loops are compiled for: they decide in which order sums are made.
    instructions: String,
    /// Bytes of the caches: they decide into which blocks matrix products are cut, and so in which order they sum. Empty
    /// in files of earlier versions.
    #[serde(default)]
    caches: Vec<u64>,
}

impl Identity {
    pub fn of(data: &Prepared) -> Self {
        let mut hash = Sha256::new();
        for Part { features, targets, weights, places: _ } in [&data.train, &data.validation, &data.test] {
            hash.update((features.rows as u64).to_le_bytes());
            let mut add =
                |values: &[f32]| values.chunks(HASHED).for_each(|block| hash.update(bytes_of(block)));
            add(&features.data);
            add(weights.as_deref().unwrap_or_default());
            match targets {
                Targets::Values(values) => add(values),
                Targets::Classes(codes) => codes.iter().for_each(|code| hash.update(code.to_le_bytes())),
            }
        }
        Self { data: hex(hash), ..Self::here() }
    }

    /// The hash of the data.
    pub fn data_hash(&self) -> &str {
        &self.data
    }

    /// That of this machine, without data.
    pub fn here() -> Self {
        Self {
            data: String::new(),
            instructions: format!("{:?}", steepest::InstructionSet::best()),
            caches: gemm_common::cache::CACHE_INFO.iter().map(|cache| cache.cache_bytes as u64).collect(),
        }
    }

    /// How the processor here differs from that of a run in what decides about bits; `None` if in nothing.
    pub fn other_processor(&self, saved: &Self) -> Option<String> {
        let mut differ = Vec::new();
        if self.instructions != saved.instructions {
            differ.push(format!("{} there, {} here", saved.instructions, self.instructions));
        }
        if !saved.caches.is_empty() && self.caches != saved.caches {
            differ.push(format!("caches of {:?} bytes there, {:?} here", saved.caches, self.caches));
        }
        (!differ.is_empty()).then(|| differ.join("; "))
    }

    /// Refuses a run over other rows.
    pub fn check_data(&self, saved: &Self) -> Result<()> {
        match self.data == saved.data {
            true => Ok(()),
            false => Err(Error::OtherData),
        }
    }
}

/// Numbers that are hashed at a time.
const HASHED: usize = 1 << 14;

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// Writes a checkpoint, and removes all but the newest `keep`.
pub(crate) fn write(
    system: &dyn FileSystem,
    run: &Path,
    snapshot: &Snapshot,
    origin: &Origin,
    keep: u64,
) -> Result<()> {
    let folder = run.join(FOLDER);
    if fs::symlink_metadata(&folder).is_ok_and(|there| !there.is_dir()) {
        return Err(Error::file(&folder, "this is a link, or no folder"));
    }
    system.create_folder(&folder).map_err(|error| Error::file(&folder, error))?;
    let path = folder.join(format!("{:09}.safetensors", snapshot.state.counters.step));
    let bytes = to_bytes(snapshot, origin).map_err(|reason| Error::file(&path, reason))?;
    steepest::write_atomically_on(system, &path, &bytes)?;
    // only now that the new one is there
    for old in paths(run).into_iter().filter(|old| *old != path).rev().skip(keep.max(1) as usize - 1) {
        let _ = system.remove(&old);
    }
    remove_parts(system, &folder);
    Ok(())
}

fn to_bytes(snapshot: &Snapshot, origin: &Origin) -> std::result::Result<Vec<u8>, String> {
    let named = |prefix: &'static str, tensors: &[NamedTensor]| -> Vec<_> {
        let tensor = |(name, shape, values): &NamedTensor| {
            (format!("{prefix}/{name}"), Dtype::F32, shape.clone(), Cow::Owned(bytes_of(values)))
        };
        tensors.iter().map(tensor).collect()
    };
    let mut tensors = named("weights", &snapshot.weights);
    tensors.extend(named("best", snapshot.best_weights.as_deref().map_or(&[][..], Vec::as_slice)));
    let optimizer = Cow::Borrowed(snapshot.optimizer.as_slice());
    tensors.push(("optimizer".to_owned(), Dtype::U8, vec![optimizer.len()], optimizer));
    let header = Header {
        format: FORMAT,
        state: snapshot.state.clone(),
        identity: origin.identity.clone(),
        settings: origin.settings.as_ref().map(Settings::to_toml),
        positive: origin.positive.clone(),
        checksums: tensors.iter().map(|(name, _, _, bytes)| (name.clone(), checksum(bytes))).collect(),
    };
    let text = serde_json::to_string(&header).map_err(|error| error.to_string())?;
    let views: Vec<(&str, TensorView<'_>)> = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes).map_err(|error| error.to_string())?;
            Ok((name.as_str(), view))
        })
        .collect::<std::result::Result<_, String>>()?;
    let sum = checksum(text.as_bytes());
    let metadata = HashMap::from([(KEY.to_owned(), text), (SUM.to_owned(), sum)]);
    safetensors::serialize(views, Some(metadata)).map_err(|error| error.to_string())
}

/// The checkpoints of a run, oldest first.
pub(crate) fn paths(run: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(run.join(FOLDER)).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "safetensors")).collect();
    // by their steps: names of ten digits would come before those of nine
    let step = |path: &PathBuf| path.file_stem()?.to_str()?.parse::<u64>().ok();
    paths.sort_by_cached_key(|path| (step(path), path.clone()));
    paths
}

/// What was found in a run's folder of checkpoints.
#[derive(Debug)]
pub(crate) struct Found {
    /// The newest that is whole.
    pub snapshot: Snapshot,
    pub origin: Origin,
    /// What is wrong with newer ones, a sentence each.
    pub damaged: Vec<String>,
}

impl Found {
    /// The epochs that the run is to have, where its settings say another number than when this was saved: settings are
    /// written first when a run is made longer, and one that was cut between is that long.
    pub fn made_longer(&self, settings: &Settings) -> Option<u64> {
        let saved = self.origin.settings.as_ref()?.train.epochs;
        settings.train.epochs.filter(|_| settings.train.epochs != saved)
    }
}

/// The newest checkpoint of a run that is whole; `None` where the run has none.
pub(crate) fn latest(run: &Path) -> Result<Option<Found>> {
    let mut damaged = Vec::new();
    for path in paths(run).iter().rev() {
        match read(path) {
            Ok((snapshot, origin)) => return Ok(Some(Found { snapshot, origin, damaged })),
            Err(reason) => damaged.push(format!("{} is damaged: {reason}", path.display())),
        }
    }
    match damaged.into_iter().next() {
        None => Ok(None),
        Some(first) => Err(Error::NotARun { path: run.to_owned(), reason: first }),
    }
}

/// Reads a checkpoint; the reason, if it is damaged.
pub(crate) fn read(path: &Path) -> std::result::Result<(Snapshot, Origin), String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| error.to_string())?;
    let text_of = |key: &str| metadata.metadata().as_ref().and_then(|texts| texts.get(key));
    let text = text_of(KEY).ok_or("it is no checkpoint")?;
    if text_of(SUM) != Some(&checksum(text.as_bytes())) {
        return Err("its header is not what was written".to_owned());
    }
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let Version { format } = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if format != FORMAT {
        return Err(format!("it has format {format}, this program reads {FORMAT}"));
    }
    let header: Header = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| error.to_string())?;
    let (mut weights, mut best, mut optimizer) = (Vec::new(), Vec::new(), None);
    if file.len() != header.checksums.len() {
        return Err(format!("it has {} tensors of {}", file.len(), header.checksums.len()));
    }
    for (name, sum) in header.checksums {
        let tensor = file.tensor(&name).map_err(|error| error.to_string())?;
        if sum != checksum(tensor.data()) {
            return Err(format!("`{name}` is not what was written"));
        }
        let values = || -> Vec<f32> {
            let four = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            tensor.data().chunks_exact(4).map(four).collect()
        };
        match name.split_once('/') {
            Some(("weights", name)) => weights.push((name.to_owned(), tensor.shape().to_vec(), values())),
            Some(("best", name)) => best.push((name.to_owned(), tensor.shape().to_vec(), values())),
            None if name == "optimizer" => optimizer = Some(tensor.data().to_vec()),
            _ => return Err(format!("`{name}` is no part of a checkpoint")),
        }
    }
    let snapshot = Snapshot {
        state: header.state,
        weights,
        best_weights: Some(best).filter(|best| !best.is_empty()).map(Arc::new),
        optimizer: optimizer.ok_or("it has no optimizer")?,
    };
    let settings = header.settings.map(|text| Settings::of_run(&text, "its settings")).transpose();
    let settings = settings.map_err(|error| error.to_string())?;
    Ok((snapshot, Origin { identity: header.identity, settings, positive: header.positive }))
}
