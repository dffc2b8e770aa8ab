//! Saving and loading: the bits go on as if nothing had happened, and a file that does not fit is refused whole.

use crate::common::{DTYPES, Data, Problem, SHAPES, edited, problems_of, settings, state_words};
use crate::{Property, property};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use steepest::registry::{Entry, OPTIMIZERS};
use steepest::settings::Values;
use steepest::{DType, Optimizer};

pub const PROPERTIES: &[Property] = &[
    property!(a_resumed_run_has_the_bits_of_an_uninterrupted_one),
    property!(the_file_is_safetensors_with_the_documented_keys),
    property!(each_single_difference_is_found),
];

fn dtypes(entry: &Entry) -> &'static [DType] {
    if entry.traits.half { &DTYPES } else { &DTYPES[..2] }
}

fn a_resumed_run_has_the_bits_of_an_uninterrupted_one(entry: &Entry) {
    const STEPS: u64 = 12;
    let problem = Problem::new();
    for setting in settings(entry) {
        for &dtype in dtypes(entry) {
            let make =
                || Optimizer::builder(entry.make(&setting.values)).build(Problem::params(dtype)).unwrap();
            let advance = |optimizer: &mut Optimizer, theta: &mut [Data], steps| {
                for step in steps {
                    problem.step(optimizer, step, setting.lr(step), dtype, theta);
                }
            };
            let (mut whole, mut expected) = (make(), problem.theta(dtype));
            advance(&mut whole, &mut expected, 1..=STEPS);
            for cut in [0, 1, 2, 7] {
                let (mut first, mut theta) = (make(), problem.theta(dtype));
                advance(&mut first, &mut theta, 1..=cut);
                let bytes = first.to_bytes().unwrap();
                // into an optimizer that has gone elsewhere in the meantime
                let (mut second, mut elsewhere) = (make(), problem.theta(dtype));
                advance(&mut second, &mut elsewhere, 3..=5);
                second.from_bytes(&bytes).unwrap();
                assert_eq!(second.steps_taken(), cut);
                advance(&mut second, &mut theta, cut + 1..=STEPS);
                let place = format!("{} {dtype} cut after {cut}", setting.name);
                for (a, b) in theta.iter().zip(&expected) {
                    assert_eq!(a.bits(), b.bits(), "{place}");
                }
                assert_eq!(state_words(&second), state_words(&whole), "{place}");
                assert_eq!(second.health(), whole.health(), "{place}");
                assert_eq!(second.to_bytes().unwrap(), whole.to_bytes().unwrap(), "{place}");
            }
        }
    }
}

fn the_file_is_safetensors_with_the_documented_keys(entry: &Entry) {
    for setting in settings(entry) {
        for &dtype in dtypes(entry) {
            let rule = entry.make(&setting.values).unwrap();
            let params = Problem::params(dtype);
            let stored = if dtype == DType::F64 { Dtype::F64 } else { Dtype::F32 };
            let mut expected: Vec<(String, Dtype, Vec<usize>)> = Vec::new();
            for param in &params {
                expected.push((format!("{}/steps", param.name), Dtype::U64, vec![]));
                expected.push((format!("{}/health", param.name), Dtype::F64, vec![5]));
                expected.push((format!("{}/health.counts", param.name), Dtype::U64, vec![4]));
                for (name, _) in rule.memory() {
                    expected.push((format!("{}/{name}", param.name), Dtype::F64, vec![]));
                }
                for spec in rule.state(param) {
                    if entry.traits.elementwise {
                        assert_eq!(spec.shape, param.shape);
                    }
                    expected.push((format!("{}/{}", param.name, spec.name), stored, spec.shape));
                }
            }
            expected.sort();
            let mut optimizer = Optimizer::builder(rule).build(params).unwrap();
            Problem::new().step(&mut optimizer, 1, 0.1, dtype, &mut Problem::new().theta(dtype));
            let bytes = optimizer.to_bytes().unwrap();
            let file = SafeTensors::deserialize(&bytes).unwrap();
            let mut found: Vec<_> = file
                .iter()
                .map(|(name, view)| (name.to_owned(), view.dtype(), view.shape().to_vec()))
                .collect();
            found.sort();
            assert_eq!(found, expected, "{}", setting.name);
            for (name, _) in SHAPES {
                assert_eq!(file.tensor(&format!("{name}/steps")).unwrap().data(), 1u64.to_le_bytes());
            }
            let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
            let about = header.metadata().as_ref().unwrap();
            assert_eq!(about.len(), 1);
            let header: serde_json::Value = serde_json::from_str(&about["steepest"]).unwrap();
            assert_eq!(header["format"], 2);
            assert_eq!(header["optimizer"], entry.name);
            assert_eq!(header["steps_taken"], 1);
            for (name, shape) in SHAPES {
                let tensor = &header["tensors"][name];
                assert_eq!(tensor["shape"], serde_json::json!(shape), "{name}");
                assert_eq!(tensor["dtype"], dtype.to_string(), "{name}");
                assert!(steepest::registry::find(tensor["rule"].as_str().unwrap()).is_ok(), "{name}");
            }
            // the same state gives the same bytes
            assert_eq!(optimizer.to_bytes().unwrap(), bytes);
        }
    }
}

fn each_single_difference_is_found(entry: &Entry) {
    let make = |entry: &Entry, values: &Values| {
        Optimizer::builder(entry.make(values)).build(Problem::params(DType::F64)).unwrap()
    };
    for setting in settings(entry) {
        let mut optimizer = make(entry, &setting.values);
        let good = optimizer.to_bytes().unwrap();
        let keys: Vec<String> =
            SafeTensors::deserialize(&good).unwrap().names().into_iter().map(str::to_owned).collect();
        for key in &keys {
            let missing = edited(&good, |tensors, _| drop(tensors.remove(key)));
            let found = problems_of(&mut optimizer, &missing);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(&format!("missing: {key} (")), "{found:?}");
            let extra = edited(&good, |tensors, _| {
                tensors.insert(format!("{key}2"), tensors[key].clone());
            });
            assert_eq!(problems_of(&mut optimizer, &extra), [format!("extra: {key}2")]);
            let reshaped = edited(&good, |tensors, _| tensors.get_mut(key).unwrap().1.push(1));
            let found = problems_of(&mut optimizer, &reshaped);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(&format!("different: {key}: expected ")), "{found:?}");
        }
    }
    let mut optimizer = make(entry, &Values::new());
    for other in OPTIMIZERS.iter().filter(|other| other.name != entry.name) {
        let found = problems_of(&mut optimizer, &make(other, &Values::new()).to_bytes().unwrap());
        assert_eq!(found[0], format!("optimizer: expected {}, found {}", entry.name, other.name));
    }
}
