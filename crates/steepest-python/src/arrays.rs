//! Steps over arrays in place: an optimizer that owns its state, for NumPy and whatever shows its memory as NumPy does.

use crate::arguments::{Argument, arguments, values};
use crate::error::exception;
use crate::memory::{self, Held, Work, by_interface};
use crate::options::builder;
use crate::overlap::Written;
use crate::report::{health, said};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use steepest::registry::{Entry, find};
use steepest::settings::Values;
use steepest::{DType, Group, Optimizer, Param, StepArgs, StepReport};

/// Steps over arrays. It is made with its settings, and for the parameters of its first step.
#[pyclass(module = "steepest._steepest")]
pub(crate) struct Arrays {
    entry: &'static Entry,
    arguments: Vec<Argument>,
    values: Values,
    options: Py<PyDict>,
    maximize: bool,
    optimizer: Option<Optimizer>,
    written: Written,
    report: Option<StepReport>,
}

/// A parameter as a saved state names it: name, shape, element type.
type Spec = (String, Vec<usize>, String);

fn dtype_of(name: &str) -> PyResult<DType> {
    [DType::F64, DType::F32, DType::Bf16, DType::F16]
        .into_iter()
        .find(|dtype| dtype.to_string() == name)
        .ok_or_else(|| PyValueError::new_err(format!("no element type is called `{name}`")))
}

#[pymethods]
impl Arrays {
    #[new]
    fn new(
        name: &str,
        settings: &Bound<'_, PyDict>,
        options: &Bound<'_, PyDict>,
        maximize: bool,
    ) -> PyResult<Self> {
        let entry = find(name).map_err(exception)?;
        let arguments = arguments(entry);
        let values = values(entry.name, &arguments, settings)?;
        // all that can be known now is
        builder(entry.make(&values), options)?.build([]).map_err(exception)?;
        let options = options.copy()?.unbind();
        let (optimizer, written) = (None, Written::default());
        Ok(Self { entry, arguments, values, options, maximize, optimizer, written, report: None })
    }

    /// One step over `params`, arrays of NumPy's interface that may be written, with `grads` of the same shapes, or None.
    fn step(
        &mut self,
        py: Python<'_>,
        names: Vec<String>,
        params: Vec<Bound<'_, PyAny>>,
        grads: Vec<Option<Bound<'_, PyAny>>>,
        lr: f64,
        loss: Option<f64>,
    ) -> PyResult<()> {
        if params.len() != grads.len() {
            let (params, grads) = (params.len(), grads.len());
            return Err(PyValueError::new_err(format!(
                "{params} parameters and {grads} gradients; give one for each"
            )));
        }
        let (mut work, mut of) = (Vec::with_capacity(params.len()), Vec::with_capacity(params.len()));
        for ((name, array), grad) in names.into_iter().zip(params).zip(grads) {
            let view = by_interface(&array)?;
            let Some(dtype) = view.element.dtype() else {
                let found: String = array.getattr("dtype")?.str()?.extract()?;
                let text = format!("{name} is of type {found}; give float64, float32, float16 or bfloat16");
                return Err(PyTypeError::new_err(text));
            };
            if view.read_only {
                return Err(PyValueError::new_err(format!("{name} must not be written; give a copy of it")));
            }
            let shape = view.shape.iter().map(|n| usize::try_from(*n).unwrap_or(0)).collect::<Vec<_>>();
            let refuse = |what: &str| PyValueError::new_err(format!("{name}: {what}"));
            let param = if view.is_contiguous() { Held::new(array.clone(), &view) } else { None };
            let param = param.ok_or_else(|| refuse("its elements do not follow one another in memory"))?;
            let gradient = match grad {
                None => None,
                Some(grad) => {
                    let of = by_interface(&grad)?;
                    if of.shape != view.shape {
                        let (found, expected) = (&of.shape, &view.shape);
                        return Err(refuse(&format!(
                            "its gradient has shape {found:?}, expected {expected:?}"
                        )));
                    }
                    let held = if of.is_contiguous() { Held::new(grad.clone(), &of) } else { None };
                    Some(
                        held.ok_or_else(|| refuse("the elements of its gradient do not follow one another"))?,
                    )
                }
            };
            of.push(Param::new(name, shape, dtype));
            work.push(Work {
                param,
                gradient,
                arrays: Vec::new(),
                steps: None,
                numbers: Vec::new(),
                copy: None,
            });
        }
        // until a step was taken nothing is lost with it
        let begins = |optimizer: &Optimizer| optimizer.steps_taken() == 0 && optimizer.params() != &of[..];
        if self.optimizer.as_ref().is_none_or(begins) {
            self.optimizer = Some(self.build(py, of.clone())?);
        }
        let Self { optimizer, written, report, .. } = self;
        let Some(optimizer) = optimizer else { return Ok(()) };
        if let Some((was, is)) = optimizer.params().iter().zip(&of).find(|(was, is)| was != is) {
            return Err(PyValueError::new_err(format!(
                "{} was {} of shape {:?} in the first step, and {} is {} of shape {:?} now; make another optimizer for other arrays",
                was.name, was.dtype, was.shape, is.name, is.dtype, is.shape
            )));
        }
        let mut slots = memory::slots(&work, written, |_| Ok(()))?;
        let args = StepArgs { loss, ..StepArgs::from(lr) };
        let said = py.detach(|| optimizer.step(args, &mut slots)).map_err(exception)?;
        *report = Some(said);
        Ok(())
    }

    /// Changes settings from the next step on.
    fn change(&mut self, settings: &Bound<'_, PyDict>) -> PyResult<()> {
        let changes = values(self.entry.name, &self.arguments, settings)?;
        if let Some(optimizer) = &mut self.optimizer {
            let group =
                changes.iter().fold(Group::all(), |group, (name, value)| group.setting(name, value.clone()));
            optimizer.change(group).map_err(exception)?;
        }
        self.values.extend(changes);
        Ok(())
    }

    /// Turns a copy of parameter `i` into its weights to evaluate with.
    fn evaluate(&self, i: usize, copy: Bound<'_, PyAny>) -> PyResult<()> {
        let Some(optimizer) = self.optimizer.as_ref().filter(|optimizer| i < optimizer.params().len()) else {
            return Ok(());
        };
        let view = by_interface(&copy)?;
        let held = Held::new(copy.clone(), &view).filter(|_| view.is_contiguous() && !view.read_only);
        let held = held.ok_or_else(|| PyValueError::new_err("the copy cannot be written as it lies"))?;
        let parts = memory::parts(Some(&held), &[])?;
        if let (Some(copy), _) = parts {
            optimizer.evaluation_of(i, copy).map_err(exception)?;
        }
        Ok(())
    }

    /// All state, and the parameters that it is of; nothing before the first step.
    fn save<'py>(&self, py: Python<'py>) -> PyResult<Option<(Bound<'py, PyBytes>, Vec<Spec>)>> {
        let Some(optimizer) = &self.optimizer else { return Ok(None) };
        let specs = optimizer.params().iter();
        let specs = specs.map(|param| (param.name.clone(), param.shape.clone(), param.dtype.to_string()));
        Ok(Some((PyBytes::new(py, &optimizer.to_bytes().map_err(exception)?), specs.collect())))
    }

    /// Goes on with what `save` gave.
    fn load(&mut self, py: Python<'_>, bytes: &[u8], specs: Vec<Spec>) -> PyResult<()> {
        let params =
            specs.into_iter().map(|(name, shape, dtype)| Ok(Param::new(name, shape, dtype_of(&dtype)?)));
        let mut optimizer = self.build(py, params.collect::<PyResult<Vec<_>>>()?)?;
        optimizer.from_bytes(bytes).map_err(exception)?;
        self.optimizer = Some(optimizer);
        Ok(())
    }

    /// An array or a number of the state of a parameter, in f64.
    fn state(&self, param: &str, name: &str) -> PyResult<Vec<f64>> {
        let optimizer = self.optimizer.as_ref();
        let optimizer =
            optimizer.ok_or_else(|| PyRuntimeError::new_err("there is no state before the first step"))?;
        optimizer.state(param, name).map_err(exception)
    }

    fn report<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let both = self.optimizer.as_ref().zip(self.report.as_ref());
        both.map(|(optimizer, report)| said(py, optimizer, report)).transpose()
    }

    fn health<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        match &self.optimizer {
            Some(optimizer) => health(py, optimizer),
            None => Ok(PyList::empty(py)),
        }
    }

    fn steps_taken(&self) -> u64 {
        self.optimizer.as_ref().map_or(0, Optimizer::steps_taken)
    }
}

impl Arrays {
    fn build(&self, py: Python<'_>, params: Vec<Param>) -> PyResult<Optimizer> {
        let builder = builder(self.entry.make(&self.values), self.options.bind(py))?;
        builder.maximize(self.maximize).build(params).map_err(exception)
    }
}
