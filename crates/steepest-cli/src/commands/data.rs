use crate::args::{Data, Kind, List};
use crate::output::{Paint, Result, print, short, table, write};
use std::fmt::Write as _;
use std::path::Path;
use steepest_data::{
    ColumnSummary, Kind as ColumnKind, Loaded, ReadOptions, Source, choose_target, describe, embedded,
    infer, load, to_csv,
};

/// Looks at data.
pub fn run(args: Data) -> Result {
    match args {
        Data::List => super::list::run(List { kind: Some(Kind::Data) }),
        Data::Show { data } => show(&data),
        Data::Export { data, out } => export(&data, out.as_deref()),
    }
}

fn export(data: &str, out: Option<&Path>) -> Result {
    let source = Source::parse(data);
    let csv = match &source {
        // the bytes as they are embedded
        Source::Builtin(name) => embedded::find(name)?.csv(),
        Source::File(_) => to_csv(&load(&source, &ReadOptions::default())?),
    };
    write(out, &csv)
}

fn show(data: &str) -> Result {
    let source = Source::parse(data);
    let loaded = load(&source, &ReadOptions::default())?;
    let paint = Paint::stdout();
    let mut text = String::new();
    if let Source::Builtin(name) = &source {
        let set = embedded::find(name)?;
        let _ = writeln!(text, "{}: {}", paint.bold(set.name), set.description);
        let _ = writeln!(text, "{}\n", paint.dim(&format!("{}; {}", set.source, set.license)));
    }
    for note in loaded.notes() {
        let _ = writeln!(text, "{}", paint.dim(&format!("note: {note}")));
    }
    text.push_str(&match &loaded {
        Loaded::Table(of) => {
            let columns = describe(of).columns;
            let size = format!("{} rows, {} columns\n\n", of.rows(), of.columns.len());
            let target = choose_target(of, None)?;
            // what cannot be learnt from can still be looked at
            let task = match infer(of, &target, Default::default()) {
                Ok(inferred) => format!("\n{}\n", inferred.reason),
                Err(error) => format!("\n{}\n", paint.warn(&error.to_string())),
            };
            let note = target.note.map(|note| format!("{note}\n")).unwrap_or_default();
            size + &rows_of(&columns, paint) + &task + &note
        }
        Loaded::Images(images) => {
            let labels = describe(&images.to_table()).columns.into_iter().filter(|c| c.name == "label");
            let size = format!(
                "{} images of {}×{}×{} (channels × height × width), pixels from 0 to {}\n",
                images.count(),
                images.channels,
                images.height,
                images.width,
                images.pixel_max
            );
            let classes = format!("{} classes: {}\n\n", images.levels.len(), shown_all(&images.levels));
            size + &classes + &rows_of(&labels.collect::<Vec<_>>(), paint)
        }
    });
    print(&text)
}

fn shown_all(levels: &[String]) -> String {
    const MOST: usize = 30;
    let more = if levels.len() > MOST { ", …" } else { "" };
    levels.iter().take(MOST).map(|level| shown(level)).collect::<Vec<_>>().join(", ") + more
}

fn rows_of(columns: &[ColumnSummary], paint: Paint) -> String {
    let head = ["column", "type", "missing", "distinct", "values"].map(str::to_owned).to_vec();
    let row = |column: &ColumnSummary| {
        vec![
            shown(&column.name),
            kind(column.kind).to_owned(),
            column.missing.to_string(),
            column.distinct.to_string(),
            values(column),
        ]
    };
    let rows: Vec<_> = std::iter::once(head).chain(columns.iter().map(row)).collect();
    let text = table(&rows);
    let (head, rest) = text.split_once('\n').unwrap_or((&text, ""));
    format!("{}\n{rest}", paint.dim(head))
}

fn kind(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Number => "number",
        ColumnKind::Category => "category",
        ColumnKind::Boolean => "boolean",
        ColumnKind::Date => "date",
    }
}

/// Text of a file on a terminal: short, and without control characters.
fn shown(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { '·' } else { c }).collect();
    if text.chars().count() > 32 { text.chars().take(31).chain(['…']).collect() } else { text }
}

/// Range and mean of numbers, the most frequent of others.
fn values(column: &ColumnSummary) -> String {
    if let Some([least, mean, greatest]) = column.range {
        let [least, mean, greatest] = [least, mean, greatest].map(short);
        let unit = if column.kind == ColumnKind::Date { " (days since 1970)" } else { "" };
        return format!("{least} … {greatest}, mean {mean}{unit}");
    }
    let frequent: Vec<String> =
        column.top.iter().map(|(level, count)| format!("{} ({count})", shown(level))).collect();
    let more = if column.distinct > column.top.len() { ", …" } else { "" };
    frequent.join(", ") + more
}
