//! The colours: each server has the same one everywhere.

use plotters::style::RGBColor;

use crate::peer::Column;

/// In the order of the columns: the subject stands out, limits are grey. All are dark enough to be seen on white.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0xd6, 0x2f, 0x3e),
    RGBColor(0xa8, 0xb0, 0xba),
    RGBColor(0x6b, 0x75, 0x80),
    RGBColor(0xe0, 0x8e, 0x1b),
    RGBColor(0x1b, 0x8a, 0x8f),
    RGBColor(0x2c, 0x5f, 0xa8),
    RGBColor(0x80, 0x50, 0xa8),
    RGBColor(0x3f, 0x8f, 0x3f),
];

/// What is written.
pub const INK: RGBColor = RGBColor(0x22, 0x26, 0x2b);
/// Lines that lead the eye.
pub const GRID: RGBColor = RGBColor(0xe2, 0xe5, 0xe9);

/// The colour of a server.
pub fn colour(column: Column) -> RGBColor {
    COLOURS[column as usize % COLOURS.len()]
}
