//! The loop: epochs of steps, the best weights kept, the rules asked when to stop.

use crate::checkpoint::{self, Identity};
use crate::error::{Error, Result};
use crate::event::{EpochDone, Event, Events, Observer, Start, StepDone, Stopped};
use crate::judge::{Judge, Validation, within};
use crate::model::Model;
use crate::network;
use crate::resolve::Resolved;
use crate::run_dir::{Out, RunDir, is_finished};
use crate::save_every::SaveClock;
use crate::score::Criterion;
use crate::settings::{OptimizerSettings, Settings};
use crate::state::{Snapshot, StepTaken, Tracker};
use crate::summary::{Health, Summary, TensorLine};
use crate::trained_on::TrainedOn;
use std::path::Path;
use steepest::{Group, NonFinite, Optimizer, StepArgs, Verdict};
use steepest_burn::{BurnOptimizer, NamedTensor};
use steepest_data::{
    Batches, Held, Loaded, Prepared, ReadOptions, Source, Targets, Task, load, prepare_with,
};

/// Reads, splits and encodes the data.
fn read(settings: &Settings) -> Result<Prepared> {
    let data = &settings.data;
    let loaded = load(&data.source(), &data.read_options())?;
    // the other parts are read as the table to learn from was, whatever their own cells would tell
    let options = ReadOptions::like(&loaded, data.strict);
    let other = |file: &Option<String>| -> Result<Option<Loaded>> {
        Ok(file.as_ref().map(|file| load(&Source::parse(file), &options)).transpose()?)
    };
    let (validation, test) = (other(&data.validation_file)?, other(&data.test_file)?);
    let held = Held { validation: validation.as_ref(), test: test.as_ref() };
    Ok(prepare_with(&loaded, held, &data.prepare_options(settings.train.seed))?)
}

/// One run: data, network and optimizer, and where it is.
///
/// `fit` makes one and runs it. By itself it is for programs that go on from a [`Snapshot`]; it uses the rayon pool that
/// it is called from.
#[derive(Debug)]
pub struct Trainer {
    plan: Resolved,
    data: Prepared,
    judge: Judge,
    batches: Batches,
    dir: RunDir,
    model: Model,
    optimizer: BurnOptimizer<Model>,
    best_weights: Option<Vec<NamedTensor>>,
    tracker: Tracker,
    identity: Identity,
    saves: SaveClock,
}

impl Trainer {
    /// Reads and encodes the data, decides what is left open, and makes network, optimizer and run directory.
    ///
    /// # Errors
    /// Bad settings and bad data, before any directory is made; what the file system says.
    pub fn new(settings: &Settings, out: &Out) -> Result<Self> {
        settings.check()?;
        out.check()?;
        let data = read(settings)?;
        let name = settings.data.source().short_name();
        let trainer = Self::with(settings, data, || RunDir::create(out, &name))?;
        trainer.dir.write("settings.toml", &trainer.plan.settings.to_toml())?;
        trainer.write_what_is_known()?;
        Ok(trainer)
    }

    /// What a run leaves that is known before its first step.
    fn write_what_is_known(&self) -> Result<()> {
        let (dir, data) = (&self.dir, &self.data);
        dir.write("encoder.json", &data.encoder.to_json())?;
        dir.write("notes.txt", &(data.notes.join("\n") + "\n"))?;
        let trained_on = TrainedOn::of(&data.train.features);
        dir.write("trained_on.json", &serde_json::to_string(&trained_on).expect("plain values"))
    }

    /// Goes on with the run in a directory: from its newest checkpoint that is whole, from its beginning if it has none.
    /// `source` is where the data lies now, if not where it was.
    ///
    /// # Errors
    /// [`Error::NotARun`]; [`Error::RunFinished`]; [`Error::RunInUse`]; [`Error::OtherData`] where the data is not what it
    /// was; what [`Trainer::new`] refuses.
    pub fn resume(path: &Path, source: Option<&str>) -> Result<Self> {
        let refuse = |reason: String| Error::NotARun { path: path.to_owned(), reason };
        let text = std::fs::read_to_string(path.join("settings.toml"))
            .map_err(|error| refuse(format!("settings.toml: {error}")))?;
        let mut settings = Settings::from_toml(&text, "settings.toml")?;
        if let Some(source) = source {
            (settings.data.source, settings.data.more_files) = (source.to_owned(), Vec::new());
        }
        if is_finished(path) {
            return Err(Error::RunFinished { path: path.to_owned() });
        }
        settings.check()?;
        let saved = checkpoint::latest(path)?;
        let data = read(&settings)?;
        // before anything is written
        if let Some((_, identity, _)) = &saved {
            Identity::of(&data).check_data(identity)?;
        }
        let epochs = saved.as_ref().map_or(0, |(snapshot, ..)| snapshot.state.counters.epoch - 1);
        let mut trainer = Self::with(&settings, data, || RunDir::reopen(path, epochs))?;
        // it may have been cut before it had written them
        trainer.write_what_is_known()?;
        let Some((snapshot, identity, damaged)) = saved else { return Ok(trainer) };
        if trainer.identity.instructions != identity.instructions {
            trainer.data.notes.insert(0, format!(
                "the run began on a processor with {}, and this one has {}: sums are made in another order, so that the bits \
                 will differ from those of a run that was not cut",
                identity.instructions, trainer.identity.instructions
            ));
        }
        trainer.data.notes.splice(0..0, damaged);
        let counters = &snapshot.state.counters;
        let going_on = format!("going on after step {} in epoch {}", counters.step, counters.epoch);
        trainer.data.notes.insert(0, going_on);
        trainer.saves.saved(counters.step, counters.epoch);
        trainer.restore(snapshot)?;
        Ok(trainer)
    }

    /// Makes network and optimizer for data; `open` makes the run directory, when nothing else can be refused.
    fn with(settings: &Settings, data: Prepared, open: impl FnOnce() -> Result<RunDir>) -> Result<Self> {
        let plan = settings.resolve(&data)?;
        let settings = &plan.settings;
        let rows = data.train.features.rows;
        let model = plan.model.init(settings.train.seed, &network::device(true));
        let optimizer = make_optimizer(&settings.optimizer, &model, plan.steps_per_epoch)?;
        let rate =
            settings.schedule.rate(steepest::registry::find(&settings.optimizer.name)?, plan.total_steps)?;
        let criterion = Criterion {
            task: data.task,
            loss: settings.loss.loss(data.task, None),
            positive: rarer(&data.train.targets),
            seed: settings.train.seed,
        };
        let judge = Judge::new(criterion, settings.train.metric, &data)?;
        let dir = open()?;
        Ok(Self {
            batches: Batches::new(rows, plan.batch, settings.train.seed)?,
            tracker: Tracker::new(&settings.train, rate, rows, &judge.name())?,
            judge,
            best_weights: None,
            identity: Identity::of(&data),
            saves: SaveClock::new(settings.train.save_every),
            plan,
            data,
            dir,
            model,
            optimizer,
        })
    }

    /// What was decided, and why.
    pub fn plan(&self) -> &Resolved {
        &self.plan
    }

    /// The run as it is, to go on from later.
    ///
    /// # Errors
    /// Those of [`Optimizer::to_bytes`].
    pub fn snapshot(&self) -> Result<Snapshot> {
        Ok(Snapshot {
            state: self.tracker.state(),
            weights: steepest_burn::named_tensors(&self.model),
            best_weights: self.best_weights.clone(),
            optimizer: self.optimizer.optimizer().to_bytes()?,
        })
    }

    /// Goes on from a snapshot of a run with the same settings and data.
    ///
    /// # Errors
    /// A snapshot of another run. Then this one is of no use any more.
    pub fn restore(&mut self, snapshot: Snapshot) -> Result<()> {
        self.tracker.restore(snapshot.state)?;
        steepest_burn::load_named_tensors(&mut self.model, &snapshot.weights)?;
        self.optimizer.optimizer_mut().from_bytes(&snapshot.optimizer)?;
        self.best_weights = snapshot.best_weights;
        Ok(())
    }

    /// Trains until a rule, the observer or a gradient that is not finite ends it; then takes the best weights, scores
    /// them and writes what is left to write.
    ///
    /// # Errors
    /// Steps that the optimizer refuses for another reason; what the file system says.
    pub fn run(mut self, observer: &mut dyn Observer) -> Result<Summary> {
        let mut events = Events::new(observer);
        for note in &self.data.notes {
            events.tell(Event::Note(note.clone()));
        }
        events.tell(Event::Start(self.start()));
        let stopped = self.train(&mut events)?;
        self.finish(stopped, &mut events)
    }

    /// Epoch after epoch.
    fn train(&mut self, events: &mut Events<'_>) -> Result<Stopped> {
        self.tracker.start_clock();
        loop {
            let ended = self.train_epoch(events)?;
            // it goes on in this epoch
            if let Some(stopped @ Stopped::Interrupted) = ended {
                return Ok(stopped);
            }
            // such an epoch was not trained to its end, and its weights are not to be judged
            if let Some(stopped @ Stopped::NonFinite(_)) = ended {
                return Ok(stopped);
            }
            let (validation, best) = self.validate()?;
            if best {
                self.saves.new_best();
            }
            match self.judge(validation, best, ended, events)? {
                None => self.tracker.next_epoch(),
                Some(stopped @ Stopped::Interrupted) => {
                    self.tracker.next_epoch();
                    return Ok(stopped);
                }
                Some(stopped) => return Ok(stopped),
            }
            self.save_if_due(events);
        }
    }

    /// Saves the run, if it is time. That it could not be saved is no reason to end it.
    fn save_if_due(&mut self, events: &mut Events<'_>) {
        let (step, epoch) = (self.tracker.counters.step, self.tracker.counters.epoch);
        if !self.saves.is_due(step, epoch) {
            return;
        }
        if let Err(error) = self.save() {
            events.tell(Event::Note(format!("the run could not be saved: {error}")));
        }
        self.saves.saved(step, epoch);
    }

    fn save(&self) -> Result<()> {
        let keep = self.plan.settings.train.keep;
        checkpoint::write(self.dir.path(), &self.snapshot()?, &self.identity, keep)
    }

    /// The steps of an epoch, or those that are left of it; why training ends within it, if it does.
    fn train_epoch(&mut self, events: &mut Events<'_>) -> Result<Option<Stopped>> {
        events.epoch_begins();
        while self.tracker.counters.sums.steps < self.plan.steps_per_epoch {
            let taken = match self.step()? {
                Ok(taken) => taken,
                Err(error) => return Ok(Some(Stopped::NonFinite(error))),
            };
            if let Some(reason) = self.tracker.step_done(&taken) {
                return Ok(Some(Stopped::Rule(reason)));
            }
            if events.step_is_due() {
                events.tell(Event::Step(self.steps_so_far()));
            }
            self.save_if_due(events);
            if events.asked_to_stop() {
                return Ok(Some(Stopped::Interrupted));
            }
        }
        Ok(None)
    }

    /// One step: the loss before it and what the optimizer reports, or the optimizer's refusal of a
    /// gradient that is not finite.
    fn step(&mut self) -> Result<std::result::Result<StepTaken, steepest::Error>> {
        let counters = &self.tracker.counters;
        let mut rest = self.batches.epoch(counters.epoch - 1).from_batch(counters.sums.steps as usize);
        let batch = rest.next().expect("an epoch has `steps_per_epoch` batches");
        let lr = self.plan.lr * self.tracker.rate.factor(counters.step);
        let train = &self.data.train;
        let inputs = network::rows(&train.features, batch);
        let outputs = self.model.forward_training(inputs, self.plan.settings.train.seed, counters.step);
        let weights = train.weights.as_ref().map(|weights| pick(weights, batch));
        let loss = match &train.targets {
            Targets::Values(values) => {
                let limit = self.data.encoder.target_limit();
                self.plan.loss.values(
                    outputs,
                    &within(limit, batch.iter().map(|row| values[*row])),
                    weights.as_deref(),
                )
            }
            Targets::Classes(codes) => {
                self.plan.loss.classes(outputs, &pick(codes, batch), weights.as_deref())
            }
        };
        let value = loss.value;
        let args = StepArgs { loss: Some(value), ..StepArgs::from(lr) };
        match self.optimizer.step(args, &mut self.model, loss.backward()) {
            Ok(report) => Ok(Ok(StepTaken::new(value, lr, batch.len(), &report))),
            Err(steepest_burn::Error::Optimizer(e @ steepest::Error::NonFiniteGradient { .. })) => Ok(Err(e)),
            Err(error) => Err(error.into()),
        }
    }

    /// How good the weights are on the rows that decide, and whether they are the best so far, which are kept.
    fn validate(&mut self) -> Result<(Validation, bool)> {
        // where an optimizer means other weights than it trains, those are judged and kept
        let meant = match self.optimizer.optimizer().evaluates() {
            true => Some(self.optimizer.evaluation(&self.model)?),
            false => None,
        };
        let model = meant.as_ref().unwrap_or(&self.model);
        let validation = match self.judge.judged(&self.data) {
            Some(part) => self.judge.validate(&network::outputs(model, &part.features), &part.targets),
            None => Judge::trained(self.tracker.counters.sums.mean_loss()),
        };
        let best = self.tracker.keep_best(validation.compared);
        if best {
            self.best_weights = Some(steepest_burn::named_tensors(model));
        }
        Ok((validation, best))
    }

    /// Reports an epoch, and says why training ends after it, if it does: `ended`, a rule, or the observer.
    fn judge(
        &mut self,
        validation: Validation,
        best: bool,
        ended: Option<Stopped>,
        events: &mut Events<'_>,
    ) -> Result<Option<Stopped>> {
        self.tracker.epoch_judged(validation.compared);
        let done = self.epoch_done(&validation, best);
        self.dir.epoch(&done)?;
        events.tell(Event::Epoch(done));
        if ended.is_some() {
            return Ok(ended);
        }
        if let Some(reason) = self.tracker.epoch_done(validation.compared) {
            return Ok(Some(Stopped::Rule(self.judge.named(reason))));
        }
        Ok(events.asked_to_stop().then_some(Stopped::Interrupted))
    }

    /// Takes the best weights, writes them and the optimizer's state, scores every part, and sums up.
    ///
    /// A run that was interrupted is saved as it is, to go on from, and its test rows are not looked at.
    fn finish(mut self, stopped: Stopped, events: &mut Events<'_>) -> Result<Summary> {
        let finished = stopped != Stopped::Interrupted;
        if let Err(error) = self.save() {
            match finished {
                // what is done is done
                true => events.tell(Event::Note(format!("the run could not be saved: {error}"))),
                false => return Err(error),
            }
        }
        // a run that broke off before the end of its first epoch keeps the weights that it has
        if let Some(best) = &self.best_weights {
            steepest_burn::load_named_tensors(&mut self.model, best)?;
        }
        let seconds = self.tracker.elapsed().as_secs_f64();
        let counters = &self.tracker.counters;
        let best_epoch = counters.best.map_or(0, |best| best.epoch);
        events.tell(Event::Stop { reason: stopped.clone(), best_epoch });
        let mut because = stopped.to_string();
        if let Stopped::Rule(reason) = &stopped
            && reason.is_failure()
        {
            because += &self.blame();
        }
        steepest_burn::save_weights(&self.model, self.dir.path().join("weights.safetensors"))?;
        self.optimizer.optimizer().save(self.dir.path().join("optimizer.safetensors"))?;
        let criterion = &self.judge.criterion;
        let held_back = [&self.data.validation, &self.data.test];
        let outputs = held_back.map(|part| network::outputs(&self.model, &part.features));
        let score = |at: usize| criterion.score(&outputs[at], &held_back[at].targets, &self.data.encoder);
        let train = network::outputs(&self.model, &self.data.train.features);
        let summary = Summary {
            run: self.dir.path().to_owned(),
            finished,
            task: task_name(self.data.task).to_owned(),
            optimizer: self.plan.settings.optimizer.name.clone(),
            lr: self.plan.lr,
            batch: self.batches.size(),
            epochs: counters.epoch,
            best_epoch,
            kept_by: self.judge.name(),
            positive: (self.data.task == Task::Binary)
                .then(|| self.data.encoder.decode_class(criterion.positive).to_owned()),
            steps: counters.step,
            seconds,
            stopped_by: stopped.name(),
            stopped_because: because,
            parameters: self.parameters(),
            train: (criterion.estimate(&train, &self.data.train.targets, &self.data.encoder))
                // never so: the training part has rows
                .unwrap_or_default(),
            validation: score(0),
            test: if finished { score(1) } else { None },
            baseline: Some(self.judge.baseline(&self.data)),
            notes: self.judge.notes(&self.data, &outputs),
            health: self.health(),
        };
        let text = serde_json::to_string_pretty(&summary).expect("plain values");
        self.dir.write("summary.json", &text)?;
        Ok(summary)
    }

    fn start(&self) -> Start {
        let rows = [&self.data.train, &self.data.validation, &self.data.test].map(|p| p.features.rows);
        Start {
            run: self.dir.path().to_owned(),
            task: task_name(self.data.task),
            model: self.plan.model.to_string(),
            optimizer: describe_optimizer(&self.plan.settings.optimizer, self.plan.lr),
            parameters: self.parameters(),
            rows,
            features: self.data.train.features.width,
            batch: self.batches.size(),
            epochs: self.plan.epochs,
            steps_per_epoch: self.plan.steps_per_epoch,
            metric: self.judge.metric().name(),
        }
    }

    fn steps_so_far(&self) -> StepDone {
        let counters = &self.tracker.counters;
        let speed = self.tracker.speed();
        StepDone {
            step: counters.step,
            epoch: counters.epoch,
            loss: counters.sums.mean_loss(),
            lr: counters.sums.lr,
            samples_per_second: speed,
            seconds_left: self.tracker.samples_left(self.plan.epochs) / speed,
        }
    }

    fn epoch_done(&self, validation: &Validation, best: bool) -> EpochDone {
        let counters = &self.tracker.counters;
        let sums = &counters.sums;
        EpochDone {
            epoch: counters.epoch,
            step: counters.step,
            seconds: self.tracker.elapsed().as_secs_f64(),
            lr: sums.lr,
            train_loss: sums.mean_loss(),
            validation_loss: validation.loss,
            validation_metric: validation.metric,
            validation_capped: validation.capped,
            gradient_norm: sums.mean_gradient_norm(),
            clipped: sums.clipped as f64 / sums.steps as f64,
            skipped: sums.skipped,
            samples_per_second: self.tracker.speed(),
            best,
        }
    }

    fn parameters(&self) -> usize {
        self.optimizer.optimizer().params().iter().map(steepest::Param::len).sum()
    }

    fn health(&self) -> Health {
        let counters = &self.tracker.counters;
        let optimizer = self.optimizer.optimizer();
        let line = |(param, health): (&steepest::Param, steepest::TensorHealth)| TensorLine {
            name: param.name.clone(),
            gradient_norm: health.usual_norm(),
            zeros: health.zeros,
            update_ratio: health.update_ratio,
            exploded: health.exploded,
            vanished: health.vanished,
        };
        Health {
            gradient_norm: [counters.first_gradient_norm, counters.last_gradient_norm],
            clipped: counters.clipped as f64 / counters.step.max(1) as f64,
            skipped: counters.skipped,
            tensors: optimizer.params().iter().zip(optimizer.health()).map(line).collect(),
        }
    }

    /// For a run whose loss ran away: the tensor whose gradient stands out, and what to change.
    fn blame(&self) -> String {
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
            "; at step {} the gradient of `{}` {word}, its norm being {:.3e}; try a smaller learning rate \
             than {}, or clip the gradient (optimizer.clip_norm = 1)",
            self.tracker.counters.step, param.name, health.norm, self.plan.lr
        )
    }
}

/// Of two classes, that of fewer rows; the second where both have as many.
fn rarer(targets: &Targets) -> u32 {
    match targets {
        Targets::Classes(codes) => {
            u32::from(2 * codes.iter().filter(|code| **code == 1).count() <= codes.len())
        }
        Targets::Values(_) => 1,
    }
}

fn pick<T: Copy>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().map(|row| values[*row]).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::ops::ControlFlow;
    use std::path::Path;

    const GO_ON: ControlFlow<()> = ControlFlow::Continue(());

    /// Metrics by epoch, without what the clock says.
    fn metrics(run: &Path) -> Vec<EpochDone> {
        let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let line =
            |line| EpochDone { seconds: 0.0, samples_per_second: 0.0, ..serde_json::from_str(line).unwrap() };
        text.lines().map(line).collect()
    }

    /// Without the clock and the place.
    fn outcome(mut summary: Summary) -> Summary {
        summary.run = "run".into();
        summary.seconds = 0.0;
        summary
    }

    /// Trains up to and with a step, wherever in its epoch that is.
    fn until(trainer: &mut Trainer, step: u64) -> Snapshot {
        let mut observer = |event: &Event| match event {
            Event::Step(done) if done.step == step => ControlFlow::Break(()),
            _ => GO_ON,
        };
        let mut events = Events::of_every_step(&mut observer);
        while trainer.train_epoch(&mut events).unwrap().is_none() {
            let (validation, best) = trainer.validate().unwrap();
            assert_eq!(trainer.judge(validation, best, None, &mut events).unwrap(), None);
            trainer.tracker.next_epoch();
        }
        assert_eq!(trainer.tracker.counters.step, step);
        trainer.snapshot().unwrap()
    }

    #[test]
    fn a_run_goes_on_from_its_state_to_the_same_bits() {
        let dir = tempfile::tempdir().unwrap();
        // 7 steps an epoch
        let data = "[data]\nsource = 'iris'\n[model]\nhidden = [8]\n[train]\nbatch = 16\n";
        let cases = [
            "epochs = 12\npatience = 4\n[optimizer]\nlr = 0.05\nclip_norm = 0.5",
            "epochs = 12\n[optimizer]\nname = 'sgd'\nmomentum = 0.9\nlr = 0.2\n\
             [schedule]\nname = 'reduce_on_plateau'\npatience = 1\nfactor = 0.5",
            "epochs = 8\n[optimizer]\nname = 'schedule_free_adamw'\nlr = 0.05",
            "max_steps = 50\n[loss]\nlabel_smoothing = 0.1\nclass_weights = 'balanced'",
        ];
        for (i, case) in cases.into_iter().enumerate() {
            let settings = Settings::from_toml(&format!("{data}{case}"), "test").unwrap();
            let at = |name: &str| dir.path().join(format!("{i}-{name}"));
            let trainer = |name: &str| Trainer::new(&settings, &Out::At(at(name))).unwrap();
            let whole = trainer("whole").run(&mut |_: &Event| GO_ON).unwrap();
            // in the middle of an epoch, and after its last step, before it is judged
            for step in [17, 21] {
                let name = format!("until-{step}");
                let Snapshot { state, weights, best_weights, optimizer } = until(&mut trainer(&name), step);
                let text = serde_json::to_string(&state).unwrap();
                let state: crate::RunState = serde_json::from_str(&text).unwrap();
                assert_eq!(serde_json::to_string(&state).unwrap(), text);

                let name = format!("after-{step}");
                let mut second = trainer(&name);
                second.restore(Snapshot { state, weights, best_weights, optimizer }).unwrap();
                let again = second.run(&mut |_: &Event| GO_ON).unwrap();
                let (whole_run, run) = (at("whole"), at(&name));
                let weights = |run: &Path| fs::read(run.join("weights.safetensors")).unwrap();
                assert!(weights(&run) == weights(&whole_run), "{case}: weights, interrupted after {step}");
                let optimizer = |run: &Path| fs::read(run.join("optimizer.safetensors")).unwrap();
                assert!(optimizer(&run) == optimizer(&whole_run), "{case}: optimizer, {step}");
                assert_eq!(metrics(&run), metrics(&whole_run)[2..], "{case}");
                assert_eq!(outcome(again), outcome(whole.clone()), "{case}");
            }
        }
    }

    /// Every byte of a checkpoint counts: a flipped or a missing one is found, and the checkpoint before it is taken.
    #[test]
    fn damage_to_a_checkpoint_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let text = "[data]\nsource = 'iris'\n[model]\nhidden = [4]";
        let settings = Settings::from_toml(text, "test").unwrap();
        let mut trainer = Trainer::new(&settings, &Out::At(dir.path().join("run"))).unwrap();
        let (run, identity) = (dir.path().join("run"), trainer.identity.clone());
        let older = until(&mut trainer, 2);
        checkpoint::write(&run, &older, &identity, 2).unwrap();
        let newer = until(&mut trainer, 3);
        checkpoint::write(&run, &newer, &identity, 2).unwrap();
        let latest = || checkpoint::latest(&run).unwrap().unwrap();
        assert_eq!((latest().0, latest().2), (newer.clone(), Vec::new()));
        let path = run.join(format!("checkpoints/{:09}.safetensors", newer.state.counters.step));
        let whole = fs::read(&path).unwrap();
        let mut at = 0;
        while at < whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, &bytes).unwrap();
            let (found, _, damaged) = latest();
            // white space and the like in the header may change without a change of what it says
            assert!(found == newer || (found == older && damaged.len() == 1), "byte {at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(latest().0, older, "cut at {at}");
            at += 1 + whole.len() / 400;
        }
        // a third drops the first
        fs::write(&path, &whole).unwrap();
        let third = until(&mut trainer, 4);
        checkpoint::write(&run, &third, &identity, 2).unwrap();
        assert_eq!(fs::read_dir(run.join("checkpoints")).unwrap().count(), 2);
        assert_eq!(latest().0, third);
    }

    #[test]
    fn the_state_of_another_run_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let trainer = |name: &str, toml: &str| {
            let settings =
                Settings::from_toml(&format!("[data]\nsource = '{name}'\n{toml}"), "test").unwrap();
            let out = Out::New { root: dir.path().to_owned() };
            Trainer::new(&settings, &out).unwrap()
        };
        let snapshot = until(&mut trainer("iris", ""), 3);
        for (other, words) in [
            ("[schedule]\nname = 'reduce_on_plateau'", "its schedule watched no loss"),
            ("[train]\nmax_steps = 99", "the stop rules"),
            ("[model]\nhidden = [7]", "hidden.0.weight"),
        ] {
            let error = trainer("iris", other).restore(snapshot.clone()).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
