//! A row of the table says what its rule is and does.

use crate::common::{Data, args, edited, param, random, scope, slots, state_of};
use crate::{Property, property};
use steepest::registry::{Entry, reference_page};
use steepest::rule::{Body, Scope, StateKind};
use steepest::settings::Values;
use steepest::{DType, Optimizer};

pub const PROPERTIES: &[Property] = &[
    property!(its_traits_are_those_of_its_rule),
    property!(its_traffic_is_what_a_step_touches),
    property!(its_page_is_complete),
    property!(the_readme_names_it),
    property!(its_kinds_are_what_its_arrays_are, |entry| entry.traits.half),
];

fn its_traits_are_those_of_its_rule(entry: &Entry) {
    let rule = entry.make(&Values::new()).unwrap();
    let (scope, traits) = (rule.scope(), entry.traits);
    let (needed, fits) = match rule.body {
        Body::Tensor(_) => ("TENSOR: it is a tensor rule", !traits.elementwise && !traits.half),
        Body::Element(_) if scope == Scope::Element => {
            ("ELEMENT: it is an element rule without sums", traits.elementwise && traits.half)
        }
        Body::Element(_) => ("MEASURED: it has a SCOPE, and sums", !traits.elementwise && traits.half),
    };
    assert!(fits, "the line of {} in src/rules/mod.rs needs Traits::{needed}; found {traits:?}", entry.name);
    assert_eq!(
        traits.needs_loss,
        rule.needs_loss(),
        "`needs_loss` of {} in src/rules/mod.rs is not what the rule says (NEEDS_LOSS)",
        entry.name
    );
}

/// A moment of the wrong kind would lose its sign, or a bit, in 8 bits.
fn its_kinds_are_what_its_arrays_are(entry: &Entry) {
    const N: usize = 50;
    let rule = entry.make(&Values::new()).unwrap();
    let kinds = rule.kinds();
    let names: Vec<&str> = rule.state(&param("p", N, DType::F64)).iter().map(|spec| spec.name).collect();
    let mut optimizer = Optimizer::builder(rule).build([param("p", N, DType::F64)]).unwrap();
    let mut theta = [Data::F64(random(1, N))];
    let mut negative = vec![false; names.len()];
    for t in 1..=20 {
        let gradient = [Data::F64(random(100 + t, N))];
        optimizer.step(args(entry.default_lr), &mut slots(&mut theta, &gradient)).unwrap();
        for (negative, name) in negative.iter_mut().zip(&names) {
            *negative |= optimizer.state("p", name).unwrap().iter().any(|x| *x < 0.0);
        }
    }
    for ((kind, name), negative) in kinds.iter().zip(&names).zip(negative) {
        let right = match kind {
            StateKind::Signed => negative,
            StateKind::Unsigned => !negative,
            StateKind::Point => true,
        };
        let found = if negative { "became negative" } else { "never became negative" };
        assert!(right, "KINDS of {} say that `{name}` is {kind:?}, and in 20 steps it {found}", entry.name);
    }
}

/// How many arrays the measuring pass reads: those of gradient, parameter and state that the tensor's numbers depend on.
fn measured(entry: &Entry) -> usize {
    const N: usize = 6;
    let make = || Optimizer::builder(entry.make(&Values::new())).build([param("p", N, DType::F64)]).unwrap();
    let step = |optimizer: &mut Optimizer, theta: &mut [Data; 1], gradient: &[f64]| {
        optimizer.step(args(1.0), &mut slots(theta, &[Data::F64(gradient.to_vec())])).unwrap();
    };
    let (mut before, mut theta) = (make(), [Data::F64(random(1, N))]);
    // one gradient throughout, so that what is learned from steps that agree grows
    let gradient = random(2, N);
    (0..3).for_each(|_| step(&mut before, &mut theta, &gradient));
    let (file, theta) = (before.to_bytes().unwrap(), theta[0].to_f64());

    // the tensor's numbers after one more step
    let numbers = entry.make(&Values::new()).unwrap().memory();
    let after = |file: &[u8], theta: &[f64], gradient: &[f64]| -> Vec<Vec<f64>> {
        let (mut optimizer, mut theta) = (make(), [Data::F64(theta.to_vec())]);
        optimizer.from_bytes(file).unwrap();
        step(&mut optimizer, &mut theta, gradient);
        let state = state_of(&optimizer);
        numbers.iter().map(|(name, _)| state[&format!("p/{name}")].clone()).collect()
    };
    let expected = after(&file, &theta, &gradient);
    // one of these is seen even where a number only grows
    let changes = [|x: f64| 1.5 * x + 0.1, |x: f64| 1e-3 * x, |x: f64| 10.0 - 3.0 * x];
    /// The numbers after a change of something, which a function gives.
    type Change<'a> = dyn Fn(fn(f64) -> f64) -> Vec<Vec<f64>> + 'a;
    let shows = |change: &Change<'_>| changes.iter().any(|f| change(*f) != expected);
    let changed = |values: &[f64], f: fn(f64) -> f64| values.iter().map(|x| f(*x)).collect::<Vec<_>>();

    let of_theta = shows(&|f| after(&file, &changed(&theta, f), &gradient));
    let of_gradient = shows(&|f| after(&file, &theta, &changed(&gradient, f)));
    let state = entry.make(&Values::new()).unwrap().state(&param("p", N, DType::F64));
    let of_state = state.iter().filter(|array| {
        shows(&|f| {
            let other = edited(&file, |tensors, _| {
                let (_, _, bytes) = tensors.get_mut(&format!("p/{}", array.name)).unwrap();
                for number in bytes.as_chunks_mut().0 {
                    *number = f(f64::from_le_bytes(*number)).to_le_bytes();
                }
            });
            after(&other, &theta, &gradient)
        })
    });
    usize::from(of_theta) + usize::from(of_gradient) + of_state.count()
}

fn its_traffic_is_what_a_step_touches(entry: &Entry) {
    let state = entry.state_bytes().unwrap();
    // the update reads gradient and parameter and writes the parameter, and reads and writes the state
    let update = 12.0 + 2.0 * state;
    let traffic = f64::from(entry.traffic);
    if entry.traits.half {
        let measured = if scope(entry) == Scope::Element { 0 } else { measured(entry) };
        assert_eq!(
            traffic,
            update + 4.0 * measured as f64,
            "{state} bytes of state, {measured} arrays measured"
        );
    } else {
        // a tensor rule may go over its arrays more often, and writes some of them in few steps
        assert!(traffic >= (12.0 + state).floor(), "{traffic}; {state} bytes of state");
    }
}

fn its_page_is_complete(entry: &Entry) {
    for heading in ["Formula", "State", "Differences", "Errors", "Example", "Source"] {
        let body = entry.section(heading);
        assert!(body.is_some_and(|b| !b.is_empty()), "no section {heading}");
    }
    assert!(entry.summary().ends_with('.'), "{}", entry.summary());
    assert!((entry.parameters)().iter().all(|p| !p.about.is_empty()));
    assert!(reference_page().contains(&format!("\n## {}\n", entry.name)));
}

fn the_readme_names_it(entry: &Entry) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    assert!(
        readme.contains(&format!("`{}`", entry.name)),
        "the table of optimizers in README.md has no `{}`",
        entry.name
    );
}
