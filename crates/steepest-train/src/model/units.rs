//! Units that learn nothing: those whose activation is flat, whatever row comes.

use super::Activation;
use crate::summary::LayerLine;
use burn::tensor::Tensor;

/// Looks at the sums of the hidden layers while rows pass through.
#[derive(Debug, Default)]
pub(crate) struct Units(Vec<LayerLine>);

impl Units {
    /// The sums of a layer before its activation, `[rows, units]`, those of an image with a row for each pixel.
    pub fn see(&mut self, layer: &str, activation: Activation, sums: Tensor<2>) {
        let [rows, units] = sums.dims();
        let data = sums.into_data();
        let sums = data.as_slice::<f32>().expect("networks compute in f32");
        let mut flat = vec![0u64; units];
        for row in sums.chunks(units.max(1)) {
            for (count, sum) in flat.iter_mut().zip(row) {
                *count += u64::from(activation.is_flat(*sum));
            }
        }
        let all = (rows * units).max(1) as f64;
        self.0.push(LayerLine {
            name: layer.to_owned(),
            activation: activation.to_string(),
            units: units as u64,
            dead: flat.iter().filter(|count| **count == rows as u64 && rows > 0).count() as u64,
            flat: flat.iter().sum::<u64>() as f64 / all,
        });
    }

    /// What was seen, a line a layer.
    pub fn lines(self) -> Vec<LayerLine> {
        self.0
    }
}
