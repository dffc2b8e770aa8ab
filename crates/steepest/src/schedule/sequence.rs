use super::entry::{Make, ScheduleEntry, Traits};
use super::factor::Schedule;
use super::inner::{Names, put_prefixed, take_prefixed};
use crate::error::{Error, Result};
use crate::page::with_page;
use crate::settings::{Range, Settings, Values};

pub(super) const ENTRY: ScheduleEntry = ScheduleEntry {
    name: SequenceSettings::OWNER,
    page: Sequence::PAGE,
    traits: Traits { own_warmup: false },
    parameters: SequenceSettings::parameters,
    make,
};

crate::settings! {
    /// [`Sequence`] as files give it; the settings of the parts are `1.…`, `2.…`, for instance
    /// `2.floor`.
    pub struct SequenceSettings("sequence") {
        /// the schedules in order; their settings are `1.NAME`, `2.NAME`, …
        parts: Names = Names(vec!["constant".to_owned(), "cosine".to_owned()]);
        /// the first step of each part but the first, rising
        boundaries: Vec<f64> = vec![1000.0], Range::AT_LEAST_ONE;
    }
}

with_page! {
    /// Several schedules one after the other, each from its own beginning.
    ///
    /// # Formula
    /// ```text
    /// factor(e) = part_i(e − b_i)    for b_i ≤ e < b_{i+1};    b_1 = 0, b_2, … = boundaries
    /// ```
    ///
    /// A part whose length is the whole run lasts up to the next boundary, or, for the last one, to the end of
    /// the run.
    ///
    /// # Differences
    /// None from optax's `join_schedules`, whose schedules are pure functions as these are. torch's
    /// `SequentialLR` agrees to rounding, save that each of its parts multiplies the rate found at the
    /// boundary.
    ///
    /// # Errors
    /// [`new`](Self::new): [`Error::Conflict`] when the boundaries are not one fewer than the parts,
    /// or do not rise; an error of a part.
    ///
    /// # Example
    /// ```
    /// use steepest::schedule::{Constant, Exponential, Schedule, Sequence};
    /// let parts: Vec<Box<dyn Schedule>> = vec![
    ///     Box::new(Constant::default()),
    ///     Box::new(Exponential { gamma: 0.5, floor: 0.0 }),
    /// ];
    /// let schedule = Sequence::new(parts, vec![10])?;
    /// assert_eq!([0, 9, 10, 11, 12].map(|e| schedule.factor(e)), [1.0, 1.0, 1.0, 0.5, 0.25]);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// torch.optim.lr_scheduler.SequentialLR; optax.join_schedules.
    #[derive(Debug)]
    pub struct Sequence {
        parts: Vec<Box<dyn Schedule>>,
        boundaries: Vec<u64>,
    }
}

impl Sequence {
    /// `parts` in order; `boundaries[i]` is the first step of `parts[i + 1]`.
    pub fn new(parts: Vec<Box<dyn Schedule>>, boundaries: Vec<u64>) -> Result<Self> {
        let sequence = Self { parts, boundaries };
        sequence.validate()?;
        Ok(sequence)
    }

    /// The parts in order.
    pub fn parts(&self) -> impl Iterator<Item = &dyn Schedule> {
        self.parts.iter().map(|part| &**part)
    }

    /// The first step of each part but the first.
    pub fn boundaries(&self) -> &[u64] {
        &self.boundaries
    }
}

fn make(values: &Values, make: Make) -> Result<Box<dyn Schedule>> {
    let mut own = values.clone();
    // the numbers of the parts first: what is left must be settings of the sequence itself
    let names = match values.get("parts") {
        Some(parts) => SequenceSettings::from_values(&[("parts".to_owned(), parts.clone())].into())?,
        None => SequenceSettings::default(),
    };
    let inner: Vec<Values> =
        (1..=names.parts.0.len()).map(|number| take_prefixed(&mut own, &number.to_string())).collect();
    let settings = SequenceSettings::from_values(&own)?;
    if let Some(part) = settings.boundaries.iter().find(|b| b.fract() != 0.0) {
        return Err(Error::Conflict {
            owner: SequenceSettings::OWNER,
            conflict: format!("the boundary {part} is not a whole number of steps"),
            remedy: format!("use {} or {}", part.floor(), part.ceil()),
        });
    }
    let parts = settings.parts.0.iter().zip(&inner).map(|(name, inner)| make(name, inner));
    let boundaries = settings.boundaries.iter().map(|b| *b as u64).collect();
    Ok(Box::new(Sequence::new(parts.collect::<Result<_>>()?, boundaries)?))
}

impl Schedule for Sequence {
    fn factor(&self, step: u64) -> f64 {
        if self.is_unresolved() {
            // also in the parts that are known: not only the last step would find out
            return f64::NAN;
        }
        let part = self.boundaries.partition_point(|boundary| *boundary <= step);
        let begin = if part == 0 { 0 } else { self.boundaries[part - 1] };
        self.parts[part].factor(step - begin)
    }
    fn name(&self) -> &'static str {
        SequenceSettings::OWNER
    }
    fn values(&self) -> Values {
        let settings = SequenceSettings {
            parts: Names(self.parts().map(|part| part.name().to_owned()).collect()),
            boundaries: self.boundaries.iter().map(|b| *b as f64).collect(),
        };
        let mut values = Settings::values(&settings);
        for (number, part) in (1..).zip(&self.parts) {
            put_prefixed(&mut values, &format!("{number}"), part.values());
        }
        values
    }
    fn validate(&self) -> Result<()> {
        let conflict = |conflict: String, remedy: String| {
            Err(Error::Conflict { owner: SequenceSettings::OWNER, conflict, remedy })
        };
        if self.parts.len() != self.boundaries.len() + 1 {
            return conflict(
                format!("{} parts and {} boundaries", self.parts.len(), self.boundaries.len()),
                "give one boundary fewer than parts".to_owned(),
            );
        }
        let mut before = 0;
        for boundary in &self.boundaries {
            if *boundary <= before {
                return conflict(
                    format!("the boundary {boundary} is not above {before}"),
                    "give boundaries that rise, the first above 0".to_owned(),
                );
            }
            before = *boundary;
        }
        self.parts.iter().try_for_each(|part| part.validate())
    }
    fn resolve(&mut self, total_steps: u64) {
        let mut begin = 0;
        for (number, part) in self.parts.iter_mut().enumerate() {
            let end = self.boundaries.get(number).copied().unwrap_or(total_steps);
            part.resolve(end.saturating_sub(begin));
            begin = end;
        }
    }
    fn is_unresolved(&self) -> bool {
        self.parts.iter().any(|part| part.is_unresolved())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Constant, Cosine, Linear};
    use super::*;
    use crate::settings::Value;

    fn three() -> Sequence {
        let parts: Vec<Box<dyn Schedule>> = vec![
            Box::new(Linear { start: 0.0, end: 1.0, ..Linear::default() }),
            Box::new(Constant::default()),
            Box::new(Cosine::default()),
        ];
        Sequence::new(parts, vec![10, 30]).unwrap()
    }

    #[test]
    fn each_part_begins_at_its_boundary_and_gets_its_part_of_the_run() {
        let mut sequence = three();
        assert!(sequence.ready().is_err());
        sequence.resolve(70);
        sequence.ready().unwrap();
        assert_eq!(sequence.values()["1.steps"], Value::Number(10.0));
        assert_eq!(sequence.values()["3.steps"], Value::Number(40.0));
        assert_eq!([0, 5, 10, 29, 30, 70].map(|e| sequence.factor(e)), [0.0, 0.5, 1.0, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn values_round_trip_with_the_parts() {
        let mut sequence = three();
        sequence.resolve(70);
        let again = super::super::make("sequence", &sequence.values()).unwrap();
        assert!((0..80).all(|e| sequence.factor(e) == again.factor(e)));
    }

    #[test]
    fn boundaries_must_fit() {
        let constants = |n: usize| -> Vec<Box<dyn Schedule>> {
            (0..n).map(|_| Box::new(Constant::default()) as Box<dyn Schedule>).collect()
        };
        for (parts, boundaries) in [(0, vec![]), (2, vec![]), (2, vec![0]), (3, vec![5, 5])] {
            let error = Sequence::new(constants(parts), boundaries).unwrap_err();
            assert!(matches!(error, Error::Conflict { .. }));
        }
        Sequence::new(constants(1), vec![]).unwrap();
        let values = Values::from([("3.floor".to_owned(), Value::Number(0.1))]);
        let message = super::super::make("sequence", &values).unwrap_err().to_string();
        assert!(message.starts_with("sequence has no setting `3.floor`"), "{message}");
    }
}
