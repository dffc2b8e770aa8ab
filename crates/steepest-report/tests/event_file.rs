//! Event files as TensorBoard meets them. `.ci/tensorboard` runs this with a folder in `STEEPEST_EVENTS`, and
//! `event_file.py` reads what lies there with TensorBoard itself, beside `expected.json`, which says what it should find.

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use steepest_report::tensorboard::{At, EventFile, Histogram, Outcome, Setting};

/// Seconds when the first step was done.
const BEGAN: f64 = 1_700_000_000.25;

fn at(step: u64) -> At {
    At { step, seconds: BEGAN + step as f64 / 1024.0 }
}

/// The numbers of a sequence that looks random.
fn random(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    })
}

/// Fractions in [−1, 1).
fn fractions(seed: u64) -> impl Iterator<Item = f64> {
    random(seed).map(|x| (x >> 11) as f64 / (1u64 << 52) as f64 - 1.0)
}

/// Where the files go: the folder that was asked for, or one that is removed.
fn folder() -> (PathBuf, Option<tempfile::TempDir>) {
    match std::env::var_os("STEEPEST_EVENTS") {
        Some(folder) => (folder.into(), None),
        None => {
            let folder = tempfile::tempdir().unwrap();
            (folder.path().to_owned(), Some(folder))
        }
    }
}

/// Points of a curve, with the bits of times and values, for JSON has no NaN.
fn points(values: &[(u64, f64)]) -> Value {
    values.iter().map(|(step, x)| json!([step, at(*step).seconds.to_bits(), x.to_bits()])).collect()
}

fn write_curve(events: &mut EventFile, tag: &str, values: &[(u64, f64)]) -> Value {
    for (step, x) in values {
        events.scalar(tag, *x, at(*step)).unwrap();
    }
    points(values)
}

/// Every kind of number, and every kind of tag.
fn scalars(runs: &Path) -> Value {
    let mut events = EventFile::create(&runs.join("scalars"), at(0)).unwrap();
    let tiny = f64::from(f32::from_bits(1));
    let special = [
        [0.0, -0.0, 1.0, -1.0, 0.1, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY],
        // subnormal in f32, halfway to it, and in f64
        [tiny, -tiny, 1e-40, -1e-40, tiny / 2.0, tiny / 2.0 * 1.000_001, 5e-324, f64::MIN_POSITIVE, 1e-300],
        // halfway between neighbours, the largest of f32, halfway beyond it, the largest of f64
        [
            16_777_217.0,
            16_777_219.0,
            f64::from(f32::MAX),
            3.402_823_5e38,
            3.402_823_6e38,
            1e39,
            -1e39,
            f64::MAX,
            f64::MIN,
        ],
    ];
    let numbered = |values: Vec<f64>| (1u64..).zip(values).collect::<Vec<_>>();
    let special = numbered(special.concat());
    let any: Vec<f64> = random(1).map(f64::from_bits).take(1000).collect();
    let usual: Vec<f64> = fractions(2).map(|x| (20.0 * x).exp()).take(1000).collect();
    let far = [(u64::from(u32::MAX) + 7, 1.0), (i64::MAX as u64, 2.0)];
    json!({
        "loss/special": write_curve(&mut events, "loss/special", &special),
        "loss/any_bits": write_curve(&mut events, "loss/any_bits", &numbered(any)),
        "loss/usual": write_curve(&mut events, "loss/usual", &numbered(usual)),
        "far": write_curve(&mut events, "far", &far),
        r"gradient/a\u{1b}[2J\u{202e}b</script>":
            write_curve(&mut events, "gradient/a\x1b[2J\u{202e}b</script>", &[(1, 1.0)]),
        "größe (m²)/年齢": write_curve(&mut events, "größe (m²)/年齢", &[(1, 1.0)]),
        "(no name)": write_curve(&mut events, "", &[(1, 1.0)]),
    })
}

/// Values of every shape, with their bits.
fn histograms(runs: &Path) -> (Value, Value) {
    let mut events = EventFile::create(&runs.join("histograms"), at(0)).unwrap();
    let weights: Vec<f64> = fractions(3).zip(fractions(4)).map(|(a, b)| a * b * 0.1).take(55_000).collect();
    let outlier = fractions(5).take(999).chain([1e6]).collect::<Vec<f64>>();
    let whole: Vec<f64> = (0..=640).map(|i| f64::from(i % 65)).collect();
    let narrow: Vec<f64> = fractions(6).map(|x| 1.0 + x * 1e-15).take(500).collect();
    let any: Vec<f64> = random(7).map(f64::from_bits).take(500).collect();
    let cases = [
        ("weights/usual", weights),
        ("weights/outlier", outlier),
        ("weights/whole", whole),
        ("weights/narrow", narrow),
        ("weights/any_bits", any),
        ("weights/same", vec![0.25; 100]),
        ("weights/zero", vec![0.0, -0.0]),
        ("weights/none", vec![]),
        ("weights/not_finite", vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
        ("weights/some", vec![f64::NAN, 1.0, f64::INFINITY, 2.0, f64::INFINITY]),
        ("weights/widest", vec![f64::MIN, -1.0, 1.0, f64::MAX]),
    ];
    let (mut tags, mut left_out) = (json!({}), json!({}));
    for (tag, values) in cases {
        // two steps, of which the second has half as many
        let halves = [(3, &values[..]), (8, &values[..values.len() / 2])];
        for (step, values) in halves {
            events.histogram(tag, &Histogram::of(values), at(step)).unwrap();
        }
        let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        tags[tag] = halves.iter().map(|(step, values)| json!([step, bits(values)])).collect();
        let missing = |values: &[f64]| values.iter().filter(|x| !x.is_finite()).count() as f64;
        let missing: Vec<_> = halves.iter().map(|(step, values)| (*step, missing(values))).collect();
        let missing: Vec<_> = missing.into_iter().filter(|(_, count)| *count > 0.0).collect();
        if !missing.is_empty() {
            left_out[format!("{tag}/not_finite")] = points(&missing);
        }
    }
    (tags, left_out)
}

/// A run that was cut after step 10, went on from step 6, and ended at step 12; and what each way of reading it sees.
fn resumed(runs: &Path) -> Value {
    let folder = runs.join("resumed");
    let first: Vec<(u64, f64)> = (1..=10).map(|step| (step, step as f64)).collect();
    let then: Vec<(u64, f64)> = (7..=12).map(|step| (step, -(step as f64))).collect();
    let mut events = EventFile::create(&folder, at(0)).unwrap();
    write_curve(&mut events, "loss/train", &first);
    write_curve(&mut events, "loss/forgotten", &first);
    for (step, x) in &first {
        events.histogram("weights/0", &Histogram::of(&[*x]), at(*step)).unwrap();
    }
    drop(events);
    // from here on the clock is an hour behind
    let behind = |step: u64| At { seconds: at(step).seconds - 3600.0, ..at(step) };
    let mut events = EventFile::resume(&folder, behind(6)).unwrap();
    for (step, x) in &then {
        events.scalar("loss/train", *x, at(*step)).unwrap();
        events.histogram("weights/0", &Histogram::of(&[*x]), at(*step)).unwrap();
    }
    let kept = [&first[..6], &then].concat();
    let all = [&first[..], &then].concat();
    json!({
        "purged": { "loss/train": points(&kept), "loss/forgotten": points(&first[..6]), "weights/0": points(&kept) },
        "all": { "loss/train": points(&all), "loss/forgotten": points(&first), "weights/0": points(&all) },
    })
}

/// Runs with settings and results, alike in some.
fn compared(runs: &Path) -> Value {
    let adamw = [("optimizer.name", "adamw".into()), ("optimizer.lr", 0.001.into()), ("beta1", 0.9.into())];
    let sgd = [("optimizer.name", "sgd".into()), ("optimizer.lr", 0.1.into()), ("nesterov", true.into())];
    let far =
        [("optimizer.name", "sgd".into()), ("optimizer.lr", 1e9.into()), ("clip", f64::INFINITY.into())];
    let cases = [
        ("adamw", adamw, Outcome::Success, 0.97),
        ("sgd", sgd, Outcome::Success, 0.91),
        ("far", far, Outcome::Failure, f64::NAN),
    ];
    let mut expected = json!({});
    for (name, settings, outcome, accuracy) in cases {
        let mut events = EventFile::create(&runs.join(name), at(0)).unwrap();
        events.settings(&settings, at(0)).unwrap();
        events.scalar("loss/train", 1.0, at(1)).unwrap();
        events.end(outcome, &[("test_accuracy", accuracy), ("test_loss", 0.5)], at(2)).unwrap();
        let settings: Value = settings.iter().map(|(name, x)| ((*name).to_owned(), as_json(x))).collect();
        let accuracy = accuracy.to_bits();
        expected[name] = json!({ "settings": settings, "status": outcome as i64, "accuracy": accuracy });
    }
    expected
}

fn as_json(setting: &Setting) -> Value {
    match setting {
        Setting::Number(x) if x.is_finite() => json!(x),
        Setting::Number(x) => json!(x.to_string()),
        Setting::Text(text) => json!(text),
        Setting::Flag(flag) => json!(flag),
    }
}

const MARKDOWN: &str = "# A run\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n<script>alert(1)</script>";
const TOML: &str =
    "[data]\nsource = \"a.csv\"\n# ```</pre><script>alert(1)</script>\n\tname = \"\x1b[2J\u{202e}\"\n";
const CODE: &str = "    [data]\n    source = \"a.csv\"\n    # ```</pre><script>alert(1)</script>\n        name = \"\\u{1b}[2J\\u{202e}\"\n";

fn texts(runs: &Path) -> Value {
    let mut events = EventFile::create(&runs.join("texts"), at(0)).unwrap();
    events.text("notes", MARKDOWN, at(0)).unwrap();
    events.code("settings", TOML, at(0)).unwrap();
    json!({ "notes": MARKDOWN, "settings": CODE })
}

/// Reads records without the crate's own code, and gives the bytes of each.
fn records(mut file: &[u8]) -> Vec<Vec<u8>> {
    fn masked(bytes: &[u8]) -> [u8; 4] {
        let mut crc = !0u32;
        for byte in bytes {
            crc ^= u32::from(*byte);
            (0..8).for_each(|_| crc = (crc >> 1) ^ if crc & 1 == 1 { 0x82F6_3B78 } else { 0 });
        }
        (!crc).rotate_right(15).wrapping_add(0xA282_EAD8).to_le_bytes()
    }
    let mut records = Vec::new();
    while !file.is_empty() {
        let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
        assert_eq!(file[8..12], masked(&file[..8]));
        let (record, rest) = file[12..].split_at(length);
        assert_eq!(rest[..4], masked(record));
        records.push(record.to_vec());
        file = &rest[4..];
    }
    records
}

#[test]
fn files_for_tensorboard() {
    let (folder, _removed) = folder();
    let runs = folder.join("runs");
    let (histograms, left_out) = histograms(&runs);
    let expected = json!({
        "scalars": { "scalars": scalars(&runs), "histograms": left_out },
        "histograms": { "histograms": histograms },
        "resumed": resumed(&runs),
        "texts": { "texts": texts(&runs) },
        "compared": compared(&folder.join("compared")),
    });
    fs::write(folder.join("expected.json"), expected.to_string()).unwrap();
    for run in fs::read_dir(&runs).unwrap() {
        for file in fs::read_dir(run.unwrap().path()).unwrap() {
            assert!(records(&fs::read(file.unwrap().path()).unwrap()).len() > 2);
        }
    }
    assert_eq!(fs::read_dir(runs.join("resumed")).unwrap().count(), 2);
}

#[test]
fn the_same_calls_give_the_same_bytes() {
    let written = || {
        let folder = tempfile::tempdir().unwrap();
        scalars(folder.path());
        let file = fs::read_dir(folder.path().join("scalars")).unwrap().next().unwrap().unwrap();
        fs::read(file.path()).unwrap()
    };
    assert_eq!(written(), written());
}

#[test]
fn a_file_begins_with_its_version_and_its_session() {
    let folder = tempfile::tempdir().unwrap();
    let first = |events: EventFile| records(&fs::read(events.path()).unwrap());
    let created = first(EventFile::create(folder.path(), at(0)).unwrap());
    assert_eq!(created[0], [b"\x09", &BEGAN.to_le_bytes()[..], b"\x1A\x0Dbrain.Event:2"].concat());
    assert_eq!(created[1], [b"\x09", &BEGAN.to_le_bytes()[..], b"\x10\0\x3A\x02\x08\x01"].concat());
    let resumed = first(EventFile::resume(folder.path(), at(6)).unwrap());
    assert_eq!(resumed[1][9..], *b"\x10\x07\x3A\x02\x08\x01");
}
