//! Task, encoder, preparation: what is decided, that nothing leaks from held-back rows, and that saved
//! encoders are the same.

use proptest::prelude::*;
use steepest_data::{
    AnyEncoder, Column, Encoder, Error, Features, Fractions, Kind, Loaded, Place, PrepareOptions, Prepared,
    ReadOptions, Source, Table, Target, Targets, Task, TaskChoice, Values, choose_target, infer, load,
    prepare,
};

fn numbers(name: &str, values: impl IntoIterator<Item = f64>) -> Column {
    Column::new(name, Values::Number(values.into_iter().collect()))
}

fn texts<'a>(name: &str, values: impl IntoIterator<Item = &'a str>) -> Column {
    let values: Vec<&str> = values.into_iter().collect();
    let mut levels: Vec<String> =
        values.iter().filter(|text| !text.is_empty()).map(|&text| text.to_owned()).collect();
    levels.sort();
    levels.dedup();
    let codes = values
        .iter()
        .map(|text| levels.binary_search(&text.to_string()).ok().map(|code| code as u32))
        .collect();
    Column::new(name, Values::Category { codes, levels })
}

fn booleans(name: &str, values: impl IntoIterator<Item = Option<bool>>) -> Column {
    Column::new(name, Values::Boolean(values.into_iter().collect()))
}

fn table(columns: Vec<Column>) -> Table {
    Table::new("test", columns)
}

fn target(table: &Table, name: &str) -> Target {
    choose_target(table, Some(name)).unwrap()
}

fn inferred(column: Column, choice: TaskChoice) -> Result<Task, Error> {
    let table = table(vec![column]);
    infer(&table, &target(&table, "t"), choice).map(|inferred| inferred.task)
}

fn cycle(of: usize, rows: usize) -> impl Iterator<Item = f64> {
    (0..rows).map(move |row| (row % of) as f64)
}

#[test]
fn tasks_are_inferred() {
    use TaskChoice::{Classes, Infer, Regression};
    for (column, choice, task) in [
        (numbers("t", cycle(2, 30)), Infer, Task::Binary),
        (numbers("t", cycle(2, 30).map(|x| x + 0.5)), Infer, Task::Binary),
        (numbers("t", cycle(7, 100)), Infer, Task::Classes(7)),
        (numbers("t", cycle(7, 100).map(|x| x / 2.0)), Infer, Task::Regression),
        (numbers("t", cycle(7, 40)), Infer, Task::Regression),
        (numbers("t", cycle(30, 3000)), Infer, Task::Regression),
        (numbers("t", cycle(30, 3000)), Classes, Task::Classes(30)),
        (numbers("t", cycle(2, 30)), Regression, Task::Regression),
        (texts("t", ["a", "b", "c"].repeat(5)), Infer, Task::Classes(3)),
        (booleans("t", [Some(true), Some(false)].repeat(5)), Infer, Task::Binary),
        (booleans("t", [Some(true), Some(false)].repeat(5)), Regression, Task::Regression),
        (Column::new("t", Values::Date(cycle(12, 12).collect())), Infer, Task::Regression),
    ] {
        let (kind, rows) = (column.values.kind(), column.values.len());
        assert_eq!(inferred(column, choice).unwrap(), task, "{kind:?}, {rows} rows, {choice:?}");
    }
}

#[test]
fn targets_that_cannot_be_learnt() {
    use TaskChoice::{Classes, Infer, Regression};
    assert!(matches!(
        inferred(numbers("t", cycle(3, 9)), Infer),
        Err(Error::TooFewRows { rows: 9, needed: 10 })
    ));
    let holes = numbers("t", (0..20).map(|row| if row == 4 || row == 7 { f64::NAN } else { f64::from(row) }));
    // rows without a target are left out and said, or refused
    let holes = Loaded::Table(table(vec![numbers("x", (0..20).map(|row| f64::from(row * row))), holes]));
    let left = prepare(&holes, &PrepareOptions::default()).unwrap();
    assert_eq!([&left.train, &left.validation, &left.test].map(|part| part.targets.len()), [12, 3, 3]);
    assert!(left.notes.iter().any(|note| note.contains("2 of 20 rows have no target")), "{:?}", left.notes);
    assert!(matches!(
        prepare(&holes, &PrepareOptions { strict: true, ..Default::default() }),
        Err(Error::TargetMissing { count: 2, place: Place::Row(5), .. })
    ));
    assert!(
        matches!(inferred(numbers("t", [4.0; 12]), Infer), Err(Error::OneValue { value, .. }) if value == "4")
    );
    assert!(matches!(inferred(texts("t", ["x"; 12]), Classes), Err(Error::OneValue { .. })));
    let mixed = texts("t", ["1", "2", "x", "1", "2"].repeat(4));
    assert!(
        matches!(inferred(mixed, Regression), Err(Error::TargetNotNumber { place: Place::Row(3), value, .. }) if value == "x")
    );
    assert!(matches!(
        inferred(numbers("t", cycle(20, 20)), Classes),
        Err(Error::TooManyClasses { classes: 20, rows: 20, .. })
    ));
    let names: Vec<String> = (0..30).map(|row| format!("n{row}")).collect();
    assert!(matches!(
        inferred(texts("t", names.iter().map(String::as_str)), Infer),
        Err(Error::TooManyClasses { .. })
    ));
}

#[test]
fn targets_are_chosen() {
    let columns = |names: &[&str]| table(names.iter().map(|name| numbers(name, [1.0])).collect());
    assert_eq!(choose_target(&columns(&["a", "Class", "b"]), None).unwrap().index, 1);
    assert_eq!(choose_target(&columns(&["Y", "target", "b"]), None).unwrap().index, 1);
    let last = choose_target(&columns(&["a", "b"]), None).unwrap();
    assert_eq!((last.index, last.note.unwrap().contains("last column")), (1, true));
    assert_eq!(choose_target(&columns(&["a", "b"]), Some("a")).unwrap().note, None);
    let Err(Error::NoSuchColumn { nearest, .. }) = choose_target(&columns(&["price", "b"]), Some("Prise"))
    else {
        panic!()
    };
    assert_eq!(nearest.as_deref(), Some("price"));
    assert!(matches!(choose_target(&table(vec![]), None), Err(Error::NoFeatures { .. })));
}

/// 40 rows, of which the first 30 are for training: every kind of column.
fn mixed(held_back: f64) -> Table {
    let rows = 40;
    let later = move |row: usize, value: f64| if row >= 30 { held_back } else { value };
    let colours: Vec<&str> = (0..rows)
        .map(|row| if row >= 30 && held_back != 0.0 { "unseen" } else { ["red", "green", ""][row % 3] })
        .collect();
    let keys: Vec<String> = (0..rows).map(|row| format!("key {row}")).collect();
    table(vec![
        numbers("plain", (0..rows).map(|row| later(row, row as f64))),
        numbers(
            "holes",
            (0..rows).map(|row| if row % 5 == 0 { f64::NAN } else { later(row, (row * row) as f64) }),
        ),
        numbers("constant", (0..rows).map(|row| later(row, 3.0))),
        numbers("far", (0..rows).map(|row| later(row, if row == 29 { 1e9 } else { row as f64 }))),
        texts("colour", colours),
        texts("key", keys.iter().map(String::as_str)),
        numbers("id", (0..rows).map(|row| row as f64)),
        booleans("flag", (0..rows).map(|row| (row % 4 != 0).then_some(row % 2 == 0))),
        Column::new("day", Values::Date((0..rows).map(|row| later(row, 20_000.0 + row as f64)).collect())),
        numbers("presence", (0..rows).map(|row| if row % 3 == 0 { 7.0 } else { f64::NAN })),
        numbers("price", (0..rows).map(|row| later(row, 100.0 + 10.0 * row as f64))),
    ])
}

fn train() -> Vec<usize> {
    (0..30).collect()
}

fn fitted(table: &Table) -> Encoder {
    Encoder::fit(table, &target(table, "price"), Task::Regression, &train()).unwrap()
}

fn column(features: &Features, name: &str) -> Vec<f32> {
    let index = features
        .names
        .iter()
        .position(|known| known == name)
        .unwrap_or_else(|| panic!("{name} in {:?}", features.names));
    (0..features.rows).map(|row| features.row(row)[index]).collect()
}

fn moments(values: &[f32]) -> (f64, f64) {
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / values.len() as f64;
    (mean, variance.sqrt())
}

#[test]
fn every_kind_of_column() {
    let table = mixed(0.0);
    let encoder = fitted(&table);
    let expected = [
        "plain",
        "holes",
        "holes (missing)",
        "far",
        "colour = green",
        "colour = red",
        "colour (missing)",
        "flag",
        "flag (missing)",
        "day",
        "day (sin of the year)",
        "day (cos of the year)",
        "day (sin of the month)",
        "day (cos of the month)",
        "day (sin of the week)",
        "day (cos of the week)",
        "presence (missing)",
    ];
    assert_eq!(encoder.names(), expected);
    for dropped in ["constant", "key", "id"] {
        assert!(
            encoder.notes().iter().any(|note| note.contains(&format!("{dropped:?} is left out"))),
            "{:?}",
            encoder.notes()
        );
    }
    let features = encoder.encode(&table, &train()).unwrap();
    assert_eq!((features.rows, features.width, features.data.len()), (30, 17, 510));
    for name in ["plain", "day"] {
        let (mean, std) = moments(&column(&features, name));
        // each value is rounded to f32 once: 6e-8 of at most 2
        assert!(mean.abs() < 1e-7 && (std - 1.0).abs() < 1e-6, "{name}: {mean} {std}");
    }
    let (holes, flags) = (column(&features, "holes"), column(&features, "holes (missing)"));
    assert_eq!((holes[5], flags[5], flags[6]), (0.0, 1.0, 0.0));
    assert_eq!([0, 1, 2].map(|row| column(&features, "colour = red")[row]), [1.0, 0.0, 0.0]);
    assert_eq!([0, 1, 2].map(|row| column(&features, "colour (missing)")[row]), [0.0, 0.0, 1.0]);
    assert_eq!(column(&features, "flag")[1..4], [0.0, 1.0, 0.0]);
    assert_eq!(column(&features, "presence (missing)")[..3], [0.0, 1.0, 1.0]);
    assert!(features.notes.is_empty(), "{:?}", features.notes);
}

#[test]
fn numbers_and_days_in_pieces() {
    let table = mixed(0.0);
    let plain = fitted(&table);
    let fit = |pieces| {
        Encoder::fit_in_pieces(&table, &target(&table, "price"), Task::Regression, &train(), pieces).unwrap()
    };
    assert_eq!(fit(1), plain);
    let encoder = fit(4);
    let named = encoder.names();
    for (name, piece) in named.iter().zip(encoder.are_pieces()) {
        assert_eq!(piece, name.contains(" to "), "{name}");
    }
    // what there was stays as it was, the pieces stand behind it and before the flag
    let (before, features) =
        (plain.encode(&table, &train()).unwrap(), encoder.encode(&table, &train()).unwrap());
    for name in &before.names {
        assert_eq!(column(&before, name), column(&features, name), "{name}");
    }
    let places: Vec<&str> =
        features.names.iter().filter(|name| name.starts_with("holes")).map(String::as_str).collect();
    let edges = ["1 to 64", "64 to 256", "256 to 484", "484 to 841"];
    let named = edges.map(|ends| format!("holes ({ends})"));
    assert_eq!(
        places,
        [&["holes"][..], &named.each_ref().map(String::as_str), &["holes (missing)"]].concat()
    );
    // a missing number lies at the median; 169 has come 105 of 192 through the second stretch
    let pieces = |row: usize| named.each_ref().map(|name| column(&features, name)[row]);
    assert_eq!(pieces(5), [0.5, 0.5, -0.5, -0.5]);
    assert_eq!(pieces(13)[0], 0.5);
    assert!((pieces(13)[1] - (105.0f32 / 192.0 - 0.5)).abs() < 1e-6);
    let days: Vec<&String> = features.names.iter().filter(|name| name.starts_with("day (20")).collect();
    assert!(days.len() == 4 && days[0].starts_with("day (2024-10-04"), "{days:?}");
    // two values are two numbers, not a number in pieces
    assert!(!features.names.iter().any(|name| name.starts_with("flag (") && name.contains(" to ")));
    // later rows that lie beyond training fill all pieces or none
    let later = encoder.encode(&mixed(1e9), &[39]).unwrap();
    assert!(named.iter().all(|name| column(&later, name) == [0.5]), "{later:?}");
    let back =
        steepest_data::AnyEncoder::from_json(&steepest_data::AnyEncoder::Table(encoder.clone()).to_json())
            .unwrap();
    assert_eq!(back, steepest_data::AnyEncoder::Table(encoder));
}

#[test]
fn many_numbers_get_fewer_pieces_each() {
    for (numbers, asked, each) in
        [(10, 16, 16), (256, 16, 16), (257, 16, 15), (1500, 16, 2), (3000, 16, 0), (10, 1, 0)]
    {
        assert_eq!(steepest_data::pieces_of_each(numbers, asked), each, "{numbers} {asked}");
    }
    let column = |i: usize| numbers(&format!("x{i}"), (0..60).map(move |row| ((row * (i + 3)) % 61) as f64));
    let wide = table((0..1400).map(column).chain([numbers("t", (0..60).map(f64::from))]).collect());
    let rows: Vec<usize> = (0..60).collect();
    let of = target(&wide, "t");
    let encoder = Encoder::fit_in_pieces(&wide, &of, Task::Regression, &rows, 16).unwrap();
    assert!(encoder.width() <= 1400 + 4096, "{}", encoder.width());
    assert!(
        encoder.notes().iter().any(|note| note.contains("2 pieces instead of 16")),
        "{:?}",
        encoder.notes()
    );
}

#[test]
fn heavy_tails_are_squashed_and_far_values_clipped() {
    // one row in 400 lies 19 standard deviations out
    let heavy = numbers("x", (0..400).map(|row| if row == 399 { 1e9 } else { f64::from(row % 40) }));
    let table = table(vec![heavy, numbers("t", (0..400).map(f64::from))]);
    let rows: Vec<usize> = (0..400).collect();
    let encoder = Encoder::fit(&table, &target(&table, "t"), Task::Regression, &rows).unwrap();
    assert!(encoder.notes()[0].contains("heavy tail"), "{:?}", encoder.notes());
    let x = encoder.encode(&table, &rows).unwrap().data;
    assert!(x.iter().all(|x| x.abs() <= 10.0));
    // the order of the values survives, and ordinary ones are told apart
    assert!(x[0] < x[1] && x[38] < x[39] && x[39] < x[399] && x[39] - x[0] > 0.5, "{:?}", &x[..40]);
    let far = self::table(vec![numbers("x", [1e300, -1e300, f64::NAN])]);
    let far = encoder.encode(&far, &[0, 1, 2]).unwrap().data;
    assert!(far[0] <= 10.0 && far[1] >= -10.0 && far[2] == 0.0, "{far:?}");
}

#[test]
fn a_target_far_from_all_others_is_no_part_of_the_scale() {
    let prices = (0..100).map(|row| if row == 42 { 1e9 } else { f64::from(row) });
    let table = table(vec![numbers("x", cycle(7, 100)), numbers("price", prices)]);
    let rows: Vec<usize> = (0..100).collect();
    let encoder = Encoder::fit(&table, &target(&table, "price"), Task::Regression, &rows).unwrap();
    let note = encoder.notes().last().unwrap();
    assert!(note.contains("\"price\" far from all others (1000000000, row 43)"), "{note}");
    // the standard deviation of 0 to 99 without 42 is 28.9; 0 and 99 lie 49.6 and 49.4 from their mean
    assert!((encoder.target_scale() - 29.0).abs() < 0.1, "{}", encoder.target_scale());
    let Targets::Values(values) = encoder.encode_target(&table, &rows).unwrap() else { panic!("numbers") };
    // the row is scored as it is, and learned as the farthest of the others
    assert!(f64::from(values[42]) > 1e7);
    assert_eq!(encoder.target_limit() as f32, values[0].abs());
    assert!((encoder.invert_target(values[0])).abs() < 1e-4);
    let saved = AnyEncoder::Table(encoder);
    assert_eq!(AnyEncoder::from_json(&saved.to_json()).unwrap(), saved);

    let plain = table_without(&table, 42);
    let encoder = Encoder::fit(&plain, &target(&plain, "price"), Task::Regression, &rows[..99]).unwrap();
    assert_eq!((encoder.target_limit(), encoder.notes().len()), (f64::INFINITY, 0));
}

/// The same table without a row of numbers.
fn table_without(from: &Table, row: usize) -> Table {
    let columns = from.columns.iter().map(|column| {
        let Values::Number(values) = &column.values else { panic!("numbers") };
        let left = values.iter().enumerate().filter(|(i, _)| *i != row).map(|(_, value)| *value);
        numbers(&column.name, left)
    });
    table(columns.collect())
}

#[test]
fn held_back_rows_change_nothing() {
    let plain = fitted(&mixed(0.0));
    for held_back in [-5e8, 1.0, f64::NAN] {
        let other = fitted(&mixed(held_back));
        assert_eq!(
            AnyEncoder::Table(plain.clone()).to_json(),
            AnyEncoder::Table(other).to_json(),
            "{held_back}"
        );
    }
}

#[test]
fn rare_levels_and_unseen_levels() {
    let levels: Vec<String> = (0..100).map(|level| format!("l{level:03}")).collect();
    let values: Vec<&str> =
        (0..1000).map(|row| levels[row % 100].as_str()).chain(["once", "twice", "twice"]).collect();
    let rows = values.len();
    let table = table(vec![texts("c", values), numbers("t", (0..rows).map(|row| row as f64))]);
    let encoder =
        Encoder::fit(&table, &target(&table, "t"), Task::Regression, &(0..rows).collect::<Vec<_>>()).unwrap();
    // 64 most frequent, ties by name, and "other"
    assert_eq!(encoder.width(), 65);
    assert_eq!(encoder.names()[63..], ["c = l063", "c (other)"]);
    let later = self::table(vec![texts("c", ["l000", "l099", "never seen", ""])]);
    let features = encoder.encode(&later, &[0, 1, 2, 3]).unwrap();
    assert_eq!(column(&features, "c = l000"), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(column(&features, "c (other)"), [0.0, 1.0, 1.0, 0.0]);
    // without rows of "other" in training an unseen level is all zeros
    let small = self::table(vec![texts("c", ["a", "b"].repeat(10)), numbers("t", cycle(5, 20))]);
    let encoder =
        Encoder::fit(&small, &target(&small, "t"), Task::Regression, &(0..20).collect::<Vec<_>>()).unwrap();
    assert_eq!(encoder.encode(&later, &[2]).unwrap().data, [0.0, 0.0]);
}

#[test]
fn prediction_tables_are_checked() {
    let encoder = fitted(&mixed(0.0));
    let mut lacking = mixed(0.0);
    lacking.columns.retain(|column| !["plain", "day", "price", "id", "key"].contains(&column.name.as_str()));
    let Err(Error::MissingColumns { names }) = encoder.encode(&lacking, &[0]) else { panic!() };
    assert_eq!(names, ["plain", "day"]);

    let mut extra = mixed(0.0);
    extra.columns.push(numbers("new", cycle(3, 40)));
    extra.columns.reverse();
    let features = encoder.encode(&extra, &[3]).unwrap();
    assert_eq!(features.data, encoder.encode(&mixed(0.0), &[3]).unwrap().data);
    assert!(features.notes[0].ends_with("ignored: new"), "{:?}", features.notes);

    let mut changed = mixed(0.0);
    changed.columns[0] = texts("plain", ["1", "2", "three", "4"].repeat(10));
    // a cell that is no number counts as missing, which this column never was in training
    let features = encoder.encode(&changed, &[1, 2]).unwrap();
    assert!(features.warnings[0].contains("\"plain\", 1 of 2 rows"), "{:?}", features.warnings);

    // numbers that were text in training are compared as text
    changed = mixed(0.0);
    changed.columns[4] = numbers("colour", cycle(3, 40));
    assert!(encoder.encode(&changed, &[0]).is_ok());
    assert_eq!(encoder.read_options().columns["colour"].kind, Kind::Category);
    assert_eq!(encoder.read_options().columns.get("key"), None);
}

#[test]
fn targets_are_encoded_and_decoded() {
    let table = mixed(0.0);
    let encoder = fitted(&table);
    let Targets::Values(values) = encoder.encode_target(&table, &train()).unwrap() else { panic!() };
    let (mean, std) = moments(&values);
    assert!(mean.abs() < 1e-7 && (std - 1.0).abs() < 1e-6);
    for (row, &value) in values.iter().enumerate() {
        // one rounding to f32 of a standardized value below 2, times a deviation of 87
        assert!((encoder.invert_target(value) - (100.0 + 10.0 * row as f64)).abs() < 2e-5);
    }
    let classes =
        self::table(vec![numbers("x", cycle(30, 30)), numbers("t", cycle(3, 30).map(|x| 10.0 - 3.5 * x))]);
    let rows: Vec<usize> = (0..30).collect();
    let encoder = Encoder::fit(&classes, &target(&classes, "t"), Task::Classes(3), &rows).unwrap();
    assert_eq!(encoder.classes(), ["3", "6.5", "10"]);
    assert_eq!(encoder.encode_target(&classes, &[0, 1, 2]).unwrap(), Targets::Classes(vec![2, 1, 0]));
    assert_eq!(encoder.decode_class(1), "6.5");
    let other = self::table(vec![numbers("x", [1.0]), numbers("t", [4.0])]);
    assert!(matches!(
        encoder.encode_target(&other, &[0]),
        Err(Error::UnknownClass { place: Place::Row(1), .. })
    ));
    let hole = self::table(vec![numbers("x", [1.0]), numbers("t", [f64::NAN])]);
    assert!(matches!(encoder.encode_target(&hole, &[0]), Err(Error::TargetMissing { count: 1, .. })));
    assert!(matches!(
        encoder.encode_target(&self::table(vec![numbers("x", [1.0])]), &[0]),
        Err(Error::NoSuchColumn { .. })
    ));
}

#[test]
fn nothing_to_learn_from() {
    let dull = table(vec![numbers("x", [1.0; 20]), numbers("t", cycle(20, 20))]);
    let rows: Vec<usize> = (0..20).collect();
    let Err(Error::NoFeatures { dropped }) =
        Encoder::fit(&dull, &target(&dull, "t"), Task::Regression, &rows)
    else {
        panic!()
    };
    assert_eq!(dropped.len(), 1);
    let one = table(vec![numbers("x", cycle(20, 20)), numbers("t", (0..20).map(|row| f64::from(row >= 15)))]);
    for task in [Task::Regression, Task::Binary] {
        assert!(matches!(
            Encoder::fit(&one, &target(&one, "t"), task, &rows[..15]),
            Err(Error::OneValue { .. })
        ));
    }
    let text = table(vec![numbers("x", cycle(20, 20)), texts("t", ["a", "b"].repeat(10))]);
    assert!(matches!(
        Encoder::fit(&text, &target(&text, "t"), Task::Regression, &rows),
        Err(Error::TargetNotNumber { .. })
    ));
}

#[test]
fn encoders_are_saved_and_read_back_bit_for_bit() {
    for encoder in [
        AnyEncoder::Table(fitted(&mixed(0.0))),
        prepared("digits").encoder,
        prepared("cars").encoder,
        prepared("iris").encoder,
    ] {
        let text = encoder.to_json();
        assert_eq!(AnyEncoder::from_json(&text).unwrap(), encoder);
        let newer = text.replacen("\"format\": 3", "\"format\": 999", 1);
        assert!(matches!(
            AnyEncoder::from_json(&newer),
            Err(Error::EncoderFormat { found: 999, expected: 3 })
        ));
    }
    for wrong in ["", "{}", "[1]", "{\"format\": 1}", "{\"format\": 1, \"kind\": \"tree\"}"] {
        assert!(matches!(AnyEncoder::from_json(wrong), Err(Error::EncoderJson { .. })), "{wrong}");
    }
}

/// What no data can have given is refused where it is loaded: encoding could only panic, or give what is not finite.
#[test]
fn an_encoder_that_cannot_be_is_refused() {
    let [class, number, images] = [
        include_str!("saved/v3/class.json"),
        include_str!("saved/v3/number.json"),
        include_str!("saved/v3/images.json"),
    ];
    let changed = |text: &str, changes: &[(&str, &str)]| {
        changes.iter().fold(text.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{from} is not there");
            text.replacen(from, to, 1)
        })
    };
    for wrong in [
        changed(class, &[(r#""classes": ["#, r#""classes": [], "were": ["#)]),
        changed(number, &[(r#""std": "#, r#""std": -"#)]),
        changed(images, &[(r#""classes": ["#, r#""classes": [], "were": ["#)]),
        changed(images, &[(r#""std": 0."#, r#""std": 0.0, "was": 0."#)]),
        // the inverse of the deviation is beyond f32
        changed(
            images,
            &[
                (r#""mean": 0."#, r#""mean": 0.0, "was": 0."#),
                (r#""std": 0."#, r#""std": 1e-300, "had": 0."#),
            ],
        ),
        changed(images, &[(r#""height": "#, r#""height": 10000000000000000"#)]),
        changed(images, &[(r#""width": "#, r#""width": 0, "was": "#)]),
    ] {
        let outcome = AnyEncoder::from_json(&wrong);
        assert!(matches!(outcome, Err(Error::EncoderJson { .. })), "{wrong}: {outcome:?}");
    }
    let table = r#"{"kind": "table", "format": 2, "dropped": [], "notes": [], "inputs": INPUTS,
        "target": {"task": "regression", "column": "y", "of": "number", "mean": 0.0, "std": 1.0}}"#;
    for inputs in [
        "[]",
        r#"[{"column": "x", "type": "presence", "of": "number", "flag_missing": false},
            {"column": "z", "type": "boolean", "mean": 0.5, "flag_missing": false}]"#,
        r#"[{"column": "x", "type": "boolean", "mean": 1e300, "flag_missing": false}]"#,
    ] {
        let wrong = AnyEncoder::from_json(&table.replace("INPUTS", inputs));
        assert!(matches!(wrong, Err(Error::EncoderJson { .. })), "{inputs}: {wrong:?}");
    }
}

/// Holds the saved form itself: run directories of every version have encoders in it.
#[test]
fn the_saved_form_never_changes() {
    const ROWS: usize = 24;
    let days = Column::new("day", Values::Date(cycle(2, ROWS).collect()));
    let inputs = |last: Column| {
        table(vec![
            numbers("id", cycle(ROWS, ROWS)),
            numbers("constant", cycle(1, ROWS)),
            numbers("plain", cycle(4, ROWS)),
            numbers("gaps", cycle(4, ROWS).map(|x| if x == 3.0 { f64::NAN } else { x })),
            days.clone(),
            booleans("flag", cycle(4, ROWS).map(|x| (x < 3.0).then_some(x < 1.0))),
            texts("colour", ["red", "blue"].repeat(11).into_iter().chain(["green", "grey"])),
            texts("same", ["x", ""].repeat(ROWS / 2)),
            last,
        ])
    };
    let rows: Vec<usize> = (0..ROWS).collect();
    let number = inputs(numbers("t", cycle(4, ROWS)));
    let number = Encoder::fit_in_pieces(&number, &target(&number, "t"), Task::Regression, &rows, 4).unwrap();
    let class = inputs(texts("t", ["no", "yes"].repeat(ROWS / 2)));
    let class = Encoder::fit(&class, &target(&class, "t"), Task::Binary, &rows).unwrap();
    for (encoder, saved) in [
        (AnyEncoder::Table(number), include_str!("saved/v3/number.json")),
        (AnyEncoder::Table(class), include_str!("saved/v3/class.json")),
        (prepared("digits").encoder, include_str!("saved/v3/images.json")),
    ] {
        assert_eq!(encoder.to_json(), saved.trim_end());
    }
}

/// The heavy tail's numbers come from the system's asinh, so that it is not fitted here.
#[test]
fn encoders_of_older_versions_are_read() {
    for saved in [
        include_str!("saved/v1/number.json"),
        include_str!("saved/v1/class.json"),
        include_str!("saved/v1/images.json"),
        include_str!("saved/v2/number.json"),
        include_str!("saved/v2/class.json"),
        include_str!("saved/v2/images.json"),
        include_str!("saved/v1/heavy_tail.json"),
    ] {
        let encoder = AnyEncoder::from_json(saved).unwrap();
        assert_eq!(encoder.to_json(), saved.trim_end());
    }
}

fn builtin(name: &str) -> Loaded {
    load(&Source::Builtin(name.into()), &ReadOptions::default()).unwrap()
}

fn prepared(name: &str) -> Prepared {
    prepare(&builtin(name), &PrepareOptions::default()).unwrap()
}

#[test]
fn every_embedded_set_is_what_it_says_and_can_be_prepared() {
    for embedded in steepest_data::embedded::all() {
        let loaded = embedded.load();
        assert_eq!(loaded.rows(), embedded.rows, "{}", embedded.name);
        assert!(loaded.notes().is_empty(), "{:?}", loaded.notes());
        let prepared = prepare(&loaded, &PrepareOptions::default()).unwrap();
        assert_eq!(
            prepared.task.is_classification(),
            embedded.task == TaskChoice::Classes,
            "{}",
            embedded.name
        );
        assert_eq!(prepared.encoder.image_shape(), embedded.image_shape);
        match &loaded {
            Loaded::Table(table) => {
                assert_eq!(table.columns.len(), embedded.inputs + 1);
                assert_eq!(prepared.encoder.target(), embedded.target);
            }
            Loaded::Images(images) => assert_eq!(images.size(), embedded.inputs),
        }
        let parts = [&prepared.train, &prepared.validation, &prepared.test];
        assert_eq!(parts.iter().map(|part| part.features.rows).sum::<usize>(), embedded.rows);
        for part in parts {
            assert_eq!(part.targets.len(), part.features.rows);
            assert_eq!(part.features.data.len(), part.features.rows * prepared.encoder.width());
            assert!(part.features.data.iter().all(|x| x.is_finite()));
        }
    }
}

#[test]
fn cars_show_every_decision() {
    let prepared = prepared("cars");
    let notes = prepared.notes.join("\n");
    for expected in ["the target is \"mpg\"", "as a number", "\"name\" is left out", "\"horsepower\" misses"]
    {
        assert!(notes.contains(expected), "{expected}: {notes}");
    }
}

#[test]
fn images_are_encoded() {
    let Loaded::Images(images) = builtin("digits") else { panic!() };
    assert_eq!(images.pixels.iter().max(), Some(&16));
    let prepared = prepared("digits");
    let (mean, std) = moments(&prepared.train.features.data);
    // 80 000 values, each rounded to f32 once
    assert!(mean.abs() < 1e-6 && (std - 1.0).abs() < 1e-6, "{mean} {std}");
    assert_eq!(prepared.encoder.classes().len(), 10);
    let mut small = images.clone();
    (small.height, small.width) = (4, 16);
    assert!(matches!(prepared.encoder.encode(&Loaded::Images(small), &[0]), Err(Error::ImageShape { .. })));
    assert!(matches!(prepared.encoder.encode(&builtin("iris"), &[0]), Err(Error::OtherKind { .. })));
    let mut unlabelled = images.clone();
    unlabelled.labels = None;
    assert!(prepared.encoder.encode(&Loaded::Images(unlabelled.clone()), &[0]).is_ok());
    assert!(matches!(
        prepare(&Loaded::Images(unlabelled), &PrepareOptions::default()),
        Err(Error::NoLabels { .. })
    ));
    let mut unknown = images;
    unknown.levels[0] = "zero".into();
    assert!(matches!(
        prepared.encoder.encode_target(&Loaded::Images(unknown), &[0]),
        Err(Error::UnknownClass { .. })
    ));
}

#[test]
fn parts_without_rows() {
    let all = PrepareOptions { fractions: Fractions { validation: 0.0, test: 0.0 }, ..Default::default() };
    let prepared = prepare(&builtin("iris"), &all).unwrap();
    assert_eq!((prepared.train.features.rows, prepared.test.features.rows), (150, 0));
    let wrong = PrepareOptions { fractions: Fractions { validation: 0.5, test: 0.5 }, ..Default::default() };
    assert!(matches!(prepare(&builtin("iris"), &wrong), Err(Error::Fractions { .. })));
}

proptest! {
    /// Whatever the numbers, the features are finite and within their range.
    #[test]
    fn features_are_always_finite(
        values in proptest::collection::vec(
            prop_oneof![Just(f64::NAN), Just(0.0), Just(f64::MAX), Just(-f64::MAX), Just(5e-324), any::<f64>(), -5.0..5.0f64],
            20..60,
        ),
    ) {
        let values: Vec<f64> = values.into_iter().map(|x| if x.is_infinite() { f64::NAN } else { x }).collect();
        let rows: Vec<usize> = (0..values.len()).collect();
        let table = table(vec![numbers("x", values.clone()), numbers("n", cycle(5, rows.len())), numbers("t", cycle(rows.len(), rows.len()))]);
        let train = &rows[..rows.len() / 2];
        let encoder = Encoder::fit(&table, &target(&table, "t"), Task::Regression, train).unwrap();
        let features = encoder.encode(&table, &rows).unwrap();
        prop_assert!(features.data.iter().all(|x| x.abs() <= 10.0), "{:?}", features.data);
        let encoder = AnyEncoder::Table(encoder);
        prop_assert_eq!(AnyEncoder::from_json(&encoder.to_json()).unwrap(), encoder);
    }
}
