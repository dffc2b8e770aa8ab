//! The library's errors as Python's exceptions.

use pyo3::PyErr;
use pyo3::exceptions::{PyArithmeticError, PyOSError, PyTypeError, PyValueError};
use steepest::Error;

/// What is not finite is an `ArithmeticError`, a wrong type a `TypeError`, a file's error an `OSError`, all else a `ValueError`.
pub(crate) fn exception(error: Error) -> PyErr {
    let text = error.to_string();
    match error {
        _ if error.is_not_finite() => PyArithmeticError::new_err(text),
        Error::NonFiniteObjective { .. } => PyArithmeticError::new_err(text),
        Error::WrongType { .. } | Error::WrongDType { .. } => PyTypeError::new_err(text),
        Error::File { .. } => PyOSError::new_err(text),
        _ => PyValueError::new_err(text),
    }
}
