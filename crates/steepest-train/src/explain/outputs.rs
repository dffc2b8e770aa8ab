//! From a network's raw outputs to those that are explained.

use crate::loss::log_softmax;
use steepest_data::{AnyEncoder, Task};

/// What is explained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Unit {
    /// A number in its own unit: the value of a raw 0, and what a raw 1 adds.
    Number([f64; 2]),
    /// The log odds of each class, or of the one that is looked for.
    LogOdds { looked_for: Option<u32> },
    /// The same as probabilities.
    Probability { looked_for: Option<u32> },
    /// The raw outputs.
    Raw,
}

impl Unit {
    /// Of a task; of two classes, one is looked for.
    pub fn of(encoder: &AnyEncoder, positive: u32, probability: bool) -> Self {
        let looked_for = (encoder.task() == Task::Binary).then_some(positive);
        match (encoder.task(), probability) {
            (Task::Regression, _) => {
                let zero = encoder.invert_target(0.0);
                Self::Number([zero, encoder.target_scale()])
            }
            (_, false) => Self::LogOdds { looked_for },
            (_, true) => Self::Probability { looked_for },
        }
    }

    /// How many outputs come of so many raw ones.
    pub fn count(self, raw: usize) -> usize {
        match self {
            Self::Number(_) => 1,
            Self::LogOdds { looked_for } | Self::Probability { looked_for } => {
                if looked_for.is_some() {
                    1
                } else {
                    raw
                }
            }
            Self::Raw => raw,
        }
    }

    /// The outputs of one row.
    pub fn apply(self, raw: &[f32], out: &mut [f64]) {
        match self {
            Self::Number([zero, one]) => out[0] = zero + one * f64::from(raw[0]),
            Self::Raw => out.iter_mut().zip(raw).for_each(|(out, raw)| *out = f64::from(*raw)),
            // two classes have one raw output: the log odds of the second
            Self::LogOdds { looked_for: Some(class) } => {
                let logit = f64::from(raw[0]);
                out[0] = if class == 1 { logit } else { -logit };
            }
            Self::Probability { looked_for: Some(class) } => out[0] = log_softmax(raw)[class as usize].exp(),
            Self::LogOdds { .. } => {
                let raw: Vec<f64> = raw.iter().map(|x| f64::from(*x)).collect();
                for (k, out) in out.iter_mut().enumerate() {
                    *out = raw[k] - log_sum_but(&raw, k);
                }
            }
            Self::Probability { .. } => {
                out.iter_mut().zip(log_softmax(raw)).for_each(|(out, x)| *out = x.exp());
            }
        }
    }

    /// The derivative of one output by the raw ones.
    pub fn derivative(self, raw: &[f32], output: usize) -> Vec<f64> {
        match self {
            Self::Number([_, one]) => vec![one],
            Self::Raw => (0..raw.len()).map(|k| f64::from(u8::from(k == output))).collect(),
            Self::LogOdds { looked_for: Some(class) } => vec![if class == 1 { 1.0 } else { -1.0 }],
            Self::Probability { looked_for: Some(class) } => {
                let [no, yes] = [0, 1].map(|at: usize| log_softmax(raw)[at].exp());
                vec![if class == 1 { no * yes } else { -no * yes }]
            }
            Self::LogOdds { .. } => {
                let raw: Vec<f64> = raw.iter().map(|x| f64::from(*x)).collect();
                let others = log_sum_but(&raw, output);
                let by = |(k, x): (usize, &f64)| if k == output { 1.0 } else { -(x - others).exp() };
                raw.iter().enumerate().map(by).collect()
            }
            Self::Probability { .. } => {
                let all: Vec<f64> = log_softmax(raw).into_iter().map(f64::exp).collect();
                let by = |(k, p): (usize, &f64)| all[output] * (f64::from(u8::from(k == output)) - p);
                all.iter().enumerate().map(by).collect()
            }
        }
    }
}

/// log Σ exp of all but one.
fn log_sum_but(raw: &[f64], but: usize) -> f64 {
    let others = || raw.iter().enumerate().filter(|(k, _)| *k != but).map(|(_, x)| *x);
    let top = others().fold(f64::NEG_INFINITY, f64::max);
    top + others().map(|x| (x - top).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_are_slopes() {
        let both = [None, Some(0), Some(1)];
        let units = both
            .iter()
            .flat_map(|of| [Unit::LogOdds { looked_for: *of }, Unit::Probability { looked_for: *of }]);
        for unit in units.chain([Unit::Number([3.0, 2.0]), Unit::Raw]) {
            let raw: &[f32] = match unit {
                Unit::LogOdds { looked_for: None } | Unit::Probability { looked_for: None } => {
                    &[0.5, -1.25, 2.0]
                }
                _ => &[0.75],
            };
            let count = unit.count(raw.len());
            for output in 0..count {
                for (k, slope) in unit.derivative(raw, output).iter().enumerate() {
                    let at = |step: f32| {
                        let mut moved = raw.to_vec();
                        moved[k] += step;
                        let mut out = vec![0.0; count];
                        unit.apply(&moved, &mut out);
                        out[output]
                    };
                    let step = 1.0 / 64.0;
                    let found = (at(step) - at(-step)) / (2.0 * f64::from(step));
                    assert!((found - slope).abs() < 1e-4, "{unit:?}: {found} is not {slope}");
                }
            }
        }
    }

    #[test]
    fn log_odds_of_several_classes() {
        let mut out = [0.0; 3];
        Unit::LogOdds { looked_for: None }.apply(&[1.0, 2.0, 800.0], &mut out);
        let mut p = [0.0; 3];
        Unit::Probability { looked_for: None }.apply(&[1.0, 2.0, 3.0], &mut p);
        assert!((out[0] + 799.0).abs() < 1e-9 && (out[2] - 800.0 + 2.3132617).abs() < 1e-4);
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
