use super::fit::{out, settings};
use super::report;
use crate::args::Compare;
use crate::output::{Failure, Paint, Result, print, print_json, sentence, table};
use crate::progress::Reporter;
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;
use steepest_report::{comparison_table, comparison_words};
use steepest_train::choose::{self, CompareOptions, Comparison};

/// Compares optimizers, and says what can be told.
pub fn run(args: Compare) -> Result {
    let Compare { fit, optimizers, baseline, folds, trainings, rates, reach } = args;
    for option in ["optimizer", "lr", "lr-splits"] {
        if fit.given.has(option) {
            let message =
                format!("--{option} is for one optimizer, and `compare` chooses a rate for each of several");
            return Err(Failure::input(message));
        }
    }
    let settings = settings(&fit)?;
    let options = CompareOptions { optimizers, baseline, folds, trainings, rates, reach };
    let mut reporter = Reporter::new(fit.watch);
    let compared = choose::compare(&settings, &options, &out(&fit), &mut reporter);
    let (run, comparison) = compared.map_err(|error| reporter.failure(error))?;
    conclude(&run, &comparison, fit.watch.json, !fit.watch.no_report, reporter)
}

/// Says what a comparison says.
pub fn conclude(run: &Path, comparison: &Comparison, json: bool, page: bool, reporter: Reporter) -> Result {
    drop(reporter);
    let page = page.then(|| report::after(run));
    if json {
        print_json(&json!({ "format": 1, "run": run.to_string_lossy(), "comparison": comparison }))?;
    } else {
        let paint = Paint::stdout();
        let (head, rows) = comparison_table(comparison);
        let table = paint.headed(&table(&[vec![head], rows].concat()));
        let words: Vec<String> = comparison_words(comparison).iter().map(|words| sentence(words)).collect();
        // the verdict comes before the numbers
        let (first, others) = words.split_first().map_or(("", &[][..]), |(first, others)| (first, others));
        let mut text = format!("{}\n\n{table}\n", paint.bold(first));
        others.iter().for_each(|line| text += &format!("{line}\n"));
        let _ = writeln!(text, "{}  {}", paint.dim("run      "), run.display());
        if let Some(Ok(page)) = &page {
            let _ = writeln!(text, "{}  {}", paint.dim("report   "), page.display());
        }
        print(&text)?;
    }
    report::say_unwritten(page);
    Ok(())
}
