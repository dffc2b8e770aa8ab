//! Trains a network on a table or on images: data to encoder to model to loop to events.
//!
//! [`fit`] reads the data, trains, keeps the best weights and writes a run directory; [`Run`] opens it to
//! predict. The library prints nothing: an [`Observer`] hears what happens.

mod error;
mod event;
mod fit;
pub mod loss;
pub mod model;
mod network;
mod run;
mod score;
mod settings;

pub use error::{Error, Result};
pub use event::{
    EpochDone, Event, Go, Health, Observer, Score, Start, StepDone, Stopped, Summary, TensorLine,
};
pub use fit::fit;
pub use run::{Out, Outputs, Predictions, Run};
pub use settings::{
    BalancedWord, Batch, ClassWeights, DataSettings, LossKind, LossSettings, ModelKind, ModelSettings,
    OptimizerSettings, Rate, ScheduleSettings, Settings, TrainSettings, default_weight_decay,
};
