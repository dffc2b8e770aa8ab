use crate::args::Bench;
use crate::output::{Failure, Paint, Result, print, print_json, say, significant, table, write};
use crate::picture::{Bars, Picture};
use serde_json::json;
use std::hint::black_box;
use std::ops::{Deref, DerefMut};
use std::time::Instant;
use steepest::registry::{self, Entry, OPTIMIZERS};
use steepest::settings::Values;
use steepest::{DType, Level, NonFinite, Optimizer, Param, Slot, StepArgs};

/// Numbers that begin on a cache line, as the tensors of frameworks do.
struct Aligned {
    numbers: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    fn new(len: usize, value: f32) -> Self {
        let numbers = vec![value; len + 16];
        let start = numbers.as_ptr().align_offset(64).min(16);
        Self { numbers, start, len }
    }
}

impl Deref for Aligned {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.numbers[self.start..self.start + self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[self.start..self.start + self.len]
    }
}

/// What a step of an optimizer moves: arrays that are read and written, the gradient that is read, and for rules that
/// measure first, all or part of it read once more.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Mix {
    written: usize,
    read_before: usize,
}

impl Mix {
    fn of(entry: &Entry) -> Option<Self> {
        // θ and each array of state are read and written, 8 bytes; the gradient is read, 4
        let state = entry.state_bytes().ok()? / 4.0;
        let written = 1 + state.round() as usize;
        let first = entry.traffic as usize / 4;
        Some(Self { written, read_before: first.saturating_sub(2 * written + 1) })
    }

    fn bytes(self) -> f64 {
        4.0 * (2 * self.written + 1 + self.read_before) as f64
    }
}

/// What one optimizer took.
struct Measured {
    name: &'static str,
    bytes: f64,
    /// Seconds of a step, and of a stream with the same reads and writes.
    step: f64,
    stream: f64,
}

impl Measured {
    fn share(&self) -> f64 {
        self.stream / self.step
    }
}

/// Measures optimizers beside the memory's own speed, each in turn with a stream of the same mix.
pub fn run(args: Bench) -> Result {
    let threads = args.threads.map_or_else(
        || std::thread::available_parallelism().map_or(1, Into::into),
        |n| usize::try_from(n).unwrap_or(usize::MAX),
    );
    let n =
        usize::try_from(args.params).map_err(|_| Failure::input("--params is too large for this machine"))?;
    let entries: Vec<&Entry> = if args.optimizer.is_empty() {
        // tensor rules wait for their arithmetic, not for memory
        OPTIMIZERS.iter().filter(|entry| entry.traits.half).collect()
    } else {
        args.optimizer.iter().map(|name| registry::find(name)).collect::<std::result::Result<_, _>>()?
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Failure::input(format!("{threads} threads: {error}")))?;
    let mut measured = Vec::new();
    for entry in entries {
        if !(args.json || args.quiet) {
            say(&format!("measuring {} …", entry.name));
        }
        measured.push(pool.install(|| measure(entry, n, threads, args.rounds))?);
    }
    let pictures = [args.svg.as_ref(), args.png.as_ref()];
    if pictures.iter().any(Option::is_some) {
        let svg = bars(&measured, n, threads).svg();
        if let Some(path) = pictures[0] {
            write(Some(path), svg.as_bytes())?;
        }
        if let Some(path) = pictures[1] {
            let png = Picture::png(&svg).map_err(|error| Failure::file(path, error))?;
            write(Some(path), &png)?;
        }
    }
    if args.json {
        let rows: Vec<_> = measured
            .iter()
            .map(|m| {
                json!({
                    "optimizer": m.name,
                    "bytes_per_parameter": m.bytes,
                    "ns_per_parameter": m.step * 1e9 / n as f64,
                    "gigabytes_per_second": m.bytes * n as f64 / m.step / 1e9,
                    "stream_gigabytes_per_second": m.bytes * n as f64 / m.stream / 1e9,
                    "share_of_stream": m.share(),
                })
            })
            .collect();
        return print_json(&json!({
            "parameters": n,
            "threads": threads,
            "rounds": args.rounds,
            "instruction_set": format!("{:?}", Level::best()).to_lowercase(),
            "optimizers": rows,
        }));
    }
    let head = ["optimizer", "bytes/param", "ms", "ns/param", "GB/s", "stream GB/s", "share"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for m in &measured {
        let speed = |seconds: f64| format!("{:.1}", m.bytes * n as f64 / seconds / 1e9);
        rows.push(vec![
            m.name.to_owned(),
            m.bytes.to_string(),
            significant(m.step * 1e3, 3),
            significant(m.step * 1e9 / n as f64, 3),
            speed(m.step),
            speed(m.stream),
            format!("{:.0} %", m.share() * 100.0),
        ]);
    }
    let paint = Paint::stdout();
    let about = format!(
        "{n} f32 parameters, {threads} threads, {:?}; medians of {} rounds, each optimizer in turn with a stream of\n\
         the same reads and writes\n",
        Level::best(),
        args.rounds
    );
    print(&format!("{}\n{}", paint.dim(&about), table(&rows)))
}

fn measure(entry: &'static Entry, n: usize, threads: usize, rounds: u64) -> Result<Measured> {
    let mix = Mix::of(entry).ok_or_else(|| Failure::input(format!("{} has no defaults", entry.name)))?;
    // a matrix, for rules that want one
    let side = 1024.min(n).max(1);
    let n = n / side * side;
    let mut theta = Aligned::new(n, 0.1);
    let gradient = Aligned::new(n, 1e-3);
    let mut optimizer = Optimizer::builder(entry.make(&Values::new()))
        .non_finite(NonFinite::Unchecked)
        .build([Param::new("theta", [n / side, side], DType::F32)])?;
    let mut written: Vec<Aligned> = (0..mix.written).map(|_| Aligned::new(n, 0.1)).collect();
    let args = StepArgs { loss: Some(1.0), ..StepArgs::from(1e-3) };
    let (mut steps, mut streams) = (Vec::new(), Vec::new());
    // the first two rounds touch the pages
    for round in 0..rounds + 2 {
        let began = Instant::now();
        optimizer.step(args, &mut [Slot::new(&mut *theta, &*gradient)])?;
        let step = began.elapsed().as_secs_f64();
        let began = Instant::now();
        stream(black_box(&mut written), black_box(&gradient), mix.read_before, threads);
        let stream = began.elapsed().as_secs_f64();
        if round >= 2 {
            steps.push(step);
            streams.push(stream);
        }
    }
    Ok(Measured { name: entry.name, bytes: mix.bytes(), step: median(steps), stream: median(streams) })
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// Reads `read_before` arrays, then reads and writes all, and reads the gradient: an optimizer's traffic without its
/// arithmetic and without its driver.
fn stream(written: &mut [Aligned], gradient: &[f32], read_before: usize, threads: usize) {
    let part = gradient.len().div_ceil(threads).max(1);
    if read_before > 0 {
        let arrays: Vec<&[f32]> =
            std::iter::once(gradient).chain(written.iter().map(|w| &**w)).take(read_before).collect();
        std::thread::scope(|scope| {
            for t in 0..threads {
                let arrays = &arrays;
                scope.spawn(move || {
                    for array in arrays {
                        let mut sums = [0.0f32; 64];
                        for block in array.chunks(part).nth(t).unwrap_or_default().chunks_exact(64) {
                            for (sum, x) in sums.iter_mut().zip(block) {
                                *sum += x;
                            }
                        }
                        black_box(sums);
                    }
                });
            }
        });
    }
    std::thread::scope(|scope| {
        let mut parts: Vec<_> = written.iter_mut().map(|w| w.chunks_mut(part)).collect();
        for gradient in gradient.chunks(part) {
            let mut written: Vec<&mut [f32]> = parts.iter_mut().filter_map(Iterator::next).collect();
            scope.spawn(move || add(&mut written, gradient));
        }
    });
}

/// Adds the gradient to each array, in one pass over all: side by side, as a step does, since blocks in turn are slower.
fn add(written: &mut [&mut [f32]], gradient: &[f32]) {
    macro_rules! together {
        ($($array:ident),+) => {{
            let n = gradient.len();
            $(let $array = &mut $array[..n];)+
            for i in 0..n {
                $($array[i] += gradient[i];)+
            }
        }};
    }
    match written {
        [a] => together!(a),
        [a, b] => together!(a, b),
        [a, b, c] => together!(a, b, c),
        [a, b, c, d] => together!(a, b, c, d),
        [a, b, c, d, e] => together!(a, b, c, d, e),
        more => more.iter_mut().for_each(|a| together!(a)),
    }
}

fn bars(measured: &[Measured], n: usize, threads: usize) -> Bars {
    Bars {
        title: format!("share of the memory's speed, {n} f32 parameters, {threads} threads"),
        rows: measured
            .iter()
            .map(|m| {
                let note = format!("{:.0} %   {:.2} ns", m.share() * 100.0, m.step * 1e9 / n as f64);
                (m.name.to_owned(), m.share(), note)
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_is_what_the_registry_counts() {
        for entry in OPTIMIZERS.iter().filter(|entry| entry.traits.half) {
            let mix = Mix::of(entry).expect("defaults");
            assert!(mix.written >= 1 && mix.read_before <= 2 * mix.written + 1, "{}: {mix:?}", entry.name);
            assert_eq!(mix.bytes(), f64::from(entry.traffic), "{}: {mix:?}", entry.name);
        }
    }

    #[test]
    fn a_small_measurement_measures() {
        let entry = registry::find("adamw").expect("a row");
        let Ok(found) = measure(entry, 10_000, 2, 3) else { panic!("adamw steps") };
        assert!(found.step > 0.0 && found.stream > 0.0 && found.bytes == 28.0);
    }
}
