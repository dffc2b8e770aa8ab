//! The picture of `minimize`: the ways of optimizers over a function's contours, and how fast each
//! came down. Written as SVG by hand; PNG is that SVG, rendered.

mod bars;
mod contour;
mod text;

pub use bars::Bars;

use crate::output::short;
use contour::Grid;
use std::fmt::Write as _;
use text::{Anchor, Weight};

/// What is to be drawn.
pub struct Picture<'a> {
    pub title: String,
    /// Below the title, smaller: the formula.
    pub subtitle: String,
    /// What the function is in the plane; none where it has another number of coordinates.
    pub surface: Option<Surface<'a>>,
    pub ways: Vec<Way>,
    /// The function's smallest value; heights are drawn above it.
    pub floor: f64,
}

/// A function of two numbers.
pub struct Surface<'a> {
    pub f: Box<dyn Fn([f64; 2]) -> f64 + 'a>,
    /// The ranges of x and of y.
    pub window: [(f64, f64); 2],
    pub start: [f64; 2],
    pub minima: Vec<[f64; 2]>,
}

/// The way of one optimizer.
pub struct Way {
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
/// The panel with the contours.
const PANEL: Frame = Frame { left: 64.0, top: 106.0, width: 580.0, height: 560.0 };
/// The panel with the values, beside the contours.
const CURVES: Frame = Frame { left: 796.0, top: 106.0, width: 212.0, height: 230.0 };
/// A row of the legend.
const ROW: f64 = 58.0;

const INK: &str = "#1f2933";
const FAINT: &str = "#6b7785";
const RULE: &str = "#d5dbe1";

/// The colours of the ways: apart from one another, from the contours and from white.
const COLOURS: [&str; 8] =
    ["#ff7a1a", "#f0328c", "#ffc81e", "#d61f1f", "#a46bff", "#7ddc1f", "#ffffff", "#c49a6c"];

/// The palette of the contours, from low to high: Mako, by M. Waskom (seaborn, BSD-3-Clause). Its
/// lightness rises evenly, so equal steps look equal, also in grey.
const PALETTE: [[f64; 3]; 8] = [
    [11.0, 4.0, 5.0],
    [46.0, 30.0, 59.0],
    [65.0, 61.0, 123.0],
    [55.0, 101.0, 158.0],
    [52.0, 143.0, 167.0],
    [64.0, 183.0, 173.0],
    [139.0, 218.0, 178.0],
    [222.0, 245.0, 229.0],
];

#[derive(Debug, Clone, Copy)]
struct Frame {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Frame {
    fn right(&self) -> f64 {
        self.left + self.width
    }

    fn bottom(&self) -> f64 {
        self.top + self.height
    }

    fn rect(&self, attributes: &str) -> String {
        let Self { left, top, width, height } = self;
        format!("<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" {attributes}/>\n")
    }
}

/// From data to the picture along one axis.
#[derive(Debug, Clone, Copy)]
struct Axis {
    from: (f64, f64),
    to: (f64, f64),
}

impl Axis {
    fn at(&self, x: f64) -> f64 {
        let part = (x - self.from.0) / (self.from.1 - self.from.0);
        self.to.0 + part * (self.to.1 - self.to.0)
    }

    fn back(&self, x: f64) -> f64 {
        let part = (x - self.to.0) / (self.to.1 - self.to.0);
        self.from.0 + part * (self.from.1 - self.from.0)
    }
}

impl Picture<'_> {
    /// The picture as SVG.
    pub fn svg(&self) -> String {
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
                svg += &self.contours(surface);
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
        use resvg::{tiny_skia, usvg};
        let tree = usvg::Tree::from_str(svg, &usvg::Options::default()).map_err(|error| error.to_string())?;
        let pixels = |length: f32| (length * PNG_SCALE).ceil() as u32;
        let [width, height] = [pixels(tree.size().width()), pixels(tree.size().height())];
        let mut pixmap = tiny_skia::Pixmap::new(width, height).ok_or("the picture has no size")?;
        let scale = tiny_skia::Transform::from_scale(PNG_SCALE, PNG_SCALE);
        resvg::render(&tree, scale, &mut pixmap.as_mut());
        pixmap.encode_png().map_err(|error| error.to_string())
    }

    fn contours(&self, surface: &Surface) -> String {
        let [x, y] = axes(surface);
        let levels = Levels::of(surface, self.floor);
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
        let ways = || self.ways.iter().zip(COLOURS.iter().cycle());
        svg.extend(ways().map(|(way, colour)| trail(way, [x, y], colour)));
        svg.extend(surface.minima.iter().map(|minimum| star([x.at(minimum[0]), y.at(minimum[1])])));
        svg.extend(ways().map(|(way, colour)| end(way, [x, y], colour)));
        let start = [x.at(surface.start[0]), y.at(surface.start[1])];
        let _ = writeln!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\" fill=\"#fff\" stroke=\"{INK}\" stroke-width=\"1.6\"/>",
            start[0], start[1]
        );
        svg += "</g>\n";
        svg += &PANEL.rect(&format!("fill=\"none\" stroke=\"{INK}\" stroke-width=\"1\""));
        for tick in linear_ticks(x.from, 7) {
            svg += &mark_below(PANEL, x.at(tick), &tick_text(tick));
        }
        for tick in linear_ticks(y.from, 7) {
            svg += &mark_left(PANEL, y.at(tick), &tick_text(tick));
        }
        svg += &text::path(
            "x",
            [PANEL.left + PANEL.width / 2.0, PANEL.bottom() + 40.0],
            13.0,
            Weight::Regular,
            Anchor::Middle,
            FAINT,
        );
        svg += &text::path(
            "y",
            [PANEL.left - 48.0, PANEL.top + PANEL.height / 2.0],
            13.0,
            Weight::Regular,
            Anchor::Middle,
            FAINT,
        );
        svg + &levels.bar()
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
        let mut svg = text::path(
            "f − min f",
            [frame.left, frame.top - 12.0],
            13.0,
            Weight::Regular,
            Anchor::Start,
            FAINT,
        );
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
            svg += &mark_left(frame, at, &power_of_ten(tick as i32));
            tick += every;
        }
        let most = if frame.width > 400.0 { 8 } else { 4 };
        for tick in linear_ticks(x.from, most) {
            svg += &mark_below(frame, x.at(tick), &tick_text(tick));
        }
        svg += &text::path(
            "steps",
            [frame.left + frame.width / 2.0, frame.bottom() + 40.0],
            13.0,
            Weight::Regular,
            Anchor::Middle,
            FAINT,
        );
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

/// The window of a surface, widened where the start lies outside of it.
fn axes(surface: &Surface) -> [Axis; 2] {
    let axis = |i: usize, to| {
        let ((low, high), start) = (surface.window[i], surface.start[i]);
        let margin = 0.06 * (high - low);
        let from = (
            if start < low { start - margin } else { low },
            if start > high { start + margin } else { high },
        );
        Axis { from, to }
    };
    [axis(0, (PANEL.left, PANEL.right())), axis(1, (PANEL.bottom(), PANEL.top))]
}

/// The logarithm of a value's height above the lowest, kept above what an f64 can tell from zero.
fn log_height(value: f64, floor: f64) -> f64 {
    // differences of numbers of this size are rounding below
    let least = f64::EPSILON * floor.abs().max(1.0);
    // max drops a NaN, and that is no low point
    if value.is_nan() { f64::INFINITY } else { (value - floor).max(least).log10() }
}

/// The levels of the contours: heights above the floor, round numbers, even on a scale of logarithms.
struct Levels {
    values: Vec<f64>,
}

impl Levels {
    /// Most levels, over the whole range.
    const MOST: f64 = 20.0;

    fn of(surface: &Surface, floor: f64) -> Self {
        let [x, y] = axes(surface);
        let mut heights = Vec::new();
        for i in 0..60 {
            for j in 0..60 {
                let part = |k: i32| (f64::from(k) + 0.5) / 60.0;
                let at = |axis: Axis, k| axis.from.0 + part(k) * (axis.from.1 - axis.from.0);
                let height = log_height((surface.f)([at(x, i), at(y, j)]), floor);
                heights.extend(Some(height).filter(|h| h.is_finite()));
            }
        }
        heights.sort_by(f64::total_cmp);
        let (Some(lowest), Some(highest)) = (heights.get(heights.len() / 500), heights.last()) else {
            return Self { values: Vec::new() };
        };
        // round mantissas, from many to few for each power of ten
        let series: [&[f64]; 5] = [
            &[1.0, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2],
            &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
            &[1.0, 2.0, 5.0],
            &[1.0, 3.0],
            &[1.0],
        ];
        let decades = (highest - lowest).max(0.1);
        let fits = |series: &&&[f64]| decades * series.len() as f64 <= Self::MOST;
        let series = series.iter().find(fits).unwrap_or(&series[4]);
        let powers = lowest.floor() as i32..=highest.ceil() as i32;
        let values = powers.flat_map(|power| series.iter().map(move |m| m * 10f64.powi(power)));
        Self { values: values.filter(|v| (*lowest..*highest).contains(&v.log10())).collect() }
    }

    /// The colour below the `i`-th level; of the highest part for the number of levels.
    fn colour(&self, i: usize) -> String {
        let part = 0.1 + 0.86 * i as f64 / self.values.len().max(1) as f64;
        let place = part * (PALETTE.len() - 1) as f64;
        let (low, part) = ((place as usize).min(PALETTE.len() - 2), place.fract());
        let channel =
            |c: usize| (PALETTE[low][c] + part * (PALETTE[low + 1][c] - PALETTE[low][c])).round() as u8;
        format!("#{:02x}{:02x}{:02x}", channel(0), channel(1), channel(2))
    }

    /// The scale of colours beside the panel.
    fn bar(&self) -> String {
        let frame = Frame { left: PANEL.right() + 16.0, width: 14.0, ..PANEL };
        let bands = self.values.len() + 1;
        let height = frame.height / bands as f64;
        let mut svg = String::new();
        for i in 0..bands {
            let top = frame.bottom() - height * (i + 1) as f64;
            // a hair taller, so that no seam shows between the bands
            let band = Frame { top, height: height + if i > 0 { 0.5 } else { 0.0 }, ..frame };
            svg += &band.rect(&format!("fill=\"{}\"", self.colour(i)));
        }
        svg += &frame.rect(&format!("fill=\"none\" stroke=\"{INK}\" stroke-width=\".8\""));
        // all levels where there is room for their numbers
        let every = (18.0 / height).ceil().max(1.0) as usize;
        for (i, level) in self.values.iter().enumerate().step_by(every) {
            let y = frame.bottom() - height * (i + 1) as f64;
            let _ = writeln!(
                svg,
                "<path stroke=\"{INK}\" stroke-width=\".8\" d=\"M{} {y:.1}h4\"/>",
                frame.right()
            );
            svg += &text::path(
                &tick_text(*level),
                [frame.right() + 8.0, y + 4.0],
                12.0,
                Weight::Regular,
                Anchor::Start,
                INK,
            );
        }
        svg + &text::path(
            "f − min f",
            [frame.left, frame.top - 12.0],
            13.0,
            Weight::Regular,
            Anchor::Start,
            FAINT,
        )
    }
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

/// A line in a colour on a wider one, so that it is seen on every ground.
fn stroke(path: &str, colour: &str, width: f64) -> String {
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

/// An open line through points, cut where it leaves the frame, and without points that nobody sees.
fn polyline(points: &[[f64; 2]], frame: Frame) -> String {
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
fn outline(points: &[[f64; 2]], closed: bool) -> String {
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

/// At most about `most` round numbers of an interval.
fn linear_ticks((low, high): (f64, f64), most: usize) -> Vec<f64> {
    let raw = (high - low) / most as f64;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| *step >= raw * (1.0 - 1e-9));
    let Some(step) = step.filter(|step| step.is_finite() && *step > 0.0) else { return Vec::new() };
    let first = (low / step - 1e-9).ceil();
    let number = |i: usize| (first + i as f64) * step;
    (0..=most + 1).map(number).take_while(|x| *x <= high + 1e-9 * step).collect()
}

fn tick_text(x: f64) -> String {
    // 3·0.1 is no 0.30000000000000004 on an axis
    let text = if x.abs() < 1e-12 { "0".to_owned() } else { short(x) };
    text.replace('-', "−")
}

fn power_of_ten(exponent: i32) -> String {
    match exponent {
        -2..=3 => short(10f64.powi(exponent)),
        _ => format!("1e{exponent}").replace('-', "−"),
    }
}

fn mark_below(frame: Frame, x: f64, label: &str) -> String {
    let bottom = frame.bottom();
    format!("<path stroke=\"{INK}\" d=\"M{x:.1} {bottom}v5\"/>\n")
        + &text::path(label, [x, bottom + 20.0], 12.0, Weight::Regular, Anchor::Middle, INK)
}

fn mark_left(frame: Frame, y: f64, label: &str) -> String {
    let left = frame.left;
    format!("<path stroke=\"{INK}\" d=\"M{left} {y:.1}h-5\"/>\n")
        + &text::path(label, [left - 9.0, y + 4.2], 12.0, Weight::Regular, Anchor::End, INK)
}

/// Text inside XML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(linear_ticks((-2.0, 2.0), 7), [-2.0, -1.0, 0.0, 1.0, 2.0]);
        assert_eq!(linear_ticks((0.0, 1000.0), 3), [0.0, 500.0, 1000.0]);
        assert_eq!(linear_ticks((-5.12, 5.12), 7), [-4.0, -2.0, 0.0, 2.0, 4.0]);
        assert!(linear_ticks((1.0, 1.0), 5).is_empty());
    }

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
        }
    }
}
