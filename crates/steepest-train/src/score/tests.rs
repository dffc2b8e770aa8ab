use super::*;
use steepest_data::random::Stream;

pub(super) fn criterion(task: Task) -> Criterion {
    let cross_entropy = Loss::CrossEntropy { smoothing: 0.0, weights: None };
    let loss = if task.is_classification() { cross_entropy } else { Loss::SquaredError };
    Criterion { task, loss, positive: 1, seed: 0 }
}

fn names(task: Task) -> Vec<String> {
    (0..task.class_count()).map(|class| class.to_string()).collect()
}

#[test]
fn classes_by_hand() {
    let targets = Targets::Classes(vec![0, 2]);
    let criterion = criterion(Task::Classes(3));
    let rows = criterion.rows(&[2.0, 0.0, 0.0, 1.0, 1.0, 1.0], &targets, 1.0);
    let score = criterion.score_of(&rows, &names(criterion.task));
    let e2 = 2f64.exp();
    let expected = (-(e2 / (e2 + 2.0)).ln() + 3f64.ln()) / 2.0;
    assert!((score.loss - expected).abs() < 1e-12);
    assert_eq!(score.accuracy, Some(0.5)); // the tie goes to the first class
    assert_eq!(score.confusion, [[1, 0, 0], [0, 0, 0], [1, 0, 0]]);
}

#[test]
fn a_single_logit_is_the_second_class() {
    let targets = Targets::Classes(vec![1, 0, 0]);
    let criterion = criterion(Task::Binary);
    let score = criterion.score_of(&criterion.rows(&[3.0, -3.0, 1.0], &targets, 1.0), &names(Task::Binary));
    let softplus = |x: f64| x.exp().ln_1p();
    let expected = (2.0 * softplus(-3.0) + softplus(1.0)) / 3.0;
    assert!((score.loss - expected).abs() < 1e-12);
    assert_eq!((score.accuracy, score.auc), (Some(2.0 / 3.0), Some(1.0)));
}

#[test]
fn outputs_that_are_no_numbers_are_scored_without_a_panic() {
    for (task, targets, outputs) in [
        (Task::Binary, Targets::Classes(vec![1, 0, 1]), vec![f32::NAN, 1.0, f32::INFINITY]),
        (Task::Classes(3), Targets::Classes(vec![1, 0]), vec![f32::NAN; 6]),
        (Task::Regression, Targets::Values(vec![1.0, 2.0]), vec![f32::NAN, 1.0]),
    ] {
        let criterion = criterion(task);
        let rows = criterion.rows(&outputs, &targets, 1.0);
        let score = criterion.score_of(&rows, &names(task));
        assert!(score.loss.is_nan() && score.auc.is_none() && score.rmse.is_none(), "{score:?}");
        let intervals = criterion.intervals(&rows, &score);
        assert!(intervals.keys().all(|name| ["accuracy", "balanced_accuracy", "f1"].contains(&&**name)));
    }
}

#[test]
fn few_rows_of_a_class_have_no_intervals_that_look_at_it() {
    let intervals = |positives: usize| {
        let codes: Vec<u32> = (0..60).map(|row| u32::from(row < positives)).collect();
        let outputs: Vec<f32> = (0..60).map(|row| [0.5, -1.0, 0.25][row % 3]).collect();
        let targets = Targets::Classes(codes);
        let criterion = criterion(Task::Binary);
        let rows = criterion.rows(&outputs, &targets, 1.0);
        let score = criterion.score_of(&rows, &names(Task::Binary));
        criterion.intervals(&rows, &score).into_keys().collect::<Vec<_>>()
    };
    assert_eq!(intervals(9), ["accuracy", "log_loss", "loss"]);
    assert_eq!(
        intervals(10),
        ["accuracy", "auc", "average_precision", "balanced_accuracy", "f1", "log_loss", "loss"]
    );
}

#[test]
fn all_right_is_not_certainly_all_right() {
    // three in a hundred: 1 − 0.05^(1/100) is 0.0295, and the bound is for a fortieth
    let [low, high] = all_or_none(1.0, 100).unwrap();
    assert!((low - (1.0 - 0.0362)).abs() < 1e-4 && high == 1.0);
    assert_eq!(all_or_none(0.5, 100), None);
}

/// Every metric beside scikit-learn's.
#[test]
fn metrics_are_those_of_scikit_learn() {
    let file: serde_json::Value =
        serde_json::from_str(include_str!("../../../../fixtures/scores.json")).unwrap();
    let cases = file["cases"].as_object().unwrap();
    assert_eq!(cases.len(), 6);
    let mut compared = std::collections::BTreeSet::new();
    for (name, case) in cases {
        let list = |key: &str| -> Option<Vec<f64>> {
            Some(case[key].as_array()?.iter().map(|x| x.as_f64().unwrap()).collect())
        };
        let outputs: Vec<f32> = list("outputs").unwrap().iter().map(|x| *x as f32).collect();
        let (task, targets) = match (list("codes"), list("values")) {
            (Some(codes), _) => {
                let width = outputs.len() / codes.len();
                let task = Task::classes(width.max(2));
                (task, Targets::Classes(codes.iter().map(|x| *x as u32).collect()))
            }
            (None, values) => {
                (Task::Regression, Targets::Values(values.unwrap().iter().map(|x| *x as f32).collect()))
            }
        };
        let positive = case["positive"].as_u64().map_or(1, |class| class as u32);
        let criterion = Criterion { positive, ..criterion(task) };
        let rows = criterion.rows(&outputs, &targets, case["scale"].as_f64().unwrap_or(1.0));
        let score = criterion.score_of(&rows, &names(task));
        for (metric, expected) in case["score"].as_object().unwrap() {
            let known = Metric::ALL.into_iter().find(|known| known.name() == metric).unwrap();
            let (found, expected) = (known.of(&score).unwrap(), expected.as_f64().unwrap());
            assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0), "{name}: {metric} {found}");
            compared.insert(metric.clone());
        }
        let of_classes = |key: &str, of: fn(&ClassScore) -> Option<f64>| {
            let expected = case[key].as_array().into_iter().flatten().map(|x| x.as_f64());
            let found: Vec<_> = score.classes.iter().map(of).collect();
            assert_eq!(found, expected.collect::<Vec<_>>(), "{name}: {key}");
        };
        of_classes("recall", |class| class.recall);
        of_classes("precision", |class| class.precision);
        if task.is_classification() {
            assert_eq!(serde_json::to_value(&score.confusion).unwrap(), case["confusion"], "{name}");
        }
    }
    assert_eq!(compared.len(), Metric::ALL.len());
}

/// A random number in [0, 1).
fn uniform(stream: &mut Stream) -> f64 {
    (stream.bits() >> 11) as f64 / (1u64 << 53) as f64
}

/// Sum of twelve, less six: normal enough.
fn normal(stream: &mut Stream) -> f64 {
    (0..12).map(|_| uniform(stream)).sum::<f64>() - 6.0
}

/// Outputs and targets of a network that is neither right nor calibrated; `share` of the rows are of class 1.
fn rows_of_a_world(task: Task, share: f64, rows: usize, stream: &mut Stream) -> (Vec<f32>, Targets) {
    let (mut outputs, mut codes, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        match task {
            Task::Regression => {
                let x = normal(stream);
                let spread = 0.3 + 0.4 * uniform(stream);
                values.push((x + spread * normal(stream)) as f32);
                outputs.push((0.9 * x + 0.1) as f32);
            }
            _ => {
                let class = match uniform(stream) {
                    u if u < share => 1,
                    u if u < share + 0.2 && task != Task::Binary => 2,
                    _ => 0,
                };
                let first = if task == Task::Binary { 1 } else { 0 };
                for output in first..task.class_count() {
                    let mean = if output == class { 1.5 } else { 0.0 };
                    outputs.push((mean + 1.2 * normal(stream) - 0.5) as f32);
                }
                codes.push(class as u32);
            }
        }
    }
    let targets = if task == Task::Regression { Targets::Values(values) } else { Targets::Classes(codes) };
    (outputs, targets)
}

/// Of 200 parts, the intervals of so many must hold what a part of 100 000 rows has: 95 % of them, less or more what
/// chance does to 200 draws in one of a thousand cases (binomial, p = 0.95: 179 to 199).
#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    for (task, share, rows) in [
        (Task::Binary, 0.3, 100),
        (Task::Binary, 0.12, 200),
        (Task::Classes(3), 0.3, 130),
        (Task::Regression, 0.0, 100),
    ] {
        let criterion = criterion(task);
        let (outputs, targets) =
            rows_of_a_world(task, share, 100_000, &mut Stream::new(b"truth\0\0\0", 1, 0));
        let truth = criterion.score_of(&criterion.rows(&outputs, &targets, 1.0), &names(task));
        let mut held = BTreeMap::new();
        for draw in 0..200 {
            let (outputs, targets) =
                rows_of_a_world(task, share, rows, &mut Stream::new(b"drawn\0\0\0", 1, draw));
            let criterion = Criterion { seed: draw, ..criterion.clone() };
            let rows = criterion.rows(&outputs, &targets, 1.0);
            let score = criterion.score_of(&rows, &names(task));
            let intervals = criterion.intervals(&rows, &score);
            for metric in Metric::ALL.into_iter().filter(|metric| metric.suits(task)) {
                let [low, high] = intervals[metric.name()];
                *held.entry(metric.name()).or_insert(0) +=
                    u32::from((low..=high).contains(&metric.of(&truth).unwrap()));
            }
        }
        assert!(held.values().all(|held| (179..=199).contains(held)), "{task:?}, {share}: {held:?}");
    }
}

#[test]
fn intervals_are_the_same_for_any_number_of_threads() {
    let criterion = criterion(Task::Binary);
    let (outputs, targets) = rows_of_a_world(Task::Binary, 0.3, 100, &mut Stream::new(b"drawn\0\0\0", 2, 0));
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let rows = criterion.rows(&outputs, &targets, 1.0);
        let score = criterion.score_of(&rows, &names(Task::Binary));
        pool.install(|| criterion.intervals(&rows, &score))
    };
    assert_eq!(with(1), with(2));
}
