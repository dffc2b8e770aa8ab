use crate::args::{List, Topic};
use crate::catalog::items;
use crate::output::{Paint, Result, print, table};
use clap::ValueEnum;

/// Lists one kind of thing, or all kinds.
pub fn run(args: List) -> Result {
    let topics = args.kind.map_or(Topic::value_variants().to_vec(), |topic| vec![topic]);
    let paint = Paint::stdout();
    let part = |topic: &Topic| {
        let rows: Vec<_> =
            items(*topic).into_iter().map(|item| vec![item.name.to_owned(), item.summary]).collect();
        let lines: String = table(&rows).lines().map(|line| format!("  {line}\n")).collect();
        format!("{}\n{lines}", paint.bold(topic.title()))
    };
    let parts: Vec<String> = topics.iter().map(part).collect();
    let hint = paint.dim("steepest describe NAME says more of each");
    print(&format!("{}\n{hint}\n", parts.join("\n")))
}
