//! Runs from settings to run directory, on the embedded data.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use steepest::registry;
use steepest_data::Source;
use steepest_train::{
    EpochDone, Error, Event, FinishedRun, Out, Outputs, PredictOptions, Settings, Summary, fit,
};

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
    let predictions = opened.predict(&Source::parse("iris"), &PredictOptions::default()).unwrap();
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
    assert_eq!(
        FinishedRun::open(&dir.path().join("run")).unwrap().summary().unwrap().stopped_by,
        summary.stopped_by
    );
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

/// The lines of `metrics.jsonl`.
fn epochs(run: &Path) -> Vec<EpochDone> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_kept_epoch_is_the_best_by_what_was_asked_for() {
    let dir = temp();
    for (toml, name, higher) in [
        ("source = 'breast-cancer'\n[train]\nmetric = 'auc'", "validation auc", true),
        ("source = 'diabetes'\n[train]\nmetric = 'median_error'", "validation median_error", false),
        ("source = 'diabetes'\n[train]\nmetric = 'r2'", "validation r2", true),
        ("source = 'diabetes'\n[train]", "capped validation loss", false),
    ] {
        let path = dir.path().join(name.replace(' ', "-"));
        let summary = run(&format!("[data]\n{toml}\nepochs = 60\npatience = 8"), &path);
        let epochs = epochs(&path);
        let capped = name.starts_with("capped");
        assert_eq!(summary.kept_by, name);
        assert!(epochs.iter().all(|epoch| epoch.validation_capped.is_some() == capped));
        let value = |epoch: &EpochDone| epoch.validation_capped.or(epoch.validation_metric).unwrap();
        let better = |a: f64, b: f64| if higher { a > b } else { a < b };
        let kept = &epochs[summary.best_epoch as usize - 1];
        // the first of the best: no later one is better, all earlier ones are worse
        assert!(epochs.iter().all(|epoch| !better(value(epoch), value(kept))), "{name}");
        assert!(
            epochs[..summary.best_epoch as usize - 1].iter().all(|e| better(value(kept), value(e))),
            "{name}"
        );
        assert!(kept.best);
        if summary.stopped_by == "no_improvement" {
            assert_eq!(summary.epochs, summary.best_epoch + 8, "{name}");
            assert!(summary.stopped_because.contains(name), "{}", summary.stopped_because);
        }
    }
}

/// `rows` rows of y = 10 x + noise, with y of some rows replaced.
fn table(dir: &Path, rows: usize, others: &[(usize, &str)]) -> String {
    let mut text = "x,noise,y\n".to_owned();
    for row in 0..rows {
        // two sequences that go nowhere twice
        let [x, noise] = [0.618_034, 0.414_214].map(|step| (step * (row + 1) as f64).fract());
        let y = format!("{:.3}", 10.0 * x + 0.1 * noise);
        let y = others.iter().find(|(other, _)| *other == row).map_or(&*y, |(_, y)| y);
        text += &format!("{x:.4},{noise:.4},{y}\n");
    }
    let path = dir.join("table.csv");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn outliers_are_named_and_the_other_rows_are_learned() {
    let dir = temp();
    for (i, others) in [
        vec![(3, "1e9")],
        vec![(3, "-1e6"), (200, "1e12")],
        vec![(3, "80")],
        vec![(1, "-999"), (30, "-999"), (71, "-999"), (140, "-999"), (199, "-999"), (250, "-999")],
    ]
    .into_iter()
    .enumerate()
    {
        let source = table(dir.path(), 300, &others);
        let path = dir.path().join(i.to_string());
        let mut notes = Vec::new();
        let mut observer = |event: &Event| {
            if let Event::Note(note) = event {
                notes.push(note.clone());
            }
            GO_ON
        };
        let toml = format!("[data]\nsource = '{source}'\n[train]\nepochs = 40");
        let summary = fit(&settings(&toml), &Out::At(path.clone()), &mut observer).unwrap();
        notes.extend(summary.notes);
        let named = |row: usize| notes.iter().any(|note| note.contains(&format!("line {}", row + 2)));
        assert!(others.iter().any(|(row, _)| named(*row)), "{others:?}: {notes:?}");

        let predictions = FinishedRun::open(&path)
            .unwrap()
            .predict(&Source::parse(&source), &PredictOptions::default())
            .unwrap();
        let Outputs::Numbers(values) = predictions.outputs else { panic!("numbers") };
        let mut errors: Vec<f64> =
            (0..300).map(|row| (values[row] - 10.0 * (0.618_034 * (row + 1) as f64).fract()).abs()).collect();
        errors.sort_by(f64::total_cmp);
        // the interquartile range is 5
        assert!(errors[150] < 0.5, "{others:?}: {}", errors[150]);
    }
}

#[test]
fn few_rows_of_a_class_are_said_and_the_baseline_stands_beside() {
    let dir = temp();
    let rows: Vec<(usize, String)> =
        (0..100).map(|row| (row, if row % 50 == 7 { "yes" } else { "no" }.into())).collect();
    let rows: Vec<(usize, &str)> = rows.iter().map(|(row, y)| (*row, y.as_str())).collect();
    let source = table(dir.path(), 100, &rows);
    let summary = run(&format!("[data]\nsource = '{source}'\n[train]\nepochs = 3"), &dir.path().join("run"));
    assert_eq!(
        summary.notes.first().map(String::as_str),
        Some(
            "few rows are of the class \"yes\" (2 to train on, none to validate, none to test): scores say little about it"
        )
    );
    let test = summary.test.unwrap();
    assert_eq!((test.accuracy, test.auc, test.balanced_accuracy), (Some(1.0), None, None));
    assert!(test.intervals["accuracy"][0] < 0.9, "fifteen rows that are right do not make a certainty");
    let baseline = summary.baseline.unwrap();
    assert!(baseline.predicts.starts_with("\"no\" for every row"), "{}", baseline.predicts);
    assert_eq!(baseline.test.unwrap().accuracy, Some(1.0));
    assert_eq!(summary.positive.as_deref(), Some("yes"));

    // and what rows without the class cannot say, no epoch is kept by
    let toml = format!("[data]\nsource = '{source}'\n[train]\nmetric = 'auc'");
    let error = fit(&settings(&toml), &Out::At(dir.path().join("auc")), &mut |_: &Event| GO_ON).unwrap_err();
    assert!(error.to_string().contains("computed from the validation rows"), "{error}");
}

#[test]
fn a_network_that_learns_nothing_is_called_no_better_than_the_baseline() {
    let dir = temp();
    let rows: Vec<(usize, String)> =
        (0..200).map(|row| (row, ((0.732_05 * row as f64).fract() * 9.0).to_string())).collect();
    let rows: Vec<(usize, &str)> = rows.iter().map(|(row, y)| (*row, y.as_str())).collect();
    let source = table(dir.path(), 200, &rows);
    let said = |toml: &str, name: &str| {
        let summary = run(&format!("[data]\n{toml}\n[train]\nepochs = 20"), &dir.path().join(name));
        summary.notes.iter().any(|note| note.contains("not clearly better than the baseline"))
    };
    assert!(said(&format!("source = '{source}'"), "noise"));
    assert!(!said("source = 'diabetes'", "diabetes"));
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
        ("[schedule]\nname = 'cosinus'", "did you mean `cosine`"),
        ("[data]\nsource = 'diggits'", "digits"),
        ("[data]\nsource = 'iris'\ntarget = 'specie'", "species"),
        ("[data]\nsource = 'iris'\n[model]\nkind = 'cnn'", "set model.kind to mlp"),
        ("[data]\nsource = 'iris'\n[loss]\nkind = 'huber'", "cross_entropy"),
        ("[data]\nsource = 'iris'\n[loss]\nclass_weights = [1.0]", "3 finite numbers"),
        ("[data]\nsource = 'iris'\n[train]\nmetric = 'r2'", "a metric for a class: loss, accuracy"),
        ("[data]\nsource = 'diabetes'\n[train]\nmetric = 'auc'", "a metric for a number: loss, r2, rmse"),
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
        let found: Vec<f64> =
            match opened.predict(&Source::parse(data), &PredictOptions::default()).unwrap().outputs {
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
