//! Parameter groups: which parameters differ from the rest, chosen by name or rank.

use crate::error::{Error, Result};
use crate::hint::nearest;
use crate::param::Param;
use crate::precision::StateFormat;
use crate::rule::{IntoRule, Others, Rule};
use crate::settings::{Range, check_field};
use std::fmt;
use wildmatch::WildMatch;

/// What a group's parameters have in common.
#[derive(Debug, Clone)]
enum Select {
    Name(WildMatch),
    RankAtMost(usize),
    RankAtLeast(usize),
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
#[derive(Debug)]
pub struct Group {
    select: Select,
    lr_factor: Option<f64>,
    weight_decay: Option<f64>,
    state_format: Option<StateFormat>,
    rule: Option<Result<Rule>>,
}

impl Group {
    fn new(select: Select) -> Self {
        Self { select, lr_factor: None, weight_decay: None, state_format: None, rule: None }
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

    /// Their learning rate is `factor` times the step's. In `[0, ∞)`; default 1.
    pub fn lr_factor(self, factor: f64) -> Self {
        Self { lr_factor: Some(factor), ..self }
    }

    /// Their weight decay λ, in the rule's own kind (coupled or decoupled). In `[0, ∞)`.
    pub fn weight_decay(self, lambda: f64) -> Self {
        Self { weight_decay: Some(lambda), ..self }
    }

    /// Their state is kept in this [format](StateFormat), however few elements they have.
    pub fn state_format(self, format: StateFormat) -> Self {
        Self { state_format: Some(format), ..self }
    }

    /// They are updated by another rule.
    pub fn rule(self, rule: impl IntoRule) -> Self {
        Self { rule: Some(rule.into_rule()), ..self }
    }

    fn matches(&self, param: &Param) -> bool {
        match &self.select {
            Select::Name(pattern) => pattern.matches(&param.name),
            Select::RankAtMost(rank) => param.rank() <= *rank,
            Select::RankAtLeast(rank) => param.rank() >= *rank,
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.select {
            Select::Name(pattern) => write!(f, "{pattern}"),
            Select::RankAtMost(rank) => write!(f, "rank ≤ {rank}"),
            Select::RankAtLeast(rank) => write!(f, "rank ≥ {rank}"),
        }
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
    /// The groups that matched, as text.
    pub groups: Vec<String>,
}

/// Applies the groups to the parameters. `rules` holds the optimizer's rule and receives those of
/// the groups.
pub(crate) fn assign(groups: Vec<Group>, params: &[Param], rules: &mut Vec<Rule>) -> Result<Vec<Assigned>> {
    let plain =
        Assigned { rule: 0, lr_factor: 1.0, weight_decay: None, state_format: None, groups: Vec::new() };
    let mut assigned = vec![plain; params.len()];
    for group in groups {
        let label = group.to_string();
        if let Some(factor) = group.lr_factor {
            check_field("group", "lr_factor", &factor, Range::NON_NEGATIVE)?;
        }
        if let Some(lambda) = group.weight_decay {
            check_field("group", "weight_decay", &lambda, Range::NON_NEGATIVE)?;
        }
        let matched: Vec<usize> = (0..params.len()).filter(|i| group.matches(&params[*i])).collect();
        if matched.is_empty() {
            return Err(Error::GroupMatchesNothing {
                nearest: nearest(&label, params.iter().map(|p| p.name.as_str())).map(str::to_owned),
                group: label,
                count: params.len(),
            });
        }
        let rule = match group.rule {
            None => None,
            Some(rule) => {
                rules.push(rule?);
                Some(rules.len() - 1)
            }
        };
        for i in matched {
            let of = &mut assigned[i];
            of.rule = rule.unwrap_or(of.rule);
            of.lr_factor = group.lr_factor.unwrap_or(of.lr_factor);
            of.weight_decay = group.weight_decay.or(of.weight_decay);
            of.state_format = group.state_format.or(of.state_format);
            of.groups.push(label.clone());
        }
    }
    pass_on(params, &mut assigned, rules)?;
    Ok(assigned)
}

/// Gives what a rule does not take to the rule beside it.
fn pass_on(params: &[Param], assigned: &mut [Assigned], rules: &mut Vec<Rule>) -> Result<()> {
    // where the rule beside each rule went in `rules`, and its factor
    let mut beside: Vec<Option<(usize, f64)>> = vec![None; rules.len()];
    for (param, of) in params.iter().zip(assigned) {
        let Some(reason) = rules[of.rule].refuses(&param.shape) else { continue };
        if beside[of.rule].is_none()
            && let Some(Others { rule, lr_factor }) = rules[of.rule].others.take()
        {
            rules.push(*rule);
            beside[of.rule] = Some((rules.len() - 1, lr_factor));
        }
        let Some((rule, lr_factor)) = beside[of.rule] else {
            return Err(Error::Unsupported {
                optimizer: rules[of.rule].name,
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
