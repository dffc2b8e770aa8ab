//! Text as outlines, so that a picture looks the same where there are no fonts.
//!
//! The outlines are those of Inter; `assets/make_font.py` wrote them, `assets/OFL.txt` is their
//! licence.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

static INTER: &str = include_str!("../../assets/inter.txt");

/// How thick the letters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weight {
    Regular,
    Bold,
}

/// Which point of a text lies at its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

#[derive(Debug, Clone, Copy)]
struct Glyph {
    /// In thousandths of the font size.
    advance: f64,
    path: &'static str,
}

static GLYPHS: LazyLock<HashMap<(Weight, char), Glyph>> =
    LazyLock::new(|| INTER.lines().filter_map(glyph).collect());

/// A line of the file: weight, character, advance, path.
fn glyph(line: &'static str) -> Option<((Weight, char), Glyph)> {
    let mut characters = line.chars();
    let weight = if characters.next()? == 'b' { Weight::Bold } else { Weight::Regular };
    let character = characters.next()?;
    let (advance, path) = characters.as_str().split_once(' ').unwrap_or((characters.as_str(), ""));
    Some(((weight, character), Glyph { advance: advance.parse().ok()?, path }))
}

/// The glyph of a character; letters that are not there are shown as a question mark.
fn find(weight: Weight, character: char) -> Option<Glyph> {
    let in_regular = || GLYPHS.get(&(Weight::Regular, character));
    GLYPHS.get(&(weight, character)).or_else(in_regular).or_else(|| GLYPHS.get(&(weight, '?'))).copied()
}

/// Width of a text in the unit of `size`.
pub fn width(text: &str, size: f64, weight: Weight) -> f64 {
    text.chars().filter_map(|c| find(weight, c)).map(|glyph| glyph.advance).sum::<f64>() * size / 1000.0
}

/// A text as an SVG path; `x`, `y` is its anchor on the baseline.
pub fn path(text: &str, [x, y]: [f64; 2], size: f64, weight: Weight, anchor: Anchor, fill: &str) -> String {
    let left = match anchor {
        Anchor::Start => x,
        Anchor::Middle => x - width(text, size, weight) / 2.0,
        Anchor::End => x - width(text, size, weight),
    };
    let mut outline = String::new();
    let mut advance = 0.0;
    for glyph in text.chars().filter_map(|c| find(weight, c)) {
        if !glyph.path.is_empty() {
            let _ = write!(outline, "M{advance} 0{}", glyph.path);
        }
        advance += glyph.advance;
    }
    let scale = size / 1000.0;
    format!(
        "<path aria-label=\"{}\" fill=\"{fill}\" transform=\"translate({left:.1} {y:.1}) scale({scale:.4})\" d=\"{outline}\"/>\n",
        escape(text)
    )
}

/// Text inside XML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use steepest::functions::FUNCTIONS;

    #[test]
    fn every_letter_that_a_picture_may_show_is_there() {
        assert!(GLYPHS.len() > 200);
        let formulas = FUNCTIONS.iter().map(|function| function.formula);
        for text in formulas.chain(["0123456789 −-.,e+()[]", "steps, f − min f; lr 0.1 → ×"]) {
            for character in text.chars() {
                assert!(GLYPHS.contains_key(&(Weight::Regular, character)), "{character:?} of {text}");
            }
        }
    }

    #[test]
    fn width_adds_up_and_anchors_move() {
        let ten = width("0123456789", 10.0, Weight::Regular);
        assert!((50.0..80.0).contains(&ten), "{ten}");
        let starts_at = |anchor| path("00", [50.0, 0.0], 10.0, Weight::Bold, anchor, "#000");
        assert!(starts_at(Anchor::Start).contains("translate(50.0 "));
        assert!(!starts_at(Anchor::End).contains("translate(50.0 "));
        assert!(path("☃", [0.0; 2], 10.0, Weight::Regular, Anchor::Start, "#000").contains("M0 0m"));
    }
}
