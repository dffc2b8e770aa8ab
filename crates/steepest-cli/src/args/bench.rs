//! What `bench` takes.

use super::parse::{at_least_one, optimizers};
use clap::{Args as ClapArgs, ValueEnum, ValueHint};
use std::path::PathBuf;

/// Measure optimizers beside the memory's own speed
///
/// Each optimizer steps its parameters in turn with a stream that reads and writes as much, so that the fraction of
/// the limit holds whatever else the machine does. Where all that both touch fits into the processor's last-level cache,
/// or where starting the stream's threads takes more than a tenth of its time, the memory does not set the pace: there
/// is a dash in place of the fraction (null in JSON), the picture shows the time of a parameter, and a sentence says
/// from how many --params on there is a fraction. Needs some 40 bytes of memory for each parameter.
#[derive(Debug, ClapArgs)]
pub struct Bench {
    /// Optimizers with commas between them [default: all that treat elements]
    #[arg(long, short, value_name = "NAME", value_delimiter = ',', value_parser = optimizers())]
    pub optimizer: Vec<String>,
    /// Parameters
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_hyphen_values = true, default_value = "25000000")]
    pub params: u64,
    /// How optimizer state is kept
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub state: StateStorage,
    /// The type of parameters and gradients
    #[arg(long, value_name = "TYPE", value_enum, default_value_t)]
    pub dtype: ParamKind,
    /// What is kept beside parameters in bf16
    #[arg(long, value_name = "KIND", value_enum, default_value_t)]
    pub master: MasterKind,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_hyphen_values = true)]
    pub threads: Option<u64>,
    /// Rounds, of which the middle one counts
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_hyphen_values = true, default_value = "9")]
    pub rounds: u64,
    /// Where a picture goes as SVG
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub svg: Option<PathBuf>,
    /// Where a picture goes as PNG
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub png: Option<PathBuf>,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// How optimizer state is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum StateStorage {
    /// 4 bytes a number
    #[default]
    F32,
    /// 2 bytes, rounded at random
    Bf16,
    /// 1 byte, and a scale for each 128
    #[value(name = "8bit")]
    Bits8,
}

/// The type of parameters and gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ParamKind {
    #[default]
    F32,
    Bf16,
}

/// What is kept beside parameters in bf16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum MasterKind {
    #[default]
    None,
    /// The 8 bits below them
    Correction,
    /// Themselves in f32
    F32,
}
