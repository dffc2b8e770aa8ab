//! Simulated validation losses of nine learning rates.

use steepest::random_at;

/// Rates of a simulation, half a decade apart.
pub const RATES: usize = 9;

/// What a simulated table and network are like. Losses are about 0.5.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    pub name: &'static str,
    /// The expected loss above the lowest, by how many decades the rate lies above the best one.
    pub curve: fn(f64) -> f64,
    /// Rows of the table; a fifth of them validates where there is one split.
    pub rows: usize,
    /// Rows that belong together; 1: none do.
    pub group: usize,
    /// Standard deviations of what split and seed do to a rate's loss.
    pub split: f64,
    pub seed: f64,
    /// How much larger both are a decade above the best rate.
    pub rising: f64,
    /// Standard deviation of a row's liking for a rate a decade higher.
    pub liking: f64,
    /// Standard deviation of what a training does to a row.
    pub row: f64,
    /// Whether rows have the tails of Student's distribution with 3 degrees of freedom, and difficulties of a log-normal one.
    pub heavy: bool,
}

const USUAL: Workload = Workload {
    name: "valley",
    curve: |x| if x > 0.0 { 0.20 * x * x } else { 0.06 * x * x },
    rows: 500,
    group: 1,
    split: 0.006,
    seed: 0.006,
    rising: 1.0,
    liking: 0.1,
    row: 0.15,
    heavy: false,
};

const SHALLOW: Workload = Workload {
    name: "shallow valley",
    curve: |x| if x > 0.0 { 0.04 * x * x } else { 0.02 * x * x },
    ..USUAL
};

/// Where no rate can be excluded for its loss, the level shows.
const SAME: Workload = Workload { name: "no differences", curve: |x| 1e-5 * x * x, ..USUAL };

pub const WORKLOADS: [Workload; 12] = [
    USUAL,
    SHALLOW,
    Workload {
        name: "flat over two decades",
        curve: |x| 0.12 * (x.abs() - 1.0).max(0.0).powi(2) + 0.0005 * x * x,
        ..USUAL
    },
    Workload { name: "cliff", curve: |x| if x > 0.0 { 1.5 * x } else { -0.02 * x }, ..USUAL },
    Workload { name: "two valleys", curve: |x| (0.1 * x * x).min(0.003 + 0.1 * (x + 1.5).powi(2)), ..USUAL },
    Workload { name: "noisier at high rates", rising: 4.0, ..SHALLOW },
    Workload { name: "heavy tails", heavy: true, ..SHALLOW },
    Workload { name: "much noise of training", split: 0.02, seed: 0.02, ..SHALLOW },
    Workload { name: "few rows, in groups", rows: 160, group: 4, ..SHALLOW },
    SAME,
    Workload { name: "no differences, noise", split: 0.02, seed: 0.02, ..SAME },
    Workload { name: "no differences, rising", rising: 4.0, heavy: true, ..SAME },
];

impl Workload {
    /// Standard deviation of one training relative to the lowest loss, two decades above the best rate.
    pub fn noise(&self) -> f64 {
        self.split.hypot(self.seed) * (1.0 + 2.0 * (self.rising - 1.0)) / 0.5
    }
}

/// Splits and seeds.
#[derive(Debug, Clone, Copy)]
pub struct Design {
    pub splits: usize,
    pub seeds: usize,
}

pub struct Simulated {
    /// By rate, split, seed, row.
    pub losses: Vec<Vec<Vec<Vec<f64>>>>,
    pub groups: Option<Vec<Vec<u64>>>,
    pub training_rows: usize,
    /// The rates' expected losses above the lowest possible.
    pub curve: Vec<f64>,
    /// The rate of the lowest expected loss.
    pub best: usize,
}

/// Numbers at random, one after the other; not those of the statistics, whose draws must not depend on what they are tested by.
pub struct Source {
    key: u64,
    counter: u64,
    spare: Option<f64>,
}

impl Source {
    pub fn new(key: u64, number: u64) -> Self {
        Self { key: random_at(key, number), counter: 0, spare: None }
    }

    pub fn uniform(&mut self) -> f64 {
        self.counter += 1;
        ((random_at(self.key, self.counter) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Box & Muller's.
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let (radius, angle) = ((-2.0 * self.uniform().ln()).sqrt(), std::f64::consts::TAU * self.uniform());
        self.spare = Some(radius * angle.sin());
        radius * angle.cos()
    }

    /// Of variance 1.
    fn row(&mut self, heavy: bool) -> f64 {
        if !heavy {
            return self.normal();
        }
        // Student's t with 3 degrees of freedom has variance 3
        let chi: f64 = (0..3).map(|_| self.normal().powi(2)).sum();
        self.normal() / chi.sqrt()
    }
}

impl Simulated {
    pub fn new(workload: Workload, Design { splits, seeds }: Design, number: u64) -> Self {
        let mut source = Source::new(0xC0FFEE, number);
        let shift = source.uniform() - 0.5;
        let places: Vec<f64> = (0..RATES).map(|rate| 0.5 * (rate as f64 - 4.0) - shift).collect();
        let curve: Vec<f64> = places.iter().map(|&x| (workload.curve)(x)).collect();
        Self::of(workload, Design { splits, seeds }, source, &places, &curve)
    }

    /// The same nine rates at each of some rungs. From the first rung on a rate loses what it lags behind its end: slow rates lag
    /// more, high ones by the noise that their steps make until the schedule lowers them, and each by luck.
    pub fn rungs(workload: Workload, design: Design, number: u64, rungs: &[f64]) -> Vec<Self> {
        let mut source = Source::new(0xC0FFEE, number);
        let shift = source.uniform() - 0.5;
        let places: Vec<f64> = (0..RATES).map(|rate| 0.5 * (rate as f64 - 4.0) - shift).collect();
        let luck: Vec<f64> = places.iter().map(|_| (0.3 * source.normal()).exp()).collect();
        let end: Vec<f64> = places.iter().map(|&x| (workload.curve)(x)).collect();
        rungs
            .iter()
            .map(|&t| {
                let lag = |x: f64| 0.08 * (t.powf(-0.4 * 10f64.powf(-0.3 * x)) - 1.0);
                let rough = |x: f64| if t < 1.0 { 0.02 * 10f64.powf(0.5 * x) } else { 0.0 };
                let curve: Vec<f64> =
                    (0..RATES).map(|i| end[i] + luck[i] * (lag(places[i]) + rough(places[i]))).collect();
                let source = Source::new(0xACE, number * 64 + (t * 16.0) as u64);
                let best = (0..RATES).min_by(|&a, &b| end[a].total_cmp(&end[b])).unwrap();
                Self { best, ..Self::of(workload, design, source, &places, &curve) }
            })
            .collect()
    }

    /// Half a decade apart, the second model worse by so much.
    pub fn twice(workload: Workload, design: Design, number: u64, worse: f64) -> Self {
        Self::of(workload, design, Source::new(0xBEEF, number), &[0.0, 0.5], &[0.0, worse])
    }

    fn of(
        workload: Workload,
        Design { splits, seeds }: Design,
        mut source: Source,
        places: &[f64],
        curve: &[f64],
    ) -> Self {
        let rates = places.len();
        let at = |rate: usize| places[rate];
        let best = (0..rates).min_by(|&a, &b| curve[a].total_cmp(&curve[b])).unwrap();
        let validation = if splits == 1 { workload.rows / 5 } else { workload.rows / splits };
        let training_rows = workload.rows - validation;
        // what other training rows would change: as much as so many rows of validation
        let design = (workload.group as f64).sqrt();
        let liked = source.normal() * workload.liking * design / (training_rows as f64).sqrt();
        let table: Vec<f64> = (0..rates)
            .map(|rate| {
                liked * at(rate)
                    + source.normal() * workload.row / (seeds as f64).sqrt() / (training_rows as f64).sqrt()
            })
            .collect();
        let mut losses = vec![Vec::new(); rates];
        for _ in 0..splits {
            let hard = 0.5 + 0.05 * source.normal();
            let mut preferences = Vec::new();
            for row in 0..validation {
                if row % workload.group == 0 {
                    let x = source.row(workload.heavy);
                    let difficulty =
                        if workload.heavy { (1.0 * x.clamp(-4.0, 4.0)).exp() / 1.6 } else { 1.0 + 0.3 * x };
                    preferences.push((hard * difficulty, source.row(workload.heavy) * workload.liking));
                } else {
                    preferences.push(preferences[row - 1]);
                }
            }
            for (rate, of_rate) in losses.iter_mut().enumerate() {
                let louder = 1.0 + (workload.rising - 1.0) * at(rate).max(0.0);
                let split = source.normal() * workload.split * louder;
                of_rate.push(
                    (0..seeds)
                        .map(|_| {
                            let training = split + source.normal() * workload.seed * louder;
                            let expected = curve[rate] + table[rate] + training;
                            preferences
                                .iter()
                                .map(|(difficulty, liking)| {
                                    difficulty
                                        + expected
                                        + liking * at(rate)
                                        + workload.row * source.row(workload.heavy)
                                })
                                .collect()
                        })
                        .collect::<Vec<Vec<f64>>>(),
                );
            }
        }
        let label = |split: usize, row: usize| ((split << 32) + row / workload.group) as u64;
        let groups = (workload.group > 1).then(|| {
            (0..splits).map(|split| (0..validation).map(|row| label(split, row)).collect()).collect()
        });
        Self { losses, groups, training_rows, curve: curve.to_vec(), best }
    }
}
