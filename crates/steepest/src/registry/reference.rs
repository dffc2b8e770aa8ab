//! The reference page: every optimizer's documentation, with its table of settings.

use super::table::{LBFGS, OPTIMIZERS};
use crate::settings::Parameter;
use std::fmt::Write as _;

/// The reference page in Markdown: a table of all optimizers, then each one's own page.
pub fn reference_page() -> String {
    let mut page = String::from(
        "# Optimizers\n\nState and traffic are bytes for each f32 parameter of a matrix, with default settings: \
         what is kept, and what a step reads and writes.\n\n\
         | optimizer | state | traffic | needs | |\n| --- | --- | --- | --- | --- |\n",
    );
    for entry in OPTIMIZERS {
        let state = entry.state_bytes().map_or_else(|e| e.to_string(), |bytes| bytes.to_string());
        let (name, traffic, needs) = (entry.name, entry.traffic, entry.needs());
        let _ =
            writeln!(page, "| [`{name}`](#{name}) | {state} | {traffic} | {needs} | {} |", entry.summary());
    }
    for entry in OPTIMIZERS.iter().chain([&LBFGS]) {
        let _ = writeln!(page, "\n## {}\n\n{}", entry.name, entry.summary());
        for heading in ["Formula", "Settings", "State", "Differences", "Errors", "Example", "Source"] {
            let body = match (heading, entry.section(heading)) {
                ("Settings", _) => settings_table(&(entry.parameters)()),
                (_, Some(body)) => body,
                (_, None) => continue,
            };
            let _ = writeln!(page, "\n### {heading}\n\n{body}");
        }
    }
    page
}

fn settings_table(parameters: &[Parameter]) -> String {
    let mut table = String::from("| setting | default | valid | |\n| --- | --- | --- | --- |");
    for p in parameters {
        let _ = write!(table, "\n| `{}` | {} | {} | {} |", p.name, p.default, p.domain, p.about);
    }
    table
}
