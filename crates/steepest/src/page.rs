//! Documentation that programs read, too: one sentence, then sections (`# Formula`, `# State`, …) in Markdown.

/// The first paragraph of a page, on one line: the summary.
pub(crate) fn summary(page: &str) -> String {
    let paragraph = page.trim_start().split("\n\n").next().unwrap_or_default();
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The section of a page under `# heading`, without its heading.
pub(crate) fn section(page: &str, heading: &str) -> Option<String> {
    let mut inside = false;
    let lines: Vec<&str> = page
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .filter(|line| {
            if let Some(title) = line.strip_prefix("# ")
                && title.trim().chars().next().is_some_and(char::is_uppercase)
            {
                inside = title.trim() == heading;
                return false;
            }
            inside
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n").trim().to_owned())
}

/// Declares a struct whose documentation is also a constant `PAGE`, as [`settings!`](crate::settings!) does for structs
/// of settings.
macro_rules! with_page {
    (
        $(#[doc = $page:literal])*
        #[derive($($derive:ident),+)]
        pub struct $name:ident { $($fields:tt)* }
    ) => {
        $(#[doc = $page])*
        #[derive($($derive),+)]
        pub struct $name { $($fields)* }

        impl $name {
            /// This documentation, in Markdown: what `describe` prints.
            pub const PAGE: &'static str = concat!($($page, "\n"),*);
        }
    };
}
pub(crate) use with_page;
