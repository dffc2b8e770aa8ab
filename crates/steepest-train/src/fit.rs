//! The loop: epochs of steps, the best weights kept, the rules asked when to stop.

use crate::error::Result;
use crate::event::{
    EVENT_EVERY, EpochDone, Event, Go, Health, Observer, Score, Start, StepDone, Stopped, Summary, TensorLine,
};
use crate::loss::Loss;
use crate::model::Model;
use crate::network;
use crate::run::{Out, RunDir};
use crate::score::Criterion;
use crate::settings::{Batch, ClassWeights, LossKind, OptimizerSettings, Rate, Settings};
use std::time::Instant;
use steepest::stop::{Progress, Stopper};
use steepest::{Group, NonFinite, Optimizer, StepArgs, Verdict};
use steepest_burn::BurnOptimizer;
use steepest_data::{BatchSize, Batches, Part, Prepared, Source, Targets, Task, load, prepare};

/// Trains a network: reads and encodes the data, trains, keeps the best weights, writes the run
/// directory.
///
/// The same settings give the same weights, for any number of threads.
///
/// # Errors
/// Bad settings and bad data, before any directory is made. A run that diverges or meets a gradient
/// that is not finite is no error: its [`Summary`] says so.
pub fn fit(settings: &Settings, out: &Out, observer: &mut dyn Observer) -> Result<Summary> {
    settings.check()?;
    out.check()?;
    let threads =
        settings.train.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| crate::Error::file("threads", e))?;
    let source = settings.data.source();
    let loaded = load(&source, &settings.data.read_options())?;
    let prepared = prepare(&loaded, &settings.data.prepare_options(settings.train.seed))?;
    drop(loaded);
    let name = match &source {
        Source::Builtin(name) => name.clone(),
        Source::File(path) => path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
    };
    // burn's backend and the optimizer both use the pool that they are called from
    pool.install(|| Session::new(settings, prepared, out, &name)?.run(observer))
}

/// One run.
struct Session {
    settings: Settings,
    data: Prepared,
    model: Model,
    optimizer: BurnOptimizer<Model>,
    loss: Loss,
    criterion: Criterion,
    batches: Batches,
    rate: Rate,
    lr: f64,
    epochs: u64,
    dir: RunDir,
    health: Health,
}

/// Sums over the steps of one epoch.
#[derive(Default)]
struct Sums {
    loss: f64,
    samples: f64,
    norm: f64,
    clipped: u64,
    skipped: u64,
    steps: u64,
}

/// The weights to keep.
struct Best {
    epoch: u64,
    loss: f64,
    weights: Vec<(String, Vec<usize>, Vec<f32>)>,
}

impl Session {
    fn new(settings: &Settings, data: Prepared, out: &Out, name: &str) -> Result<Self> {
        let mut settings = settings.clone();
        let rows = data.train.features.rows;
        let entry = steepest::registry::find(&settings.optimizer.name)?;
        let usual = if entry.traits.full_batch { BatchSize::Full } else { default_batch(rows) };
        let batch = *settings.train.batch.get_or_insert(Batch(usual));
        let batches = Batches::new(rows, batch.0, settings.train.seed)?;
        let per_epoch = batches.per_epoch() as u64;
        let epochs = *settings.train.epochs.get_or_insert_with(|| {
            // with a limit on steps, that is the limit
            let images = network::suits_convolution(&data.encoder);
            let usual = default_epochs(per_epoch, images);
            settings.train.max_steps.map_or(usual, |steps| steps.div_ceil(per_epoch).max(1))
        });
        settings.train.patience.get_or_insert((epochs / 3).max(10));
        settings.optimizer.resolve()?;
        let lr = settings.optimizer.learning_rate()?;
        let total = (epochs * per_epoch).min(settings.train.max_steps.unwrap_or(u64::MAX));
        settings.schedule.resolve(entry);
        let rate = settings.schedule.rate(total)?;
        network::resolve(&mut settings, &data.encoder)?;
        let model = network::build(&settings, &data.encoder, &network::device(true))?;
        let optimizer = make_optimizer(&settings.optimizer, &model, per_epoch)?;
        let loss = network::loss(&settings, &data)?;
        let criterion = Criterion { task: data.task, kind: settings.loss.kind, delta: settings.loss.delta };
        let dir = RunDir::create(out, name)?;
        dir.write("settings.toml", &settings.to_toml())?;
        dir.write("encoder.json", &data.encoder.to_json())?;
        let health = Health::default();
        Ok(Self { settings, data, model, optimizer, loss, criterion, batches, rate, lr, epochs, dir, health })
    }

    fn run(mut self, observer: &mut dyn Observer) -> Result<Summary> {
        let began = Instant::now();
        let mut go = Go::On;
        let mut tell = |event: Event| {
            if observer.observe(&event) == Go::Stop {
                go = Go::Stop;
            }
            go
        };
        for note in &self.data.notes {
            tell(Event::Note(note.clone()));
        }
        tell(Event::Start(self.start()));
        let metric_name =
            if self.data.validation.features.rows > 0 { "validation loss" } else { "training loss" };
        let (each_step, each_epoch) = self.settings.train.stop()?;
        let mut step_rules = Stopper::new(each_step)?;
        let mut epoch_rules = Stopper::new(each_epoch)?.with_metric_name(metric_name);
        let mut best: Option<Best> = None;
        let (mut step, mut epoch, mut clipped) = (0, 0, 0);
        let samples = self.data.train.features.rows as f64;
        let stopped = 'run: loop {
            epoch += 1;
            let epoch_began = Instant::now();
            let mut sums = Sums::default();
            let mut last_event = None;
            let mut lr = 0.0;
            // the order is made once and borrowed for the epoch
            let mut batches = std::mem::replace(&mut self.batches, Batches::new(1, BatchSize::One, 0)?);
            let mut ended = None;
            for batch in batches.epoch(epoch - 1) {
                lr = self.lr
                    * match &self.rate {
                        Rate::Function(schedule) => schedule.factor(step),
                        Rate::Plateau(plateau) => plateau.factor(),
                    };
                let outcome = self.step(batch, step, lr)?;
                let (loss, report) = match outcome {
                    Ok(done) => done,
                    Err(error) => {
                        ended = Some(Stopped::NonFinite(error));
                        break;
                    }
                };
                step += 1;
                sums.steps += 1;
                sums.loss += loss * batch.len() as f64;
                sums.samples += batch.len() as f64;
                sums.norm += report.gradient_norm.unwrap_or(0.0);
                sums.clipped += u64::from(report.clip_factor < 1.0);
                sums.skipped += u64::from(report.skipped.is_some());
                let progress = Progress {
                    step,
                    epoch: (epoch - 1) as f64 + sums.samples / samples,
                    elapsed: began.elapsed(),
                    loss: Some(loss),
                    gradient_norm: report.gradient_norm,
                    ..Progress::default()
                };
                if let Some(reason) = step_rules.observe(&progress) {
                    ended = Some(Stopped::Rule(reason));
                    break;
                }
                if last_event.is_none_or(|at: Instant| at.elapsed() >= EVENT_EVERY) {
                    last_event = Some(Instant::now());
                    let speed = sums.samples / epoch_began.elapsed().as_secs_f64().max(1e-9);
                    let left = samples * (self.epochs - epoch + 1) as f64 - sums.samples;
                    let event = StepDone {
                        step,
                        epoch,
                        loss: sums.loss / sums.samples,
                        lr,
                        samples_per_second: speed,
                        seconds_left: left / speed,
                    };
                    if tell(Event::Step(event)) == Go::Stop {
                        ended = Some(Stopped::Interrupted);
                        break;
                    }
                }
            }
            self.batches = batches;
            clipped += sums.clipped;
            self.health.skipped += sums.skipped;
            if let Some(Stopped::NonFinite(_)) = ended {
                break 'run ended.expect("just matched");
            }
            // where an optimizer means other weights than it trains, those are judged and kept
            let meant = match self.optimizer.optimizer().evaluates() {
                true => Some(self.optimizer.evaluation(&self.model)?),
                false => None,
            };
            let model = meant.as_ref().unwrap_or(&self.model);
            let score = self.score(model, &self.data.validation);
            let train_loss = sums.loss / sums.samples;
            let metric = score.map_or(train_loss, |s| s.loss);
            let improved = metric.is_finite() && best.as_ref().is_none_or(|b| metric < b.loss);
            if improved {
                best = Some(Best { epoch, loss: metric, weights: steepest_burn::named_tensors(model) });
            }
            let seconds = began.elapsed().as_secs_f64();
            let norm = sums.norm / sums.steps as f64;
            if epoch == 1 {
                self.health.gradient_norm[0] = norm;
            }
            self.health.gradient_norm[1] = norm;
            let done = EpochDone {
                epoch,
                step,
                seconds,
                lr,
                train_loss,
                validation_loss: score.map(|s| s.loss),
                validation_metric: score.and_then(|s| s.accuracy.or(s.rmse)),
                gradient_norm: norm,
                clipped: sums.clipped as f64 / sums.steps as f64,
                skipped: sums.skipped,
                samples_per_second: sums.samples / epoch_began.elapsed().as_secs_f64().max(1e-9),
                best: improved,
            };
            self.dir.epoch(&done)?;
            if let Rate::Plateau(plateau) = &mut self.rate {
                plateau.observe(metric);
            }
            let go = tell(Event::Epoch(done));
            if let Some(ended) = ended {
                break 'run ended;
            }
            let progress = Progress {
                step,
                epoch: epoch as f64,
                elapsed: began.elapsed(),
                loss: Some(train_loss),
                metric: Some(metric),
                gradient_norm: None,
                ..Progress::default()
            };
            if let Some(reason) = epoch_rules.observe(&progress) {
                break 'run Stopped::Rule(reason);
            }
            if go == Go::Stop {
                break 'run Stopped::Interrupted;
            }
        };
        // a run that broke off before its first epoch keeps the weights that it has
        let best_epoch = best.as_ref().map_or(0, |b| b.epoch);
        if let Some(best) = &best {
            steepest_burn::load_named_tensors(&mut self.model, &best.weights)?;
        }
        let seconds = began.elapsed().as_secs_f64();
        tell(Event::Stop { reason: stopped.clone(), best_epoch });
        self.finish(stopped, epoch, best_epoch, step, clipped, seconds)
    }

    /// One step: the loss before it and what the optimizer reports, or the optimizer's refusal of a
    /// gradient that is not finite.
    fn step(
        &mut self,
        batch: &[usize],
        step: u64,
        lr: f64,
    ) -> Result<std::result::Result<(f64, steepest::StepReport), steepest::Error>> {
        let train = &self.data.train;
        let inputs = network::rows(&train.features, batch);
        let outputs = self.model.forward_training(inputs, self.settings.train.seed, step);
        let loss = match &train.targets {
            Targets::Values(values) => self.loss.values(outputs, &pick(values, batch)),
            Targets::Classes(codes) => self.loss.classes(outputs, &pick(codes, batch)),
        };
        let value = loss.value;
        let args = StepArgs { loss: Some(value), ..StepArgs::from(lr) };
        match self.optimizer.step(args, &mut self.model, loss.backward()) {
            Ok(report) => Ok(Ok((value, report))),
            Err(steepest_burn::Error::Optimizer(e @ steepest::Error::NonFiniteGradient { .. })) => Ok(Err(e)),
            Err(error) => Err(error.into()),
        }
    }

    fn score(&self, model: &Model, part: &Part) -> Option<Score> {
        if part.features.rows == 0 {
            return None;
        }
        let outputs = network::outputs(model, &part.features);
        self.criterion.score(&outputs, &part.targets, &self.data.encoder)
    }

    fn start(&self) -> Start {
        let rows = [&self.data.train, &self.data.validation, &self.data.test].map(|p| p.features.rows);
        Start {
            run: self.dir.path().to_owned(),
            task: task_name(self.data.task),
            model: network::describe(&self.settings, &self.data.encoder),
            optimizer: describe_optimizer(&self.settings.optimizer, self.lr),
            parameters: self.parameters(),
            rows,
            features: self.data.train.features.width,
            batch: self.batches.size(),
            epochs: self.epochs,
            steps_per_epoch: self.batches.per_epoch() as u64,
            metric: if self.data.task == Task::Regression { "rmse" } else { "accuracy" },
        }
    }

    fn parameters(&self) -> usize {
        self.optimizer.optimizer().params().iter().map(steepest::Param::len).sum()
    }

    fn finish(
        mut self,
        stopped: Stopped,
        epochs: u64,
        best_epoch: u64,
        steps: u64,
        clipped: u64,
        seconds: f64,
    ) -> Result<Summary> {
        let optimizer = self.optimizer.optimizer();
        self.health.clipped = clipped as f64 / steps.max(1) as f64;
        self.health.tensors = optimizer
            .params()
            .iter()
            .zip(optimizer.health())
            .map(|(param, health)| TensorLine {
                name: param.name.clone(),
                gradient_norm: health.usual_norm(),
                zeros: health.zeros,
                update_ratio: health.update_ratio,
                exploded: health.exploded,
                vanished: health.vanished,
            })
            .collect();
        let mut because = stopped.to_string();
        if let Stopped::Rule(reason) = &stopped
            && reason.is_failure()
        {
            because += &self.blame(steps);
        }
        steepest_burn::save_weights(&self.model, self.dir.path().join("weights.safetensors"))?;
        optimizer.save(self.dir.path().join("optimizer.safetensors"))?;
        let summary = Summary {
            run: self.dir.path().to_owned(),
            task: task_name(self.data.task).to_owned(),
            optimizer: self.settings.optimizer.name.clone(),
            lr: self.lr,
            batch: self.batches.size(),
            epochs,
            best_epoch,
            steps,
            seconds,
            stopped_by: stopped.name(),
            stopped_because: because,
            parameters: self.parameters(),
            train: self.score(&self.model, &self.data.train).unwrap_or(NO_ROWS),
            validation: self.score(&self.model, &self.data.validation),
            test: self.score(&self.model, &self.data.test),
            health: self.health.clone(),
        };
        let text = serde_json::to_string_pretty(&summary).expect("plain values");
        self.dir.write("summary.json", &text)?;
        Ok(summary)
    }

    /// For a run whose loss ran away: the tensor whose gradient stands out, and what to change.
    fn blame(&self, step: u64) -> String {
        let optimizer = self.optimizer.optimizer();
        let ratio = |h: &steepest::TensorHealth| h.norm / h.usual_norm().max(f64::MIN_POSITIVE);
        let worst = optimizer
            .params()
            .iter()
            .zip(optimizer.health())
            .max_by(|a, b| ratio(&a.1).total_cmp(&ratio(&b.1)));
        let Some((param, health)) = worst else { return String::new() };
        let word = if health.verdict == Verdict::Exploding { "exploded" } else { "grew most" };
        format!(
            "; at step {step} the gradient of `{}` {word}, its norm being {:.3e}; try a smaller learning rate \
             than {}, or clip with --clip-norm 1",
            param.name, health.norm, self.lr
        )
    }
}

/// Never seen: a part that is scored as a whole run's training part has rows.
const NO_ROWS: Score = Score { loss: f64::NAN, accuracy: None, rmse: None, mae: None, r2: None };

fn pick<T: Copy>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().map(|row| values[*row]).collect()
}

/// More rows, larger batches: about as many steps in an epoch, and enough noise in small data.
fn default_batch(rows: usize) -> BatchSize {
    BatchSize::N(match rows {
        0..2_000 => 32,
        2_000..10_000 => 64,
        10_000..50_000 => 128,
        _ => 256,
    })
}

/// About 8000 steps for tables and 2000, which cost more, for images; but every row at least ten times
/// and at most two hundred.
fn default_epochs(steps_per_epoch: u64, images: bool) -> u64 {
    let steps = if images { 2_000 } else { 8_000 };
    (steps / steps_per_epoch.max(1)).clamp(10, 200)
}

fn make_optimizer(
    settings: &OptimizerSettings,
    model: &Model,
    steps_per_epoch: u64,
) -> Result<BurnOptimizer<Model>> {
    let policy = if settings.skip_non_finite { NonFinite::Skip } else { NonFinite::Error };
    let mut builder = Optimizer::builder(settings.rule()?)
        .clip(settings.clip()?)
        .non_finite(policy)
        .measure_updates(steps_per_epoch.max(1));
    if !settings.decay_all {
        // biases and the scales of normalizations do not overfit, and pulling them to zero harms
        builder = builder.group(Group::rank_at_most(1).weight_decay(0.0));
    }
    Ok(BurnOptimizer::new(builder, model)?)
}

fn describe_optimizer(settings: &OptimizerSettings, lr: f64) -> String {
    let mut text = format!("{} lr {lr}", settings.name);
    for (key, value) in &settings.settings {
        text += &format!(", {key} {value}");
    }
    text
}

fn task_name(task: Task) -> &'static str {
    match task {
        Task::Regression => "regression",
        Task::Binary => "binary",
        Task::Classes(_) => "classes",
    }
}

/// The weight of each class in the loss; `None` when all count alike.
pub(crate) fn class_weights(settings: &Settings, data: &Prepared) -> Result<Option<Vec<f32>>> {
    let count = data.task.class_count();
    let codes = match (&data.train.targets, &settings.loss.class_weights) {
        (_, ClassWeights::Equal) => return Ok(None),
        (Targets::Values(_), _) => {
            return Err(crate::Error::BadSetting {
                key: "loss.class_weights",
                found: "weights of classes".into(),
                expected: "none: a number is predicted".into(),
            });
        }
        (Targets::Classes(codes), _) => codes,
    };
    let weights = match &settings.loss.class_weights {
        ClassWeights::Given(weights) => {
            if weights.len() != count || weights.iter().any(|w| !(*w >= 0.0 && w.is_finite())) {
                return Err(crate::Error::BadSetting {
                    key: "loss.class_weights",
                    found: format!("{weights:?}"),
                    expected: format!("{count} finite numbers of at least 0, one for each class"),
                });
            }
            weights.iter().map(|w| *w as f32).collect()
        }
        _ => {
            let mut seen = vec![0u64; count];
            for code in codes {
                seen[*code as usize] += 1;
            }
            let fair = codes.len() as f64 / count as f64;
            seen.iter().map(|n| (fair / (*n).max(1) as f64) as f32).collect()
        }
    };
    Ok(Some(weights))
}

/// The loss that `auto` stands for.
pub(crate) fn resolve_loss(kind: LossKind, task: Task) -> Result<LossKind> {
    match (kind, task) {
        (LossKind::Auto, Task::Regression) => Ok(LossKind::SquaredError),
        (LossKind::Auto, _) => Ok(LossKind::CrossEntropy),
        (LossKind::CrossEntropy, Task::Regression) => Err(crate::Error::Unsuitable {
            reason: "cross-entropy needs classes, and the target is a number".into(),
            remedy: "use squared_error or huber, or ask for classes with --task classes".into(),
        }),
        (LossKind::SquaredError | LossKind::Huber, Task::Binary | Task::Classes(_)) => {
            Err(crate::Error::Unsuitable {
                reason: "squared and Huber's error need a number, and the target is a class".into(),
                remedy: "use cross_entropy, or ask for a number with --task regression".into(),
            })
        }
        (kind, _) => Ok(kind),
    }
}
