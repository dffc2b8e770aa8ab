//! Cells that say that there is no value.

use crate::date;

/// Words that mean a missing value in any column, in any case.
const ANYWHERE: [&str; 26] = [
    "na", "n/a", "n.a.", "nan", "-nan", "null", "(null)", "[null]", "\\n", "<na>", "<null>", "nat", "pd.na",
    "(blank)", "(empty)", "#n/a", "#n/a n/a", "#na", "#null!", "#num!", "#ref!", "#name?", "#value!",
    "#div/0!", "#spill!", "#calc!",
];
/// Marks that stand for nothing, in any column.
const MARKS: [&str; 10] = ["?", "-", "--", "---", ".", "..", "...", "…", "–", "—"];
/// Words that mean a missing value among numbers and dates; among texts they may be a level: a veneer of type `None`.
const AMONG_NUMBERS: [&str; 26] = [
    "none",
    "nil",
    "missing",
    "unknown",
    "undefined",
    "void",
    "empty",
    "blank",
    "nd",
    "n.d.",
    "n/d",
    "k.a.",
    "tbd",
    "tba",
    "*",
    "$-",
    "$ -",
    "€-",
    "€ -",
    "- €",
    "-€",
    "no data",
    "not available",
    "not applicable",
    "not reported",
    "n/k",
];
/// The longest of those that hold in any column.
const LONGEST: usize = 8;

/// Whether a trimmed cell says that there is no value, in any column.
pub(crate) fn is_missing(cell: &str) -> bool {
    // most cells are numbers: one look decides
    if cell.as_bytes().first().is_some_and(u8::is_ascii_digit) || cell.len() > LONGEST {
        return false;
    }
    cell.is_empty()
        || MARKS.contains(&cell)
        // too wide for its cell
        || cell.bytes().all(|byte| byte == b'#')
        || ANYWHERE.iter().any(|word| word.eq_ignore_ascii_case(cell))
}

/// Whether a trimmed cell says that there is no value, in a column of numbers, dates or booleans.
pub(super) fn is_missing_value(cell: &str) -> bool {
    match cell.as_bytes().first() {
        Some(b'0') => date::is_zero(cell),
        Some(first) if first.is_ascii_digit() => cell.contains("#"),
        _ => is_missing(cell) || AMONG_NUMBERS.iter().any(|word| word.eq_ignore_ascii_case(cell)),
    }
}

/// What counted as missing before encoders stored how their columns are written: such an encoder may have a level `--`.
pub(super) fn was_missing(cell: &str) -> bool {
    matches!(cell, "" | "?" | "-")
        || ["na", "n/a", "nan", "null", "#n/a"].iter().any(|word| word.eq_ignore_ascii_case(cell))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_ways_to_say_nothing() {
        for cell in
            ["", "NA", "n/a", "NaN", "NULL", "<NA>", "NaT", "#DIV/0!", "--", ".", "-", "?", "#N/A", "\\N"]
        {
            assert!(is_missing(cell) && is_missing_value(cell), "{cell}");
        }
        for cell in ["None", "none", "unknown", "0000-00-00", "No data", "1.#IND", "*"] {
            assert!(!is_missing(cell) && is_missing_value(cell), "{cell}");
        }
        for cell in ["0", "x", "Nana", "nano", "0000-00-01", "-1", ".5"] {
            assert!(!is_missing(cell) && !is_missing_value(cell), "{cell}");
        }
        assert!(ANYWHERE.iter().chain(&MARKS).all(|word| word.len() <= LONGEST));
    }
}
