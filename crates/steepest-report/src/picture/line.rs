//! Lines as path data: cut at a frame, thinned, and drawn so that they are seen on every ground.

use super::frame::{Frame, INK};
use std::fmt::Write as _;

/// A line in a colour on a wider one, so that it is seen on every ground.
pub fn stroke(path: &str, colour: &str, width: f64) -> String {
    if path.is_empty() {
        return String::new();
    }
    // white on white would be no line
    let ground = if colour == "#ffffff" { INK } else { "#fff" };
    let ground_width = width + 1.8;
    format!(
        "<g fill=\"none\" stroke-linejoin=\"round\" stroke-linecap=\"round\">\
         <path stroke=\"{ground}\" stroke-opacity=\".85\" stroke-width=\"{ground_width}\" d=\"{path}\"/>\
         <path stroke=\"{colour}\" stroke-width=\"{width}\" d=\"{path}\"/></g>\n"
    )
}

/// An open line through points, cut where it leaves the frame, and without points that nobody sees.
pub fn polyline(points: &[[f64; 2]], frame: Frame) -> String {
    let mut pieces: Vec<Vec<[f64; 2]>> = Vec::new();
    // far outside, where differences to numbers inside would have no digits left
    let tame = |p: [f64; 2]| p.map(|x| if x.is_finite() { x.clamp(-1e6, 1e6) } else { x });
    for pair in points.windows(2) {
        let Some([a, b]) = cut([tame(pair[0]), tame(pair[1])], frame) else { continue };
        match pieces.last_mut() {
            Some(piece) if piece.last() == Some(&a) => piece.push(b),
            _ => pieces.push(vec![a, b]),
        }
    }
    pieces.iter().map(|piece| outline(piece, false)).collect()
}

/// The part of a segment in a frame, a little larger than the one given (Liang and Barsky 1984).
fn cut([a, b]: [[f64; 2]; 2], frame: Frame) -> Option<[[f64; 2]; 2]> {
    const MARGIN: f64 = 20.0;
    let low = [frame.left - MARGIN, frame.top - MARGIN];
    let high = [frame.right() + MARGIN, frame.bottom() + MARGIN];
    let (mut from, mut to) = (0.0f64, 1.0f64);
    for i in 0..2 {
        let d = b[i] - a[i];
        if !(a[i].is_finite() && d.is_finite()) {
            return None;
        }
        if d == 0.0 {
            if a[i] < low[i] || a[i] > high[i] {
                return None;
            }
            continue;
        }
        let (enter, leave) = ((low[i] - a[i]) / d, (high[i] - a[i]) / d);
        from = from.max(enter.min(leave));
        to = to.min(enter.max(leave));
    }
    let at = |t: f64| [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])];
    // the ends as they are, so that pieces join
    let (start, end) = (if from == 0.0 { a } else { at(from) }, if to == 1.0 { b } else { at(to) });
    (from <= to).then_some([start, end])
}

/// Points as path data of one decimal; those on a straight line with their neighbours are left out.
pub fn outline(points: &[[f64; 2]], closed: bool) -> String {
    const UNSEEN: f64 = 0.12;
    let mut path = String::new();
    let mut last: Option<[f64; 2]> = None;
    // points passed over since the last one written
    let mut skipped: Vec<[f64; 2]> = Vec::new();
    for (i, point) in points.iter().enumerate() {
        let Some(here) = last else {
            let _ = write!(path, "M{}", pair(*point));
            last = Some(*point);
            continue;
        };
        skipped.push(*point);
        let next = points.get(i + 1);
        let straight = next.is_some_and(|next| {
            skipped.len() < 32 && skipped.iter().all(|p| distance(*p, here, *next) < UNSEEN)
        });
        if !straight {
            let _ = write!(path, "L{}", pair(*point));
            last = Some(*point);
            skipped.clear();
        }
    }
    if closed { path + "z" } else { path }
}

/// From a point to a segment.
fn distance(p: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let (d, e) = ([b[0] - a[0], b[1] - a[1]], [p[0] - a[0], p[1] - a[1]]);
    let length = d[0] * d[0] + d[1] * d[1];
    let part = if length > 0.0 { ((d[0] * e[0] + d[1] * e[1]) / length).clamp(0.0, 1.0) } else { 0.0 };
    (e[0] - part * d[0]).hypot(e[1] - part * d[1])
}

fn pair([x, y]: [f64; 2]) -> String {
    let one = |x: f64| {
        let text = format!("{x:.1}");
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    };
    format!("{} {}", one(x), one(y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_at_its_frame_and_thinned() {
        let frame = Frame { left: 0.0, top: 0.0, width: 100.0, height: 100.0 };
        let straight: Vec<[f64; 2]> = (0..=20).map(|i| [f64::from(i), 2.0 * f64::from(i)]).collect();
        assert_eq!(polyline(&straight, frame), "M0 0L20 40");
        let far = [[50.0, 50.0], [1e300, 50.0], [50.0, 60.0]];
        assert_eq!(polyline(&far, frame), "M50 50L120 50M120 60L50 60");
        assert_eq!(polyline(&[[500.0, 0.0], [600.0, 0.0]], frame), "");
        assert_eq!(polyline(&[[0.0, 0.0], [f64::NAN, 0.0], [5.0, f64::INFINITY]], frame), "");
    }
}
