//! What a run leaves, and what becomes of it: damage, more epochs, hostile names, full disks.

mod common;

use common::Place;
use std::process::Command;

const FIT: &str = "fit iris --epochs 6 --save-every 20steps --quiet --json --out run";

#[test]
fn a_run_is_verified_and_made_longer() {
    let place = Place::new();
    place.run(FIT).ok();
    let done = place.run("verify run").ok();
    for part in ["are what was written", "gave the same bits", "it predicts"] {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
    let json = place.run("verify run --json").ok().json();
    assert_eq!(json["verified"]["replay"]["outcome"], "same", "{json}");

    let done = place.run("resume run");
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("--epochs"), "{}", done.stderr);
    let done = place.run("resume run --epochs 6");
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("more than the 6 that are done"), "{}", done.stderr);
    let done = place.run("resume run --epochs 9").ok();
    assert!(done.stderr.contains("schedule begins anew"), "{}", done.stderr);
    assert!(done.stdout.contains("steepest predict run iris"), "{}", done.stdout);
    assert_eq!(place.read("run/metrics.jsonl").lines().count(), 9);
    place.run("verify run").ok();

    // a changed byte
    let mut weights = std::fs::read(place.path().join("run/weights.safetensors")).unwrap();
    let middle = weights.len() / 2;
    weights[middle] ^= 1;
    place.file("run/weights.safetensors", weights);
    let done = place.run("verify run");
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.stdout.contains("damaged    weights.safetensors"), "{}", done.stdout);
    let done = place.run("predict run iris");
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("weights.safetensors is damaged"), "{}", done.stderr);
    assert!(done.stderr.contains("steepest verify run"), "{}", done.stderr);
}

#[test]
fn a_run_leaves_a_page_and_files_for_tensorboard() {
    let place = Place::new();
    let events = |run: &str| {
        let entries = std::fs::read_dir(place.path().join(run)).unwrap();
        entries.filter(|e| e.as_ref().unwrap().file_name().to_str().unwrap().contains("tfevents")).count()
    };
    place.run(&format!("{FIT} --tensorboard")).ok();
    assert_eq!(events("run"), 1);
    let page = place.read("run/report.html");
    for part in ["What came out", "ROC curve", "petal", "optimizer.lr", "\"kind\":\"heat\""] {
        assert!(page.contains(part), "{part}");
    }
    assert!(
        !page.contains("http://")
            || page.matches("http://").count() == page.matches("http://www.w3.org/2000/svg").count()
    );
    place.run("resume run --epochs 8").ok();
    assert_eq!(events("run"), 2, "a board goes on with a run");
    place.run("fit iris --epochs 2 --lr 0.1 --no-report --out other").ok();
    assert!(!place.path().join("other/report.html").exists());
    let done = place.run("report run other").ok();
    assert!(done.stdout.contains("report.html"), "{}", done.stdout);
    assert!(place.read("report.html").contains("Settings that differ"));
    let done = place.run("report nothing");
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("settings.toml"), "{}", done.stderr);
}

#[test]
fn a_run_that_failed_leaves_a_page_that_says_so() {
    let place = Place::new();
    // the predictions of the first are finite, and their losses beyond f32
    for (args, option) in [
        ("fit diabetes --optimizer sgd --lr 30 --out a", "--lr 0.05"),
        ("fit iris --lr 1e9 --clip-norm 1 --out b", "a smaller --clip-norm"),
        ("fit digits --lr 1e9 --out c", "--clip-norm 1"),
    ] {
        let done = place.run(args);
        let run = args.rsplit(' ').next().unwrap();
        assert_eq!(done.code, Some(1), "{args}: {done:?}");
        assert!(!done.stderr.contains("could not be written"), "{args}: {}", done.stderr);
        for part in ["in epoch 1: ", "; try --lr ", option] {
            assert!(done.stderr.contains(part), "{args}: {part}: {}", done.stderr);
        }
        let page = place.read(&format!("{run}/report.html"));
        assert!(page.contains("<p class=\"bad\">The run failed in epoch 1: "), "{args}");
        let next = format!("steepest fit --config {run}/settings.toml");
        assert!(page.replace("<span class=\"option\">", "").replace("</span>", "").contains(&next), "{args}");
    }
}

#[test]
fn what_is_there_is_not_overwritten() {
    let place = Place::new();
    std::fs::create_dir(place.path().join("mine")).unwrap();
    place.file("mine/notes.txt", "mine");
    let done = place.run("fit iris --epochs 1 --out mine");
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("is not empty") && done.stderr.contains("--out"), "{}", done.stderr);
    assert_eq!(place.read("mine/notes.txt"), "mine");

    place.run(FIT).ok();
    let iris = place.run("data export iris").ok().stdout;
    place.file("iris.csv", &iris);
    std::fs::hard_link(place.path().join("iris.csv"), place.path().join("same.csv")).unwrap();
    for out in ["iris.csv", "./iris.csv", "same.csv"] {
        let done = place.run(&format!("predict run iris.csv -o {out}"));
        assert_eq!(done.code, Some(2), "{done:?}");
        assert!(done.stderr.contains("is read from"), "{}", done.stderr);
    }
    assert_eq!(place.read("iris.csv"), iris);

    let done = place.run("fit iris.csv --labels iris.csv");
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("--labels"), "{}", done.stderr);
    let done = place.run("predict run iris.csv --labels iris.csv");
    assert_eq!(done.code, Some(2), "{done:?}");
    let done = place.run("fit iris --epochs 1 --threads 5000").ok();
    assert!(done.stderr.contains("would wait for one another"), "{}", done.stderr);
}

/// Names, cells and paths that give orders to a terminal.
#[test]
fn hostile_text_is_inert_wherever_it_is_shown() {
    const HOSTILE: &str = "a\u{1b}[2J\u{1b}]0;t\u{7}\u{9b}31m\u{202e}b\u{2066}</script>";
    let place = Place::new();
    let rows: String = (0..80)
        .map(|row| format!("{},{HOSTILE}{},{}\n", (row * 7) % 31, row % 3, ["=1+1", HOSTILE][row % 2]))
        .collect();
    place.file("t.csv", format!("{HOSTILE},x,y{HOSTILE}\n{rows}"));
    let run = format!("r{HOSTILE}").replace('/', "");
    let long = "n".repeat(100_000);
    let fit = ["fit", "t.csv", "--epochs", "2", "--out", &run];
    let commands: Vec<Vec<&str>> = vec![
        fit.to_vec(),
        ["fit", "t.csv", "--epochs", "2", "--json", "--out", "other"].to_vec(),
        vec!["predict", &run, "t.csv", "--json"],
        vec!["verify", &run],
        vec!["verify", &run, "--json"],
        vec!["resume", &run],
        fit.to_vec(),
        vec!["data", "describe", "t.csv"],
        vec!["fit", "t.csv", "--target", HOSTILE, "--drop", HOSTILE],
        vec!["fit", "t.csv", "--target", &long],
        vec!["fit", HOSTILE],
        vec!["fit", &long],
        vec!["fit", "t.csv", HOSTILE],
        vec![HOSTILE],
        vec!["fit", "t.csv", "--lr", HOSTILE],
        vec!["fit", "t.csv", "--set", HOSTILE],
        vec!["fit", "t.csv", "--optimizer", HOSTILE],
        vec!["fit", "t.csv", "--config", HOSTILE],
        vec!["predict", HOSTILE, "t.csv"],
        vec!["describe", HOSTILE],
        vec!["minimize", HOSTILE],
        vec!["list", HOSTILE],
    ];
    for args in commands {
        let done = place.run_all(&args);
        let shown: Vec<String> = args.iter().map(|arg| arg.escape_debug().take(40).collect()).collect();
        for (stream, text) in [("stdout", &done.stdout), ("stderr", &done.stderr)] {
            let bad = |c: &char| {
                (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c) || *c == '\u{2066}'
            };
            assert_eq!(text.chars().find(bad), None, "{stream} of {shown:?}: {text:?}");
            assert!(text.len() < 20_000, "{stream} of {shown:?} is {} bytes long", text.len());
        }
        assert!(done.code.is_some(), "{shown:?}");
    }
    let page = std::fs::read_to_string(place.path().join(&run).join("report.html")).unwrap();
    let unseen = |c: &char| c.is_control() && *c != '\n' || ('\u{202a}'..='\u{202e}').contains(c);
    assert_eq!(page.chars().find(unseen), None);
    assert_eq!(page.matches("</script>").count(), 2, "those of the page");
    // data is data, and only on demand made harmless for a spreadsheet
    let done = place.run_all(&["predict", &run, "t.csv"]).ok();
    assert!(done.stdout.contains(HOSTILE) && done.stdout.contains("\n=1+1,"), "{}", done.stdout);
    let done = place.run_all(&["predict", &run, "t.csv", "--spreadsheet"]).ok();
    assert!(!done.stdout.contains("\n=1+1,") && done.stdout.contains("\n'=1+1,"), "{}", done.stdout);
}

/// Networks and tables that memory does not hold are refused with both figures, before anything is made.
#[test]
fn what_memory_does_not_hold_is_refused() {
    let place = Place::new();
    let done = place.run("fit iris --hidden 65536,65536");
    assert_eq!(done.code, Some(2), "{done:?}");
    for part in ["GiB", "allowed", "--hidden", "--max-memory"] {
        assert!(done.stderr.contains(part), "{part}: {}", done.stderr);
    }
    let rows: String = (0..400_000).map(|row| format!("{},{}\n", row % 997, (row * 7) % 991)).collect();
    place.file("big.csv", format!("x,y\n{rows}"));
    let done = place.run("fit big.csv --max-memory 16M");
    assert_eq!(done.code, Some(2), "{done:?}");
    for part in ["MiB", "16.0 MiB is allowed", "--rows", "--max-memory"] {
        assert!(done.stderr.contains(part), "{part}: {}", done.stderr);
    }
    let fit = "fit big.csv --max-memory 16M --hidden 4 --rows 3000 --epochs 1 --batch 64";
    let done = place.run(fit).ok();
    assert!(done.stderr.contains("a sample of 3000 of 400000 rows"), "{}", done.stderr);
    let settings = place.read("runs/big-0001/settings.toml");
    assert!(settings.contains("rows = 3000") && settings.contains("max_memory = \"16M\""), "{settings}");
}

/// File systems of 4 KiB to 2 MiB, where this process may mount them.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_with_words_and_loses_nothing() {
    let place = Place::new();
    let words = "fit digits --epochs 8 --patience 0 --save-every 40steps --json --out disk/run";
    std::fs::create_dir(place.path().join("disk")).unwrap();
    let whole = place.run(words).ok().json();
    std::fs::remove_dir_all(place.path().join("disk")).unwrap();
    for kib in [4, 16, 64, 200, 400, 600, 900, 1400, 2048] {
        let disk = place.path().join("disk");
        std::fs::create_dir_all(&disk).unwrap();
        let mount = |options: &str| {
            let mut command = Command::new("mount");
            command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&disk);
            command.output().is_ok_and(|output| output.status.success())
        };
        if !mount(&format!("size={kib}k")) {
            println!("skipped: this process may not mount a small file system");
            return;
        }
        let done = place.run(words);
        assert!(!done.stderr.contains("panicked"), "{kib} KiB: {}", done.stderr);
        if done.code != Some(0) {
            assert_eq!(done.code, Some(1), "{kib} KiB: {done:?}");
            assert!(done.stderr.contains("No space left"), "{kib} KiB: {}", done.stderr);
            // it trained, and says what came out
            if !done.stdout.is_empty() {
                assert_eq!(done.json()["test"], whole["test"], "{kib} KiB");
            }
            if disk.join("run/settings.toml").exists() {
                assert!(mount("remount,size=64m"));
                let done = place.run("resume disk/run --json").ok();
                assert_eq!(done.json()["test"], whole["test"], "{kib} KiB");
            }
        }
        let unmounted = Command::new("umount").arg(&disk).status().unwrap();
        assert!(unmounted.success());
    }
}

#[test]
fn a_learning_rate_is_chosen() {
    let place = Place::new();
    let done = place.run("fit iris --lr auto --epochs 20 --lr-splits 1 --no-report --out run").ok();
    assert!(
        done.stderr.contains("learning rate ") && done.stderr.contains("auto: the best of"),
        "{}",
        done.stderr
    );
    let settings = place.read("run/settings.toml");
    assert!(settings.contains("lr_from = \"auto: the best of"), "{settings}");
    let table = place.read("run/trials/trials.csv");
    assert!(table.starts_with("lr,split,seed,to,mean_loss,diverged_at\n"), "{table}");
    // the same again needs no choice
    let again =
        place.run("fit iris --config run/settings.toml --quiet --json --no-report --out again").ok().json();
    assert_eq!(again["lr"], place.read("run/summary.json").parse::<serde_json::Value>().unwrap()["lr"]);
    // as if it had been cut before it had chosen
    let gone = ["encoder.json", "manifest.json", "weights.safetensors", "summary.json", "metrics.jsonl"];
    gone.iter().for_each(|name| std::fs::remove_file(place.path().join("run").join(name)).unwrap());
    std::fs::remove_dir_all(place.path().join("run/checkpoints")).unwrap();
    let done = place.run("predict run iris");
    assert!(done.code == Some(2) && done.stderr.contains("settings were chosen"), "{done:?}");
    assert!(place.run("verify run").stdout.contains("goes on choosing"));
    place.run("resume run --quiet").ok();
    for (words, said) in [
        ("fit iris --lr auto -s lr=0.1", "both give a learning rate"),
        ("fit iris --lr 0.1 --lr-splits 3", "--lr-splits is for --lr auto"),
        ("fit iris --lr auto --optimizer prodigy", "(--lr)"),
        ("fit iris --lr auto --validation 0", "validation rows"),
        ("fit iris --lr fast", "or `auto`"),
        ("fit iris --lr auto --max-steps 3", "longer training"),
    ] {
        place.run(&format!("{words} --out other")).refused(&[said]);
    }
    assert!(!place.path().join("other").exists());
}

#[test]
fn settings_are_tuned() {
    let place = Place::new();
    let tune = "tune iris --epochs 20 --folds 3 --trainings 1 --no-report";
    let done = place.run(&format!("{tune} --quiet --search hidden=4|16,8 --out run")).ok();
    for part in ["hidden", "chosen", "2 candidates on 3 folds", "whole trainings", "test (95 %)"] {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
    let json = place
        .run(&format!("{tune} --quiet --search dropout=0..0.5 --points 3 --json --out json"))
        .ok()
        .json();
    assert_eq!(json["tuned"]["tried"].as_array().unwrap().len(), 3, "{json}");
    assert!(json["run"]["test"]["accuracy"].is_number(), "{json}");
    // a class of one row stays in training, whatever the fold
    place.file("few.csv", "x,y\n1,a\n2,a\n3,a\n4,a\n5,a\n6,a\n7,a\n8,a\n9,a\n10,b\n11,a\n12,a\n");
    place.run("tune few.csv --folds 3 --trainings 1 --epochs 16 --quiet --no-report --out few").ok();
    for (words, said) in [
        ("tune iris --folds 1", "at least 2"),
        ("tune iris --folds 1000", "--folds"),
        ("tune iris --search droput=0..1", "did you mean `dropout`"),
        ("tune iris --search dropout=0.5..0.1", "is empty"),
        ("tune iris --search lr=0..1:log", "above 0"),
        ("tune iris --max-steps 7", "at least 8 steps"),
        ("tune iris --lr auto", "leave that out"),
        ("fit iris --lr auto --max-time 5m", "no limit of time"),
        ("tune iris --optimizer dog", "finds its own step size"),
        ("tune iris --validation-file iris", "--validation-file"),
    ] {
        place.run(&format!("{words} --out other")).refused(&[said]);
        assert!(!place.path().join("other").exists(), "{words}");
    }
}

#[test]
fn optimizers_are_compared() {
    let place = Place::new();
    let compare = "compare iris --epochs 20 --folds 2 --optimizers adamw,sgd,prodigy";
    let done = place.run(&format!("{compare} --rates 3 --quiet --out run")).ok();
    let first = done.stdout.lines().next().unwrap();
    assert!(first.contains("told apart") || first.contains("than adamw"), "{}", done.stdout);
    for part in ["prodigy, untuned", "--rates 3,3,3", "run/report.html"] {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
    assert!(place.read("run/report.html").contains("What can be told"));
    // counts that were made of seconds give the same bits when they are given
    let of = |run: &str, rates: &str| {
        let json =
            place.run(&format!("{compare} {rates} --quiet --no-report --json --out {run}")).ok().json();
        json["comparison"].clone()
    };
    let timed = of("timed", "");
    let rates: Vec<String> =
        timed["rates"].as_array().unwrap().iter().map(|count| count.to_string()).collect();
    let given = of("given", &format!("--rates {}", rates.join(",")));
    for at in 0..4 {
        let [a, b] = [&timed, &given].map(|found| &found["optimizers"][at]);
        for part in ["name", "lr", "loss", "difference", "curve"] {
            assert_eq!(a[part], b[part], "{part}");
        }
    }
    place.run("report run").ok();
    place.run("report run timed").refused(&["no run to lay beside others"]);
    for (words, part) in [
        ("predict run iris", "train with one of them"),
        ("resume run", "went to its end"),
        ("compare iris --optimizers adamw", "(--optimizers)"),
        ("compare iris --optimizers adamw,sgd --lr 0.1", "--lr is for one optimizer"),
        ("compare iris --optimizers adamw,sgd --folds 1", "(--folds)"),
        ("compare iris --optimizers adamw,sgd --baseline muon", "(--baseline)"),
        ("compare iris --optimizers adamw,sgd --set eps=1e-6", "eps would be of one of them"),
        ("compare iris --optimizers adamw,sgd --max-time 3s", "(--max-time)"),
    ] {
        place.run(words).refused(&[part]);
    }
}
