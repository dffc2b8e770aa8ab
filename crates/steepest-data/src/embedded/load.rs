//! From the bytes in the program to a table or images.

use std::io::Read;

use flate2::read::GzDecoder;

use super::Embedded;
use crate::error::Result;
use crate::read::{ReadOptions, csv, idx, keep};
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

    /// The data, whole.
    pub fn load(&self) -> Loaded {
        self.load_with(&ReadOptions::default()).expect("embedded data is valid; a test reads all of it")
    }

    /// The data, as far as options ask for it: which rows, and what columns are for. How it is written is known.
    ///
    /// # Errors
    /// Those of [`load`](crate::load()) for columns that are not there, or are not what they are said to be.
    pub fn load_with(&self, options: &ReadOptions) -> Result<Loaded> {
        let open = || -> Result<Box<dyn Read>> { Ok(Box::new(GzDecoder::new(self.gzip))) };
        let rows = self.rows as u64;
        let Some(shape) = self.image_shape else {
            let mut table = csv::read_embedded(&open, self.name, rows, options)?;
            table.default_target = Some(self.target.to_owned());
            return Ok(Loaded::Table(table));
        };
        // as numbers, which a few of their values might not seem to be
        let table = csv::read_embedded(&open, self.name, rows, &ReadOptions::default())?;
        let mut images = images(&table, shape);
        if let Some(sample) = options.sample.filter(|sample| sample.rows < rows) {
            let size = images.size();
            let labels = images.labels.take().unwrap_or_default();
            let kept: Vec<usize> = keep::chosen(sample, rows).into_iter().map(|row| row as usize).collect();
            images.labels = Some(kept.iter().map(|&row| labels[row]).collect());
            images.pixels =
                kept.iter().flat_map(|&row| &images.pixels[row * size..][..size]).copied().collect();
            images.notes.push(keep::note(sample, rows));
        }
        Ok(Loaded::Images(images))
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
