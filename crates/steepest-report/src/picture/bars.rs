//! Shares of a limit, or of the longest, as bars.

use super::text::{self, Anchor, Weight};

/// Horizontal bars.
pub struct Bars {
    /// Above them.
    pub title: String,
    /// Below the title, smaller; nothing where it is empty.
    pub note: String,
    /// Whether a line stands at 1.
    pub limit: bool,
    /// Name, length as a fraction of 1, and what stands behind the bar.
    pub rows: Vec<(String, f64, String)>,
}

impl Bars {
    /// The picture as SVG.
    pub fn svg(&self) -> String {
        const ROW: f64 = 22.0;
        const LEFT: f64 = 190.0;
        const FULL: f64 = 400.0;
        const TOP: f64 = 56.0;
        let (width, height) = (800.0, TOP + ROW * self.rows.len() as f64 + 20.0);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\"><rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>"
        );
        out += &text::path(&self.title, [20.0, 30.0], 15.0, Weight::Bold, Anchor::Start, "#1a1a1a");
        if !self.note.is_empty() {
            out += &text::path(&self.note, [20.0, 48.0], 12.0, Weight::Regular, Anchor::Start, "#555555");
        }
        for (i, (name, fraction, note)) in self.rows.iter().enumerate() {
            let y = TOP + ROW * i as f64;
            let length = FULL * fraction.clamp(0.0, 1.1);
            let (at, plain, ink) = (y + 15.0, Weight::Regular, "#1a1a1a");
            out += &text::path(name, [LEFT - 10.0, at], 13.0, plain, Anchor::End, ink);
            out += &format!(
                "<rect x=\"{LEFT}\" y=\"{}\" width=\"{length:.1}\" height=\"{}\" rx=\"2\" fill=\"#3b6fb6\"/>",
                y + 3.0,
                ROW - 6.0
            );
            out += &text::path(note, [LEFT + 1.1 * FULL + 14.0, at], 12.0, plain, Anchor::Start, "#555555");
        }
        if !self.limit {
            return out + "</svg>";
        }
        out += &format!(
            "<line x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\" stroke=\"#888888\" stroke-dasharray=\"4 3\"/></svg>",
            TOP - 4.0,
            height - 14.0,
            x = LEFT + FULL
        );
        out
    }
}
