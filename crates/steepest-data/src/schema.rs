//! What a table is, column by column, as a text that a person can edit.

use crate::error::{Error, Kind, Result, shown};
use crate::read::ReadOptions;
use crate::roles::Role;
use crate::table::Table;
use crate::written::{Expected, Written};

/// What a table is.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// The version of this form: 1.
    pub format: u32,
    /// The columns, in the order of the table.
    #[serde(default, rename = "column")]
    pub columns: Vec<SchemaColumn>,
}

/// What a column is.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaColumn {
    /// Its name.
    pub name: String,
    /// What it is for. Default: it is learned from.
    #[serde(default, rename = "role")]
    pub role: Role,
    /// Its type. Default: its cells tell.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// How its cells are written. Default: they tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Written>,
}

/// The version of the form.
const FORMAT: u32 = 1;

impl Schema {
    /// The schema of a table whose target is this.
    pub fn of(table: &Table, target: &str) -> Self {
        let column = |column: &crate::Column| SchemaColumn {
            name: column.name.clone(),
            role: if column.name == target { Role::Target } else { table.roles.of(&column.name) },
            kind: Some(column.values.kind()),
            // what has one way to be written says nothing
            written: Some(column.written.clone()).filter(|written| {
                matches!(written, Written::Number(_) | Written::Date(_) | Written::ZonedDate(_))
            }),
        };
        let dropped =
            |name: &String| SchemaColumn { name: name.clone(), role: Role::Drop, kind: None, written: None };
        let columns = table.columns.iter().map(column).chain(table.dropped.iter().map(dropped));
        Self { format: FORMAT, columns: columns.collect() }
    }

    /// Refuses what is no schema; `name` is what errors call it.
    ///
    /// # Errors
    /// [`Error::Schema`] for another version, a column that stands twice, or two columns of a role that one can have.
    pub fn check(&self, name: &str) -> Result<()> {
        let refuse = |reason: String| Err(Error::Schema { name: name.to_owned(), reason });
        if self.format != FORMAT {
            return refuse(format!("its format is {}, this program reads {FORMAT}", self.format));
        }
        for (at, column) in self.columns.iter().enumerate() {
            if self.columns[..at].iter().any(|before| before.name == column.name) {
                return refuse(format!("column {:?} stands in it twice", shown(&column.name)));
            }
            let single = matches!(column.role, Role::Target | Role::Weight | Role::Group | Role::Time);
            if single && self.columns[..at].iter().any(|before| before.role == column.role) {
                return refuse(format!("column {:?} is the second of its role", shown(&column.name)));
            }
        }
        Ok(())
    }

    fn with(&self, role: Role) -> Option<&str> {
        self.columns.iter().find(|column| column.role == role).map(|column| column.name.as_str())
    }

    /// The column to predict.
    pub fn target(&self) -> Option<&str> {
        self.with(Role::Target)
    }

    /// Adds what the schema says to options that say nothing about it.
    pub fn complete(&self, options: &mut ReadOptions) {
        let roles = &mut options.roles;
        let many =
            [&roles.drop, &roles.id, &roles.text, &roles.number, &roles.category, &roles.date, &roles.only];
        let said: Vec<String> = many.into_iter().flatten().cloned().collect();
        let one = [&roles.weight, &roles.group, &roles.time];
        let said: Vec<&str> =
            said.iter().map(String::as_str).chain(one.into_iter().flatten().map(String::as_str)).collect();
        let open: Vec<&SchemaColumn> =
            self.columns.iter().filter(|column| !said.contains(&column.name.as_str())).collect();
        let of = |role: Role| open.iter().filter(move |column| column.role == role).map(|c| c.name.clone());
        let (drop, id, text): (Vec<_>, Vec<_>, Vec<_>) =
            (of(Role::Drop).collect(), of(Role::Id).collect(), of(Role::Text).collect());
        let (weight, group, time) = (of(Role::Weight).next(), of(Role::Group).next(), of(Role::Time).next());
        roles.drop.extend(drop);
        roles.id.extend(id);
        roles.text.extend(text);
        roles.weight = roles.weight.take().or(weight);
        // one kind of split was asked for: the other is not wanted any more
        let (had_group, had_time) = (roles.group.is_some(), roles.time.is_some());
        roles.group = roles.group.take().or(group.filter(|_| !had_time));
        roles.time = roles.time.take().or(time.filter(|_| !had_group));
        for column in &self.columns {
            if let Some(kind) = column.kind {
                // who changes the type alone leaves open how it is written
                let fits = |written: &Written| {
                    matches!(
                        (kind, written),
                        (Kind::Number, Written::Number(_))
                            | (Kind::Date, Written::Date(_) | Written::ZonedDate(_))
                    )
                };
                let expected = Expected { kind, written: column.written.clone().filter(fits) };
                options.columns.entry(column.name.clone()).or_insert(expected);
            }
        }
        options.required.extend(self.columns.iter().map(|column| column.name.clone()));
        options.target = options.target.take().or_else(|| self.target().map(str::to_owned));
    }
}
