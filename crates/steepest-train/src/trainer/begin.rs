//! How a run begins, or goes on: data read, what is open decided, network, optimizer and run directory made.

use super::Trainer;
use crate::checkpoint::{self, Identity};
use crate::error::{Error, Result};
use crate::judge::Judge;
use crate::model::Model;
use crate::network;
use crate::run_dir::{Out, RunDir, is_finished};
use crate::save_every::SaveClock;
use crate::score::Criterion;
use crate::settings::{OptimizerSettings, Settings};
use crate::state::Tracker;
use crate::trained_on::TrainedOn;
use std::path::Path;
use steepest::{Group, NonFinite, Optimizer};
use steepest_burn::BurnOptimizer;
use steepest_data::{Batches, Held, Loaded, Prepared, ReadOptions, Source, Targets, load, prepare_with};

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
        let identity = Identity::of(&data);
        let trainer = Self::with(settings, data, identity, || RunDir::create(out, &name))?;
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
        let here = Identity::of(&data);
        // before anything is written
        if let Some((_, identity, _)) = &saved {
            here.check_data(identity)?;
        }
        let epochs = saved.as_ref().map_or(0, |(snapshot, ..)| snapshot.state.counters.epoch - 1);
        let mut trainer = Self::with(&settings, data, here, || RunDir::reopen(path, epochs))?;
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
    fn with(
        settings: &Settings,
        data: Prepared,
        identity: Identity,
        open: impl FnOnce() -> Result<RunDir>,
    ) -> Result<Self> {
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
            identity,
            saves: SaveClock::new(settings.train.save_every),
            plan,
            data,
            dir,
            model,
            optimizer,
        })
    }
}

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

/// Of two classes, that of fewer rows; the second where both have as many.
fn rarer(targets: &Targets) -> u32 {
    match targets {
        Targets::Classes(codes) => {
            u32::from(2 * codes.iter().filter(|code| **code == 1).count() <= codes.len())
        }
        Targets::Values(_) => 1,
    }
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
