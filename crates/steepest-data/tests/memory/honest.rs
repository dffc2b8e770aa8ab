//! Files that need less than is allowed are read, prepared within the bound, and sampled where they are too large.

use std::fmt::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use steepest_data::{PrepareOptions, Sample, prepare};

use super::*;

fn hash(x: usize) -> u32 {
    let x = (x as u32).wrapping_mul(2_654_435_761);
    (x ^ (x >> 15)).wrapping_mul(2_246_822_519)
}

fn csv(rows: usize, columns: usize, cell: impl Fn(usize) -> String) -> String {
    let mut text: String = (0..columns).map(|column| format!("c{column},")).collect();
    text.push_str("target\n");
    for row in 0..rows {
        (0..columns).for_each(|column| write!(text, "{},", cell(row * columns + column)).unwrap());
        writeln!(text, "{}", hash(row) % 3).unwrap();
    }
    text
}

/// The least bound within which a file is read, by halves.
fn least_bound(path: &std::path::Path, loaded: usize) -> usize {
    let (mut low, mut high) = (0, 64 * loaded + 64 * MIB);
    while high - low > MIB / 2 {
        let middle = low.midpoint(high);
        match read(path, &bounded(middle)) {
            Ok(_) => high = middle,
            Err(Error::TooLarge { .. }) => low = middle,
            Err(error) => panic!("{error}"),
        }
    }
    high
}

/// What is allowed is enough to read and to prepare, and not many times what that takes.
#[test]
fn the_bound_is_what_a_table_needs() {
    let _alone = alone();
    let folder = Folder::new();
    let kinds: [(&str, String); 5] = [
        ("numbers", csv(8_000, 10, |x| format!("{:.4}", f64::from(hash(x) % 100_000) / 1e4))),
        ("long numbers", csv(8_000, 10, |x| format!("{:.9}", f64::from(hash(x)) / 1e3))),
        ("digits", csv(30_000, 2, |x| format!("{}", hash(x) % 10))),
        ("keys", csv(8_000, 5, |x| format!("k{:x}", hash(x)))),
        ("dates", csv(5_000, 5, |x| format!("2026-{:02}-{:02}", hash(x) % 12 + 1, hash(x) % 28 + 1))),
    ];
    for (name, text) in kinds {
        let path = folder.file("t.csv", &text);
        let least = least_bound(&path, text.len());
        let (prepared, peak) = peak(|| {
            let loaded = read(&path, &bounded(least)).unwrap();
            prepare(&loaded, &PrepareOptions { target: Some("target".into()), ..Default::default() })
        });
        drop(prepared);
        println!(
            "{name}: {} KiB of text, needs {} KiB, takes {} KiB",
            text.len() >> 10,
            least >> 10,
            peak >> 10
        );
        assert!(peak <= least + MIB && least < 4 * peak + 4 * MIB, "{name}");
    }
}

/// Arrow cuts all columns of a batch out of one message, which counts once however many they are.
#[test]
fn a_wide_file_of_arrow_needs_what_it_holds() {
    let _alone = alone();
    let folder = Folder::new();
    let (columns, rows) = (50, 10_000);
    let cells = |column: usize| (0..rows).map(move |row| f64::from(hash(column * rows + row)));
    let column = |column| -> ArrayRef { Arc::new(cells(column).collect::<Float64Array>()) };
    let columns = (0..columns).map(|index| (format!("c{index}"), column(index)));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut file = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    file.write(&batch).unwrap();
    let mut stream = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    stream.write(&batch).unwrap();
    for (name, bytes) in [("t.arrow", file.into_inner().unwrap()), ("t.arrows", stream.into_inner().unwrap())]
    {
        let path = folder.file(name, &bytes);
        let least = least_bound(&path, bytes.len());
        let (_, peak) = peak(|| read(&path, &bounded(least)).unwrap());
        println!("{name}: {} KiB, needs {} KiB, takes {} KiB", bytes.len() >> 10, least >> 10, peak >> 10);
        assert!(peak <= least + MIB && least < 3 * peak, "{name}");
    }
}

#[test]
fn a_sample_fits_where_the_file_does_not() {
    let _alone = alone();
    let folder = Folder::new();
    let text = csv(100_000, 4, |x| format!("{}", hash(x) % 1000));
    let path = folder.file("t.csv", &text);
    let bound = 10 * MIB;
    assert!(matches!(read(&path, &bounded(bound)), Err(Error::TooLarge { .. })));
    let options = ReadOptions { sample: Some(Sample { rows: 1000, seed: 3 }), ..bounded(bound) };
    let (loaded, peak) = peak(|| read(&path, &options).unwrap());
    let Loaded::Table(table) = loaded else { panic!("a table was expected") };
    assert_eq!(table.rows(), 1000);
    assert!(
        table.notes.iter().any(|note| note == "a sample of 1000 of 100000 rows (seed 3)"),
        "{:?}",
        table.notes
    );
    assert!(peak <= bound, "{peak}");
}
