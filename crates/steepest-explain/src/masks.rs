//! Which players of a coalition keep the explained row's values.

/// Coalitions of some players, as bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masks {
    players: usize,
    words: usize,
    /// Empty where `cube` is not.
    bits: Vec<u64>,
    /// All coalitions, counted up in binary, so many.
    cube: Option<usize>,
}

impl Masks {
    /// No coalition yet.
    pub(crate) fn new(players: usize) -> Self {
        Self { players, words: players.div_ceil(64).max(1), bits: Vec::new(), cube: None }
    }

    /// All 2^players coalitions: the i-th has player p where bit p of i is set. `players` is below 64.
    pub(crate) fn all(players: usize) -> Self {
        Self { cube: Some(1 << players), ..Self::new(players) }
    }

    pub(crate) fn push(&mut self, members: impl IntoIterator<Item = usize>) {
        let at = self.bits.len();
        self.bits.resize(at + self.words, 0);
        for player in members {
            self.bits[at + player / 64] |= 1 << (player % 64);
        }
    }

    /// How many coalitions there are.
    pub fn len(&self) -> usize {
        self.cube.unwrap_or(self.bits.len() / self.words)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn word(&self, mask: usize, word: usize) -> u64 {
        if self.cube.is_some() { mask as u64 } else { self.bits[mask * self.words + word] }
    }

    /// How many players there are.
    pub fn players(&self) -> usize {
        self.players
    }

    /// Whether a player is in a coalition.
    pub fn has(&self, mask: usize, player: usize) -> bool {
        self.word(mask, player / 64) >> (player % 64) & 1 == 1
    }

    /// The players of a coalition, in order.
    pub fn members(&self, mask: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.words).flat_map(move |at| {
            let mut left = self.word(mask, at);
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(64 * at + bit)
            })
        })
    }

    /// How many players a coalition has.
    pub fn size(&self, mask: usize) -> usize {
        (0..self.words).map(|at| self.word(mask, at).count_ones() as usize).sum()
    }

    /// How many players are in one of two coalitions only.
    pub(crate) fn distance(&self, a: usize, b: usize) -> usize {
        (0..self.words).map(|at| (self.word(a, at) ^ self.word(b, at)).count_ones() as usize).sum()
    }

    /// A coalition before this one to which this one adds a single player, and that player, where one is known at once.
    pub fn step(&self, mask: usize) -> Option<(usize, usize)> {
        (self.cube.is_some() && mask > 0).then(|| (mask & (mask - 1), mask.trailing_zeros() as usize))
    }
}

/// How many coalitions of so many players have `size` of them.
pub(crate) fn of_size(players: usize, size: usize) -> f64 {
    (0..size).map(|at| (players - at) as f64 / (at + 1) as f64).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coalitions_beyond_one_word() {
        let mut masks = Masks::new(130);
        masks.push([0, 63, 64, 129]);
        masks.push([]);
        assert_eq!(masks.members(0).collect::<Vec<_>>(), [0, 63, 64, 129]);
        assert_eq!((masks.size(0), masks.size(1), masks.len()), (4, 0, 2));
        assert!(masks.has(0, 129) && !masks.has(0, 128) && masks.step(0).is_none());
    }

    #[test]
    fn all_coalitions_each_add_one_player_to_an_earlier_one() {
        let masks = Masks::all(5);
        assert_eq!((masks.len(), masks.step(0)), (32, None));
        for mask in 1..32 {
            let (before, player) = masks.step(mask).unwrap();
            let mut with: Vec<usize> = masks.members(before).chain([player]).collect();
            with.sort_unstable();
            assert!(before < mask && with == masks.members(mask).collect::<Vec<_>>());
        }
    }
}
