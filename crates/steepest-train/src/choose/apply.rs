//! What can be searched, and settings with what was found.

use crate::error::{Error, Result};
use crate::settings::{OptimizerSettings, Settings};
use steepest::nearest;
use steepest::settings::Value as Setting;
use steepest_choose::choose::{Point, Value};

/// The name of the learning rate.
pub(super) const LR: &str = "lr";

/// Settings that decide how good a network becomes, and not which rows it sees or how long it may take.
const SEARCHED: [(&str, &[&str]); 5] = [
    (
        "model",
        &["hidden", "activation", "dropout", "dropout_schedule", "layer_norm", "input_scale", "members"],
    ),
    // not what is measured by: losses of another kind or delta are in another unit
    ("loss", &["label_smoothing"]),
    ("train", &["batch"]),
    ("schedule", &["warmup"]),
    ("optimizer", &["lr", "clip_norm", "clip_tensor_norm", "clip_value", "clip_adaptive", "decay_all"]),
];

/// The table and the key of a setting: `weight_decay` is `optimizer.weight_decay`.
pub(super) fn place(name: &str, settings: &Settings) -> Result<(&'static str, String)> {
    if let Some((table, key)) = SEARCHED
        .iter()
        .find_map(|(table, keys)| keys.iter().find(|key| **key == name).map(|key| (*table, *key)))
    {
        return Ok((table, key.to_owned()));
    }
    let own = own_settings(&settings.optimizer)?;
    if own.contains(&name) {
        return Ok(("optimizer", name.to_owned()));
    }
    if let Some(key) = name.strip_prefix("schedule.") {
        return Ok(("schedule", key.to_owned()));
    }
    let known: Vec<&str> = SEARCHED.iter().flat_map(|(_, keys)| keys.iter().copied()).chain(own).collect();
    Err(Error::UnknownKey {
        place: "what is searched".to_owned(),
        key: name.to_owned(),
        nearest: nearest(name, known.iter().copied()).map(str::to_owned),
        known: known.into_iter().map(str::to_owned).collect(),
    })
}

fn own_settings(optimizer: &OptimizerSettings) -> Result<Vec<&'static str>> {
    let entry = steepest::registry::find(&optimizer.name)?;
    Ok((entry.parameters)().iter().map(|parameter| parameter.name).collect())
}

/// The settings with the values of a point.
pub(super) fn apply(settings: &Settings, point: &Point) -> Result<Settings> {
    let mut settings = settings.clone();
    for (name, value) in point {
        let (table, key) = place(name, &settings)?;
        let typed = match value {
            Value::Number(x) => Setting::Number(*x),
            Value::Word(word) if name == "hidden" && word == "none" => Setting::Numbers(Vec::new()),
            Value::Word(word) => Setting::parse(word),
        };
        settings.set(table, &key, &typed).map_err(|_| Error::BadSearch {
            search: name.clone(),
            reason: format!("`{value}` is no value of {table}.{key}"),
        })?;
        if name == LR {
            settings.optimizer.lr_from = None;
        }
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_settings() {
        let settings = Settings::default();
        let with = |name: &str, value: Value| apply(&settings, &Point::from([(name.to_owned(), value)]));
        let word = |word: &str| Value::Word(word.to_owned());
        assert_eq!(with("hidden", word("256,256")).unwrap().model.hidden, Some(vec![256, 256]));
        assert_eq!(with("hidden", Value::Number(64.0)).unwrap().model.hidden, Some(vec![64]));
        assert_eq!(with("dropout", Value::Number(0.25)).unwrap().model.dropout, 0.25);
        assert_eq!(
            with("activation", word("silu")).unwrap().model.activation,
            crate::model::Activation::Silu
        );
        assert!(with("layer_norm", word("true")).unwrap().model.layer_norm);
        let decay = with("weight_decay", Value::Number(0.5)).unwrap();
        assert_eq!(decay.optimizer.settings["weight_decay"], Setting::Number(0.5));
        let error = with("hidden", word("wide")).unwrap_err().to_string();
        assert!(error.contains("`wide` is no value of model.hidden"), "{error}");
        let error = with("droput", Value::Number(0.5)).unwrap_err().to_string();
        assert!(error.contains("did you mean `dropout`"), "{error}");
    }
}
