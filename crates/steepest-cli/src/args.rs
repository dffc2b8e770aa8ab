//! What can be typed. Names of optimizers, schedules and functions come from the registries, words
//! of settings from the types that take them, so that a new one needs no line here.

use crate::output::{quoted, short};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum, ValueHint};
use serde::de::{self, DeserializeOwned, IntoDeserializer};
use std::path::PathBuf;
use std::str::FromStr;
use steepest::schedule::{self, ReduceOnPlateau};
use steepest::settings::Value;
use steepest::{functions, nearest, registry};
use steepest_data::TaskChoice;
use steepest_train::model::Activation;
use steepest_train::{BalancedWord, Batch, ClassWeights, LossKind, ModelKind, Settings};

/// Trains neural networks on tables and images: finds the settings, watches, stops, reports.
#[derive(Debug, Parser)]
#[command(name = "steepest", version, propagate_version = true, after_help = EXIT_CODES)]
#[command(after_long_help = concat!(
    "Examples:\n",
    "  steepest fit                                   train on the embedded digits\n",
    "  steepest fit houses.csv --target price         train on a table\n",
    "  steepest predict runs/houses-0001 new.csv      predict with what was trained\n",
    "  steepest minimize rosenbrock -o sgd,adam       draw the way of two optimizers\n",
    "  steepest describe adamw                        formula, settings and source of an optimizer\n\n",
    "Exit codes:\n",
    "  0    done\n",
    "  1    the run failed: it diverged (its directory is left), or a file could not be written\n",
    "  2    bad input or usage: nothing was done\n",
    "  130  stopped by Ctrl-C; after the first, the run is finished with its best weights",
))]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 the run failed, 2 bad input or usage, 130 stopped by Ctrl-C";

#[derive(Debug, Subcommand)]
pub enum Command {
    Fit(Box<Fit>),
    Predict(Predict),
    Minimize(Minimize),
    List(List),
    Describe(Describe),
    #[command(subcommand)]
    Data(Data),
    Bench(Bench),
    Completions(Completions),
}

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
    "  steepest fit iris --optimizer sgd --set momentum=0.9 --lr 0.05 --schedule step --set schedule.every=500\n",
    "  steepest fit churn.parquet --class-weights balanced --max-time 5m --json > result.json\n",
    "  steepest fit houses.csv --config runs/houses-0001/settings.toml --seed 1    the same again, another seed\n\n",
    "`steepest list` shows all optimizers, schedules and data sets, `steepest describe NAME` one of them.\n\n",
    "Exit codes: 0 done, 1 the run failed (its directory is left), 2 bad input or usage, 130 stopped by Ctrl-C",
))]
pub struct Fit {
    /// A file (CSV, TSV, Parquet, IDX images; also .gz) or an embedded data set [default: digits]
    #[arg(value_hint = ValueHint::FilePath)]
    pub data: Option<String>,
    /// The column to predict [default: the data set's own; `target`, `label`, `class` or `y`; the last]
    #[arg(long, value_name = "COLUMN", help_heading = "Data")]
    pub target: Option<String>,
    /// Whether the target is a number or a class
    #[arg(long, value_parser = word::<TaskChoice>(), help_heading = "Data")]
    pub task: Option<TaskChoice>,
    /// The labels of IDX images [default: found beside them]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Data")]
    pub labels: Option<PathBuf>,
    #[arg(long, value_name = "SHARE", value_parser = number, allow_hyphen_values = true, help_heading = "Data", help = defaulted("Share of the rows that decides when to stop, in [0, 1)", |s| short(s.data.validation)))]
    pub validation: Option<f64>,
    #[arg(long, value_name = "SHARE", value_parser = number, allow_hyphen_values = true, help_heading = "Data", help = defaulted("Share of the rows that only the final numbers see, in [0, 1)", |s| short(s.data.test)))]
    pub test: Option<f64>,

    /// The network [default: auto, an MLP, or a small CNN for images that are not tiny]
    #[arg(long, value_parser = word::<ModelKind>(), help_heading = "Network")]
    pub model: Option<ModelKind>,
    #[arg(long, value_name = "WIDTHS", help_heading = "Network", help = defaulted("Widths of the hidden layers, or `none`", |s| Widths(s.model.hidden.clone()).to_string()))]
    pub hidden: Option<Widths>,
    #[arg(long, value_parser = word::<Activation>(), help_heading = "Network", help = defaulted("What a hidden layer does to its sums", |s| s.model.activation.to_string()))]
    pub activation: Option<Activation>,
    #[arg(long, value_name = "SHARE", value_parser = number, allow_hyphen_values = true, help_heading = "Network", help = defaulted("Share of hidden values that a step leaves out, in [0, 1)", |s| short(s.model.dropout)))]
    pub dropout: Option<f64>,
    /// Normalize each layer's values
    #[arg(long, help_heading = "Network")]
    pub layer_norm: bool,

    /// What is made small [default: auto, squared error for numbers, cross-entropy for classes]
    #[arg(long, value_parser = word::<LossKind>(), help_heading = "Loss")]
    pub loss: Option<LossKind>,
    #[arg(long, value_name = "SHARE", value_parser = number, allow_hyphen_values = true, help_heading = "Loss", help = defaulted("Share of the target that is spread over all classes, in [0, 1)", |s| short(s.loss.label_smoothing)))]
    pub label_smoothing: Option<f64>,
    /// `balanced`, or a weight for each class in their order, such as 1,5 [default: equal]
    #[arg(long, value_name = "WEIGHTS", value_parser = class_weights, allow_hyphen_values = true, help_heading = "Loss")]
    pub class_weights: Option<ClassWeights>,
    #[arg(long, value_name = "DELTA", value_parser = number, allow_hyphen_values = true, help_heading = "Loss", help = defaulted("Where Huber's loss turns from squared to absolute, in standard deviations of the target", |s| short(s.loss.delta)))]
    pub huber_delta: Option<f64>,

    #[arg(long, short, value_name = "NAME", value_parser = optimizers(), help_heading = "Optimizer", help = defaulted("The optimizer", |s| s.optimizer.name.clone()))]
    pub optimizer: Option<String>,
    /// A setting of the optimizer (`eps=1e-6`) or of the schedule (`schedule.floor=0.1`); repeatable
    #[arg(long, short, value_name = "KEY=VALUE", help_heading = "Optimizer")]
    pub set: Vec<Setting>,
    /// The learning rate at its highest, above 0 [default: the optimizer's, see `steepest describe`]
    #[arg(long, value_name = "RATE", value_parser = number, allow_hyphen_values = true, help_heading = "Optimizer")]
    pub lr: Option<f64>,
    /// The optimizer's weight decay, at least 0 [default: 0.1 where it is decoupled, as in adamw, else 0]
    #[arg(long, value_name = "LAMBDA", value_parser = number, allow_hyphen_values = true, help_heading = "Optimizer")]
    pub weight_decay: Option<f64>,
    #[arg(long, value_name = "NAME", value_parser = schedules(), help_heading = "Optimizer", help = "How the learning rate changes over the steps [default: cosine; constant for schedule-free optimizers]")]
    pub schedule: Option<String>,
    /// Steps of a straight rise before the schedule [default: by the length of the run]
    #[arg(long, value_name = "STEPS", value_parser = whole, allow_hyphen_values = true, help_heading = "Optimizer")]
    pub warmup: Option<u64>,
    /// Largest norm of all gradients together
    #[arg(long, value_name = "NORM", value_parser = number, allow_hyphen_values = true, help_heading = "Optimizer")]
    pub clip_norm: Option<f64>,
    /// Largest absolute value of a gradient's element
    #[arg(long, value_name = "VALUE", value_parser = number, allow_hyphen_values = true, help_heading = "Optimizer")]
    pub clip_value: Option<f64>,
    /// Largest norm of each tensor's gradient
    #[arg(long, value_name = "NORM", value_parser = number, allow_hyphen_values = true, help_heading = "Optimizer")]
    pub clip_tensor_norm: Option<f64>,
    /// Largest ratio of a unit's gradient norm to its weight norm
    #[arg(long, value_name = "RATIO", value_parser = number, allow_hyphen_values = true, help_heading = "Optimizer")]
    pub clip_adaptive: Option<f64>,
    /// Skip a step whose gradient is not finite, instead of stopping
    #[arg(long, help_heading = "Optimizer")]
    pub skip_non_finite: bool,

    /// Samples of a step: a number, `full`, or 1 [default: by the number of rows]
    #[arg(long, value_name = "SAMPLES", allow_hyphen_values = true, help_heading = "Training")]
    pub batch: Option<Batch>,
    /// Most passes over the training rows [default: by their number]
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_hyphen_values = true, help_heading = "Training")]
    pub epochs: Option<u64>,
    /// Most steps
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_hyphen_values = true, help_heading = "Training")]
    pub max_steps: Option<u64>,
    /// Epochs without a better validation loss before it stops; 0 never [default: by the epochs]
    #[arg(long, value_name = "EPOCHS", value_parser = whole, allow_hyphen_values = true, help_heading = "Training")]
    pub patience: Option<u64>,
    /// Most time: 60s, 5m, 1h, 1h30m
    #[arg(long, value_name = "TIME", value_parser = seconds, allow_hyphen_values = true, help_heading = "Training")]
    pub max_time: Option<f64>,
    /// Stop at this training loss
    #[arg(long, value_name = "LOSS", value_parser = number, allow_hyphen_values = true, help_heading = "Training")]
    pub target_loss: Option<f64>,
    /// Stop at this norm of the gradient
    #[arg(long, value_name = "NORM", value_parser = number, allow_hyphen_values = true, help_heading = "Training")]
    pub grad_tol: Option<f64>,
    #[arg(long, value_name = "N", value_parser = whole, allow_hyphen_values = true, help_heading = "Training", help = defaulted("Seed of the split, the weights, the order of the samples and dropout", |s| s.train.seed.to_string()))]
    pub seed: Option<u64>,
    /// Threads; the result does not depend on it [default: all cores]
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_hyphen_values = true, help_heading = "Training")]
    pub threads: Option<u64>,
    #[arg(long, value_name = "NAME", help_heading = "Training", help = defaulted("Where tensors live", |s| s.train.device.clone()))]
    pub device: Option<String>,

    /// The run directory [default: the first free of runs/DATA-0001, -0002, …]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Run")]
    pub out: Option<PathBuf>,
    /// Settings from a TOML file, such as a run's settings.toml; options override it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Run")]
    pub config: Option<PathBuf>,
    /// Print the summary as one JSON object on stdout
    #[arg(long, help_heading = "Run")]
    pub json: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short, help_heading = "Run")]
    pub quiet: bool,
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
    /// Rows with the columns that it was trained with: a file or an embedded data set
    #[arg(value_hint = ValueHint::FilePath)]
    pub data: String,
    /// Where the predictions go [default: stdout]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// The labels of IDX images [default: found beside them]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub labels: Option<PathBuf>,
    /// Print one JSON object on stdout: rows, score, and the predictions unless -o names a file
    #[arg(long)]
    pub json: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// Minimize a test function and draw the way
///
/// Runs one or several optimizers in f64 from the same start, prints how far each came, and draws
/// their ways over the function's contours. Without --lr, each optimizer gets the best of 16 rates
/// from 1e-5 to 1.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = concat!(
    "Examples:\n",
    "  steepest minimize rosenbrock\n",
    "  steepest minimize beale -o sgd,sgd:momentum=0.9,adam,rmsprop --steps 300 --png beale.png\n",
    "  steepest minimize quadratic --set condition=1000 --schedule cosine --start=-9,1\n",
    "  steepest minimize rosenbrock --start 1,2,3,4,5 --json\n\n",
    "An optimizer may carry settings of its own: sgd:momentum=0.9:nesterov=true:lr=0.01\n\n",
    "Exit codes: 0 done, 1 every optimizer diverged, or a file could not be written, 2 bad input or usage",
))]
pub struct Minimize {
    /// The function; `steepest list functions` shows all
    #[arg(value_parser = function_names())]
    pub function: String,
    /// Optimizers with commas between them, each NAME or NAME:KEY=VALUE:…
    #[arg(long, short, value_name = "NAME", value_delimiter = ',', default_value = "adam")]
    pub optimizer: Vec<OptimizerSpec>,
    /// The learning rate, above 0 [default: the best of 16 for each optimizer]
    #[arg(long, value_name = "RATE", value_parser = number, allow_hyphen_values = true)]
    pub lr: Option<f64>,
    /// How the learning rate changes over the steps [default: constant]
    #[arg(long, value_name = "NAME", value_parser = function_schedules())]
    pub schedule: Option<String>,
    /// Most steps
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_hyphen_values = true, default_value = "1000")]
    pub steps: u64,
    /// Where to start, such as -1.2,1; the number of coordinates is the function's dimension
    #[arg(long, value_name = "X,Y", allow_hyphen_values = true)]
    pub start: Option<Coordinates>,
    /// A setting of the function (`condition=10`), of every optimizer that has it, or of the schedule
    /// (`schedule.gamma=0.99`); repeatable
    #[arg(long, short, value_name = "KEY=VALUE")]
    pub set: Vec<Setting>,
    /// Stop at this norm of the gradient
    #[arg(long, value_name = "NORM", value_parser = number, allow_hyphen_values = true, default_value = "1e-8")]
    pub grad_tol: f64,
    /// Largest norm of the gradient [default: not bounded]
    #[arg(long, value_name = "NORM", value_parser = number, allow_hyphen_values = true)]
    pub clip_norm: Option<f64>,
    /// Where the picture goes as SVG [default: FUNCTION.svg, unless --png, --json or --no-picture]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub svg: Option<PathBuf>,
    /// Where the picture goes as PNG
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub png: Option<PathBuf>,
    /// Draw nothing
    #[arg(long, conflicts_with_all = ["svg", "png"])]
    pub no_picture: bool,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// List what the program knows
#[derive(Debug, ClapArgs)]
pub struct List {
    /// What to list [default: all of it]
    pub kind: Option<Kind>,
}

/// What the program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
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

/// Measure optimizers beside the memory's own speed
///
/// Each optimizer steps its parameters in turn with a stream that reads and writes as much, so that the share of the
/// limit holds whatever else the machine does. Needs some 40 bytes of memory for each parameter.
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
    pub state: StateKind,
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
pub enum StateKind {
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
    },
    /// Write a data set as CSV
    Export {
        /// An embedded data set, or a file to convert
        #[arg(value_hint = ValueHint::FilePath)]
        data: String,
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

/// `KEY=VALUE`
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    pub key: String,
    pub value: Value,
}

impl FromStr for Setting {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() && !value.is_empty() => {
                Ok(Self { key: key.trim().to_owned(), value: Value::parse(value.trim()) })
            }
            _ => Err("a setting is written KEY=VALUE, for example eps=1e-6".to_owned()),
        }
    }
}

/// `NAME`, or `NAME:KEY=VALUE:KEY=VALUE`
#[derive(Debug, Clone, PartialEq)]
pub struct OptimizerSpec {
    pub name: String,
    pub set: Vec<Setting>,
}

impl FromStr for OptimizerSpec {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default().trim().to_owned();
        registry::find_method(&name).map_err(|error| error.to_string())?;
        Ok(Self { name, set: parts.map(str::parse).collect::<Result<_, _>>()? })
    }
}

/// Widths of hidden layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Widths(pub Vec<usize>);

impl std::fmt::Display for Widths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let widths: Vec<String> = self.0.iter().map(usize::to_string).collect();
        f.write_str(if widths.is_empty() { "none".to_owned() } else { widths.join(",") }.as_str())
    }
}

impl FromStr for Widths {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(Vec::new()));
        }
        let widths = text.split(',').map(|width| width.trim().parse()).collect::<Result<_, _>>();
        widths.map(Self).map_err(|_| "widths are whole numbers, such as 128,64, or `none`".to_owned())
    }
}

/// Coordinates of a point.
#[derive(Debug, Clone, PartialEq)]
pub struct Coordinates(pub Vec<f64>);

impl FromStr for Coordinates {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let coordinates = text.split(',').map(|x| number(x.trim())).collect::<Result<Vec<_>, _>>()?;
        match coordinates.iter().find(|x| !x.is_finite()) {
            Some(x) => Err(format!("a coordinate is {x}, expected finite numbers such as -1.2,1")),
            None => Ok(Self(coordinates)),
        }
    }
}

/// Any number: that it lies in its range is for those to check who know the range, with a better
/// message.
fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "not a number; write for example 0.001 or 1e-3".to_owned())
}

fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "not a whole number of at least 0".to_owned())
}

fn at_least_one(text: &str) -> Result<u64, String> {
    whole(text).ok().filter(|n| *n > 0).ok_or_else(|| "not a whole number of at least 1".to_owned())
}

/// `90`, `90s`, `5m`, `1h30m`, `1.5h`: in seconds.
fn seconds(text: &str) -> Result<f64, String> {
    let wrong = || "not a time above 0; write for example 60s, 5m, 1h or 1h30m".to_owned();
    let mut total = 0.0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (amount, unit) = rest.split_at(end);
        let amount: f64 = amount.parse().map_err(|_| wrong())?;
        let end = unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len());
        let (unit, after) = unit.split_at(end);
        total += amount
            * match unit.trim() {
                "" | "s" | "sec" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                _ => return Err(wrong()),
            };
        rest = after;
    }
    if total > 0.0 && total.is_finite() { Ok(total) } else { Err(wrong()) }
}

fn class_weights(text: &str) -> Result<ClassWeights, String> {
    if text == "balanced" {
        return Ok(ClassWeights::Named(BalancedWord::Balanced));
    }
    let weights = text.split(',').map(|weight| weight.trim().parse()).collect::<Result<_, _>>();
    weights
        .map(ClassWeights::Given)
        .map_err(|_| "weights are `balanced` or a number for each class, such as 1,5".to_owned())
}

/// The help of an option with the default that the trainer has for it.
fn defaulted(help: &str, default: impl Fn(&Settings) -> String) -> String {
    format!("{help} [default: {}]", default(&Settings::default()))
}

fn optimizers() -> PossibleValuesParser {
    PossibleValuesParser::new(registry::OPTIMIZERS.iter().map(|entry| entry.name))
}

fn function_names() -> PossibleValuesParser {
    PossibleValuesParser::new(functions::FUNCTIONS.iter().map(|function| function.name))
}

/// Schedules that are functions of the step.
fn function_schedules() -> PossibleValuesParser {
    PossibleValuesParser::new(schedule::REGISTRY.iter().map(|entry| entry.name))
}

fn schedules() -> PossibleValuesParser {
    let names = schedule::REGISTRY.iter().map(|entry| entry.name);
    PossibleValuesParser::new(names.chain([ReduceOnPlateau::NAME]))
}

/// A word of an enum that settings files have too: the type itself says which there are.
fn word<T: DeserializeOwned + Clone + Send + Sync + 'static>() -> impl TypedValueParser<Value = T> {
    let words = PossibleValuesParser::new(variants::<T>());
    words.try_map(|word| T::deserialize(IntoDeserializer::<de::value::Error>::into_deserializer(word)))
}

/// The names of an enum's variants, as serde derives them.
fn variants<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // it takes the names and then refuses, so there is never a value
    let _ = T::deserialize(Variants(&mut names));
    names
}

struct Variants<'a>(&'a mut &'static [&'static str]);

impl<'de> de::Deserializer<'de> for Variants<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: de::Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("only the names of variants are asked for"))
    }

    fn deserialize_enum<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = variants;
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
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

    #[test]
    fn words_come_from_their_types() {
        assert_eq!(variants::<ModelKind>(), ["auto", "linear", "mlp", "cnn"]);
        assert_eq!(variants::<TaskChoice>(), ["infer", "regression", "classes"]);
        assert!(variants::<Activation>().contains(&"relu"));
        assert!(variants::<LossKind>().contains(&"squared_error"));
    }

    #[test]
    fn times_have_units() {
        let good = [("90", 90.0), ("60s", 60.0), ("5m", 300.0), ("1h30m", 5400.0), ("1.5h", 5400.0)];
        for (text, expected) in good {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "0", "0s", "-5s", "5x", "s", "m5", "1..5h", "nan", "inf", "5 parsecs"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn settings_and_lists_are_read() {
        let setting: Setting = "schedule.floor = 1e-2".parse().unwrap();
        assert_eq!((setting.key.as_str(), setting.value), ("schedule.floor", Value::Number(0.01)));
        for text in ["floor", "=1", "floor=", ""] {
            assert!(text.parse::<Setting>().is_err(), "{text}");
        }
        assert_eq!("none".parse(), Ok(Widths(vec![])));
        assert_eq!("128, 64".parse(), Ok(Widths(vec![128, 64])));
        assert!("128,-1".parse::<Widths>().is_err());
        assert_eq!("-1.2,1".parse(), Ok(Coordinates(vec![-1.2, 1.0])));
        assert!("1,inf".parse::<Coordinates>().is_err());
        let spec: OptimizerSpec = "sgd:momentum=0.9:lr=0.1".parse().unwrap();
        assert_eq!((spec.name.as_str(), spec.set.len()), ("sgd", 2));
        assert!("sdg".parse::<OptimizerSpec>().unwrap_err().contains("did you mean `sgd`"));
        assert_eq!(class_weights("1,2.5"), Ok(ClassWeights::Given(vec![1.0, 2.5])));
        assert!(class_weights("heavy").is_err());
    }
}
