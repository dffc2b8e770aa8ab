//! Every schedule beside torch's and optax's own values: `fixtures/schedules.json`, written by
//! `fixtures/make.py`.

use serde_json::{Map, Value as Json};
use steepest::schedule::plateau::{Mode, PlateauSettings, ThresholdMode};
use steepest::schedule::{
    AfterEnd, Anneal, Constant, Cosine, CosineRestarts, Cyclic, CyclicMode, Exponential, Linear, MultiStep,
    OneCycle, Polynomial, REGISTRY, ReduceOnPlateau, Schedule, Sequence, Step, Warmup,
};

/// torch multiplies the rate of the step before, 120 times here, and rounds each time. The largest
/// difference that this leaves in the file is 8.7e-14.
const RELATIVE: f64 = 1e-12;

/// Where a rate comes down to zero, torch's and optax's 1 + cos keeps a rounding of 1: half an ulp of
/// the highest rate, not of the present one. OneCycleLR's last rate of 4e-7 needs it, nothing else.
const OF_THE_HIGHEST: f64 = 1.12e-16;

struct Case {
    source: String,
    name: String,
    lr: f64,
    arguments: Map<String, Json>,
    values: Vec<f64>,
    metrics: Vec<f64>,
}

fn numbers(json: Option<&Json>) -> Vec<f64> {
    json.and_then(Json::as_array)
        .map(|list| list.iter().map(|x| x.as_f64().unwrap_or(f64::NAN)).collect())
        .unwrap_or_default()
}

fn cases() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/schedules.json");
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let file: Json = serde_json::from_str(&text).unwrap();
    assert_eq!(file["format"], "steepest schedules 1");
    let case = |row: &Json| Case {
        source: row["source"].as_str().unwrap().to_owned(),
        name: row["name"].as_str().unwrap().to_owned(),
        lr: row["lr"].as_f64().unwrap_or(f64::NAN),
        arguments: row["arguments"].as_object().unwrap().clone(),
        values: numbers(row.get("values")),
        metrics: numbers(row.get("metrics")),
    };
    file["schedules"].as_array().unwrap().iter().map(case).collect()
}

/// A case's arguments; the test fails if one was never asked for, so that none is overlooked.
struct Arguments(Map<String, Json>);

impl Arguments {
    fn take(&mut self, name: &str) -> Option<Json> {
        self.0.remove(name).filter(|x| !x.is_null())
    }
    fn number(&mut self, name: &str, default: f64) -> f64 {
        self.take(name).map_or(default, |x| x.as_f64().unwrap())
    }
    fn steps(&mut self, name: &str, default: u64) -> u64 {
        self.take(name).map_or(default, |x| x.as_u64().unwrap())
    }
    fn flag(&mut self, name: &str) -> bool {
        self.take(name).is_some_and(|x| x.as_bool().unwrap())
    }
    fn word(&mut self, name: &str, default: &str) -> String {
        self.take(name).map_or(default.to_owned(), |x| x.as_str().unwrap().to_owned())
    }
    fn all_taken(&self, name: &str) {
        assert!(self.0.is_empty(), "{name}: nothing was made of {:?}", self.0);
    }
}

/// The same schedule here, and the base rate that its factor belongs to. What is `base` to torch's
/// OneCycleLR and CyclicLR, the rate of the optimizer, they overwrite; here it is their highest.
fn from_torch(name: &str, lr: f64, a: &mut Arguments) -> (f64, Box<dyn Schedule>) {
    let schedule: Box<dyn Schedule> = match name {
        "ConstantLR" => {
            Box::new(Constant { factor: a.number("factor", 1.0 / 3.0), steps: a.steps("total_iters", 5) })
        }
        "StepLR" => {
            Box::new(Step { size: a.steps("step_size", 0), gamma: a.number("gamma", 0.1), floor: 0.0 })
        }
        "MultiStepLR" => Box::new(MultiStep {
            milestones: numbers(a.take("milestones").as_ref()),
            gamma: a.number("gamma", 0.1),
        }),
        "ExponentialLR" => Box::new(Exponential { gamma: a.number("gamma", f64::NAN), floor: 0.0 }),
        "PolynomialLR" => Box::new(Polynomial {
            steps: a.steps("total_iters", 5),
            power: a.number("power", 1.0),
            floor: 0.0,
        }),
        "LinearLR" => Box::new(Linear {
            steps: a.steps("total_iters", 5),
            start: a.number("start_factor", 1.0 / 3.0),
            end: a.number("end_factor", 1.0),
        }),
        "CosineAnnealingLR" => Box::new(Cosine {
            steps: a.steps("T_max", 0),
            floor: a.number("eta_min", 0.0) / lr,
            after: AfterEnd::Oscillate,
            ..Cosine::default()
        }),
        "CosineAnnealingWarmRestarts" => Box::new(CosineRestarts {
            period: a.steps("T_0", 0),
            growth: a.steps("T_mult", 1),
            floor: a.number("eta_min", 0.0) / lr,
        }),
        "OneCycleLR" => {
            let highest = a.number("max_lr", f64::NAN);
            // moved together with the rate; not a schedule of the rate
            for momentum in ["base_momentum", "max_momentum", "cycle_momentum"] {
                a.take(momentum);
            }
            let anneal = match a.word("anneal_strategy", "cos").as_str() {
                "cos" => Anneal::Cosine,
                _ => Anneal::Linear,
            };
            let cycle = OneCycle {
                steps: a.steps("total_steps", 0),
                rise: a.number("pct_start", 0.3),
                initial_divisor: a.number("div_factor", 25.0),
                final_divisor: a.number("final_div_factor", 1e4),
                three_phase: a.flag("three_phase"),
                anneal,
            };
            return (highest, Box::new(cycle));
        }
        "CyclicLR" => {
            let highest = a.number("max_lr", f64::NAN);
            for momentum in ["base_momentum", "max_momentum", "cycle_momentum"] {
                a.take(momentum);
            }
            let mode = match a.word("mode", "triangular").as_str() {
                "triangular" => CyclicMode::Triangular,
                "triangular2" => CyclicMode::Triangular2,
                _ => CyclicMode::ExpRange,
            };
            let cyclic = Cyclic {
                low: a.number("base_lr", f64::NAN) / highest,
                up: a.steps("step_size_up", 2000),
                down: a.steps("step_size_down", 0),
                mode,
                gamma: a.number("gamma", 1.0),
            };
            return (highest, Box::new(cyclic));
        }
        "SequentialLR" => {
            let parts = a.take("schedulers").unwrap();
            let part = |part: &Json| {
                let mut inner = Arguments(part[1].as_object().unwrap().clone());
                let name = part[0].as_str().unwrap();
                let (base, schedule) = from_torch(name, lr, &mut inner);
                inner.all_taken(name);
                assert_eq!(base, lr);
                schedule
            };
            let parts = parts.as_array().unwrap().iter().map(part).collect();
            let milestones = a.take("milestones").unwrap();
            let milestones = milestones.as_array().unwrap();
            let boundaries = milestones.iter().map(|m| m.as_u64().unwrap()).collect();
            Box::new(Sequence::new(parts, boundaries).unwrap())
        }
        other => panic!("torch's {other} has no counterpart in this test: add one"),
    };
    (lr, schedule)
}

/// After a constant beginning, for optax's `transition_begin`.
fn beginning_at(begin: u64, schedule: Box<dyn Schedule>) -> Box<dyn Schedule> {
    if begin == 0 {
        return schedule;
    }
    Box::new(Sequence::new(vec![Box::new(Constant::default()), schedule], vec![begin]).unwrap())
}

/// The same schedule here, or why there is none.
fn from_optax(name: &str, a: &mut Arguments) -> Result<(f64, Box<dyn Schedule>), &'static str> {
    let first = a.number("init_value", f64::NAN);
    Ok(match name {
        "cosine_decay_schedule" => {
            let cosine = Cosine {
                steps: a.steps("decay_steps", 0),
                floor: a.number("alpha", 0.0),
                exponent: a.number("exponent", 1.0),
                after: AfterEnd::Hold,
            };
            (first, Box::new(cosine))
        }
        "warmup_cosine_decay_schedule" => {
            let peak = a.number("peak_value", f64::NAN);
            let warmup = a.steps("warmup_steps", 0);
            let cosine = Cosine {
                steps: a.steps("decay_steps", 0) - warmup,
                floor: a.number("end_value", 0.0) / peak,
                exponent: a.number("exponent", 1.0),
                after: AfterEnd::Hold,
            };
            (peak, Box::new(Warmup::new(warmup, first / peak, Box::new(cosine)).unwrap()))
        }
        "exponential_decay" => {
            let transition = a.steps("transition_steps", 0);
            let rate = a.number("decay_rate", f64::NAN);
            let end = a.take("end_value").map(|x| x.as_f64().unwrap());
            if rate > 1.0 && end.is_some() {
                return Err("an upper bound of a growing rate");
            }
            let floor = end.unwrap_or(0.0) / first;
            let schedule: Box<dyn Schedule> = if a.flag("staircase") {
                Box::new(Step { size: transition, gamma: rate, floor })
            } else {
                Box::new(Exponential { gamma: rate.powf(1.0 / transition as f64), floor })
            };
            (first, beginning_at(a.steps("transition_begin", 0), schedule))
        }
        "polynomial_schedule" => {
            let polynomial = Polynomial {
                steps: a.steps("transition_steps", 0),
                power: a.number("power", 1.0),
                floor: a.number("end_value", 0.0) / first,
            };
            (first, beginning_at(a.steps("transition_begin", 0), Box::new(polynomial)))
        }
        "linear_schedule" => {
            let last = a.number("end_value", f64::NAN);
            let base = first.max(last);
            let linear =
                Linear { steps: a.steps("transition_steps", 0), start: first / base, end: last / base };
            (base, beginning_at(a.steps("transition_begin", 0), Box::new(linear)))
        }
        "piecewise_constant_schedule" => {
            let pairs = a.take("boundaries_and_scales").unwrap();
            let mut factor = 1.0;
            let mut parts: Vec<Box<dyn Schedule>> = vec![Box::new(Constant::default())];
            let mut boundaries = vec![];
            for pair in pairs.as_array().unwrap() {
                factor *= pair[1].as_f64().unwrap();
                parts.push(Box::new(Constant { factor, steps: 0 }));
                boundaries.push(pair[0].as_u64().unwrap());
            }
            (first, Box::new(Sequence::new(parts, boundaries).unwrap()))
        }
        "cosine_onecycle_schedule" | "linear_onecycle_schedule" => {
            return Err("the ends of its phases: ⌊pct_start·T⌋ and T, not torch's");
        }
        other => panic!("optax's {other} has no counterpart in this test: add one"),
    })
}

fn compare(case: &Case, base: f64, schedule: &dyn Schedule) {
    schedule.ready().unwrap();
    let highest = case.values.iter().copied().fold(0.0, f64::max);
    for (step, expected) in (0..).zip(&case.values) {
        let found = base * schedule.factor(step);
        let allowed = RELATIVE * expected.abs() + OF_THE_HIGHEST * highest;
        assert!(
            (found - expected).abs() <= allowed,
            "{} {} {:?} at step {step}: {found:e}, expected {expected:e}, difference {:e}",
            case.source,
            case.name,
            case.arguments,
            found - expected
        );
    }
}

#[test]
fn torch_gives_the_same_rates() {
    let mut names = std::collections::BTreeSet::new();
    for case in cases().iter().filter(|c| c.source == "torch" && c.metrics.is_empty()) {
        let mut arguments = Arguments(case.arguments.clone());
        let (base, schedule) = from_torch(&case.name, case.lr, &mut arguments);
        arguments.all_taken(&case.name);
        compare(case, base, &*schedule);
        names.insert(schedule.name());
    }
    // a schedule that torch has and the file does not cover would go unnoticed
    let not_torch_s = ["cosine_log", "inverse_sqrt", "inverse_time", "warmup"];
    for entry in REGISTRY.iter().filter(|entry| !not_torch_s.contains(&entry.name)) {
        assert!(names.contains(entry.name), "{} has no case", entry.name);
    }
}

#[test]
fn optax_gives_the_same_rates_where_it_has_the_schedule() {
    let mut compared = 0;
    for case in cases().iter().filter(|c| c.source == "optax") {
        let mut arguments = Arguments(case.arguments.clone());
        match from_optax(&case.name, &mut arguments) {
            Ok((base, schedule)) => {
                arguments.all_taken(&case.name);
                compare(case, base, &*schedule);
                compared += 1;
            }
            Err(difference) => println!("{}: not compared, {difference}", case.name),
        }
    }
    assert!(compared >= 10, "only {compared} cases of optax were compared");
}

#[test]
fn torch_reduces_at_the_same_observations() {
    let mut compared = 0;
    for case in cases().iter().filter(|c| c.name == "ReduceLROnPlateau") {
        let mut a = Arguments(case.arguments.clone());
        let settings = PlateauSettings {
            factor: a.number("factor", 0.1),
            patience: a.steps("patience", 10),
            threshold: a.number("threshold", 1e-4),
            threshold_mode: match a.word("threshold_mode", "rel").as_str() {
                "rel" => ThresholdMode::Relative,
                _ => ThresholdMode::Absolute,
            },
            cooldown: a.steps("cooldown", 0),
            min_factor: a.number("min_lr", 0.0) / case.lr,
            smallest_change: a.number("eps", 1e-8) / case.lr,
            mode: if a.word("mode", "min") == "min" { Mode::Min } else { Mode::Max },
        };
        a.all_taken(&case.name);
        let mut schedule = ReduceOnPlateau::new(settings).unwrap();
        // the first value is the rate before any metric
        assert_eq!(case.values.len(), case.metrics.len() + 1);
        for (i, (metric, expected)) in case.metrics.iter().zip(&case.values[1..]).enumerate() {
            schedule.observe(*metric);
            let found = case.lr * schedule.factor();
            assert!(
                (found / expected - 1.0).abs() <= RELATIVE,
                "{:?} at observation {i}: {found:e}, expected {expected:e}",
                case.arguments
            );
        }
        compared += 1;
    }
    assert!(compared >= 8, "only {compared} cases of ReduceLROnPlateau were compared");
}
