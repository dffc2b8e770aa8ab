//! Saving an optimizer's state, and loading it.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::file::write_atomically;
use crate::optimizer::Optimizer;
use crate::optimizer::state_file::{self, CheckedTensor, Found, Saved, SavedTensor};
use crate::optimizer::tensor::TensorState;
use crate::random::{Purpose, Stream};
use crate::step::is_loud_state;
use std::fmt;
use std::path::Path;

/// Whose state [`Optimizer::load_part`] takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FromRule {
    /// Of the same rule alone.
    #[default]
    Same,
    /// Of any rule that keeps arrays and numbers of the same names, as Adam and AdamW do. What they mean is for the caller to
    /// know: Yogi's averages have these names, too.
    SameState,
}

/// What [`Optimizer::load_part`] took, and what not. `Display` says it in lines.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct LoadedPart {
    /// The parameters whose state was taken.
    pub loaded: Vec<String>,
    /// Those whose state was not, and why.
    pub left_out: Vec<(String, Vec<String>)>,
    /// The parameters of the file that this optimizer does not have.
    pub unused: Vec<String>,
}

impl fmt::Display for LoadedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "loaded: {}", words(&self.loaded))?;
        for (name, problems) in &self.left_out {
            write!(f, "\nnot loaded: {name} ({})", problems.join("; "))?;
        }
        if self.unused.is_empty() { Ok(()) } else { write!(f, "\nunused: {}", words(&self.unused)) }
    }
}

fn words(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// A tensor becomes what a file has of it; where that is of version 1, the history of its gradients begins anew.
fn take(tensor: &mut TensorState, dtype: DType, found: &CheckedTensor<'_>, seed: u64) {
    tensor.steps = found.steps;
    tensor.health = found.health.unwrap_or_default();
    tensor.memory.copy_from_slice(&found.memory);
    let dither = Stream::new(seed, tensor.key, found.steps, Purpose::State).lanes_from(0);
    for (k, (array, found)) in tensor.all_arrays_mut().zip(&found.arrays).enumerate() {
        match found {
            Found::Same(bytes, scales) => array.fill(bytes, *scales),
            Found::Values(values) => array.become_values(values, dither.again(k as u32)),
        }
    }
    tensor.loud = is_loud_state(dtype, tensor);
}

impl Optimizer {
    /// The state as a safetensors file: `<parameter>/<array>` in the array's own type, `<parameter>/steps`, the rule's numbers and
    /// the history of the gradients' health; and in the header the rule and the settings of every tensor. The same state gives
    /// the same bytes.
    ///
    /// # Errors
    /// Only what the format refuses; and an optimizer whose state arrays are lent to it.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.check_owned()?;
        state_file::write(&self.saved())
    }

    /// Restores what [`Optimizer::to_bytes`] gave: the next step gives the same bits as if there had been no interruption.
    /// Settings stay those that this optimizer was made with.
    ///
    /// # Errors
    /// [`Error::StateMismatch`] with everything that is missing, extra or of another shape, type or rule; nothing is loaded then.
    pub fn from_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.check_owned()?;
        let checked = state_file::read(bytes, &self.saved())?;
        self.setup.formats.seed = checked.seed.unwrap_or(self.setup.formats.seed);
        for ((tensor, found), param) in self.tensors.iter_mut().zip(&checked.tensors).zip(&self.setup.params)
        {
            take(tensor, param.dtype, found, self.setup.formats.seed);
        }
        self.skips = 0;
        self.steps_taken = checked.steps_taken;
        Ok(())
    }

    /// Takes from [`Optimizer::to_bytes`] of another optimizer what fits, and says what was taken and what was not: for a model that
    /// has got more parameters or lost some, for another state format, or for a rule that keeps the same as the one before.
    ///
    /// A tensor is taken whole or not at all: its arrays under the same names and in the same shapes, in whatever
    /// format, and its rule's numbers. All others stay as they are: at their beginning, if this optimizer is new. The
    /// number of steps taken is the file's, if anything is taken.
    ///
    /// ```
    /// use steepest::{Adam, AdamW, DType, FromRule, Optimizer, Param, Slot};
    /// let body = || Param::new("body", [2], DType::F32);
    /// let mut adam = Optimizer::builder(Adam::default()).build([body()])?;
    /// let mut theta = [1.0f32, 2.0];
    /// adam.step(0.1, &mut [Slot::new(&mut theta, &[1.0f32, 1.0])])?;
    /// // a head is added, and the decay is to be AdamW's
    /// let mut adamw = Optimizer::builder(AdamW::default())
    ///     .build([body(), Param::new("head", [3], DType::F32)])?;
    /// let part = adamw.load_part(&adam.to_bytes()?, FromRule::SameState)?;
    /// assert_eq!(part.loaded, ["body"]);
    /// println!("{part}"); // … and why not the rest
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::StateMismatch`] for what is no state file; nothing is loaded then.
    pub fn load_part(&mut self, bytes: &[u8], rules: FromRule) -> Result<LoadedPart> {
        self.check_owned()?;
        let parts = state_file::read_parts(bytes, &self.saved(), rules == FromRule::SameState)?;
        let mut report = LoadedPart { unused: parts.unused, ..LoadedPart::default() };
        if parts.tensors.iter().any(Result::is_ok) {
            self.setup.formats.seed = parts.seed.unwrap_or(self.setup.formats.seed);
            (self.steps_taken, self.skips) = (parts.steps_taken, 0);
        }
        let params = &self.setup.params;
        for ((tensor, param), found) in self.tensors.iter_mut().zip(params).zip(parts.tensors) {
            match found {
                Ok(found) => {
                    take(tensor, param.dtype, &found, self.setup.formats.seed);
                    report.loaded.push(param.name.clone());
                }
                Err(problems) => report.left_out.push((param.name.clone(), problems)),
            }
        }
        Ok(report)
    }

    /// Writes [`Optimizer::to_bytes`] to a file: beside it first, then renamed, so that a crash
    /// leaves the old file or the new one.
    ///
    /// # Errors
    /// What the file system says.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path, &self.to_bytes()?)
    }

    /// Restores what [`Optimizer::save`] wrote.
    ///
    /// # Errors
    /// As [`Optimizer::from_bytes`], or what the file system says.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = std::fs::read(path)
            .map_err(|e| Error::File { path: path.display().to_string(), reason: e.to_string() })?;
        self.from_bytes(&bytes)
    }

    fn saved(&self) -> Saved<'_> {
        let setup = &self.setup;
        let tensors = (setup.params.iter().zip(&self.tensors).enumerate()).map(|(i, (param, tensor))| {
            let rule = &setup.rules[tensor.rule];
            SavedTensor {
                name: &param.name,
                rule: rule.name,
                settings: &rule.settings,
                dtype: param.dtype.to_string(),
                shape: &param.shape,
                steps: tensor.steps,
                health: tensor.health,
                memory: self.memory_by_name(i).collect(),
                arrays: tensor.all_arrays().collect(),
            }
        });
        Saved {
            optimizer: self.name(),
            steps_taken: self.steps_taken,
            seed: setup.dithered.then_some(setup.formats.seed),
            tensors: tensors.collect(),
        }
    }
}
