use crate::args::Report;
use crate::output::{Failure, Result, print, print_json, shown_path, write};
use serde_json::json;
use std::path::{Path, PathBuf};
use steepest_report::{Run, comparison, report};

/// Makes a page of runs.
pub fn run(args: Report) -> Result {
    let runs: Vec<Run> = args.runs.iter().map(|path| read(path)).collect::<Result<_>>()?;
    let (page, usual) = match runs.as_slice() {
        [one] => (report(one), one.path.join("report.html")),
        several => (comparison(several), PathBuf::from("report.html")),
    };
    let out = args.out.unwrap_or(usual);
    let begins = |bytes: &[u8]| bytes.is_empty() || bytes.starts_with(b"<!doctype html>");
    if std::fs::read(&out).is_ok_and(|there| !begins(&there)) {
        let message = format!("{} is there and is no page: name another file (-o)", shown_path(&out));
        return Err(Failure::input(message));
    }
    write(Some(&out), page.html().as_bytes())?;
    match args.json {
        true => print_json(&json!({ "format": 1, "report": out.to_string_lossy() })),
        false => print(&format!("report  {}\n", out.display())),
    }
}

/// The page of a run that has just ended.
pub fn after(run: &Path) -> Result<PathBuf> {
    let out = run.join("report.html");
    write(Some(&out), report(&read(run)?).html().as_bytes())?;
    Ok(out)
}

fn read(path: &Path) -> Result<Run> {
    Ok(Run::read(path)?)
}
