//! From images to `f32` features.

use crate::encoder::{KnownTargets, fault_of_classes, is_sane};
use crate::error::{Error, Result, list};
use crate::features::{FORMAT, Features, Targets};
use crate::place::Place;
use crate::table::Images;
use crate::task::Task;

/// Encodes images: every pixel minus the mean, divided by the standard deviation, of all pixels of the
/// training images.
///
/// One mean and one deviation for all pixels, not one each: a pixel in the corner that is always dark would
/// otherwise be divided by nearly nothing. The features keep the layout of the images,
/// `channels x height x width`, row-major.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ImageEncoder {
    format: u32,
    channels: usize,
    height: usize,
    width: usize,
    /// Of pixels as fractions of the brightest possible, 0 to 1.
    mean: f64,
    std: f64,
    classes: Vec<String>,
}

/// The most values of an image: 16,384 pixels square, in one channel.
const MOST_VALUES: usize = 1 << 28;

impl ImageEncoder {
    /// What is wrong with it, if it was not fitted but changed.
    pub(crate) fn fault(&self) -> Option<String> {
        let size = self.shape().iter().try_fold(1usize, |size, side| size.checked_mul(*side));
        if size.is_none_or(|size| size == 0 || size > MOST_VALUES) {
            return Some(format!("images of {:?} (channels, height, width) cannot be", self.shape()));
        }
        // the brightest pixel is 1, and its feature has to be an f32
        let brightest = ((1.0 - self.mean) / self.std) as f32;
        if !is_sane(self.mean, self.std) || !brightest.is_finite() {
            return Some("the pixels' mean or standard deviation cannot be".to_owned());
        }
        fault_of_classes(&self.classes)
    }

    /// Fits an encoder on the training images, and on nothing else.
    ///
    /// # Errors
    /// [`Error::NoLabels`]; [`Error::OneValue`] if all training images have one label, or all pixels one
    /// value. Panics if a row is out of range.
    pub fn fit(images: &Images, train: &[usize]) -> Result<Self> {
        let labels = images.known_labels()?;
        let mut occurs = vec![false; images.levels.len()];
        for &row in train {
            occurs[labels[row] as usize] = true;
        }
        let classes: Vec<String> = images
            .levels
            .iter()
            .zip(&occurs)
            .filter(|(_, occurs)| **occurs)
            .map(|(level, _)| level.clone())
            .collect();
        if classes.len() < 2 {
            let value = classes.into_iter().next().unwrap_or_default();
            return Err(Error::OneValue { column: "label".to_owned(), value });
        }
        // whole numbers, so exact and independent of any order
        let (mut sum, mut squares) = (0u64, 0u64);
        for &row in train {
            for &pixel in image(images, row) {
                sum += u64::from(pixel);
                squares += u64::from(pixel) * u64::from(pixel);
            }
        }
        let count = (train.len() * images.size()) as f64;
        let mean = sum as f64 / count;
        let variance = squares as f64 / count - mean * mean;
        if variance <= 0.0 {
            return Err(Error::OneValue { column: "pixels".to_owned(), value: mean.to_string() });
        }
        let max = f64::from(images.pixel_max);
        let &Images { channels, height, width, .. } = images;
        Ok(Self {
            format: FORMAT,
            channels,
            height,
            width,
            mean: mean / max,
            std: variance.sqrt() / max,
            classes,
        })
    }

    /// The task.
    pub fn task(&self) -> Task {
        Task::classes(self.classes.len())
    }

    /// `[channels, height, width]`.
    pub fn shape(&self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }

    /// The names of the classes, in the order of their codes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Encodes images.
    ///
    /// # Errors
    /// [`Error::ImageShape`] for images of another size. Panics if a row is out of range.
    pub fn encode(&self, images: &Images, rows: &[usize]) -> Result<Features> {
        let found = [images.channels, images.height, images.width];
        if found != self.shape() {
            let text = |[c, h, w]: [usize; 3]| format!("{c} x {h} x {w}");
            return Err(Error::ImageShape { expected: text(self.shape()), found: text(found) });
        }
        let code =
            |pixel: u8| ((f64::from(pixel) / f64::from(images.pixel_max) - self.mean) / self.std) as f32;
        let codes: Vec<f32> = (0..=255).map(code).collect();
        let mut data = Vec::with_capacity(rows.len() * images.size());
        for &row in rows {
            data.extend(image(images, row).iter().map(|&pixel| codes[usize::from(pixel)]));
        }
        Ok(Features {
            rows: rows.len(),
            width: images.size(),
            data,
            names: Vec::new(),
            notes: Vec::new(),
            warnings: Vec::new(),
        })
    }

    /// The classes of images.
    ///
    /// # Errors
    /// [`Error::NoLabels`]; [`Error::UnknownClass`]. Panics if a row is out of range.
    pub fn encode_target(&self, images: &Images, rows: &[usize]) -> Result<Targets> {
        let labels = images.known_labels()?;
        let codes: Vec<Option<u32>> = images
            .levels
            .iter()
            .map(|level| self.classes.iter().position(|class| class == level).map(|code| code as u32))
            .collect();
        let codes = rows.iter().map(|&row| {
            codes[labels[row] as usize].ok_or_else(|| Error::UnknownClass {
                column: "label".to_owned(),
                place: Place::Row(row as u64 + 1),
                value: images.levels[labels[row] as usize].clone(),
                known: list(self.classes.iter().map(String::as_str)),
            })
        });
        Ok(Targets::Classes(codes.collect::<Result<_>>()?))
    }

    /// The classes of those of the images whose class training had.
    ///
    /// # Errors
    /// [`Error::NoLabels`]. Panics if a row is out of range.
    pub fn encode_known_target(&self, images: &Images, rows: &[usize]) -> Result<KnownTargets> {
        let labels = images.known_labels()?;
        let level = |row: usize| &images.levels[labels[row] as usize];
        let (known, new): (Vec<usize>, Vec<usize>) =
            rows.iter().partition(|&&row| self.classes.contains(level(row)));
        let targets = self.encode_target(images, &known)?;
        let new_classes = new.into_iter().map(|row| level(row).clone()).collect();
        Ok(KnownTargets { rows: known, targets, missing: 0, new_classes })
    }

    /// The name of a class. Panics if `code` is not below the number of classes.
    pub fn decode_class(&self, code: u32) -> &str {
        &self.classes[code as usize]
    }
}

fn image(images: &Images, row: usize) -> &[u8] {
    &images.pixels[row * images.size()..(row + 1) * images.size()]
}
