//! How a run is watched, and what it leaves to be looked at.

use clap::Args as ClapArgs;

/// Options of every command that trains.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub struct Watch {
    /// Show a full screen while training: curves, layers, learning rate, time left. Off a terminal, or with --json or
    /// --quiet, nothing changes
    #[arg(long, help_heading = "Run")]
    pub live: bool,
    /// Leave no page: RUN/report.html
    #[arg(long, help_heading = "Run")]
    pub no_report: bool,
    /// Write TensorBoard's event files into the run directory: scalars, histograms of the weights, settings
    #[arg(long, help_heading = "Run")]
    pub tensorboard: bool,
    /// Print the summary as one JSON object on stdout
    #[arg(long, help_heading = "Run")]
    pub json: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short, help_heading = "Run")]
    pub quiet: bool,
}
