//! What Shapley values are, held for every way of computing them.

mod common;

use common::numbers;
use steepest_explain::*;

/// A function of a row as a model.
struct Of<F> {
    features: usize,
    outputs: usize,
    f: F,
}

impl<F: Fn(&[f64], &mut [f64]) + Sync> Model for Of<F> {
    fn features(&self) -> usize {
        self.features
    }
    fn outputs(&self) -> usize {
        self.outputs
    }
    fn evaluate(&self, rows: &[f64], outputs: &mut [f64]) {
        for (row, outputs) in rows.chunks(self.features).zip(outputs.chunks_mut(self.outputs)) {
            (self.f)(row, outputs);
        }
    }
}

fn of<F: Fn(&[f64], &mut [f64]) + Sync>(features: usize, outputs: usize, f: F) -> Of<F> {
    Of { features, outputs, f }
}

/// Curved, with products of two, three and more columns.
fn wild(row: &[f64]) -> f64 {
    let twist: f64 = row.iter().enumerate().map(|(at, x)| (at as f64 + 1.0).sqrt() * x).sum();
    let products: f64 = row.windows(3).map(|w| w[0] * w[1] * w[2] + w[0] * w[2]).sum();
    (twist.sin() + products).exp().min(20.0) + row.iter().fold(0.0f64, |most, x| most.max(*x))
}

fn both(row: &[f64], out: &mut [f64]) {
    out[0] = wild(row);
    out[1] = 3.0 * row[0] - 100.0 * row[1] + 1e3;
}

fn options(evaluations: u64) -> ShapleyOptions {
    ShapleyOptions { evaluations, tolerance: 0.0, ..ShapleyOptions::default() }
}

fn explain(model: &dyn Model, background: &[f64], rows: &[f64], evaluations: u64) -> Vec<Row> {
    let d = model.features();
    let background = Background::new(background.to_vec(), d).unwrap();
    shapley(model, &Players::each(d).unwrap(), &background, rows, &options(evaluations)).unwrap()
}

fn assert_near(found: &[f64], expected: &[f64], within: f64) {
    let scale = expected.iter().fold(1e-300f64, |most, x| most.max(x.abs()));
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= within * scale, "{found} is not {expected}");
    }
}

#[test]
fn values_add_up_on_every_row_however_they_are_found() {
    for (d, evaluations, exact) in
        [(2, 4, true), (6, 64, true), (9, 100, false), (24, 300, false), (70, 400, false)]
    {
        let rows = explain(&of(d, 2, both), &numbers(7 * d, 1), &numbers(5 * d, 2), evaluations);
        for row in &rows {
            assert_eq!(row.is_exact, exact);
            assert!(row.evaluations <= evaluations);
            for k in 0..2 {
                let sum = row.base[k] + row.of_output(k).iter().sum::<f64>();
                let size = row.of_output(k).iter().fold(row.whole[k].abs(), |most, x| most.max(x.abs()));
                assert!((sum - row.whole[k]).abs() <= 1e-6 * size, "{sum} is not {}", row.whole[k]);
                assert!((sum - row.whole[k]).abs() <= 1e-11 * size, "it is exact but for rounding");
            }
        }
    }
}

#[test]
fn as_over_all_orders() {
    for d in 2..=8 {
        let (background, rows) = (numbers(3 * d, 3), numbers(d, 4));
        let found = explain(&of(d, 1, |row, out| out[0] = wild(row)), &background, &rows, 1 << d);
        let v: Vec<f64> = (0..1 << d)
            .map(|mask| {
                let mixed = background.chunks(d).map(|other| {
                    let mix = |at: usize| if mask >> at & 1 == 1 { rows[at] } else { other[at] };
                    wild(&(0..d).map(mix).collect::<Vec<_>>())
                });
                mixed.sum::<f64>() / 3.0
            })
            .collect();
        let mut order: Vec<usize> = (0..d).collect();
        let (mut sums, mut count) = (vec![0.0; d], 0.0);
        each_order(&mut order, 0, &mut |order| {
            let mut mask = 0;
            for &player in order {
                sums[player] += v[mask | 1 << player] - v[mask];
                mask |= 1 << player;
            }
            count += 1.0;
        });
        let expected: Vec<f64> = sums.iter().map(|sum| sum / count).collect();
        assert_near(&found[0].values, &expected, 1e-12);
    }
}

fn each_order(order: &mut Vec<usize>, from: usize, each: &mut dyn FnMut(&[usize])) {
    if from == order.len() {
        return each(order);
    }
    for at in from..order.len() {
        order.swap(from, at);
        each_order(order, from + 1, each);
        order.swap(from, at);
    }
}

#[test]
fn linear_models_in_closed_form() {
    for (d, evaluations) in [(5, 32), (12, 200), (30, 500), (90, 300)] {
        let slopes = numbers(d, 5);
        let (background, rows) = (numbers(11 * d, 6), numbers(3 * d, 7));
        let line = |row: &[f64], out: &mut [f64]| out[0] = row.iter().zip(&slopes).map(|(x, w)| x * w).sum();
        for (row, x) in explain(&of(d, 1, line), &background, &rows, evaluations).iter().zip(rows.chunks(d)) {
            let mean = |at: usize| background.chunks(d).map(|other| other[at]).sum::<f64>() / 11.0;
            let expected: Vec<f64> = (0..d).map(|at| slopes[at] * (x[at] - mean(at))).collect();
            assert_near(&row.values, &expected, 1e-11);
            assert!(row.standard_errors.iter().all(|error| *error < 1e-7), "{:?}", row.standard_errors);
            // the error of a mean of 11, as the bootstrap has it
            let spread = |at: usize| {
                let squares: f64 = background.chunks(d).map(|other| (other[at] - mean(at)).powi(2)).sum();
                slopes[at].abs() * (squares / 121.0).sqrt()
            };
            assert_near(&row.background_errors, &(0..d).map(spread).collect::<Vec<_>>(), 1e-5);
        }
    }
}

#[test]
fn the_error_of_the_background_is_what_bootstrapping_it_gives() {
    let d = 5;
    let (background, row) = (numbers(20 * d, 8), numbers(d, 9));
    let model = of(d, 1, |row, out| out[0] = wild(row));
    let found = explain(&model, &background, &row, 32);
    let mut sums = vec![[0.0; 2]; d];
    const DRAWS: usize = 600;
    for draw in 0..DRAWS {
        let some = |at: u64| (steepest::random_at(77 + draw as u64, at) % 20) as usize * d;
        let drawn: Vec<f64> = (0..20).flat_map(|at| background[some(at)..some(at) + d].to_vec()).collect();
        for (sum, value) in sums.iter_mut().zip(&explain(&model, &drawn, &row, 32)[0].values) {
            *sum = [sum[0] + value, sum[1] + value * value];
        }
    }
    for (sum, error) in sums.iter().zip(&found[0].background_errors) {
        let [mean, square] = sum.map(|sum| sum / DRAWS as f64);
        let spread = (square - mean * mean).sqrt();
        assert!((spread / error - 1.0).abs() < 0.12, "{spread} against {error}");
    }
}

#[test]
fn players_that_do_the_same_get_the_same_and_idle_ones_nothing() {
    let d = 7;
    // x0 and x1 only by their sum, x2 not at all
    let f = |row: &[f64], out: &mut [f64]| out[0] = wild(&[row[0] + row[1], row[3], row[4], row[5], row[6]]);
    let (mut background, mut rows) = (numbers(9 * d, 10), numbers(2 * d, 11));
    background.chunks_mut(d).chain(rows.chunks_mut(d)).for_each(|row| row[1] = row[0]);
    for row in explain(&of(d, 1, f), &background, &rows, 128) {
        assert_near(&row.values[..1], &row.values[1..2], 1e-12);
        assert!(row.values[2].abs() < 1e-13 * row.values[0].abs().max(1.0));
    }
    // a column that is the same in all of the background and the row drops out, sampled too
    rows.chunks_mut(d).chain(background.chunks_mut(d)).for_each(|row| row[5] = 0.25);
    for (evaluations, taken) in [(128, 64), (40, 40)] {
        for row in explain(&of(d, 1, f), &background, &rows, evaluations) {
            assert_eq!((row.evaluations, row.is_exact), (taken, evaluations == 128));
            assert_eq!((row.values[5], row.standard_errors[5], row.background_errors[5]), (0.0, 0.0, 0.0));
            assert!([0, 1, 3, 4, 6].iter().all(|at| row.values[*at] != 0.0), "none is silently 0");
        }
    }
}

#[test]
fn values_of_a_sum_are_sums_of_values() {
    let d = 6;
    let (background, rows) = (numbers(5 * d, 12), numbers(d, 13));
    let one = |row: &[f64]| wild(row);
    let other = |row: &[f64]| (row[0] * row[3]).cos() + row[5].powi(3);
    let values = |f: &(dyn Fn(&[f64]) -> f64 + Sync)| {
        explain(&of(d, 1, |row, out: &mut [f64]| out[0] = f(row)), &background, &rows, 64)[0].values.clone()
    };
    let sum = values(&|row| 2.0 * one(row) - 5.0 * other(row));
    let (one, other) = (values(&one), values(&other));
    let expected: Vec<f64> = one.iter().zip(&other).map(|(a, b)| 2.0 * a - 5.0 * b).collect();
    assert_near(&sum, &expected, 1e-12);
}

#[test]
fn neither_threads_nor_the_order_of_rows_change_a_bit() {
    for (d, evaluations) in [(6, 64), (14, 400)] {
        let model = of(d, 2, both);
        let (background, rows) = (numbers(21 * d, 14), numbers(8 * d, 15));
        let backwards: Vec<f64> = rows.chunks(d).rev().flatten().copied().collect();
        let on = |threads: usize, rows: &[f64], tolerance: f64| {
            let background = Background::new(background.clone(), d).unwrap();
            let options = ShapleyOptions { evaluations, tolerance, seed: 1 };
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| shapley(&model, &Players::each(d).unwrap(), &background, rows, &options).unwrap())
        };
        for tolerance in [0.0, 0.05] {
            let one = on(1, &rows, tolerance);
            assert_eq!(one, on(3, &rows, tolerance));
            let mut turned = on(2, &backwards, tolerance);
            turned.reverse();
            assert_eq!(one, turned);
            assert_eq!(one[2..3], on(2, &rows[2 * d..3 * d], tolerance), "a row by itself");
        }
    }
}

#[test]
fn a_group_is_one_player() {
    let d = 4;
    let (background, rows) = (numbers(6 * d, 16), numbers(d, 17));
    let model = of(d, 1, |row, out| out[0] = wild(row));
    let players = Players::each(d).unwrap().joined(&[vec![1, 3]]);
    let background_rows = Background::new(background.clone(), d).unwrap();
    let found = shapley(&model, &players, &background_rows, &rows, &options(8)).unwrap();
    // the same with the pair as one number
    let folded = |row: &[f64]| [row[0], row[2]];
    let joint = of(3, 1, |row: &[f64], out: &mut [f64]| {
        let source = if row[1] < 0.0 { &rows[..] } else { &background[row[1] as usize * d..][..d] };
        out[0] = wild(&[row[0], source[1], row[2], source[3]]);
    });
    let background_folded: Vec<f64> = background
        .chunks(d)
        .enumerate()
        .flat_map(|(at, row)| [folded(row)[0], at as f64, folded(row)[1]])
        .collect();
    let expected = explain(&joint, &background_folded, &[rows[0], -1.0, rows[2]], 8);
    assert_near(&found[0].values, &expected[0].values, 1e-13);
}

#[test]
fn interactions_of_a_product_and_their_sums() {
    let d = 5;
    let (background, rows) = (numbers(4 * d, 18), numbers(2 * d, 19));
    let players = Players::each(d).unwrap();
    let background = Background::new(background, d).unwrap();
    let model = of(d, 2, both);
    let found = interactions(&model, &players, &background, &rows).unwrap();
    let values = shapley(&model, &players, &background, &rows, &options(32)).unwrap();
    for (found, row) in found.iter().zip(&values) {
        for k in 0..2 {
            let sums: Vec<f64> = (0..d).map(|a| (0..d).map(|b| found.of(k, a, b)).sum()).collect();
            assert_near(&sums, row.of_output(k), 1e-12);
            assert_eq!(found.of(k, 1, 3), found.of(k, 3, 1));
        }
        // the second output is a line
        assert!((0..d).all(|b| b == 3 || found.of(1, 3, b).abs() < 1e-10));
    }
    // x0 x1 against zeros: the product is shared by the two
    let product = of(3, 1, |row: &[f64], out: &mut [f64]| out[0] = row[0] * row[1] + row[2]);
    let zeros = Background::new(vec![0.0; 6], 3).unwrap();
    let found = interactions(&product, &Players::each(3).unwrap(), &zeros, &[2.0, 3.0, 5.0]).unwrap();
    assert_near(&found[0].values, &[0.0, 3.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 5.0], 1e-15);
}

#[test]
fn what_is_refused_is_named() {
    let model = of(5, 1, |row, out| out[0] = wild(row));
    let players = Players::each(5).unwrap();
    let background = Background::new(numbers(50, 1), 5).unwrap();
    let explain =
        |rows: &[f64], evaluations| shapley(&model, &players, &background, rows, &options(evaluations));
    let error = |rows: &[f64], evaluations| explain(rows, evaluations).unwrap_err().to_string();
    assert!(error(&numbers(5, 2), 11).contains("11 evaluations for each row, expected at least 12"));
    assert!(error(&numbers(5, 2), 0).contains("at least 12"));
    assert!(error(&numbers(7, 2), 100).contains("multiple of 5"));
    assert!(error(&[f64::NAN; 5], 100).contains("NaN in row 0"));
    assert!(explain(&[], 100).unwrap().is_empty());
    for (rows, words) in
        [(vec![0.0; 5], "1 rows in the background"), (vec![], "0 rows"), (vec![0.0; 8], "multiple")]
    {
        assert!(Background::new(rows, 5).unwrap_err().to_string().contains(words));
    }
    let infinite = of(5, 1, |row, out| out[0] = 1.0 / (row[0] - row[0]));
    let error = shapley(&infinite, &players, &background, &numbers(5, 2), &options(32)).unwrap_err();
    assert!(error.to_string().contains("an output of the model"), "{error}");
    assert!(matches!(path(&model, &players, &background, &numbers(5, 2)), Err(Error::NoGradients)));
    let many = Players::each(13).unwrap();
    let wide = of(13, 1, |row, out| out[0] = wild(row));
    let background = Background::new(numbers(26, 1), 13).unwrap();
    let error = interactions(&wide, &many, &background, &numbers(13, 2)).unwrap_err();
    assert!(error.to_string().contains("13 columns, expected at most 12"));
}
