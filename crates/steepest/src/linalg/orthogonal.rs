//! An orthogonal basis of a matrix's columns.

use super::decomposition::{Decomposition, descending, largest, swap_of};
use super::reflections::{Reflect, identity, lines_of, reflector};
use super::{Loops, PANEL};
use crate::float::Float;

impl Decomposition<'_> {
    /// Reflects the lines of all panels from `from` on such that row k has zeros behind line `from` + k.
    pub(super) fn triangularize(&mut self, loops: Loops, from: usize) {
        let n = self.n;
        let height = n - from;
        for first in (0..height).step_by(PANEL) {
            let which = first..height.min(first + PANEL);
            let (panel, behind) = self.panels[first * n..].split_at_mut(PANEL * n);
            let lines = &mut lines_of(panel)[from..];
            for k in which.clone() {
                let u = &mut self.reflectors[k * height..(k + 1) * height];
                for (u, line) in u.iter_mut().zip(&*lines).skip(k) {
                    *u = line[k - first];
                }
                reflector(&mut u[k..]);
                let (reflectors, which) = (&*self.reflectors, k..k + 1);
                loops.isa.run(Reflect { reflectors, which, offset: 0, backwards: false, lines });
            }
            let reflectors = &*self.reflectors;
            loops.rows(behind, PANEL * n, |_, panel| {
                let (which, lines) = (which.clone(), &mut lines_of(panel)[from..]);
                loops.isa.run(Reflect { reflectors, which, offset: 0, backwards: false, lines });
            });
        }
    }

    /// Sorts the columns of `s` by `values`, the largest first, and writes the orthogonal factor of the
    /// result into `into`.
    pub fn orthogonal<T: Float>(&mut self, loops: Loops, s: &[T], into: &mut [T]) {
        let n = self.n;
        descending(self.values, self.swaps);
        let order = &mut *self.vector;
        (0..n).for_each(|i| order[i] = i as f64);
        for k in 0..n {
            let (a, b) = swap_of(k, self.swaps);
            order.swap(a, b);
        }
        let order = &*order;
        let largest = largest(s).max(f64::MIN_POSITIVE);
        loops.rows(self.panels, PANEL * n, |panel, lines| {
            let order = &order[PANEL * panel..n.min(PANEL * (panel + 1))];
            for (line, row) in lines_of(lines).iter_mut().zip(s.chunks_exact(n)) {
                *line = [0.0; PANEL];
                line.iter_mut().zip(order).for_each(|(x, of)| *x = row[*of as usize].wide() / largest);
            }
        });
        self.triangularize(loops, 0);
        let reflectors = &*self.reflectors;
        loops.rows(self.panels, PANEL * n, |panel, lines| {
            identity(panel, lines);
            // a column of the identity meets nothing in the reflections behind its place
            let (which, lines) = (0..n.min(PANEL * (panel + 1)), lines_of(lines));
            loops.isa.run(Reflect { reflectors, which, offset: 0, backwards: true, lines });
        });
        let panels = &*self.panels;
        loops.rows(into, n, |i, row| {
            for (panel, row) in row.chunks_mut(PANEL).enumerate() {
                let line = &panels[panel * PANEL * n + i * PANEL..];
                row.iter_mut().zip(line).for_each(|(x, of)| *x = T::of(*of));
            }
        });
    }

    /// Which column each column of the last [`orthogonal`](Self::orthogonal) was.
    pub fn order(&self, k: usize) -> usize {
        self.vector[k] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::super::Workspace;
    use super::super::testing::{loops, not_orthogonal, worst};
    use super::*;

    #[test]
    fn the_orthogonal_factor_times_a_triangle_is_the_sorted_matrix() {
        for n in [1, 2, 16, 17, 40] {
            let s: Vec<f64> = (0..n * n).map(|i| (i as f64 * 1.3).sin()).collect();
            let mut first = None;
            for loops in loops() {
                let mut memory = vec![f64::NAN; Decomposition::workspace(n).len()];
                let mut of = Decomposition::new(n, &mut Workspace::new(&mut memory));
                (0..n).for_each(|i| of.values[i] = (i as f64 * 2.1).cos());
                let mut q = vec![0.0; n * n];
                of.orthogonal(loops, &s, &mut q);
                assert!(not_orthogonal(&q, n) < 1e-13);
                // QᵀS is upper triangular in the new order
                let below = worst((0..n * n).filter(|ij| ij / n > ij % n).map(|ij| {
                    let (i, j) = (ij / n, of.order(ij % n));
                    (0..n).map(|k| q[k * n + i] * s[k * n + j]).sum::<f64>()
                }));
                assert!(below < 1e-13, "{n}: {below:e}");
                let bits: Vec<u64> = q.iter().map(|x| x.to_bits()).collect();
                assert_eq!(first.get_or_insert_with(|| bits.clone()), &bits);
            }
        }
    }
}
