//! Settings by the names of their tables and keys: one that is set, all in which two differ.

use crate::settings::Settings;
use std::collections::BTreeSet;
use steepest::settings::Value;

impl Settings {
    /// Sets what `key = value` below `[table]` of a settings file sets; a list of one number is written as that number, too.
    ///
    /// # Errors
    /// Why it is no value of that setting, in words.
    pub fn set(&mut self, table: &str, key: &str, value: &Value) -> Result<(), String> {
        let integer = |x: f64| (x.fract() == 0.0).then_some(toml::Value::Integer(x as i64));
        let whole: Option<toml::Value> = match value {
            Value::Number(x) => integer(*x),
            Value::Numbers(xs) => xs.iter().map(|x| integer(*x)).collect::<Option<Vec<_>>>().map(Into::into),
            Value::Flag(_) | Value::Word(_) => None,
        };
        let list = whole.clone().filter(|whole| !whole.is_array()).map(|whole| vec![whole].into());
        let plain = toml::Value::try_from(value).map_err(|error| error.to_string())?;
        let all = toml::Table::try_from(&*self).expect("settings are tables of plain values");
        let with = |form: toml::Value| -> Result<Self, String> {
            let mut all = all.clone();
            let below = all.entry(table).or_insert_with(|| toml::Table::new().into());
            below.as_table_mut().expect("settings are tables").insert(key.to_owned(), form);
            all.try_into().map_err(|error: toml::de::Error| error.message().to_owned())
        };
        let mut forms = [Some(plain), whole, list].into_iter().flatten().map(with);
        let first = forms.next().expect("as it is");
        *self = first.or_else(|error| forms.find_map(Result::ok).ok_or(error))?;
        Ok(())
    }

    /// The same without what changes no bit of what is learnt: where the data lies, how a run is saved, threads, memory.
    pub(crate) fn that_decide(&self) -> Self {
        let (mut settings, usual) = (self.clone(), Self::default());
        (settings.data.source, settings.data.more_files) = (usual.data.source, usual.data.more_files);
        (settings.train.save_every, settings.train.keep) = (usual.train.save_every, usual.train.keep);
        (settings.train.threads, settings.data.max_memory) = (None, None);
        settings
    }

    /// What is set otherwise in `found`, a sentence each; without what changes no bit of what is learnt, and without the
    /// epochs: a run may be made longer.
    pub(crate) fn differences(&self, found: &Self) -> Vec<String> {
        let mut differ = Vec::new();
        let [here, there] = [self, found].map(|settings| {
            let mut settings = settings.that_decide();
            settings.train.epochs = None;
            toml::Value::try_from(settings).expect("settings are tables of plain values")
        });
        find_differences("", Some(&here), Some(&there), &mut differ);
        differ
    }
}

/// Goes down two trees of settings side by side.
fn find_differences(
    key: &str,
    saved: Option<&toml::Value>,
    found: Option<&toml::Value>,
    differ: &mut Vec<String>,
) {
    if saved == found {
        return;
    }
    if let (Some(toml::Value::Table(saved)), Some(toml::Value::Table(found))) = (saved, found) {
        let keys: BTreeSet<&String> = saved.keys().chain(found.keys()).collect();
        for name in keys {
            let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
            find_differences(&key, saved.get(name), found.get(name), differ);
        }
        return;
    }
    let shown = |value: Option<&toml::Value>| value.map_or("not set".to_owned(), toml::Value::to_string);
    differ.push(format!("{key} was {} and is {}", shown(saved), shown(found)));
}
