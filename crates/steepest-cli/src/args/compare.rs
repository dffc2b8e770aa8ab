//! What `compare` takes.

use super::fit::Fit;
use super::parse::optimizers;
use clap::Args as ClapArgs;

/// Compare optimizers on a table, each with a learning rate chosen for it
///
/// Deals the rows into folds and holds each back once. On the other rows each optimizer has its rate chosen by validation rows,
/// with about the same seconds for all of them, and trains to its end; the rows held back, which no choice has seen, say how good it
/// is, beside the baseline row by row. Optimizers that find their own step size, or go without a schedule, run as they are and
/// tuned. Says first whether anything can be told apart. Takes the options of `fit`, but for --optimizer and --lr.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = concat!(
    "Examples:\n",
    "  steepest compare houses.csv --target price --optimizers adamw,sgd,muon\n",
    "  steepest compare digits --optimizers adamw,prodigy,schedule_free_adamw --trainings 3\n\n",
    "`steepest list optimizers` shows them all.\n\n",
    "Exit codes: 0 done, 1 a file could not be written, 2 bad input or usage, 130 stopped by Ctrl-C: `steepest resume RUN` goes on",
))]
pub struct Compare {
    #[command(flatten)]
    pub fit: Fit,
    /// What is compared, at least two
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        required = true,
        value_parser = optimizers(),
        help_heading = "Comparing"
    )]
    pub optimizers: Vec<String>,
    /// The one that the others are compared with [default: the first]
    #[arg(long, value_name = "NAME", value_parser = optimizers(), help_heading = "Comparing")]
    pub baseline: Option<String>,
    /// Folds into which the rows are dealt, each of which is held back once, at least 2
    #[arg(long, value_name = "K", default_value = "5", help_heading = "Comparing")]
    pub folds: usize,
    /// How often everything is done on each fold, each time from another start, at least 1
    #[arg(long, value_name = "N", default_value = "1", help_heading = "Comparing")]
    pub trainings: u64,
    /// Rates that are tried, 1 to 15: one number, or one for each optimizer [default: 7 for the baseline, and for the others what
    /// takes about as many seconds]
    #[arg(long, value_name = "COUNTS", value_delimiter = ',', help_heading = "Comparing")]
    pub rates: Vec<u64>,
    /// The validation loss whose reaching is counted [default: within 5 % of the baseline's lowest]
    #[arg(long, value_name = "LOSS", help_heading = "Comparing")]
    pub reach: Option<f64>,
}
