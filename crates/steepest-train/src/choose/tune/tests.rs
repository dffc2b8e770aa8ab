use super::super::begin::tune;
use super::super::fixture::{self, chosen_in, file, quiet, settings_in};
use super::*;
use crate::event::Event;
use crate::run_dir::Out;
use crate::trainer::ResumeOptions;
use std::fs;
use std::ops::ControlFlow;
use tempfile::TempDir;

fn iris() -> Settings {
    fixture::iris("")
}

fn options(search: &[&str]) -> TuneOptions {
    let search = search.iter().map(|text| text.parse().unwrap()).collect();
    TuneOptions { search, folds: 3, trainings: 2, points: 4 }
}

#[test]
fn what_is_tuned_is_trained_with_what_was_chosen() {
    let folder = TempDir::new().unwrap();
    for (number, search) in
        [&["lr"][..], &["hidden=4|16,8"], &["lr=1e-3..1e-1:log", "dropout=0..0.5"]].into_iter().enumerate()
    {
        let run = folder.path().join(number.to_string());
        let (found, summary) = tune(&iris(), &options(search), &Out::At(run.clone()), &mut quiet).unwrap();
        assert_eq!(chosen_in(&run), found);
        assert!(summary.finished && summary.test.is_some());
        assert!(found.cost <= found.grid_cost, "{found:?}");
        assert!(found.tried[0].in_set == Some(true) && found.tried[0].to == 1.0, "{found:?}");
        assert_eq!(found.tried[0].point.len(), search.len());
        let settings = settings_in(&run);
        let chosen = apply(&iris(), &found.tried[0].point).unwrap();
        assert!(settings.optimizer.lr.is_some());
        assert_eq!(
            (&settings.model.hidden, settings.model.dropout),
            (&chosen.model.hidden, chosen.model.dropout)
        );
        let plain = folder.path().join(format!("plain-{number}"));
        crate::fit(&chosen, &Out::At(plain.clone()), &mut quiet).unwrap();
        assert_eq!(file(&run, "weights.safetensors"), file(&plain, "weights.safetensors"));
    }
}

#[test]
fn what_is_cut_anywhere_chooses_alike() {
    let folder = TempDir::new().unwrap();
    let whole = folder.path().join("whole");
    let asked = options(&["lr=1e-3..1e-1:log"]);
    tune(&iris(), &asked, &Out::At(whole.clone()), &mut quiet).unwrap();
    for cut in [1, 7, 20, 29] {
        let run = folder.path().join(format!("cut-{cut}"));
        let mut stop = |event: &Event| match event {
            Event::Choosing(choosing) if choosing.compared >= cut => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let mut settings = iris();
        settings.train.threads = Some(1 + cut % 3);
        match tune(&settings, &asked, &Out::At(run.clone()), &mut stop) {
            Err(Error::ChoosingStopped { .. }) => {
                crate::resume(&run, &ResumeOptions::default(), &mut quiet).unwrap();
            }
            other => assert!(other.is_ok() && cut > 20, "{cut}: {other:?}"),
        }
        for name in
            ["trials/choice.json", "trials/trials.csv", "weights.safetensors", "optimizer.safetensors"]
        {
            assert_eq!(file(&run, name), file(&whole, name), "{cut}: {name}");
        }
    }
}

#[test]
fn what_cannot_be_tuned_is_refused_before_a_directory_is_made() {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("run");
    let refused = |settings: &Settings, options: &TuneOptions, words: &str| {
        let error = tune(settings, options, &Out::At(run.clone()), &mut quiet).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
        assert!(!run.exists(), "{words}");
    };
    let mut timed = iris();
    timed.train.max_seconds = Some(1e-9);
    refused(&timed, &options(&["lr"]), "fewest trainings");
    refused(&iris(), &options(&["lr=auto|0.1"]), "`auto` is no value");
    refused(&iris(), &options(&["dropout=0..0.5", "dropout=0..0.2"]), "searched twice");
    refused(&iris(), &TuneOptions { folds: 1, ..options(&["lr"]) }, "at least 2");
    refused(&iris(), &TuneOptions { folds: 500, ..options(&["lr"]) }, "rows");
    refused(&iris(), &TuneOptions { trainings: 0, ..options(&["lr"]) }, "at least 1");
    refused(&iris(), &options(&["droput=0..1"]), "did you mean `dropout`");
    let mut short = iris();
    short.train.max_steps = Some(7);
    refused(&short, &options(&["lr"]), "at least 8 steps");
    let mut free = iris();
    free.optimizer.name = fixture::rate_free();
    refused(&free, &options(&["lr"]), "finds its own step size");
}

/// A run, cut by the loss of all files but these.
fn with_only(whole: &Path, run: &Path, names: &[&str]) {
    fs::create_dir_all(run.join("trials")).unwrap();
    for name in names {
        fs::copy(whole.join(name), run.join(name)).unwrap();
    }
}

#[test]
fn what_is_cut_between_two_files_goes_on() {
    let folder = TempDir::new().unwrap();
    for tuned in [true, false] {
        let whole = folder.path().join(format!("whole-{tuned}"));
        let mut settings = iris();
        match tuned {
            true => drop(tune(&settings, &options(&["lr"]), &Out::At(whole.clone()), &mut quiet).unwrap()),
            false => {
                settings.optimizer.lr = Some(crate::LearningRate::Auto);
                crate::fit(&settings, &Out::At(whole.clone()), &mut quiet).unwrap();
            }
        }
        let asked = ["trials/asked.json"];
        let found = ["trials/asked.json", "trials/trials.jsonl"];
        let chosen = ["trials/asked.json", "trials/trials.jsonl", "trials/choice.json", "settings.toml"];
        for (number, names) in [&asked[..], &found, &chosen].into_iter().enumerate() {
            let run = folder.path().join(format!("cut-{tuned}-{number}"));
            with_only(&whole, &run, names);
            crate::resume(&run, &ResumeOptions::default(), &mut quiet).unwrap();
            for name in ["weights.safetensors", "trials/choice.json", "trials/trials.csv", "settings.toml"] {
                assert_eq!(file(&run, name), file(&whole, name), "{tuned} {number}: {name}");
            }
        }
        // other data, before anything is written
        let run = folder.path().join(format!("other-{tuned}"));
        with_only(&whole, &run, &chosen);
        let how = ResumeOptions { source: Some("wine".into()), ..ResumeOptions::default() };
        let error = crate::resume(&run, &how, &mut quiet).unwrap_err();
        assert!(matches!(error, Error::OtherTrials { .. }), "{error}");
        assert_eq!(file(&run, "settings.toml"), file(&whole, "settings.toml"));
        // a damaged line, and all behind it
        let path = run.join("trials/trials.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        let damaged = lines[3].replacen(",0.", ",7.", 1);
        assert!(damaged != lines[3], "{}", lines[3]);
        lines[3] = &damaged;
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        let mut notes = Vec::new();
        let mut observe = |event: &Event| {
            if let Event::Note(note) = event {
                notes.push(note.clone());
            }
            ControlFlow::Continue(())
        };
        crate::resume(&run, &ResumeOptions::default(), &mut observe).unwrap();
        assert!(notes.iter().any(|note| note.contains("cannot be read")), "{notes:?}");
        assert_eq!(file(&run, "trials/trials.csv"), file(&whole, "trials/trials.csv"));
        // a finished run is no run that chooses, whatever of it is gone
        fs::remove_dir_all(run.join("checkpoints")).unwrap();
        let metrics = file(&run, "metrics.jsonl");
        let error = crate::resume(&run, &ResumeOptions::default(), &mut quiet).unwrap_err();
        assert!(matches!(error, Error::RunFinished { .. }), "{error}");
        assert_eq!(file(&run, "metrics.jsonl"), metrics);
    }
}

#[test]
fn rows_of_a_group_count_once() {
    let folder = TempDir::new().unwrap();
    let mut text = "x,patient,y\n".to_owned();
    for row in 0..120 {
        text += &format!("{},p{},{}\n", row * 37 % 101, row / 3, if row % 3 == 0 { "a" } else { "b" });
    }
    let data = folder.path().join("data.csv");
    fs::write(&data, text).unwrap();
    let mut settings = iris();
    settings.data.source = data.display().to_string();
    settings.data.target = Some("y".into());
    settings.data.group = Some("patient".into());
    let ready = ready(settings, &options(&["lr"])).unwrap();
    for (part, groups) in ready.splits.iter().zip(&ready.groups) {
        assert_eq!(groups.len(), part.split.validation.len());
        let mut distinct = groups.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(3 * distinct.len(), groups.len(), "three rows a patient");
    }
}

#[test]
fn seconds_become_counts_that_are_kept() {
    let folder = TempDir::new().unwrap();
    let within = |seconds: f64, name: &str| {
        let mut settings = iris();
        settings.train.max_seconds = Some(seconds);
        let run = folder.path().join(name);
        tune(&settings, &options(&["lr"]), &Out::At(run.clone()), &mut quiet).map(|_| run)
    };
    let error = within(1e-6, "none").unwrap_err().to_string();
    assert!(error.contains("train.max_seconds") && error.contains("fewest trainings"), "{error}");
    assert!(!folder.path().join("none").exists());
    // time for all of them: the same bits as without a limit
    let run = within(1e6, "all").unwrap();
    let whole = folder.path().join("whole");
    tune(&iris(), &options(&["lr"]), &Out::At(whole.clone()), &mut quiet).unwrap();
    for name in ["trials/asked.json", "trials/choice.json", "weights.safetensors"] {
        assert_eq!(file(&run, name), file(&whole, name), "{name}");
    }
    assert_eq!(settings_in(&run).train.max_seconds, None);
}
