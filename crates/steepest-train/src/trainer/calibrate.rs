//! Probabilities that are as sure as they are right.

use super::Trainer;
use crate::error::Result;
use crate::loss::log_softmax;
use crate::network;
use crate::settings::{ClassWeights, LossKind};
use steepest_data::Targets;

/// Fewest validation rows that a temperature is found on.
const FEWEST: usize = 50;
/// A temperature is taken where it lowers the loss by more than this many standard errors of the rows' differences.
const CLEARLY: f64 = 2.0;
/// The inverse temperatures that are looked among.
const INVERSE: [f64; 2] = [0.05, 20.0];

impl Trainer {
    /// Divides the logits by a temperature (Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2), which is
    /// found on the validation rows, where it clearly helps there: the last layer takes it up. What was done, in words.
    ///
    /// # Errors
    /// Never: the network has the tensors that it had.
    pub(super) fn calibrate(&mut self) -> Result<Option<String>> {
        let (data, settings) = (&self.data, &self.plan.settings.loss);
        let Targets::Classes(codes) = &data.validation.targets else { return Ok(None) };
        // smoothed or weighted classes are not meant to be as probable as they are
        let plain = settings.kind == LossKind::CrossEntropy
            && settings.label_smoothing == 0.0
            && settings.class_weights == ClassWeights::Equal;
        if !plain || codes.len() < FEWEST {
            return Ok(None);
        }
        let members = network::outputs_of_members(&self.model, &data.encoder, &data.validation.features);
        let Some(temperature) = temperature(&members, codes) else { return Ok(None) };
        let mut weights = steepest_burn::named_tensors(&self.model);
        for (name, _, values) in &mut weights {
            if name.starts_with("output.") {
                values.iter_mut().for_each(|value| *value = (f64::from(*value) / temperature) as f32);
            }
        }
        steepest_burn::load_named_tensors(&mut self.model, &weights)?;
        Ok(Some(format!(
            "probabilities are made {} by a temperature of {temperature:.2}, which the validation rows ask for",
            if temperature > 1.0 { "less sure" } else { "surer" }
        )))
    }
}

/// The temperature of least loss, where it is clearly less than without one. `members` have `rows × outputs` logits each.
fn temperature(members: &[Vec<f32>], codes: &[u32]) -> Option<f64> {
    let losses = |inverse: f64| -> Vec<f64> {
        let width = members[0].len() / codes.len();
        let scaled = |raw: &[f32]| raw.iter().map(|x| (f64::from(*x) * inverse) as f32).collect::<Vec<_>>();
        (0..codes.len())
            .map(|row| {
                let share = |member: &Vec<f32>| {
                    log_softmax(&scaled(&member[row * width..(row + 1) * width]))[codes[row] as usize]
                };
                let logs: Vec<f64> = members.iter().map(share).collect();
                let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let mean = logs.iter().map(|log| (log - most).exp()).sum::<f64>() / logs.len() as f64;
                -(most + mean.ln())
            })
            .collect()
    };
    let n = codes.len() as f64;
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / n;
    let inverse = lowest(|log| mean(&losses(log.exp())), INVERSE.map(f64::ln)).exp();
    let gains: Vec<f64> =
        losses(1.0).iter().zip(losses(inverse)).map(|(before, after)| before - after).collect();
    let gain = mean(&gains);
    let error = (gains.iter().map(|x| (x - gain).powi(2)).sum::<f64>() / (n * (n - 1.0))).sqrt();
    // not finite: no
    (gain > CLEARLY * error).then_some(1.0 / inverse)
}

/// Where a function that falls and then rises is lowest: golden section (Kiefer 1953).
fn lowest(of: impl Fn(f64) -> f64, [mut low, mut high]: [f64; 2]) -> f64 {
    let golden = 0.5 * (5f64.sqrt() - 1.0);
    let (mut a, mut b) = (high - golden * (high - low), low + golden * (high - low));
    let (mut of_a, mut of_b) = (of(a), of(b));
    while high - low > 1e-3 {
        if of_a <= of_b {
            (high, b, of_b) = (b, a, of_a);
            a = high - golden * (high - low);
            of_a = of(a);
        } else {
            (low, a, of_a) = (a, b, of_b);
            b = low + golden * (high - low);
            of_b = of(b);
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use steepest_data::random::Stream;

    /// Logits, and classes drawn with the probabilities that the logits would have at `temperature`.
    fn drawn(rows: usize, temperature: f64) -> (Vec<f32>, Vec<u32>) {
        let mut stream = Stream::new(b"test\0\0\0\0", 1, 0);
        let mut unit = || stream.below(1 << 32) as f64 / (1u64 << 32) as f64;
        let logits: Vec<f32> = (0..3 * rows).map(|_| (6.0 * unit() - 3.0) as f32).collect();
        let codes = logits.chunks(3).map(|row| {
            let at: Vec<f32> = row.iter().map(|x| (f64::from(*x) / temperature) as f32).collect();
            let mut left = unit();
            let shares = log_softmax(&at).into_iter().map(f64::exp);
            shares
                .take(2)
                .take_while(|share| {
                    left -= share;
                    left >= 0.0
                })
                .count() as u32
        });
        let codes = codes.collect();
        (logits, codes)
    }

    #[test]
    fn a_temperature_that_was_there_is_found() {
        for true_one in [0.4, 2.5] {
            let (logits, codes) = drawn(4_000, true_one);
            let found = temperature(std::slice::from_ref(&logits), &codes).unwrap();
            // 4,000 rows tell it to a few hundredths
            assert!((found / true_one).ln().abs() < 0.12, "{found}, not {true_one}");
            // members that agree are one network
            let same = temperature(&[logits.clone(), logits], &codes).unwrap();
            assert!((same - found).abs() < 1e-6, "{same} {found}");
        }
    }

    #[test]
    fn what_is_right_stays() {
        let (logits, codes) = drawn(4_000, 1.0);
        assert_eq!(temperature(&[logits], &codes), None);
        assert_eq!(temperature(&[vec![f32::NAN; 300]], &[0; 100]), None);
        let (huge, codes) = (vec![1e38f32; 300], [1; 100]);
        assert!(temperature(&[huge], &codes).is_none());
    }
}
