//! What `tune` takes.

use super::fit::Fit;
use clap::Args as ClapArgs;
use steepest_train::choose::Search;

/// Choose settings by cross-validation, and train with them
///
/// Keeps the test rows apart, deals the others into folds, trains every candidate a little on each of them, the best five elevenths
/// to a quarter and two elevenths to the end, and says which is best, which cannot be told from it, and at what cost. Then trains
/// with what was chosen, as `fit` does: the test scores are of rows that no choice has seen. Takes all options of `fit`.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = concat!(
    "Examples:\n",
    "  steepest tune houses.csv --target price                                  the learning rate\n",
    "  steepest tune houses.csv --target price --search weight_decay=1e-4..1:log\n",
    "  steepest tune digits --search 'hidden=64|128,64|256,256'\n",
    "  steepest tune digits --search lr --search dropout=0..0.5                 both at once, at random points\n\n",
    "`fit --lr auto` chooses the learning rate alone, at the cost of about one training more, or of seconds.\n\n",
    "Exit codes: 0 done, 1 the run failed, 2 bad input or usage, 130 stopped by Ctrl-C: `steepest resume RUN` goes on",
))]
pub struct Tune {
    #[command(flatten)]
    pub fit: Fit,
    /// A setting with the values to try: NAME=LOW..HIGH (add :log for decades), NAME=A|B|C, or lr alone for values round the usual
    /// one; several are searched together [default: lr]
    #[arg(long, value_name = "NAME=VALUES", help_heading = "Tuning")]
    pub search: Vec<Search>,
    /// Folds into which the rows that are not for the test are dealt, at least 2
    #[arg(long, value_name = "K", default_value = "5", help_heading = "Tuning")]
    pub folds: usize,
    /// Trainings on each fold, each from another start, at least 1 [default: 3; 1 where several settings are searched]
    #[arg(long, value_name = "N", help_heading = "Tuning")]
    pub trainings: Option<u64>,
    /// Candidates in a range, or at random where several settings are searched, at least 2 [default: 11; 33 where several are
    /// searched]
    #[arg(long, value_name = "N", help_heading = "Tuning")]
    pub points: Option<usize>,
}
