use super::super::fixture::{file, iris, quiet, rate_free};
use super::*;
use crate::error::Error;
use crate::event::Event;
use crate::file_names::COMPARISON;
use crate::learning_rate::LearningRate;
use crate::run_dir::Out;
use crate::settings::Settings;
use crate::trainer::ResumeOptions;
use std::ops::ControlFlow;
use std::path::Path;
use steepest::registry::OPTIMIZERS;
use tempfile::TempDir;

/// Two usual optimizers, and one that finds its own step size.
fn options() -> CompareOptions {
    let optimizers = vec![OPTIMIZERS[4].name.to_owned(), OPTIMIZERS[0].name.to_owned(), rate_free()];
    CompareOptions { optimizers, folds: 3, rates: vec![3], ..CompareOptions::default() }
}

/// What a comparison says but for the time that it took.
fn timeless(mut comparison: Comparison) -> Comparison {
    for one in &mut comparison.optimizers {
        (one.step_seconds, one.tuning_seconds, one.reached.seconds) = (0.0, 0.0, None);
    }
    comparison
}

fn said(run: &Path) -> Comparison {
    serde_json::from_slice(&file(run, COMPARISON)).unwrap()
}

#[test]
fn all_have_the_same_rows_and_each_row_is_judged_once() {
    let folder = TempDir::new().unwrap();
    let out = Out::At(folder.path().join("run"));
    let (run, found) = compare(&iris(""), &options(), &out, &mut quiet).unwrap();
    assert_eq!(said(&run), found);
    assert_eq!((found.rows, found.baseline, found.rates.as_slice()), (150, 0, &[3, 3, 3][..]));
    // as it is and tuned
    let names: Vec<&str> = found.optimizers.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(names[2].ends_with(", untuned") && names[2].starts_with(names[3]), "{names:?}");
    for one in &found.optimizers {
        let loss = one.loss.unwrap();
        assert!(loss.interval[0] < loss.mean && loss.mean < loss.interval[1], "{one:?}");
        assert_eq!((one.failed, one.lr.len()), (0, 3), "{one:?}");
        assert_eq!(one.tuning > 0.0, one.tuned, "{one:?}");
        assert!(one.tuning <= 1.0 && one.step_seconds > 0.0, "{one:?}");
        assert!(one.reached.count <= one.reached.of && one.reached.of == 3);
    }
    let [first, second, ..] = &found.optimizers[..] else { panic!("{found:?}") };
    assert!(first.difference.is_none());
    // it came to its own lowest loss
    assert_eq!(first.reached.count, 3);
    let difference = second.difference.unwrap();
    let by_hand = second.loss.unwrap().mean - first.loss.unwrap().mean;
    assert!((difference.mean - by_hand).abs() < 1e-12);
    assert!(difference.p_adjusted >= difference.p_value);
    // what it left is no run that predicts, and goes on no more
    assert!(crate::FinishedRun::open(&run).is_err());
    assert!(crate::resume(&run, &ResumeOptions::default(), &mut quiet).is_err());
    let again = resume_compare(&run, &ResumeOptions::default(), &mut quiet);
    assert!(matches!(again, Err(Error::RunFinished { .. })));
    let verified = crate::verify(&run, None, None).unwrap();
    assert!(!verified.is_damaged() && verified.files.iter().any(|file| file.file == "trials/races.jsonl"));
}

#[test]
fn what_is_cut_anywhere_says_the_same() {
    let folder = TempDir::new().unwrap();
    let whole = folder.path().join("whole");
    compare(&iris(""), &options(), &Out::At(whole.clone()), &mut quiet).unwrap();
    for cut in [1, 5, 11] {
        let run = folder.path().join(format!("cut-{cut}"));
        let mut stop = |event: &Event| match event {
            Event::Choosing(choosing) if choosing.compared >= cut => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let mut settings = iris("");
        settings.train.threads = Some(1 + cut % 3);
        let cut_off = compare(&settings, &options(), &Out::At(run.clone()), &mut stop);
        let Err(Error::ComparingStopped { so_far, .. }) = cut_off else { panic!("{cut}: {cut_off:?}") };
        assert!(so_far.contains(" over "), "{so_far}");
        assert!(crate::RunFiles::open(&run).unwrap().is_comparison());
        resume_compare(&run, &ResumeOptions::default(), &mut quiet).unwrap();
        assert_eq!(timeless(said(&run)), timeless(said(&whole)), "{cut}");
    }
}

#[test]
fn what_cannot_be_compared_is_refused_before_a_directory_is_made() {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("run");
    let refused = |change: &dyn Fn(&mut CompareOptions, &mut Settings)| {
        let (mut options, mut settings) = (options(), iris(""));
        change(&mut options, &mut settings);
        compare(&settings, &options, &Out::At(run.clone()), &mut quiet).unwrap_err().to_string()
    };
    let decay = steepest::settings::Value::Number(0.1);
    for (error, words) in [
        (refused(&|options, _| options.optimizers.truncate(1)), "at least two"),
        (refused(&|options, _| options.optimizers[1] = options.optimizers[0].clone()), "named twice"),
        (refused(&|options, _| options.optimizers[1] = "no such".into()), "no such"),
        (refused(&|options, _| options.baseline = Some("other".into())), "none of"),
        (refused(&|options, _| options.folds = 1), "at least 2"),
        (refused(&|options, _| options.folds = 200), "fewer folds"),
        (refused(&|options, _| options.trainings = 0), "at least 1"),
        (refused(&|options, _| options.rates = vec![3, 4]), "one for each of 3"),
        (refused(&|options, _| options.rates = vec![99]), "1 to 15"),
        (refused(&|options, _| options.reach = Some(f64::NAN)), "a finite loss"),
        (refused(&|_, settings| settings.optimizer.lr = Some(LearningRate::Number(0.1))), "lr would be"),
        (
            refused(&|_, settings| {
                settings.optimizer.settings.insert("weight_decay".into(), decay.clone());
            }),
            "weight_decay would be of one of them",
        ),
        (refused(&|_, settings| settings.train.max_seconds = Some(3.0)), "is counted"),
        (refused(&|_, settings| settings.data.test_file = Some("x.csv".into())), "held back once"),
        (refused(&|_, settings| settings.train.max_steps = Some(3)), "train for at least 16 steps"),
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
    assert!(!run.exists());
}
