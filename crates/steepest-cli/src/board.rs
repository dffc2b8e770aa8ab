//! What `fit --tensorboard` writes while it trains.

use crate::output::shown_path;
use std::path::Path;
use steepest_report::tensorboard::{At, EventFile, Histogram, Outcome, Setting, WriteError};
use steepest_report::{Run, flat_settings};
use steepest_train::{EpochDone, Event, Metric, Start, Summary};

/// TensorBoard's event files of a run. What cannot be written is said, and ends nothing.
#[derive(Debug, Default)]
pub struct Board {
    asked: bool,
    file: Option<EventFile>,
    /// What the validation metric is called.
    metric: &'static str,
}

impl Board {
    pub fn new(asked: bool) -> Self {
        Self { asked, ..Self::default() }
    }

    pub fn is_on(&self) -> bool {
        self.asked
    }

    /// Takes an event; what is to be said of it.
    pub fn observe(&mut self, event: &Event) -> Option<String> {
        if let Event::Start(start) = event {
            // a run that had a board goes on with one
            self.asked |= has_events(&start.run);
        }
        if !self.asked {
            return None;
        }
        let outcome = match event {
            Event::Start(start) => self.start(start),
            Event::Epoch(done) => self.epoch(done),
            Event::Weights { step, tensors } => self.file.as_mut().map_or(Ok(()), |file| {
                tensors.iter().try_for_each(|(name, _, values)| {
                    file.histogram(&format!("weights/{name}"), &Histogram::of(values), At::now(*step))
                })
            }),
            _ => Ok(()),
        };
        outcome.err().map(|error| problem(&error))
    }

    fn start(&mut self, start: &Start) -> Result<(), WriteError> {
        self.metric = start.metric;
        let at = At::now(start.step);
        let mut file = match start.step {
            0 => EventFile::create(&start.run, at)?,
            _ => EventFile::resume(&start.run, at)?,
        };
        if let Ok(run) = Run::read(&start.run) {
            let settings = flat_settings(&run);
            let settings: Vec<(&str, Setting)> =
                settings.iter().map(|(key, value)| (key.as_str(), setting(value))).collect();
            file.settings(&settings, at)?;
            file.code("settings", &run.settings.to_toml(), at)?;
        }
        self.file = Some(file);
        Ok(())
    }

    fn epoch(&mut self, done: &EpochDone) -> Result<(), WriteError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let at = At::now(done.step);
        let metric = format!("metric/{}", self.metric);
        let values = [
            ("loss/train", Some(done.train_loss)),
            ("loss/validation", done.validation_loss),
            ("loss/validation_capped", done.validation_capped),
            (metric.as_str(), done.validation_metric),
            ("rate/learning_rate", Some(done.lr)),
            ("gradient/norm", Some(done.gradient_norm)),
            ("speed/samples_per_second", Some(done.samples_per_second)),
        ];
        for (tag, value) in values {
            if let Some(value) = value {
                file.scalar(tag, value, at)?;
            }
        }
        for layer in &done.layers {
            file.scalar(&format!("gradient/{}", layer.name), layer.gradient_norm, at)?;
            if let Some(ratio) = layer.update_ratio {
                file.scalar(&format!("update/{}", layer.name), ratio, at)?;
            }
        }
        file.flush()
    }

    /// The end of a finished run, with its scores; an interrupted one goes on later. What is to be said of it.
    pub fn end(&mut self, summary: &Summary, failed: bool) -> Option<String> {
        let file = self.file.as_mut()?;
        if !summary.finished {
            return file.flush().err().map(|error| problem(&error));
        }
        let parts = [
            ("test", summary.test.as_ref()),
            ("validation", summary.validation.as_ref()),
            ("train", Some(&summary.train)),
        ];
        let parts = parts.into_iter().filter_map(|(part, score)| Some((part, score?)));
        let scores: Vec<(String, f64)> = parts
            .flat_map(|(part, score)| {
                let metrics = Metric::ALL.into_iter();
                metrics
                    .filter_map(move |metric| Some((format!("{part}_{}", metric.name()), metric.of(score)?)))
            })
            .collect();
        let scores: Vec<(&str, f64)> = scores.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let outcome = if failed { Outcome::Failure } else { Outcome::Success };
        let ended = file.end(outcome, &scores, At::now(summary.steps)).and_then(|()| file.flush());
        match (ended, file.left_out()) {
            (Err(error), _) => Some(problem(&error)),
            (Ok(()), 0) => None,
            (Ok(()), left_out) => {
                Some(format!("{left_out} events for TensorBoard found no room and are left out"))
            }
        }
    }
}

fn problem(error: &WriteError) -> String {
    format!("TensorBoard's file {} could not be written: {}", shown_path(&error.path), error.source)
}

/// A setting as TensorBoard sorts it.
fn setting(value: &str) -> Setting {
    match (value.parse::<f64>(), value) {
        (Ok(number), _) => number.into(),
        (_, "true") => true.into(),
        (_, "false") => false.into(),
        (_, word) => word.into(),
    }
}

fn has_events(run: &Path) -> bool {
    let entries = std::fs::read_dir(run).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).any(|name| name.contains(".tfevents."))
}
