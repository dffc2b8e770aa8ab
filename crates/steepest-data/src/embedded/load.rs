//! From the bytes in the program to a table or images.

use std::io::Read;

use flate2::read::GzDecoder;

use super::Embedded;
use crate::read::{csv, idx};
use crate::table::{Images, Loaded, Table, Values};

impl Embedded {
    /// The data as CSV, the bytes that `make.py` wrote.
    pub fn csv(&self) -> Vec<u8> {
        let mut text = Vec::new();
        GzDecoder::new(self.gzip)
            .read_to_end(&mut text)
            .expect("embedded data is whole; a test reads all of it");
        text
    }

    /// The data.
    pub fn load(&self) -> Loaded {
        let mut table = csv::read_bytes(&|| Ok(Box::new(GzDecoder::new(self.gzip))), self.name)
            .expect("embedded data is valid; a test reads all of it");
        table.default_target = Some(self.target.to_owned());
        match self.image_shape {
            None => Loaded::Table(table),
            Some(shape) => Loaded::Images(images(&table, shape)),
        }
    }
}

/// The images in a table of pixels whose last column is the label.
fn images(table: &Table, [channels, height, width]: [usize; 3]) -> Images {
    let bytes: Vec<Vec<u8>> = table
        .columns
        .iter()
        .map(|column| match &column.values {
            Values::Number(values) => values.iter().map(|&value| value as u8).collect(),
            other => unreachable!("embedded images hold numbers, not {}", other.kind()),
        })
        .collect();
    let (labels, pixels) = bytes.split_last().expect("embedded images have labels");
    let (labels, levels) = idx::classes(labels);
    Images {
        name: table.name.clone(),
        channels,
        height,
        width,
        pixels: (0..table.rows()).flat_map(|row| pixels.iter().map(move |pixel| pixel[row])).collect(),
        pixel_max: 16,
        labels: Some(labels),
        levels,
        notes: Vec::new(),
    }
}
