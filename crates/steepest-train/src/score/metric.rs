//! The metrics by name: which task each is for, and which way it improves.

use crate::summary::Score;
use serde::{Deserialize, Serialize};
use std::fmt;
use steepest_data::Task;

/// A number that says how good predictions are.
///
/// Settings name one by which the best epoch is kept (`train.metric`); a [`Score`] holds all that its task has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// [`Score::loss`]
    Loss,
    /// [`Score::accuracy`]
    Accuracy,
    /// [`Score::balanced_accuracy`]
    BalancedAccuracy,
    /// [`Score::log_loss`]
    LogLoss,
    /// [`Score::auc`]
    Auc,
    /// [`Score::average_precision`]
    AveragePrecision,
    /// [`Score::f1`]
    F1,
    /// [`Score::r2`]
    R2,
    /// [`Score::rmse`]
    Rmse,
    /// [`Score::mae`]
    Mae,
    /// [`Score::median_error`]
    MedianError,
}

impl Metric {
    /// All, in the order of reports.
    pub const ALL: [Self; 11] = [
        Self::Loss,
        Self::Accuracy,
        Self::BalancedAccuracy,
        Self::LogLoss,
        Self::Auc,
        Self::AveragePrecision,
        Self::F1,
        Self::R2,
        Self::Rmse,
        Self::Mae,
        Self::MedianError,
    ];

    /// Its name in settings, in JSON and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "accuracy",
            Self::BalancedAccuracy => "balanced_accuracy",
            Self::LogLoss => "log_loss",
            Self::Auc => "auc",
            Self::AveragePrecision => "average_precision",
            Self::F1 => "f1",
            Self::R2 => "r2",
            Self::Rmse => "rmse",
            Self::Mae => "mae",
            Self::MedianError => "median_error",
        }
    }

    /// Whether larger is better. All such metrics are 1 at best.
    pub fn higher_is_better(self) -> bool {
        match self {
            Self::Accuracy
            | Self::BalancedAccuracy
            | Self::Auc
            | Self::AveragePrecision
            | Self::F1
            | Self::R2 => true,
            Self::Loss | Self::LogLoss | Self::Rmse | Self::Mae | Self::MedianError => false,
        }
    }

    /// Whether predictions of this task have it.
    pub fn suits(self, task: Task) -> bool {
        match self {
            Self::Loss => true,
            Self::R2 | Self::Rmse | Self::Mae | Self::MedianError => !task.is_classification(),
            _ => task.is_classification(),
        }
    }

    /// Whether a class with few rows weighs as much in it as one with many.
    pub(crate) fn looks_at_each_class(self) -> bool {
        matches!(self, Self::BalancedAccuracy | Self::Auc | Self::AveragePrecision | Self::F1)
    }

    /// Its value in a score; `None` where the score has it not.
    pub fn of(self, score: &Score) -> Option<f64> {
        match self {
            Self::Loss => Some(score.loss),
            Self::Accuracy => score.accuracy,
            Self::BalancedAccuracy => score.balanced_accuracy,
            Self::LogLoss => score.log_loss,
            Self::Auc => score.auc,
            Self::AveragePrecision => score.average_precision,
            Self::F1 => score.f1,
            Self::R2 => score.r2,
            Self::Rmse => score.rmse,
            Self::Mae => score.mae,
            Self::MedianError => score.median_error,
        }
    }

    /// The value as something that is at least 0 and better when smaller: what stop rules and schedules compare. Its
    /// own inverse.
    pub(crate) fn shortfall(self, value: f64) -> f64 {
        if self.higher_is_better() { 1.0 - value } else { value }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_files() {
        for metric in Metric::ALL {
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.name());
        }
    }
}
