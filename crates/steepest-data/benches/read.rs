//! How long reading and encoding a table takes: `cargo bench -p steepest-data --bench read`.
//!
//! With the path of a file, `cargo bench -p steepest-data --bench read -- FILE`, that file is read, and the most
//! memory that the process held is shown (Linux); `compare.py` beside this reads the same file.

use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

use steepest_data::read::read;
use steepest_data::{Loaded, PrepareOptions, ReadOptions, prepare};

fn main() {
    // cargo passes options of its own
    if let Some(path) = std::env::args().skip(1).find(|argument| !argument.starts_with('-')) {
        for _ in 0..3 {
            drop(timed(Path::new(&path)));
        }
        return;
    }
    let mut text: String =
        (0..30).map(|column| format!("{}c{column}", if column > 0 { "," } else { "" })).collect();
    text.push('\n');
    for row in 0..50_000u32 {
        for column in 0..30u32 {
            let hash = (row * 31 + column).wrapping_mul(2_654_435_761);
            let separator = if column > 0 { "," } else { "" };
            match column {
                0..24 => write!(text, "{separator}{:.6}", f64::from(hash) / 1e6).unwrap(),
                24..28 => write!(text, "{separator}level {}", hash % 40).unwrap(),
                _ => write!(text, "{separator}2026-{:02}-{:02}", hash % 12 + 1, hash % 28 + 1).unwrap(),
            }
        }
        text.push('\n');
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, &text).unwrap();
    for _ in 0..3 {
        let loaded = timed(&path);
        let start = Instant::now();
        let prepared =
            prepare(&loaded, &PrepareOptions { target: Some("c0".into()), ..Default::default() }).unwrap();
        println!("prepare {:?} to {} features", start.elapsed(), prepared.encoder.width());
    }
}

fn timed(path: &Path) -> Loaded {
    let start = Instant::now();
    let loaded = read(path, &ReadOptions::default()).unwrap();
    let size = std::fs::metadata(path).unwrap().len() >> 20;
    println!("{size} MiB: read {:?}, peak memory {}", start.elapsed(), peak_memory());
    loaded
}

/// The most memory that the process has held so far.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown".to_owned(), |peak| peak.trim().to_owned())
}
