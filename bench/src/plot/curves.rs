//! Lines in panels, each with the names of its servers where the lines end.

use anyhow::{Result, anyhow};
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{
    choice::{Curves, Panel},
    palette::{GRID, INK, colour},
};
use crate::{peer::Column, table::Short};

const WIDTH: u32 = 800;
const COLUMNS: u32 = 2;
const PANEL: u32 = 230;
const TITLE: u32 = 36;

/// For a name and a factor, where lines end.
const NAMES: u32 = 142;
/// Around a panel.
const MARGIN: i32 = 12;
/// How far apart two names are at least, in pixels.
const APART: f64 = 15.0;

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Draws a plot.
pub fn draw(plot: &Curves) -> Result<String> {
    let rows = u32::try_from(plot.panels.len())?.div_ceil(COLUMNS);
    let mut svg = String::new();
    let failed = |error| anyhow!("cannot draw {}: {error}", plot.file);
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, TITLE + rows * PANEL)).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        let area = area.titled(plot.title, ("sans-serif", 19).into_font().color(&INK)).map_err(failed)?;
        let places = area.split_evenly((rows as usize, COLUMNS as usize));
        for (panel, place) in plot.panels.iter().zip(&places) {
            draw_panel(panel, place).map_err(&failed)?;
        }
        area.present().map_err(failed)?;
    }
    Ok(svg)
}

fn draw_panel(
    panel: &Panel,
    place: &Area<'_>,
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>> {
    let factors = panel.lines.iter().flat_map(|(_, points)| points.iter().flatten());
    let most = factors.fold(1.0, |most: f64, factor| most.max(*factor)) * 1.2;
    let last = panel.steps.len() as f64 - 1.0;
    // Not a caption, which would be centred above the lines alone.
    let title = ("sans-serif", 14, FontStyle::Bold).into_font().color(&INK);
    place.draw(&Text::new(&*panel.title, (MARGIN, MARGIN), title))?;
    let mut chart = ChartBuilder::on(place)
        .margin(MARGIN)
        .margin_top(MARGIN + 24)
        .margin_right(NAMES)
        .x_label_area_size(24)
        .y_label_area_size(34)
        .build_cartesian_2d(0.0..last, 0.0..most)?;
    let small = || ("sans-serif", 12).into_font().color(&INK);
    chart
        .configure_mesh()
        .disable_mesh()
        .axis_style(GRID)
        .y_labels(4)
        .x_labels(0)
        .y_label_formatter(&|factor| format!("{factor:.1}"))
        .label_style(small())
        .draw()?;
    let area = chart.plotting_area().clone();
    area.draw(&PathElement::new([(0.0, 1.0), (last, 1.0)], GRID))?;
    for (index, step) in panel.steps.iter().enumerate() {
        let centre = small().pos(Pos::new(HPos::Center, VPos::Top));
        area.draw(&(EmptyElement::at((index as f64, 0.0)) + Text::new(count(*step), (0, 6), centre)))?;
    }
    let height = f64::from(area.dim_in_pixel().1);
    let mut ends = Vec::new();
    for (column, points) in &panel.lines {
        let points: Vec<(f64, f64)> =
            points.iter().enumerate().filter_map(|(index, point)| Some((index as f64, (*point)?))).collect();
        chart.draw_series(LineSeries::new(points.iter().copied(), colour(*column).stroke_width(2)))?;
        chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, colour(*column).filled())))?;
        ends.extend(points.last().map(|&(_, factor)| (*column, factor)));
    }
    for (column, factor, place) in spaced(ends, APART * most / height) {
        let style = ("sans-serif", 12).into_font().color(&colour(column));
        let label = format!("{column} × {}", Short(factor));
        let style = style.pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&(EmptyElement::at((last, place)) + Text::new(label, (8, 0), style)))?;
    }
    Ok(())
}

/// The places of names from the lowest to the highest, none nearer to the next than `apart`.
fn spaced(mut ends: Vec<(Column, f64)>, apart: f64) -> Vec<(Column, f64, f64)> {
    ends.sort_by(|(_, one), (_, other)| one.total_cmp(other));
    let mut free = f64::NEG_INFINITY;
    let places = ends.into_iter().map(|(column, factor)| {
        let place = factor.max(free);
        free = place + apart;
        (column, factor, place)
    });
    places.collect()
}

/// A whole number with commas.
fn count(step: f64) -> String {
    let digits = format!("{step:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_commas() {
        assert_eq!([0.0, 100.0, 1_000.0, 1_000_000.0].map(count), ["0", "100", "1,000", "1,000,000"]);
    }

    #[test]
    fn names_keep_apart() {
        let ends = vec![(Column::Raw, 1.1), (Column::Jidda, 1.0), (Column::Node, 5.0)];
        let places: Vec<f64> = spaced(ends, 0.5).into_iter().map(|(_, _, place)| place).collect();
        assert_eq!(places, [1.0, 1.5, 5.0]);
    }

    #[test]
    fn what_grows_is_written() {
        let lines = vec![(Column::Jidda, vec![Some(1.0), Some(1.25)]), (Column::Node, vec![Some(1.0), None])];
        let panel = Panel { title: "Wire: rooms".to_owned(), steps: vec![1.0, 1_000.0], lines };
        let svg = draw(&Curves { file: "growth.svg", title: "Growth", panels: vec![panel] }).unwrap();
        for text in ["Growth", "Wire: rooms", "1,000", "jidda × 1.25"] {
            assert!(svg.lines().any(|line| line.trim() == text), "{text} is missing: {svg}");
        }
    }
}
