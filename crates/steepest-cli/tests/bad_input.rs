//! Bad input gets a message that helps and exit code 2, at once, and leaves nothing behind.

mod common;

use common::Place;
use std::fs::File;
use std::time::{Duration, Instant};

/// Thirty rows that can be learnt from.
fn table() -> String {
    let row = |i: u32| {
        format!("{},{},{}\n", f64::from(i) / 3.0, i * i, if i.is_multiple_of(2) { "yes" } else { "no" })
    };
    (0..30).fold("width,area,sold\n".to_owned(), |text, i| text + &row(i))
}

/// The same, and in under a second in at least one of a few tries: the machine may be busy.
fn refused_at_once(place: &Place, words: &str, parts: &[&str]) {
    let quick = (0..4).any(|_| {
        let begin = Instant::now();
        place.run(words).refused(parts);
        begin.elapsed() < Duration::from_secs(1)
    });
    assert!(quick, "`steepest {words}` took more than a second, four times");
}

fn no_run(place: &Place) {
    assert!(!place.path().join("runs").exists(), "a refused run left a directory");
}

#[test]
fn data_that_cannot_be_learnt_from() {
    let place = Place::new();
    place
        .file("good.csv", table())
        .file("header.csv", "a,b,c\n")
        .file("empty.csv", "")
        .file("few.csv", "a,b\n1,2\n3,4\n")
        .file("one_class.csv", "a,b\n".to_owned() + &"1,x\n2,x\n".repeat(20))
        .file("gaps.csv", table().replacen("3,81,no", "3,81,", 1))
        .file("ragged.csv", table().replacen("0,0,yes", "0,0,yes,9", 1))
        .file("constant.csv", "a,b\n".to_owned() + &"7,x\n7,y\n".repeat(20))
        .file("infinite.csv", table().replacen("0,0,yes", "inf,0,yes", 1))
        .file("really.parquet", table())
        .file("really.csv", b"PAR1\x00\x01\x02\x03garbage")
        .file("binary.csv", b"a,b\n1,\x002\n")
        .file("quote.csv", "a,b\n1,\"never closed\n2,3\n".to_owned() + &"4,5\n".repeat(20));
    let cases: &[(&str, &[&str])] = &[
        (
            "good.csv --target solt",
            &["no column is called \"solt\"", "did you mean \"sold\"?", "width, area, sold"],
        ),
        ("header.csv", &["header.csv", "holds no rows"]),
        ("empty.csv", &["empty.csv", "holds no rows"]),
        ("few.csv", &["2 rows are too few", "at least 10"]),
        ("one_class.csv --target b", &["\"b\" is \"x\" in every row", "choose another target"]),
        ("gaps.csv --target sold --strict", &["\"sold\" is missing in 1 rows", "line 11"]),
        ("ragged.csv", &["ragged.csv line 2", "4 fields", "has 3"]),
        ("constant.csv --target b", &["no column is left to learn from", "a"]),
        ("infinite.csv", &["column \"width\"", "line 2", "infinite"]),
        ("really.parquet", &["really.parquet should be", "but holds"]),
        ("really.csv", &["really.csv should be", "but holds"]),
        ("binary.csv", &["binary.csv line 2", "a byte of value zero"]),
        ("quote.csv", &["quote.csv line 2", "never closed"]),
        ("missing.csv", &["missing.csv does not exist", "digits"]),
        ("digts", &["no embedded data set is called \"digts\"", "did you mean \"digits\"?"]),
        (".", &["is a directory"]),
        ("good.csv --target area --task classes", &["\"area\" has 30 classes in 30 rows"]),
        ("good.csv --target sold --task regression", &["\"sold\" is not a number"]),
        ("good.csv --validation 0.7 --test 0.5", &["together less than 1"]),
        ("good.csv --model cnn", &["images"]),
    ];
    for (words, parts) in cases {
        refused_at_once(&place, &format!("fit {words}"), parts);
    }
    no_run(&place);
}

#[test]
fn a_line_that_never_ends() {
    let place = Place::new();
    let mut text = b"a,b\n1,".to_vec();
    text.resize(64 << 20, b'x');
    place.file("endless.csv", &text);
    refused_at_once(&place, "fit endless.csv", &["endless.csv line 2", "a record longer than"]);
    no_run(&place);
}

#[test]
fn settings_that_cannot_be() {
    let place = Place::new();
    place
        .file("typo.toml", "[train]\nepoch = 5\n")
        .file("no.toml", "optimizer = [1, 2\n")
        .file("wrong.toml", "[optimizer]\nname = \"sgd\"\nmomentum = 1.5\n");
    let cases: &[(&str, &[&str])] = &[
        ("--lr -1", &["lr is -1, expected a finite number above 0"]),
        ("--lr=-1", &["lr is -1, expected a finite number above 0"]),
        ("--lr 0", &["lr is 0, expected a finite number above 0"]),
        ("--lr nan", &["lr is NaN, expected a finite number above 0"]),
        ("--lr inf", &["lr is inf, expected a finite number above 0"]),
        ("--lr fast", &["'fast' for '--lr <RATE>'", "no learning rate"]),
        ("--optimizer adamv", &["invalid value 'adamv'", "a similar value exists: 'adam"]),
        ("--schedule cosin", &["invalid value 'cosin'", "a similar value exists: 'cosine'"]),
        ("--activation rellu", &["invalid value 'rellu'", "'relu'"]),
        ("--set beta3=0.9", &["unknown key `beta3`", "did you mean `beta"]),
        ("--set beta1=2", &["adamw: beta1 = 2 is outside [0, 1)"]),
        ("--set beta1", &["KEY=VALUE"]),
        ("--set schedule.flor=0.1", &["cosine has no setting `flor`", "did you mean `floor`"]),
        ("--set lr=-3", &["lr is -3"]),
        ("--weight-decay -0.1", &["weight_decay = -0.1 is outside"]),
        ("--optimizer sgd --set nesterov=true", &["nesterov needs a momentum above 0"]),
        ("--clip-norm -1", &["-1"]),
        ("--batch 0", &["'0' for '--batch <SAMPLES>'", "at least 1, or `full`"]),
        ("--epochs 0", &["'0' for '--epochs <N>'", "not a whole number of at least 1"]),
        ("--epochs -3", &["'-3' for '--epochs <N>'", "not a whole number"]),
        ("--patience 1.5", &["not a whole number"]),
        ("--max-time 5parsecs", &["60s, 5m, 1h"]),
        ("--max-time 0s", &["not a time above 0"]),
        ("--hidden 0", &["widths of 1 to 65536"]),
        ("--hidden 12;6", &["widths are whole numbers"]),
        ("--dropout 1", &["dropout is 1, expected a fraction in [0, 1) (--dropout)"]),
        ("--label-smoothing -0.5", &["label_smoothing is -0.5"]),
        ("--class-weights heavy", &["`balanced` or a number for each class"]),
        ("--class-weights 1,2", &["2", "3"]),
        ("--threads 0", &["'0' for '--threads <N>'", "not a whole number of at least 1"]),
        ("--device gpu", &["device is gpu, expected cpu"]),
        ("--grad-tol -1", &["-1"]),
        ("--config missing.toml", &["missing.toml"]),
        ("--config typo.toml", &["typo.toml, line 2", "unknown key `epoch`", "did you mean `epochs`?"]),
        ("--config no.toml", &["no.toml, line"]),
        ("--config wrong.toml", &["sgd: momentum = 1.5 is outside [0, 1)"]),
        ("--epoch 5", &["unexpected argument '--epoch'", "'--epochs'"]),
    ];
    for (words, parts) in cases {
        // --json changes nothing: no object, the message on stderr
        refused_at_once(&place, &format!("fit iris --json {words}"), parts);
    }
    no_run(&place);
}

#[test]
fn commands_and_names_that_are_slips() {
    let place = Place::new();
    place.file("my data.csv", table()).file("run.txt", "");
    let cases: &[(&str, &[&str])] = &[
        ("fti", &["unrecognized subcommand 'fti'", "did you mean: steepest fit"]),
        ("iris", &["unrecognized subcommand 'iris'", "steepest fit iris"]),
        ("adamw", &["unrecognized subcommand 'adamw'", "steepest describe adamw"]),
        ("describe rosenbruck", &["nothing is called `rosenbruck`", "did you mean `rosenbrock`?"]),
        ("list optimisers", &["invalid value 'optimisers'", "'optimizers'"]),
        ("data show irs", &["did you mean \"iris\"?"]),
        ("data export irs", &["did you mean \"iris\"?"]),
        ("completions bsh", &["'bash'"]),
        ("predict runs/none-0001 iris", &["runs/none-0001 is no run that can be used", "settings.toml"]),
        ("predict run.txt iris", &["run.txt is no run that can be used"]),
        ("minimize rosenbruck", &["'rosenbrock'"]),
        ("minimize sphere -o sgd,adm", &["no optimizer is called `adm`", "did you mean `adam`?"]),
        ("minimize sphere --lr -0.1", &["lr is -0.1, expected a finite number above 0"]),
        ("minimize sphere -o adam:lr=fast", &["lr is fast"]),
        ("minimize sphere --set conditon=10", &["neither sphere nor adam has a setting `conditon`"]),
        ("minimize quadratic --set condition=0", &["condition = 0 is outside [1, 10000000000000000]"]),
        ("minimize beale --start 1,2,3", &["beale: dimension = 3 is outside [2, 2]"]),
        ("minimize sphere --start 1,x", &["not a number"]),
        ("minimize sphere --start 1e200,0", &["the function is inf at step 0", "start elsewhere"]),
        ("minimize sphere --start 1,inf", &["a coordinate is inf"]),
        ("minimize sphere --steps 0", &["'0' for '--steps <N>'"]),
        ("minimize sphere --grad-tol -1", &["--grad-tol is -1"]),
        ("minimize sphere --grad-tol nan", &["--grad-tol is NaN"]),
        ("minimize sphere --clip-norm 0", &["--clip-norm is 0"]),
        ("minimize sphere --schedule reduce_on_plateau", &["invalid value 'reduce_on_plateau'"]),
        ("minimize sphere --set schedule.gamma=2", &["constant has no setting `gamma`"]),
        ("minimize sphere --svg .", &[". is a directory"]),
    ];
    for (words, parts) in cases {
        refused_at_once(&place, words, parts);
    }
    let done = place.run_all(&["my data.csv"]);
    done.refused(&["steepest fit 'my data.csv'"]);
    no_run(&place);
}

#[test]
fn a_run_directory_that_is_taken() {
    let place = Place::new();
    std::fs::create_dir(place.path().join("mine")).unwrap();
    let lock = File::create(place.path().join("mine/lock")).unwrap();
    lock.lock().unwrap();
    refused_at_once(&place, "fit iris --out mine", &["mine is in use by another process", "--out"]);
    drop(lock);
    place.run("fit iris --out mine --epochs 1 --quiet").ok();
    refused_at_once(&place, "fit iris --out mine", &["mine holds a run already", "--out"]);
    place.file("file", "");
    refused_at_once(&place, "fit iris --out file", &["file is a file"]);
}

#[test]
fn what_the_system_refuses_is_exit_code_1() {
    let place = Place::new();
    place.file("runs", "a file where the runs should be");
    let done = place.run("fit iris --epochs 1");
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.stderr.contains("error: runs"), "{done:?}");
    let done = place.run("data export iris -o nowhere/iris.csv");
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.stderr.contains("nowhere/iris.csv"), "{done:?}");
}
