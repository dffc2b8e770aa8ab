//! The settings of a run: what `run.toml` holds and the command line overrides.

use crate::batch::Batch;
use crate::data_settings::DataSettings;
use crate::error::{Error, Result};
use crate::learning_rate::LearningRate;
use crate::loss::Loss;
use crate::model_settings::{DropoutSchedule, MOST_MEMBERS, ModelSettings, SMALL};
use crate::preset::Preset;
use crate::save_every::SaveEvery;
use crate::score::Metric;
use serde::{Deserialize, Serialize};
use steepest::rule::Decay;
use steepest::schedule::{self, ReduceOnPlateau, Schedule};
use steepest::settings::Values;
use steepest::stop::{Divergence, NoImprovement, Stop};
use steepest::{Clip, Clips, Optimizer, Rule, nearest, registry};
use steepest_data::Task;

/// Everything that determines a run. [`Settings::default`] trains on the embedded digits.
///
/// As TOML, a key that is unknown is an error that names the nearest known one:
///
/// ```
/// let error = steepest_train::Settings::from_toml("[train]\nepoch = 3", "run.toml").unwrap_err();
/// assert!(error.to_string().contains("did you mean `epochs`?"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What to learn from.
    pub data: DataSettings,
    /// What learns.
    pub model: ModelSettings,
    /// What is minimized.
    pub loss: LossSettings,
    /// How it is minimized.
    pub optimizer: OptimizerSettings,
    /// How the learning rate changes.
    pub schedule: ScheduleSettings,
    /// For how long, in which steps.
    pub train: TrainSettings,
}

/// Which loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossKind {
    /// Squared error for numbers, cross-entropy for classes (binary for two).
    #[default]
    Auto,
    /// Mean of (prediction − target)², the target standardized.
    SquaredError,
    /// Squared near zero, absolute beyond `delta` standard deviations of the target.
    Huber,
    /// −log of the probability of the right class.
    CrossEntropy,
}

/// How much each class counts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(untagged, rename_all = "lowercase")]
pub enum ClassWeights {
    /// Every sample counts alike.
    #[default]
    #[serde(skip)]
    Equal,
    /// `"balanced"`: every class counts alike, however rare.
    Named(BalancedWord),
    /// A weight for each class, in the order of the classes.
    Given(Vec<f64>),
}

/// The word `balanced`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BalancedWord {
    /// Weights inverse to the classes' frequencies, of mean 1 over the training rows.
    Balanced,
}

/// `[loss]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossSettings {
    /// Which loss. Default: auto.
    pub kind: LossKind,
    /// The fraction of the target that is spread over all classes, in `[0, 1)`. Default 0.
    pub label_smoothing: f64,
    /// `"balanced"`, or a weight for each class. Default: equal.
    #[serde(skip_serializing_if = "is_equal")]
    pub class_weights: ClassWeights,
    /// Where Huber's loss turns from squared to absolute, in standard deviations of the target. Default 1.
    pub delta: f64,
}

fn is_equal(weights: &ClassWeights) -> bool {
    *weights == ClassWeights::Equal
}

impl Default for LossSettings {
    fn default() -> Self {
        Self { kind: LossKind::Auto, label_smoothing: 0.0, class_weights: ClassWeights::Equal, delta: 1.0 }
    }
}

impl LossSettings {
    /// The loss for a task, with the weight of each class; `auto` counts as what suits classes.
    pub(crate) fn loss(&self, task: Task, weights: Option<Vec<f32>>) -> Loss {
        let smoothing = self.label_smoothing;
        match (self.kind, task.outputs()) {
            (LossKind::Huber, _) => Loss::Huber { delta: self.delta },
            (LossKind::SquaredError, _) => Loss::SquaredError,
            (_, 1) => Loss::BinaryCrossEntropy { smoothing, weights },
            _ => Loss::CrossEntropy { smoothing, weights },
        }
    }
}

/// `[optimizer]`: besides the fields below, the optimizer's own settings by name.
///
/// Where decay is decoupled, `weight_decay` is 0.1 unless given: with the default schedule, ten times
/// torch's default was better on every table it was tried on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OptimizerSettings {
    /// Its name in the registry. Default: adamw.
    pub name: String,
    /// The learning rate η at its highest. Default: the registry's for the optimizer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr: Option<LearningRate>,
    /// Where the learning rate comes from, if it was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr_from: Option<String>,
    /// On how many divisions of the rows learning rates are compared where one is chosen, at least 1. Default: 5, 3 or 1, by what
    /// that would cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr_splits: Option<u64>,
    /// Largest Euclidean norm of all gradients together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Largest norm of each tensor's gradient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_tensor_norm: Option<f64>,
    /// Largest absolute value of a gradient's element.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_value: Option<f64>,
    /// Largest ratio of a unit's gradient norm to its weight norm (adaptive clipping).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_adaptive: Option<f64>,
    /// Skip a step whose gradient is not finite, instead of stopping. Default: false.
    pub skip_non_finite: bool,
    /// Weight decay of biases and of the scales of normalizations too. Default: false.
    pub decay_all: bool,
    /// Settings of the optimizer, such as `beta1`.
    #[serde(flatten)]
    pub settings: Values,
}

impl Default for OptimizerSettings {
    fn default() -> Self {
        Self {
            name: "adamw".into(),
            lr: None,
            lr_from: None,
            lr_splits: None,
            clip_norm: None,
            clip_tensor_norm: None,
            clip_value: None,
            clip_adaptive: None,
            skip_non_finite: false,
            decay_all: false,
            settings: Values::new(),
        }
    }
}

/// The `weight_decay` of an optimizer whose decay is decoupled, where none is set: chosen, with the other
/// defaults of training, on tables of 10 000 to 50 000 rows.
const WEIGHT_DECAY: f64 = 0.1;

/// The weight decay that a run uses with this optimizer, where it sets one itself.
pub(crate) fn usual_weight_decay(rule: &Rule) -> Option<f64> {
    matches!(rule.decay, Decay::Decoupled(_)).then_some(WEIGHT_DECAY)
}

/// The weight decay that a run uses with the default settings of an optimizer, where it sets one itself.
pub fn default_weight_decay(entry: &registry::Entry) -> Option<f64> {
    usual_weight_decay(&entry.make(&Values::new()).ok()?)
}

impl OptimizerSettings {
    const KEYS: [&str; 10] = [
        "name",
        "lr",
        "lr_from",
        "lr_splits",
        "clip_norm",
        "clip_tensor_norm",
        "clip_value",
        "clip_adaptive",
        "skip_non_finite",
        "decay_all",
    ];

    /// The rule, its settings checked.
    pub fn rule(&self) -> Result<Rule> {
        let entry = registry::find(&self.name)?;
        if let Some(unknown) =
            self.settings.keys().find(|key| !(entry.parameters)().iter().any(|p| p.name == *key))
        {
            let known: Vec<&str> = (entry.parameters)().iter().map(|p| p.name).collect();
            let all = known.iter().copied().chain(Self::KEYS);
            return Err(Error::UnknownKey {
                place: format!("[optimizer] with name = {}", self.name),
                key: unknown.clone(),
                nearest: nearest(unknown, all.clone()).map(str::to_owned),
                known: all.map(str::to_owned).collect(),
            });
        }
        Ok(entry.make(&self.settings)?)
    }

    /// Whether the learning rate is to be chosen.
    pub fn chooses_rate(&self) -> bool {
        self.lr == Some(LearningRate::Auto)
    }

    /// The learning rate at its highest: given, or the registry's, round which one is chosen.
    pub fn learning_rate(&self) -> Result<f64> {
        match self.lr {
            None | Some(LearningRate::Auto) => Ok(registry::find(&self.name)?.default_lr),
            Some(LearningRate::Number(lr)) if lr > 0.0 && lr.is_finite() => Ok(lr),
            Some(LearningRate::Number(lr)) => Err(Error::BadSetting {
                key: "optimizer.lr",
                found: lr.to_string(),
                expected: "a finite number above 0, such as 0.001, or auto".into(),
            }),
        }
    }

    /// The clipping, one kind after another: each tensor's norm, that of all, each unit's, single values.
    pub fn clip(&self) -> Clips {
        [
            self.clip_tensor_norm.map(Clip::TensorNorm),
            self.clip_norm.map(Clip::GlobalNorm),
            self.clip_adaptive.map(|factor| Clip::Adaptive { factor, eps: 1e-3 }),
            self.clip_value.map(Clip::Value),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// `[schedule]`: besides the fields below, the schedule's own settings by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScheduleSettings {
    /// Its name in the registry, or `reduce_on_plateau`. Default: cosine_log for tables, cosine for images; constant for an optimizer that
    /// averages its weights instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Steps of linear warm-up before it. Default: a twentieth of the run, at most 500 steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup: Option<u64>,
    /// Settings of the schedule, such as `floor`; lengths are in steps, 0 is the whole run.
    #[serde(flatten)]
    pub settings: Values,
}

/// How the learning rate goes on: a function of the step, or one that watches the validation loss.
#[derive(Debug)]
pub enum Rate {
    /// A pure function of the step number.
    Function(Box<dyn Schedule>),
    /// Falls when the validation loss no longer does.
    Plateau(ReduceOnPlateau),
}

impl ScheduleSettings {
    /// Its name: given, or the one that suits the optimizer.
    pub(crate) fn name(&self, optimizer: &registry::Entry) -> &str {
        let usual = if optimizer.traits.schedule_free { "constant" } else { "cosine" };
        self.name.as_deref().unwrap_or(usual)
    }

    /// The steps of warm-up in a run of `total` steps, and why so many where none are given.
    pub(crate) fn warmup(&self, name: &str, total: u64) -> (u64, String) {
        if let Some(steps) = self.warmup {
            return (steps, "given".to_owned());
        }
        if name == ReduceOnPlateau::NAME {
            return (0, format!("{name} counts epochs, not steps"));
        }
        if schedule::find(name).is_ok_and(|entry| entry.traits.own_warmup) {
            return (0, format!("{name} has a warm-up of its own"));
        }
        ((total / 20).min(500), format!("a twentieth of {total} steps, at most 500"))
    }

    /// The schedule for a run of `total` steps.
    ///
    /// # Errors
    /// A name or a setting that is unknown, a value outside its range, a warm-up before a schedule that counts epochs.
    pub fn rate(&self, optimizer: &registry::Entry, total: u64) -> Result<Rate> {
        let name = self.name(optimizer);
        let (warmup, _) = self.warmup(name, total);
        if name == ReduceOnPlateau::NAME {
            if warmup > 0 {
                return Err(Error::BadSetting {
                    key: "schedule.warmup",
                    found: format!("{warmup} with {name}"),
                    expected: "no warm-up: that schedule counts epochs, not steps".into(),
                });
            }
            return Ok(Rate::Plateau(ReduceOnPlateau::from_values(&self.settings)?));
        }
        let mut function = schedule::make(name, &self.settings)?;
        if warmup > 0 {
            function = Box::new(schedule::Warmup::new(warmup, 0.01, function)?);
        }
        function.resolve(total);
        function.ready()?;
        Ok(Rate::Function(function))
    }
}

impl Rate {
    /// Whether the learning rate is low at the end of so many steps.
    pub(crate) fn ends_low(&self, total: u64) -> bool {
        match self {
            Self::Function(schedule) => schedule.factor(total.saturating_sub(1)) < 0.1,
            Self::Plateau(_) => false,
        }
    }

    /// The factor of the learning rate at `step`, counted from 0.
    pub fn factor(&self, step: u64) -> f64 {
        match self {
            Self::Function(schedule) => schedule.factor(step),
            Self::Plateau(plateau) => plateau.factor(),
        }
    }
}

/// `[train]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainSettings {
    /// `fast`, `default` or `best`: what the defaults below and those of the network are chosen for. Default: default.
    pub preset: Preset,
    /// Samples of a step: a number, or `"full"`. Default: by the number of training rows, 32 to 256; full for an
    /// optimizer that mini-batches mislead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batch>,
    /// Most epochs. Default: by the number of training rows and the size of the network, 20 to 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
    /// Most steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<u64>,
    /// The metric of the validation rows by which the best epoch is kept and patience counts. Default: the loss, with
    /// each row's cut where the largest of the baseline's are (the 99th percentile), so that a few outliers do not
    /// decide. A metric that is given is not cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
    /// Epochs without a better validation loss, or metric, before training stops; 0 never stops for it. Default: 0 for a table with a
    /// schedule that falls to its end, else a third of the epochs, at least 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<u64>,
    /// Most seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_seconds: Option<f64>,
    /// Stop when the mean training loss of an epoch is at most this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_loss: Option<f64>,
    /// Stop when the Euclidean norm of a step's gradient is at most this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradient_tolerance: Option<f64>,
    /// How often the run is saved: `10steps`, `30s`, `1epoch`. Default: 30s.
    pub save_every: SaveEvery,
    /// How many checkpoints are kept, at least 1. Default 2.
    pub keep: u64,
    /// Seed of the split, the initial weights, the order of the samples and dropout. Default 0.
    pub seed: u64,
    /// Threads; the result does not depend on it. Default: all cores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// `cpu`. Default: cpu.
    pub device: String,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            preset: Preset::Default,
            batch: None,
            epochs: None,
            max_steps: None,
            metric: None,
            patience: None,
            max_seconds: None,
            target_loss: None,
            gradient_tolerance: None,
            save_every: SaveEvery::default(),
            keep: 2,
            seed: 0,
            threads: None,
            device: "cpu".into(),
        }
    }
}

impl TrainSettings {
    /// The stop rules: those that see every step, and those that see every epoch with its mean
    /// training loss and its validation loss.
    pub fn stop(&self) -> Result<(Stop, Stop)> {
        let mut steps = vec![Stop::non_finite(), Divergence::default().into()];
        steps.extend(self.gradient_tolerance.map(Stop::gradient_tolerance));
        if let Some(seconds) = self.max_seconds {
            let time = std::time::Duration::try_from_secs_f64(seconds).map_err(|_| Error::BadSetting {
                key: "train.max_seconds",
                found: seconds.to_string(),
                expected: "a number of seconds of at least 0".into(),
            })?;
            steps.push(Stop::max_time(time));
        }
        steps.extend(self.max_steps.map(Stop::max_steps));
        let mut epochs = vec![Stop::non_finite()];
        epochs.extend(self.target_loss.map(Stop::target_loss));
        if let Some(patience) = self.patience.filter(|p| *p > 0) {
            epochs.push(NoImprovement { patience, ..NoImprovement::default() }.into());
        }
        epochs.extend(self.epochs.map(|epochs| Stop::max_epochs(epochs as f64)));
        let (steps, epochs) = (Stop::Any(steps), Stop::Any(epochs));
        steps.validate()?;
        epochs.validate()?;
        Ok((steps, epochs))
    }
}

impl Settings {
    /// Reads settings from TOML; `name` is what errors call the text.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] with the nearest known key; [`Error::Toml`] with line and column.
    pub fn from_toml(text: &str, name: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| Error::from_toml(&error, text, name))
    }

    /// The settings of a run, nothing left open, as it keeps them: what a version before this did not know stays as it was there.
    ///
    /// # Errors
    /// Those of [`Settings::from_toml`].
    pub(crate) fn of_run(text: &str, name: &str) -> Result<Self> {
        let mut settings = Self::from_toml(text, name)?;
        settings.data.pieces.get_or_insert(0);
        let model = &mut settings.model;
        model.hidden.get_or_insert_with(|| SMALL.to_vec());
        model.dropout_schedule.get_or_insert(DropoutSchedule::Constant);
        model.input_scale.get_or_insert(false);
        model.members.get_or_insert(1);
        Ok(settings)
    }

    /// The settings as TOML, which [`Settings::from_toml`] reads back.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("settings are tables of plain values")
    }

    /// Checks everything that can be known without the data.
    ///
    /// # Errors
    /// The first setting that is wrong, with what it should be.
    pub fn check(&self) -> Result<()> {
        // an optimizer of nothing: its builder knows the range of every setting
        Optimizer::builder(self.optimizer.rule()?).clip(self.optimizer.clip()).build([])?;
        self.optimizer.learning_rate()?;
        if self.optimizer.chooses_rate() && registry::find(&self.optimizer.name)?.traits.learning_rate_free {
            return Err(Error::BadSetting {
                key: "optimizer.lr",
                found: format!("auto with {}", self.optimizer.name),
                expected: "nothing, or a number: this optimizer finds its own step size".into(),
            });
        }
        let splits = self.optimizer.lr_splits.unwrap_or(1);
        require("optimizer.lr_splits", splits, (1..=50).contains(&splits), "at least 1 and at most 50")?;
        self.schedule.rate(registry::find(&self.optimizer.name)?, 1000)?;
        require("train.epochs", 0, self.train.epochs != Some(0), "at least 1")?;
        self.train.stop()?;
        let fraction = |x: f64| (0.0..1.0).contains(&x);
        for (key, x) in [
            ("data.validation", self.data.validation),
            ("data.test", self.data.test),
            ("model.dropout", self.model.dropout),
            ("loss.label_smoothing", self.loss.label_smoothing),
        ] {
            require(key, x, fraction(x), "a fraction in [0, 1)")?;
        }
        let delta = self.loss.delta;
        require("loss.delta", delta, delta > 0.0 && delta.is_finite(), "a finite number above 0")?;
        for width in self.model.hidden.iter().flatten() {
            require("model.hidden", width, (1..=65_536).contains(width), "widths of 1 to 65536")?;
        }
        let members = self.model.members.unwrap_or(1);
        let expected = "at least 1 and at most 256";
        require("model.members", members, (1..=MOST_MEMBERS).contains(&members), expected)?;
        let expected = "one member where layers are normalized";
        require("model.members", members, members == 1 || !self.model.layer_norm, expected)?;
        let pieces = self.data.pieces.unwrap_or(0);
        require("data.pieces", pieces, pieces <= 1024, "at most 1024")?;
        require("train.keep", 0, self.train.keep > 0, "at least 1")?;
        require("train.threads", 0, self.train.threads != Some(0), "at least 1")?;
        let device = &self.train.device;
        let known = ["cpu", "flex"].contains(&device.as_str());
        require("train.device", device, known, "cpu: this program is built with burn's CPU backend only")
    }
}

/// Refuses a setting whose value is not `ok`.
fn require(key: &'static str, found: impl ToString, ok: bool, expected: &str) -> Result<()> {
    if ok {
        Ok(())
    } else {
        Err(Error::BadSetting { key, found: found.to_string(), expected: expected.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run of a version that did not know of them goes on without them.
    #[test]
    fn what_older_runs_do_not_say_is_as_it_was() {
        let old = "[model]\nkind = 'mlp'\nhidden = [9]\ndropout = 0.1\n[schedule]\nname = 'cosine'\n[train]\npatience = 10";
        let settings = Settings::of_run(old, "test").unwrap();
        let ModelSettings { hidden, dropout_schedule, input_scale, members, .. } = settings.model;
        assert_eq!(settings.data.pieces, Some(0));
        assert_eq!((hidden, input_scale, members), (Some(vec![9]), Some(false), Some(1)));
        assert_eq!(dropout_schedule, Some(DropoutSchedule::Constant));
        let all = Settings::of_run("", "test").unwrap();
        assert_eq!(all.model.hidden, Some(SMALL.to_vec()));
    }

    #[test]
    fn clips_come_one_after_another() {
        let text = "[optimizer]\nclip_value = 0.5\nclip_norm = 1.0\nclip_adaptive = 0.01";
        let settings = Settings::from_toml(text, "test").unwrap();
        let clips = settings.optimizer.clip();
        let adaptive = Clip::Adaptive { factor: 0.01, eps: 1e-3 };
        assert_eq!(clips.as_slice(), [Clip::GlobalNorm(1.0), adaptive, Clip::Value(0.5)]);
        settings.check().unwrap();
    }

    #[test]
    fn dropout_fades_in_the_second_half() {
        let factors =
            |schedule: DropoutSchedule| [0.0, 0.5, 0.75, 1.0, 2.0].map(|part| schedule.factor(part));
        assert_eq!(factors(DropoutSchedule::Constant), [1.0; 5]);
        let fading = factors(DropoutSchedule::FlatCosine);
        assert_eq!(fading[..2], [1.0; 2]);
        assert!((fading[2] - 0.5).abs() < 1e-12 && fading[3].abs() < 1e-12 && fading[4].abs() < 1e-12);
    }
}
