use super::{importance, predict};
use crate::args::Explain;
use crate::output::{Failure, Paint, Result, count, print, print_json, say, significant, table};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::prelude::*;
use serde_json::json;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use steepest_data::{Source, shown};
use steepest_report::{Picture, duration, explained_pictures};
use steepest_train::FinishedRun;
use steepest_train::explain::{ExplainOptions, Explained, Join, Lacks, Method, Plan};

/// Columns of the table on the terminal.
const MOST_COLUMNS: usize = 12;

/// Explains rows, and leaves what was found in the run's directory.
pub fn run(args: Explain) -> Result {
    let run = FinishedRun::open(&args.run)?;
    let source = (!args.data.is_empty()).then(|| predict::source(&args.data));
    let options = options(&args)?;
    let explainer = run.explainer(source.as_ref(), &options).map_err(|error| refused(error, &args))?;
    let plan = explainer.plan().clone();
    let paint = Paint::stderr();
    if !args.quiet {
        say(&paint.dim(&said_before(&plan)));
    }
    let bar = bar(plan.rows, args.quiet);
    let found = explainer.explain(&|rows| bar.inc(rows as u64));
    bar.finish_and_clear();
    let found = found.map_err(|error| refused(error, &args))?;
    if !args.quiet {
        found.warnings.iter().for_each(|text| say(&paint.warn(&format!("warning: {text}"))));
        found.notes.iter().take(10).for_each(|text| say(&paint.dim(&format!("note: {text}"))));
    }
    let folder = leave(&args.run, &found)?;
    // a page that cannot be written takes nothing from what was found
    let page = super::report::after(&args.run);
    if args.json {
        let columns = |output: usize| -> Vec<serde_json::Value> {
            let means = found.mean_absolute(output);
            let column = |at: usize| {
                let [mean, half] = means[at];
                json!({ "column": found.columns[at], "mean_absolute": mean, "interval": [(mean - half).max(0.0), mean + half] })
            };
            found.by_weight(output).into_iter().map(column).collect()
        };
        let outputs: Vec<_> = (0..found.outputs.len())
            .map(|k| json!({ "output": found.outputs[k], "unit": found.units[k], "columns": columns(k) }))
            .collect();
        print_json(&json!({
            "format": 1,
            "run": args.run.to_string_lossy(),
            "explained": folder.to_string_lossy(),
            "data": found.data,
            "rows": found.rows.len(),
            "method": found.made.method,
            "exact": plan.exact,
            "evaluations": plan.evaluations,
            "background": plan.background,
            "seed": found.made.seed,
            "outputs": outputs,
            "importance": found.importance,
            "correlated": found.correlated,
            "warnings": found.warnings,
            "notes": found.notes,
        }))
    } else {
        let paint = Paint::stdout();
        let mut text = report(&found, paint);
        let mut line = |what: &str, is: &str| {
            let _ = writeln!(text, "{}  {is}", paint.dim(&format!("{what:<9}")));
        };
        line("files", &folder.to_string_lossy());
        if let Ok(page) = page {
            line("report", &page.to_string_lossy());
        }
        print(&text)
    }
}

fn options(args: &Explain) -> Result<ExplainOptions> {
    let words: Vec<&str> = args.join.iter().map(String::as_str).collect();
    let join = match words[..] {
        [] => Join::None,
        ["auto"] => Join::Auto,
        _ => {
            let group = |text: &&str| text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
            let groups: Vec<Vec<String>> = words.iter().map(group).collect();
            if let Some(at) = groups.iter().position(|group| group.len() < 2) {
                let found = shown(words[at]);
                return Err(Failure::input(format!(
                    "--join {found}: expected two columns or more, as --join a,b, or auto alone"
                )));
            }
            Join::Groups(groups)
        }
    };
    let defaults = ExplainOptions::default();
    Ok(ExplainOptions {
        read: args.rows.options(),
        method: args.method.unwrap_or_default(),
        scale: args.scale.unwrap_or_default(),
        join,
        background: args.background.as_deref().map(Source::parse),
        max_seconds: args.max_time.unwrap_or(defaults.max_seconds),
        evaluations: args.evaluations,
        seed: args.seed,
        threads: args.threads,
    })
}

/// An error with the option that does something about it.
fn refused(error: steepest_train::Error, args: &Explain) -> Failure {
    let option = match Lacks::of(&error) {
        Some(Lacks::Budget) if args.evaluations.is_some() => "--evaluations",
        Some(Lacks::Budget) => "--max-time, --join",
        Some(Lacks::Background) => "--background",
        Some(Lacks::Columns) => "--join",
        None => return error.into(),
    };
    Failure::input(format!("{error} ({option})"))
}

/// What will be done and how long it takes, before it is.
fn said_before(plan: &Plan) -> String {
    let how = match plan.method {
        Method::Path => "expected integrated gradients".to_owned(),
        Method::Lime => "five lines of 2,000 samples for each row".to_owned(),
        Method::Linear => "the network's slopes at each row".to_owned(),
        Method::Auto | Method::Shapley if plan.exact => {
            format!("exact, all {} coalitions", plan.evaluations)
        }
        Method::Auto | Method::Shapley => format!(
            "estimated, at most {} coalitions a row (--evaluations {} gives the same bits again)",
            plan.evaluations, plan.evaluations
        ),
    };
    format!(
        "explaining {} by {} against {}: {how}; about {}",
        count(plan.rows as u64, "row"),
        count(plan.columns as u64, "column"),
        count(plan.background as u64, "row"),
        duration(plan.seconds)
    )
}

fn bar(rows: usize, quiet: bool) -> ProgressBar {
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len} rows, {eta} left");
    ProgressBar::with_draw_target(Some(rows as u64), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Writes a new folder in the run: the first number that is free. What cannot be written whole is taken away again.
fn leave(run: &Path, found: &Explained) -> Result<PathBuf> {
    let folder = (1u32..)
        .map(|number| run.join(format!("explain-{number:04}")))
        .find_map(|path| match std::fs::create_dir(&path) {
            Ok(()) => Some(Ok(path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => None,
            Err(error) => Some(Err(Failure::file(&path, error))),
        })
        .unwrap_or_else(|| Err(Failure::Run("no number is free".to_owned())))?;
    let render = |(name, svg): (String, String)| match Picture::png(&svg) {
        Ok(png) => Ok((name, svg, png)),
        Err(reason) => Err(Failure::Run(format!("{name}.png: {reason}"))),
    };
    let write = || -> Result {
        let file = |name: &str, bytes: &[u8]| crate::output::write(Some(&folder.join(name)), bytes);
        file("explanations.csv", found.csv().as_bytes())?;
        file("explanations.jsonl", found.jsonl().as_bytes())?;
        file("activations.csv", found.activations_csv().as_bytes())?;
        if let Some(slopes) = found.slopes_csv() {
            file("slopes.csv", slopes.as_bytes())?;
        }
        let pictures: Result<Vec<_>> = explained_pictures(found).into_par_iter().map(render).collect();
        for (name, svg, png) in pictures? {
            file(&format!("{name}.svg"), svg.as_bytes())?;
            file(&format!("{name}.png"), &png)?;
        }
        // the last: with it, the folder is whole
        file("explanation.json", found.to_json().as_bytes())
    };
    match write() {
        Ok(()) => Ok(folder),
        Err(error) => {
            let _ = std::fs::remove_dir_all(&folder);
            Err(error)
        }
    }
}

/// What the columns are worth, in one screen.
fn report(found: &Explained, paint: Paint) -> String {
    let mut text = String::new();
    let is_one = found.rows.len() == 1;
    let most_outputs = if is_one { 1 } else { 4 };
    // of one row, the output that is largest
    let outputs: Vec<usize> = match is_one {
        true => (0..found.outputs.len())
            .max_by(|a, b| found.rows[0].outputs[*a].whole.total_cmp(&found.rows[0].outputs[*b].whole))
            .into_iter()
            .collect(),
        false => (0..found.outputs.len()).take(most_outputs).collect(),
    };
    for output in outputs {
        let head = match is_one {
            true => {
                let [base, whole] = [&found.rows[0].outputs[output]].map(|row| [row.base, row.whole])[0];
                format!(
                    "{}: {} against {} on average",
                    found.units[output],
                    significant(whole, 4),
                    significant(base, 4)
                )
            }
            false => format!(
                "{}: mean of the absolute values over {}",
                found.units[output],
                count(found.rows.len() as u64, "row")
            ),
        };
        let _ = writeln!(text, "\n{}", paint.bold(&head));
        text += &match is_one {
            true => of_one(found, output),
            false => of_all(found, output),
        };
    }
    if found.outputs.len() > most_outputs && !is_one {
        let _ = writeln!(
            text,
            "and {} more, in the files",
            count((found.outputs.len() - most_outputs) as u64, "output")
        );
    }
    if !found.importance.is_empty() {
        let _ = writeln!(text, "\n{}", paint.bold("what shuffling a column costs on these rows"));
        text += &importance::table_of(&found.importance);
    }
    text.push('\n');
    text
}

fn of_all(found: &Explained, output: usize) -> String {
    let means = found.mean_absolute(output);
    let order = found.by_weight(output);
    let mut rows = vec![vec!["column".to_owned(), "mean |value|".to_owned(), "95 %".to_owned()]];
    for &at in order.iter().take(MOST_COLUMNS) {
        let [mean, half] = means[at];
        let interval =
            format!("{} to {}", significant((mean - half).max(0.0), 3), significant(mean + half, 3));
        rows.push(vec![shown(&found.columns[at]).to_string(), significant(mean, 4), interval]);
    }
    table(&rows) + &more(order.len())
}

fn of_one(found: &Explained, output: usize) -> String {
    let row = &found.rows[0];
    let values = &row.outputs[output];
    let order = found.by_weight(output);
    let mut rows = vec![["column", "is", "adds", "±", "± background"].map(str::to_owned).to_vec()];
    for &at in order.iter().take(MOST_COLUMNS) {
        let error = |errors: &[f64], reach: f64| {
            errors
                .get(at)
                .filter(|error| **error > 0.0)
                .map_or(String::new(), |error| significant(reach * error, 2))
        };
        rows.push(vec![
            shown(&found.columns[at]).to_string(),
            row.texts.get(at).map_or(String::new(), |text| shown(text).to_string()),
            significant(values.values[at], 4),
            error(&values.standard_errors, row.reach),
            error(&values.background_errors, 1.96),
        ]);
    }
    table(&rows) + &more(order.len())
}

fn more(columns: usize) -> String {
    match columns.checked_sub(MOST_COLUMNS) {
        Some(more) if more > 0 => format!("and {}, in the files\n", count(more as u64, "more column")),
        _ => String::new(),
    }
}
