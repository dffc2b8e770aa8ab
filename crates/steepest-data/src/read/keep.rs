//! Which rows of a file are kept, where a sample of them is read.

use std::collections::HashSet;

use super::options::Sample;
use crate::random::Stream;

/// Which rows are kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keep<'a> {
    All,
    /// These rows, in order, from 0.
    Rows(&'a [u64]),
}

impl<'a> Keep<'a> {
    /// Of some rows that follow one another, from `first` on, those that are kept, counted from the first; `None` for all
    /// of them.
    pub(super) fn of(
        self,
        first: u64,
        count: usize,
    ) -> Option<impl Iterator<Item = usize> + Clone + use<'a>> {
        let Keep::Rows(rows) = self else { return None };
        let from = rows.partition_point(|&row| row < first);
        let to = rows.partition_point(|&row| row < first + count as u64);
        Some(rows[from..to].iter().map(move |&row| (row - first) as usize))
    }

    /// Whether a row is kept.
    pub(super) fn has(self, row: u64) -> bool {
        match self {
            Keep::All => true,
            Keep::Rows(kept) => kept.binary_search(&row).is_ok(),
        }
    }

    /// How many of so many rows are kept.
    pub(super) fn count(self, rows: u64) -> u64 {
        match self {
            Keep::All => rows,
            Keep::Rows(kept) => kept.partition_point(|&row| row < rows) as u64,
        }
    }

    pub(super) fn is_all(self) -> bool {
        matches!(self, Keep::All)
    }
}

/// How many rows there are to choose from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) rows: u64,
    /// Whether the file names its columns; `None` for formats that always do.
    pub(super) has_header: Option<bool>,
}

/// The rows of a sample, in order: each set of so many is as likely as any other, and the seed alone decides.
pub(crate) fn chosen(sample: Sample, of: u64) -> Vec<u64> {
    let mut random = Stream::new(b"sample__", sample.seed, 0);
    // Floyd's: as many draws as rows are chosen, however many there are
    let mut rows = HashSet::new();
    for last in of - sample.rows.min(of)..of {
        let row = random.below(last + 1);
        if !rows.insert(row) {
            rows.insert(last);
        }
    }
    let mut rows: Vec<u64> = rows.into_iter().collect();
    rows.sort_unstable();
    rows
}

/// What is said of a table that is a sample.
pub(crate) fn note(sample: Sample, of: u64) -> String {
    format!("a sample of {} of {of} rows (seed {})", sample.rows, sample.seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_even() {
        let mut counts = [0u32; 10];
        for seed in 0..2000 {
            let rows = chosen(Sample { rows: 3, seed }, 10);
            assert!(rows.len() == 3 && rows.is_sorted_by(|a, b| a < b), "{rows:?}");
            rows.iter().for_each(|&row| counts[row as usize] += 1);
        }
        assert!(counts.iter().all(|&count| count.abs_diff(600) < 80), "{counts:?}");
        assert_eq!(chosen(Sample { rows: 4, seed: 1 }, 4), [0, 1, 2, 3]);
        assert_eq!(
            chosen(Sample { rows: 3, seed: 1 }, 1_000_000),
            chosen(Sample { rows: 3, seed: 1 }, 1_000_000)
        );
    }

    #[test]
    fn blocks_keep_what_lies_in_them() {
        let keep = Keep::Rows(&[0, 5, 6, 9]);
        let of = |first, count| keep.of(first, count).unwrap().collect::<Vec<_>>();
        assert_eq!((of(0, 5), of(5, 4), of(9, 1)), (vec![0], vec![0, 1], vec![0]));
        assert!(Keep::All.of(0, 3).is_none());
        assert_eq!((keep.count(6), Keep::All.count(6)), (2, 6));
        assert!(keep.has(5) && !keep.has(4) && Keep::All.has(4));
    }
}
