//! What holds of everything that a reader gives.

use std::path::Path;
use steepest_data::{
    AnyEncoder, Features, Loaded, PrepareOptions, ReadOptions, Table, TaskChoice, describe, prepare,
    read::read, to_csv,
};

/// Pixels of images, up to which they are also looked at as a table.
const FEW_PIXELS: usize = 256;

/// What reading may take, well below what everything may.
const MAX_MEMORY: u64 = 256 << 20;

/// Reads a file, and holds what comes of it to its promises.
pub fn read_and_check(path: &Path, options: &ReadOptions, prepared: &PrepareOptions) {
    let options = &ReadOptions { max_memory: Some(MAX_MEMORY), ..options.clone() };
    let Ok(loaded) = read(path, options) else { return };
    match &loaded {
        Loaded::Table(table) => check_table(table),
        Loaded::Images(images) => {
            assert_eq!(images.pixels.len(), images.count() * images.size());
            if images.size() <= FEW_PIXELS {
                check_table(&images.to_table());
            }
            if let Some(labels) = &images.labels {
                assert_eq!(labels.len(), images.count());
                assert!(labels.iter().all(|&label| (label as usize) < images.levels.len()));
            }
        }
    }
    let Ok(prepared) = prepare(&loaded, prepared) else { return };
    let rows = &prepared.split.train;
    let features = &prepared.train.features;
    check_features(features, rows.len(), &prepared.encoder);

    let text = prepared.encoder.to_json();
    let encoder = AnyEncoder::from_json(&text).expect("an encoder loads what it saved");
    assert_eq!(encoder.to_json(), text, "an encoder saves what it loaded");
    let again = encoder.encode(&loaded, rows).expect("a loaded encoder encodes what it was fitted on");
    assert_eq!(bits(&again), bits(features), "a loaded encoder encodes the same bits");

    // as `predict` reads the table, whatever else was said of its columns
    let for_encoder = ReadOptions {
        encoding: options.encoding.clone(),
        skip_lines: options.skip_lines,
        comment: options.comment.clone(),
        delimiter: options.delimiter,
        header: options.header,
        labels: options.labels.clone(),
        max_memory: options.max_memory,
        ..encoder.read_options()
    };
    if let Ok(loaded) = read(path, &for_encoder) {
        let all: Vec<usize> = (0..loaded.rows()).collect();
        if let Ok(features) = encoder.encode(&loaded, &all) {
            check_features(&features, loaded.rows(), &encoder);
        }
        let _ = encoder.encode_known_target(&loaded, &all);
    }
}

/// How tables are prepared: the target and the task are chosen.
pub fn preparing(choice: u8) -> PrepareOptions {
    let task = [TaskChoice::Infer, TaskChoice::Regression, TaskChoice::Classes];
    PrepareOptions {
        task: task[usize::from(choice) % 3],
        strict: choice & 0x80 != 0,
        pieces: if choice & 8 == 0 { 4 } else { 0 },
        ..PrepareOptions::default()
    }
}

fn check_table(table: &Table) {
    for column in &table.columns {
        assert_eq!(column.values.len(), table.rows(), "column {:?}", column.name);
        for row in 0..table.rows() {
            assert_eq!(column.text(row).is_some(), column.values.is_valid(row));
        }
    }
    for row in 0..table.rows() {
        let _ = table.place(row).to_string();
    }
    let summary = describe(table);
    assert_eq!(summary.columns.len(), table.columns.len());
    let csv = to_csv(&Loaded::Table(table.clone()));
    assert!(csv.iter().filter(|&&byte| byte == b'\n').count() > table.rows());
}

/// Features are as many as is said, and finite.
pub fn check_features(features: &Features, rows: usize, encoder: &AnyEncoder) {
    assert_eq!((features.rows, features.width), (rows, encoder.width()));
    assert_eq!(features.data.len(), rows * features.width);
    assert!(features.data.iter().all(|x| x.is_finite()), "features are finite");
}

fn bits(features: &Features) -> Vec<u32> {
    features.data.iter().map(|x| x.to_bits()).collect()
}
