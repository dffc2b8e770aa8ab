//! scratch
use steepest_train::*;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let text = args.get(1).cloned().unwrap_or_default().replace(';', "\n");
    let settings = match Settings::from_toml(&text, "args") { Ok(s) => s, Err(e) => { eprintln!("{e}"); return } };
    let verbose = std::env::var("V").is_ok();
    let out = Out::New { root: std::env::temp_dir().join("quick") };
    let mut observer = move |e: &Event| { if verbose { eprintln!("{e:?}"); } Go::On };
    let t = std::time::Instant::now();
    match fit(&settings, &out, &mut observer) {
        Ok(s) => println!("{:.1}s total, train {:.2}s, {} epochs (best {}), {} steps, {} params, {}: val {:?} test {:?}", t.elapsed().as_secs_f64(), s.seconds, s.epochs, s.best_epoch, s.steps, s.parameters, s.stopped_by, s.validation.map(|v| v.accuracy.or(v.rmse)), s.test.map(|v| (v.accuracy, v.rmse, v.loss))),
        Err(e) => eprintln!("error: {e}"),
    }
}
