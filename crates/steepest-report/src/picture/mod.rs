//! The picture of `minimize`: the ways of optimizers over a function's contours, and how fast each
//! came down. Written as SVG by hand; PNG is that SVG, rendered.

mod bars;
mod contour;
mod drawing;
pub(crate) mod frame;
mod intervals;
mod line;
mod play;
mod surface;
pub(crate) mod text;

pub use bars::Bars;
pub use drawing::Drawing;
pub use intervals::Intervals;
pub use surface::Surface;

use contour::Grid;
use frame::{
    Axis, FAINT, Frame, INK, PANEL, SMALL, caption, linear_ticks, mark_below, mark_left, name_below,
    name_left, power_of_ten, tick_text,
};
use line::{outline, polyline, stroke};
use std::fmt::Write as _;
use surface::{Levels, axes, log_height};
use text::{Anchor, Weight, escape};

/// What is to be drawn.
pub struct Picture<'a> {
    /// Above it all.
    pub title: String,
    /// Below the title, smaller: the formula.
    pub subtitle: String,
    /// What the function is in the plane; none where it has another number of coordinates.
    pub surface: Option<Surface<'a>>,
    /// The ways of the optimizers, each in a colour of its own.
    pub ways: Vec<Way>,
    /// The function's smallest value; heights are drawn above it.
    pub floor: f64,
}

/// The way of one optimizer.
#[derive(Debug, Clone)]
pub struct Way {
    /// Its name, for the legend.
    pub name: String,
    /// Two lines for the legend.
    pub notes: [String; 2],
    /// Where it came by; empty where the function is not drawn.
    pub points: Vec<[f64; 2]>,
    /// Steps and values.
    pub values: Vec<(u64, f64)>,
}

/// Pixels of the PNG for each unit of the SVG.
const PNG_SCALE: f32 = 2.0;
const WIDTH: f64 = 1040.0;
/// The panel with the values, beside the contours.
const CURVES: Frame = Frame { left: 796.0, top: 106.0, width: 212.0, height: 230.0 };
/// A row of the legend.
const ROW: f64 = 58.0;

const RULE: &str = "#d5dbe1";

/// The colours of the ways: apart from one another, from the contours and from white.
const COLOURS: [&str; 8] =
    ["#ff7a1a", "#f0328c", "#ffc81e", "#d61f1f", "#a46bff", "#7ddc1f", "#ffffff", "#c49a6c"];

impl Picture<'_> {
    /// The picture as SVG.
    pub fn svg(&self) -> String {
        self.svg_with(|way, axes, colour| [trail(way, axes, colour), end(way, axes, colour)])
    }

    /// The same, with each way drawn by another: what lies below the minima, and what lies above.
    fn svg_with(&self, drawn: impl Fn(&Way, [Axis; 2], &str) -> [String; 2]) -> String {
        let legend_top = if self.surface.is_some() { CURVES.bottom() + 74.0 } else { PANEL.top + 6.0 };
        let height = (PANEL.bottom() + 52.0).max(legend_top + ROW * self.ways.len() as f64 + 8.0);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
             <title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
            escape(&self.title)
        );
        svg += &text::path(&self.title, [PANEL.left, 44.0], 24.0, Weight::Bold, Anchor::Start, INK);
        let room = WIDTH - 2.0 * PANEL.left;
        let size = (14.0 * room / text::width(&self.subtitle, 14.0, Weight::Regular).max(room)).max(7.0);
        svg += &text::path(&self.subtitle, [PANEL.left, 70.0], size, Weight::Regular, Anchor::Start, FAINT);
        match &self.surface {
            Some(surface) => {
                let levels = Levels::of(surface, self.floor);
                svg += &self.contours(surface, &levels, drawn);
                svg += &scales(surface, &levels, SMALL);
                svg += &self.curves(CURVES);
                svg += &self.legend([CURVES.left - 46.0, legend_top]);
            }
            None => {
                svg += &self.curves(PANEL);
                svg += &self.legend([PANEL.right() + 40.0, legend_top]);
            }
        }
        svg + "</svg>\n"
    }

    /// The picture as PNG.
    pub fn png(svg: &str) -> Result<Vec<u8>, String> {
        Self::pixels(svg, PNG_SCALE)?.encode_png().map_err(|error| error.to_string())
    }

    /// The picture in pixels, so many for each unit.
    fn pixels(svg: &str, scale: f32) -> Result<resvg::tiny_skia::Pixmap, String> {
        use resvg::{tiny_skia, usvg};
        let tree = usvg::Tree::from_str(svg, &usvg::Options::default()).map_err(|error| error.to_string())?;
        let pixels = |length: f32| (length * scale).ceil() as u32;
        let [width, height] = [pixels(tree.size().width()), pixels(tree.size().height())];
        let mut pixmap = tiny_skia::Pixmap::new(width, height).ok_or("the picture has no size")?;
        // the last row may be covered in part only
        pixmap.fill(tiny_skia::Color::WHITE);
        resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut pixmap.as_mut());
        Ok(pixmap)
    }

    /// The function with the ways over it, cut at the panel.
    fn contours(
        &self,
        surface: &Surface,
        levels: &Levels,
        drawn: impl Fn(&Way, [Axis; 2], &str) -> [String; 2],
    ) -> String {
        let [x, y] = axes(surface);
        let mut svg =
            format!("<clipPath id=\"panel\">{}</clipPath>\n<g clip-path=\"url(#panel)\">\n", PANEL.rect(""));
        svg += &PANEL.rect(&format!("fill=\"{}\"", levels.colour(levels.values.len())));
        // a grid of nearly square cells; its ring lies outside of the panel
        const CELLS: [usize; 2] = [232, 224];
        let cell = [PANEL.width / CELLS[0] as f64, PANEL.height / CELLS[1] as f64];
        let origin = [PANEL.left - 2.0 * cell[0], PANEL.top - 2.0 * cell[1]];
        let height = |[px, py]: [f64; 2]| log_height((surface.f)([x.back(px), y.back(py)]), self.floor);
        let grid = Grid::new([CELLS[0] + 5, CELLS[1] + 5], origin, cell, height);
        svg += "<g stroke=\"#fff\" stroke-opacity=\".28\" stroke-width=\".8\" fill-rule=\"evenodd\">\n";
        for (i, level) in levels.values.iter().enumerate().rev() {
            let region: String =
                grid.below(level.log10()).iter().map(|points| outline(points, true)).collect();
            if !region.is_empty() {
                let _ = writeln!(svg, "<path fill=\"{}\" d=\"{region}\"/>", levels.colour(i));
            }
        }
        svg += "</g>\n";
        let ways = self.ways.iter().zip(COLOURS.iter().cycle());
        let (below, above): (Vec<String>, Vec<String>) =
            ways.map(|(way, colour)| drawn(way, [x, y], colour).into()).unzip();
        svg.extend(below);
        svg.extend(surface.minima.iter().map(|minimum| star([x.at(minimum[0]), y.at(minimum[1])])));
        svg.extend(above);
        let start = [x.at(surface.start[0]), y.at(surface.start[1])];
        let _ = writeln!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\" fill=\"#fff\" stroke=\"{INK}\" stroke-width=\"1.6\"/>",
            start[0], start[1]
        );
        svg + "</g>\n"
    }

    /// How far each is above the lowest value, over the steps; the height on a scale of logarithms.
    fn curves(&self, frame: Frame) -> String {
        let heights = |way: &Way| -> Vec<(f64, f64)> {
            way.values.iter().map(|(step, value)| (*step as f64, log_height(*value, self.floor))).collect()
        };
        let curves: Vec<_> = self.ways.iter().map(heights).collect();
        let all = || curves.iter().flatten().filter(|(_, height)| height.is_finite());
        let first = curves.iter().filter_map(|curve| curve.first()).map(|(_, h)| *h).fold(f64::MIN, f64::max);
        // a run that diverges would press all others into a line
        let top = all().map(|(_, h)| *h).fold(f64::MIN, f64::max).min(first + 3.0).ceil();
        let bottom = all().map(|(_, h)| *h).fold(f64::MAX, f64::min).floor().min(top - 1.0);
        let last = all().map(|(step, _)| *step).fold(1.0, f64::max);
        let x = Axis { from: (0.0, last), to: (frame.left, frame.right()) };
        let y = Axis { from: (bottom, top), to: (frame.bottom(), frame.top) };
        let mut svg = caption(frame, "f − min f", SMALL);
        let every = ((top - bottom) / 6.0).ceil().max(1.0);
        let mut tick = (bottom / every).ceil() * every;
        while tick <= top {
            let at = y.at(tick);
            let _ = writeln!(
                svg,
                "<path stroke=\"{RULE}\" stroke-width=\".8\" d=\"M{} {at:.1}H{}\"/>",
                frame.left,
                frame.right()
            );
            svg += &mark_left(frame, at, &power_of_ten(tick as i32), SMALL);
            tick += every;
        }
        let most = if frame.width > 400.0 { 8 } else { 4 };
        for tick in linear_ticks(x.from, most) {
            svg += &mark_below(frame, x.at(tick), &tick_text(tick), SMALL);
        }
        svg += &name_below(frame, "steps", SMALL);
        let _ = writeln!(
            svg,
            "<clipPath id=\"curves\">{}</clipPath>\n<g clip-path=\"url(#curves)\">",
            frame.rect("")
        );
        for (curve, colour) in curves.iter().zip(COLOURS.iter().cycle()) {
            let points: Vec<[f64; 2]> = curve.iter().map(|(step, h)| [x.at(*step), y.at(*h)]).collect();
            let _ = writeln!(
                svg,
                "<path fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\" stroke-linejoin=\"round\" d=\"{}\"/>",
                on_white(colour),
                polyline(&points, frame)
            );
        }
        svg += "</g>\n";
        svg + &frame.rect(&format!("fill=\"none\" stroke=\"{INK}\" stroke-width=\"1\""))
    }

    fn legend(&self, [left, top]: [f64; 2]) -> String {
        let mut svg = String::new();
        for (i, (way, colour)) in self.ways.iter().zip(COLOURS.iter().cycle()).enumerate() {
            let y = top + ROW * i as f64;
            svg += &stroke(&format!("M{left} {:.1}h22", y - 5.0), colour, 3.0);
            svg += &text::path(&way.name, [left + 32.0, y], 15.0, Weight::Bold, Anchor::Start, INK);
            for (line, note) in way.notes.iter().enumerate() {
                let at = [left + 32.0, y + 17.0 * (line + 1) as f64];
                svg += &text::path(note, at, 12.5, Weight::Regular, Anchor::Start, FAINT);
            }
        }
        svg
    }
}

/// The frame of the contours with its axes and the scale of colours, in letters of a size.
fn scales(surface: &Surface, levels: &Levels, size: f64) -> String {
    let [x, y] = axes(surface);
    let mut svg = PANEL.rect(&format!("fill=\"none\" stroke=\"{INK}\" stroke-width=\"1\""));
    for tick in linear_ticks(x.from, 7) {
        svg += &mark_below(PANEL, x.at(tick), &tick_text(tick), size);
    }
    for tick in linear_ticks(y.from, 7) {
        svg += &mark_left(PANEL, y.at(tick), &tick_text(tick), size);
    }
    svg + &name_below(PANEL, "x", size) + &name_left(PANEL, "y", size) + &levels.bar(size)
}

/// The way of one optimizer: a line in its colour, a dot for each step that can be told apart.
fn trail(way: &Way, [x, y]: [Axis; 2], colour: &str) -> String {
    let points: Vec<[f64; 2]> = way.points.iter().map(|p| [x.at(p[0]), y.at(p[1])]).collect();
    let mut svg = stroke(&polyline(&points, PANEL), colour, 2.2);
    const DOTS: usize = 120;
    let mut last = points.first().copied().unwrap_or_default();
    let mut dots = String::new();
    let mut drawn = 0;
    for point in points.iter().skip(1).filter(inside) {
        if (point[0] - last[0]).hypot(point[1] - last[1]) >= 7.0 && drawn < DOTS {
            let _ = write!(dots, "M{:.1} {:.1}h0", point[0], point[1]);
            drawn += 1;
        }
        last = *point;
    }
    if drawn > 0 {
        // a line of no length with round ends is a dot
        for (colour, width) in [("#fff", 5.6), (colour, 4.0)] {
            let _ = writeln!(
                svg,
                "<path stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linecap=\"round\" d=\"{dots}\"/>"
            );
        }
    }
    svg
}

/// Where a way ends.
fn end(way: &Way, [x, y]: [Axis; 2], colour: &str) -> String {
    let last = way.points.last().map(|p| [x.at(p[0]), y.at(p[1])]).filter(|p| inside(&p));
    let Some([x, y]) = last else { return String::new() };
    let look = format!("fill=\"{colour}\" stroke=\"{INK}\" stroke-width=\"1.2\"");
    format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.4\" {look}/>\n")
}

/// Whether a point lies in the panel; a NaN lies nowhere.
fn inside(p: &&[f64; 2]) -> bool {
    (PANEL.left..=PANEL.right()).contains(&p[0]) && (PANEL.top..=PANEL.bottom()).contains(&p[1])
}

/// A colour that is seen on white.
fn on_white(colour: &str) -> &str {
    if colour == "#ffffff" { FAINT } else { colour }
}

/// Where a minimum lies.
fn star([x, y]: [f64; 2]) -> String {
    let mut path = String::new();
    for i in 0..10 {
        let (angle, radius) =
            (f64::from(i) * std::f64::consts::PI / 5.0, if i % 2 == 0 { 13.0 } else { 5.4 });
        let (dx, dy) = (radius * angle.sin(), -radius * angle.cos());
        let _ = write!(path, "{}{:.1} {:.1}", if i == 0 { 'M' } else { 'L' }, x + dx, y + dy);
    }
    format!(
        "<path fill=\"#fff\" stroke=\"{INK}\" stroke-width=\"1.2\" stroke-linejoin=\"round\" d=\"{path}z\"/>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_and_every_accident_is_drawn() {
        let wild = |p: [f64; 2]| if p[0] > 1.0 { f64::NAN } else { p[0].exp() * p[1] };
        let functions: [Box<dyn Fn([f64; 2]) -> f64>; 4] = [
            Box::new(wild),
            Box::new(|_| 3.0),
            Box::new(|_| f64::INFINITY),
            Box::new(|p| p[0] * p[0] + p[1] * p[1]),
        ];
        for f in functions {
            let way = |last: f64| Way {
                name: "a <b> & \"c\"".to_owned(),
                notes: ["one".to_owned(), String::new()],
                points: vec![[0.0, 0.0], [1.0, last], [last, last]],
                values: vec![(0, 1.0), (1, last), (2, last)],
            };
            let picture = Picture {
                title: "wild".to_owned(),
                subtitle: "f < g".repeat(60),
                surface: Some(Surface {
                    f,
                    window: [(-2.0, 2.0), (-1.0, 3.0)],
                    start: [-4.0, 0.0],
                    minima: vec![[0.0, 0.0]],
                }),
                ways: vec![way(0.5), way(f64::NAN), way(f64::INFINITY), way(-1e300)],
                floor: 0.0,
            };
            let svg = picture.svg();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            let png = Picture::png(&svg).unwrap();
            assert!(png.starts_with(b"\x89PNG"));
            let playing = picture.animated_svg();
            assert!(!playing.contains("NaN") && !playing.contains("inf"), "{playing}");
            assert!(resvg::usvg::Tree::from_str(&playing, &Default::default()).is_ok());
            let inline = picture.drawing().unwrap();
            assert!(!inline.svg.contains("NaN") && !inline.svg.contains("inf"), "{}", inline.svg);
            assert!(resvg::usvg::Tree::from_str(&inline.svg, &Default::default()).is_ok());
            assert!(!inline.svg.contains("<b>"), "names are text beside it");
        }
    }
}
