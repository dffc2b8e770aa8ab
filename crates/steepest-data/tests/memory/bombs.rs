//! Files that need more than is allowed are refused, before they take it.

use std::sync::Arc;
use std::time::Instant;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, StringViewArray, UInt64Array};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as Packed, ZstdLevel};
use parquet::file::properties::WriterProperties;
use steepest_data::read::read_files;

use super::*;

const BOUND: usize = 32 * MIB;

/// A file of this content is refused within the bound, plain and as gzip.
fn refused(name: &str, bytes: &[u8], bound: usize) {
    let folder = Folder::new();
    let packed = gzip(bytes, Compression::fast());
    for (name, bytes) in [(name.to_owned(), bytes), (format!("{name}.gz"), &*packed)] {
        let path = folder.file(&name, bytes);
        let start = Instant::now();
        let (outcome, peak) = peak(|| read(&path, &bounded(bound)));
        let needed = is_too_large(&name, &outcome.map(drop).unwrap_err(), bound);
        assert!(peak <= bound, "{name}: {} KiB of {} KiB", peak >> 10, bound >> 10);
        assert!(start.elapsed().as_secs() < 8, "{name}: {:?}", start.elapsed());
        // what it is said to need is at most ten times what it needs: a tenth is too little
        let tenth = bounded((needed / 10) as usize);
        assert!(
            needed <= 10 * bound as u64 || matches!(read(&path, &tenth), Err(Error::TooLarge { .. })),
            "{name}: {needed} bytes are said to be needed"
        );
    }
}

/// Text that hardly compresses, so that only its length is wrong with it.
fn noise(bytes: usize) -> String {
    let mut state = 1u32;
    let letter = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + (state >> 28) as u8)
    };
    (0..bytes).map(letter).collect()
}

/// An error that says that this bound is too little; how much it says would be enough.
fn is_too_large(name: &str, error: &Error, bound: usize) -> u64 {
    let Error::TooLarge { needed, allowed, .. } = error else { panic!("{name}: {error}") };
    assert_eq!(*allowed, bound as u64, "{name}");
    assert!(needed > allowed, "{name}: {error}");
    assert!(
        error.to_string().contains("MiB is allowed; read a sample of its rows, or allow more"),
        "{error}"
    );
    *needed
}

#[test]
fn csv() {
    let _alone = alone();
    let lines = |header: &str, line: &str, bytes: usize| {
        format!("{header}\n{}", format!("{line}\n").repeat(bytes / (line.len() + 1)))
    };
    refused("rows.csv", lines("a,b", "1,2", 8 * MIB).as_bytes(), BOUND);
    refused("one.csv", lines("a", "1", 8 * MIB).as_bytes(), BOUND);
    refused("cells.csv", lines("a,b", ",", 8 * MIB).as_bytes(), BOUND);
    let names: Vec<String> = (0..20_000).map(|column| format!("c{column}")).collect();
    let blank = ",".repeat(names.len() - 1);
    refused("columns.csv", lines(&names.join(","), &blank, 8 * MIB).as_bytes(), 2 * BOUND);
    let noise = noise(MIB);
    let long = (0..20).map(|row| format!("{row}{noise}\n")).collect::<String>();
    refused("long.csv", format!("a\n{long}").as_bytes(), BOUND);
    let quoted = (0..20).map(|row| format!("\"\"\"{row}{noise}\"\n")).collect::<String>();
    refused("quoted.csv", format!("a\n{quoted}").as_bytes(), BOUND);
    // a long record needs a long block, which is then full of short ones
    refused(
        "mixed.csv",
        format!("a\n{}\n{}", "x".repeat(3 * MIB), "1\n".repeat(6 * MIB)).as_bytes(),
        2 * BOUND,
    );
}

#[test]
fn what_expands_beyond_all_proportion_is_refused_whatever_is_allowed() {
    let _alone = alone();
    let folder = Folder::new();
    let text = format!("a,b\n{}", "1,2\n".repeat(5 * MIB));
    for (name, bytes) in [
        ("t.csv.gz", gzip(text.as_bytes(), Compression::default())),
        ("t.csv.zst", zstd::encode_all(text.as_bytes(), 1).unwrap()),
    ] {
        let path = folder.file(name, &bytes);
        let error = read(&path, &ReadOptions { max_memory: Some(u64::MAX), ..Default::default() })
            .map(drop)
            .unwrap_err();
        let Error::ExpandsTooMuch { packed, unpacked, most: 200, .. } = error else { panic!("{error}") };
        assert!(packed <= bytes.len() as u64 && unpacked > 16 << 20 && unpacked > 200 * packed, "{error}");
    }
    let pixels = idx(&[1024, 128, 160], &vec![0; 20 * MIB]);
    let path = folder.file("i-images-idx3-ubyte.gz", gzip(&pixels, Compression::default()));
    assert!(matches!(read(&path, &bounded(1 << 40)), Err(Error::ExpandsTooMuch { .. })));
}

#[test]
fn json() {
    let _alone = alone();
    refused("rows.jsonl", "{\"a\":1}\n".repeat(2 * MIB).as_bytes(), BOUND);
    let keys: String = (0..200_000).map(|key| format!("{{\"k{key}\":1}}\n")).collect();
    refused("keys.jsonl", keys.as_bytes(), BOUND);
    refused("rows.json", format!("[{}{{}}]", "{\"a\":1},".repeat(2 * MIB)).as_bytes(), BOUND);
    refused("empty.json", format!("[{}{{}}]", "{},".repeat(6 * MIB)).as_bytes(), BOUND);
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

fn parquet_of(batch: &RecordBatch, times: usize) -> Vec<u8> {
    let packed = Packed::ZSTD(ZstdLevel::default());
    parquet_with(batch, times, WriterProperties::builder().set_compression(packed).build())
}

fn parquet_with(batch: &RecordBatch, times: usize, properties: WriterProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    (0..times).for_each(|_| writer.write(batch).unwrap());
    writer.close().unwrap();
    bytes
}

fn arrow_of(
    batch: &RecordBatch,
    times: usize,
    compression: Option<CompressionType>,
    stream: bool,
) -> Vec<u8> {
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    let mut bytes = Vec::new();
    if stream {
        let mut writer = StreamWriter::try_new_with_options(&mut bytes, &batch.schema(), options).unwrap();
        (0..times).for_each(|_| writer.write(batch).unwrap());
        writer.finish().unwrap();
    } else {
        let mut writer = FileWriter::try_new_with_options(&mut bytes, &batch.schema(), options).unwrap();
        (0..times).for_each(|_| writer.write(batch).unwrap());
        writer.finish().unwrap();
    }
    bytes
}

/// The same word in every row: a few bytes each in a file, a long text each in a table.
fn one_word(rows: usize, bytes: usize) -> ArrayRef {
    let mut words = StringDictionaryBuilder::<Int32Type>::new();
    words.append_value("w".repeat(bytes));
    let word = "w".repeat(bytes);
    words.extend((1..rows).map(|_| Some(&word)));
    Arc::new(words.finish())
}

#[test]
fn parquet() {
    let _alone = alone();
    let rows = batch(vec![("a", Arc::new(Int64Array::from(vec![1; 100_000])))]);
    refused("rows.parquet", &parquet_of(&rows, 10), BOUND);
    let words = batch(vec![("a", one_word(4000, 10_000))]);
    refused("words.parquet", &parquet_of(&words, 1), BOUND);
    let words = batch(vec![("a", Arc::new(StringArray::from(vec!["w".repeat(10_000); 4000])))]);
    // pages that are nearly nothing until they are unpacked
    let properties = WriterProperties::builder()
        .set_compression(Packed::ZSTD(ZstdLevel::default()))
        .set_dictionary_enabled(false)
        .set_data_page_size_limit(usize::MAX)
        .set_write_batch_size(usize::MAX)
        .build();
    let long = batch(vec![("a", Arc::new(StringArray::from(vec!["w".repeat(20 * MIB); 2])))]);
    refused("pages.parquet", &parquet_with(&long, 1, properties), BOUND);
    refused("texts.parquet", &parquet_of(&words, 1), BOUND);
}

#[test]
fn arrow() {
    let _alone = alone();
    let rows = batch(vec![("a", Arc::new(Int64Array::from(vec![1; 100_000])))]);
    for (stream, compression) in [
        (false, None),
        (true, None),
        (false, Some(CompressionType::ZSTD)),
        (true, Some(CompressionType::LZ4_FRAME)),
    ] {
        refused("rows.arrow", &arrow_of(&rows, 10, compression, stream), BOUND);
    }
    let words = batch(vec![("a", one_word(4000, 10_000))]);
    refused("words.arrow", &arrow_of(&words, 1, None, false), BOUND);
    let views = batch(vec![("a", Arc::new(StringViewArray::from(vec!["w".repeat(100_000).as_str()])))]);
    let views = arrow_select::take::take_record_batch(&views, &UInt64Array::from(vec![0; 1000])).unwrap();
    refused("views.arrow", &arrow_of(&views, 1, None, true), BOUND);
    let zeros = batch(vec![("a", Arc::new(Int64Array::from(vec![0; 8 * MIB])))]);
    refused("one.arrow", &arrow_of(&zeros, 1, Some(CompressionType::ZSTD), false), BOUND);
}

#[test]
fn images() {
    let _alone = alone();
    let bytes = idx(&[256, 160, 200], &vec![0; 256 * 160 * 200]);
    refused("i-images-idx3-ubyte", &bytes, BOUND);
    // labels that do not fit are found before the pixels are read
    let folder = Folder::new();
    let path = folder.file("i-images-idx3-ubyte", bytes);
    folder.file("i-labels-idx1-ubyte", idx(&[255], &[0; 255]));
    let (outcome, peak) = peak(|| read(&path, &bounded(1 << 40)));
    assert!(matches!(outcome, Err(Error::IdxCounts { images: 256, labels: 255, .. })));
    assert!(peak < MIB, "{peak}");
}

#[test]
fn several_files_count_together() {
    let _alone = alone();
    let folder = Folder::new();
    let text = format!("a,b\n{}", "1,2\n".repeat(MIB / 16));
    let paths: Vec<PathBuf> = (0..6).map(|file| folder.file(&format!("{file}.csv"), &text)).collect();
    let bound = 16 * MIB;
    assert!(read(&paths[0], &bounded(bound)).is_ok());
    assert!(read_files(&paths[..2], "two", &bounded(bound)).is_ok());
    let (outcome, peak) = peak(|| read_files(&paths, "six", &bounded(bound)));
    is_too_large("six", &outcome.map(drop).unwrap_err(), bound);
    assert!(peak <= bound, "{peak}");
}
