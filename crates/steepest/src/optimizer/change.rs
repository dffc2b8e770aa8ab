//! Settings that change between steps.

use crate::error::{Error, Result};
use crate::optimizer::Optimizer;
use crate::optimizer::group::{Group, StandIn};
use crate::rule::{Rule, Scope};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A rule as a change makes it again.
struct Change {
    /// The position of the rule that it comes from.
    of: usize,
    rule: Rule,
    /// The position of its fallback, and the fallback made again, where tensors use one.
    fallback: Option<(usize, StandIn, Rule)>,
    /// The tensors that it is for.
    tensors: Vec<usize>,
}

impl Optimizer {
    /// Changes settings of a group's rule, its learning-rate factor or its weight decay from the next step on. All state stays as
    /// it is.
    ///
    /// A schedule drives any of them: call this before each step with what the schedule says.
    ///
    /// ```
    /// use steepest::schedule::{OneCycle, Schedule};
    /// use steepest::{AdamW, DType, Group, Optimizer, Param, Slot};
    /// let mut theta = [1.0f32, 2.0];
    /// let mut adamw = Optimizer::builder(AdamW::default()).build([Param::new("theta", [2], DType::F32)])?;
    /// let rate = OneCycle { steps: 100, ..OneCycle::default() };
    /// for step in 0..100 {
    ///     // β₁ falls while the rate rises
    ///     let beta1 = 0.95 - 0.1 * rate.factor(step);
    ///     adamw.change(Group::all().setting("beta1", beta1))?;
    ///     let gradient = theta;
    ///     adamw.step(0.1 * rate.factor(step), &mut [Slot::new(&mut theta, &gradient)])?;
    /// }
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Errors
    /// A group that matches nothing; a setting that a rule of the group does not have, or a value outside its range; and what
    /// alters the arrays: another rule, another state format, a setting that decides how much state there is. Nothing has changed
    /// then.
    pub fn change(&mut self, group: Group) -> Result<()> {
        if let Some(what) = group.fixed() {
            return Err(Error::Conflict {
                owner: "group",
                conflict: format!(
                    "another {what} alters the state of its parameters, and they have one already"
                ),
                remedy: "give it when the optimizer is made".to_owned(),
            });
        }
        let matched = group.matched(&self.setup.params)?;
        let changes = self.changes(&group, &matched)?;
        for i in matched {
            let tensor = &mut self.tensors[i];
            let own = self.setup.stand_ins[tensor.rule].map_or(1.0, |stand_in| stand_in.lr_factor);
            tensor.lr_factor = group.factor().map_or(tensor.lr_factor, |factor| factor * own);
            tensor.weight_decay = group.lambda().or(tensor.weight_decay);
            tensor.frozen = group.freezes().unwrap_or(tensor.frozen);
        }
        changes.into_iter().for_each(|change| self.apply(change));
        Ok(())
    }

    /// Sets what follows a curve to what it is at the next step.
    ///
    /// # Errors
    /// As [`change`](Self::change).
    pub(super) fn follow_curves(&mut self) -> Result<()> {
        for i in 0..self.curves.len() {
            if let Some((group, value)) = self.curves[i].at(self.steps_taken) {
                self.change(group)?;
                self.curves[i].is_at(value);
            }
        }
        Ok(())
    }

    /// The rules that a group's settings change, made again and checked against the state that they will find.
    fn changes(&self, group: &Group, matched: &[usize]) -> Result<Vec<Change>> {
        if group.settings().is_empty() {
            return Ok(Vec::new());
        }
        let mut by_rule: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for i in matched {
            by_rule.entry(self.main_rule(*i)).or_default().push(*i);
        }
        by_rule.into_iter().map(|(of, tensors)| self.change_of(of, tensors, group)).collect()
    }

    /// The rule of a tensor, or the one that it stands in for.
    fn main_rule(&self, tensor: usize) -> usize {
        let rule = self.tensors[tensor].rule;
        self.setup.stand_ins[rule].map_or(rule, |stand_in| stand_in.of)
    }

    fn change_of(&self, of: usize, tensors: Vec<usize>, group: &Group) -> Result<Change> {
        let setup = &self.setup;
        let mut rule = setup.rules[of].with(group.settings())?;
        let mut fallback = rule.fallback.take().map(|fallback| *fallback.rule);
        let decays =
            |i: &usize| group.lambda().or(self.tensors[*i].weight_decay).is_some_and(|lambda| lambda > 0.0);
        let decayed = tensors.iter().any(decays);
        for rule in [Some(&mut rule), fallback.as_mut()].into_iter().flatten() {
            setup.wrappers.validate(std::slice::from_mut(rule), |_| decayed)?;
        }
        for i in &tensors {
            let own = self.tensors[*i].rule == of;
            match (own, &fallback) {
                (true, _) => self.check_change(*i, &rule)?,
                (false, Some(fallback)) => self.check_change(*i, fallback)?,
                (false, None) => return Err(alters(&rule, "the rule of", &setup.params[*i].name)),
            }
        }
        if !self.is_all_of(of, &tensors) && rule.scope() == Scope::All {
            return Err(Error::Conflict {
                owner: rule.name,
                conflict: "it sums over all its tensors, and only some of them are to change".to_owned(),
                remedy: "change them all".to_owned(),
            });
        }
        let at = setup.stand_ins.iter().position(|stand_in| stand_in.is_some_and(|s| s.of == of));
        let fallback = at.and_then(|at| Some((at, setup.stand_ins[at]?, fallback?)));
        Ok(Change { of, rule, fallback, tensors })
    }

    /// Whether these are all tensors of a rule, its fallback's included.
    fn is_all_of(&self, rule: usize, tensors: &[usize]) -> bool {
        tensors.len() == (0..self.tensors.len()).filter(|i| self.main_rule(*i) == rule).count()
    }

    /// Whether a tensor can go on with `rule`: nothing of what is kept for it differs.
    fn check_change(&self, tensor: usize, rule: &Rule) -> Result<()> {
        let (param, state) = (&self.setup.params[tensor], &self.tensors[tensor]);
        let specs = rule.state(param);
        let same = specs.len() == state.arrays.len()
            && specs
                .iter()
                .zip(&state.arrays)
                .all(|(new, old)| (new.name, &new.shape) == (old.spec.name, &old.spec.shape));
        let before = &self.setup.rules[state.rule];
        let names = |rule: &Rule| rule.memory().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        if !same || rule.kinds() != before.kinds() || names(rule) != names(before) {
            return Err(alters(rule, "what is kept for", &param.name));
        }
        if rule.scope() != before.scope() || rule.workspace(param) > state.workspace.len() {
            return Err(alters(rule, "the workspace of", &param.name));
        }
        Ok(())
    }

    fn apply(&mut self, change: Change) {
        let Change { of, rule, fallback, tensors } = change;
        if self.is_all_of(of, &tensors) {
            self.setup.rules[of] = Arc::new(rule);
            if let Some((at, _, fallback)) = fallback {
                self.setup.rules[at] = Arc::new(fallback);
            }
            return;
        }
        let added = self.setup.rules.len();
        self.setup.rules.push(Arc::new(rule));
        self.setup.stand_ins.push(None);
        if let Some((_, stand_in, fallback)) = fallback {
            self.setup.rules.push(Arc::new(fallback));
            self.setup.stand_ins.push(Some(StandIn { of: added, ..stand_in }));
        }
        for i in tensors {
            let rule = &mut self.tensors[i].rule;
            *rule = if *rule == of { added } else { added + 1 };
        }
        self.work.rules(self.setup.rules.len());
    }
}

fn alters(rule: &Rule, what: &str, tensor: &str) -> Error {
    Error::Conflict {
        owner: rule.name,
        conflict: format!("the change alters {what} `{tensor}`"),
        remedy: "make another optimizer with these settings".to_owned(),
    }
}
