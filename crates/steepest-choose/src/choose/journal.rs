use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::candidate::Point;
use super::train::Standing;

/// What one training gave at one rung.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The settings that it was trained with.
    pub point: Point,
    /// The split, from 0.
    pub split: usize,
    /// The seed.
    pub seed: u64,
    /// The fraction of the schedule that it was to advance to.
    pub to: f64,
    /// What came of it; losses are finite.
    pub standing: Standing,
}

/// All that was found so far, in the order in which it was. Given to [`choose`](super::choose) again, nothing in it is repeated and the
/// choice ends as it would have.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Journal {
    /// What the trainings depend on beside their settings, as the caller sees it: a checksum of the data, the network. It has to be
    /// the [`Plan`](super::Plan)'s.
    pub context: String,
    /// The results.
    pub entries: Vec<Entry>,
}

impl Journal {
    /// What the trainings in it advanced, in full schedules.
    pub fn advanced(&self) -> f64 {
        let mut reached: BTreeMap<(String, usize, u64), f64> = BTreeMap::new();
        for Entry { point, split, seed, to, standing } in &self.entries {
            let to = match standing {
                Standing::Losses(_) => *to,
                Standing::Diverged { at } => *at,
            };
            let most = reached.entry((format!("{point:?}"), *split, *seed)).or_insert(to);
            *most = most.max(to);
        }
        reached.values().sum()
    }

    pub(super) fn find(&self, point: &Point, split: usize, seed: u64, to: f64) -> Option<&Standing> {
        let is = |e: &&Entry| e.split == split && e.seed == seed && e.to == to && e.point == *point;
        self.entries.iter().find(is).map(|entry| &entry.standing)
    }
}
