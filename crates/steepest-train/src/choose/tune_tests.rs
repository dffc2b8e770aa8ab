use super::super::chosen;
use super::*;
use std::ops::ControlFlow;
use tempfile::TempDir;

fn iris() -> Settings {
    let text = "[data]\nsource = 'iris'\n[train]\nepochs = 20\n[model]\nhidden = [16]\n";
    Settings::from_toml(text, "test").unwrap()
}

fn options(search: &[&str]) -> TuneOptions {
    let search = search.iter().map(|text| text.parse().unwrap()).collect();
    TuneOptions { search, folds: 3, trainings: 2, points: 4 }
}

fn quiet(_: &Event) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn file(run: &Path, name: &str) -> Vec<u8> {
    fs::read(run.join(name)).unwrap()
}

#[test]
fn what_is_tuned_is_trained_with_what_was_chosen() {
    let folder = TempDir::new().unwrap();
    for (number, search) in
        [&["lr"][..], &["hidden=4|16,8"], &["lr=1e-3..1e-1:log", "dropout=0..0.5"]].into_iter().enumerate()
    {
        let run = folder.path().join(number.to_string());
        let (found, summary) = tune(&iris(), &options(search), &Out::At(run.clone()), &mut quiet).unwrap();
        assert_eq!(chosen(&run).unwrap(), found);
        assert!(summary.finished && summary.test.is_some());
        assert!(found.cost < found.grid_cost, "{found:?}");
        assert!(found.tried[0].in_set && found.tried[0].to == 1.0, "{found:?}");
        assert_eq!(found.tried[0].point.len(), search.len());
        let settings = settings_of(&run).unwrap();
        let chosen = search::apply(&iris(), &found.tried[0].point).unwrap();
        assert_eq!(
            (settings.optimizer.lr.is_some(), &settings.model),
            (true, &{
                let mut model = chosen.model.clone();
                model.kind = settings.model.kind;
                model
            })
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
    refused(&iris(), &TuneOptions { folds: 1, ..options(&["lr"]) }, "at least 2");
    refused(&iris(), &TuneOptions { folds: 500, ..options(&["lr"]) }, "rows");
    refused(&iris(), &TuneOptions { trainings: 0, ..options(&["lr"]) }, "at least 1");
    refused(&iris(), &options(&["droput=0..1"]), "did you mean `dropout`");
    let mut short = iris();
    short.train.max_steps = Some(7);
    refused(&short, &options(&["lr"]), "at least 8 steps");
    let mut free = iris();
    free.optimizer.name = "prodigy".into();
    refused(&free, &options(&["lr"]), "finds its own step size");
}
