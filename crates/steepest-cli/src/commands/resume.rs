use super::fit::conclude;
use crate::args::Resume;
use crate::output::Result;
use crate::progress::Reporter;

/// Goes on with a run, shows it, and says what came out.
pub fn run(args: Resume) -> Result {
    let mut reporter = Reporter::new(args.quiet);
    let summary = steepest_train::resume(&args.run, args.data.as_deref(), args.threads, &mut reporter)?;
    conclude(&summary, None, args.json, &reporter)
}
