//! What `explain` leaves, and what it refuses.

mod common;

use common::Place;
use std::collections::HashMap;

const FIT: &str = "fit iris --epochs 12 --quiet --no-report --out run";

/// The lines of a file of JSON lines.
fn lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_run_says_what_it_goes_by() {
    let place = Place::new();
    let done = place.run(FIT).ok();
    assert!(done.stdout.contains("what shuffling each costs in loss"), "{}", done.stdout);
    assert!(place.read("run/manifest.json").contains("background.safetensors"));
    let done = place.run("explain run").ok();
    assert!(done.stderr.contains("exact, all 16 coalitions"), "{}", done.stderr);
    for part in ["log odds of setosa", "petal", "run/explain-0001"] {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
    // base and values add up to what the network says, in every line
    let all = lines(&place.read("run/explain-0001/explanations.jsonl"));
    assert_eq!(all.len() % 3, 0);
    let mut sums: HashMap<(String, String), f64> = HashMap::new();
    let csv = place.read("run/explain-0001/explanations.csv");
    assert_eq!(csv.lines().next(), Some("row,output,column,value,standard_error"));
    assert_eq!(csv.lines().count(), 1 + 4 * all.len());
    for line in csv.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        *sums.entry((cells[0].to_owned(), cells[1].to_owned())).or_default() +=
            cells[3].parse::<f64>().unwrap();
        assert_eq!(cells[4], "0", "it is exact");
    }
    for line in &all {
        let key = (line["row"].to_string(), line["output"].as_str().unwrap().to_owned());
        let (base, whole) = (line["base"].as_f64().unwrap(), line["whole"].as_f64().unwrap());
        assert!((base + sums[&key] - whole).abs() <= 1e-6 * whole.abs().max(1.0), "{line}");
        assert_eq!(
            (&line["method"], &line["evaluations"], &line["background"]),
            (&"shapley".into(), &16.into(), &100.into())
        );
        assert!(line["columns"][0]["background_error"].as_f64().unwrap() > 0.0);
    }
    for picture in ["bars-1", "beeswarm-1", "dependence-1-1", "curve-1-1"] {
        assert!(place.read(&format!("run/explain-0001/{picture}.svg")).contains("petal"), "{picture}");
        let png = std::fs::read(place.path().join(format!("run/explain-0001/{picture}.png"))).unwrap();
        assert!(png.starts_with(b"\x89PNG"));
    }
    let page = place.read("run/report.html");
    assert!(page.contains("What it goes by") && page.contains("Shapley values, exact"));
    place.run("verify run").ok();
    // the same again, on another number of threads
    place.run("explain run --threads 1 --quiet").ok();
    assert_eq!(place.read("run/explain-0002/explanations.csv"), csv);
    // rows in another order are explained by themselves
    let iris: String = place.run("data export iris").ok().stdout;
    let (head, rows) = iris.split_once('\n').unwrap();
    let some: Vec<&str> = rows.lines().step_by(29).collect();
    let turned: Vec<&str> = some.iter().rev().copied().collect();
    place.file("some.csv", format!("{head}\n{}\n", some.join("\n")));
    place.file("turned.csv", format!("{head}\n{}\n", turned.join("\n")));
    let values = |folder: &str| -> Vec<serde_json::Value> {
        lines(&place.read(&format!("run/{folder}/explanations.jsonl")))
            .into_iter()
            .map(|line| line["columns"].clone())
            .collect()
    };
    place.run("explain run some.csv --quiet").ok();
    place.run("explain run turned.csv --quiet").ok();
    let mut back: Vec<_> = values("explain-0004").chunks(3).rev().map(<[_]>::to_vec).collect();
    assert_eq!(values("explain-0003"), back.drain(..).flatten().collect::<Vec<_>>());
}

#[test]
fn other_questions_and_units() {
    let place = Place::new();
    place.run(FIT).ok();
    let json = place.run("explain run iris --method path --json --quiet").ok().json();
    assert_eq!((&json["method"], &json["rows"]), (&"path".into(), &150.into()));
    assert!(json["importance"].as_array().unwrap().len() == 4);
    let first = &lines(&place.read("run/explain-0001/explanations.jsonl"))[0];
    assert!(first["gap"].as_f64().unwrap() < 0.05, "{first}");
    let done = place.run("explain run --method lime --scale probability").ok();
    assert!(done.stdout.contains("probability of setosa"), "{}", done.stdout);
    let first = &lines(&place.read("run/explain-0002/explanations.jsonl"))[0];
    assert!(
        (0.0..=1.0).contains(&first["r_squared"].as_f64().unwrap())
            && (0.0..=1.0).contains(&first["whole"].as_f64().unwrap())
    );
    // the network's own slopes: base and values add up, and so do features and slopes
    let done = place.run("explain run --method linear").ok();
    assert!(done.stderr.contains("slopes"), "{}", done.stderr);
    let all = lines(&place.read("run/explain-0003/explanations.jsonl"));
    let csv = |name: &str| -> Vec<Vec<String>> {
        let text = place.read(&format!("run/explain-0003/{name}.csv"));
        text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
    };
    let (slopes, activations) = (csv("slopes"), csv("activations"));
    assert_eq!(slopes[0], ["row", "output", "feature", "input", "slope"]);
    assert_eq!(activations[0], ["row", "output", "activation", "prediction"]);
    // four columns, each a number and its pieces
    let width = (slopes.len() - 1) / all.len();
    assert!(width > 4 * 10 && slopes[2][2].starts_with("sepal length cm ("), "{:?}", slopes[2]);
    assert_eq!([slopes.len() - 1, activations.len() - 1], [width * all.len(), all.len()]);
    for (at, line) in all.iter().enumerate() {
        let columns = line["columns"].as_array().unwrap();
        let sum: f64 = columns.iter().map(|column| column["value"].as_f64().unwrap()).sum();
        let (base, whole) = (line["base"].as_f64().unwrap(), line["whole"].as_f64().unwrap());
        assert!((base + sum - whole).abs() <= 1e-9 * whole.abs().max(1.0), "{line}");
        assert!(line["r_squared"].as_f64().unwrap() <= 1.0);
        // log odds of a class, of its activations and of its probability
        let class = &activations[1 + at];
        let p: f64 = class[3].parse().unwrap();
        assert!((whole - (p / (1.0 - p)).ln()).abs() < 1e-3 * whole.abs().max(1.0), "{class:?} {line}");
        assert_eq!(slopes[1 + width * at][..2], class[..2]);
    }
    let json = place.run("explain run --join auto --json --quiet").ok().json();
    let names = json["outputs"][0]["columns"].to_string();
    assert!(names.contains(" + "), "{names}");
    let join = ["explain", "run", "--json", "--quiet", "--join", "sepal length cm, sepal width cm"];
    let json = place.run_all(&join).ok().json();
    assert!(json["outputs"][0]["columns"].to_string().contains("sepal length cm + sepal width cm"), "{json}");
    assert_eq!(json["evaluations"], 8);
}

#[test]
fn what_cannot_be_explained_leaves_nothing() {
    let place = Place::new();
    place.run(&format!("{FIT} --no-rows")).ok();
    assert!(!place.path().join("run/background.safetensors").exists());
    place.file("lacks.csv", "sepal length cm,sepal width cm\n1,2\n");
    place.file("one.csv", "sepal length cm,sepal width cm,petal length cm,petal width cm\n5,3,2,1\n");
    place.file("none.csv", "sepal length cm,sepal width cm,petal length cm,petal width cm\n");
    for (command, words) in [
        ("explain run", "--background"),
        ("explain run --background one.csv", "1 rows in the background"),
        ("explain run lacks.csv --background iris", "petal length cm"),
        ("explain run --background lacks.csv", "petal length cm"),
        ("explain run none.csv --background iris", "none.csv"),
        ("explain run --background iris --evaluations 9", "expected at least 10"),
        ("explain run --background iris --evaluations 0", "at least 1"),
        ("explain run --background iris --max-time 0.000001s", "--max-time"),
        ("explain run --background iris --join petal", "two columns or more"),
        ("explain run --background iris --join petal,weight", "there is no column"),
        ("explain nowhere", "nowhere"),
        ("explain run missing.csv --background iris", "missing.csv"),
    ] {
        place.run(command).refused(&[words]);
        assert!(!place.path().join("run/explain-0001").exists(), "{command}");
    }
    let done = place.run("explain run one.csv --background iris").ok();
    assert!(done.stdout.contains("adds"), "{}", done.stdout);
    assert!(place.path().join("run/explain-0001/waterfall-row-1.png").exists());
}

#[test]
fn images_show_their_pixels() {
    let place = Place::new();
    place.run("fit digits --rows 200 --epochs 2 --quiet --no-report --out run").ok();
    let json = place.run("explain run --json --quiet").ok().json();
    assert_eq!(json["method"], "path");
    let pictures: Vec<_> =
        std::fs::read_dir(place.path().join("run/explain-0001")).unwrap().flatten().collect();
    assert!(
        pictures.iter().any(|file| file.file_name().to_string_lossy().starts_with("overlay-row-")),
        "{pictures:?}"
    );
}
