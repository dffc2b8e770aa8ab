//! IDX: the format of MNIST and its kin. A header of big-endian numbers, then the elements.
//!
//! `0 0 type rank | size of each dimension, u32 each | elements`, type 8 being unsigned bytes, the only one
//! that images come in.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::keep::Keep;
use super::memory::Budget;
use super::open::{Format, Opened, io_error, open};
use super::options::{Labels, ReadOptions};
use crate::error::{Error, Result, shown_path};
use crate::table::Images;

/// What a file says of itself before its elements.
struct Header {
    /// The size of each dimension; the first is the count.
    sizes: Vec<usize>,
}

/// What an image needs beside its bytes, for each of them: a feature in `f32`, and room to grow.
const PIXEL_BYTES: u64 = 6;
/// What a label needs.
const LABEL_BYTES: u64 = 16;

/// Reads images, or some of them, and labels from where the options say.
pub(super) fn read(
    opened: Opened,
    path: &Path,
    options: &ReadOptions,
    budget: &Budget,
    keep: Keep<'_>,
) -> Result<Images> {
    let length = opened.length();
    let mut input = opened.input;
    let header = Header::read(&mut input, path)?;
    let (channels, height, width) = header.image(path)?;
    // what is wrong is found before the pixels, which are most of the file, are read
    header.check_length(length, path)?;
    let mut notes = Vec::new();
    let labels = labels_path(path, options, &mut notes);
    let count = header.sizes[0];
    let labels = labels.map(|labels| read_labels(&labels, path, count, budget)).transpose()?;
    let kept = keep.count(count as u64);
    let needed = kept.saturating_mul(header.bytes_each().saturating_mul(PIXEL_BYTES));
    budget.check_all(path, needed.saturating_add(count as u64 * LABEL_BYTES))?;
    let pixels = header.elements(input, path, keep)?;
    let labels = labels.map(|labels| match keep.of(0, count) {
        None => labels,
        Some(kept) => kept.map(|image| labels[image]).collect(),
    });
    let (labels, levels) = labels.map(|labels| classes(&labels)).unzip();
    Ok(Images {
        name: path.display().to_string(),
        channels,
        height,
        width,
        pixels,
        pixel_max: 255,
        labels,
        levels: levels.unwrap_or_default(),
        notes,
    })
}

/// How many images there are.
pub(super) fn count(mut input: impl Read, path: &Path) -> Result<u64> {
    Ok(Header::read(&mut input, path)?.sizes.first().map_or(0, |&count| count as u64))
}

/// The file of the labels, if there is one.
fn labels_path(path: &Path, options: &ReadOptions, notes: &mut Vec<String>) -> Option<PathBuf> {
    match &options.labels {
        Labels::None => None,
        Labels::At(labels) => Some(labels.clone()),
        Labels::Find => {
            let found = usual_names(path).into_iter().find(|candidate| candidate.is_file());
            notes.push(match &found {
                Some(labels) => format!("labels from {}", shown_path(labels)),
                None => format!("no labels found beside {}", shown_path(path)),
            });
            found
        }
    }
}

fn shape(sizes: &[usize]) -> String {
    format!("shape {}", sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" x "))
}

/// The label of each image.
fn read_labels(path: &Path, images_path: &Path, images: usize, budget: &Budget) -> Result<Vec<u8>> {
    let opened = open(path, path, budget)?;
    if opened.format != Format::Idx {
        let advice = "name the IDX file of the labels";
        return Err(Error::WrongFormat {
            path: path.to_owned(),
            expected: "IDX",
            found: opened.format.name(),
            advice,
        });
    }
    let length = opened.length();
    let mut input = opened.input;
    let header = Header::read(&mut input, path)?;
    let &[labels] = header.sizes.as_slice() else {
        return Err(Error::IdxShape {
            path: path.to_owned(),
            found: shape(&header.sizes),
            expected: "labels (one number each)",
            advice: "name the file of the labels",
        });
    };
    header.check_length(length, path)?;
    if labels != images {
        return Err(Error::IdxCounts {
            images_path: images_path.to_owned(),
            images,
            labels_path: path.to_owned(),
            labels,
        });
    }
    budget.check_all(path, (labels as u64).saturating_mul(LABEL_BYTES))?;
    header.elements(input, path, Keep::All)
}

/// The classes that occur, in order of their numbers, and each sample's index among them.
pub(crate) fn classes(labels: &[u8]) -> (Vec<u32>, Vec<String>) {
    let mut occurs = [false; 256];
    for &label in labels {
        occurs[usize::from(label)] = true;
    }
    let known: Vec<u8> = (0..=255).filter(|&label| occurs[usize::from(label)]).collect();
    let code = |label: &u8| known.partition_point(|known| known < label) as u32;
    (labels.iter().map(code).collect(), known.iter().map(u8::to_string).collect())
}

/// Where the labels of these images usually are.
fn usual_names(path: &Path) -> Vec<PathBuf> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Vec::new();
    };
    let labels = name
        .replace("images", "labels")
        .replace("image", "label")
        .replace("idx3", "idx1")
        .replace("idx4", "idx1");
    if labels == name {
        return Vec::new();
    }
    // one of the two may have been unpacked
    let other = labels.strip_suffix(".gz").map_or_else(|| format!("{labels}.gz"), str::to_owned);
    [labels, other]
        .into_iter()
        .map(|name| path.with_file_name(name))
        .filter(|candidate| candidate != path)
        .collect()
}

impl Header {
    fn read(input: &mut impl Read, path: &Path) -> Result<Self> {
        let mut magic = [0; 4];
        read_exact(input, &mut magic, path)?;
        if magic[2] != 8 {
            return Err(Error::IdxShape {
                path: path.to_owned(),
                found: format!("elements of type {:#04x}", magic[2]),
                expected: "unsigned bytes (type 0x08)",
                advice: "convert the elements to unsigned bytes",
            });
        }
        let mut sizes = Vec::new();
        for _ in 0..magic[3] {
            let mut size = [0; 4];
            read_exact(input, &mut size, path)?;
            sizes.push(u32::from_be_bytes(size) as usize);
        }
        Ok(Self { sizes })
    }

    /// Channels, height and width of an image.
    fn image(&self, path: &Path) -> Result<(usize, usize, usize)> {
        let wrong_shape = |advice| Error::IdxShape {
            path: path.to_owned(),
            found: shape(&self.sizes),
            expected: "images (count x height x width, or count x channels x height x width)",
            advice,
        };
        let image = match self.sizes[..] {
            [_, height, width] => (1, height, width),
            [_, channels @ (1 | 3), height, width] => (channels, height, width),
            [_] => return Err(wrong_shape("these look like labels; name the file of the images")),
            _ => return Err(wrong_shape("convert them to this shape")),
        };
        if self.bytes() == 0 {
            return Err(Error::Empty { path: path.to_owned(), found: "no images" });
        }
        Ok(image)
    }

    /// Bytes of one image, or label.
    fn bytes_each(&self) -> u64 {
        product(&self.sizes[1..])
    }

    fn bytes(&self) -> u64 {
        product(&self.sizes)
    }

    /// Checks the length of a file that is not compressed.
    fn check_length(&self, length: Option<u64>, path: &Path) -> Result<()> {
        let before = 4 + 4 * self.sizes.len() as u64;
        match length.map(|length| length.saturating_sub(before)) {
            Some(found) if found != self.bytes() => {
                Err(Error::IdxLength { path: path.to_owned(), expected: self.bytes(), found })
            }
            _ => Ok(()),
        }
    }

    /// The elements of those that are kept.
    fn elements(&self, mut input: impl Read, path: &Path, keep: Keep<'_>) -> Result<Vec<u8>> {
        let (each, mut elements, mut found) = (self.bytes_each(), Vec::new(), 0);
        let count = self.sizes[0];
        let mut part = |bytes: u64, kept: bool| {
            let mut part = input.by_ref().take(bytes);
            // the buffer grows with what is really there, so a header that promises terabytes costs nothing
            let read = match kept {
                true => part.read_to_end(&mut elements).map(|read| read as u64),
                false => std::io::copy(&mut part, &mut std::io::sink()),
            };
            found += read.map_err(|error| io_error(path, error))?;
            Ok(())
        };
        match keep.of(0, count) {
            None => part(self.bytes(), true)?,
            Some(kept) => {
                let mut next = 0;
                for image in kept {
                    part((image - next) as u64 * each, false)?;
                    part(each, true)?;
                    next = image + 1;
                }
                part((count - next) as u64 * each, false)?;
            }
        }
        // one byte more than promised shows a file that is too long
        part(1, false)?;
        let expected = self.bytes();
        if found != expected {
            return Err(Error::IdxLength { path: path.to_owned(), expected, found });
        }
        Ok(elements)
    }
}

fn product(sizes: &[usize]) -> u64 {
    sizes.iter().try_fold(1u64, |product, &size| product.checked_mul(size as u64)).unwrap_or(u64::MAX)
}

fn read_exact(input: &mut impl Read, buffer: &mut [u8], path: &Path) -> Result<()> {
    input.read_exact(buffer).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            Error::Damaged { path: path.to_owned(), reason: "the file ends inside its header".to_owned() }
        }
        _ => io_error(path, error),
    })
}
