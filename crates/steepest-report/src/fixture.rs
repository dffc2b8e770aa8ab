//! Runs for tests.

use crate::run::Run;
use steepest_train::{ClassScore, EpochDone, Health, Metric, Score, Settings, Summary};

/// How good predictions of two classes are.
pub fn score(loss: f64) -> Score {
    let class =
        |class: &str| ClassScore { class: class.into(), rows: 5, recall: Some(0.9), precision: Some(0.9) };
    Score {
        loss,
        rows: 10,
        accuracy: Some(0.9),
        log_loss: Some(loss),
        classes: vec![class("a"), class("b")],
        confusion: vec![vec![4, 1], vec![0, 5]],
        ..Score::default()
    }
}

/// A run of three epochs that went well.
pub fn summary() -> Summary {
    Summary {
        run: "runs/a".into(),
        finished: true,
        task: "binary".into(),
        optimizer: "adamw".into(),
        lr: 0.001,
        batch: 8,
        epochs: 3,
        best_epoch: 3,
        kept_by: "validation loss".into(),
        positive: None,
        steps: 30,
        seconds: 1.0,
        stopped_by: "max_epochs".into(),
        stopped_because: "3 epochs are done".into(),
        parameters: 100,
        train: score(0.1),
        validation: Some(score(0.2)),
        test: Some(score(0.2)),
        baseline: None,
        notes: Vec::new(),
        health: Health::default(),
        not_written: Vec::new(),
    }
}

/// An epoch of it.
pub fn epoch(epoch: u64, train_loss: f64) -> EpochDone {
    EpochDone {
        epoch,
        step: 10 * epoch,
        seconds: 0.3,
        lr: 0.001,
        train_loss,
        validation_loss: Some(train_loss),
        validation_metric: Some(0.9),
        validation_capped: Some(train_loss),
        gradient_norm: 1.0,
        clipped: 0.0,
        skipped: 0,
        samples_per_second: 1000.0,
        best: true,
        layers: Vec::new(),
    }
}

/// The run.
pub fn run(summary: Option<Summary>, epochs: Vec<EpochDone>) -> Run {
    let settings = Settings::default();
    Run {
        path: "runs/a".into(),
        settings,
        summary,
        chosen: None,
        is_choosing: false,
        epochs,
        evaluation: None,
        notes: Vec::new(),
        columns: Vec::new(),
        dropped: Vec::new(),
        target: "y".into(),
        metric: Metric::Accuracy,
    }
}
