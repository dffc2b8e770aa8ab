//! Lines that are no records.

/// What comment lines begin with; never nothing.
#[derive(Clone, Copy)]
pub(super) enum Comment<'a> {
    /// As was said.
    Said(&'a str),
    /// As the first lines do. Cells may begin so too, `#N/A` does: a line with as many fields as the others is a
    /// record, unless a blank follows.
    Found(&'a str),
}

impl Comment<'_> {
    /// Whether a line is a comment. `as_wide` says whether it has as many fields as the records.
    pub(super) fn is(self, line: &[u8], as_wide: impl FnOnce() -> bool) -> bool {
        match self {
            Comment::Said(prefix) => line.starts_with(prefix.as_bytes()),
            Comment::Found(prefix) => line
                .strip_prefix(prefix.as_bytes())
                .is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace) || !as_wide()),
        }
    }
}

/// Fields of a line, without those of a quote that goes on in the next.
pub(super) fn fields(line: &[u8], delimiter: u8) -> usize {
    let mut quoted = false;
    let separators = line.iter().filter(|&&byte| {
        quoted ^= byte == b'"';
        byte == delimiter && !quoted
    });
    separators.count() + 1
}
