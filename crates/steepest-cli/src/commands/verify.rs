use crate::args::Verify;
use crate::output::{Failure, Paint, Result, print, print_json, quoted};
use serde_json::json;
use std::fmt::Write as _;
use steepest_train::{Replay, Verified};

/// Says of every file whether it is what was written, and whether steps that are taken again give the same bits.
pub fn run(args: Verify) -> Result {
    let verified = steepest_train::verify(&args.run, args.data.as_deref(), args.threads)?;
    match args.json {
        true => print_json(&json!({ "format": 1, "run": args.run.to_string_lossy(), "verified": verified }))?,
        false => print(&report(&verified, Paint::stdout()))?,
    }
    match verified.is_damaged() {
        false => Ok(()),
        true => Err(Failure::Run(format!("{} is not what was written", quoted(&args.run.to_string_lossy())))),
    }
}

fn report(verified: &Verified, paint: Paint) -> String {
    let mut text = String::new();
    let mut line = |what: &str, is: &str| {
        let _ = writeln!(text, "{}  {is}", paint.dim(&format!("{what:<9}")));
    };
    let sound = verified.files.iter().filter(|file| file.problem.is_none()).count();
    line("files", &format!("{sound} of {} are what was written", verified.files.len()));
    for file in &verified.files {
        if let Some(problem) = &file.problem {
            line("damaged", &paint.error(&format!("{}: {problem}", file.file)));
        }
    }
    match &verified.replay {
        Replay::Same { from, to } => {
            line(
                "replay",
                &paint.good(&format!("steps {} to {to}, taken again, gave the same bits", from + 1)),
            );
        }
        Replay::Differs { from, to, what } => line(
            "replay",
            &paint.error(&format!(
                "steps {} to {to}, taken again, gave other bits: {}",
                from + 1,
                what.join(", ")
            )),
        ),
        Replay::NotComparable { because } => line("replay", &format!("not comparable: {because}")),
    }
    for sentence in &verified.remains {
        line("remains", sentence);
    }
    text
}
