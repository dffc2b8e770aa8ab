//! What steps say of themselves, for Python.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use steepest::{Optimizer, StepReport};

/// What a step said: steps taken, the norm of all gradients, the factor of clipping, why the step was skipped.
pub(crate) fn said<'py>(
    py: Python<'py>,
    optimizer: &Optimizer,
    report: &StepReport,
) -> PyResult<Bound<'py, PyDict>> {
    let skipped = report.skipped.as_ref().map(|at| {
        let name = &optimizer.params()[at.tensor].name;
        format!("{} of `{name}` is {} at index {}", at.what, at.value, at.index)
    });
    let row = PyDict::new(py);
    row.set_item("steps", report.step)?;
    row.set_item("gradient_norm", report.gradient_norm)?;
    row.set_item("clip_factor", report.clip_factor)?;
    row.set_item("skipped", skipped)?;
    Ok(row)
}

/// What is known of each parameter's gradients: a dictionary for each.
pub(crate) fn health<'py>(py: Python<'py>, optimizer: &Optimizer) -> PyResult<Bound<'py, PyList>> {
    let rows = optimizer.params().iter().zip(optimizer.health()).map(|(param, health)| {
        let row = PyDict::new(py);
        row.set_item("name", &param.name)?;
        row.set_item("norm", health.norm)?;
        row.set_item("usual_norm", health.usual_norm())?;
        row.set_item("zeros", health.zeros)?;
        row.set_item("update_ratio", health.update_ratio)?;
        row.set_item("verdict", health.verdict.to_string())?;
        row.set_item("seen", health.seen)?;
        row.set_item("exploded", health.exploded)?;
        row.set_item("vanished", health.vanished)?;
        Ok(row)
    });
    PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)
}
