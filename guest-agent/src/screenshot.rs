//! The role that makes one picture of the desktop: a PNG on standard output. `anteroom screenshot` runs it as a program.

use std::{
    error::Error,
    io::{self, Write as _},
    process::ExitCode,
};

use x11rb::{
    connection::Connection as _,
    protocol::xproto::{ConnectionExt as _, ImageFormat},
};

/// Of the display that the environment names.
pub(crate) fn run() -> ExitCode {
    match picture().and_then(|png| Ok(io::stdout().write_all(&png)?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("no picture of the desktop: {error}");
            ExitCode::FAILURE
        }
    }
}

fn picture() -> Result<Vec<u8>, Box<dyn Error>> {
    let (connection, screen) = x11rb::connect(None)?;
    let root = connection.setup().roots.get(screen).ok_or("the display has no screen")?.root;
    let size = connection.get_geometry(root)?.reply()?;
    let (width, height) = (size.width, size.height);
    let image = connection.get_image(ImageFormat::Z_PIXMAP, root, 0, 0, width, height, u32::MAX)?.reply()?;
    let pixels = rgb(&image.data);
    if pixels.len() != usize::from(width) * usize::from(height) * 3 {
        return Err("the display does not have four bytes a pixel".into());
    }
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, width.into(), height.into());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(png)
}

/// Of blue, green, red and a byte that says nothing, as Xvfb has them.
fn rgb(pixels: &[u8]) -> Vec<u8> {
    pixels.as_chunks::<4>().0.iter().flat_map(|[blue, green, red, _]| [*red, *green, *blue]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colours_are_in_the_order_of_png() {
        assert_eq!(rgb(&[1, 2, 3, 0, 4, 5, 6, 9]), [3, 2, 1, 6, 5, 4]);
    }
}
