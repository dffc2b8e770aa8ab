//! Command lines to copy.

/// A word of a command line, quoted where a shell would take it apart.
///
/// ```
/// assert_eq!(steepest_report::quoted("runs/iris-0001"), "runs/iris-0001");
/// assert_eq!(steepest_report::quoted("it's; rm x"), r"'it'\''s; rm x'");
/// ```
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
