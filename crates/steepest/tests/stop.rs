//! The JSON of a run's stop rules: files of finished and interrupted runs hold it, so it stays as it is.

use serde_json::{Value as Json, json};
use std::time::Duration;
use steepest::stop::{Divergence, Progress, Reason, Stop, Stopper, StopperState};

/// Every reason, from the rules themselves, beside its JSON.
fn reasons() -> Vec<(Stop, Progress, Json)> {
    let at = |step: u64, epoch: f64| Progress { step, epoch, ..Progress::default() };
    let loss = |loss: f64| Progress { loss: Some(loss), ..at(3, 0.5) };
    let divergence = || Stop::from(Divergence { factor: 2.0, patience: 1 });
    let ones = json!({"max_steps": {"steps": 3}});
    vec![
        (Stop::max_steps(3), at(3, 0.5), ones.clone()),
        (Stop::max_epochs(0.5), at(3, 0.5), json!({"max_epochs": {"epochs": 0.5}})),
        (
            Stop::max_time(Duration::from_millis(1500)),
            Progress { elapsed: Duration::from_secs(2), ..at(3, 0.5) },
            json!({"max_time": {"limit": 1.5, "elapsed": 2.0}}),
        ),
        (Stop::target_loss(0.25), loss(0.1), json!({"target_loss": {"target": 0.25, "loss": 0.1}})),
        (
            Stop::target_loss(0.25),
            loss(f64::NEG_INFINITY),
            json!({"target_loss": {"target": 0.25, "loss": "-inf"}}),
        ),
        (
            Stop::gradient_tolerance(1e-6),
            Progress { gradient_norm: Some(5e-7), ..at(3, 0.5) },
            json!({"gradient_tolerance": {"tolerance": 1e-6, "norm": 5e-7}}),
        ),
        (
            Stop::no_improvement(1),
            Progress { metric: Some(f64::NAN), ..at(3, 0.5) },
            json!({"no_improvement": {
                "what": "validation metric", "observations": 1, "epochs": 0.0, "best": null
            }}),
        ),
        (
            divergence(),
            loss(f64::NAN),
            json!({"divergence": {"loss": "NaN", "first": null, "bound": null, "observations": 1}}),
        ),
        (
            Stop::non_finite(),
            Progress { non_finite: Some("the gradient of w".to_owned()), ..at(3, 0.5) },
            json!({"non_finite": {"what": "the gradient of w is not finite", "step": 3}}),
        ),
        (
            Stop::max_steps(3) & Stop::max_epochs(0.5),
            at(3, 0.5),
            json!({"all": [ones, {"max_epochs": {"epochs": 0.5}}]}),
        ),
    ]
}

/// NaN is not equal to itself, and its text is.
fn same(a: &impl std::fmt::Debug, b: &impl std::fmt::Debug) {
    assert_eq!(format!("{a:?}"), format!("{b:?}"));
}

#[test]
fn reasons_are_written_and_read_as_ever() {
    for (stop, progress, expected) in reasons() {
        let mut stopper = Stopper::new(stop).unwrap();
        let reason = stopper.observe(&progress).unwrap();
        assert_eq!(serde_json::to_value(&reason).unwrap(), expected);
        same(&serde_json::from_value::<Reason>(expected).unwrap(), &reason);
    }
    let converged = json!({"converged": {"what": "the gradient is 0"}});
    let reason: Reason = serde_json::from_value(converged.clone()).unwrap();
    assert_eq!(reason.to_string(), "it has converged: the gradient is 0");
    assert_eq!(serde_json::to_value(&reason).unwrap(), converged);
}

#[test]
fn a_saved_stopper_is_written_and_read_as_ever() {
    let stop = (Stop::no_improvement(1) & Stop::target_loss(0.5))
        | Stop::from(Divergence { factor: 2.0, patience: 3 })
        | Stop::max_epochs(9.0);
    let mut stopper = Stopper::new(stop.clone()).unwrap();
    let seen = |step, loss, metric| Progress {
        step,
        epoch: step as f64 / 4.0,
        elapsed: Duration::from_millis(1250 * step),
        loss: Some(loss),
        metric,
        ..Progress::default()
    };
    for (step, (loss, metric)) in (1..).zip([(1.0, Some(0.75)), (1.0 / 3.0, None), (2.5, Some(0.8))]) {
        assert_eq!(stopper.observe(&seen(step, loss, metric)), None);
    }
    let text = concat!(
        r#"{"elapsed":{"secs":3,"nanos":750000000},"rules":["#,
        r#"{"rule":"no_improvement","verdict":{"no_improvement":{"what":"validation metric","observations":1,"epochs":0.5,"#,
        r#""best":{"value":0.75,"step":1,"epoch":0.25}}},"first":null,"best":{"value":0.75,"step":1,"epoch":0.25},"begin":0.25,"bad":1},"#,
        r#"{"rule":"target_loss","verdict":null,"first":null,"best":null,"begin":null,"bad":0},"#,
        r#"{"rule":"divergence","verdict":null,"first":1.0,"best":{"value":0.3333333333333333,"step":0,"epoch":0.0},"begin":null,"bad":1},"#,
        r#"{"rule":"max_epochs","verdict":null,"first":null,"best":null,"begin":null,"bad":0}]}"#,
    );
    assert_eq!(serde_json::to_string(&stopper.state()).unwrap(), text);
    let saved: StopperState = serde_json::from_str(text).unwrap();
    assert_eq!(saved, stopper.state());
    let mut resumed = Stopper::new(stop).unwrap();
    resumed.restore(saved).unwrap();
    assert_eq!(resumed.elapsed(), Duration::from_millis(3750));
    // the verdict of the first rule came back: with the second, it stops the run
    let reason = resumed.observe(&seen(4, 0.4, None)).unwrap();
    assert_eq!(reason.stopped_by(), "no_improvement+target_loss");
}
