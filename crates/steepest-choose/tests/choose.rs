//! Choices over trainings that are made up: what is chosen, what it costs, and that neither an interruption nor threads change a
//! bit.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use steepest::random_at;
use steepest_choose::choose::{
    Candidate, Choice, Ended, Error, Journal, Plan, PlanError, Range, Rung, Space, Standing, Train, Trial,
    choose, grid,
};
use steepest_choose::stats::{SetOptions, Verdict, best_set};

const STEPS: u64 = 320;
const ROWS: u64 = 12;

/// A model of training: the loss falls towards a valley over the decades of the rate, with noise of split, seed and row.
#[derive(Debug)]
struct Made {
    /// The rate of the lowest loss.
    best: f64,
    noise: f64,
    /// From here on a training diverges: after 200 steps divided by how many times the rate is above it.
    limit: f64,
    /// Whether trainings can be restored.
    saves: bool,
    /// On which split and seed training fails.
    fails: Option<(usize, u64)>,
    /// All steps that were taken.
    taken: AtomicU64,
}

impl Made {
    fn new(best: f64) -> Self {
        let taken = AtomicU64::new(0);
        Self { best, noise: 0.0, limit: f64::INFINITY, saves: false, fails: None, taken }
    }
}

#[derive(Debug, thiserror::Error, PartialEq)]
#[error("the disk is full")]
struct Full;

#[derive(Debug)]
struct Training<'a> {
    made: &'a Made,
    rate: f64,
    split: usize,
    seed: u64,
    step: u64,
    /// Depends on every step, so that one that is left out or taken twice shows.
    trace: u64,
}

impl<'a> Train for &'a Made {
    type Trial = Training<'a>;
    type Error = Full;

    fn start(&self, candidate: &Candidate, split: usize, seed: u64) -> Result<Training<'a>, Full> {
        let rate = candidate.number("lr").unwrap();
        Ok(Training { made: self, rate, split, seed, step: 0, trace: 0 })
    }

    fn restore(
        &self,
        candidate: &Candidate,
        split: usize,
        seed: u64,
        to: f64,
    ) -> Result<Option<Training<'a>>, Full> {
        if !self.saves {
            return Ok(None);
        }
        let mut training = self.start(candidate, split, seed)?;
        while training.step < (to * STEPS as f64) as u64 {
            training.step();
        }
        Ok(Some(training))
    }
}

impl Training<'_> {
    fn step(&mut self) {
        self.trace = random_at(self.trace, self.step);
        self.step += 1;
    }
}

impl Trial for Training<'_> {
    type Error = Full;

    fn advance(&mut self, to: f64) -> Result<Standing, Full> {
        if self.made.fails == Some((self.split, self.seed)) {
            return Err(Full);
        }
        while self.step < (to * STEPS as f64) as u64 {
            self.step();
            self.made.taken.fetch_add(1, Ordering::Relaxed);
            if self.step as f64 * self.rate > 200.0 * self.made.limit {
                return Ok(Standing::Diverged { at: self.step as f64 / STEPS as f64 });
            }
        }
        let decades = (self.rate / self.made.best).log10();
        let curve = 0.5 + 0.1 * decades * decades + 0.2 / (1.0 + 20.0 * self.step as f64 / STEPS as f64);
        let uniform = |key: u64| (random_at(key, 0) >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
        let shared = random_at(random_at(self.split as u64, self.seed), self.rate.to_bits());
        let training = self.made.noise * (uniform(random_at(shared, 1)) + 1e-3 * uniform(self.trace));
        let row = |i: u64| curve + training + self.made.noise * uniform(random_at(shared, 2 + i));
        Ok(Standing::Losses((0..ROWS).map(row).collect()))
    }
}

fn chosen<'a>(made: &'a Made, plan: &Plan) -> Choice<Training<'a>> {
    match choose(&made, plan, Journal::default(), |_| ControlFlow::Continue(())).unwrap() {
        Ended::Chosen(choice) => choice,
        Ended::Stopped(_) => panic!("nobody stopped it"),
    }
}

/// Everything of a choice that has to be the same, bit for bit; the order of the journal does not.
fn bits<T>(choice: &Choice<T>) -> String {
    let Choice { winner, outcomes, order, cost, extended, at_edge, dropped, .. } = choice;
    format!("{winner} {outcomes:?} {order:?} {cost:?} {extended} {at_edge} {dropped:?}")
}

fn automatic(documented: f64) -> Plan {
    Plan::automatic("lr", documented, STEPS).unwrap()
}

#[test]
fn the_best_rate_wins_at_the_cost_that_was_said() {
    let made = Made::new(0.03);
    let choice = chosen(&made, &automatic(0.01));
    assert_eq!(choice.best().number("lr"), Some(0.0316));
    assert_eq!((choice.cost.total, choice.cost.extra, choice.cost.trainings), (1.6875, 0.6875, 1));
    assert_eq!(
        made.taken.load(Ordering::Relaxed) as f64,
        1.6875 * STEPS as f64,
        "survivors go on, they do not begin again"
    );
    assert_eq!((choice.extended, choice.at_edge), (0, false));
    let trial = choice.trained[0].trial.as_ref().expect("the training that was chosen is there");
    assert_eq!((trial.step, choice.order[0]), (STEPS, choice.winner));
    // and what it gives the statistics is what they take
    let set = best_set(&choice.entrants(), &SetOptions::new(100)).unwrap();
    assert_eq!(set.lowest, choice.winner);
}

#[test]
fn equally_good_rates_go_by_the_documented_one() {
    let flat = Made { best: f64::INFINITY, ..Made::new(1.0) };
    // (rate / ∞).log10() is −∞: every loss is infinite
    assert!(matches!(
        choose(&&flat, &automatic(0.01), Journal::default(), |_| ControlFlow::Continue(())),
        Err(Error::AllDiverged { .. })
    ));
    // two rates as far from the best one: the lower is the documented one
    let made = Made::new((0.01f64 * 0.0316).sqrt());
    let choice = chosen(&made, &automatic(0.01));
    assert_eq!(choice.best().number("lr"), Some(0.01));
}

#[test]
fn a_rate_ten_times_too_large_is_cut_off_at_once_and_named() {
    // at ten times the limit after 20 steps of 320
    let made = Made { limit: 0.1, ..Made::new(0.01) };
    let choice = chosen(&made, &automatic(0.1));
    let large = choice.outcomes.iter().find(|o| o.candidate.number("lr").unwrap() > 3.0).unwrap();
    let divergence = large.diverged.expect("named");
    assert!(divergence.at <= 0.05, "{divergence:?}");
    assert!(large.rungs.is_empty() && choice.order.ends_with(&[large.candidate.index]));
    assert!(choice.cost.extra < 0.6875 + 0.125, "what diverges costs what it took: {:?}", choice.cost);
    let set = best_set(&choice.entrants(), &SetOptions::new(100)).unwrap();
    assert_eq!(set.verdicts[large.candidate.index], Verdict::Diverged { at: divergence.at });
}

#[test]
fn the_range_grows_at_its_edge_twice_at_most_and_within_its_means() {
    for (best, extended, at_edge) in [
        (0.01, 0, false),
        // there are means for one
        (1e-4, 1, true),
        (1.0, 1, true),
        (1e-12, 1, true),
        (1e9, 1, true),
    ] {
        let made = Made::new(best);
        let choice = chosen(&made, &automatic(0.01));
        assert_eq!((choice.extended, choice.at_edge), (extended, at_edge), "{best}");
        assert!(choice.cost.extra <= 0.75, "{best}: {:?}", choice.cost);
        let unbounded = chosen(&made, &Plan { extra_at_most: f64::INFINITY, ..automatic(0.01) });
        assert_eq!(
            unbounded.extended,
            if best == 0.01 { 0 } else { unbounded.extended.clamp(2, 4) },
            "{best}"
        );
        let paired = chosen(&made, &automatic(0.01).paired(3));
        assert_eq!((paired.extended, paired.cost.trainings), (extended, 3));
        assert!(paired.cost.extra <= 0.75 * 3.0);
    }
    // never beyond what diverged on the ramp
    let made = Made::new(1e9);
    let choice = chosen(&made, &automatic(0.01).below_divergence("lr", &[0.5]).unwrap());
    assert!(choice.outcomes.iter().all(|o| o.candidate.number("lr").unwrap() < 0.5 / 3.0));
    assert_eq!((choice.extended, choice.dropped.len()), (0, 1));
}

#[test]
fn where_all_diverge_lower_rates_are_tried() {
    let made = Made { limit: 2e-5, ..Made::new(1e-5) };
    let choice = chosen(&made, &automatic(1e-2));
    assert!(choice.best().number("lr").unwrap() < 2e-5);
    assert!(choice.extended > 0 && choice.outcomes[..7].iter().all(|o| o.diverged.is_some()));
    let hopeless = Made { limit: 1e-30, ..Made::new(1.0) };
    let error =
        choose(&&hopeless, &automatic(1e-2), Journal::default(), |_| ControlFlow::Continue(())).unwrap_err();
    assert!(
        error.to_string().contains("candidates diverged")
            && error.to_string().contains("lower learning rates")
    );
}

#[test]
fn where_survivors_diverge_late_the_next_best_take_their_place() {
    // the lowest losses are those of rates that end after 0.2 to 0.9 of the schedule
    let made = Made { limit: 0.05, ..Made::new(1.0) };
    let choice = chosen(&made, &Plan { extend: None, ..automatic(0.01) });
    let late =
        choice.outcomes.iter().filter(|o| o.diverged.is_some_and(|divergence| divergence.at > 1.0 / 16.0));
    assert!(late.count() >= 2, "{:?}", choice.outcomes);
    let winner = &choice.outcomes[choice.winner];
    assert!(winner.rungs.len() == 4 && winner.candidate.number("lr").unwrap() < 0.05);
}

#[test]
fn the_thorough_choice_refines_its_winner() {
    let made = Made { noise: 0.01, ..Made::new(0.01 * 10f64.powf(0.25)) };
    let plan = Plan::thorough("lr", 0.01, 11, STEPS, 2).unwrap();
    let choice = chosen(&made, &plan);
    let ratio = (choice.best().number("lr").unwrap() / made.best).log10();
    assert!(ratio.abs() < 0.01, "{ratio}");
    assert_eq!(choice.cost.total, plan.cost());
    let ended = |rungs: usize| choice.outcomes.iter().filter(|o| o.rungs.len() == rungs).count();
    assert_eq!([1, 2, 3].map(ended), [6, 3, 4], "11 → 5 → 2, and two beside the winner");
    assert!(
        choice.outcomes.iter().flat_map(|o| &o.rungs).all(|r| r.losses.len() == 2 && r.losses[0].len() == 3)
    );
    let set = best_set(&choice.entrants(), &SetOptions::new(100)).unwrap();
    assert!(set.verdicts[choice.winner].is_in_set());
}

#[test]
fn several_settings_at_once() {
    let space = Space::default()
        .with("lr", Range::Log { low: 1e-4, high: 1.0 })
        .and_then(|space| space.with("schedule", Range::Choice(vec!["cosine".into(), "linear".into()])))
        .unwrap();
    let points = space.random(22, 5).unwrap();
    let documented = grid("lr", 0.01, 1.0, 1).unwrap().remove(0);
    let made = Made::new(0.01);
    let choice = chosen(&made, &Plan::points(points, documented, STEPS, 1));
    let off = |i: usize| (choice.outcomes[i].candidate.number("lr").unwrap() / 0.01).log10().abs();
    assert!((0..22).all(|i| off(choice.winner) <= off(i)));
    assert_eq!(choice.outcomes.iter().filter(|o| o.rungs.len() == 3).count(), 4);
}

/// Ends the choice after every result in turn and goes on from what the observer was told.
#[test]
fn interrupted_anywhere_it_ends_the_same() {
    let plans = [
        (Made { noise: 0.05, limit: 1.0, ..Made::new(1e-4) }, automatic(0.01).paired(2)),
        (Made { noise: 0.05, saves: true, ..Made::new(0.02) }, Plan { seeds: vec![3, 9], ..automatic(0.01) }),
        (Made { noise: 0.05, limit: 0.05, ..Made::new(1.0) }, automatic(0.01).paired(2)),
        (Made { noise: 0.05, ..Made::new(0.02) }, Plan::thorough("lr", 0.01, 11, STEPS, 1).unwrap()),
    ];
    for (made, plan) in &plans {
        let whole = chosen(made, plan);
        let results = whole.journal.entries.len();
        assert!(results >= 20);
        for stop in 1..=results {
            let mut told = Journal::default();
            let ended = choose(&made, plan, Journal::default(), |entry| {
                told.entries.push(entry.clone());
                if told.entries.len() >= stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
            let Ended::Stopped(stopped) = ended else { panic!("it was stopped after {stop} of {results}") };
            assert_eq!(stopped.journal.entries.len(), told.entries.len());
            let before = told.entries.len();
            let mut news = 0;
            let ended = choose(&made, plan, told, |_| {
                news += 1;
                ControlFlow::Continue(())
            })
            .unwrap();
            let Ended::Chosen(choice) = ended else { panic!("nobody stopped it") };
            assert_eq!(bits(&choice), bits(&whole), "stopped after {stop}");
            assert_eq!(before + news, results, "nothing is done twice");
            assert!(choice.trained.iter().all(|trained| trained.trial.is_some() || !made.saves));
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let made = Made { noise: 0.05, limit: 1.0, ..Made::new(1e-4) };
    let plan = automatic(0.01).paired(3);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let choice = chosen(&made, &plan);
            let set =
                best_set(&choice.entrants(), &SetOptions { draws: 500, ..SetOptions::new(100) }).unwrap();
            (bits(&choice), format!("{set:?}"))
        })
    };
    let one = run(1);
    assert!([2, 3].map(run).iter().all(|other| *other == one));
}

#[test]
fn later_rungs_may_have_more_splits() {
    let made = Made::new(0.02);
    let rung = |to, keep, splits| Rung { to, keep, splits };
    let plan = Plan { rungs: vec![rung(0.0625, 2, 1), rung(0.25, 2, 3), rung(1.0, 1, 3)], ..automatic(0.01) };
    let choice = chosen(&made, &plan);
    assert_eq!(choice.cost.total, plan.cost());
    let splits: Vec<usize> =
        choice.outcomes[choice.winner].rungs.iter().map(|rung| rung.losses.len()).collect();
    assert_eq!(splits, [1, 3, 3]);
    assert!(best_set(&choice.entrants(), &SetOptions::new(100)).is_ok());
}

#[test]
fn what_goes_wrong_is_said_before_or_where_it_does() {
    let made = Made { fails: Some((1, 0)), ..Made::new(0.01) };
    let go = |plan: &Plan, journal| choose(&&made, plan, journal, |_| ControlFlow::Continue(())).map(|_| ());
    let error = go(&automatic(0.01).paired(2), Journal::default()).unwrap_err();
    assert!(error.to_string().contains("on split 1 with seed 0: the disk is full"), "{error}");
    let taken = made.taken.load(Ordering::Relaxed);
    let short = Plan { steps: 10, ..automatic(0.01) };
    assert!(matches!(
        go(&short, Journal::default()),
        Err(Error::Plan(PlanError::RungBelowOneStep { least: 16, .. }))
    ));
    assert!(matches!(
        go(&automatic(0.01).paired(0), Journal::default()),
        Err(Error::Plan(PlanError::Without { .. }))
    ));
    let mut other = chosen(&Made::new(0.01), &automatic(0.01)).journal;
    other.context = "iris".into();
    let error = go(&automatic(0.01), other).unwrap_err();
    assert!(error.to_string().contains("the journal is of `iris`"), "{error}");
    assert_eq!(made.taken.load(Ordering::Relaxed), taken, "nothing was trained");
}

#[test]
fn other_numbers_of_rows_are_refused() {
    struct Grows;
    #[derive(Debug)]
    struct Row(usize);
    impl Train for Grows {
        type Trial = Row;
        type Error = Full;
        fn start(&self, candidate: &Candidate, _: usize, _: u64) -> Result<Row, Full> {
            Ok(Row(candidate.index))
        }
    }
    impl Trial for Row {
        type Error = Full;
        fn advance(&mut self, _: f64) -> Result<Standing, Full> {
            Ok(Standing::Losses(vec![1.0; 3 + self.0 / 4]))
        }
    }
    let error =
        choose(&Grows, &automatic(0.01), Journal::default(), |_| ControlFlow::Continue(())).unwrap_err();
    let words = "has the losses of 4 validation rows on split 0, expected 3";
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn a_journal_can_be_saved() {
    fn is_saved<T: serde::Serialize + serde::de::DeserializeOwned>() {}
    is_saved::<Journal>();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the valley, the limit and the noise: the cost is held, the winner is finite and the lowest at the end.
    #[test]
    fn costs_are_held(best in -8.0f64..4.0, limit in -3.0f64..4.0, noise in 0.0f64..0.3, splits in 1usize..4) {
        let made = Made { noise, limit: 10f64.powf(limit), ..Made::new(10f64.powf(best)) };
        let choice = chosen(&made, &automatic(0.01).paired(splits));
        // where survivors diverge, others take their place
        let late = choice.outcomes.iter().any(|o| o.diverged.is_some_and(|divergence| divergence.at > 1.0 / 16.0));
        prop_assert!(late || choice.cost.extra <= 0.75 * splits as f64 + 1e-9);
        prop_assert!(choice.extended <= 4);
        let winner = &choice.outcomes[choice.winner];
        prop_assert!(winner.diverged.is_none() && winner.rungs.len() == 4);
        let documented = choice.outcomes.iter().filter(|o| o.candidate.number("lr") == Some(0.01)).count();
        prop_assert_eq!(documented, 1);
    }
}
