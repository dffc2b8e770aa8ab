//! From the cells of a source to a table: which columns there are, what they are for, and their types.

use std::collections::HashMap;
use std::path::Path;

use super::options::ReadOptions;
use super::raw::{RawColumn, RawTable};
use crate::error::{Error, Kind, Result, list};
use crate::nearest::nearest_name;
use crate::place::Place;
use crate::table::{Column, Table};
use crate::task::usual_target;
use crate::typing::{Context, Typed, decide};
use crate::written::{Expected, Written};

/// Decides the type of every column. `path` is what errors call the source.
pub(crate) fn typed(raw: RawTable, path: &Path, options: &ReadOptions) -> Result<Table> {
    let mut seen = HashMap::new();
    for (index, column) in raw.columns.iter().enumerate() {
        if let Some(first) = seen.insert(column.name.as_str(), index + 1) {
            let name = column.name.clone();
            return Err(Error::DuplicateColumn { path: path.to_owned(), name, first, second: index + 1 });
        }
    }
    let names: Vec<&str> = raw.columns.iter().map(|column| column.name.as_str()).collect();
    if let Some(name) = options.required.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(Error::NoSuchColumn {
            name: name.clone(),
            nearest: nearest_name(name, names.iter().copied()),
            known: list(names.iter().copied()),
        });
    }
    let roles = options.roles.resolve(&names)?;
    let target = options.target.as_deref().or_else(|| usual_target(&names).map(|index| names[index]));
    let dropped: Vec<String> = roles.dropped(&names, target).into_iter().map(str::to_owned).collect();
    let mut notes = raw.notes;
    let mut columns = Vec::with_capacity(raw.columns.len());
    let text = Expected { kind: Kind::Category, written: Some(Written::Verbatim) };
    for RawColumn { name, cells } in raw.columns {
        if dropped.contains(&name) {
            continue;
        }
        let place = |row: usize| Place::of(row, &raw.lines, &raw.files);
        let context = Context {
            column: &name,
            place: &place,
            commas_separate: raw.commas_separate,
            conventions: options.conventions,
            infinity_is_missing: options.infinity_is_missing,
            strict: options.strict,
        };
        let said = roles.expected(&name);
        let known = said.as_ref().or_else(|| options.columns.get(&name));
        let expected = known.or(options.others_as_text.then_some(&text));
        let Typed { values, written, notes: said, mut unread, open_ends } =
            decide(cells, expected, &context)?;
        notes.extend(said);
        unread.extend(open_ends);
        unread.sort_unstable();
        columns.push(Column { name, values, written, unread });
    }
    if columns.is_empty() {
        return Err(Error::NoFeatures { dropped: notes });
    }
    let mut table = Table::new(path.display().to_string(), columns);
    table.rows = raw.rows;
    table.lines = raw.lines;
    table.files = raw.files;
    table.notes = notes;
    (table.roles, table.dropped) = (roles, dropped);
    Ok(table)
}
