//! What columns are for, where a person says so.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Kind, Result, list};
use crate::nearest::nearest_name;
use crate::written::{Expected, Written};

/// What columns are for. A column without a role is learned from, as what its cells say it is.
///
/// Each name is that of one column, or several with commas between them.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Roles {
    /// Left out.
    pub drop: Vec<String>,
    /// The only ones that are learned from; none means all.
    pub only: Vec<String>,
    /// Read as numbers.
    pub number: Vec<String>,
    /// Read as categories.
    pub category: Vec<String>,
    /// Read as dates.
    pub date: Vec<String>,
    /// Text whose words are learned from.
    pub text: Vec<String>,
    /// Kept, but not learned from.
    pub id: Vec<String>,
    /// How much each row counts; at least 0.
    pub weight: Option<String>,
    /// Rows of one group are never on both sides of a split. Not learned from.
    pub group: Option<String>,
    /// The past is for training, the future for the test.
    pub time: Option<String>,
}

/// What one column is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It is learned from.
    #[default]
    Feature,
    /// It is predicted.
    Target,
    /// It is left out.
    Drop,
    /// It is kept, but not learned from.
    Id,
    /// It says how much a row counts.
    Weight,
    /// It says which rows belong together.
    Group,
    /// It says when; it is learned from too.
    Time,
    /// Its words are learned from.
    Text,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Role::Feature => "feature",
            Role::Target => "target",
            Role::Drop => "drop",
            Role::Id => "id",
            Role::Weight => "weight",
            Role::Group => "group",
            Role::Time => "time",
            Role::Text => "text",
        }
    }
}

impl Roles {
    /// The same with the names of columns as the table has them.
    ///
    /// # Errors
    /// [`Error::NoSuchColumn`]; [`Error::TwoRoles`] for a column that is to be two things.
    pub fn resolve(&self, columns: &[&str]) -> Result<Self> {
        let known: BTreeSet<&str> = columns.iter().copied().collect();
        let one = |name: &str| match known.contains(name) {
            true => Ok(name.to_owned()),
            false => Err(Error::NoSuchColumn {
                name: name.to_owned(),
                nearest: nearest_name(name, columns.iter().copied()),
                known: list(columns.iter().copied()),
            }),
        };
        let many = |names: &[String]| -> Result<Vec<String>> {
            let mut all = Vec::new();
            for name in names {
                // a name may have a comma in it
                match known.contains(name.as_str()) || !name.contains(',') {
                    true => all.push(one(name)?),
                    false => {
                        for name in name.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                            all.push(one(name)?);
                        }
                    }
                }
            }
            Ok(all)
        };
        let optional = |name: &Option<String>| name.as_deref().map(one).transpose();
        let resolved = Self {
            drop: many(&self.drop)?,
            only: many(&self.only)?,
            number: many(&self.number)?,
            category: many(&self.category)?,
            date: many(&self.date)?,
            text: many(&self.text)?,
            id: many(&self.id)?,
            weight: optional(&self.weight)?,
            group: optional(&self.group)?,
            time: optional(&self.time)?,
        };
        resolved.check()?;
        Ok(resolved)
    }

    /// Each column with what it is for, of those that have a role.
    fn roles(&self) -> impl Iterator<Item = (&String, Role)> {
        let many = [(&self.drop, Role::Drop), (&self.id, Role::Id)];
        let one = [(&self.weight, Role::Weight), (&self.group, Role::Group), (&self.time, Role::Time)];
        many.into_iter()
            .flat_map(|(names, role)| names.iter().map(move |name| (name, role)))
            .chain(one.into_iter().filter_map(|(name, role)| Some((name.as_ref()?, role))))
    }

    /// Each column with the type that it is to have.
    fn kinds(&self) -> impl Iterator<Item = (&String, &'static str, Kind)> {
        [
            (&self.number, "number", Kind::Number),
            (&self.category, "category", Kind::Category),
            (&self.date, "date", Kind::Date),
            (&self.text, "text", Kind::Category),
        ]
        .into_iter()
        .flat_map(|(names, word, kind)| names.iter().map(move |name| (name, word, kind)))
    }

    fn check(&self) -> Result<()> {
        let mut seen: BTreeMap<&str, &'static str> = BTreeMap::new();
        let mut types: BTreeMap<&str, &'static str> = BTreeMap::new();
        let two = |column: &str, first: &str, second: &str| {
            let [column, first, second] = [column, first, second].map(str::to_owned);
            Err(Error::TwoRoles { column, first, second })
        };
        for (name, role) in self.roles() {
            if let Some(first) = seen.insert(name, role.name()) {
                return two(name, first, role.name());
            }
        }
        for (name, word, _) in self.kinds() {
            match (types.insert(name, word), seen.get(name.as_str())) {
                (Some(first), _) => return two(name, first, word),
                (None, Some(role @ &("drop" | "id"))) => return two(name, role, word),
                _ => {}
            }
        }
        for name in &self.only {
            if let Some(role) = seen.get(name.as_str()).filter(|role| **role != "time") {
                return two(name, role, "only");
            }
        }
        if let (Some(group), Some(time)) = (&self.group, &self.time) {
            return Err(Error::GroupAndTime { group: group.clone(), time: time.clone() });
        }
        Ok(())
    }

    /// Refuses a target that has another role.
    pub(crate) fn check_target(&self, target: &str) -> Result<()> {
        match self.roles().find(|(name, _)| *name == target) {
            None => Ok(()),
            Some((_, role)) => Err(Error::TwoRoles {
                column: target.to_owned(),
                first: role.name().to_owned(),
                second: Role::Target.name().to_owned(),
            }),
        }
    }

    /// What a column has to be, if that is said.
    pub(crate) fn expected(&self, column: &str) -> Option<Expected> {
        let said = self.kinds().find(|(name, ..)| *name == column).map(|(.., kind)| kind);
        // names and keys are no quantities, whatever they look like
        let is_kept = self.id.iter().any(|name| name == column) || self.group.as_deref() == Some(column);
        let kept = || is_kept.then_some(Kind::Category);
        let number = || (self.weight.as_deref() == Some(column)).then_some(Kind::Number);
        let kind = said.or_else(kept).or_else(number)?;
        // who says that a column is of categories means all of them
        let written = (kind == Kind::Category).then_some(Written::Verbatim);
        Some(Expected { kind, written })
    }

    /// The columns that are not read at all: dropped, or not among the only ones and without a role.
    pub(crate) fn dropped<'a>(&self, columns: &[&'a str], target: Option<&str>) -> Vec<&'a str> {
        let has_role = |column: &str| self.roles().any(|(name, role)| name == column && role != Role::Drop);
        let is_dropped = |column: &&&str| {
            let is = |names: &[String]| names.iter().any(|name| name == **column);
            let beside =
                !self.only.is_empty() && !is(&self.only) && target != Some(**column) && !has_role(column);
            is(&self.drop) || beside
        };
        columns.iter().filter(is_dropped).copied().collect()
    }

    /// Whether a column is learned from, as far as its role says.
    pub(crate) fn is_feature(&self, column: &str) -> bool {
        let apart = [&self.weight, &self.group].into_iter().any(|name| name.as_deref() == Some(column));
        !apart && !self.id.iter().any(|name| name == column)
    }

    /// What a column is for.
    pub fn of(&self, column: &str) -> Role {
        if let Some((_, role)) = self.roles().find(|(name, _)| *name == column) {
            return role;
        }
        if self.text.iter().any(|name| name == column) { Role::Text } else { Role::Feature }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn names_are_resolved() {
        let columns = ["a", "b", "c,d", "e"];
        let roles = Roles { drop: names(&["a,b"]), id: names(&["c,d"]), ..Roles::default() };
        let resolved = roles.resolve(&columns).unwrap();
        assert_eq!((resolved.drop, resolved.id), (names(&["a", "b"]), names(&["c,d"])));
        let wrong = Roles { drop: names(&["a,x"]), ..Roles::default() };
        assert!(matches!(wrong.resolve(&columns), Err(Error::NoSuchColumn { name, .. }) if name == "x"));
    }

    #[test]
    fn two_roles_are_refused() {
        let columns = ["a", "b", "t"];
        let group = Some("a".to_owned());
        for roles in [
            Roles { drop: names(&["a"]), group: group.clone(), ..Roles::default() },
            Roles { number: names(&["a"]), category: names(&["a"]), ..Roles::default() },
            Roles { drop: names(&["a"]), number: names(&["a"]), ..Roles::default() },
            Roles { only: names(&["a"]), drop: names(&["a"]), ..Roles::default() },
        ] {
            assert!(matches!(roles.resolve(&columns), Err(Error::TwoRoles { .. })), "{roles:?}");
        }
        let both = Roles { group: group.clone(), time: Some("t".to_owned()), ..Roles::default() };
        assert!(matches!(both.resolve(&columns), Err(Error::GroupAndTime { .. })));
        let roles = Roles { group, only: names(&["b"]), ..Roles::default() }.resolve(&columns).unwrap();
        assert!(roles.check_target("a").is_err() && roles.check_target("t").is_ok());
        assert_eq!(roles.dropped(&columns, Some("t")), Vec::<&str>::new());
        assert_eq!(roles.dropped(&columns, Some("b")), ["t"]);
    }
}
