//! The pictures. The program paints them, keeps them as JPEG files like those of a camera, and makes
//! thumbnails of them.
//!
//! [`thumbnail`] is the computation of this demo: decode, resize, encode. It occupies a thread for some tens
//! of milliseconds. It is a plain function that does not depend on an executor; `place` decides where it
//! runs.

use std::io::Cursor;

use bytes::Bytes;
use image::{ImageFormat, ImageReader, Rgb, RgbImage, codecs::jpeg::JpegEncoder};

use crate::prelude::*;

/// The side of the square, in pixels, into which a thumbnail fits.
pub(crate) const THUMBNAIL: u32 = 320;

/// The JPEG quality: that of most cameras, and enough for a thumbnail.
const QUALITY: u8 = 85;

/// The largest width and height of a picture that is decoded, in pixels. A file of a few kilobytes may
/// claim to be 65,535 pixels wide and high, which would take 12 GiB.
const SIDE_MAX: u32 = 12_000;

/// The maximum memory for decoding one picture, in bytes. A photograph of 48 megapixels needs this much.
const MEMORY_MAX: u64 = 160 << 20;

/// The number of ridges of hills, one behind the other.
const RIDGES: usize = 4;

/// The colours of the sky above, the sky at the horizon, the sun, the farthest hills and the nearest
/// hills. A colour has two hexadecimal digits each for red, green and blue.
type Palette = [u32; 5];

/// The palettes of dawn, noon, dusk, night, mist and autumn.
const PALETTES: [Palette; 6] = [
    [0x42548c, 0xfabe96, 0xfff0d2, 0x967896, 0x28203c],
    [0x2878cd, 0xbee1f5, 0xfffce1, 0x78a0af, 0x164234],
    [0x3c1e5a, 0xf56e46, 0xffd778, 0x8c3c5f, 0x1e0e28],
    [0x080c22, 0x304270, 0xebeefa, 0x2c385c, 0x060812],
    [0x96aab4, 0xe1e6e4, 0xfffffa, 0xafbec0, 0x46585c],
    [0x6e96be, 0xfae1b4, 0xfff5c8, 0xbe8c5f, 0x6e2d14],
];

pub(crate) const PICTURES: usize = PALETTES.len();

/// Paints the landscape `number`, `width` pixels wide and two thirds as high, as a JPEG file. The same
/// `number` and `width` always give the same file.
pub(crate) fn photograph(number: usize, width: u32) -> anyhow::Result<Bytes> {
    encode(&paint(number, width, width * 2 / 3))
}

fn paint(number: usize, width: u32, height: u32) -> RgbImage {
    let [zenith, horizon, sun, far, near] = PALETTES[number % PICTURES].map(channels);
    let seed = number as f32 * 2.17 + 0.6;
    let (sun_x, sun_y) = (
        0.25 + 0.5 * (seed * 2.3).sin().abs(),
        0.24 + 0.1 * seed.cos(),
    );
    let ridges: Vec<_> = (0..width)
        .map(|x| skyline(x as f32 / width as f32, seed))
        .collect();
    let mut grain = number as u32 + 1;
    RgbImage::from_fn(width, height, |column, row| {
        let (x, y) = (column as f32 / width as f32, row as f32 / height as f32);
        let ridges = &ridges[column as usize];
        // The nearest ridge that rises above this point hides the rest.
        let colour = match ridges.iter().rposition(|&top| y > top) {
            Some(ridge) => {
                let depth = ridge as f32 / (RIDGES - 1) as f32;
                // Haze gathers in the valleys.
                let haze = (0.5 - (y - ridges[ridge]) * 2.0).clamp(0.0, 0.5) * (1.0 - depth);
                mix(mix(far, near, depth), horizon, haze)
            }
            None => {
                let distance = (x - sun_x).hypot((y - sun_y) / 1.5);
                let glow = (0.045 / distance.max(0.045)).powf(1.6);
                mix(mix(zenith, horizon, (y * 1.7).min(1.0)), sun, glow)
            }
        };
        // Add the grain of a real photograph, which makes the file large.
        grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let grain = (grain >> 24) as f32 / 21.0 - 6.0;
        Rgb(colour.map(|channel| (channel + grain).clamp(0.0, 255.0) as u8))
    })
}

/// Returns the height of each ridge at `x`, the farthest first; 0 is the top of the picture.
fn skyline(x: f32, seed: f32) -> [f32; RIDGES] {
    std::array::from_fn(|ridge| {
        let (near, phase) = (ridge as f32, seed * (ridge as f32 + 1.0) * 1.9);
        let hills: f32 = (1..6)
            .map(|octave| {
                let pitch = (1 << octave) as f32;
                (x * pitch * 2.2 + phase * pitch).sin() / pitch
            })
            .sum();
        0.46 + near * 0.13 + hills * (0.13 - near * 0.015)
    })
}

fn channels(colour: u32) -> [f32; 3] {
    let [_, red, green, blue] = colour.to_be_bytes();
    [red, green, blue].map(f32::from)
}

fn mix(from: [f32; 3], to: [f32; 3], share: f32) -> [f32; 3] {
    std::array::from_fn(|channel| from[channel] + (to[channel] - from[channel]) * share)
}

fn encode(picture: &RgbImage) -> anyhow::Result<Bytes> {
    let mut file = Vec::new();
    let encoded = JpegEncoder::new_with_quality(&mut file, QUALITY).encode_image(picture);
    encoded.context("the picture cannot be encoded")?;
    Ok(file.into())
}

/// Decodes a picture (JPEG or PNG), shrinks it and encodes it as JPEG.
pub(crate) fn thumbnail(file: &[u8]) -> anyhow::Result<Bytes> {
    let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format()?;
    if !matches!(reader.format(), Some(ImageFormat::Jpeg | ImageFormat::Png)) {
        bail!("this is neither a JPEG nor a PNG file");
    }
    let mut limits = image::Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE_MAX), Some(SIDE_MAX));
    limits.max_alloc = Some(MEMORY_MAX);
    reader.limits(limits);
    let picture = reader.decode()?;
    // A thumbnail is never larger than its picture.
    let small = match picture.width().max(picture.height()) {
        0..=THUMBNAIL => picture,
        _ => picture.thumbnail(THUMBNAIL, THUMBNAIL),
    };
    encode(&small.into_rgb8())
}

/// Returns a number that distinguishes files (FNV-1a). With this number, the load generator checks that
/// each thumbnail that it receives is the one made before the visits.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A photograph and the checksum of its thumbnail.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) file: Bytes,
    pub(crate) checksum: u64,
}

/// All pictures.
pub(crate) type Album = Arc<[Picture]>;

/// Paints picture number `number`, and makes its thumbnail once to learn the right checksum.
pub(crate) fn picture(number: usize, width: u32) -> anyhow::Result<Picture> {
    let file = photograph(number, width)?;
    let checksum = checksum(&thumbnail(&file)?);
    Ok(Picture { file, checksum })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(file: &[u8]) -> RgbImage {
        image::load_from_memory(file).unwrap().into_rgb8()
    }

    #[test]
    fn a_thumbnail_shows_what_the_photograph_shows() {
        for number in 0..PICTURES {
            let file = photograph(number, 600).unwrap();
            let (large, small) = (decoded(&file), decoded(&thumbnail(&file).unwrap()));
            assert_eq!(
                (large.dimensions(), small.dimensions()),
                ((600, 400), (320, 213))
            );
            // At five points, a pixel must be close to the mean of the pixels that it represents.
            for (x, y) in [(5, 5), (310, 5), (5, 205), (310, 205), (160, 30)] {
                let (left, top) = (x * 600 / 320, y * 400 / 213);
                for channel in 0..3 {
                    let around =
                        (0..9).map(|i| large.get_pixel(left + i % 3, top + i / 3)[channel]);
                    let mean = around.map(i32::from).sum::<i32>() / 9;
                    let got = i32::from(small.get_pixel(x, y)[channel]);
                    assert!(
                        (mean - got).abs() < 16,
                        "{number} at {x}, {y}: {mean}, {got}"
                    );
                }
            }
        }
    }

    #[test]
    fn pictures_differ_and_the_same_number_is_the_same_picture() {
        let sums: Vec<u64> = (0..PICTURES)
            .map(|n| picture(n, 90).unwrap().checksum)
            .collect();
        let mut unique = sums.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), PICTURES);
        assert_eq!(picture(2, 90).unwrap().checksum, sums[2]);
    }

    #[test]
    fn a_thumbnail_keeps_the_shape_and_is_never_larger() {
        for (size, small) in [
            ((900, 600), (320, 213)),
            ((600, 900), (213, 320)),
            ((20, 10), (20, 10)),
            ((1200, 1), (320, 1)),
        ] {
            let grey = RgbImage::from_pixel(size.0, size.1, Rgb([128; 3]));
            let file = thumbnail(&encode(&grey).unwrap()).unwrap();
            let picture = image::load_from_memory(&file).unwrap();
            assert_eq!((picture.width(), picture.height()), small);
        }
    }

    #[test]
    fn what_is_no_picture_or_a_bomb_is_refused() {
        for wrong in [&b""[..], b"hello", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"] {
            assert!(thumbnail(wrong).is_err(), "{wrong:?}");
        }
        // A small file whose header claims 60,000 x 60,000 pixels.
        let mut bomb = photograph(0, 90).unwrap().to_vec();
        let frame = bomb
            .windows(2)
            .position(|pair| pair == [0xff, 0xc0])
            .unwrap();
        bomb[frame + 5..frame + 9].copy_from_slice(&[0xea, 0x60, 0xea, 0x60]);
        let error = thumbnail(&bomb).unwrap_err();
        let error = error.downcast_ref::<image::ImageError>();
        assert!(
            matches!(error, Some(image::ImageError::Limits(_))),
            "{error:?}"
        );
    }
}
