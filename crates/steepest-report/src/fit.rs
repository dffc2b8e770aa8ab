//! The report of one run.

use crate::choice::choice;
use crate::command::quoted;
use crate::failure::{Failure, failure};
use crate::health::complaints;
use crate::number::{count, duration, short, significant};
use crate::page::{Block, Chart, Page, Section, Series, Tone};
use crate::predictions::{baseline_of, least_known, main_metric, predictions, with_interval};
use crate::run::Run;
use steepest_train::{EpochDone, LearningRate, Metric, Summary};

/// Columns of a table of columns; of more the first are shown.
const MOST_COLUMNS: usize = 200;
/// Layers of a picture of layers.
const MOST_LAYERS: usize = 60;
/// Notes on the data that are shown.
const MOST_NOTES: usize = 200;
/// Notes that stand as paragraphs below one another; more of them are rows of a table, which does not make the page longer.
const MOST_PARAGRAPHS: usize = 10;

/// The page of a run; other commands add sections to it.
pub fn page(run: &Run) -> Page {
    let sections = [
        overview(run),
        learning(run),
        choice(&run.path),
        gradients(run),
        predictions(run),
        data(run),
        settings(run),
    ];
    Page {
        title: run.name(),
        subtitle: subtitle(run),
        sections: sections.into_iter().filter(|section| !section.blocks.is_empty()).collect(),
    }
}

fn subtitle(run: &Run) -> String {
    let what = format!("{} from {}", run.target, run.settings.data.source);
    match &run.summary {
        Some(summary) => format!("{what}: {} with {}", summary.task, summary.optimizer),
        None => format!("{what} with {}", run.settings.optimizer.name),
    }
}

/// A metric at the beginning of a sentence.
fn spoken(metric: Metric) -> String {
    match metric {
        Metric::Accuracy => "The fraction of right answers (accuracy)".to_owned(),
        Metric::Rmse => "The typical error (rmse)".to_owned(),
        other => format!("The {other}"),
    }
}

fn overview(run: &Run) -> Section {
    let section = Section::new("What came out");
    let Some(summary) = &run.summary else { return cut_off(run, section) };
    match failure(summary) {
        Some(failure) => failed(run, summary, &failure, section),
        None => went_well(run, summary, section),
    }
}

/// A run that was killed has no summary: what its settings and its epochs tell.
fn cut_off(run: &Run, section: Section) -> Section {
    let done = match run.epochs.len() {
        0 if run.path.join("trials/asked.json").exists() => {
            "it was cut while settings were chosen, or before its first epoch was finished".to_owned()
        }
        0 => "no epoch is finished yet".to_owned(),
        n => format!("{} of at most {} are done", count(n as u64, "epoch"), most_epochs(run)),
    };
    let text = format!("The run is not finished: {done}. It goes on with `steepest resume`.");
    let mut facts = Vec::new();
    if let Some(best) = run.epochs.iter().rfind(|epoch| epoch.best) {
        facts.push(("best so far".to_owned(), format!("epoch {}", best.epoch)));
    }
    if let Some(last) = run.epochs.last() {
        facts.push(("trained".to_owned(), format!("{}, {}", count(last.step, "step"), time(last.seconds))));
    }
    let optimizer = &run.settings.optimizer;
    let lr = match optimizer.lr {
        Some(LearningRate::Number(lr)) => format!(", learning rate {}", short(lr)),
        Some(LearningRate::Auto) => ", its learning rate still to be chosen".to_owned(),
        None => String::new(),
    };
    facts.push(("optimizer".to_owned(), format!("{}{lr}", optimizer.name)));
    facts.push(("next".to_owned(), command(run, "resume", "")));
    section.with(Block::Text(Tone::Warning, text)).with(Block::Facts(facts))
}

fn most_epochs(run: &Run) -> String {
    run.settings.train.epochs.map_or("?".to_owned(), |epochs| epochs.to_string())
}

fn command(run: &Run, name: &str, rest: &str) -> String {
    format!("steepest {name} {}{rest}", quoted(&run.path.to_string_lossy()))
}

/// First that it failed, where, and what to change; what the health of its layers and its scores say follows from that.
fn failed(run: &Run, summary: &Summary, failure: &Failure, mut section: Section) -> Section {
    let Failure { epoch, what, lr, advice, .. } = failure;
    section = section
        .with(Block::Text(Tone::Bad, format!("The run failed in epoch {epoch}: {what}.")))
        .with(Block::Text(
            Tone::Warning,
            format!(
                "What to change: {advice}. Most often the steps were too large: each made the loss larger, until its \
                 numbers became too large to go on with. `steepest predict` refuses this run."
            ),
        ));
    for note in &summary.not_written {
        section = section.with(Block::Text(Tone::Warning, note.clone()));
    }
    let settings = quoted(&run.path.join("settings.toml").to_string_lossy());
    let next = format!("steepest fit --config {settings} --lr {lr}");
    let trained = format!("{}, {}, into epoch {epoch}", count(summary.steps, "step"), time(summary.seconds));
    section.with(Block::Facts(facts(summary, trained, next)))
}

fn went_well(run: &Run, summary: &Summary, mut section: Section) -> Section {
    let (part, score) = least_known(summary);
    let metric = main_metric(score);
    let baseline = baseline_of(summary);
    let mut text = match part {
        "train" => format!("{} on the training rows is ", spoken(metric)),
        part => format!("{} on the {part} rows is ", spoken(metric)),
    };
    text += &with_interval(score, metric, "95 %: ");
    text += ".";
    if let (Some(baseline), Some(said)) = (baseline, &summary.baseline) {
        let value = with_interval(baseline, metric, "95 %: ");
        text += &format!(" Without the inputs it would be {value}, by predicting {}.", said.predicts);
    }
    if part == "train" && summary.finished {
        text += " No rows were held back (--validation, --test), so that nothing is known about new rows.";
    }
    let tone = match baseline.map(|baseline| score.loss < baseline.loss) {
        Some(true) => Tone::Good,
        Some(false) => Tone::Warning,
        None => Tone::Plain,
    };
    section = section.with(Block::Text(tone, text));
    if !summary.finished {
        let text = "The run was interrupted. It goes on with `steepest resume`, and its test rows were not looked at.";
        section = section.with(Block::Text(Tone::Warning, text.to_owned()));
    }
    for note in summary.notes.iter().chain(&summary.not_written) {
        section = section.with(Block::Text(Tone::Warning, note.clone()));
    }
    let complaints = complaints(summary);
    for complaint in complaints.iter().take(MOST_PARAGRAPHS) {
        section = section.with(Block::Text(Tone::Warning, complaint.clone()));
    }
    if complaints.len() > MOST_PARAGRAPHS {
        let text = format!(
            "{} more layers or tensors are not as they should be.",
            complaints.len() - MOST_PARAGRAPHS
        );
        section = section.with(Block::Text(Tone::Warning, text));
    }
    let next = match summary.finished {
        true => command(run, "predict", " NEW_DATA"),
        false => command(run, "resume", ""),
    };
    // an interrupted run may have begun an epoch that it did not finish
    let epochs = match summary.finished {
        true => summary.epochs,
        false => run.epochs.len() as u64,
    };
    let (steps, time) = (count(summary.steps, "step"), time(summary.seconds));
    let trained = format!("{}, {steps}, {time}", count(epochs, "epoch"));
    let mut facts = facts(summary, trained, next);
    facts.insert(0, ("ended".to_owned(), summary.stopped_because.clone()));
    section.with(Block::Facts(facts))
}

fn facts(summary: &Summary, trained: String, next: String) -> Vec<(String, String)> {
    let kept = match summary.best_epoch {
        0 => "the last weights: no epoch was finished".to_owned(),
        epoch => format!("those of epoch {epoch}, the best by {}", summary.kept_by),
    };
    let optimizer = format!("{}, learning rate {}", summary.optimizer, short(summary.lr));
    [
        ("weights kept", kept),
        ("trained", trained),
        ("optimizer", optimizer),
        ("network", count(summary.parameters as u64, "parameter")),
        ("rows of a step", summary.batch.to_string()),
        ("next", next),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// The time of a run, of which `0.0 s` would say nothing.
fn time(seconds: f64) -> String {
    if seconds < 0.05 { "less than 0.1 s".to_owned() } else { duration(seconds) }
}

/// A line over the epochs, if any of its values is finite.
fn line(run: &Run, name: &str, value: impl Fn(&EpochDone) -> Option<f64>) -> Option<Series> {
    let points: Vec<[f64; 2]> =
        run.epochs.iter().filter_map(|epoch| Some([epoch.epoch as f64, value(epoch)?])).collect();
    points.iter().any(|[_, y]| y.is_finite()).then(|| Series::new(name, points))
}

/// A chart over the epochs, if there is something to show.
fn over_epochs(title: &str, y: &str, log: bool, series: Vec<Option<Series>>) -> Option<Block> {
    let series: Vec<Series> = series.into_iter().flatten().collect();
    let chart = Chart::Lines {
        title: title.to_owned(),
        x: "epoch".into(),
        y: y.to_owned(),
        series,
        log,
        unit: false,
        diagonal: false,
    };
    matches!(&chart, Chart::Lines { series, .. } if !series.is_empty()).then_some(Block::Chart(chart))
}

fn learning(run: &Run) -> Section {
    let section = Section::new("How it learned");
    let metric = run.metric.name();
    match run.epochs.as_slice() {
        [] => {
            return section.with(Block::plain(
                "No epoch was finished, so that there are no curves: they have a point for each epoch, which is one \
                 pass over the training rows.",
            ));
        }
        [only] => {
            return section
                .with(Block::plain("One epoch was done, so that there are no curves."))
                .with(one(only, metric));
        }
        _ => {}
    }
    let mut losses = run.epochs.iter().map(|epoch| epoch.train_loss).filter(|loss| loss.is_finite());
    let all_positive = losses.all(|loss| loss > 0.0);
    let charts = [
        over_epochs(
            "Loss",
            "loss",
            all_positive,
            vec![
                line(run, "training", |epoch| Some(epoch.train_loss)),
                line(run, "validation", |epoch| epoch.validation_loss),
                line(run, "validation, outliers capped", |epoch| epoch.validation_capped).filter(|_| {
                    // where nothing was cut it is the same line
                    run.epochs.iter().any(|epoch| epoch.validation_capped != epoch.validation_loss)
                }),
            ],
        ),
        over_epochs(
            &format!("Validation {metric}"),
            metric,
            false,
            vec![line(run, metric, |epoch| epoch.validation_metric)],
        ),
        over_epochs("Learning rate", "rate", false, vec![line(run, "learning rate", |epoch| Some(epoch.lr))]),
    ];
    let mut text =
        "An epoch is one pass over the training rows. The loss is what training makes smaller.".to_owned();
    if run.epochs.iter().any(|epoch| epoch.validation_loss.is_some()) {
        text += " Where the training loss falls and the validation loss rises, the network learns its rows by heart.";
    }
    let section = section.with(Block::Text(Tone::Plain, text));
    charts.into_iter().flatten().fold(section, Section::with)
}

/// What is told of an epoch, of which a curve would be a point.
fn one(epoch: &EpochDone, metric: &str) -> Block {
    let validation_metric = format!("validation {metric}");
    let rows = [
        ("training loss", Some(epoch.train_loss)),
        ("validation loss", epoch.validation_loss),
        (&validation_metric, epoch.validation_metric),
        ("learning rate at its end", Some(epoch.lr)),
        ("norm of the gradient, before clipping", Some(epoch.gradient_norm)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(vec![name.to_owned(), significant(value?, 4)]));
    Block::Table { head: ["of the epoch", "value"].map(str::to_owned).into(), rows: rows.collect() }
}

fn gradients(run: &Run) -> Section {
    let section = Section::new("Gradients and updates");
    let told: Vec<&EpochDone> = run.epochs.iter().filter(|epoch| !epoch.layers.is_empty()).collect();
    if let ([only], [_]) = (run.epochs.as_slice(), told.as_slice()) {
        return section.with(layers(only));
    }
    if run.epochs.len() < 2 {
        return section;
    }
    let names: Vec<String> = told
        .first()
        .map_or(Vec::new(), |epoch| epoch.layers.iter().map(|layer| layer.name.clone()).collect());
    let shown = names.len().min(MOST_LAYERS);
    let mut blocks = vec![
        Some(Block::plain(
            "The gradient says how the loss changes with each weight, and its norm how strongly. Healthy norms change \
             slowly; one that grows or shrinks by powers of ten is a sign of trouble.",
        )),
        over_epochs(
            "Norm of the gradient, before clipping",
            "norm",
            true,
            vec![line(run, "norm", |epoch| Some(epoch.gradient_norm))],
        ),
    ];
    if !told.is_empty() {
        // as many columns as a screen shows
        let step = told.len().div_ceil(120);
        let columns: Vec<&&EpochDone> = told.iter().step_by(step).collect();
        let cells = (0..shown).map(|layer| {
            let norm = |epoch: &&&EpochDone| {
                epoch.layers.get(layer).map(|l| l.gradient_norm).filter(|x| x.is_finite())
            };
            columns.iter().map(norm).collect()
        });
        let marks = (0..shown).map(|layer| marks(&columns, layer));
        blocks.push(Some(Block::Chart(Chart::Heat {
            title: "Norm of each layer's gradient".into(),
            x: "epoch".into(),
            cells: cells.collect(),
            marks: marks.collect(),
            rows: names[..shown].to_vec(),
            columns: columns.iter().map(|epoch| epoch.epoch as f64).collect(),
        })));
        let ratios = (0..shown.min(12)).map(|layer| {
            line(run, &names[layer], |epoch| epoch.layers.get(layer).and_then(|l| l.update_ratio))
        });
        blocks.push(over_epochs(
            "Change of each layer in a step, relative to its size",
            "ratio",
            true,
            ratios.collect(),
        ));
    }
    blocks.into_iter().flatten().fold(section, Section::with)
}

/// Each layer at the end of the only epoch.
fn layers(epoch: &EpochDone) -> Block {
    let rows = epoch.layers.iter().take(MOST_LAYERS).map(|layer| {
        let change = layer.update_ratio.map_or(String::new(), |ratio| significant(100.0 * ratio, 2));
        vec![layer.name.clone(), significant(layer.gradient_norm, 3), change]
    });
    Block::Table {
        head: ["layer", "norm of its gradient", "change in a step, %"].map(str::to_owned).into(),
        rows: rows.collect(),
    }
}

/// What a layer's gradient did between the epochs that are shown: `+` where it exploded in more than a twentieth of the
/// steps, `-` where it vanished.
fn marks(columns: &[&&EpochDone], layer: usize) -> String {
    let (mut exploded, mut vanished, mut steps) = (0, 0, 0);
    let mark = |epoch: &&&EpochDone| {
        let Some(now) = epoch.layers.get(layer) else { return ' ' };
        let often =
            |now: u64, before: u64| 20 * now.saturating_sub(before) > epoch.step.saturating_sub(steps);
        let mark = match (often(now.exploded, exploded), often(now.vanished, vanished)) {
            (true, _) => '+',
            (false, true) => '-',
            (false, false) => ' ',
        };
        (exploded, vanished, steps) = (now.exploded, now.vanished, epoch.step);
        mark
    };
    columns.iter().map(mark).collect()
}

fn data(run: &Run) -> Section {
    let mut section = Section::new("The data");
    if !run.columns.is_empty() {
        let row = |column: &crate::run::Column| {
            vec![column.name.clone(), column.kind.clone(), column.features.clone()]
        };
        let rows = run.columns.iter().take(MOST_COLUMNS).map(row).collect();
        section = section.with(Block::Table {
            head: ["column", "taken for", "what the network gets"].map(str::to_owned).into(),
            rows,
        });
        if run.columns.len() > MOST_COLUMNS {
            let text = format!("These are the first {MOST_COLUMNS} of {} columns.", run.columns.len());
            section = section.with(Block::Text(Tone::Plain, text));
        }
    }
    if !run.dropped.is_empty() {
        let names: Vec<String> =
            run.dropped.iter().take(50).map(|name| steepest_data::shown(name).to_string()).collect();
        let more = if run.dropped.len() > 50 {
            format!(" and {} more", run.dropped.len() - 50)
        } else {
            String::new()
        };
        section =
            section.with(Block::Text(Tone::Plain, format!("Not learned from: {}{more}", names.join(", "))));
    }
    let notes: Vec<&String> = run.notes.iter().filter(|note| !note.is_empty()).take(MOST_NOTES).collect();
    if notes.len() > MOST_PARAGRAPHS {
        let rows = notes.into_iter().map(|note| vec![note.clone()]).collect();
        return section.with(Block::Table { head: vec!["what was found in the data".to_owned()], rows });
    }
    notes.into_iter().fold(section, |section, note| section.with(Block::Text(Tone::Plain, note.clone())))
}

/// Every setting, as `table.key`.
pub fn flat_settings(run: &Run) -> Vec<(String, String)> {
    fn walk(key: String, value: &serde_json::Value, flat: &mut Vec<(String, String)>) {
        match value {
            serde_json::Value::Object(fields) => {
                let join =
                    |name: &String| if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                fields.iter().for_each(|(name, value)| walk(join(name), value, flat));
            }
            serde_json::Value::String(word) => flat.push((key, word.clone())),
            value => flat.push((key, value.to_string())),
        }
    }
    let mut flat = Vec::new();
    walk(String::new(), &serde_json::to_value(&run.settings).unwrap_or_default(), &mut flat);
    flat
}

fn settings(run: &Run) -> Section {
    let rows = flat_settings(run).into_iter().map(|(key, value)| vec![key, value]).collect();
    Section::new("Settings").with(Block::Table { head: ["setting", "value"].map(str::to_owned).into(), rows })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use steepest_data::is_unseen;

    fn charts(page: &Page) -> usize {
        let blocks = page.sections.iter().flat_map(|section| &section.blocks);
        blocks.filter(|block| matches!(block, Block::Chart(_))).count()
    }

    fn failed(best_epoch: u64) -> Summary {
        Summary {
            stopped_by: "non_finite".into(),
            stopped_because:
                "at step 12 the gradient of `w` is NaN at index 0 (1 such value in it); try a smaller \
                              learning rate (skip_non_finite)"
                    .into(),
            best_epoch,
            lr: 10.0,
            notes: vec!["the network is worse than the baseline".into()],
            ..fixture::summary()
        }
    }

    #[test]
    fn a_run_that_failed_says_so_first_and_shows_no_empty_chart() {
        let mut summary = failed(0);
        (summary.test, summary.validation) = (None, None);
        summary.train.loss = f64::NAN;
        let page = page(&fixture::run(Some(summary), Vec::new()));
        let [Block::Text(Tone::Bad, first), Block::Text(Tone::Warning, advice), Block::Facts(facts)] =
            page.sections[0].blocks.as_slice()
        else {
            panic!("{:?}", page.sections[0]);
        };
        assert_eq!(
            first,
            "The run failed in epoch 3: at step 12 the gradient of `w` is NaN at index 0 (1 such value in it)."
        );
        assert!(
            advice.contains("--lr 0.003 in place of 10") && advice.contains("--skip-non-finite"),
            "{advice}"
        );
        assert_eq!(facts.last().unwrap().1, "steepest fit --config runs/a/settings.toml --lr 0.003");
        let html = page.html();
        assert!(html.contains("No epoch was finished, so that there are no curves"), "{html}");
        assert!(
            html.contains("before it had weights that are worth a score") && charts(&page) == 0,
            "{html}"
        );
    }

    #[test]
    fn what_came_before_a_failure_is_shown() {
        let epochs = vec![fixture::epoch(1, 0.5), fixture::epoch(2, f64::INFINITY), fixture::epoch(3, 0.2)];
        let shown = page(&fixture::run(Some(failed(1)), epochs));
        assert!(shown.html().contains("the weights of epoch 1, before the run failed"));
        assert!(charts(&shown) >= 4);
        // a loss that is not finite everywhere has no chart
        let nan = |epoch| EpochDone {
            lr: f64::NAN,
            validation_loss: None,
            validation_capped: None,
            validation_metric: None,
            gradient_norm: f64::NAN,
            ..fixture::epoch(epoch, f64::NAN)
        };
        let run = fixture::run(None, vec![nan(1), nan(2)]);
        assert_eq!(charts(&page(&run)), 0);
    }

    #[test]
    fn of_one_epoch_there_are_numbers_and_no_curves() {
        let summary = Summary { epochs: 1, best_epoch: 1, ..fixture::summary() };
        let page = page(&fixture::run(Some(summary), vec![fixture::epoch(1, 0.5)]));
        let section = |title: &str| page.sections.iter().find(|section| section.title == title);
        let [Block::Text(..), Block::Table { rows, .. }] =
            section("How it learned").unwrap().blocks.as_slice()
        else {
            panic!("a sentence and a table");
        };
        assert_eq!(rows[0], ["training loss", "0.5000"]);
        assert_eq!(rows[2], ["validation accuracy", "0.9000"]);
    }

    #[test]
    fn a_run_that_was_cut_says_how_it_goes_on() {
        let mut run = fixture::run(None, vec![fixture::epoch(1, 0.5), fixture::epoch(2, 0.4)]);
        run.path = "my runs/a".into();
        run.metric = Metric::Rmse;
        let html = page(&run).html();
        for part in
            ["The run is not finished: 2 epochs", "steepest resume &#39;my runs/a&#39;", "Validation rmse"]
        {
            assert!(html.contains(part), "{part}");
        }
        // an epoch was begun, and is not counted
        let summary = Summary { finished: false, test: None, ..fixture::summary() };
        let html = page(&fixture::run(Some(summary), run.epochs)).html();
        assert!(html.contains("2 epochs, 30 steps") && html.contains("interrupted"), "{html}");
    }

    #[test]
    fn without_rows_held_back_nothing_is_said_of_new_rows() {
        let summary = Summary { validation: None, test: None, ..fixture::summary() };
        let html = page(&fixture::run(Some(summary), vec![fixture::epoch(1, 0.5)])).html();
        assert!(
            html.contains("on the training rows is 0.9") && html.contains("nothing is known about new rows")
        );
    }

    #[test]
    fn a_wide_table_and_many_notes_do_not_make_the_page_long() {
        let mut run = fixture::run(Some(fixture::summary()), Vec::new());
        let column = |at: usize| crate::run::Column {
            name: format!("c{at}"),
            kind: "number".into(),
            features: "scaled".into(),
        };
        run.columns = (0..3000).map(column).collect();
        run.notes = (0..3000).map(|at| format!("note {at}")).collect();
        let page = page(&run);
        let data = page.sections.iter().find(|section| section.title == "The data").unwrap();
        assert_eq!(data.blocks.len(), 3, "columns, how many there are, notes");
        let html = page.html();
        assert!(
            html.contains("These are the first 200 of 3000 columns.") && html.len() < 200_000,
            "{}",
            html.len()
        );
    }

    #[test]
    fn hostile_names_are_inert_in_every_place() {
        let hostile = format!(
            "</script><img src=x onerror=alert(1)>\u{202e}\u{1b}[2J\"'&\u{2028}<!--{}",
            "x".repeat(100_000)
        );
        let own = || hostile.clone();
        let mut score = fixture::score(0.1);
        score.classes[0].class = own();
        score.classes[1].class = format!("--{hostile}");
        let mut summary = Summary {
            run: own().into(),
            optimizer: own(),
            kept_by: own(),
            positive: Some(own()),
            stopped_because: own(),
            train: score.clone(),
            validation: Some(score.clone()),
            test: Some(score.clone()),
            baseline: Some(steepest_train::Baseline { predicts: own(), validation: None, test: Some(score) }),
            notes: vec![own()],
            not_written: vec![own()],
            ..fixture::summary()
        };
        let numbers = r#"{"format":1,"part":"test","rows":1,"key":"k","losses":[0.1],
            "classes":{"curves":[{"class":"NAME","rows":1,"roc":[[0,0],[1,1]],"precision_recall":[[0,1]]}],
            "calibration":[],"confused":[{"class":"NAME","taken_for":"NAME","rows":1}]}}"#;
        let quoted = serde_json::to_string(&hostile).unwrap();
        let mut run = fixture::run(None, vec![fixture::epoch(1, 0.5), fixture::epoch(2, 0.5)]);
        for epoch in &mut run.epochs {
            let layer = r#"{"name":NAME,"gradient_norm":1.0,"update_ratio":0.1,"exploded":0,"vanished":0}"#;
            epoch.layers = vec![serde_json::from_str(&layer.replace("NAME", &quoted)).unwrap()];
        }
        run.path = format!("runs/{hostile}").into();
        run.evaluation = serde_json::from_str(&numbers.replace("\"NAME\"", &quoted)).unwrap();
        run.notes = vec![own()];
        run.columns = vec![crate::run::Column { name: own(), kind: own(), features: own() }];
        run.dropped = vec![own()];
        run.target = own();
        run.settings.data.source = own();
        let mut pages = vec![page(&run)];
        run.summary = Some(summary.clone());
        pages.push(page(&run));
        pages.push(crate::comparison(&[run.clone(), run.clone()]));
        summary.stopped_by = "divergence".into();
        run.summary = Some(summary);
        pages.push(page(&run));
        pages.push(crate::comparison(&[run.clone(), run]));
        for page in pages {
            let html = page.html();
            assert_eq!(html.matches("</script>").count(), 2, "those of the page");
            assert!(!html.contains("<img") && !html.contains("<!--"));
            assert_eq!(html.chars().find(|c| is_unseen(*c) && *c != '\n'), None);
            assert!(html.len() < 100_000, "{}", html.len());
        }
    }
}
