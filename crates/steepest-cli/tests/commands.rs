//! The commands that look things up, draw and export.

mod common;

use common::Place;
use steepest::{functions, registry, schedule, stop};
use steepest_data::embedded;

#[test]
fn list_and_describe_know_every_entry_of_every_registry() {
    let place = Place::new();
    let all = place.run("list").ok().stdout;
    let kinds: [(&str, Vec<&str>); 5] = [
        ("optimizers", registry::OPTIMIZERS.iter().map(|e| e.name).collect()),
        ("schedules", schedule::REGISTRY.iter().map(|e| e.name).chain(["reduce_on_plateau"]).collect()),
        ("stop-rules", stop::REGISTRY.iter().map(|e| e.name).collect()),
        ("functions", functions::FUNCTIONS.iter().map(|f| f.name).collect()),
        ("data", embedded::all().iter().map(|set| set.name).collect()),
    ];
    for (kind, names) in kinds {
        let list = place.run(&format!("list {kind}")).ok().stdout;
        for name in names {
            let row = |text: &str| text.lines().any(|line| line.split_whitespace().next() == Some(name));
            assert!(row(&list) && row(&all), "{kind}: {name}");
            let page = place.run(&format!("describe {name}")).ok().stdout;
            assert!(page.contains(name) && page.lines().count() > 3, "{page}");
            assert!(!page.contains("```") && !page.contains("\x1b["), "{page}");
        }
    }
    assert_eq!(place.run("data list").ok().stdout, place.run("list data").ok().stdout);
}

#[test]
fn describe_shows_formula_settings_and_source() {
    let page = Place::new().run("describe AdamW").ok().stdout;
    for part in ["Formula", "Settings", "beta1", "[0, 1)", "weight_decay", "State", "Source", "--lr"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let page = Place::new().run("describe rosenbrock").ok().stdout;
    for part in ["steepness", "100", "(-1.2, 1)", "0 at (1, 1)", "Rosenbrock 1960"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn help_is_on_stdout_and_names_the_exit_codes() {
    let place = Place::new();
    for words in ["--help", "fit --help", "minimize --help", "help predict"] {
        let done = place.run(words).ok();
        assert!(done.stderr.is_empty() && done.stdout.contains("steepest"), "{words}");
    }
    let help = place.run("--help").ok().stdout;
    assert!(help.contains("Exit codes") && help.contains("130"), "{help}");
    assert!(place.run("--version").ok().stdout.starts_with("steepest "));
    // no command: the help, as an error
    let done = place.run("");
    assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""));
    assert!(done.stderr.contains("Usage: steepest"));
}

#[test]
fn every_shell_has_its_completions() {
    let place = Place::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = place.run(&format!("completions {shell}")).ok().stdout;
        for word in ["steepest", "minimize", "optimizer", "class-weights"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        // clap completes no values for the others
        if ["bash", "zsh"].contains(&shell) {
            assert!(script.contains("adamw") && script.contains("rosenbrock"), "{shell}");
        }
    }
}

#[test]
fn exported_data_is_what_was_embedded_and_reads_back() {
    let place = Place::new();
    for set in embedded::all() {
        let out = place.run(&format!("data export {}", set.name)).ok();
        assert_eq!(out.stdout.as_bytes(), set.csv(), "{}", set.name);
    }
    place.run("data export cars -o cars.csv").ok();
    assert_eq!(place.read("cars.csv").as_bytes(), embedded::find("cars").unwrap().csv());
    // a file is read and written: the same values again
    place.run("data export cars.csv -o again.csv").ok();
    assert_eq!(place.run("data export again.csv").ok().stdout, place.read("again.csv"));
    let shown = |name: &str| place.run(&format!("data show {name}")).ok().stdout;
    assert_eq!(shown("cars.csv"), shown("again.csv"));
}

#[test]
fn show_describes_tables_and_images() {
    let place = Place::new();
    let iris = place.run("data show iris").ok().stdout;
    for part in ["150 rows, 5 columns", "species", "setosa (50)", "mean", "predicted as one of 3 classes"] {
        assert!(iris.contains(part), "{part}: {iris}");
    }
    let digits = place.run("data show digits").ok().stdout;
    for part in ["1797 images of 1×8×8", "10 classes: 0, 1, 2", "label"] {
        assert!(digits.contains(part), "{part}: {digits}");
    }
    // what cannot be learnt from can be looked at; nothing of it reaches the terminal as it is
    place.file("odd.csv", "a,b\n1,\x1b[31mred\n2,\x1b[31mred\n");
    let odd = place.run("data show odd.csv").ok().stdout;
    assert!(odd.contains("2 rows, 2 columns") && odd.contains("too few") && !odd.contains('\x1b'), "{odd}");
}

#[test]
fn minimize_reports_as_json_alone() {
    let place = Place::new();
    let done = place.run("minimize rosenbrock -o sgd,adam --steps 500 --json --start -1.2,1").ok();
    assert!(done.stderr.is_empty(), "{done:?}");
    let json = done.json();
    assert_eq!(json["function"], "rosenbrock");
    assert_eq!(json["start"], serde_json::json!([-1.2, 1.0]));
    assert_eq!(json["runs"].as_array().unwrap().len(), 2);
    for (run, name) in json["runs"].as_array().unwrap().iter().zip(["sgd", "adam"]) {
        assert_eq!(run["optimizer"], name);
        assert!(run["steps"].as_u64().unwrap() <= 500);
        // from 24.2: the best of all rates gets down into the valley
        assert!(run["value"].as_f64().unwrap() < 1.0 && run["lr"].as_f64().unwrap() > 0.0);
        assert_eq!(run["diverged"], false);
    }
    // --json draws nothing unless told to
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn minimize_draws_every_function() {
    let place = Place::new();
    for function in functions::FUNCTIONS {
        let name = function.name;
        let report = place.run(&format!("minimize {name} -o sgd,adam,rmsprop --steps 100")).ok().stdout;
        assert!(report.contains("adam") && report.contains(&format!("picture  {name}.svg")), "{report}");
        let svg = place.read(&format!("{name}.svg"));
        resvg::usvg::Tree::from_str(&svg, &Default::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        // text is outlines: it needs no font
        assert!(!svg.contains("<text") && !svg.contains("NaN") && svg.len() < 1_500_000, "{name}");
    }
}

#[test]
fn minimize_writes_png_and_svg_where_it_is_told() {
    let place = Place::new();
    place.run("minimize beale --steps 50 --png a.png --svg b.svg").ok();
    let png = std::fs::read(place.path().join("a.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert!(place.read("b.svg").ends_with("</svg>\n"));
    // five coordinates: no contours, but the values over the steps
    let report = place.run("minimize rosenbrock --start 1,2,3,4,5 --steps 50").ok().stdout;
    assert!(report.contains("…") && place.read("rosenbrock.svg").contains("5 coordinates"));
    place.run("minimize sphere --no-picture").ok();
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 3);
}

#[test]
fn minimize_leaves_a_page() {
    let place = Place::new();
    let words = "minimize himmelblau -o sgd,adam:lr=0.1,lbfgs --start 0,0 --steps 300 --report page.html";
    let printed = place.run(words).ok().stdout;
    assert!(printed.contains("report   page.html") && printed.contains("in the fewest steps"), "{printed}");
    let page = place.read("page.html");
    for part in ["to a minimum", "equally low", "<table>", "role=\"img\" aria-label=\"Contours of himmelblau"]
    {
        assert!(page.contains(part), "{part}: {printed}");
    }
    // the ways, and charts of f, of the gradient and of the distance, each with a line for each optimizer
    assert_eq!(page.matches("<svg").count(), 1);
    assert_eq!(page.matches("data-chart=").count(), 3);
    assert_eq!(page.matches("{\"name\":\"lbfgs\"").count(), 3);
    assert!(
        page.contains("Content-Security-Policy") && !page.contains("src=") && !page.contains("href=\"http")
    );
    // the picture is in the page: no other file is left
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
    // a page takes the place of a page, and of nothing else
    let json = place.run("minimize rosenbrock -o sgd:lr=1,adam --start 1,2,3 --report page.html --json").ok();
    assert_eq!(json.json()["report"], "page.html");
    let page = place.read("page.html");
    assert!(page.contains("sgd diverged") && !page.contains("<svg") && !page.contains("NaN"));
    place.run("minimize sphere --report page.html --no-picture").ok();
    let page = place.read("page.html");
    assert!(!page.contains("<svg") && page.matches("data-chart=").count() == 3);
    place.file("data.csv", "a,b\n1,2\n");
    let refused = place.run("minimize sphere --svg a.svg --report data.csv");
    assert!(refused.code == Some(2) && refused.stderr.contains("--report"), "{refused:?}");
    assert!(!place.path().join("a.svg").exists(), "nothing was done");
    assert_eq!(place.read("data.csv"), "a,b\n1,2\n");
}

#[test]
fn bench_claims_no_share_of_the_memorys_speed_where_there_is_none() {
    let place = Place::new();
    let words = "bench -o adamw,sgd --params 1000 --rounds 3 --quiet --threads 2";
    let printed = place.run(&format!("{words} --svg bars.svg")).ok().stdout;
    assert!(printed.contains("the memory does not set the pace") && !printed.contains('%'), "{printed}");
    assert!(!place.read("bars.svg").contains("fraction"));
    let json = place.run(&format!("{words} --json")).ok().json();
    assert!(json["parameters_large_enough"].as_u64() > Some(1000), "{json}");
    for row in json["optimizers"].as_array().unwrap() {
        assert!(row["fraction_of_stream"].is_null() && row["pace_set_by"] != "memory", "{row}");
    }
}

#[test]
fn settings_reach_function_optimizer_and_schedule() {
    let place = Place::new();
    let words = "minimize quadratic -o sgd,sgd:momentum=0.9:lr=0.001,adam --lr 0.01 --set condition=10 \
                 --set beta1=0.8 --schedule exponential --set schedule.gamma=0.99 --json --steps 10";
    let json = place.run(words).ok().json();
    assert_eq!(json["settings"]["condition"], 10.0);
    assert_eq!(json["schedule"], "exponential");
    let rates: Vec<f64> =
        json["runs"].as_array().unwrap().iter().map(|r| r["lr"].as_f64().unwrap()).collect();
    assert_eq!(rates, [0.01, 0.001, 0.01]);
    assert_eq!(json["runs"][1]["settings"]["momentum"], 0.9);
    assert_eq!(json["runs"][2]["settings"]["beta1"], 0.8);
}

#[test]
fn divergence_is_exit_code_1_and_still_reported() {
    let place = Place::new();
    let done = place.run("minimize rosenbrock -o sgd --lr 1 --json");
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.stderr.contains("every optimizer diverged"), "{done:?}");
    assert_eq!(done.json()["runs"][0]["diverged"], true);
    // one of two is a result
    place.run("minimize rosenbrock -o sgd,adam:lr=0.01 --lr 1 --no-picture").ok();
}

#[test]
fn a_pipe_that_closes_ends_quietly() {
    let script = format!("{} list | head -1; exit ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_steepest"));
    for _ in 0..5 {
        let Ok(output) = std::process::Command::new("bash").args(["-c", &script]).output() else { return };
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn optimizers_can_be_seen_on_their_way() {
    let place = Place::new();
    let words = "minimize booth --optimizer sgd,adam --lr 0.05 --steps 40 --svg booth.svg --animate --gif booth.gif --json";
    let json = place.run(words).ok().json();
    assert_eq!(json["gif"], "booth.gif");
    let svg = place.read("booth.svg");
    assert_eq!(svg.matches("<animateMotion").count(), 2);
    let gif = std::fs::read(place.path().join("booth.gif")).unwrap();
    assert!(gif.starts_with(b"GIF89a") && gif.len() > 10_000);
}
