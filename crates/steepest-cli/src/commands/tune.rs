use super::fit::{Shown, conclude, out, settings};
use crate::args::Tune;
use crate::output::Result;
use crate::progress::Reporter;
use steepest_train::choose::{self, Search, TuneOptions};

/// Chooses settings by cross-validation, trains with them, and says what came out of both.
pub fn run(args: Tune) -> Result {
    let Tune { fit, search, folds, trainings, points } = args;
    let settings = settings(&fit)?;
    let search = if search.is_empty() { vec![Search::rate()] } else { search };
    let usual = TuneOptions::of(search);
    let options = TuneOptions {
        folds,
        trainings: trainings.unwrap_or(usual.trainings),
        points: points.unwrap_or(usual.points),
        ..usual
    };
    let mut reporter = Reporter::new(fit.watch);
    let tuned = choose::tune(&settings, &options, &out(&fit), &mut reporter);
    let (_, summary) = tuned.map_err(|error| reporter.failure(error))?;
    let shown = Shown { json: fit.watch.json, report: !fit.watch.no_report };
    conclude(&summary, &settings.data.source, &shown, &mut reporter)
}
