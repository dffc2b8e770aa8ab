use super::network::Network;
use super::outputs::Unit;
use super::rows::Rows;
use crate::model::{Activation, Joined, MlpConfig, ModelConfig};
use crate::network::device;
use steepest_data::{Features, Targets};
use steepest_explain::{Background, Model, Players, ShapleyOptions, path, shapley};

fn network_of(
    activation: Activation,
    layer_norm: bool,
    hidden: Vec<usize>,
    outputs: usize,
    members: usize,
) -> (Network, Network) {
    let joined = if outputs == 1 { Joined::Mean } else { Joined::Classes };
    let config = MlpConfig { inputs: 6, hidden, outputs, activation, layer_norm, ..MlpConfig::default() };
    let config = ModelConfig::Mlp(MlpConfig { dropout: 0.3, input_scale: true, members, joined, ..config });
    let mut model = config.init(5, &device(false));
    // scales that are not all 1
    let mut weights = steepest_burn::named_tensors(&model);
    let scale = weights.iter_mut().find(|(name, ..)| name == "input_scale").unwrap();
    scale.2.iter_mut().enumerate().for_each(|(i, scale)| *scale = 0.7 + 0.1 * i as f32);
    steepest_burn::load_named_tensors(&mut model, &weights).unwrap();
    let unit = if outputs == 1 { Unit::Number([3.0, 10.0]) } else { Unit::LogOdds { looked_for: None } };
    (Network::new(&model, &config, unit), Network::new(&model, &config, Unit::Raw))
}

fn numbers(count: usize, seed: u64) -> Vec<f64> {
    (0..count)
        .map(|at| ((steepest::random_at(seed, at as u64) >> 40) as f64 / (1u64 << 23) as f64) - 1.0)
        .collect()
}

/// The same network without what it knows of its first layer.
struct Plain<'a>(&'a Network);

impl Model for Plain<'_> {
    fn features(&self) -> usize {
        self.0.features()
    }
    fn outputs(&self) -> usize {
        self.0.outputs()
    }
    fn evaluate(&self, rows: &[f64], outputs: &mut [f64]) {
        self.0.evaluate(rows, outputs);
    }
}

#[test]
fn an_updated_first_layer_is_the_layer() {
    // columns of several features
    let players = vec![
        ("a".to_owned(), vec![0, 3]),
        ("b".into(), vec![1]),
        ("c".into(), vec![2, 4]),
        ("d".into(), vec![5]),
    ];
    let players = Players::new(players, 6).unwrap();
    let mut data = numbers(6 * 20, 1);
    // some rows share what they have with the one that is explained
    let rows = numbers(6 * 2, 2);
    data[0..4].copy_from_slice(&rows[0..4]);
    let background = Background::new(data, 6).unwrap();
    use Activation::{Gelu, Relu};
    for (activation, layer_norm, hidden, outputs, members) in [
        (Gelu, false, vec![16, 8], 1, 1),
        (Relu, false, vec![16, 8, 11], 3, 1),
        (Relu, false, vec![16], 1, 1),
        (Relu, true, vec![12], 3, 1),
        (Gelu, false, vec![], 2, 1),
        (Relu, false, vec![16, 8], 1, 3),
        (Gelu, false, vec![12], 3, 2),
        (Relu, false, vec![], 3, 2),
    ] {
        let (network, _) = network_of(activation, layer_norm, hidden, outputs, members);
        let options = ShapleyOptions::default();
        let quick = shapley(&network, &players, &background, &rows, &options).unwrap();
        let whole = shapley(&Plain(&network), &players, &background, &rows, &options).unwrap();
        for (quick, whole) in quick.iter().zip(&whole) {
            let scale = whole.whole.iter().fold(1.0f64, |most, x| most.max(x.abs()));
            for (a, b) in quick.values.iter().zip(&whole.values) {
                assert!((a - b).abs() < 2e-6 * scale, "{a} is not {b}");
            }
            for k in 0..network.outputs() {
                let sum = quick.base[k] + quick.of_output(k).iter().sum::<f64>();
                assert!((sum - quick.whole[k]).abs() <= 1e-6 * quick.whole[k].abs().max(1.0));
            }
        }
    }
}

#[test]
fn gradients_are_slopes_and_paths_are_complete() {
    let players = Players::each(6).unwrap();
    let background = Background::new(numbers(6 * 30, 3), 6).unwrap();
    let rows = numbers(6 * 3, 4);
    for (layer_norm, outputs, members) in [(false, 1, 1), (true, 3, 1), (false, 3, 2)] {
        let (network, _) = network_of(Activation::Gelu, layer_norm, vec![16, 8], outputs, members);
        for output in 0..network.outputs() {
            let slopes = network.gradients(&rows, output).unwrap();
            for (at, slope) in slopes.iter().enumerate() {
                let value = |step: f64| {
                    let mut moved = rows.clone();
                    moved[at] += step;
                    let mut all = vec![0.0; 3 * network.outputs()];
                    network.evaluate(&moved, &mut all);
                    all[at / 6 * network.outputs() + output]
                };
                let found = (value(1.0 / 64.0) - value(-1.0 / 64.0)) * 32.0;
                assert!((found - slope).abs() < 0.02 * slope.abs().max(1.0), "{found} is not {slope}");
            }
        }
        for path in path(&network, &players, &background, &rows).unwrap() {
            assert!(path.gap.iter().all(|gap| *gap <= 0.01), "{layer_norm}: {:?}", path.gap);
        }
    }
}

#[test]
fn rows_to_compare_with_are_as_the_targets_are() {
    let n = 1000;
    let data = (0..n).flat_map(|row| [row as f32, 1.0]).collect();
    let features =
        Features { rows: n, width: 2, data, names: Vec::new(), notes: Vec::new(), warnings: Vec::new() };
    // every fifth row is of the second class
    let classes = Targets::Classes((0..n).map(|row| u32::from(row % 5 == 0)).collect());
    let rows = Rows::of(&features, Some(&classes), 7);
    let background = rows.background().unwrap();
    assert_eq!(background.len(), 100);
    assert_eq!(background.rows().filter(|row| (row[0] as usize).is_multiple_of(5)).count(), 20);
    assert_eq!(rows, Rows::of(&features, Some(&classes), 7));
    assert_ne!(rows, Rows::of(&features, Some(&classes), 8));
    // of each hundredth of a number one
    let values = Targets::Values((0..n).map(|row| (n - row) as f32).collect());
    let numbers = Rows::of(&features, Some(&values), 7).background().unwrap();
    let mut hundredths: Vec<usize> = numbers.rows().map(|row| (row[0] as usize).div_ceil(10)).collect();
    hundredths.dedup();
    assert!(hundredths.len() > 90, "{hundredths:?}");
}
