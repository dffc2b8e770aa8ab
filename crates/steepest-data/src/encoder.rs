//! From a table to `f32` features: fitted on the training rows, saved with the model.
//!
//! | column | features |
//! | --- | --- |
//! | number | one: `(x - mean) / std`, clipped to ±10; with a heavy tail, of `asinh((x - center) / scale)` instead of x |
//! | date | the same, on days |
//! | boolean | one: 0 or 1, missing as the mean |
//! | category | one for each level (0 or 1), for at most 64 levels that occur at least twice; one for all others, if there are any |
//!
//! A column that has missing values in training has one feature more, 1 where the value is missing. There, and wherever else a
//! number is missing, its feature is 0, which is the training mean.
//!
//! **Heavy tails.** A column with a training value more than 10 standard deviations from the mean (incomes, counts) would
//! give a network one huge input and thousands that are nearly equal. It is passed through `asinh((x - median) / scale)`
//! first, the scale being the interquartile range / 1.349 (a standard deviation, for a normal column), or the standard
//! deviation where that is 0: linear in the middle, logarithmic in both tails, monotonic, and harmless to any sign. The
//! clip to ±10 is for what comes later: a mistyped cell at prediction time moves the output as far as a rare one, not to infinity.
//!
//! **Left out**, with a note: columns with one value in training, text of which most rows have their own (names, keys), and
//! whole numbers without repetition under a name like `id`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::error::{Error, Kind, Result, list};
use crate::images::ImageEncoder;
use crate::read::ReadOptions;
use crate::read::column::{Context, coerce};
use crate::table::{Column, Loaded, Table, Values};
use crate::task::{Target, Task, class_texts, distinct};

/// The version of the saved form. Raise it with every change of meaning; an old program must refuse a new encoder.
pub(crate) const FORMAT: u32 = 1;
/// Categories have at most this many levels of their own.
pub const MOST_LEVELS: usize = 64;
/// A level of its own occurs at least this often in training; rarer ones teach the network what "other" means.
const RAREST_LEVEL: usize = 2;
/// Text with more distinct values than this may be a key.
const KEY_LEVELS: usize = 20;
/// Standardized values are clipped to ±this, and a training value beyond it makes a column heavy-tailed.
const CLIP: f64 = 10.0;
/// Interquartile range of a normal distribution with standard deviation 1.
const NORMAL_IQR: f64 = 1.349;

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
}

impl Features {
    /// The features of one sample. Panics if `row` is out of range.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.data[row * self.width..(row + 1) * self.width]
    }
}

/// What is to be predicted, for each sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// Regression: standardized with the training rows' mean and standard deviation.
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

/// Encodes tables. See the [module](self) for what becomes of which column.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Encoder {
    format: u32,
    target: TargetCode,
    inputs: Vec<Input>,
    /// Columns of the training table that are not used, so that meeting them again is no news.
    dropped: Vec<String>,
    notes: Vec<String>,
}

/// How the target is encoded.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "task", rename_all = "lowercase")]
enum TargetCode {
    Regression { column: String, of: Kind, mean: f64, std: f64 },
    Classes { column: String, of: Kind, classes: Vec<String> },
}

/// How one column is encoded.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Input {
    column: String,
    #[serde(flatten)]
    code: Code,
    /// Whether a feature says that the value is missing.
    flag_missing: bool,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Code {
    Number(Scale),
    Date(Scale),
    Boolean {
        mean: f64,
    },
    Category {
        levels: Vec<String>,
        other: bool,
    },
    /// Only whether the value is there: all that are have the same.
    Presence {
        of: Kind,
    },
}

/// `z = (f(x) - mean) / std`, where f is the identity, or squashes tails.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Scale {
    mean: f64,
    std: f64,
    squash: Option<Squash>,
}

/// `f(x) = asinh((x - center) / scale)`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Squash {
    center: f64,
    scale: f64,
}

impl Squash {
    fn apply(self, value: f64) -> f64 {
        ((value - self.center) / self.scale).asinh()
    }
}

impl Scale {
    /// From known, finite values, not all equal; `None` if they differ too little for a standard deviation.
    fn fit(mut known: Vec<f64>) -> Option<Self> {
        let (mean, std) = mean_and_std(&known)?;
        let far = known.iter().any(|value| ((value - mean) / std).abs() > CLIP);
        if !far {
            return Some(Self { mean, std, squash: None });
        }
        known.sort_unstable_by(f64::total_cmp);
        let quantile = |share: f64| known[((known.len() - 1) as f64 * share).round() as usize];
        let spread = (quantile(0.75) - quantile(0.25)) / NORMAL_IQR;
        let squash = Squash {
            center: quantile(0.5),
            scale: if spread > 0.0 && spread.is_finite() { spread } else { std },
        };
        let squashed: Vec<f64> = known.iter().map(|&value| squash.apply(value)).collect();
        match mean_and_std(&squashed) {
            Some((mean, std)) => Some(Self { mean, std, squash: Some(squash) }),
            None => Some(Self { mean, std, squash: None }),
        }
    }

    fn apply(&self, value: f64) -> f32 {
        let value = self.squash.map_or(value, |squash| squash.apply(value));
        ((value - self.mean) / self.std).clamp(-CLIP, CLIP) as f32
    }
}

/// Mean and standard deviation (divided by n), in f64 and without overflow; `None` if the latter is not above 0.
fn mean_and_std(values: &[f64]) -> Option<(f64, f64)> {
    let largest = values.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return None;
    }
    let count = values.len() as f64;
    let mean = values.iter().map(|value| value / largest).sum::<f64>() / count;
    let variance = values.iter().map(|value| (value / largest - mean).powi(2)).sum::<f64>() / count;
    let (mean, std) = (mean * largest, variance.sqrt() * largest);
    // rounding noise around a large constant is no variation
    (std > 0.0 && std > largest * 1e-13).then_some((mean, std))
}

impl Input {
    fn kind(&self) -> Kind {
        match &self.code {
            Code::Number(_) => Kind::Number,
            Code::Date(_) => Kind::Date,
            Code::Boolean { .. } => Kind::Boolean,
            Code::Category { .. } => Kind::Category,
            Code::Presence { of } => *of,
        }
    }

    /// Features without the flag.
    fn values_width(&self) -> usize {
        match &self.code {
            Code::Number(_) | Code::Date(_) | Code::Boolean { .. } => 1,
            Code::Category { levels, other } => levels.len() + usize::from(*other),
            Code::Presence { .. } => 0,
        }
    }

    fn width(&self) -> usize {
        self.values_width() + usize::from(self.flag_missing)
    }

    fn names(&self) -> impl Iterator<Item = String> + '_ {
        let column = &self.column;
        let (own, levels, other): (_, &[String], _) = match &self.code {
            Code::Category { levels, other } => (None, levels, *other),
            Code::Presence { .. } => (None, &[], false),
            _ => (Some(column.clone()), &[], false),
        };
        own.into_iter()
            .chain(levels.iter().map(move |level| format!("{column} = {level}")))
            .chain(other.then(|| format!("{column} (other)")))
            .chain(self.flag_missing.then(|| format!("{column} (missing)")))
    }

    /// Fits one column on the training rows: how to encode it, or why not to.
    fn fit(column: &Column, train: &[usize], notes: &mut Vec<String>) -> std::result::Result<Self, String> {
        let name = &column.name;
        let values = select(&column.values, train);
        let missing = values.missing();
        let known = train.len() - missing;
        let distinct = distinct(&values);
        if known == 0 {
            return Err(format!("column {name:?} is left out: it has no values in training"));
        }
        if distinct == 1 && missing == 0 {
            let value = values.text(0).unwrap_or_default();
            return Err(format!("column {name:?} is left out: it is {value:?} in every training row"));
        }
        let constant = || format!("column {name:?} is left out: its values hardly differ");
        let code = match &values {
            _ if distinct == 1 => Code::Presence { of: values.kind() },
            Values::Number(numbers) | Values::Date(numbers) => {
                let numbers: Vec<f64> = numbers.iter().copied().filter(|value| !value.is_nan()).collect();
                let is_number = values.kind() == Kind::Number;
                if is_number
                    && distinct == known
                    && is_key_name(name)
                    && numbers.iter().all(|value| value.fract() == 0.0)
                {
                    return Err(format!("column {name:?} is left out: it numbers the rows"));
                }
                let scale = Scale::fit(numbers).ok_or_else(constant)?;
                if scale.squash.is_some() {
                    notes.push(format!("column {name:?} has a heavy tail and is squashed with asinh"));
                }
                if is_number { Code::Number(scale) } else { Code::Date(scale) }
            }
            Values::Boolean(booleans) => {
                let ones = booleans.iter().flatten().filter(|&&value| value).count();
                Code::Boolean { mean: ones as f64 / known as f64 }
            }
            Values::Category { codes, levels } => {
                if distinct > KEY_LEVELS && distinct * 2 > known {
                    return Err(format!(
                        "column {name:?} is left out: {distinct} different texts in {known} rows, like names or keys"
                    ));
                }
                let (levels, merged) = frequent_levels(codes, levels);
                if merged > 0 {
                    notes.push(format!(
                        "column {name:?}: {merged} rare levels of {distinct} are taken together as \"other\""
                    ));
                }
                if levels.is_empty() && missing == 0 {
                    return Err(format!("column {name:?} is left out: no text in it occurs twice"));
                }
                Code::Category { levels, other: merged > 0 }
            }
        };
        if missing > 0 {
            notes.push(format!(
                "column {name:?} misses {missing} of {} training values; a feature of its own says where",
                train.len()
            ));
        }
        Ok(Self { column: name.clone(), code, flag_missing: missing > 0 })
    }

    /// Writes the features of some rows into their places: `out` begins at this input's first feature, `stride` apart.
    fn encode(&self, values: &Values, rows: &[usize], out: &mut [f32], stride: usize) {
        let flag = self.flag_missing.then(|| self.values_width());
        let slots = rows.iter().zip(out.chunks_mut(stride));
        match (&self.code, values) {
            (Code::Number(scale) | Code::Date(scale), Values::Number(numbers) | Values::Date(numbers)) => {
                for (&row, slot) in slots {
                    // a missing number stays 0, the mean
                    if !numbers[row].is_nan() {
                        slot[0] = scale.apply(numbers[row]);
                    } else if let Some(flag) = flag {
                        slot[flag] = 1.0;
                    }
                }
            }
            (Code::Boolean { mean }, Values::Boolean(booleans)) => {
                for (&row, slot) in slots {
                    slot[0] = booleans[row].map_or(*mean as f32, |value| f32::from(u8::from(value)));
                    if let (None, Some(flag)) = (booleans[row], flag) {
                        slot[flag] = 1.0;
                    }
                }
            }
            (Code::Category { levels: kept, other }, Values::Category { codes, levels }) => {
                let place: HashMap<&str, usize> =
                    kept.iter().enumerate().map(|(place, level)| (level.as_str(), place)).collect();
                // an unseen level is "other" where training knew such rows; elsewhere all zero, for no weight was ever trained for it
                let other = other.then_some(kept.len());
                let place: Vec<Option<usize>> =
                    levels.iter().map(|level| place.get(level.as_str()).copied().or(other)).collect();
                for (&row, slot) in slots {
                    if let Some(place) = codes[row].map_or(flag, |code| place[code as usize]) {
                        slot[place] = 1.0;
                    }
                }
            }
            (Code::Presence { .. }, values) => {
                for (&row, slot) in slots {
                    slot[0] = f32::from(u8::from(!values.is_valid(row)));
                }
            }
            (code, values) => unreachable!("{} was coerced before: {code:?}", values.kind()),
        }
    }
}

/// The values of some rows.
fn select(values: &Values, rows: &[usize]) -> Values {
    match values {
        Values::Number(values) => Values::Number(rows.iter().map(|&row| values[row]).collect()),
        Values::Date(values) => Values::Date(rows.iter().map(|&row| values[row]).collect()),
        Values::Boolean(values) => Values::Boolean(rows.iter().map(|&row| values[row]).collect()),
        Values::Category { codes, levels } => {
            Values::Category { codes: rows.iter().map(|&row| codes[row]).collect(), levels: levels.clone() }
        }
    }
}

/// A name that people give to a column that numbers its rows.
fn is_key_name(name: &str) -> bool {
    let name = name.to_lowercase();
    ["id", "index", "idx", "row", "rowid", "row number", "unnamed: 0", "c1", "no", "nr"]
        .contains(&name.as_str())
        || name.ends_with("_id")
        || name.ends_with(" id")
}

/// The levels worth a feature of their own, sorted, and how many others occur.
fn frequent_levels(codes: &[Option<u32>], levels: &[String]) -> (Vec<String>, usize) {
    let mut counts = vec![0usize; levels.len()];
    for &code in codes.iter().flatten() {
        counts[code as usize] += 1;
    }
    let occurring = counts.iter().filter(|&&count| count > 0).count();
    let mut frequent: Vec<usize> = (0..levels.len()).filter(|&level| counts[level] >= RAREST_LEVEL).collect();
    // levels are sorted, so that ties go to the earlier in the alphabet on every machine
    frequent.sort_by_key(|&level| (std::cmp::Reverse(counts[level]), level));
    frequent.truncate(MOST_LEVELS);
    frequent.sort_unstable();
    let merged = occurring - frequent.len();
    (frequent.into_iter().map(|level| levels[level].clone()).collect(), merged)
}

impl Encoder {
    /// Fits an encoder on the training rows of a table, and on nothing else.
    ///
    /// # Errors
    /// [`Error::NoFeatures`] if every column but the target is left out; [`Error::OneValue`] or [`Error::TargetMissing`] if the
    /// target is so in the training rows; [`Error::TargetNotNumber`] for regression on text. Panics if a row is out of range.
    pub fn fit(table: &Table, target: &Target, task: Task, train: &[usize]) -> Result<Self> {
        let target_column = &table.columns[target.index];
        let target = fit_target(table, target_column, task, train)?;
        let (mut inputs, mut dropped, mut notes, mut reasons) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for column in table.columns.iter().filter(|column| column.name != target_column.name) {
            match Input::fit(column, train, &mut notes) {
                Ok(input) => inputs.push(input),
                Err(reason) => {
                    dropped.push(column.name.clone());
                    reasons.push(reason);
                }
            }
        }
        if inputs.is_empty() {
            return Err(Error::NoFeatures { dropped: reasons });
        }
        notes.splice(0..0, reasons);
        Ok(Self { format: FORMAT, target, inputs, dropped, notes })
    }

    /// The task, with the number of classes that the training rows have.
    pub fn task(&self) -> Task {
        match &self.target {
            TargetCode::Regression { .. } => Task::Regression,
            TargetCode::Classes { classes, .. } => Task::classes(classes.len()),
        }
    }

    /// Number of features of a sample.
    pub fn width(&self) -> usize {
        self.inputs.iter().map(Input::width).sum()
    }

    /// The names of the features, such as `age`, `colour = red`, `colour (other)`, `age (missing)`.
    pub fn names(&self) -> Vec<String> {
        self.inputs.iter().flat_map(Input::names).collect()
    }

    /// The columns that are used, in the order of their features.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().map(|input| input.column.as_str())
    }

    /// The name of the target column.
    pub fn target(&self) -> &str {
        match &self.target {
            TargetCode::Regression { column, .. } | TargetCode::Classes { column, .. } => column,
        }
    }

    /// The names of the classes, in the order of their codes; empty for regression.
    pub fn classes(&self) -> &[String] {
        match &self.target {
            TargetCode::Regression { .. } => &[],
            TargetCode::Classes { classes, .. } => classes,
        }
    }

    /// What was decided on fitting, one sentence each (columns left out, levels merged).
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// How to read a table for this encoder, so that its columns get the types they had in training: a file with three rows
    /// may hold nothing but numbers in a column of text.
    pub fn read_options(&self) -> ReadOptions {
        let mut kinds: BTreeMap<String, Kind> =
            self.inputs.iter().map(|input| (input.column.clone(), input.kind())).collect();
        let (TargetCode::Regression { column, of, .. } | TargetCode::Classes { column, of, .. }) =
            &self.target;
        kinds.insert(column.clone(), *of);
        ReadOptions { kinds, ..ReadOptions::default() }
    }

    /// Encodes rows of a table. Columns are found by name; the target may be absent; columns that were not there in training
    /// are ignored with a note.
    ///
    /// # Errors
    /// [`Error::MissingColumns`] naming all of them; [`Error::TypeChanged`] naming column and line. Panics if a row is out of
    /// range.
    pub fn encode(&self, table: &Table, rows: &[usize]) -> Result<Features> {
        let by_name: HashMap<&str, &Column> =
            table.columns.iter().map(|column| (column.name.as_str(), column)).collect();
        let lacking = self.columns().filter(|column| !by_name.contains_key(column));
        let lacking: Vec<String> = lacking.map(str::to_owned).collect();
        if !lacking.is_empty() {
            return Err(Error::MissingColumns { names: lacking });
        }
        let width = self.width();
        let mut data = vec![0.0; rows.len() * width];
        let mut first = 0;
        for input in &self.inputs {
            let values = typed(table, by_name[input.column.as_str()], input.kind())?;
            if !rows.is_empty() {
                input.encode(&values, rows, &mut data[first..], width);
            }
            first += input.width();
        }
        Ok(Features { rows: rows.len(), width, data, names: self.names(), notes: self.ignored(table) })
    }

    fn ignored(&self, table: &Table) -> Vec<String> {
        let used: HashSet<&str> =
            self.columns().chain(self.dropped.iter().map(String::as_str)).chain([self.target()]).collect();
        let extra: Vec<&str> = table
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .filter(|name| !used.contains(name))
            .collect();
        if extra.is_empty() {
            return Vec::new();
        }
        vec![format!("columns that the model was not trained with are ignored: {}", list(extra.into_iter()))]
    }

    /// Encodes the target of rows of a table.
    ///
    /// # Errors
    /// [`Error::NoSuchColumn`]; [`Error::TargetMissing`]; [`Error::UnknownClass`]; [`Error::TypeChanged`]. Panics if a row is
    /// out of range.
    pub fn encode_target(&self, table: &Table, rows: &[usize]) -> Result<Targets> {
        let column = table.column(self.target())?;
        check_known(table, column, rows)?;
        match &self.target {
            TargetCode::Regression { of, mean, std, .. } => {
                let values = typed(table, column, *of)?;
                // f32 ends at 3e38; a target that far out is an error of the data that the loss will show
                let code = |value: f64| ((value - mean) / std).clamp(-1e30, 1e30) as f32;
                Ok(Targets::Values(rows.iter().map(|&row| code(as_number(&values, row))).collect()))
            }
            TargetCode::Classes { column: name, of, classes } => {
                let values = typed(table, column, *of)?;
                let code: HashMap<&str, u32> =
                    classes.iter().enumerate().map(|(code, class)| (class.as_str(), code as u32)).collect();
                let codes = rows.iter().map(|&row| {
                    let text = values.text(row).unwrap_or_default();
                    code.get(text.as_str()).copied().ok_or_else(|| Error::UnknownClass {
                        column: name.clone(),
                        place: table.place(row),
                        value: text,
                        known: list(classes.iter().map(String::as_str)),
                    })
                });
                Ok(Targets::Classes(codes.collect::<Result<_>>()?))
            }
        }
    }

    /// The name of a class. Panics if `code` is not below the number of classes.
    pub fn decode_class(&self, code: u32) -> &str {
        &self.classes()[code as usize]
    }

    /// A standardized prediction in the target's own unit (days since 1970-01-01 for a date); as it is for classes.
    pub fn invert_target(&self, standardized: f32) -> f64 {
        match &self.target {
            TargetCode::Regression { mean, std, .. } => f64::from(standardized) * std + mean,
            TargetCode::Classes { .. } => f64::from(standardized),
        }
    }

    /// The standard deviation of the target on the training rows, in its own unit; 1 for classes. An error of standardized
    /// targets times this is an error in the target's unit.
    pub fn target_scale(&self) -> f64 {
        match &self.target {
            TargetCode::Regression { std, .. } => *std,
            TargetCode::Classes { .. } => 1.0,
        }
    }
}

fn fit_target(table: &Table, column: &Column, task: Task, train: &[usize]) -> Result<TargetCode> {
    check_known(table, column, train)?;
    let one_value = || Error::OneValue {
        column: column.name.clone(),
        value: train.first().and_then(|&row| column.values.text(row)).unwrap_or_default(),
    };
    let (name, of) = (column.name.clone(), column.values.kind());
    if task.is_classification() {
        let classes = class_texts(&column.values, train);
        if classes.len() < 2 {
            return Err(one_value());
        }
        return Ok(TargetCode::Classes { column: name, of, classes });
    }
    if let (Values::Category { .. }, Some(&row)) = (&column.values, train.first()) {
        let value = column.values.text(row).unwrap_or_default();
        return Err(Error::TargetNotNumber { column: name, place: table.place(row), value });
    }
    let values: Vec<f64> = train.iter().map(|&row| as_number(&column.values, row)).collect();
    let (mean, std) = mean_and_std(&values).ok_or_else(one_value)?;
    Ok(TargetCode::Regression { column: name, of, mean, std })
}

/// A number, a date or a boolean as a number; NaN where missing.
fn as_number(values: &Values, row: usize) -> f64 {
    match values {
        Values::Number(values) | Values::Date(values) => values[row],
        Values::Boolean(values) => values[row].map_or(f64::NAN, |value| f64::from(u8::from(value))),
        Values::Category { .. } => f64::NAN,
    }
}

fn check_known(table: &Table, column: &Column, rows: &[usize]) -> Result<()> {
    let mut missing = rows.iter().filter(|&&row| !column.values.is_valid(row));
    match missing.next() {
        None => Ok(()),
        Some(&first) => {
            let count = 1 + missing.count();
            Err(Error::TargetMissing { column: column.name.clone(), count, place: table.place(first) })
        }
    }
}

/// The values of a column as the type they had in training.
fn typed<'a>(table: &Table, column: &'a Column, kind: Kind) -> Result<Cow<'a, Values>> {
    let place = |row| table.place(row);
    coerce(&column.values, kind, &Context { column: &column.name, place: &place, infinity_is_missing: false })
}

/// The encoder of a run, whatever its data. Saved as JSON with a `kind` and a `format`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum AnyEncoder {
    /// For tables.
    Table(Encoder),
    /// For images.
    Images(ImageEncoder),
}

impl AnyEncoder {
    /// The task.
    pub fn task(&self) -> Task {
        match self {
            AnyEncoder::Table(encoder) => encoder.task(),
            AnyEncoder::Images(encoder) => encoder.task(),
        }
    }

    /// Number of features of a sample.
    pub fn width(&self) -> usize {
        match self {
            AnyEncoder::Table(encoder) => encoder.width(),
            AnyEncoder::Images(encoder) => encoder.shape().iter().product(),
        }
    }

    /// The names of the classes, in the order of their codes; empty for regression.
    pub fn classes(&self) -> &[String] {
        match self {
            AnyEncoder::Table(encoder) => encoder.classes(),
            AnyEncoder::Images(encoder) => encoder.classes(),
        }
    }

    /// The name of the target column; `label` for images.
    pub fn target(&self) -> &str {
        match self {
            AnyEncoder::Table(encoder) => encoder.target(),
            AnyEncoder::Images(_) => "label",
        }
    }

    /// What was decided on fitting, one sentence each.
    pub fn notes(&self) -> &[String] {
        match self {
            AnyEncoder::Table(encoder) => encoder.notes(),
            AnyEncoder::Images(_) => &[],
        }
    }

    /// How to read data for this encoder.
    pub fn read_options(&self) -> ReadOptions {
        match self {
            AnyEncoder::Table(encoder) => encoder.read_options(),
            AnyEncoder::Images(_) => ReadOptions::default(),
        }
    }

    /// `[channels, height, width]` for images, `None` for tables.
    pub fn image_shape(&self) -> Option<[usize; 3]> {
        match self {
            AnyEncoder::Table(_) => None,
            AnyEncoder::Images(encoder) => Some(encoder.shape()),
        }
    }

    /// Encodes rows.
    ///
    /// # Errors
    /// [`Error::OtherKind`] for images where a table was expected or the reverse; else those of the encoder.
    pub fn encode(&self, loaded: &Loaded, rows: &[usize]) -> Result<Features> {
        match (self, loaded) {
            (AnyEncoder::Table(encoder), Loaded::Table(table)) => encoder.encode(table, rows),
            (AnyEncoder::Images(encoder), Loaded::Images(images)) => encoder.encode(images, rows),
            _ => Err(self.other_kind()),
        }
    }

    /// Encodes the target of rows.
    ///
    /// # Errors
    /// As [`AnyEncoder::encode`].
    pub fn encode_target(&self, loaded: &Loaded, rows: &[usize]) -> Result<Targets> {
        match (self, loaded) {
            (AnyEncoder::Table(encoder), Loaded::Table(table)) => encoder.encode_target(table, rows),
            (AnyEncoder::Images(encoder), Loaded::Images(images)) => encoder.encode_target(images, rows),
            _ => Err(self.other_kind()),
        }
    }

    fn other_kind(&self) -> Error {
        match self {
            AnyEncoder::Table(_) => Error::OtherKind { expected: "a table", found: "images" },
            AnyEncoder::Images(_) => Error::OtherKind { expected: "images", found: "a table" },
        }
    }

    /// The name of a class. Panics if `code` is not below the number of classes.
    pub fn decode_class(&self, code: u32) -> &str {
        &self.classes()[code as usize]
    }

    /// A standardized prediction in the target's own unit; as it is for classes.
    pub fn invert_target(&self, standardized: f32) -> f64 {
        match self {
            AnyEncoder::Table(encoder) => encoder.invert_target(standardized),
            AnyEncoder::Images(_) => f64::from(standardized),
        }
    }

    /// The standard deviation of the target on the training rows, in its own unit; 1 for classes.
    pub fn target_scale(&self) -> f64 {
        match self {
            AnyEncoder::Table(encoder) => encoder.target_scale(),
            AnyEncoder::Images(_) => 1.0,
        }
    }

    /// As indented JSON. [`AnyEncoder::from_json`] gives back the same bits.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("an encoder holds only finite numbers and text")
    }

    /// From JSON.
    ///
    /// # Errors
    /// [`Error::EncoderFormat`] for another version's; [`Error::EncoderJson`] for anything that is no encoder.
    pub fn from_json(text: &str) -> Result<Self> {
        let unreadable = |error: serde_json::Error| Error::EncoderJson { reason: error.to_string() };
        #[derive(serde::Deserialize)]
        struct Version {
            format: u32,
        }
        // first the version alone: the rest of another version's encoder may not parse at all
        let Version { format } = serde_json::from_str(text).map_err(unreadable)?;
        if format != FORMAT {
            return Err(Error::EncoderFormat { found: format, expected: FORMAT });
        }
        serde_json::from_str(text).map_err(unreadable)
    }
}
