use super::candidate::{Point, distance};
use super::choice::Outcome;

/// Puts candidates in order, the best first: who came to a later rung, then the lower mean loss there, then who is nearer to the
/// documented settings, then the smaller number. Who diverged is last, the latest of them first.
pub(super) fn rank(candidates: &mut [usize], outcomes: &[Outcome], documented: &Point) {
    let mean = |i: usize| outcomes[i].rungs.last().map_or(f64::INFINITY, |rung| rung.mean);
    let diverged = |i: usize| outcomes[i].diverged.map(|divergence| divergence.at);
    let far = |i: usize| distance(documented, &outcomes[i].candidate.point);
    candidates.sort_by(|&a, &b| {
        let by_divergence = match (diverged(a), diverged(b)) {
            (Some(a), Some(b)) => b.total_cmp(&a),
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        by_divergence
            .then_with(|| outcomes[b].rungs.len().cmp(&outcomes[a].rungs.len()))
            .then_with(|| mean(a).total_cmp(&mean(b)))
            .then_with(|| far(a).total_cmp(&far(b)))
            .then(a.cmp(&b))
    });
}

#[cfg(test)]
mod tests {
    use super::super::candidate::{Candidate, Value};
    use super::super::choice::{Divergence, RungResult};
    use super::*;

    fn outcome(index: usize, lr: f64, means: &[f64], at: Option<f64>) -> Outcome {
        let point = Point::from([("lr".into(), Value::Number(lr))]);
        let rungs = means.iter().map(|&mean| RungResult { to: 0.5, mean, losses: vec![] }).collect();
        let diverged = at.map(|at| Divergence { split: 0, seed: 0, at });
        Outcome { candidate: Candidate { index, point }, rungs, diverged }
    }

    #[test]
    fn later_rungs_then_losses_then_the_documented_one() {
        let outcomes = [
            outcome(0, 1e-4, &[0.5], None),
            outcome(1, 1e-3, &[0.5], None),
            outcome(2, 1e-2, &[0.5], None),
            outcome(3, 1e-1, &[0.6, 0.9], None),
            outcome(4, 1.0, &[0.1, 0.1], Some(0.3)),
            outcome(5, 10.0, &[], Some(0.01)),
            outcome(6, 1e-5, &[0.4], None),
            outcome(7, 2.0, &[], Some(0.2)),
        ];
        let mut order: Vec<usize> = (0..8).rev().collect();
        let documented = Point::from([("lr".into(), Value::Number(1e-3))]);
        rank(&mut order, &outcomes, &documented);
        // 0 and 2 are equally far from the documented rate
        assert_eq!(order, [3, 6, 1, 0, 2, 4, 7, 5]);
    }
}
