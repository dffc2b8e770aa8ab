//! The other questions: paths, lines, shuffles, curves.

mod common;

use common::numbers;
use steepest_explain::*;

/// x0 x1 + x2², with gradients, and a line.
struct Known;

impl Model for Known {
    fn features(&self) -> usize {
        3
    }
    fn outputs(&self) -> usize {
        2
    }
    fn evaluate(&self, rows: &[f64], outputs: &mut [f64]) {
        for (row, out) in rows.chunks(3).zip(outputs.chunks_mut(2)) {
            out[0] = row[0] * row[1] + row[2] * row[2];
            out[1] = 2.0 * row[0] - row[2] + 7.0;
        }
    }
    fn gradients(&self, rows: &[f64], output: usize) -> Option<Vec<f64>> {
        Some(
            rows.chunks(3)
                .flat_map(|row| match output {
                    0 => [row[1], row[0], 2.0 * row[2]],
                    _ => [2.0, 0.0, -1.0],
                })
                .collect(),
        )
    }
}

fn near(a: f64, b: f64, within: f64) -> bool {
    (a - b).abs() <= within
}

#[test]
fn paths_are_complete_and_exact_for_polynomials() {
    let background = Background::new(numbers(3 * 300, 1), 3).unwrap();
    let players = Players::each(3).unwrap();
    let rows = numbers(6, 2);
    for (path, row) in path(&Known, &players, &background, &rows).unwrap().iter().zip(rows.chunks(3)) {
        assert!(path.gap.iter().all(|gap| *gap < 1e-12));
        // ∫ (b1 + t (x1 − b1)) (x0 − b0) dt = (x0 − b0) (x1 + b1) / 2
        let expected =
            background.rows().map(|b| 0.5 * (row[0] - b[0]) * (row[1] + b[1])).sum::<f64>() / 300.0;
        assert!(near(path.values[0], expected, 1e-12));
        let mean = background.rows().map(|b| b[0]).sum::<f64>() / 300.0;
        assert!(near(path.values[3], 2.0 * (row[0] - mean), 1e-12) && near(path.values[4], 0.0, 1e-15));
    }
}

#[test]
fn a_line_is_found_and_a_curve_is_said_to_be_none() {
    let background = Background::new(numbers(3 * 50, 3), 3).unwrap();
    let players = Players::each(3).unwrap();
    let rows = [0.9, 0.8, -0.7, 0.02, -0.03, 0.01];
    let options = LimeOptions::default();
    let found = lime(&Known, &players, &background, &rows, &options).unwrap();
    let mean = |at: usize| background.rows().map(|row| row[at]).sum::<f64>() / 50.0;
    for (lime, row) in found.iter().zip(rows.chunks(3)) {
        // keeping x0 adds 2 (x0 − its mean) to the line, up to what the background's rows scatter
        assert!(near(lime.values[3], 2.0 * (row[0] - mean(0)), 5.0 * lime.spread[3]), "{lime:?}");
        assert!(near(lime.values[4], 0.0, 5.0 * lime.spread[4]) && lime.spread[3] < 0.1);
    }
    assert!(found[0].is_ranking(1) && !found[1].is_ranking(0), "{found:?}");
    let turned = lime(
        &Known,
        &players,
        &background,
        &[rows[3], rows[4], rows[5], rows[0], rows[1], rows[2]],
        &options,
    )
    .unwrap();
    assert_eq!((&turned[0], &turned[1]), (&found[1], &found[0]), "draws belong to the row");
    let few = LimeOptions { samples: 11, ..options };
    assert!(lime(&Known, &players, &background, &rows, &few).is_err());
}

#[test]
fn a_local_line_is_the_slope_at_the_row() {
    let background = Background::new(numbers(3 * 60, 5), 3).unwrap();
    let players = Players::new(vec![("a".to_owned(), vec![0, 2]), ("b".to_owned(), vec![1])], 3).unwrap();
    let rows = numbers(3 * 1_500, 6);
    let found = local_linear(&Known, &players, &background, &rows).unwrap();
    assert_eq!(found.len(), 1_500);
    let mean = |at: usize| background.rows().map(|row| row[at]).sum::<f64>() / 60.0;
    for (line, row) in found.iter().zip(rows.chunks(3)) {
        assert_eq!(line.slopes, [row[1], row[0], 2.0 * row[2], 2.0, 0.0, -1.0]);
        let of_a = row[1] * (row[0] - mean(0)) + 2.0 * row[2] * (row[2] - mean(2));
        assert!(
            near(line.values[0], of_a, 1e-12) && near(line.values[1], row[0] * (row[1] - mean(1)), 1e-12)
        );
        for output in 0..2 {
            let sum = line.base[output] + line.values[2 * output..2 * output + 2].iter().sum::<f64>();
            assert!(near(sum, line.whole[output], 1e-12));
        }
        // the second output is a line, the first is none
        assert!(near(line.r_squared[1], 1.0, 1e-12) && line.r_squared[0] < 0.9, "{line:?}");
    }
    // against the mean's own formula: the standard error of slope · background
    let errors = &found[0].background_errors;
    let terms: Vec<f64> = background.rows().map(|b| 2.0 * b[0] - b[2]).collect();
    let middle = terms.iter().sum::<f64>() / 60.0;
    let error = terms.iter().map(|x| (x - middle).powi(2)).sum::<f64>().sqrt() / 60.0;
    assert!(near(errors[2], error, 1e-12));
    // a model without gradients, and rows that are not finite
    struct Flat;
    impl Model for Flat {
        fn features(&self) -> usize {
            3
        }
        fn outputs(&self) -> usize {
            1
        }
        fn evaluate(&self, _: &[f64], outputs: &mut [f64]) {
            outputs.fill(1.0);
        }
    }
    assert_eq!(local_linear(&Flat, &players, &background, &rows), Err(Error::NoGradients));
    assert!(local_linear(&Known, &players, &background, &[0.0, f64::NAN, 0.0]).is_err());
}

#[test]
fn shuffling_costs_what_it_must() {
    // squared error of the second output against what it is: shuffling x0 costs 2² · 2 Var(x0)
    let rows = numbers(3 * 4_000, 4);
    let target: Vec<f64> = rows.chunks(3).map(|row| 2.0 * row[0] - row[2] + 7.0).collect();
    let loss = |row: usize, outputs: &[f64]| (outputs[1] - target[row]).powi(2);
    let found = importance(&Known, &Players::each(3).unwrap(), &rows, &loss, 3, 0).unwrap();
    for (found, expected) in found.iter().zip([8.0 / 3.0, 0.0, 2.0 / 3.0]) {
        assert!(near(found.increase, expected, 4.0 * found.standard_error + 1e-12), "{found:?}");
        assert!(found.interval[0] <= found.increase && found.increase <= found.interval[1]);
    }
    assert_eq!(found[1].increase, 0.0);
    let joined = Players::each(3).unwrap().joined(&[vec![0, 2]]);
    let together = importance(&Known, &joined, &rows, &loss, 3, 0).unwrap();
    assert!(near(together[0].increase, 10.0 / 3.0, 0.2));
    assert!(importance(&Known, &joined, &rows[..3], &loss, 3, 0).is_err());
    let nan = |_: usize, _: &[f64]| f64::NAN;
    assert!(importance(&Known, &joined, &rows, &nan, 1, 0).unwrap_err().to_string().contains("the loss"));
}

#[test]
fn curves_follow_the_function() {
    let rows = numbers(3 * 2_000, 5);
    let values: Vec<Vec<f64>> = (0..=20).map(|at| vec![f64::from(at) / 10.0 - 1.0]).collect();
    let found = dependence(&Known, &rows, &[2], &values).unwrap();
    let mean = rows.chunks(3).map(|row| row[0] * row[1]).sum::<f64>() / 2_000.0;
    for (at, value) in values.iter().enumerate() {
        assert!(near(found.mean[2 * at], mean + value[0] * value[0], 1e-12));
        assert!(near(found.each[2 * (21 + at)], rows[3] * rows[4] + value[0] * value[0], 1e-12));
    }
    let place = |row: &[f64]| (((row[2] + 1.0) * 10.0) as usize).min(19);
    let places: Vec<usize> = rows.chunks(3).map(place).collect();
    let found = accumulated(&Known, &rows, &[2], &values, &places).unwrap();
    for (at, value) in values.iter().enumerate() {
        // x² less its mean
        assert!(near(found.values[2 * at], value[0] * value[0] - 1.0 / 3.0, 0.02));
        assert!(near(found.values[2 * at + 1], -value[0], 0.02));
    }
    assert_eq!(found.counts.iter().sum::<usize>(), 2_000);
    assert!(accumulated(&Known, &rows, &[2], &values, &places[1..]).is_err());
    assert!(accumulated(&Known, &rows, &[2], &values[..1], &places).is_err());
    assert!(dependence(&Known, &rows, &[2], &[vec![0.0, 1.0]]).is_err());
}
