//! Whose formula an optimizer follows.

use std::fmt;

crate::word_setting! {
    /// Whose formula and defaults an optimizer follows, where implementations differ.
    #[non_exhaustive]
    pub enum Dialect {
        /// PyTorch's.
        #[default]
        Torch = "torch",
        /// optax's.
        Optax = "optax",
        /// Keras's.
        Keras = "keras",
        /// The paper's, or its authors' own code.
        Paper = "paper",
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
