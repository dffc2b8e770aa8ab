//! What saving costs: `cargo run --release -p steepest-train --example saving`
//!
//! A network of 55 k parameters on the embedded digits: the time that the training thread spends in a snapshot; whole runs
//! that are saved every 10 steps, as by default and never, one after the other; and what memory 100,000 steps take.

use std::ops::ControlFlow;
use std::time::Instant;
use steepest_train::{Event, Out, Settings, Trainer, fit};

fn settings(save_every: &str, more: &str) -> Settings {
    let text = format!(
        "[data]\nsource = 'digits'\n[model]\nhidden = [256, 128]\n[train]\npatience = 0\nsave_every = '{save_every}'\n{more}"
    );
    Settings::from_toml(&text, "saving").expect("settings")
}

fn main() {
    let folder = std::env::temp_dir().join(format!("saving-{}", std::process::id()));
    let out = || Out::New { root: folder.clone() };
    snapshots(&out());
    runs(&out);
    growth(&out());
    let _ = std::fs::remove_dir_all(folder);
}

/// The time of one snapshot.
fn snapshots(out: &Out) {
    let trainer = Trainer::new(&settings("30s", "epochs = 1"), out).expect("a run");
    let mut times: Vec<f64> = (0..1000)
        .map(|_| {
            let start = Instant::now();
            let snapshot = trainer.snapshot().expect("a snapshot");
            let time = start.elapsed().as_secs_f64() * 1e3;
            drop(snapshot);
            time
        })
        .collect();
    times.sort_unstable_by(f64::total_cmp);
    println!("a snapshot: median {:.2} ms, 99th percentile {:.2} ms", times[500], times[990]);
}

/// Whole runs, alternating.
fn runs(out: &dyn Fn() -> Out) {
    const ROUNDS: usize = 9;
    let kinds = ["1000000epochs", "30s", "10steps"];
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for (kind, times) in kinds.iter().zip(&mut times) {
            let start = Instant::now();
            let done =
                fit(&settings(kind, "epochs = 40"), &out(), &mut |_: &Event| ControlFlow::Continue(()));
            done.expect("a run");
            times.push(start.elapsed().as_secs_f64());
        }
    }
    let medians = times.map(|mut times| {
        times.sort_unstable_by(f64::total_cmp);
        times[ROUNDS / 2]
    });
    for (kind, median) in kinds.iter().zip(medians) {
        println!("40 epochs, saved every {kind}: {median:.3} s, {:.3} of never", median / medians[0]);
    }
}

/// Memory after a fiftieth of the steps and at their end.
fn growth(out: &Out) {
    let mut sizes = Vec::new();
    let mut observer = |event: &Event| {
        if let Event::Step(done) = event
            && (sizes.is_empty() && done.step >= 20_000 || done.step >= 100_000)
        {
            sizes.push(resident());
        }
        ControlFlow::Continue(())
    };
    let text = "[data]\nsource = 'iris'\n[model]\nhidden = [8]\n[train]\npatience = 0\nbatch = 16\nmax_steps = 100000\n\
                save_every = '100steps'";
    let settings = Settings::from_toml(text, "growth").expect("settings");
    fit(&settings, out, &mut observer).expect("a run");
    let last = sizes.last().copied().unwrap_or_default();
    println!("100,000 steps: {} KiB at step 20,000, {last} KiB at the end", sizes[0]);
}

/// KiB of this process in memory; 0 where the system does not tell.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
