//! steepest in Python: the compiled half of the package, `steepest._steepest`. The other half, in `python/steepest`, has the classes that
//! people use: `steepest.torch` over `stepper`, which works on tensors that torch keeps, and `steepest.numpy` over `arrays` and
//! `functions`. Which optimizers there are, with which arguments, says the registry (`arguments`).

mod arguments;
mod arrays;
mod error;
mod functions;
mod gather;
mod groups;
mod memory;
mod options;
mod overlap;
mod report;
mod stepper;
mod threads;
mod view;

use pyo3::prelude::*;

#[pymodule(gil_used = true)]
fn _steepest(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<stepper::Stepper>()?;
    module.add_class::<arrays::Arrays>()?;
    module.add_class::<functions::Schedule>()?;
    module.add_function(wrap_pyfunction!(arguments::registry, module)?)?;
    module.add_function(wrap_pyfunction!(functions::schedules, module)?)?;
    module.add_function(wrap_pyfunction!(functions::minimize, module)?)?;
    module.add_function(wrap_pyfunction!(functions::check_gradient, module)?)?;
    module.add_function(wrap_pyfunction!(threads::set_num_threads, module)?)?;
    module.add_function(wrap_pyfunction!(threads::get_num_threads, module)?)?;
    Ok(())
}
