use crate::args::{Kind, List};
use crate::catalog::items;
use crate::output::{Paint, Result, print, table};
use clap::ValueEnum;

/// Lists one kind of thing, or all kinds.
pub fn run(args: List) -> Result {
    let kinds = args.kind.map_or(Kind::value_variants().to_vec(), |kind| vec![kind]);
    let paint = Paint::stdout();
    let part = |kind: &Kind| {
        let rows: Vec<_> =
            items(*kind).into_iter().map(|item| vec![item.name.to_owned(), item.summary]).collect();
        let lines: String = table(&rows).lines().map(|line| format!("  {line}\n")).collect();
        format!("{}\n{lines}", paint.bold(kind.title()))
    };
    let parts: Vec<String> = kinds.iter().map(part).collect();
    let hint = paint.dim("steepest describe NAME says more of each");
    print(&format!("{}\n{hint}\n", parts.join("\n")))
}
