use crate::args::{Args, Completions};
use crate::output::{Result, write};
use clap::CommandFactory;

/// Prints the completion script of a shell.
pub fn run(args: Completions) -> Result {
    // into memory first: clap_complete panics when a pipe closes
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "steepest", &mut script);
    write(None, &script)
}
