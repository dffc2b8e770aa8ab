//! Runs from settings to run directory, on the embedded data.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use steepest::registry;
use steepest_data::Source;
use steepest_train::{Error, Event, FinishedRun, Out, Outputs, Settings, Summary, fit};

const GO_ON: ControlFlow<()> = ControlFlow::Continue(());

fn settings(toml: &str) -> Settings {
    Settings::from_toml(toml, "test").expect("valid settings")
}

fn run(toml: &str, dir: &Path) -> Summary {
    fit(&settings(toml), &Out::At(dir.to_owned()), &mut |_: &Event| GO_ON).expect("a run")
}

fn temp() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

const QUICK: &str = "
    [data]
    source = 'iris'
    [model]
    hidden = [16]
    [train]
    epochs = 30
    batch = 16
";

#[test]
fn a_run_learns_and_leaves_everything_to_predict() {
    let dir = temp();
    let path = dir.path().join("run");
    let summary = run(QUICK, &path);
    assert_eq!((summary.task.as_str(), summary.batch, summary.optimizer.as_str()), ("classes", 16, "adamw"));
    assert!(summary.test.as_ref().unwrap().accuracy.unwrap() > 0.85, "{summary:?}");
    for file in ["settings.toml", "metrics.jsonl", "weights.safetensors", "encoder.json", "summary.json"] {
        assert!(path.join(file).is_file(), "{file}");
    }
    let lines = fs::read_to_string(path.join("metrics.jsonl")).unwrap();
    assert_eq!(lines.lines().count() as u64, summary.epochs);

    let opened = FinishedRun::open(&path).unwrap();
    let predictions = opened.predict(&Source::parse("iris"), None).unwrap();
    let Outputs::Classes { codes, classes, probabilities } = predictions.outputs else { panic!("classes") };
    assert_eq!((codes.len(), classes.len()), (150, 3));
    for row in probabilities.chunks(3) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5); // three roundings of f32
    }
    // all rows together are the three parts, weighted by their size
    let parts = [(106.0, summary.train), (22.0, summary.validation.unwrap()), (22.0, summary.test.unwrap())];
    let right: f64 = parts.iter().map(|(n, s)| n * s.accuracy.unwrap()).sum();
    assert_eq!(parts.iter().map(|p| p.0).sum::<f64>(), 150.0);
    assert!((predictions.score.unwrap().accuracy.unwrap() - right / 150.0).abs() < 0.02);
}

/// From its line in the registry alone: with clipping, a schedule and groups without decay, at its own learning rate.
#[test]
fn every_optimizer_trains() {
    let dir = temp();
    let mut idle = Vec::new();
    for entry in registry::OPTIMIZERS {
        let clip = if entry.traits.needs_loss { "" } else { "clip_norm = 10.0" }; // which would be another gradient
        let quick = if entry.traits.full_batch { QUICK.replace("batch = 16", "") } else { QUICK.to_owned() };
        let toml = format!("{quick}patience = 0\n[optimizer]\nname = '{}'\n{clip}\n", entry.name);
        let summary = run(&toml, &dir.path().join(entry.name));
        assert_eq!(summary.optimizer, entry.name);
        // three classes, so that knowing nothing costs ln 3 = 1.0986
        if summary.train.loss.is_nan() || summary.train.loss > 0.9 {
            idle.push(format!("{}: {}", entry.name, summary.train.loss));
        }
    }
    assert!(idle.is_empty(), "{}", idle.join("\n"));
}

#[test]
fn the_same_settings_give_the_same_weights_for_any_number_of_threads() {
    let dir = temp();
    // wide enough that the backend uses its threads, with dropout, which draws random numbers
    let toml = |threads: usize| {
        format!(
            "[data]\nsource = 'digits'\n[model]\nkind = 'mlp'\nhidden = [256, 128]\ndropout = 0.2\n\
             [train]\nepochs = 2\nbatch = 256\nseed = 3\nthreads = {threads}"
        )
    };
    let weights = |name: &str, threads: usize| {
        let path = dir.path().join(name);
        run(&toml(threads), &path);
        fs::read(path.join("weights.safetensors")).unwrap()
    };
    let first = weights("a", 1);
    assert!(first == weights("b", 1), "the same seed twice");
    assert!(first == weights("c", 2), "one thread and two");
}

#[test]
fn another_seed_gives_other_weights() {
    let dir = temp();
    let weights = |seed: u32| {
        let path = dir.path().join(seed.to_string());
        run(&format!("{QUICK}\nseed = {seed}"), &path);
        fs::read(path.join("weights.safetensors")).unwrap()
    };
    assert!(weights(1) != weights(2));
}

#[test]
fn a_learning_rate_far_too_large_is_named_with_its_tensor() {
    let dir = temp();
    let toml = "
        [data]
        source = 'diabetes'
        [optimizer]
        name = 'sgd'
        lr = 1e6
        [schedule]
        name = 'constant'
        warmup = 0
    ";
    let summary = run(toml, &dir.path().join("run"));
    assert!(["divergence", "non_finite"].contains(&summary.stopped_by.as_str()), "{summary:?}");
    let because = &summary.stopped_because;
    assert!(because.contains(".weight") || because.contains(".bias"), "{because}");
    assert!(because.contains("learning rate"), "{because}");
    // what is left can be looked at, NaN or not
    assert_eq!(FinishedRun::open(&dir.path().join("run")).unwrap().summary().stopped_by, summary.stopped_by);
}

#[test]
fn a_directory_is_one_runs_own() {
    let dir = temp();
    let path = dir.path().join("run");
    run(QUICK, &path);
    let again = fit(&settings(QUICK), &Out::At(path.clone()), &mut |_: &Event| GO_ON);
    assert!(matches!(again, Err(Error::RunExists { .. })), "{again:?}");

    // from inside a run's own events, its directory is in use
    let busy = dir.path().join("busy");
    let mut seen = None;
    let mut observer = |event: &Event| {
        if let Event::Start(_) = event {
            seen = Some(fit(&settings(QUICK), &Out::At(busy.clone()), &mut |_: &Event| GO_ON));
        }
        ControlFlow::Break(())
    };
    let summary = fit(&settings(QUICK), &Out::At(busy.clone()), &mut observer).unwrap();
    assert_eq!(summary.stopped_by, "interrupted");
    assert!(matches!(seen, Some(Err(Error::RunInUse { .. }))), "{seen:?}");
}

#[test]
fn new_runs_count_up() {
    let dir = temp();
    let out = Out::New { root: dir.path().join("runs") };
    let names: Vec<_> = (0..2)
        .map(|_| fit(&settings(QUICK), &out, &mut |_: &Event| GO_ON).unwrap().run)
        .map(|path| path.file_name().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["iris-0001", "iris-0002"]);
}

#[test]
fn every_stop_rule_says_so() {
    let dir = temp();
    for (extra, name) in [
        ("max_steps = 5", "max_steps"),
        ("epochs = 2", "max_epochs"),
        ("target_loss = 100.0", "target_loss"),
        ("gradient_tolerance = 100.0", "gradient_tolerance"),
        ("max_seconds = 1e-9", "max_time"),
        ("epochs = 500\npatience = 2", "no_improvement"),
    ] {
        let toml = format!("[data]\nsource = 'iris'\n[optimizer]\nlr = 0.05\n[train]\n{extra}");
        let summary = run(&toml, &dir.path().join(name));
        assert_eq!(summary.stopped_by, name, "{}", summary.stopped_because);
    }
}

#[test]
fn regression_is_reported_in_the_targets_unit() {
    let dir = temp();
    let summary = run("[data]\nsource = 'diabetes'\n[train]\nepochs = 20", &dir.path().join("run"));
    let test = summary.test.unwrap();
    // the target's standard deviation is 77; a network that learnt something is below, none is at 1
    assert!(test.rmse.unwrap() > 30.0 && test.rmse.unwrap() < 77.0, "{test:?}");
    assert!(test.r2.unwrap() > 0.2 && test.mae.unwrap() < test.rmse.unwrap(), "{test:?}");
}

#[test]
fn every_kind_of_network_and_loss_trains() {
    let dir = temp();
    for (i, toml) in [
        "[data]\nsource = 'digits'\n[model]\nkind = 'cnn'\ndropout = 0.1\n[train]\nmax_steps = 20",
        "[data]\nsource = 'digits'\n[model]\nkind = 'linear'\n[train]\nmax_steps = 20",
        "[data]\nsource = 'diabetes'\n[loss]\nkind = 'huber'\ndelta = 0.5\n[train]\nmax_steps = 20",
        "[data]\nsource = 'breast-cancer'\n[loss]\nclass_weights = 'balanced'\nlabel_smoothing = 0.1\n\
         [model]\nlayer_norm = true\nactivation = 'gelu'\n[train]\nmax_steps = 20",
        "[data]\nsource = 'iris'\n[loss]\nclass_weights = [1.0, 2.0, 3.0]\n[model]\nactivation = 'silu'\n[train]\nmax_steps = 20",
        "[data]\nsource = 'iris'\nvalidation = 0.0\ntest = 0.0\n[schedule]\nname = 'reduce_on_plateau'\n[train]\nmax_steps = 20",
        "[data]\nsource = 'iris'\n[optimizer]\nclip_adaptive = 0.01\n[train]\nmax_steps = 20\nbatch = 'full'",
    ]
    .iter()
    .enumerate()
    {
        let summary = run(toml, &dir.path().join(i.to_string()));
        assert_eq!(summary.stopped_by, "max_steps", "{toml}");
        assert!(summary.train.loss.is_finite(), "{toml}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_words() {
    let dir = temp();
    for (toml, words) in [
        ("[optimizer]\nname = 'adamv'", "did you mean `adam"),
        ("[optimizer]\nbeta = 0.9", "did you mean `beta"),
        ("[optimizer]\nbeta1 = 1.0", "outside [0, 1)"),
        ("[optimizer]\nlr = -1.0", "optimizer.lr is -1"),
        ("[optimizer]\nclip_norm = 1.0\nclip_value = 1.0", "one kind of clipping"),
        ("[schedule]\nname = 'cosinus'", "did you mean `cosine`"),
        ("[data]\nsource = 'diggits'", "digits"),
        ("[data]\nsource = 'iris'\ntarget = 'specie'", "species"),
        ("[data]\nsource = 'iris'\n[model]\nkind = 'cnn'", "set model.kind to mlp"),
        ("[data]\nsource = 'iris'\n[loss]\nkind = 'huber'", "cross_entropy"),
        ("[data]\nsource = 'iris'\n[loss]\nclass_weights = [1.0]", "3 finite numbers"),
        ("[train]\ndevice = 'cuda'", "expected cpu"),
        ("[train]\nepochs = 0", "at least 1"),
        ("[optimizer]\nclip_norm = -1.0", "outside (0, ∞)"),
    ] {
        let path = dir.path().join("none");
        let error = fit(&settings(toml), &Out::At(path.clone()), &mut |_: &Event| GO_ON).unwrap_err();
        assert!(error.to_string().contains(words), "{toml}: {error}");
        assert!(!path.exists(), "bad input leaves no directory: {toml}");
    }
}

#[test]
fn settings_come_back_from_toml() {
    let toml = "
        [optimizer]
        name = 'adam'
        lr = 0.01
        beta1 = 0.8
        [train]
        batch = 'full'
        [loss]
        class_weights = 'balanced'
    ";
    let first = settings(toml);
    assert_eq!(settings(&first.to_toml()), first);
}

/// Runs of earlier versions predict for ever what they predicted then; products may add in another order elsewhere.
#[test]
fn runs_of_the_first_version_predict_what_they_predicted_then() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/compat/v1");
    let homes = folder.join("homes.csv").display().to_string();
    for (run, data) in
        [("homes-price", &*homes), ("homes-sold", &homes), ("digits", "digits"), ("iris", "iris")]
    {
        let path = folder.join("runs").join(run);
        let opened = FinishedRun::open(&path).unwrap_or_else(|error| panic!("{run}: {error}"));
        let found: Vec<f64> = match opened.predict(&Source::parse(data), None).unwrap().outputs {
            Outputs::Numbers(values) => values,
            Outputs::Classes { probabilities, .. } => probabilities.into_iter().map(f64::from).collect(),
        };
        let text = fs::read_to_string(path.join("predictions.csv")).unwrap();
        let classes = text.lines().next().unwrap().contains(',');
        let expected: Vec<f64> = (text.lines().skip(1))
            .flat_map(|line| {
                line.split(',').skip(usize::from(classes)).map(|x| x.parse().unwrap()).collect::<Vec<f64>>()
            })
            .collect();
        assert!(expected.len() >= 40, "{run}");
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() <= 1e-5 * expected.abs().max(1.0), "{run}: {found} {expected}");
        }
    }
}
