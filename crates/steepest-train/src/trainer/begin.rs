//! How a run begins, or goes on: data read, what is open decided, network, optimizer and run directory made.

use super::Trainer;
use crate::checkpoint::{self, Found, Identity, Origin};
use crate::error::{Error, Result};
use crate::explain::Rows;
use crate::file_names::{BACKGROUND, ENCODER, METRICS, NOTES, SETTINGS, TRAINED_ON};
use crate::files::is_finished;
use crate::judge::Judge;
use crate::model::Model;
use crate::network;
use crate::nowhere::Nowhere;
use crate::run_dir::{self, Out, RunDir};
use crate::save_every::SaveClock;
use crate::saver::{Saver, Target};
use crate::score::Criterion;
use crate::settings::{OptimizerSettings, Settings, usual_weight_decay};
use crate::state::{Counters, RunState, Snapshot, Tracker};
use crate::tables::{Tables, other_seed};
use crate::trained_on::TrainedOn;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use steepest::settings::Value;
use steepest::{Disk, FileSystem, Group, NonFinite, Optimizer};
use steepest_burn::BurnOptimizer;
use steepest_data::{Batches, Prepared, Targets, Task};

/// How a run goes on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResumeOptions {
    /// Where the data lies now. Default: where it was.
    pub source: Option<String>,
    /// Most epochs of the whole run, more than are done. Then the schedule begins anew with the next step and is one of
    /// the steps that are left, as are the stop rules: these are not the bits of a run that was to be so long from the
    /// start. Default: what the run was to be.
    pub epochs: Option<u64>,
    /// Threads; the result does not depend on it. Default: all cores.
    pub threads: Option<usize>,
}

impl Trainer {
    /// Reads and encodes the data, decides what is left open, makes network, optimizer and run directory, and saves the
    /// run for the first time, so that a full disk is found before hours of training.
    ///
    /// # Errors
    /// Bad settings and bad data, before any directory is made; what the file system says.
    pub fn new(settings: &Settings, out: &Out) -> Result<Self> {
        Self::new_on(Arc::new(Disk), settings, out)
    }

    pub(crate) fn new_on(system: Arc<dyn FileSystem>, settings: &Settings, out: &Out) -> Result<Self> {
        let data = Self::prepared(settings, out)?;
        Self::over(system, settings, out, data)
    }

    /// The data of a run that nothing speaks against yet.
    pub(crate) fn prepared(settings: &Settings, out: &Out) -> Result<Arc<Prepared>> {
        settings.check()?;
        out.check()?;
        Ok(Arc::new(Tables::read(settings)?.prepare(settings)?))
    }

    /// A run over data that is read.
    pub(crate) fn over(
        system: Arc<dyn FileSystem>,
        settings: &Settings,
        out: &Out,
        data: Arc<Prepared>,
    ) -> Result<Self> {
        let name = settings.data.source().short_name();
        let identity = Identity::of(&data);
        let open = || RunDir::create(Arc::clone(&system), out, &name);
        Self::begin(Arc::clone(&system), settings, data, identity, open)
    }

    /// A run of data that is read; `open` makes its directory, when nothing else can be refused.
    pub(crate) fn begin(
        system: Arc<dyn FileSystem>,
        settings: &Settings,
        data: Arc<Prepared>,
        identity: Identity,
        open: impl FnOnce() -> Result<RunDir>,
    ) -> Result<Self> {
        let mut trainer = Self::with(system, settings, data, identity, 0, open)?;
        trainer.write_what_is_known()?;
        trainer.dir.sync_metrics()?;
        trainer.saver.save_now(&trainer.snapshot()?)?;
        Ok(trainer)
    }

    /// What a run leaves that is known before its first step.
    fn write_what_is_known(&mut self) -> Result<()> {
        let data = &self.data;
        let encoder = data.encoder.to_json();
        let notes = data.notes.join("\n") + "\n";
        let trained_on = serde_json::to_string(&TrainedOn::of(&data.train.features)).expect("plain values");
        let settings = self.plan.settings.to_toml();
        for (file, text) in
            [(SETTINGS, settings), (ENCODER, encoder), (NOTES, notes), (TRAINED_ON, trained_on)]
        {
            self.dir.write(file, text.as_bytes())?;
        }
        // a run that goes on with rows no longer to be kept has them no more in its manifest
        if let Some(rows) = Rows::chosen(data, &self.plan.settings) {
            self.dir.write(BACKGROUND, &rows.to_bytes()?)?;
        }
        self.dir.seal(false)
    }

    /// Goes on with the run in a directory: from its newest checkpoint that is whole, from its beginning if it has none.
    ///
    /// # Errors
    /// [`Error::NotARun`]; [`Error::RunFinished`]; [`Error::RunInUse`]; [`Error::OtherData`] and
    /// [`Error::OtherSettings`] where those are not what they were; what [`Trainer::new`] refuses.
    pub fn resume(path: &Path, how: &ResumeOptions) -> Result<Self> {
        Self::resume_on(Arc::new(Disk), path, how)
    }

    pub(crate) fn resume_on(system: Arc<dyn FileSystem>, path: &Path, how: &ResumeOptions) -> Result<Self> {
        let mut settings = settings_of(path)?;
        // from here on no other process writes
        let lock = run_dir::lock(path)?;
        if is_finished(path)? && how.epochs.is_none() {
            return Err(Error::RunFinished { path: path.to_owned() });
        }
        let found = checkpoint::latest(path)?;
        if found.is_none() && fs::metadata(path.join(METRICS)).is_ok_and(|there| there.len() > 0) {
            let reason = "its checkpoints are gone, and what it has learnt with them".to_owned();
            return Err(Error::NotARun { path: path.to_owned(), reason });
        }
        if let Some(found) = &found {
            found.origin.check_settings(path, &settings)?;
        }
        if let Some(source) = &how.source {
            (settings.data.source, settings.data.more_files) = (source.clone(), Vec::new());
        }
        let counters = found.as_ref().map(|found| found.snapshot.state.counters.clone()).unwrap_or_default();
        let epochs = how.epochs.or_else(|| found.as_ref()?.made_longer(&settings));
        if let Some(epochs) = epochs {
            settings.train.epochs = Some(longer("train.epochs", epochs, counters.done())?);
            if let Some(steps) = settings.train.max_steps {
                longer("train.max_steps", steps, counters.step)?;
            }
        }
        settings.check()?;
        let data = Arc::new(Tables::read(&settings)?.prepare(&settings)?);
        let here = Identity::of(&data);
        // before anything is written
        if let Some(found) = &found {
            here.check_data(&found.origin.identity)?;
        }
        let from = match (&found, epochs) {
            (Some(_), Some(_)) => counters.step,
            (Some(found), None) => found.snapshot.state.schedule_from,
            (None, _) => 0,
        };
        let open = || RunDir::reopen(Arc::clone(&system), path, lock, counters.done());
        let mut trainer = Self::with(Arc::clone(&system), &settings, data, here, from, open)?;
        // it may have been cut before it had written them
        trainer.write_what_is_known()?;
        if let Some(found) = found {
            trainer.go_on(found, epochs)?;
        }
        Ok(trainer)
    }

    /// Takes the state of a checkpoint, and says what there is to say of it; with `epochs`, it is made so long.
    fn go_on(&mut self, found: Found, epochs: Option<u64>) -> Result<()> {
        let Found { mut snapshot, origin, damaged } = found;
        let Counters { step, epoch, .. } = snapshot.state.counters;
        let done = snapshot.state.counters.done();
        let mut notes = vec![format!("going on after step {step} in epoch {epoch}")];
        if let Some(epochs) = epochs {
            let fresh = self.tracker.state();
            let RunState { counters, elapsed, .. } = snapshot.state;
            snapshot.state = RunState { counters, elapsed, schedule_from: step, ..fresh };
            notes.push(format!(
                "the run goes on to epoch {epochs}: its schedule begins anew after step {step}, so that the bits are not those \
                 of a run that was to have {epochs} epochs from the start"
            ));
        }
        if self.dir.epochs_kept() < done {
            let lost = done - self.dir.epochs_kept();
            notes.push(format!(
                "{METRICS} lacks {lost} of the {done} epochs that are done: it was changed or damaged"
            ));
        }
        notes.extend(Identity::here().other_processor(&origin.identity).map(|differs| {
            format!(
                "the run began on another processor ({differs}): sums are made in another order, so that the bits will differ \
                 from those of a run that was not cut"
            )
        }));
        notes.extend(damaged);
        self.notes.splice(0..0, notes);
        self.saves.saved(step, epoch);
        self.restore(snapshot)?;
        if epochs.is_some() {
            // with the new settings
            self.saver.save_now(&self.snapshot()?)?;
        }
        Ok(())
    }

    /// The run in a directory as it was at a checkpoint, to take its steps again without writing anything.
    pub(crate) fn replay(
        path: &Path,
        source: Option<&str>,
        snapshot: Snapshot,
        origin: &Origin,
    ) -> Result<Self> {
        let mut settings = settings_of(path)?;
        origin.check_settings(path, &settings)?;
        if let Some(source) = source {
            (settings.data.source, settings.data.more_files) = (source.to_owned(), Vec::new());
        }
        settings.check()?;
        let data = Arc::new(Tables::read(&settings)?.prepare(&settings)?);
        let here = Identity::of(&data);
        here.check_data(&origin.identity)?;
        let from = snapshot.state.schedule_from;
        let system: Arc<dyn FileSystem> = Arc::new(Nowhere);
        let open = || Ok(RunDir::nowhere(Arc::clone(&system), path));
        let mut trainer = Self::with(Arc::clone(&system), &settings, data, here, from, open)?;
        trainer.restore(snapshot)?;
        Ok(trainer)
    }

    /// Makes network and optimizer for data; `open` makes the run directory, when nothing else can be refused.
    ///
    /// The schedule is one of the steps from `from` on.
    pub(crate) fn with(
        system: Arc<dyn FileSystem>,
        settings: &Settings,
        data: Arc<Prepared>,
        identity: Identity,
        from: u64,
        open: impl FnOnce() -> Result<RunDir>,
    ) -> Result<Self> {
        let plan = settings.resolve(&data)?;
        let settings = &plan.settings;
        if settings.optimizer.chooses_rate() {
            let expected = "a number here: `fit` has one chosen".to_owned();
            return Err(Error::BadSetting { key: "optimizer.lr", found: "auto".to_owned(), expected });
        }
        let rows = data.train.features.rows;
        plan.check_memory(rows)?;
        let model = plan.model.init(settings.train.seed, &network::device(true));
        let optimizer = make_optimizer(&settings.optimizer, &model, plan.steps_per_epoch)?;
        let rate = settings.schedule.rate(
            steepest::registry::find(&settings.optimizer.name)?,
            plan.total_steps.saturating_sub(from),
        )?;
        let criterion = Criterion {
            task: data.task,
            loss: settings.loss.loss(data.task, None),
            positive: rarer(&data.train.targets),
            seed: settings.train.seed,
        };
        let judge = Judge::new(criterion, settings.train.metric, &data)?;
        let dir = open()?;
        let criterion = &judge.criterion;
        let positive =
            (data.task == Task::Binary).then(|| data.encoder.decode_class(criterion.positive).to_owned());
        let origin = Origin { identity, settings: Some(settings.clone()), positive };
        let target = Target { system, run: dir.path().to_owned(), keep: settings.train.keep, origin };
        Ok(Self {
            batches: (0..plan.model.members() as u64)
                .map(|member| Ok(Batches::new(rows, plan.batch, other_seed(settings.train.seed, member))?))
                .collect::<Result<_>>()?,
            drawn: Vec::new(),
            tracker: Tracker::new(&settings.train, rate, rows, &judge.name())?,
            judge,
            best_weights: None,
            saver: Saver::new(target),
            saves: SaveClock::new(settings.train.save_every),
            goal: None,
            plan,
            notes: data.notes.clone(),
            chosen: None,
            earlier: Vec::new(),
            data,
            dir,
            model,
            optimizer,
        })
    }
}

/// The settings of the run in a directory.
fn settings_of(path: &Path) -> Result<Settings> {
    let text = std::fs::read_to_string(path.join(SETTINGS))
        .map_err(|error| Error::NotARun { path: path.to_owned(), reason: format!("{SETTINGS}: {error}") })?;
    Settings::of_run(&text, SETTINGS)
}

/// Refuses a length that is reached already.
fn longer(key: &'static str, asked: u64, done: u64) -> Result<u64> {
    let expected = || format!("more than the {done} that are done");
    match asked > done {
        true => Ok(asked),
        false => Err(Error::BadSetting { key, found: asked.to_string(), expected: expected() }),
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

/// By how much larger the learning rate of the inputs' scales is: they are few, and have far to go.
const SCALE_RATE: f64 = 80.0;

/// The scales of the inputs: with a large rate, and pulled to zero as much as the weights are, where steps have the size of the rate. Rules
/// whose decay is coupled to the gradient would step as far as the gradient says, and 80 times that is too far.
fn scale_group(settings: &OptimizerSettings) -> Result<Group> {
    let group = Group::named("input_scale");
    if usual_weight_decay(&settings.rule()?).is_none() {
        return Ok(group);
    }
    // decoupled decay goes with the rate
    let group = group.lr_factor(SCALE_RATE);
    Ok(match settings.settings.get("weight_decay") {
        Some(Value::Number(decay)) => group.weight_decay(decay / SCALE_RATE),
        _ => group,
    })
}

fn make_optimizer(
    settings: &OptimizerSettings,
    model: &Model,
    steps_per_epoch: u64,
) -> Result<BurnOptimizer<Model>> {
    let policy = if settings.skip_non_finite { NonFinite::Skip } else { NonFinite::Error };
    let mut builder = Optimizer::builder(settings.rule()?)
        .clip(settings.clip())
        .non_finite(policy)
        .measure_updates(steps_per_epoch.max(1));
    if !settings.decay_all {
        // biases and the scales of normalizations do not overfit, and pulling them to zero harms; those of several members have two axes
        builder = builder.group(Group::rank_at_most(1).or(Group::named("*.bias")).weight_decay(0.0));
    }
    if model.has_input_scale() {
        builder = builder.group(scale_group(settings)?);
    }
    Ok(BurnOptimizer::new(builder, model)?)
}
