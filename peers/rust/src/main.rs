//! The peers that are written in Rust: `peers PEER WORK` says `ready`, then a median for each line on standard input.

mod nets;
mod steps;
mod work;

use std::io::BufRead;
use work::{Run, Work};

/// Steps before the first that counts: some optimizers take another way in their first steps.
const WARM_UP: usize = 8;

/// The median over about 0.3 timed seconds; `median_time` in `serve.py` is the same.
fn median_time(run: &mut Run) -> f64 {
    let (mut times, mut total) = (Vec::new(), 0.0);
    while total < 0.3 && times.len() < 2000 {
        let seconds = run();
        total += seconds;
        times.push(seconds);
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn prepare(peer: &str, work: &str) -> Result<Run, String> {
    match serde_json::from_str(work).map_err(|e| e.to_string())? {
        Work::Step(work) => steps::run(peer, work),
        Work::Train { batch, width } => nets::train(peer, batch, width),
        Work::ModuleStep { batch, width } => nets::module_step(peer, batch, width),
    }
}

fn main() -> Result<(), String> {
    let args: Vec<String> = std::env::args().collect();
    let [_, peer, work] = &args[..] else { return Err("usage: peers PEER WORK".into()) };
    let mut run = prepare(peer, work)?;
    for _ in 0..WARM_UP {
        run();
    }
    println!("ready");
    for _ in std::io::stdin().lock().lines() {
        println!("{}", median_time(&mut run));
    }
    Ok(())
}
