//! What was found.

use super::asked::{Method, Scale};
use crate::summary::ColumnImportance;
use serde::{Deserialize, Serialize};
use steepest_data::csv_cell;
use steepest_explain::{LEAST_FIT, reach};

/// The version of what is written.
pub(super) const FORMAT: u32 = 1;

/// An explanation of rows, and of the network over them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// The version of this.
    pub format: u32,
    /// What is predicted.
    pub target: String,
    /// What the rows are of, in words.
    pub data: String,
    /// How values were found.
    pub made: Made,
    /// The columns, or joined columns, that the outputs are made of.
    pub columns: Vec<String>,
    /// The outputs: classes, or the target.
    pub outputs: Vec<String>,
    /// What values are measured in, for each output: `log odds of yes`, `price`.
    pub units: Vec<String>,
    /// The features that the columns become, where slopes are told; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
    /// What the network's own outputs are of: classes (the second of two), or the target.
    #[serde(default)]
    pub activated: Vec<String>,
    /// Each row.
    pub rows: Vec<ExplainedRow>,
    /// Pairs of columns that go together, which no explanation of one of them alone takes apart.
    #[serde(default)]
    pub correlated: Vec<Pair>,
    /// What shuffling a column costs on these rows, where their target is known; the most important first.
    #[serde(default)]
    pub importance: Vec<ColumnImportance>,
    /// Mean absolute interaction of pairs of columns over rows and outputs, the strongest first; empty beyond 12 columns.
    #[serde(default)]
    pub interactions: Vec<Pair>,
    /// How outputs move with the columns that matter most.
    #[serde(default)]
    pub curves: Vec<Curve>,
    /// `[channels, height, width]` of images, whose columns are pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<[usize; 3]>,
    /// What the user should hear.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What puts it in doubt.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// How values were found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// Which question was asked.
    pub method: Method,
    /// In which unit.
    pub scale: Scale,
    /// The most coalitions for each row; 0 for other methods than Shapley values.
    pub evaluations: u64,
    /// Rows of the background.
    pub background: usize,
    /// The seed.
    pub seed: u64,
}

/// One explained row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ExplainedRow {
    /// Its number among the rows of the data, from 1.
    pub row: usize,
    /// Where it lies.
    pub place: String,
    /// What the data has in each column; `missing` where it has nothing. Empty for images.
    pub texts: Vec<String>,
    /// The same as numbers, where it is one.
    pub numbers: Vec<Option<f64>>,
    /// Whether all coalitions were taken, so that nothing is estimated.
    pub exact: bool,
    /// How many coalitions were taken.
    pub evaluations: u64,
    /// By how much standard errors are multiplied for a 95 % interval.
    pub reach: f64,
    /// Each output.
    pub outputs: Vec<RowOutput>,
    /// The row's features, where slopes are told; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<f64>,
    /// Each of the network's own outputs.
    #[serde(default)]
    pub activations: Vec<Activation>,
}

/// One of the network's own outputs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Activation {
    /// As the last layer makes it: a logit, or the target in standard deviations from its mean.
    pub raw: f64,
    /// What it means: the class's probability, or the prediction in the target's unit.
    pub prediction: f64,
}

/// What one output of a row is made of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RowOutput {
    /// The mean over the background.
    pub base: f64,
    /// The output. Base and values add up to it, for Shapley values.
    pub whole: f64,
    /// For each column.
    pub values: Vec<f64>,
    /// The standard error of estimating; of LIME, the spread over seeds.
    pub standard_errors: Vec<f64>,
    /// The standard error that comes from the choice of the background; empty where it is not known.
    pub background_errors: Vec<f64>,
    /// Of paths, what base and values miss, as a fraction of the sum of absolute values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<f64>,
    /// Of LIME, how much of the variance the line explains; of a local linear model, of that over the background.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r_squared: Option<f64>,
    /// Of a local linear model, by how much the output grows where a feature grows by 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slopes: Vec<f64>,
}

/// Two columns and how much of something they have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// One of them.
    pub a: String,
    /// The other.
    pub b: String,
    /// A correlation, or a mean absolute interaction.
    pub value: f64,
}

/// How one output moves with one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The number of the column.
    pub column: usize,
    /// The number of the output.
    pub output: usize,
    /// The values of the column that it was set to, as the data writes them.
    pub texts: Vec<String>,
    /// The same as numbers; empty for categories.
    pub numbers: Vec<f64>,
    /// How many of the rows have each value, or lie nearer to it than to another.
    pub counts: Vec<usize>,
    /// Stretches between numbers where no row lies.
    #[serde(default)]
    pub gaps: Vec<[f64; 2]>,
    /// Partial dependence: the mean over the rows.
    pub mean: Vec<f64>,
    /// Accumulated local effects, of mean 0; empty for categories.
    pub accumulated: Vec<f64>,
    /// Some rows by themselves.
    pub each: Vec<Vec<f64>>,
}

impl Explained {
    /// For each column, the mean of the absolute values over the rows, and the half width of its 95 % interval for other rows.
    pub fn mean_absolute(&self, output: usize) -> Vec<[f64; 2]> {
        let n = self.rows.len() as f64;
        let reach = if n > 1.0 { reach(n - 1.0) } else { 0.0 };
        (0..self.columns.len())
            .map(|column| {
                let values = || self.rows.iter().map(|row| row.outputs[output].values[column].abs());
                // of huge values the squares would be infinite
                let scale = values().fold(f64::MIN_POSITIVE, f64::max);
                let all = || values().map(|value| value / scale);
                let mean = all().sum::<f64>() / n;
                let squares: f64 = all().map(|value| (value - mean).powi(2)).sum();
                let half = reach * (squares / (n * (n - 1.0).max(1.0))).sqrt();
                [scale * mean, scale * half]
            })
            .collect()
    }

    /// The columns, those first that matter most to an output; in their own order where a line explains less than half of the variance
    /// round a row, for then none follows from it.
    pub fn by_weight(&self, output: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.columns.len()).collect();
        let mut fits = self.rows.iter().filter_map(|row| row.outputs[output].r_squared);
        if fits.any(|fit| fit < LEAST_FIT) {
            return order;
        }
        let means = self.mean_absolute(output);
        order.sort_by(|a, b| means[*b][0].total_cmp(&means[*a][0]));
        order
    }

    /// `row,output,column,value,standard_error`, a line for each.
    pub fn csv(&self) -> String {
        let mut text = "row,output,column,value,standard_error\n".to_owned();
        for row in &self.rows {
            for (name, output) in self.outputs.iter().zip(&row.outputs) {
                let values = output.values.iter().zip(&output.standard_errors);
                for (column, (value, error)) in self.columns.iter().zip(values) {
                    let (name, column) = (csv_cell(name), csv_cell(column));
                    text += &format!("{},{name},{column},{value},{error}\n", row.row);
                }
            }
        }
        text
    }

    /// `row,output,feature,input,slope`: the local linear models in the network's own inputs, as the encoder makes them; `None` where
    /// another question was asked.
    pub fn slopes_csv(&self) -> Option<String> {
        if self.features.is_empty() {
            return None;
        }
        let mut text = "row,output,feature,input,slope\n".to_owned();
        for row in &self.rows {
            for (name, output) in self.outputs.iter().zip(&row.outputs) {
                for ((feature, input), slope) in self.features.iter().zip(&row.inputs).zip(&output.slopes) {
                    let (name, feature) = (csv_cell(name), csv_cell(feature));
                    text += &format!("{},{name},{feature},{input},{slope}\n", row.row);
                }
            }
        }
        Some(text)
    }

    /// `row,output,activation,prediction`: the network's own outputs.
    pub fn activations_csv(&self) -> String {
        let mut text = "row,output,activation,prediction\n".to_owned();
        for row in &self.rows {
            for (name, Activation { raw, prediction }) in self.activated.iter().zip(&row.activations) {
                text += &format!("{},{},{raw},{prediction}\n", row.row, csv_cell(name));
            }
        }
        text
    }

    /// One JSON object for each row and output, with all that is known of it.
    pub fn jsonl(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            for (k, output) in row.outputs.iter().enumerate() {
                let columns: Vec<_> = (self.columns.iter().enumerate())
                    .map(|(at, column)| {
                        let mut object = serde_json::json!({
                            "column": column,
                            "value": output.values[at],
                            "standard_error": output.standard_errors[at],
                        });
                        if let Some(error) = output.background_errors.get(at) {
                            object["background_error"] = (*error).into();
                        }
                        if let Some(text) = row.texts.get(at) {
                            object["text"] = text.as_str().into();
                        }
                        object
                    })
                    .collect();
                let mut line = serde_json::json!({
                    "row": row.row,
                    "place": row.place,
                    "output": self.outputs[k],
                    "unit": self.units[k],
                    "method": self.made.method,
                    "exact": row.exact,
                    "base": output.base,
                    "whole": output.whole,
                    "evaluations": row.evaluations,
                    "background": self.made.background,
                    "seed": self.made.seed,
                    "columns": columns,
                });
                for (key, value) in [("gap", output.gap), ("r_squared", output.r_squared)] {
                    if let Some(value) = value {
                        line[key] = value.into();
                    }
                }
                text += &line.to_string();
                text.push('\n');
            }
        }
        text
    }

    /// As a file that [`Explained::from_json`] reads.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain values")
    }

    /// What was written; `None` for another version's, and for what does not fit together.
    pub fn from_json(text: &str) -> Option<Self> {
        let found: Self = serde_json::from_str(text).ok()?;
        found.is_sound().then_some(found)
    }

    fn is_sound(&self) -> bool {
        let [columns, outputs] = [self.columns.len(), self.outputs.len()];
        let texts = if self.image.is_some() { 0 } else { columns };
        let is_output = |output: &RowOutput| {
            [output.values.len(), output.standard_errors.len()] == [columns; 2]
                && [0, columns].contains(&output.background_errors.len())
                && output.slopes.len() == self.features.len()
        };
        let is_row = |row: &ExplainedRow| {
            [row.texts.len(), row.numbers.len()] == [texts, columns]
                && row.outputs.len() == outputs
                && row.outputs.iter().all(is_output)
                && [0, self.activated.len()].contains(&row.activations.len())
                && row.inputs.len() == self.features.len()
        };
        let is_curve = |curve: &Curve| {
            let n = curve.texts.len();
            [curve.counts.len(), curve.mean.len()] == [n; 2]
                && curve.each.iter().all(|row| row.len() == n)
                && [0, n].contains(&curve.numbers.len())
                && [0, n].contains(&curve.accumulated.len())
                && curve.column < columns
                && curve.output < outputs
        };
        self.format == FORMAT
            && outputs > 0
            && self.units.len() == outputs
            && self
                .image
                .is_none_or(|shape| shape.iter().try_fold(1usize, |n, x| n.checked_mul(*x)) == Some(columns))
            && self.rows.iter().all(is_row)
            && self.curves.iter().all(is_curve)
    }
}
