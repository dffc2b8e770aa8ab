//! The rows that stand for what is not known.

use crate::error::{Error, Result};

/// Rows of a background: at least two, all finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Background {
    data: Vec<f64>,
    width: usize,
}

impl Background {
    /// Rows of `width` numbers, row-major.
    ///
    /// # Errors
    /// [`Error::SmallBackground`] for fewer than two rows: against one row nothing is known of how the choice of it matters;
    /// [`Error::Ragged`]; [`Error::NotFinite`].
    pub fn new(data: Vec<f64>, width: usize) -> Result<Self> {
        match rows("the background", &data, width)?.len() {
            found @ 0..2 => Err(Error::SmallBackground { found }),
            _ => Ok(Self { data, width }),
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.data.len() / self.width
    }

    /// Never: there are at least two rows.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The rows, one after the other.
    pub fn data(&self) -> &[f64] {
        &self.data
    }

    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.data.chunks(self.width)
    }
}

/// For each number, the standard error of its mean over rows of the background: `each` has those of a row.
pub(crate) fn spread(each: &[Vec<f64>]) -> Vec<f64> {
    let n = each.len() as f64;
    let width = each.first().map_or(0, Vec::len);
    (0..width)
        .map(|at| {
            let mean = each.iter().map(|values| values[at]).sum::<f64>() / n;
            each.iter().map(|values| (values[at] - mean).powi(2)).sum::<f64>().sqrt() / n
        })
        .collect()
}

/// Numbers as rows.
pub(crate) fn rows<'a>(what: &'static str, data: &'a [f64], width: usize) -> Result<Vec<&'a [f64]>> {
    if width == 0 || !data.len().is_multiple_of(width) {
        return Err(Error::Ragged { what, found: data.len(), width });
    }
    match data.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(Error::NotFinite { what, row: at / width, found: data[at] }),
        None => Ok(data.chunks(width).collect()),
    }
}
