//! The plots beside the tables.

mod bars;
mod choice;
mod curves;
mod palette;

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use crate::table::Table;

/// A plot, drawn.
#[derive(Debug)]
pub struct Plot {
    /// The name of its file, without the folder.
    pub file: &'static str,
    /// What it shows.
    pub title: &'static str,
    svg: String,
}

/// Where the plots are, beside the report.
pub const FOLDER: &str = "plots";

/// Draws whatever there are figures for.
pub fn draw(tables: &[(&'static str, Table)]) -> Result<Vec<Plot>> {
    let mut plots = Vec::new();
    for chart in choice::bars(tables) {
        plots.push(Plot { file: chart.file, title: chart.title, svg: bars::draw(&chart)? });
    }
    for chart in choice::curves(tables) {
        plots.push(Plot { file: chart.file, title: chart.title, svg: curves::draw(&chart)? });
    }
    Ok(plots)
}

/// Writes the plots to their folder.
pub fn save(plots: &[Plot]) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    fs::create_dir_all(&folder)?;
    for plot in plots {
        let path = folder.join(plot.file);
        fs::write(&path, &plot.svg).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
