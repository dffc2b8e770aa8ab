//! Texts as levels.

use std::collections::HashMap;

use crate::table::Values;

/// Codes and sorted levels from texts.
pub(crate) fn category<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> Values {
    let mut known: HashMap<&str, u32> = HashMap::new();
    let mut codes: Vec<Option<u32>> = texts
        .map(|text| {
            text.map(|text| {
                let next = known.len() as u32;
                *known.entry(text).or_insert(next)
            })
        })
        .collect();
    let mut sorted: Vec<(&str, u32)> = known.into_iter().collect();
    sorted.sort_unstable();
    let mut rank = vec![0; sorted.len()];
    for (place, &(_, first_seen)) in sorted.iter().enumerate() {
        rank[first_seen as usize] = place as u32;
    }
    for code in codes.iter_mut().flatten() {
        *code = rank[*code as usize];
    }
    Values::Category { codes, levels: sorted.into_iter().map(|(text, _)| text.to_owned()).collect() }
}
