use crate::args::{Data, List, Reading, Topic};
use crate::output::{Failure, Paint, Result, print, short, table, write};
use std::fmt::Write as _;
use std::path::Path;
use steepest_data::{
    ColumnSummary, Kind, Loaded, ReadOptions, Schema, Source, choose_target, describe, embedded, infer, load,
    shown, to_csv,
};

/// Looks at data.
pub fn run(args: Data) -> Result {
    match args {
        Data::List => super::list::run(List { kind: Some(Topic::Data) }),
        Data::Show { data, reading } => show(&data, reading),
        Data::Schema { data, target, reading, out } => schema(&data, target, reading, out.as_deref()),
        Data::Export { data, reading, out } => export(&data, reading, out.as_deref()),
    }
}

fn options(reading: Reading) -> ReadOptions {
    ReadOptions { conventions: reading.conventions(), encoding: reading.encoding, ..ReadOptions::default() }
}

/// What `fit` would take each column for.
fn schema(data: &str, target: Option<String>, reading: Reading, out: Option<&Path>) -> Result {
    let Loaded::Table(table) = load(&Source::parse(data), &options(reading))? else {
        return Err(Failure::input("images have no columns; a schema is for tables"));
    };
    let target = choose_target(&table, target.as_deref())?;
    let schema = Schema::of(&table, &target.name);
    let mut text = format!(
        "# What `steepest fit` takes each column of {} for. Edit it and give it to `steepest fit --schema`.\n\
         # role: feature, target, drop, id, weight, group, time, text; type: number, category, boolean, date\n",
        shown(data)
    );
    for note in &table.notes {
        let _ = writeln!(text, "# {}", shown(note).at_most(500));
    }
    text += &toml::to_string(&schema).map_err(|error| Failure::Run(error.to_string()))?;
    write(out, text.as_bytes())
}

/// A schema that a person has edited.
pub fn read_schema(path: &Path) -> Result<Schema> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| Failure::input(format!("{name}: {error}")))?;
    let schema: Schema = toml::from_str(&text).map_err(|error| {
        let line =
            error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        Failure::input(format!("{name}, line {line}: {}", error.message().trim()))
    })?;
    schema.check(&name)?;
    Ok(schema)
}

fn export(data: &str, reading: Reading, out: Option<&Path>) -> Result {
    let source = Source::parse(data);
    let csv = match &source {
        // the bytes as they are embedded
        Source::Builtin(name) => embedded::find(name)?.csv(),
        _ => to_csv(&load(&source, &options(reading))?),
    };
    write(out, &csv)
}

fn show(data: &str, reading: Reading) -> Result {
    let source = Source::parse(data);
    let loaded = load(&source, &options(reading))?;
    let paint = Paint::stdout();
    let mut text = String::new();
    if let Source::Builtin(name) = &source {
        let set = embedded::find(name)?;
        let _ = writeln!(text, "{}: {}", paint.bold(set.name), set.description);
        let _ = writeln!(text, "{}\n", paint.dim(&format!("{}; {}", set.source, set.license)));
    }
    for note in loaded.notes() {
        let _ = writeln!(text, "{}", paint.dim(&format!("note: {}", crate::hint::note(note))));
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
    levels.iter().take(MOST).map(|level| brief(level)).collect::<Vec<_>>().join(", ") + more
}

fn rows_of(columns: &[ColumnSummary], paint: Paint) -> String {
    let head = ["column", "type", "missing", "distinct", "values"].map(str::to_owned).to_vec();
    let row = |column: &ColumnSummary| {
        vec![
            brief(&column.name),
            kind(column.kind).to_owned(),
            column.missing.to_string(),
            column.distinct.to_string(),
            values(column),
        ]
    };
    let rows: Vec<_> = std::iter::once(head).chain(columns.iter().map(row)).collect();
    paint.headed(&table(&rows))
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Number => "number",
        Kind::Category => "category",
        Kind::Boolean => "boolean",
        Kind::Date => "date",
    }
}

/// The date of a day counted from 1970-01-01 (H. Hinnant, chrono-Compatible Low-Level Date
/// Algorithms, `civil_from_days`).
fn date(days: f64) -> String {
    // years of five digits and more are shown as days: no calendar is meant by them
    if days.abs() > 2_900_000.0 {
        return format!("day {}", short(days));
    }
    let from_march_0000 = days.floor() as i64 + 719_468;
    let (era, day) = (from_march_0000.div_euclid(146_097), from_march_0000.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    format!("{:04}-{month:02}-{day:02}", year + era * 400 + i64::from(month <= 2))
}

/// Text of a file as a table has room for it.
fn brief(text: &str) -> String {
    shown(text).at_most(31).to_string()
}

/// Range and mean of numbers, the most frequent of others.
fn values(column: &ColumnSummary) -> String {
    if let Some([least, mean, greatest]) = column.range {
        let text = if column.kind == Kind::Date { date } else { short };
        return format!("{} … {}, mean {}", text(least), text(greatest), text(mean));
    }
    let frequent: Vec<String> =
        column.top.iter().map(|(level, count)| format!("{} ({count})", brief(level))).collect();
    let more = if column.distinct > column.top.len() { ", …" } else { "" };
    frequent.join(", ") + more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        let dates = [0.0, 59.0, 4383.5, -1.0, 11_016.0, 19_782.0, -719_162.0].map(date);
        let expected = [
            "1970-01-01",
            "1970-03-01",
            "1982-01-01",
            "1969-12-31",
            "2000-02-29",
            "2024-02-29",
            "0001-01-01",
        ];
        assert_eq!(dates, expected);
        assert_eq!(date(1e300), "day 1e300");
    }
}
