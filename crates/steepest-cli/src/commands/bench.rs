use super::yardstick::{Pace, Pair, enough, last_level_cache, why_none};
use crate::args::{Bench, MasterKind, ParamKind, StateStorage};
use crate::output::{
    Failure, Paint, Result, columns, print, print_json, say, significant, table, wrap, write,
};
use console::Term;
use half::bf16;
use serde_json::json;
use std::hint::black_box;
use std::ops::{Deref, DerefMut};
use std::time::Instant;
use steepest::registry::{self, Entry, OPTIMIZERS};
use steepest::settings::Values;
use steepest::{
    DType, InstructionSet, Master, NonFinite, Optimizer, Param, Slot, StateFormat, StateKind, StepArgs,
};
use steepest_report::{Bars, Picture};

/// Numbers that begin on a cache line, as the tensors of frameworks do.
struct Aligned<T> {
    numbers: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Copy> Aligned<T> {
    fn new(len: usize, value: T) -> Self {
        Self::apart(len, value, 0)
    }

    /// The same, so many times 448 bytes further on: large arrays that begin alike in their pages are slower side by side.
    fn apart(len: usize, value: T, places: usize) -> Self {
        let line = 64 / size_of::<T>();
        let numbers = vec![value; len + (1 + 7 * places) * line];
        let start = numbers.as_ptr().align_offset(64).min(line) + 7 * places * line;
        Self { numbers, start, len }
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.numbers[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.numbers[self.start..self.start + self.len]
    }
}

/// In how many bytes everything is kept.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    state: StateFormat,
    dtype: ParamKind,
    master: Master,
}

impl Kept {
    fn of(args: &Bench) -> Self {
        let state = match args.state {
            StateStorage::F32 => StateFormat::F32,
            StateStorage::Bf16 => StateFormat::Bf16,
            StateStorage::Bits8 => StateFormat::Bits8,
        };
        let master = match (args.dtype, args.master) {
            (ParamKind::F32, _) | (_, MasterKind::None) => Master::None,
            (_, MasterKind::Correction) => Master::Correction,
            (_, MasterKind::F32) => Master::F32,
        };
        Self { state, dtype: args.dtype, master }
    }

    /// Bytes of an element of a parameter or a gradient.
    fn size(self) -> f64 {
        if self.dtype == ParamKind::Bf16 { 2.0 } else { 4.0 }
    }

    /// What it is called in a table.
    fn text(self) -> String {
        let dtype = if self.dtype == ParamKind::Bf16 { "bf16" } else { "f32" };
        let beside = match self.master {
            Master::None => "",
            Master::Correction => " with 8 bits of correction",
            Master::F32 => " with an f32 copy",
        };
        let state =
            if self.state == StateFormat::F32 { String::new() } else { format!(", {} state", self.state) };
        format!("{dtype} parameters{beside}{state}")
    }
}

/// What a step of an optimizer moves, in bytes for each parameter: arrays that are read and written, the gradient
/// that is read, and for rules that measure first, what is read once more.
#[derive(Debug, Clone, PartialEq)]
struct Mix {
    written: Vec<f64>,
    gradient: f64,
    read_before: Vec<f64>,
}

impl Mix {
    fn of(entry: &Entry, kept: Kept) -> Result<Self> {
        let rule = entry.make(&Values::new())?;
        let state = rule.state(&Param::new("theta", [64, 64], DType::F32));
        // what the registry counts beyond one pass over f32 is read before it
        let before = (entry.traffic as usize / 4).saturating_sub(2 * (1 + state.len()) + 1);
        let mut written = vec![kept.size()];
        match kept.master {
            Master::None => {}
            Master::Correction => written.push(1.0),
            Master::F32 => written.push(4.0),
        }
        for k in 0..state.len() {
            written.push(match (kept.state, rule.kinds().get(k)) {
                (StateFormat::F32, _) | (_, None | Some(StateKind::Point)) => 4.0,
                (StateFormat::Bf16, _) => 2.0,
                (StateFormat::Bits8, _) => 1.0 + 1.0 / 128.0,
            });
        }
        let read_before = std::iter::once(kept.size()).chain(written.iter().copied()).take(before).collect();
        Ok(Self { written, gradient: kept.size(), read_before })
    }

    /// Bytes of the arrays.
    fn held(&self) -> f64 {
        self.written.iter().sum::<f64>() + self.gradient
    }

    /// Bytes that are read and written.
    fn bytes(&self) -> f64 {
        2.0 * self.written.iter().sum::<f64>() + self.gradient + self.read_before.iter().sum::<f64>()
    }
}

/// What one optimizer took.
struct Measured {
    name: &'static str,
    bytes: f64,
    /// Seconds of a step.
    step: f64,
    /// The step beside a stream with the same reads and writes.
    pair: Pair,
    /// The stream's seconds by the step's, within a round: the memory's speed wanders between them.
    fraction: f64,
}

impl Measured {
    /// The share of the memory's speed, where the memory sets the pace.
    fn share(&self, cache: Option<u64>) -> Option<f64> {
        (self.pair.pace(cache) == Pace::Memory).then_some(self.fraction)
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
    let kept = Kept::of(&args);
    let mut measured = Vec::new();
    for entry in entries {
        if !(args.json || args.quiet) {
            say(&format!("measuring {} …", entry.name));
        }
        measured.push(pool.install(|| measure(entry, kept, n, threads, args.rounds))?);
    }
    let cache = last_level_cache(threads);
    let pairs: Vec<Pair> = measured.iter().map(|m| m.pair).collect();
    let pictures = [args.svg.as_ref(), args.png.as_ref()];
    if pictures.iter().any(Option::is_some) {
        let svg = bars(&measured, kept, n, threads, cache).svg();
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
                    "stream_gigabytes_per_second": m.bytes * n as f64 / m.pair.stream / 1e9,
                    "fraction_of_stream": m.share(cache),
                    "pace_set_by": match m.pair.pace(cache) {
                        Pace::Memory => "memory",
                        Pace::Cache => "cache",
                        Pace::Start => "start of threads",
                    },
                })
            })
            .collect();
        return print_json(&json!({
            "parameters": n,
            "kept": kept.text(),
            "threads": threads,
            "rounds": args.rounds,
            "last_level_cache_bytes": cache,
            "parameters_large_enough": enough(&pairs, cache, threads),
            "instruction_set": format!("{:?}", InstructionSet::best()).to_lowercase(),
            "optimizers": rows,
        }));
    }
    let head = ["optimizer", "bytes/param", "ms", "ns/param", "GB/s", "stream GB/s", "fraction"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for m in &measured {
        let speed = |seconds: f64| format!("{:.1}", m.bytes * n as f64 / seconds / 1e9);
        rows.push(vec![
            m.name.to_owned(),
            format!("{:.4}", m.bytes).trim_end_matches('0').trim_end_matches('.').to_owned(),
            significant(m.step * 1e3, 3),
            significant(m.step * 1e9 / n as f64, 3),
            speed(m.step),
            speed(m.pair.stream),
            m.share(cache).map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0)),
        ]);
    }
    let paint = Paint::stdout();
    let about = format!(
        "{n} {}, {threads} threads, {:?}; medians of {} rounds, each\n\
         optimizer in turn with a stream of the same reads and writes; the fraction is that within a round\n",
        kept.text(),
        InstructionSet::best(),
        args.rounds
    );
    let width = columns(&Term::stdout()).map_or(100, |columns| columns.min(100));
    let why = why_none(&pairs, cache, threads)
        .map_or_else(String::new, |why| format!("\n{}", paint.dim(&wrap(&why, width, ""))));
    print(&format!("{}\n{}{why}", paint.dim(&about), table(&rows)))
}

fn measure(entry: &'static Entry, kept: Kept, n: usize, threads: usize, rounds: u64) -> Result<Measured> {
    // a matrix, for rules that want one
    let side = 1024.min(n).max(1);
    let n = n / side * side;
    let args = StepArgs { loss: Some(1.0), ..StepArgs::from(1e-3) };
    let build = |dtype| {
        Optimizer::builder(entry.make(&Values::new()))
            .non_finite(NonFinite::Unchecked)
            .state_format(kept.state)
            .master(kept.master)
            .build([Param::new("theta", [n / side, side], dtype)])
    };
    let mut step: Box<dyn FnMut() -> Result> = match kept.dtype {
        ParamKind::F32 => {
            let mut optimizer = build(DType::F32)?;
            let (mut theta, gradient) = (Aligned::new(n, 0.1f32), Aligned::new(n, 1e-3f32));
            Box::new(move || {
                optimizer.step(args, &mut [Slot::new(&mut *theta, &*gradient)])?;
                Ok(())
            })
        }
        ParamKind::Bf16 => {
            let mut optimizer = build(DType::Bf16)?;
            let mut theta = Aligned::new(n, bf16::from_f32(0.1));
            let gradient = Aligned::new(n, bf16::from_f32(1e-3));
            Box::new(move || {
                optimizer.step(args, &mut [Slot::new(&mut *theta, &*gradient)])?;
                Ok(())
            })
        }
    };
    let mix = Mix::of(entry, kept)?;
    let array = |(i, bytes): (usize, &f64)| Aligned::apart((n as f64 * bytes / 4.0) as usize, 0.1f32, i);
    let mut written: Vec<Aligned<f32>> = mix.written.iter().enumerate().map(array).collect();
    let gradient = array((written.len(), &mix.gradient));
    // of the same stream with one number for each thread, the fastest time: what else the machine does is no part of it
    let mut few: Vec<Aligned<f32>> = mix.written.iter().map(|_| Aligned::new(threads, 0.1f32)).collect();
    let few_gradients = Aligned::new(threads, 0.1f32);
    let mut start = f64::INFINITY;
    let (mut steps, mut streams) = (Vec::new(), Vec::new());
    // the first two rounds touch the pages
    for round in 0..rounds + 2 {
        let began = Instant::now();
        step()?;
        let took = began.elapsed().as_secs_f64();
        let began = Instant::now();
        stream(black_box(&mut written), black_box(&gradient), mix.read_before.len(), threads);
        let took_stream = began.elapsed().as_secs_f64();
        let began = Instant::now();
        stream(black_box(&mut few), black_box(&few_gradients), mix.read_before.len(), threads);
        start = start.min(began.elapsed().as_secs_f64());
        if round >= 2 {
            steps.push(took);
            streams.push(took_stream);
        }
    }
    let fraction = median(steps.iter().zip(&streams).map(|(step, stream)| stream / step).collect());
    let pair =
        Pair { parameters: n, touched: 2.0 * mix.held(), moved: mix.bytes(), stream: median(streams), start };
    Ok(Measured { name: entry.name, bytes: mix.bytes(), step: median(steps), pair, fraction })
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// Reads `read_before` arrays, then reads and writes all, and reads the gradient: an optimizer's traffic without its
/// arithmetic and without its passes.
fn stream(written: &mut [Aligned<f32>], gradient: &[f32], read_before: usize, threads: usize) {
    let part = |len: usize| len.div_ceil(threads).max(1);
    if read_before > 0 {
        let arrays: Vec<&[f32]> =
            std::iter::once(gradient).chain(written.iter().map(|w| &**w)).take(read_before).collect();
        std::thread::scope(|scope| {
            for t in 0..threads {
                let arrays = &arrays;
                scope.spawn(move || {
                    for array in arrays {
                        black_box(steepest::read(array.chunks(part(array.len())).nth(t).unwrap_or_default()));
                    }
                });
            }
        });
    }
    let alike = written.iter().all(|array| array.len() == gradient.len());
    std::thread::scope(|scope| {
        let mut parts: Vec<_> = written
            .iter_mut()
            .map(|w| {
                let part = part(w.len());
                w.chunks_mut(part)
            })
            .collect();
        for gradient in gradient.chunks(part(gradient.len())) {
            let mut written: Vec<&mut [f32]> = parts.iter_mut().filter_map(Iterator::next).collect();
            scope.spawn(move || {
                if alike {
                    steepest::stream(&mut written, gradient);
                } else {
                    add_by_blocks(&mut written, gradient);
                }
            });
        }
    });
}

/// Adds the gradient to arrays of other lengths, a piece of each in turn, as a step over types of different size does.
fn add_by_blocks(written: &mut [&mut [f32]], gradient: &[f32]) {
    const BLOCK: usize = 1024;
    let blocks = gradient.len().div_ceil(BLOCK).max(1);
    let place = |len: usize, block: usize| (len as u64 * block as u64 / blocks as u64) as usize;
    for block in 0..blocks {
        let gradient = &gradient[place(gradient.len(), block)..place(gradient.len(), block + 1)];
        for array in written.iter_mut() {
            let (from, to) = (place(array.len(), block), place(array.len(), block + 1));
            // the pieces have different lengths: the gradient serves as often as it must
            for piece in array[from..to].chunks_mut(gradient.len().max(1)) {
                piece.iter_mut().zip(gradient).for_each(|(a, g)| *a += g);
            }
        }
    }
}

/// Shares of the memory's speed; where some are none, the time of a parameter of each, so that all bars mean the same.
fn bars(measured: &[Measured], kept: Kept, n: usize, threads: usize, cache: Option<u64>) -> Bars {
    let about = format!("{n} {}, {threads} threads", kept.text());
    let time = |m: &Measured| m.step * 1e9 / n as f64;
    let shares: Option<Vec<f64>> = measured.iter().map(|m| m.share(cache)).collect();
    match shares {
        Some(shares) => Bars {
            title: format!("fraction of the memory's speed, {about}"),
            note: String::new(),
            limit: true,
            rows: measured
                .iter()
                .zip(shares)
                .map(|(m, share)| {
                    (m.name.to_owned(), share, format!("{:.0} %   {:.2} ns", share * 100.0, time(m)))
                })
                .collect(),
        },
        None => {
            let longest = measured.iter().map(time).fold(f64::MIN_POSITIVE, f64::max);
            Bars {
                title: format!("time of a parameter, {about}"),
                note: "too few parameters for a share of the memory's speed".to_owned(),
                limit: false,
                rows: measured
                    .iter()
                    .map(|m| {
                        (m.name.to_owned(), time(m) / longest, format!("{} ns", significant(time(m), 3)))
                    })
                    .collect(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_is_what_the_registry_counts() {
        for entry in OPTIMIZERS.iter().filter(|entry| entry.traits.half) {
            let Ok(mix) = Mix::of(entry, Kept::default()) else { panic!("{}: defaults", entry.name) };
            assert!(mix.read_before.len() <= mix.written.len() + 1, "{}: {mix:?}", entry.name);
            assert_eq!(mix.bytes(), f64::from(entry.traffic), "{}: {mix:?}", entry.name);
        }
        let kept = Kept { state: StateFormat::Bits8, dtype: ParamKind::Bf16, master: Master::Correction };
        let Ok(mix) = Mix::of(registry::find("adamw").expect("a row"), kept) else { panic!("defaults") };
        assert_eq!(mix.bytes(), 12.0 + 4.0 / 128.0);
    }

    #[test]
    fn the_stream_reads_and_writes_every_element() {
        for count in 1..=5 {
            let mut arrays = vec![vec![1.0f32; 1003]; count];
            let gradient: Vec<f32> = (0..1003).map(|i| i as f32).collect();
            let mut parts: Vec<&mut [f32]> = arrays.iter_mut().map(Vec::as_mut_slice).collect();
            steepest::stream(&mut parts, &gradient);
            let expected: Vec<f32> = (1..1004).map(|i| i as f32).collect();
            assert!(arrays.iter().all(|array| *array == expected), "{count} arrays");
            // of whole runs of 64
            assert_eq!(steepest::read(&gradient), (0..960).sum::<i32>() as f32);
        }
    }

    #[test]
    fn a_small_measurement_measures() {
        let entry = registry::find("adamw").expect("a row");
        for (state, dtype, master) in [
            (StateFormat::F32, ParamKind::F32, Master::None),
            (StateFormat::Bits8, ParamKind::Bf16, Master::Correction),
        ] {
            let kept = Kept { state, dtype, master };
            let Ok(found) = measure(entry, kept, 10_000, 2, 3) else { panic!("adamw steps") };
            assert!(found.step > 0.0 && found.pair.stream > 0.0);
            // at most 16 bytes of each parameter, twice
            assert_eq!(found.share(Some(1 << 20)), None);
            let picture = bars(&[found], kept, 10_000, 2, Some(1 << 20));
            assert!(!picture.limit && !picture.title.contains("memory"), "{}", picture.title);
        }
    }
}
