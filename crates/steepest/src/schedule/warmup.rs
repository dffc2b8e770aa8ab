use super::curve::{linear_between, remaining};
use super::entry::{Make, ScheduleEntry, Traits};
use super::factor::Schedule;
use super::inner::{Names, put_prefixed, take_prefixed};
use crate::error::{Error, Result};
use crate::page::with_page;
use crate::settings::{Range, Settings, Values};

pub(super) const ENTRY: ScheduleEntry = ScheduleEntry {
    name: WarmupSettings::OWNER,
    page: Warmup::PAGE,
    traits: Traits { own_warmup: true },
    parameters: WarmupSettings::parameters,
    make,
};

crate::settings! {
    /// [`Warmup`] as files give it; the settings of the schedule that follows are `then.…`, for
    /// instance `then.floor`.
    pub struct WarmupSettings("warmup") {
        /// steps of the rise; 0 for none
        steps: u64 = 100, Range::NON_NEGATIVE;
        /// the fraction of the following schedule's first rate to begin with
        start: f64 = 0.01, Range::FRACTION;
        /// the schedule that follows; its settings are `then.NAME`
        then: Names = Names(vec!["constant".to_owned()]);
    }
}

with_page! {
    /// A straight rise over the first steps, then another schedule from its beginning.
    ///
    /// # Formula
    /// ```text
    /// factor(e) = then(0)·(start + (1 − start)·e/T)    if e < T = steps
    ///           = then(e − T)                          otherwise
    /// ```
    ///
    /// It is continuous for every schedule that follows, also one that does not begin at 1. A `then`
    /// whose length is the whole run gets what the warm-up leaves of it.
    ///
    /// # Differences
    /// torch: `SequentialLR` of a `LinearLR` and the other schedule, with one milestone. optax's
    /// `warmup_cosine_decay_schedule` is this with a cosine, where `decay_steps` includes the warm-up.
    ///
    /// # Errors
    /// [`new`](Self::new): a setting outside its range, or an error of the schedule that follows.
    ///
    /// # Example
    /// ```
    /// use steepest::schedule::{Exponential, Schedule, Warmup};
    /// let after = Exponential { gamma: 0.5, floor: 0.0 };
    /// let schedule = Warmup::new(4, 0.0, Box::new(after))?;
    /// assert_eq!([0, 1, 2, 4, 5].map(|e| schedule.factor(e)), [0.0, 0.25, 0.5, 1.0, 0.5]);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Goyal et al. 2017, "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", section 2.2.
    #[derive(Debug)]
    pub struct Warmup {
        steps: u64,
        start: f64,
        then: Box<dyn Schedule>,
    }
}

impl Warmup {
    /// Rises for `steps` steps from `start`, a fraction in `[0, 1]` of the first factor of `then`,
    /// and goes on with `then`.
    pub fn new(steps: u64, start: f64, then: Box<dyn Schedule>) -> Result<Self> {
        let warmup = Self { steps, start, then };
        warmup.validate()?;
        Ok(warmup)
    }

    /// Steps of the rise.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The schedule that follows.
    pub fn then(&self) -> &dyn Schedule {
        &*self.then
    }

    fn settings(&self) -> WarmupSettings {
        let then = Names(vec![self.then.name().to_owned()]);
        WarmupSettings { steps: self.steps, start: self.start, then }
    }
}

fn make(values: &Values, make: Make) -> Result<Box<dyn Schedule>> {
    let mut own = values.clone();
    let inner = take_prefixed(&mut own, "then");
    let settings = WarmupSettings::from_values(&own)?;
    let [name] = settings.then.0.as_slice() else {
        return Err(Error::Conflict {
            owner: WarmupSettings::OWNER,
            conflict: format!("`then` names {} schedules", settings.then.0.len()),
            remedy: "name one; `sequence` joins several".to_owned(),
        });
    };
    Ok(Box::new(Warmup::new(settings.steps, settings.start, make(name, &inner)?)?))
}

impl Schedule for Warmup {
    fn factor(&self, step: u64) -> f64 {
        match step.checked_sub(self.steps) {
            Some(after) => self.then.factor(after),
            None => {
                let rise = linear_between(self.start, 1.0, remaining(step, self.steps));
                self.then.factor(0) * rise
            }
        }
    }
    fn name(&self) -> &'static str {
        WarmupSettings::OWNER
    }
    fn values(&self) -> Values {
        let mut values = Settings::values(&self.settings());
        put_prefixed(&mut values, "then", self.then.values());
        values
    }
    fn validate(&self) -> Result<()> {
        self.settings().check_ranges()?;
        self.then.validate()
    }
    fn resolve(&mut self, total_steps: u64) {
        self.then.resolve(total_steps.saturating_sub(self.steps));
    }
    fn is_unresolved(&self) -> bool {
        self.then.is_unresolved()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cosine, OneCycle};
    use super::*;
    use crate::settings::Value;

    #[test]
    fn rises_to_the_first_factor_of_what_follows() {
        let cycle = OneCycle { steps: 100, ..OneCycle::default() };
        let first = cycle.factor(0);
        let schedule = Warmup::new(10, 0.1, Box::new(cycle)).unwrap();
        assert!((schedule.factor(0) - 0.1 * first).abs() < 1e-17);
        assert_eq!(schedule.factor(10), first);
        assert!((0..10).all(|e| schedule.factor(e) < schedule.factor(e + 1)));
    }

    #[test]
    fn no_steps_change_nothing() {
        let cosine = Cosine { steps: 30, ..Cosine::default() };
        let schedule = Warmup::new(0, 0.0, Box::new(cosine.clone())).unwrap();
        assert!((0..40).all(|e| schedule.factor(e) == cosine.factor(e)));
    }

    #[test]
    fn what_follows_gets_the_rest_of_the_run() {
        let mut schedule = Warmup::new(10, 0.0, Box::new(Cosine::default())).unwrap();
        assert!(schedule.ready().is_err());
        schedule.resolve(50);
        assert_eq!(schedule.values()["then.steps"], Value::Number(40.0));
        assert_eq!(schedule.factor(50), 0.0);
        // a run shorter than its warm-up still has a length
        let mut short = Warmup::new(10, 0.0, Box::new(Cosine::default())).unwrap();
        short.resolve(5);
        short.ready().unwrap();
    }

    #[test]
    fn settings_reach_the_inner_schedule() {
        let values = Values::from([
            ("steps".to_owned(), Value::Number(5.0)),
            ("then".to_owned(), Value::Word("warmup".to_owned())),
            ("then.then".to_owned(), Value::Word("exponential".to_owned())),
            ("then.then.gamma".to_owned(), Value::Number(0.5)),
        ]);
        let schedule = super::super::make("warmup", &values).unwrap();
        assert_eq!(schedule.factor(105), 1.0);
        assert_eq!(schedule.factor(106), 0.5);

        let wrong = Values::from([("then.gamma".to_owned(), Value::Number(0.5))]);
        let message = super::super::make("warmup", &wrong).unwrap_err().to_string();
        assert!(message.starts_with("constant has no setting `gamma`"), "{message}");
        let two = Values::from([("then".to_owned(), Value::Word("step,cosine".to_owned()))]);
        let message = super::super::make("warmup", &two).unwrap_err().to_string();
        assert_eq!(message, "warmup: `then` names 2 schedules; name one; `sequence` joins several");
    }
}
