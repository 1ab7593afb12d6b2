//! Bars that lie, in groups, each with its name, its value and a whisker from the least to the most. They lie because
//! names and values are then read without a legend, however many there are.

use anyhow::{Result, anyhow};
use plotters::{
    coord::ranged1d::{AsRangedCoord, ValueFormatter},
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{
    choice::{Bars, Group},
    palette::{GRID, INK, colour},
};
use crate::{
    peer::Column,
    table::{Short, Spread},
};

const WIDTH: u32 = 800;
/// Above the first group, and for the axis.
const MARGINS: u32 = 92;
/// One bar or one title.
const LINE: u32 = 22;
/// For the names.
const NAMES: u32 = 124;

/// Half of a bar's thickness, in lines.
const HALF: f64 = 0.36;

/// What is on a line.
enum Line<'a> {
    Title(&'a str),
    Bar(Column, Spread),
    Gap,
}

/// Draws a plot.
pub fn draw(plot: &Bars) -> Result<String> {
    let most = all(plot).map(|it| it.most).fold(0.0, f64::max);
    if plot.logarithmic {
        // From the next power of ten below, so that the shortest bar has a length.
        let least = all(plot).map(|it| it.least).fold(f64::INFINITY, f64::min).max(1e-6);
        let floor = 10_f64.powf((least * 0.8).log10().floor());
        draw_on(plot, (floor..most * 2.5).log_scale(), floor)
    } else {
        draw_on(plot, 0.0..most * 1.25, 0.0)
    }
}

fn all(plot: &Bars) -> impl Iterator<Item = Spread> {
    plot.groups.iter().flat_map(|group| group.bars.iter().map(|(_, spread)| *spread))
}

fn lines(groups: &[Group]) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for group in groups {
        lines.push(Line::Title(&group.title));
        lines.extend(group.bars.iter().map(|&(column, spread)| Line::Bar(column, spread)));
        lines.push(Line::Gap);
    }
    lines.pop();
    lines
}

fn draw_on<X>(plot: &Bars, axis: X, floor: f64) -> Result<String>
where
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
{
    let lines = lines(&plot.groups);
    let height = MARGINS + LINE * u32::try_from(lines.len())?;
    let mut svg = String::new();
    let failed = |error| anyhow!("cannot draw {}: {error}", plot.file);
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        let mut chart = ChartBuilder::on(&area)
            .margin(12)
            .caption(plot.title, ("sans-serif", 19).into_font().color(&INK))
            .x_label_area_size(40)
            .y_label_area_size(NAMES)
            .build_cartesian_2d(axis, lines.len() as f64..0.0)
            .map_err(failed)?;
        let scale = if plot.logarithmic { ", logarithmic" } else { "" };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .x_desc(format!("{}{scale}", plot.unit))
            .x_label_formatter(&|value| Short(*value).to_string())
            .label_style(("sans-serif", 13).into_font().color(&INK))
            .draw()
            .map_err(failed)?;
        let text = |size: u32, position| ("sans-serif", size).into_font().color(&INK).pos(position);
        let (left, right) = (Pos::new(HPos::Left, VPos::Center), Pos::new(HPos::Right, VPos::Center));
        for (index, line) in lines.iter().enumerate() {
            let middle = index as f64 + 0.5;
            let label = |x, label: String, offset, style: TextStyle<'static>| {
                EmptyElement::at((x, middle)) + Text::new(label, (offset, 0), style)
            };
            match line {
                Line::Gap => {}
                Line::Title(title) => {
                    let style = ("sans-serif", 14, FontStyle::Bold).into_font().color(&INK).pos(left);
                    let title = label(floor, (*title).to_owned(), 8 - i32::try_from(NAMES)?, style);
                    chart.plotting_area().draw(&title).map_err(failed)?;
                }
                Line::Bar(column, spread) => {
                    let Spread { least, median, most } = *spread;
                    let bar = Rectangle::new(
                        [(floor, middle - HALF), (median, middle + HALF)],
                        colour(*column).filled(),
                    );
                    chart.plotting_area().draw(&bar).map_err(failed)?;
                    for whisker in [
                        [(least, middle), (most, middle)],
                        [(least, middle - 0.15), (least, middle + 0.15)],
                        [(most, middle - 0.15), (most, middle + 0.15)],
                    ] {
                        chart.plotting_area().draw(&PathElement::new(whisker, INK)).map_err(failed)?;
                    }
                    let name = label(floor, column.to_string(), -8, text(13, right));
                    let value = label(most, Short(median).to_string(), 7, text(13, left));
                    chart.plotting_area().draw(&name).map_err(failed)?;
                    chart.plotting_area().draw(&value).map_err(failed)?;
                }
            }
        }
        area.present().map_err(failed)?;
    }
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(logarithmic: bool) -> Bars {
        let spread = |median| Spread { least: median * 0.9, median, most: median * 1.1 };
        let bars = vec![(Column::Jidda, spread(0.4)), (Column::Node, spread(12.5))];
        let groups = vec![Group { title: "Wire: call".to_owned(), bars }];
        Bars { file: "cost.svg", title: "Cost", unit: "µs", logarithmic, groups }
    }

    #[test]
    fn names_and_values_are_written() {
        for logarithmic in [false, true] {
            let svg = draw(&plot(logarithmic)).unwrap();
            for text in ["Cost", "Wire: call", "jidda", "socket.io", "0.400", "12.5"] {
                assert!(svg.lines().any(|line| line.trim() == text), "{text} is missing: {svg}");
            }
        }
    }

    #[test]
    fn the_background_is_white() {
        assert!(draw(&plot(true)).unwrap().contains(r##"fill="#FFFFFF""##));
    }
}
