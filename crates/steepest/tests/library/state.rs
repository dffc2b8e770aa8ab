//! Saving and loading: the bits go on as if nothing had happened, and a file that does not fit is
//! refused whole.

use crate::common::{Data, edit_header, edited, problems_of, slots, state_words};
use safetensors::tensor::Dtype;
use std::path::Path;
use steepest::{AdamW, DType, Error, Group, Optimizer, Param, Sgd, Slot};

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
        edit_header(about, |header| {
            header["optimizer"] = "sgd".into();
            header["tensors"]["a"]["rule"] = "lion".into();
            header["tensors"]["b"]["range"] = serde_json::json!([2, 8]);
        });
        tensors.remove("a/exp_avg");
        tensors.remove("b/steps");
        tensors.insert("a/momentum_buffer".into(), (Dtype::F32, vec![2], vec![0; 8]));
        tensors.insert("c/steps".into(), (Dtype::U64, vec![], vec![0; 8]));
        tensors.insert("b/exp_avg".into(), (Dtype::F32, vec![3, 2], vec![0; 24]));
        tensors.insert("b/exp_avg_sq".into(), (Dtype::F64, vec![2, 3], vec![0; 48]));
    });
    assert_eq!(
        problems_of(&mut optimizer, &bad),
        [
            "optimizer: expected adamw, found sgd",
            "rule of a: expected adamw, found lion",
            "missing: a/exp_avg (F32 [2])",
            "b: expected a whole tensor, found its elements 2 to 8",
            "missing: b/steps (U64 [])",
            "different: b/exp_avg: expected F32 [2, 3], found F32 [3, 2]",
            "different: b/exp_avg_sq: expected F32 [2, 3], found F64 [2, 3]",
            "extra: a/momentum_buffer",
            "extra: c/steps",
        ]
    );
    let newer = edited(&good, |_, about| edit_header(about, |header| header["format"] = 9.into()));
    assert_eq!(
        problems_of(&mut optimizer, &newer)[..2],
        ["format: expected 2 or 1, found 9", "optimizer: expected adamw, found none"]
    );
    let broken = edited(&good, |_, about| drop(about.insert("steepest".into(), "{".into())));
    assert!(problems_of(&mut optimizer, &broken)[0].starts_with("header: EOF"));
    let bare = edited(&good, |_, about| about.clear());
    assert_eq!(
        problems_of(&mut optimizer, &bare),
        [
            "format: expected steepest-state-1 or a header `steepest`, found none",
            "steps_taken: missing or not a number",
            "optimizer: expected adamw, found none",
        ]
    );
}

#[test]
fn a_file_cut_off_anywhere_or_garbage_is_refused() {
    let mut optimizer = adamw();
    let good = optimizer.to_bytes().unwrap();
    for length in 0..good.len() {
        let found = problems_of(&mut optimizer, &good[..length]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("not a safetensors file, or cut off: "), "{length}: {found:?}");
    }
    let mut longer = good.clone();
    longer.push(0);
    assert_eq!(problems_of(&mut optimizer, &longer).len(), 1);
    for garbage in [vec![0; 100], vec![0xFF; 100], b"{\"theta\": [1, 2]}".to_vec()] {
        assert_eq!(problems_of(&mut optimizer, &garbage).len(), 1);
    }
    // a header that claims to be longer than memory
    let mut huge = good.clone();
    huge[..8].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
    assert_eq!(problems_of(&mut optimizer, &huge).len(), 1);
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
