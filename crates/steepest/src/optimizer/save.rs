//! Saving an optimizer's state, and loading it.

use crate::error::{Error, Result};
use crate::file::write_atomically;
use crate::optimizer::Optimizer;
use crate::optimizer::state_file::{self, Saved, SavedTensor};
use crate::step::is_loud_state;
use std::path::Path;

impl Optimizer {
    /// The state as a safetensors file: `<parameter>/<array>` in the array's own type, `<parameter>/steps`, the rule's numbers and
    /// the history of the gradients' health; and in the header the rule and the settings of every tensor. The same state gives
    /// the same bytes.
    ///
    /// # Errors
    /// Only what the format refuses.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        state_file::write(&self.saved())
    }

    /// Restores what [`Optimizer::to_bytes`] gave: the next step gives the same bits as if there had been no interruption.
    /// Settings stay those that this optimizer was made with.
    ///
    /// # Errors
    /// [`Error::StateMismatch`] with everything that is missing, extra or of another shape, type or rule; nothing is loaded then.
    pub fn from_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let checked = state_file::read(bytes, &self.saved())?;
        self.setup.formats.seed = checked.seed.unwrap_or(self.setup.formats.seed);
        for ((tensor, found), param) in self.tensors.iter_mut().zip(&checked.tensors).zip(&self.setup.params)
        {
            tensor.steps = found.steps;
            tensor.health = found.health.unwrap_or(tensor.health);
            tensor.memory.copy_from_slice(&found.memory);
            for (array, (bytes, scales)) in tensor.all_arrays_mut().zip(&found.arrays) {
                array.fill(bytes, *scales);
            }
            tensor.loud = is_loud_state(param.dtype, tensor);
        }
        self.steps_taken = checked.steps_taken;
        Ok(())
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
