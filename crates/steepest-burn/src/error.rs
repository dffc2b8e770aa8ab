use burn::tensor::DType;

/// The error of every function of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The optimizer refused its settings, or a step.
    #[error(transparent)]
    Optimizer(#[from] steepest::Error),
    /// A module without a parameter that requires a gradient.
    #[error(
        "none of the module's {count} float tensors requires a gradient; make the module on \
         `device.autodiff()`, or call `module.train()` and unfreeze what shall learn"
    )]
    NothingToTrain {
        /// Float tensors of the module.
        count: usize,
    },
    /// A trainable parameter of an element type that no optimizer knows.
    #[error(
        "parameter `{name}` is {found:?}, expected f64, f32, bf16 or f16; cast it, or freeze it \
         before the optimizer is made"
    )]
    UnknownDType {
        /// The parameter.
        name: String,
        /// Its element type.
        found: DType,
    },
    /// One parameter at two places of the module.
    #[error(
        "`{first}` and `{second}` are the same parameter, which burn would tear apart in the \
         first step; keep it in one field and use that field twice in `forward`"
    )]
    Tied {
        /// Where it was found first.
        first: String,
        /// Where it was found again.
        second: String,
    },
    /// A step with another module than the optimizer was made for.
    #[error(
        "the module is not the one that the optimizer was made for:\n  {}\nnothing was changed; \
         make a new optimizer for this module", .problems.join("\n  ")
    )]
    ModuleChanged {
        /// One line for each difference.
        problems: Vec<String>,
    },
    /// Weights that do not fit a module.
    #[error(
        "the weights do not fit the module:\n  {}\nnothing was loaded; build the module with the \
         settings it was saved with", .problems.join("\n  ")
    )]
    WeightsMismatch {
        /// One line for each tensor that is missing, unknown, or of another shape or type.
        problems: Vec<String>,
    },
    /// A weight file that cannot be read or written.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What the system or the format's library says.
        reason: String,
    },
    /// Bytes that are no weights.
    #[error("these are no weights: {reason}; give the bytes of a safetensors file")]
    Bytes {
        /// What the format's library says.
        reason: String,
    },
}

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
