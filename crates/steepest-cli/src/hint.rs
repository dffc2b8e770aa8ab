//! Errors of the trainer in the words of this program: the trainer speaks of settings, here come the options.

use crate::args::option_of;
use crate::output::{Failure, quoted};
use steepest_train::Error;

impl From<steepest_data::Error> for Failure {
    fn from(error: steepest_data::Error) -> Self {
        Error::Data(error).into()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = match hint(&error) {
            Some(hint) => format!("{error} ({hint})"),
            None => error.to_string(),
        };
        match error {
            Error::Optimizer(error) => error.into(),
            Error::File { .. } | Error::Threads { .. } => Self::Run(message),
            _ => Self::Input(message),
        }
    }
}

fn hint(error: &Error) -> Option<String> {
    match error {
        Error::RunInUse { .. } | Error::RunExists { .. } => Some("--out".to_owned()),
        Error::RunUnfinished { path } => Some(format!("steepest resume {}", quoted(&path.to_string_lossy()))),
        Error::Damaged { path, .. } => {
            let run = path.parent().unwrap_or(path);
            Some(format!("steepest verify {}", quoted(&run.to_string_lossy())))
        }
        Error::RunFinished { .. } => Some("to make it longer, --epochs".to_owned()),
        Error::NotUtf8Path { .. } => Some("--out".to_owned()),
        Error::BadSearch { search, .. } => {
            let word = search.split(' ').next().unwrap_or_default();
            let own =
                ["folds", "trainings", "points", "optimizers", "baseline", "rates", "reach"].contains(&word);
            Some(format!("--{}", if own { word } else { "search" }))
        }
        Error::NotARun { .. } => Some("`steepest fit` names it at its end".to_owned()),
        error => options(error.keys()),
    }
}

/// The options that set these settings: `--lr, --clip-norm`.
fn options(keys: &[&str]) -> Option<String> {
    let options: Vec<String> = keys.iter().filter_map(|key| option_of(key)).collect();
    (!options.is_empty()).then(|| options.join(", "))
}

/// What notes of the libraries ask for, and the option that does it.
const REMEDIES: [(&str, &str); 8] = [
    ("give it the role of the group", "--group"),
    ("leave it out if it is not known", "--drop"),
    ("have it read as numbers if", "--number"),
    ("have it read as categories if", "--category"),
    ("ask for regression", "--task regression"),
    ("ask for classes", "--task classes"),
    ("tells which mark is the decimal one", "--decimal"),
    ("choose another target", "--target"),
];

/// A note in the words of this program: with the option that does what it asks for.
pub fn note(note: &str) -> String {
    match REMEDIES.iter().find(|(words, _)| note.contains(words)) {
        Some((_, option)) => format!("{note} ({option})"),
        None => note.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use steepest_train::Settings;

    #[test]
    fn errors_name_the_option() {
        let settings = Settings::from_toml("[optimizer]\nlr = -1.0", "test").unwrap();
        let Failure::Input(message) = Failure::from(settings.check().unwrap_err()) else {
            panic!("bad input")
        };
        assert!(message.starts_with("optimizer.lr is -1") && message.ends_with("(--lr)"), "{message}");
        assert_eq!(options(&["optimizer.momentum"]), None);
    }
}
