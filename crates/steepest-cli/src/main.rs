//! The program `steepest`: choose, train, watch, stop, report.
//!
//! A thin shell over the crates `steepest` and `steepest-train`: [`args`] says what can be typed,
//! [`commands`] do it, [`output`] is the only way to the terminal.

mod args;
mod board;
mod catalog;
mod commands;
mod hint;
mod line;
mod live;
mod output;
mod progress;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = match args::Args::try_parse() {
        Ok(args) => commands::run(args.command),
        Err(error) => Err(commands::not_understood(error)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
