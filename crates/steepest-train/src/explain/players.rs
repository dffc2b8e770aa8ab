//! Who shares the outputs: the columns of a table or the pixels of an image, some of them as one.

use super::asked::Join;
use super::explained::Pair;
use crate::error::Result;
use steepest_data::AnyEncoder;
use steepest_explain::{Background, Correlated, Players, correlated};

/// A correlation beyond it is said.
const CORRELATED: f64 = 0.8;

/// The columns of a table, each with all of its features; `None` of images.
pub(super) fn of_columns(encoder: &AnyEncoder) -> Result<Option<Players>> {
    let AnyEncoder::Table(table) = encoder else { return Ok(None) };
    let columns = table.features_of_columns();
    let players = columns.into_iter().map(|(name, features)| (name, features.collect())).collect();
    Ok(Some(Players::new(players, table.width())?))
}

fn of_pixels(encoder: &AnyEncoder) -> Result<Players> {
    let names = (0..encoder.width()).map(|at| (pixel(encoder.image_shape(), at), vec![at]));
    Ok(Players::new(names.collect(), encoder.width())?)
}

/// The names of the features: parts of columns, or pixels.
pub(super) fn features(encoder: &AnyEncoder) -> Vec<String> {
    match encoder {
        AnyEncoder::Table(table) => table.names(),
        AnyEncoder::Images(_) => (0..encoder.width()).map(|at| pixel(encoder.image_shape(), at)).collect(),
    }
}

fn pixel(shape: Option<[usize; 3]>, at: usize) -> String {
    let [_, height, width] = shape.unwrap_or([1, 1, 1]);
    let (channel, row, column) = (at / (height * width), at / width % height, at % width);
    match shape {
        Some([1, ..]) => format!("pixel {},{}", row + 1, column + 1),
        _ => format!("channel {} pixel {},{}", channel + 1, row + 1, column + 1),
    }
}

/// The pairs of columns that go together. Of a number counts what it is, not its pieces: of those, one row far out in both is enough to
/// make two that go together.
fn that_go_together(
    encoder: &AnyEncoder,
    players: &Players,
    background: &Background,
) -> Result<Vec<Correlated>> {
    let AnyEncoder::Table(table) = encoder else {
        return Ok(correlated(players, background.data(), CORRELATED)?);
    };
    let kept: Vec<usize> =
        table.are_pieces().iter().enumerate().filter(|(_, piece)| !**piece).map(|(at, _)| at).collect();
    let of_player = |player: usize| {
        let features = players.features(player).iter();
        features.filter_map(|feature| kept.binary_search(feature).ok()).collect()
    };
    let names = players.names().iter().enumerate();
    let plain = Players::new(names.map(|(at, name)| (name.clone(), of_player(at))).collect(), kept.len())?;
    let rows: Vec<f64> = background.rows().flat_map(|row| kept.iter().map(|at| row[*at])).collect();
    Ok(correlated(&plain, &rows, CORRELATED)?)
}

/// Players with those joined that are to be, and the pairs that go together.
pub(super) fn joined(
    encoder: &AnyEncoder,
    background: &Background,
    join: &Join,
) -> Result<(Players, Vec<Pair>)> {
    let columns = of_columns(encoder)?;
    let is_image = columns.is_none();
    let players = columns.map_or_else(|| of_pixels(encoder), Ok)?;
    // neighbouring pixels always go together
    let related = match is_image {
        true => Vec::new(),
        false => that_go_together(encoder, &players, background)?,
    };
    let pair = |players: &Players, found: &Correlated| Pair {
        a: players.names()[found.a].clone(),
        b: players.names()[found.b].clone(),
        value: found.r,
    };
    let groups: Vec<Vec<usize>> = match join {
        Join::None => {
            let related = related.iter().map(|found| pair(&players, found)).collect();
            return Ok((players, related));
        }
        Join::Auto => related.iter().map(|found| vec![found.a, found.b]).collect(),
        Join::Groups(groups) => {
            let group = |names: &Vec<String>| {
                names.iter().map(|name| Ok(players.of(name)?)).collect::<Result<Vec<usize>>>()
            };
            groups.iter().map(group).collect::<Result<_>>()?
        }
    };
    let players = players.joined(&groups);
    let left = match join {
        Join::Auto => Vec::new(),
        _ => that_go_together(encoder, &players, background)?,
    };
    let left = left.iter().map(|found| pair(&players, found)).collect();
    Ok((players, left))
}
