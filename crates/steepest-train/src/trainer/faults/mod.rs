//! What becomes of a run when files fail, power is cut, processes are killed and bytes change.
//!
//! `STEEPEST_LONG=1` takes the long form of the tests: 200 kills, 10,000 flipped bits.

mod damage;
mod disk;
mod every_optimizer;
mod failing;
mod kills;
mod longer;
mod power;
mod strangers;

use super::begin::ResumeOptions;
use super::tests::{small_run, until};
use super::*;
use crate::checkpoint::{self, Found, Origin};
use crate::error::Error;
use crate::run_dir::Out;
use crate::settings::Settings;
use crate::state::Snapshot;
use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;
use steepest::{Disk, FileSystem};
use steepest_data::random::Stream;

/// How many cases of something long: few in every test run, many where they were asked for.
fn cases(few: usize, many: usize) -> usize {
    if std::env::var_os("STEEPEST_LONG").is_some() { many } else { few }
}

/// A folder, and where a run in it would be.
fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    (dir, run)
}

/// A run that went to its end.
fn finished_run() -> (tempfile::TempDir, PathBuf) {
    let (dir, run) = place();
    small_run(&run).0.run(&mut silent).unwrap();
    (dir, run)
}

/// A run after each of its first steps.
fn snapshots(run: &Path, steps: u64) -> (Vec<Snapshot>, Origin) {
    let (mut trainer, origin) = small_run(run);
    ((1..=steps).map(|step| until(&mut trainer, step)).collect(), origin)
}

fn silent(_: &Event) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// A run that is saved often.
fn killed_settings() -> Settings {
    let text = "[data]\nsource = 'iris'\n[model]\nhidden = [8]\n[train]\nbatch = 16\nepochs = 120\npatience = 0\n\
                save_every = '10steps'\n[optimizer]\nname = 'adamw'\nlr = 0.02\n";
    Settings::from_toml(text, "test").unwrap()
}

/// What a run directory gives once no other process has its lock: one that another test is just starting has for a moment
/// whatever this process has open.
fn unlocked<T>(open: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 0..200 {
        match open() {
            Err(Error::RunInUse { .. }) => std::thread::sleep(Duration::from_millis(10)),
            opened => return opened,
        }
    }
    open()
}

fn resume(run: &Path, how: &super::begin::ResumeOptions) -> Result<Trainer> {
    unlocked(|| Trainer::resume(run, how))
}

/// What has to be the same.
fn left_by(run: &Path) -> (Vec<u8>, Vec<u8>, Vec<String>) {
    let read = |file: &str| fs::read(run.join(file)).unwrap();
    let without_clock = |line: &str| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        let fields = line.as_object_mut().unwrap();
        ["seconds", "samples_per_second"].iter().for_each(|clock| drop(fields.remove(*clock)));
        line.to_string()
    };
    let metrics = String::from_utf8(read("metrics.jsonl")).unwrap();
    let metrics = metrics.lines().map(without_clock).collect();
    (read("weights.safetensors"), read("optimizer.safetensors"), metrics)
}
