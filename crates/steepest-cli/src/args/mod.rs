//! What can be typed. Names of optimizers, schedules and functions come from the registries, words
//! of settings from the types that take them, so that a new one needs no line here.

mod bench;
mod compare;
mod explain;
mod fit;
mod minimize;
mod options;
mod parse;
mod reading;
mod tune;
mod watch;

pub use bench::{Bench, MasterKind, ParamKind, StateStorage};
pub use compare::Compare;
pub use explain::Explain;
pub use fit::Fit;
pub use minimize::{Minimize, OptimizerSpec};
pub use options::{Given, option_of};
pub use parse::KeyValue;
pub use reading::{NewRows, Reading};
pub use tune::Tune;
pub use watch::Watch;

use crate::output::quoted;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;
use steepest::{functions, nearest, registry};

/// Trains neural networks on tables and images: finds the settings, watches, stops, reports.
#[derive(Debug, Parser)]
#[command(name = "steepest", version, propagate_version = true, after_help = EXIT_CODES)]
#[command(after_long_help = concat!(
    "Examples:\n",
    "  steepest fit                                   train on the embedded digits\n",
    "  steepest fit houses.csv --target price         train on a table\n",
    "  steepest predict runs/houses-0001 new.csv      predict with what was trained\n",
    "  steepest explain runs/houses-0001              say what it goes by\n",
    "  steepest minimize rosenbrock -o sgd,adam       draw the way of two optimizers\n",
    "  steepest describe adamw                        formula, settings and source of an optimizer\n\n",
    "Exit codes:\n",
    "  0    done\n",
    "  1    the run failed: it diverged (its directory is left), or a file could not be written\n",
    "  2    bad input or usage: nothing was done\n",
    "  130  stopped by Ctrl-C (143 by SIGTERM, 129 by SIGHUP): the run is saved, `steepest resume` goes on;\n",
    "       before training begins nothing is left",
))]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 the run failed, 2 bad input or usage, 130 stopped by Ctrl-C";

#[derive(Debug, Subcommand)]
pub enum Command {
    Fit(Box<Fit>),
    Tune(Box<Tune>),
    Compare(Box<Compare>),
    Predict(Predict),
    Explain(Box<Explain>),
    Resume(Resume),
    Verify(Verify),
    Report(Report),
    Minimize(Minimize),
    List(List),
    Describe(Describe),
    #[command(subcommand)]
    Data(Data),
    Bench(Bench),
    Completions(Completions),
}

/// Predict with a trained network
///
/// Writes CSV: `prediction`, and for classes a column `p_CLASS` with the probability of each. Where
/// the data has the target too, the score goes to stderr.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = concat!(
    "Examples:\n",
    "  steepest predict runs/houses-0001 new.csv > predictions.csv\n",
    "  steepest predict runs/digits-0001 digits -o predictions.csv --json",
))]
pub struct Predict {
    /// A run directory, as `steepest fit` named it at its end
    #[arg(value_hint = ValueHint::DirPath)]
    pub run: PathBuf,
    /// Rows with the columns that it was trained with: a file, several as one table, - for standard input, or an embedded
    /// data set
    #[arg(required = true, value_hint = ValueHint::FilePath)]
    pub data: Vec<String>,
    /// Where the predictions go [default: stdout]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Write these columns of the data before the predictions; the columns that `fit` had as `--id` come without it
    #[arg(long, visible_alias = "keep", value_name = "COLUMNS")]
    pub id: Vec<String>,
    #[command(flatten)]
    pub rows: NewRows,
    /// For a spreadsheet: text that one would take for a formula (=, +, -, @) gets an apostrophe before it
    #[arg(long)]
    pub spreadsheet: bool,
    /// A column more: how far the members of the network are from one another, as a standard deviation of the number or of the
    /// predicted class's probability
    #[arg(long)]
    pub spread: bool,
    /// Print one JSON object on stdout: rows, score, and the predictions unless -o names a file
    #[arg(long)]
    pub json: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// Go on with a run that was interrupted or cut
///
/// It ends with the same bits as a run that was not: from the newest checkpoint that is whole, with the same settings and
/// the same data.
#[derive(Debug, ClapArgs)]
pub struct Resume {
    /// The run directory
    #[arg(value_hint = ValueHint::DirPath)]
    pub run: PathBuf,
    /// Where the data lies now, if not where it was
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub data: Option<String>,
    /// Most epochs of the whole run, more than are done, also of a run that went to its end: what is done stays, and the
    /// schedule begins anew over the steps that are left, so that these are not the bits of a run of so many from the start
    #[arg(long, value_name = "N")]
    pub epochs: Option<u64>,
    /// Threads; the result does not depend on it [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    #[command(flatten)]
    pub watch: Watch,
}

/// Prove that a run is what was written
///
/// Holds every file to its checksum, and takes the steps between the two newest checkpoints again: they must give the same
/// bits. Says what is damaged and what can still be done with the run, and writes nothing. Exit code 1 if something is
/// damaged or differs.
#[derive(Debug, ClapArgs)]
pub struct Verify {
    /// The run directory
    #[arg(value_hint = ValueHint::DirPath)]
    pub run: PathBuf,
    /// Where the data lies now, if not where it was
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub data: Option<String>,
    /// Threads; the result does not depend on it [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Print what was found as one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// One page on a run, or several runs side by side
///
/// `fit` leaves RUN/report.html by itself; this makes it again. Of several runs it shows their scores, the settings that
/// differ, their curves on one axis, and how they differ row by row.
#[derive(Debug, ClapArgs)]
pub struct Report {
    /// Run directories
    #[arg(required = true, value_hint = ValueHint::DirPath)]
    pub runs: Vec<PathBuf>,
    /// Where the page goes [default: RUN/report.html of one run, report.html of several]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Print one JSON object on stdout: where the page is
    #[arg(long)]
    pub json: bool,
}

/// List what the program knows
#[derive(Debug, ClapArgs)]
pub struct List {
    /// What to list [default: all of it]
    pub kind: Option<Topic>,
}

/// What the program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Topic {
    #[value(alias = "optimizer")]
    Optimizers,
    #[value(alias = "schedule")]
    Schedules,
    #[value(alias = "stop-rule")]
    StopRules,
    #[value(alias = "function")]
    Functions,
    Data,
}

/// Describe an optimizer, schedule, stop rule, function or data set
#[derive(Debug, ClapArgs)]
pub struct Describe {
    /// Its name, as `steepest list` shows it
    #[arg(required_unless_present = "markdown")]
    pub name: Option<String>,
    /// Print the reference page of all optimizers, in Markdown
    #[arg(long, conflicts_with = "name")]
    pub markdown: bool,
}

/// Look at data, embedded or in a file
#[derive(Debug, Subcommand)]
pub enum Data {
    /// List the embedded data sets
    List,
    /// Show the columns of a data set: type, gaps, range, frequent values
    Show {
        /// A file or an embedded data set
        #[arg(value_hint = ValueHint::FilePath)]
        data: String,
        #[command(flatten)]
        reading: Reading,
    },
    /// Write what `fit` would take each column for, as TOML to edit and to give to `fit --schema`
    Schema {
        /// A file or an embedded data set
        #[arg(value_hint = ValueHint::FilePath)]
        data: String,
        /// The column to predict [default: as `fit` chooses it]
        #[arg(long, value_name = "COLUMN")]
        target: Option<String>,
        #[command(flatten)]
        reading: Reading,
        /// Where it goes [default: stdout]
        #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
        out: Option<PathBuf>,
    },
    /// Write a data set as CSV
    Export {
        /// An embedded data set, or a file to convert
        #[arg(value_hint = ValueHint::FilePath)]
        data: String,
        #[command(flatten)]
        reading: Reading,
        /// Where it goes [default: stdout]
        #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
        out: Option<PathBuf>,
    },
}

/// Print the completion script of a shell
///
/// For example: steepest completions bash > ~/.local/share/bash-completion/completions/steepest
#[derive(Debug, ClapArgs)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// What to say to `steepest data.csv`, where a command is missing.
pub fn missing_command(word: &str) -> Option<String> {
    let is_data = std::path::Path::new(word).is_file() || steepest_data::embedded::find(word).is_ok();
    if is_data {
        return Some(format!("to train on it: steepest fit {}", quoted(word)));
    }
    let names = registry::OPTIMIZERS.iter().chain([&registry::LBFGS]).map(|entry| entry.name);
    let names = names.chain(functions::FUNCTIONS.iter().map(|function| function.name));
    let known = nearest(word, names).filter(|name| *name == word)?;
    Some(format!("to read about it: steepest describe {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }
}
