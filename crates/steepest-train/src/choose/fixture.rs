//! What tests of choosing share: a small training, and what a run holds.

use super::Chosen;
use crate::event::Event;
use crate::file_names::{CHOICE, SETTINGS};
use crate::settings::Settings;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

/// Twenty epochs of a small network, with these settings of `[optimizer]`.
pub fn iris(optimizer: &str) -> Settings {
    let text = format!(
        "[data]\nsource = 'iris'\n[train]\nepochs = 20\n[model]\nhidden = [16]\n[optimizer]\n{optimizer}"
    );
    Settings::from_toml(&text, "test").unwrap()
}

/// An optimizer that has no rate to be chosen.
pub fn rate_free() -> String {
    let own_step = |entry: &&steepest::registry::Entry| entry.traits.learning_rate_free;
    steepest::registry::OPTIMIZERS.iter().find(own_step).unwrap().name.to_owned()
}

/// Listens to nothing.
pub fn quiet(_: &Event) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The bytes of a file of a run.
pub fn file(run: &Path, name: &str) -> Vec<u8> {
    fs::read(run.join(name)).unwrap()
}

/// The settings of a run.
pub fn settings_in(run: &Path) -> Settings {
    Settings::from_toml(&String::from_utf8(file(run, SETTINGS)).unwrap(), SETTINGS).unwrap()
}

/// What was chosen before a run.
pub fn chosen_in(run: &Path) -> Chosen {
    serde_json::from_slice(&file(run, CHOICE)).unwrap()
}
