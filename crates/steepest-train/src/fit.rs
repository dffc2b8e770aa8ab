//! A whole run in one call.

use crate::choose;
use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use crate::files::is_comparison;
use crate::pool::{cores, in_pool, most_threads};
use crate::run_dir::Out;
use crate::settings::Settings;
use crate::spend::spend;
use crate::summary::Summary;
use crate::trainer::{ResumeOptions, Trainer};
use crate::verify::Verified;
use std::path::Path;
use std::sync::Arc;
use steepest::Disk;

/// Trains a network: reads and encodes the data, trains, keeps the best weights, writes the run
/// directory.
///
/// The same settings give the same weights, for any number of threads.
///
/// With `optimizer.lr = "auto"` ([`LearningRate::Auto`](crate::LearningRate)) the learning rate is chosen first: seven rates half a
/// decade apart round the usual one are trained to a sixteenth of the whole schedule, the best four to an eighth, the best two to a
/// quarter, and the better one's training goes on as the run (successive halving: Jamieson & Talwalkar 2016). Where trainings
/// are cheap, rates are compared on 5 or 3 divisions of the rows, at an eighth, a quarter and a half. The run ends with the same bits as one with that rate from the start.
///
/// # Errors
/// Bad settings and bad data, before any directory is made. A run that diverges or meets a gradient
/// that is not finite is no error: its [`Summary`] says so.
pub fn fit(settings: &Settings, out: &Out, observer: &mut dyn Observer) -> Result<Summary> {
    tell_of_threads(settings.train.threads, observer);
    in_pool(settings.train.threads, || match settings.optimizer.chooses_rate() {
        true => choose::begin(settings, None, out, observer).map(|(_, summary)| summary),
        false => {
            let data = Trainer::prepared(settings, out)?;
            let spent = spend(settings, &data)?;
            let settings = spent.as_ref().map_or(settings, |(settings, _)| settings);
            let mut trainer = Trainer::over(Arc::new(Disk), settings, out, data)?;
            if let Some((_, note)) = &spent {
                trainer.say_first(note.clone());
            }
            trainer.run(observer)
        }
    })
}

/// Goes on with a run that was interrupted or cut: see [`Trainer::resume`]. It ends with the same bits as a run that was
/// not.
///
/// # Errors
/// As [`Trainer::resume`], and as [`fit`].
pub fn resume(run: &Path, how: &ResumeOptions, observer: &mut dyn Observer) -> Result<Summary> {
    tell_of_threads(how.threads, observer);
    if is_comparison(run) {
        let reason = "it holds a comparison of optimizers, which `choose::resume_compare` goes on with";
        return Err(Error::NotARun { path: run.to_owned(), reason: reason.to_owned() });
    }
    in_pool(how.threads, || match choose::resume(run, how, observer)? {
        Some(summary) => Ok(summary),
        None => Trainer::resume(run, how)?.run(observer),
    })
}

/// Checks the checksums of all files of a run, and takes the steps between its two newest checkpoints again, which proves
/// that they give the same bits. `source` is where the data lies now, if not where it was. Nothing is written.
///
/// # Errors
/// [`Error::NotARun`](crate::Error::NotARun) for a directory that holds none. What is damaged is no error: the outcome says so.
pub fn verify(run: &Path, source: Option<&str>, threads: Option<usize>) -> Result<Verified> {
    in_pool(threads, || crate::verify::verify(run, source))
}

/// Says that fewer threads are used than were asked for.
fn tell_of_threads(asked: Option<usize>, observer: &mut dyn Observer) {
    let most = most_threads();
    if let Some(asked) = asked.filter(|asked| *asked > most) {
        let note = format!(
            "{asked} threads on {} cores would wait for one another: {most} are used, and the result is the same",
            cores()
        );
        // that it asks to stop is heard at the first step
        let _ = observer.observe(&Event::Note(note));
    }
}
