//! The trajectories of `fixtures/`: torch's, optax's, those of the authors' packages and of the papers.

use crate::common::{self, Fixture, Problem, SHAPES, STEPS, Setting, fixtures};
use crate::{Alone, Property, alone, property};
use std::collections::{BTreeMap, BTreeSet};
use steepest::registry::{Entry, OPTIMIZERS};
use steepest::settings::{Value, Values};
use steepest::{DType, Optimizer};

pub const PROPERTIES: &[Property] = &[
    property!(it_follows_its_sources),
    property!(every_setting_is_moved_by_a_fixture),
    property!(every_dialect_has_a_fixture, |entry| !entry.dialects.is_empty()),
    property!(single_precision_stays_near_double),
];

pub const ALONE: &[Alone] = &[
    alone!(the_generator_gives_the_bits_of_the_fixture),
    alone!(the_comparison_sees_a_wrong_digit),
    alone!(a_dialect_has_the_defaults_of_its_library),
];

fn the_generator_gives_the_bits_of_the_fixture() {
    assert_eq!(common::hash(0, 0, 0, 0), 0x49f8_d5b6_23ef_1a6d);
    let (problem, fixture) = (Problem::new(), Fixture::load("problem").unwrap());
    assert_eq!(fixture.tensors.len(), SHAPES.len() * 5);
    for (i, (name, _)) in SHAPES.iter().enumerate() {
        let start = &problem.start[i];
        for (what, ours) in [
            ("start", start.clone()),
            ("centre", problem.centre[i].clone()),
            ("curvature", problem.curvature[i].clone()),
            ("gradient_at_start@1", problem.gradient(i, 1, start)),
            ("gradient_at_start@200", problem.gradient(i, 200, start)),
        ] {
            let theirs = &fixture.tensors[&format!("{name}/{what}")];
            assert_eq!(common::bits(&ours), common::bits(theirs), "{name}/{what}");
        }
    }
}

/// Every quantity of a run of `entry` in f64, under the fixtures' names: `<tensor>/theta@<step>` for
/// all steps, `<tensor>/<array>` at the end.
fn run(entry: &Entry, setting: &Setting) -> BTreeMap<String, Vec<f64>> {
    let problem = Problem::new();
    let mut optimizer = Optimizer::builder(entry.make(&setting.values))
        .build(Problem::params(DType::F64))
        .unwrap_or_else(|e| panic!("{} {}: {e}", entry.name, setting.name));
    let mut theta = problem.theta(DType::F64);
    let mut found = BTreeMap::new();
    for step in 1..=STEPS {
        problem.step_of(setting, &mut optimizer, step, DType::F64, &mut theta);
        for ((name, _), theta) in SHAPES.iter().zip(&theta) {
            found.insert(format!("{name}/theta@{step}"), theta.to_f64());
        }
    }
    let state = common::state_of(&optimizer);
    found.extend(state.into_iter().filter(|(name, _)| !name.ends_with("/steps")));
    found
}

/// What a fixture's quantity is, without its tensor: `theta@10`, `exp_avg`.
fn quantity(key: &str) -> &str {
    key.split_once('/').unwrap().1
}

/// Who may differ by more than 1e-12 of the largest element, and why: an optimizer, or one library's.
const TOLERANCES: &[(&str, f64, &str)] = &[
    // found: 2.2e-11
    (
        "prodigy",
        1e-10,
        "the sources subtract θ from θ₀ after steps of 1e-6: that leaves 10 of 16 digits of the estimate",
    ),
    (
        "muon",
        1e-9,
        "a polynomial multiplies singular values near 0 by up to 500, and what rounding left of them with them; the sums \
     of its products are in another order than BLAS's",
    ),
    ("normuon", 1e-9, "as muon"),
    // found: 2.6e-12; the paper's and the authors' trajectories keep to 1e-12
    (
        "optax mechanic",
        1e-11,
        "optax recovers Δ from θ: it divides a difference of numbers near 1 by s, 1e-6 at first, and that leaves 10 of 16 \
     digits of the first Δ",
    ),
    ("mud", 1e-9, "a triangular solve makes errors as large as its matrix is badly conditioned"),
];

/// Where `ours` differs from one setting of a fixture, a line each. `state` says whether the
/// fixture's state has our names.
fn differences(
    entry: &Entry,
    library: &str,
    fixture: &Fixture,
    setting: &Setting,
    ours: &BTreeMap<String, Vec<f64>>,
    state: bool,
) -> Vec<String> {
    let names = [entry.name.to_owned(), format!("{library} {}", entry.name)];
    let tolerance = TOLERANCES.iter().find(|t| names.iter().any(|name| name == t.0)).map_or(1e-12, |t| t.1);
    // Both sides compute in f64 and round differently: in 200 steps at most some 200 roundings
    // of 1.1e-16 add up, 2e-14, and the problem makes an error at most 34 times as large (5 times,
    // for all element rules): below 1e-12. Relative to the largest element of the quantity, since
    // a parameter or momentum may pass through zero, where its own size says nothing of rounding.
    let mut largest: BTreeMap<&str, f64> = BTreeMap::new();
    for (key, values) in fixture.of(&setting.name) {
        let of = largest.entry(quantity(key)).or_default();
        *of = values.iter().fold(*of, |m, x| m.max(x.abs()));
    }
    let mut wrong = Vec::new();
    let mut compared = BTreeSet::new();
    for (key, theirs) in fixture.of(&setting.name) {
        if !(state || key.contains("/theta@")) {
            continue;
        }
        compared.insert(key);
        let Some(ours) = ours.get(key) else {
            wrong.push(format!("{key}: not there"));
            continue;
        };
        assert_eq!(ours.len(), theirs.len(), "{} {} {key}", entry.name, setting.name);
        let error = common::worst(ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()));
        let relative = error / largest[quantity(key)].max(f64::MIN_POSITIVE);
        let fits = relative <= tolerance;
        if !fits {
            wrong.push(format!("{key}: {relative:.1e} of its largest element"));
        }
    }
    assert!(compared.len() >= SHAPES.len(), "{} {}: nothing to compare", entry.name, setting.name);
    // an element rule keeps no array that torch does not keep; others have work space of their own
    if state && entry.traits.elementwise {
        let numbers = entry.make(&setting.values).unwrap().memory();
        let more = ours.keys().filter(|key| {
            let number = numbers.iter().any(|(name, _)| *name == quantity(key));
            !number && !key.contains("/theta@") && !compared.contains(key.as_str())
        });
        wrong.extend(more.map(|key| format!("{key}: torch has no such state")));
    }
    wrong
}

fn it_follows_its_sources(entry: &Entry) {
    let fixtures = fixtures(entry);
    assert!(
        !fixtures.is_empty(),
        "no trajectory: fixtures/<source>_{}.safetensors is missing; docs/adding-an-optimizer.md says which script writes it",
        entry.name
    );
    let mut wrong = Vec::new();
    for (library, fixture) in fixtures {
        for setting in &fixture.settings {
            let ours = run(entry, setting);
            // optax's state has other names, and for some rules another scale; kron's has ours
            let state = ["torch", "krontorch"].contains(&library.as_str());
            let found = differences(entry, &library, &fixture, setting, &ours, state);
            let place = format!("{library} {}", setting.name);
            wrong.extend(found.into_iter().map(|line| format!("{place}: {line}")));
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

fn the_comparison_sees_a_wrong_digit() {
    let entry = &OPTIMIZERS[0];
    let (_, fixture) = fixtures(entry).remove(0);
    let setting = &fixture.settings[0];
    let mut ours = run(entry, setting);
    let x = &mut ours.get_mut("t7/theta@3").unwrap()[2];
    *x += 1e-11;
    let found = differences(entry, "torch", &fixture, setting, &ours, true);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("t7/theta@3: "), "{found:?}");
    ours.get_mut("t7/theta@200").unwrap()[3] = f64::NAN;
    assert_eq!(differences(entry, "torch", &fixture, setting, &ours, true).len(), 2);
}

fn every_setting_is_moved_by_a_fixture(entry: &Entry) {
    let settings: Vec<Setting> =
        fixtures(entry).into_iter().flat_map(|(_, fixture)| fixture.settings).collect();
    let parameters = (entry.parameters)();
    let moved = |setting: &Setting, name: &str, default| {
        setting.values.get(name).is_some_and(|value| value != default)
    };
    let special = settings.iter().filter(|s| parameters.iter().any(|p| moved(s, p.name, &p.default))).count();
    assert!(
        special >= 3,
        "fixtures/*_{}.safetensors have {special} settings that are not the defaults, expected 3 at least",
        entry.name
    );
    // `others` refuses the vectors of the problem: tests/library/matrix.rs
    for parameter in parameters.iter().filter(|parameter| parameter.name != "others") {
        assert!(
            settings.iter().any(|setting| moved(setting, parameter.name, &parameter.default)),
            "no setting of fixtures/*_{}.safetensors moves `{}` from its default, {}",
            entry.name,
            parameter.name,
            parameter.default
        );
    }
}

fn every_dialect_has_a_fixture(entry: &Entry) {
    let found: BTreeSet<String> = fixtures(entry)
        .into_iter()
        .flat_map(|(_, fixture)| fixture.settings)
        .map(|setting| setting.values.get("dialect").map_or("torch".to_owned(), ToString::to_string))
        .collect();
    for dialect in entry.dialects {
        assert!(
            found.contains(&dialect.to_string()),
            "no setting of fixtures/*_{}.safetensors has dialect {dialect}",
            entry.name
        );
    }
}

fn a_dialect_has_the_defaults_of_its_library() {
    let mut compared = 0;
    for entry in OPTIMIZERS {
        for (library, fixture) in fixtures(entry) {
            let dialect = entry.dialects.iter().find(|dialect| dialect.to_string() == library);
            let setting = fixture.settings.iter().find(|s| ["default", "plain"].contains(&s.name.as_str()));
            let (Some(dialect), Some(setting)) = (dialect, setting) else { continue };
            let named = Values::from([("dialect".to_owned(), Value::Word(dialect.to_string()))]);
            let ours = entry.make(&named).unwrap().settings;
            for (name, theirs) in setting.values.iter().filter(|(name, _)| *name != "dialect") {
                // torch's `None` is the type's own ε, which is what 0 stands for
                let own = name == "eps1" && *theirs == Value::Number(f64::EPSILON);
                let theirs = if own { &Value::Number(0.0) } else { theirs };
                assert_eq!(&ours[name], theirs, "{} {library}: {name}", entry.name);
            }
            compared += 1;
        }
    }
    assert!(compared >= 20, "{compared} dialects");
}

fn single_precision_stays_near_double(entry: &Entry) {
    // A step rounds θ by at most 2⁻²⁴ of itself. 200 of them, all in one direction and made 5 times
    // as large by the problem (see fixtures/README.md), are 6e-5; gradients and state add their
    // roundings through the far smaller update.
    const TOLERANCE: f64 = 1e-4;
    let problem = Problem::new();
    for setting in common::settings(entry) {
        let reference = run(entry, &setting);
        let mut optimizer =
            Optimizer::builder(entry.make(&setting.values)).build(Problem::params(DType::F32)).unwrap();
        let mut theta = problem.theta(DType::F32);
        for step in 1..=STEPS {
            problem.step_of(&setting, &mut optimizer, step, DType::F32, &mut theta);
        }
        let (mut errors, mut size) = (Vec::new(), 0.0);
        for ((name, _), theta) in SHAPES.iter().zip(&theta) {
            for (a, b) in theta.to_f64().iter().zip(&reference[&format!("{name}/theta@{STEPS}")]) {
                errors.push((a - b) * (a - b));
                size += b * b;
            }
        }
        // where a rounding can turn a sign, a few elements go another way: then the middle one counts
        let error = if entry.traits.continuous {
            errors.iter().sum::<f64>()
        } else {
            errors.sort_unstable_by(f64::total_cmp);
            errors[errors.len() / 2] * errors.len() as f64
        };
        let relative = (error / size).sqrt();
        assert!(relative <= TOLERANCE, "{}: {relative:.1e}", setting.name);
        assert!(relative > 0.0, "{}: f32 cannot have every bit of f64", setting.name);
    }
}
