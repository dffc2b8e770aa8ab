//! A bowl and Rosenbrock's valley, minimized by `Minimize`.

use crate::{Property, property};
use steepest::registry::Entry;
use steepest::schedule::Cosine;
use steepest::settings::Values;
use steepest::stop::Stop;
use steepest::{LearningRate, Minimize, MinimizeReport, functions};

pub const PROPERTIES: &[Property] =
    &[property!(it_minimizes_a_bowl), property!(it_follows_rosenbrocks_valley)];

/// The best of a few learning rates, as a user would look for it; falling to zero, since an
/// optimizer that normalizes its steps does not settle at a constant rate.
fn best_of_rates(entry: &Entry, function: &str, steps: u64, gradient: f64) -> MinimizeReport<f64> {
    let function = functions::find(function).unwrap();
    let start = function.start(2).unwrap();
    let run = |lr: f64, falls: bool| {
        let stop = Stop::gradient_tolerance(gradient)
            | Stop::divergence(1e6)
            | Stop::non_finite()
            | Stop::max_steps(steps);
        let f = |x: &[f64], g: &mut [f64]| {
            function.gradient(x, g);
            function.value(x)
        };
        let falling = LearningRate::from((lr, Cosine::default()));
        let rate = if falls { falling } else { lr.into() };
        Minimize::new(entry.make(&Values::new()), rate, stop).trace(0).run(f, &start)
    };
    let rates = [1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.0015, 0.0003];
    // averaged weights settle at a constant rate too, and those that go far only there
    let constant = rates.into_iter().filter(|_| entry.traits.schedule_free).map(|lr| (lr, false));
    rates
        .into_iter()
        .map(|lr| (lr, true))
        .chain(constant)
        .map(|(lr, falls)| run(lr, falls).unwrap_or_else(|error| panic!("at {lr}: {error}")))
        .min_by(|a, b| a.best.value.total_cmp(&b.best.value))
        .unwrap()
}

fn it_minimizes_a_bowl(entry: &Entry) {
    // twice as long as the longest average of the defaults remembers, AdEMAMix's
    let minimum = best_of_rates(entry, "quadratic", 20_000, 1e-6);
    assert!(minimum.value < 1e-8, "{} at {:?}", minimum.value, minimum.theta);
}

fn it_follows_rosenbrocks_valley(entry: &Entry) {
    let minimum = best_of_rates(entry, "rosenbrock", 50_000, 1e-6);
    // 24 at the start; 4 at the valley's floor. One that does not settle is on its way: Mechanic's own algorithm in numpy
    // ends at 2.6e-3
    let bar = if entry.traits.settles { 1e-6 } else { 1e-2 };
    assert!(minimum.value < bar, "{} at {:?}", minimum.value, minimum.theta);
}
