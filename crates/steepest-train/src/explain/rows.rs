//! The rows that explanations compare with.

use crate::error::{Error, Result};
use crate::file_names::BACKGROUND;
use crate::files::RunFiles;
use crate::settings::Settings;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use steepest_data::random::Stream;
use steepest_data::{Features, Prepared, Targets};

/// Rows of a background.
pub(super) const MOST_ROWS: usize = 100;
/// Numbers of a background: fewer rows of large images.
const MOST_NUMBERS: usize = 4 << 20;
const TENSOR: &str = "rows";

/// Encoded rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows {
    width: usize,
    data: Vec<f32>,
}

impl Rows {
    /// Some training rows of a run; none where it keeps no rows.
    pub fn chosen(data: &Prepared, settings: &Settings) -> Option<Self> {
        let part = &data.train;
        (!settings.data.no_rows).then(|| Self::of(&part.features, Some(&part.targets), settings.train.seed))
    }

    /// At most a hundred rows: those of a class, or of a range of the target, in as large a part as they are of all. Chosen at
    /// random by the seed where no targets are known.
    pub fn of(features: &Features, targets: Option<&Targets>, seed: u64) -> Self {
        let width = features.width;
        let most = MOST_ROWS.min(MOST_NUMBERS / width.max(1)).max(2).min(features.rows);
        let mut stream = Stream::new(b"backgrnd", seed, 0);
        let mut order: Vec<usize> = (0..features.rows).collect();
        stream.shuffle(&mut order);
        match targets {
            Some(Targets::Values(values)) => order.sort_by(|a, b| values[*a].total_cmp(&values[*b])),
            Some(Targets::Classes(codes)) => order.sort_by_key(|row| codes[*row]),
            None => {}
        }
        // one of each of as many stretches of the order
        let mut rows: Vec<usize> = (0..most)
            .map(|at| {
                let [begin, end] = [at, at + 1].map(|at| at * features.rows / most);
                order[begin + stream.below((end - begin) as u64) as usize]
            })
            .collect();
        rows.sort_unstable();
        let mut data = Vec::new();
        steepest_data::gather(&features.data, width, &rows, &mut data);
        Self { width, data }
    }

    /// As a file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let bytes: Vec<u8> = self.data.iter().flat_map(|x| x.to_le_bytes()).collect();
        let shape = vec![self.data.len() / self.width.max(1), self.width];
        let view = TensorView::new(Dtype::F32, shape, &bytes);
        (view.and_then(|view| safetensors::serialize([(TENSOR, view)], None)))
            .map_err(|error| Error::file(BACKGROUND, error))
    }

    /// Those that a run keeps; `None` where it keeps none.
    ///
    /// # Errors
    /// A file that is damaged, or of another network.
    pub fn of_run(files: &RunFiles, width: usize) -> Result<Option<Self>> {
        let Some(bytes) = files.optional_bytes(BACKGROUND)? else { return Ok(None) };
        let refuse = |reason: String| files.refuse(format!("{BACKGROUND}: {reason}"));
        let file = SafeTensors::deserialize(&bytes).map_err(|error| refuse(error.to_string()))?;
        let tensor = file.tensor(TENSOR).map_err(|error| refuse(error.to_string()))?;
        match (tensor.dtype(), tensor.shape()) {
            (Dtype::F32, [_, found]) if *found == width && width > 0 => {}
            (dtype, shape) => {
                return Err(refuse(format!("it has {dtype:?} {shape:?}, expected F32 [rows, {width}]")));
            }
        }
        let number = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().expect("four bytes"));
        Ok(Some(Self { width, data: tensor.data().chunks(4).map(number).collect() }))
    }

    /// As rows to compare with.
    pub fn background(&self) -> Result<steepest_explain::Background> {
        let data = self.data.iter().map(|x| f64::from(*x)).collect();
        Ok(steepest_explain::Background::new(data, self.width)?)
    }
}
