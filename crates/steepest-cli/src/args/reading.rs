//! How data is read: how cells are written, and rows for a run that there is.

use super::options::word_parser;
use clap::{Args as ClapArgs, ValueHint};
use std::path::PathBuf;
use steepest_data::{Conventions, DateOrder, Decimal, Thousands};
use steepest_train::{Bytes, PredictOptions};

/// What is known about how cells are written.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Reading {
    /// The encoding of a file of text, such as utf-8 or windows-1252 [default: its bytes tell]
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// The decimal mark, `point` or `comma`, where a column alone does not tell
    #[arg(long, value_name = "MARK", value_parser = word_parser::<Decimal>())]
    pub decimal: Option<Decimal>,
    /// The mark between groups of three digits: `comma`, `point`, `blank`, `apostrophe`
    #[arg(long, value_name = "MARK", value_parser = word_parser::<Thousands>())]
    pub thousands: Option<Thousands>,
    /// What comes first in 03/11/2023: `day_first`, `month_first`, `year_first`
    #[arg(long, value_name = "ORDER", value_parser = word_parser::<DateOrder>())]
    pub date_order: Option<DateOrder>,
}

impl Reading {
    pub fn conventions(&self) -> Conventions {
        Conventions { decimal: self.decimal, thousands: self.thousands, dates: self.date_order }
    }
}

/// How rows for a run that there is are read.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct NewRows {
    /// The labels of IDX images [default: found beside them]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub labels: Option<PathBuf>,
    #[command(flatten)]
    pub reading: Reading,
    /// The most memory that the data may need, such as 2G [default: 60 % of what is available]
    #[arg(long, value_name = "SIZE")]
    pub max_memory: Option<Bytes>,
    /// A cell that does not read is an error
    #[arg(long)]
    pub strict: bool,
}

impl NewRows {
    pub fn options(&self) -> PredictOptions {
        PredictOptions {
            labels: self.labels.clone(),
            conventions: self.reading.conventions(),
            encoding: self.reading.encoding.clone(),
            strict: self.strict,
            max_memory: self.max_memory.map(|bytes| bytes.0),
            ..PredictOptions::default()
        }
    }
}
