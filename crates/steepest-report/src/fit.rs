//! The page of one run: its sections in their order, and those on the data and the settings.

use crate::choice::choice;
use crate::epochs::{gradients, learning};
use crate::explained::section as explained;
use crate::overview::overview;
use crate::page::{Block, Page, Section, Tone};
use crate::predictions::predictions;
use crate::run::Run;

/// Columns of a table of columns; of more the first are shown.
const MOST_COLUMNS: usize = 200;
/// Notes on the data that are shown.
const MOST_NOTES: usize = 200;
/// Notes that stand as paragraphs below one another; more of them are rows of a table, which does not make the page longer.
const MOST_PARAGRAPHS: usize = 10;

/// The page of a run; other commands add sections to it.
pub fn page(run: &Run) -> Page {
    let sections = [
        overview(run),
        learning(run),
        choice(run.chosen.as_ref()),
        gradients(run),
        predictions(run),
        explained(run.explained.as_ref()),
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
    use steepest_train::{EpochDone, Metric, Summary};

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
