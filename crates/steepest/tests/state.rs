//! Saving and loading: the bits go on as if nothing had happened, and a file that does not fit is
//! refused whole.

mod common;

use common::{Data, Problem, SHAPES, edited, settings, slots, state_words};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use std::path::Path;
use steepest::registry::{Entry, OPTIMIZERS};
use steepest::settings::Values;
use steepest::{AdamW, DType, Error, Group, Optimizer, Param, Sgd, Slot};

const DTYPES: [DType; 4] = [DType::F64, DType::F32, DType::Bf16, DType::F16];

fn dtypes(entry: &Entry) -> &'static [DType] {
    if entry.traits.half { &DTYPES } else { &DTYPES[..2] }
}

#[test]
fn a_resumed_run_has_the_bits_of_an_uninterrupted_one() {
    const STEPS: u64 = 12;
    let problem = Problem::new();
    for entry in OPTIMIZERS {
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
                    let place = format!("{} {} {dtype} cut after {cut}", entry.name, setting.name);
                    for (a, b) in theta.iter().zip(&expected) {
                        assert_eq!(a.bits(), b.bits(), "{place}");
                    }
                    assert_eq!(state_words(&second), state_words(&whole), "{place}");
                }
            }
        }
    }
}

#[test]
fn the_file_is_safetensors_with_the_documented_keys() {
    for entry in OPTIMIZERS {
        for setting in settings(entry) {
            for &dtype in dtypes(entry) {
                let rule = entry.make(&setting.values).unwrap();
                let params = Problem::params(dtype);
                let stored = if dtype == DType::F64 { Dtype::F64 } else { Dtype::F32 };
                let mut expected: Vec<(String, Dtype, Vec<usize>)> = Vec::new();
                for param in &params {
                    expected.push((format!("{}/steps", param.name), Dtype::U64, vec![]));
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
                assert_eq!(found, expected, "{} {}", entry.name, setting.name);
                for (name, _) in SHAPES {
                    assert_eq!(file.tensor(&format!("{name}/steps")).unwrap().data(), 1u64.to_le_bytes());
                }
                let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
                let about = header.metadata().as_ref().unwrap();
                assert_eq!(about.len(), 3);
                assert_eq!(about["format"], "steepest-state-1");
                assert_eq!(about["optimizer"], entry.name);
                assert_eq!(about["steps_taken"], "1");
            }
        }
    }
}

#[test]
fn a_parameter_with_a_rule_of_its_own_keeps_its_own_state() {
    let make = || {
        Optimizer::builder(AdamW::default())
            .group(Group::named("b").rule(Sgd { momentum: 0.9, ..Sgd::default() }))
            .build([Param::new("a", [2], DType::F32), Param::new("b", [2], DType::F32)])
            .unwrap()
    };
    let run = |optimizer: &mut Optimizer, theta: &mut [[f32; 2]; 2]| {
        let [a, b] = theta;
        optimizer.step(0.1, &mut [Slot::new(a, &[1.0f32, 2.0]), Slot::new(b, &[3.0f32, 4.0])]).unwrap();
    };
    let (mut first, mut theta) = (make(), [[1.0f32; 2]; 2]);
    run(&mut first, &mut theta);
    let mut second = make();
    second.from_bytes(&first.to_bytes().unwrap()).unwrap();
    let mut again = theta;
    run(&mut first, &mut theta);
    run(&mut second, &mut again);
    assert_eq!(theta, again);
    assert_eq!(second.state("b", "momentum_buffer").unwrap().len(), 2);
    assert!(second.state("a", "momentum_buffer").is_err());
}

/// The problems of a file that must be refused; nothing of it may have been loaded.
fn problems(optimizer: &mut Optimizer, file: &[u8]) -> Vec<String> {
    let before = (state_words(optimizer), optimizer.steps_taken());
    let error = optimizer.from_bytes(file).unwrap_err();
    assert_eq!((state_words(optimizer), optimizer.steps_taken()), before, "loaded in part: {error}");
    let text = error.to_string();
    let Error::StateMismatch { problems } = error else { panic!("{text}") };
    for problem in &problems {
        assert!(text.contains(problem), "{text}");
    }
    assert!(text.ends_with("nothing was loaded; use the settings and parameters it was saved with"));
    problems
}

/// An optimizer after two steps.
fn adamw() -> Optimizer {
    let mut optimizer = Optimizer::builder(AdamW::default())
        .build([Param::new("a", [2], DType::F32), Param::new("b", [2, 3], DType::F32)])
        .unwrap();
    let mut theta = [Data::of(DType::F32, &[1.0; 2]), Data::of(DType::F32, &[2.0; 6])];
    let grads = [Data::of(DType::F32, &[0.1; 2]), Data::of(DType::F32, &[0.2; 6])];
    for _ in 0..2 {
        optimizer.step(0.1, &mut slots(&mut theta, &grads)).unwrap();
    }
    optimizer
}

#[test]
fn everything_wrong_with_a_file_is_listed_at_once() {
    let mut optimizer = adamw();
    let good = optimizer.to_bytes().unwrap();
    optimizer.from_bytes(&good).unwrap();
    let bad = edited(&good, |tensors, about| {
        about.insert("optimizer".into(), "sgd".into());
        about.insert("steps_taken".into(), "many".into());
        about.insert("format".into(), "steepest-state-9".into());
        tensors.remove("a/exp_avg");
        tensors.remove("b/steps");
        tensors.insert("a/momentum_buffer".into(), (Dtype::F32, vec![2], vec![0; 8]));
        tensors.insert("c/steps".into(), (Dtype::U64, vec![], vec![0; 8]));
        tensors.insert("b/exp_avg".into(), (Dtype::F32, vec![3, 2], vec![0; 24]));
        tensors.insert("b/exp_avg_sq".into(), (Dtype::F64, vec![2, 3], vec![0; 48]));
    });
    assert_eq!(
        problems(&mut optimizer, &bad),
        [
            "format: expected steepest-state-1, found steepest-state-9",
            "optimizer: expected adamw, found sgd",
            "steps_taken: missing or not a number",
            "missing: a/exp_avg (F32 [2])",
            "missing: b/steps (U64 [])",
            "different: b/exp_avg: expected F32 [2, 3], found F32 [3, 2]",
            "different: b/exp_avg_sq: expected F32 [2, 3], found F64 [2, 3]",
            "extra: a/momentum_buffer",
            "extra: c/steps",
        ]
    );
    let bare = edited(&good, |_, about| about.clear());
    assert_eq!(
        problems(&mut optimizer, &bare),
        [
            "format: expected steepest-state-1, found none",
            "optimizer: expected adamw, found none",
            "steps_taken: missing or not a number",
        ]
    );
}

#[test]
fn each_single_difference_is_found() {
    for entry in OPTIMIZERS {
        for setting in settings(entry) {
            let make = |entry: &Entry, values: &Values| {
                Optimizer::builder(entry.make(values)).build(Problem::params(DType::F64)).unwrap()
            };
            let mut optimizer = make(entry, &setting.values);
            let good = optimizer.to_bytes().unwrap();
            let keys: Vec<String> =
                SafeTensors::deserialize(&good).unwrap().names().into_iter().map(str::to_owned).collect();
            for key in &keys {
                let missing = edited(&good, |tensors, _| drop(tensors.remove(key)));
                let found = problems(&mut optimizer, &missing);
                assert_eq!(found.len(), 1, "{found:?}");
                assert!(found[0].starts_with(&format!("missing: {key} (")), "{found:?}");
                let extra = edited(&good, |tensors, _| {
                    tensors.insert(format!("{key}2"), tensors[key].clone());
                });
                assert_eq!(problems(&mut optimizer, &extra), [format!("extra: {key}2")]);
                let reshaped = edited(&good, |tensors, _| tensors.get_mut(key).unwrap().1.push(1));
                let found = problems(&mut optimizer, &reshaped);
                assert_eq!(found.len(), 1, "{found:?}");
                assert!(found[0].starts_with(&format!("different: {key}: expected ")), "{found:?}");
            }
            for other in OPTIMIZERS.iter().filter(|other| other.name != entry.name) {
                let found = problems(&mut optimizer, &make(other, &Values::new()).to_bytes().unwrap());
                assert_eq!(found[0], format!("optimizer: expected {}, found {}", entry.name, other.name));
            }
        }
    }
}

#[test]
fn a_file_cut_off_anywhere_or_garbage_is_refused() {
    let mut optimizer = adamw();
    let good = optimizer.to_bytes().unwrap();
    for length in 0..good.len() {
        let found = problems(&mut optimizer, &good[..length]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("not a safetensors file, or cut off: "), "{length}: {found:?}");
    }
    let mut longer = good.clone();
    longer.push(0);
    assert_eq!(problems(&mut optimizer, &longer).len(), 1);
    for garbage in [vec![0; 100], vec![0xFF; 100], b"{\"theta\": [1, 2]}".to_vec()] {
        assert_eq!(problems(&mut optimizer, &garbage).len(), 1);
    }
    // a header that claims to be longer than memory
    let mut huge = good.clone();
    huge[..8].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
    assert_eq!(problems(&mut optimizer, &huge).len(), 1);
}

#[test]
fn a_file_is_saved_and_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    let optimizer = adamw();
    optimizer.save(&path).unwrap();
    let mut fresh = Optimizer::builder(AdamW::default()).build(optimizer.params().to_vec()).unwrap();
    fresh.load(&path).unwrap();
    assert_eq!(state_words(&fresh), state_words(&optimizer));
    assert_eq!(fresh.steps_taken(), 2);
    assert_eq!(names_in(folder.path()), ["state.safetensors"], "nothing is left beside the file");
    let missing = folder.path().join("nothing.safetensors");
    let error = fresh.load(&missing).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: ", missing.display())), "{error}");
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_save_that_fails_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    adamw().save(&path).unwrap();
    let old = std::fs::read(&path).unwrap();
    // the new file is written, but cannot take its place: that is a folder which is not empty
    let taken = folder.path().join("taken");
    std::fs::create_dir(&taken).unwrap();
    std::fs::write(taken.join("inside"), "kept").unwrap();
    let error = adamw().save(&taken).unwrap_err();
    assert!(
        matches!(&error, Error::File { path: named, .. } if *named == taken.display().to_string()),
        "{error}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), old);
    assert_eq!(names_in(folder.path()), ["state.safetensors", "taken"], "half a file was left");
    assert_eq!(std::fs::read(taken.join("inside")).unwrap(), b"kept");
}
