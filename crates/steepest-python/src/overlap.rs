//! Whether what a step writes overlaps.

/// The memory that steps write and read, looked at where it is another than before: a step over the same tensors pays comparisons.
#[derive(Default)]
pub(crate) struct Written {
    /// What is written, as it was given: from the first byte to one that is no longer among them.
    written: Vec<(usize, usize)>,
    /// By their beginnings, without empty ones.
    sorted: Vec<(usize, usize)>,
    /// What is read.
    read: Vec<(usize, usize)>,
}

impl Written {
    /// Whether another step wrote the same.
    pub fn is_written(&self, ranges: impl Iterator<Item = (usize, usize)>) -> bool {
        !self.written.is_empty() && ranges.eq(self.written.iter().copied())
    }

    /// Whether the last step read the same at place `i` of what it read.
    pub fn is_read(&self, i: usize, range: (usize, usize)) -> bool {
        self.read.get(i) == Some(&range)
    }

    /// Takes over what this step writes. Whether two ranges overlap.
    pub fn write(&mut self, ranges: impl Iterator<Item = (usize, usize)> + Clone) -> bool {
        self.sorted.clear();
        self.sorted.extend(ranges.clone().filter(|(from, to)| from < to));
        self.sorted.sort_unstable();
        self.written.clear();
        if self.sorted.windows(2).any(|pair| pair[1].0 < pair[0].1) {
            return true;
        }
        self.written.extend(ranges);
        false
    }

    /// Takes over what this step reads. Whether a range of it overlaps with one that is written.
    pub fn read(&mut self, ranges: impl Iterator<Item = (usize, usize)>) -> bool {
        self.read.clear();
        for (from, to) in ranges {
            let after = self.sorted.partition_point(|(_, end)| *end <= from);
            if from < to && self.sorted.get(after).is_some_and(|(begin, _)| *begin < to) {
                self.read.clear();
                return true;
            }
            self.read.push((from, to));
        }
        false
    }
}
