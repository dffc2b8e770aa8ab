//! Whether what a step writes overlaps.

/// The memory that a step writes, looked at where it is another than before: a step over the same tensors pays a comparison.
#[derive(Default)]
pub(crate) struct Written {
    /// As they were given: from the first byte to one that is no longer among them.
    ranges: Vec<(usize, usize)>,
    /// By their beginnings, without empty ones.
    sorted: Vec<(usize, usize)>,
}

impl Written {
    /// Takes over the ranges of this step. Whether two of them overlap.
    pub fn overlap(&mut self, ranges: impl Iterator<Item = (usize, usize)> + Clone) -> bool {
        if !self.ranges.is_empty() && ranges.clone().eq(self.ranges.iter().copied()) {
            return false;
        }
        self.sorted.clear();
        self.sorted.extend(ranges.clone().filter(|(from, to)| from < to));
        self.sorted.sort_unstable();
        self.ranges.clear();
        if self.sorted.windows(2).any(|pair| pair[1].0 < pair[0].1) {
            return true;
        }
        self.ranges.extend(ranges);
        false
    }

    /// Whether a range that is only read overlaps with one that is written.
    pub fn meets(&self, (from, to): (usize, usize)) -> bool {
        let after = self.sorted.partition_point(|(_, end)| *end <= from);
        from < to && self.sorted.get(after).is_some_and(|(begin, _)| *begin < to)
    }
}
