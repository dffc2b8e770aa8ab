//! Checkpoints: all that a run needs to go on, in one file that is there whole or not at all.
//!
//! `checkpoints/000001234.safetensors` is a run after 1234 steps. Its header has the text `checkpoint`: the version, what is
//! no tensor, and a checksum of each tensor; and `sha256`, the checksum of that text. Its tensors are `weights/NAME`, `best/NAME` (those of the best epoch) and
//! `optimizer`, the bytes of a state file.

use crate::error::{Error, Result};
use crate::state::{RunState, Snapshot};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
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
    /// SHA-256 of each tensor's bytes, hexadecimal, in the order of the tensors.
    checksums: Vec<(String, String)>,
}

/// What has to be the same for a run to go on with the same bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// A hash of all encoded rows and their targets.
    data: String,
    /// The instructions that the engine's loops are compiled for: they decide in which order sums are made.
    pub instructions: String,
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
        Self { data: hex(hash), instructions: format!("{:?}", steepest::InstructionSet::best()) }
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

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn checksum(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

/// Writes a checkpoint, and removes all but the newest `keep`.
pub(crate) fn write(run: &Path, snapshot: &Snapshot, identity: &Identity, keep: u64) -> Result<()> {
    let folder = run.join(FOLDER);
    fs::create_dir_all(&folder).map_err(|error| Error::file(&folder, error))?;
    let path = folder.join(format!("{:09}.safetensors", snapshot.state.counters.step));
    let bytes = to_bytes(snapshot, identity).map_err(|reason| Error::file(&path, reason))?;
    steepest::write_atomically(&path, &bytes)?;
    // only now that the new one is there
    for old in paths(run).into_iter().rev().skip(keep.max(1) as usize) {
        let _ = fs::remove_file(old);
    }
    Ok(())
}

fn to_bytes(snapshot: &Snapshot, identity: &Identity) -> std::result::Result<Vec<u8>, String> {
    let named =
        |prefix: &'static str, tensors: &[NamedTensor]| -> Vec<(String, Dtype, Vec<usize>, Vec<u8>)> {
            let tensor = |(name, shape, values): &NamedTensor| {
                (format!("{prefix}/{name}"), Dtype::F32, shape.clone(), bytes_of(values))
            };
            tensors.iter().map(tensor).collect()
        };
    let mut tensors = named("weights", &snapshot.weights);
    tensors.extend(named("best", snapshot.best_weights.as_deref().unwrap_or_default()));
    let optimizer = snapshot.optimizer.clone();
    tensors.push(("optimizer".to_owned(), Dtype::U8, vec![optimizer.len()], optimizer));
    let header = Header {
        format: FORMAT,
        state: snapshot.state.clone(),
        identity: identity.clone(),
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
fn paths(run: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(run.join(FOLDER)).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "safetensors")).collect();
    paths.sort();
    paths
}

/// The newest checkpoint of a run that is whole, what was wrong with newer ones, and what it belongs to; `None` where the
/// run has none.
pub(crate) fn latest(run: &Path) -> Result<Option<(Snapshot, Identity, Vec<String>)>> {
    let mut damaged = Vec::new();
    let all = paths(run);
    for path in all.iter().rev() {
        match read(path) {
            Ok((snapshot, identity)) => return Ok(Some((snapshot, identity, damaged))),
            Err(reason) => damaged.push(format!("{} is damaged: {reason}", path.display())),
        }
    }
    match damaged.first() {
        None => Ok(None),
        Some(first) => Err(Error::NotARun { path: run.to_owned(), reason: first.clone() }),
    }
}

fn read(path: &Path) -> std::result::Result<(Snapshot, Identity), String> {
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
        best_weights: Some(best).filter(|best| !best.is_empty()),
        optimizer: optimizer.ok_or("it has no optimizer")?,
    };
    Ok((snapshot, header.identity))
}
