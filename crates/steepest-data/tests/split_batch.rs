//! Splits and batches: every sample exactly once, fractions kept, and the same for the same seed.

use proptest::prelude::*;
use std::collections::BTreeSet;
use steepest_data::{
    BatchSize, Batches, Division, Error, Fractions, Held, Loaded, PrepareOptions, ReadOptions, Roles, Source,
    Split, divide_again, gather, load, prepare, split, split_stratified,
};

fn all_rows(split: &Split) -> Vec<usize> {
    let mut rows = [&split.train[..], &split.validation, &split.test].concat();
    rows.sort_unstable();
    rows
}

/// Holds the algorithm itself: a change here would move rows between the parts of existing runs. The numbers
/// are from a second implementation, in Python, of the text in `random.rs`.
#[test]
fn the_split_never_changes() {
    let split = split(10, Fractions { validation: 0.2, test: 0.2 }, 7).unwrap();
    assert_eq!((split.validation, split.test), (vec![3, 5], vec![0, 1]));
}

#[test]
fn fractions_of_classes() {
    // 700, 200, 97, 2, 1 rows
    let labels: Vec<u32> = (0..1000)
        .map(|row| match row {
            0..700 => 0,
            700..900 => 1,
            900..997 => 2,
            997..999 => 3,
            _ => 4,
        })
        .collect();
    let split = split_stratified(&labels, Fractions { validation: 0.15, test: 0.1 }, 3).unwrap();
    let count = |rows: &[usize], class| rows.iter().filter(|&&row| labels[row] == class).count();
    assert_eq!([0, 1, 2, 3, 4].map(|class| count(&split.validation, class)), [105, 30, 15, 0, 0]);
    assert_eq!([0, 1, 2, 3, 4].map(|class| count(&split.test, class)), [70, 20, 10, 0, 0]);
    assert_eq!((count(&split.train, 3), count(&split.train, 4)), (2, 1));
    // a hundred classes of three rows: no class can give 0.45 rows, all of them together give 45
    let small: Vec<u32> = (0..300).map(|row| row / 3).collect();
    let split = split_stratified(&small, Fractions::default(), 1).unwrap();
    assert_eq!((split.validation.len(), split.test.len()), (45, 45));
}

#[test]
fn impossible_splits() {
    for (validation, test) in [(-0.1, 0.1), (0.1, -0.1), (0.5, 0.5), (f64::NAN, 0.1)] {
        assert!(matches!(split(100, Fractions { validation, test }, 0), Err(Error::Fractions { .. })));
    }
    assert!(matches!(split(3, Fractions::default(), 0), Err(Error::EmptyPart { part: "validation", .. })));
    assert!(matches!(
        split_stratified(&[0, 1, 0, 1], Fractions { validation: 0.5, test: 0.0 }, 0),
        Err(Error::EmptyPart { .. })
    ));
    assert!(matches!(
        split(0, Fractions { validation: 0.0, test: 0.0 }, 0),
        Err(Error::EmptyPart { part: "training", .. })
    ));
}

#[test]
fn batch_sizes() {
    let sizes = |size, samples| {
        Batches::new(samples, size, 1).unwrap().epoch(0).map(<[usize]>::len).collect::<Vec<_>>()
    };
    assert_eq!(sizes(BatchSize::Full, 5), [5]);
    assert_eq!(sizes(BatchSize::One, 3), [1, 1, 1]);
    assert_eq!(sizes(BatchSize::N(2), 5), [2, 2, 1]);
    assert_eq!(sizes(BatchSize::N(9), 5), [5]);
    assert!(matches!(Batches::new(5, BatchSize::N(0), 1), Err(Error::BatchSize { size: 0, samples: 5 })));
    assert!(matches!(Batches::new(0, BatchSize::Full, 1), Err(Error::BatchSize { samples: 0, .. })));
    let mut plain = Batches::in_order(5, BatchSize::N(2)).unwrap();
    assert_eq!(plain.epoch(3).collect::<Vec<_>>(), [&[0, 1][..], &[2, 3], &[4]]);
}

#[test]
fn epochs_differ_and_repeat() {
    let mut batches = Batches::new(50, BatchSize::Full, 9).unwrap();
    let mut order = |epoch| batches.epoch(epoch).next().unwrap().to_vec();
    let (first, second) = (order(0), order(1));
    assert_ne!(first, second);
    assert_eq!(first, order(0));
    let other_seed = Batches::new(50, BatchSize::Full, 10).unwrap().epoch(0).next().unwrap().to_vec();
    assert_ne!(first, other_seed);
}

#[test]
fn rows_are_gathered_into_a_reused_buffer() {
    let matrix: Vec<f32> = (0..12).map(|x| x as f32).collect();
    let mut buffer = Vec::new();
    gather(&matrix, 3, &[3, 0], &mut buffer);
    assert_eq!(buffer, [9.0, 10.0, 11.0, 0.0, 1.0, 2.0]);
    let place = buffer.as_ptr();
    gather(&matrix, 3, &[1], &mut buffer);
    assert_eq!((buffer.as_slice(), buffer.as_ptr()), (&[3.0, 4.0, 5.0][..], place));
}

proptest! {
    #[test]
    fn every_row_is_in_one_part(rows in 0usize..300, validation in 0.0..0.6f64, test in 0.0..0.6f64, seed: u64) {
        let fractions = Fractions { validation, test };
        if let Ok(parts) = split(rows, fractions, seed) {
            prop_assert_eq!(all_rows(&parts), (0..rows).collect::<Vec<_>>());
            prop_assert_eq!(parts.validation.len(), (rows as f64 * validation).round() as usize);
            prop_assert_eq!(split(rows, fractions, seed).unwrap(), parts);
        }
    }

    #[test]
    fn every_class_has_its_fraction(labels in proptest::collection::vec(0u32..6, 1..300), validation in 0.0..0.45f64, test in 0.0..0.45f64, seed: u64) {
        let fractions = Fractions { validation, test };
        if let Ok(parts) = split_stratified(&labels, fractions, seed) {
            prop_assert_eq!(all_rows(&parts), (0..labels.len()).collect::<Vec<_>>());
            for class in 0..6 {
                let of = |rows: &[usize]| rows.iter().filter(|&&row| labels[row] == class).count() as f64;
                let whole = labels.iter().filter(|&&label| label == class).count() as f64;
                prop_assert!(whole == 0.0 || of(&parts.train) >= 1.0);
                if whole > 2.0 {
                    prop_assert!((of(&parts.validation) - whole * validation).abs() < 1.0);
                    // the last row of a class belongs to training, whatever the fractions
                    prop_assert!((of(&parts.test) - whole * test).abs() < 2.0);
                }
            }
            prop_assert_eq!(split_stratified(&labels, fractions, seed).unwrap(), parts);
        }
    }

    #[test]
    fn every_sample_once_an_epoch_and_any_middle_resumes(samples in 1usize..200, size in 1usize..50, seed: u64, epoch: u64, from in 0usize..60) {
        let mut batches = Batches::new(samples, BatchSize::N(size), seed).unwrap();
        let whole: Vec<Vec<usize>> = batches.epoch(epoch).map(<[usize]>::to_vec).collect();
        prop_assert_eq!(whole.len(), batches.per_epoch());
        prop_assert!(whole[..whole.len() - 1].iter().all(|batch| batch.len() == batches.size()));
        let mut seen = whole.concat();
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..samples).collect::<Vec<_>>());
        let mut fresh = Batches::new(samples, BatchSize::N(size), seed).unwrap();
        let _ = fresh.epoch(epoch.wrapping_add(1));
        let resumed: Vec<Vec<usize>> = fresh.epoch(epoch).from_batch(from).map(<[usize]>::to_vec).collect();
        prop_assert_eq!(&resumed[..], &whole[from.min(whole.len())..]);
    }
}

/// A table of 200 rows: 40 groups of 5, a time that rises with the group, two classes.
fn table(role: &str) -> Loaded {
    let mut csv = "x,group,when,y\n".to_owned();
    for row in 0..200 {
        csv += &format!(
            "{},g{},{},{}\n",
            row * 37 % 101,
            row / 5,
            row / 5,
            if row % 4 == 0 { "rare" } else { "usual" }
        );
    }
    let roles = Roles {
        group: (role == "group").then(|| "group".to_owned()),
        time: (role == "time").then(|| "when".to_owned()),
        ..Roles::default()
    };
    let file = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
    std::fs::write(file.path(), csv).unwrap();
    load(&Source::File(file.path().to_owned()), &ReadOptions { roles, ..ReadOptions::default() }).unwrap()
}

#[test]
fn rows_are_divided_again_without_those_of_the_test() {
    for role in ["none", "group", "time"] {
        let table = table(role);
        let options = PrepareOptions { target: Some("y".into()), ..PrepareOptions::default() };
        let first = prepare(&table, &options).unwrap().split;
        let again = |how| divide_again(&table, Held::default(), &options, &first, how).unwrap();
        let group = |rows: &[usize]| rows.iter().map(|row| row / 5).collect::<BTreeSet<_>>();
        let mut validated: Vec<usize> = Vec::new();
        for fold in 0..5 {
            let prepared = again(Division::Fold { fold, of: 5, seed: 3 });
            let split = &prepared.split;
            assert_eq!(split.test, first.test, "{role}");
            assert_eq!(prepared.train.features.rows, split.train.len(), "{role}");
            assert!(
                split.train.iter().all(|row| !split.validation.contains(row) && !split.test.contains(row))
            );
            if role != "none" {
                assert!(group(&split.train).is_disjoint(&group(&split.validation)), "{role}");
            }
            if role == "time" {
                assert!(split.train.iter().max() < split.validation.iter().min(), "{role}: {split:?}");
            } else {
                assert_eq!(all_rows(split).len(), 200, "{role}");
                let rare = split.validation.iter().filter(|&&row| row % 4 == 0).count();
                assert!(role != "none" || (8..=9).contains(&rare), "{rare}");
            }
            validated.extend(&split.validation);
        }
        validated.sort_unstable();
        assert!(validated.windows(2).all(|two| two[0] < two[1]), "{role}: each row once");
        if role != "time" {
            assert_eq!(validated.len(), 200 - first.test.len(), "{role}");
        }
        let other = again(Division::Again { seed: 9 });
        assert_eq!(other.split.test, first.test, "{role}");
        assert_eq!(other.split == first, role == "time", "{role}");
        let sizes = |split: &Split| (split.train.len() as i64, split.validation.len() as i64);
        let (a, b) = (sizes(&other.split), sizes(&first));
        assert!((a.1 - b.1).abs() <= 3 && a.0 + a.1 == b.0 + b.1, "{role}: {a:?} {b:?}");
    }
    let few = table("group");
    let options = PrepareOptions { target: Some("y".into()), ..PrepareOptions::default() };
    let first = prepare(&few, &options).unwrap().split;
    let how = Division::Fold { fold: 40, of: 41, seed: 0 };
    let error = divide_again(&few, Held::default(), &options, &first, how).unwrap_err();
    assert!(matches!(error, Error::FewGroups { .. }), "{error}");
}

#[test]
fn each_fold_is_for_the_test_once() {
    for role in ["none", "group", "time"] {
        let table = table(role);
        let fractions = steepest_data::Fractions { validation: 0.2, test: 0.0 };
        let options = PrepareOptions { target: Some("y".into()), fractions, ..PrepareOptions::default() };
        let first = prepare(&table, &options).unwrap().split;
        let mut tested: Vec<usize> = Vec::new();
        for fold in 0..4 {
            let how = Division::TestFold { fold, of: 4, seed: 3 };
            let prepared = divide_again(&table, Held::default(), &options, &first, how).unwrap();
            let Split { train, validation, test } = &prepared.split;
            assert_eq!(prepared.test.features.rows, test.len(), "{role}");
            let part = validation.len() as f64 / (train.len() + validation.len()) as f64;
            assert!((part - 0.2).abs() < 0.06, "{role}: {part}");
            assert!(train.iter().all(|row| !validation.contains(row) && !test.contains(row)), "{role}");
            assert!(validation.iter().all(|row| !test.contains(row)), "{role}");
            if role == "time" {
                assert!(train.iter().max() < validation.iter().min(), "{role}");
                assert!(validation.iter().max() < test.iter().min(), "{role}");
            } else {
                assert_eq!(train.len() + validation.len() + test.len(), 200, "{role}");
            }
            tested.extend(test);
        }
        tested.sort_unstable();
        assert!(tested.windows(2).all(|two| two[0] < two[1]), "{role}: each row once");
        assert_eq!(tested.len(), if role == "time" { 160 } else { 200 }, "{role}");
    }
}
