//! What `list` and `describe` show: read from the registries, written nowhere else.

use crate::args::Topic;
use crate::output::{Paint, short, table, wrap};
use clap::ValueEnum;
use std::fmt::Write as _;
use steepest::functions::{Dimension, FUNCTIONS, Function};
use steepest::registry::{self, LBFGS, OPTIMIZERS};
use steepest::schedule::{self, ReduceOnPlateau};
use steepest::settings::Parameter;
use steepest::stop;
use steepest_data::{TaskChoice, embedded};

/// Columns of running text.
const WIDTH: usize = 96;

/// One thing that the program knows.
pub struct Item {
    pub topic: Topic,
    pub name: &'static str,
    pub summary: String,
}

impl Topic {
    pub fn title(self) -> &'static str {
        match self {
            Self::Optimizers => "Optimizers",
            Self::Schedules => "Learning-rate schedules",
            Self::StopRules => "Stop rules",
            Self::Functions => "Test functions",
            Self::Data => "Embedded data sets",
        }
    }

    fn one(self) -> &'static str {
        match self {
            Self::Optimizers => "optimizer",
            Self::Schedules => "learning-rate schedule",
            Self::StopRules => "stop rule",
            Self::Functions => "test function",
            Self::Data => "embedded data set",
        }
    }
}

/// Everything of one kind, in the registry's order.
pub fn items(topic: Topic) -> Vec<Item> {
    let item = |name, summary: String| Item { topic, name, summary };
    match topic {
        Topic::Optimizers => OPTIMIZERS.iter().chain([&LBFGS]).map(|e| item(e.name, e.summary())).collect(),
        Topic::Schedules => {
            let plateau = (ReduceOnPlateau::NAME, ReduceOnPlateau::summary());
            let rest = schedule::REGISTRY.iter().map(|e| (e.name, e.summary()));
            let mut all: Vec<_> = rest.chain([plateau]).collect();
            all.sort_unstable();
            all.into_iter().map(|(name, summary)| item(name, summary)).collect()
        }
        Topic::StopRules => stop::REGISTRY.iter().map(|e| item(e.name, e.summary())).collect(),
        Topic::Functions => FUNCTIONS.iter().map(|f| item(f.name, f.summary.to_owned())).collect(),
        Topic::Data => {
            let summary = |set: &embedded::Embedded| {
                format!("{}; {} rows, {}.", set.description, set.rows, task(set.task))
            };
            embedded::all().iter().map(|set| item(set.name, summary(set))).collect()
        }
    }
}

/// Everything of every kind.
pub fn all() -> impl Iterator<Item = Item> {
    Topic::value_variants().iter().flat_map(|topic| items(*topic))
}

/// A page about one thing.
pub fn page(item: &Item, paint: Paint) -> String {
    let head = format!("{}  {}\n\n", paint.bold(item.name), paint.dim(item.topic.one()));
    let body = match item.topic {
        Topic::Optimizers => optimizer(item.name, paint),
        Topic::Schedules => schedule_page(item.name, paint),
        Topic::StopRules => stop_rule(item.name, paint),
        Topic::Functions => function(item.name, paint),
        Topic::Data => data(item.name, paint),
    };
    head + &body.unwrap_or_default()
}

fn optimizer(name: &str, paint: Paint) -> Option<String> {
    let entry = registry::find_method(name).ok()?;
    let table = settings("Settings (--set NAME=VALUE)", &(entry.parameters)(), paint);
    let mut text = documentation(sections(entry.page), "Formula", &table, paint);
    let _ = writeln!(text, "{}", paint.bold("In numbers"));
    let _ = writeln!(text, "  learning rate to begin with: {} (--lr)", short(entry.default_lr));
    let _ =
        writeln!(text, "  memory read and written: {} bytes a step for each f32 parameter", entry.traffic);
    if let Ok(bytes) = entry.state_bytes() {
        let _ = writeln!(text, "  state: {} bytes for each f32 parameter of a matrix", short(bytes));
    }
    if !entry.needs().is_empty() {
        let _ = writeln!(text, "  needs: {}", entry.needs());
    }
    if let Some(lambda) = steepest_train::default_weight_decay(entry) {
        let _ = writeln!(text, "  weight decay that fit uses when none is set: {}", short(lambda));
    }
    Some(text)
}

/// Sections of a page, with the table of settings after the formula: what can be set stands after what is
/// computed with it. `formula` says what the formula gives.
fn documentation(
    sections: impl IntoIterator<Item = (String, String)>,
    formula: &str,
    table: &str,
    paint: Paint,
) -> String {
    let mut text = String::new();
    for (heading, body) in sections {
        if !heading.is_empty() {
            let title = if heading == "Formula" { formula } else { &heading };
            let _ = writeln!(text, "{}", paint.bold(title));
        }
        text.push_str(&prose(&body, if heading.is_empty() { "" } else { "  " }));
        text.push('\n');
        if heading == "Formula" {
            text.push_str(table);
        }
    }
    text
}

fn schedule_page(name: &str, paint: Paint) -> Option<String> {
    let (page, formula, parameters) = if name == ReduceOnPlateau::NAME {
        (ReduceOnPlateau::PAGE, "Formula", ReduceOnPlateau::parameters())
    } else {
        let entry = schedule::find(name).ok()?;
        (entry.page, "Factor of the learning rate at step e = 0, 1, …", entry.parameters())
    };
    let table = settings("Settings (--set schedule.NAME=VALUE)", &parameters, paint);
    // the other sections speak to who calls the library
    let shown = ["", "Formula", "Differences", "Source"];
    let sections = sections(page).into_iter().filter(|(heading, _)| shown.contains(&heading.as_str()));
    let text = documentation(sections, formula, &table, paint);
    Some(text.trim_end().to_owned() + "\n")
}

fn stop_rule(name: &str, paint: Paint) -> Option<String> {
    let entry = stop::find(name).ok()?;
    // documentation comments begin with a space
    let page: Vec<&str> = entry.page.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let text = prose(&page.join("\n"), "") + "\n";
    Some(text + settings("Settings", &entry.parameters(), paint).trim_end() + "\n")
}

fn function(name: &str, paint: Paint) -> Option<String> {
    let function = steepest::functions::find(name).ok()?;
    let n = function.dimension.default();
    let mut text = wrap(function.summary, WIDTH, "");
    let _ = writeln!(text, "\n{}\n{}", paint.bold("Formula"), wrap(function.formula, WIDTH, "  "));
    text.push_str(&settings("Settings (--set NAME=VALUE)", &function.parameters(), paint));
    let _ = writeln!(text, "{}", paint.bold("Where"));
    let _ = writeln!(text, "  coordinates  {}", dimension(function));
    let _ = writeln!(text, "  start        {}", point(&function.start(n).unwrap_or_default()));
    for minimum in function.minima(n).unwrap_or_default() {
        let _ = writeln!(text, "  minimum      {} at {}", short(minimum.value), point(&minimum.point));
    }
    let [x, y] = function.window;
    let range = |(low, high): (f64, f64)| format!("[{}, {}]", short(low), short(high));
    let _ = writeln!(text, "  drawn over   {} × {}\n", range(x), range(y));
    let _ = write!(text, "{}\n{}", paint.bold("Source"), wrap(function.source, WIDTH, "  "));
    Some(text)
}

fn dimension(function: &Function) -> String {
    match function.dimension {
        Dimension::Exactly(n) => n.to_string(),
        Dimension::AtLeast(n) => format!("{n} or more, 2 when not told"),
    }
}

/// `(1, -0.5)`
pub fn point(x: &[f64]) -> String {
    let coordinates: Vec<String> = x.iter().map(|x| short(*x)).collect();
    format!("({})", coordinates.join(", "))
}

fn data(name: &str, paint: Paint) -> Option<String> {
    let set = embedded::find(name).ok()?;
    let mut text = wrap(&format!("{}.", set.description), WIDTH, "") + "\n";
    let inputs = match set.image_shape {
        Some([channels, height, width]) => format!("images of {channels}×{height}×{width}"),
        None => format!("{} columns", set.inputs),
    };
    let _ = writeln!(text, "  rows     {}", set.rows);
    let _ = writeln!(text, "  inputs   {inputs}");
    let _ = writeln!(text, "  target   {}, {}", set.target, task(set.task));
    let _ = writeln!(text, "  license  {}\n", set.license);
    let _ = write!(text, "{}\n{}", paint.bold("Source"), wrap(set.source, WIDTH, "  "));
    Some(text)
}

fn task(task: TaskChoice) -> &'static str {
    match task {
        TaskChoice::Infer => "number or class",
        TaskChoice::Regression => "a number",
        TaskChoice::Classes => "a class",
    }
}

/// The table of settings; nothing when there are none.
fn settings(heading: &str, parameters: &[Parameter], paint: Paint) -> String {
    if parameters.is_empty() {
        return String::new();
    }
    let head = ["name", "default", "valid", "meaning"].map(str::to_owned).to_vec();
    let row = |p: &Parameter| {
        let default = p.default.to_string();
        let default = if default.is_empty() { "-".to_owned() } else { default };
        vec![p.name.to_owned(), default, p.domain.to_string(), p.about.clone()]
    };
    // a long list of words would push the meanings off the screen
    let mut notes = String::new();
    let rows = parameters.iter().map(|p| {
        let mut row = row(p);
        if row[2].chars().count() > 24 {
            notes.push_str(&wrap(&format!("{}: {}", p.name, row[2]), WIDTH, "  "));
            row[2] = "see below".to_owned();
        }
        row
    });
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let mut text = format!("{}\n", paint.bold(heading));
    for (i, line) in table(&rows).lines().enumerate() {
        let _ = writeln!(text, "  {}", if i == 0 { paint.dim(line) } else { line.to_owned() });
    }
    text + &notes + "\n"
}

/// A page of documentation by headings; the first part has none.
fn sections(page: &str) -> Vec<(String, String)> {
    let mut parts = vec![(String::new(), String::new())];
    let mut in_code = false;
    for line in page.lines() {
        let line = line.strip_prefix(' ').unwrap_or(line);
        if line.starts_with("```") {
            in_code = !in_code;
        }
        match line.strip_prefix("# ") {
            Some(heading) if !in_code => parts.push((heading.trim().to_owned(), String::new())),
            _ => {
                if let Some((_, body)) = parts.last_mut() {
                    body.push_str(line);
                    body.push('\n');
                }
            }
        }
    }
    parts
}

/// Markdown as text: prose wrapped, code as it is, without the lines that rustdoc hides.
fn prose(markdown: &str, indent: &str) -> String {
    let mut text = String::new();
    let mut paragraph = String::new();
    let mut in_code = false;
    let code_indent = format!("{indent}  ");
    for line in markdown.trim().lines() {
        let fence = line.starts_with("```");
        if !in_code && (fence || line.trim().is_empty()) {
            text.push_str(&wrap(&std::mem::take(&mut paragraph), WIDTH, indent));
        }
        if fence {
            in_code = !in_code;
        } else if in_code {
            if line != "#" && !line.starts_with("# ") {
                let _ = writeln!(text, "{}", format!("{code_indent}{line}").trim_end());
            }
        } else if line.trim().is_empty() {
            text.push('\n');
        } else {
            paragraph.push_str(line);
            paragraph.push(' ');
        }
    }
    text + &wrap(&paragraph, WIDTH, indent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_documentation_become_text() {
        let page = " One sentence.\n\n # Formula\n ```text\n θ ← θ − ηg\n ```\n\n # Example\n ```\n let x = 1;\n # Ok(())\n ```\n";
        let parts = sections(page);
        let headings: Vec<&str> = parts.iter().map(|(heading, _)| heading.as_str()).collect();
        assert_eq!(headings, ["", "Formula", "Example"]);
        assert_eq!(prose(&parts[0].1, ""), "One sentence.\n");
        assert_eq!(prose(&parts[1].1, "  "), "    θ ← θ − ηg\n");
        assert_eq!(prose(&parts[2].1, ""), "  let x = 1;\n");
    }

    #[test]
    fn every_entry_has_a_page() {
        for item in all() {
            let page = page(&item, Paint::stdout());
            assert!(page.contains(item.name) && page.lines().count() > 3, "{}", item.name);
            assert!(page.lines().all(|line| !line.contains("```")), "{page}");
        }
    }
}
