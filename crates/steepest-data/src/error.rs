//! What can be wrong with data. Every variant carries where, what was expected and what was found, and its
//! message ends with what to do.

use std::path::PathBuf;

use crate::place::Place;
pub(crate) use crate::shown::{list, shown, shown_path};
use crate::shown::{memory_text, sentences};

/// The most characters of what another library says is wrong, which quotes the file.
const REASON: usize = 300;

/// The result of everything in this crate that reads or checks data.
pub type Result<T> = std::result::Result<T, Error>;

/// What was wrong with the data, where, and what to do about it.
///
/// Lines and rows count from 1 in messages; a line is a line of the file (the header is line 1), a row is a
/// sample.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // of the fields: each variant's message says what they are
pub enum Error {
    /// Nothing lies at this path.
    #[error("{} does not exist; check the path, or name an embedded data set: {known}", shown_path(path))]
    NoSuchFile { path: PathBuf, known: String },

    /// The path is a folder.
    #[error("{} is a directory; name a file inside it{hint}", shown_path(path))]
    IsDirectory { path: PathBuf, hint: String },

    /// The operating system refused.
    #[error("{} cannot be read: {source}; check that you may read it", shown_path(path))]
    Io { path: PathBuf, source: std::io::Error },

    /// No embedded data set of this name, and no such file.
    #[error("no embedded data set is called {name:?}{}; known: {known}", suggestion(.nearest), name = shown(name))]
    NoSuchBuiltin { name: String, nearest: Option<String>, known: String },

    /// A pattern of paths that no file matches.
    #[error("no file matches {pattern:?}; check the pattern, in which * stands for any part of a name", pattern = shown(pattern))]
    NoFiles { pattern: String },

    /// A pattern of paths that is none.
    #[error(
        "{pattern:?} is no pattern of paths: {reason}; correct it, or put a sign that is meant itself in brackets, such as [*]", pattern = shown(pattern), reason = shown(reason).at_most(REASON)
    )]
    Pattern { pattern: String, reason: String },

    /// One of several files has other columns than the first.
    #[error("{} has other columns than {first}: it lacks {lacks} and adds {adds}; files that are read as one table have the same columns", shown_path(path), first = shown(first).as_path())]
    OtherColumns { path: PathBuf, first: String, lacks: String, adds: String },

    /// A file without a single byte, or with a header and nothing else.
    #[error("{} holds no rows ({found}); give a table with a header and at least one row", shown_path(path))]
    Empty { path: PathBuf, found: &'static str },

    /// The bytes are of another format than the name or the header says.
    #[error("{} should be {expected} but holds {found}; {advice}", shown_path(path))]
    WrongFormat { path: PathBuf, expected: &'static str, found: &'static str, advice: &'static str },

    /// A format that is recognised and not read.
    #[error("{} holds {found}, which is not read here; convert it to CSV, Parquet or IDX", shown_path(path))]
    UnsupportedFormat { path: PathBuf, found: String },

    /// Bytes in a text file that no text has.
    #[error(
        "{} line {line}: a byte of value zero, so this is not text; convert the file to CSV in UTF-8",
        shown_path(path)
    )]
    BinaryBytes { path: PathBuf, line: u64 },

    /// Text in another encoding.
    #[error(
        "{} line {line}: not UTF-8 (column {column}), where other lines are; save the file as UTF-8, or say in which encoding it is",
        shown_path(path)
    )]
    NotUtf8 { path: PathBuf, line: u64, column: usize },

    /// Bytes that are no text in the encoding of the file.
    #[error(
        "{} line {line}: bytes that are no text in {encoding}; say in which encoding the file is, or save it as UTF-8",
        shown_path(path)
    )]
    NotDecoded { path: PathBuf, line: u64, encoding: &'static str },

    /// No encoding has this label.
    #[error("no encoding is called {label:?}{}; name one of the Encoding Standard, such as utf-8, utf-16le or windows-1252", suggestion(.nearest), label = shown(label))]
    NoSuchEncoding { label: String, nearest: Option<String> },

    /// JSON that is not a table.
    #[error("{} line {line}: {reason}; expected {expected}", shown_path(path), reason = shown(reason).at_most(REASON))]
    Json { path: PathBuf, line: u64, reason: String, expected: &'static str },

    /// A record with more or fewer fields than the header.
    #[error(
        "{} line {line}: {found} fields where the first line has {expected}{hint}; mend the line, or quote the separators inside its fields",
        shown_path(path)
    )]
    RaggedRow { path: PathBuf, line: u64, expected: usize, found: usize, hint: &'static str },

    /// One record larger than the reader is willing to hold.
    #[error(
        "{} line {line}: a record longer than {limit} bytes; is it a table, and is every quote closed?",
        shown_path(path)
    )]
    RecordTooLong { path: PathBuf, line: u64, limit: usize },

    /// A quote that opens and never closes.
    #[error("{} line {line}: a quote in this record is never closed; close or double it", shown_path(path))]
    UnclosedQuote { path: PathBuf, line: u64 },

    /// More memory than is allowed for what is read.
    #[error("{} needs about {} of memory and {} is allowed; read a sample of its rows, or allow more", shown_path(path), memory_text(*needed), memory_text(*allowed))]
    TooLarge { path: PathBuf, needed: u64, allowed: u64 },

    /// A compressed file that is nearly nothing, many times over.
    #[error(
        "{} expands more than {most} : 1, from {packed} to {unpacked} bytes so far, as no table does; unpack it first if it is meant",
        shown_path(path)
    )]
    ExpandsTooMuch { path: PathBuf, packed: u64, unpacked: u64, most: u64 },

    /// More columns than any table here is meant to have.
    #[error("{} has {found} columns, more than {limit}; select columns first", shown_path(path))]
    TooManyColumns { path: PathBuf, found: usize, limit: usize },

    /// Two columns of one name.
    #[error("{}: columns {first} and {second} are both called {name:?}; rename one", shown_path(path), name = shown(name))]
    DuplicateColumn { path: PathBuf, name: String, first: usize, second: usize },

    /// Infinity in a column of numbers.
    #[error(
        "column {column:?}, {place}: {value:?} is infinite; correct it, leave the cell empty, or ask for infinities to count as missing", column = shown(column), value = shown(value)
    )]
    Infinite { column: String, place: Place, value: String },

    /// A cell that does not read as what its column is, where that is not to be passed over.
    #[error(
        "column {column:?}, {place}: {value:?} does not read as {expected}; correct the cell, or read the column as something else", column = shown(column), value = shown(value)
    )]
    Unreadable { column: String, place: Place, value: String, expected: Kind },

    /// A column of numbers whose mark may be a decimal mark or group thousands.
    #[error(
        "column {column:?}, {place}: {value:?} may be {} or {}, and nothing else in the column tells; say which mark is the decimal one, or which groups thousands", shown(&either[0]), shown(&either[1])
    )]
    AmbiguousNumber { column: String, place: Place, value: String, either: Box<[String; 2]> },

    /// A column of dates in which the day may be the month.
    #[error(
        "column {column:?}, {place}: {value:?} may have the day first or the month first, and nothing else in the column tells; say which", column = shown(column), value = shown(value)
    )]
    AmbiguousDate { column: String, place: Place, value: String },

    /// A column in which some dates have the day first and others the month first.
    #[error(
        "column {column:?} has both {day_first:?}, where the day comes first, and {month_first:?}, where the month does; write all dates one way, leave the column out, or have it read as a category", column = shown(column), day_first = shown(day_first), month_first = shown(month_first)
    )]
    MixedDates { column: String, day_first: String, month_first: String },

    /// A cell that is written in another way than its column was in training.
    #[error(
        "column {column:?}, {place}: {value:?} is written in another way than in training, or than is said of this column: {expected}; write it so, or train again", column = shown(column), value = shown(value)
    )]
    OtherNotation { column: String, place: Place, value: String, expected: String },

    /// A number with marks, for an encoder that does not know what they mean.
    #[error(
        "column {column:?}, {place}: {value:?} has marks that this model, trained by an older version, does not know; write it with digits and a decimal point, or train again", column = shown(column), value = shown(value)
    )]
    MarkedNumber { column: String, place: Place, value: String },

    /// No column of this name.
    #[error("no column is called {name:?}{}; columns: {known}", suggestion(.nearest), name = shown(name))]
    NoSuchColumn { name: String, nearest: Option<String>, known: String },

    /// A column that is to be two things.
    #[error("column {column:?} has two roles, {first} and {second}; give it one", column = shown(column))]
    TwoRoles { column: String, first: String, second: String },

    /// A split that is to be by groups and by time.
    #[error("rows cannot be split by the group {group:?} and by the time {time:?} at once; choose one", group = shown(group), time = shown(time))]
    GroupAndTime { group: String, time: String },

    /// A weight that no row can have.
    #[error(
        "the weight {column:?}, {place}: {value} is no weight; weights are finite numbers of at least 0, and not all 0", column = shown(column), value = shown(value)
    )]
    BadWeight { column: String, place: Place, value: String },

    /// A schema file that is not one.
    #[error("{name}: {reason}; write one with the schema of the data, and edit that", name = shown(name).as_path(), reason = shown(reason).at_most(REASON))]
    Schema { name: String, reason: String },

    /// Columns that the encoder was fitted with and that a table lacks.
    #[error("the table lacks {} of the columns that the model was trained with: {}; add them, empty where unknown", names.len(), list(names.iter().map(String::as_str)))]
    MissingColumns { names: Vec<String> },

    /// A compressed file that ends too soon or is damaged.
    #[error("{} is damaged or cut short: {reason}; fetch the file again", shown_path(path), reason = shown(reason).at_most(REASON))]
    Damaged { path: PathBuf, reason: String },

    /// IDX: what the header promises is not what follows.
    #[error(
        "{}: the header promises {expected} bytes of data and {found} follow; fetch the file again",
        shown_path(path)
    )]
    IdxLength { path: PathBuf, expected: u64, found: u64 },

    /// IDX: images and labels do not belong together.
    #[error(
        "{} holds {images} images and {} holds {labels} labels; name the labels that belong to these images",
        shown_path(images_path),
        shown_path(labels_path)
    )]
    IdxCounts { images_path: PathBuf, images: usize, labels_path: PathBuf, labels: usize },

    /// IDX of the wrong rank or element type.
    #[error("{} is IDX with {found}, expected {expected}; {advice}", shown_path(path))]
    IdxShape { path: PathBuf, found: String, expected: &'static str, advice: &'static str },

    /// Images that training needs labels for.
    #[error("{name} has no labels{tried}; name the file that holds them", name = shown(name).as_path())]
    NoLabels { name: String, tried: String },

    /// Too little to split and learn from.
    #[error("{rows} rows are too few to learn from, at least {needed} are needed; add rows")]
    TooFewRows { rows: usize, needed: usize },

    /// The target is unknown for some rows.
    #[error(
        "the target {column:?} is missing in {count} rows, first in {place}; remove these rows or fill them in", column = shown(column)
    )]
    TargetMissing { column: String, count: usize, place: Place },

    /// The target is the same in every row.
    #[error(
        "the target {column:?} is {value:?} in every row, so there is nothing to learn; choose another target", column = shown(column), value = shown(value)
    )]
    OneValue { column: String, value: String },

    /// Regression was asked for and the target is text.
    #[error(
        "the target {column:?} is not a number, {place} holds {value:?}; ask for classes or choose another target", column = shown(column), value = shown(value)
    )]
    TargetNotNumber { column: String, place: Place, value: String },

    /// Classes were asked for, or text was found, and nearly every row has its own.
    #[error("the target {column:?} has {classes} classes in {rows} rows; {advice}", column = shown(column))]
    TooManyClasses { column: String, classes: usize, rows: usize, advice: &'static str },

    /// A class that the encoder was not fitted with.
    #[error("the target {column:?}, {place}: class {value:?} was not seen in training; known: {known}", column = shown(column), value = shown(value))]
    UnknownClass { column: String, place: Place, value: String, known: String },

    /// Nothing to learn from: every column but the target was left out.
    #[error("no column is left to learn from: {}; add columns that vary", reasons(dropped))]
    NoFeatures { dropped: Vec<String> },

    /// Fractions that leave nothing to train on.
    #[error(
        "validation {validation} and test {test} must each be at least 0 and together less than 1; choose smaller parts"
    )]
    Fractions { validation: f64, test: f64 },

    /// A part of the split that should hold rows and holds none.
    #[error(
        "{rows} rows leave none for {part} at a fraction of {fraction}; add rows or enlarge the fraction"
    )]
    EmptyPart { rows: usize, part: &'static str, fraction: f64 },

    /// Too few groups for a part of the split.
    #[error(
        "the {groups} groups of {column:?} leave none for {part}; add groups, or make the other parts smaller", column = shown(column)
    )]
    FewGroups { column: String, groups: usize, part: &'static str },

    /// Something is wrong in a part of the data that lies elsewhere.
    #[error("in {part}: {error}")]
    InPart { part: &'static str, error: Box<Error> },

    /// A batch of zero samples.
    #[error(
        "a batch of {size} samples cannot be taken from {samples} samples; choose at least 1 of at least 1"
    )]
    BatchSize { size: usize, samples: usize },

    /// Images of another size than the encoder was fitted with.
    #[error(
        "images of {found} (channels x height x width) where the model was trained with {expected}; resize them"
    )]
    ImageShape { expected: String, found: String },

    /// A table where images were expected, or the reverse.
    #[error(
        "the model was trained with {expected} and this is {found}; name data of the kind it was trained with"
    )]
    OtherKind { expected: &'static str, found: &'static str },

    /// An encoder written by another version.
    #[error(
        "the encoder has format {found}, this program reads {expected}; train again or use the matching version"
    )]
    EncoderFormat { found: u32, expected: u32 },

    /// An encoder file that is not one.
    #[error("the encoder cannot be read: {reason}; it should be the file that training wrote", reason = shown(reason).at_most(REASON))]
    EncoderJson { reason: String },
}

fn reasons(dropped: &[String]) -> String {
    if dropped.is_empty() { "there is none beside the target".to_owned() } else { sentences(dropped) }
}

fn suggestion(name: &Option<String>) -> String {
    name.as_ref().map(|name| format!(", did you mean {:?}?", shown(name))).unwrap_or_default()
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Numbers.
    Number,
    /// Text with levels.
    Category,
    /// True or false.
    Boolean,
    /// A date or a time.
    Date,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Number => "a number",
            Kind::Category => "a category",
            Kind::Boolean => "true or false",
            Kind::Date => "a date",
        })
    }
}
