//! What a model goes by, exactly where that is possible, with an error where it is not, over anything that maps rows to outputs.
//!
//! | question | function | what it gives |
//! | --- | --- | --- |
//! | what is this output made of? | [`shapley()`] | values that add up, with two errors: of estimating, and of the background |
//! | what do two columns do together? | [`interactions`] | exact to 12 columns |
//! | what does the output gain on the way from usual rows to this one? | [`path()`] | expected integrated gradients; not Shapley values |
//! | what would a line through the neighbourhood say? | [`lime()`] | slopes with R² and their spread over seeds |
//! | what line is the model at this row? | [`local_linear`] | its slopes, and how well they fit the background |
//! | what does the model need? | [`importance()`] | what shuffling a column costs, with an interval |
//! | how does the output move with a column? | [`dependence`], [`accumulated`] | partial dependence, ICE; ALE |
//!
//! A [`Model`] is a trait; [`Players`] are the columns, each with all of its features; a [`Background`] stands for what is not
//! known. Nothing here prints, and nothing depends on the number of threads or the order of the rows.
//!
//! ```
//! use steepest_explain::{Background, Model, Players, ShapleyOptions, shapley};
//!
//! /// 3 x0 x1 − x2
//! struct Product;
//! impl Model for Product {
//!     fn features(&self) -> usize {
//!         3
//!     }
//!     fn outputs(&self) -> usize {
//!         1
//!     }
//!     fn evaluate(&self, rows: &[f64], outputs: &mut [f64]) {
//!         for (row, output) in rows.chunks(3).zip(outputs) {
//!             *output = 3.0 * row[0] * row[1] - row[2];
//!         }
//!     }
//! }
//! let background = Background::new(vec![0.0, 0.0, 0.0, 0.0, 0.0, 2.0], 3)?;
//! let rows = shapley(&Product, &Players::each(3)?, &background, &[1.0, 2.0, 3.0], &ShapleyOptions::default())?;
//! assert_eq!((rows[0].base[0], rows[0].whole[0]), (-1.0, 3.0));
//! assert_eq!(rows[0].values, [3.0, 3.0, -2.0]);
//! # Ok::<(), steepest_explain::Error>(())
//! ```

mod background;
mod correlated;
mod curves;
mod draw;
mod error;
mod importance;
mod lime;
mod linalg;
mod linear;
mod masks;
mod model;
mod path;
mod players;
mod shapley;
mod speed;
mod student;

pub use background::Background;
pub use correlated::{Correlated, correlated};
pub use curves::{Accumulated, Dependence, accumulated, dependence};
pub use error::{Error, Result};
pub use importance::{Importance, importance};
pub use lime::{LEAST_FIT, Lime, LimeOptions, lime};
pub use linear::{LocalLinear, local_linear};
pub use masks::Masks;
pub use model::{Hybrids, Mix, Model};
pub use path::{MOST_GAP, Path, path};
pub use players::Players;
pub use shapley::{
    Interactions, MOST_INTERACTING, Row, ShapleyOptions, coalitions, interactions, is_exact, shapley,
    shapley_watched,
};
pub use speed::seconds_per_evaluation;
pub use student::reach;
