//! Steps over torch's tensors: an optimizer that owns no arrays, and takes all that a step needs from torch.

use crate::arguments::arguments;
use crate::error::exception;
use crate::gather::{ArrayKey, Gatherer, Known, layout, parameters, shape_in_torch};
use crate::groups::{GroupState, Keys, Said, dicts};
use crate::memory::{self, Describer, Held, Work};
use crate::options::builder;
use crate::overlap::Written;
use crate::report::{health, said};
use crate::view::Element;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyType};
use steepest::registry::{Entry, find};
use steepest::rule::Scope;
use steepest::{Error, Group, Optimizer, Param, StepArgs, StepReport};

/// Steps over the parameters of a torch optimizer. It keeps nothing that matters: state lies in torch's tensors, settings in its groups.
#[pyclass(module = "steepest._steepest")]
pub(crate) struct Stepper {
    optimizer: Optimizer,
    describer: Describer,
    keys: Keys,
    groups: Vec<GroupState>,
    known: Vec<Known>,
    /// Whether the numbers of its rule are the same for all parameters.
    shares: bool,
    kept_axes: &'static [(&'static str, usize)],
    written: Written,
    /// Of the last step.
    report: Option<StepReport>,
}

/// Whether a rule sums over all that it updates, so that all groups must be of one rule.
fn sums_over_all(entry: &Entry, groups: &[Bound<'_, PyDict>], keys: &Keys) -> PyResult<bool> {
    let Some(first) = groups.first() else { return Ok(false) };
    let said = keys.group(first, 0..0)?.said;
    Ok(entry.make(&said.values).map_err(exception)?.scope() == Scope::All)
}

fn not_one_rule(owner: &str) -> PyErr {
    PyValueError::new_err(format!(
        "{owner} sums over all its parameters, and its groups have different settings; give them the same, but for lr and weight_decay"
    ))
}

#[pymethods]
impl Stepper {
    /// For the groups of a torch optimizer; `names` of their parameters, `tensor` the type of tensors.
    #[new]
    #[pyo3(signature = (name, groups, names, tensor, options, quick=true))]
    fn new(
        name: &str,
        groups: &Bound<'_, PyList>,
        names: Vec<String>,
        tensor: &Bound<'_, PyType>,
        options: &Bound<'_, PyDict>,
        quick: bool,
    ) -> PyResult<Self> {
        let py = groups.py();
        let entry = find(name).map_err(exception)?;
        let describer = Describer::new(tensor, quick)?;
        let dicts = dicts(groups)?;
        let keys = Keys::new(py, entry.name, arguments(entry), false);
        let all = sums_over_all(entry, &dicts, &keys)?;
        let keys = if all { Keys::new(py, entry.name, arguments(entry), true) } else { keys };
        let (mut states, mut params, mut objects) = (Vec::new(), Vec::new(), Vec::new());
        let mut names = names.into_iter();
        for (group, list) in dicts.iter().zip(parameters(&dicts)?) {
            let from = params.len();
            for object in &list {
                let name =
                    names.next().ok_or_else(|| PyRuntimeError::new_err("a parameter without a name"))?;
                let view = describer.view(&object);
                let known = view.and_then(|view| Some((view.element.dtype()?, view.shape.to_vec())));
                let Some((dtype, shape)) = known else {
                    return Err(PyValueError::new_err(format!("{name} is no tensor that can be stepped")));
                };
                let shape: Vec<usize> = shape.into_iter().map(|n| usize::try_from(n).unwrap_or(0)).collect();
                params.push(Param::new(name, shape, dtype));
                objects.push(object.unbind());
            }
            states.push(keys.group(group, from..params.len())?);
        }
        let kept_axes = entry.torch.map_or(&[][..], |torch| torch.kept_axes);
        let optimizer = make(entry, &states, &params, all, options)?;
        let known = objects
            .into_iter()
            .enumerate()
            .map(|(i, object)| known(py, &optimizer, kept_axes, i, object))
            .collect();
        Ok(Self {
            optimizer,
            describer,
            keys,
            groups: states,
            known,
            shares: all,
            kept_axes,
            written: Written::default(),
            report: None,
        })
    }

    /// One step; the parameters that it updated. None where parameters or groups have become others: the stepper is to be made anew.
    #[pyo3(signature = (owner, groups, state, loss=None))]
    fn step<'py>(
        &mut self,
        owner: &Bound<'py, PyAny>,
        groups: &Bound<'py, PyList>,
        state: &Bound<'py, PyDict>,
        loss: Option<f64>,
    ) -> PyResult<Option<Bound<'py, PyList>>> {
        let py = owner.py();
        let dicts = dicts(groups)?;
        if !self.has(&dicts)? || !self.follow(&dicts)? {
            return Ok(None);
        }
        let Self { optimizer, describer, known, written, shares, kept_axes, .. } = self;
        let mut gatherer = Gatherer::new(optimizer, (*shares, kept_axes), describer, owner, state);
        let mut work: Vec<Work<'_>> = Vec::with_capacity(known.len());
        for (i, known) in known.iter().enumerate() {
            match gatherer.work(i, known)? {
                Some(of) => work.push(of),
                None => return Ok(None),
            }
        }
        for (i, work) in work.iter().enumerate() {
            take_over(optimizer, i, work)?;
        }
        if *shares {
            share(optimizer, &work)?;
        }
        let mut slots = memory::slots(&work, written, |held| held.check_storage())?;
        let args = StepArgs { loss, ..StepArgs::from(1.0) };
        let report = py.detach(|| optimizer.step(args, &mut slots)).map_err(exception)?;
        drop(slots);
        let updated = PyList::empty(py);
        if report.skipped.is_none() {
            for (i, (known, work)) in known.iter().zip(&work).enumerate() {
                if work.gradient.is_none() {
                    continue;
                }
                give_back(optimizer, i, work);
                if let Some(copy) = &work.copy {
                    owner.call_method1("_copy_back", (&known.param, copy))?;
                }
                updated.append(&known.param)?;
            }
        }
        self.report = Some(report);
        Ok(Some(updated))
    }

    /// The state arrays of parameter `i`: name, shape, element type as torch calls it, whether it holds weights.
    fn layout(&self, i: usize) -> Vec<(String, Vec<usize>, String, bool)> {
        layout(&self.optimizer, self.kept_axes, i)
    }

    /// Turns a copy of parameter `i`, which lies as the parameter does, into its weights to evaluate with. `state` has its arrays, in the order of
    /// its layout.
    fn evaluate(
        &mut self,
        i: usize,
        steps: u64,
        copy: Bound<'_, PyAny>,
        state: Vec<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let arrays = state.into_iter().map(|tensor| self.describer.hold(tensor));
        let (arrays, copy) = (arrays.collect::<PyResult<Vec<_>>>()?, self.describer.hold(copy)?);
        let parts = memory::parts(Some(&copy), &arrays)?;
        let (Some(copy), mut slices) = parts else { return Ok(()) };
        if self.optimizer.steps_of(i) != steps {
            self.optimizer.set_steps_of(i, steps);
        }
        self.optimizer.evaluation_with_state(i, copy, &mut slices).map_err(exception)
    }

    /// Whether the weights to evaluate with may be others than those that are trained.
    fn evaluates(&self) -> bool {
        self.optimizer.evaluates()
    }

    /// What the last step said: norm of all gradients, factor of clipping, why it was skipped.
    fn report<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.report.as_ref().map(|report| said(py, &self.optimizer, report)).transpose()
    }

    /// What is known of each parameter's gradients.
    fn health<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        health(py, &self.optimizer)
    }
}

impl Stepper {
    /// Whether the groups still have these parameters.
    fn has(&self, dicts: &[Bound<'_, PyDict>]) -> PyResult<bool> {
        if dicts.len() != self.groups.len() {
            return Ok(false);
        }
        for (group, list) in self.groups.iter().zip(parameters(dicts)?) {
            let known = &self.known[group.positions.clone()];
            if list.len() != known.len()
                || !list.iter().zip(known).all(|(object, known)| object.is(&known.param))
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Changes settings to what the groups say. Whether that was possible: what alters state arrays needs another optimizer.
    fn follow(&mut self, dicts: &[Bound<'_, PyDict>]) -> PyResult<bool> {
        let mut now: Vec<Option<Said>> = Vec::with_capacity(dicts.len());
        for (group, dict) in self.groups.iter_mut().zip(dicts) {
            now.push(self.keys.again(group, dict)?);
        }
        if now.iter().all(Option::is_none) {
            return Ok(true);
        }
        let said: Vec<Said> = now
            .into_iter()
            .zip(&self.groups)
            .map(|(now, group)| now.unwrap_or_else(|| group.said.clone()))
            .collect();
        let first = &said[0];
        if said.iter().any(|said| said.maximize != self.groups[0].said.maximize) {
            return Ok(false);
        }
        // a rule that all groups share is changed for all of them at once
        let together = said.iter().all(|said| said.values == first.values)
            && self.groups.iter().all(|group| group.said.values == self.groups[0].said.values);
        if together && first.values != self.groups[0].said.values {
            let before = Said { values: self.groups[0].said.values.clone(), ..first.clone() };
            if !self.change(first.change(&before, Group::all()))? {
                return Ok(false);
            }
            self.groups.iter_mut().for_each(|group| group.said.values = first.values.clone());
        }
        for (i, said) in said.into_iter().enumerate() {
            let GroupState { positions, said: before, .. } = &self.groups[i];
            if said != *before && !positions.is_empty() {
                let change = said.change(before, Group::positions(positions.clone()));
                if !self.change(change)? {
                    return Ok(false);
                }
            }
            self.groups[i].said = said;
        }
        Ok(true)
    }

    fn change(&mut self, change: Group) -> PyResult<bool> {
        match self.optimizer.change(change) {
            Ok(()) => Ok(true),
            Err(Error::Conflict { .. }) => Ok(false),
            Err(error) => Err(exception(error)),
        }
    }
}

/// The optimizer for groups that say this.
fn make(
    entry: &Entry,
    groups: &[GroupState],
    params: &[Param],
    all: bool,
    options: &Bound<'_, PyDict>,
) -> PyResult<Optimizer> {
    let Some(first) = groups.first().map(|group| &group.said) else {
        return Err(PyValueError::new_err("an optimizer without parameter groups"));
    };
    if groups.iter().any(|group| group.said.maximize != first.maximize) {
        return Err(PyValueError::new_err(
            "`maximize` differs between groups; make an optimizer for each direction",
        ));
    }
    let one_rule = groups.iter().all(|group| group.said.values == first.values);
    if all && !one_rule {
        return Err(not_one_rule(entry.name));
    }
    let mut builder = builder(entry.make(&first.values), options)?.maximize(first.maximize).lent_state(true);
    for GroupState { positions, said, .. } in groups.iter().filter(|group| !group.positions.is_empty()) {
        let mut group = Group::positions(positions.clone()).lr_factor(said.lr);
        if !one_rule {
            group = group.rule(entry.make(&said.values));
        }
        if let Some(lambda) = said.weight_decay {
            group = group.weight_decay(lambda);
        }
        builder = builder.group(group);
    }
    builder.build(params.to_vec()).map_err(exception)
}

/// What is known of parameter `i`.
fn known(
    py: Python<'_>,
    optimizer: &Optimizer,
    kept_axes: &[(&str, usize)],
    i: usize,
    param: Py<PyAny>,
) -> Known {
    let shape = &optimizer.params()[i].shape;
    let arrays = optimizer.state_layout(i).into_iter().map(|array| ArrayKey {
        key: PyString::intern(py, &array.name).unbind(),
        element: Element::of_state(array.element),
        like_param: array.shape == *shape,
        shape: shape_in_torch(&array, kept_axes),
    });
    let first = optimizer.memory_of(i).iter().copied();
    let first_numbers: Vec<_> = optimizer.memory_names(i).into_iter().zip(first).collect();
    let numbers = first_numbers.iter().map(|(name, _)| PyString::intern(py, name).unbind()).collect();
    let Param { dtype, shape, .. } = optimizer.params()[i].clone();
    let elementwise = optimizer.is_elementwise(i);
    Known { param, dtype, shape, elementwise, arrays: arrays.collect(), numbers, first_numbers }
}

/// Whether a count in the type of its tensor is this number of steps: in f32 it ends at 2²⁴.
fn counts(found: f64, steps: u64) -> bool {
    found == steps as f64 || found == f64::from(steps as f32)
}

/// Goes on with the step number and the numbers that lie in the state of parameter `i`.
fn take_over(optimizer: &mut Optimizer, i: usize, work: &Work<'_>) -> PyResult<()> {
    if let Some(found) = work.steps.as_ref().and_then(Held::number)
        && !counts(found, optimizer.steps_of(i))
    {
        if !(found >= 0.0 && found < 2f64.powi(63)) {
            let name = &optimizer.params()[i].name;
            return Err(PyValueError::new_err(format!(
                "`step` of {name} is {found}, expected a number of steps"
            )));
        }
        optimizer.set_steps_of(i, found as u64);
    }
    if !work.numbers.is_empty() {
        let found = || work.numbers.iter().filter_map(Held::number);
        let bits = |x: f64| x.to_bits();
        if !found().map(bits).eq(optimizer.memory_of(i).iter().copied().map(bits)) {
            optimizer.set_memory_of(i, &found().collect::<Vec<_>>()).map_err(exception)?;
        }
    }
    Ok(())
}

/// Parameters without a gradient, which lend nothing, know what the others do of what is measured of all.
fn share(optimizer: &mut Optimizer, work: &[Work<'_>]) -> PyResult<()> {
    let Some(first) = work.iter().position(|work| work.gradient.is_some()) else { return Ok(()) };
    let memory = optimizer.memory_of(first).to_vec();
    for (i, _) in work.iter().enumerate().filter(|(_, work)| work.gradient.is_none()) {
        optimizer.set_memory_of(i, &memory).map_err(exception)?;
    }
    Ok(())
}

/// Writes them back.
fn give_back(optimizer: &Optimizer, i: usize, work: &Work<'_>) {
    if let Some(steps) = &work.steps {
        steps.set_number(optimizer.steps_of(i) as f64);
    }
    if !work.numbers.is_empty() {
        for (held, value) in work.numbers.iter().zip(optimizer.memory_of(i)) {
            held.set_number(*value);
        }
    }
}
