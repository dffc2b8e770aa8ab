//! What was chosen before a run, in words and in a table.

use crate::output::{Paint, columns, hanging, table};
use console::Term;
use steepest_report::{choice_table, choice_words};
use steepest_train::choose::Chosen;

/// What was chosen, and how sure that is.
pub fn of(chosen: &Chosen, paint: Paint) -> String {
    let (head, rows) = choice_table(chosen);
    let lines = table(&[vec![head], rows].concat());
    let (head, rest) = lines.split_once('\n').unwrap_or((&lines, ""));
    // between words, where a terminal would break inside of them
    let room = columns(&Term::stdout());
    let words: Vec<String> =
        choice_words(chosen).iter().map(|words| hanging(words.split(' '), room, 0)).collect();
    format!("{}\n{rest}{}\n", paint.dim(head), words.join("\n"))
}
