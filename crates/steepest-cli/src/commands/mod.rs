//! One file for each command.

mod bench;
mod choice;
mod compare;
mod completions;
mod data;
mod describe;
mod explain;
mod fit;
mod importance;
mod list;
mod minimize;
mod minimize_page;
mod predict;
mod ran;
mod report;
mod resume;
mod scores;
mod tune;
mod verify;
mod yardstick;

use crate::args::{self, Args, Command};
use crate::output::{Failure, Result};
use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use steepest::nearest;

/// Does what was asked.
pub fn run(command: Command) -> Result {
    match command {
        Command::Fit(args) => fit::run(*args),
        Command::Tune(args) => tune::run(*args),
        Command::Compare(args) => compare::run(*args),
        Command::Predict(args) => predict::run(args),
        Command::Explain(args) => explain::run(*args),
        Command::Resume(args) => resume::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Report(args) => report::run(args),
        Command::Minimize(args) => minimize::run(args),
        Command::List(args) => list::run(args),
        Command::Describe(args) => describe::run(args),
        Command::Data(args) => data::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Completions(args) => completions::run(args),
    }
}

/// What clap could not read, with one more hint: `steepest data.csv` lacks its command, and `fti` is
/// a slip that clap's measure of likeness does not see.
pub fn not_understood(mut error: clap::Error) -> Failure {
    if error.kind() == ErrorKind::InvalidSubcommand
        && let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand)
        && let Some(hint) = args::missing_command(word).or_else(|| slip(word))
    {
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
    }
    Failure::Usage(error)
}

/// The command that a word was meant to be.
fn slip(word: &str) -> Option<String> {
    let command = Args::command();
    let names = command.get_subcommands().map(|command| command.get_name());
    nearest(word, names).map(|name| format!("did you mean: steepest {name}"))
}
