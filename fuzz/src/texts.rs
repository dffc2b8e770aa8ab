//! Texts that this project writes and reads again.

use std::fmt::Write;
use steepest_data::{AnyEncoder, Loaded, ReadOptions, Schema, read::read};

use crate::folder::FOLDER;
use crate::table::{check_features, preparing, read_and_check};

/// What stands in the rows that a fuzzed encoder encodes.
const CELLS: [&str; 8] = ["1", "-2.5", "", "x", "true", "2024-02-29", "1.234,5", "2024-05-06T07:08:09Z"];

/// A table with these columns, some cells of every kind in each.
fn table(columns: &[&str]) -> Vec<u8> {
    let mut text = String::new();
    let line = |text: &mut String, cells: &[String]| {
        let quoted: Vec<String> =
            cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        let _ = writeln!(text, "{}", quoted.join(","));
    };
    line(&mut text, &columns.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
    for row in 0..CELLS.len() {
        let cell = |column: usize| CELLS[(row + column) % CELLS.len()].to_owned();
        line(&mut text, &(0..columns.len()).map(cell).collect::<Vec<_>>());
    }
    text.into_bytes()
}

/// An encoder as JSON: what loads saves to a text that loads and saves alike, and encodes a table with its columns.
pub fn encoder(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(encoder) = AnyEncoder::from_json(text) else { return };
    let saved = encoder.to_json();
    let again = AnyEncoder::from_json(&saved).expect("an encoder loads what it saved");
    assert_eq!(again.to_json(), saved, "an encoder saves what it loaded");
    let _ = (
        encoder.task().outputs(),
        encoder.target_scale(),
        encoder.target_limit(),
        encoder.invert_target(1.0),
    );
    let columns: Vec<&str> = match &encoder {
        AnyEncoder::Table(table) => table.columns().chain([table.target()]).collect(),
        AnyEncoder::Images(_) => return images(&encoder),
    };
    FOLDER.with(|folder| {
        let path = folder.file("table.csv", &table(&columns));
        let options = ReadOptions { header: Some(true), ..encoder.read_options() };
        if let Ok(loaded) = read(&path, &options) {
            encode(&encoder, &loaded);
        }
        // as a table that was read for something else
        if let Ok(loaded) = read(&path, &ReadOptions { header: Some(true), ..ReadOptions::default() }) {
            encode(&encoder, &loaded);
        }
    });
}

/// Images of the encoder's size, as far as that is small.
fn images(encoder: &AnyEncoder) {
    let shape = encoder.image_shape().unwrap_or_default();
    if shape.contains(&0) || shape.iter().any(|&size| size > 64) {
        return;
    }
    let [channels, height, width] = shape;
    let pixels: Vec<u8> = (0..2 * channels * height * width).map(|i| i as u8).collect();
    let images = steepest_data::Images {
        name: "images".to_owned(),
        channels,
        height,
        width,
        pixels,
        pixel_max: 255,
        labels: Some(vec![0, 1]),
        levels: vec!["0".to_owned(), "1".to_owned()],
        notes: Vec::new(),
    };
    encode(encoder, &Loaded::Images(images));
}

fn encode(encoder: &AnyEncoder, loaded: &Loaded) {
    let rows: Vec<usize> = (0..loaded.rows()).collect();
    if let Ok(features) = encoder.encode(loaded, &rows) {
        check_features(&features, rows.len(), encoder);
    }
    let _ = encoder.encode_target(loaded, &rows);
    if let Ok(known) = encoder.encode_known_target(loaded, &rows) {
        assert_eq!(known.rows.len(), known.targets.len());
    }
}

/// A schema as TOML: what loads saves to a text that loads to the same, and a table is read by it.
pub fn schema(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(schema) = toml::from_str::<Schema>(text) else { return };
    let saved = toml::to_string(&schema).expect("a schema is plain values");
    assert_eq!(toml::from_str::<Schema>(&saved).as_ref(), Ok(&schema), "a schema loads what it saved");
    if schema.check("schema.toml").is_err() {
        return;
    }
    let mut options = ReadOptions { header: Some(true), ..ReadOptions::default() };
    schema.complete(&mut options);
    let columns: Vec<&str> = schema.columns.iter().map(|column| column.name.as_str()).collect();
    FOLDER.with(|folder| {
        read_and_check(&folder.file("table.csv", &table(&columns)), &options, &preparing(0));
    });
}
