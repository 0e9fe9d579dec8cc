//! The picture: for each contest a bar for every contender, as long as its speed relative to the best peer.
//!
//! As in `lenet-example`, it is drawn enlarged and then scaled down, because the plotting crate rounds to whole pixels.

use crate::{
    contests::Contest,
    report::{Standing, speed, unit},
    results::Outcome,
};
use crema_benches::Result;
use image::{RgbImage, imageops};
use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// In units, which are pixels of the SVG.
const WIDTH: i32 = 890;
const LEFT: i32 = 300;
const RIGHT: i32 = 150;
const MARGIN: i32 = 20;
const TITLE: i32 = 56;
const BAR: i32 = 15;
const BAR_STEP: i32 = 19;
const HEADING: i32 = 24;
const GAP: i32 = 12;
/// Pixels to a unit while drawing, and in the finished PNG.
const SCALE: i32 = 4;
const PNG_SCALE: u32 = 2;

const CREMA: RGBColor = RGBColor(0xc4, 0x4e, 0x1f);
const PEER: RGBColor = RGBColor(0x8f, 0xb9, 0xdd);
const OTHER: RGBColor = RGBColor(0xd2, 0xd6, 0xdc);
const TEXT: RGBColor = RGBColor(0x26, 0x26, 0x26);
const LINE: RGBColor = RGBColor(0x70, 0x76, 0x80);

/// Writes `speed.svg` and `speed.png`; nothing if nothing was measured.
pub(crate) fn draw(outcomes: &[(&Contest, Outcome)], folder: &Path) -> Result<Vec<PathBuf>> {
    let groups: Vec<Group> = outcomes.iter().filter_map(|(contest, outcome)| Group::of(contest, outcome)).collect();
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    picture::use_embedded_font()?;
    let picture = Picture::of(groups);
    let (svg, png) = (folder.join("speed.svg"), folder.join("speed.png"));
    fs::write(&svg, picture.svg()?)?;
    picture.pixels()?.save(&png)?;
    Ok(vec![svg, png])
}

/// A contest's heading and bars.
struct Group {
    heading: String,
    bars: Vec<Bar>,
}

struct Bar {
    name: String,
    /// The median, relative to the best peer's.
    length: f64,
    value: String,
    colour: RGBColor,
}

impl Group {
    fn of(contest: &Contest, outcome: &Outcome) -> Option<Self> {
        let standing = Standing::of(contest, outcome);
        let best_peer = standing.best_peer?;
        let bar = |(i, contender): (usize, &crate::contests::Contender)| {
            let figures = standing.figures[i].as_ref()?;
            let name = match contender.threads {
                1 => format!("{}, 1 thread", contender.name),
                _ => contender.name.clone(),
            };
            let value = format!("{} {}", speed(contest, figures.median), unit(contest.work));
            let colour = match i {
                0 => CREMA,
                _ if contender.is_peer => PEER,
                _ => OTHER,
            };
            Some(Bar { name, length: figures.median / best_peer, value, colour })
        };
        let bars = contest.contenders.iter().enumerate().filter_map(bar).collect();
        let ratio = standing.ratio.map_or_else(String::new, |ratio| format!("  ({ratio:.2} x)"));
        Some(Group { heading: format!("{}{ratio}", contest.title), bars })
    }
}

struct Picture {
    groups: Vec<Group>,
    /// The longest bar.
    longest: f64,
    height: i32,
}

impl Picture {
    fn of(groups: Vec<Group>) -> Self {
        let longest = groups.iter().flat_map(|group| &group.bars).map(|bar| bar.length).fold(1.0, f64::max);
        let heights = groups.iter().map(|group| HEADING + BAR_STEP * group.bars.len() as i32 + GAP);
        Picture { height: TITLE + heights.sum::<i32>() + MARGIN, groups, longest }
    }

    fn svg(&self) -> Result<String> {
        let (width, height) = ((WIDTH * SCALE) as u32, (self.height * SCALE) as u32);
        let mut text = String::new();
        self.paint(&SVGBackend::with_string(&mut text, (width, height)).into_drawing_area())?;
        // The view box keeps the fine coordinates; only the size on the page is set back.
        let size = |scale| format!("width=\"{}\" height=\"{}\"", WIDTH * scale, self.height * scale);
        Ok(text.replacen(&size(SCALE), &size(1), 1))
    }

    fn pixels(&self) -> Result<RgbImage> {
        let (width, height) = ((WIDTH * SCALE) as u32, (self.height * SCALE) as u32);
        let mut buffer = vec![0; (width * height * 3) as usize];
        self.paint(&BitMapBackend::with_buffer(&mut buffer, (width, height)).into_drawing_area())?;
        let large = RgbImage::from_raw(width, height, buffer).ok_or("the buffer has another size")?;
        let (width, height) = (WIDTH as u32 * PNG_SCALE, self.height as u32 * PNG_SCALE);
        Ok(imageops::resize(&large, width, height, imageops::FilterType::Triangle))
    }

    fn paint<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Result<()>
    where
        DB::ErrorType: 'static,
    {
        root.fill(&WHITE)?;
        let at = |x: i32, y: i32| (x * SCALE, y * SCALE);
        let text = |size: i32, horizontal| {
            let style = ("sans-serif", size * SCALE).into_font().color(&TEXT);
            style.pos(Pos::new(horizontal, VPos::Center))
        };
        root.draw(&Text::new("Speed, relative to the best of the others", at(MARGIN, 26), text(20, HPos::Left)))?;
        let across = |length: f64| LEFT + (length / self.longest * f64::from(WIDTH - LEFT - RIGHT)).round() as i32;
        let mut y = TITLE;
        for group in &self.groups {
            root.draw(&Text::new(group.heading.as_str(), at(MARGIN, y + HEADING / 2), text(15, HPos::Left)))?;
            y += HEADING;
            let top = y;
            for bar in &group.bars {
                let (upper, lower, end) = (y, y + BAR, across(bar.length));
                root.draw(&Rectangle::new([at(LEFT, upper), at(end, lower)], bar.colour.filled()))?;
                let middle = upper + BAR / 2 + 1;
                root.draw(&Text::new(bar.name.as_str(), at(LEFT - 8, middle), text(13, HPos::Right)))?;
                // Beyond the line at 1 too, which would run through the text.
                let beyond = end.max(across(1.0)) + 6;
                root.draw(&Text::new(bar.value.as_str(), at(beyond, middle), text(13, HPos::Left)))?;
                y += BAR_STEP;
            }
            let style = LINE.stroke_width(SCALE as u32);
            root.draw(&PathElement::new([at(across(1.0), top - 2), at(across(1.0), y)], style))?;
            y += GAP;
        }
        root.present()?;
        Ok(())
    }
}
