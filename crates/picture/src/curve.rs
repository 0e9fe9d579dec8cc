//! The learning curve, drawn from the statistics that training leaves behind: raw and smoothed, as in Mocha's tutorial.
//!
//! The picture is drawn enlarged and then scaled down, because the plotting crate rounds to whole pixels.

use crate::Error;
use image::{RgbImage, imageops};
use plotters::{
    chart::SeriesLabelPosition,
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
};
use solver::Statistics;
use std::{collections::BTreeMap, error::Error as StdError};

/// Size of the picture, in units that are pixels in the SVG.
const WIDTH: u32 = 800;
const HEIGHT: u32 = 500;
/// The second panel, if there is one, adds this much.
const PANEL: u32 = 270;
/// Room for the labels of the axes.
const X_LABELS: u32 = 46;
const Y_LABELS: u32 = 76;
/// How far the legend's left edge is from the picture's right edge, less the room on the left.
const LEGEND: u32 = Y_LABELS + 160;
/// How many pixels a unit has while drawing: the plotting crate rounds all coordinates to whole pixels.
const SCALE: u32 = 4;
/// Pixels of the finished PNG per unit.
const PNG_SCALE: u32 = 2;

const RAW: RGBColor = RGBColor(0x8f, 0xb9, 0xdd);
const SMOOTH: RGBColor = RGBColor(0x12, 0x4e, 0x8c);
const ACCURACY: RGBColor = RGBColor(0xc4, 0x4e, 0x1f);
const TEXT: RGBColor = RGBColor(0x26, 0x26, 0x26);
const GRID: RGBColor = RGBColor(0xe4, 0xe6, 0xea);

/// One line of the picture: iteration and value, in order.
type Series = Vec<(f64, f64)>;

/// Objective value and validation accuracy over the iterations.
///
/// ```
/// use solver::Statistics;
/// let statistics = Statistics::from([
///     ("obj_val".into(), [(100, 2.3), (200, 0.9), (300, 0.4)].into()),
///     ("test-accuracy-accuracy".into(), [(300, 0.87)].into()),
/// ]);
/// let curve = picture::LearningCurve::new("MNIST Learning Curve", &statistics)?;
/// assert!(curve.svg()?.contains("Objective Value"));
/// assert_eq!(curve.pixels()?.width(), 1600);
/// # Ok::<(), picture::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LearningCurve {
    title: String,
    raw: Series,
    smooth: Series,
    /// Validation accuracy in per cent; empty if training had no validation.
    accuracy: Series,
}

impl LearningCurve {
    /// Takes the objective values (`obj_val`) and the first statistic whose name ends in `-accuracy`, as
    /// [`solver::TrainingSummary`] and [`solver::ValidationPerformance`] record them.
    ///
    /// # Errors
    /// There are fewer than two objective values.
    pub fn new(title: impl Into<String>, statistics: &Statistics) -> Result<Self, Error> {
        let finite = |values: &BTreeMap<u64, f64>, factor: f64| -> Series {
            values.iter().map(|(&x, &y)| (x as f64, factor * y)).filter(|(_, y)| y.is_finite()).collect()
        };
        let raw = statistics.get("obj_val").map(|values| finite(values, 1.0)).unwrap_or_default();
        if raw.len() < 2 {
            return Err(Error::TooFewValues(raw.len()));
        }
        let accuracy = statistics.iter().find(|(key, _)| key.ends_with("-accuracy"));
        let mut accuracy = accuracy.map(|(_, values)| finite(values, 100.0)).unwrap_or_default();
        // The untrained net's accuracy, about 10 %, would squeeze all others into a line.
        accuracy.retain(|p| p.0 > 0.0);
        let window = (raw.len() as f64 / 4.0).round_ties_even() as usize;
        Ok(LearningCurve { title: title.into(), smooth: low_pass(&raw, window), raw, accuracy })
    }

    /// The objective values by iteration, in order.
    pub fn objective_values(&self) -> &[(f64, f64)] {
        &self.raw
    }

    /// The smoothed line by iteration: the mean of each objective value and the quarter of the curve before it.
    pub fn smoothed_values(&self) -> &[(f64, f64)] {
        &self.smooth
    }

    /// The validation accuracies by iteration, in per cent; empty if there are none. That of the untrained net is left out.
    pub fn accuracies(&self) -> &[(f64, f64)] {
        &self.accuracy
    }

    /// The picture as SVG, 800 pixels wide.
    ///
    /// # Errors
    /// The plotting library's.
    pub fn svg(&self) -> Result<String, Error> {
        self.draw_svg().map_err(|e| Error::Plot(e.to_string()))
    }

    /// The picture as pixels, twice as fine as the SVG.
    ///
    /// # Errors
    /// The plotting library's.
    pub fn pixels(&self) -> Result<RgbImage, Error> {
        self.draw_pixels().map_err(|e| Error::Plot(e.to_string()))
    }
}

type Drawn<T> = Result<T, Box<dyn StdError>>;

impl LearningCurve {
    fn height(&self) -> u32 {
        if self.accuracy.is_empty() { HEIGHT } else { HEIGHT + PANEL }
    }

    fn draw_svg(&self) -> Drawn<String> {
        crate::use_embedded_font()?;
        let (width, height) = (WIDTH * SCALE, self.height() * SCALE);
        let mut text = String::new();
        self.draw(&SVGBackend::with_string(&mut text, (width, height)).into_drawing_area())?;
        // The view box keeps the fine coordinates; only the size on the page is set back.
        let size = |scale| format!("width=\"{}\" height=\"{}\"", WIDTH * scale, self.height() * scale);
        Ok(text.replacen(&size(SCALE), &size(1), 1))
    }

    fn draw_pixels(&self) -> Drawn<RgbImage> {
        crate::use_embedded_font()?;
        let (width, height) = (WIDTH * SCALE, self.height() * SCALE);
        let mut buffer = vec![0; (width * height * 3) as usize];
        self.draw(&BitMapBackend::with_buffer(&mut buffer, (width, height)).into_drawing_area())?;
        let large = RgbImage::from_raw(width, height, buffer).ok_or("the buffer has another size")?;
        let (width, height) = (WIDTH * PNG_SCALE, self.height() * PNG_SCALE);
        Ok(imageops::resize(&large, width, height, imageops::FilterType::Triangle))
    }

    fn draw<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Drawn<()>
    where
        DB::ErrorType: 'static,
    {
        root.fill(&WHITE)?;
        let inner = root.margin(14 * SCALE, 8 * SCALE, 8 * SCALE, 24 * SCALE);
        let titled = inner.titled(self.title.as_str(), text(24))?;
        let (top, bottom) = titled.split_vertically(((HEIGHT - 60) * SCALE) as i32);
        self.draw_objective(&top)?;
        if !self.accuracy.is_empty() {
            self.draw_accuracy(&bottom)?;
        }
        root.present()?;
        Ok(())
    }

    fn draw_objective<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<()>
    where
        DB::ErrorType: 'static,
    {
        let highest = 1.05 * self.raw.iter().map(|p| p.1).fold(1e-9, f64::max);
        let mut chart = ChartBuilder::on(area)
            .margin_top(8 * SCALE)
            .x_label_area_size(X_LABELS * SCALE)
            .y_label_area_size(Y_LABELS * SCALE)
            .build_cartesian_2d(self.iterations(), 0.0..highest)?;
        mesh(&mut chart, "Objective Value", "", highest)?;
        for (name, series, colour, width) in [("Raw", &self.raw, RAW, 1), ("Low Pass", &self.smooth, SMOOTH, 2)] {
            let style = colour.stroke_width(width * SCALE);
            let sample = move |(x, y)| PathElement::new([(x, y), (x + 22 * SCALE as i32, y)], style);
            chart.draw_series(LineSeries::new(series.iter().copied(), style))?.label(name).legend(sample);
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::Coordinate(((WIDTH - LEGEND) * SCALE) as i32, (10 * SCALE) as i32))
            .label_font(text(15))
            .legend_area_size(30 * SCALE)
            .margin(8 * SCALE)
            .background_style(WHITE.mix(0.9))
            .border_style(GRID.stroke_width(SCALE))
            .draw()?;
        Ok(())
    }

    fn draw_accuracy<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<()>
    where
        DB::ErrorType: 'static,
    {
        let range = self.accuracy_range();
        let mut chart = ChartBuilder::on(area)
            .margin_top(16 * SCALE)
            .x_label_area_size(X_LABELS * SCALE)
            .y_label_area_size(Y_LABELS * SCALE)
            .build_cartesian_2d(self.iterations(), range.clone())?;
        mesh(&mut chart, "Validation Accuracy", " %", range.end - range.start)?;
        chart.draw_series(LineSeries::new(self.accuracy.iter().copied(), ACCURACY.stroke_width(2 * SCALE)))?;
        let dot = |&point: &(f64, f64)| Circle::new(point, 3 * SCALE, ACCURACY.filled());
        chart.draw_series(self.accuracy.iter().map(dot))?;
        Ok(())
    }

    fn iterations(&self) -> std::ops::Range<f64> {
        let last = |series: &Series| series.last().map_or(0.0, |p| p.0);
        0.0..last(&self.raw).max(last(&self.accuracy))
    }

    /// From below the lowest accuracy to 100 %.
    fn accuracy_range(&self) -> std::ops::Range<f64> {
        let lowest = self.accuracy.iter().map(|p| p.1).fold(100.0, f64::min);
        (lowest - 0.15 * (100.0 - lowest).max(0.5)).max(0.0)..100.0
    }
}

type Chart<'a, DB> = ChartContext<'a, DB, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Axes, grid and labels; the vertical axis is `height` long in its own unit.
fn mesh<DB: DrawingBackend>(chart: &mut Chart<'_, DB>, quantity: &str, unit: &str, height: f64) -> Drawn<()>
where
    DB::ErrorType: 'static,
{
    // Labels are about a tenth of the axis apart, at multiples of 1, 2 or 5: so many decimals tell them apart.
    let decimals = (1.0 - height.log10()).ceil().clamp(1.0, 9.0) as usize;
    chart
        .configure_mesh()
        .max_light_lines(0)
        .bold_line_style(GRID.stroke_width(SCALE))
        .axis_style(TEXT.stroke_width(SCALE))
        .x_desc("Iterations")
        .y_desc(quantity)
        .x_labels(10)
        .y_labels(8)
        .x_label_formatter(&|x| thousands(*x))
        .y_label_formatter(&|y| format!("{y:.decimals$}{unit}"))
        .set_all_tick_mark_size(5 * SCALE)
        .label_style(text(14))
        .axis_desc_style(text(16))
        .draw()?;
    Ok(())
}

fn text(size: u32) -> TextStyle<'static> {
    ("sans-serif", size * SCALE).into_font().color(&TEXT)
}

/// `12000` as `12,000`.
fn thousands(x: f64) -> String {
    let digits = format!("{x:.0}");
    let comma = |i: usize| i > 0 && (digits.len() - i).is_multiple_of(3);
    digits.chars().enumerate().flat_map(|(i, c)| comma(i).then_some(',').into_iter().chain([c])).collect()
}

/// The mean of each value and up to `window` values before it; the tutorial's `low_pass`.
fn low_pass(values: &Series, window: usize) -> Series {
    let mean = |i: usize| {
        let span = &values[i.saturating_sub(window)..=i];
        span.iter().map(|(_, y)| y).sum::<f64>() / span.len() as f64
    };
    values.iter().enumerate().map(|(i, (x, _))| (*x, mean(i))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_pass_is_the_tutorials() {
        let values: Series =
            [4.0, 8.0, 0.0, 4.0, 4.0, 12.0].into_iter().enumerate().map(|(i, y)| (i as f64, y)).collect();
        // Its table for window 4: the sixth mean is over terms 2 to 6.
        let smooth: Vec<f64> = low_pass(&values, 4).iter().map(|p| p.1).collect();
        assert_eq!(smooth, [4.0, 6.0, 4.0, 4.0, 4.0, 28.0 / 5.0]);
        assert_eq!(low_pass(&values, 0), values);
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!([0.0, 999.0, 1000.0, 1_234_567.0].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
