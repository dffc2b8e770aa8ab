//! IDX: the format of MNIST and its kin. A header of big-endian numbers, then the elements.
//!
//! `0 0 type rank | size of each dimension, u32 each | elements`, type 8 being unsigned bytes, the only one
//! that images come in.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::open::{Format, Opened, io_error, open};
use super::options::{Labels, ReadOptions};
use crate::error::{Error, Result, shown_path};
use crate::table::Images;

/// A whole file.
struct Idx {
    sizes: Vec<usize>,
    elements: Vec<u8>,
}

/// Reads images, and labels from where the options say.
pub(crate) fn read(input: impl Read, path: &Path, options: &ReadOptions) -> Result<Images> {
    let images = read_idx(input, path)?;
    let wrong_shape = |advice| Error::IdxShape {
        path: path.to_owned(),
        found: shape(&images.sizes),
        expected: "images (count x height x width, or count x channels x height x width)",
        advice,
    };
    let (channels, height, width) = match images.sizes[..] {
        [_, height, width] => (1, height, width),
        [_, channels @ (1 | 3), height, width] => (channels, height, width),
        [_] => {
            return Err(wrong_shape("these look like labels; name the file of the images"));
        }
        _ => return Err(wrong_shape("convert them to this shape")),
    };
    if images.elements.is_empty() {
        return Err(Error::Empty { path: path.to_owned(), found: "no images" });
    }
    let mut notes = Vec::new();
    let found = match &options.labels {
        Labels::None => None,
        Labels::At(labels) => Some(labels.clone()),
        Labels::Find => {
            let candidates = usual_names(path);
            let found = candidates.iter().find(|candidate| candidate.is_file()).cloned();
            match &found {
                Some(labels) => notes.push(format!("labels from {}", shown_path(labels))),
                None => notes.push(format!("no labels found beside {}", shown_path(path))),
            }
            found
        }
    };
    let count = images.sizes[0];
    let (labels, levels) = match found {
        Some(labels_path) => {
            let (labels, levels) = read_labels(&labels_path, path, count)?;
            (Some(labels), levels)
        }
        None => (None, Vec::new()),
    };
    let name = path.display().to_string();
    Ok(Images {
        name,
        channels,
        height,
        width,
        pixels: images.elements,
        pixel_max: 255,
        labels,
        levels,
        notes,
    })
}

fn shape(sizes: &[usize]) -> String {
    format!("shape {}", sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" x "))
}

/// Codes and names of the classes.
fn read_labels(path: &Path, images_path: &Path, images: usize) -> Result<(Vec<u32>, Vec<String>)> {
    let Opened { format, input, .. } = open(path, path)?;
    if format != Format::Idx {
        let advice = "name the IDX file of the labels";
        return Err(Error::WrongFormat {
            path: path.to_owned(),
            expected: "IDX",
            found: format.name(),
            advice,
        });
    }
    let labels = read_idx(input, path)?;
    if labels.sizes.len() != 1 {
        return Err(Error::IdxShape {
            path: path.to_owned(),
            found: shape(&labels.sizes),
            expected: "labels (one number each)",
            advice: "name the file of the labels",
        });
    }
    if labels.elements.len() != images {
        return Err(Error::IdxCounts {
            images_path: images_path.to_owned(),
            images,
            labels_path: path.to_owned(),
            labels: labels.elements.len(),
        });
    }
    Ok(classes(&labels.elements))
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

fn read_idx(mut input: impl Read, path: &Path) -> Result<Idx> {
    let mut magic = [0; 4];
    read_exact(&mut input, &mut magic, path)?;
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
        read_exact(&mut input, &mut size, path)?;
        sizes.push(u32::from_be_bytes(size) as usize);
    }
    let expected =
        sizes.iter().try_fold(1u64, |product, &size| product.checked_mul(size as u64)).unwrap_or(u64::MAX);
    // one byte more than promised shows a file that is too long; the buffer grows with what is really there,
    // so a header that promises terabytes costs nothing
    let mut elements = Vec::new();
    let read = input.take(expected.saturating_add(1)).read_to_end(&mut elements);
    read.map_err(|error| io_error(path, error))?;
    let found = elements.len() as u64;
    if found != expected {
        return Err(Error::IdxLength { path: path.to_owned(), expected, found });
    }
    Ok(Idx { sizes, elements })
}

fn read_exact(input: &mut impl Read, buffer: &mut [u8], path: &Path) -> Result<()> {
    input.read_exact(buffer).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            Error::Damaged { path: path.to_owned(), reason: "the file ends inside its header".to_owned() }
        }
        _ => io_error(path, error),
    })
}
