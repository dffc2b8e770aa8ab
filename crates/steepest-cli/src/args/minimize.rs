//! What `minimize` takes.

use super::parse::{KeyValue, at_least_one, number};
use clap::builder::PossibleValuesParser;
use clap::{Args as ClapArgs, ValueHint};
use std::path::PathBuf;
use std::str::FromStr;
use steepest::{functions, registry, schedule};

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
    "  steepest minimize himmelblau -o sgd,adam,lbfgs --report himmelblau.html\n",
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
    pub set: Vec<KeyValue>,
    /// Stop at this norm of the gradient
    #[arg(long, value_name = "NORM", value_parser = number, allow_hyphen_values = true, default_value = "1e-8")]
    pub grad_tol: f64,
    /// Largest norm of the gradient [default: not bounded]
    #[arg(long, value_name = "NORM", value_parser = number, allow_hyphen_values = true)]
    pub clip_norm: Option<f64>,
    /// Where the picture goes as SVG [default: FUNCTION.svg, unless --png, --gif, --report, --json or --no-picture; with --animate in any case]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub svg: Option<PathBuf>,
    /// Where the picture goes as PNG
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub png: Option<PathBuf>,
    /// Where the picture goes as GIF, in which the optimizers go their ways
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub gif: Option<PathBuf>,
    /// Where a page goes as HTML: who came nearest, the table, the picture, and f, gradient and distance over the steps;
    /// it asks for nothing from any other place
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub report: Option<PathBuf>,
    /// The SVG plays by itself: the optimizers go their ways, step by step together
    #[arg(long)]
    pub animate: bool,
    /// Draw no picture of the ways; a --report keeps its charts
    #[arg(long, conflicts_with_all = ["svg", "png", "gif", "animate"])]
    pub no_picture: bool,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// `NAME`, or `NAME:KEY=VALUE:KEY=VALUE`
#[derive(Debug, Clone, PartialEq)]
pub struct OptimizerSpec {
    pub name: String,
    pub set: Vec<KeyValue>,
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

fn function_names() -> PossibleValuesParser {
    PossibleValuesParser::new(functions::FUNCTIONS.iter().map(|function| function.name))
}

/// Schedules that are functions of the step.
fn function_schedules() -> PossibleValuesParser {
    PossibleValuesParser::new(schedule::REGISTRY.iter().map(|entry| entry.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_and_optimizers_are_read() {
        assert_eq!("-1.2,1".parse(), Ok(Coordinates(vec![-1.2, 1.0])));
        assert!("1,inf".parse::<Coordinates>().is_err());
        let spec: OptimizerSpec = "sgd:momentum=0.9:lr=0.1".parse().unwrap();
        assert_eq!((spec.name.as_str(), spec.set.len()), ("sgd", 2));
        assert!("sdg".parse::<OptimizerSpec>().unwrap_err().contains("did you mean `sgd`"));
    }
}
