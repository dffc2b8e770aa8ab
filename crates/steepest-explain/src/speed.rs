//! How fast a model is.

use crate::background::Background;
use crate::masks::Masks;
use crate::model::{Mix, Model, block};
use crate::players::Players;
use rayon::prelude::*;
use std::time::{Duration, Instant};

/// Long enough for a clock.
const LONG: Duration = Duration::from_millis(60);

/// How long evaluating one coalition with all of the background takes, in seconds, on as many threads as there are: measured as
/// explaining does it, for about a tenth of a second. A time becomes a number of evaluations by it.
pub fn seconds_per_evaluation(model: &dyn Model, players: &Players, background: &Background) -> f64 {
    let row = background.rows().next().expect("a background has rows");
    let hybrids = model.hybrids(Mix { row, players, background: background.data() });
    let active: Vec<usize> = (0..players.len()).collect();
    // coalitions like those of either way: all of few players, half of the others
    let mut masks = Masks::new(players.len());
    let size = block(model).min(256);
    (0..size)
        .for_each(|mask| masks.push((0..players.len()).filter(|player| (mask * 37 + player * 11) % 64 < 32)));
    let mut rows = background.len();
    loop {
        let begin = Instant::now();
        (0..rows).into_par_iter().for_each(|at| {
            let mut outputs = vec![0.0; size * model.outputs()];
            hybrids.evaluate(at % background.len(), &active, &masks, 0..size, &mut outputs);
        });
        let took = begin.elapsed();
        if took >= LONG || rows > 1 << 20 {
            return took.as_secs_f64() * background.len() as f64 / (rows * size) as f64;
        }
        rows *= 2;
    }
}
