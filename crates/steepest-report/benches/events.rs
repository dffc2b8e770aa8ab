//! What event files cost: `cargo bench -p steepest-report --bench events`

use std::time::Instant;
use steepest_report::tensorboard::{At, EventFile, Histogram};

/// Repetitions, of which the median is shown.
const ROUNDS: usize = 51;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |step| At { step, seconds: step as f64 };
    let mut events = EventFile::create(folder.path(), at(0)).expect("a file");
    let weights: Vec<f32> = (0..55_000).map(|i| (i as f32 * 0.618_034).fract() - 0.5).collect();
    let mut times = [const { Vec::new() }; 2];
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for step in 0..1000 {
            events.scalar("gradient/layers.0.weight", step as f64, at(step)).expect("space");
        }
        events.flush().expect("space");
        times[0].push(began.elapsed().as_secs_f64());
        let began = Instant::now();
        events.histogram("weights/layers.0.weight", &Histogram::of(&weights), at(1)).expect("space");
        events.flush().expect("space");
        times[1].push(began.elapsed().as_secs_f64());
    }
    let [scalars, histogram] = times.map(|mut times| {
        times.sort_unstable_by(f64::total_cmp);
        1e6 * times[ROUNDS / 2]
    });
    println!("1000 scalars: {scalars:.0} µs; a histogram of 55,000 values: {histogram:.0} µs");
}
