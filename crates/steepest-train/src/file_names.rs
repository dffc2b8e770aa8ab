//! What the files of a run are called; the [run directory](crate::run_dir) says what they hold.

use std::path::Path;

pub(crate) const SETTINGS: &str = "settings.toml";
pub(crate) const ENCODER: &str = "encoder.json";
pub(crate) const NOTES: &str = "notes.txt";
pub(crate) const TRAINED_ON: &str = "trained_on.json";
/// Rows that explanations compare with; not in runs that keep no rows.
pub(crate) const BACKGROUND: &str = "background.safetensors";
pub(crate) const METRICS: &str = "metrics.jsonl";
pub(crate) const SUMMARY: &str = "summary.json";
pub(crate) const EVALUATION: &str = "evaluation.json";
pub(crate) const WEIGHTS: &str = "weights.safetensors";
pub(crate) const OPTIMIZER: &str = "optimizer.safetensors";
pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const LOCK: &str = "lock";
/// Of a run that chooses: what it was asked for, what was found, what was chosen.
pub(crate) const ASKED: &str = "trials/asked.json";
pub(crate) const JOURNAL: &str = "trials/trials.jsonl";
pub(crate) const CHOICE: &str = "trials/choice.json";
/// Of a comparison: what it was asked for, what was found, what that says.
pub(crate) const COMPARE: &str = "trials/compare.json";
pub(crate) const RACES: &str = "trials/races.jsonl";
pub(crate) const COMPARISON: &str = "comparison.json";

/// Whether there is a file of a run at a path, which no output may take the place of.
pub fn is_file_of_a_run(path: &Path) -> bool {
    let names = [
        SETTINGS, ENCODER, NOTES, TRAINED_ON, METRICS, SUMMARY, EVALUATION, WEIGHTS, OPTIMIZER, LOCK,
        MANIFEST, BACKGROUND,
    ];
    let named = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| names.contains(&name));
    named && path.exists() && [SETTINGS, LOCK].iter().all(|other| path.with_file_name(other).exists())
}
