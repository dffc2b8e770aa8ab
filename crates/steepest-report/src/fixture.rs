//! Runs for tests.

use crate::run::Run;
use steepest_train::explain::{Curve, Explained, ExplainedRow, Made, Method, Pair, RowOutput, Scale};
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
        importance: Vec::new(),
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
        explained: None,
        metric: Metric::Accuracy,
    }
}

/// Forty rows of three columns and two outputs; hostile ones have names that are markup, and numbers that are all the same or huge.
pub fn explained(hostile: bool) -> Explained {
    let name = |at: usize| match hostile {
        true => format!("<b>\u{202e}{at}&\"{}", "x".repeat(300)),
        false => ["age", "income", "city"][at].to_owned(),
    };
    let columns: Vec<String> = (0..3).map(name).collect();
    let row = |row: usize| {
        let x = row as f64 / 10.0;
        let huge = if hostile { 1e200 } else { 1.0 };
        let output = |k: usize| {
            let values = vec![huge * (x.sin() + k as f64), -0.3 * x, if hostile { 0.0 } else { 0.1 }];
            let base = 0.5;
            RowOutput {
                base,
                whole: base + values.iter().sum::<f64>(),
                standard_errors: vec![0.01 * huge; 3],
                background_errors: vec![0.02; 3],
                values,
                ..RowOutput::default()
            }
        };
        ExplainedRow {
            row: row + 1,
            place: format!("line {}", row + 2),
            texts: vec![format!("{x}"), "12.345678901".into(), name(2)],
            numbers: vec![Some(x * huge), Some(if hostile { 1.0 } else { x.cos() }), None],
            exact: true,
            evaluations: 8,
            reach: 1.96,
            outputs: vec![output(0), output(1)],
            ..ExplainedRow::default()
        }
    };
    let curve = |column: usize, is_number: bool| Curve {
        column,
        output: 0,
        texts: vec![name(0), name(1), name(2)],
        numbers: if is_number { vec![0.0, 1.0, 5.0] } else { Vec::new() },
        counts: vec![10, 20, 10],
        gaps: vec![[1.0, 5.0]],
        mean: vec![0.1, 0.2, 0.1],
        accumulated: if is_number { vec![-0.1, 0.1, 0.0] } else { Vec::new() },
        each: vec![vec![0.0, 0.3, 0.2]; 5],
    };
    let pair = |a: usize, b: usize| Pair { a: columns[a].clone(), b: columns[b].clone(), value: 0.9 };
    Explained {
        format: 1,
        target: "risk".into(),
        data: "people.csv".into(),
        made: Made { method: Method::Shapley, scale: Scale::Usual, evaluations: 8, background: 100, seed: 0 },
        outputs: vec!["yes".into(), name(0)],
        units: vec!["log odds of yes".into(), name(1)],
        features: Vec::new(),
        activated: Vec::new(),
        rows: (0..40).map(row).collect(),
        correlated: vec![pair(0, 1)],
        importance: Vec::new(),
        interactions: vec![pair(0, 1), pair(0, 2)],
        curves: vec![curve(0, true), curve(2, false)],
        image: None,
        notes: Vec::new(),
        warnings: vec!["income and age go together".into()],
        columns,
    }
}
