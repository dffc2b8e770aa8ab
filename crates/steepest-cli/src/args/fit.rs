//! What `fit` takes.

use super::options::Given;
use super::parse::KeyValue;
use super::watch::Watch;
use clap::{Args as ClapArgs, ValueHint};
use std::path::PathBuf;

/// Train a network on a table or on images
///
/// Reads the data, infers what is to be predicted, trains, stops when validation no longer improves,
/// keeps the best weights, and leaves a run directory with settings, metrics, weights and summary.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = concat!(
    "Examples:\n",
    "  steepest fit                                        the embedded digits\n",
    "  steepest fit houses.csv --target price              a table; numbers, categories, dates, gaps\n",
    "  steepest fit train-images-idx3-ubyte.gz             images in IDX format, labels found beside\n",
    "  steepest fit iris --optimizer sgd --set momentum=0.9 --lr 0.05 --schedule step --set schedule.size=500\n",
    "  steepest fit visits.csv --target ill --group patient --id visit --drop notes\n",
    "  steepest fit churn.parquet --class-weights balanced --max-time 5m --json > result.json\n",
    "  steepest fit houses.csv --config runs/houses-0001/settings.toml --seed 1    the same again, another seed\n\n",
    "`steepest list` shows all optimizers, schedules and data sets, `steepest describe NAME` one of them.\n\n",
    "Exit codes: 0 done, 1 the run failed (its directory is left), 2 bad input or usage, 130 stopped by Ctrl-C",
))]
pub struct Fit {
    /// A file (CSV, TSV, Parquet, Arrow, JSON lines, IDX images; also inside gzip or zstd), several as one table, - for
    /// standard input, or an embedded data set [default: digits]
    #[arg(value_hint = ValueHint::FilePath)]
    pub data: Vec<String>,
    #[command(flatten)]
    pub given: Given,
    /// What each column is, as `steepest data schema` writes it; options override it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Columns")]
    pub schema: Option<PathBuf>,
    /// A setting of the optimizer (`eps=1e-6`) or of the schedule (`schedule.floor=0.1`); repeatable
    #[arg(long, short, value_name = "KEY=VALUE", help_heading = "Optimizer")]
    pub set: Vec<KeyValue>,

    /// The run directory [default: the first free of runs/DATA-0001, -0002, …]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Run")]
    pub out: Option<PathBuf>,
    /// Settings from a TOML file, such as a run's settings.toml; options override it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Run")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub watch: Watch,
}
