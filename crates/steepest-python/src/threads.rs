//! How many threads steps run on.

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

/// Sets how many threads large steps run on, once, before the first step; the bits do not depend on it. Default: one for each core, or what
/// the environment variable RAYON_NUM_THREADS says.
#[pyfunction]
pub(crate) fn set_num_threads(threads: usize) -> PyResult<()> {
    if threads == 0 {
        return Err(PyValueError::new_err("the number of threads is 0, expected at least 1"));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build_global().map_err(|error| {
        PyRuntimeError::new_err(format!(
            "the number of threads is {} already ({error}); set it once, before the first step",
            rayon::current_num_threads()
        ))
    })
}

/// How many threads large steps run on.
#[pyfunction]
pub(crate) fn get_num_threads() -> usize {
    rayon::current_num_threads()
}
