use super::{Dimension, FUNCTIONS, Function, find};
use crate::error::Error;
use crate::minimize::{GradientCheckOptions, check_gradient};
use crate::settings::{Value, Values};

fn dimensions(function: &Function) -> Vec<usize> {
    match function.dimension {
        Dimension::Exactly(n) => vec![n],
        Dimension::AtLeast(n) => vec![n, 2, 3, 7],
    }
}

fn gradient(function: &Function, x: &[f64]) -> Vec<f64> {
    let mut g = vec![f64::NAN; x.len()];
    function.gradient(x, &mut g);
    g
}

fn assert_gradient(function: &Function, x: &[f64]) {
    let g = gradient(function, x);
    let options = GradientCheckOptions::default();
    let check = check_gradient(|x| function.value(x), &g, x, &options).unwrap();
    assert!(check.passed(check.tolerance), "{} at {x:?}: {check}", function.name);
}

#[test]
fn gradients_are_those_of_the_values() {
    for function in FUNCTIONS {
        for n in dimensions(function) {
            assert_gradient(function, &function.start(n).unwrap());
            // points over the window, none of them special
            for k in 0..40u32 {
                let at = |i: usize| {
                    let (low, high) = function.window[i % 2];
                    let part = (f64::from(k) * 0.618_034 + i as f64 * 0.414_214).fract();
                    low + part * (high - low)
                };
                assert_gradient(function, &(0..n).map(at).collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn gradients_are_those_of_the_values_near_the_minima() {
    // there both the gradient and the difference quotient are mostly rounding
    for function in FUNCTIONS {
        for n in dimensions(function) {
            for minimum in function.minima(n).unwrap() {
                for distance in [0.0, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3] {
                    for k in 0..10u32 {
                        let shift = |i: usize| (f64::from(k) * 2.4 + i as f64).sin() * distance;
                        let x = minimum.point.iter().enumerate().map(|(i, x)| x + shift(i));
                        assert_gradient(function, &x.collect::<Vec<_>>());
                    }
                }
            }
        }
    }
}

#[test]
fn minima_are_where_and_what_they_are_said_to_be() {
    for function in FUNCTIONS {
        for n in dimensions(function) {
            for minimum in function.minima(n).unwrap() {
                let value = function.value(&minimum.point);
                // a few roundings of the value, or of terms of size 100 that cancel to 0
                let allowed = 1e-14 * minimum.value.abs().max(1.0);
                assert!((value - minimum.value).abs() <= allowed, "{} {value}", function.name);
                for g in gradient(function, &minimum.point) {
                    // a point rounded to 4e-16, times a curvature of up to 1000
                    assert!(g.abs() <= 1e-12, "{} {n}: {g}", function.name);
                }
                // and nowhere in the window is it smaller
                let mut x = minimum.point.clone();
                for k in 0..2000u32 {
                    for (i, x) in x.iter_mut().enumerate() {
                        let (low, high) = function.window[i % 2];
                        let part = (f64::from(k) * (0.618_034 + 0.137 * i as f64)).fract();
                        *x = low + part * (high - low);
                    }
                    assert!(function.value(&x) >= value - allowed, "{} {x:?}", function.name);
                }
            }
        }
    }
}

#[test]
fn starts_and_minima_of_two_coordinates_lie_in_the_window() {
    for function in FUNCTIONS {
        let inside = |x: &[f64]| x.iter().zip(function.window).all(|(x, (a, b))| a < *x && *x < b);
        let n = function.dimension.default();
        assert_eq!(n, 2);
        let start = function.start(n).unwrap();
        assert!(inside(&start), "{}", function.name);
        let minima = function.minima(n).unwrap();
        assert!(!minima.is_empty() && minima.iter().all(|m| inside(&m.point)));
        assert!(function.value(&start) > minima[0].value + 0.1, "{}", function.name);
        assert!(gradient(function, &start).iter().any(|g| g.abs() > 1e-3), "{}", function.name);
    }
}

#[test]
fn rows_are_complete_and_sorted() {
    assert!(FUNCTIONS.is_sorted_by_key(|function| function.name));
    for function in FUNCTIONS {
        assert_eq!(find(function.name).unwrap().name, function.name);
        assert!(function.summary.ends_with('.'));
        assert!(!function.formula.is_empty() && !function.source.is_empty());
    }
    assert!(matches!(find("nothing"), Err(Error::UnknownName { .. })));
}

#[test]
fn settings_shape_a_function_and_are_checked() {
    let number = |name: &str, x: f64| Values::from([(name.to_owned(), Value::Number(x))]);
    let quadratic = find("quadratic").unwrap();
    assert_eq!(quadratic.parameters()[0].name, "condition");
    let shaped = quadratic.with(&number("condition", 1e6)).unwrap();
    assert_eq!(gradient(&shaped, &[1.0, 1.0, 1.0]), [1.0, 1e3, 1e6]);
    assert_gradient(&shaped, &[0.3, -0.2, 0.7]);
    let error = quadratic.with(&number("condition", 0.5)).unwrap_err();
    assert!(matches!(error, Error::OutOfRange { nearest: 1.0, .. }));
    let error = quadratic.with(&number("conditon", 5.0)).unwrap_err();
    assert!(matches!(error, Error::UnknownSetting { nearest: Some(_), .. }));
    assert!(find("sphere").unwrap().with(&number("condition", 5.0)).is_err());
    let error = find("beale").unwrap().start(3).unwrap_err().to_string();
    assert_eq!(error, "beale: dimension = 3 is outside [2, 2]; the nearest valid value is 2");
}
