//! Parameter groups as torch has them: dictionaries that anything may change between steps.

use crate::arguments::Argument;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use std::ops::Range;
use steepest::Group;
use steepest::settings::Values;

/// What a group says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub lr: f64,
    pub maximize: bool,
    pub values: Values,
    /// λ, for rules that sum over all groups: theirs must be one rule, whose decay may still be each group's own.
    pub weight_decay: Option<f64>,
}

/// A group of an optimizer: which parameters it has, what it said last, and the objects that said it.
pub(crate) struct GroupState {
    pub positions: Range<usize>,
    pub said: Said,
    last: Vec<Option<Py<PyAny>>>,
}

/// The keys of a group that are read: `lr`, `maximize`, then the arguments'.
pub(crate) struct Keys {
    owner: &'static str,
    keys: Vec<Py<PyString>>,
    arguments: Vec<Argument>,
    /// Whether the decay is each group's own.
    own_decay: bool,
}

const WEIGHT_DECAY: &str = "weight_decay";

impl Keys {
    pub fn new(py: Python<'_>, owner: &'static str, arguments: Vec<Argument>, own_decay: bool) -> Self {
        let names =
            ["lr", "maximize"].into_iter().chain(arguments.iter().map(|argument| argument.name.as_str()));
        let keys = names.map(|name| PyString::intern(py, name).unbind()).collect();
        Self { owner, keys, arguments, own_decay }
    }

    fn objects<'py>(&self, group: &Bound<'py, PyDict>) -> PyResult<Vec<Option<Bound<'py, PyAny>>>> {
        self.keys.iter().map(|key| group.get_item(key)).collect()
    }

    /// What a group says; what it does not mention has its default.
    fn read(&self, objects: &[Option<Bound<'_, PyAny>>]) -> PyResult<Said> {
        let lr = match &objects[0] {
            Some(lr) => lr.extract::<f64>()?,
            None => return Err(PyValueError::new_err("a parameter group has no `lr`; give it one")),
        };
        if !(lr >= 0.0 && lr.is_finite()) {
            let text = format!(
                "lr = {lr} of a parameter group is outside [0, ∞); a schedule or a typing error made it so"
            );
            return Err(PyValueError::new_err(text));
        }
        let maximize = objects[1].as_ref().map_or(Ok(false), |maximize| maximize.is_truthy())?;
        let mut values = Values::new();
        for (argument, object) in self.arguments.iter().zip(&objects[2..]) {
            if let Some(object) = object {
                argument.read(self.owner, object, &mut values)?;
            }
        }
        let mut weight_decay = None;
        if self.own_decay
            && let Some(steepest::settings::Value::Number(lambda)) = values.remove(WEIGHT_DECAY)
        {
            weight_decay = Some(lambda);
        }
        Ok(Said { lr, maximize, values, weight_decay })
    }

    /// A group whose parameters have these positions.
    pub fn group(&self, group: &Bound<'_, PyDict>, positions: Range<usize>) -> PyResult<GroupState> {
        let objects = self.objects(group)?;
        let said = self.read(&objects)?;
        Ok(GroupState { positions, said, last: objects.into_iter().map(keep).collect() })
    }

    /// What a group says now, where that may be something else than before.
    pub fn again(&self, state: &mut GroupState, group: &Bound<'_, PyDict>) -> PyResult<Option<Said>> {
        // the same object says the same, if it is one that nobody can change
        let same = |key: &Py<PyString>, last: &Option<Py<PyAny>>| -> PyResult<bool> {
            Ok(match (group.get_item(key)?, last) {
                (Some(now), Some(last)) => now.is(last),
                (None, None) => true,
                _ => false,
            })
        };
        let mut all_same = true;
        for (key, last) in self.keys.iter().zip(&state.last) {
            all_same = all_same && same(key, last)?;
        }
        if all_same {
            return Ok(None);
        }
        let objects = self.objects(group)?;
        let said = self.read(&objects)?;
        state.last = objects.into_iter().map(keep).collect();
        Ok((said != state.said).then_some(said))
    }
}

/// An object to compare with later, if it cannot change in the meantime.
fn keep(object: Option<Bound<'_, PyAny>>) -> Option<Py<PyAny>> {
    fn is_fixed(object: &Bound<'_, PyAny>) -> bool {
        object.is_none()
            || object.is_exact_instance_of::<PyFloat>()
            || object.is_exact_instance_of::<PyBool>()
            || object.is_exact_instance_of::<PyInt>()
            || object.is_exact_instance_of::<PyString>()
            || object.cast_exact::<PyTuple>().is_ok_and(|tuple| tuple.iter().all(|item| is_fixed(&item)))
    }
    object.filter(is_fixed).map(Bound::unbind)
}

impl Said {
    /// What of it differs from `before`, as a change of these parameters' group. The rate is the whole of a step's: steps have rate 1.
    pub fn change(&self, before: &Said, mut group: Group) -> Group {
        if self.lr.to_bits() != before.lr.to_bits() {
            group = group.lr_factor(self.lr);
        }
        if let Some(lambda) = self.weight_decay.filter(|lambda| before.weight_decay != Some(*lambda)) {
            group = group.weight_decay(lambda);
        }
        for (name, value) in
            self.values.iter().filter(|(name, value)| before.values.get(*name) != Some(value))
        {
            group = group.setting(name, value.clone());
        }
        group
    }
}

/// The groups as dictionaries.
pub(crate) fn dicts<'py>(groups: &Bound<'py, PyList>) -> PyResult<Vec<Bound<'py, PyDict>>> {
    groups.iter().map(|group| Ok(group.cast_into::<PyDict>()?)).collect()
}
