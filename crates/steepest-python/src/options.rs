//! What composes with any optimizer, as Python gives it.

use crate::arguments::values_of;
use crate::error::exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use steepest::settings::Settings;
use steepest::{Builder, Clip, Clips, Ema, IntoRule, Lookahead, NonFinite, Optimizer, StateFormat, Swa};

/// A word of a few, or what there is.
fn word<T: Copy>(option: &str, found: &str, known: &[(&str, T)]) -> PyResult<T> {
    known.iter().find(|(word, _)| *word == found).map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        PyValueError::new_err(format!("{option} is `{found}`, expected one of {}", words.join(", ")))
    })
}

fn settings<S: Settings>(given: &Bound<'_, PyAny>) -> PyResult<S> {
    let given = given.cast::<PyDict>()?;
    S::from_values(&values_of(S::OWNER, S::parameters(), given)?).map_err(exception)
}

/// An optimizer of this rule with these options; one that is None is left out.
pub(crate) fn builder(rule: impl IntoRule, options: &Bound<'_, PyDict>) -> PyResult<Builder> {
    let mut builder = Optimizer::builder(rule);
    let (mut clips, mut averages) = ([None, None], Vec::new());
    for (name, value) in options {
        let name: String = name.extract()?;
        if value.is_none() {
            continue;
        }
        builder = match name.as_str() {
            "clip_norm" => {
                clips[0] = Some(Clip::GlobalNorm(value.extract()?));
                builder
            }
            "clip_value" => {
                clips[1] = Some(Clip::Value(value.extract()?));
                builder
            }
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
            "ema" => {
                averages.push(name);
                builder.average(settings::<Ema>(&value)?)
            }
            "swa" => {
                averages.push(name);
                builder.average(settings::<Swa>(&value)?)
            }
            "lookahead" => builder.lookahead(settings::<Lookahead>(&value)?),
            "cautious" => builder.cautious(value.extract()?),
            "rounding_seed" => builder.seed(value.extract()?),
            "measure_updates" => builder.measure_updates(value.extract()?),
            // the classes know which there are
            _ => return Err(PyValueError::new_err(format!("no option is called `{name}`"))),
        };
    }
    if averages.len() > 1 {
        let text = "ema and swa: one average is kept; give one of them";
        return Err(PyValueError::new_err(text));
    }
    // gradients are bounded together first, then by element
    Ok(builder.clip(clips.into_iter().flatten().collect::<Clips>()))
}
