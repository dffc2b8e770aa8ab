//! The picture while it comes about: as SVG that plays by itself, and as GIF.

use super::frame::{Axis, INK, PANEL};
use super::line::polyline;
use super::{Picture, Surface, Way, inside};

/// Seconds that the slowest way takes, and that its end is shown.
const PLAYS: f64 = 6.0;
const RESTS: f64 = 2.0;
/// Places of a way that the animation goes through.
const STOPS: usize = 80;
/// Frames of a GIF, hundredths of a second each.
const FRAMES: usize = 48;
const FRAME_TIME: u16 = 12;
/// Pixels of a GIF for each unit of the SVG.
const GIF_SCALE: f32 = 0.8;

impl Picture<'_> {
    /// The picture as SVG that plays by itself, over and over: each optimizer goes its way, all step by step together.
    pub fn animated_svg(&self) -> String {
        let most = self.ways.iter().map(|way| way.points.len()).max().unwrap_or(0);
        self.svg_with(|way, axes, colour| [String::new(), moving(way, axes, colour, most)])
    }

    /// The picture as GIF, which plays over and over.
    ///
    /// # Errors
    /// A picture that cannot be drawn or held.
    pub fn gif(&self) -> Result<Vec<u8>, String> {
        let most = self.ways.iter().map(|way| way.points.len()).max().unwrap_or(0).max(1);
        let text = |error: gif::EncodingError| error.to_string();
        let mut encoder: Option<gif::Encoder<Vec<u8>>> = None;
        for frame in 0..=FRAMES {
            // slower at the beginning, where most happens
            let part = (frame as f64 / FRAMES as f64).powi(2);
            let upto = 1 + ((most - 1) as f64 * part).round() as usize;
            let pixels = Self::pixels(&self.upto(upto).svg(), GIF_SCALE)?;
            let (width, height) = (pixels.width(), pixels.height());
            let size = |length: u32| {
                u16::try_from(length).map_err(|_| "the picture is too large for a GIF".to_owned())
            };
            let mut data = pixels.data().to_vec();
            let mut shown = gif::Frame::from_rgba_speed(size(width)?, size(height)?, &mut data, 20);
            shown.delay = if frame == FRAMES { 100 * RESTS as u16 } else { FRAME_TIME };
            if encoder.is_none() {
                let mut made =
                    gif::Encoder::new(Vec::new(), size(width)?, size(height)?, &[]).map_err(text)?;
                made.set_repeat(gif::Repeat::Infinite).map_err(text)?;
                encoder = Some(made);
            }
            if let Some(encoder) = &mut encoder {
                encoder.write_frame(&shown).map_err(text)?;
            }
        }
        let bytes = encoder.map(gif::Encoder::into_inner).transpose().map_err(|error| error.to_string())?;
        Ok(bytes.unwrap_or_default())
    }

    /// The picture as it is after so many points of each way.
    fn upto(&self, points: usize) -> Picture<'_> {
        let cut =
            |way: &Way| Way { points: way.points.iter().take(points).copied().collect(), ..way.clone() };
        Picture {
            title: self.title.clone(),
            subtitle: self.subtitle.clone(),
            surface: self.surface.as_ref().map(Surface::shared),
            ways: self.ways.iter().map(cut).collect(),
            floor: self.floor,
        }
    }
}

/// A way that is drawn as it is gone, with a dot at its head. All ways of a picture take their time from the longest one.
fn moving(way: &Way, [x, y]: [Axis; 2], colour: &str, most: usize) -> String {
    let points: Vec<[f64; 2]> = way.points.iter().map(|p| [x.at(p[0]), y.at(p[1])]).collect();
    // what leaves the panel does not come back
    let seen = points.iter().take_while(inside).count();
    let points = &points[..seen];
    if points.len() < 2 {
        return String::new();
    }
    let path = polyline(points, PANEL);
    let lengths: Vec<f64> = points
        .windows(2)
        .scan(0.0, |sum, pair| {
            *sum += (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1]);
            Some(*sum)
        })
        .collect();
    let whole = lengths.last().copied().filter(|length| *length > 0.0);
    let Some(whole) = whole else { return String::new() };
    let total = PLAYS + RESTS;
    let (mut times, mut gone) = (vec![0.0], vec![0.0]);
    for stop in 1..=STOPS {
        let at = (stop * (points.len() - 1)).div_ceil(STOPS);
        // the time of a step is the square root of its number: most happens at the beginning
        let step = at as f64 / (most.max(2) - 1) as f64;
        times.push(step.sqrt() * PLAYS / total);
        gone.push(lengths[at - 1] / whole);
    }
    // then it rests
    times.push(1.0);
    gone.push(1.0);
    let list = |values: &[f64]| values.iter().map(|x| format!("{x:.4}")).collect::<Vec<_>>().join(";");
    let left: Vec<f64> = gone.iter().map(|part| 1.0 - part).collect();
    let (times, parts, gone) = (list(&times), list(&left), list(&gone));
    let timing =
        format!("keyTimes=\"{times}\" dur=\"{total}s\" repeatCount=\"indefinite\" calcMode=\"linear\"");
    let line = |colour: &str, width: f64| {
        format!(
            "<path fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linejoin=\"round\" pathLength=\"1\" \
             stroke-dasharray=\"1\" stroke-dashoffset=\"1\" d=\"{path}\"><animate attributeName=\"stroke-dashoffset\" \
             values=\"{parts}\" {timing}/></path>\n"
        )
    };
    line("#fff", 4.0)
        + &line(colour, 2.2)
        + &format!(
            "<circle r=\"5\" fill=\"{colour}\" stroke=\"{INK}\" stroke-width=\"1.2\"><animateMotion path=\"{path}\" \
             keyPoints=\"{gone}\" {timing}/></circle>\n"
        )
}
