//! What a step works on, gathered from torch: for each parameter its memory, its gradient's and its state's, looked at anew in each step, since
//! anything may have become of them in between.

use crate::error::exception;
use crate::memory::{self, Describer, Held, Work};
use crate::view::{Element, View};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use steepest::{DType, Optimizer, StateLayout};

/// A state array of a parameter: its key, and what it must be.
pub(crate) struct ArrayKey {
    pub key: Py<PyString>,
    pub element: Element,
    pub shape: Vec<usize>,
    /// Whether it has the parameter's shape, and so its order in memory.
    pub like_param: bool,
}

/// What is known of a parameter from when the optimizer was made.
pub(crate) struct Known {
    pub param: Py<PyAny>,
    pub dtype: DType,
    pub shape: Vec<usize>,
    /// Whether its rule treats each element alone, so that it may lie in any dense order.
    pub elementwise: bool,
    pub arrays: Vec<ArrayKey>,
    /// The keys of the numbers that its rule keeps for it.
    pub numbers: Vec<Py<PyString>>,
    /// Those numbers before its first step.
    pub first_numbers: Vec<(&'static str, f64)>,
}

/// The places of a parameter's arrays, of its step count and of its numbers.
type Found<'py> = (Vec<Held<'py>>, Held<'py>, Vec<Held<'py>>);

/// Gathers what a step works on.
pub(crate) struct Gatherer<'a, 'py> {
    optimizer: &'a mut Optimizer,
    /// Whether the numbers of its rule are the same for all parameters.
    shares: bool,
    /// Axes that torch keeps: [`steepest::registry::InTorch::kept_axes`].
    kept_axes: &'static [(&'static str, usize)],
    describer: &'a Describer,
    /// The torch optimizer: makes state, copies and explanations.
    owner: &'a Bound<'py, PyAny>,
    state: &'a Bound<'py, PyDict>,
    /// Its entries, and the first of them that was not asked for yet.
    entries: Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    next: usize,
}

impl<'a, 'py> Gatherer<'a, 'py> {
    pub fn new(
        optimizer: &'a mut Optimizer,
        (shares, kept_axes): (bool, &'static [(&'static str, usize)]),
        describer: &'a Describer,
        owner: &'a Bound<'py, PyAny>,
        state: &'a Bound<'py, PyDict>,
    ) -> Self {
        let entries = state.iter().collect();
        Self { optimizer, shares, kept_axes, describer, owner, state, entries, next: 0 }
    }

    /// The state of a parameter. Entries come in the order of parameters as a rule: then none is looked for by its hash, which is a
    /// function of Python's.
    fn state_of(&mut self, param: &Py<PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.entries.get(self.next) {
            Some((key, state)) if key.is(param) => {
                self.next += 1;
                Ok(Some(state.clone()))
            }
            _ => self.state.get_item(param),
        }
    }

    /// What is to be done of parameter `i`. Nothing where it has become another, so that the optimizer must be made anew.
    pub fn work(&mut self, i: usize, known: &Known) -> PyResult<Option<Work<'py>>> {
        let py = self.owner.py();
        let object = known.param.bind(py);
        let view = match self.describer.view(object) {
            Some(view) if view.on_cpu && view.is_there() => view,
            _ => return Err(self.explain(object, i, "parameter")),
        };
        if view.element.dtype() != Some(known.dtype) || !view.has_shape(&known.shape) {
            return Ok(None);
        }
        // where the rule cannot work on it as it lies, it works on a copy
        let as_it_lies = if known.elementwise { view.is_dense() } else { view.is_contiguous() };
        let copy = match as_it_lies {
            true => None,
            false => Some(self.owner.call_method1(intern!(py, "_contiguous"), (object,))?),
        };
        let like = copy.as_ref().unwrap_or(object);
        let view = if copy.is_none() { Some(view) } else { self.describer.view(like) };
        let held = view.as_ref().and_then(|view| Some((view, Held::new(like.clone(), view)?)));
        let Some((view, held)) = held else { return Err(self.explain(object, i, "parameter")) };
        let grad = object.getattr(intern!(py, "grad"))?;
        if grad.is_none() {
            let (arrays, numbers) = (Vec::new(), Vec::new());
            return Ok(Some(Work { param: held, gradient: None, arrays, steps: None, numbers, copy: None }));
        }
        let gradient = self.gradient(i, known, view, grad, like)?;
        let (arrays, steps, numbers) = self.state(i, known, view, like)?;
        let (gradient, steps) = (Some(gradient), Some(steps));
        Ok(Some(Work { param: held, gradient, arrays, steps, numbers, copy }))
    }

    fn gradient(
        &self,
        i: usize,
        known: &Known,
        of: &View<'_>,
        grad: Bound<'py, PyAny>,
        like: &Bound<'py, PyAny>,
    ) -> PyResult<Held<'py>> {
        let py = self.owner.py();
        let fits = |view: &View<'_>| {
            let dtype = view.element.dtype();
            let suits = match known.elementwise {
                true => dtype.is_some() && (dtype == Some(DType::F64)) == (known.dtype == DType::F64),
                false => dtype == Some(known.dtype),
            };
            suits && view.lies_as(of)
        };
        match self.describer.view(&grad) {
            Some(view) if view.on_cpu && view.is_there() && view.shape == of.shape => {
                if fits(&view)
                    && let Some(held) = Held::new(grad.clone(), &view)
                {
                    return Ok(held);
                }
            }
            _ => return Err(self.explain(&grad, i, "gradient")),
        }
        // in another order or of another type: the same numbers as the parameter has them
        let copy = self.owner.call_method1(intern!(py, "_like"), (like, &grad))?;
        let view = self.describer.view(&copy).filter(fits);
        view.and_then(|view| Held::new(copy.clone(), &view)).ok_or_else(|| self.explain(&grad, i, "gradient"))
    }

    /// What is kept of a parameter. What is missing, or is not as the optimizer keeps it, the owner makes.
    fn state(
        &mut self,
        i: usize,
        known: &Known,
        of: &View<'_>,
        like: &Bound<'py, PyAny>,
    ) -> PyResult<Found<'py>> {
        let state = self.state_of(&known.param)?;
        if let Some(found) = self.look_up(known, state.as_ref(), of)? {
            return Ok(found);
        }
        let (py, layout) = (self.owner.py(), layout(self.optimizer, self.kept_axes, i));
        let fresh = self.owner.call_method1("_fresh", (known.param.bind(py), like, layout.clone()))?;
        let arrays =
            fresh.try_iter()?.map(|tensor| self.describer.hold(tensor?)).collect::<PyResult<Vec<_>>>()?;
        let (_, mut slices) = memory::parts(None, &arrays)?;
        self.optimizer.begin_state(i, &mut slices).map_err(exception)?;
        let numbers = known.first_numbers.clone();
        self.owner
            .call_method1("_prepare", (i, known.param.bind(py), fresh, layout, numbers, self.shares))?;
        let state = self.state.get_item(&known.param)?;
        self.look_up(known, state.as_ref(), of)?.ok_or_else(|| {
            PyRuntimeError::new_err(format!("the state of parameter {i} is not as it was made"))
        })
    }

    fn look_up(
        &self,
        known: &Known,
        state: Option<&Bound<'py, PyAny>>,
        of: &View<'_>,
    ) -> PyResult<Option<Found<'py>>> {
        let py = self.owner.py();
        let Some(state) = state else { return Ok(None) };
        let Ok(state) = state.cast::<PyDict>() else { return Ok(None) };
        let find = |key: &Bound<'py, PyString>, fits: &dyn Fn(&View<'_>) -> bool| {
            let Some(tensor) = state.get_item(key)? else { return Ok(None) };
            let view = self.describer.view(&tensor).filter(fits);
            PyResult::Ok(view.and_then(|view| Held::new(tensor.clone(), &view)))
        };
        let mut arrays = Vec::with_capacity(known.arrays.len());
        for array in &known.arrays {
            let fits = |view: &View<'_>| {
                view.element == array.element
                    && view.has_shape(&array.shape)
                    && if array.like_param { view.lies_as(of) } else { view.is_contiguous() }
            };
            let Some(place) = find(array.key.bind(py), &fits)? else { return Ok(None) };
            arrays.push(place);
        }
        let scalar =
            |view: &View<'_>| view.len() == 1 && [Element::F32, Element::F64].contains(&view.element);
        let Some(steps) = find(intern!(py, "step"), &scalar)? else { return Ok(None) };
        let wide = |view: &View<'_>| view.len() == 1 && view.element == Element::F64;
        let mut numbers = Vec::with_capacity(known.numbers.len());
        for key in &known.numbers {
            let Some(place) = find(key.bind(py), &wide)? else { return Ok(None) };
            numbers.push(place);
        }
        Ok(Some((arrays, steps, numbers)))
    }

    /// What is wrong with a tensor, in the owner's words.
    fn explain(&self, object: &Bound<'py, PyAny>, i: usize, what: &str) -> PyErr {
        match self.owner.call_method1("_explain", (object, i, what)) {
            Ok(error) => PyErr::from_value(error),
            Err(error) => error,
        }
    }
}

/// The state arrays of parameter `i`: name, shape, element type as torch calls it, whether it holds weights.
pub(crate) fn layout(
    optimizer: &Optimizer,
    kept_axes: &[(&str, usize)],
    i: usize,
) -> Vec<(String, Vec<usize>, String, bool)> {
    let layouts = optimizer.state_layout(i).into_iter();
    let row = |array: StateLayout| {
        let shape = shape_in_torch(&array, kept_axes);
        (array.name, shape, Element::of_state(array.element).to_string(), array.weights)
    };
    layouts.map(row).collect()
}

/// The shape that torch gives a state array: axes that it is a sum over may have length 1 there.
pub(crate) fn shape_in_torch(array: &StateLayout, kept_axes: &[(&str, usize)]) -> Vec<usize> {
    let mut shape = array.shape.clone();
    if let Some((_, from_last)) = kept_axes.iter().find(|(name, _)| *name == array.name) {
        shape.insert(shape.len() - (*from_last).min(shape.len()), 1);
    }
    shape
}

/// The parameters of groups, one list for each.
pub(crate) fn parameters<'py>(groups: &[Bound<'py, PyDict>]) -> PyResult<Vec<Bound<'py, PyList>>> {
    let of = |group: &Bound<'py, PyDict>| -> PyResult<Bound<'py, PyList>> {
        let params = group.get_item("params")?;
        let params = params.ok_or_else(|| PyValueError::new_err("a parameter group has no `params`"))?;
        Ok(params.cast_into::<PyList>()?)
    };
    groups.iter().map(of).collect()
}
