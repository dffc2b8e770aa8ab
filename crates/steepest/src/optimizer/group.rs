//! Parameter groups: which parameters differ from the rest, chosen by name or rank.

use crate::error::{Error, Result};
use crate::hint::nearest;
use crate::param::Param;
use crate::precision::StateFormat;
use crate::rule::{Fallback, IntoRule, Rule};
use crate::settings::{Range, Value, Values, check_field};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::ops;
use std::sync::Arc;
use wildmatch::WildMatch;

/// What a setting is at a step, counted from 0.
pub(crate) type OverSteps = Arc<dyn Fn(u64) -> f64 + Send + Sync>;

/// What a group's parameters have in common.
#[derive(Clone)]
pub(crate) enum Select {
    All,
    Name(WildMatch),
    Names(Arc<[String]>),
    RankAtMost(usize),
    RankAtLeast(usize),
    Positions(ops::Range<usize>),
    Where(Arc<dyn Fn(&Param) -> bool + Send + Sync>),
    And(Box<Select>, Box<Select>),
    Or(Box<Select>, Box<Select>),
    Except(Box<Select>, Box<Select>),
}

impl Select {
    fn matches(&self, i: usize, param: &Param) -> bool {
        match self {
            Self::All => true,
            Self::Name(pattern) => pattern.matches(&param.name),
            Self::Names(names) => names.contains(&param.name),
            Self::RankAtMost(rank) => param.rank() <= *rank,
            Self::RankAtLeast(rank) => param.rank() >= *rank,
            Self::Positions(positions) => positions.contains(&i),
            Self::Where(holds) => holds(param),
            Self::And(a, b) => a.matches(i, param) && b.matches(i, param),
            Self::Or(a, b) => a.matches(i, param) || b.matches(i, param),
            Self::Except(a, b) => a.matches(i, param) && !b.matches(i, param),
        }
    }

    /// The names that it lists.
    fn names(&self) -> Vec<&str> {
        match self {
            Self::Names(names) => names.iter().map(String::as_str).collect(),
            Self::And(a, b) | Self::Or(a, b) | Self::Except(a, b) => [a.names(), b.names()].concat(),
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => write!(f, "all"),
            Self::Name(pattern) => write!(f, "{pattern}"),
            Self::Names(names) => write!(f, "{}", names.join(", ")),
            Self::RankAtMost(rank) => write!(f, "rank ≤ {rank}"),
            Self::RankAtLeast(rank) => write!(f, "rank ≥ {rank}"),
            Self::Positions(positions) => write!(f, "numbers {} to {}", positions.start, positions.end),
            Self::Where(_) => write!(f, "a condition"),
            Self::And(a, b) => write!(f, "({a} and {b})"),
            Self::Or(a, b) => write!(f, "({a} or {b})"),
            Self::Except(a, b) => write!(f, "({a} except {b})"),
        }
    }
}

impl fmt::Debug for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Parameters that differ from the rest in learning rate, weight decay or rule.
///
/// Groups apply in the order they are given; where two set the same thing, the later one holds. A
/// group that matches nothing is an error, since a misspelt pattern would otherwise train silently
/// without it.
///
/// ```
/// use steepest::{AdamW, DType, Group, Optimizer, Param};
/// let params = [
///     Param::new("hidden.weight", [64, 8], DType::F32),
///     Param::new("hidden.bias", [64], DType::F32),
/// ];
/// let optimizer = Optimizer::builder(AdamW::default())
///     .group(Group::rank_at_most(1).weight_decay(0.0))
///     .group(Group::named("hidden.*").lr_factor(0.5))
///     .build(params)?;
/// println!("{}", optimizer.plan()); // which group hit which parameter
/// # Ok::<(), steepest::Error>(())
/// ```
pub struct Group {
    select: Select,
    /// Settings that follow a curve over the steps.
    curves: Vec<(String, OverSteps)>,
    lr_factor: Option<f64>,
    weight_decay: Option<f64>,
    settings: Values,
    state_format: Option<StateFormat>,
    frozen: Option<bool>,
    rule: Option<Result<Rule>>,
}

impl Group {
    fn new(select: Select) -> Self {
        Self {
            select,
            curves: Vec::new(),
            lr_factor: None,
            weight_decay: None,
            settings: Values::new(),
            state_format: None,
            frozen: None,
            rule: None,
        }
    }

    /// All parameters.
    pub fn all() -> Self {
        Self::new(Select::All)
    }

    /// Parameters whose name matches `pattern`: `*` stands for any text, `?` for one character.
    pub fn named(pattern: &str) -> Self {
        Self::new(Select::Name(WildMatch::new(pattern)))
    }

    /// Parameters of at most `rank` axes: with 1, biases and the scales of normalizations.
    pub fn rank_at_most(rank: usize) -> Self {
        Self::new(Select::RankAtMost(rank))
    }

    /// Parameters of at least `rank` axes: with 2, the matrices.
    pub fn rank_at_least(rank: usize) -> Self {
        Self::new(Select::RankAtLeast(rank))
    }

    /// Parameters with exactly these names; one that there is not is an error.
    pub fn names<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self::new(Select::Names(names.into_iter().map(Into::into).collect()))
    }

    /// Parameters by their position in the order of [`Builder::build`](crate::Builder::build), from the first up to one that is no longer
    /// among them: the quickest choice, for callers who change settings with every step.
    pub fn positions(positions: ops::Range<usize>) -> Self {
        Self::new(Select::Positions(positions))
    }

    /// Parameters for which a condition holds.
    ///
    /// ```
    /// use steepest::{AdamW, DType, Group, Optimizer, Param};
    /// let optimizer = Optimizer::builder(AdamW::default())
    ///     .group(Group::matching(|param| param.len() > 1000).lr_factor(0.1))
    ///     .group(Group::named("*.weight").and(Group::rank_at_least(2)).weight_decay(0.1))
    ///     .group(Group::all().except(Group::names(["out.weight"])).setting("beta2", 0.95))
    ///     .build(["in.weight", "out.weight"].map(|name| Param::new(name, [64, 64], DType::F32)))?;
    /// # Ok::<(), steepest::Error>(())
    /// ```
    pub fn matching(holds: impl Fn(&Param) -> bool + Send + Sync + 'static) -> Self {
        Self::new(Select::Where(Arc::new(holds)))
    }

    /// Of these parameters those that another group has, too. Of the other group nothing but its choice counts.
    pub fn and(self, other: Self) -> Self {
        self.joined(other, Select::And)
    }

    /// These parameters, and those of another group; nothing else of it counts.
    pub fn or(self, other: Self) -> Self {
        self.joined(other, Select::Or)
    }

    /// These parameters but for those of another group; nothing else of it counts.
    pub fn except(self, other: Self) -> Self {
        self.joined(other, Select::Except)
    }

    fn joined(self, other: Self, how: impl Fn(Box<Select>, Box<Select>) -> Select) -> Self {
        Self { select: how(Box::new(self.select), Box::new(other.select)), ..self }
    }

    /// Their learning rate is `factor` times the step's. In `[0, ∞)`; default 1. With 0 their steps are taken and their state follows
    /// their gradients; to leave them out altogether, see [`frozen`](Self::frozen).
    pub fn lr_factor(self, factor: f64) -> Self {
        Self { lr_factor: Some(factor), ..self }
    }

    /// They stay as they are: as if every step had them as [`Slot::frozen`](crate::Slot::frozen), whatever gradient it brings. They
    /// do not count in norms, their state and step number stay, and they have no decay. A later group thaws them again with
    /// [`thawed`](Self::thawed), as does [`Optimizer::change`](crate::Optimizer::change) between steps.
    ///
    /// ```
    /// use steepest::{AdamW, DType, Group, Optimizer, Param, Slot};
    /// let (mut body, mut head) = ([1.0f32; 4], [1.0f32; 2]);
    /// let mut adamw = Optimizer::builder(AdamW::default())
    ///     .group(Group::named("body").frozen())
    ///     .build([Param::new("body", [4], DType::F32), Param::new("head", [2], DType::F32)])?;
    /// let mut step = |adamw: &mut Optimizer| {
    ///     adamw.step(0.1, &mut [Slot::new(&mut body, &[3.0f32; 4]), Slot::new(&mut head, &[1.0f32; 2])])
    /// };
    /// assert_eq!(step(&mut adamw)?.gradient_norm, Some(2f64.sqrt()));
    /// adamw.change(Group::all().thawed())?;
    /// step(&mut adamw)?;
    /// assert!(body[0] < 1.0);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    pub fn frozen(self) -> Self {
        Self { frozen: Some(true), ..self }
    }

    /// They are trained: what an earlier group [froze](Self::frozen) is so no longer.
    pub fn thawed(self) -> Self {
        Self { frozen: Some(false), ..self }
    }

    /// Their weight decay λ, in the rule's own kind (coupled or decoupled). In `[0, ∞)`.
    pub fn weight_decay(self, lambda: f64) -> Self {
        Self { weight_decay: Some(lambda), ..self }
    }

    /// A setting of their rule, by its name in the [registry](crate::registry): `beta1`, `eps`, …
    ///
    /// ```
    /// use steepest::{AdamW, DType, Group, Optimizer, Param};
    /// let optimizer = Optimizer::builder(AdamW::default())
    ///     .group(Group::named("head.*").setting("beta2", 0.95))
    ///     .build(["body.weight", "head.weight"].map(|name| Param::new(name, [8, 8], DType::F32)))?;
    /// # Ok::<(), steepest::Error>(())
    /// ```
    pub fn setting(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.settings.insert(name.to_owned(), value.into());
        self
    }

    /// A setting that follows a curve over the steps, counted from 0: `lr_factor`, `weight_decay`, or one of their rule's that is a number. Each step
    /// begins by setting it, as [`Optimizer::change`](crate::Optimizer::change) does, where it is another than before: a rule's setting
    /// makes the rule again, which allocates a little. It depends on the number of steps taken alone, so it is the same after
    /// an interruption. optax: `inject_hyperparams`.
    ///
    /// ```
    /// use steepest::schedule::{OneCycle, Schedule};
    /// use steepest::{DType, Group, Optimizer, Param, Sgd, Slot};
    /// let cycle = OneCycle { steps: 100, ..OneCycle::default() };
    /// let momentum = cycle.clone();
    /// let mut sgd = Optimizer::builder(Sgd { momentum: 0.95, ..Sgd::default() })
    ///     // the momentum falls to 0.85 while the rate rises, as torch's `cycle_momentum`
    ///     .group(Group::all().scheduled("momentum", move |step| 0.95 - 0.1 * momentum.factor(step)))
    ///     .build([Param::new("theta", [2], DType::F32)])?;
    /// let mut theta = [1.0f32, 2.0];
    /// for step in 0..100 {
    ///     let gradient = theta;
    ///     sgd.step(0.1 * cycle.factor(step), &mut [Slot::new(&mut theta, &gradient)])?;
    /// }
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Errors
    /// At each step, which then changes nothing else: a setting that a rule does not have, a value outside its range, or one that alters the arrays.
    pub fn scheduled(mut self, setting: &str, curve: impl Fn(u64) -> f64 + Send + Sync + 'static) -> Self {
        self.curves.push((setting.to_owned(), Arc::new(curve)));
        self
    }

    /// Their state is kept in this [format](StateFormat), however few elements they have.
    pub fn state_format(self, format: StateFormat) -> Self {
        Self { state_format: Some(format), ..self }
    }

    /// They are updated by another rule.
    pub fn rule(self, rule: impl IntoRule) -> Self {
        Self { rule: Some(rule.into_rule()), ..self }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.select.fmt(f)
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let curves: Vec<&str> = self.curves.iter().map(|(setting, _)| setting.as_str()).collect();
        f.debug_struct("Group")
            .field("select", &self.select)
            .field("curves", &curves)
            .field("lr_factor", &self.lr_factor)
            .field("weight_decay", &self.weight_decay)
            .field("settings", &self.settings)
            .field("state_format", &self.state_format)
            .field("frozen", &self.frozen)
            .field("rule", &self.rule)
            .finish()
    }
}

/// What holds for one parameter after all groups.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Assigned {
    pub rule: usize,
    pub lr_factor: f64,
    pub weight_decay: Option<f64>,
    /// What a group asked for.
    pub state_format: Option<StateFormat>,
    pub frozen: bool,
    /// The groups that matched, as text.
    pub groups: Vec<String>,
}

/// A rule that stands in for another: for the parameters that this does not take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StandIn {
    /// Which rule it stands in for.
    pub of: usize,
    /// Its learning rate is this factor times that of the parameter's group.
    pub lr_factor: f64,
}

/// An optimizer's rules, and for which of them another stands in.
#[derive(Debug)]
pub(crate) struct Rules {
    pub rules: Vec<Rule>,
    pub stand_ins: Vec<Option<StandIn>>,
}

impl Rules {
    pub fn new(rule: Rule) -> Self {
        Self { rules: vec![rule], stand_ins: vec![None] }
    }

    /// Adds a rule; returns its position.
    pub fn push(&mut self, rule: Rule, stands_in: Option<StandIn>) -> usize {
        self.rules.push(rule);
        self.stand_ins.push(stands_in);
        self.rules.len() - 1
    }
}

impl Group {
    /// What of it alters how state is kept, so that it cannot change between steps.
    pub(crate) fn fixed(&self) -> Option<&'static str> {
        match (&self.rule, self.state_format) {
            (Some(_), _) => Some("rule"),
            (_, Some(_)) => Some("state format"),
            _ if !self.curves.is_empty() => Some("curve"),
            _ => None,
        }
    }

    pub(crate) fn select(&self) -> &Select {
        &self.select
    }

    pub(crate) fn curves_mut(&mut self) -> &mut Vec<(String, OverSteps)> {
        &mut self.curves
    }

    /// A group that changes one setting, by its name.
    pub(crate) fn setting_of(select: Select, setting: &str, value: f64) -> Self {
        let group = Self::new(select);
        match setting {
            "lr_factor" => group.lr_factor(value),
            "weight_decay" => group.weight_decay(value),
            _ => group.setting(setting, value),
        }
    }

    pub(crate) fn settings(&self) -> &Values {
        &self.settings
    }

    pub(crate) fn factor(&self) -> Option<f64> {
        self.lr_factor
    }

    pub(crate) fn freezes(&self) -> Option<bool> {
        self.frozen
    }

    pub(crate) fn lambda(&self) -> Option<f64> {
        self.weight_decay
    }

    /// The positions of the parameters that it matches.
    ///
    /// # Errors
    /// A factor or a weight decay outside its range; no parameter.
    pub(crate) fn matched(&self, params: &[Param]) -> Result<Vec<usize>> {
        if let Some(factor) = self.lr_factor {
            check_field("group", "lr_factor", &factor, Range::NON_NEGATIVE)?;
        }
        if let Some(lambda) = self.weight_decay {
            check_field("group", "weight_decay", &lambda, Range::NON_NEGATIVE)?;
        }
        let matched: Vec<usize> =
            (0..params.len()).filter(|i| self.select.matches(*i, &params[*i])).collect();
        let unknown = (self.select.names().into_iter())
            .find(|name| !params.iter().any(|param| param.name == *name))
            .map(str::to_owned);
        if matched.is_empty() || unknown.is_some() {
            let group = unknown.unwrap_or_else(|| self.to_string());
            return Err(Error::GroupMatchesNothing {
                nearest: nearest(&group, params.iter().map(|p| p.name.as_str())).map(str::to_owned),
                group,
                count: params.len(),
            });
        }
        Ok(matched)
    }
}

/// Applies the groups to the parameters. `rules` holds the optimizer's rule and receives those of
/// the groups.
pub(crate) fn assign(groups: Vec<Group>, params: &[Param], rules: &mut Rules) -> Result<Vec<Assigned>> {
    let plain = Assigned {
        rule: 0,
        lr_factor: 1.0,
        weight_decay: None,
        state_format: None,
        frozen: false,
        groups: Vec::new(),
    };
    let mut assigned = vec![plain; params.len()];
    for group in groups {
        let matched = group.matched(params)?;
        let label = group.to_string();
        let Group { lr_factor, weight_decay, settings, state_format, frozen, rule, .. } = group;
        let rule = rule.transpose()?.map(|rule| rules.push(rule, None));
        // each rule that the group's settings change is made once
        let mut changed = BTreeMap::new();
        for i in matched {
            let of = &mut assigned[i];
            of.rule = rule.unwrap_or(of.rule);
            if !settings.is_empty() {
                of.rule = match changed.entry(of.rule) {
                    Entry::Occupied(made) => *made.get(),
                    Entry::Vacant(place) => {
                        let rule = rules.rules[of.rule].with(&settings)?;
                        *place.insert(rules.push(rule, None))
                    }
                };
            }
            of.lr_factor = lr_factor.unwrap_or(of.lr_factor);
            of.weight_decay = weight_decay.or(of.weight_decay);
            of.state_format = state_format.or(of.state_format);
            of.frozen = frozen.unwrap_or(of.frozen);
            of.groups.push(label.clone());
        }
    }
    pass_on(params, &mut assigned, rules)?;
    Ok(assigned)
}

/// Gives what a rule does not take to its fallback.
fn pass_on(params: &[Param], assigned: &mut [Assigned], rules: &mut Rules) -> Result<()> {
    // where the fallback of each rule went
    let mut fallbacks: Vec<Option<usize>> = vec![None; rules.rules.len()];
    for (param, of) in params.iter().zip(assigned) {
        let Some(reason) = rules.rules[of.rule].refuses(&param.shape) else { continue };
        if fallbacks[of.rule].is_none()
            && let Some(Fallback { rule, lr_factor }) = rules.rules[of.rule].fallback.take()
        {
            fallbacks[of.rule] = Some(rules.push(*rule, Some(StandIn { of: of.rule, lr_factor })));
        }
        let stand_in = fallbacks[of.rule].and_then(|at| Some((at, rules.stand_ins[at]?)));
        let Some((rule, StandIn { lr_factor, .. })) = stand_in else {
            return Err(Error::Unsupported {
                optimizer: rules.rules[of.rule].name,
                tensor: param.name.clone(),
                reason: reason.to_owned(),
                remedy: "give it another rule with `Group::rule`".to_owned(),
            });
        };
        of.rule = rule;
        of.lr_factor *= lr_factor;
    }
    Ok(())
}
