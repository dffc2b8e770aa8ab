//! Settings that follow a curve over the steps.

use crate::optimizer::group::{Group, OverSteps, Select};
use std::fmt;

/// A setting of a group that follows a curve.
#[derive(Clone)]
pub(crate) struct Curve {
    select: Select,
    setting: String,
    over_steps: OverSteps,
    /// What it was set to last.
    last: Option<f64>,
}

impl fmt::Debug for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Curve")
            .field("setting", &self.setting)
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

impl Curve {
    /// Those of the groups, which lose them, in their order.
    pub fn of(groups: &mut [Group]) -> Vec<Self> {
        let of_group = |group: &mut Group| {
            let select = group.select().clone();
            let curves = std::mem::take(group.curves_mut()).into_iter();
            curves.map(move |(setting, over_steps)| Self {
                select: select.clone(),
                setting,
                over_steps,
                last: None,
            })
        };
        groups.iter_mut().flat_map(of_group).collect()
    }

    /// What it changes before step `step`, counted from 0, and the value; nothing where it is what it was.
    pub fn at(&self, step: u64) -> Option<(Group, f64)> {
        let value = (self.over_steps)(step);
        let group = || Group::setting_of(self.select.clone(), &self.setting, value);
        (self.last != Some(value)).then(|| (group(), value))
    }

    /// It was set to this.
    pub fn is_at(&mut self, value: f64) {
        self.last = Some(value);
    }
}
