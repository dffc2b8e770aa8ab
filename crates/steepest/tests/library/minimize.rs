//! Minimizing plain functions: the classic lessons against their closed forms, and what may be minimized with what.

use steepest::registry::find_method;
use steepest::schedule::{Cosine, Exponential};
use steepest::settings::Values;
use steepest::stop::Stop;
use steepest::{
    AdamW, Clip, Error, Float, GradientCheckOptions, IntoMinimizer, Iterate, Lbfgs, LbfgsMinimizer, Minimize,
    MinimizeReport, Minimizer, Objective, Optimizer, Sgd, check_objective, functions, minimize,
};

fn sum_of_squares<T: Float>(theta: &[T], g: &mut [T]) -> T {
    let mut sum = T::ZERO;
    for (g, x) in g.iter_mut().zip(theta) {
        *g = *x + *x;
        sum = sum + *x * *x;
    }
    sum
}

/// f(θ) = Σθ² from (1, 2), α = 0.1: θ_t = 0.8ᵗ·(1, 2) and f = 5·0.64ᵗ.
#[test]
fn gradient_descent_on_the_sum_of_squares_follows_its_closed_form() {
    let minimum =
        minimize(sum_of_squares::<f64>, &[1.0, 2.0], Sgd::default(), 0.1, Stop::max_steps(200)).unwrap();
    assert_eq!((minimum.steps, minimum.reason.stopped_by().as_str()), (200, "max_steps"));
    assert_eq!(minimum.trace.len(), 201);
    for point in &minimum.trace {
        let t = point.step as i32;
        // x − 0.1·2x rounds three times a step, each by at most 2⁻⁵³
        let tolerance = 3.0 * (f64::from(t) + 1.0) * f64::EPSILON / 2.0;
        let near = |found: f64, expected: f64, roundings: f64| {
            assert!((found - expected).abs() <= roundings * tolerance * expected, "step {t}: {found}");
        };
        near(point.theta[0], 0.8f64.powi(t), 1.0);
        near(point.theta[1], 2.0 * 0.8f64.powi(t), 1.0);
        near(point.value, 5.0 * 0.64f64.powi(t), 2.0);
        near(point.gradient_norm, 2.0 * 5f64.sqrt() * 0.8f64.powi(t), 2.0);
    }
    assert_eq!(minimum.best, *minimum.trace.last().unwrap());
}

/// The mean squared error of the line y = w·x + b over X = 1, 2, 3, 4 and y = X.
fn line(theta: &[f64], g: &mut [f64]) -> f64 {
    g.fill(0.0);
    let mut loss = 0.0;
    for x in [1.0, 2.0, 3.0, 4.0] {
        let off = theta[0] * x + theta[1] - x;
        loss += off * off / 4.0;
        g[0] += off * x / 2.0;
        g[1] += off / 2.0;
    }
    loss
}

/// With e = (w − 1, b), a step is e ← (1 − α·H)·e with H = [[15, 5], [5, 2]], the loss's second
/// derivative. H has the eigenvalues (17 ± √269)/2 with eigenvectors (λ − 2, 5), so from
/// w = b = 0 the error after t steps is known without taking one.
#[test]
fn least_squares_follows_its_closed_form() {
    let after = |t: i32| {
        [1.0, -1.0]
            .map(|sign| {
                let lambda = (17.0 + sign * 269f64.sqrt()) / 2.0;
                let v = [lambda - 2.0, 5.0];
                // the share of e = (−1, 0) along v, over ‖v‖²
                let share = -v[0] / (v[0] * v[0] + v[1] * v[1]);
                let left = share * (1.0 - 0.01 * lambda).powi(t);
                [left * v[0], left * v[1]]
            })
            .into_iter()
            .fold([1.0, 0.0], |sum, part| [sum[0] + part[0], sum[1] + part[1]])
    };
    let stop = Stop::max_steps(1000);
    let minimum = minimize(line, &[0.0, 0.0], Sgd::default(), 0.01, stop).unwrap();
    for point in &minimum.trace {
        let expected = after(point.step as i32);
        for (found, expected) in point.theta.iter().zip(expected) {
            // some ten roundings a step of numbers up to 10, most of which shrink away again
            assert!((found - expected).abs() < 1e-13, "step {}: {found} {expected}", point.step);
        }
    }
    // what the documentation says
    let [slope, intercept] = after(1000);
    assert!((slope - 0.99483).abs() < 1e-5 && (intercept - 0.01521).abs() < 1e-5, "{slope} {intercept}");
    // and 20 times as long brings it to 1 and 0: 0.997^20000 is 1e-26
    let stop = Stop::max_steps(20_000);
    let minimum = minimize(line, &[0.0, 0.0], Sgd::default(), 0.01, stop).unwrap();
    assert!((minimum.theta[0] - 1.0).abs() < 1e-14 && minimum.theta[1].abs() < 1e-14);
}

#[test]
fn f32_runs_in_f32() {
    let stop = Stop::max_steps(100);
    let minimum = minimize(sum_of_squares::<f32>, &[1.0, 2.0], Sgd::default(), 0.1, stop).unwrap();
    let mut expected = [1.0f32, 2.0];
    for _ in 0..100 {
        expected = expected.map(|x| x - 0.1 * (x + x));
    }
    assert_eq!(minimum.theta, expected);
}

#[test]
fn a_start_that_is_good_enough_takes_no_step() {
    let stop = Stop::gradient_tolerance(0.0) | Stop::max_steps(10);
    let minimum = minimize(sum_of_squares::<f64>, &[0.0; 3], Sgd::default(), 0.1, stop).unwrap();
    assert_eq!((minimum.steps, minimum.trace.len()), (0, 1));
    assert_eq!(minimum.reason.stopped_by(), "gradient_tolerance");
}

#[test]
fn the_best_point_is_kept_where_the_last_is_worse() {
    // steps of fixed length over the bottom of |x|, from 1 by 0.3: 1, 0.7, 0.4, 0.1, −0.2, 0.1
    let absolute = |x: &[f64], g: &mut [f64]| {
        g[0] = x[0].signum();
        x[0].abs()
    };
    let minimum = minimize(absolute, &[1.0], Sgd::default(), 0.3, Stop::max_steps(4)).unwrap();
    assert_eq!(minimum.best.step, 3);
    assert!((minimum.best.theta[0] - 0.1).abs() < 1e-15 && (minimum.value - 0.2).abs() < 1e-15);
}

#[test]
fn the_observer_sees_every_point_and_its_rate() {
    let schedule = Exponential { gamma: 0.5, floor: 0.0 };
    let mut seen = Vec::new();
    let run = Minimize::new(Sgd::default(), (0.4, schedule), Stop::max_steps(3)).trace(0);
    let minimum = run
        .run_observed(sum_of_squares::<f64>, &[1.0], |at| seen.push((at.step, at.lr, at.theta[0])))
        .unwrap();
    let rates = [0.4, 0.2, 0.1, 0.05];
    let mut x = 1.0;
    for (i, (step, lr, theta)) in seen.iter().enumerate() {
        assert_eq!((*step, *lr, *theta), (i as u64, rates[i], x));
        x -= lr * 2.0 * x;
    }
    assert_eq!((seen.len(), minimum.trace.len()), (4, 0));
}

#[test]
fn a_schedule_of_the_whole_run_needs_its_length() {
    let f = sum_of_squares::<f64>;
    let rate = || (0.1, Cosine::default());
    minimize(f, &[1.0], Sgd::default(), rate(), Stop::max_steps(10)).unwrap();
    let stop = Stop::no_improvement(3);
    let error = minimize(f, &[1.0], Sgd::default(), rate(), stop).unwrap_err();
    assert!(matches!(error, Error::Conflict { owner: "cosine", .. }), "{error}");
}

#[test]
fn what_is_not_finite_is_an_error_or_a_reason() {
    let f = sum_of_squares::<f64>;
    let run = |start: &[f64], lr: f64, stop: Stop| minimize(f, start, Sgd::default(), lr, stop);
    let limit = || Stop::max_steps(10_000);
    assert!(matches!(run(&[], 0.1, limit()), Err(Error::Conflict { .. })));
    assert!(matches!(run(&[f64::NAN], 0.1, limit()), Err(Error::BadArgument { step: 0, .. })));
    assert!(matches!(run(&[1e200], 0.1, limit()), Err(Error::NonFiniteObjective { step: 0, .. })));
    assert!(matches!(run(&[1.0], -0.1, limit()), Err(Error::BadArgument { step: 1, .. })));
    assert!(matches!(run(&[1.0], f64::NAN, limit()), Err(Error::BadArgument { .. })));
    // each step multiplies by −3: f overflows where 9ᵗ does, after 324 steps
    let error = run(&[1.0], 2.0, limit()).unwrap_err();
    assert_eq!(error, Error::NonFiniteObjective { step: 324, value: f64::INFINITY });
    let minimum = run(&[1.0], 2.0, Stop::non_finite() | limit()).unwrap();
    assert!(minimum.reason.is_failure() && minimum.best.step == 0);
    assert_eq!(minimum.reason.to_string(), "the function is not finite at step 324");
    let minimum = run(&[1.0], 2.0, Stop::divergence(4.0) | limit()).unwrap();
    assert_eq!((minimum.reason.stopped_by().as_str(), minimum.steps), ("divergence", 10));
    // a gradient that is not finite where the function is
    let torn = |x: &[f64], g: &mut [f64]| {
        g.copy_from_slice(x);
        g[1] = f64::NAN;
        1.0
    };
    let error = minimize(torn, &[1.0, 1.0], Sgd::default(), 0.1, limit()).unwrap_err();
    assert!(matches!(error, Error::NonFiniteGradient { step: 1, index: 1, .. }));
}

/// Rosenbrock's valley with a value that needs no gradient, and how often it was asked for either.
#[derive(Default)]
struct Valley {
    values: u64,
    gradients: u64,
}

impl Objective<f64> for Valley {
    fn value(&mut self, x: &[f64]) -> f64 {
        self.values += 1;
        functions::find("rosenbrock").unwrap().value(x)
    }

    fn value_and_gradient(&mut self, x: &[f64], g: &mut [f64]) -> f64 {
        self.gradients += 1;
        rosenbrock(x, g)
    }
}

fn rosenbrock(x: &[f64], g: &mut [f64]) -> f64 {
    let function = functions::find("rosenbrock").unwrap();
    function.gradient(x, g);
    function.value(x)
}

#[test]
fn a_type_is_minimized_as_its_closure_is() {
    fn compare(optimizer: impl IntoMinimizer<f64> + Clone, lr: f64) -> (u64, MinimizeReport<f64>) {
        let (start, stop) = ([-1.2, 1.0], || Stop::max_steps(60));
        let mut calls = 0;
        let closure = |x: &[f64], g: &mut [f64]| {
            calls += 1;
            rosenbrock(x, g)
        };
        let of_closure = minimize(closure, &start, optimizer.clone(), lr, stop()).unwrap();
        let mut valley = Valley::default();
        let report = minimize(valley.by_ref(), &start, optimizer.clone(), lr, stop()).unwrap();
        assert_eq!(report, of_closure);
        assert_eq!((valley.values, valley.gradients), (0, calls));
        assert_eq!(minimize(Valley::default(), &start, optimizer, lr, stop()).unwrap(), report);
        (calls, report)
    }
    // the start, and one evaluation a step
    assert_eq!(compare(AdamW::default(), 0.01).0, 61);
    let (calls, report) = compare(Lbfgs::default(), 1.0);
    assert_eq!(report.reason.stopped_by(), "converged");
    assert!(report.steps < 60 && calls > report.steps && report.value < 1e-8, "{report:?}");
}

#[test]
fn a_minimizer_can_be_led_by_hand() {
    fn by_hand<T: Float>(f: fn(&[T], &mut [T]) -> T, start: &[T]) {
        let report = minimize(f, start, Lbfgs::default(), 1.0, Stop::max_steps(7)).unwrap();
        let mut lbfgs = LbfgsMinimizer::new(Lbfgs::default(), start.len()).unwrap();
        let mut at = Iterate::new(start.to_vec());
        let mut calls = 0;
        let mut counted = |x: &[T], g: &mut [T]| {
            calls += 1;
            f(x, g)
        };
        at.evaluate(&mut counted);
        for _ in 0..report.steps {
            lbfgs.advance(1.0, &mut counted, &mut at).unwrap();
        }
        assert_eq!((&at.theta, at.value), (&report.theta, report.value));
        assert_eq!((lbfgs.evaluations(), lbfgs.iterations()), (calls, report.steps));
    }
    by_hand(rosenbrock, &[-1.2, 1.0]);
    let stretched = |x: &[f32], g: &mut [f32]| {
        (g[0], g[1]) = (4.0 * x[0].powi(3), 20.0 * x[1]);
        x[0].powi(4) + 10.0 * x[1] * x[1]
    };
    by_hand(stretched, &[3.0f32, 1.0]);
}

#[test]
fn an_optimizer_comes_as_settings_by_name_or_with_all_that_composes_with_it() {
    let (f, start, stop) = (sum_of_squares::<f64>, [3.0, -4.0], || Stop::max_steps(20));
    let settings = minimize(f, &start, AdamW::default(), 0.1, stop()).unwrap();
    for (name, lr, expected) in [
        ("adamw", 0.1, &settings),
        ("lbfgs", 1.0, &minimize(f, &start, Lbfgs::default(), 1.0, stop()).unwrap()),
    ] {
        let by_name = find_method(name).unwrap().minimize(&Values::new(), lr, stop()).unwrap();
        assert_eq!(&by_name.run(f, &start).unwrap(), expected);
    }
    let builder = || Optimizer::builder(AdamW::default());
    assert_eq!(minimize(f, &start, builder(), 0.1, stop()).unwrap(), settings);
    // one step of at most 1 in all, in the direction of the gradient; the bound adds 1e-6 to the norm
    let step = |minimize: Minimize| minimize.run(f, &start).unwrap().theta;
    let sgd = || Optimizer::builder(Sgd::default());
    let limit = || Stop::max_steps(1);
    let clipped = step(Minimize::new(sgd().clip(Clip::GlobalNorm(1.0)), 1.0, limit()));
    assert!((clipped[0] - 2.4).abs() < 1e-6 && (clipped[1] + 3.2).abs() < 1e-6, "{clipped:?}");
    assert_eq!(step(Minimize::new(Sgd::default(), 1.0, limit()).clip(Clip::GlobalNorm(1.0))), clipped);
    let both = Minimize::new(sgd().clip(Clip::GlobalNorm(9.0)), 1.0, limit()).clip(Clip::GlobalNorm(1.0));
    assert_eq!(step(both), clipped);
}

#[test]
fn a_gradient_check_asks_for_values_alone() {
    let mut valley = Valley::default();
    let options = GradientCheckOptions::default();
    let check = check_objective(valley.by_ref(), &[-1.2, 1.0, 0.3], &options).unwrap();
    assert!(check.passed(check.tolerance), "{check}");
    assert!((10 + 3 * 4..=10 + 3 * 16).contains(&valley.values) && valley.gradients == 1);
    // of a closure, a value is that of the call that computes the gradient too
    let mut calls = 0;
    let closure = |x: &[f64], g: &mut [f64]| {
        calls += 1;
        rosenbrock(x, g)
    };
    assert_eq!(check_objective(closure, &[-1.2, 1.0, 0.3], &options).unwrap(), check);
    assert_eq!(calls, 1 + valley.values);
}

#[test]
fn a_value_of_another_function_is_found() {
    struct Torn;
    impl Objective<f64> for Torn {
        fn value(&mut self, x: &[f64]) -> f64 {
            x[0].powi(2) + 0.1 * x[1]
        }
        fn value_and_gradient(&mut self, x: &[f64], g: &mut [f64]) -> f64 {
            (g[0], g[1]) = (2.0 * x[0], 0.0);
            x[0].powi(2)
        }
    }
    let check = check_objective(Torn, &[1.0, 1.0], &GradientCheckOptions::default()).unwrap();
    assert!(!check.passed(check.tolerance) && check.worst().index == 1, "{check}");
    let error = check_objective(Torn, &[f64::NAN, 1.0], &GradientCheckOptions::default()).unwrap_err();
    assert!(matches!(error, Error::NonFiniteGradient { index: 0, count: 1, .. }), "{error}");
}

#[test]
fn what_lbfgs_cannot_take_is_an_error_before_the_first_step() {
    let run = |lbfgs: Lbfgs, lr: f64| minimize(rosenbrock, &[-1.2, 1.0], lbfgs, lr, Stop::max_steps(5));
    let error = run(Lbfgs { history_size: 0, ..Lbfgs::default() }, 1.0).unwrap_err();
    assert!(matches!(error, Error::OutOfRange { owner: "lbfgs", setting: "history_size", .. }), "{error}");
    let error = run(Lbfgs::default(), f64::NAN).unwrap_err();
    assert!(matches!(error, Error::BadArgument { step: 0, what: "the learning rate", .. }), "{error}");
    let torn = |_: &[f64], g: &mut [f64]| {
        g.fill(f64::INFINITY);
        1.0
    };
    let error = minimize(torn, &[1.0], Lbfgs::default(), 1.0, Stop::max_steps(5)).unwrap_err();
    assert_eq!(error, Error::NonFiniteObjective { step: 0, value: f64::INFINITY });
    // no evaluation is wasted on what cannot begin
    let mut valley = Valley::default();
    let clipped = Minimize::new(Lbfgs::default(), 1.0, Stop::max_steps(5)).clip(Clip::Value(1.0));
    let error = clipped.run(valley.by_ref(), &[-1.2, 1.0]).unwrap_err();
    assert!(matches!(error, Error::Conflict { owner: "lbfgs", .. }), "{error}");
    assert_eq!(valley.gradients, 0);
}
