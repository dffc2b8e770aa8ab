//! `steepest explain`.

use super::options::word_parser;
use super::parse::{at_least_one, seconds};
use super::reading::NewRows;
use clap::{Args as ClapArgs, ValueHint};
use std::path::PathBuf;
use steepest_train::explain::{Method, Scale};

/// Say what a trained network goes by
///
/// What each column adds to each output of each row, as Shapley values against a hundred training rows that the run keeps:
/// exact where all coalitions of columns fit into the time, else estimated, with the error of it. Base and values always add up to
/// the output. RUN/explain-0001 gets explanations.csv (row, output, column, value, standard_error), explanations.jsonl, activations.csv (the network's own
/// outputs) and the pictures, and RUN/report.html a section.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = concat!(
    "Examples:\n",
    "  steepest explain runs/houses-0001                       its own test rows\n",
    "  steepest explain runs/houses-0001 new.csv               new rows\n",
    "  steepest explain runs/houses-0001 --scale probability --max-time 1m\n",
    "  steepest explain runs/houses-0001 --join width,length   two columns as one",
))]
pub struct Explain {
    /// A run directory, as `steepest fit` named it at its end
    #[arg(value_hint = ValueHint::DirPath)]
    pub run: PathBuf,
    /// Rows to explain: a file, several as one table, or an embedded data set [default: the run's test rows, at most 100]
    #[arg(value_hint = ValueHint::FilePath)]
    pub data: Vec<String>,
    /// The question: `shapley`, what a column adds over all orders; `path`, what is gained on the way from usual rows; `lime`,
    /// a line through the neighbourhood; `linear`, the network's own slopes at the row [default: shapley, path for images]
    #[arg(long, value_name = "METHOD", value_parser = word_parser::<Method>(), hide_possible_values = true)]
    pub method: Option<Method>,
    /// The unit of classes: `usual` is log odds, `probability` [default: usual]
    #[arg(long, value_name = "SCALE", value_parser = word_parser::<Scale>(), hide_possible_values = true)]
    pub scale: Option<Scale>,
    /// How long explaining may take; it becomes a number of evaluations, which is printed [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub max_time: Option<f64>,
    /// The most coalitions of columns for each row, instead of a time: the same number gives the same bits
    #[arg(long, value_name = "N", value_parser = at_least_one, conflicts_with = "max_time")]
    pub evaluations: Option<u64>,
    /// Columns that count as one, as `a,b`, several times; or `auto` for those that go together (|r| above 0.8)
    #[arg(long, value_name = "COLUMNS")]
    pub join: Vec<String>,
    /// Rows to compare with, at most 100 of them [default: those that the run keeps]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub background: Option<String>,
    /// The seed of all draws [default: 0]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub seed: u64,
    /// Threads; the result does not depend on it [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    #[command(flatten)]
    pub rows: NewRows,
    /// Print one JSON object on stdout: where the files are, and what the columns are worth
    #[arg(long)]
    pub json: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short)]
    pub quiet: bool,
}
