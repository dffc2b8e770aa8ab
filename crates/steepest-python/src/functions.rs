//! Functions of Python: minimized, and their gradients checked; and the rates of schedules.

use crate::arguments::{Argument, arguments, row, values, values_of};
use crate::error::exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use std::cell::RefCell;
use steepest::registry::find_method;
use steepest::settings::Parameter;
use steepest::stop::Stop;
use steepest::{Clip, GradientCheckOptions, LearningRate, schedule, stop};

/// A learning rate over the steps of a run.
#[pyclass(module = "steepest._steepest", frozen)]
pub(crate) struct Schedule(LearningRate);

#[pymethods]
impl Schedule {
    /// Of a schedule's name and settings; `steps` is the length of the run.
    #[new]
    fn new(name: &str, lr: f64, steps: u64, settings: &Bound<'_, PyDict>) -> PyResult<Self> {
        let rate = LearningRate::from((lr, made(name, settings)?));
        Ok(Self(rate.over(steps).map_err(exception)?))
    }

    /// The rate of step `step`, counted from 0.
    fn at(&self, step: u64) -> f64 {
        self.0.at(step)
    }
}

fn made(name: &str, settings: &Bound<'_, PyDict>) -> PyResult<Box<dyn schedule::Schedule>> {
    let entry = schedule::find(name).map_err(exception)?;
    entry.make(&values_of(entry.name, entry.parameters(), settings)?).map_err(exception)
}

fn rows<'py>(py: Python<'py>, parameters: Vec<Parameter>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    parameters.into_iter().map(|parameter| row(py, &Argument::of(parameter))).collect()
}

/// Every schedule: name, summary, settings.
#[pyfunction]
pub(crate) fn schedules(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let of = |entry: &schedule::ScheduleEntry| {
        PyResult::Ok((entry.name, entry.summary(), rows(py, entry.parameters())?))
    };
    PyList::new(py, schedule::REGISTRY.iter().map(of).collect::<PyResult<Vec<_>>>()?)
}

/// A Python function of f64 coordinates as an objective: it takes and gives bytes, and what it raises is kept.
struct Callback<'a, 'py> {
    function: &'a Bound<'py, PyAny>,
    raised: RefCell<Option<PyErr>>,
}

impl Callback<'_, '_> {
    /// The value at `theta`, and its gradient into `gradient`. After an exception the function is no more called.
    fn evaluate(&self, theta: &[f64], gradient: Option<&mut [f64]>) -> f64 {
        if self.raised.borrow().is_some() {
            return f64::NAN;
        }
        self.call(theta, gradient).unwrap_or_else(|error| {
            *self.raised.borrow_mut() = Some(error);
            f64::NAN
        })
    }

    fn call(&self, theta: &[f64], gradient: Option<&mut [f64]>) -> PyResult<f64> {
        let py = self.function.py();
        // Ctrl-C ends a long run
        py.check_signals()?;
        let bytes: Vec<u8> = theta.iter().flat_map(|x| x.to_ne_bytes()).collect();
        let (value, of_gradient): (f64, Bound<'_, PyBytes>) =
            self.function.call1((PyBytes::new(py, &bytes),))?.extract()?;
        if let Some(gradient) = gradient {
            let (found, _) = of_gradient.as_bytes().as_chunks::<8>();
            if found.len() != gradient.len() {
                let (found, expected) = (found.len(), gradient.len());
                return Err(PyValueError::new_err(format!(
                    "the gradient has {found} elements, expected {expected}: as many as the point"
                )));
            }
            gradient.iter_mut().zip(found).for_each(|(g, bytes)| *g = f64::from_ne_bytes(*bytes));
        }
        Ok(value)
    }

    /// The result, or what the function raised.
    fn finish<T>(self, result: steepest::Result<T>) -> PyResult<T> {
        match self.raised.into_inner() {
            Some(error) => Err(error),
            None => result.map_err(exception),
        }
    }
}

/// Minimizes a function from `start`; `function` takes a point and gives value and gradient, points and gradients as bytes of f64. The rate is a
/// number and a schedule with its settings, either may be none; last come the bound of gradients' norms and the length of the trace.
#[pyfunction]
pub(crate) fn minimize<'py>(
    function: &Bound<'py, PyAny>,
    start: Vec<f64>,
    method: &str,
    settings: &Bound<'py, PyDict>,
    rate: (Option<f64>, Option<(String, Bound<'py, PyDict>)>),
    stop_rules: &Bound<'py, PyDict>,
    last: (Option<f64>, usize),
) -> PyResult<Bound<'py, PyDict>> {
    let (py, (lr, schedule), (clip_norm, trace)) = (function.py(), rate, last);
    let entry = find_method(method).map_err(exception)?;
    let values = values(entry.name, &arguments(entry), settings)?;
    let base = lr.unwrap_or(entry.default_lr);
    let rate = match schedule {
        Some((name, settings)) => LearningRate::from((base, made(&name, &settings)?)),
        None => base.into(),
    };
    let mut stop: Option<Stop> = None;
    for (name, settings) in stop_rules {
        let rule = stop::find(name.extract()?).map_err(exception)?;
        let values = values_of(rule.name, rule.parameters(), settings.cast::<PyDict>()?)?;
        let rule = rule.make(&values).map_err(exception)?;
        stop = Some(match stop {
            Some(stop) => stop.or(rule),
            None => rule,
        });
    }
    let stop = stop.ok_or_else(|| PyValueError::new_err("no stop rule; give `max_steps`, for example"))?;
    let run = entry.minimize::<f64>(&values, rate, stop).map_err(exception)?;
    let run = run.clip(clip_norm.map(Clip::GlobalNorm)).trace(trace);
    let callback = Callback { function, raised: RefCell::new(None) };
    let report =
        run.run(|theta: &[f64], gradient: &mut [f64]| callback.evaluate(theta, Some(gradient)), &start);
    let report = callback.finish(report)?;
    let dict = PyDict::new(py);
    let point =
        |point: &steepest::Point<f64>| (point.step, point.theta.clone(), point.value, point.gradient_norm);
    dict.set_item("x", report.theta)?;
    dict.set_item("fun", report.value)?;
    dict.set_item("gradient_norm", report.gradient_norm)?;
    dict.set_item("steps", report.steps)?;
    dict.set_item("best", point(&report.best))?;
    dict.set_item("success", !report.reason.is_failure())?;
    dict.set_item("stopped_by", report.reason.stopped_by())?;
    dict.set_item("message", report.reason.to_string())?;
    dict.set_item("trace", report.trace.iter().map(point).collect::<Vec<_>>())?;
    Ok(dict)
}

/// Compares the gradient of a function at `at` with central differences: whether it agrees, in words, and for each coordinate index, gradient,
/// difference quotient, relative error.
#[pyfunction]
pub(crate) fn check_gradient<'py>(
    function: &Bound<'py, PyAny>,
    at: Vec<f64>,
    samples: Option<usize>,
    seed: u64,
) -> PyResult<Bound<'py, PyDict>> {
    let callback = Callback { function, raised: RefCell::new(None) };
    let mut gradient = vec![0.0; at.len()];
    callback.evaluate(&at, Some(&mut gradient));
    let options = GradientCheckOptions { samples, seed };
    let check = steepest::check_gradient(|x: &[f64]| callback.evaluate(x, None), &gradient, &at, &options);
    let check = callback.finish(check)?;
    let dict = PyDict::new(function.py());
    dict.set_item("passed", check.passed(check.tolerance))?;
    dict.set_item("message", check.to_string())?;
    dict.set_item("tolerance", check.tolerance)?;
    let rows = check.coordinates.iter().map(|c| (c.index, c.analytic, c.numeric, c.relative_error));
    dict.set_item("coordinates", rows.collect::<Vec<_>>())?;
    Ok(dict)
}
