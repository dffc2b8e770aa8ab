//! Which coalitions are tried where not all can be: pairs of a coalition and its complement.

use crate::draw::{Purpose, draws, some_of};
use crate::masks::{Masks, of_size};
use std::collections::HashSet;

/// Pairs of coalitions in the order in which they are tried, and what each stage makes of those tried so far.
#[derive(Debug)]
pub(super) struct Design {
    /// The empty coalition, that of all players, then both of each pair.
    pub masks: Masks,
    /// The last is all that the budget allows.
    pub stages: Vec<Stage>,
}

/// The first so many pairs of a design.
#[derive(Debug)]
pub(super) struct Stage {
    /// How many.
    pub pairs: usize,
    /// How much each pair counts: the kernel's weight of all pairs of its size, over how many of them are tried.
    pub weights: Vec<f64>,
    /// For each pair, what fraction of the pairs of its size is not tried; 0 where all are.
    pub untried: Vec<f64>,
}

/// Sizes whose pairs are few enough to be listed and put in order.
const LISTED: f64 = 20_000.0;

/// Fewer pairs that are drawn at random tell nothing of an error.
const FEWEST_DRAWN: f64 = 8.0;

/// Coalitions of `d` ≥ 4 players, in at most so many pairs, at least `d`: all of size 1; all of size 2 if they fit with eight pairs
/// to spare; the rest by leverage, which is the same number for every size (Musco & Witter 2024, arXiv 2410.01917), each pair of
/// a size as likely as any other and none twice.
pub(super) fn design(d: usize, pairs: usize, seed: u64) -> Design {
    let mut stages = vec![quotas(d, pairs)];
    // earlier ones take half as many, each a part of the next
    loop {
        let next = &stages[0];
        let half = next.iter().sum::<usize>() / 2;
        if half < (2 * d).max(30) {
            break;
        }
        let stage = quotas(d, half).iter().zip(next).map(|(a, b)| *a.min(b)).collect();
        stages.insert(0, stage);
    }
    let last = stages.last().expect("at least one");
    let subsets: Vec<Vec<Vec<usize>>> =
        (1..=d / 2).map(|size| subsets(d, size, last[size - 1], seed)).collect();
    let mut masks = Masks::new(d);
    masks.push([]);
    masks.push(0..d);
    let mut tried = vec![0; d / 2];
    let mut order: Vec<usize> = Vec::new();
    let mut done = Vec::new();
    for quotas in &stages {
        for (size, (tried, quota)) in tried.iter_mut().zip(quotas).enumerate() {
            for members in &subsets[size][*tried..*quota] {
                masks.push(members.iter().copied());
                masks.push((0..d).filter(|player| !members.contains(player)));
                order.push(size + 1);
            }
            *tried = *quota;
        }
        let share = |size: &usize| quotas[size - 1] as f64 / pairs_of(d, *size);
        done.push(Stage {
            pairs: order.len(),
            weights: order.iter().map(|size| kernel(d, *size) / share(size)).collect(),
            untried: order.iter().map(|size| 1.0 - share(size)).collect(),
        });
    }
    Design { masks, stages: done }
}

/// How many pairs there are whose smaller coalition has so many players.
fn pairs_of(d: usize, size: usize) -> f64 {
    let all = of_size(d, size);
    if 2 * size == d { 0.5 * all } else { all }.round()
}

/// The Shapley kernel (Lundberg & Lee 2017, Theorem 2), without what all sizes share.
fn kernel(d: usize, size: usize) -> f64 {
    1.0 / (of_size(d, size) * (size * (d - size)) as f64)
}

/// How many pairs of each size, from 1 on.
fn quotas(d: usize, pairs: usize) -> Vec<usize> {
    let most = |size: usize| pairs_of(d, size);
    let mut quotas = vec![0; d / 2];
    quotas[0] = d.min(pairs);
    let mut left = pairs - quotas[0];
    let mut open: Vec<usize> = (2..=d / 2).collect();
    let few = pairs_beyond_two(d).min(FEWEST_DRAWN);
    if most(2) + few <= left as f64 {
        quotas[1] = most(2) as usize;
        left -= quotas[1];
        open.remove(0);
    }
    // both coalitions of a pair count; where they have the same size, they are half as many
    let leverage = |size: usize| if 2 * size == d { 0.5 } else { 1.0 };
    while left > 0 && !open.is_empty() {
        let total: f64 = open.iter().map(|size| leverage(*size)).sum();
        let share = |size: usize| left as f64 * leverage(size) / total;
        if let Some(at) = open.iter().position(|size| share(*size) >= most(*size)) {
            let size = open.remove(at);
            quotas[size - 1] = most(size) as usize;
            left -= quotas[size - 1];
            continue;
        }
        open.iter().for_each(|size| quotas[size - 1] = share(*size) as usize);
        let given: usize = open.iter().map(|size| quotas[size - 1]).sum();
        let mut by_rest = open.clone();
        by_rest.sort_by(|a, b| share(*b).fract().total_cmp(&share(*a).fract()).then(a.cmp(b)));
        by_rest.iter().take(left - given).for_each(|size| quotas[size - 1] += 1);
        left = 0;
    }
    quotas
}

/// How many pairs there are beyond those of one and two players; infinitely many of many players.
fn pairs_beyond_two(d: usize) -> f64 {
    2f64.powi(d as i32 - 1) - 1.0 - pairs_of(d, 1) - if d >= 4 { pairs_of(d, 2) } else { 0.0 }
}

/// The first `count` of the coalitions of a size in a random order, one of each pair.
fn subsets(d: usize, size: usize, count: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut draws = draws(seed, Purpose::Coalitions, (d as u64) << 32 | size as u64);
    // of pairs of one size, the one with the first player
    let of_pair = |members: &[usize]| 2 * size != d || members[0] == 0;
    if pairs_of(d, size) <= LISTED {
        let mut all = Vec::new();
        let mut members: Vec<usize> = (0..size).collect();
        loop {
            if of_pair(&members) {
                all.push(members.clone());
            }
            let Some(at) = (0..size).rev().find(|at| members[*at] < d - size + at) else { break };
            members[at] += 1;
            (at + 1..size).for_each(|next| members[next] = members[next - 1] + 1);
        }
        let order = some_of(&mut draws, all.len(), count);
        return order.into_iter().map(|at| all[at].clone()).collect();
    }
    let (mut seen, mut found) = (HashSet::new(), Vec::new());
    while found.len() < count {
        let mut members = some_of(&mut draws, d, size);
        members.sort_unstable();
        if !of_pair(&members) {
            members = (0..d).filter(|player| !members.contains(player)).collect();
        }
        if seen.insert(members.clone()) {
            found.push(members);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_sizes_one_and_two_come_first_and_none_comes_twice() {
        let design = design(10, 127, 0);
        let last = design.stages.last().unwrap();
        assert_eq!((last.pairs, design.masks.len()), (127, 2 + 2 * 127));
        assert_eq!(quotas(10, 127), [10, 45, 29, 29, 14]);
        let mut seen = HashSet::new();
        for mask in 0..design.masks.len() {
            assert!(seen.insert(design.masks.members(mask).collect::<Vec<_>>()));
        }
        for pair in 0..127 {
            let (one, other) = (2 + 2 * pair, 3 + 2 * pair);
            assert_eq!(design.masks.distance(one, other), 10);
            assert_eq!(last.untried[pair] == 0.0, design.masks.size(one) <= 2);
        }
        // every size weighs what all of its pairs do
        for size in 1..=5 {
            let all = |pair: &usize| design.masks.size(2 + 2 * pair) == size;
            let weight: f64 = (0..127).filter(all).map(|pair| last.weights[pair]).sum();
            assert!((weight / (kernel(10, size) * pairs_of(10, size)) - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_budget_of_everything_is_everything() {
        for d in 4..=9 {
            let all = (1 << (d - 1)) - 1;
            assert_eq!(quotas(d, all + 3).iter().sum::<usize>(), all, "{d}");
            let design = design(d, all, 1);
            assert_eq!(design.masks.len(), 1 << d);
            assert!(design.stages.last().unwrap().untried.iter().all(|untried| *untried == 0.0));
        }
    }

    #[test]
    fn stages_are_parts_of_one_another() {
        let design = design(40, 900, 3);
        let pairs: Vec<usize> = design.stages.iter().map(|stage| stage.pairs).collect();
        assert!(pairs.windows(2).all(|w| w[0] < w[1]) && *pairs.last().unwrap() == 900, "{pairs:?}");
        for stage in &design.stages {
            assert!(stage.untried.iter().all(|share| (0.0..1.0).contains(share)));
            assert_eq!((stage.weights.len(), stage.untried.len()), (stage.pairs, stage.pairs));
        }
    }
}
