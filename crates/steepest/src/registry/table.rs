//! The table, how a row is found, and what is made of a row.

use super::entry::{Entry, Traits};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::minimize::{Lbfgs, LearningRate, Minimize};
use crate::names;
use crate::optimizer::Optimizer;
use crate::param::Param;
use crate::settings::{Settings, Values};
use crate::stop::Stop;

/// Every optimizer.
pub static OPTIMIZERS: &[Entry] = crate::rules::TABLE;

/// L-BFGS, which evaluates the loss itself, several times in a step: for [`Minimize`], and
/// not among [`OPTIMIZERS`], whose step has one gradient. It makes no rule.
pub static LBFGS: Entry = Entry {
    name: Lbfgs::OWNER,
    type_name: "Lbfgs",
    page: Lbfgs::PAGE,
    default_lr: 1.0,
    // both loops of the recursion read two vectors for each of 100 remembered steps
    traffic: 1600,
    traits: Traits { needs_function: true, learning_rate_free: true, ..Traits::TENSOR },
    torch: None,
    dialects: Lbfgs::DIALECTS,
    parameters: Lbfgs::parameters,
    make: |_| {
        Err(Error::Conflict {
            owner: Lbfgs::OWNER,
            conflict: "it evaluates the loss several times in a step, and a training step has one gradient"
                .into(),
            remedy: "use it with `minimize`, or another optimizer".into(),
        })
    },
};

/// What `minimize` can use: an optimizer, or [`LBFGS`].
///
/// # Errors
/// [`Error::UnknownName`], with the nearest name.
pub fn find_method(name: &str) -> Result<&'static Entry> {
    names::find("optimizer", OPTIMIZERS.iter().chain([&LBFGS]), name)
}

/// The optimizer called `name`.
///
/// # Errors
/// [`Error::UnknownName`], with the nearest name.
///
/// ```
/// let error = steepest::registry::find("adamv").unwrap_err();
/// assert!(error.to_string().starts_with("no optimizer is called `adamv`; did you mean `adam"));
/// ```
pub fn find(name: &str) -> Result<&'static Entry> {
    names::find("optimizer", OPTIMIZERS, name)
}

impl Entry {
    /// Bytes of state for each element of a large f32 matrix, with default settings.
    ///
    /// # Errors
    /// None: the defaults are valid.
    pub fn state_bytes(&self) -> Result<f64> {
        let matrix = Param::new("matrix", [256, 256], DType::F32);
        let len = matrix.len() as f64;
        let optimizer = Optimizer::builder(self.make(&Values::new())).build([matrix])?;
        Ok((optimizer.state_bytes() as f64 / len * 100.0).round() / 100.0)
    }

    /// A minimization with these settings, whatever the method's kind.
    ///
    /// # Errors
    /// As [`Entry::make`].
    pub fn minimize<T: Float>(
        &self,
        settings: &Values,
        rate: impl Into<LearningRate>,
        stop: impl Into<Stop>,
    ) -> Result<Minimize<T>> {
        if self.traits.needs_function {
            return Ok(Minimize::new(Lbfgs::from_values(settings)?, rate, stop));
        }
        Ok(Minimize::new(self.make(settings)?, rate, stop))
    }
}
