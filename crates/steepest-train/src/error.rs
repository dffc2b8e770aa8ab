//! What can go wrong in a run.

use std::path::PathBuf;
use steepest_data::memory_text;

/// The error of every function of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Data that cannot be read, encoded or learnt from.
    #[error(transparent)]
    Data(#[from] steepest_data::Error),
    /// The optimizer, a schedule or a stop rule refuses its settings, or a step its data.
    #[error(transparent)]
    Optimizer(#[from] steepest::Error),
    /// What cannot be explained.
    #[error(transparent)]
    Explain(#[from] steepest_explain::Error),
    /// A run that keeps no rows, where an explanation needs some to compare with.
    #[error(
        "{} keeps no rows to compare with; give a file with rows like those that it was trained on as the background", path.display()
    )]
    NoBackground {
        /// The directory of the run.
        path: PathBuf,
    },
    /// The optimizer and the network do not fit, or weights cannot be read.
    #[error(transparent)]
    Burn(#[from] steepest_burn::Error),
    /// A key of a settings file that is unknown.
    #[error("{place}: unknown key `{key}`; {}", hint(.nearest.as_deref(), .known))]
    UnknownKey {
        /// File and line, or the table of the settings.
        place: String,
        /// The key.
        key: String,
        /// The known key that is most like it.
        nearest: Option<String>,
        /// All keys known there.
        known: Vec<String>,
    },
    /// A settings file that is not TOML, or has a value of the wrong type.
    #[error("{place}: {reason}")]
    Toml {
        /// File and line.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// A setting with a value that it cannot have.
    #[error("{key} is {found}, expected {expected}")]
    BadSetting {
        /// The setting, as `table.key`.
        key: &'static str,
        /// What was given.
        found: String,
        /// What it can be.
        expected: String,
    },
    /// The model or the loss does not suit the data.
    #[error("{reason}; {remedy}")]
    Unsuitable {
        /// Why.
        reason: &'static str,
        /// What to do.
        remedy: &'static str,
        /// The settings to change, as `table.key`.
        keys: &'static [&'static str],
    },
    /// Another process trains in this directory.
    #[error("{} is in use by another process; wait for it, or choose another directory", path.display())]
    RunInUse {
        /// The directory.
        path: PathBuf,
    },
    /// The directory holds something already.
    #[error("{} {found}; choose another directory, or remove it", path.display())]
    RunExists {
        /// The directory.
        path: PathBuf,
        /// What it holds.
        found: &'static str,
    },
    /// Not a run directory.
    #[error("{} is no run that can be used: {reason}; give the directory of a run", path.display())]
    NotARun {
        /// The directory.
        path: PathBuf,
        /// What is missing or wrong.
        reason: String,
    },
    /// A column to keep whose name a column of the predictions has.
    #[error(
        "the column {name:?} cannot be kept: the predictions have a column of that name; rename it in the data"
    )]
    NameClash {
        /// The name.
        name: String,
    },
    /// A run that went wrong.
    #[error("{} failed ({reason}), so that its weights predict nothing; train again", path.display())]
    FailedRun {
        /// The directory.
        path: PathBuf,
        /// Why it failed.
        reason: String,
    },
    /// The data of a run are not what they were.
    #[error(
        "the data is not what it was when the run began: other rows, values or columns; give the data of then, or begin a new run"
    )]
    OtherData,
    /// The settings of a run are not what they were.
    #[error(
        "{} is not what it was when the run was saved: {}; put it back, or begin a new run", path.display(), differ.join(", ")
    )]
    OtherSettings {
        /// The file.
        path: PathBuf,
        /// What differs, a sentence each.
        differ: Vec<String>,
    },
    /// A file of a run is not what was written.
    #[error("{} is damaged: {reason}; take it from a copy, or find out what can be saved", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A network, or what training needs beside it, that memory does not hold.
    #[error("{what} needs about {} of memory and {} is allowed; make it smaller, or allow more", memory_text(*needed), memory_text(*allowed))]
    TooLarge {
        /// What needs it.
        what: String,
        /// Bytes needed.
        needed: u64,
        /// Bytes allowed.
        allowed: u64,
    },
    /// Weights or features that make a network's output NaN or infinite.
    #[error(
        "the prediction for row {row} is {found}, which is no number; look at that row's cells, which may be far out of what was trained on"
    )]
    NoPrediction {
        /// The row, from 1.
        row: usize,
        /// What came out.
        found: f64,
    },
    /// The observer asked to stop while settings were chosen.
    #[error("stopped while settings were chosen{}; what was found is kept in {}, and the run goes on from there when it is resumed", leading.as_ref().map_or(String::new(), |best| format!(", {best} being the best so far")), run.display())]
    ChoosingStopped {
        /// The run directory.
        run: PathBuf,
        /// The best so far; `None` before the first comparison.
        leading: Option<String>,
    },
    /// The observer asked to stop while optimizers were compared.
    #[error("stopped while optimizers were compared{}; what was found is kept in {}, and the comparison goes on from there when it is resumed", if so_far.is_empty() { String::new() } else { format!(", the mean losses so far being {so_far}") }, run.display())]
    ComparingStopped {
        /// The run directory.
        run: PathBuf,
        /// The mean loss of each so far; empty before the first training.
        so_far: String,
    },
    /// The observer asked to stop where nothing is lost by it.
    #[error("stopped")]
    Stopped,
    /// A training that was tried could not be trained.
    #[error("training {place}: {source}")]
    Trial {
        /// Its settings, the division of the rows, its seed.
        place: String,
        /// What went wrong.
        source: Box<Error>,
    },
    /// What was found while something was chosen is of other trainings.
    #[error(
        "{} is of trainings with other data, settings or ways to choose; give those of then, or begin a new run", path.display()
    )]
    OtherTrials {
        /// The file.
        path: PathBuf,
    },
    /// Something that cannot be searched.
    #[error("{search}: {reason}")]
    BadSearch {
        /// What was asked for.
        search: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// Nothing is left to choose: all candidates diverged.
    #[error("{reason}; nothing can be chosen: clip gradients, try lower learning rates, or look at the data")]
    NothingLeft {
        /// What happened.
        reason: String,
    },
    /// A name of a directory that is no text.
    #[error("the name {} is not UTF-8, which summaries and commands could not repeat; choose another", path.display())]
    NotUtf8Path {
        /// The directory.
        path: PathBuf,
    },
    /// The directory holds a run that was interrupted or cut.
    #[error("{} holds a run that is not finished; go on with it, or choose another directory", path.display())]
    RunUnfinished {
        /// The directory.
        path: PathBuf,
    },
    /// A run that went to its end.
    #[error("{} went to its end; make it longer, or begin a new run", path.display())]
    RunFinished {
        /// The directory.
        path: PathBuf,
    },
    /// The state of another run.
    #[error(
        "the saved state is not that of this run: {problem}; go on with the settings and the data of the run that it was saved in"
    )]
    ForeignState {
        /// What does not fit.
        problem: String,
    },
    /// The system gives no threads.
    #[error("{count} threads cannot be started: {reason}; set train.threads to fewer")]
    Threads {
        /// How many were asked for.
        count: usize,
        /// What the system says.
        reason: String,
    },
    /// The file system refuses.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

fn hint<'a>(nearest: Option<&'a str>, known: &'a [String]) -> steepest::Hint<'a> {
    steepest::Hint { nearest, known }
}

/// The settings of `[data]` that would help.
pub fn data_keys(error: &steepest_data::Error) -> &'static [&'static str] {
    use steepest_data::Error as E;
    match error {
        E::AmbiguousNumber { .. } => &["data.decimal", "data.thousands"],
        E::AmbiguousDate { .. } => &["data.date_order"],
        E::MixedDates { .. } => &["data.date_order", "data.drop", "data.category"],
        E::TargetNotNumber { .. } => &["data.number", "data.task"],
        E::NotUtf8 { .. } | E::NotDecoded { .. } | E::NoSuchEncoding { .. } => &["data.encoding"],
        E::Infinite { .. } => &["data.infinity_is_missing"],
        E::TargetMissing { .. } => &["data.strict"],
        E::TooLarge { .. } => &["data.rows", "data.max_memory"],
        E::RaggedRow { .. } => &["data.comment", "data.skip_lines"],
        E::TooManyClasses { .. } => &["data.task"],
        _ => &[],
    }
}

impl Error {
    /// The settings, as `table.key`, whose change would help: for programs that know them by other names.
    pub fn keys(&self) -> &[&'static str] {
        match self {
            Self::BadSetting { key, .. } => std::slice::from_ref(key),
            Self::Unsuitable { keys, .. } => keys,
            Self::Threads { .. } => &["train.threads"],
            Self::TooLarge { .. } => &["model.hidden", "data.pieces", "data.max_memory"],
            Self::Data(error) => data_keys(error),
            _ => &[],
        }
    }

    pub(crate) fn file(path: impl Into<PathBuf>, reason: impl ToString) -> Self {
        Self::File { path: path.into(), reason: reason.to_string() }
    }

    /// An error of the TOML reader, with line and, for an unknown key, the nearest known one.
    pub(crate) fn from_toml(error: &toml::de::Error, text: &str, name: &str) -> Self {
        let place = match error.span() {
            Some(span) => {
                let line = text[..span.start.min(text.len())].matches('\n').count() + 1;
                format!("{name}, line {line}")
            }
            None => name.to_owned(),
        };
        // serde's words for it: unknown field `x`, expected one of `a`, `b`
        let message = error.message();
        let mut quoted = message.split('`').skip(1).step_by(2).map(str::to_owned);
        if message.starts_with("unknown field")
            && let Some(key) = quoted.next()
        {
            let known: Vec<String> = quoted.collect();
            let nearest = steepest::nearest(&key, known.iter().map(String::as_str)).map(str::to_owned);
            return Self::UnknownKey { place, key, nearest, known };
        }
        Self::Toml { place, reason: message.trim().to_owned() }
    }
}
