use crate::args::Describe;
use crate::catalog::{all, page};
use crate::output::{Failure, Paint, Result, print};
use steepest::nearest;

/// Describes everything of this name: a schedule and a function may share one.
pub fn run(args: Describe) -> Result {
    let Some(name) = args.name else { return print(&steepest::registry::reference_page()) };
    let (given, name) = (&name, name.to_lowercase());
    let found: Vec<_> = all().filter(|item| item.name == name).collect();
    if found.is_empty() {
        let hint = match nearest(&name, all().map(|item| item.name)) {
            Some(near) => format!("did you mean `{near}`? "),
            None => String::new(),
        };
        let message = format!("nothing is called `{given}`; {hint}see all with steepest list");
        return Err(Failure::input(message));
    }
    let pages: Vec<String> = found.iter().map(|item| page(item, Paint::stdout())).collect();
    print(&pages.join("\n"))
}
