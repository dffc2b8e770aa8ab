use crate::args::Report;
use crate::output::{Failure, Paint, Result, behind, print, print_json, say, shown_path, write};
use serde_json::json;
use std::path::{Path, PathBuf};
use steepest_report::{Page, Run, comparison, comparison_page, read_comparison, report};

/// Makes a page of runs.
pub fn run(args: Report) -> Result {
    let (page, usual) = match args.runs.as_slice() {
        [one] => (page(one)?, one.join("report.html")),
        several => {
            let runs: Vec<Run> = several.iter().map(|path| read(path)).collect::<Result<_>>()?;
            (comparison(&runs), PathBuf::from("report.html"))
        }
    };
    let out = args.out.unwrap_or(usual);
    write_page(&out, &page, "-o")?;
    match args.json {
        true => print_json(&json!({ "format": 1, "report": out.to_string_lossy() })),
        false => print(&format!("report  {}\n", out.display())),
    }
}

/// Writes a page to a file that is new, or a page itself; `option` is what names another.
pub fn write_page(out: &Path, page: &Page, option: &str) -> Result {
    check_place(out, option)?;
    write(Some(out), page.html().as_bytes())
}

/// Whether a page may lie there: not in the place of what is none.
pub fn check_place(out: &Path, option: &str) -> Result {
    let begins = |bytes: &[u8]| bytes.is_empty() || bytes.starts_with(b"<!doctype html>");
    // what is no file, such as a pipe, has nothing to lose
    if out.is_file() && std::fs::read(out).is_ok_and(|there| !begins(&there)) {
        let message = format!("{} is there and is no page: name another file ({option})", shown_path(out));
        return Err(Failure::input(message));
    }
    Ok(())
}

/// The page of a run that has just ended.
pub fn after(run: &Path) -> Result<PathBuf> {
    let out = run.join("report.html");
    write(Some(&out), page(run)?.html().as_bytes())?;
    Ok(out)
}

/// Says that the page of a run could not be written, which is no failed run.
pub fn say_unwritten(page: Option<Result<PathBuf>>) {
    if let Some(Err(Failure::Run(problem) | Failure::Input(problem))) = page {
        let words = "the report could not be written:".split(' ').chain([problem.as_str()]);
        say(&Paint::stderr().dim(&behind("note: ", words)));
    }
}

/// The page of one run, or of a comparison.
fn page(run: &Path) -> Result<Page> {
    match read_comparison(run)? {
        Some(found) => {
            let name = run.file_name().unwrap_or(run.as_os_str()).to_string_lossy();
            Ok(comparison_page(&found, &name))
        }
        None => Ok(report(&read(run)?)),
    }
}

fn read(path: &Path) -> Result<Run> {
    Ok(Run::read(path)?)
}
