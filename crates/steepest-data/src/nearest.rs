//! The name that was meant.

/// The known name most like a wrong one, if one is near enough to be what was meant; near is what it is to
/// `steepest::nearest`.
pub(crate) fn nearest_name<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let wanted = name.to_lowercase();
    let likeness = |known: &str| {
        let known = known.to_lowercase();
        // in a short name, one slip of the finger leaves little for the other measure
        let one_slip = wanted.chars().count() > 2 && strsim::osa_distance(&wanted, &known) <= 1;
        strsim::jaro_winkler(&wanted, &known).max(if one_slip { 0.9 } else { 0.0 })
    };
    known
        .into_iter()
        .map(|known| (likeness(known), known))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known.to_owned())
}
