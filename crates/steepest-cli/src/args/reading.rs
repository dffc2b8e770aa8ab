//! How cells are written.

use super::options::word_parser;
use clap::Args as ClapArgs;
use steepest_data::{Conventions, DateOrder, Decimal, Thousands};

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
