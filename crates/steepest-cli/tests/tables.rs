//! Tables as people have them: read as meant, or refused with the option that says what is meant; what columns are for;
//! and what is said of new rows.

mod common;

use common::{Done, Place};

/// A number in 0..1 for a row and a purpose.
fn random(row: usize, purpose: u64) -> f64 {
    let mut x =
        (row as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ purpose.wrapping_mul(0xD1B5_4A32_D192_ED03);
    for _ in 0..3 {
        x ^= x >> 31;
        x = x.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    }
    (x >> 11) as f64 / (1u64 << 53) as f64
}

fn table(header: &str, rows: usize, row: impl Fn(usize) -> String) -> String {
    let rows: Vec<String> = (0..rows).map(row).collect();
    format!("{header}\n{}\n", rows.join("\n"))
}

/// `1234` as `1,234`.
fn grouped(value: u64, mark: char) -> String {
    if value < 1000 { value.to_string() } else { format!("{}{mark}{:03}", value / 1000, value % 1000) }
}

fn size(row: usize) -> u64 {
    500 + (random(row, 1) * 9000.0) as u64
}

/// The numbers of `predict`.
fn predictions(done: &Done) -> Vec<f64> {
    done.stdout.lines().skip(1).map(|line| line.parse().unwrap()).collect()
}

#[test]
fn thousands_are_no_decimals() {
    let place = Place::new();
    let homes = |mark: char| {
        let decimal = if mark == ',' { '.' } else { ',' };
        table("size\tprice", 200, |row| format!("{}\t{}{decimal}50", grouped(size(row), mark), 2 * size(row)))
    };
    place.file("comma.tsv", homes(',')).file("point.tsv", homes('.'));
    for (file, mark) in [("comma.tsv", "comma"), ("point.tsv", "point")] {
        let done = place.run(&format!("fit {file}"));
        assert_eq!(done.code, Some(2), "{done:?}");
        assert!(
            done.stderr.contains("\"size\", line 2") && done.stderr.contains("--thousands"),
            "{}",
            done.stderr
        );
        let done = place.run(&format!("fit {file} --thousands {mark} --out {mark} --json")).ok();
        assert!(done.json()["test"]["r2"].as_f64().unwrap() > 0.98, "{}", done.stdout);
        // one convention in, the other convention out: refused, never read as a thousandth
        place.file("other.tsv", format!("size\n{}\n", if mark == "comma" { "1.500,5" } else { "1,500.5" }));
        let done = place.run(&format!("predict {mark} other.tsv"));
        assert_eq!(done.code, Some(2), "{done:?}");
        assert!(done.stderr.contains("another way than in training"), "{}", done.stderr);
    }
    // a column of plain whole numbers in training: the new file's own column decides, with a note
    place.file("plain.tsv", table("size\tprice", 200, |row| format!("{}\t{}.50", size(row), 2 * size(row))));
    place.run("fit plain.tsv --out plain --quiet").ok();
    place.file("new.tsv", "size\n1,500\n950\n2,000\n");
    let done = place.run("predict plain new.tsv").ok();
    assert!((predictions(&done)[0] - 3000.0).abs() < 300.0, "{}", done.stdout);
    assert!(done.stderr.contains("\"1,500\" in line 2 is 1500"), "{}", done.stderr);
    // what cannot be read is missing and said, or refused
    place.file("typo.tsv", "size\n1O00\n950\n");
    let done = place.run("predict plain typo.tsv").ok();
    assert!(done.stderr.contains("line 2: \"1O00\" does not read as a number"), "{}", done.stderr);
    let done = place.run("predict plain typo.tsv --strict");
    assert_eq!(done.code, Some(2), "{done:?}");
}

#[test]
fn classes_keep_their_spelling() {
    let place = Place::new();
    let code = |row: usize| ["01", "1", "02", "2"][row % 4];
    place.file("codes.csv", table("x,code", 200, |row| format!("{:.3},{}", row % 4, code(row))));
    place.run("fit codes.csv --epochs 30 --out codes --quiet").ok();
    let done = place.run("predict codes codes.csv").ok();
    assert!(done.stdout.starts_with("prediction,p_01,p_02,p_1,p_2\n"), "{}", done.stdout);
    place
        .file("flags.csv", table("x,flag", 100, |row| format!("{},{}", row % 2, ["True", "False"][row % 2])));
    place.run("fit flags.csv --epochs 30 --out flags --quiet").ok();
    let done = place.run("predict flags flags.csv").ok();
    assert!(done.stdout.starts_with("prediction,p_False,p_True\n"), "{}", done.stdout);
}

#[test]
fn days_and_months_that_could_be_either_are_asked_for() {
    let place = Place::new();
    let day = |row: usize| (1 + (random(row, 2) * 12.0) as u64, 1 + (random(row, 3) * 12.0) as u64);
    let rows = |row: usize| format!("{:02}/{:02}/2023,{}", day(row).0, day(row).1, 10 * day(row).1);
    place.file("days.csv", table("d,y", 200, rows));
    let done = place.run("fit days.csv");
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("--date-order"), "{}", done.stderr);
    let done = place.run("fit days.csv --date-order day_first --task regression --out days --json").ok();
    assert!(done.json()["test"]["r2"].as_f64().unwrap() > 0.9, "{}", done.stdout);
    // the order of training holds for new rows, and a day that only the other order has is refused
    place.file("one.csv", "d\n03/11/2023\n");
    assert!((predictions(&place.run("predict days one.csv").ok())[0] - 110.0).abs() < 20.0);
    place.file("other.csv", "d\n03/25/2023\n");
    let done = place.run("predict days other.csv");
    assert_eq!(done.code, Some(2), "{done:?}");
}

#[test]
fn columns_have_roles() {
    let place = Place::new();
    // each patient has a level of its own, which tells whether they are ill
    let patient = |row: usize| row / 10;
    let rows = |row: usize| {
        let (p, noise) = (patient(row), random(row, 4) / 50.0);
        let level = |of: u64| random(p, 10 + of) + noise;
        let ill = if random(p, 20) < 0.5 { "ill" } else { "well" };
        format!("v{row},{p},{:.3},{:.3},{:.3},{},{ill}", level(1), level(2), level(3), 1 + row % 2)
    };
    place.file("visits.csv", table("visit,patient,a,b,c,w,y", 400, rows));
    let alone = place.run("fit visits.csv --epochs 30 --drop visit").ok();
    assert!(alone.stderr.contains("rows repeat within \"patient\""), "{}", alone.stderr);
    let words = "fit visits.csv --epochs 30 --group patient --id visit --weight w --out grouped --json";
    let done = place.run(words).ok();
    // levels say nothing about patients that were not seen
    assert!(done.json()["test"]["accuracy"].as_f64().unwrap() < 0.9, "{}", done.stdout);
    assert!(!done.stderr.contains("rows repeat within"), "{}", done.stderr);
    // what is kept comes first, and a clash of names is refused
    let done = place.run("predict grouped visits.csv --id w").ok();
    assert!(done.stdout.starts_with("visit,w,prediction,p_ill,p_well\nv0,1,"), "{}", &done.stdout[..60]);
    assert!(done.stderr.contains("were trained on"), "{}", done.stderr);
    place.file("clash.csv", "visit,patient,a,b,c,prediction\nv1,1,0.1,0.2,0.3,x\n");
    let done = place.run("predict grouped clash.csv --id prediction");
    assert_eq!(done.code, Some(2), "{done:?}");
    for (options, part) in [
        ("--drop a --id a", "two roles"),
        ("--number a --category a", "two roles"),
        ("--target y --drop y", "two roles"),
        ("--group patient --time w", "choose one"),
        ("--drop patiant", "did you mean \"patient\"?"),
        ("--weight y", "does not read as a number"),
    ] {
        place.run(&format!("fit visits.csv {options}")).refused(&[part]);
    }
}

#[test]
fn the_future_is_for_the_test() {
    let place = Place::new();
    // what holds for the first 85 % of the days no longer does after them
    let rows = |row: usize| {
        let x = random(row, 5);
        let day = 1 + row % 28;
        let month = 1 + row / 28;
        format!("2024-{month:02}-{day:02},{x:.3},{}", if (x > 0.5) == (row < 285) { "up" } else { "down" })
    };
    place.file("days.csv", table("when,x,y", 336, rows));
    let done = place.run("fit days.csv --time when --only x --epochs 60 --json").ok().json();
    assert!(done["validation"]["accuracy"].as_f64().unwrap() > 0.8, "{done}");
    assert!(done["test"]["accuracy"].as_f64().unwrap() < 0.2, "{done}");
}

#[test]
fn parts_lie_in_files_of_their_own() {
    let place = Place::new();
    let rows = |from: usize| {
        move |row: usize| format!("{:.3},{:.3}", random(row + from, 6), 3.0 * random(row + from, 6))
    };
    place.file("train.csv", table("x,y", 100, rows(0)));
    place.file("check.csv", table("x,y", 30, rows(1000))).file("last.csv", table("x,y", 20, rows(2000)));
    let done = place.run("fit train.csv --validation-file check.csv --test-file last.csv").ok();
    assert!(done.stderr.contains("100 rows to train on, 30 to validate, 20 to test"), "{}", done.stderr);
}

#[test]
fn a_schema_is_written_edited_and_obeyed() {
    let place = Place::new();
    let rows = |row: usize| format!("{:05},{:.2},{}", row % 40, random(row, 7), row % 3);
    place.file("t.csv", table("zip,x,y", 120, rows));
    let schema = place.run("data schema t.csv --target y").ok().stdout;
    for part in
        ["format = 1", "name = \"zip\"", "type = \"category\"", "role = \"target\"", "begins with a zero"]
    {
        assert!(schema.contains(part), "{part}: {schema}");
    }
    place.file("same.toml", &schema);
    let fit = |options: &str| {
        place.run(&format!("fit t.csv --target y --epochs 5 --json --quiet {options}")).ok().json()
    };
    assert_eq!(fit("--schema same.toml")["parameters"], fit("")["parameters"]);
    let edited = schema.replacen("role = \"feature\"\ntype = \"category\"", "role = \"drop\"", 1);
    assert_ne!(edited, schema);
    place.file("edited.toml", edited);
    assert_eq!(fit("--schema edited.toml")["parameters"], fit("--drop zip")["parameters"]);
    // an option goes before the schema
    assert_eq!(fit("--schema edited.toml --id x --category zip")["task"], "classes");
    place.file("wrong.toml", schema.replacen("\ntype", "\ntyp", 1));
    let done = place.run("fit t.csv --schema wrong.toml");
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("wrong.toml, line "), "{}", done.stderr);
}

#[test]
fn new_rows_that_are_unlike_training_are_said() {
    let place = Place::new();
    let city = |row: usize| ["Oslo", "Bern", "Rome"][row % 3];
    place.file(
        "homes.csv",
        table("a,city,y", 150, |row| format!("{:.3},{},{:.3}", random(row, 8), city(row), random(row, 9))),
    );
    place.run("fit homes.csv --epochs 10 --out homes --quiet").ok();
    place.file(
        "new.csv",
        table("a,city", 40, |row| {
            format!("{},{}", if row % 2 == 0 { "7" } else { "" }, city(row).to_uppercase())
        }),
    );
    let done = place.run("predict homes new.csv").ok();
    for part in [
        "warning: column \"city\", 40 of 40 rows",
        "\"Oslo\" was, so spell it as training did",
        "warning: column \"a\", 20 of 40 rows: the value is missing",
        "warning: column \"a\", 20 of 40 rows: the value lies outside",
    ] {
        assert!(done.stderr.contains(part), "{part}: {}", done.stderr);
    }
    // a target that is partly blank, or new, is scored where it can be
    place.file("flowers.csv", table("x,y", 120, |row| format!("{:.3},{}", row % 2, ["a", "b"][row % 2])));
    place.run("fit flowers.csv --epochs 40 --out flowers --quiet").ok();
    place.file("half.csv", "x,y\n0,a\n1,\n1,zzz\n");
    let done = place.run("predict flowers half.csv").ok();
    for part in ["1 of 3 rows have no target", "such as \"zzz\"", "accuracy"] {
        assert!(done.stderr.contains(part), "{part}: {}", done.stderr);
    }
}

#[test]
fn runs_of_earlier_versions_refuse_marks() {
    let place = Place::new();
    let compat = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/compat/v1");
    let homes = std::fs::read_to_string(compat.join("homes.csv")).unwrap();
    let run = compat.join("runs/homes-price");
    let run = run.to_str().unwrap();
    let (header, row) = homes.split_once('\n').unwrap();
    let first: Vec<&str> = row.lines().next().unwrap().split(',').collect();
    place.file("plain.csv", format!("{header}\n{}\n", first.join(",")));
    place.run_all(&["predict", run, "plain.csv"]).ok();
    let number = first.iter().position(|cell| cell.parse::<f64>().is_ok()).unwrap();
    let mut marked = first.clone();
    marked[number] = "\"1,500\"";
    place.file("marked.csv", format!("{header}\n{}\n", marked.join(",")));
    let done = place.run_all(&["predict", run, "marked.csv"]);
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("trained by an older version"), "{}", done.stderr);
}

#[test]
fn a_run_that_failed_predicts_nothing() {
    let place = Place::new();
    let words = "fit diabetes --optimizer sgd --lr 1e6 --warmup 0 --schedule constant --hidden 8 --out failed --quiet";
    assert_eq!(place.run(words).code, Some(1));
    let done = place.run("predict failed diabetes");
    assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{done:?}");
    assert!(done.stderr.contains("predict nothing"), "{}", done.stderr);
}
