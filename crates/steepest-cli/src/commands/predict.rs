use super::scores;
use crate::args::Predict;
use crate::output::{Paint, Result, print_json, say, write};
use serde_json::json;
use std::fmt::Write as _;
use steepest_data::Source;
use steepest_train::{FinishedRun, Outputs, Predictions};

/// Predicts, and says how well where that can be known.
pub fn run(args: Predict) -> Result {
    let run = FinishedRun::open(&args.run)?;
    let source = Source::parse(&args.data);
    let predictions = run.predict(&source, args.labels)?;
    if !args.quiet {
        let paint = Paint::stderr();
        let mut told = std::collections::HashSet::new();
        for note in predictions.notes.iter().filter(|note| told.insert(note.as_str())) {
            say(&paint.dim(&format!("note: {note}")));
        }
    }
    if args.json {
        if args.out.is_some() {
            write(args.out.as_deref(), csv(&predictions.outputs).as_bytes())?;
        }
        let mut object = json!({
            "run": args.run,
            "data": args.data,
            "target": predictions.target,
            "rows": rows(&predictions.outputs),
            "score": predictions.score,
        });
        match &args.out {
            Some(path) => object["predictions_file"] = json!(path),
            None => add_predictions(&mut object, &predictions.outputs),
        }
        print_json(&object)?;
    } else {
        write(args.out.as_deref(), csv(&predictions.outputs).as_bytes())?;
    }
    if !args.quiet {
        say(&said(&predictions));
    }
    Ok(())
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
        None => format!("{rows}; {:?} is not in the data, so nothing to compare with", predictions.target),
    }
}

/// A row for each row: `prediction`, and `p_CLASS` for each class.
fn csv(outputs: &Outputs) -> String {
    let mut text = String::new();
    match outputs {
        Outputs::Numbers(values) => {
            text.push_str("prediction\n");
            for value in values {
                let _ = writeln!(text, "{value}");
            }
        }
        Outputs::Classes { codes, classes, probabilities } => {
            text.push_str("prediction");
            for class in classes {
                let _ = write!(text, ",{}", cell(&format!("p_{class}")));
            }
            text.push('\n');
            for (code, row) in codes.iter().zip(probabilities.chunks(classes.len().max(1))) {
                text.push_str(&cell(class_name(classes, *code)));
                for probability in row {
                    let _ = write!(text, ",{probability}");
                }
                text.push('\n');
            }
        }
    }
    text
}

fn class_name(classes: &[String], code: u32) -> &str {
    classes.get(code as usize).map_or("", String::as_str)
}

fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r', ';', '\t', '|']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
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
        assert_eq!(csv(&outputs), "prediction,p_a,\"p_b, \"\"c\"\"\"\n\"b, \"\"c\"\"\",0.25,0.75\na,1,0\n");
        assert_eq!(csv(&Outputs::Numbers(vec![1.5, -2.0])), "prediction\n1.5\n-2\n");
    }
}
