//! Runs that are made longer than they were to be.

use super::disk::Watched;
use super::failing::Failing;
use super::*;
use std::io;

/// A run is made longer than it was to be: its past stays, and a killed one goes on from there.
#[test]
fn a_finished_run_can_be_made_longer() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let text = "[data]\nsource = 'iris'\n[schedule]\nname = 'cosine'\n[train]\nepochs = 5\nbatch = 16\nsave_every = '3steps'";
    let settings = Settings::from_toml(text, "test").unwrap();
    Trainer::new(&settings, &Out::At(run.clone())).unwrap().run(&mut silent).unwrap();
    let past = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let longer = |epochs| resume(&run, &ResumeOptions { epochs, ..Default::default() });
    assert!(matches!(longer(None), Err(Error::RunFinished { .. })));
    let error = longer(Some(5)).unwrap_err().to_string();
    assert!(error.contains("train.epochs is 5") && error.contains("more than the 5"), "{error}");
    let trainer = longer(Some(8)).unwrap();
    // its rate begins anew: warm-up, and the cosine from its top
    assert!(trainer.tracker.factor() < 0.1 && trainer.tracker.rate.factor(2) > 0.9);
    drop(trainer);
    // it was cut right away, and is a run of eight epochs from now on
    assert!(!crate::files::is_finished(&run).unwrap());
    let summary = longer(None).unwrap().run(&mut silent).unwrap();
    assert_eq!((summary.epochs, summary.finished), (8, true));
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert!(metrics.starts_with(&past) && metrics.lines().count() == 8);

    // other settings are named
    let file = run.join("settings.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("epochs = 8", "epochs = 12").replace("dropout = 0.1", "dropout = 0.2"))
        .unwrap();
    let error = longer(Some(9)).unwrap_err().to_string();
    assert!(error.contains("model.dropout was 0.1 and is 0.2;"), "{error}");
}

/// A run that is made longer on a disk that fails, or is cut, at any operation: it goes on all the same.
#[test]
fn a_run_that_is_made_longer_survives_any_failure() {
    let dir = tempfile::tempdir().unwrap();
    let text = "[data]\nsource = 'iris'\n[train]\nepochs = 2\nbatch = 32\n[model]\nhidden = [4]";
    let settings = Settings::from_toml(text, "test").unwrap();
    let mut whole = None;
    for from in 0.. {
        let run = dir.path().join(format!("run{from}"));
        Trainer::new(&settings, &Out::At(run.clone())).unwrap().run(&mut silent).unwrap();
        let how = ResumeOptions { epochs: Some(4), ..Default::default() };
        let failing = Failing::new(from, usize::MAX, io::ErrorKind::StorageFull);
        let outcome = Trainer::resume_on(Arc::new(Watched::by(&Arc::new(failing))), &run, &how);
        if outcome.is_ok() {
            assert!(from > 10, "too few operations were tried");
            break;
        }
        drop(outcome);
        // plainly where it is one of four epochs already, else it is asked for again
        let again = match resume(&run, &Default::default()) {
            Err(Error::RunFinished { .. }) => resume(&run, &how),
            again => again,
        };
        let mut again = again.unwrap_or_else(|error| panic!("failed from operation {from}: {error}"));
        if again.plan.epochs == 2 {
            drop(again);
            again = resume(&run, &how).unwrap();
        }
        let summary = again.run(&mut silent).unwrap();
        assert_eq!((summary.epochs, summary.finished), (4, true), "from {from}");
        let left = left_by(&run);
        assert!(*whole.get_or_insert_with(|| left.clone()) == left, "from {from}");
    }
}
