use super::super::fixture::{self, chosen_in, file, quiet, settings_in};
use super::*;
use crate::event::{Event, Stopped};
use crate::learning_rate::LearningRate;
use crate::run_dir::Out;
use crate::trainer::{ResumeOptions, Trainer};
use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use tempfile::TempDir;

/// With the learning rate to be chosen on two divisions of the rows, or with what else is said.
fn iris(optimizer: &str) -> Settings {
    fixture::iris(&format!("lr_splits = 2\n{optimizer}"))
}

/// Without what a clock says, and where the rate came from.
fn metrics(run: &Path) -> Vec<serde_json::Value> {
    let text = String::from_utf8(file(run, "metrics.jsonl")).unwrap();
    text.lines()
        .map(|line| {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            for clock in ["seconds", "samples_per_second"] {
                line.as_object_mut().unwrap().remove(clock);
            }
            line
        })
        .collect()
}

/// Chooses in a directory; the run, and what was said.
fn chosen(folder: &TempDir, name: &str, settings: &Settings) -> (PathBuf, Vec<String>) {
    let run = folder.path().join(name);
    let mut notes = Vec::new();
    let mut observe = |event: &Event| {
        if let Event::Note(note) = event {
            notes.push(note.clone());
        }
        ControlFlow::Continue(())
    };
    crate::fit(settings, &Out::At(run.clone()), &mut observe).unwrap();
    (run, notes)
}

#[test]
fn the_run_is_that_of_the_rate_from_its_first_step_on() {
    let folder = TempDir::new().unwrap();
    let (run, notes) = chosen(&folder, "auto", &iris("lr = 'auto'"));
    let said = notes.iter().find(|note| note.starts_with("learning rate ")).expect("what was chosen");
    assert!(said.contains("on 2 splits"), "{notes:?}");
    let resolved = settings_in(&run);
    let Some(LearningRate::Number(lr)) = resolved.optimizer.lr else { panic!("{resolved:?}") };
    assert!(resolved.optimizer.lr_from.unwrap().starts_with("auto: the best of "));
    let plain = folder.path().join("plain");
    crate::fit(&iris(&format!("lr = {lr}")), &Out::At(plain.clone()), &mut quiet).unwrap();
    for name in ["weights.safetensors", "optimizer.safetensors"] {
        assert_eq!(file(&run, name), file(&plain, name), "{name}");
    }
    assert_eq!(metrics(&run), metrics(&plain));
    let table = String::from_utf8(file(&run, "trials/trials.csv")).unwrap();
    // seven rates on two splits, two of them twice
    assert!(table.lines().count() > 2 * 9, "{table}");
    let found = chosen_in(&run);
    assert_eq!((found.splits, found.how), (2, How::Auto));
    assert!(found.tried.len() >= 7 && found.cost < 2.0 * (2.25 + 0.5), "{found:?}");
    assert!(crate::verify(&run, None, None).unwrap().files.iter().all(|file| file.problem.is_none()));
}

#[test]
fn any_number_of_threads_chooses_alike() {
    let folder = TempDir::new().unwrap();
    let runs = [1, 2, 3].map(|threads| {
        let mut settings = iris("lr = 'auto'");
        settings.train.threads = Some(threads);
        chosen(&folder, &threads.to_string(), &settings).0
    });
    for name in ["weights.safetensors", "trials/trials.csv"] {
        assert!(runs.iter().all(|run| file(run, name) == file(&runs[0], name)), "{name}");
    }
}

#[test]
fn what_is_cut_anywhere_ends_alike() {
    let folder = TempDir::new().unwrap();
    let (whole, _) = chosen(&folder, "whole", &iris("lr = 'auto'"));
    for cut in [1, 5, 9, 14, 17] {
        let run = folder.path().join(format!("cut-{cut}"));
        let stop = |event: &Event| match event {
            Event::Choosing(choosing) if choosing.compared >= cut => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let mut stop = stop;
        let error = crate::fit(&iris("lr = 'auto'"), &Out::At(run.clone()), &mut stop);
        match error {
            Err(Error::ChoosingStopped { run: at, .. }) => assert_eq!(at, run),
            // the observer is asked while something is trained
            other => assert!(cut > 14, "{cut}: {other:?}"),
        }
        if cut == 9 {
            // a line that was cut
            let path = run.join("trials/trials.jsonl");
            let text = fs::read(&path).unwrap();
            fs::write(&path, &text[..text.len() - 20]).unwrap();
        }
        if settings_in(&run).optimizer.chooses_rate() {
            crate::resume(&run, &ResumeOptions::default(), &mut quiet).unwrap();
        }
        for name in ["weights.safetensors", "optimizer.safetensors", "trials/trials.csv", "settings.toml"] {
            assert_eq!(file(&run, name), file(&whole, name), "{cut}: {name}");
        }
        assert_eq!(metrics(&run), metrics(&whole), "{cut}");
    }
}

#[test]
fn a_stop_in_the_training_itself_is_that_of_a_run() {
    let folder = TempDir::new().unwrap();
    let (whole, _) = chosen(&folder, "whole", &iris("lr = 'auto'"));
    let run = folder.path().join("stopped");
    let mut stopped = None;
    let mut stop = |event: &Event| match event {
        Event::Epoch(done) if done.epoch >= 12 => ControlFlow::Break(()),
        Event::Stop { reason, .. } => {
            stopped = Some(reason.clone());
            ControlFlow::Continue(())
        }
        _ => ControlFlow::Continue(()),
    };
    let summary = crate::fit(&iris("lr = 'auto'"), &Out::At(run.clone()), &mut stop).unwrap();
    assert_eq!((summary.finished, stopped), (false, Some(Stopped::Interrupted)));
    crate::resume(&run, &ResumeOptions::default(), &mut quiet).unwrap();
    assert_eq!(file(&run, "weights.safetensors"), file(&whole, "weights.safetensors"));
}

#[test]
fn what_cannot_be_chosen_is_refused_before_a_directory_is_made() {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("run");
    for (text, words) in [
        ("[optimizer]\nlr = 'auto'\n[data]\nvalidation = 0.0", "validation rows"),
        ("[optimizer]\nlr = 'auto'\n[train]\nmax_steps = 10", "longer training"),
        ("[optimizer]\nlr = 'auto'\nlr_splits = 0", "at least 1"),
    ] {
        let mut settings = Settings::from_toml(text, "test").unwrap();
        settings.data.source = "iris".into();
        let error = crate::fit(&settings, &Out::At(run.clone()), &mut quiet).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
        assert!(!run.exists(), "{text}");
    }
    let mut free = iris("lr = 'auto'");
    free.optimizer.name = fixture::rate_free();
    let error = crate::fit(&free, &Out::At(run.clone()), &mut quiet).unwrap_err().to_string();
    assert!(error.contains("finds its own step size"), "{error}");
    let error = Trainer::new(&iris("lr = 'auto'"), &Out::At(run.clone())).unwrap_err().to_string();
    assert!(error.contains("a number here"), "{error}");
}

#[test]
fn how_many_splits_follows_from_what_they_cost() {
    assert!(seconds(5, 9_000, 32, 800) < CHEAP, "iris");
    assert!(seconds(5, 9_700, 32, 2_000) < CHEAP, "diabetes");
    assert!(seconds(3, 17_000, 32, 8_000) > CHEAP, "digits");
    assert!(seconds(3, 200_000, 256, 8_000) > CHEAP);
}
