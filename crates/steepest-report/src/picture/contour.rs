//! Level sets of a function on a grid: marching squares.

/// Values on a grid of nodes, in the picture's coordinates.
pub struct Grid {
    /// Nodes along x and y.
    nodes: [usize; 2],
    /// Where the first node lies.
    origin: [f64; 2],
    /// From a node to its neighbours along x and y.
    step: [f64; 2],
    /// Row after row; finite, or infinite outside the function's domain.
    values: Vec<f64>,
}

impl Grid {
    /// `f` at `nodes` points, the first at `origin`. The outermost ring is taken for infinitely
    /// high, so that every level set closes: let it lie outside of what is drawn.
    pub fn new(nodes: [usize; 2], origin: [f64; 2], step: [f64; 2], f: impl Fn([f64; 2]) -> f64) -> Self {
        let mut values = Vec::with_capacity(nodes[0] * nodes[1]);
        for j in 0..nodes[1] {
            for i in 0..nodes[0] {
                let ring = i == 0 || j == 0 || i + 1 == nodes[0] || j + 1 == nodes[1];
                let value = if ring { f64::INFINITY } else { f([i, j].place(origin, step)) };
                values.push(if value.is_nan() { f64::INFINITY } else { value });
            }
        }
        Self { nodes, origin, step, values }
    }

    fn at(&self, [i, j]: [usize; 2]) -> f64 {
        self.values[j * self.nodes[0] + i]
    }

    /// The region below `level`, as closed loops; even-odd filling gives the region.
    pub fn below(&self, level: f64) -> Vec<Vec<[f64; 2]>> {
        // An edge between two nodes is known by its lower node and its direction. Where the level
        // crosses an edge, exactly one segment begins (in the cell that sees the crossing leave
        // the region) and exactly one ends (in the cell on the other side).
        let [nx, ny] = self.nodes;
        let mut next = vec![usize::MAX; 2 * nx * ny];
        for j in 0..ny - 1 {
            for i in 0..nx - 1 {
                self.link_cell([i, j], level, &mut next);
            }
        }
        let mut loops = Vec::new();
        for first in 0..next.len() {
            let mut edge = first;
            let mut points = Vec::new();
            while next[edge] != usize::MAX {
                points.push(self.crossing(edge, level));
                edge = std::mem::replace(&mut next[edge], usize::MAX);
            }
            if points.len() > 2 {
                loops.push(points);
            }
        }
        loops
    }

    /// The segments of one cell.
    fn link_cell(&self, [i, j]: [usize; 2], level: f64, next: &mut [usize]) {
        let corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
        let inside = corners.map(|corner| self.at(corner) < level);
        let edge = |node: [usize; 2], vertical: usize| 2 * (node[1] * self.nodes[0] + node[0]) + vertical;
        let edges = [edge(corners[0], 0), edge(corners[1], 1), edge(corners[3], 0), edge(corners[0], 1)];
        // round the cell: edge k lies between corner k and the next
        let leaves = |k: usize| inside[k] && !inside[(k + 1) % 4];
        let enters = |k: usize| !inside[k] && inside[(k + 1) % 4];
        let saddle = leaves(0) && leaves(2) || leaves(1) && leaves(3);
        // at a saddle, whether the two inside corners are one region is for the middle to say
        let apart = saddle && corners.map(|corner| self.at(corner)).iter().sum::<f64>() / 4.0 >= level;
        for k in (0..4).filter(|k| leaves(*k)) {
            let order: [usize; 3] = if apart { [3, 2, 1] } else { [1, 2, 3] };
            if let Some(to) = order.into_iter().map(|d| (k + d) % 4).find(|to| enters(*to)) {
                next[edges[k]] = edges[to];
            }
        }
    }

    /// Where the level crosses an edge, by linear interpolation.
    fn crossing(&self, edge: usize, level: f64) -> [f64; 2] {
        let (node, vertical) = (edge / 2, edge % 2);
        let a = [node % self.nodes[0], node / self.nodes[0]];
        let b = if vertical == 1 { [a[0], a[1] + 1] } else { [a[0] + 1, a[1]] };
        let (low, high) = (self.at(a), self.at(b));
        let part = match (low.is_finite(), high.is_finite()) {
            (true, true) => ((level - low) / (high - low)).clamp(0.0, 1.0),
            // beside an infinite node: at the finite one
            (finite, _) => f64::from(u8::from(!finite)),
        };
        let (a, b) = (a.place(self.origin, self.step), b.place(self.origin, self.step));
        [a[0] + part * (b[0] - a[0]), a[1] + part * (b[1] - a[1])]
    }
}

trait Place {
    fn place(self, origin: [f64; 2], step: [f64; 2]) -> [f64; 2];
}

impl Place for [usize; 2] {
    fn place(self, origin: [f64; 2], step: [f64; 2]) -> [f64; 2] {
        [origin[0] + step[0] * self[0] as f64, origin[1] + step[1] * self[1] as f64]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(points: &[[f64; 2]]) -> f64 {
        let next = points.iter().cycle().skip(1);
        points.iter().zip(next).map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum::<f64>() / 2.0
    }

    fn grid(f: impl Fn([f64; 2]) -> f64) -> Grid {
        Grid::new([101, 101], [-2.5, -2.5], [0.05, 0.05], f)
    }

    #[test]
    fn a_circle_is_one_loop_of_its_area() {
        let round = grid(|[x, y]| x * x + y * y);
        for radius in [0.3, 1.0, 2.0] {
            let loops = round.below(radius * radius);
            assert_eq!(loops.len(), 1);
            let expected = std::f64::consts::PI * radius * radius;
            // a polygon of chords of one grid step, inside the circle
            assert!((area(&loops[0]).abs() - expected).abs() < 0.01 * expected);
        }
        assert!(round.below(-1.0).is_empty());
    }

    #[test]
    fn a_ring_has_two_loops_of_opposite_direction() {
        let ring = grid(|[x, y]| ((x * x + y * y).sqrt() - 1.5).abs());
        let loops = ring.below(0.25);
        assert_eq!(loops.len(), 2);
        let [a, b] = [area(&loops[0]), area(&loops[1])];
        assert!(a * b < 0.0);
        let expected = std::f64::consts::PI * (1.75f64.powi(2) - 1.25f64.powi(2));
        assert!(((a + b).abs() - expected).abs() < 0.01 * expected);
    }

    #[test]
    fn what_leaves_the_grid_closes_along_its_ring() {
        let slope = grid(|[x, _]| x);
        let loops = slope.below(0.0);
        assert_eq!(loops.len(), 1);
        // a half of the nodes that are not the ring
        let expected = 2.45 * 4.9;
        assert!((area(&loops[0]).abs() - expected).abs() < 0.01 * expected, "{}", area(&loops[0]));
    }

    #[test]
    fn saddles_and_holes_in_the_domain_close() {
        let saddle = grid(|[x, y]| x * y);
        let torn = grid(|[x, y]| if x > 1.0 { f64::NAN } else { y });
        for grid in [saddle, torn] {
            for level in [-1.0, -1e-9, 0.0, 0.7] {
                for points in grid.below(level) {
                    assert!(points.iter().flatten().all(|x| x.is_finite()));
                }
            }
        }
    }
}
