//! Whether alarms about gradients come when something is wrong, and only then:
//! `cargo run --release -p steepest-report --example health`
//!
//! A number behind it is how many seeds there are instead of 20; `--all` prints what each tensor of each run measured.
//!
//! Healthy runs over the embedded data sets, 20 seeds each; and the same with a planted fault: a learning rate ten times
//! too high, units that are dead, a layer that is saturated. Prints how many runs are alarmed, and how many name the tensor.

use std::ops::ControlFlow;
use steepest_report::complaints;
use steepest_train::{Event, Out, Settings, Snapshot, Summary, Trainer};

const SETS: [&str; 7] = ["iris", "wine", "diabetes", "breast-cancer", "cars", "digits", "magic"];

/// What is planted.
struct Fault {
    name: &'static str,
    settings: &'static str,
    plant: fn(&mut Snapshot),
    /// What an alarm has to name.
    named: &'static str,
}

const TANH: &str = "[model]\nactivation = 'tanh'";

const FAULTS: [Fault; 9] = [
    Fault { name: "healthy", settings: "", plant: |_| {}, named: "" },
    Fault { name: "healthy (sgd)", settings: "[optimizer]\nname = 'sgd'", plant: |_| {}, named: "" },
    Fault { name: "healthy (tanh)", settings: TANH, plant: |_| {}, named: "" },
    Fault { name: "rate x 10 (adamw)", settings: "[optimizer]\nlr = 0.03", plant: |_| {}, named: "" },
    Fault { name: "rate x 100 (adamw)", settings: "[optimizer]\nlr = 0.3", plant: |_| {}, named: "" },
    Fault { name: "dead units: all but one", settings: "", plant: |s| dead(s, 1), named: "hidden.0" },
    Fault { name: "dead units: half", settings: "", plant: |s| dead(s, 64), named: "hidden.0" },
    Fault { name: "saturated x 30", settings: TANH, plant: |s| saturated(s, 30.0), named: "hidden.0" },
    Fault { name: "saturated x 1000", settings: TANH, plant: |s| saturated(s, 1e3), named: "hidden.0" },
];

/// Units of the first hidden layer, from one on, get so low a bias that nothing wakes them.
fn dead(snapshot: &mut Snapshot, from: usize) {
    for (name, _, values) in &mut snapshot.weights {
        if name == "hidden.0.bias" {
            values[from..].fill(-1e4);
        }
    }
}

/// The first layer's weights are so large that its tanh is flat.
fn saturated(snapshot: &mut Snapshot, times: f32) {
    for (name, _, values) in &mut snapshot.weights {
        if name == "hidden.0.weight" {
            values.iter_mut().for_each(|weight| *weight *= times);
        }
    }
}

fn run(set: &str, seed: u64, fault: &Fault, out: &Out) -> Summary {
    let epochs = if set == "magic" { "\nepochs = 12" } else { "" };
    let text = format!("{}\n[data]\nsource = '{set}'\n[train]\nseed = {seed}{epochs}", fault.settings);
    let settings = Settings::from_toml(&text, "health").expect("settings");
    let mut trainer = Trainer::new(&settings, out).expect("a run");
    let mut snapshot = trainer.snapshot().expect("a snapshot");
    (fault.plant)(&mut snapshot);
    trainer.restore(snapshot).expect("its own snapshot");
    trainer.run(&mut |_: &Event| ControlFlow::Continue(())).expect("a run")
}

fn main() {
    let folder = std::env::temp_dir().join(format!("health-{}", std::process::id()));
    let seeds = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(20);
    for fault in &FAULTS {
        let (mut runs, mut alarmed, mut named, mut failed) = (0, 0, 0, 0);
        for set in SETS {
            for seed in 0..seeds {
                let summary = run(set, seed, fault, &Out::New { root: folder.clone() });
                let _ = std::fs::remove_dir_all(&summary.run);
                let complaints = complaints(&summary);
                let broke = ["divergence", "non_finite"].contains(&summary.stopped_by.as_str());
                runs += 1;
                failed += u32::from(broke);
                alarmed += u32::from(broke || !complaints.is_empty());
                named +=
                    u32::from(broke || complaints.iter().any(|complaint| complaint.contains(fault.named)));
                if std::env::args().any(|arg| arg == "--all") {
                    for layer in &summary.health.layers {
                        println!(
                            "{},{set},{seed},{},{},{:.4}",
                            fault.name,
                            layer.name,
                            layer.dead as f64 / layer.units as f64,
                            layer.flat
                        );
                    }
                    for tensor in &summary.health.tensors {
                        println!(
                            "{},{set},{seed},{},{},{},{},{},{:.4},{:?},{:e}",
                            fault.name,
                            summary.steps,
                            broke,
                            tensor.name,
                            tensor.exploded,
                            tensor.vanished,
                            tensor.zeros,
                            tensor.largest_update,
                            tensor.gradient_norm
                        );
                    }
                }
            }
        }
        println!(
            "{}: {runs} runs, {alarmed} alarmed, {named} named what was planted, {failed} failed",
            fault.name
        );
    }
    let _ = std::fs::remove_dir_all(folder);
}
