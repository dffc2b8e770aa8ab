use super::error::{Error, Result};

/// What one candidate's trainings cost on their validation rows: `losses[split][seed][row]`.
///
/// Candidates are compared pair by pair, so all of one comparison have the same splits, seeds and rows, in the same order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trainings<'a> {
    /// For each split, for each seed, the loss of each validation row of that split.
    pub losses: Vec<Vec<&'a [f64]>>,
}

impl Trainings<'_> {
    pub(super) fn splits(&self) -> usize {
        self.losses.len()
    }

    /// Seeds of each split; the same everywhere once it is checked.
    pub(super) fn seeds(&self) -> usize {
        self.losses.first().map_or(0, Vec::len)
    }

    /// The mean of split `k`, training `s`.
    pub(super) fn mean_of(&self, k: usize, s: usize) -> f64 {
        let rows = self.losses[k][s];
        rows.iter().sum::<f64>() / rows.len() as f64
    }

    /// The mean over splits of the mean over seeds of the mean over rows, of the first `splits` splits.
    pub(super) fn mean(&self, splits: usize) -> f64 {
        let seeds = self.seeds();
        let sum: f64 =
            (0..splits).flat_map(|k| (0..seeds).map(move |s| (k, s))).map(|(k, s)| self.mean_of(k, s)).sum();
        sum / (splits * seeds) as f64
    }

    /// That everything is there and finite; `candidate` is for messages.
    pub(super) fn check(&self, candidate: usize) -> Result<()> {
        let too_few = |what, least| Error::TooFew {
            what,
            found: 0,
            least,
            remedy: "give the losses of at least one training",
        };
        if self.splits() == 0 {
            return Err(too_few("splits", 1));
        }
        for (k, split) in self.losses.iter().enumerate() {
            if split.is_empty() {
                return Err(too_few("seeds", 1));
            }
            if split.len() != self.seeds() {
                let what = format!("trainings of candidate {candidate} on split {k}");
                return Err(Error::Unpaired { what, found: split.len(), expected: self.seeds() });
            }
            for (s, rows) in split.iter().enumerate() {
                let which = || format!("candidate {candidate}, split {k}, training {s}");
                if rows.len() < 2 {
                    let remedy = "validate on more rows";
                    return Err(Error::TooFew {
                        what: "validation rows",
                        found: rows.len(),
                        least: 2,
                        remedy,
                    });
                }
                if rows.len() != split[0].len() {
                    let what = format!("validation rows of {}", which());
                    return Err(Error::Unpaired { what, found: rows.len(), expected: split[0].len() });
                }
                if let Some(row) = rows.iter().position(|loss| !loss.is_finite()) {
                    return Err(Error::NotFinite { which: which(), row, found: rows[row] });
                }
            }
        }
        Ok(())
    }

    /// That another candidate's trainings can be paired with these.
    pub(super) fn check_paired(&self, other: &Self, candidate: usize) -> Result<()> {
        let rows = |trainings: &Self, k: usize| trainings.losses[k][0].len();
        let unpaired = |what: String, found, expected| Err(Error::Unpaired { what, found, expected });
        if other.splits() != self.splits() {
            return unpaired(format!("splits of candidate {candidate}"), other.splits(), self.splits());
        }
        if other.seeds() != self.seeds() {
            return unpaired(format!("seeds of candidate {candidate}"), other.seeds(), self.seeds());
        }
        match (0..self.splits()).find(|&k| rows(self, k) != rows(other, k)) {
            Some(k) => {
                let what = format!("validation rows of candidate {candidate} on split {k}");
                unpaired(what, rows(other, k), rows(self, k))
            }
            None => Ok(()),
        }
    }
}
