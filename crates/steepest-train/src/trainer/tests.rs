use super::*;
use crate::checkpoint::{self, Found, Origin};
use crate::event::EpochDone;
use crate::run_dir::Out;
use crate::settings::Settings;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

const GO_ON: ControlFlow<()> = ControlFlow::Continue(());

/// Metrics by epoch, without what the clock says.
fn metrics(run: &Path) -> Vec<EpochDone> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let line =
        |line| EpochDone { seconds: 0.0, samples_per_second: 0.0, ..serde_json::from_str(line).unwrap() };
    text.lines().map(line).collect()
}

/// Without the clock and the place.
fn outcome(mut summary: Summary) -> Summary {
    summary.run = "run".into();
    summary.seconds = 0.0;
    summary
}

/// Trains up to and with a step, wherever in its epoch that is.
pub(super) fn until(trainer: &mut Trainer, step: u64) -> Snapshot {
    let mut observer = |event: &Event| match event {
        Event::Step(done) if done.step == step => ControlFlow::Break(()),
        _ => GO_ON,
    };
    let mut events = Events::of_every_step(&mut observer);
    while trainer.train_epoch(&mut events).unwrap().is_none() {
        let (validation, best) = trainer.validate().unwrap();
        assert_eq!(trainer.judge(validation, best, None, &mut events).unwrap(), None);
        trainer.tracker.next_epoch();
    }
    assert_eq!(trainer.tracker.counters.step, step);
    trainer.snapshot().unwrap()
}

#[test]
fn a_run_goes_on_from_its_state_to_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    // 7 steps an epoch
    let data = "[data]\nsource = 'iris'\n[model]\nhidden = [8]\n[train]\nbatch = 16\n";
    let cases = [
        "epochs = 12\npatience = 4\n[optimizer]\nlr = 0.05\nclip_norm = 0.5",
        "epochs = 12\n[optimizer]\nname = 'sgd'\nmomentum = 0.9\nlr = 0.2\n\
         [schedule]\nname = 'reduce_on_plateau'\npatience = 1\nfactor = 0.5",
        "epochs = 8\n[optimizer]\nname = 'schedule_free_adamw'\nlr = 0.05",
        "max_steps = 50\n[loss]\nlabel_smoothing = 0.1\nclass_weights = 'balanced'",
    ];
    for (i, case) in cases.into_iter().enumerate() {
        let settings = Settings::from_toml(&format!("{data}{case}"), "test").unwrap();
        let at = |name: &str| dir.path().join(format!("{i}-{name}"));
        let trainer = |name: &str| Trainer::new(&settings, &Out::At(at(name))).unwrap();
        let whole = trainer("whole").run(&mut |_: &Event| GO_ON).unwrap();
        // in the middle of an epoch, and after its last step, before it is judged
        for step in [17, 21] {
            let name = format!("until-{step}");
            let Snapshot { state, weights, best_weights, optimizer } = until(&mut trainer(&name), step);
            let text = serde_json::to_string(&state).unwrap();
            let state: crate::RunState = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&state).unwrap(), text);

            let name = format!("after-{step}");
            let mut second = trainer(&name);
            second.restore(Snapshot { state, weights, best_weights, optimizer }).unwrap();
            let again = second.run(&mut |_: &Event| GO_ON).unwrap();
            let (whole_run, run) = (at("whole"), at(&name));
            let weights = |run: &Path| fs::read(run.join("weights.safetensors")).unwrap();
            assert!(weights(&run) == weights(&whole_run), "{case}: weights, interrupted after {step}");
            let optimizer = |run: &Path| fs::read(run.join("optimizer.safetensors")).unwrap();
            assert!(optimizer(&run) == optimizer(&whole_run), "{case}: optimizer, {step}");
            assert_eq!(metrics(&run), metrics(&whole_run)[2..], "{case}");
            assert_eq!(outcome(again), outcome(whole.clone()), "{case}");
        }
    }
}

/// A run over iris in a folder, and what its checkpoints say of it.
pub(super) fn small_run(run: &Path) -> (Trainer, Origin) {
    let text = "[data]\nsource = 'iris'\n[model]\nhidden = [4]";
    let settings = Settings::from_toml(text, "test").unwrap();
    let trainer = Trainer::new(&settings, &Out::At(run.to_owned())).unwrap();
    let Found { origin, .. } = checkpoint::latest(run).unwrap().unwrap();
    (trainer, origin)
}

/// Every byte of a checkpoint counts: a flipped or a missing one is found, and the checkpoint before it is taken.
#[test]
fn damage_to_a_checkpoint_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let (mut trainer, origin) = small_run(&run);
    let write = |snapshot: &Snapshot| checkpoint::write(&steepest::Disk, &run, snapshot, &origin, 2).unwrap();
    let older = until(&mut trainer, 2);
    write(&older);
    let newer = until(&mut trainer, 3);
    write(&newer);
    let latest = || {
        let Found { snapshot, damaged, .. } = checkpoint::latest(&run).unwrap().unwrap();
        (snapshot, damaged)
    };
    assert_eq!(latest(), (newer.clone(), Vec::new()));
    let path = run.join(format!("checkpoints/{:09}.safetensors", newer.state.counters.step));
    let whole = fs::read(&path).unwrap();
    let mut at = 0;
    while at < whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, &bytes).unwrap();
        let (found, damaged) = latest();
        // white space and the like in the header may change without a change of what it says
        assert!(found == newer || (found == older && damaged.len() == 1), "byte {at}");
        fs::write(&path, &whole[..at]).unwrap();
        assert_eq!(latest().0, older, "cut at {at}");
        at += 1 + whole.len() / 400;
    }
    // a third drops the first
    fs::write(&path, &whole).unwrap();
    let third = until(&mut trainer, 4);
    write(&third);
    assert_eq!(fs::read_dir(run.join("checkpoints")).unwrap().count(), 2);
    assert_eq!(latest().0, third);
}

#[test]
fn the_state_of_another_run_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let trainer = |name: &str, toml: &str| {
        let settings = Settings::from_toml(&format!("[data]\nsource = '{name}'\n{toml}"), "test").unwrap();
        let out = Out::New { root: dir.path().to_owned() };
        Trainer::new(&settings, &out).unwrap()
    };
    let snapshot = until(&mut trainer("iris", ""), 3);
    for (other, words) in [
        ("[schedule]\nname = 'reduce_on_plateau'\n[train]\npatience = 0", "its schedule watched no loss"),
        ("[train]\nmax_steps = 99", "the stop rules"),
        ("[model]\nhidden = [7]", "hidden.0.weight"),
    ] {
        let error = trainer("iris", other).restore(snapshot.clone()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}
