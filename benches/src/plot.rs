//! Drawings of the benchmark's page: lines over two axes by powers of ten, as SVG.

#[cfg(test)]
mod tests;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use crate::results::Plot;

const SIZE: (u32, u32) = (860, 480);
/// Colors that stay apart for most eyes (Okabe and Ito's), darkest first.
const COLORS: [RGBColor; 8] = [
    RGBColor(0, 0, 0),
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(140, 140, 140),
];

/// The drawing as SVG.
///
/// # Errors
///
/// A plot without a point; those of drawing.
pub fn svg(plot: &Plot) -> Result<String> {
    let points = || plot.series.iter().flat_map(|(_, points)| points.iter().copied());
    let positive = points().all(|(x, y)| x > 0.0 && y > 0.0);
    if points().next().is_none() || !positive {
        return Err(anyhow!("{} has no points, or some that powers of ten can't show", plot.title));
    }
    let range = |of: fn((f64, f64)) -> f64| {
        let low = points().map(of).fold(f64::INFINITY, f64::min);
        let high = points().map(of).fold(0.0, f64::max);
        low / 1.5..high * 1.5
    };
    let mut out = String::new();
    draw(plot, range(|(x, _)| x), range(|(_, y)| y), &mut out)
        .map_err(|error| anyhow!("{}: {error}", plot.title))?;
    Ok(out)
}

fn draw(
    plot: &Plot,
    x: std::ops::Range<f64>,
    y: std::ops::Range<f64>,
    out: &mut String,
) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(out, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(&plot.title, ("sans-serif", 18))
        .margin(12)
        .margin_right(150)
        .x_label_area_size(42)
        .y_label_area_size(76)
        .build_cartesian_2d(x.log_scale(), y.log_scale())?;
    chart
        .configure_mesh()
        .x_desc(&plot.x)
        .y_desc(&plot.y)
        .x_label_formatter(&|x| short(*x))
        .y_label_formatter(&|y| short(*y))
        .light_line_style(WHITE)
        .draw()?;
    for (number, (name, points)) in plot.series.iter().enumerate() {
        let color = COLORS.get(number % COLORS.len()).copied().unwrap_or(BLACK);
        let width = if number == 0 { 3 } else { 2 };
        chart
            .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(width)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(width)));
        chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, color.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::Coordinate(i32::try_from(SIZE.0)? - 245, 10))
        .background_style(WHITE.mix(0.8))
        .draw()?;
    root.present()?;
    Ok(())
}

/// `10k` for 10,000.
fn short(number: f64) -> String {
    match number {
        number if number >= 1e6 => format!("{}M", number / 1e6),
        number if number >= 1e3 => format!("{}k", number / 1e3),
        number => format!("{number}"),
    }
}
