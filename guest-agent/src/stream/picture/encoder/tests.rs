//! Both encoders against decoders, with pictures made here.

pub(in super::super) mod decoder;

use super::super::{canvas::Canvas, tiles::Area};
use super::*;
use decoder::{Decoded, Decoder};

const CODECS: [Codec; 2] = [Codec::H264, Codec::Vp8];

fn size() -> Size {
    Size::shown_of(318, 202).unwrap()
}

/// Something like text: dark strokes of a few pixels on white, and a patch of colour; shifted by `shift` pixels.
fn picture(shift: usize) -> Planes {
    let (width, height) = (usize::from(size().width()), usize::from(size().height()));
    let mut planes = Planes::new(size());
    let mut pixels = vec![255; width * (height + 1) * 4];
    for (at, pixel) in pixels.chunks_exact_mut(4).enumerate() {
        let (x, y) = (at % width, at / width + shift);
        if y % 14 < 9 && (x / 2 * 7 + y * 5 / 3) % 11 < 4 && x % 60 < 50 {
            pixel.copy_from_slice(&[30, 20, 10, 0]);
        } else if x > 200 && y % 50 < 20 {
            pixel.copy_from_slice(&[220, 90, 40, 0]);
        }
    }
    let all = Area { left: 0, top: 0, width: size().width(), height: size().height() };
    planes.convert(all, &pixels, width * 4).unwrap();
    planes
}

/// The planes without their gaps.
pub(in super::super) fn packed(planes: &Planes) -> Decoded {
    let (width, height) = (usize::from(planes.size().width()), usize::from(planes.size().height()));
    let [y, u, v] = planes.data();
    let rows = |plane: &[u8], stride: usize, width: usize, height: usize| -> Vec<u8> {
        plane.chunks(stride).take(height).flat_map(|row| row[..width].to_vec()).collect()
    };
    let stride = planes.stride();
    let half = |plane| rows(plane, stride / 2, width / 2, height / 2);
    Decoded { width, height, planes: [rows(y, stride, width, height), half(u), half(v)] }
}

/// Peak signal to noise over all three planes, in decibel; infinite when they are equal.
pub(in super::super) fn psnr(one: &Decoded, other: &Decoded) -> f64 {
    assert_eq!((one.width, one.height), (other.width, other.height));
    let pairs = one.planes.iter().flatten().zip(other.planes.iter().flatten());
    let (mut sum, mut count) = (0.0, 0.0);
    for (a, b) in pairs {
        sum += f64::from(a.abs_diff(*b)).powi(2);
        count += 1.0;
    }
    10.0 * (255.0_f64.powi(2) * count / sum).log10()
}

#[test]
fn a_coarse_picture_becomes_nearly_lossless_by_one_sharp_frame() {
    for codec in CODECS {
        let (mut encoder, mut decoder) = (open(codec, size()).unwrap(), Decoder::new(codec));
        let (planes, all) = (picture(0), Tiles::all(size()));
        let first = encoder.encode(&planes, &all, Kind::Key, Quantizer(36)).unwrap();
        assert_eq!(first.kind, Kind::Key);
        let before = psnr(&decoder.decode(&first.data), &packed(&planes));
        let second = encoder.encode(&planes, &all, Kind::Inter, Quantizer::SHARP).unwrap();
        assert_eq!(second.kind, Kind::Inter);
        let after = psnr(&decoder.decode(&second.data), &packed(&planes));
        println!(
            "{codec:?}: {before:.1} dB, {after:.1} dB, {} and {} bytes",
            first.data.len(),
            second.data.len()
        );
        assert!(before < 40.0 && after > 45.0, "{codec:?}: {before} then {after}");
    }
}

#[test]
fn the_finest_quantizer_in_motion_leaves_something_that_a_sharp_frame_repairs() {
    for codec in CODECS {
        let (mut encoder, mut decoder) = (open(codec, size()).unwrap(), Decoder::new(codec));
        let all = Tiles::all(size());
        let frames = [
            (picture(0), Kind::Key, Quantizer::COARSEST),
            (picture(3), Kind::Inter, Quantizer::FINEST_IN_MOTION),
            (picture(3), Kind::Inter, Quantizer::SHARP),
        ];
        let mut last = 0.0;
        for (planes, kind, quantizer) in frames {
            let frame = encoder.encode(&planes, &all, kind, quantizer).unwrap();
            last = psnr(&decoder.decode(&frame.data), &packed(&planes));
        }
        assert!(last > 45.0, "{codec:?}: {last}");
    }
}

#[test]
fn what_did_not_change_costs_next_to_nothing() {
    for codec in CODECS {
        let mut encoder = open(codec, size()).unwrap();
        let planes = picture(0);
        encoder.encode(&planes, &Tiles::all(size()), Kind::Key, Quantizer::SHARP).unwrap();
        let mut one = Tiles::none(size());
        one.insert(3, 3);
        let frame = encoder.encode(&planes, &one, Kind::Inter, Quantizer::SHARP).unwrap();
        assert!(frame.data.len() < 200, "{codec:?}: {} bytes", frame.data.len());
    }
}

#[test]
fn a_key_frame_needs_nothing_before_it() {
    for codec in CODECS {
        let mut encoder = open(codec, size()).unwrap();
        let all = Tiles::all(size());
        encoder.encode(&picture(0), &all, Kind::Key, Quantizer::SHARP).unwrap();
        encoder.encode(&picture(1), &all, Kind::Inter, Quantizer::SHARP).unwrap();
        let frame = encoder.encode(&picture(2), &all, Kind::Key, Quantizer::SHARP).unwrap();
        assert_eq!(frame.kind, Kind::Key);
        let seen = Decoder::new(codec).decode(&frame.data);
        assert!(psnr(&seen, &packed(&picture(2))) > 45.0, "{codec:?}");
    }
}

#[test]
fn h264_is_constrained_baseline_and_says_so_in_every_key_frame() {
    let mut encoder = open(Codec::H264, size()).unwrap();
    let frame = encoder.encode(&picture(0), &Tiles::all(size()), Kind::Key, Quantizer::SHARP).unwrap();
    // ITU-T H.264 annex B and 7.3.2.1.1: start code, NAL unit type 7, profile 66, constraint_set1_flag.
    let set = frame.data.windows(5).find(|bytes| bytes[..3] == [0, 0, 1] && bytes[3] & 31 == 7).unwrap();
    let at = set.as_ptr() as usize - frame.data.as_ptr() as usize;
    assert_eq!(frame.data[at + 4], 66);
    assert_eq!(frame.data[at + 5] & 0x40, 0x40, "constraints {:#x}", frame.data[at + 5]);
}

#[test]
fn a_canvas_notices_only_what_differs() {
    let size = size();
    let mut canvas = Canvas::new(size);
    let mut changed = Tiles::none(size);
    let area = Area { left: 16, top: 32, width: 64, height: 16 };
    let mut read = vec![0; 64 * 16 * 4];
    canvas.update(area, &read, &mut changed);
    assert!(changed.is_empty());
    read[(5 * 64 + 40) * 4] = 1;
    canvas.update(area, &read, &mut changed);
    assert_eq!(changed.areas(), [Area { left: 48, top: 32, width: 16, height: 16 }]);
    changed.clear();
    canvas.update(area, &read, &mut changed);
    assert!(changed.is_empty());
}
