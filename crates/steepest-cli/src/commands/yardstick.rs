//! What the time of a step beside that of a stream says: how near it comes to the memory's speed, where the memory sets the
//! pace. It does not where all lies in the cache, nor where starting threads takes a good part of the time.

use crate::output::{count, significant};
use std::collections::BTreeMap;
use std::path::Path;
use steepest_data::memory_text;

/// What sets the pace of what is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The memory.
    Memory,
    /// The cache, which holds all that is touched.
    Cache,
    /// The start of threads, which takes more than a tenth of the stream's time.
    Start,
}

/// A step beside its stream.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    pub parameters: usize,
    /// Bytes of the arrays for each parameter, the step's and the stream's together.
    pub touched: f64,
    /// Bytes that each of the two reads and writes for each parameter.
    pub moved: f64,
    /// Seconds of the stream, and of one with nothing to do but to start its threads.
    pub stream: f64,
    pub start: f64,
}

/// Of the stream's time, so much may go into starting threads.
const MOST_OF_STREAM: f64 = 0.1;

impl Pair {
    /// What sets its pace; `cache` is how many bytes the last-level cache has, where that is known.
    pub fn pace(&self, cache: Option<u64>) -> Pace {
        if cache.is_some_and(|cache| self.bytes() <= cache as f64) {
            return Pace::Cache;
        }
        match self.start > MOST_OF_STREAM * self.stream {
            true => Pace::Start,
            false => Pace::Memory,
        }
    }

    fn bytes(&self) -> f64 {
        self.parameters as f64 * self.touched
    }

    /// So many parameters that the memory is sure to set the pace: four caches full, and long beside the start of the
    /// threads.
    fn enough(&self, cache: Option<u64>, threads: usize) -> u64 {
        /// Bytes a second that no core, and no machine, gets from its memory; more would only ask for more parameters.
        const FASTEST: [f64; 2] = [20e9, 400e9];
        // where the cache is not known, what `bench` takes by itself
        let beyond = cache.map_or(25e6, |cache| 4.0 * cache as f64 / self.touched);
        let speed = FASTEST[1].min(FASTEST[0] * threads as f64);
        let long = self.start / MOST_OF_STREAM * speed / self.moved;
        rounded_up(beyond.max(long))
    }
}

/// With one digit that is not 0.
fn rounded_up(x: f64) -> u64 {
    let unit = 10f64.powf(x.max(1.0).log10().floor());
    ((x / unit).ceil() * unit) as u64
}

/// Parameters that are enough for all of these pairs, if for some the memory does not set the pace.
pub fn enough(pairs: &[Pair], cache: Option<u64>, threads: usize) -> Option<u64> {
    let others = pairs.iter().filter(|pair| pair.pace(cache) != Pace::Memory);
    others.map(|pair| pair.enough(cache, threads)).max()
}

/// Why some of these pairs have no fraction, and what to do, in one sentence.
pub fn why_none(pairs: &[Pair], cache: Option<u64>, threads: usize) -> Option<String> {
    let enough = enough(pairs, cache, threads)?;
    let of = |pace: Pace| pairs.iter().filter(move |pair| pair.pace(cache) == pace);
    let mut reasons = Vec::new();
    if let (Some(cache), Some(bytes)) = (cache, of(Pace::Cache).map(Pair::bytes).reduce(f64::max)) {
        reasons.push(format!(
            "what a step and its stream touch ({}) fits into the last-level cache ({})",
            memory_text(bytes as u64),
            memory_text(cache)
        ));
    }
    if let Some(pair) = of(Pace::Start).max_by(|a, b| (a.start / a.stream).total_cmp(&(b.start / b.stream))) {
        reasons.push(format!(
            "starting {} takes up to {} of the {} µs of a stream",
            count(threads as u64, "thread"),
            significant(pair.start * 1e6, 2),
            significant(pair.stream * 1e6, 2)
        ));
    }
    Some(format!(
        "A dash is where the memory does not set the pace: {}; --params {enough} is large enough",
        reasons.join(", and ")
    ))
}

/// Bytes of the last-level caches that so many threads can use, where the system says so.
pub fn last_level_cache(threads: usize) -> Option<u64> {
    cache_in(Path::new("/sys/devices/system/cpu"), threads)
}

/// The same, from a folder as Linux has it: `cpu0/cache/index3/size` and so on.
fn cache_in(folder: &Path, threads: usize) -> Option<u64> {
    // caches of a level, each with the cores that share it
    let mut levels: BTreeMap<u32, BTreeMap<String, u64>> = BTreeMap::new();
    let inside = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    for cpu in inside(folder) {
        for index in inside(&cpu.join("cache")) {
            let read = |name: &str| Some(std::fs::read_to_string(index.join(name)).ok()?.trim().to_owned());
            let (Some(level), Some(size)) = (read("level"), read("size")) else { continue };
            let (Ok(level), Some(size)) = (level.parse(), bytes(&size)) else { continue };
            if read("type").as_deref() != Some("Instruction") {
                let shared = read("shared_cpu_list").unwrap_or_default();
                levels.entry(level).or_default().insert(shared, size);
            }
        }
    }
    let (_, last) = levels.pop_last()?;
    Some(last.into_values().take(threads.max(1)).sum())
}

/// `32768K` in bytes.
fn bytes(size: &str) -> Option<u64> {
    let digits = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &size[digits.len()..] {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// AdamW in f32, so many seconds of a stream, of which 50 µs go into starting threads.
    fn adamw(parameters: usize, stream: f64) -> Pair {
        Pair { parameters, touched: 32.0, moved: 28.0, stream, start: 50e-6 }
    }

    #[test]
    fn the_memory_sets_the_pace_beyond_the_cache_and_beyond_the_start_of_threads() {
        let cache = Some(32 * MIB);
        assert_eq!(adamw(25_000_000, 20e-3).pace(cache), Pace::Memory);
        assert_eq!(adamw((MIB + 1) as usize, 1e-3).pace(cache), Pace::Memory);
        assert_eq!(adamw(MIB as usize, 1e-3).pace(cache), Pace::Cache);
        assert_eq!(adamw(1000, 55e-6).pace(cache), Pace::Cache);
        // where the cache is not known, only the clock tells
        assert_eq!(adamw(1000, 55e-6).pace(None), Pace::Start);
        assert_eq!(adamw(1_000_000, 1e-3).pace(None), Pace::Memory);
    }

    #[test]
    fn the_advice_names_a_size_that_is_large_enough() {
        for cache in [None, Some(MIB / 4), Some(32 * MIB), Some(512 * MIB)] {
            for threads in [1, 2, 64] {
                let small = adamw(1000, 55e-6);
                let Some(enough) = enough(&[small], cache, threads) else { panic!("{cache:?}") };
                let speed = 20e9f64.min(400e9 / threads as f64) * threads as f64;
                let stream = small.start + 28.0 * enough as f64 / speed;
                assert_eq!(adamw(enough as usize, stream).pace(cache), Pace::Memory, "{enough}");
            }
        }
        assert_eq!(enough(&[adamw(25_000_000, 20e-3)], Some(MIB), 2), None);
        assert_eq!([1.0, 9.5, 4_194_304.0, 25e6].map(rounded_up), [1, 10, 5_000_000, 30_000_000]);
    }

    #[test]
    fn one_sentence_says_why_and_what_to_do() {
        let pairs = [adamw(1000, 55e-6), adamw(25_000_000, 20e-3)];
        assert_eq!(
            why_none(&pairs, Some(32 * MIB), 2).as_deref(),
            Some(
                "A dash is where the memory does not set the pace: what a step and its stream touch (31.2 KiB) fits into \
                 the last-level cache (32.0 MiB); --params 5000000 is large enough"
            )
        );
        let text = why_none(&pairs, None, 2).unwrap();
        assert!(text.contains("starting 2 threads takes up to 50 of the 55 µs of a stream"), "{text}");
        assert_eq!(why_none(&pairs[1..], None, 2), None);
    }

    #[test]
    fn caches_are_added_up_as_far_as_threads_reach() {
        let folder = tempfile::TempDir::new().unwrap();
        assert_eq!(cache_in(folder.path(), 8), None);
        // two cores share a cache, and a third has one of its own
        for (cpu, shared) in [(0, "0-1"), (1, "0-1"), (2, "2")] {
            for (index, level, kind, size) in
                [(0, "1", "Data", "32K"), (1, "1", "Instruction", "64K"), (3, "3", "Unified", "16M")]
            {
                let cache = folder.path().join(format!("cpu{cpu}/cache/index{index}"));
                std::fs::create_dir_all(&cache).unwrap();
                for (name, text) in
                    [("level", level), ("type", kind), ("size", size), ("shared_cpu_list", shared)]
                {
                    std::fs::write(cache.join(name), format!("{text}\n")).unwrap();
                }
            }
        }
        assert_eq!(cache_in(folder.path(), 8), Some(32 * MIB));
        assert_eq!(cache_in(folder.path(), 1), Some(16 * MIB));
        assert_eq!([bytes("32768K"), bytes("8T"), bytes("")], [Some(32 * MIB), None, None]);
    }
}
