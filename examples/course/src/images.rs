//! Images side by side, for people to look at.

use crate::Result;
use image::{GrayImage, Luma};
use ndarray::ArrayView4;
use std::path::Path;

/// Pixels between images.
const GAP: u32 = 2;

/// Writes a PNG with the first channel of images of shape (N, C, H, W) and values from 0 (black) to 1 (white), `columns` in a
/// row.
///
/// # Errors
/// There are no images, or the file cannot be written.
pub fn sheet(path: &Path, images: ArrayView4<'_, f32>, columns: usize) -> Result {
    let (n, _, height, width) = images.dim();
    if n == 0 || columns == 0 {
        return Err(format!("{}: a sheet needs an image and a column", path.display()).into());
    }
    let (cell_width, cell_height) = (width as u32 + GAP, height as u32 + GAP);
    let rows = n.div_ceil(columns) as u32;
    let mut sheet = GrayImage::from_pixel(columns as u32 * cell_width + GAP, rows * cell_height + GAP, Luma([96]));
    for ((i, channel, y, x), value) in images.indexed_iter() {
        if channel == 0 {
            let (left, top) = ((i % columns) as u32 * cell_width + GAP, (i / columns) as u32 * cell_height + GAP);
            sheet.put_pixel(left + x as u32, top + y as u32, Luma([(value.clamp(0.0, 1.0) * 255.0).round() as u8]));
        }
    }
    Ok(sheet.save(path).map_err(|e| format!("cannot write {}: {e}", path.display()))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array4;

    #[test]
    fn images_stand_where_they_belong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sheet.png");
        let images = Array4::from_shape_fn((3, 1, 4, 5), |(i, _, y, x)| if (i, y, x) == (2, 3, 4) { 1.0 } else { 0.0 });
        sheet(&path, images.view(), 2).unwrap();
        let sheet = image::open(&path).unwrap().to_luma8();
        assert_eq!(sheet.dimensions(), (16, 14));
        let white: Vec<_> = sheet.enumerate_pixels().filter(|(_, _, p)| p[0] == 255).map(|(x, y, _)| (x, y)).collect();
        assert_eq!(white, [(6, 11)]);
        assert!(super::sheet(&path, Array4::zeros((0, 1, 4, 5)).view(), 2).is_err());
    }
}
