//! What a run learns from, as it is read: before it is divided and encoded.

use crate::error::{Error, Result};
use crate::settings::Settings;
use std::sync::Arc;
use steepest_data::{
    Division, Held, Loaded, Prepared, ReadOptions, Source, Split, divide_again, load, prepare_with,
};

/// What is read, before it is split and encoded.
pub(crate) struct Tables {
    loaded: Loaded,
    validation: Option<Loaded>,
    test: Option<Loaded>,
}

impl Tables {
    pub fn read(settings: &Settings) -> Result<Self> {
        let data = &settings.data;
        let loaded = load(&data.source(), &data.read_options(settings.train.seed))?;
        refuse_labels(&loaded, data.labels.is_some())?;
        // the other parts are read as the table to learn from was, whatever their own cells would tell
        let options = ReadOptions {
            max_memory: data.max_memory.map(|bytes| bytes.0),
            ..ReadOptions::like(&loaded, data.strict)
        };
        let other = |file: &Option<String>| -> Result<Option<Loaded>> {
            Ok(file.as_ref().map(|file| load(&Source::parse(file), &options)).transpose()?)
        };
        let (validation, test) = (other(&data.validation_file)?, other(&data.test_file)?);
        Ok(Self { loaded, validation, test })
    }

    fn held(&self) -> Held<'_> {
        Held { validation: self.validation.as_ref(), test: self.test.as_ref() }
    }

    /// As the run sees them.
    ///
    /// # Errors
    /// What the data refuses; pieces that memory does not hold, before they are made.
    pub fn prepare(&self, settings: &Settings) -> Result<Prepared> {
        self.check_pieces(settings)?;
        Ok(prepare_with(&self.loaded, self.held(), &settings.data.prepare_options(settings.train.seed))?)
    }

    fn check_pieces(&self, settings: &Settings) -> Result<()> {
        let Loaded::Table(table) = &self.loaded else { return Ok(()) };
        let numbers = table.numbers();
        let pieces = steepest_data::pieces_of_each(numbers, settings.data.pieces() as usize);
        let rows = table.rows();
        let needed = [numbers, pieces, rows].iter().fold(4u64, |all, n| all.saturating_mul(*n as u64));
        match settings.data.max_memory() {
            Some(allowed) if needed > allowed => {
                let what = format!("{rows} rows of {numbers} numbers in {pieces} pieces");
                Err(Error::TooLarge { what, needed, allowed })
            }
            _ => Ok(()),
        }
    }

    /// Whether the rows that are not for the test can be divided at random another time.
    pub fn can_divide_again(&self) -> bool {
        let by_time = matches!(&self.loaded, Loaded::Table(table) if table.roles.time.is_some());
        !self.has_validation() && !by_time
    }

    /// The rows that are least known, with the table that they lie in and what they are called: those of the test, else those
    /// that decide when to stop, else those of training.
    pub fn least_known(&self, split: &Split) -> (&Loaded, Vec<usize>, &'static str) {
        let all = |loaded: &Loaded| (0..loaded.rows()).collect();
        match (&self.test, &self.validation) {
            (Some(test), _) => (test, all(test), "test"),
            (None, _) if !split.test.is_empty() => (&self.loaded, split.test.clone(), "test"),
            (None, Some(validation)) => (validation, all(validation), "validation"),
            (None, None) if !split.validation.is_empty() => {
                (&self.loaded, split.validation.clone(), "validation")
            }
            _ => (&self.loaded, split.train.clone(), "training"),
        }
    }

    /// For some rows, which of them belong together: those of a group, where a column says so, and else each alone.
    pub fn groups(&self, rows: &[usize]) -> Vec<u64> {
        steepest_data::groups(&self.loaded, rows)
    }

    /// Whether the validation rows lie in a file of their own.
    pub fn has_validation(&self) -> bool {
        self.validation.is_some()
    }

    /// The run's own division of the rows, and others at random with the same rows for the test, so many in all.
    pub fn divisions(
        &self,
        settings: &Settings,
        first: &Arc<Prepared>,
        count: u64,
    ) -> Result<Vec<Arc<Prepared>>> {
        let again = |number: u64| -> Result<Arc<Prepared>> {
            let how = Division::Again { seed: other_seed(settings.train.seed, number) };
            Ok(Arc::new(self.divide_again(settings, &first.split, how)?))
        };
        std::iter::once(Ok(Arc::clone(first))).chain((1..count).map(again)).collect()
    }

    /// The rows that are not for the test, dealt into folds, each of which is for validation once; or the error of one of them.
    pub fn folds(
        &self,
        settings: &Settings,
        first: &Split,
        folds: usize,
    ) -> impl Iterator<Item = Result<Arc<Prepared>>> {
        (0..folds).map(move |fold| {
            let how = Division::Fold { fold, of: folds, seed: settings.train.seed };
            self.divide_again(settings, first, how).map(Arc::new)
        })
    }

    /// Divided another time, with the same rows for the test.
    pub fn divide_again(&self, settings: &Settings, first: &Split, how: Division) -> Result<Prepared> {
        let options = settings.data.prepare_options(settings.train.seed);
        Ok(divide_again(&self.loaded, self.held(), &options, first, how)?)
    }
}

/// The seed of the same thing done another time, which the first time is number 0: far from the seeds that somebody would
/// give.
pub(crate) fn other_seed(seed: u64, number: u64) -> u64 {
    seed.wrapping_add(number << 32)
}

/// Refuses labels of their own beside a table, which has its target in a column.
pub(crate) fn refuse_labels(loaded: &Loaded, given: bool) -> Result<()> {
    match (loaded, given) {
        (Loaded::Table(_), true) => Err(Error::Unsuitable {
            reason: "a file of labels is for IDX images, and the data is a table",
            remedy: "leave it out, and name the column to predict",
            keys: &["data.labels"],
        }),
        _ => Ok(()),
    }
}
