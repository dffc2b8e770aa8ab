use super::compare;
use super::fit::{Shown, conclude};
use crate::args::Resume;
use crate::output::{Failure, Result};
use crate::progress::Reporter;
use steepest_train::{Error, ResumeOptions, RunFiles, Settings, choose};

/// Goes on with a run, shows it, and says what came out.
pub fn run(args: Resume) -> Result {
    let mut reporter = Reporter::new(args.watch);
    let how = ResumeOptions { source: args.data, epochs: args.epochs, threads: args.threads };
    let moved = how.source.is_none();
    let failure = |error: Error, reporter: &mut Reporter| match error {
        Error::Data(_) | Error::OtherData if moved => {
            Failure::input(format!("{error} (where the data lies now, if it is not where it was: --data)"))
        }
        error => reporter.failure(error),
    };
    if RunFiles::open(&args.run).is_ok_and(|files| files.is_comparison()) {
        let resumed = choose::resume_compare(&args.run, &how, &mut reporter);
        let (run, comparison) = resumed.map_err(|error| failure(error, &mut reporter))?;
        return compare::conclude(&run, &comparison, args.watch.json, !args.watch.no_report, reporter);
    }
    let resumed = steepest_train::resume(&args.run, &how, &mut reporter);
    let summary = resumed.map_err(|error| failure(error, &mut reporter))?;
    // the run has written where its data lies
    let text = std::fs::read_to_string(args.run.join("settings.toml")).unwrap_or_default();
    let settings = Settings::from_toml(&text, "settings.toml").unwrap_or_default();
    conclude(
        &summary,
        &settings.data.source,
        &Shown { json: args.watch.json, report: !args.watch.no_report },
        &mut reporter,
    )
}
