//! A page of sections, as one HTML file that asks nothing of any other: text and tables as HTML, charts as numbers that a
//! script in the page draws.
//!
//! Whoever has something to report makes [`Section`]s of [`Block`]s; how they look is decided here alone.

use crate::picture::Drawing;
use serde::Serialize;
use std::fmt::Write as _;
use steepest_data::{seen_json, shown};

/// A report.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Its heading.
    pub title: String,
    /// The line below it.
    pub subtitle: String,
    /// Its parts, the most important first.
    pub sections: Vec<Section>,
}

/// One part of a report.
#[derive(Debug, Clone, Default)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What is in it.
    pub blocks: Vec<Block>,
}

/// What a section is made of.
#[derive(Debug, Clone)]
pub enum Block {
    /// A paragraph; `Tone` says how it is to be taken.
    Text(Tone, String),
    /// Names with values, the most important first.
    Facts(Vec<(String, String)>),
    /// Rows below a heading. Numbers are aligned to the right.
    Table {
        /// The heading of each column.
        head: Vec<String>,
        /// The cells of each row.
        rows: Vec<Vec<String>>,
    },
    /// A picture that the page draws from numbers.
    Chart(Chart),
    /// A picture that is drawn already.
    Picture(Drawing),
}

/// How a paragraph is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// As something that went well.
    Good,
    /// As something to look at.
    Warning,
    /// As something that went wrong.
    Bad,
}

/// A picture, as the numbers that it shows.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Chart {
    /// Lines over an axis. They can be zoomed, switched off, smoothed and put on a logarithmic scale.
    Lines {
        /// What is shown.
        title: String,
        /// What is to the right.
        x: String,
        /// What is up.
        y: String,
        /// The lines.
        series: Vec<Series>,
        /// Whether the scale of y begins logarithmic.
        log: bool,
        /// Whether both axes are fractions.
        unit: bool,
        /// Whether the diagonal is drawn, on which chance or the truth lies.
        diagonal: bool,
    },
    /// Colours in rows and columns.
    Heat {
        /// What is shown.
        title: String,
        /// What is to the right.
        x: String,
        /// The name of each row.
        rows: Vec<String>,
        /// Where each column lies.
        columns: Vec<f64>,
        /// For each row, a value for each column; its logarithm is the colour.
        cells: Vec<Vec<Option<f64>>>,
        /// For each row, what is marked in each column: `+` exploded, `-` vanished, a blank nothing.
        marks: Vec<String>,
    },
    /// Counts of rows, true against predicted.
    Matrix {
        /// What is shown.
        title: String,
        /// The names of rows and columns.
        names: Vec<String>,
        /// Row by row.
        cells: Vec<Vec<u64>>,
    },
    /// Points, with the diagonal.
    Points {
        /// What is shown.
        title: String,
        /// What is to the right.
        x: String,
        /// What is up.
        y: String,
        /// The points.
        points: Vec<[f64; 2]>,
    },
    /// Bars that stand side by side.
    Bars {
        /// What is shown.
        title: String,
        /// What is to the right.
        x: String,
        /// The ends of the bars, one more than there are bars.
        edges: Vec<f64>,
        /// Their heights.
        counts: Vec<u64>,
    },
}

/// One line of a chart.
#[derive(Debug, Clone, Serialize)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Which colour it has, so that the same thing looks the same in every chart. Default: its place among the series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<usize>,
    /// Its points, from left to right; a value that is not finite leaves a gap.
    pub points: Vec<[Option<f64>; 2]>,
}

/// Points of a line: more than a screen shows.
const MOST_POINTS: usize = 1200;

impl Series {
    /// A line through so many points as a screen shows: of each stretch the first, the last, the lowest and the highest.
    pub fn new(name: impl Into<String>, points: impl IntoIterator<Item = [f64; 2]>) -> Self {
        let points: Vec<[f64; 2]> = points.into_iter().collect();
        let stretch = (4 * points.len()).div_ceil(MOST_POINTS).max(4);
        let kept: Vec<[f64; 2]> = match points.len() <= MOST_POINTS {
            true => points,
            false => points.chunks(stretch).flat_map(ends).collect(),
        };
        let known = |x: f64| x.is_finite().then_some(x);
        Self {
            name: name.into(),
            colour: None,
            points: kept.into_iter().map(|point| point.map(known)).collect(),
        }
    }
}

/// The first and the last point of a stretch, its lowest and its highest, in their order.
fn ends(stretch: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let by = |a: &usize, b: &usize| stretch[*a][1].total_cmp(&stretch[*b][1]);
    let all = (0..stretch.len()).filter(|at| stretch[*at][1].is_finite());
    let mut kept = vec![0, stretch.len() - 1];
    kept.extend(all.clone().min_by(by));
    kept.extend(all.max_by(by));
    kept.sort_unstable();
    kept.dedup();
    kept.into_iter().map(|at| stretch[at]).collect()
}

impl Block {
    /// A paragraph that is taken as it is.
    pub fn plain(text: &str) -> Self {
        Self::Text(Tone::Plain, text.to_owned())
    }
}

impl Chart {
    fn title(&self) -> &str {
        match self {
            Self::Lines { title, .. }
            | Self::Heat { title, .. }
            | Self::Matrix { title, .. }
            | Self::Points { title, .. }
            | Self::Bars { title, .. } => title,
        }
    }
}

impl Section {
    /// A section without blocks.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), blocks: Vec::new() }
    }

    /// The same with one more block.
    pub fn with(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }
}

const STYLE: &str = include_str!("../assets/report.css");
const SCRIPT: &str = include_str!("../assets/report.js");

impl Page {
    /// The page as one HTML file.
    pub fn html(&self) -> String {
        let (mut charts, mut tables) = (Vec::new(), 0);
        let body: String = self
            .sections
            .iter()
            .enumerate()
            .map(|(at, section)| section_html(section, at, &mut charts, &mut tables))
            .collect();
        let title = text(&self.title);
        let links: String = (self.sections.iter().enumerate())
            .map(|(at, section)| format!("<a href=\"#s{at}\">{}</a>\n", text(&section.title)))
            .collect();
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
             script-src 'unsafe-inline'; img-src data: blob:\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n\
             <p class=\"subtitle\">{}</p>\n<button id=\"theme\" type=\"button\">Dark or light</button>\n</header>\n\
             <nav aria-label=\"Sections\">\n{links}</nav>\n<main>\n\
             <noscript><p class=\"warning\">The charts are drawn by a script of this page, which is switched off.</p></noscript>\n\
             {body}</main>\n\
             <script type=\"application/json\" id=\"charts\">{}</script>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
            text(&self.subtitle),
            json(&charts)
        )
    }
}

fn section_html<'a>(
    section: &'a Section,
    at: usize,
    charts: &mut Vec<&'a Chart>,
    tables: &mut usize,
) -> String {
    let mut html = format!(
        "<section id=\"s{at}\" aria-labelledby=\"h{at}\">\n<h2 id=\"h{at}\">{}</h2>\n",
        text(&section.title)
    );
    for block in &section.blocks {
        match block {
            Block::Text(tone, paragraph) => {
                let class = match tone {
                    Tone::Plain => "plain",
                    Tone::Good => "good",
                    Tone::Warning => "warning",
                    Tone::Bad => "bad",
                };
                // sentences are longer than names
                let paragraph = sentence(&shown(paragraph).at_most(2000).to_string());
                let _ = writeln!(html, "<p class=\"{class}\">{paragraph}</p>");
            }
            Block::Facts(facts) => {
                html += "<dl>\n";
                for (name, value) in facts {
                    let value = sentence(&shown(value).at_most(400).to_string());
                    let _ = writeln!(html, "<div><dt>{}</dt><dd>{value}</dd></div>", text(name));
                }
                html += "</dl>\n";
            }
            Block::Table { head, rows } => {
                *tables += 1;
                html += &table(head, rows, *tables);
            }
            Block::Chart(chart) => {
                let _ = writeln!(
                    html,
                    "<figure data-chart=\"{}\"><figcaption>{}</figcaption></figure>",
                    charts.len(),
                    text(chart.title())
                );
                charts.push(chart);
            }
            Block::Picture(drawing) => html += &picture(drawing),
        }
    }
    html + "</section>\n"
}

/// A picture with what its colours mean; the script adds how to save it.
fn picture(Drawing { title, about, keys, svg }: &Drawing) -> String {
    let about = escape(&shown(about).at_most(2000).to_string());
    let keys: String = keys
        .iter()
        .map(|(colour, name, note)| {
            let (name, note) = (text(name), escape(&shown(note).at_most(400).to_string()));
            format!("<li><span class=\"key\" style=\"background:{colour}\"></span><strong>{name}</strong> {note}</li>\n")
        })
        .collect();
    // a picture that explains its colours itself has a sentence instead of a list
    let (said, list) = match keys.is_empty() {
        true => (format!("<p>{about}</p>\n"), String::new()),
        false => (String::new(), format!("<ul>\n{keys}</ul>\n")),
    };
    format!(
        "<figure class=\"picture\"><figcaption>{}</figcaption>\n{said}<div class=\"drawn\">\n<div role=\"img\" aria-label=\"{about}\">\n\
         {svg}</div>\n{list}</div>\n</figure>\n",
        text(title)
    )
}

/// A table; `number` tells it from the others of the page.
fn table(head: &[String], rows: &[Vec<String>], number: usize) -> String {
    let mut html = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table {number}\"><table>\n<thead><tr>"
    );
    let class = |column| match (is_numeric(rows, column), is_long(rows, column)) {
        (true, _) => " class=\"number\"",
        (false, true) => " class=\"long\"",
        (false, false) => "",
    };
    let class: Vec<&str> = (0..head.len()).map(class).collect();
    for (name, class) in head.iter().zip(&class) {
        let _ = write!(html, "<th scope=\"col\"{class}>{}</th>", text(name));
    }
    html += "</tr></thead>\n<tbody>\n";
    for row in rows {
        html += "<tr>";
        for (cell, class) in row.iter().zip(&class) {
            let cell = escape(&shown(cell).at_most(200).to_string());
            let _ = write!(html, "<td{class}>{cell}</td>");
        }
        html += "</tr>\n";
    }
    html + "</tbody>\n</table></div>\n"
}

/// Whether all cells of a column are numbers, or nothing.
fn is_numeric(rows: &[Vec<String>], column: usize) -> bool {
    // `0.974 (0.95 to 0.99)` is one too
    let is_number = |cell: &String| {
        let first = cell.split(' ').next().unwrap_or_default();
        cell.is_empty() || first.replace('−', "-").parse::<f64>().is_ok()
    };
    rows.iter().filter_map(|row| row.get(column)).all(is_number)
}

/// Whether a column has sentences, which are not to be broken after every word where the page is narrow.
fn is_long(rows: &[Vec<String>], column: usize) -> bool {
    rows.iter().filter_map(|row| row.get(column)).any(|cell| cell.len() > 20)
}

/// Text from outside as HTML: escaped, and cut as a name is.
fn text(text: &str) -> String {
    escape(&shown(text).to_string())
}

/// A sentence as HTML: no line breaks within the name of an option.
fn sentence(text: &str) -> String {
    let word = |word: &str| match word.contains("--") && word.len() < 40 {
        true => format!("<span class=\"option\">{}</span>", escape(word)),
        false => escape(word),
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html += "&amp;",
            '<' => html += "&lt;",
            '>' => html += "&gt;",
            '"' => html += "&quot;",
            '\'' => html += "&#39;",
            c => html.push(c),
        }
    }
    html
}

impl Chart {
    /// The same with all text escaped and cut, as the script shows it.
    fn inert(&self) -> Self {
        let name = |text: &String| shown(text).to_string();
        let names = |texts: &[String]| texts.iter().map(name).collect();
        match self.clone() {
            Self::Lines { title, x, y, series, log, unit, diagonal } => {
                let series = series.into_iter().map(|series| Series { name: name(&series.name), ..series });
                let (title, x, y) = (name(&title), name(&x), name(&y));
                Self::Lines { title, x, y, series: series.collect(), log, unit, diagonal }
            }
            Self::Heat { title, x, rows, columns, cells, marks } => {
                Self::Heat { title: name(&title), x: name(&x), rows: names(&rows), columns, cells, marks }
            }
            Self::Matrix { title, names: all, cells } => {
                Self::Matrix { title: name(&title), names: names(&all), cells }
            }
            Self::Points { title, x, y, points } => {
                Self::Points { title: name(&title), x: name(&x), y: name(&y), points }
            }
            Self::Bars { title, x, edges, counts } => {
                Self::Bars { title: name(&title), x: name(&x), edges, counts }
            }
        }
    }
}

/// Numbers and names for the script: nothing in it ends the script or is no mark on the paper.
fn json(charts: &[&Chart]) -> String {
    let charts: Vec<Chart> = charts.iter().map(|chart| chart.inert()).collect();
    let text = serde_json::to_string(&charts).expect("numbers and names");
    seen_json(&text, &['<', '>', '&'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Picture, Surface, Way};
    use steepest_data::is_unseen;

    #[test]
    fn hostile_text_is_inert() {
        let hostile = "</script><img src=x onerror=alert(1)>\u{202e}\u{1b}[2J\"'&\u{2028}";
        let own = || hostile.to_owned();
        let picture = Picture {
            title: own(),
            subtitle: own(),
            surface: Some(Surface {
                f: Box::new(|[x, y]| x * x + y * y),
                window: [(-1.0, 1.0), (-1.0, 1.0)],
                start: [1.0, 0.5],
                minima: vec![[0.0, 0.0]],
            }),
            ways: vec![Way {
                name: own(),
                notes: [own(), own()],
                points: vec![[1.0, 0.5], [0.0, 0.0]],
                values: vec![(0, 1.25), (1, 0.0)],
            }],
            floor: 0.0,
        };
        let page = Page {
            title: own(),
            subtitle: own(),
            sections: vec![
                Section::new(hostile)
                    .with(Block::Picture(picture.drawing().unwrap()))
                    .with(Block::Text(Tone::Bad, own()))
                    .with(Block::Facts(vec![(own(), own())]))
                    .with(Block::Table { head: vec![own()], rows: vec![vec![own()]] })
                    .with(Block::Chart(Chart::Matrix {
                        title: own(),
                        names: vec![own()],
                        cells: vec![vec![1]],
                    })),
            ],
        };
        let html = page.html();
        assert_eq!(html.matches("</script>").count(), 2, "those of the page");
        assert!(!html.contains("<img"), "{html}");
        assert!(!html.chars().any(|c| is_unseen(c) && c != '\n'), "{html}");
        assert!(
            !html.contains("\\u202e") && html.contains("\\\\u{202e}"),
            "the script shows it escaped: {html}"
        );
        let long = Page { title: "x".repeat(100_000), ..Page::default() };
        assert!(long.html().len() < STYLE.len() + SCRIPT.len() + 5_000);
    }

    #[test]
    fn a_long_line_keeps_its_ends_and_peaks() {
        let points: Vec<[f64; 2]> =
            (0..100_000).map(|i| [f64::from(i), if i == 77_777 { 1e6 } else { f64::from(i % 10) }]).collect();
        let series = Series::new("loss", points);
        assert!(series.points.len() <= MOST_POINTS + 3, "{}", series.points.len());
        assert!(series.points.iter().any(|point| point[1] == Some(1e6)));
        assert_eq!((series.points[0][0], series.points.last().unwrap()[0]), (Some(0.0), Some(99_999.0)));
        let broken =
            (0..10_000).map(|i| [f64::from(i), if i % 3 == 0 { f64::NAN } else { f64::from(i % 1000) }]);
        assert!(Series::new("broken", broken).points.iter().any(|point| point[1] == Some(999.0)));
        let gap = Series::new("gap", [[0.0, 1.0], [1.0, f64::NAN]]);
        assert_eq!(gap.points[1], [Some(1.0), None]);
    }
}
