//! How to read a file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::error::Kind;

/// How to read a file. The default finds everything out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadOptions {
    /// CSV: the encoding, by a label of the Encoding Standard (`windows-1252`, `utf-16le`, `shift_jis`, ..). Default:
    /// UTF-8 where the bytes are, else found from them.
    pub encoding: Option<String>,
    /// CSV: how many lines at the beginning are no part of the table. Default: titles and comments are found.
    pub skip_lines: Option<usize>,
    /// CSV: what a line that is no part of the table begins with. Default: `#`, `//` or `%` where the file begins
    /// with such lines.
    pub comment: Option<String>,
    /// CSV: the separator, an ASCII character. Default: sniffed among comma, semicolon, tab and bar.
    pub delimiter: Option<u8>,
    /// CSV: whether the first record is a header. Default: yes, unless it looks like the data below it.
    pub header: Option<bool>,
    /// Types that columns must have, by name; a cell of another type is an error. Columns not named are
    /// inferred.
    pub kinds: BTreeMap<String, Kind>,
    /// Count infinities as missing. Default: they are an error.
    pub infinity_is_missing: bool,
    /// IDX: where the labels are.
    pub labels: Labels,
}

/// Where the labels of an IDX file of images are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Labels {
    /// Beside the images, by the usual names (`train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, with
    /// or without `.gz`); none, with a note, if there is no such file.
    #[default]
    Find,
    /// In this file.
    At(PathBuf),
    /// Do not look for any.
    None,
}
