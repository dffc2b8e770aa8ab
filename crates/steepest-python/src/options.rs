//! What composes with any optimizer, as Python gives it.

use crate::arguments::values_of;
use crate::error::exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use steepest::settings::Settings;
use steepest::{Builder, Clip, Ema, IntoRule, Lookahead, NonFinite, Optimizer, StateFormat, Swa, nearest};

/// The options, by name.
const NAMES: [&str; 10] = [
    "clip_norm",
    "clip_value",
    "state_format",
    "non_finite",
    "ema",
    "swa",
    "lookahead",
    "cautious",
    "rounding_seed",
    "measure_updates",
];

/// A word of a few, or what there is.
fn word<T: Copy>(option: &str, found: &str, known: &[(&str, T)]) -> PyResult<T> {
    known.iter().find(|(word, _)| *word == found).map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        PyValueError::new_err(format!("{option} is `{found}`, expected one of {}", words.join(", ")))
    })
}

fn settings<S: Settings>(given: &Bound<'_, PyAny>) -> PyResult<S> {
    let given = given.cast::<PyDict>()?;
    S::from_values(&values_of(S::OWNER, &S::parameters(), given)?).map_err(exception)
}

/// An optimizer of this rule with these options; one that is None is left out.
pub(crate) fn builder(rule: impl IntoRule, options: &Bound<'_, PyDict>) -> PyResult<Builder> {
    let mut builder = Optimizer::builder(rule);
    for (name, value) in options {
        let name: String = name.extract()?;
        if value.is_none() {
            continue;
        }
        builder = match name.as_str() {
            "clip_norm" => builder.clip(Clip::GlobalNorm(value.extract()?)),
            "clip_value" => builder.clip(Clip::Value(value.extract()?)),
            "state_format" => {
                let (f32, bf16, bits8) = (StateFormat::F32, StateFormat::Bf16, StateFormat::Bits8);
                let known = [("f32", f32), ("bf16", bf16), ("8bit", bits8)];
                builder.state_format_where_possible(word("state_format", value.extract()?, &known)?)
            }
            "non_finite" => {
                let known = [
                    ("unchecked", NonFinite::Unchecked),
                    ("error", NonFinite::Error),
                    ("skip", NonFinite::Skip),
                ];
                builder.non_finite(word("non_finite", value.extract()?, &known)?)
            }
            "ema" => builder.average(settings::<Ema>(&value)?),
            "swa" => builder.average(settings::<Swa>(&value)?),
            "lookahead" => builder.lookahead(settings::<Lookahead>(&value)?),
            "cautious" => builder.cautious(value.extract()?),
            "rounding_seed" => builder.seed(value.extract()?),
            "measure_updates" => builder.measure_updates(value.extract()?),
            _ => {
                let hint =
                    nearest(&name, NAMES).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
                let known = NAMES.join(", ");
                return Err(PyValueError::new_err(format!(
                    "no option is called `{name}`; {hint}known: {known}"
                )));
            }
        };
    }
    Ok(builder)
}
