//! Everything that settings leave open, decided by the data, with the reason of each decision.

use crate::batch::Batch;
use crate::data_settings::USUAL_PIECES;
use crate::error::{Error, Result};
use crate::learning_rate::LearningRate;
use crate::loss::Loss;
use crate::model::ModelConfig;
use crate::model_settings::{DropoutSchedule, ModelKind, SMALL, WIDE};
use crate::preset::{Preset, USUAL_MEMBERS};
use crate::settings::{ClassWeights, LossKind, ScheduleSettings, Settings, usual_weight_decay};
use serde::Serialize;
use steepest::registry::{self, Entry};
use steepest::settings::Value;
use steepest_data::{AnyEncoder, BatchSize, Batches, Prepared, Targets, Task};

/// The settings of a run with nothing left open.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The settings with what was decided: what `settings.toml` holds, so that it repeats the run.
    pub settings: Settings,
    /// What was decided, in the order of the decisions. What was given is not among them.
    pub decisions: Vec<Decision>,
    /// The learning rate at its highest.
    pub lr: f64,
    /// How many samples a step sees.
    pub batch: BatchSize,
    /// Most epochs.
    pub epochs: u64,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// Most steps: those of all epochs, or fewer.
    pub total_steps: u64,
    /// Steps of linear warm-up before the schedule.
    pub warmup: u64,
    /// The network.
    pub model: ModelConfig,
    /// The training loss, with the weight of each class.
    pub loss: Loss,
}

/// A setting that was left open, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The setting, as `table.key`.
    pub key: &'static str,
    /// Its value, as a settings file would hold it.
    pub value: String,
    /// Why.
    pub because: String,
}

#[derive(Default)]
struct Decisions(Vec<Decision>);

impl Decisions {
    fn note(&mut self, key: &'static str, value: impl Serialize, because: impl Into<String>) {
        let value = match serde_json::to_value(value) {
            Ok(serde_json::Value::String(word)) => word,
            Ok(value) => value.to_string(),
            Err(error) => error.to_string(),
        };
        self.0.push(Decision { key, value, because: because.into() });
    }

    /// The setting, which becomes `usual` if nothing is given.
    fn fill<T: Clone + Serialize>(
        &mut self,
        key: &'static str,
        setting: &mut Option<T>,
        usual: impl FnOnce() -> (T, String),
    ) -> T {
        let given = setting.take();
        let value = given.unwrap_or_else(|| {
            let (value, because) = usual();
            self.note(key, &value, because);
            value
        });
        setting.insert(value).clone()
    }
}

impl Settings {
    /// Decides everything that these settings leave open.
    ///
    /// # Errors
    /// A network or a loss that does not suit the data, weights of classes that it does not have, a batch of no
    /// samples; and what [`Settings::check`] refuses of the optimizer and the schedule.
    pub fn resolve(&self, data: &Prepared) -> Result<Resolved> {
        let mut settings = self.clone();
        let mut decisions = Decisions::default();
        let optimizer = registry::find(&self.optimizer.name)?;
        let rows = data.train.features.rows;

        let model = decide_network(&mut decisions, &mut settings, data, optimizer)?;
        let is_table = matches!(data.encoder, AnyEncoder::Table(_));
        let name = decisions.fill("schedule.name", &mut settings.schedule.name, || {
            usual_schedule(&self.schedule, optimizer, is_table)
        });

        let train = &mut settings.train;
        let batch =
            decisions.fill("train.batch", &mut train.batch, || usual_batch(rows, is_table, optimizer)).0;
        let steps_per_epoch = Batches::new(rows, batch, train.seed)?.per_epoch() as u64;
        let max_steps = train.max_steps;
        let (images, preset) = (suits_convolution(&data.encoder), train.preset);
        let epochs = decisions.fill("train.epochs", &mut train.epochs, || {
            let (epochs, because) = match (max_steps, is_table && !optimizer.traits.full_batch) {
                (Some(steps), _) => {
                    return (steps.div_ceil(steps_per_epoch).max(1), format!("enough for {steps} steps"));
                }
                (None, true) => usual_epochs_of_tables(rows, steps_per_epoch, model.parameters_of_one()),
                (None, false) => usual_epochs(steps_per_epoch, images),
            };
            match preset {
                Preset::Fast => {
                    ((epochs / 4).max(1), format!("{because}; a quarter of them: the preset is fast"))
                }
                Preset::Default => (epochs, because),
                Preset::Best => (2 * epochs, format!("{because}; twice as many: the preset is best")),
            }
        });
        let all = epochs.saturating_mul(steps_per_epoch);
        let total_steps = all.min(max_steps.unwrap_or(u64::MAX));
        if max_steps.is_none() {
            decisions.note("train.max_steps", all, format!("{epochs} epochs of {steps_per_epoch} steps"));
        }
        let rate = settings.schedule.rate(optimizer, total_steps)?;
        decisions.fill("train.patience", &mut settings.train.patience, || {
            match is_table && rate.ends_low(total_steps) {
                true => (0, "the best weights come where the learning rate has fallen".to_owned()),
                false => ((epochs / 3).max(10), "a third of the epochs, at least 10".to_owned()),
            }
        });

        let lr = settings.optimizer.learning_rate()?;
        decisions.fill("optimizer.lr", &mut settings.optimizer.lr, || {
            (LearningRate::Number(lr), format!("what {} usually begins with", optimizer.name))
        });
        let own = &mut settings.optimizer.settings;
        if let Some(decay) = usual_weight_decay(&self.optimizer.rule()?)
            && !own.contains_key("weight_decay")
        {
            own.insert("weight_decay".into(), Value::Number(decay));
            decisions.note("optimizer.weight_decay", decay, "the decay is decoupled from the gradient");
        }

        let (warmup, because) = self.schedule.warmup(&name, total_steps);
        if self.schedule.warmup.is_none() {
            decisions.note("schedule.warmup", warmup, because);
        }

        let (kind, because) = loss_kind(settings.loss.kind, data.task)?;
        if settings.loss.kind == LossKind::Auto {
            decisions.note("loss.kind", kind, because);
        }
        settings.loss.kind = kind;
        let loss = settings.loss.loss(data.task, class_weights(&settings.loss.class_weights, data)?);

        let decisions = decisions.0;
        Ok(Resolved {
            settings,
            decisions,
            lr,
            batch,
            epochs,
            steps_per_epoch,
            total_steps,
            warmup,
            model,
            loss,
        })
    }
}

/// Decides what learns, and how numbers come to it.
fn decide_network(
    decisions: &mut Decisions,
    settings: &mut Settings,
    data: &Prepared,
    optimizer: &Entry,
) -> Result<ModelConfig> {
    let preset = settings.train.preset;
    let decoupled = usual_weight_decay(&settings.optimizer.rule()?).is_some();
    let (kind, because) = model_kind(settings, &data.encoder)?;
    if settings.model.kind == ModelKind::Auto {
        decisions.note("model.kind", kind, because);
    }
    settings.model.kind = kind;
    let is_table = matches!(data.encoder, AnyEncoder::Table(_));
    let is_perceptron = kind == ModelKind::Mlp;
    decisions.fill("data.pieces", &mut settings.data.pieces, || match is_table {
        true => (USUAL_PIECES, "a network bends a number best where its rows are".to_owned()),
        false => (0, "images have pixels".to_owned()),
    });
    let model = &mut settings.model;
    decisions.fill("model.hidden", &mut model.hidden, || usual_widths(is_table, preset));
    decisions.fill("model.dropout_schedule", &mut model.dropout_schedule, || match is_table {
        true => (DropoutSchedule::FlatCosine, "the end of a run is for what is fine".to_owned()),
        false => (DropoutSchedule::Constant, "the rows are images".to_owned()),
    });
    let suits_scale = is_table && is_perceptron && decoupled && !optimizer.traits.learning_rate_free;
    decisions.fill("model.input_scale", &mut model.input_scale, || match suits_scale {
        true => (true, "an input that says nothing is turned down".to_owned()),
        false => (
            false,
            "it suits perceptrons over tables, and rules whose steps have the size of the rate".to_owned(),
        ),
    });
    let can = is_table && is_perceptron && !model.layer_norm && optimizer.traits.elementwise;
    let rows = data.train.features.rows;
    decisions.fill("model.members", &mut model.members, || match preset {
        Preset::Best if can => (USUAL_MEMBERS, "the preset is best".to_owned()),
        Preset::Default if can && rows < FEW_ROWS => {
            (2, format!("there are {rows} training rows, which cost little"))
        }
        _ => (1, "more cost as many times as much".to_owned()),
    });
    if model.members.unwrap_or(1) > 1 && !optimizer.traits.elementwise {
        return Err(Error::Unsuitable {
            reason: "the optimizer looks at matrices, and the weights of several members are several of them",
            remedy: "train one member, or take an optimizer that treats each weight by itself",
            keys: &["model.members", "optimizer.name"],
        });
    }
    Ok(settings.model.config(&data.encoder))
}

/// Copies of all weights that training holds: the weights, their gradient, the best so far and at most four arrays of
/// state.
const COPIES_IN_TRAINING: u64 = 7;
/// And all of these but the gradient four times more: a snapshot that is made, one that waits, one that is written, and its
/// file; of that one, weights and the best also as bytes.
const COPIES: u64 = COPIES_IN_TRAINING + 4 * 6 + 2;
/// Copies of what a row is on its way through the network: forward, backward, and between.
const PASSES: u64 = 3;

impl Resolved {
    /// Refuses a network that memory does not hold, before it is made.
    pub(crate) fn check_memory(&self, rows: usize) -> Result<()> {
        let batch = match self.batch {
            BatchSize::Full => rows,
            BatchSize::N(size) => size.min(rows),
            BatchSize::One => 1,
        } as u64;
        let weights = self.model.parameters().saturating_mul(4 * COPIES);
        let passes = self.model.values_of_a_row().saturating_mul(batch).saturating_mul(4 * PASSES);
        self.check_allowed(weights.saturating_add(passes), format!("training {}", self.model))
    }

    /// Refuses so many trainings side by side, of which none is saved, where memory does not hold them.
    pub(crate) fn check_memory_of_trainings(&self, trainings: usize) -> Result<()> {
        let weights = self.model.parameters().saturating_mul(4 * COPIES_IN_TRAINING);
        let what = format!("choosing among {trainings} trainings of {} at once", self.model);
        self.check_allowed(weights.saturating_mul(trainings as u64), what)
    }

    fn check_allowed(&self, needed: u64, what: String) -> Result<()> {
        match self.settings.data.max_memory() {
            Some(allowed) if needed > allowed => Err(Error::TooLarge { what, needed, allowed }),
            _ => Ok(()),
        }
    }
}

/// Fewer training rows than these are learned by two members: noise counts for more, and time for less.
const FEW_ROWS: usize = 4_000;

/// Widths of the hidden layers: for tables chosen in docs/tables.md.
fn usual_widths(is_table: bool, preset: Preset) -> (Vec<usize>, String) {
    match (is_table, preset) {
        (false, _) => (SMALL.to_vec(), "the rows are images".to_owned()),
        (true, Preset::Fast) => (SMALL.to_vec(), "the preset is fast".to_owned()),
        (true, _) => (WIDE.to_vec(), "the rows are a table".to_owned()),
    }
}

/// A curve that suits the optimizer and the rows: that of tables falls several times, so that noisy ones keep weights of an early
/// low rate.
fn usual_schedule(settings: &ScheduleSettings, optimizer: &Entry, is_table: bool) -> (String, String) {
    let traits = &optimizer.traits;
    if is_table && !traits.schedule_free && !traits.learning_rate_free && !traits.full_batch {
        let because = "several cycles: of noisy rows the best weights come early, of others late";
        return ("cosine_log".to_owned(), because.to_owned());
    }
    let because = match traits.schedule_free {
        true => "the optimizer averages its weights instead of a schedule",
        false => "it suits a run of known length",
    };
    (settings.name(optimizer).to_owned(), because.to_owned())
}

/// More rows, larger batches: about as many steps in an epoch, and enough noise in small data.
fn usual_batch(rows: usize, is_table: bool, optimizer: &Entry) -> (Batch, String) {
    if optimizer.traits.full_batch {
        return (Batch(BatchSize::Full), format!("{} needs the gradient of all data", optimizer.name));
    }
    let size = match (rows, is_table) {
        (0..1_000, true) | (0..2_000, false) => 32,
        (..4_000, true) | (..10_000, false) => 64,
        (..10_000, true) | (..50_000, false) => 128,
        _ => 256,
    };
    (Batch(BatchSize::N(size)), format!("there are {rows} training rows"))
}

/// About 8000 steps for small images and 2000, which cost more, for large ones; but every row at least ten times and at most two hundred.
fn usual_epochs(steps_per_epoch: u64, images: bool) -> (u64, String) {
    let steps = if images { 2_000 } else { 8_000 };
    let epochs = (steps / steps_per_epoch.max(1)).clamp(10, 200);
    (epochs, format!("about {steps} steps of {steps_per_epoch} an epoch, but 10 to 200 epochs"))
}

/// By what a row may cost, in multiplications and additions: a network of many inputs sees it less often. Few rows are seen until
/// there were two thousand steps.
fn usual_epochs_of_tables(rows: usize, steps_per_epoch: u64, parameters: u64) -> (u64, String) {
    let allowed = match rows {
        0..20_000 => 28_000_000,
        20_000..100_000 => 17_000_000,
        _ => 10_000_000u64,
    };
    // forward, and backward by weights and by values
    let of_epoch = 6 * parameters.max(1);
    let epochs = (allowed / of_epoch).clamp(20, 100);
    match 2_000u64.div_ceil(steps_per_epoch.max(1)).min(200) {
        more if more > epochs => {
            (more, format!("about 2000 steps of {steps_per_epoch} an epoch, but at most 200 epochs"))
        }
        _ => (
            epochs,
            format!(
                "about {} million operations for each of {rows} rows, {:.1} an epoch, but 20 to 100 epochs",
                allowed / 1_000_000,
                of_epoch as f64 * 1e-6
            ),
        ),
    }
}

/// Whether the rows are images large enough that a convolutional network is worth its time: below 16
/// pixels a side, a perceptron is as good and ten times as fast.
fn suits_convolution(encoder: &AnyEncoder) -> bool {
    encoder.image_shape().is_some_and(|[_, height, width]| height.min(width) >= 16)
}

/// The network that `auto` stands for.
fn model_kind(settings: &Settings, encoder: &AnyEncoder) -> Result<(ModelKind, &'static str)> {
    match settings.model.kind {
        ModelKind::Auto if suits_convolution(encoder) && settings.model.members.unwrap_or(1) == 1 => {
            Ok((ModelKind::Cnn, "the rows are images of at least 16 pixels a side"))
        }
        ModelKind::Auto if settings.model.hidden.as_ref().is_some_and(Vec::is_empty) => {
            Ok((ModelKind::Linear, "there are no hidden layers"))
        }
        ModelKind::Auto => Ok((ModelKind::Mlp, "the rows are a table or small images")),
        ModelKind::Cnn if encoder.image_shape().is_none() => Err(Error::Unsuitable {
            reason: "a convolutional network needs images, and the data is a table",
            remedy: "set model.kind to mlp",
            keys: &["model.kind"],
        }),
        ModelKind::Cnn if settings.model.members.unwrap_or(1) > 1 => Err(Error::Unsuitable {
            reason: "several members are perceptrons, and the network is convolutional",
            remedy: "set model.members to 1, or model.kind to mlp",
            keys: &["model.members", "model.kind"],
        }),
        kind => Ok((kind, "given")),
    }
}

/// The loss that `auto` stands for.
fn loss_kind(kind: LossKind, task: Task) -> Result<(LossKind, &'static str)> {
    match (kind, task) {
        (LossKind::Auto, Task::Regression) => Ok((LossKind::SquaredError, "the target is a number")),
        (LossKind::Auto, _) => Ok((LossKind::CrossEntropy, "the target is a class")),
        (LossKind::CrossEntropy, Task::Regression) => Err(Error::Unsuitable {
            reason: "cross-entropy needs classes, and the target is a number",
            remedy: "set loss.kind to squared_error or huber, or data.task to classes",
            keys: &["loss.kind", "data.task"],
        }),
        (LossKind::SquaredError | LossKind::Huber, Task::Binary | Task::Classes(_)) => {
            Err(Error::Unsuitable {
                reason: "squared and Huber's error need a number, and the target is a class",
                remedy: "set loss.kind to cross_entropy, or data.task to regression",
                keys: &["loss.kind", "data.task"],
            })
        }
        (kind, _) => Ok((kind, "given")),
    }
}

/// The weight of each class in the loss; `None` when all count alike.
fn class_weights(weights: &ClassWeights, data: &Prepared) -> Result<Option<Vec<f32>>> {
    let refuse = |found: String, expected: String| {
        Err(Error::BadSetting { key: "loss.class_weights", found, expected })
    };
    let count = data.task.class_count();
    match (weights, &data.train.targets) {
        (ClassWeights::Equal, _) => Ok(None),
        (_, Targets::Values(_)) => refuse("weights of classes".into(), "none: a number is predicted".into()),
        (ClassWeights::Given(weights), Targets::Classes(_)) => {
            if weights.len() != count || weights.iter().any(|w| !(*w >= 0.0 && w.is_finite())) {
                let expected = format!("{count} finite numbers of at least 0, one for each class");
                return refuse(format!("{weights:?}"), expected);
            }
            Ok(Some(weights.iter().map(|w| *w as f32).collect()))
        }
        (ClassWeights::Named(_), Targets::Classes(codes)) => {
            let mut seen = vec![0u64; count];
            for code in codes {
                seen[*code as usize] += 1;
            }
            let fair = codes.len() as f64 / count as f64;
            Ok(Some(seen.iter().map(|n| (fair / (*n).max(1) as f64) as f32).collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use steepest_data::{ReadOptions, Source, load, prepare};

    fn data(name: &str) -> Prepared {
        let loaded = load(&Source::parse(name), &ReadOptions::default()).unwrap();
        prepare(&loaded, &Default::default()).unwrap()
    }

    #[test]
    fn every_decision_has_a_reason() {
        let resolved = Settings::default().resolve(&data("digits")).unwrap();
        let decided: Vec<(&str, &str)> =
            resolved.decisions.iter().map(|decision| (decision.key, decision.value.as_str())).collect();
        let expected = [
            ("model.kind", "mlp"),
            ("data.pieces", "0"),
            ("model.hidden", "[128,64]"),
            ("model.dropout_schedule", "constant"),
            ("model.input_scale", "false"),
            ("model.members", "1"),
            ("schedule.name", "cosine"),
            ("train.batch", "32"),
            ("train.epochs", "200"),
            ("train.max_steps", "8000"),
            ("train.patience", "66"),
            ("optimizer.lr", "0.003"),
            ("optimizer.weight_decay", "0.1"),
            ("schedule.warmup", "400"),
            ("loss.kind", "cross_entropy"),
        ];
        assert_eq!(decided, expected);
        assert!(resolved.decisions.iter().all(|decision| decision.because.len() > 10));
        assert_eq!((resolved.total_steps, resolved.warmup, resolved.steps_per_epoch), (8000, 400, 40));
    }

    #[test]
    fn tables_have_defaults_of_their_own() {
        let of = |toml: &str| {
            let settings = Settings::from_toml(toml, "test").unwrap();
            let options = settings.data.prepare_options(0);
            let loaded = load(&Source::parse("breast-cancer"), &ReadOptions::default()).unwrap();
            settings.resolve(&prepare(&loaded, &options).unwrap()).unwrap()
        };
        let decided = |toml: &str, key: &str| {
            let decisions = of(toml).decisions;
            decisions.iter().find(|decision| decision.key == key).map(|decision| decision.value.clone())
        };
        for (key, value) in [
            ("data.pieces", "16"),
            ("model.hidden", "[256,128]"),
            ("model.dropout_schedule", "flat_cosine"),
            ("model.input_scale", "true"),
            ("schedule.name", "cosine_log"),
            ("schedule.warmup", "0"),
            ("train.patience", "0"),
            ("model.members", "2"),
        ] {
            assert_eq!(decided("", key).as_deref(), Some(value), "{key}");
        }
        // 399 rows in batches of 32: until there were two thousand steps
        assert_eq!((of("").epochs, of("").steps_per_epoch), (154, 13));
        let fast = of("[train]\npreset = 'fast'");
        assert_eq!((fast.epochs, fast.model.members()), (38, 1));
        assert_eq!(fast.settings.model.hidden, Some(vec![128, 64]));
        let best = of("[train]\npreset = 'best'");
        assert_eq!((best.epochs, best.model.members()), (308, 4));
        // what would not suit: a scale with a large rate, cycles under a rule that finds its rate, an end without patience
        assert_eq!(decided("[optimizer]\nname = 'sgd'", "model.input_scale").as_deref(), Some("false"));
        assert_eq!(decided("[optimizer]\nname = 'prodigy'", "schedule.name").as_deref(), Some("cosine"));
        assert_eq!(decided("[optimizer]\nname = 'muon'", "model.members").as_deref(), Some("1"));
        let both = Settings::from_toml("[optimizer]\nname = 'muon'\n[model]\nmembers = 2", "test").unwrap();
        let error = both.resolve(&data("breast-cancer")).unwrap_err().to_string();
        assert!(error.contains("looks at matrices"), "{error}");
        assert_eq!(decided("[schedule]\nname = 'constant'", "train.patience").as_deref(), Some("51"));
        // a row of many inputs may be seen less often
        assert_eq!(usual_epochs_of_tables(10_000, 80, 120_000).0, 38);
        assert_eq!(usual_epochs_of_tables(10_000, 200, 1_200_000).0, 20);
        assert_eq!(usual_epochs_of_tables(40_000, 160, 60_000).0, 47);
        assert_eq!(usual_epochs_of_tables(300_000, 1200, 60_000).0, 27);
    }

    #[test]
    fn what_is_resolved_stays_as_it_is() {
        for (name, toml) in [
            ("digits", ""),
            ("diabetes", "[optimizer]\nname = 'schedule_free_sgd'\n[train]\nmax_steps = 7"),
            (
                "iris",
                "[optimizer]\nname = 'rprop'\n[model]\nhidden = []\n[schedule]\nname = 'reduce_on_plateau'",
            ),
        ] {
            let data = data(name);
            let first = Settings::from_toml(toml, "test").unwrap().resolve(&data).unwrap();
            let again =
                Settings::from_toml(&first.settings.to_toml(), "again").unwrap().resolve(&data).unwrap();
            assert_eq!(again.settings, first.settings);
            // a file holds neither the length in steps nor the warm-up: they follow from the rest
            let open = ["train.max_steps", "schedule.warmup"];
            assert!(again.decisions.iter().all(|decision| open.contains(&decision.key)), "{again:?}");
        }
    }
}
