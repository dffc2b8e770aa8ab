//! Sampled Shapley values beside shap's on five networks that scikit-learn trained: `fixtures/make_shap.py`.

use safetensors::SafeTensors;
use steepest_explain::*;

const BUDGETS: [u64; 3] = [64, 128, 256];
/// Errors are at most so much of those of shap's kernel without selection of features.
const MOST_OF_KERNEL: [f64; 3] = [0.65, 0.5, 0.4];
const SEEDS: u64 = 5;

/// One of the networks of the fixture.
struct Network {
    name: &'static str,
    /// Weights, `outputs × inputs`, and biases.
    layers: Vec<(Vec<f64>, Vec<f64>)>,
    tanh: bool,
    background: Vec<f64>,
    rows: Vec<f64>,
}

impl Model for Network {
    fn features(&self) -> usize {
        self.layers[0].0.len() / self.layers[0].1.len()
    }
    fn outputs(&self) -> usize {
        1
    }
    fn evaluate(&self, rows: &[f64], outputs: &mut [f64]) {
        let mut values = Vec::new();
        for (row, output) in rows.chunks(self.features()).zip(outputs) {
            values.clear();
            values.extend_from_slice(row);
            for (at, (weights, biases)) in self.layers.iter().enumerate() {
                let sums = weights.chunks(values.len()).zip(biases);
                let mut next: Vec<f64> = sums.map(|(w, bias)| bias + dot(w, &values)).collect();
                if at + 1 < self.layers.len() {
                    next.iter_mut().for_each(|x| *x = if self.tanh { x.tanh() } else { x.max(0.0) });
                }
                values = next;
            }
            *output = values[0];
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        a.iter().zip(b).zip(&mut sums).for_each(|((a, b), sum)| *sum += a * b);
    }
    sums.iter().sum()
}

/// A game whose values are all known, as a model: coalitions are rows of ones and zeros.
struct Game {
    players: usize,
    values: Vec<f64>,
}

impl Model for Game {
    fn features(&self) -> usize {
        self.players
    }
    fn outputs(&self) -> usize {
        1
    }
    fn evaluate(&self, rows: &[f64], outputs: &mut [f64]) {
        for (row, output) in rows.chunks(self.players).zip(outputs) {
            let mask: usize = row.iter().enumerate().map(|(at, x)| (*x as usize) << at).sum();
            *output = self.values[mask];
        }
    }
}

struct Fixture(Vec<u8>);

impl Fixture {
    fn open() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/shap.safetensors");
        Self(std::fs::read(path).unwrap())
    }

    fn numbers(&self, name: &str, key: &str) -> Vec<f64> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(&format!("{name}.{key}")).unwrap();
        match tensor.dtype() {
            safetensors::Dtype::F32 => tensor
                .data()
                .chunks(4)
                .map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap())))
                .collect(),
            _ => tensor.data().chunks(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
        }
    }

    fn network(&self, name: &'static str) -> Network {
        let layer = |at: usize| {
            (self.numbers(name, &format!("weight.{at}")), self.numbers(name, &format!("bias.{at}")))
        };
        Network {
            name,
            layers: (0..3).map(layer).collect(),
            tanh: self.numbers(name, "tanh") == [1.0],
            background: self.numbers(name, "background"),
            rows: self.numbers(name, "rows"),
        }
    }
}

fn options(evaluations: u64, seed: u64) -> ShapleyOptions {
    ShapleyOptions { evaluations, tolerance: 0.0, seed }
}

/// The games of a network's rows, with what is exact of each.
fn games(network: &Network) -> Vec<(Game, Vec<f64>)> {
    let d = network.features();
    network
        .rows
        .chunks(d)
        .map(|row| {
            let values = (0..1usize << d)
                .map(|mask| {
                    let mixed: Vec<f64> = network
                        .background
                        .chunks(d)
                        .flat_map(|other| {
                            (0..d).map(move |at| if mask >> at & 1 == 1 { row[at] } else { other[at] })
                        })
                        .collect();
                    let mut outputs = vec![0.0; mixed.len() / d];
                    network.evaluate(&mixed, &mut outputs);
                    outputs.iter().sum::<f64>() / outputs.len() as f64
                })
                .collect();
            let game = Game { players: d, values };
            let exact = of_game(&game, 1 << d, 0).values;
            (game, exact)
        })
        .collect()
}

fn of_game(game: &Game, evaluations: u64, seed: u64) -> Row {
    let d = game.players;
    let zeros = Background::new(vec![0.0; 2 * d], d).unwrap();
    let players = Players::each(d).unwrap();
    shapley(game, &players, &zeros, &vec![1.0; d], &options(evaluations, seed)).unwrap().remove(0)
}

fn relative<'a>(pairs: impl Iterator<Item = (&'a [f64], &'a [f64])>) -> f64 {
    let (mut missed, mut all) = (0.0, 0.0);
    for (found, exact) in pairs {
        missed += found.iter().zip(exact).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        all += exact.iter().map(|x| x * x).sum::<f64>();
    }
    (missed / all).sqrt()
}

#[test]
fn exact_is_what_shap_has_exactly() {
    let fixture = Fixture::open();
    for name in ["diabetes", "friedman", "wine", "products"] {
        let network = fixture.network(name);
        let (d, exact) = (network.features(), fixture.numbers(name, "exact"));
        let background = Background::new(network.background.clone(), d).unwrap();
        let players = Players::each(d).unwrap();
        let some = &network.rows[..2 * d];
        let found = shapley(&network, &players, &background, some, &options(1024, 0)).unwrap();
        for (row, exact) in found.iter().zip(exact.chunks(d)) {
            assert!(row.is_exact);
            let scale = exact.iter().fold(0.0f64, |most, x| most.max(x.abs()));
            for (found, exact) in row.values.iter().zip(exact) {
                assert!((found - exact).abs() <= 1e-5 * scale, "{name}: {found} is not {exact}");
            }
        }
    }
}

/// Errors beside shap's at equal evaluations, and whether the intervals hold what is exact: 1,000 values for each budget.
#[test]
fn sampled_values_are_nearer_than_shaps_and_know_how_near() {
    let fixture = Fixture::open();
    let mut held = [[0usize; 2]; BUDGETS.len()];
    for name in ["diabetes", "friedman", "wine", "products"] {
        let network = fixture.network(name);
        let games = games(&network);
        for (at, budget) in BUDGETS.iter().enumerate() {
            let mut found = Vec::new();
            for seed in 0..SEEDS {
                for (game, exact) in &games {
                    let row = of_game(game, *budget, seed);
                    assert!(!row.is_exact && row.evaluations <= *budget);
                    let reach = reach(row.freedom);
                    for ((value, error), exact) in row.values.iter().zip(&row.standard_errors).zip(exact) {
                        held[at][0] += usize::from((value - exact).abs() <= reach * error);
                        held[at][1] += 1;
                    }
                    found.push((row.values, exact));
                }
            }
            let error = relative(found.iter().map(|(found, exact)| (found.as_slice(), exact.as_slice())));
            let [kernel, antithetic] =
                ["kernel", "antithetic"].map(|peer| fixture.numbers(name, &format!("{peer}.{budget}"))[0]);
            println!(
                "{name} at {budget}: {error:.4}, shap's kernel {kernel:.4} ({:.2}), antithetic orders {antithetic:.4}",
                error / kernel
            );
            assert!(error <= MOST_OF_KERNEL[at] * kernel && error <= antithetic, "{name} at {budget}");
        }
    }
    for (budget, [held, of]) in BUDGETS.iter().zip(held) {
        println!(
            "intervals at {budget}: {held} of {of} hold the exact value ({:.1} %)",
            100.0 * held as f64 / of as f64
        );
        let share = held as f64 / of as f64;
        // at 128 all pairs of two columns are there and 8 others, which say more than they would have to
        let most = if *budget == 128 { 0.99 } else { 0.97 };
        assert!((0.93..=most).contains(&share), "{share} at {budget}");
    }
}

#[test]
fn thirty_columns_in_two_thousand_evaluations() {
    let fixture = Fixture::open();
    let network = fixture.network("thirty");
    let d = network.features();
    assert_eq!((d, network.name), (30, "thirty"));
    let background = Background::new(network.background.clone(), d).unwrap();
    let players = Players::each(d).unwrap();
    let found = shapley(&network, &players, &background, &network.rows, &options(2_108, 0)).unwrap();
    let reference = fixture.numbers("thirty", "reference");
    let error = relative(found.iter().map(|row| row.values.as_slice()).zip(reference.chunks(d)));
    let said = fixture.numbers("thirty", "kernel_default")[0];
    println!(
        "30 columns, {} evaluations: {error:.4}; shap's kernel as it comes: {said:.4}",
        found[0].evaluations
    );
    assert!(found.iter().flat_map(|row| &row.values).all(|value| *value != 0.0));
    assert!(error <= 0.02, "{error}");
}
