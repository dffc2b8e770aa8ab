//! From loaded data to encoded parts, in one call.

use crate::encoder::{AnyEncoder, Encoder};
use crate::error::{Error, Result};
use crate::features::{Features, Targets};
use crate::images::ImageEncoder;
use crate::split::{Fractions, Split, split, split_stratified};
use crate::table::{Loaded, Table};
use crate::task::{FEWEST_ROWS, Task, TaskChoice, choose_target, class_texts, infer};

/// What to predict and how to split.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PrepareOptions {
    /// The column to predict. Default: see [`choose_target`]. Tables only.
    pub target: Option<String>,
    /// Number or class. Default: inferred.
    pub task: TaskChoice,
    /// The fractions of the rows that are held back. Default: 0.15 each.
    pub fractions: Fractions,
    /// The seed of the split. Default: 0.
    pub seed: u64,
}

/// One part of the data, encoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The inputs.
    pub features: Features,
    /// What to predict.
    pub targets: Targets,
}

/// Data ready for training.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// The task.
    pub task: Task,
    /// Everything the user should hear, in order: what the reader decided, the target, the task, what the
    /// encoder decided.
    pub notes: Vec<String>,
    /// The fitted encoder.
    pub encoder: AnyEncoder,
    /// Which rows went where.
    pub split: Split,
    /// The part to learn from.
    pub train: Part,
    /// The part that decides when to stop; no rows where its fraction is 0.
    pub validation: Part,
    /// The part for the end; no rows where its fraction is 0.
    pub test: Part,
}

/// Chooses the target, infers the task, splits, fits the encoder on the training rows, and encodes all parts.
///
/// # Errors
/// Those of [`choose_target`], [`infer`], [`split`], [`Encoder::fit`] and [`ImageEncoder::fit`].
pub fn prepare(loaded: &Loaded, options: &PrepareOptions) -> Result<Prepared> {
    let mut notes = loaded.notes().to_vec();
    let (split, encoder) = match loaded {
        Loaded::Table(table) => {
            let target = choose_target(table, options.target.as_deref())?;
            let inferred = infer(table, &target, options.task)?;
            notes.extend(target.note.clone());
            notes.push(inferred.reason);
            let split = if inferred.task.is_classification() {
                split_stratified(&codes(table, target.index), options.fractions, options.seed)?
            } else {
                split(table.rows(), options.fractions, options.seed)?
            };
            let encoder = Encoder::fit(table, &target, inferred.task, &split.train)?;
            (split, AnyEncoder::Table(encoder))
        }
        Loaded::Images(images) => {
            if images.count() < FEWEST_ROWS {
                return Err(Error::TooFewRows { rows: images.count(), needed: FEWEST_ROWS });
            }
            let split = split_stratified(images.known_labels()?, options.fractions, options.seed)?;
            let encoder = ImageEncoder::fit(images, &split.train)?;
            notes.push(format!(
                "images of {} x {} pixels are predicted as one of {} classes",
                images.height,
                images.width,
                encoder.classes().len()
            ));
            if options.task == TaskChoice::Regression {
                notes.push("labels of images are classes; the choice of regression is ignored".to_owned());
            }
            (split, AnyEncoder::Images(encoder))
        }
    };
    notes.extend_from_slice(encoder.notes());
    let part = |rows: &[usize]| -> Result<Part> {
        Ok(Part { features: encoder.encode(loaded, rows)?, targets: encoder.encode_target(loaded, rows)? })
    };
    let (train, validation, test) = (part(&split.train)?, part(&split.validation)?, part(&split.test)?);
    Ok(Prepared { task: encoder.task(), notes, encoder, split, train, validation, test })
}

/// The class of every row of a column, as an index among its classes in order.
fn codes(table: &Table, column: usize) -> Vec<u32> {
    let column = &table.columns[column];
    let rows: Vec<usize> = (0..table.rows()).collect();
    let classes = class_texts(column, &rows);
    let code: std::collections::HashMap<&str, u32> =
        classes.iter().enumerate().map(|(code, class)| (class.as_str(), code as u32)).collect();
    rows.iter().map(|&row| code[column.text(row).unwrap_or_default().as_str()]).collect()
}
