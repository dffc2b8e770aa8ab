//! The picture for a page: the contours with the ways alone, in letters that can be read on a small screen, and what stands
//! beside it as text.

use super::frame::{FAINT, INK, PANEL};
use super::surface::{Levels, axes};
use super::{COLOURS, Picture, end, scales, trail};
use crate::number::short;

/// A picture inside a [`Page`](crate::Page), made by [`Picture::drawing`] alone: the page takes it for markup.
#[derive(Debug, Clone)]
pub struct Drawing {
    pub(crate) title: String,
    /// What it shows, for those who do not see it.
    pub(crate) about: String,
    /// What the colours mean: a colour, a name, and what else is to be said.
    pub(crate) keys: Vec<(&'static str, String, String)>,
    pub(crate) svg: String,
}

/// The size of its letters: a panel is 580 of these units wide, and some 250 pixels on a telephone.
const SIZE: f64 = 22.0;

impl Drawing {
    /// A picture that is markup already, in the colours of files; they become those of the page.
    pub(crate) fn of_svg(title: &str, about: &str, svg: &str) -> Self {
        let svg = in_the_colours_of_the_page(svg);
        Self { title: title.to_owned(), about: about.to_owned(), keys: Vec::new(), svg }
    }
}

impl Picture<'_> {
    /// The picture for a page; none where the function is not one of two numbers.
    pub fn drawing(&self) -> Option<Drawing> {
        let surface = self.surface.as_ref()?;
        let levels = Levels::of(surface, self.floor);
        let (_, bar_end) = levels.bar_place(SIZE);
        let (left, top) = (PANEL.left - 4.6 * SIZE, PANEL.top - 14.0 - SIZE);
        let (width, height) = (bar_end + 6.0 - left, PANEL.bottom() + 20.0 + 2.4 * SIZE - top);
        let contours = self.contours(surface, &levels, |way, axes, colour| {
            [trail(way, axes, colour), end(way, axes, colour)]
        });
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{left:.0} {top:.0} {width:.0} {height:.0}\">\n{contours}{}</svg>\n",
            in_the_colours_of_the_page(&scales(surface, &levels, SIZE))
        );
        let [x, y] = axes(surface).map(|axis| format!("{} to {}", short(axis.from.0), short(axis.from.1)));
        let ways: Vec<String> =
            self.ways.iter().map(|way| format!("{}: {}", way.name, way.notes.join(", "))).collect();
        Some(Drawing {
            title: self.title.clone(),
            about: format!(
                "Contours of {}, x from {x}, y from {y}, a star at each minimum, with a way for each optimizer. {}.",
                self.title,
                ways.join("; ")
            ),
            keys: (self.ways.iter().zip(COLOURS.iter().cycle()))
                .map(|(way, colour)| (*colour, way.name.clone(), way.notes.join(", ")))
                .collect(),
            svg,
        })
    }

    /// The colour among those of a page that is nearest to that of a way, counted from 0.
    pub fn colour_on_page(way: usize) -> usize {
        [1, 4, 5, 8, 3, 2, 7, 9][way % COLOURS.len()]
    }
}

/// Letters and lines on the page's ground, in its colours: dark on light, or light on dark.
fn in_the_colours_of_the_page(svg: &str) -> String {
    [(INK, "--ink"), (FAINT, "--faint")].into_iter().fold(svg.to_owned(), |svg, (colour, name)| {
        ["fill", "stroke"].into_iter().fold(svg, |svg, what| {
            svg.replace(&format!("{what}=\"{colour}\""), &format!("style=\"{what}:var({name})\""))
        })
    })
}
