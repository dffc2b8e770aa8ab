use super::{Divergence, NoImprovement, Progress, REGISTRY, Reason, Stop, Stopper, Watch, make};
use crate::error::Error;
use crate::settings::{Value, Values};
use std::time::Duration;

fn at(step: u64) -> Progress {
    Progress { step, ..Progress::default() }
}

fn metrics(stop: impl Into<Stop>, values: &[f64]) -> Option<(usize, Reason)> {
    let mut stopper = Stopper::new(stop.into()).unwrap();
    (0..values.len()).find_map(|i| {
        let progress = Progress { epoch: i as f64 + 1.0, metric: Some(values[i]), ..at(i as u64) };
        stopper.observe(&progress).map(|reason| (i, reason))
    })
}

fn losses(stop: impl Into<Stop>, values: &[f64]) -> Option<(usize, Reason)> {
    let mut stopper = Stopper::new(stop.into()).unwrap();
    (0..values.len()).find_map(|i| {
        let progress = Progress { loss: Some(values[i]), ..at(i as u64 + 1) };
        stopper.observe(&progress).map(|reason| (i, reason))
    })
}

#[test]
fn limits_fire_at_their_number() {
    let mut stopper = Stopper::new(Stop::max_steps(100)).unwrap();
    assert_eq!(stopper.observe(&at(99)), None);
    assert_eq!(stopper.observe(&at(100)).unwrap().to_string(), "100 steps are done");

    let mut stopper = Stopper::new(Stop::max_epochs(1.5)).unwrap();
    assert_eq!(stopper.observe(&Progress { epoch: 1.4, ..at(14) }), None);
    let reason = stopper.observe(&Progress { epoch: 1.5, ..at(15) }).unwrap();
    assert_eq!(
        (reason.stopped_by().as_str(), reason.to_string().as_str()),
        ("max_epochs", "1.5 epochs are done")
    );

    let mut stopper = Stopper::new(Stop::gradient_tolerance(1e-6)).unwrap();
    assert_eq!(stopper.observe(&at(1)), None);
    let norm = |x| Progress { gradient_norm: Some(x), ..at(2) };
    assert_eq!(stopper.observe(&norm(f64::NAN)), None);
    let reason = stopper.observe(&norm(5e-7)).unwrap();
    assert_eq!(reason.to_string(), "the gradient's norm 5e-7 is at most 1e-6");
}

#[test]
fn target_loss_waits_for_the_loss() {
    let (i, reason) = losses(Stop::target_loss(0.1), &[1.0, f64::NAN, 0.11, 0.1]).unwrap();
    assert_eq!(i, 3);
    assert_eq!(reason.to_string(), "the training loss 0.1 reached its target 0.1");
}

#[test]
fn no_improvement_counts_observations_in_a_row() {
    let stop = NoImprovement { patience: 3, min_delta: 0.1, ..NoImprovement::default() };
    // 0.95 is no improvement by 0.1, 0.85 is
    let values = [1.0, 0.95, 0.92, 0.85, 0.8, f64::NAN, 0.76, 0.0];
    let (i, reason) = metrics(stop, &values).unwrap();
    assert_eq!(i, 6);
    assert_eq!(
        reason.to_string(),
        "no improvement of the validation metric for 3 epochs; best 0.85 at epoch 4"
    );
    let (_, reason) = metrics(Stop::no_improvement(2), &[f64::NAN; 5]).unwrap();
    assert_eq!(
        reason.to_string(),
        "no improvement of the validation metric for 1 epoch (2 observations); it was never a number"
    );
}

#[test]
fn no_improvement_without_epochs_speaks_of_steps() {
    let of = Watch::Loss;
    let stop = NoImprovement { patience: 2, of, ..NoImprovement::default() };
    let (_, reason) = losses(stop, &[1.0, 0.0123456789, 0.5, 0.5]).unwrap();
    assert_eq!(
        reason.to_string(),
        "no improvement of the training loss for 2 observations; best 0.0123457 at step 2"
    );
}

#[test]
fn a_missing_value_counts_neither_way() {
    let mut stopper = Stopper::new(Stop::no_improvement(2)).unwrap().with_metric_name("validation loss");
    let seen = |step, metric| Progress { metric, epoch: 1.0, ..at(step) };
    assert_eq!(stopper.observe(&seen(1, Some(0.5))), None);
    for step in 2..50 {
        assert_eq!(stopper.observe(&seen(step, None)), None);
    }
    assert_eq!(stopper.observe(&seen(50, Some(0.6))), None);
    let reason = stopper.observe(&seen(51, Some(0.6))).unwrap();
    assert!(reason.to_string().starts_with("no improvement of the validation loss for 2 obs"));
}

#[test]
fn divergence_forgives_a_hard_batch_and_a_tiny_best() {
    let stop = || Divergence { factor: 4.0, patience: 3 };
    // one outlier; and a best near zero with losses far above it, both healthy
    let mut healthy = vec![2.0, 1.0, 100.0, 0.5, 1e-9];
    healthy.extend([1e-3, 0.9, 1e-7, 0.2, 7.9, 7.9, 7.9]);
    assert_eq!(losses(stop(), &healthy), None);
    let (i, reason) = losses(stop(), &[2.0, 1.0, 9.0, 20.0, 50.0]).unwrap();
    assert_eq!(i, 4);
    assert_eq!(reason.to_string(), "the training loss 50 is above 8 for 3 observations; it began at 2");
    assert!(reason.is_failure());
}

#[test]
fn divergence_takes_losses_of_any_sign() {
    let stop = || Divergence { factor: 2.0, patience: 1 };
    assert_eq!(losses(stop(), &[-1.0, -5.0, 9.0]), None);
    assert!(losses(stop(), &[-1.0, -5.0, 11.0]).is_some());
    assert_eq!(losses(stop(), &[0.0, 1e-20, 3.0]), None);
    let (i, reason) = losses(Stop::divergence(4.0), &[1.0, f64::NAN]).unwrap();
    assert_eq!((i, reason.to_string().as_str()), (1, "the training loss is NaN; it began at 1"));
    let (_, reason) = losses(Stop::divergence(4.0), &[f64::INFINITY]).unwrap();
    assert_eq!(reason.to_string(), "the training loss is inf from the beginning");
}

#[test]
fn non_finite_says_what() {
    let mut stopper = Stopper::new(Stop::non_finite()).unwrap();
    assert_eq!(stopper.observe(&Progress { loss: Some(1.0), ..at(1) }), None);
    let named = Progress {
        non_finite: Some("the gradient of layer1.weight".to_owned()),
        loss: Some(f64::NAN),
        ..at(7)
    };
    let reason = stopper.observe(&named).unwrap();
    assert_eq!(reason.to_string(), "the gradient of layer1.weight is not finite at step 7");
    let reason = stopper.observe(&Progress { metric: Some(f64::NAN), ..at(8) }).unwrap();
    assert_eq!(reason.to_string(), "the validation metric is NaN at step 8");
}

#[test]
fn or_takes_the_first_and_shows_every_rule_everything() {
    let stop = Stop::max_steps(3) | Stop::no_improvement(2) | Stop::max_epochs(3.0);
    assert!(matches!(&stop, Stop::Any(rules) if rules.len() == 3));
    let (i, reason) = metrics(stop, &[1.0, 2.0, 2.0, 2.0]).unwrap();
    assert_eq!((i, reason.stopped_by().as_str()), (2, "no_improvement"));
}

#[test]
fn and_needs_all_and_keeps_verdicts() {
    let stop = Stop::no_improvement(1) & Stop::target_loss(0.5);
    let mut stopper = Stopper::new(stop).unwrap();
    let seen = |step, loss, metric| Progress { loss, metric, ..at(step) };
    assert_eq!(stopper.observe(&seen(1, None, Some(1.0))), None);
    assert_eq!(stopper.observe(&seen(2, None, Some(2.0))), None);
    // the metric is not reported here; its rule still holds
    let reason = stopper.observe(&seen(3, Some(0.4), None)).unwrap();
    assert_eq!(reason.stopped_by(), "no_improvement+target_loss");
    assert_eq!(
        reason.to_string(),
        "no improvement of the validation metric for 1 observation; best 1 at step 1, \
         and the training loss 0.4 reached its target 0.5"
    );
    // improvement takes the verdict back
    assert_eq!(stopper.observe(&seen(4, Some(0.4), Some(0.1))), None);
}

#[test]
fn combinations_nest() {
    let stop = (Stop::max_steps(5) & Stop::target_loss(0.5)) | Stop::max_steps(8);
    let (i, reason) = losses(stop.clone(), &[1.0; 20]).unwrap();
    assert_eq!((i, reason.stopped_by().as_str()), (7, "max_steps"));
    let (i, reason) = losses(stop, &[0.1; 20]).unwrap();
    assert_eq!((i, reason.stopped_by().as_str()), (4, "max_steps+target_loss"));
}

#[test]
fn a_saved_state_goes_on_as_if_never_interrupted() {
    let stop = (Stop::no_improvement(4) & Stop::target_loss(0.4))
        | Stop::from(Divergence { factor: 2.0, patience: 6 })
        | Stop::max_time(Duration::from_millis(33_300));
    let seen = |i: u64, since: u64| Progress {
        epoch: i as f64 / 3.0,
        elapsed: Duration::from_millis(1100 * (i - since)),
        loss: Some(1.0 / 3.0 + (i * 5 % 7) as f64 / 9.0),
        metric: i.is_multiple_of(2).then_some((i * 3 % 11) as f64 / 7.0),
        ..at(i)
    };
    let mut whole = Stopper::new(stop.clone()).unwrap();
    let expected: Vec<_> = (1..=40).map(|i| whole.observe(&seen(i, 0))).collect();
    assert!(expected.iter().any(Option::is_some) && expected[..9].iter().all(Option::is_none));
    for cut in 0..=40 {
        let mut first = Stopper::new(stop.clone()).unwrap();
        let mut found: Vec<_> = (1..=cut).map(|i| first.observe(&seen(i, 0))).collect();
        let text = serde_json::to_string(&first.state()).unwrap();
        let mut second = Stopper::new(stop.clone()).unwrap();
        second.restore(serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(second.state(), first.state());
        found.extend((cut + 1..=40).map(|i| second.observe(&seen(i, cut))));
        assert_eq!(found, expected, "cut after {cut}");
    }
}

#[test]
fn the_state_of_other_rules_is_refused() {
    let saved = Stopper::new(Stop::max_steps(5)).unwrap().state();
    let mut stopper = Stopper::new(Stop::max_epochs(5.0) | Stop::max_steps(5)).unwrap();
    let message = stopper.restore(saved).unwrap_err().to_string();
    assert!(message.contains("saved with the stop rules max_steps, restored with max_epochs, max_steps"));
}

#[test]
fn everything_is_checked_when_made() {
    assert!(matches!(Stopper::new(Stop::Any(vec![])), Err(Error::Conflict { .. })));
    let nested = Stop::max_steps(3) & Stop::divergence(0.5);
    assert!(matches!(Stopper::new(nested), Err(Error::OutOfRange { setting: "factor", .. })));
    assert!(matches!(Stopper::new(Stop::max_time(Duration::ZERO)), Err(Error::OutOfRange { .. })));
}

#[test]
fn the_registry_makes_every_rule() {
    assert!(REGISTRY.is_sorted_by_key(|entry| entry.name));
    for entry in REGISTRY {
        let stop = make(entry.name, &Values::new()).unwrap();
        assert_eq!(stop.name(), entry.name);
        Stopper::new(stop).unwrap();
        let summary = entry.summary();
        assert!(summary.starts_with("Stops ") && summary.ends_with('.'), "{summary}");
        assert!(entry.parameters().iter().all(|p| !p.about.is_empty()));
    }
    let error = make("max_epoch", &Values::new()).unwrap_err().to_string();
    assert!(error.contains("did you mean `max_epochs`?"), "{error}");
    let word = Values::from([("of".to_owned(), Value::Word("loss".to_owned()))]);
    let expected = NoImprovement { of: Watch::Loss, ..NoImprovement::default() };
    assert_eq!(make("no_improvement", &word).unwrap(), expected.into());
}
