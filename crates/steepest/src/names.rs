//! Tables whose rows have names: one way to find a row, for all of them.

use crate::error::{Error, Result};

/// A row of a table, looked up by its name.
pub trait Named {
    /// The name, unique in its table: as in files and on the command line.
    fn name(&self) -> &str;
}

/// The row called `name`. `kind` says what the rows are, for the error: `optimizer`, `schedule`, …
///
/// # Errors
/// [`Error::UnknownName`], with the nearest name.
///
/// ```
/// use steepest::names::{Named, find};
/// struct Unit(&'static str);
/// impl Named for Unit {
///     fn name(&self) -> &str {
///         self.0
///     }
/// }
/// let units = [Unit("step"), Unit("epoch")];
/// assert_eq!(find("unit", &units, "epoch")?.0, "epoch");
/// assert_eq!(
///     find("unit", &units, "epochs").err().unwrap().to_string(),
///     "no unit is called `epochs`; did you mean `epoch`? known: step, epoch"
/// );
/// # Ok::<(), steepest::Error>(())
/// ```
pub fn find<'a, T: Named>(
    kind: &'static str,
    rows: impl IntoIterator<Item = &'a T>,
    name: &str,
) -> Result<&'a T> {
    let mut known = Vec::new();
    for row in rows {
        if row.name() == name {
            return Ok(row);
        }
        known.push(row.name());
    }
    Err(Error::unknown_name(kind, name, known))
}
