//! Who shares an output: the original columns, each with all of its features.

use crate::error::{Error, Result};

/// The columns, or groups of columns, that an output is divided among.
#[derive(Debug, Clone, PartialEq)]
pub struct Players {
    names: Vec<String>,
    /// Of each, the columns that it was joined of.
    members: Vec<Vec<String>>,
    features: Vec<Vec<usize>>,
    width: usize,
}

impl Players {
    /// Players by name, each with the places of its features in a row of `width` numbers.
    ///
    /// # Errors
    /// [`Error::TooFew`] without a player; [`Error::Unowned`] for a feature that no player has, or several have.
    pub fn new(players: Vec<(String, Vec<usize>)>, width: usize) -> Result<Self> {
        let (names, features): (Vec<String>, Vec<Vec<usize>>) = players.into_iter().unzip();
        if names.is_empty() {
            let remedy = "give at least one column to explain by";
            return Err(Error::TooFew { what: "columns", found: 0, least: 1, remedy });
        }
        let mut owners = vec![0; width];
        for &feature in features.iter().flatten() {
            *owners.get_mut(feature).ok_or(Error::Unowned { feature, found: 0 })? += 1;
        }
        match owners.iter().position(|owners| *owners != 1) {
            Some(feature) => Err(Error::Unowned { feature, found: owners[feature] }),
            None => {
                let members = names.iter().map(|name| vec![name.clone()]).collect();
                Ok(Self { names, members, features, width })
            }
        }
    }

    /// One player for each feature, named by its number.
    pub fn each(width: usize) -> Result<Self> {
        Self::new((0..width).map(|at| (format!("x{at}"), vec![at])).collect(), width)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Never: there is at least one.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// How many numbers a row has.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Their names; those that were joined have `a + b`.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The names that a player was joined of; its own where it was not.
    pub fn members(&self, player: usize) -> &[String] {
        &self.members[player]
    }

    /// Where a player's features lie in a row.
    pub fn features(&self, player: usize) -> &[usize] {
        &self.features[player]
    }

    /// The number of the player of a name.
    ///
    /// # Errors
    /// [`Error::NoSuchPlayer`].
    pub fn of(&self, name: &str) -> Result<usize> {
        self.names
            .iter()
            .position(|known| known == name)
            .ok_or_else(|| Error::NoSuchPlayer { name: name.to_owned(), known: self.names.join(", ") })
    }

    /// The same with some players as one. Groups that share a player become one group.
    pub fn joined(&self, groups: &[Vec<usize>]) -> Self {
        let mut group: Vec<usize> = (0..self.len()).collect();
        for members in groups {
            for pair in members.windows(2) {
                let [a, b] = [group[pair[0]], group[pair[1]]];
                let (to, from) = (a.min(b), a.max(b));
                group.iter_mut().filter(|of| **of == from).for_each(|of| *of = to);
            }
        }
        let heads = (0..self.len()).filter(|at| group[*at] == *at);
        let mut joined = Self { names: vec![], members: vec![], features: vec![], width: self.width };
        for head in heads {
            let of = || (0..self.len()).filter(|at| group[*at] == head);
            let members: Vec<String> = of().flat_map(|at| self.members[at].clone()).collect();
            joined.names.push(members.join(" + "));
            joined.members.push(members);
            joined.features.push(of().flat_map(|at| self.features[at].clone()).collect());
        }
        joined
    }

    /// Whether two rows are the same to a player.
    pub(crate) fn is_same(&self, player: usize, a: &[f64], b: &[f64]) -> bool {
        self.features[player].iter().all(|at| a[*at] == b[*at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_belongs_to_one_player() {
        let named = |name: &str, features: &[usize]| (name.to_owned(), features.to_vec());
        assert!(Players::new(vec![named("a", &[0, 2]), named("b", &[1])], 3).is_ok());
        for (players, error) in [
            (vec![named("a", &[0])], Error::Unowned { feature: 1, found: 0 }),
            (vec![named("a", &[0, 1]), named("b", &[1])], Error::Unowned { feature: 1, found: 2 }),
            (vec![named("a", &[0, 7])], Error::Unowned { feature: 7, found: 0 }),
        ] {
            assert_eq!(Players::new(players, 2).unwrap_err(), error);
        }
        assert!(matches!(Players::new(vec![], 0), Err(Error::TooFew { .. })));
    }

    #[test]
    fn groups_that_share_a_player_are_one() {
        let players = Players::each(5).unwrap().joined(&[vec![3, 1], vec![3, 4]]);
        assert_eq!(players.names(), ["x0", "x1 + x3 + x4", "x2"]);
        assert_eq!(players.features(1), [1, 3, 4]);
        assert_eq!(
            (players.members(1), players.members(2)),
            (&["x1", "x3", "x4"].map(str::to_owned)[..], &["x2".to_owned()][..])
        );
        assert_eq!(players.of("x2").unwrap(), 2);
        assert!(players.of("y").unwrap_err().to_string().contains("x1 + x3 + x4"));
    }
}
