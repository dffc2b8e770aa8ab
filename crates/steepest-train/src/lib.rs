//! Trains a network on a table or on images: data to encoder to model to loop to events.
//!
//! [`fit`](fit()) reads the data, trains, keeps the best weights and writes a run directory; [`FinishedRun`] opens it to
//! predict. The library prints nothing: an [`Observer`] hears what happens.
//!
//! Step by step: [`Settings`] say what is wanted, [`Settings::resolve`] decides by the data what they leave open, a
//! [`Trainer`] takes the steps. What it remembers between two of them is a [`RunState`].

mod batch;
mod by_name;
mod bytes;
mod checkpoint;
pub mod choose;
mod data_settings;
mod error;
mod evaluation;
mod event;
pub mod explain;
mod file_names;
mod files;
mod finished;
mod fit;
mod judge;
mod learning_rate;
pub mod loss;
mod manifest;
pub mod model;
mod model_settings;
mod network;
mod nowhere;
mod parts;
mod pool;
mod preset;
mod resolve;
mod run_dir;
mod save_every;
mod saver;
mod score;
mod settings;
mod spend;
mod state;
mod summary;
mod tables;
mod trained_on;
mod trainer;
mod verify;

pub use batch::Batch;
pub use bytes::Bytes;
pub use data_settings::DataSettings;
pub use error::{Error, Result};
pub use evaluation::{
    CalibrationBin, ClassCurves, ClassEvaluation, Confused, Evaluation, NumberEvaluation, WorstRow,
};
pub use event::{Choosing, EpochDone, Event, LayerDone, Observer, Start, StepDone, Stopped};
pub use file_names::is_file_of_a_run;
pub use files::RunFiles;
pub use finished::{FinishedRun, Outputs, PredictOptions, Predictions};
pub use fit::{fit, resume, verify};
pub use learning_rate::LearningRate;
pub use model_settings::{DropoutSchedule, ModelKind, ModelSettings};
pub use preset::Preset;
pub use resolve::{Decision, Resolved};
pub use run_dir::Out;
pub use save_every::SaveEvery;
pub use score::Metric;
pub use settings::{
    BalancedWord, ClassWeights, LossKind, LossSettings, OptimizerSettings, Rate, ScheduleSettings, Settings,
    TrainSettings, default_weight_decay,
};
pub use state::{BestEpoch, Counters, EpochSums, RunState, Snapshot};
pub use summary::{Baseline, ClassScore, ColumnImportance, Health, LayerLine, Score, Summary, TensorLine};
pub use trainer::{ResumeOptions, Trainer};
pub use verify::{Checked, Replay, Verified};
