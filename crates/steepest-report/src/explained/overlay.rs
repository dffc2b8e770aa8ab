//! Which pixels an output of an image is made of.

use super::drawn::{Drawn, LOWERS, RAISES, words};
use crate::picture::frame::INK;
use crate::picture::text::Anchor;
use steepest_train::explain::Explained;

/// Larger images are not drawn pixel by pixel.
const MOST_PIXELS: usize = 128 * 128;

/// The image beside what its pixels add; `None` for images that are too large.
pub(super) fn overlay(found: &Explained, row: usize, output: usize) -> Option<Drawn> {
    let [channels, height, width] = found.image?;
    let pixels = height * width;
    if pixels == 0 || pixels > MOST_PIXELS {
        return None;
    }
    let of_row = &found.rows[row];
    let values = &of_row.outputs[output].values;
    // channels together
    let sum =
        |all: &dyn Fn(usize) -> f64, at: usize| (0..channels).map(|c| all(c * pixels + at)).sum::<f64>();
    let added: Vec<f64> = (0..pixels).map(|at| sum(&|at| values[at], at)).collect();
    let light: Vec<f64> = (0..pixels)
        .map(|at| sum(&|at| of_row.numbers.get(at).copied().flatten().unwrap_or(0.0), at))
        .collect();
    let (low, high) = light.iter().fold((f64::MAX, f64::MIN), |(a, b), x| (a.min(*x), b.max(*x)));
    let most = added.iter().fold(1e-300f64, |most, x| most.max(x.abs()));
    let side = (360.0 / height.max(width) as f64).min(40.0);
    let mut body = String::new();
    for at in 0..pixels {
        let [x, y] = [(at % width) as f64 * side, (at / width) as f64 * side + 30.0];
        let grey = (255.0 * (1.0 - (light[at] - low) / (high - low).max(1e-12))) as u8;
        let rect = |x: f64, fill: &str, opacity: f64| {
            format!(
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{s:.1}\" height=\"{s:.1}\" fill=\"{fill}\" fill-opacity=\"{opacity:.2}\"/>\n",
                s = side + 0.2
            )
        };
        body += &rect(24.0 + x, &format!("#{grey:02x}{grey:02x}{grey:02x}"), 1.0);
        let faint = 255 - (255 - grey) / 4;
        body += &rect(450.0 + x, &format!("#{faint:02x}{faint:02x}{faint:02x}"), 1.0);
        let part = added[at] / most;
        if part.abs() > 0.02 {
            body += &rect(450.0 + x, if part > 0.0 { RAISES } else { LOWERS }, part.abs().powf(0.7));
        }
    }
    body += &words("the image", [24.0, 18.0], Anchor::Start, INK);
    body += &words("what its pixels add", [450.0, 18.0], Anchor::Start, INK);
    Some(Drawn {
        name: format!("overlay-row-{}", of_row.row),
        title: format!("{} in {}", found.units[output], of_row.place),
        how: "Red pixels raise it, blue ones lower it, against usual images (path attribution).".to_owned(),
        height: 30.0 + side * height as f64 + 20.0,
        body,
    })
}
