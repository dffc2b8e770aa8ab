use super::{REGISTRY, Schedule, make};
use crate::error::Error;
use crate::settings::{Value, Values};

/// Steps where a careless integer or float would wrap, round or overflow.
fn hard_steps() -> Vec<u64> {
    let edges = [0, 1 << 31, 1 << 32, 1 << 53, 1 << 63, u64::MAX];
    edges.iter().flat_map(|e| (0..3).flat_map(|d| [e.saturating_sub(d), e.saturating_add(d)])).collect()
}

fn defaults() -> impl Iterator<Item = Box<dyn Schedule>> {
    REGISTRY.iter().map(|entry| entry.make(&Values::new()).unwrap())
}

#[test]
fn every_factor_is_finite_and_not_negative() {
    for length in [1, 2, 100, 1 << 40, u64::MAX] {
        for mut schedule in defaults() {
            schedule.resolve(length);
            assert!(!schedule.is_unresolved(), "{}", schedule.name());
            schedule.ready().unwrap();
            for step in hard_steps().into_iter().chain(0..200) {
                let factor = schedule.factor(step);
                assert!(factor.is_finite() && factor >= 0.0, "{schedule:?} at {step}: {factor}");
            }
        }
    }
}

#[test]
fn extreme_settings_stay_finite() {
    // every numeric setting at each end of what its range admits, one at a time
    for entry in REGISTRY {
        for parameter in entry.parameters() {
            let Value::Number(_) = parameter.default else { continue };
            for extreme in [0.0, 5e-324, 1.0, 2.0, 1e300, f64::MAX, 9007199254740991.0] {
                let values = Values::from([(parameter.name.to_owned(), Value::Number(extreme))]);
                let Ok(mut schedule) = entry.make(&values) else { continue };
                schedule.resolve(1000);
                for step in hard_steps() {
                    let factor = schedule.factor(step);
                    assert!(factor.is_finite() && factor >= 0.0, "{schedule:?} at {step}: {factor}");
                }
            }
        }
    }
}

#[test]
fn values_make_the_same_schedule_again() {
    for mut schedule in defaults() {
        schedule.resolve(300);
        let again = make(schedule.name(), &schedule.values()).unwrap();
        assert_eq!(format!("{schedule:?}"), format!("{again:?}"));
    }
}

#[test]
fn rows_are_complete_and_sorted() {
    assert!(REGISTRY.is_sorted_by_key(|entry| entry.name));
    for entry in REGISTRY {
        assert_eq!(entry.make(&Values::new()).unwrap().name(), entry.name);
        // one sentence, short enough for a list
        let summary = entry.summary();
        assert!(summary.ends_with('.') && summary.chars().count() <= 90, "{}: {summary}", entry.name);
        for heading in ["Formula", "Differences", "Errors", "Example", "Source"] {
            assert!(entry.section(heading).is_some_and(|s| !s.is_empty()), "{}: {heading}", entry.name);
        }
        assert!(entry.parameters().iter().all(|p| !p.about.is_empty()), "{}", entry.name);
    }
}

#[test]
fn unknown_names_and_settings_suggest() {
    let error = make("exponental", &Values::new()).unwrap_err();
    assert!(matches!(error, Error::UnknownName { nearest: Some(n), .. } if n == "exponential"));
    let values = Values::from([("gama".to_owned(), Value::Number(0.5))]);
    let error = make("exponential", &values).unwrap_err();
    assert!(matches!(error, Error::UnknownSetting { nearest: Some(n), .. } if n == "gamma"));
}

#[test]
fn a_range_is_checked_in_every_schedule() {
    for entry in REGISTRY {
        for parameter in entry.parameters() {
            let Value::Number(_) = parameter.default else { continue };
            let values = Values::from([(parameter.name.to_owned(), Value::Number(-1.0))]);
            assert!(entry.make(&values).is_err(), "{} {}", entry.name, parameter.name);
        }
    }
}

#[test]
fn asking_before_the_length_is_known_gives_no_rate() {
    let mut waiting = 0;
    let then = Values::from([("then".to_owned(), Value::Word("cosine".to_owned()))]);
    for mut schedule in defaults().chain([make("warmup", &then).unwrap()]) {
        let name = schedule.name();
        let unresolved = schedule.is_unresolved();
        waiting += usize::from(unresolved);
        for step in [0, 1, 5, 1000, u64::MAX] {
            assert_eq!(schedule.factor(step).is_nan(), unresolved, "{name} at {step}");
        }
        schedule.resolve(50);
        assert!([0, 1, 5, 1000].iter().all(|step| schedule.factor(*step).is_finite()), "{name}");
    }
    assert!(waiting >= 6);
}

#[test]
fn an_unresolved_length_is_an_error_of_ready() {
    for name in ["cosine", "linear", "one_cycle", "polynomial"] {
        let mut schedule = make(name, &Values::new()).unwrap();
        let error = schedule.ready().unwrap_err().to_string();
        assert!(error.starts_with(name) && error.contains("`resolve`"), "{error}");
        schedule.resolve(50);
        schedule.ready().unwrap();
        schedule.resolve(70);
        assert_eq!(schedule.values()["steps"], Value::Number(50.0), "{name}");
    }
}
