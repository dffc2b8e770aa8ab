//! How long reading and encoding a table takes: `cargo bench -p steepest-data --bench read`.

use std::fmt::Write;
use std::time::Instant;

use steepest_data::read::read;
use steepest_data::{PrepareOptions, ReadOptions, prepare};

fn main() {
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
        let start = Instant::now();
        let loaded = read(&path, &ReadOptions::default()).unwrap();
        let reading = start.elapsed();
        let start = Instant::now();
        let prepared =
            prepare(&loaded, &PrepareOptions { target: Some("c0".into()), ..Default::default() }).unwrap();
        println!(
            "{} MB: read {reading:?}, prepare {:?} to {} features",
            text.len() >> 20,
            start.elapsed(),
            prepared.encoder.width()
        );
    }
}
