//! In what two settings differ.

use crate::settings::Settings;
use std::collections::BTreeSet;

impl Settings {
    /// What is set otherwise in `found`, a sentence each; without where the data lies and how a run is saved, which change
    /// no bit of what is learnt, and without the epochs: a run may be made longer.
    pub(crate) fn differences(&self, found: &Self) -> Vec<String> {
        let mut differ = Vec::new();
        let [here, there] = [self, found].map(|settings| {
            let mut settings = settings.clone();
            let usual = Self::default();
            (settings.data.source, settings.data.more_files) = (usual.data.source, usual.data.more_files);
            (settings.train.save_every, settings.train.keep) = (usual.train.save_every, usual.train.keep);
            (settings.train.threads, settings.train.epochs, settings.data.max_memory) = (None, None, None);
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
