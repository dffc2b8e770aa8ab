//! The registry as Python sees it: classes, their arguments, and values from and to Python.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use steepest::registry::{Entry, OPTIMIZERS};
use steepest::settings::{Domain, Parameter, Value, Values};

/// An argument of a class: one setting, or several that torch joins in a tuple.
pub(crate) struct Argument {
    pub name: String,
    pub parts: Vec<Parameter>,
    /// Those whose 0 torch writes as None.
    pub none: &'static [&'static str],
}

/// The arguments of an optimizer: its settings, where several are joined as torch joins them, or numbered, as `beta1` and `beta2`,
/// which are `betas`.
pub(crate) fn arguments(entry: &Entry) -> Vec<Argument> {
    let parameters = (entry.parameters)();
    let names: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
    let (joined, none) = entry.torch.map_or((&[][..], &[][..]), |torch| (torch.joined, torch.none));
    let mut arguments: Vec<Argument> = Vec::new();
    for parameter in parameters {
        let of_torch = joined.iter().find(|(_, parts)| parts.contains(&parameter.name));
        let name = of_torch
            .map(|(name, _)| (*name).to_owned())
            .or_else(|| numbered(parameter.name, &names))
            .unwrap_or_else(|| parameter.name.to_owned());
        match arguments.iter_mut().find(|argument| argument.name == name) {
            Some(argument) => argument.parts.push(parameter),
            None => arguments.push(Argument { name, parts: vec![parameter], none }),
        }
    }
    arguments
}

/// Numbered settings that Python's optimizers join.
const JOINED: [&str; 3] = ["beta", "nu", "eps"];

/// What a numbered setting is part of: `betas` for `beta1` where there is a `beta2`, or the other way round.
fn numbered(name: &str, names: &[&str]) -> Option<String> {
    let stem = name.strip_suffix(|c: char| c.is_ascii_digit()).filter(|stem| JOINED.contains(stem))?;
    let others = names.iter().filter(|other| {
        other.strip_suffix(|c: char| c.is_ascii_digit()).is_some_and(|of_other| of_other == stem)
    });
    let plural = if stem.ends_with('s') { stem.to_owned() } else { format!("{stem}s") };
    // where a setting has that name, it is meant
    (others.count() > 1 && !names.contains(&plural.as_str())).then_some(plural)
}

/// The name of its class.
pub(crate) fn class_name(entry: &Entry) -> &'static str {
    entry.torch.map_or(entry.type_name, |torch| torch.class)
}

impl Argument {
    /// A setting by itself.
    pub fn of(parameter: Parameter) -> Self {
        Self { name: parameter.name.to_owned(), parts: vec![parameter], none: &[] }
    }

    /// Its default.
    pub fn default<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let one = |part: &Parameter| match part.default {
            Value::Number(0.0) if self.none.contains(&part.name) => Ok(py.None().into_bound(py)),
            _ => to_python(py, &part.default),
        };
        match &self.parts[..] {
            [part] => one(part),
            parts => {
                let parts = parts.iter().map(one);
                Ok(PyTuple::new(py, parts.collect::<PyResult<Vec<_>>>()?)?.into_any())
            }
        }
    }

    /// Takes its value over into `values`; where it is None, or None stands in a tuple, nothing is said of the setting.
    pub fn read(&self, owner: &str, value: &Bound<'_, PyAny>, values: &mut Values) -> PyResult<()> {
        if value.is_none() {
            return Ok(());
        }
        let wrong = |expected: &str, found: &Bound<'_, PyAny>| {
            let example =
                self.default(value.py()).and_then(|default| default.repr().map(|text| text.to_string()));
            PyTypeError::new_err(format!(
                "{owner}: `{}` is {}, expected {expected}; write for example {}={}",
                self.name,
                found.repr().map_or_else(|_| "no value".to_owned(), |text| text.to_string()),
                self.name,
                example.unwrap_or_default()
            ))
        };
        let parts: Vec<Bound<'_, PyAny>> = match &self.parts[..] {
            [_] => vec![value.clone()],
            parts => {
                let given: Vec<Bound<'_, PyAny>> =
                    value.try_iter().and_then(Iterator::collect).map_err(|_| wrong("a tuple", value))?;
                if given.len() != parts.len() {
                    return Err(wrong(&format!("{} numbers", parts.len()), value));
                }
                given
            }
        };
        for (part, value) in self.parts.iter().zip(parts).filter(|(_, value)| !value.is_none()) {
            let found = match part.domain {
                Domain::Flag => value.extract().ok().map(Value::Flag),
                Domain::Words(_) | Domain::Names(_) => value.extract().ok().map(Value::Word),
                Domain::List(_) => value.extract().ok().map(Value::Numbers),
                _ => value.extract().ok().map(Value::Number),
            };
            let expected = match part.domain {
                Domain::Flag => "True or False",
                Domain::Words(_) | Domain::Names(_) => "a word",
                Domain::List(_) => "a list of numbers",
                _ => "a number",
            };
            values.insert(part.name.to_owned(), found.ok_or_else(|| wrong(expected, &value))?);
        }
        Ok(())
    }
}

/// A value as Python has it.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Flag(flag) => flag.into_pyobject(py)?.to_owned().into_any(),
        Value::Number(number) => number.into_pyobject(py)?.into_any(),
        Value::Word(word) => word.into_pyobject(py)?.into_any(),
        Value::Numbers(numbers) => PyTuple::new(py, numbers)?.into_any(),
    })
}

/// Values by the names of arguments. A name that none has is a `TypeError`, as Python's own.
pub(crate) fn values(owner: &str, arguments: &[Argument], given: &Bound<'_, PyDict>) -> PyResult<Values> {
    let mut values = Values::new();
    for (name, value) in given {
        let name: String = name.extract()?;
        let Some(argument) = arguments.iter().find(|argument| argument.name == name) else {
            let known = || arguments.iter().map(|argument| argument.name.as_str());
            let near = steepest::nearest(&name, known());
            let hint = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            let known = known().collect::<Vec<_>>().join(", ");
            return Err(PyTypeError::new_err(format!(
                "{owner} has no argument `{name}`; {hint}known: {known}"
            )));
        };
        argument.read(owner, &value, &mut values)?;
    }
    Ok(values)
}

/// Values by the names of settings that stand for themselves, those of schedules, stop rules and averages. Of a name that none has the
/// library says which there are.
pub(crate) fn values_of(owner: &str, rows: Vec<Parameter>, given: &Bound<'_, PyDict>) -> PyResult<Values> {
    let mut values = Values::new();
    for (name, value) in given {
        let name: String = name.extract()?;
        match rows.iter().find(|row| row.name == name) {
            Some(row) => Argument::of(row.clone()).read(owner, &value, &mut values)?,
            None => drop(values.insert(name, Value::Number(0.0))),
        }
    }
    Ok(values)
}

/// A row of a table of settings: name, default, meaning, valid values.
pub(crate) fn row<'py>(py: Python<'py>, argument: &Argument) -> PyResult<Bound<'py, PyTuple>> {
    let texts = |of: fn(&Parameter) -> String| argument.parts.iter().map(of).collect::<Vec<_>>().join("; ");
    let (about, valid) = (texts(|part| part.about.clone()), texts(|part| part.domain.to_string()));
    (&argument.name, argument.default(py)?, about, valid).into_pyobject(py)
}

/// Every optimizer: name, class, page, default rates, arguments and what it can do, for the classes and the stubs.
#[pyfunction]
pub(crate) fn registry(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let rows = OPTIMIZERS.iter().map(|entry| -> PyResult<Bound<'_, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("name", entry.name)?;
        dict.set_item("class", class_name(entry))?;
        dict.set_item("in_torch", entry.torch.is_some())?;
        dict.set_item("summary", entry.summary())?;
        for heading in ["Formula", "State", "Differences", "Source"] {
            dict.set_item(heading.to_lowercase(), entry.section(heading).unwrap_or_default())?;
        }
        // a rate to begin with, for networks of ordinary size, where torch has none
        dict.set_item("lr", entry.torch.map_or(entry.default_lr, |torch| torch.lr))?;
        dict.set_item("rate", entry.default_lr)?;
        dict.set_item("schedule_free", entry.traits.schedule_free)?;
        dict.set_item("half", entry.traits.half)?;
        let rows = arguments(entry).iter().map(|argument| row(py, argument)).collect::<PyResult<Vec<_>>>()?;
        dict.set_item("arguments", rows)?;
        Ok(dict)
    });
    PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)
}
