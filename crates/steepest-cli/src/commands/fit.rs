use super::{importance, scores};
use crate::args::{Fit, KeyValue};
use crate::output::{
    Failure, Paint, Result, behind, columns, count, hanging, print, print_json, quoted, say, significant,
};
use crate::progress::Reporter;
use console::Term;
use serde_json::json;
use std::fmt::Write as _;
use steepest_report::{complaints, duration, failure};
use steepest_train::choose::How;
use steepest_train::{DataSettings, Out, Settings, Stopped, Summary};

/// Trains a network, shows it, and says what came out.
pub fn run(args: Fit) -> Result {
    let settings = settings(&args)?;
    let out = out(&args);
    let mut reporter = Reporter::new(args.watch);
    let trained = steepest_train::fit(&settings, &out, &mut reporter);
    let summary = trained.map_err(|error| reporter.failure(error))?;
    conclude(
        &summary,
        &settings.data.source,
        &Shown { json: args.watch.json, report: !args.watch.no_report },
        &mut reporter,
    )
}

/// Columns of what is printed at the end.
fn width() -> usize {
    columns(&Term::stdout()).map_or(WIDTH, |columns| columns.min(WIDTH))
}

/// Where a run goes.
pub fn out(args: &Fit) -> Out {
    match &args.out {
        Some(path) => Out::At(path.clone()),
        None => Out::New { root: "runs".into() },
    }
}

/// How a run that has ended is shown.
pub struct Shown {
    pub json: bool,
    /// Whether it leaves a page.
    pub report: bool,
}

/// Says what came out of a run, and how it ended. `source` is what to predict next.
pub fn conclude(summary: &Summary, source: &str, shown: &Shown, reporter: &mut Reporter) -> Result {
    reporter.end(summary);
    // a page that cannot be written is no failed run
    let page = shown.report.then(|| super::report::after(&summary.run));
    if let (true, Some(tuned)) = (shown.json, reporter.chosen().filter(|chosen| chosen.how == How::Tune)) {
        print_json(&json!({ "format": 1, "tuned": tuned, "run": summary }))?;
    } else if shown.json {
        print_json(summary)?;
    } else {
        let failed = reporter.stopped().is_some_and(Stopped::is_failure);
        let choice =
            reporter.chosen().map(|tuned| format!("\n{}", super::choice::of(tuned, Paint::stdout())));
        let mut text =
            choice.unwrap_or_default() + &report(summary, source, failed, Paint::stdout(), width());
        if let Some(Ok(page)) = &page {
            let _ = writeln!(text, "{}  {}", Paint::stdout().dim("report   "), page.display());
        }
        print(&text)?;
    }
    super::report::say_unwritten(page);
    let went_well =
        reporter.stopped().is_some_and(|stopped| !stopped.is_failure() && *stopped != Stopped::Interrupted);
    if let Some(problem) = summary.not_written.first().filter(|_| went_well) {
        let resume = format!("steepest resume {}", quoted(&summary.run.to_string_lossy()));
        return Err(Failure::Run(format!(
            "{problem}; nothing is lost: make room, then `{resume}` goes on from the last checkpoint and ends with these scores"
        )));
    }
    match reporter.stopped() {
        Some(Stopped::Interrupted) => Err(Failure::Interrupted(reporter.signal())),
        _ => match failure(summary) {
            Some(failure) => Err(Failure::Run(what_went_wrong(&failure, summary))),
            None => Ok(()),
        },
    }
}

/// The settings of a run: the defaults, changed by the file, changed by the options.
pub fn settings(args: &Fit) -> Result<Settings> {
    let mut settings = match &args.config {
        None => Settings::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::input(format!("{}: {error}", path.display())))?;
            Settings::from_toml(&text, &path.display().to_string())?
        }
    };
    let chosen = settings.optimizer.lr;
    let optimizer = &mut settings.optimizer;
    if let Some(name) = args.given.name("optimizer").filter(|name| **name != optimizer.name) {
        if args.config.is_some()
            && (!optimizer.settings.is_empty() || optimizer.lr.is_some())
            && !args.watch.quiet
        {
            let dropped =
                format!("the file's learning rate and settings are for {}, not for {name}", optimizer.name);
            say(&Paint::stderr().dim(&behind("note: ", dropped.split(' '))));
        }
        // another optimizer's learning rate and settings mean nothing to this one
        optimizer.lr = None;
        optimizer.lr_from = None;
        optimizer.settings.clear();
    }
    let schedule = &mut settings.schedule;
    if args.given.name("schedule").is_some_and(|name| Some(name) != schedule.name.as_ref()) {
        schedule.settings.clear();
    }
    if let Some((first, others)) = args.data.split_first() {
        settings.data.source.clone_from(first);
        settings.data.more_files = others.to_vec();
    }

    if let Some(path) = &args.schema {
        settings.data.schema = Some(super::data::read_schema(path)?);
    }
    make_room(&args.given, &mut settings);
    args.given.set(&mut settings);

    let sets_rate = args.set.iter().any(|set| ["lr", "optimizer.lr"].contains(&set.key.as_str()));
    if sets_rate && args.given.has("lr") {
        return Err(Failure::input("--lr and --set lr=… both give a learning rate: give one of them"));
    }
    for KeyValue { key, value } in &args.set {
        // `--set lr=0.1` means what `lr = 0.1` under `[optimizer]` in a file means
        let done = match key.strip_prefix("schedule.") {
            Some(key) => settings.set("schedule", key, value),
            None => settings.set("optimizer", key.strip_prefix("optimizer.").unwrap_or(key), value),
        };
        done.map_err(|error| Failure::input(format!("--set {key}={value}: {error}")))?;
    }
    if args.given.has("lr-splits") && !settings.optimizer.chooses_rate() {
        return Err(Failure::input("--lr-splits is for --lr auto, and no learning rate is chosen so here"));
    }
    // a rate that is given is not the one that was chosen
    if settings.optimizer.lr != chosen {
        settings.optimizer.lr_from = None;
    }
    settings.check()?;
    Ok(settings)
}

/// What an option says of a column takes the place of what the file says of it.
fn make_room(given: &crate::args::Given, settings: &mut Settings) {
    let mut said = Settings::default();
    given.set(&mut said);
    let lists = |data: &mut DataSettings| {
        [
            std::mem::take(&mut data.drop),
            std::mem::take(&mut data.number),
            std::mem::take(&mut data.category),
            std::mem::take(&mut data.date),
            std::mem::take(&mut data.text),
            std::mem::take(&mut data.id),
        ]
    };
    let only = said.data.only.clone();
    let named: Vec<String> = lists(&mut said.data)
        .into_iter()
        .flatten()
        .chain(only)
        .chain([said.data.weight, said.data.group, said.data.time, said.data.target].into_iter().flatten())
        .collect();
    let data = &mut settings.data;
    for list in
        [&mut data.drop, &mut data.number, &mut data.category, &mut data.date, &mut data.text, &mut data.id]
    {
        list.retain(|name| !named.contains(name));
    }
    for one in [&mut data.weight, &mut data.group, &mut data.time] {
        one.take_if(|name| named.contains(name));
    }
}

/// Columns before what a line says.
const INDENT: usize = 11;
/// Columns of the lines where nobody knows how many there are, and the most.
const WIDTH: usize = 80;

/// What came out, in one screen of so many columns. What went wrong is told after it, by the error.
fn report(summary: &Summary, source: &str, failed: bool, paint: Paint, columns: usize) -> String {
    let mut text = format!("\n{}\n", scores::of_run(summary, paint));
    let mut line = |what: &str, is: &str| {
        let _ = writeln!(text, "{}  {is}", paint.dim(&format!("{what:<9}")));
    };
    let wrapped = |sentence: &str| hanging(sentence.split_whitespace(), Some(columns), INDENT);
    if let Some(recalls) = scores::recalls(summary) {
        line("recall", &wrapped(&recalls));
    }
    if let Some(class) = &summary.positive {
        let name = scores::name(class);
        line("positive", &wrapped(&format!("{name}, the rarer class: average_precision and f1 are of it")));
    }
    if let Some(baseline) = &summary.baseline {
        line("baseline", &wrapped(&baseline.predicts));
    }
    for note in &summary.notes {
        line("note", &paint.warn(&wrapped(note)));
    }
    match failed {
        true => line("failed", &paint.error(&wrapped(&summary.stopped_by))),
        false => line("stopped", &wrapped(&summary.stopped_because)),
    }
    line(
        "kept",
        &wrapped(&match summary.best_epoch {
            0 => "the last weights: no epoch was finished".to_owned(),
            epoch => format!("the weights of epoch {epoch}, the best by {}", summary.kept_by),
        }),
    );
    let (epochs, steps) = (count(summary.epochs, "epoch"), count(summary.steps, "step"));
    line("trained", &wrapped(&format!("{epochs} in {steps}, {}", duration(summary.seconds))));
    line("gradients", &health(summary, failed, paint, columns));
    for (at, column) in importance::lines(&summary.importance).iter().enumerate() {
        line(if at == 0 { "columns" } else { "" }, column);
    }
    // paths and commands are copied: they stay on one line
    let run = summary.run.to_string_lossy();
    line("run", &run);
    if !failed {
        let next = match summary.finished && summary.not_written.is_empty() {
            true => format!("steepest predict {} {}", quoted(&run), quoted(source)),
            false => format!("steepest resume {}", quoted(&run)),
        };
        line("next", &paint.bold(&next));
    }
    text
}

/// One line when all is well, else the tensors that are not.
fn health(summary: &Summary, failed: bool, paint: Paint, columns: usize) -> String {
    let health = &summary.health;
    let [first, last] = health.gradient_norm;
    let mut line = match summary.best_epoch {
        0 => "not measured over an epoch".to_owned(),
        _ => {
            format!("norm {} in the first epoch, {} in the last", significant(first, 3), significant(last, 3))
        }
    };
    if health.clipped > 0.0 {
        let _ = write!(line, "; {:.1} % of the steps clipped", 100.0 * health.clipped);
    }
    if health.skipped > 0 {
        let _ = write!(line, "; {} skipped for a NaN or an infinity", count(health.skipped, "step"));
    }
    let wrapped = |sentence: &str| hanging(sentence.split_whitespace(), Some(columns), INDENT);
    let sick = complaints(summary);
    if sick.is_empty() && failed {
        return wrapped(&line);
    }
    if sick.is_empty() {
        return wrapped(&format!("healthy: {line}")).replacen("healthy", &paint.good("healthy"), 1);
    }
    let lines =
        [wrapped(&line)].into_iter().chain(sick.iter().map(|sentence| paint.warn(&wrapped(sentence))));
    lines.collect::<Vec<_>>().join(&format!("\n{:INDENT$}", ""))
}

/// Where it failed, and what to change.
fn what_went_wrong(failure: &steepest_report::Failure, summary: &Summary) -> String {
    let steepest_report::Failure { diverged, epoch, what, advice, .. } = failure;
    let verb = if *diverged { "diverged" } else { "broke off" };
    let run = quoted(&summary.run.to_string_lossy());
    format!("training {verb} in epoch {epoch}: {what}; try {advice}; the run lies in {run}")
}
