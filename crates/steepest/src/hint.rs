//! "Did you mean …": the known name that is most like a wrong one, and the words for it.

use std::fmt;

/// What a message says after a wrong name: the name that was probably meant, and those that there are.
///
/// ```
/// use steepest::{Hint, nearest};
/// let known = ["sgd".to_owned(), "adamw".to_owned()];
/// let nearest = nearest("AdamW", known.iter().map(String::as_str));
/// assert_eq!(Hint { nearest, known: &known }.to_string(), "did you mean `adamw`? known: sgd, adamw");
/// assert_eq!(Hint { nearest: None, known: &known }.to_string(), "known: sgd, adamw");
/// // where there are too many to list
/// assert_eq!(Hint { nearest, known: &[] }.to_string(), "did you mean `adamw`");
/// assert_eq!(Hint { nearest: None, known: &[] }.to_string(), "check the spelling");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint<'a> {
    /// The known name that is most like the wrong one, if one is near.
    pub nearest: Option<&'a str>,
    /// The known names; none where a list would not help.
    pub known: &'a [String],
}

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.nearest, self.known) {
            (Some(name), []) => write!(f, "did you mean `{name}`"),
            (None, []) => write!(f, "check the spelling"),
            (Some(name), known) => write!(f, "did you mean `{name}`? known: {}", known.join(", ")),
            (None, known) => write!(f, "known: {}", known.join(", ")),
        }
    }
}

/// The candidate most like `name`, if one is near enough to be what was meant; without the feature `strsim` one that differs in
/// capitals alone.
///
/// ```
/// assert_eq!(steepest::nearest("adamW", ["sgd", "adamw"]), Some("adamw"));
/// # #[cfg(feature = "strsim")]
/// assert_eq!(steepest::nearest("sdg", ["sgd", "adamw"]), Some("sgd"));
/// assert_eq!(steepest::nearest("lbfgs", ["sgd", "adamw"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    candidates
        .into_iter()
        .map(|c| (likeness(&wanted, &c.to_lowercase()), c))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c)
}

/// How like two names are, from 0 to 1.
#[cfg(feature = "strsim")]
fn likeness(wanted: &str, candidate: &str) -> f64 {
    // in a short name, one slip of the finger leaves little for the other measure
    let one_slip = wanted.chars().count() > 2 && strsim::osa_distance(wanted, candidate) <= 1;
    strsim::jaro_winkler(wanted, candidate).max(if one_slip { 0.9 } else { 0.0 })
}

/// Without a measure, names are alike that differ in capitals alone.
#[cfg(not(feature = "strsim"))]
fn likeness(wanted: &str, candidate: &str) -> f64 {
    f64::from(u8::from(wanted == candidate))
}
