use super::candidate::{Point, number};
use super::error::PlanError;
use super::space::grid;

/// How far the candidates that are left train, on what, and how many of them go on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rung {
    /// The fraction of the full schedule, above 0, at most 1.
    pub to: f64,
    /// How many go on from here; of the last rung, 1.
    pub keep: usize,
    /// The first so many splits. A later rung may have more; on new ones trainings begin from nothing.
    pub splits: usize,
}

/// Whether the range grows where its best candidate lies at its edge.
#[derive(Debug, Clone, PartialEq)]
pub struct Extend {
    /// The setting, a positive number.
    pub setting: String,
    /// Decades from one value to the next.
    pub decades: f64,
    /// Values that are added beyond the edge at a time; 2.
    pub by: usize,
    /// How often at most; 2.
    pub times: usize,
}

/// Two more candidates beside the winner, trained to the end.
#[derive(Debug, Clone, PartialEq)]
pub struct Refine {
    /// The setting, a positive number.
    pub setting: String,
    /// How far below and above the winner, in decades; 0.25.
    pub decades: f64,
}

/// A candidate that is not tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Dropped {
    /// Its settings.
    pub point: Point,
    /// The value that its setting may have at most.
    pub most: f64,
    /// Whether it is the documented one, of which one would want to know.
    pub documented: bool,
}

/// What is tried, and how far.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What is tried at first.
    pub points: Vec<Point>,
    /// The settings that are usual. Of two candidates that are equally good the one nearer to them wins.
    pub documented: Point,
    /// In the order in which they are climbed.
    pub rungs: Vec<Rung>,
    /// On each split one training begins from each of these.
    pub seeds: Vec<u64>,
    /// Steps of the full schedule.
    pub steps: u64,
    /// Whether the range may grow.
    pub extend: Option<Extend>,
    /// What the trainings beside the winner's may cost at most, in full schedules for each of the winner's trainings, as far as
    /// growing of the range is concerned: it grows by what is left. `f64::INFINITY` for any.
    pub extra_at_most: f64,
    /// Whether the winner is refined.
    pub refine: Option<Refine>,
    /// The largest value of the setting that may grow.
    pub most: f64,
    /// What [`Plan::below_divergence`] took out.
    pub dropped: Vec<Dropped>,
    /// What the trainings depend on beside their settings; the journal's has to be the same.
    pub context: String,
}

impl Plan {
    /// The cheap choice of one number, such as a learning rate: seven values half a decade apart round the documented one to 1/16 of
    /// the schedule, the best four to 1/8, the best two to 1/4, the best to the end, which is the training itself. Where the best lies
    /// at the edge, more beyond it, as far as the cost allows.
    ///
    /// Beside the winner's training it costs 7/16 + 4/16 + 2/8 − 1/4 = 0.6875 full schedules, and at most 0.75; more only where all
    /// that are left diverge after the first rung and others have to take their place. On one split with one seed, 0;
    /// [`Plan::paired`] takes more, and [`Plan::deeper`] goes farther.
    ///
    /// # Errors
    /// A documented value that is not a finite number above 0.
    pub fn automatic(setting: &str, documented: f64, steps: u64) -> Result<Self, PlanError> {
        Self::quick(setting, documented, 7, steps)
    }

    /// The same with so many values, of which four sevenths go on to 1/8: for a choice that may cost more or less. It may grow by one
    /// value's sixteenth.
    ///
    /// # Errors
    /// As of [`Plan::automatic`].
    pub fn quick(setting: &str, documented: f64, count: usize, steps: u64) -> Result<Self, PlanError> {
        let rungs = [(1.0 / 16.0, (4 * count).div_ceil(7)), (0.125, 2.min(count)), (0.25, 1), (1.0, 1)];
        let plan = Self {
            extend: Some(Extend { setting: setting.to_owned(), decades: 0.5, by: 2, times: 2 }),
            ..Self::of(
                grid(setting, documented, 0.5, count)?,
                documented_point(setting, documented)?,
                &rungs,
                vec![0],
                steps,
            )
        };
        let extra_at_most = plan.cost() - 1.0 + 1.0 / 16.0;
        Ok(Self { extra_at_most, ..plan })
    }

    /// The same with later rungs, where trainings are cheap: all to 1/8 of the schedule, the best five to 1/4, the best three to 1/2. A
    /// schedule that is halfway down tells its end better, at 2.25 full schedules to there. The range may grow at any cost.
    #[must_use]
    pub fn deeper(self) -> Self {
        let rungs = [(0.125, 5), (0.25, 3), (0.5, 1), (1.0, 1)];
        let splits = self.rungs.first().map_or(1, |rung| rung.splits);
        let rungs = rungs.iter().map(|&(to, keep)| Rung { to, keep, splits }).collect();
        Self { rungs, extra_at_most: f64::INFINITY, ..self }
    }

    /// The thorough choice of one number: `count` values half a decade apart to 1/8 of the schedule, the best five elevenths to 1/4, the
    /// best two to the end, and then two more a quarter of a decade below and above the winner. On each split with three seeds, 0 to
    /// 2. Eleven values cost 3.5 full schedules, and 5.5 with what is refined, where a grid as fine would have cost 21.
    ///
    /// # Errors
    /// As of [`Plan::automatic`].
    pub fn thorough(
        setting: &str,
        documented: f64,
        count: usize,
        steps: u64,
        splits: usize,
    ) -> Result<Self, PlanError> {
        let refine = Some(Refine { setting: setting.to_owned(), decades: 0.25 });
        let plan = Self::points(
            grid(setting, documented, 0.5, count)?,
            documented_point(setting, documented)?,
            steps,
            splits,
        );
        Ok(Self {
            refine,
            extend: Some(Extend { setting: setting.to_owned(), decades: 0.5, by: 2, times: 2 }),
            ..plan
        })
    }

    /// Several settings at once, under the same halving: all points to 1/8 of the schedule, the best five elevenths to 1/4, the best two
    /// elevenths to the end, and two at least, with three seeds.
    pub fn points(points: Vec<Point>, documented: Point, steps: u64, splits: usize) -> Self {
        let rungs = [(0.125, part(&points, 5, 3)), (0.25, part(&points, 2, 2)), (1.0, 1)];
        Self::of(points, documented, &rungs, vec![0, 1, 2], steps).paired(splits)
    }

    /// The same with later rungs, for settings that act late, such as dropout or weight decay, of which an eighth of the schedule tells
    /// little: all to 1/4, the best five elevenths to 1/2, the best three elevenths to the end. Eleven points cost 5.5 full schedules.
    #[must_use]
    pub fn later(self) -> Self {
        let splits = self.rungs.first().map_or(1, |rung| rung.splits);
        let rungs = [(0.25, part(&self.points, 5, 3)), (0.5, part(&self.points, 3, 2)), (1.0, 1)];
        Self { rungs: rungs.map(|(to, keep)| Rung { to, keep, splits }).to_vec(), ..self }
    }

    fn of(
        points: Vec<Point>,
        documented: Point,
        rungs: &[(f64, usize)],
        seeds: Vec<u64>,
        steps: u64,
    ) -> Self {
        Self {
            points,
            documented,
            rungs: rungs.iter().map(|&(to, keep)| Rung { to, keep, splits: 1 }).collect(),
            seeds,
            steps,
            extend: None,
            extra_at_most: f64::INFINITY,
            refine: None,
            most: f64::INFINITY,
            dropped: Vec::new(),
            context: String::new(),
        }
    }

    /// The same on so many splits, at every rung.
    #[must_use]
    pub fn paired(mut self, splits: usize) -> Self {
        self.rungs.iter_mut().for_each(|rung| rung.splits = splits);
        self
    }

    /// Without the candidates whose setting is above a third of the value at which a ramp diverged, on any split: what diverges while it
    /// rises does not train at that value. No later growth goes beyond it. What was taken out is in [`Plan::dropped`], the documented
    /// candidate too.
    ///
    /// # Errors
    /// A rate of divergence that is not above 0; nothing is left.
    pub fn below_divergence(mut self, setting: &str, diverged_at: &[f64]) -> Result<Self, PlanError> {
        let what = || format!("the value of `{setting}` at which the ramp diverged");
        if let Some(&found) = diverged_at.iter().find(|rate| rate.is_nan() || **rate <= 0.0) {
            return Err(PlanError::BadNumber { what: what(), found, expected: "a number above 0" });
        }
        let most = diverged_at.iter().copied().fold(f64::INFINITY, f64::min) / 3.0;
        self.most = self.most.min(most);
        let (kept, dropped): (Vec<Point>, Vec<Point>) = self
            .points
            .into_iter()
            .partition(|point| number(point, setting).is_none_or(|value| value <= most));
        self.points = kept;
        let is_documented = |point: &Point| *point == self.documented;
        self.dropped.extend(dropped.into_iter().map(|point| Dropped {
            documented: is_documented(&point),
            point,
            most,
        }));
        if self.points.is_empty() {
            let remedy =
                "all lie above a third of the value at which the ramp diverged: begin round a lower one";
            return Err(PlanError::NoCandidates { remedy });
        }
        Ok(self)
    }

    /// What the whole plan costs if nothing diverges and the range does not grow, in full schedules, the refinement included.
    pub fn cost(&self) -> f64 {
        let refinement = if self.refine.is_some() { 2.0 * self.trainings() as f64 } else { 0.0 };
        self.cost_of(self.points.len()) + refinement
    }

    /// The trainings of one candidate that goes all the way.
    pub fn trainings(&self) -> usize {
        self.rungs.last().map_or(0, |rung| rung.splits) * self.seeds.len()
    }

    /// What halving so many costs.
    pub(super) fn cost_of(&self, candidates: usize) -> f64 {
        let (mut left, mut cost, mut before) = (candidates, 0.0, Rung { to: 0.0, keep: 0, splits: 0 });
        for rung in &self.rungs {
            let seen = rung.splits.min(before.splits);
            cost +=
                (left * self.seeds.len()) as f64 * (rung.to * rung.splits as f64 - before.to * seen as f64);
            (left, before) = (rung.keep.min(left), *rung);
        }
        cost
    }

    /// That it can be carried out.
    ///
    /// # Errors
    /// No candidates, rungs, splits, seeds or steps; two candidates or seeds that are the same; numbers that are not finite; a first rung to which less
    /// than one step leads; rungs that do not rise, keep nobody or lose splits; a last rung that keeps several; growth or
    /// refinement of a setting that is no positive number.
    pub fn check(&self) -> Result<(), PlanError> {
        if self.points.is_empty() {
            return Err(PlanError::NoCandidates { remedy: "give at least one point" });
        }
        for (what, example, found) in [
            ("seeds", "seed 0", self.seeds.len()),
            ("rungs", "one at 1, the end of the schedule", self.rungs.len()),
            ("steps", "the number of steps of the full schedule", usize::from(self.steps > 0)),
        ] {
            if found == 0 {
                return Err(PlanError::Without { what, example });
            }
        }
        if let Some(&seed) =
            self.seeds.iter().enumerate().find(|(i, seed)| self.seeds[..*i].contains(seed)).map(|(_, s)| s)
        {
            return Err(PlanError::RepeatedSeed { seed });
        }
        self.check_points()?;
        self.check_rungs()?;
        let grown = self.extend.as_ref().map(|extend| (&extend.setting, extend.decades));
        let refined = self.refine.as_ref().map(|refine| (&refine.setting, refine.decades));
        for (setting, decades) in grown.into_iter().chain(refined) {
            if !(decades > 0.0 && decades.is_finite()) {
                let what = format!("the distance of values of `{setting}`");
                return Err(PlanError::BadNumber {
                    what,
                    found: decades,
                    expected: "a finite number above 0",
                });
            }
            for point in &self.points {
                let found = number(point, setting).unwrap_or(f64::NAN);
                if found.is_nan() || found <= 0.0 {
                    let what = format!("`{setting}`, which may change,");
                    return Err(PlanError::BadNumber { what, found, expected: "a number above 0" });
                }
            }
        }
        Ok(())
    }

    fn check_points(&self) -> Result<(), PlanError> {
        for (second, point) in self.points.iter().enumerate() {
            for setting in point.keys() {
                if let Some(found) = number(point, setting).filter(|x| !x.is_finite()) {
                    return Err(PlanError::BadNumber {
                        what: format!("`{setting}`"),
                        found,
                        expected: "a finite number",
                    });
                }
            }
            if let Some(first) = self.points[..second].iter().position(|other| other == point) {
                let settings =
                    super::candidate::Candidate { index: second, point: point.clone() }.to_string();
                return Err(PlanError::Duplicate { first, second, settings });
            }
        }
        Ok(())
    }

    fn check_rungs(&self) -> Result<(), PlanError> {
        let mut before: Option<&Rung> = None;
        for (number, rung) in self.rungs.iter().enumerate() {
            let after = before.map_or(0.0, |rung| rung.to);
            if !(rung.to > after && rung.to <= 1.0) {
                return Err(PlanError::BadRung { rung: number, found: rung.to, after });
            }
            let last = number + 1 == self.rungs.len();
            let most = if last { 1 } else { before.map_or(self.points.len(), |rung| rung.keep) };
            // the documented candidate may have been dropped, and others with it: a rung that keeps all is no fault
            if rung.keep == 0 || (last && rung.keep > most) {
                let expected = if last { "1, the winner".to_owned() } else { format!("1 to {most}") };
                return Err(PlanError::BadCount {
                    rung: number,
                    what: "survivors",
                    found: rung.keep,
                    expected,
                });
            }
            if rung.splits == 0 {
                return Err(PlanError::Without { what: "splits", example: "one" });
            }
            if let Some(least) = before.map(|rung| rung.splits).filter(|least| rung.splits < *least) {
                let expected = format!("at least {least}, as the rung before");
                return Err(PlanError::BadCount {
                    rung: number,
                    what: "splits",
                    found: rung.splits,
                    expected,
                });
            }
            before = Some(rung);
        }
        let first = self.rungs[0].to;
        if first * (self.steps as f64) < 1.0 {
            let least = (1.0 / first).ceil() as u64;
            return Err(PlanError::RungBelowOneStep { to: first, steps: self.steps, least });
        }
        Ok(())
    }
}

/// So many elevenths of the points, and at least so many: two come to the end, or few candidates would never be compared there.
fn part(points: &[Point], of: usize, least: usize) -> usize {
    (points.len() * of / 11).clamp(least.min(points.len()), points.len()).max(1)
}

fn documented_point(setting: &str, documented: f64) -> Result<Point, PlanError> {
    Ok(grid(setting, documented, 1.0, 1)?.remove(0))
}

#[cfg(test)]
mod tests {
    use super::super::candidate::Value;
    use super::*;

    fn automatic() -> Plan {
        Plan::automatic("lr", 1e-3, 1000).unwrap()
    }

    #[test]
    fn what_plans_cost() {
        assert_eq!(automatic().cost(), 1.6875);
        assert_eq!(automatic().paired(5).cost(), 5.0 * 1.6875);
        assert_eq!(automatic().paired(3).deeper().cost(), 3.0 * 2.75);
        let thorough = Plan::thorough("lr", 1e-3, 11, 1000, 5).unwrap();
        assert_eq!((thorough.trainings(), thorough.cost()), (15, 15.0 * (3.5 + 2.0)));
        let points = |count: usize| {
            let points =
                (0..count).map(|i| Point::from([("x".to_owned(), Value::Number(i as f64))])).collect();
            Plan::points(points, Point::new(), 1000, 1)
        };
        assert_eq!((points(11).cost(), points(11).later().cost()), (3.0 * 3.5, 3.0 * 5.5));
        assert_eq!(points(2).later().cost(), 3.0 * 2.0);
        // a second split that only the last rung has
        let mut plan = automatic();
        plan.rungs[3].splits = 2;
        assert_eq!(plan.cost(), 1.6875 + 1.0);
    }

    #[test]
    fn the_documented_value_is_always_among_them_and_its_loss_is_said() {
        let plan = automatic();
        assert_eq!(plan.points[3], plan.documented);
        // a third of 0.02 lets 10^-2.5 live
        let some = plan.clone().below_divergence("lr", &[0.5, 0.02]).unwrap();
        assert_eq!((some.points.len(), some.dropped.len()), (5, 2));
        assert!(some.dropped.iter().all(|dropped| !dropped.documented));
        let most = plan.clone().below_divergence("lr", &[1e-3]).unwrap();
        assert_eq!(most.points.len(), 3);
        assert!(most.dropped.iter().any(|dropped| dropped.documented && dropped.most == 1e-3 / 3.0));
        assert!(plan.clone().below_divergence("lr", &[1e-9]).is_err());
        assert!(plan.clone().below_divergence("lr", &[0.0]).is_err());
        assert_eq!(
            plan.clone().below_divergence("lr", &[]).unwrap().points.len(),
            7,
            "a ramp that never diverged"
        );
    }

    #[test]
    fn what_cannot_be_carried_out_is_refused() {
        let with = |change: &dyn Fn(&mut Plan)| {
            let mut plan = automatic();
            change(&mut plan);
            plan.check().unwrap_err().to_string()
        };
        assert_eq!(automatic().check(), Ok(()));
        for (error, words) in [
            (with(&|plan| plan.points.clear()), "no candidates"),
            (with(&|plan| plan.seeds.clear()), "no seeds"),
            (with(&|plan| plan.seeds = vec![4, 4]), "seed 4 is there twice"),
            (with(&|plan| plan.rungs.clear()), "no rungs"),
            (with(&|plan| plan.steps = 0), "no steps"),
            (with(&|plan| plan.steps = 15), "train for at least 16 steps"),
            (with(&|plan| plan.rungs[1].splits = 0), "no splits"),
            (with(&|plan| plan.rungs[0].splits = 2), "at least 2"),
            (with(&|plan| plan.rungs[1].to = 0.01), "more than 0.0625"),
            (with(&|plan| plan.rungs[2].to = 1.5), "at most 1"),
            (with(&|plan| plan.rungs[0].keep = 0), "0 survivors"),
            (with(&|plan| plan.rungs[3].keep = 2), "1, the winner"),
            (
                with(&|plan| plan.points[6] = plan.points[1].clone()),
                "candidates 1 and 6 are both lr = 0.0001",
            ),
            (with(&|plan| plan.extend.as_mut().unwrap().decades = 0.0), "distance of values of `lr`"),
            (
                with(&|plan| plan.extend.as_mut().unwrap().setting = "momentum".into()),
                "`momentum`, which may change",
            ),
        ] {
            assert!(error.contains(words), "{error}");
        }
        assert!(Plan::automatic("lr", 0.0, 100).is_err());
    }
}
