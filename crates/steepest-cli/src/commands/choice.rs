//! What was chosen before a run, in words and in a table.

use crate::output::{Paint, sentence, table};
use steepest_report::{choice_table, choice_words};
use steepest_train::choose::Chosen;

/// What was chosen, and how sure that is.
pub fn of(chosen: &Chosen, paint: Paint) -> String {
    let (head, rows) = choice_table(chosen);
    let words: Vec<String> = choice_words(chosen).iter().map(|words| sentence(words)).collect();
    format!("{}{}\n", paint.headed(&table(&[vec![head], rows].concat())), words.join("\n"))
}
