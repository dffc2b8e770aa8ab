//! What encoders make: features and targets.

/// The version of the saved form of encoders. Raise it with every change of meaning: an old program must
/// refuse a new encoder. Format 2 says how columns are written, and has dates as cycles; format 3 has numbers in pieces.
pub(crate) const FORMAT: u32 = 3;

/// Encoded samples, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// Number of samples.
    pub rows: usize,
    /// Features of a sample.
    pub width: usize,
    /// The features, `rows x width`, row-major. Always finite.
    pub data: Vec<f32>,
    /// The name of each feature; empty for images, whose features are pixels.
    pub names: Vec<String>,
    /// What the encoder did that the user should hear (columns it ignored), one sentence each.
    pub notes: Vec<String>,
    /// What puts predictions in doubt: more than 5 % of the rows are unlike training.
    pub warnings: Vec<String>,
}

impl Features {
    /// A hash of one sample's features (FNV-1a over their bits): the same on every machine and in every version. Panics if
    /// `row` is out of range.
    pub fn row_hash(&self, row: usize) -> u64 {
        let bytes = self.row(row).iter().flat_map(|x| x.to_bits().to_le_bytes());
        bytes
            .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
    }

    /// The features of one sample. Panics if `row` is out of range.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.data[row * self.width..(row + 1) * self.width]
    }
}

/// What is to be predicted, for each sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// Regression: standardized with the training rows' mean and standard deviation, those left out that lie far from
    /// all others.
    Values(Vec<f32>),
    /// Classes: indices into the encoder's classes.
    Classes(Vec<u32>),
}

impl Targets {
    /// Number of samples.
    pub fn len(&self) -> usize {
        match self {
            Targets::Values(values) => values.len(),
            Targets::Classes(classes) => classes.len(),
        }
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
