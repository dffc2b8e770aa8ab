//! Text as features: which of its frequent words stand in a cell.

use std::collections::{BTreeSet, HashMap};

/// Text has at most this many words of its own.
const MOST_WORDS: usize = 128;
/// A word stands in at least this many training rows.
const RAREST_WORD: usize = 3;

/// The words that are looked for, one feature each.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Words {
    words: Vec<String>,
}

/// The words of a text, in lower case, each once.
fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

impl Words {
    /// The most frequent words of some texts that do not stand in all of them; `None` if there are none.
    pub(super) fn fit<'a>(texts: impl Iterator<Item = &'a str>) -> Option<Self> {
        let (mut counts, mut rows) = (HashMap::<String, usize>::new(), 0);
        for text in texts {
            rows += 1;
            words(text).into_iter().for_each(|word| *counts.entry(word).or_default() += 1);
        }
        let mut frequent: Vec<(String, usize)> =
            counts.into_iter().filter(|(_, count)| (RAREST_WORD..rows).contains(count)).collect();
        frequent.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        frequent.truncate(MOST_WORDS);
        let mut words: Vec<String> = frequent.into_iter().map(|(word, _)| word).collect();
        words.sort_unstable();
        (!words.is_empty()).then_some(Self { words })
    }

    pub(super) fn width(&self) -> usize {
        self.words.len()
    }

    pub(super) fn names(&self, column: &str) -> Vec<String> {
        self.words.iter().map(|word| format!("{column} has {word:?}")).collect()
    }

    /// The features of a text: the places of its words.
    pub(super) fn places(&self, text: &str) -> Vec<usize> {
        words(text).iter().filter_map(|word| self.words.binary_search(word).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_words_are_kept() {
        let texts = ["A red House", "the red car!", "red: a house", "a HOUSE", "blue"];
        let fitted = Words::fit(texts.into_iter()).unwrap();
        assert_eq!(fitted.words, ["a", "house", "red"]);
        assert_eq!(fitted.places("House, a blue house"), [0, 1]);
        assert_eq!(Words::fit(["one", "two"].into_iter()), None);
    }
}
