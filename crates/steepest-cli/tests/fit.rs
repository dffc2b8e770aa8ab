//! A whole run: train, report, predict.

mod common;

use common::Place;

#[test]
fn fit_prints_one_json_object_and_leaves_a_run() {
    let place = Place::new();
    let done = place.run("fit iris --epochs 30 --json").ok();
    let summary = done.json();
    for key in [
        "run",
        "task",
        "optimizer",
        "lr",
        "batch",
        "epochs",
        "steps",
        "seconds",
        "stopped_by",
        "parameters",
        "train",
        "validation",
        "test",
    ] {
        assert!(!summary[key].is_null(), "{key}: {summary}");
    }
    assert_eq!((summary["task"].as_str(), summary["optimizer"].as_str()), (Some("classes"), Some("adamw")));
    for part in ["train", "validation", "test"] {
        assert!(summary[part]["loss"].as_f64().unwrap() > 0.0);
        // three classes of 50: a network that has learnt anything is far above a third
        assert!(summary[part]["accuracy"].as_f64().unwrap() > 0.6, "{summary}");
    }
    let run = place.path().join(summary["run"].as_str().unwrap());
    for file in ["settings.toml", "metrics.jsonl", "weights.safetensors", "encoder.json", "summary.json"] {
        assert!(run.join(file).is_file(), "{file}");
    }
    // progress without a terminal: a line for an epoch, at most twenty or so
    let lines = done.stderr.lines().filter(|line| line.starts_with("epoch ")).count();
    assert!((1..=22).contains(&lines), "{}", done.stderr);
    assert!(!done.stderr.contains('\x1b') && !done.stderr.contains('\r'), "{}", done.stderr);
}

#[test]
fn the_report_says_what_happened_and_what_to_type_next() {
    let place = Place::new();
    let done =
        place.run("fit diabetes --epochs 5 --hidden none --optimizer sgd --lr 0.05 --set momentum=0.9").ok();
    for part in
        ["rmse", "mae", "r2", "train", "validation", "test", "5 epochs are done", "runs/diabetes-0001"]
    {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
    let next = done.stdout.lines().find_map(|line| line.strip_prefix("next")).unwrap().trim().to_owned();
    let words = next.strip_prefix("steepest ").unwrap();
    let done = place.run(words).ok();
    assert_eq!(done.stdout.lines().count(), 443);
    assert!(done.stderr.contains("442 rows") && done.stderr.contains("rmse"), "{}", done.stderr);
}

/// A table of two classes, of which one is rare, and can be told by `x` more often than not.
fn rare(rows: usize) -> String {
    let mut text = "x,z,kind\n".to_owned();
    for row in 0..rows {
        let [x, z] = [0.618_034, 0.414_214].map(|step| (step * (row + 1) as f64).fract());
        let kind = if x + 0.2 * z > 1.05 { "fraud" } else { "ok" };
        text += &format!("{x:.4},{z:.4},{kind}\n");
    }
    text
}

#[test]
fn the_report_of_a_rare_class_has_more_than_accuracy_and_fits_a_terminal() {
    let place = Place::new();
    place.file("rare.csv", rare(1000));
    let done = place.run("fit rare.csv --epochs 10 --metric auc").ok();
    for part in [
        "balanced_accuracy",
        "auc ",
        "average_precision",
        "f1 ",
        "validation (95 %)",
        "baseline",
        "recall     fraud: ",
        "positive   fraud, the rarer class",
        "the best by validation auc",
    ] {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
    assert!(done.stdout.lines().count() <= 24, "{}", done.stdout);
    assert!(done.stdout.lines().all(|line| line.chars().count() <= 80), "{}", done.stdout);
    // header and rows end where they should: the baseline's numbers stand in one column
    let table: Vec<&str> = done.stdout.lines().skip(1).take_while(|line| !line.is_empty()).collect();
    let ends: std::collections::HashSet<usize> = table.iter().map(|line| line.chars().count()).collect();
    assert_eq!((table.len(), ends.len()), (7, 1), "{}", done.stdout);

    let done = place.run("predict runs/rare-0001 rare.csv -o out.csv").ok();
    assert!(done.stderr.contains("score (95 %)") && done.stderr.contains("auc"), "{}", done.stderr);

    let done = place.run("fit rare.csv --metric rmse");
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("--metric") && done.stderr.contains("balanced_accuracy"), "{done:?}");
    let done = place.run("fit rare.csv --metric acuracy");
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("accuracy"), "{done:?}");
}

#[test]
fn predictions_go_to_stdout_a_file_or_json() {
    let place = Place::new();
    place.run("fit iris --epochs 30 --quiet --out trained").ok();
    let done = place.run("predict trained iris").ok();
    let mut lines = done.stdout.lines();
    assert_eq!(lines.next(), Some("prediction,p_setosa,p_versicolor,p_virginica"));
    assert_eq!(lines.clone().count(), 150);
    let mut right = 0;
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let probabilities: Vec<f64> = cells[1..].iter().map(|p| p.parse().unwrap()).collect();
        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{line}");
        let best = (0..3).max_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b])).unwrap();
        right += usize::from(cells[0] == ["setosa", "versicolor", "virginica"][best]);
    }
    assert_eq!(right, 150, "the prediction is the class of the highest probability");
    assert!(done.stderr.contains("accuracy"), "{}", done.stderr);

    place.run("predict trained iris -o out.csv --quiet").ok();
    assert_eq!(place.read("out.csv"), done.stdout);

    let json = place.run("predict trained iris --json --quiet").ok().json();
    assert_eq!((json["rows"].as_u64(), json["target"].as_str()), (Some(150), Some("species")));
    assert_eq!(json["predictions"].as_array().unwrap().len(), 150);
    assert_eq!(json["probabilities"][0].as_array().unwrap().len(), 3);
    assert!(json["score"]["accuracy"].as_f64().unwrap() > 0.6);

    // rows without the target can be predicted too
    let csv = place.run("data export iris").ok().stdout;
    let without: String = csv.lines().map(|line| format!("{}\n", line.rsplit_once(',').unwrap().0)).collect();
    place.file("new.csv", without);
    let done = place.run("predict trained new.csv").ok();
    assert_eq!(done.stdout, place.read("out.csv"));
    assert!(done.stderr.contains("not in the data"), "{}", done.stderr);

    // and rows without a column that it needs are refused by name
    place.file("less.csv", "a\n1\n2\n");
    let done = place.run("predict trained less.csv");
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("lacks 4 of the columns"), "{done:?}");
}

#[test]
fn a_file_of_settings_is_overridden_by_options_and_repeats_a_run() {
    let place = Place::new();
    let first = place.run("fit iris --epochs 3 --lr 0.01 --batch full --seed 5 --json --quiet").ok();
    assert!(first.stderr.is_empty());
    let again = place.run("fit --config runs/iris-0001/settings.toml --json --quiet").ok();
    let (first, again) = (first.json(), again.json());
    assert_eq!(first["train"], again["train"]);
    assert_ne!(first["run"], again["run"]);
    let other = place.run("fit --config runs/iris-0001/settings.toml --optimizer sgd --epochs 2 --json").ok();
    assert!(other.stderr.contains("are for adamw, not for sgd"), "{}", other.stderr);
    let other = other.json();
    assert_eq!((other["optimizer"].as_str(), other["epochs"].as_u64()), (Some("sgd"), Some(2)));
    assert_eq!(other["batch"], first["batch"]);
}

#[test]
fn divergence_is_exit_code_1_names_a_tensor_and_leaves_its_run() {
    let place = Place::new();
    let words =
        "fit diabetes --optimizer sgd --lr 1e6 --warmup 0 --schedule constant --hidden 8 --json --quiet";
    let done = place.run(words);
    assert_eq!(done.code, Some(1), "{done:?}");
    for part in ["step", "gradient of `", "--lr", "--clip-norm", "runs/diabetes-0001"] {
        assert!(done.stderr.contains(part), "{part}: {}", done.stderr);
    }
    let stopped_by = done.json()["stopped_by"].as_str().unwrap().to_owned();
    assert!(["divergence", "non_finite"].contains(&stopped_by.as_str()), "{stopped_by}");
}

#[cfg(unix)]
mod signals {
    use super::common::Place;
    use std::io::{BufRead, BufReader};
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::time::Duration;

    const FIT: &str = "fit diabetes --epochs 60 --patience 0 --batch 8 --save-every 20steps --out";

    fn start(place: &Place, words: &str) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_steepest"));
        command.args(words.split_whitespace()).current_dir(place.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn send(child: &Child, signal: &str) {
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    }

    /// What has to be the same: weights, optimizer state, and the metrics but for the clock.
    fn outcome(run: &Path) -> (Vec<u8>, Vec<u8>, Vec<String>) {
        let read = |file: &str| std::fs::read(run.join(file)).unwrap();
        let metrics = String::from_utf8(read("metrics.jsonl")).unwrap();
        let without_clock = |line: &str| {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            for clock in ["seconds", "samples_per_second"] {
                line.as_object_mut().unwrap().remove(clock);
            }
            line.to_string()
        };
        let metrics = metrics.lines().map(without_clock).collect();
        (read("weights.safetensors"), read("optimizer.safetensors"), metrics)
    }

    #[test]
    fn a_signal_saves_the_run_and_resuming_ends_with_the_same_bits() {
        let place = Place::new();
        place.run(&format!("{FIT} whole --quiet")).ok();
        let whole = outcome(&place.path().join("whole"));
        for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
            let run = format!("run{code}");
            let mut child = start(&place, &format!("{FIT} {run} --json"));
            let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
            while !lines.next().unwrap().unwrap().starts_with("epoch ") {}
            send(&child, signal);
            let rest: Vec<String> = lines.map_while(Result::ok).collect();
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(code), "{rest:?}");
            let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(
                (&summary["finished"], &summary["stopped_by"]),
                (&false.into(), &"interrupted".into())
            );
            assert!(summary["test"].is_null(), "no test rows are looked at: {summary}");
            assert!(rest.iter().any(|line| line.contains("once more ends at once")), "{rest:?}");
            // its best weights predict, and say what they are
            let done = place.run(&format!("predict {run} diabetes")).ok();
            assert!(done.stderr.contains("warning: the run is not finished"), "{}", done.stderr);
            // it is not overwritten
            let done = place.run(&format!("{FIT} {run}"));
            assert_eq!(done.code, Some(2), "{done:?}");
            assert!(done.stderr.contains(&format!("steepest resume {run}")), "{}", done.stderr);
            let done = place.run(&format!("resume {run} --json")).ok();
            assert_eq!(done.json()["finished"], true);
            assert!(outcome(&place.path().join(&run)) == whole, "{signal}");
            let done = place.run(&format!("resume {run}"));
            assert_eq!(done.code, Some(2), "{done:?}");
        }
    }

    #[test]
    fn a_killed_run_goes_on_and_ends_with_the_same_bits() {
        let place = Place::new();
        place.run(&format!("{FIT} whole --quiet")).ok();
        let whole = outcome(&place.path().join("whole"));
        for (at, delay) in [80, 170, 260, 390, 520].into_iter().enumerate() {
            let run = format!("killed{at}");
            let mut child = start(&place, &format!("{FIT} {run} --quiet"));
            std::thread::sleep(Duration::from_millis(delay));
            child.kill().unwrap();
            child.wait().unwrap();
            let path = place.path().join(&run);
            if !path.join("settings.toml").exists() || path.join("summary.json").exists() {
                continue; // killed before it began, or after its end
            }
            place.run(&format!("resume {run} --quiet")).ok();
            assert!(outcome(&path) == whole, "killed after {delay} ms");
        }
    }

    #[test]
    fn damage_is_found_and_other_data_is_refused() {
        let place = Place::new();
        let rows: String = (0..200).map(|row| format!("{},{}\n", row % 17, (row * row) % 31)).collect();
        place.file("t.csv", format!("x,y\n{rows}"));
        let words = "fit t.csv --epochs 200 --patience 0 --batch 4 --save-every 10steps --out run";
        let mut child = start(&place, words);
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        while !lines.next().unwrap().unwrap().starts_with("epoch ") {}
        send(&child, "-TERM");
        child.wait().unwrap();
        let folder = place.path().join("run/checkpoints");
        let mut saved: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        saved.sort();
        assert_eq!(saved.len(), 2);
        let mut bytes = std::fs::read(&saved[1]).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&saved[1], &bytes).unwrap();
        place.file("other.csv", format!("x,y\n{}", rows.replacen("3,9", "4,9", 1)));
        let done = place.run("resume run --data other.csv");
        assert_eq!(done.code, Some(2), "{done:?}");
        assert!(done.stderr.contains("not what it was"), "{}", done.stderr);
        let done = place.run("resume run").ok();
        assert!(done.stderr.contains("is damaged"), "{}", done.stderr);
    }
}
