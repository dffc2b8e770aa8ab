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
    /// [`Error::TooFew`] for fewer than two rows: against one row nothing is known of how the choice of it matters;
    /// [`Error::Ragged`]; [`Error::NotFinite`].
    pub fn new(data: Vec<f64>, width: usize) -> Result<Self> {
        let found = rows("the background", &data, width)?.len() as u64;
        if found < 2 {
            let remedy = "give rows like those that the model was trained on, best a hundred";
            return Err(Error::TooFew { what: "rows in the background", found, least: 2, remedy });
        }
        Ok(Self { data, width })
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
