use super::scores;
use crate::args::Predict;
use crate::output::{Failure, Paint, Result, print_json, quoted, say, write};
use serde_json::json;
use std::fmt::Write as _;
use steepest_data::{Source, csv_cell};
use steepest_train::{FinishedRun, Outputs, PredictOptions, Predictions};

/// Lines of notes on the terminal.
const MOST_NOTES: usize = 10;

/// Predicts, and says how well where that can be known.
pub fn run(args: Predict) -> Result {
    let run = FinishedRun::open(&args.run)?;
    let source = source(&args.data);
    if let Some(out) = &args.out
        && let Some(input) =
            args.data.iter().find(|input| same_file::is_same_file(input, out).unwrap_or(false))
    {
        let message = format!("{} is read from: name another file for the predictions (-o)", quoted(input));
        return Err(Failure::input(message));
    }
    let options = PredictOptions { id: args.id, spread: args.spread, ..args.rows.options() };
    let predictions = run.predict(&source, &options)?;
    if args.spread && predictions.spread.is_none() {
        let message = "--spread: one network was trained, and its predictions have no spread; train several with --members 4";
        return Err(Failure::input(message.to_owned()));
    }
    let csv = |predictions: &Predictions| csv(predictions, args.spreadsheet);
    if !args.quiet {
        tell(&predictions);
    }
    if args.json {
        if args.out.is_some() {
            write(args.out.as_deref(), csv(&predictions).as_bytes())?;
        }
        let mut object = json!({
            "run": args.run,
            "data": source.to_string(),
            "target": predictions.target,
            "rows": rows(&predictions.outputs),
            "score": predictions.score,
        });
        object["notes"] = json!(predictions.warnings.iter().chain(&predictions.notes).collect::<Vec<_>>());
        match &args.out {
            Some(path) => object["predictions_file"] = json!(path),
            None => {
                for (name, texts) in &predictions.kept {
                    object["kept"][name] = json!(texts);
                }
                add_predictions(&mut object, &predictions.outputs);
                if let Some(spread) = &predictions.spread {
                    object["spread"] = json!(spread);
                }
            }
        }
        print_json(&object)?;
    } else {
        write(args.out.as_deref(), csv(&predictions).as_bytes())?;
    }
    if !args.quiet {
        say(&said(&predictions));
    }
    Ok(())
}

/// One file or name, or several files as one table.
pub(super) fn source(data: &[String]) -> Source {
    match data {
        [one] => Source::parse(one),
        several => Source::Files(several.iter().map(Into::into).collect()),
    }
}

/// What puts the predictions in doubt, loudly, and the rest; at most ten lines.
fn tell(predictions: &Predictions) {
    let paint = Paint::stderr();
    let mut told = std::collections::HashSet::new();
    let warnings = predictions.warnings.iter().map(|text| (text, true));
    let notes = predictions.notes.iter().map(|text| (text, false));
    let all: Vec<(&String, bool)> = warnings.chain(notes).filter(|(text, _)| told.insert(*text)).collect();
    for (text, loud) in all.iter().take(MOST_NOTES) {
        match loud {
            true => say(&paint.warn(&format!("warning: {text}"))),
            false => say(&paint.dim(&format!("note: {text}"))),
        }
    }
    if all.len() > MOST_NOTES {
        say(&paint.dim(&format!("note: and {} more, which --json shows", all.len() - MOST_NOTES)));
    }
}

fn rows(outputs: &Outputs) -> usize {
    match outputs {
        Outputs::Numbers(values) => values.len(),
        Outputs::Classes { codes, .. } => codes.len(),
    }
}

/// How many rows, and how good.
fn said(predictions: &Predictions) -> String {
    let rows = crate::output::count(rows(&predictions.outputs) as u64, "row");
    match &predictions.score {
        Some(score) => {
            let table = scores::of_parts(&[("score", score)]);
            format!("{rows}; against {:?} in the data:\n{}", predictions.target, table.trim_end())
        }
        None if predictions.has_target => {
            format!("{rows}; no row has a {:?} that can be scored", predictions.target)
        }
        None => format!("{rows}; {:?} is not in the data, so nothing to compare with", predictions.target),
    }
}

/// A row for each row: what was kept, `prediction`, `p_CLASS` for each class, and `spread` where it is asked for.
fn csv(predictions: &Predictions, spreadsheet: bool) -> String {
    let cell = |text: &str| match spreadsheet && is_formula(text) {
        true => csv_cell(&format!("'{text}")).into_owned(),
        false => csv_cell(text).into_owned(),
    };
    let (kept, outputs) = (&predictions.kept, &predictions.outputs);
    let mut text = String::new();
    for (name, _) in kept {
        let _ = write!(text, "{},", cell(name));
    }
    text.push_str("prediction");
    if let Outputs::Classes { classes, .. } = outputs {
        for class in classes {
            let _ = write!(text, ",{}", cell(&format!("p_{class}")));
        }
    }
    if predictions.spread.is_some() {
        text.push_str(",spread");
    }
    text.push('\n');
    for row in 0..rows(outputs) {
        for (_, texts) in kept {
            let _ = write!(text, "{},", cell(&texts[row]));
        }
        match outputs {
            Outputs::Numbers(values) => {
                let _ = write!(text, "{}", values[row]);
            }
            Outputs::Classes { codes, classes, probabilities } => {
                text.push_str(&cell(class_name(classes, codes[row])));
                let width = classes.len();
                for probability in &probabilities[row * width..(row + 1) * width] {
                    let _ = write!(text, ",{probability}");
                }
            }
        }
        if let Some(spread) = &predictions.spread {
            let _ = write!(text, ",{}", spread[row]);
        }
        text.push('\n');
    }
    text
}

fn class_name(classes: &[String], code: u32) -> &str {
    classes.get(code as usize).map_or("", String::as_str)
}

/// Whether a spreadsheet would compute it: no number, and one of the signs before it.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err()
}

fn add_predictions(object: &mut serde_json::Value, outputs: &Outputs) {
    match outputs {
        Outputs::Numbers(values) => object["predictions"] = json!(values),
        Outputs::Classes { codes, classes, probabilities } => {
            let names: Vec<&str> = codes.iter().map(|code| class_name(classes, *code)).collect();
            object["predictions"] = json!(names);
            object["classes"] = json!(classes);
            object["probabilities"] = probabilities.chunks(classes.len().max(1)).map(|p| json!(p)).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_become_columns_and_are_quoted() {
        let outputs = Outputs::Classes {
            codes: vec![1, 0],
            classes: vec!["a".into(), "b, \"c\"".into()],
            probabilities: vec![0.25, 0.75, 1.0, 0.0],
        };
        let predictions = |outputs, kept| Predictions {
            notes: Vec::new(),
            warnings: Vec::new(),
            kept,
            target: "y".into(),
            has_target: false,
            outputs,
            spread: None,
            score: None,
        };
        assert_eq!(
            csv(&predictions(outputs, Vec::new()), false),
            "prediction,p_a,\"p_b, \"\"c\"\"\"\n\"b, \"\"c\"\"\",0.25,0.75\na,1,0\n"
        );
        let kept = vec![("no, 1".to_owned(), vec!["007".to_owned(), String::new()])];
        let numbers = predictions(Outputs::Numbers(vec![1.5, -2.0]), kept);
        assert_eq!(csv(&numbers, true), "\"no, 1\",prediction\n007,1.5\n,-2\n");
        let kept = vec![("=x".to_owned(), vec!["-1e3".to_owned(), "@a,b".to_owned()])];
        let numbers = predictions(Outputs::Numbers(vec![1.5, -2.0]), kept);
        assert_eq!(csv(&numbers, true), "'=x,prediction\n-1e3,1.5\n\"'@a,b\",-2\n");
        assert_eq!(csv(&numbers, false), "=x,prediction\n-1e3,1.5\n\"@a,b\",-2\n");
    }
}
