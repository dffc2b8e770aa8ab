//! Text from outside, as TensorBoard's pages may show it.

use super::crc32c::crc32c;
use std::borrow::Cow;
use steepest_data::{is_unseen, shown};

/// The most characters of a tag.
const MOST: usize = 120;
/// How many are shown from each end of one that is longer; what is left over are a `…`, a `~` and eight digits.
const END: usize = 55;

/// A name from outside as a tag that gives no orders: what would move a cursor, turn the direction of text or hide is
/// escaped (`\n`, `\u{202e}`), any other blank is a space, and an empty name is `(no name)`. Of more than 120 characters
/// the first and the last 55 are kept, with a checksum of the whole, so that long names that differ stay apart.
///
/// An [`EventFile`](super::EventFile) does this to every tag itself. Twice is as once.
///
/// ```
/// use steepest_report::tensorboard::inert_tag;
///
/// assert_eq!(inert_tag("gradient/größe"), "gradient/größe");
/// assert_eq!(inert_tag("a\u{1b}[31m\u{202e}b"), r"a\u{1b}[31m\u{202e}b");
/// assert_eq!(inert_tag(&"x".repeat(5000)).chars().count(), 120);
/// ```
pub fn inert_tag(name: &str) -> Cow<'_, str> {
    if name.trim().is_empty() && !name.chars().any(is_unseen) {
        return Cow::Borrowed("(no name)");
    }
    let as_it_is = |c: char| !is_unseen(c) && (c == ' ' || !c.is_whitespace());
    if name.chars().all(as_it_is) && name.chars().nth(MOST).is_none() {
        return Cow::Borrowed(name);
    }
    Cow::Owned(cut(escaped(name), name))
}

/// Escapes what is no mark on the paper.
fn escaped(name: &str) -> String {
    shown(name).at_most(usize::MAX).to_string()
}

fn cut(shown: String, name: &str) -> String {
    if shown.chars().nth(MOST).is_none() {
        return shown;
    }
    let first = shown.char_indices().nth(END).map_or(shown.len(), |(at, _)| at);
    let last = shown.char_indices().nth_back(END - 1).map_or(0, |(at, _)| at);
    format!("{}…{}~{:08x}", &shown[..first], &shown[last..], crc32c(name.as_bytes()))
}

/// A text that is shown letter for letter, in place of Markdown: lines that four spaces begin are code.
pub fn as_code(text: &str) -> String {
    text.lines().map(|line| format!("    {}\n", escaped(&line.replace('\t', "    ")))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_give_no_orders() {
        let hostile = "a\x1b[2J\x1b]0;t\x07b\u{9b}31m\u{202e}\u{2066}c\r\n\0\u{feff}\u{e0041}</script>";
        let tag = inert_tag(hostile);
        assert!(!tag.chars().any(is_unseen), "{tag:?}");
        assert!(tag.ends_with("</script>"), "text is text: {tag:?}");
        assert_eq!(inert_tag("a\u{a0}b\u{3000}c"), "a b c");
        for name in ["", " ", "\u{a0}"] {
            assert_eq!(inert_tag(name), "(no name)");
        }
        assert_eq!(inert_tag("\n"), "\\n");
    }

    #[test]
    fn what_is_read_stays_and_costs_nothing() {
        for name in ["loss/train", "größe (m²)", "年齢", "a\\b", "می\u{200c}خواهم", "👩\u{200d}🔬"]
        {
            assert!(matches!(inert_tag(name), Cow::Borrowed(tag) if tag == name), "{name}");
        }
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let middle = |c: char| format!("{}{c}{}", "é".repeat(300), "z".repeat(300));
        let [a, b] = ['a', 'b'].map(|c| inert_tag(&middle(c)).into_owned());
        assert_ne!(a, b);
        assert_eq!(a.chars().count(), MOST);
        assert!(a.starts_with("ééé") && a.contains("…zzz"), "{a}");
        let just = "x".repeat(MOST);
        assert_eq!(inert_tag(&just), just);
    }

    #[test]
    fn twice_is_as_once() {
        for name in ["", "a\nb", &"x".repeat(121), &"\u{202e}".repeat(100), "a\u{a0}"] {
            let once = inert_tag(name).into_owned();
            assert_eq!(inert_tag(&once), once);
        }
    }

    #[test]
    fn code_is_every_line() {
        assert_eq!(as_code("a = 1\n\n\t\x1b[31m```\n"), "    a = 1\n    \n        \\u{1b}[31m```\n");
    }
}
