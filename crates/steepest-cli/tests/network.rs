//! What the network for a table is, how many are trained as one, and how much it may cost.

mod common;

use common::Place;

#[test]
fn members_are_trained_as_one_and_say_how_far_apart_they_are() {
    let place = Place::new();
    let fit = "fit iris --members 3 --epochs 6 --save-every 20steps --no-report --quiet";
    let json = place.run(&format!("{fit} --json --threads 1 --out run")).ok().json();
    assert!(json["test"]["log_loss"].as_f64().unwrap() < 0.6, "{json}");
    assert!(place.read("run/settings.toml").contains("members = 3"));
    let done = place.run("verify run").ok();
    assert!(done.stdout.contains("gave the same bits"), "{}", done.stdout);
    // the same on another number of threads, and cut short and made longer
    place.run(&format!("{fit} --threads 3 --out again")).ok();
    let weights = |run: &str| std::fs::read(place.path().join(run).join("weights.safetensors")).unwrap();
    assert!(weights("run") == weights("again"), "the bits depend on the threads");
    place.run("resume run --epochs 8 --quiet").ok();
    assert_eq!(place.read("run/metrics.jsonl").lines().count(), 8);
    place.run("verify run").ok();

    place.run("predict run iris -o said.csv --spread --quiet").ok();
    let said = place.read("said.csv");
    assert!(said.lines().next().unwrap().ends_with(",spread"), "{said}");
    let spreads = said.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse::<f64>().unwrap());
    let spreads: Vec<f64> = spreads.collect();
    assert!(spreads.iter().all(|spread| (0.0..0.5).contains(spread)) && spreads.iter().any(|x| *x > 1e-3));
    let json = place.run("predict run iris --spread --json --quiet").ok().json();
    assert_eq!(json["spread"].as_array().unwrap().len(), 150);
    // an explanation is of all of them together
    place.run("explain run --quiet").ok();
    place.run("fit diabetes --members 2 --epochs 3 --no-report --quiet --out numbers").ok();
    place.run("predict numbers diabetes -o numbers.csv --spread --quiet").ok();
    assert!(place.read("numbers.csv").starts_with("prediction,spread\n"));
    let plain = place.run("predict numbers diabetes --quiet").ok();
    assert!(plain.stdout.starts_with("prediction\n"));
    place.run("fit diabetes --members 1 --epochs 2 --no-report --quiet --out one").ok();
    place.run("predict one diabetes --spread -o one.csv").refused(&["--spread", "--members 4"]);
    assert!(!place.path().join("one.csv").exists());
}

#[test]
fn a_preset_says_how_much_it_may_cost() {
    let place = Place::new();
    let done = place.run("fit iris --preset best --max-time 3s --no-report --json --out timed").ok();
    assert!(done.stderr.contains("these counts give the same bits again"), "{}", done.stderr);
    let settings = place.read("timed/settings.toml");
    let number = |key: &str| -> String {
        let line = settings.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
        line.rsplit(' ').next().unwrap().to_owned()
    };
    let (members, epochs) = (number("members"), number("epochs"));
    if done.json()["stopped_by"] == "max_epochs" {
        let again = format!("fit iris --members {members} --epochs {epochs} --no-report --quiet --out again");
        place.run(&again).ok();
        let weights = |run: &str| std::fs::read(place.path().join(run).join("weights.safetensors")).unwrap();
        assert!(weights("timed") == weights("again"), "the same counts gave other bits");
    }
    let epochs = |preset: &str| {
        let json = place.run(&format!("fit iris --preset {preset} --no-report --quiet --json")).ok().json();
        json["epochs"].as_u64().unwrap()
    };
    assert_eq!(epochs("fast"), 50);
}

#[test]
fn what_does_not_go_together_is_refused() {
    let place = Place::new();
    for (options, words) in [
        ("--members 0", "at least 1"),
        ("--members 300", "at most 256"),
        ("--members 2 --layer-norm", "one member where layers are normalized"),
        ("--pieces 5000", "at most 1024"),
        ("--preset worst", "fast, default, best"),
        ("--dropout-schedule slow", "constant, flat_cosine"),
        ("--input-scale maybe", "true, false"),
    ] {
        place.run(&format!("fit iris {options}")).refused(&[words]);
    }
    place.run("fit digits --model cnn --members 2").refused(&["members", "perceptron"]);
    // pieces take more memory than the numbers that they are of
    let row =
        |row: u32| (0..20).map(|i| ((row * (i + 7)) % 997).to_string()).collect::<Vec<_>>().join(",") + "\n";
    let head = (0..20).map(|i| format!("x{i}")).collect::<Vec<_>>().join(",") + "\n";
    place.file("wide.csv", (0..3_000).fold(head, |text, i| text + &row(i)));
    place.run("fit wide.csv --pieces 64 --max-memory 5M").refused(&[
        "3000 rows of 20 numbers in 64 pieces",
        "--pieces",
        "--max-memory",
    ]);
    assert!(!place.path().join("runs").exists());
}
