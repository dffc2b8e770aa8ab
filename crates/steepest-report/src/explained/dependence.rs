//! What a column adds, over its own values, in the colours of the column that changes it most.

use super::drawn::{Drawn, SIZE, WIDTH, axis, below_column, beside, colour, fitted, ranks, scale, words};
use crate::picture::frame::{Axis, FAINT, Frame};
use crate::picture::text::{Anchor, Weight};
use steepest_train::explain::Explained;

/// `None` where the column has too few numbers.
pub(super) fn dependence(found: &Explained, column: usize, output: usize, name: String) -> Option<Drawn> {
    let points: Vec<(usize, f64, f64)> = (found.rows.iter().enumerate())
        .filter_map(|(row, of_row)| {
            let x = of_row.numbers.get(column).copied().flatten()?;
            Some((row, x, of_row.outputs[output].values[column]))
        })
        .collect();
    if points.len() < 5 || points.iter().all(|point| point.1 == points[0].1) {
        return None;
    }
    let partner = partner(found, column);
    let numbers: Vec<Option<f64>> =
        points.iter().map(|(row, ..)| found.rows[*row].numbers.get(partner?).copied().flatten()).collect();
    let partner = partner.filter(|_| numbers.iter().any(Option::is_some));
    let frame = Frame { left: 90.0, top: 34.0, width: WIDTH - 130.0, height: 380.0 };
    let x = axis(points.iter().map(|point| point.1), frame.left, frame.right());
    let y = axis(points.iter().map(|point| point.2).chain([0.0]), frame.top, frame.bottom());
    let y = Axis { to: (frame.bottom(), frame.top), ..y };
    let written = points.iter().map(|(row, at, _)| (*at, found.rows[*row].texts[column].as_str()));
    let mut body = beside(&y, frame) + &below_column(written, &x, frame, &found.columns[column]);
    let unit = format!("change of the {}", found.units[output]);
    body += &words(&fitted(&unit, frame.width, SIZE, Weight::Regular), [24.0, 14.0], Anchor::Start, FAINT);
    let ranks = ranks(&numbers);
    for ((_, at, value), rank) in points.iter().zip(&ranks) {
        let fill = if partner.is_some() { colour(*rank) } else { super::drawn::LOWERS.to_owned() };
        body += &format!(
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"{fill}\" fill-opacity=\".85\"/>\n",
            x.at(*at),
            y.at(*value)
        );
    }
    let bottom = frame.bottom() + 26.0 + 2.0 * SIZE;
    let how = match partner {
        Some(partner) => {
            let name = fitted(&found.columns[partner], 200.0, SIZE, Weight::Regular);
            body += &scale(frame.left, bottom + 22.0, &format!("low {name}"), &format!("high {name}"));
            format!(
                "Each dot is a row. Colours are {name}, with which the column interacts most of all columns of numbers."
            )
        }
        None => "Each dot is a row.".to_owned(),
    };
    Some(Drawn {
        name,
        title: format!("What {} adds, by its value", found.columns[column]),
        how,
        height: bottom + 36.0,
        body,
    })
}

/// The column of numbers with which a column interacts most.
fn partner(found: &Explained, column: usize) -> Option<usize> {
    let name = &found.columns[column];
    let has_numbers =
        |at: &usize| found.rows.iter().any(|row| row.numbers.get(*at).copied().flatten().is_some());
    found
        .interactions
        .iter()
        .filter_map(|pair| match (pair.a == *name, pair.b == *name) {
            (true, _) => Some(&pair.b),
            (_, true) => Some(&pair.a),
            _ => None,
        })
        .filter_map(|other| found.columns.iter().position(|column| column == other))
        .find(has_numbers)
}
