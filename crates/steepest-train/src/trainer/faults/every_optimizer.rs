//! Every optimizer, from any step.

use super::*;
use crate::settings::Rate;

/// All settings of an optimizer that are numbers a little off their defaults, where it takes them.
fn off_defaults(name: &str) -> String {
    let entry = steepest::registry::find(name).unwrap();
    let mut settings = steepest::settings::Values::new();
    for parameter in (entry.parameters)() {
        let Ok(default) = parameter.default.to_string().parse::<f64>() else { continue };
        if default == 0.0 || default.fract() == 0.0 {
            continue;
        }
        let mut tried = settings.clone();
        tried.insert(parameter.name.to_owned(), steepest::settings::Value::Number(default * 0.97));
        if entry.make(&tried).is_ok() {
            settings = tried;
        }
    }
    settings.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
}

/// 25 points of a run with each optimizer, in the middle of epochs and at their ends, with a rate that falls on a plateau.
#[test]
fn every_optimizer_goes_on_from_any_step_to_the_same_bits() {
    const STEPS: u64 = 25;
    for entry in steepest::registry::OPTIMIZERS {
        let (name, settings) = (entry.name, off_defaults(entry.name));
        let text = format!(
            "[data]\nsource = 'iris'\n[model]\nhidden = [5]\nlayer_norm = true\n[train]\nbatch = 16\nepochs = 4\n\
             [schedule]\nname = 'reduce_on_plateau'\npatience = 0\nthreshold = 0.5\nfactor = 0.5\n\
             [optimizer]\nname = '{name}'\nlr = {}\nclip_norm = 0.7\n{settings}",
            entry.default_lr * 0.9
        );
        let plan = Settings::from_toml(&text, name).unwrap();
        let start = || {
            let dir = tempfile::tempdir().unwrap();
            let system = Arc::new(crate::nowhere::Nowhere);
            (Trainer::new_on(system, &plan, &Out::At(dir.path().to_owned())), dir)
        };
        let (trainer, _dir) = start();
        let mut trainer = trainer.unwrap();
        let points: Vec<Snapshot> = (0..STEPS)
            .map(|step| if step == 0 { trainer.snapshot().unwrap() } else { until(&mut trainer, step) })
            .collect();
        let end = until(&mut trainer, STEPS);
        let (second, _dir) = start();
        let mut second = second.unwrap();
        for point in points {
            let step = point.state.counters.step;
            second.restore(point).unwrap();
            let differs = until(&mut second, STEPS).differences(&end);
            assert!(differs.is_empty(), "{name}, from step {step}: {differs:?}\n{settings}");
        }
        let Rate::Plateau(rate) = &second.tracker.rate else { panic!("another schedule") };
        assert!(rate.factor() < 1.0, "{name}: the rate never fell");
    }
}
